"""The thirteen golden devices through their files, against independent numbers and a plain integral."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import fsolve
from scipy.special import expit

import modelkit as mk

ROOT = Path(__file__).parents[2]
CASES = json.loads((ROOT / "tests/expected/golden.json").read_text())["cases"]


def number(case: dict[str, Any]) -> int:
    return int(case["id"].split("-")[1])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_golden_device_carries_what_it_must(case: dict[str, Any]) -> None:
    found = mk.load(ROOT / f"models/diodes/golden_{number(case)}.model").run("iv")
    current = 2 * np.pi * found.current.sel(terminal="L").values
    assert current == pytest.approx(case["value"], abs=case["tolerance"])
    if case["verdict"].startswith("forbidden"):
        assert abs(current.sum()) < 1e-12
    assert ("rectifies falsely" in found.attrs.get("warnings", "")) == (number(case) == 2)
    assert found.attrs["bands"] == (case["bands"] or "rigid")
    assert ("one-sided" in found.attrs["bias_reference"]) == (case["bias"] != "+-V/2")


@pytest.mark.parametrize(
    ("line", "warned"),
    [
        ("task go = transport { output current }", False),
        ("task go = transport { sweep V in {0.5, 1}; output current }", False),
        ("task go = transport { sweep V in {-1, 0.5}; output current }", True),
        ("case hot { L.T = 0.2 }\ntask go = transport { cases forward, hot; output current }", False),
        ("case cold { V = -1/2 }\ntask go = transport { cases forward, cold; output current }", True),
    ],
)
def test_false_rectification_is_told_where_directions_are_compared(line: str, warned: bool) -> None:
    text = (ROOT / "models/diodes/golden_2.model").read_text(encoding="utf-8")
    found = mk.loads(f"{text}\n{line}\n").run("go")
    assert ("rectifies falsely" in found.attrs.get("warnings", "")) == warned
    assert not {"one_sided", "direction"} & set(found.attrs)


def plain(levels: list[float], gamma: list[float], *, ring: bool) -> Any:
    """T_ab(E) of the three sites written down directly, probe on the middle one."""
    h = np.diag(np.array(levels, dtype=complex))
    h[0, 1] = h[1, 0] = h[1, 2] = h[2, 1] = -1
    if ring:
        h[0, 2], h[2, 0] = -0.7 * np.exp(0.9j), -0.7 * np.exp(-0.9j)

    def transmission(energy: float) -> Any:
        green = np.linalg.inv(energy * np.eye(3) - h + 0.5j * np.diag(gamma))
        return np.outer(gamma, gamma) * np.abs(green) ** 2

    return transmission


@pytest.mark.parametrize(("which", "thermal"), [(6, False), (7, True)])
def test_probes_by_a_plain_integral_and_a_plain_root(which: int, *, thermal: bool) -> None:
    """The second road: scipy's quad and fsolve."""
    transmission = plain([0.8, -0.3, 0.2], [0.3, 0.6, 1.2], ring=True)

    def flows(mu: Any, T: Any) -> Any:
        def spectral(energy: float) -> Any:
            f = expit(-(energy - np.array(mu)) / np.array(T))
            return (transmission(energy) * (f[:, None] - f[None, :])).sum(axis=1)

        grid = np.linspace(-5, 5, 1201)
        flow = np.array([spectral(energy) for energy in grid])
        weights = np.full(len(grid), grid[1] - grid[0])  # smooth and periodic by decay: trapezes converge
        return weights @ flow, (weights * grid) @ flow

    def conditions(unknown: Any) -> Any:
        mu, T = unknown[0], unknown[1] if thermal else 0.1
        number_, energy = flows([0.5, mu, -0.5], [0.1, T, 0.1])
        return [number_[1], energy[1]] if thermal else [number_[1]]

    root = fsolve(conditions, [0.0, 0.2] if thermal else [0.0], xtol=1e-13)
    found = mk.load(ROOT / f"models/diodes/golden_{which}.model").run("iv").sel(case="forward")
    exact = flows([0.5, root[0], -0.5], [0.1, root[1] if thermal else 0.1, 0.1])[0][0]
    assert 2 * np.pi * float(found.current.sel(terminal="L")) == pytest.approx(exact, abs=1e-9)


def test_adaptive_quadrature_gives_the_current_of_chain_leads() -> None:
    """Golden device 12 backward: bands follow, so that edges lie inside the window."""
    h = np.diag([0.8, -0.3, 0.2]).astype(complex)
    h[0, 1] = h[1, 0] = h[1, 2] = h[2, 1] = -1

    def lead(energy: float, coupling: float) -> complex:
        return coupling**2 / 2 * (energy - 1j * np.sqrt(max(0.0, 4 - energy**2)))

    def spectral(energy: float) -> float:
        left, right = lead(energy + 0.5, 0.5), lead(energy - 0.5, 0.9)
        green = np.linalg.inv(energy * np.eye(3) - h - np.diag([left, 0, right]))
        f = expit(-(energy + 0.5) / 0.1) - expit(-(energy - 0.5) / 0.1)
        return float(4 * left.imag * right.imag * abs(green[0, 2]) ** 2 * f)

    exact = quad(spectral, -1.5, 1.5, points=[-0.5, 0.5], epsabs=1e-12, limit=400)[0]
    found = mk.load(ROOT / "models/diodes/golden_12.model").run("iv").sel(case="backward")
    assert 2 * np.pi * float(found.current.sel(terminal="L")) == pytest.approx(exact, abs=1e-9)
