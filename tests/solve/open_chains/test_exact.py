"""Methods exact and projected on rings: numbers of other solvers, limits, and what they refuse."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.compile.unit_cell import CellJump
from modelkit.errors import ModelError
from modelkit.solve.open_chains.exact import null_space
from modelkit.solve.open_chains.exact.exact import Exact, Projected
from modelkit.solve.open_chains.exact.liouvillian import generator
from modelkit.solve.open_chains.exact.preparation import fixed_numbers
from modelkit.solve.open_chains.exact.set_up import set_up
from modelkit.solve.open_chains.problem import OpenProblem
from tests.solve.open_chains import brute_force
from tests.solve.open_chains.exact_chains import (
    cell,
    chain,
    family,
    nonreciprocal,
    products,
    rashba,
    real_space,
)

seeds = st.integers(0, 2**31)


def ring(unit, interaction=(), **more):
    return OpenProblem(real_space(unit, interaction), unit, **more)


def without_translations(unit, interaction=(), **more):
    return OpenProblem(real_space(unit, interaction), **more)


# --- one-orbital ring with a thermal bath: exact at a fixed number, from full Liouvillians and projected ones

# (L, projected, exact at eps = 0.05), half filling, g_neq = 1/2, with the last digits that are known
HALF_FILLED = [
    (4, 0.106002, None, 6e-7),
    (6, 0.021313385812074884, 0.021138105405564555, 1e-11),
    (8, 0.049447, 0.0493720, 6e-7),
]


@pytest.mark.parametrize(("cells", "limit", "weak", "digits"), HALF_FILLED)
def test_nonreciprocal_rings(cells, limit, weak, digits):
    problem = ring(nonreciprocal(cells))
    assert Projected().steady(problem).current.values == pytest.approx(limit, abs=digits)
    if weak is not None:
        assert Exact().steady(problem).current.values == pytest.approx(weak, abs=digits)


def test_ten_cells_with_five_particles():
    problem = ring(nonreciprocal(10))
    assert Projected().steady(problem).current.values == pytest.approx(0.036277, abs=6e-7)
    found = Exact().steady(problem)
    assert found.current.values == pytest.approx(0.0362597, abs=2e-6)
    assert found.audits["residual"] < 1e-12


# cells, projected current at one particle per site and g_neq = 0.9
RASHBA = [(3, 0.133401), (4, -0.093107)]


@pytest.mark.parametrize(("cells", "limit"), RASHBA)
def test_rashba_rings(cells, limit):
    assert Projected().steady(ring(rashba(cells))).current.values == pytest.approx(limit, abs=6e-7)


def test_rashba_ring_at_a_finite_rate():
    found = Exact().steady(ring(rashba(4)))
    assert found.current.values == pytest.approx(-0.09314298229840962, abs=1e-9)
    assert found.current_by_spin.values.sum() == pytest.approx(float(found.current.values), abs=1e-12)


# --- the limit, translations, occupations


def test_projected_is_the_limit_of_exact():
    """Linear in the rate: the error falls with it."""
    limit = float(Projected().steady(ring(nonreciprocal(6))).current.values)
    off = [
        float(Exact().steady(ring(nonreciprocal(6, eps=eps))).current.values) - limit
        for eps in (0.01, 0.005, 0.0025)
    ]
    assert off[1] / off[0] == pytest.approx(0.5, abs=0.02)
    assert 2 * off[2] - off[1] == pytest.approx(0.0, abs=2e-7)


@settings(max_examples=4, deadline=None, derandomize=True)
@given(seeds)
def test_projected_keeps_coherences_of_equal_energies(seed):
    """Random jumps on an interacting ring whose momenta k and -k have one energy, against small rates."""
    random = np.random.default_rng(seed)
    h = np.zeros((4, 4))
    for j in range(4):
        h[j, (j + 1) % 4] = h[(j + 1) % 4, j] = -1.0
    terms = [(0, (i, j), complex(*random.normal(size=2))) for i in range(4) for j in range(4)]

    def current(eps, method):
        jumps = [family("pump", 4, [eps], bilinear=terms)]
        interaction = [((j, (j + 1) % 4), 0.7) for j in range(4)]
        found = method.steady(OpenProblem(chain(h, jumps, interaction=interaction, filling=0.5)))
        return found.occupation.values

    limit = current(1.0, Projected())
    np.testing.assert_allclose(2 * current(1e-4, Exact()) - current(2e-4, Exact()), limit, atol=1e-5)


@pytest.mark.parametrize("method", [Exact(), Projected()])
def test_translations_change_nothing(method):
    interaction = [((1, 0, 0), 1.3)]
    unit = nonreciprocal(5, filling=0.4)
    one = method.steady(ring(unit, interaction))
    other = method.steady(without_translations(unit, interaction))
    np.testing.assert_allclose(one.occupation.values, other.occupation.values, atol=1e-10)
    np.testing.assert_allclose(one.loss_rate.values, other.loss_rate.values, atol=1e-12)
    H, jumps, c = brute_force.matrices(real_space(unit, interaction), 5)
    G = brute_force.covariance(brute_force.steady(H, jumps, c, [2]), c)
    if isinstance(method, Exact):
        flow = np.mean([2 * np.imag(-G[j, (j + 1) % 5]) for j in range(5)])
        assert one.current.values == pytest.approx(flow, abs=1e-10)


def test_an_interaction_that_differs_from_cell_to_cell_ends_the_translations():
    unit = nonreciprocal(4)
    uneven = real_space(unit)
    same = set_up(OpenProblem(uneven, unit), uneven)
    assert same.ring is not None
    uneven = chain(uneven.hamiltonian.toarray(), uneven.jumps, uneven.baths, [((0, 1), 0.5)], 0.5)
    assert set_up(OpenProblem(uneven, unit), uneven).ring is None


def test_a_jump_in_one_cell_ends_the_translations():
    unit = nonreciprocal(4)
    whole = real_space(unit)
    more = family("spot", 4, [0.1], bilinear=[(0, (1, 1), 1.0)])
    broken = chain(whole.hamiltonian.toarray(), [*whole.jumps, more], whole.baths, filling=0.5)
    assert set_up(OpenProblem(broken, unit), broken).ring is None


def test_equilibrium_has_the_occupations_of_the_canonical_ensemble():
    """A thermal bath alone ends in exp(-beta H) at the number of particles."""
    beta, cells, N = 2.0, 6, 3
    k = 2 * np.pi * np.arange(cells) / cells - np.pi
    found = Exact().steady(ring(nonreciprocal(cells, g_neq=0.0, beta=beta), momenta=k))
    assert found.occupation.dims == ("momentum", "band")
    energy = -2 * np.cos(k)
    states = [s for s in range(2**cells) if bin(s).count("1") == N]
    filled = np.array([[s >> m & 1 for m in range(cells)] for s in states])
    weight = np.exp(-beta * filled @ energy)
    np.testing.assert_allclose(found.occupation.values[:, 0], weight @ filled / weight.sum(), atol=1e-10)
    assert found.current.values == pytest.approx(0, abs=1e-12)
    n = found.occupation.values
    np.testing.assert_allclose(found.lagrange_multiplier.values, np.log((1 - n) / n))


def test_linear_jumps_give_the_occupations_of_the_rate_equations():
    """Loss c_j + a c_{j+1} and gain of one band: n_k = g/(g + |1 + a exp(ik)|²), exactly."""
    a, g, one = 0.4 + 0.8j, 0.6, np.ones((1, 1))
    jumps = [
        CellJump("loss", 1.0, {}, {0: np.ones(1), 1: a * np.ones(1)}, {}),
        CellJump("gain", g, {}, {}, {0: np.ones(1)}),
    ]
    unit = cell({1: -one, -1: -one}, 5, jumps)
    k = 2 * np.pi * np.arange(5) / 5
    found = Exact().steady(ring(unit, momenta=k))
    n = g / (g + np.abs(1 + a * np.exp(1j * k)) ** 2)
    np.testing.assert_allclose(found.occupation.values[:, 0], n, atol=1e-10)
    assert found.loss_rate.values[0] == pytest.approx(np.mean(n * np.abs(1 + a * np.exp(1j * k)) ** 2))
    assert found.loss_rate.values.sum() == pytest.approx(0, abs=1e-10)
    assert found.current.values == pytest.approx(np.mean(2 * np.sin(k) * n), abs=1e-10)


@pytest.mark.parametrize(("cells", "N"), [(4, 2), (6, 3), (5, 1)])
def test_exclusion_moves_particles_by_jumps(cells, N):
    """``L_j = c_{j+1}† c_j``: all states are alike, and eps N(L-N)/(L(L-1)) particles cross a bond."""
    eps, one = 0.3, np.ones((1, 1))
    jump = CellJump("ahead", eps, {(1, 0): one.astype(complex)}, {}, {})
    problem = ring(cell({1: -one, -1: -one}, cells, [jump], filling=N / cells))
    for method in (Exact(), Projected()):
        found = method.steady(problem)
        expected = eps * N * (cells - N) / (cells * (cells - 1))
        assert found.jump_current.values == pytest.approx(expected, abs=1e-10)
        assert found.current.values == pytest.approx(0, abs=1e-10)


@settings(max_examples=5, deadline=None, derandomize=True)
@given(seeds)
def test_the_iteration_agrees_with_singular_values(seed):
    """The same generator by both solvers, coherences, interactions and weak jumps included."""
    random = np.random.default_rng(seed)
    h = random.normal(size=(4, 4)) + 1j * random.normal(size=(4, 4))
    terms = [(m, (i, j), complex(*random.normal(size=2))) for m in (0, 1) for i in range(4) for j in range(4)]
    jumps = [family("pump", 4, 10.0 ** random.uniform(-4, 1, 2), bilinear=terms)]
    interaction = [((i, j), random.normal()) for i in range(4) for j in range(i)]
    lindbladian = chain(h + h.conj().T, jumps, interaction=interaction, filling=0.5)
    problem = OpenProblem(lindbladian)
    whole = set_up(problem, lindbladian)
    sector = whole.sector(fixed_numbers(problem, whole))
    moves = generator(sector.cells, sector.hamiltonian, sector.jumps, "")
    one, other = null_space._dense(moves), null_space._iterated(moves)
    assert one.count == other.count == 1
    np.testing.assert_allclose(one.states, other.states, atol=1e-9)


def test_relaxation_begins_at_infinite_temperature_and_ends_in_the_steady_mixture():
    """All numbers of particles stay with their weights."""
    problem = ring(nonreciprocal(4, eps=0.4), initial={"lagrange": 0.0})
    plain = OpenProblem(problem.lindbladian, problem.cell)
    free = chain(
        plain.lindbladian.hamiltonian.toarray(), plain.lindbladian.jumps, plain.lindbladian.baths
    )  # the initial state fixes the filling
    asked = OpenProblem(free, problem.cell, momenta=np.array([0.0, np.pi / 2]))
    found = Exact().evolve(asked, np.array([0.0, 500.0]), {"lagrange": 0.0})
    assert found.occupation.dims == ("time", "momentum", "band")
    np.testing.assert_allclose(found.occupation.values[0], 0.5, atol=1e-12)
    late = Exact().steady(OpenProblem(free, problem.cell, momenta=asked.momenta, initial={"lagrange": 0.0}))
    np.testing.assert_allclose(found.occupation.values[1], late.occupation.values, atol=1e-9)
    fixed = [Exact().steady(ring(nonreciprocal(4, eps=0.4, filling=N / 4))).current.values for N in range(5)]
    weights = [math.comb(4, N) / 16 for N in range(5)]
    assert late.current.values == pytest.approx(np.dot(weights, fixed), abs=1e-10)


# --- what is refused


def test_a_filling_must_be_a_whole_number_of_particles():
    with pytest.raises(ModelError, match=r"2\.5 particles, no whole number") as told:
        Exact().steady(ring(nonreciprocal(5)))
    assert "2/5 or 3/5" in told.value.hint


def test_a_filling_is_needed_where_particles_are_conserved():
    with pytest.raises(ModelError, match=r"is conserved.*no filling is given") as told:
        Exact().steady(ring(nonreciprocal(4, filling=None)))
    assert "filling chain = 1/2" in told.value.hint


def test_a_filling_is_refused_where_particles_come_and_go():
    lossy = chain(np.zeros((2, 2)), [family("drain", 2, [0.1], loss=[[1, 0]])], filling=0.5)
    with pytest.raises(ModelError, match=r"is not conserved: .drain. change"):
        Exact().steady(OpenProblem(lossy))


@pytest.mark.parametrize("method", [Exact(), Projected()])
def test_dark_modes_of_one_spin_are_conserved(method):
    """Dephasing of one spin alone leaves two modes of the other at k = 0 and pi."""
    with pytest.raises(ModelError, match="steady states with these numbers") as told:
        method.steady(ring(rashba(4, g_neq=1.0)))
    assert "1 mode" in told.value.message
    assert "evolution" in told.value.hint


def test_two_spins_without_flips_keep_their_numbers():
    """A large generator, where the iteration finds them."""
    one = np.eye(2)
    jumps = [
        CellJump(f"{s}", 0.3, {(1, 0): np.diag([1.0, 0] if s == "up" else [0, 1.0]).astype(complex)}, {}, {})
        for s in ("up", "down")
    ]
    unit = cell({1: -one, -1: -one}, 4, jumps, filling=0.25, spin=(0, 1))
    with pytest.raises(ModelError, match="there are 3 steady states") as told:
        Exact().steady(without_translations(unit))
    assert "the number of particles in 4 modes" in told.value.message


def test_pairs_that_come_and_go_keep_the_parity():
    pairs = [
        family("out", 3, [0.2], higher=[products([(0, (0, 1), 1.0), (0, (1, 2), 0.4j)], (False, False))]),
        family("in", 3, [0.3], higher=[products([(0, (0, 2), 1.0)], (True, True))]),
    ]
    h = np.array([[0.3, -1, 0.2j], [-1, 0, -1], [-0.2j, -1, 0.1]])
    with pytest.raises(ModelError, match="there are 2 steady states") as told:
        Exact().steady(OpenProblem(chain(h, pairs)))
    assert "the number of particles on chain modulo 2" in told.value.message
    assert "with these numbers" not in told.value.message  # none is given


def test_a_number_that_is_given_does_not_tell_steady_states_apart():
    """Particles that fall from the first site to the last of a mirror image keep more than their number."""
    ends = family("pump", 4, [0.3], bilinear=[(0, (3, 0), 1.0)])
    with pytest.raises(ModelError, match="there are 2 steady states with these numbers") as told:
        Exact().steady(OpenProblem(chain(-np.eye(4, k=1) - np.eye(4, k=-1), [ends], filling=0.5)))
    assert "conserved" not in told.value.message


def test_without_jumps_nothing_decides():
    with pytest.raises(ModelError, match="steady states"):
        Exact().steady(OpenProblem(chain(np.diag([1.0, 2.0]), filling=0.5)))


def test_memory_is_asked_for_in_advance():
    with pytest.raises(ModelError, match="GB of memory") as told:
        Exact().steady(ring(nonreciprocal(24)))
    assert re.match(r"about 1\d modes would fit", told.value.hint)
    with pytest.raises(ModelError, match="80 modes"):
        Exact().steady(ring(nonreciprocal(80)))


def test_an_infinite_chain_has_infinitely_many_states():
    problem = OpenProblem(cell=nonreciprocal(None))
    refused = Exact().refuses(problem)
    assert refused is not None
    assert "gge" in refused.hint


def test_momenta_must_be_those_of_the_ring():
    with pytest.raises(ModelError, match="no momentum of a ring of 6 cells"):
        Exact().steady(ring(nonreciprocal(6), momenta=np.array([0.1])))


def test_the_limit_has_no_evolution():
    with pytest.raises(ModelError, match="limit of weak jumps"):
        Projected().evolve(ring(nonreciprocal(4)), np.array([0.0, 1.0]), {"filling": 0.5})
