"""Bands that are equal at all momenta, against the equation of motion of the whole correlation matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.compile.modes import modes
from modelkit.compile.rates import rates
from modelkit.compile.unit_cell import CellJump, UnitCell
from modelkit.errors import ModelError
from tests.compile.open_chains import complex_normal, matrix, real_space, ring_modes, states

L = 5
UP, DOWN = np.diag([1.0, 0]), np.diag([0, 1.0])
X, Y, Z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])


def cell(*operators, d=2, hopping=(0.3, -1 + 0.4j)):
    """Equal bands; an operator is blocks by cells."""
    home, far = hopping
    blocks = {0: home * np.eye(d), 1: far * np.eye(d), -1: np.conj(far) * np.eye(d)}
    jumps = [
        CellJump(f"d{n}", 0.3 + 0.1 * n, {at: np.asarray(W, complex) for at, W in one.items()}, {}, {})
        for n, one in enumerate(operators)
    ]
    return UnitCell(blocks, tuple(jumps), (), L, "k_j", ("c",) * d, np.full(d, -1))


def change(one: UnitCell, G):
    """dG/dt of a Gaussian state, G_ab = <c_b^+ c_a>, mean fields included."""
    found = np.zeros_like(G)
    hole = np.eye(len(G)) - G
    for jump, (all_W, _, _) in zip(one.jumps, real_space(one)[1], strict=True):
        for W in all_W:
            into, out = W @ G @ W.conj().T, W.conj().T @ hole @ W
            w = np.trace(W @ G)
            found += jump.rate / 2 * (into @ hole + hole @ into - out @ G - G @ out)
            found += jump.rate / 2 * (np.conj(w) * (W @ G - G @ W) - w * (W.conj().T @ G - G @ W.conj().T))
    return found


def agrees(one: UnitCell) -> None:
    """Occupations change as the rates say, and no coherence of one momentum grows."""
    found = ring_modes(one)
    psi, d = states(found), one.dimension
    n = np.random.default_rng(2).random(L * d)
    changed = psi.conj().T @ change(one, (psi * n) @ psi.conj().T) @ psi
    R = matrix(rates(one, found))
    assert np.diagonal(changed).real == pytest.approx((1 - n) * (R @ n) - n * (R.T @ (1 - n)), abs=1e-12)
    same = np.kron(np.eye(L), np.ones((d, d))) - np.eye(L * d)
    assert np.abs(changed * same).max() < 1e-12


@settings(max_examples=8)
@given(st.integers(0, 2**32), st.integers(2, 4))
def test_modes_of_equal_bands_are_found(seed, d):
    """Operators that are numbers, or move particles, in a basis that nobody knows."""
    rng = np.random.default_rng(seed)
    U = np.linalg.qr(complex_normal(rng, d, d))[0]

    def hidden(W):
        return U @ W @ U.conj().T

    far = {(0, 1): hidden(np.diag(complex_normal(rng, d))), (1, 1): hidden(np.diag(complex_normal(rng, d)))}
    agrees(cell({(0, 0): hidden(np.diag(rng.random(d)))}, far, d=d))


@pytest.mark.parametrize("axis", [X, Y, Z, (X + Z) / np.sqrt(2)])
def test_dephasing_along_any_axis_is_the_same(axis):
    """Projections on one spin: the rates do not know the direction."""
    one = cell({(0, 0): (np.eye(2) + axis) / 2})
    agrees(one)
    found = matrix(rates(one, ring_modes(one)))
    assert np.sort(found, axis=None) == pytest.approx([0] * 75 + [0.3 / L] * 25, abs=1e-12)


@pytest.mark.parametrize(
    "operators",
    [
        ({(0, 0): X}, {(0, 0): Z}),
        ({(0, 0): X + 1j * Y},),
        ({(0, 0): UP}, {(0, 0): X + 1j * Y}, {(0, 1): X - 1j * Y}),
    ],
)
def test_spin_flips_make_no_coherences(operators):
    one = cell(*operators)
    agrees(one)
    assert (np.abs(modes(one, np.zeros(1), np.ones(1)).vector) == np.eye(2)).all()


@pytest.mark.parametrize(
    ("operators", "guilty"),
    [
        (({(0, 0): UP}, {(0, 0): (np.eye(2) + X) / 2}), "d"),
        (({(0, 0): UP}, {(0, 0): UP + X}), "d1"),
    ],
)
def test_coherences_between_equal_bands_are_refused(operators, guilty):
    one = cell(*operators)
    with pytest.raises(ModelError, match=f"equal at all momenta, and '{guilty}") as caught:
        rates(one, ring_modes(one))
    assert "gaussian" in caught.value.hint


def test_mean_fields_between_equal_bands():
    """|0><1| + |2><2| has the mean <n_2>, which turns 0 into 1; its Hermitian sister has no mean field."""
    W = np.zeros((3, 3))
    W[0, 1] = W[2, 2] = 1
    number = {(0, 0): np.diag([1.0, 0.2, 0.5])}
    with pytest.raises(ModelError, match="'d1' makes coherences"):
        rates(cell(number, {(0, 0): W}, d=3), ring_modes(cell(d=3)))
    W[1, 0] = 1
    agrees(cell(number, {(0, 0): W}, d=3))
    agrees(cell(number, {(0, 0): 1j * W}, d=3))


def test_bands_that_touch_only_somewhere_are_no_matter():
    one = cell({(0, 0): UP}, {(0, 0): (np.eye(2) + X) / 2})
    split = UnitCell(
        {**one.hopping, 1: one.hopping[1] + 0.2 * Z, -1: one.hopping[-1] + 0.2 * Z},
        one.jumps, (), L, "k_j", one.orbitals, one.spin,
    )  # fmt: skip
    assert rates(split, ring_modes(split)).into.shape[1] == 2 * L
