"""Density matrices in sectors against dense matrices on all states: random complex chains."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.solve.open_chains.exact.exact import Exact
from modelkit.solve.open_chains.exact.preparation import mixture, prepared
from modelkit.solve.open_chains.exact.set_up import set_up
from modelkit.solve.open_chains.problem import OpenProblem
from tests.solve.open_chains import brute_force
from tests.solve.open_chains.exact_chains import bath, chain, family, products

seeds = st.integers(0, 2**31)
few = settings(max_examples=6, deadline=None, derandomize=True)


def complex_normal(random, *shape):
    return random.normal(size=shape) + 1j * random.normal(size=shape)


def hermitian(random, size):
    h = complex_normal(random, size, size)
    return h + h.conj().T


def interaction(random, size):
    return [((i, j), random.normal()) for i in range(size) for j in range(i)]


def bilinears(random, size, members=2):
    return [
        (m, (i, j), complex(complex_normal(random)))
        for m in range(members)
        for i in range(size)
        for j in range(size)
    ]


def compare(lindbladian, numbers=None):
    """Occupations, losses and the density matrix itself."""
    H, jumps, c = brute_force.matrices(lindbladian)
    rho = brute_force.steady(H, jumps, c, numbers)
    G = brute_force.covariance(rho, c)
    found = Exact().steady(OpenProblem(lindbladian))
    np.testing.assert_allclose(found.occupation.values, np.diag(G).real, atol=1e-9)
    h = lindbladian.hamiltonian.toarray()
    M = len(h)
    current = sum(2 * (i - j) * np.imag(h[i, j] * G[j, i]) for i in range(M) for j in range(i)) / M
    assert found.current.values == pytest.approx(current, abs=1e-9)
    N = sum(one.T @ one for one in c)
    lost = [
        -np.trace(N @ (L @ rho @ L.conj().T - (L.conj().T @ L @ rho + rho @ L.conj().T @ L) / 2))
        for L in jumps
    ]
    assert found.loss_rate.values.sum() == pytest.approx(np.sum(lost).real, abs=1e-9)
    return found, rho, jumps, c


@few
@given(seeds)
def test_bilinear_jumps_with_interactions(seed):
    random = np.random.default_rng(seed)
    one = family("pump", 4, [0.3, 0.7], bilinear=bilinears(random, 4))
    lindbladian = chain(hermitian(random, 4), [one], interaction=interaction(random, 4), filling=0.5)
    compare(lindbladian, [2])


@few
@given(seeds)
def test_losses_and_gains_couple_all_numbers(seed):
    random = np.random.default_rng(seed)
    jumps = [
        family("loss", 3, [0.4], loss=complex_normal(random, 1, 3)),
        family("gain", 3, [0.8, 0.1], gain=complex_normal(random, 2, 3)),
        family("pump", 3, [0.5], bilinear=bilinears(random, 3, 1)),
    ]
    compare(chain(hermitian(random, 3), jumps, interaction=interaction(random, 3)))


@few
@given(seeds)
def test_sums_of_loss_and_gain_keep_coherences_between_numbers(seed):
    random = np.random.default_rng(seed)
    mixed = family(
        "mixed", 3, [0.4, 1.1], loss=complex_normal(random, 2, 3), gain=complex_normal(random, 2, 3)
    )
    lindbladian = chain(hermitian(random, 3), [mixed], interaction=interaction(random, 3))
    compare(lindbladian)
    (charge,) = set_up(OpenProblem(lindbladian), lindbladian).charges
    assert charge.period == 2


@few
@given(seeds)
def test_jumps_of_three_and_four_operators(seed):
    random = np.random.default_rng(seed)
    terms = [
        (0, (i, j, k), complex(complex_normal(random))) for i in range(4) for j in range(4) for k in range(j)
    ]
    hops = [(0, (3, 0, 1, 2), 1 + 0.5j), (0, (2, 1, 0, 3), 0.4)]
    jumps = [
        family("three", 4, [0.3], higher=[products(terms, (True, False, False))]),
        family(
            "four",
            4,
            [0.6],
            bilinear=[(0, (1, 0), 0.5j)],
            higher=[products(hops, (True, True, False, False))],
        ),
        family("gain", 4, [0.5], gain=complex_normal(random, 1, 4)),
    ]
    compare(chain(hermitian(random, 4), jumps, interaction=interaction(random, 4)))


@few
@given(seeds)
def test_baths_of_modes_beside_jumps(seed):
    random = np.random.default_rng(seed)
    one = family("pump", 4, [0.3, 0.7], bilinear=bilinears(random, 4))
    compare(chain(hermitian(random, 4), [one], [bath(0.7, 0.4)], interaction(random, 4), 0.25), [1])


def test_lattices_that_keep_their_numbers_have_their_own_fillings():
    random = np.random.default_rng(1)
    h = np.zeros((4, 4), dtype=complex)
    h[:2, :2], h[2:, 2:] = hermitian(random, 2), hermitian(random, 2)
    jumps = [
        family("left", 4, [0.3], bilinear=[(0, (1, 0), 1.0)]),
        family("right", 4, [0.3], bilinear=[(0, (2, 3), 1.0)], loss=None),
        family("drag", 4, [0.2], higher=[products([(0, (0, 2, 1, 3), 1.0)], (True, True, False, False))]),
    ]

    def make(last, filling):
        lattices = {"lattice": [0, 0, 1, 1], "lattices": ("a", "b")}
        return chain(h, [*jumps, *last], filling=filling, **lattices)

    closed = make([], {"a": 0.5, "b": 0.5})
    H, L, c = brute_force.matrices(closed)
    states = [s for s in range(16) if bin(s >> 2).count("1") == 1 and bin(s & 3).count("1") == 1]
    on = np.ix_(states, states)
    block = brute_force.null_space(brute_force.superoperator(H[on], [one[on] for one in L]), rcond=1e-11)
    assert block.shape[1] == 1
    rho = np.zeros(H.shape, dtype=complex)
    rho[on] = block.reshape(4, 4) / np.trace(block.reshape(4, 4))
    n = np.diag(brute_force.covariance(rho, c)).real
    np.testing.assert_allclose(Exact().steady(OpenProblem(closed)).occupation.values, n, atol=1e-9)
    losing = make([family("loss", 4, [0.1], loss=[[0, 0, 1, 0]])], {"a": 0.5})
    found = Exact().steady(OpenProblem(losing))
    np.testing.assert_allclose(found.occupation.values[2:], 0, atol=1e-9)
    assert found.occupation.values[:2].sum() == pytest.approx(1)


@few
@given(seeds)
def test_evolution_from_product_states(seed):
    random = np.random.default_rng(seed)
    jumps = [
        family("loss", 3, [0.4], loss=complex_normal(random, 1, 3)),
        family("pump", 3, [0.5], bilinear=bilinears(random, 3, 1)),
    ]
    lindbladian = chain(hermitian(random, 3), jumps[: 1 + seed % 2], [bath(0.5, 0.3)], interaction(random, 3))
    n = random.random(3)
    H, L, c = brute_force.matrices(lindbladian)
    rho = np.eye(1)
    for one in n:
        rho = np.kron(rho, np.diag([1 - one, one]))
    times = np.array([0.0, 0.3, 0.6, 2.0])
    found = Exact().evolve(OpenProblem(lindbladian), times, {"occupation": n})
    assert found.occupation.dims == ("time", "site")
    for time, given_n in zip(times, found.occupation.values, strict=True):
        G = brute_force.covariance(brute_force.evolved(H, L, rho, time), c)
        np.testing.assert_allclose(given_n, np.diag(G).real, atol=1e-9)


def test_a_steady_state_from_an_initial_mixture_weighs_the_numbers():
    random = np.random.default_rng(4)
    one = family("pump", 4, [0.3, 0.7], bilinear=bilinears(random, 4))
    lindbladian = chain(hermitian(random, 4), [one], interaction=interaction(random, 4))
    problem = OpenProblem(lindbladian, initial={"filling": 0.3})
    late = Exact().evolve(problem, np.array([400.0]), {"filling": 0.3})
    found = Exact().steady(problem)
    np.testing.assert_allclose(found.occupation.values, late.occupation.values[0], atol=1e-8)
    state = prepared(problem, lindbladian, {"filling": 0.3})
    weights = [weight for weight, _ in mixture(set_up(problem, lindbladian), state)]
    np.testing.assert_allclose(weights, [0.7**4, 4 * 0.3 * 0.7**3, 6 * 0.09 * 0.49, 4 * 0.027 * 0.7, 0.3**4])
