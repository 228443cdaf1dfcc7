"""Modes and rates of random cells, against operators on a ring in real space and on density matrices."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.compile.kernels import band_range, fitted
from modelkit.compile.modes import modes
from modelkit.compile.rates import autocorrelation, rates
from modelkit.compile.unit_cell import CellJump, UnitCell
from modelkit.errors import ModelError
from tests.compile.open_chains import (
    bath,
    complex_normal,
    matrix,
    random_cell,
    real_space,
    ring_modes,
    states,
)
from tests.compile.test_open_chain_normal_order import annihilators

seeds = st.integers(0, 2**32)


@settings(max_examples=15)
@given(seeds)
def test_modes_are_eigenstates_of_the_ring(seed):
    cell = random_cell(np.random.default_rng(seed), 7)
    found = ring_modes(cell)
    H, psi = real_space(cell)[0], states(found)
    assert np.abs(psi.conj().T @ psi - np.eye(psi.shape[1])).max() < 1e-12
    assert np.abs(H @ psi - psi * found.energy.ravel()).max() < 1e-11
    assert (np.diff(found.energy, axis=1) >= 0).all()


@settings(max_examples=15)
@given(seeds)
def test_velocities_are_slopes_of_the_bands(seed):
    cell = random_cell(np.random.default_rng(seed), 7)
    step = 1e-6
    k = np.random.default_rng(1).uniform(-3, 3, 5)
    above, at, below = (modes(cell, k + s, k) for s in (step, 0, -step))
    assert at.velocity == pytest.approx((above.energy - below.energy) / (2 * step), abs=1e-6)


@settings(max_examples=15)
@given(seeds)
def test_rates_are_squares_of_matrix_elements(seed):
    """r sum_j |<a| L_j |b>|^2 with all L_j in real space; the sum over L_q is the same."""
    cell = random_cell(np.random.default_rng(seed), 7)
    found = ring_modes(cell)
    psi = states(found)
    jump, loss, gain = 0, 0, 0
    for one, (W, v, u) in zip(cell.jumps, real_space(cell)[1], strict=True):
        jump = jump + one.rate * (np.abs(psi.conj().T @ W @ psi) ** 2).sum(axis=0)
        loss = loss + one.rate * (np.abs(v @ psi) ** 2).sum(axis=0)
        gain = gain + one.rate * (np.abs(u @ psi.conj()) ** 2).sum(axis=0)
    given_ = rates(cell, found)
    scale = 1 + np.max(jump)
    assert np.abs(matrix(given_) - jump).max() < 1e-12 * scale
    assert given_.loss == pytest.approx(loss, rel=1e-11, abs=1e-12)
    assert given_.gain == pytest.approx(gain, rel=1e-11, abs=1e-12)
    assert given_.losses.sum(axis=0) == pytest.approx(given_.loss)
    assert given_.names == tuple(jump.name for jump in cell.jumps)


def by_formula(found, n):
    R = matrix(found)
    return (1 - n) * (R @ n + found.gain) - n * (R.T @ (1 - n) + found.loss)


def by_density_matrix(operators, eta, n):
    """tr[eta_a^+ eta_a D rho] for a list of (rate, L)."""
    size = eta.shape[1]
    number = np.array([c.conj().T @ c for c in eta])
    rho = reduce(
        np.matmul,
        [p * m + (1 - p) * (np.eye(size) - m) for m, p in zip(number, n, strict=True)],
        np.eye(size),
    )
    change = np.zeros((size, size), dtype=complex)
    for rate, L in operators:
        both = L.conj().T @ L
        change += rate * (L @ rho @ L.conj().T - (both @ rho + rho @ both) / 2)
    return np.einsum("aij,ji->a", number, change).real


@settings(max_examples=8)
@given(seeds, st.sampled_from([(4, 1), (2, 2), (3, 2)]))
def test_the_rate_equation_is_that_of_density_matrices(seed, size):
    """Losses, gains and bilinear terms in one operator; for diagonal Gaussian states."""
    rng = np.random.default_rng(seed)
    cells, d = size
    cell = random_cell(rng, cells, d, baths=[bath(0.7, 0.8)])
    found = ring_modes(cell)
    psi, n = states(found), rng.random(cells * d)
    c = annihilators(cells * d)
    eta = np.einsum("ia,ixy->axy", psi.conj(), c)
    operators = []
    for one, (W, v, u) in zip(cell.jumps, real_space(cell)[1], strict=True):
        L = np.einsum("jab,axz,bzy->jxy", W, c.swapaxes(1, 2), c, optimize=True)
        L = L + np.einsum("ja,axy->jxy", v, c) + np.einsum("ja,ayx->jxy", u, c)
        operators += [(one.rate, each) for each in L]
    energy = found.energy.ravel()
    for a in range(len(n)):
        for b in range(len(n)):
            rate = 0.8 / cells * np.exp(-0.7 * (energy[a] - energy[b]) / 2)
            operators.append((rate, eta[a].conj().T @ eta[b]))
    assert by_formula(rates(cell, found), n) == pytest.approx(
        by_density_matrix(operators, eta, n), rel=1e-10, abs=1e-10
    )


@settings(max_examples=10)
@given(seeds)
def test_coefficients_of_one_orbital_are_those_of_its_rates(seed):
    cell = random_cell(np.random.default_rng(seed), 9, d=1)
    found = ring_modes(cell)
    C = autocorrelation(cell)
    p, k = found.k[:, None], found.k[None, :]
    summed = sum(value * np.exp(-1j * p * m + 1j * k * n) for (m, n), value in C.items()) / 9
    assert np.abs(summed - matrix(rates(cell, found))).max() < 1e-12 * (1 + np.abs(summed).max())


def test_coefficients_of_the_paper():
    d, dp = 1 + 1j, 1 + 0.5j
    W = {(0, 0): 1, (0, 1): -dp, (1, 0): d, (1, 1): -d * dp}
    C = autocorrelation(chain(jumps=(jump(W),)))
    assert C[1, 0] == pytest.approx(d * (1 + abs(dp) ** 2))
    assert C[0, 1] == pytest.approx(-(1 + abs(d) ** 2) * dp)
    assert C[1, 1] == pytest.approx(-d * dp)
    assert C[1, -1] == pytest.approx(-d * dp.conjugate())


# ---- touching bands ---------------------------------------------------------------------------------------


def chain(hopping=None, jumps=(), baths=(), cells=None):
    given_ = hopping or {1: -1, -1: -1}
    hopping = {x: np.atleast_2d(np.asarray(h, complex)) for x, h in given_.items()}
    d = len(next(iter(hopping.values())))
    return UnitCell(hopping, tuple(jumps), tuple(baths), cells, "k_j", ("c",) * d, np.full(d, -1))


def jump(W, rate=1.0):
    return CellJump("pump", rate, {at: np.atleast_2d(np.asarray(w, complex)) for at, w in W.items()}, {}, {})


def test_crossing_bands_have_their_own_velocities():
    """h = sin k sigma_x: bands of velocity +1 and -1 cross at k = 0, in the eigenstates of sigma_x."""
    x = np.array([[0, 1], [1, 0]])
    cell = chain({1: 0.5j * x, -1: -0.5j * x})
    found = modes(cell, np.array([0.0, 0.3, np.pi]), np.full(3, 1 / 3))
    assert found.velocity[0] == pytest.approx([-1, 1])
    assert found.velocity[2] == pytest.approx([-1, 1])
    assert np.abs(found.vector) == pytest.approx(np.full((3, 2, 2), np.sqrt(0.5)))
    assert found.velocity[1] == pytest.approx([-np.cos(0.3), np.cos(0.3)])


@settings(max_examples=10)
@given(seeds)
def test_touching_bands_beside_others_keep_the_order_of_energies(seed):
    rng = np.random.default_rng(seed)
    U = np.linalg.qr(complex_normal(rng, 4, 4))[0]
    h = {0: np.diag([1.0, -1, 1, 2]), 1: 0.3 * np.diag([1, 0.2, -0.5, 0.1]) * 1j}
    h[-1] = h[1].conj().T
    cell = chain({x: U @ block @ U.conj().T for x, block in h.items()})
    found = modes(cell, np.zeros(1), np.ones(1))
    assert found.energy[0] == pytest.approx([-1, 1, 1, 2])
    assert found.velocity[0] == pytest.approx([0.12, -0.3, 0.6, 0.06])
    psi = found.vector[0]
    assert psi.conj().T @ psi == pytest.approx(np.eye(4), abs=1e-12)
    assert cell.hamiltonian(np.zeros(1))[0] @ psi == pytest.approx(psi * found.energy[0], abs=1e-12)


def test_bands_that_are_equal_everywhere_stay_as_they_are():
    cell = chain({1: -np.eye(2), -1: -np.eye(2)})
    found = modes(cell, np.linspace(-3, 3, 50), np.full(50, 0.02))
    assert (np.abs(found.vector) == np.eye(2)).all()


# ---- baths ------------------------------------------------------------------------------------------------


def ohmic(beta):
    return lambda E: E / (np.exp(beta * E) - 1)


def lorentzian(beta):
    return lambda E: E / (np.exp(beta * E) - 1) / (1 + E**2)


@pytest.mark.parametrize("kernel", [None, ohmic(1.3), lorentzian(1.3)])
def test_baths_obey_detailed_balance(kernel):
    cell = random_cell(np.random.default_rng(3), 8, d=2, baths=[bath(1.3, 0.4, kernel)])
    cell = chain({x: h / 4 for x, h in cell.hopping.items()}, baths=cell.baths, cells=8)
    found = ring_modes(cell)
    there, e = matrix(rates(cell, found)), found.energy.ravel()
    assert there == pytest.approx(there.T * np.exp(-1.3 * (e[:, None] - e)), rel=1e-7)


@pytest.mark.parametrize("beta", [0.5, 2.0, 6.0])
@pytest.mark.parametrize("kernel", [ohmic, lorentzian])
def test_other_kernels_are_sums_of_products(kernel, beta):
    cell = chain(baths=[bath(beta, 0.4, kernel(beta))], cells=50)
    found = ring_modes(cell)
    fit = rates(cell, found)
    e = found.energy.ravel()
    difference = e[:, None] - e
    close = np.abs(difference) < 1e-6
    wanted = 0.4 / 50 * kernel(beta)(np.where(close, 1.0, difference))
    scale = np.maximum(wanted, wanted.T)
    assert np.abs(np.where(close, 0, matrix(fit) - wanted) / scale).max() < 1e-7
    assert matrix(fit)[close] == pytest.approx(0.4 / 50 / beta, rel=1e-5)
    assert fit.error < 1e-9
    assert len(fit.into) < 129


def test_factors_of_some_modes_fit_those_of_others():
    cell = chain(baths=[bath(2.0, 0.4, ohmic(2.0))], jumps=[jump({(0, 0): 1, (0, 1): 2j})])
    k = np.linspace(-3, 3, 9)
    both = rates(cell, modes(cell, k, np.full(9, 1 / 9)))
    one = rates(cell, modes(cell, k[:4], np.zeros(4)))
    assert one.into == pytest.approx(both.into[:, :4], rel=1e-12, abs=1e-14)
    assert one.out_of == pytest.approx(both.out_of[:, :4], rel=1e-12, abs=1e-14)


def test_an_exponential_kernel_by_interpolation_is_the_product():
    fit = fitted(bath(3.0, 1.0, lambda E: np.exp(-1.5 * E)), 0.0, 2.0)
    assert fit.to.shape[1] == 1
    assert fit.error < 1e-12


def test_a_cold_bath_does_not_overflow():
    """beta W/2 = 640: the factors are exp(+-320), their products still numbers."""
    cell = chain(baths=[bath(313.0, 0.4)], cells=16)
    found = rates(cell, ring_modes(cell))
    assert np.isfinite(found.into).all()
    assert np.isfinite(matrix(found)).all()
    low, high = band_range(cell)
    assert (low, high) == pytest.approx((-2.04, 2.04))


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        (bath(1000.0, 0.4), "span exp(2040) both ways"),
        (bath(2.0, 0.4, lambda E: np.exp(-E - np.abs(E))), "too sharp within the bands"),
        (bath(2.0, 0.4, lambda E: np.exp(-E) * np.cos(E)), "is -"),
        (bath(2.0, 0.4, lambda E: np.where(E > 1, np.inf, 1.0)), "is inf"),
        (bath(2.0, 0.4, lambda E: 1 / np.abs(E)), "too sharp within the bands"),
    ],
)
def test_baths_without_rates_are_refused(given_, message):
    cell = chain(baths=[given_], cells=16)
    with pytest.raises(ModelError) as caught:
        rates(cell, ring_modes(cell))
    assert message in str(caught.value)
    assert caught.value.hint
