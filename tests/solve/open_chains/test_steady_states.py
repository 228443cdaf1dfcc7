"""Steady states of infinite chains and rings by the method ``gge``: closed forms and figures of the paper."""

import time

import numpy as np
import pytest

from modelkit.errors import ModelError
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.rates.gge import Gge
from tests.solve.open_chains import chains


def steady(cell, momenta=None, asked=None):
    return Gge().steady(OpenProblem(cell=cell, momenta=momenta, asked=asked))


def current(cell):
    return float(steady(cell).current.values)


@pytest.mark.parametrize(
    ("g", "wanted"),
    [(0.1, 0.0106200949895132), (0.5, 0.03519366), (0.9, 0.04957420816600508), (1.0, 0.05243999604128824)],
)
def test_currents_of_a_chain_with_nonreciprocal_jumps(g, wanted):
    """Fig. 3b; at g = 1 a closed form."""
    assert current(chains.nonreciprocal(g)) == pytest.approx(wanted, abs=1e-8 if g == 0.5 else 1e-12)


def test_without_a_bath_occupations_are_a_ratio_of_two_shapes():
    """n = a/(a + r b) with one r for all momenta."""
    k = np.linspace(-3, 3, 11)
    d, dp = 1 + 1j, 1 + 0.5j
    found = steady(chains.nonreciprocal(1.0), k)
    a = 1 + abs(d) ** 2 + 2 * (d * np.exp(-1j * k)).real
    b = 1 + abs(dp) ** 2 - 2 * (dp * np.exp(1j * k)).real
    r = np.exp(found.lagrange_multiplier.values[:, 0]) * a / b
    np.testing.assert_allclose(r, 1.40996346373327, rtol=1e-12)


def test_occupations_are_evaluated_at_the_momenta_that_are_asked():
    """Fig. 3a."""
    wanted = [2.267666902311902, 0.3909360948062826, -3.0773331012515586, -0.04848656727109303]
    found = steady(chains.nonreciprocal(0.5), np.array([-np.pi, -np.pi / 2, 0, np.pi / 2]))
    np.testing.assert_allclose(found.lagrange_multiplier.values[:, 0], wanted, atol=1e-10)
    assert found.occupation.dims == ("momentum", "band")


def test_asked_momenta_of_a_long_ring_are_those_of_its_modes():
    """What is evaluated between modes agrees with the modes."""
    ring = chains.rashba(0.9, cells=64)
    own = steady(ring)
    asked = steady(ring, own.grids["momentum"][5:9])
    np.testing.assert_allclose(asked.occupation.values, own.occupation.values[5:9], atol=1e-14)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"g_neq": 0.9}, [0.09719450668773386, 0.021063253874070667, 0.07613125281366319]),
        ({"g_neq": 0.98}, [0.13325756158668206, 0.03161553889782383, 0.1016420226888583]),
        ({"g_neq": 0.0}, [0.0, -0.010275166469931065, 0.010275166469931131]),
        (
            {"g_neq": 0.9, "up": 0.0, "down": 1.0},
            [-0.0971945066877338, -0.07613125281366313, -0.02106325387407],
        ),
    ],
)
def test_currents_of_the_rashba_chain(options, wanted):
    """Figs. 5a, 6a."""
    found = steady(chains.rashba(**options))
    np.testing.assert_allclose([found.current.values, *found.current_by_spin.values], wanted, atol=1e-11)
    assert found.current_by_orbital.values.sum() == pytest.approx(float(found.current.values), abs=1e-14)


def test_occupations_of_the_rashba_chain():
    """Fig. 5c."""
    found = steady(chains.rashba(0.98), np.array([-np.pi / 2, 0, np.pi / 2]))
    upper = [0.17848143464977362, 0.46279039970145835, 0.15980509220402803]
    lower = [0.6385664622903517, 0.9988346767947023, 0.9847353272197978]
    np.testing.assert_allclose(found.occupation.values.T, [lower, upper], atol=1e-11)


def test_the_current_changes_sign_beside_the_dark_modes():
    """Fig. 5a: 1 - g_neq = 4.183342e-4; the occupations vary within layers there."""
    found = steady(chains.rashba(g_eq=0.0004183342385265416))
    assert abs(float(found.current.values)) < 1e-10
    assert found.audits["momenta"] < 1e-12


def test_the_square_root_law_of_the_dark_modes():
    """current = c sqrt(g_eq), c in closed form; corrections of the next two orders are eliminated."""
    x = np.sqrt([1e-6, 1e-8, 1e-10])
    slope = [current(chains.rashba(g_eq=g)) / np.sqrt(g) for g in (1e-6, 1e-8, 1e-10)]
    assert slope[1] == pytest.approx(-11.4068, abs=1e-4)  # a ring of 2e5 cells
    c = np.linalg.solve(np.vander(x, 3, increasing=True), slope)[0]
    assert c == pytest.approx(-11.417331511987582, abs=2e-6)


@pytest.mark.parametrize("g", [1e-4, 1e-6])
def test_panels_agree_with_a_long_ring(g):
    cells = 2 * int(40 / np.sqrt(g) / 2)
    assert current(chains.rashba(g_eq=g)) == pytest.approx(
        current(chains.rashba(g_eq=g, cells=cells)), abs=1e-9
    )


@pytest.mark.parametrize("missing", ["h", "ay", "az"])
def test_the_rashba_chain_needs_all_of_its_terms(missing):
    assert abs(current(chains.rashba(0.9, **{missing: 0.0}))) < 1e-12


@pytest.mark.parametrize(
    "options",
    [
        {"delta": 2, "deltap": 0.5},  # real: parity
        {"deltap": 1 + 1j},  # deltap = delta at half filling: particles and holes
        {"deltap": 0.5 + 0.5j},  # deltap = 1/conj(delta)
    ],
)
def test_symmetric_jumps_drive_no_current(options):
    assert abs(current(chains.nonreciprocal(0.5, **options))) < 1e-12


def test_conjugate_jumps_reverse_the_current():
    straight = current(chains.nonreciprocal(0.5, filling=0.3))
    assert current(chains.nonreciprocal(0.5, delta=1 - 1j, deltap=1 - 0.5j, filling=0.3)) == pytest.approx(
        -straight, abs=1e-13
    )


def test_exchanging_particles_and_holes_reverses_the_current():
    """I(g_up, g_down; n) = -I(g_down, g_up; 1 - n); equal dephasing rectifies away from half filling."""
    assert current(chains.rashba(0.9, up=0.5, down=0.5, filling=0.25)) == pytest.approx(0.0209791, abs=1e-7)
    assert current(chains.rashba(0.9, up=0.3, down=0.7, filling=0.2)) == pytest.approx(
        -current(chains.rashba(0.9, up=0.7, down=0.3, filling=0.8)), abs=1e-12
    )


def test_loss_and_gain_have_a_filling_of_their_own():
    """Closed form: density 3/8, current 3/10."""
    found = steady(chains.lossy())
    assert float(found.current.values) == pytest.approx(0.3, abs=1e-14)
    loss = dict(zip(found.labels["dissipator"], found.loss_rate.values, strict=True))
    assert loss["gain"] == pytest.approx(-0.6 * (1 - 3 / 8), abs=1e-14)
    assert loss["loss"] == pytest.approx(-loss["gain"], abs=1e-14)


@pytest.mark.parametrize(("cell", "wanted"), [
    (chains.nonreciprocal(0.5, cells=6), 0.029933652615961842),
    (chains.rashba(0.9, cells=4), -0.08261336454069795),
])  # fmt: skip
def test_short_rings(cell, wanted):
    assert current(cell) == pytest.approx(wanted, abs=1e-12)


def test_long_rings_take_milliseconds():
    """Time grows with the number of modes, not with a power of it."""
    taken = {}
    for cells in (4000, 64000):
        start = time.perf_counter()
        steady(chains.nonreciprocal(0.9, cells=cells))
        taken[cells] = time.perf_counter() - start
    assert taken[4000] < 0.5
    assert taken[64000] < 60 * max(taken[4000], 0.01)


def test_infinite_chains_are_refused_a_wrong_label():
    with pytest.raises(ModelError, match="conserved") as error:
        steady(chains.nonreciprocal(0.5, filling=None))
    assert "filling" in error.value.hint
