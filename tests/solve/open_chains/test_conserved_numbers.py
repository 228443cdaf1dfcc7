"""Which numbers have to be given, and how it is told when they are not."""

from dataclasses import replace

import numpy as np
import pytest

from modelkit.errors import ModelError
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.rates.classes import classes, determined
from modelkit.solve.open_chains.rates.gge import Gge
from modelkit.solve.open_chains.rates.sampling import sample
from tests.solve.open_chains import chains


def refused(cell, match):
    with pytest.raises(ModelError, match=match) as error:
        Gge().steady(OpenProblem(cell=cell))
    assert error.value.hint
    return error.value.message


def test_a_filling_that_is_missing():
    assert "depends on the filling" in refused(chains.nonreciprocal(filling=None), "conserved")


def test_a_filling_that_is_superfluous():
    message = refused(replace(chains.lossy(), filling=0.5), "none can be given")
    assert "'loss'" in message
    assert "'gain'" in message


def test_dark_modes_of_an_infinite_chain():
    message = refused(chains.rashba(g_eq=0.0), "not unique")
    assert "k_j = 0 of band 0" in message
    assert "k_j = pi of band 0" in message


def test_dark_modes_of_a_ring():
    message = refused(chains.rashba(g_eq=0.0, cells=10), "not unique")
    assert "the mode k_j = 0 of band 0" in message
    assert "the mode k_j = pi of band 0" in message


def test_a_ring_without_those_momenta_has_the_other_dark_mode_alone():
    message = refused(chains.rashba(g_eq=0.0, cells=9), "not unique")
    assert "k_j = 0 of band 0" in message
    assert "pi" not in message


def test_a_dark_mode_where_two_shapes_vanish():
    """|1 + delta e^{-ip}|² and |1 - delta' e^{ik}|² both at pi."""
    assert "k_j = pi of band 0" in refused(chains.nonreciprocal(1.0, delta=1, deltap=-1), "not unique")


def test_a_mode_that_is_only_entered_is_none():
    """delta = delta' = 1: pi is never entered, 0 never left."""
    found = Gge().steady(
        OpenProblem(cell=chains.nonreciprocal(1.0, delta=1, deltap=1), momenta=np.array([0.0, np.pi]))
    )
    np.testing.assert_allclose(found.occupation.values[:, 0], [1, 0], atol=1e-12)


def test_bands_that_exchange_nothing():
    """Spin along the field without spin-orbit mixing, dephasing of either spin."""
    assert "set" in refused(chains.rashba(g_eq=0.0, az=0.0, up=0.5, down=0.5), "one by one")


def test_no_jump_at_all():
    assert "4 more" in refused(
        chains.cell({0: [[0]], 1: [[-1]], -1: [[-1]]}, cells=7, filling=0.5), "one by one"
    )


@pytest.mark.parametrize("strength", [1e-3, 1e-10, 1e-18])
def test_the_weakest_bath_connects_everything(strength):
    taken = sample(chains.rashba(g_eq=strength), *chains.ring(10))
    assert len(classes(taken)) == 1
    assert len(determined(taken, 0.5)) == 1


def test_random_jumps_connect_everything():
    for seed in range(5):
        cell = chains.random(seed, 2, bath=0.0)
        assert len(classes(sample(cell, *chains.ring(12, 0.5)))) == 1


def test_rates_that_cancel_are_seen_as_zero():
    """The number in a cell moves no particle between bands that are its orbitals."""
    cell = chains.cell(
        {0: np.diag([0.0, 0.5]), 1: -np.eye(2), -1: -np.eye(2)},
        [chains.jump("number", 1.0, {(0, 0): np.eye(2)})],
        cells=4,
        filling=0.5,
    )
    # |w|² = 1 within a band, 0 between the bands
    assert [int(part.sum()) for part in classes(sample(cell, *chains.ring(4)))] == [4, 4]
