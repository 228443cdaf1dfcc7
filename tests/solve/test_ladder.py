"""The ladder against closed forms, extended precision and its promises on special points."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.errors import ModelError, NotConverged
from modelkit.registry import methods
from modelkit.solve import choose as _choose  # noqa: F401  (enters the methods)
from modelkit.solve.methods.ladder import cavities as cavities_module
from modelkit.solve.methods.ladder import ladder as ladder_module
from tests.solve.systems import chain_matrix, constant, forest_matrix, forests, half_chain, system, wire

LADDER, SPARSE = methods["ladder"], methods["sparse"]


def at(open_system, *energies, method=LADDER):
    return method.build(open_system).at(np.array(energies, dtype=float))


def sourced(n, injected, bias):
    """f, unknown, constant, slope of a wire whose inner probes carry +Ig, -Ig, ..."""
    f = np.zeros((1, n))
    f[0, [0, -1]] = bias / 2, -bias / 2
    unknown = np.ones(n, dtype=bool)
    unknown[[0, -1]] = False
    currents = np.zeros((1, n))
    currents[0, 1:-1] = injected * (-1.0) ** np.arange(n - 2)
    return f, unknown, currents, np.zeros((1, n))


@given(forests())
@settings(max_examples=60, deadline=None)
def test_it_agrees_with_the_dense_method_on_any_forest(problem):
    ladder, dense = (method.build(problem.system).at(problem.energies) for method in (LADDER, SPARSE))
    for name in ("current", "heat", "density", "bond_current"):
        expected = getattr(dense, name)(problem.f)
        scale = max(1, np.abs(expected).max(initial=0))
        assert np.abs(getattr(ladder, name)(problem.f) - expected).max(initial=0) < 1e-11 * scale, name
    t = dense.transmission()
    assert np.abs(ladder.transmission() - t).max() < 1e-11 * max(1, t.max())
    dos = dense.density_of_states()
    assert np.abs(ladder.density_of_states() - dos).max() < 1e-10 * max(1, dos.max())
    given_conditions = problem.f, problem.unknown, problem.constant, problem.slope
    solved, expected = ladder.balance(*given_conditions), dense.balance(*given_conditions)
    assert np.abs(solved - expected).max() < 1e-8 * max(1, np.abs(expected).max())
    residual = ladder.current(solved) - problem.constant - problem.slope * solved
    assert np.abs(residual[:, problem.unknown]).max(initial=0) < 1e-13 * max(1, np.abs(solved).max())


@given(forests())
@settings(max_examples=40, deadline=None)
def test_resistances_and_conductances_give_the_same_balance(problem):
    conditions = problem.f, problem.unknown, problem.constant, problem.slope
    solved = []
    for benign in (0.0, 1e4):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ladder_module, "BENIGN", benign)
            solved.append(LADDER.build(problem.system).at(problem.energies).balance(*conditions))
    assert np.abs(solved[0] - solved[1]).max() < 1e-8 * max(1, np.abs(solved[0]).max())


@given(st.floats(0.05, 1.2), st.floats(-1.9, 1.9))
def test_four_sites_give_the_closed_forms(gamma, mu):
    g2, q = gamma**2, 1 - mu**2 / 4
    d = (2 + 2 * g2 + g2**2) ** 2 - (1 + 2 * g2 + 5 * g2**2 + 2 * g2**3) * mu**2 + g2**2 * mu**4
    wire4 = at(wire(4, gamma), mu)
    t = wire4.transmission()[0]
    neighbour = 4 * g2 * q * (1 + g2**2 - g2 * (mu**2 - 2)) / d
    expected = {(0, 2): 4 * g2 * q / d, (1, 3): 4 * g2 * q / d, (1, 2): 4 * g2**2 * q / d, (0, 3): 4 * q / d,
                (0, 1): neighbour, (2, 3): neighbour}  # fmt: skip
    for (to, start), value in expected.items():
        assert t[to, start] == pytest.approx(value, rel=1e-10)
        assert t[start, to] == pytest.approx(value, rel=1e-10)
    injected, bias = 0.003, 0.1
    problem = sourced(4, injected, bias)
    solved = wire4.balance(*problem)
    shift = np.pi * d * injected + g2**2 * q * (g2 + 2 - mu**2) * bias
    shift /= 2 * g2 * q * (2 + g2**2 + 4 * g2 - g2 * mu**2)
    assert solved[0, 1] == pytest.approx(shift, rel=1e-9)
    assert solved[0, 2] == pytest.approx(-shift, rel=1e-9)
    conductance = (4 - mu**2) * (2 + g2**2 + 2 * g2 - g2 * mu**2) * (g2 + 1) ** 2
    conductance /= 2 * np.pi * d * (2 + g2**2 + 4 * g2 - g2 * mu**2)
    offset = (g2**2 + 2 * g2 - g2 * mu**2) / (2 + g2**2 + 4 * g2 - g2 * mu**2) * injected
    assert wire4.current(solved)[0, 0] == pytest.approx(conductance * bias - offset, abs=1e-13)


@pytest.mark.parametrize("n", [6, 9, 12, 30])
def test_a_dimer_half_a_wavelength_apart_makes_no_difference(n):
    dimer = at(wire(n, 0.5, sites=[1, n - 2]), 1.0)
    f, unknown, currents, slope = sourced(4, 0.01, 0.0)
    assert abs(dimer.current(dimer.balance(f, unknown, currents, slope))[0, 0]) < 1e-15


def test_a_dimer_elsewhere_gives_the_offset_of_the_closed_form():
    gamma, injected = 0.5, 0.01
    for n, mu in ((5, 1.0), (7, 0.3), (20, -0.7)):
        k = np.arccos(mu / 2)
        u = gamma**2 * np.sin((n - 3) * k) / np.sin(k)
        xi = 1 + u * (u - 2 * np.cos((n - 3) * k + k))
        dimer = at(wire(n, gamma, sites=[1, n - 2]), mu)
        found = dimer.current(dimer.balance(*sourced(4, injected, 0.0)))[0, 0]
        assert found == pytest.approx(-(xi - 1) * injected / (xi + 1 + 2 * gamma**2), rel=1e-11)


@pytest.mark.parametrize(("gamma", "tolerance"), [(0.3, 1e-11), (0.01, 1e-11), (0.001, 1e-9)])
def test_long_wires_keep_the_small_difference(gamma, tolerance):
    n, injected = 400, 0.01
    wire_n = at(wire(n, gamma), 1.0)
    offset = -wire_n.current(wire_n.balance(*sourced(n, injected, 0.0)))[0, 0]
    assert offset == pytest.approx(injected * _offset_in_extended_precision(n, gamma), rel=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize(("gamma", "tolerance"), [(0.01, 1e-10), (0.001, 1e-8)])
def test_a_hundred_thousand_sites_keep_the_small_difference(gamma, tolerance):
    n, injected = 100_000, 0.01
    wire_n = at(wire(n, gamma), 1.0)
    offset = -wire_n.current(wire_n.balance(*sourced(n, injected, 0.0)))[0, 0]
    assert offset == pytest.approx(injected * _offset_in_extended_precision(n, gamma), rel=tolerance)


def _offset_in_extended_precision(n, gamma):
    """The local Ohm's law, ``sum r_j C_j / R``, with 40 digits."""
    from mpmath import mp, mpc, mpf, sqrt

    with mp.workdps(40):
        g2 = mpf(repr(gamma)) ** 2
        ends, inner = (1 - (mpc(1, 0) - mpc(0, 1) * sqrt(mpf(3))) / 2 * s for s in (mpf(1), g2))
        left = [1 / ends]
        for _ in range(n - 2):
            left.append(1 / (inner - left[-1]))
        left.append(1 / (ends - left[-1]))
        right = left[::-1]  # the wire is its own mirror image
        local = [left[0] ** -1 - right[1], *[inner - left[j - 1] - right[j + 1] for j in range(1, n - 1)]]
        local.append(left[-1] ** -1)
        greens = [1 / z for z in local]
        a = [-2 * value.imag for value in greens]
        b = [abs(value) ** 2 for value in greens]
        carried, total, weighted = mpf(0), 2 / (sqrt(mpf(3)) * a[0]), mpf(0)
        for j in range(n - 1):
            up, down = abs(right[j + 1]) ** 2, abs(left[j]) ** 2
            if j:
                carried += (-1) ** (j - 1)
            r = b[j] * (1 - up * down) / (down * a[j] * a[j + 1])
            total += r
            weighted += r * carried
        return float(weighted / total)


@given(forests(), st.floats(-3, 3))
@settings(max_examples=40, deadline=None)
def test_equal_distributions_carry_exactly_nothing(problem, value):
    conductance = LADDER.build(problem.system).at(problem.energies)
    f = np.full_like(problem.f, value)
    assert not conductance.current(f).any()
    assert not conductance.heat(f).any()
    assert not conductance.bond_current(f).any()
    zero = np.zeros_like(f)
    assert np.array_equal(conductance.balance(f, problem.unknown, zero, zero), f)


@given(forests(most=20), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_phases_and_numbers_of_the_sites_do_not_matter(problem, seed):
    rng = np.random.default_rng(seed)
    n = problem.system.hamiltonian.shape[0]
    order = rng.permutation(n)
    phase = np.exp(2j * np.pi * rng.random(n))
    h = problem.system.hamiltonian.toarray() * np.outer(phase, phase.conj())
    contacts = problem.system.contacts
    place = np.argsort(order)
    other = system(h[np.ix_(order, order)], contacts.terminal, place[contacts.site], contacts.sigma,
                   n_terminals=problem.system.n_terminals)  # fmt: skip
    one, two = (LADDER.build(s).at(problem.energies) for s in (problem.system, other))
    scale = max(1, np.abs(one.transmission()).max())
    assert np.abs(one.current(problem.f) - two.current(problem.f)).max() < 1e-11 * scale
    densities = one.density(problem.f)[:, order]
    assert np.abs(densities - two.density(problem.f)).max(initial=0) < 1e-11 * max(1, np.abs(densities).max())


RESONANT = {
    "a resonant stub cuts the wire": ([-1, 0, 1, 1, 3], [0, 4], [0, 1]),
    "two resonant stubs on one site": ([-1, 0, 1, 1, 1], [0, 2], [0, 1]),
    "every second site of an odd chain": ([-1, 0, 1, 2, 3, 4, 5], [0, 6], [0, 1]),
    "contacts in the middle": ([-1, 0, 1, 2, 3, 4, 5], [2, 4], [0, 1]),
    "a star with equal leaves": ([-1, 0, 0, 0, 0, 0], [0, 3, 4], [0, 1, 2]),
}


@pytest.mark.parametrize("name", RESONANT)
def test_exact_resonances_and_transmission_zeros_give_the_right_numbers(name):
    parents, sites, terminals = RESONANT[name]
    n = len(parents)
    h = np.zeros((n, n))
    for child, parent in enumerate(parents):
        if parent >= 0:
            h[child, parent] = h[parent, child] = -1.0
    open_system = system(h, terminals, sites, constant([-0.5j] * len(sites)))
    found = at(open_system, 0.0)
    # the limit from beside the resonance: every Green function is even or odd around it
    beside = at(open_system, 1e-7, method=SPARSE)
    assert np.abs(found.transmission() - beside.transmission()).max() < 1e-12
    f = np.zeros((1, len(sites)))
    f[0, 0] = 1.0
    assert np.abs(found.current(f) - beside.current(f)).max() < 1e-12
    assert np.abs(found.heat(f) - beside.heat(f)).max() < 1e-12
    assert np.abs(found.density(f) - beside.density(f)).max() < 1e-5
    assert np.abs(found.bond_current(f) - beside.bond_current(f)).max() < 1e-7


def test_a_current_asked_of_a_probe_at_a_node_is_refused():
    h = np.zeros((5, 5))
    for a, b in ((0, 1), (1, 2), (1, 3), (3, 4)):
        h[a, b] = h[b, a] = -1.0
    # the stub 2 is resonant: site 1 has no weight at E = 0, a probe there sees nothing
    found = at(system(h, [0, 1, 2], [0, 4, 1], constant([-0.5j] * 3)), 0.0)
    unknown = np.array([False, False, True])
    f, zero = np.array([[1.0, 0.0, 0.0]]), np.zeros((1, 3))
    with pytest.raises(NotConverged, match="at energy 0 nothing reaches"):
        found.balance(f, unknown, np.array([[0.0, 0.0, 0.1]]), zero)


def test_probes_outside_the_band_are_not_determined_but_can_be_filled():
    outside = at(wire(6, 0.4), 2.5, 0.5)
    one, unknown, zero, _ = sourced(6, 0.0, 0.2)
    f, currents, slope = (np.repeat(part, 2, axis=0) for part in (one, zero, zero))
    with pytest.raises(NotConverged, match=r"at energy 2\.5 nothing reaches 4"):
        outside.balance(f, unknown, currents, slope)
    filled = outside.balance(f, unknown, currents, slope, fill=True)
    assert np.array_equal(filled[0], f[0])
    assert not outside.current(filled)[0].any()
    inside = at(wire(6, 0.4), 0.5)
    assert np.allclose(filled[1], inside.balance(f[1:], unknown, currents[1:], slope[1:])[0], atol=1e-15)


@pytest.mark.parametrize("shared", [False, True])
def test_a_group_of_probes_that_no_bath_reaches_is_refused_or_filled(shared):
    h = np.zeros((4, 4))
    h[0, 1] = h[1, 0] = h[2, 3] = h[3, 2] = 1.0
    terminal, site = [0, 1, 2, 3], [0, 1, 2, 3]
    if shared:
        terminal, site = [*terminal, 2], [*site, 3]
    found = at(system(h, terminal, site, constant([-0.3j] * len(site))), 0.4)
    f, unknown = np.array([[1.0, 0.0, 0.25, 0.25]]), np.array([False, True, True, True])
    zero = np.zeros((1, 4))
    with pytest.raises(NotConverged, match="nothing reaches 2"):
        found.balance(f, unknown, zero, zero)
    filled = found.balance(f, unknown, zero, zero, fill=True)
    assert np.allclose(filled, [[1.0, 1.0, 0.25, 0.25]], atol=1e-14)
    with pytest.raises(NotConverged):
        found.balance(f, unknown, np.array([[0, 0, 0.1, 0.1]]), zero, fill=True)


def test_trees_that_no_terminal_touches_are_silent():
    h = forest_matrix([-1, 0, -1, 2], np.random.default_rng(3))
    found = at(system(h, [0, 1], [0, 1], constant([-0.5j, -0.2j])), float(h[2, 2].real), 0.3)
    assert not found.density_of_states()[:, 2:].any()
    assert found.current(np.array([[1.0, 0.0]] * 2))[0, 0] > 0


def test_the_work_is_one_visit_of_each_site_in_each_sweep(monkeypatch):
    visits = []

    class Counting(list):
        def __getitem__(self, key):
            found = super().__getitem__(key)
            visits.append(len(found) if isinstance(key, slice) else 1)
            return found

    original = cavities_module._below

    def counted(z, coupling, forest):
        return original(z, Counting(coupling), forest)

    monkeypatch.setattr(cavities_module, "_below", counted)
    totals = []
    for n in (100, 200, 400):
        visits.clear()
        at(wire(n, 0.3), 0.1)
        totals.append(sum(visits))
    assert totals == [100, 200, 400]


def test_loops_and_matrices_are_left_to_others():
    ring = chain_matrix(4).toarray()
    ring[0, 3] = ring[3, 0] = -1
    assert LADDER.refuses(system(ring, [0], [0], constant([-1j]))) == "the hops close a loop"
    assert LADDER.refuses(system(chain_matrix(4), [0], [0], constant([-1j]), scalar=False)) is not None


def test_two_hops_of_one_bond_share_its_current_or_are_refused():
    both = system(chain_matrix(2, -3.0), [0, 1], [0, 1], half_chain([1.0, 1.0]))
    parts = (np.array([0, 1]), np.array([1, 1]), np.array([0, 0]))
    double = {"bond_source": np.array([0, 0]), "bond_target": np.array([1, 1])}
    real = replace(both, **double, bond_entries=(*parts, np.array([-1.0 + 0j, -2.0])))
    f = np.array([[1.0, 0.0]])
    flow = at(real, 0.3).bond_current(f)[0]
    assert flow[1] == pytest.approx(2 * flow[0])
    assert flow.sum() == pytest.approx(at(real, 0.3).current(f)[0, 0])
    turned = replace(both, **double, bond_entries=(*parts, np.array([-1.5 + 1j, -1.5 - 1j])))
    assert "different phase" in LADDER.refuses(turned)
    assert at(turned, 0.3, method=SPARSE).bond_current(f).sum() == pytest.approx(flow.sum())


def test_a_transmission_that_does_not_fit_is_refused_before_it_is_allocated():
    big = at(wire(20_000, 0.3), 0.1)
    with pytest.raises(ModelError, match=r"20000 terminals at 1 energies has 4.0e\+08 entries"):
        big.transmission()
