"""The lattices of the gallery: against Kwant, and against what is known of each.

``tests/expected/kwant.json`` was written by ``benchmarks/kwant_reference.py``: the same lattices, written
down a second time, and solved by Kwant (modes of the leads at real energies).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelkit as mk

ROOT = Path(__file__).parents[2]
KWANT = json.loads((ROOT / "tests/expected/kwant.json").read_text(encoding="utf-8"))
CASES = {case["id"]: case for case in KWANT["cases"]}
TERMINALS = {"hall_bar": ["S", "D", "V1", "V2", "V3", "V4"]}
LARGE = {"strip-large", "contact-large", "hall-plateaux"}
TOLERANCE = 1e-9


@cache
def model(name: str) -> mk.Model:
    return mk.load(ROOT / f"models/lattices/{name}.model")


def agrees(found: Any, expected: Any) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.all(np.abs(found - expected) <= TOLERANCE * np.maximum(1, np.abs(expected)))


def few(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name


@pytest.mark.parametrize("name", [few(name) for name in CASES])
def test_transmissions_between_all_terminals_are_those_of_kwant(name: str) -> None:
    case = CASES[name]
    found = model(case["model"]).run("spectrum", **case["set"], E=case["E"]).transmission
    labels = TERMINALS.get(case["model"], ["L", "R"])
    found = found.sel(terminal=labels, terminal_from=labels)
    found = found.transpose("energy", "terminal", "terminal_from").values.copy()
    found[:, range(len(labels)), range(len(labels))] = 0
    agrees(found, case["transmission"])


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name]["set"].get("W")])
def test_disorder_is_the_one_that_kwant_was_given(name: str) -> None:
    given = CASES[name]["set"]
    onsite = [np.zeros(0), np.zeros(0)]
    for k, W in enumerate((0, given["W"])):
        entries = model("strip").device(**(given | {"W": W})).onsite
        diagonal = np.zeros(2 * given["Lx"] * given["Ly"])
        np.add.at(diagonal, entries.row, np.where(entries.row == entries.column, entries.value.real, 0))
        onsite[k] = diagonal
    change = (onsite[1] - onsite[0]).reshape(-1, 2)
    assert change == pytest.approx(np.column_stack([KWANT["disorder"][name]] * 2), abs=1e-15)
    assert np.ptp(change) > 0.9 * given["W"]


@pytest.mark.parametrize("name", ["strip", "strip-dirty", "contact", "contact-open"])
def test_conductance_at_zero_temperature_is_the_transmission_of_kwant(name: str) -> None:
    case = CASES[name]
    given = {key: value for key, value in case["set"].items() if key not in {"gate", "W"}}
    swept = {key: [value] for key, value in case["set"].items() if key in {"gate", "W"}}
    energies = [energy for energy in case["E"] if energy > 0.05]
    found = model(case["model"]).run("steps", **given, **swept, mu0=energies).G
    expected = [matrix[1][0] for energy, matrix in zip(case["E"], case["transmission"], strict=True)]
    agrees(found.transpose("mu0", ...).values[:, 0], expected[-len(energies) :])


@pytest.mark.slow
def test_hall_and_longitudinal_resistance_are_those_of_kwant_and_quantised() -> None:
    case = CASES["hall-plateaux"]
    found = model("hall_bar").run("hall", **case["set"], mu0=case["E"])
    agrees(found.R_xy.values, case["R_xy"])
    agrees(found.R_xx.values, case["R_xx"])
    assert found.R_xy.values == pytest.approx([1, 1, 1 / 3, 1 / 5], abs=2e-4)
    assert found.R_xy.values[:2] == pytest.approx([1, 1], abs=1e-9)


@pytest.mark.slow
def test_plateaux_of_a_wider_bar_are_quantised_to_a_millionth() -> None:
    found = model("hall_bar").run("hall", flux=0.06, Lx=44, Ly=14, width=17, mu0=[0.4, 0.7, 0.85])
    assert found.R_xy.values == pytest.approx([1, 1, 1 / 3], abs=1e-6)
    assert found.R_xx.values == pytest.approx([0, 0, 0], abs=1e-5)


def test_strip_without_spin_orbit_coupling_conducts_its_open_modes() -> None:
    """Modes of hard walls: ``E = 2 - s B - cos(pi n/(Ly + 1)) - cos k`` for either spin s."""
    levels = 2 - np.cos(np.pi * np.arange(1, 8) / 8)
    energies = np.linspace(-0.13, 1.9, 30)
    found = model("strip").run("spectrum", Lx=9, Ly=7, lam=0, B_y=0.3, E=energies.tolist()).T_RL.values
    above = energies[:, None, None] - levels[:, None] + np.array([0.3, -0.3])
    assert found == pytest.approx(np.count_nonzero(np.abs(above) < 1, axis=(1, 2)), abs=1e-9)


def test_point_contact_conducts_in_whole_channels() -> None:
    found = model("point_contact").run("steps", gate=[0.65, 0.4, 0.2, 0.0, -0.2, -0.35])
    assert found.G.values == pytest.approx([0, 1, 2, 3, 4, 5], abs=5e-3)


def ring(flux: float, gamma: float, E: float, N: int = 12, contact: float = 0.7) -> np.ndarray:
    """T[to, from] of L, R, P by a dense matrix; the sites are numbered from 1."""
    H = np.zeros((N, N), dtype=complex)
    for j in range(N):
        H[(j + 1) % N, j] = -np.exp(2j * np.pi * flux / N)
    places = [N // 2 - 1, N - 1, N // 4 - 1]
    chain = contact**2 * (E - 1j * np.sqrt(4 - E**2)) / 2
    sigma = [chain, chain, -0.5j * gamma]
    Z = E * np.eye(N) - H - H.conj().T
    Z[places, places] -= sigma
    width = -2 * np.imag(sigma)
    G = np.linalg.inv(Z)[np.ix_(places, places)]
    return width[:, None] * np.abs(G) ** 2 * width


def test_dephasing_fades_the_oscillation_of_the_ring() -> None:
    fluxes, gammas = [-0.3, 0.0, 0.2, 0.35, 0.5, 1.0], [0, 0.2, 2]
    found = model("ring_probe").run("oscillation", flux=fluxes, gamma=gammas).G
    for flux in fluxes:
        for gamma in gammas:
            T = ring(flux, gamma, 0.4)
            by_probe = T[1, 2] * T[2, 0] / (T[2, 0] + T[2, 1]) if gamma else 0
            value = float(found.sel(flux=flux, gamma=gamma))
            assert value == pytest.approx(T[1, 0] + by_probe, abs=1e-12)
    contrast = np.ptp(found.transpose("gamma", "flux").values, axis=1)
    assert np.all(np.diff(contrast) < 0)
    assert float(found.sel(flux=0.5, gamma=0)) == pytest.approx(0, abs=1e-14)
    assert found.sel(flux=0).values == pytest.approx(found.sel(flux=1).values, abs=1e-12)


def fermi(E: np.ndarray, mu: float, T: float) -> np.ndarray:
    return 0.5 * (1 - np.tanh((E - mu) / (2 * T)))


@pytest.mark.parametrize("load", [10, 100, 500])
def test_heat_engine_works_below_the_efficiency_of_carnot(load: float) -> None:
    found = model("heat_engine").run("harvest", load=[load], gamma=[0.1]).squeeze()
    mu = {name: float(found.chemical_potential.sel(terminal=name)) for name in "GHM"}
    E = np.linspace(-30, 30, 600_001)
    left, right = (0.01 / ((E - level) ** 2 + 0.01) for level in (-1, 1))
    f = {"G": fermi(E, mu["G"], 0.5), "H": fermi(E, mu["H"], 1), "M": fermi(E, mu["M"], 0.5)}
    to_load = np.trapezoid(right * (f["H"] - f["M"]), E) / (2 * np.pi)
    from_ground = np.trapezoid(left * (f["G"] - f["H"]), E) / (2 * np.pi)
    heat = np.trapezoid((E - mu["H"]) * (left * (f["H"] - f["G"]) + right * (f["H"] - f["M"])), E)
    assert to_load == pytest.approx(mu["M"] / load, abs=1e-9)
    assert from_ground == pytest.approx(to_load, abs=1e-9)
    assert float(found.current.sel(terminal="M")) == pytest.approx(-to_load, abs=1e-9)
    assert float(found.heat_current.sel(terminal="H")) == pytest.approx(heat / (2 * np.pi), abs=1e-9)
    power = mu["M"] ** 2 / load
    assert float(found.power) == pytest.approx(power, rel=1e-9)
    assert float(found.efficiency) == pytest.approx(power / (heat / (2 * np.pi)), rel=1e-6)
    assert 0 < float(found.efficiency) < 1 - 0.5 / 1
