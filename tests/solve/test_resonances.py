"""Narrow resonances: found where they are, integrated as Breit and Wigner say, or owned up to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import integrate, special

from modelkit.compile.open_system import open_system
from modelkit.solve.energies import resonances
from modelkit.solve.energies.resonances import Resonances, narrow_resonances
from modelkit.solve.energies.thermal_rule import first_panels
from tests.solve.devices import Lead, chain, coupled, device, solve

T, BIAS = 0.1, 0.01


def wide(gamma: float) -> dict[str, Any]:
    return {"kind": "wide_band", "arguments": {"Gamma": np.array(gamma)}}


def breit_wigner(level: float, gamma: float) -> float:
    """Thermal average of ``gamma^2/((E - level)^2 + gamma^2)``, times bias/2 pi; E = level + gamma tan a."""

    def weight(a: float) -> float:
        z = (level + gamma * math.tan(a)) / T
        return float(gamma / T * special.expit(z) * special.expit(-z))

    found = integrate.quad(weight, -math.pi / 2, math.pi / 2, epsabs=0, epsrel=1e-12, limit=500)[0]
    return BIAS * found / (2 * math.pi)


@pytest.mark.parametrize("method", ["ladder", "blocks", "sparse"])
@pytest.mark.parametrize("gamma", [1e-4, 1e-7, 1e-9, 1e-10])
@pytest.mark.parametrize("level", [0.7371, 0.137, 0.0])
def test_a_level_conducts_as_breit_and_wigner_say(method: str, gamma: float, level: float) -> None:
    leads = [Lead("L", [0], BIAS / 2, T, **wide(gamma)), Lead("R", [0], -BIAS / 2, T, **wide(gamma))]
    found = solve(device(np.array([[level]]), leads, 0.0, T), method)
    # the level itself is a double: gamma = 1e-10 is resolved to 1e-6 at 0.7
    assert found.current[0] == pytest.approx(breit_wigner(level, gamma), rel=1e-7 if gamma > 1e-9 else 1e-5)
    assert found.counts["energies"] < 2500
    assert "integration" not in found.attributes


def test_narrow_levels_beside_an_open_channel_are_found() -> None:
    """Two wires side by side: what each conducts alone; the broad one is a million times the other."""
    h = np.diag([0.3, 0.0371])
    both = [
        Lead("L", [0], BIAS / 2, T, **wide(1.0)), Lead("R", [0], -BIAS / 2, T, **wide(1.0)),
        Lead("l", [1], BIAS / 2, T, **wide(3e-8)), Lead("r", [1], -BIAS / 2, T, **wide(3e-8)),
    ]  # fmt: skip
    found = solve(device(h, both, 0.0, T))
    assert found.current[2] == pytest.approx(breit_wigner(0.0371, 3e-8), rel=1e-7)
    assert found.current[0] == pytest.approx(solve(device([[0.3]], both[:2], 0.0, T)).current[0], rel=1e-9)


def test_a_resonance_is_followed_where_the_self_energy_depends_on_the_energy() -> None:
    """Four sites behind weak links to chains: the poles of G by a search in the complex plane."""
    h = chain(6).toarray()
    h[0, 1] = h[1, 0] = h[4, 5] = h[5, 4] = -1e-3
    leads = [Lead("L", [0], 0.0, T, arguments=coupled(0.9)), Lead("R", [5], 0.0, T, arguments=coupled(0.7))]
    found = narrow_resonances(open_system(device(h, leads, 0.0, T)), 0.0, T)

    def determinant(z: complex) -> complex:
        root = 1j * np.sqrt(4 - z * z)
        sigma = np.diag([0.81, 0, 0, 0, 0, 0.49]) * (z - root) / 2
        return complex(np.linalg.det(z * np.eye(6) - h - sigma))

    expected = []
    for guess in 2 * np.cos(np.pi * np.arange(1, 5) / 5):
        z, before = complex(guess), complex(guess) + 1e-4
        for _ in range(30):  # the secant method
            if z == before:
                break
            f, g = determinant(z), determinant(before)
            if f == g:
                break
            z, before = z - f * (z - before) / (f - g), z
        expected.append(z)
    expected.sort(key=lambda z: z.real)
    order = np.argsort(found.centre)
    assert len(found.centre) == 4
    assert found.centre[order] == pytest.approx([z.real for z in expected], abs=1e-12)
    assert found.width[order] == pytest.approx([-z.imag for z in expected], rel=1e-4)


def test_what_no_terminal_reaches_is_no_resonance() -> None:
    h = np.diag([0.1, 0.2])
    found = narrow_resonances(open_system(device(h, [Lead("L", [0], 0.0, T, **wide(1e-6))], 0.0, T)), 0.0, T)
    assert found.centre == pytest.approx([0.1])
    assert found.width == pytest.approx([5e-7])


def test_panels_are_graded_down_to_the_width_and_bounded_in_number() -> None:
    one = Resonances(np.array([0.03]), np.array([1e-9]))
    panels, left_out = first_panels(0.0, T, np.zeros(0), 0.0, one)
    assert left_out == 0
    ends = np.unique(np.concatenate([panels.lower, panels.upper]))
    assert np.abs(ends - 0.03 - 4e-9).min() < 1e-15
    assert np.any(ends == 0.03)
    assert len(panels.lower) < 40
    many = Resonances(np.linspace(-1, 1, 1001), np.full(1001, 1e-8))
    panels, left_out = first_panels(0.0, T, np.zeros(0), 0.0, many)
    assert left_out > 0
    assert len(panels.lower) < 2000


def test_lattices_that_are_too_large_say_what_the_estimate_cannot_see(monkeypatch: Any) -> None:
    monkeypatch.setattr(resonances, "MOST_ORBITALS", 3)
    leads = [Lead("L", [0], BIAS / 2, T), Lead("R", [3], -BIAS / 2, T)]
    found = solve(device(chain(4), leads, 0.0, T))
    assert "resonances much narrower than 0.1" in found.attributes["integration"]
    assert "4 orbitals" in found.attributes["integration"]
    everywhere = [*leads, Lead("V", [1, 2], T=T, current=0.0)]
    assert "integration" not in solve(device(chain(4), everywhere, 0.0, T)).attributes, "all are broadened"
