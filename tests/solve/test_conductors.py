"""What every registered method must fulfil, and which one is chosen."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.errors import ModelError, NotConverged
from modelkit.registry import methods
from modelkit.solve import request
from modelkit.solve.choose import choose
from modelkit.solve.conductor import Method
from tests.solve.systems import chain_matrix, constant, forests, system, wire

CONDUCTORS = [method for method in methods.values() if isinstance(method, Method)]
every_method = pytest.mark.parametrize("method", CONDUCTORS, ids=lambda method: method.name)


@every_method
@given(problem=forests(most=12))
@settings(max_examples=25, deadline=None)
def test_particles_are_conserved(method, problem):
    found = method.build(problem.system).at(problem.energies)
    currents = found.current(problem.f)
    gross = max(1.0, np.abs(currents).sum(axis=1).max())
    assert np.abs(currents.sum(axis=1)).max() < 1e-13 * gross
    system_ = problem.system
    # at each site what the terminals bring leaves through the bonds
    bonds = found.bond_current(problem.f)
    net = np.zeros((len(problem.energies), len(system_.weight)))
    np.add.at(net.T, system_.bond_target, bonds.T)
    np.add.at(net.T, system_.bond_source, -bonds.T)
    assert np.abs(net.sum(axis=1)).max(initial=0) < 1e-12 * max(1, np.abs(bonds).max(initial=0))
    untouched = ~np.isin(np.arange(len(system_.weight)), system_.contacts.site)
    assert np.abs(net[:, untouched]).max(initial=0) < 1e-12 * max(1, np.abs(bonds).max(initial=0))


@every_method
@given(problem=forests(most=12))
@settings(max_examples=25, deadline=None)
def test_currents_and_heat_are_those_of_the_transmission(method, problem):
    found = method.build(problem.system).at(problem.energies)
    t, f = found.transmission(), problem.f
    assert np.all(t >= 0)
    difference = f[:, :, None] - f[:, None, :]
    scale = 1e-12 * max(1, t.max() * np.abs(f).max() ** 2)
    assert np.abs(found.current(f) - (t * difference).sum(axis=2) / (2 * np.pi)).max() < scale
    heat = found.heat(f)
    assert np.all(heat >= 0)
    assert np.abs(heat - (t * difference**2).sum(axis=2) / (4 * np.pi)).max() < scale


@every_method
@given(problem=forests(most=12))
@settings(max_examples=25, deadline=None)
def test_a_balanced_terminal_carries_what_is_prescribed(method, problem):
    found = method.build(problem.system).at(problem.energies)
    f = found.balance(problem.f, problem.unknown, problem.constant, problem.slope)
    assert np.array_equal(f[:, ~problem.unknown], problem.f[:, ~problem.unknown])
    missing = found.current(f) - problem.constant - problem.slope * f
    assert np.abs(missing[:, problem.unknown]).max(initial=0) < 1e-11 * max(1, np.abs(f).max())


@every_method
@given(problem=forests(most=12), value=st.floats(-2, 2))
@settings(max_examples=15, deadline=None)
def test_a_common_distribution_moves_nothing_and_fills_the_states(method, problem, value):
    found = method.build(problem.system).at(problem.energies)
    f = np.full_like(problem.f, value)
    assert not found.current(f).any()
    assert not found.heat(f).any()
    assert not found.bond_current(f).any()
    filled = value * found.density_of_states()
    assert np.abs(found.density(f) - filled).max() < 1e-12 * max(1, np.abs(filled).max())


@every_method
def test_degenerate_conductors_carry_more(method):
    one = wire(5, 0.5)
    many = replace(one, weight=np.full(5, 3.0))
    f, energies = np.array([[1.0, 0.3, 0.2, 0.5, 0.0]]), np.array([0.4])
    single, triple = (method.build(s).at(energies) for s in (one, many))
    for name in ("current", "heat", "density", "bond_current"):
        assert np.allclose(getattr(triple, name)(f), 3 * getattr(single, name)(f), rtol=1e-13)
    unknown = np.array([False, True, True, True, False])
    constant_ = np.array([[0, 0.1, -0.1, 0.05, 0]])
    solved = triple.balance(f, unknown, constant_, 0 * constant_)
    assert np.allclose(triple.current(solved)[:, 1:4], constant_[:, 1:4], atol=1e-15)


@every_method
def test_no_energies_give_empty_arrays(method):
    found = method.build(wire(4, 0.5)).at(np.zeros(0))
    f = np.zeros((0, 4))
    assert found.current(f).shape == found.heat(f).shape == found.density(f).shape == (0, 4)
    assert found.bond_current(f).shape == (0, 3)
    assert found.transmission().shape == (0, 4, 4)


@every_method
def test_a_probe_that_nothing_reaches_is_refused(method):
    apart = system(np.diag([0.1, 0.2]), [0, 1], [0, 1], constant([-0.5j, -0.5j]))
    found = method.build(apart).at(np.array([0.3]))
    f, unknown, zero = np.array([[1.0, 0.7]]), np.array([False, True]), np.zeros((1, 2))
    with pytest.raises(NotConverged, match=r"at energy 0\.3 nothing reaches 1 of"):
        found.balance(f, unknown, zero, zero)
    assert np.allclose(found.balance(f, unknown, zero, zero, fill=True), f, rtol=1e-15)


@every_method
def test_a_system_without_terminals_has_empty_results(method):
    alone = system(chain_matrix(3), [], [], constant([]), n_terminals=0)
    found = method.build(alone).at(np.array([0.1]))
    assert found.transmission().shape == (1, 0, 0)
    assert found.current(np.zeros((1, 0))).shape == (1, 0)
    assert not found.density_of_states().any()


@every_method
@pytest.mark.parametrize("kept", [2**30, 0])
def test_factorisations_are_kept_in_one_place(method, kept, monkeypatch):
    """The conductor remembers nothing; where there is no room, the first batch and the last one stay."""
    monkeypatch.setattr(request, "KEPT", kept)
    open_system = wire(4, 0.5)
    prepared = request.Prepared(open_system, method.build(open_system), method.name, "", 1000)
    energies = [np.array([0.1, 0.2]), np.array([0.1, 0.3]), np.array([0.4])]
    first, second, third = (prepared.at(one) for one in energies)
    assert prepared.at(energies[0]) is first
    assert prepared.at(energies[2]) is third
    assert prepared.factorisations == 5
    assert (prepared.at(energies[1]) is second) == bool(kept)
    assert prepared.factorisations == (5 if kept else 7)
    assert prepared.conductor.at(energies[0]) is not first


def test_forests_are_solved_by_the_ladder_and_everything_else_by_the_sparse_method():
    method, why = choose(wire(5, 0.5))
    assert method.name == "ladder"
    assert "trees" in why
    h = chain_matrix(3).toarray()
    h[0, 2] = h[2, 0] = -1
    loop = system(h, [0], [0], constant([-1j]))
    method, why = choose(loop)
    assert method.name == "sparse"
    assert "loop" in why
    assert choose(wire(5, 0.5), "sparse")[0].name == "sparse"
    with pytest.raises(ModelError, match="cannot treat this system: the hops close a loop"):
        choose(loop, "ladder")
    with pytest.raises(ModelError, match="there is no method 'laddr'"):
        choose(loop, "laddr")
