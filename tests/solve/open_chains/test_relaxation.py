"""Evolution of the rate equations: closed forms, another integrator, the steady state at the end."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from modelkit.errors import ModelError
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.rates.gge import Gge
from modelkit.solve.open_chains.rates.relaxation import relax
from modelkit.solve.open_chains.rates.sampling import sample
from tests.solve.open_chains import chains


def evolve(cell, times, initial, momenta=None, filling=None):
    problem = OpenProblem(cell=cell, momenta=momenta, times=np.array(times), filling=filling)
    return Gge().evolve(problem, np.array(times), initial)


def test_relaxation_to_the_gibbs_state():
    """Fig. 2 at momentum 0, pi/2."""
    found = evolve(
        chains.nonreciprocal(0, eps=0.05), [0, 10, 50, 100, 200], {"lagrange": 0.0}, np.array([0, np.pi / 2])
    )
    wanted = [0, -2.680436118001079, -3.9777182209424806, -3.999871222973437, -3.999999995162169]
    np.testing.assert_allclose(found.lagrange_multiplier.values[:, 0, 0], wanted, atol=1e-8)
    np.testing.assert_allclose(found.lagrange_multiplier.values[:, 1, 0], 0, atol=1e-9)
    assert found.lagrange_multiplier.dims == ("time", "momentum", "band")
    assert found.current.values.shape == (5,)
    assert found.audits["momenta"] < 1e-9


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_another_integrator_goes_the_same_way(seed, linear):
    chain = chains.random(seed, 2, linear=linear)
    k, weight = chains.ring(6, 0.5)
    taken = sample(chain, k, weight)
    K, loss, gain = chains.brute_rates(chain, taken.modes)
    n = np.random.default_rng(seed).uniform(0.05, 0.95, 12)
    scale = 1 / np.abs(K).max()
    times = scale * np.array([0.1, 1.0, 10.0, 100.0])
    found, _ = relax(taken.rates, n, times)
    w = np.repeat(weight, 2)
    other = solve_ivp(
        lambda _, n: chains.brute_flow(n, K, loss, gain, w),
        (0, times[-1]),
        n,
        "LSODA",
        times,
        rtol=1e-11,
        atol=1e-12,
    ).y.T
    np.testing.assert_allclose(found, other, atol=2e-9)


@pytest.mark.parametrize(
    "cell", [chains.rashba(0.98), chains.lossy(), chains.nonreciprocal(0.5, beta=8.0, cells=20)]
)
def test_the_end_is_the_steady_state(cell):
    """From any beginning of the right number; relaxation is 1e6 times longer than the fastest rate."""
    k = np.array([-2 * np.pi / 5, 0.0, np.pi / 2])
    found = evolve(cell, [1e5], {"occupation": 0.5}, k)
    still = Gge().steady(OpenProblem(cell=cell, momenta=k))
    np.testing.assert_allclose(found.occupation.values[0], still.occupation.values, atol=1e-9)
    assert found.current.values[0] == pytest.approx(float(still.current.values), abs=1e-9)


def test_layers_around_dark_modes_form_slowly():
    """At g_eq = 1e-6 dephasing keeps n near 1/2 for long, and the current far from what it becomes."""
    found = evolve(chains.rashba(g_eq=1e-6), [50.0, 1e8], {"lagrange": 0.0})
    still = Gge().steady(OpenProblem(cell=chains.rashba(g_eq=1e-6)))
    assert abs(found.current.values[0]) < 0.1 * abs(found.current.values[1])
    assert found.current.values[1] == pytest.approx(float(still.current.values), abs=1e-9)


def test_loss_alone_empties_modes_exponentially():
    """dn/dt = -|v_k|² n."""
    cell = chains.cell(
        {0: [[0]], 1: [[-1]], -1: [[-1]]}, [chains.jump("loss", 0.3, loss={0: [1], 1: [0.5j]})]
    )
    k, times = np.array([-1.0, 0.4, 2.0]), np.array([0.5, 3.0, 30.0])
    found = evolve(cell, times, {"filling": 0.8}, k)
    rate = 0.3 * np.abs(1 + 0.5j * np.exp(1j * k)) ** 2
    np.testing.assert_allclose(
        found.occupation.values[:, :, 0], 0.8 * np.exp(-times[:, None] * rate), atol=1e-11
    )


def test_dephasing_alone_is_linear():
    """Both spins alike without spin mixing: each band relaxes to its mean at the same rate."""
    cell = chains.rashba(g_eq=0.0, az=0.0, up=0.5, down=0.5, cells=12, filling=None)

    def bands(k):
        return np.stack([0.5 + 0.3 * np.sin(k), 0.5 + 0.4 * np.cos(k)], axis=1)

    k = 2 * np.pi * np.arange(-6, 6) / 12
    found = evolve(cell, [0.7, 2.0], {"occupation": bands}, k)
    start = bands(k)
    # at half of the momenta the upper band has the other spin: h + 2 ay sin k changes its sign
    spin_up = (1 + 2 * 1.1 * np.sin(k) > 0)[:, None] == np.array([False, True])
    for t, n in zip([0.7, 2.0], found.occupation.values, strict=True):
        for spin in (spin_up, ~spin_up):
            wanted = start[spin].mean() + (start[spin] - start[spin].mean()) * np.exp(-0.5 * t)
            np.testing.assert_allclose(n[spin], wanted, atol=1e-10)


@pytest.mark.parametrize(
    ("initial", "match"),
    [
        ({"lagrange": 0.0, "filling": 0.5}, "given twice"),
        ({"occupation": 1.2}, "0 to 1"),
        ({"occupation": np.array([0.1, 0.2, 0.3])}, "3 values, and the number of bands is 1"),
        ({"occupation": 0.3}, "filling 0.3, and the chain is declared with 0.5"),
    ],
)
def test_beginnings_that_are_none(initial, match):
    with pytest.raises(ModelError, match=match):
        evolve(chains.nonreciprocal(cells=6), [1.0], initial)


def test_bands_may_begin_differently():
    found = evolve(chains.rashba(0.5, cells=8), [0.0], {"occupation": np.array([0.9, 0.1])})
    np.testing.assert_array_equal(found.occupation.values[0], np.tile([0.9, 0.1], (8, 1)))


def test_where_no_number_is_conserved_no_filling_is_declared():
    with pytest.raises(ModelError, match="none can be given"):
        evolve(chains.lossy(cells=6), [1.0], {"lagrange": 0.0}, filling=0.5)
