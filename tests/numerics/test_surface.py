"""Surface Green functions: closed forms, the equation they solve, decimation, band edges, derivatives."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelkit.numerics import surface as module
from modelkit.numerics.stein import stein
from modelkit.numerics.surface import HalfSpaces, Surface, surface

Complexes = NDArray[np.complex128]

ONE = np.eye(1, dtype=complex)


def by_modes(energies: Any, onsite: Complexes, hop: Complexes) -> Surface:
    """Without the closed form for chains that do not mix."""
    return module._general(np.asarray(energies, dtype=complex), onsite, *module._factors(hop))


def chain(energies: Any) -> Complexes:
    """``(E - sqrt(E^2 - 4))/2`` as it decays, without cancellation."""
    x = np.asarray(energies, dtype=float)
    root = np.where(np.abs(x) < 2, 1j * np.sqrt(np.abs(4 - x**2)), np.sign(x) * np.sqrt(np.abs(x**2 - 4)))
    return np.asarray(2 / (x + root))


def strip(
    width: int, field: float = 0.0, rashba: float = 0.0, zeeman: float = 0.0
) -> tuple[Complexes, Complexes]:
    """Cells of a spinful square strip, in the Landau gauge along it."""
    x, y = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]])
    across = np.kron(np.eye(width, k=1), -np.eye(2) + 1j * rashba * x)
    onsite = across + across.conj().T + zeeman * np.kron(np.eye(width), np.diag([1, -1]))
    along = np.kron(np.diag(np.exp(1j * field * np.arange(width))), -np.eye(2) - 1j * rashba * y)
    return onsite.astype(complex), along


def random_cell(seed: int, m: int, rank: int) -> tuple[Complexes, Complexes]:
    draw = np.random.default_rng(seed)
    onsite, a, b = (draw.normal(size=(m, k)) + 1j * draw.normal(size=(m, k)) for k in (m, rank, rank))
    return onsite + onsite.conj().T, a @ b.conj().T / rank


def residual(energies: Any, found: Surface, onsite: Complexes, hop: Complexes) -> float:
    """How far both half spaces are from ``g (E - onsite - hop g hop†) = 1``."""
    one = np.eye(len(onsite))
    z = np.asarray(energies)[:, None, None] * one - onsite
    right = found.right @ (z - hop @ found.right @ hop.conj().T) - one
    left = found.left @ (z - hop.conj().T @ found.left @ hop) - one
    return float(max(np.abs(right).max(), np.abs(left).max()))


def decimated(z: complex, onsite: Complexes, hop: Complexes) -> Complexes:
    """Lopez Sancho, Lopez Sancho, Rubio: cells eliminated in pairs."""
    end, inner, forth, back = onsite.copy(), onsite.copy(), hop.copy(), hop.conj().T.copy()
    for _ in range(60):
        g = np.linalg.inv(z * np.eye(len(onsite)) - inner)
        end = end + forth @ g @ back
        inner = inner + forth @ g @ back + back @ g @ forth
        forth, back = forth @ g @ forth, back @ g @ back
    return np.asarray(np.linalg.inv(z * np.eye(len(onsite)) - end))


ENERGIES = np.array([-2.5, -2.001, -1.999, -1.3, 0.0, 0.7, 1.9, 2.0001, 3.0])


@pytest.mark.parametrize("way", [surface, by_modes])
def test_a_chain_has_its_closed_form(way: Any) -> None:
    found = way(ENERGIES, 0 * ONE, -ONE)
    assert np.abs(found.right[:, 0, 0] - chain(ENERGIES)).max() < 1e-12
    assert np.abs(found.left[:, 0, 0] - chain(ENERGIES)).max() < 1e-12
    assert found.open.tolist() == [0, 0, 1, 1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("way", [surface, by_modes])
def test_close_to_a_band_edge_nine_digits_are_right(way: Any) -> None:
    edge = 2 + np.array([-1e-4, -1e-6, -1e-9, -1e-12, 1e-12, 1e-9, 1e-6])
    found = way(edge, 0 * ONE, ONE)
    # what rounding of E alone changes is sqrt(eps) at the edge itself
    assert np.all(np.abs(found.right[:, 0, 0] - chain(edge)) < 1e-9)
    at = way(np.array([2.0, -2.0]), 0 * ONE, ONE)
    assert np.abs(at.right[:, 0, 0] - [1, -1]).max() < 2e-8
    assert at.open.tolist() == [0, 0]


def test_a_strip_with_hard_walls_is_the_sum_of_its_transverse_modes() -> None:
    width = 7
    onsite = -(np.eye(width, k=1) + np.eye(width, k=-1)).astype(complex)
    y = np.arange(1, width + 1)
    waves = np.sqrt(2 / (width + 1)) * np.sin(np.pi * np.outer(y, y) / (width + 1))
    levels = -2 * np.cos(np.pi * y / (width + 1))
    energies = np.linspace(-3.9, 3.9, 21)
    expected = np.einsum("in,en,jn->eij", waves, chain(energies[:, None] - levels), waves)
    for way in (surface, by_modes):
        found = way(energies, onsite, -np.eye(width, dtype=complex))
        assert np.abs(found.right - expected).max() < 1e-12
        assert np.array_equal(found.open, (np.abs(energies[:, None] - levels) < 2).sum(axis=1))


@pytest.mark.parametrize(
    "cell", [strip(6, 0.3, 0.0), strip(6, 0.0, 0.4), strip(5, 0.2, 0.3, 0.25), random_cell(3, 6, 4)]
)
def test_modes_agree_with_decimation_extrapolated_to_no_broadening(cell: tuple[Complexes, Complexes]) -> None:
    energies = np.array([-2.13, -0.71, 0.37, 1.83])
    found = surface(energies, *cell).right
    steps = [2e-4, 1e-4, 5e-5, 2.5e-5]
    table = [np.stack([decimated(e + 1j * eta, *cell) for e in energies]) for eta in steps]
    for order in range(1, len(table)):
        table = [(2**order * b - a) / (2**order - 1) for a, b in pairwise(table)]
    assert np.abs(found - table[0]).max() < 1e-8 * np.abs(found).max()


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6), st.floats(-4, 4))
def test_random_cells_solve_the_equation_and_only_absorb(seed: int, m: int, rank: int, energy: float) -> None:
    onsite, hop = random_cell(seed, m, min(m, rank))
    energies = energy + np.array([0.0, 0.313, 1.7])
    found = surface(energies, onsite, hop)
    good = found.error < 1e-8
    assert good.sum() >= 2
    scale = max(1.0, np.abs(found.right[good]).max(), np.abs(found.left[good]).max())
    part = Surface(found.right[good], found.left[good], found.open[good], found.error[good])
    assert residual(energies[good], part, onsite, hop) < 1e-9 * scale**2
    for g in (part.right, part.left):
        spectral = 1j * (g - g.conj().swapaxes(1, 2))
        assert np.linalg.eigvalsh(spectral).min() > -1e-9 * scale
    k = np.linspace(-np.pi, np.pi, 20001)  # a second count of the open modes: crossings of the bands with E
    bands = np.linalg.eigvalsh(
        onsite + np.exp(1j * k)[:, None, None] * hop + np.exp(-1j * k)[:, None, None] * hop.conj().T
    )
    for e, count in zip(energies[good], part.open, strict=True):
        crossings = np.count_nonzero(np.diff(np.sign(bands - e), axis=0))
        assert crossings == 2 * count or np.abs(bands - e).min() < 1e-4


def test_hops_of_low_rank_and_cells_longer_than_their_hops_need_nothing_else() -> None:
    # two sites a cell: the closed form of a chain of alternating hops
    a, b = 0.7, 1.1
    onsite = np.array([[0, a], [a, 0]], dtype=complex)
    hop = np.array([[0, 0], [b, 0]], dtype=complex)
    energies = np.array([-1.9, -1.0, -0.2, 0.3, 0.9, 1.7])
    found = surface(energies, onsite, hop)
    rest = energies**2 - a**2 + b**2  # g = 1/(E - a^2 g'), g' = 1/(E - b^2 g)
    root = np.sqrt((rest**2 - 4 * energies**2 * b**2).astype(complex))
    for g, e, r, s in zip(found.right[:, 0, 0], energies, root, rest, strict=True):
        assert min(abs(g - (s + r) / (2 * e * b**2)), abs(g - (s - r) / (2 * e * b**2))) < 1e-11
    assert residual(energies, found, onsite, hop) < 1e-11
    # the chain with four sites a cell
    four = -(np.eye(4, k=1) + np.eye(4, k=-1)).astype(complex)
    corner = np.zeros((4, 4), dtype=complex)
    corner[3, 0] = -1
    assert np.abs(surface(ENERGIES, four, corner).right[:, 0, 0] - chain(ENERGIES)).max() < 1e-11


def test_where_modes_of_one_momentum_run_both_ways_they_are_told_apart() -> None:
    # uncoupled chains with bands of opposite sign cross at E = 0 with the same momenta, mixed by a rotation
    turn = np.array([[np.cos(0.4), np.sin(0.4)], [-np.sin(0.4), np.cos(0.4)]])
    onsite = np.zeros((2, 2), dtype=complex)
    hop = (turn @ np.diag([1.0, -1.0]) @ turn.T).astype(complex)
    for energy in (0.0, 1e-13, 1e-10, 1e-8, 1e-5):
        found = by_modes([energy], onsite, hop)
        assert found.open.tolist() == [2]
        assert np.abs(found.right[0] - chain(energy) * np.eye(2)).max() < 1e-7


def test_levels_of_bands_without_width_are_no_numbers_with_a_small_error() -> None:
    onsite = np.array([[0.5, 0], [0, 0]], dtype=complex)
    hop = np.diag([0.0, 1.0]).astype(complex)
    for way in (surface, by_modes):
        found = way(np.array([0.5]), onsite, hop)
        assert not (found.error[0] < 1e-6 and np.isfinite(found.right).all())


@pytest.mark.parametrize(
    "cell", [(0 * ONE, ONE), strip(3, 0.2, 0.3), strip(7, 0.0, 0.4), random_cell(8, 5, 2)]
)
def test_the_slope_is_the_derivative(cell: tuple[Complexes, Complexes]) -> None:
    energies, step = np.array([-1.37, 0.23, 0.91 + 0.3j]), 1e-4
    values = [surface(energies + k * step, *cell).right for k in (-2, -1, 1, 2)]
    numeric = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
    exact = HalfSpaces(*cell).taylor(energies, surface(energies, *cell).right, 1)[0]
    assert np.abs(exact - numeric).max() < 1e-7 * np.abs(exact).max()


def test_above_the_axis_it_is_the_decimated_one() -> None:
    cell = strip(4, 0.2, 0.3)
    z = np.array([0.3 + 0.2j, -1.1 + 1e-3j, 2 + 5j])
    expected = np.stack([decimated(complex(one), *cell) for one in z])
    assert np.abs(surface(z, *cell).right - expected).max() < 1e-11


@pytest.mark.parametrize("size", [0, 1, 4, 15])
def test_stein_solves_its_equation(size: int) -> None:
    draw = np.random.default_rng(size)
    a, b, c = (draw.normal(size=(3, size, size)) + 1j * draw.normal(size=(3, size, size)) for _ in range(3))
    found = stein(a, b, c)
    assert np.abs(found - a @ found @ b - c).max(initial=0) < 1e-10
