"""Bands that coincide: rate equations of the modes without coherences, against the whole density matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from modelkit.errors import ModelError
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.rates.coherences import coherence, field_of
from modelkit.solve.open_chains.rates.gge import Gge
from modelkit.solve.open_chains.rates.kinetics import Filled
from modelkit.solve.open_chains.rates.momenta import first_field
from modelkit.solve.open_chains.rates.sampling import sample
from tests.solve.open_chains import chains

HOPS = {0: np.zeros((2, 2)), 1: -np.eye(2), -1: -np.eye(2)}


def alike(seed, cells, linear=False, filling=0.4):
    """Two orbitals with the same hopping, and random jumps that mix them."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return rng.normal(size=shape) + 1j * rng.normal(size=shape)

    family = [chains.jump("W", 0.6, {(0, 0): draw(2, 2), (0, 1): draw(2, 2), (1, 0): draw(2, 2)})]
    if linear:
        family = [*family, chains.jump("loss", 0.7, loss={0: draw(2), 1: draw(2)})]
        family = [*family, chains.jump("gain", 0.4, gain={0: draw(2), -1: draw(2)})]
    return chains.cell(HOPS, family, cells=cells, filling=None if linear else filling, spin=[0, 1])


def real_space(cell):
    """``dG/dt`` of the whole ring by (R0); h commutes with all translation-invariant G."""
    L, d = cell.cells, 2
    bilinear, loss, gain = [], np.zeros((L * d, L * d), complex), np.zeros((L * d, L * d), complex)
    for part in cell.jumps:
        for j in range(L):
            W, v, u = np.zeros((L * d, L * d), complex), np.zeros(L * d, complex), np.zeros(L * d, complex)
            for (x, y), block in part.bilinear.items():
                a, b = (j + x) % L * d, (j + y) % L * d
                W[a : a + d, b : b + d] += block
            for target, given_ in ((v, part.loss), (u, part.gain)):
                for x, block in given_.items():
                    target[(j + x) % L * d : (j + x) % L * d + d] += block
            if W.any():
                bilinear.append(np.sqrt(part.rate) * W)
            loss += part.rate * np.outer(v.conj(), v)
            gain += part.rate * np.outer(u, u.conj())

    def flow(_, flat):
        G = flat.reshape(L * d, L * d)
        empty = np.eye(L * d) - G
        filled, emptied, mean = gain.copy(), loss.copy(), np.zeros_like(G)
        for W in bilinear:
            filled += W @ G @ W.conj().T
            emptied += W.conj().T @ empty @ W
            w = np.trace(W @ G)
            mean += 0.5 * (np.conj(w) * W - w * W.conj().T)
        change = 0.5 * (filled @ empty + empty @ filled - emptied @ G - G @ emptied) + mean @ G - G @ mean
        return change.ravel()

    return flow


def brute_state(cell):
    """G after a long time, and the current: Im of what crosses a bond."""
    L, n = cell.cells, 0.5 if cell.filling is None else cell.filling
    start = (n * np.eye(2 * L, dtype=complex)).ravel()
    G = solve_ivp(real_space(cell), (0, 80), start, "DOP853", [80], rtol=1e-9, atol=1e-11).y[:, -1]
    G = G.reshape(2 * L, 2 * L)
    by_orbital = 2 * np.array([(-G[s, 2 + s]).imag for s in (0, 1)])
    return G, by_orbital


@settings(max_examples=2, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_orbitals_alike_relax_as_the_density_matrix_does(seed, linear):
    cell = alike(seed, 3, linear)
    G, by_orbital = brute_state(cell)
    found = Gge().steady(OpenProblem(cell=cell))
    np.testing.assert_allclose(found.current_by_orbital.values, by_orbital, atol=1e-8)
    np.testing.assert_allclose(np.sort(found.occupation.values.ravel()), np.linalg.eigvalsh(G), atol=1e-8)


def test_the_basis_matters():
    """In the orbitals themselves, or in any fixed mixture of them, rate equations would be wrong here."""
    cell = alike(3, 3)
    plain = sample(cell, *chains.ring(3))
    field = first_field(cell)
    assert coherence(plain.modes, field) > 0.01


def test_infinite_chains_have_the_limit_of_rings():
    infinite = Gge().steady(OpenProblem(cell=alike(5, None)))
    ring = Gge().steady(OpenProblem(cell=alike(5, 40)))
    np.testing.assert_allclose(infinite.current_by_orbital.values, ring.current_by_orbital.values, atol=1e-9)


def test_a_mixture_that_no_jump_reaches_is_dark():
    """Only (up + down)/sqrt(2) is moved: the other mixture is conserved, at every momentum."""
    both = np.ones((2, 2)) / 2
    cell = chains.cell(HOPS, [chains.jump("W", 1.0, {(0, 0): both, (1, 0): 1j * both})], cells=4, filling=0.5)
    with pytest.raises(ModelError, match="one by one"):
        Gge().steady(OpenProblem(cell=cell))


def test_bands_that_cross_on_a_ring():
    """h = 0 on a ring that contains 0 and pi: no current beyond the order 1/L."""
    found = Gge().steady(OpenProblem(cell=chains.rashba(0.9, h=0.0, cells=100)))
    assert abs(float(found.current.values)) < 0.01
    n = found.occupation.values.ravel()
    assert ((n > 0) & (n < 1)).all()


@pytest.mark.parametrize("seed", range(3))
def test_the_field_does_not_depend_on_the_choice_of_modes(seed):
    """Any mixture of equally filled modes is the same state."""
    cell = alike(seed, 5)
    one = sample(cell, *chains.ring(5))
    other = sample(cell, *chains.ring(5), first_field(cell))
    n = np.repeat(np.random.default_rng(seed).uniform(0, 1, 5), 2)
    a, b = (field_of(cell, each.modes, each.rates, Filled(n, 1 - n)) for each in (one, other))
    for x, block in a.gain.items():
        np.testing.assert_allclose(b.gain[x], block, atol=1e-13)


def test_coherences_are_not_followed_in_time():
    cell = alike(3, 3, filling=None)
    with pytest.raises(ModelError, match="coherences") as error:
        Gge().evolve(OpenProblem(cell=cell), np.array([1.0]), {"lagrange": 0.0})
    assert "gaussian" in error.value.hint


def test_orbitals_alike_that_stay_apart_are_followed_in_time():
    """Loss from either orbital at its own rate."""
    cell = chains.cell(HOPS, [chains.jump("loss", 1.0, loss={0: [1, 0]})], cells=5)
    found = Gge().evolve(OpenProblem(cell=cell), np.array([0.7]), {"filling": 0.6})
    n = np.sort(found.occupation.values[0], axis=1)
    np.testing.assert_allclose(n, np.tile([0.6 * np.exp(-0.7), 0.6], (5, 1)), atol=1e-11)
