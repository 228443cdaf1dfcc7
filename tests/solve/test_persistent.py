"""Bond currents around loops with flux: counted from the reference, whatever the order of the text."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy import integrate

from tests.solve.devices import Lead, chain, device, solve

N, PHI, MU = 8, 0.3, 0.35
BONDS = sorted([*itertools.pairwise(range(N)), (0, N - 1)])  # as a device by hand numbers them


def ring(phi: float = PHI) -> np.ndarray:
    h = np.zeros((N, N), dtype=complex)
    for site in range(N):
        h[(site + 1) % N, site] = -np.exp(2j * np.pi * phi / N)
    h = h + h.conj().T
    h[1, 1] = 0.4
    return h


def wide(gamma: float) -> dict[str, Any]:
    return {"kind": "wide_band", "arguments": {"Gamma": np.array(gamma)}}


def leads(left: float, right: float, T: float = 0.0) -> list[Lead]:
    return [
        Lead("L", [0], MU + left, T, **wide(1.0)),
        Lead("R", [4], MU + right, T, **wide(1.0)),
        Lead("P", [2], T=T, current=0.0, **wide(0.5)),
    ]


def persistent(E: float) -> np.ndarray:
    """Spectral current of each bond for equal occupations, from the spectral function alone."""
    h = ring()
    sigma = np.zeros(N)
    sigma[[0, 4, 2]] = 1.0, 1.0, 0.5
    green = np.linalg.inv(E * np.eye(N) - h + 0.5j * np.diag(sigma))
    spectral = 1j * (green - green.conj().T)
    return np.array([2 * (h[b, a] * spectral[a, b]).imag for a, b in BONDS]) / (2 * np.pi)


@pytest.mark.parametrize("method", ["blocks", "sparse", "dense"])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_of_declaration_changes_no_bond_current(method: str, order: tuple[int, ...]) -> None:
    given = leads(0.005, -0.005)
    found = solve(device(ring(), [given[k] for k in order], MU), method)
    assert found.bond_current[0] == pytest.approx(1.449e-4, rel=1e-3)
    plain = solve(device(ring(), given, MU), method)
    assert found.bond_current == pytest.approx(plain.bond_current, abs=1e-15)


@pytest.mark.parametrize("method", ["blocks", "sparse", "dense"])
@pytest.mark.parametrize("T", [0.0, 0.05])
def test_equal_potentials_off_the_reference_drive_the_persistent_current(method: str, T: float) -> None:
    """``delta dJ/dmu``, by the spectral function and a quadrature of scipy, and nothing in the terminals."""
    delta = 0.01
    expected = persistent(MU)
    if T > 0:
        expected = integrate.quad_vec(
            lambda E: persistent(E) / (4 * T * math.cosh((E - MU) / (2 * T)) ** 2),
            MU - 40 * T,
            MU + 40 * T,
            epsabs=1e-13,
            points=[MU],
        )[0]
    found = solve(device(ring(), leads(delta, delta, T), MU, T), method)
    assert found.current == pytest.approx(np.zeros(3), abs=1e-17)
    assert np.abs(expected).max() > 0.1
    assert found.bond_current == pytest.approx(delta * expected, abs=1e-12)
    assert max((found.audits | found.bond_audits).values()) < 1e-9


@pytest.mark.parametrize("T", [0.0, 0.05])
def test_bond_currents_are_those_of_the_difference_and_of_the_shift_together(T: float) -> None:
    both = solve(device(ring(), leads(0.015, 0.005, T), MU, T)).bond_current
    apart = [
        solve(device(ring(), leads(*pair, T), MU, T)).bond_current for pair in [(0.005, -0.005), (0.01, 0.01)]
    ]
    assert both == pytest.approx(sum(apart), abs=1e-12)


def test_a_narrow_level_on_a_ring_carries_its_persistent_current() -> None:
    """No current of a terminal asks for the energies that the persistent current needs."""
    T, gamma = 0.1, 1e-6
    given = [Lead(name, [site], MU + 0.01, T, **wide(gamma)) for name, site in (("L", 0), ("R", 4))]
    found = solve(device(ring(), given, MU, T))
    level, state = np.linalg.eigh(ring())
    weight = 1 / (4 * T * np.cosh((level - MU) / (2 * T)) ** 2)
    exact = [0.01 * (weight * 2 * (ring()[b, a] * state[a] * state[b].conj()).imag).sum() for a, b in BONDS]
    assert found.bond_current == pytest.approx(np.array(exact), rel=1e-5)


@pytest.mark.parametrize("method", ["ladder", "blocks", "sparse"])
@pytest.mark.parametrize("T", [0.0, 0.05])
def test_trees_carry_exactly_nothing_between_equal_potentials(method: str, T: float) -> None:
    given = [Lead("L", [0], 0.1, T), Lead("R", [4], 0.1, T), Lead("P", [2], T=T, current=0.0)]
    found = solve(device(chain(5), given, 0.0, T), method)
    assert np.array_equal(found.bond_current, np.zeros(4))


def test_an_island_that_nothing_reaches_stays_at_the_reference() -> None:
    """A ring with a dephasing probe only, beside a wire that is far from the reference."""
    h = np.zeros((N + 2, N + 2), dtype=complex)
    h[:N, :N] = ring()
    h[N, N + 1] = h[N + 1, N] = -1
    given = [
        Lead("L", [N], MU + 0.1, **wide(1.0)),
        Lead("R", [N + 1], MU + 0.09, **wide(1.0)),
        Lead("D", [0], elastic=True, **wide(1.0)),
    ]
    found = solve(device(h, given, MU), "sparse")
    assert found.bond_current[-1] == pytest.approx(found.current[0], rel=1e-12)
    assert np.array_equal(found.bond_current[:-1], np.zeros(N))
