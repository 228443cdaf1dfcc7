"""Averages over energies between wide leads: what they cost, and that the cost buys the right number."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import modelkit as mk
from modelkit.compile import bulks
from modelkit.solve import request

STRIP = mk.load(Path(__file__).parents[2] / "models" / "lattices" / "strip.model")
T, MU = 0.01, 0.5
SIZE = {"Lx": 30, "Ly": 6, "kT": T, "V": 1e-3, "W": 0.0}


@pytest.fixture
def no_leads() -> None:
    """As if nothing had been asked yet."""
    bulks._bulks.clear()


@pytest.mark.usefixtures("no_leads")
def test_a_warm_clean_strip_takes_a_few_panels_between_band_edges() -> None:
    found = STRIP.run("steps", SIZE, mu0=MU)
    (bulk,) = bulks._bulks.values()
    edges = bulk.edges
    open_modes = bulk.surface((edges[1:] + edges[:-1]) / 2).open
    filled = 1 / (1 + np.exp(np.clip((edges - MU) / T, -700, 700)))
    # T(E) is the number of open modes, an integer between the edges
    assert float(found["G"]) == pytest.approx(open_modes @ -np.diff(filled), rel=1e-9)
    inside = np.count_nonzero(np.abs(edges - MU) < 40 * T)
    assert json.loads(found.attrs["counts"])["energies"] <= 21 * 2 * (7 + inside)


@pytest.mark.usefixtures("no_leads")
def test_surface_functions_are_solved_once_for_each_energy() -> None:
    found = STRIP.run("steps", SIZE, mu0=MU)
    (bulk,) = bulks._bulks.values()
    factorised = json.loads(found.attrs["counts"])["factorisations"]
    assert bulk.solved <= factorised + 1  # and at mu
    STRIP.run("steps", SIZE, mu0=MU, V=2e-3, Lx=31)  # another voltage, another length: the same energies
    assert bulk.solved <= factorised + 1


@pytest.mark.usefixtures("no_leads")
def test_what_passes_takes_little_room_and_is_factorised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = STRIP.run("steps", SIZE, mu0=MU, W=0.3)
    monkeypatch.setattr(request, "KEPT", 2**24)  # the estimate of local quantities is more than that
    found = STRIP.run("steps", SIZE, mu0=MU, W=0.3)
    for dataset in (whole, found):
        counts = json.loads(dataset.attrs["counts"])
        assert counts["factorisations"] <= 1.5 * counts["energies"]
    monkeypatch.setattr(request, "KEPT", 2**18)  # then nothing has room, and the numbers are the same
    again = STRIP.run("steps", SIZE, mu0=MU, W=0.3)
    assert float(again["G"]) == pytest.approx(float(whole["G"]), rel=1e-12)
    counts = json.loads(again.attrs["counts"])
    assert counts["factorisations"] > 1.5 * counts["energies"]
