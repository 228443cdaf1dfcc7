"""Mode permutations, rules and charges of open chains, beside numbers of the rate equation."""

from __future__ import annotations

import numpy as np
import pytest

from modelkit.symmetry.chains.conserved import conserved
from modelkit.symmetry.chains.jump_report import Flow, JumpReport, forbids_current
from modelkit.symmetry.chains.jumps import operations
from modelkit.symmetry.chains.kinetic import classes, energy_only, permutations, unital
from modelkit.symmetry.chains.open_chain import Bath, OneBody, OpenChain, loss
from tests.symmetry.chains import (
    chain1,
    chain2,
    commuting,
    exact,
    kinetic,
    rates,
)

# ---- the kinetic level ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("off", "angle"), [("h", np.hypot(1.1, 0.9)), ("az", 1.1)])
def test_shifted_bands_have_centres_of_their_own_which_a_short_ring_does_not_know(off, angle):
    chain = chain2(**{off: 0})
    (found, *_) = permutations(chain)
    assert (found.holes, found.reflected) == (False, True)
    assert sorted(np.abs(found.centre)) == pytest.approx([2 * np.arctan(angle)] * 2)
    assert abs(kinetic(chain, 0.3)) < 1e-10
    assert not any(each.reverses_current for each in operations(chain))
    assert str(forbids_current(chain, any_coupling=True)).startswith("not forbidden: ")
    assert abs(exact(chain, 3, 3, 1e-4)[0]) > 0.02


def test_permutations_are_told_from_those_at_half_filling():
    chain = OpenChain({1: -1}, (OneBody({(0, 0): 1, (1, 1): 0.5}), Bath(2)))
    assert str(permutations(chain)[0]) == "k -> -k"
    assert abs(kinetic(chain, 0.3)) < 1e-10
    flip = OneBody({(1, 0): [[0, 1], [0, 0]]})
    chain = OpenChain(chain2().hopping, (flip, Bath(2)), spaces=("spin",))
    assert [each.holes for each in permutations(chain)] == [True]
    assert abs(kinetic(chain)) < 1e-10
    assert abs(kinetic(chain, 0.3)) > 1e-3


@pytest.mark.parametrize(
    ("chain", "is_function"),
    [
        (chain2(g=0), True),
        (OpenChain({1: -1, 2: 0.3j}, (OneBody({(0, 0): 1}), Bath(2))), True),
        (OpenChain({1: -1, 2: 0.3j}, (OneBody({(0, 0): 1, (1, 1): 0.5}), Bath(2))), False),
        (chain2(), False),
    ],
)
def test_occupations_that_depend_on_energy_only_carry_no_current(chain, is_function):
    assert energy_only(chain) is is_function
    current = kinetic(chain, 0.3)
    assert abs(current) < 1e-10 if is_function else abs(current) > 1e-3


def test_jumps_far_slower_than_a_bath_are_not_forgotten():
    slow = chain1(1 + 1j, 1 + 0.5j, 1e-12)
    assert str(forbids_current(slow)).startswith("not forbidden: ")
    assert not energy_only(slow)


def test_unital_jumps_carry_no_current_but_their_own():
    chain = OpenChain({1: -1}, (OneBody({(1, 0): 1}),))
    assert unital(chain)
    assert not unital(chain1(1 + 1j, 1 + 0.5j, 1))
    assert abs(kinetic(chain, 0.3)) < 1e-10
    assert abs(kinetic(chain1(1 + 1j, 1 + 0.5j, 1)) - 0.052439996) < 1e-9
    assert "unital without thermal bath" in [each.reason for each in JumpReport(chain).statements]
    assert "all states are filled alike" in str(forbids_current(chain, any_coupling=True))
    moved = JumpReport(chain, Flow("jump_current", by_jumps=True))
    assert str(moved.verdict(any_coupling=True)).startswith("not forbidden: ")
    hamiltonian, own = exact(chain, 6, 3, 0.1)
    assert abs(hamiltonian) < 1e-10
    assert own == pytest.approx(0.1 * 3 / 10)  # eps <n_j (1 - n_{j+1})>


def test_bands_that_are_one_leave_the_rate_equation_open():
    chain = OpenChain({1: -np.eye(2), 2: 0.3j * np.eye(2)}, (OneBody({(0, 0): [[1, 2], [0, 0]]}), Bath(1)))
    verdict = forbids_current(chain)
    assert str(verdict).startswith("not decided: bands are one at all k")


# ---- charges ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chain", "cells", "count"),
    [
        (chain2(g=1), 4, 3),  # two momenta of pure down spin are dark
        (chain2(g=1), 5, 2),
        (chain2(0.5, g=1), 4, 1),
        (OpenChain({1: -1}, (OneBody({(0, 0): 1}),)), 4, 1),
    ],
)
def test_charges_are_counted_as_by_brute_force(chain, cells, count):
    assert conserved(chain, cells) == commuting(chain, cells) == classes(chain, cells) == count
    R, _ = rates(chain, cells, half=False)
    J = R - np.diag(R.sum(axis=0))  # of the rate equation, linear for these jumps
    assert len(R) - np.linalg.matrix_rank(J, tol=1e-9) == count


def test_a_bath_leaves_the_number_alone_and_a_dark_mode_of_loss_stays():
    assert conserved(chain2(), 4) == classes(chain2(), 4) == 1
    dark = OpenChain({1: -1}, (loss({0: 1, 1: 1}),))  # nothing is lost at k = pi
    assert conserved(dark, 6) == classes(dark, 6) == 1
    assert conserved(dark, 5) == classes(dark, 5) == 0
    assert "3 conserved charges" in str(forbids_current(chain2(g=1)))
