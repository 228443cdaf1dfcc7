"""The exclusion process of the modes, and its expansion in 1/L."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import null_space

from modelkit.errors import ModelError, NotConverged
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.rates.exclusion import process
from modelkit.solve.open_chains.rates.finite_size import order_1_over_L
from modelkit.solve.open_chains.rates.gge import Gge
from modelkit.solve.open_chains.rates.populations import PopulationsOfModes
from modelkit.solve.open_chains.rates.sampling import sample
from tests.solve.open_chains import chains


def steady(cell, momenta=None):
    return PopulationsOfModes().steady(OpenProblem(cell=cell, momenta=momenta))


def brute_mean(cell, particles):
    """Mean occupations of the process over all tuples of 0 and 1."""
    taken = sample(cell, *chains.ring(cell.cells))
    K, loss, gain = chains.brute_rates(cell, taken.modes)
    M = len(loss)
    states = [s for s in product((0, 1), repeat=M) if particles is None or sum(s) == particles]
    number = {s: i for i, s in enumerate(states)}
    rate = np.zeros((len(states), len(states)))

    def enter(s, changes, r):
        t = list(s)
        for place, value in changes:
            t[place] = value
        rate[number[tuple(t)], number[s]] += r
        rate[number[s], number[s]] -= r

    for s in states:
        for a in range(M):
            if particles is None:
                enter(s, [(a, 1 - s[a])], loss[a] if s[a] else gain[a])
            for b in range(M):
                if s[b] and not s[a]:
                    enter(s, [(b, 0), (a, 1)], K[a, b] / cell.cells)
    (p,) = null_space(rate, rcond=1e-11).T
    return (p / p.sum()) @ np.array(states)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_random_rings_against_the_whole_matrix(seed, linear):
    cell = chains.random(seed, 2, linear=linear, cells=3, filling=1 / 3)
    wanted = brute_mean(cell, None if linear else 2)
    np.testing.assert_allclose(steady(cell).occupation.values.ravel(), wanted, atol=1e-9)


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        (chains.nonreciprocal(0.5, cells=6), 0.02137077886616555),
        (chains.nonreciprocal(0.5, cells=14), 0.037803),
        (chains.rashba(0.9, cells=3), 0.133401),
        (chains.rashba(0.9, cells=5), 0.233098),
    ],
)
def test_currents_of_short_rings(cell, wanted):
    found = steady(cell)
    assert float(found.current.values) == pytest.approx(wanted, abs=1e-8 if wanted < 0.03 else 1e-6)
    assert found.audits["steady_state"] < 1e-12


def test_momenta_that_are_asked_are_those_of_the_ring():
    cell = chains.nonreciprocal(0.5, cells=6)
    own = steady(cell)
    asked = steady(cell, np.array([np.pi, 0.0, -np.pi / 3]))
    np.testing.assert_array_equal(asked.occupation.values, own.occupation.values[[0, 3, 2]])
    assert float(asked.current.values) == pytest.approx(float(own.current.values), abs=1e-15)


def test_each_configuration_is_left_as_fast_as_particles_hop():
    taken = sample(chains.nonreciprocal(0.5, cells=5), *chains.ring(5))
    made = process(taken.rates, 2)
    assert made.configurations.tolist() == [3, 5, 6, 9, 10, 12, 17, 18, 20, 24]
    K, *_ = chains.brute_rates(taken.cell, taken.modes)
    first = sum(K[a, b] for b in (0, 1) for a in (2, 3, 4)) / 5
    assert made.leaving[0] == pytest.approx(first, rel=1e-13)


@pytest.mark.parametrize(
    ("cell", "momenta", "match"),
    [
        (chains.nonreciprocal(0.5), None, "number of cells"),
        (chains.nonreciprocal(0.5, cells=5), None, "2.5 particles"),
        (chains.nonreciprocal(0.5, cells=6), np.array([0.1]), "no momentum of a ring of 6"),
    ],
)
def test_what_is_refused(cell, momenta, match):
    error = PopulationsOfModes().refuses(OpenProblem(cell=cell, momenta=momenta))
    assert error is not None
    assert match in error.message
    assert error.hint


def test_memory_is_estimated_in_advance():
    with pytest.raises(ModelError, match="GB of memory") as error:
        steady(chains.nonreciprocal(0.5, cells=40))
    assert "gge" in error.value.hint


def test_an_evolution_is_refused():
    with pytest.raises(ModelError, match="steady states only"):
        PopulationsOfModes().evolve(OpenProblem(cell=chains.nonreciprocal(cells=4)), np.ones(1), {})


def test_the_order_1_over_L_is_the_limit():
    """Fixed number, then the mixture of numbers that infinite temperature leaves."""
    cell = chains.nonreciprocal(0.5)
    assert order_1_over_L(cell, 0.5).value == pytest.approx(0.03911296001419803, abs=1e-11)
    assert order_1_over_L(cell, 0.5, spread=0.25).value == pytest.approx(-0.028476700349100388, abs=1e-11)


def test_the_order_1_over_L_is_what_long_rings_have_more():
    """L (I_populations - I_gge) = c + c'/L with c' from two rings of smooth occupations."""
    shape = {"beta": 0.3, "delta": 0.3 + 0.3j, "deltap": 0.2 + 0.4j}
    more = {}
    for L in (10, 14):
        cell = chains.nonreciprocal(0.5, cells=L, **shape)
        gge = Gge().steady(OpenProblem(cell=cell))
        more[L] = L * float(steady(cell).current.values - gge.current.values)
    limit = (14 * more[14] - 10 * more[10]) / 4
    assert order_1_over_L(chains.nonreciprocal(0.5, **shape), 0.5).value == pytest.approx(limit, rel=0.01)


def test_modes_that_only_lose_and_gain_have_no_correlations():
    assert order_1_over_L(chains.lossy(), None).value == pytest.approx(0, abs=1e-15)


@pytest.mark.slow
def test_layers_are_too_narrow_for_full_matrices():
    with pytest.raises(NotConverged, match="order 1/L"):
        order_1_over_L(chains.rashba(g_eq=1e-8), 0.5)


def test_long_rings_are_refused():
    with pytest.raises(ModelError, match="full matrices"):
        order_1_over_L(chains.nonreciprocal(cells=2000), 0.5)
