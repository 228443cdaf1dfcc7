"""Rate equations of modes against density matrices, dense sums and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.compile.modes import modes
from modelkit.errors import NotConverged
from modelkit.solve.open_chains.rates.kinetics import Filled, flow, jacobian
from modelkit.solve.open_chains.rates.sampling import sample
from modelkit.solve.open_chains.rates.standing import Conserved, stand
from tests.solve.open_chains import chains
from tests.solve.open_chains.fock import Ring

few = settings(max_examples=6, deadline=None)
seeds = st.integers(0, 10**6)


def everything(taken, filling):
    return [Conserved(np.ones(len(taken.rates.weight), dtype=bool), filling)]


@few
@given(seeds, st.sampled_from([(1, 5), (2, 2)]), st.booleans())
def test_random_operators_change_occupations_as_they_change_density_matrices(seed, shape, linear):
    d, L = shape
    chain = chains.random(seed, d, jumps=1, linear=linear, cells=L)
    taken = sample(chain, *chains.ring(L, 0.13))
    n = np.random.default_rng(seed).uniform(0, 1, d * L)
    # momenta of a ring with a flux: W keeps no memory of it
    exact = Ring(chain, taken.modes).flow(n)
    np.testing.assert_allclose(flow(taken.rates, n), exact, atol=1e-12 * np.abs(exact).max())


@few
@given(seeds, st.booleans())
def test_products_give_the_sums_over_all_pairs(seed, linear):
    chain = chains.random(seed, 2, reach=2, linear=linear)
    k, weight = chains.ring(9, 0.5)
    taken = sample(chain, k, weight)
    K, loss, gain = chains.brute_rates(chain, taken.modes)
    n = np.random.default_rng(seed).uniform(0, 1, 18)
    slow = chains.brute_flow(n, K, loss, gain, np.repeat(weight, 2))
    np.testing.assert_allclose(flow(taken.rates, n), slow, atol=1e-11 * np.abs(slow).max())


@few
@given(seeds)
def test_the_jacobian_is_the_derivative(seed):
    taken = sample(chains.random(seed, 2, linear=True), *chains.ring(6, 0.5))
    rng = np.random.default_rng(seed)
    n, way = rng.uniform(0.2, 0.8, 12), rng.normal(size=12)
    J = jacobian(taken.rates, Filled(n, 1 - n))
    # the flow is quadratic: a central difference is exact
    numeric = (flow(taken.rates, n + 0.1 * way) - flow(taken.rates, n - 0.1 * way)) / 0.2
    np.testing.assert_allclose(J.times(way), numeric, atol=1e-11 * np.abs(numeric).max())
    np.testing.assert_allclose(J.dense() @ way, numeric, atol=1e-11 * np.abs(numeric).max())


def dense_newton(K, loss, gain, weight, filling):
    """Steady state with full matrices; the filling by a row of its own."""
    M = len(weight)
    n = np.full(M, 0.5 if filling is None else filling)
    for _ in range(200):
        G, S = K @ (weight * n) + gain, K.T @ (weight * (1 - n)) + loss
        J = -np.diag(G + S) + ((1 - n)[:, None] * K + n[:, None] * K.T) * weight
        rest = -((1 - n) * G - n * S)
        if filling is not None:
            J = np.vstack([J, weight])
            rest = np.append(rest, filling * weight.sum() - weight @ n)
        step = np.linalg.lstsq(J, rest, rcond=None)[0]
        n = n + np.clip(step, -0.9 * n, 0.9 * (1 - n))
        if np.abs(step).max() < 1e-14:
            break
    return n


@few
@given(seeds, st.booleans())
def test_the_steady_state_is_that_of_full_matrices(seed, linear):
    chain = chains.random(seed, 2, linear=linear)
    taken = sample(chain, *chains.ring(12, 0.5))
    found = stand(taken.rates, [] if linear else everything(taken, 0.4))
    K, loss, gain = chains.brute_rates(chain, taken.modes)
    n = dense_newton(K, loss, gain, taken.rates.weight, None if linear else 0.4)
    np.testing.assert_allclose(found.filled.particles, n, atol=1e-11)
    np.testing.assert_allclose(found.filled.holes, 1 - n, atol=1e-11)
    assert found.residual < 1e-13


@few
@given(seeds)
def test_every_start_leads_to_the_same_steady_state(seed):
    taken = sample(chains.random(seed, 2), *chains.ring(10, 0.5))
    rng = np.random.default_rng(seed)
    first = stand(taken.rates, everything(taken, 0.3)).filled.particles
    for _ in range(5):
        n = rng.uniform(0, 1, 20)
        other = stand(taken.rates, everything(taken, 0.3), Filled(n, 1 - n)).filled.particles
        np.testing.assert_allclose(other, first, atol=1e-12)
    assert np.mean(first) == pytest.approx(0.3, abs=1e-14)


@pytest.mark.parametrize("beta", [0.1, 2.0, 30.0, 340.0])
def test_a_bath_alone_gives_its_gibbs_state(beta):
    """lambda = beta (e - mu), however many orders of magnitude the occupations span (beta W/2 = 680)."""
    taken = sample(chains.nonreciprocal(0.0, beta=beta), *chains.ring(40, 0.5))
    filled = stand(taken.rates, everything(taken, 0.5)).filled
    potential = filled.lagrange + 2 * beta * np.cos(taken.modes.k)
    np.testing.assert_allclose(potential, potential[0], atol=1e-12 * max(1, beta))
    if beta < 100:  # else any potential within the gap at mid-band has the number to all digits
        assert potential[0] == pytest.approx(0, abs=1e-9)


def test_number_is_conserved_at_every_moment():
    taken = sample(chains.random(4, 3), *chains.ring(7, 0.5))
    n = np.random.default_rng(4).uniform(0, 1, 21)
    change = flow(taken.rates, n)
    assert abs(taken.rates.weight @ change) < 1e-13 * np.abs(change).max()


def test_modes_know_only_their_own_gauge():
    """Phases of eigenvectors do not matter."""
    chain = chains.rashba(0.9)
    k, weight = chains.ring(16, 0.5)
    ours, brute = modes(chain, k, weight), chains.brute(chain, k, weight)[1]
    a = stand(sample(chain, k, weight).rates, [Conserved(np.ones(32, dtype=bool), 0.5)]).filled.particles
    b = stand(brute, [Conserved(np.ones(32, dtype=bool), 0.5)]).filled.particles
    np.testing.assert_allclose(a, b, atol=1e-13)
    assert ours.energy.shape == (16, 2)


def test_what_does_not_come_to_rest_is_told_with_its_residual():
    taken = sample(chains.rashba(g_eq=1e-5), *chains.ring(20))
    bad = Filled(np.full(40, np.nan), np.full(40, np.nan))
    with pytest.raises(NotConverged):
        stand(taken.rates, everything(taken, 0.5), bad)


@pytest.mark.parametrize("cells", [200, 5000])
def test_cost_does_not_change_the_answer(cells):
    """The same current on any long ring (model of Fig. 3b at g_neq = 0.9)."""
    taken = sample(chains.nonreciprocal(0.9), *chains.ring(cells))
    n = stand(taken.rates, everything(taken, 0.5)).filled.particles
    assert taken.rates.weight @ (taken.modes.velocity.ravel() * n) == pytest.approx(
        0.04957420816600508, abs=1e-12
    )
