"""How currents, densities and the Green function change as levels move: exact derivatives, two roads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from modelkit.compile.open_system import Levels
from modelkit.errors import ModelError, NotConverged
from modelkit.registry import methods
from modelkit.solve import choose as _choose  # noqa: F401  (enters the methods)
from modelkit.solve.methods.lattice import amplitudes, columns, green
from tests.solve.devices import DENSE
from tests.solve.systems import chain_matrix, constant, lattices, raised, responsive, system
from tests.solve.test_blocks import clean_strip

RESPONDING = ("blocks", "sparse")
STEP = 1e-3


def directions(open_system, rng):
    """Random displacements of all levels, of potentials alone, of bands alone."""
    potential = rng.normal(size=len(open_system.weight))
    bands = rng.normal(size=open_system.n_terminals)
    return [Levels(potential, bands), Levels(potential, 0 * bands), Levels(0 * potential, bands)]


def slope(of, open_system, change):
    """Centred difference, extrapolated: sixth order in the step."""

    def centred(step):
        one, other = (
            of(raised(open_system, sign * step * change.potential, sign * step * change.bands))
            for sign in (1, -1)
        )
        return (one - other) / (2 * step)

    coarse, middle, fine = centred(STEP), centred(STEP / 2), centred(STEP / 4)
    once, twice = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
    return (16 * twice - once) / 15


@given(lattices())
@settings(max_examples=25, deadline=None)
def test_currents_and_densities_change_as_their_differences_say(drawn):
    open_system, energies, rng = drawn
    f = rng.normal(size=(len(energies), open_system.n_terminals))
    blocks, sparse = (methods[name].build(open_system).at(energies) for name in RESPONDING)
    for change in directions(open_system, rng):
        for name, derivative in (("current", "current_change"), ("density", "density_response")):
            found, other = (getattr(m, derivative)(f, change) for m in (blocks, sparse))
            size = max(1.0, np.abs(other).max())
            assert np.abs(found - other).max() < 1e-10 * size
            expected = slope(
                lambda moved, name=name: getattr(DENSE.build(moved).at(energies), name)(f),
                open_system,
                change,
            )
            assert np.abs(found - expected).max() < 1e-6 * size


@given(lattices())
@settings(max_examples=15, deadline=None)
def test_moving_everything_moves_the_energy(drawn):
    open_system, energies, rng = drawn
    f = rng.normal(size=(len(energies), open_system.n_terminals))
    everything = Levels(np.ones(len(open_system.weight)), np.ones(open_system.n_terminals))
    for name in RESPONDING:
        conductor = methods[name].build(open_system)
        moved = conductor.at(energies).current_change(f, everything)
        later, sooner = (conductor.at(energies + step).current(f) for step in (1e-5, -1e-5))
        expected = -(later - sooner) / 2e-5
        assert np.abs(moved - expected).max() < 1e-5 * max(1.0, np.abs(moved).max())
        assert np.abs(moved.sum(axis=1)).max() < 1e-10 * max(1.0, np.abs(moved).max()), "charge"


@given(lattices(), st.floats(0.05, 2.0))
@settings(max_examples=25, deadline=None)
def test_the_diagonal_above_the_axis_and_its_change(drawn, height):
    open_system, energies, rng = drawn
    z = energies + 1j * height
    n = open_system.hamiltonian.shape[0]

    def inverse(moved):
        contacts = moved.contacts
        matrix = z[:, None, None] * np.eye(n) - moved.hamiltonian.toarray()
        values = contacts.sigma(z)
        for k, site in enumerate(contacts.site):
            at = slice(moved.offset[site], moved.offset[site + 1])
            block = (
                values[k]
                if isinstance(values, list)
                else values[:, k, None, None] * np.eye(at.stop - at.start)
            )
            matrix[:, at, at] -= block
        diagonal = np.einsum("eii->ei", np.linalg.inv(matrix))
        return np.add.reduceat(diagonal, moved.offset[:-1], axis=1)

    layers, whole = green.BlockGreen(open_system, z), green.DenseGreen(open_system, z)
    expected = inverse(open_system)
    assert np.abs(layers.diagonal() - expected).max() < 1e-11 * np.abs(expected).max()
    assert np.abs(whole.diagonal() - expected).max() < 1e-11 * np.abs(expected).max()
    for change in directions(open_system, rng):
        found, other = layers.diagonal_change(change), whole.diagonal_change(change)
        size = max(1.0, np.abs(other).max())
        assert np.abs(found - other).max() < 1e-10 * size
        assert np.abs(found - slope(inverse, open_system, change)).max() < 1e-6 * size


def test_large_lattices_respond_by_sparse_factorisations(monkeypatch):
    open_system = responsive(clean_strip(3, 9))
    rng = np.random.default_rng(4)
    change = Levels(rng.normal(size=27), np.zeros(2))
    f, energies = rng.normal(size=(5, 2)), np.linspace(-2, 2.1, 5)
    expected = methods["sparse"].build(open_system).at(energies).density_response(f, change)
    monkeypatch.setattr(columns, "DENSE_UP_TO", 0)
    for kept in (2**26, 0):
        monkeypatch.setattr(columns, "KEPT", kept)
        found = methods["sparse"].build(open_system).at(energies)
        assert np.allclose(found.density_response(f, change), expected, rtol=1e-10, atol=1e-13)
        assert np.allclose(found.density_response(f, change), expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name", RESPONDING)
def test_chunks_of_energies_respond_as_all_together(name, monkeypatch):
    open_system = responsive(clean_strip(2, 8))
    rng = np.random.default_rng(4)
    change, f, energies = (
        Levels(rng.normal(size=16), np.zeros(2)),
        rng.normal(size=(7, 2)),
        np.linspace(-1, 2, 7),
    )
    conductor = methods[name].build(open_system)
    z = energies + 0.3j
    expected = conductor.at(energies).current_change(f, change), conductor.green(z).diagonal_change(change)
    for module in (amplitudes, green):
        monkeypatch.setattr(module, "CHUNK", 5000)
        monkeypatch.setattr(module, "KEEP", 0)
    again = methods[name].build(open_system)
    assert np.allclose(again.at(energies).current_change(f, change), expected[0], rtol=1e-11, atol=1e-14)
    assert np.allclose(again.green(z).diagonal_change(change), expected[1], rtol=1e-11, atol=1e-14)
    assert np.allclose(green.BlockGreen(open_system, z).diagonal_change(change), expected[1], atol=1e-13)


@pytest.mark.parametrize("name", RESPONDING)
def test_batches_at_which_nothing_is_open_respond_too(name):
    """A lead has as many channels as are open at one energy of the batch: beyond the band, none."""
    import modelkit as mk

    lines = "lattice s { site c[x, y] for x in 1..3, y in 1..2; hop c[x, y] -> c[x+1, y] : -1;"
    lines += " hop c[x, y] -> c[x, y+1] : -1 + 0.2i; onsite c[2, 1] : 0.7 }\n"
    ends = (f"bath {end} on s.{end} {{ self_energy = lead; mu = 0; T = 1 }}\n" for end in ("left", "right"))
    open_system = mk.loads("model strip\n" + lines + "".join(ends)).compile().system
    conductor = methods[name].build(open_system)
    rng = np.random.default_rng(5)
    closed, f = np.array([4.0, 5.0, 6.0]), rng.normal(size=(4, 2))
    mixed = np.array([0.3, *closed])  # something is open at the first energy of this batch
    for change in directions(open_system, rng):
        for ask in ("current_change", "density_response"):
            found = getattr(conductor.at(closed), ask)(f[1:], change)
            together = getattr(conductor.at(mixed), ask)(f, change)
            assert np.abs(together[0]).max() > 1e-3
            np.testing.assert_allclose(found, together[1:], atol=1e-14)


@pytest.mark.parametrize("name", RESPONDING)
def test_degeneracy_multiplies_responses(name):
    one = responsive(clean_strip(2, 5))
    two = system(one.hamiltonian, one.contacts.terminal, one.contacts.site, one.contacts.sigma, weight=2.0)
    change, f = Levels(np.arange(10.0), np.zeros(2)), np.array([[0.7, 0.1]])
    energy = np.array([0.3])
    single, double = (methods[name].build(s) for s in (one, responsive(two)))
    for ask in ("current_change", "density_response"):
        values = [getattr(m.at(energy), ask)(f, change) for m in (single, double)]
        assert np.allclose(values[1], 2 * values[0], rtol=1e-12)
    z = energy + 0.2j
    assert np.allclose(double.green(z).diagonal(), 2 * single.green(z).diagonal(), rtol=1e-12)


@pytest.mark.parametrize("name", RESPONDING)
def test_bands_without_a_slope_are_refused(name):
    rigid = system(chain_matrix(4), [0, 1], [0, 3], constant([-0.5j, -0.5j]))
    found = methods[name].build(rigid).at(np.array([0.2]))
    f = np.array([[1.0, 0.0]])
    assert found.current_change(f, Levels(np.ones(4), np.zeros(2))).shape == (1, 2)
    with pytest.raises(ModelError) as caught:
        found.current_change(f, Levels(np.zeros(4), np.ones(2)))
    assert caught.value.hint


@pytest.mark.parametrize("name", RESPONDING)
def test_a_response_on_a_dark_level_is_refused(name):
    h = chain_matrix(6).toarray()
    h[0, 5] = h[5, 0] = -1.0
    ring = responsive(system(h, [0, 1], [0, 3], constant([-0.5j, -0.5j])))
    conductor = methods[name].build(ring)
    change, f = Levels(np.arange(6.0), np.zeros(2)), np.array([[1.0, 0.0]])
    with pytest.raises(NotConverged, match="how the currents change"):
        conductor.at(np.array([1.0])).current_change(f, change)
    assert np.isfinite(conductor.at(np.array([1.01])).current_change(f, change)).all()


def test_the_axis_itself_is_not_above_it():
    with pytest.raises(ValueError, match="above the real axis"):
        methods["blocks"].build(responsive(clean_strip(2, 3))).green(np.array([0.3 + 0j]))


def test_a_potential_on_a_superconductor_is_the_opposite_for_its_holes():
    """Levels by site and terminal of the device, and the same for electrons and holes by hand."""
    import modelkit as mk
    from tests.solve.test_superconducting import PROBE, WIRE

    open_system = mk.loads(WIRE.replace("PROBES", PROBE["voltage"])).compile().system
    rng = np.random.default_rng(3)
    n, terminals = len(open_system.weight) // 2, open_system.n_terminals // 2
    change = Levels(rng.normal(size=n), np.array([0.0, 0.7, 0.0]))
    energies = np.array([-0.4, 0.0, 0.3])
    f = rng.normal(size=(3, 2 * terminals))

    def current(step):
        moved = open_system.moved(Levels(step * change.potential, step * change.bands))
        return DENSE.build(moved).at(energies).current(f)

    expected = (8 * (current(STEP) - current(-STEP)) - (current(2 * STEP) - current(-2 * STEP))) / (12 * STEP)
    for name in RESPONDING:
        conductance = methods[name].build(open_system).at(energies)
        found = conductance.current_change(f, change)
        assert np.abs(found - expected).max() < 1e-9
        assert np.abs(found - conductance.current_change(f, open_system.spread(change))).max() == 0
        potential = np.concatenate([change.potential, change.potential])
        wrong = conductance.current_change(f, Levels(potential, open_system.spread(change).bands))
        assert np.abs(found - wrong).max() > 1e-3
    whole = open_system.spread(change)
    assert np.all(whole.potential[n:] == -change.potential)


@given(lattices())
@settings(max_examples=15, deadline=None)
def test_the_density_by_all_potentials_is_its_derivative_by_each(drawn):
    open_system, energies, rng = drawn
    f = rng.normal(size=(len(energies), open_system.n_terminals))
    bands = np.zeros(open_system.n_terminals)
    for name in RESPONDING:
        conductance = methods[name].build(open_system).at(energies)
        found = conductance.density_matrix(f)
        columns_ = [
            conductance.density_response(f, Levels(one, bands)).sum(axis=0)
            for one in np.eye(len(open_system.weight))
        ]
        size = max(1.0, np.abs(columns_).max())
        assert np.abs(found - np.stack(columns_, axis=1)).max() < 1e-10 * size


def test_the_density_of_large_lattices_by_all_potentials_is_not_formed():
    open_system = clean_strip(7, 43)
    conductance = methods["blocks"].build(open_system).at(np.zeros(1))
    assert conductance.density_matrix(np.ones((1, 2))) is None


def coefficients(of, order):
    """Taylor coefficients of a function of s by the trapezoidal rule on a circle: of a polynomial fit."""
    nodes = 0.02 * np.cos(np.pi * (np.arange(12) + 0.5) / 12)
    values = np.stack([of(s) for s in nodes])
    powers = np.vander(nodes / 0.02, 12, increasing=True)
    found = np.linalg.solve(powers, values.reshape(12, -1)).reshape(values.shape)
    return [found[k] / 0.02**k for k in range(order + 1)]


def combined(one, other, part):
    return Levels(one.potential + part * other.potential, one.bands + part * other.bands)


@given(lattices())
@settings(max_examples=20, deadline=None)
def test_series_are_the_taylor_coefficients_of_moved_systems(drawn):
    open_system, energies, rng = drawn
    n, first, second = open_system.n_terminals, *directions(open_system, rng)[:2]
    sites = csr_array(rng.normal(size=(2, len(open_system.weight))))

    def moved(s):
        there = raised(open_system, s * first.potential, s * first.bands)
        conductance = DENSE.build(there).at(energies)
        filled = [conductance.density(np.tile(unit, (len(energies), 1))) @ sites.T for unit in np.eye(n)]
        through = conductance.transmission() * (1 - np.eye(n))
        return np.concatenate([through.ravel(), np.stack(filled, axis=2).ravel()])

    expected = coefficients(moved, 3)
    for name in RESPONDING:
        conductance = methods[name].build(open_system).at(energies)
        through, filled = conductance.series([first], 3, sites)
        found = [
            np.concatenate([(t * (1 - np.eye(n))).ravel(), d.ravel()])
            for t, d in zip(through[0], filled[0], strict=True)
        ]
        for k in range(4):
            size = max(1.0, np.abs(expected[k]).max())
            assert np.abs(found[k] - expected[k]).max() < 10.0 ** (-9 + k) * size
        # a variation of the direction is a derivative: polynomials in its strength, by exact differences
        both, _ = conductance.series([first, second, first], 3)
        assert np.array_equal(both[0], through[0])
        parts = [conductance.series([combined(first, second, e)], 3)[0][0] for e in (-2, -1, 1, 2)]
        slope = (parts[0] - 8 * parts[1] + 8 * parts[2] - parts[3]) / 12
        scale = np.abs(np.stack(parts)).max(axis=(0, 2, 3, 4), initial=1.0)
        assert np.all(np.abs(both[1] - slope).max(axis=(1, 2, 3)) < 1e-10 * scale)
        own = np.arange(4)[:, None, None, None] * both[0]  # along itself: k times the coefficient
        assert np.all(np.abs(both[2] - own).max(axis=(1, 2, 3)) < 1e-11 * scale)


@given(lattices(), st.floats(0.05, 2.0))
@settings(max_examples=20, deadline=None)
def test_the_diagonal_above_the_axis_as_a_series(drawn, height):
    open_system, energies, rng = drawn
    first, second = directions(open_system, rng)[:2]
    z = energies + 1j * height
    found = []
    for kind in (green.DenseGreen, green.BlockGreen):
        one = kind(open_system, z)
        series = one.diagonal_series([first, second], 3)
        found.append(series)
        assert series[0, 0] == pytest.approx(one.diagonal(), abs=1e-10)
        assert series[0, 1] == pytest.approx(one.diagonal_change(first), abs=1e-9)
        assert series[1, 1] == pytest.approx(one.diagonal_change(second), abs=1e-9)

        def moved(s, kind=kind):
            return kind(raised(open_system, s * first.potential, s * first.bands), z).diagonal()

        for k, expected in enumerate(coefficients(moved, 3)):
            size = max(1.0, np.abs(expected).max())
            assert np.abs(series[0, k] - expected).max() < 10.0 ** (-9 + k) * size
        parts = [
            kind(open_system, z).diagonal_series([combined(first, second, e)], 3)[0] for e in (-2, -1, 1, 2)
        ]
        slope = (parts[0] - 8 * parts[1] + 8 * parts[2] - parts[3]) / 12
        size = np.abs(np.stack(parts)).max(initial=1.0)
        assert np.abs(series[1] - slope).max() < 1e-10 * size
    assert found[0] == pytest.approx(found[1], abs=1e-8 * np.abs(found[0]).max(initial=1.0))
