"""The gallery: short, formatted, referenced, and it runs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import modelkit as mk
from modelkit.elements.nouns import nouns
from modelkit.language.parser import parse
from modelkit.language.printer import to_text

ROOT = Path(__file__).parents[1]
FILES = [
    path
    for path in sorted((ROOT / "models").rglob("*.model"))
    if "potential" in nouns or path.stem not in ("golden_9", "golden_10")
]
GAIN_LOSS = {"wire": 30, "dimer": 12, "spaced": 60, "sdds": 10, "sddsdssd": 10, "ssh": 30, "long_range": 30}
DEFAULTS = {"gamma": 0.5, "contact": 1, "mu0": 1, "bias": 0.1, "direction": 1, "ratio": 0.3, "kT": 0}
ALTERNATING = (range(2, 29, 2), range(3, 30, 2))
PLACES = {  # sources, drains
    "wire": ALTERNATING,
    "dimer": ([2], [11]),
    "spaced": (range(2, 57, 6), range(5, 60, 6)),
    "sdds": ([2, 5, 6, 9], [3, 4, 7, 8]),
    "sddsdssd": ([2, 5, 7, 8], [3, 4, 6, 9]),
    "ssh": ALTERNATING,
    "long_range": ALTERNATING,
}


def gain_loss(name: str) -> mk.Model:
    return mk.load(ROOT / f"models/gain_loss/{name}.model")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_gallery_file_is_short_formatted_and_starts_with_its_reference(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 40
    assert text.startswith("# ")
    assert re.search(r"arXiv:|\(\d{4}\)", "".join(text.splitlines()[:2]))
    assert to_text(parse(text, path.name)) == text
    assert mk.load(path).name == path.stem


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_task_of_a_gallery_file_has_a_plot(path: Path) -> None:
    declared = mk.load(path).declarations
    runs = {name: {dim for one in task.outputs for dim in one.dims} for name, task in declared.tasks.items()}
    numbers = {name for name, dims in runs.items() if dims == {"case"} and not declared.tasks[name].sweeps}
    drawn = {plot.task for plot in declared.plots}
    assert drawn | numbers == set(declared.tasks)
    assert not drawn & numbers, "a single number has no figure"


@pytest.mark.parametrize("name", GAIN_LOSS)
def test_names_defaults_and_tasks_are_the_contract(name: str) -> None:
    model = gain_loss(name)
    defaults = {key: parameter.default for key, parameter in model.parameters.items()}
    extra = {"ssh": {"delta": 0.2}, "long_range": {"beta": 2}}.get(name, {})
    assert {key: float(value) for key, value in defaults.items()} == {"N": GAIN_LOSS[name]} | DEFAULTS | extra
    further = ("third", "full") if name == "wire" else ()
    assert model.tasks == ("profile", *further, "length")


@pytest.mark.parametrize("name", GAIN_LOSS)
def test_sources_and_drains_sit_where_the_table_says(name: str) -> None:
    found = gain_loss(name).run("profile")
    place = dict(zip(found.terminal.values.tolist(), found.terminal_site.values.tolist(), strict=True))
    for family, sites in zip("SD", PLACES[name], strict=True):
        here = {site for label, site in place.items() if label.partition("[")[0] == family}
        assert here == {f"c[{site}]" for site in sites}
    assert (place["L"], place["R"]) == ("c[1]", f"c[{GAIN_LOSS[name]}]")
    injected = 0.3 * 0.1 / (2 * np.pi)
    for label, site in place.items():
        if label[0] in "SD":
            sign = 1 if label[0] == "S" else -1
            assert found.current.sel(terminal=label).values == pytest.approx(sign * injected, abs=1e-12), site


@pytest.mark.parametrize("name", GAIN_LOSS)
def test_the_length_of_every_pattern_can_be_swept(name: str) -> None:
    found = gain_loss(name).run("length", N=[4, 12, 16], gamma=[0.3, 0.5])
    assert found.dI.dims == ("N", "gamma")
    assert "failed" not in found or not any(found.failed.values.ravel())
    assert np.all(np.isfinite(found.dI.values))


@pytest.mark.parametrize(("name", "length"), [("kitaev", 20), ("kitaev_sdds", 22)])
def test_the_superconducting_wires_are_the_contract(name: str, length: int) -> None:
    model = gain_loss(name)
    defaults = {key: float(parameter.default) for key, parameter in model.parameters.items()}
    own = {"N": length, "gamma": 0.3, "mu0": 0, "ratio": 0.05, "t": 1, "mu_w": 0.4, "Delta": 0.3}
    assert defaults == DEFAULTS | own
    assert model.tasks == ("profile",)
    found = model.run("profile")
    assert list(found.data_vars)[:3] == ["current", "chemical_potential", "dI"]
    assert found.terminal.values[-1] == "condensate"
    axes = model.figure("profile", found).axes[0]
    assert axes.get_xlabel().endswith("(without the condensate)")
    assert sorted(set(axes.get_lines()[0].get_xdata())) == list(range(1, length + 1))


OPEN_CHAIN = {
    "nonreciprocal": (
        {"J": 1, "beta": 2, "eps": 0.05, "g_neq": 0.5, "delta": 1 + 1j, "deltap": 1 + 0.5j, "filling": 0.5},
        ("ness", "curve", "relax", "exact"),
    ),
    "rashba": (
        {"J": 1, "h": 1, "alpha_y": 1.1, "alpha_z": 0.9, "beta": 2, "eps": 0.05, "g_neq": 0.9}
        | {"share_up": 1, "share_down": 0, "filling": 0.5},
        ("ness", "curve", "bands", "exact"),
    ),
}


@pytest.mark.parametrize("name", OPEN_CHAIN)
def test_the_open_chains_are_the_contract(name: str) -> None:
    model = mk.load(ROOT / f"models/open_chain/{name}.model")
    defaults = {key: complex(one.default) for key, one in model.parameters.items() if key != "cells"}
    expected, tasks = OPEN_CHAIN[name]
    assert defaults == expected
    assert model.parameters["cells"].default == sp.oo
    assert model.tasks == tasks
    ness = model.run("ness")
    assert ness.attrs["method"] == "gge"
    assert ness.sizes["momentum"] == 201
    assert (ness.momentum[0], ness.momentum[-1]) == pytest.approx((-np.pi, np.pi))


def test_every_plot_of_the_gallery_is_drawn() -> None:
    for name in GAIN_LOSS:
        model = gain_loss(name)
        axes = model.figure("profile", model.run("profile")).axes[0]
        assert len(axes.get_lines()) >= 2
        assert np.array_equal(np.unique(axes.get_lines()[0].get_xdata()), axes.get_lines()[0].get_xdata())
