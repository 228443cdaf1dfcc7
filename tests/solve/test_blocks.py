"""The method of layers: the same answers as all others, with fewer operations where slices repeat."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from modelkit.errors import ModelError
from modelkit.registry import methods
from modelkit.solve import memory
from modelkit.solve.choose import choose
from modelkit.solve.methods.lattice import blocks, columns
from modelkit.solve.methods.lattice.partition import partition
from tests.solve.devices import DENSE
from tests.solve.systems import chain_matrix, constant, forests, half_chain, lattices, system, wire

BLOCKS, SPARSE, LADDER = methods["blocks"], methods["sparse"], methods["ladder"]
LOCAL = ("density", "bond_current")


def clean_strip(width, length, hop=-1.0, level=0.0):
    """A square lattice with wide-band terminals over both whole ends; a gauge of complex hops along y."""
    along = chain_matrix(length, hop)
    across = chain_matrix(width, -1.0 + 0.3j)
    h = sparse.kron(along, np.eye(width)) + sparse.kron(np.eye(length), across)
    h = h + level * sparse.eye_array(width * length)
    site = np.concatenate([np.arange(width), (length - 1) * width + np.arange(width)])
    terminal = np.repeat([0, 1], width)
    return system(h, terminal, site, constant(np.full(2 * width, -0.7j)))


def compare(one, other, energies, n_terminals, rng, tolerance=1e-9):
    """All questions of the protocol answered twice."""
    f = rng.normal(size=(len(energies), n_terminals))
    a, b = one.at(energies), other.at(energies)
    size = max(1.0, np.abs(b.transmission()).max())
    assert np.abs(a.transmission() - b.transmission()).max() < tolerance * size
    assert np.abs(a.current(f) - b.current(f)).max() < tolerance * size
    assert np.abs(a.heat(f) - b.heat(f)).max() < tolerance * size * np.abs(f).max() ** 2
    for found, expected in [
        (a.density(f), b.density(f)),
        (a.bond_current(f), b.bond_current(f)),
        (a.density_of_states(), b.density_of_states()),
    ]:
        assert np.abs(found - expected).max(initial=0) < tolerance * max(1, np.abs(expected).max(initial=0))
    assert np.all(a.local_sum_rule() < 1e-9)


@given(lattices())
@settings(max_examples=40, deadline=None)
def test_layers_and_matrices_agree_on_strips_with_loops(drawn):
    open_system, energies, rng = drawn
    compare(BLOCKS.build(open_system), SPARSE.build(open_system), energies, open_system.n_terminals, rng)


@given(lattices())
@settings(max_examples=20, deadline=None)
def test_layers_agree_with_the_definitions(drawn):
    open_system, energies, rng = drawn
    n = open_system.n_terminals
    compare(BLOCKS.build(open_system), DENSE.build(open_system), energies, n, rng)
    # the injectivity of each terminal: what it fills alone
    found, expected = (m.build(open_system).at(energies) for m in (BLOCKS, DENSE))
    for b in range(n):
        alone = np.tile(np.eye(n)[b], (len(energies), 1))
        assert np.allclose(found.density(alone), expected.density(alone), rtol=1e-9, atol=1e-12)


@given(forests(most=30))
@settings(max_examples=25, deadline=None)
def test_all_methods_agree_on_forests_and_their_probes(problem):
    ladder, layers = (m.build(problem.system) for m in (LADDER, BLOCKS))
    rng = np.random.default_rng(0)
    compare(layers, ladder, problem.energies, problem.system.n_terminals, rng)
    given_ = (problem.f, problem.unknown, problem.constant, problem.slope)
    one, other = (m.at(problem.energies).balance(*given_) for m in (ladder, layers))
    assert np.abs(one - other).max() < 1e-8 * max(1, np.abs(one).max())


@given(lattices())
@settings(max_examples=20, deadline=None)
def test_large_lattices_by_sparse_factorisation_agree_too(drawn):
    open_system, energies, rng = drawn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "DENSE_UP_TO", 0)
        compare(BLOCKS.build(open_system), SPARSE.build(open_system), energies, open_system.n_terminals, rng)


@given(st.integers(1, 4), st.integers(3, 90), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_doubling_is_the_plain_recursion(width, length, seed):
    open_system = clean_strip(width, length)
    energies = np.random.default_rng(seed).uniform(-3, 3, 6)
    doubled = BLOCKS.build(open_system).at(energies).transmission()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "USED", slice(-1, None))
        plain = BLOCKS.build(open_system).at(energies).transmission()
    assert np.abs(doubled - plain).max() < 1e-11 * max(1, plain.max())


@pytest.mark.parametrize("energy", [0.0, 1.0, -1.0, 2.0, 0.5])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_levels_of_what_is_eliminated_cost_no_digits(energy, width):
    """At these energies stretches of the closed strip have levels, so that their inverses do not exist."""
    open_system = clean_strip(width, 40, level=energy)
    energies = np.array([energy, energy + 1.0, energy - 1.0])
    found = BLOCKS.build(open_system).at(energies).transmission()
    expected = SPARSE.build(open_system).at(energies).transmission()
    assert np.abs(found - expected).max() < 1e-11 * max(1, expected.max())


def test_a_clean_strip_takes_a_logarithmic_number_of_steps():
    steps = [partition(clean_strip(3, n)).plans[0].inverses for n in (33, 65, 129, 257, 513, 1025)]
    assert np.all(np.diff(steps) <= 2)
    assert steps[-1] <= 25


def test_a_disordered_strip_takes_one_step_a_layer():
    rng = np.random.default_rng(3)
    for n in (20, 40, 80):
        one = clean_strip(3, n)
        level = sparse.diags_array(rng.normal(size=3 * n))
        found = partition(replace(one, hamiltonian=sparse.csr_array(one.hamiltonian + level)))
        assert n <= found.plans[0].inverses <= n + 2
        assert found.largest == 3


def test_slices_of_several_layers_repeat_too():
    """Bonds that alternate, a barrier in the middle: two runs with a period of two layers."""
    n = 201
    h = chain_matrix(n, np.where(np.arange(n - 1) % 2, -1.0, -0.6)).tolil()
    h[100, 100] = 0.3
    alternating = system(h.tocsr(), [0, 1], [0, n - 1], half_chain([1.0, 1.0]))
    assert partition(alternating).plans[0].inverses < 30
    energies = np.linspace(-1.7, 1.7, 23)
    found, expected = (
        methods[m].build(alternating).at(energies).transmission() for m in ("blocks", "ladder")
    )
    assert np.abs(found - expected).max() < 1e-10


def test_contacts_inside_divide_a_clean_strip():
    open_system = clean_strip(2, 120)
    contacts = open_system.contacts
    inner = replace(
        contacts,
        terminal=np.append(contacts.terminal, [2, 3]),
        site=np.append(contacts.site, [81, 140]),
        sigma=constant([-0.7j] * 4 + [0.1 - 0.2j, -0.3j]),
    )
    open_system = replace(open_system, contacts=inner, n_terminals=4)
    assert partition(open_system).plans[0].inverses < 40
    compare(
        BLOCKS.build(open_system),
        SPARSE.build(open_system),
        np.linspace(-2.1, 2.2, 9),
        4,
        np.random.default_rng(1),
    )


def test_a_matrix_over_many_orbitals_stays_within_one_layer():
    rng = np.random.default_rng(8)
    n, d = 12, 4
    h = np.kron(chain_matrix(n).toarray(), np.eye(d)) + np.kron(np.eye(n), chain_matrix(d).toarray())
    h[0, 3 * d] = h[3 * d, 0] = 0.4  # a shortcut between the ends of a layer
    root = rng.normal(size=(d, d)) + 1j * rng.normal(size=(d, d))
    sigma = -0.3j * root @ root.conj().T

    def both(energies):
        return [np.broadcast_to(sigma, (len(energies), d, d))] * 2

    found = system(h, [0, 1], [2, 9], both, scalar=False, offset=np.arange(n + 1) * d)
    compare(BLOCKS.build(found), SPARSE.build(found), np.array([0.2, 1.1]), 2, rng)
    layers = partition(found).matrix.layers
    layer = np.repeat(np.arange(len(layers.sizes)), layers.sizes)[layers.position]
    assert len(set(layer[2 * d : 3 * d])) == len(set(layer[9 * d : 10 * d])) == 1


def test_parts_that_no_contact_reaches_are_left_out():
    h = sparse.block_diag([chain_matrix(5), chain_matrix(4), chain_matrix(6)]).tocsr()
    apart = system(h, [0, 1, 2], [0, 4, 9], half_chain([1.0, 1.0, 1.0]))
    found = BLOCKS.build(apart).at(np.array([0.0, 1.0]))
    expected = SPARSE.build(apart).at(np.array([0.0, 1.0]))
    assert np.allclose(found.transmission(), expected.transmission(), atol=1e-12)
    assert not found.density_of_states()[:, 5:9].any()
    assert np.allclose(found.density_of_states(), expected.density_of_states(), atol=1e-12)


def test_the_method_with_the_least_work_is_taken():
    method, why = choose(clean_strip(5, 300))
    assert method.name == "blocks"
    assert "slices that repeat by doubling (300 layers of up to 5 orbitals, 1" in why
    rng = np.random.default_rng(0)
    n = 600
    place = rng.integers(0, n, (2, 3 * n))
    web = sparse.csr_array((np.ones(3 * n), place), shape=(n, n))
    web = web + web.T
    method, why = choose(system(web, [0, 1], [0, 1], constant([-0.5j, -0.5j])))
    assert method.name == "sparse"
    assert "blocks does not fit: with layers of up to" in why
    assert choose(wire(5, 0.5), "blocks")[1].startswith("blocks was asked for and fits: ")


def test_only_methods_that_respond_are_taken_where_levels_move():
    assert choose(wire(40, 0.5))[0].name == "ladder"
    method, why = choose(wire(40, 0.5), responding=True)
    assert method.responds
    assert "ladder does not fit: it does not tell how currents change" in why
    with pytest.raises(ModelError, match="'ladder' cannot treat this system: it does not tell how") as caught:
        choose(wire(40, 0.5), "ladder", responding=True)
    assert caught.value.hint == "use blocks or sparse, or no method at all"


def test_what_does_not_fit_into_the_memory_is_refused(monkeypatch):
    asked = clean_strip(60, 70)
    conductor = BLOCKS.build(asked).at(np.array([0.1]))
    conductor.transmission()
    monkeypatch.setattr(memory, "free_bytes", lambda: 2**24)
    with pytest.raises(ModelError, match="local quantities of 4200 orbitals with 120 at contacts"):
        conductor.density_of_states()
    monkeypatch.setattr(memory, "free_bytes", lambda: 2**20)
    with pytest.raises(ModelError, match="layers with up to 60 orbitals would take"):
        BLOCKS.build(asked)
