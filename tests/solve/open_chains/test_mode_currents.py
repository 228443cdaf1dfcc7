"""Currents of Gaussian states: by spin, by the jumps themselves; density matrices and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.solve.open_chains.cell_currents import by_spin
from modelkit.solve.open_chains.rates.correlations import correlations
from modelkit.solve.open_chains.rates.currents import (
    current,
    current_by_orbital,
    jump_current,
    loss_rates,
)
from modelkit.solve.open_chains.rates.kinetics import Filled, flow
from modelkit.solve.open_chains.rates.sampling import sample
from tests.solve.open_chains import chains
from tests.solve.open_chains.fock import Ring, dissipated, product_state

few = settings(max_examples=5, deadline=None)
seeds = st.integers(0, 10**6)


def drawn(seed, taken):
    n = np.random.default_rng(seed).uniform(0, 1, taken.modes.energy.size)
    return Filled(n, 1 - n)


@few
@given(seeds)
def test_spin_currents_of_the_rashba_chain_are_those_of_the_paper(seed):
    """Eqs. (C5), (C6) at arbitrary occupations."""
    ay, az, h = 1.1, 0.9, 1.0
    taken = sample(chains.rashba(ay=ay, az=az, h=h), *chains.ring(14, 0.5))
    filled = drawn(seed, taken)
    q = taken.modes.k
    lower, upper = filled.particles.reshape(-1, 2).T
    A = 2 * ay * np.sin(q) + h
    E = np.sqrt(A**2 + 4 * az**2 * np.sin(q) ** 2)
    last = np.mean(2 * az**2 * np.sin(q) * np.cos(q) * (upper - lower) / E)
    up = np.mean((np.sin(q) + ay * np.cos(q)) * ((1 + A / E) * upper + (1 - A / E) * lower)) + last
    down = np.mean((np.sin(q) - ay * np.cos(q)) * ((1 - A / E) * upper + (1 + A / E) * lower)) + last
    found = by_spin(taken.cell, current_by_orbital(taken, filled))
    np.testing.assert_allclose(found, [up, down], atol=1e-14)
    assert found.sum() == pytest.approx(current(taken, filled), abs=1e-14)


@few
@given(seeds, st.integers(1, 3), st.integers(1, 3))
def test_orbitals_add_up_to_the_velocity(seed, d, reach):
    """Hops over x cells count x times."""
    taken = sample(chains.random(seed, d, reach=reach), *chains.ring(9, 0.5))
    filled = drawn(seed, taken)
    total = current_by_orbital(taken, filled).sum()
    assert total == pytest.approx(current(taken, filled), abs=1e-12)


@few
@given(seeds)
def test_correlations_are_expectation_values(seed):
    cell = chains.random(seed, 2, cells=3)
    taken = sample(cell, *chains.ring(3))
    filled = drawn(seed, taken)
    ring = Ring(cell, taken.modes)
    rho = product_state(ring.eta, filled.particles)
    for x in (0, 1, 2):
        exact = [
            [np.trace(rho @ ring.site(1, t).conj().T @ ring.site(1 + x, s)) for t in (0, 1)] for s in (0, 1)
        ]
        np.testing.assert_allclose(correlations(taken.modes, filled, x), exact, atol=1e-13)


@few
@given(seeds)
def test_jumps_move_particles_as_in_the_density_matrix(seed):
    """Rate of change of sum x n by one operator that reaches from cell 0 to cell 1."""
    rng = np.random.default_rng(seed)
    W = {(x, y): rng.normal(size=(1, 1)) + 1j * rng.normal(size=(1, 1)) for x in (0, 1) for y in (0, 1)}
    cell = chains.cell({0: [[0.3]], 1: [[1j]], -1: [[-1j]]}, [chains.jump("W", 0.7, W)], cells=5)
    taken = sample(cell, *chains.ring(5))
    filled = drawn(seed, taken)
    ring = Ring(cell, taken.modes)
    rho = product_state(ring.eta, filled.particles)
    change = 0.7 * dissipated(ring.jump(cell.jumps[0], 0), rho)
    right = ring.site(1, 0)
    exact = np.trace(right.conj().T @ right @ change).real
    assert jump_current(taken, filled) == pytest.approx(exact, abs=1e-13)


@pytest.mark.parametrize("n", [0.2, 0.5])
def test_an_exclusion_process_moves_n_times_its_holes(n):
    """``L_j = c_{j+1}† c_j`` in the state without correlations."""
    cell = chains.cell(
        {0: [[0]], 1: [[-1]], -1: [[-1]]}, [chains.jump("hop", 1.5, {(1, 0): [[1]]})], cells=8, filling=n
    )
    taken = sample(cell, *chains.ring(8))
    filled = Filled(np.full(8, n), np.full(8, 1 - n))
    assert np.abs(flow(taken.rates, filled.particles)).max() < 1e-15
    assert jump_current(taken, filled) == pytest.approx(1.5 * n * (1 - n), abs=1e-14)


@few
@given(seeds)
def test_what_dissipators_take_is_what_the_modes_lose(seed):
    taken = sample(chains.random(seed, 2, linear=True), *chains.ring(7, 0.5))
    filled = drawn(seed, taken)
    change = taken.rates.weight @ flow(taken.rates, filled.particles)
    assert loss_rates(taken, filled).sum() == pytest.approx(-change, abs=1e-12)
