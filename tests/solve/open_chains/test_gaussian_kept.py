"""What the dynamics conserves decides which fillings a steady state needs; and what the method refuses."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.compile.lindbladian import ModeBath
from modelkit.errors import ModelError
from modelkit.graph.device import Products
from modelkit.solve.open_chains.gaussian.gaussian import Gaussian
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.real_space.charges import dark_subspaces
from modelkit.solve.open_chains.real_space.covariance import covariance_equation, unclosed
from tests.solve.open_chains.fermions import chain, family, hopping, random_complex, random_hermitian
from tests.solve.open_chains.test_gaussian_chains import lossy, projectors

SIZE = 6


def conserved(lindbladian):
    return sum(one.multiplicity**2 for one in dark_subspaces(covariance_equation(lindbladian)))


def null_dimension(lindbladian):
    """Steady solutions of the equation without its source, from the singular values of the whole map."""
    from modelkit.solve.open_chains.gaussian.evolution import superoperator

    whole = superoperator(covariance_equation(lindbladian)).toarray()[:-1, :-1]
    return int(np.sum(np.linalg.svd(whole, compute_uv=False) < 1e-9))


def block(rng, sizes):
    """A random Hermitian matrix of blocks in a basis that ``rng`` does not draw."""
    size = sum(sizes)
    found, first = np.zeros((size, size), complex), 0
    for one in sizes:
        found[first : first + one, first : first + one] = random_hermitian(rng, one)
        first += one
    turn = np.linalg.qr(random_complex(np.random.default_rng(99), size, size))[0]
    return turn @ found @ turn.conj().T


@settings(max_examples=5)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(6,), (4, 2), (3, 2, 1)]))
def test_charges_are_counted_without_the_map(seed, sizes):
    rng = np.random.default_rng(seed)
    h, W = block(rng, sizes), block(rng, sizes)
    lindbladian = chain(h, family(0.3, bilinear=W[None]))
    assert conserved(lindbladian) == null_dimension(lindbladian) == len(sizes)


def test_equal_copies_have_coherences():
    """A spin that nothing sees: four quantities, its three components and the number."""
    h, W = (np.kron(random_hermitian(np.random.default_rng(seed), 3), np.eye(2)) for seed in (1, 2))
    lindbladian = chain(h, family(0.3, bilinear=W[None]))
    assert conserved(lindbladian) == null_dimension(lindbladian) == 4


@pytest.mark.parametrize(("site", "count"), [(0, 2), (1, 2)])
def test_modes_with_a_node_are_dark(site, count):
    """Standing waves of a ring of 6 that vanish where particles are lost."""
    lindbladian = chain(hopping(SIZE, ring=True), family(0.4, loss=np.eye(SIZE)[[site]]))
    assert conserved(lindbladian) == null_dimension(lindbladian) == count
    with pytest.raises(ModelError, match="not unique: 2 quantities") as caught:
        Gaussian().steady(OpenProblem(lindbladian=lindbladian))
    assert "evolution" in caught.value.hint


def test_nothing_decays_without_jumps():
    with pytest.raises(ModelError, match="not unique: 10 quantities"):  # 1 + 4 + 4 + 1 for k, -k
        Gaussian().steady(OpenProblem(lindbladian=chain(hopping(SIZE, ring=True), filling={"chain": 0.5})))


def test_filling_decides_where_number_is_conserved():
    dephased = family(0.3, bilinear=projectors(SIZE))
    found = Gaussian().steady(OpenProblem(lindbladian=chain(hopping(SIZE), dephased, filling={"chain": 0.3})))
    assert found.occupation.values == pytest.approx(0.3)
    assert found.attributes["conserved"] == "particles of chain"
    with pytest.raises(ModelError, match="conserved, and its steady state depends on it") as caught:
        Gaussian().steady(OpenProblem(lindbladian=chain(hopping(SIZE), dephased)))
    assert caught.value.hint == "declare it: filling chain = 1/2"


def test_filling_is_superfluous_where_particles_are_lost():
    lost = chain(hopping(SIZE), family(0.3, loss=np.eye(SIZE)), filling={"chain": 0.3})
    with pytest.raises(ModelError, match="not conserved") as caught:
        Gaussian().steady(OpenProblem(lindbladian=lost))
    assert caught.value.hint == "leave out 'filling chain'"


def test_two_lattices_of_which_one_is_lossy():
    """Each by itself: the filling of the one that keeps its particles is needed, that of the other is not."""
    h = np.kron(np.eye(2), hopping(3))
    lattice = np.repeat([0, 1], 3)
    families = (
        family(0.3, bilinear=projectors(6)),
        family(0.2, loss=np.eye(6)[:1]),
        family(0.3, gain=np.eye(6)[2:3]),
    )
    both = chain(h, *families, filling={"chain1": 0.8}, lattice=lattice)
    found = Gaussian().steady(OpenProblem(lindbladian=both)).occupation.values
    alone = chain(h[:3, :3], *(cut(one) for one in families))
    assert found[3:] == pytest.approx(0.8, abs=1e-13)
    assert found[:3] == pytest.approx(
        Gaussian().steady(OpenProblem(lindbladian=alone)).occupation.values, abs=1e-13
    )
    with pytest.raises(ModelError, match="'chain1' is conserved"):
        Gaussian().steady(OpenProblem(lindbladian=replace(both, filling={})))
    with pytest.raises(ModelError, match="particles of 'chain' are not"):
        Gaussian().steady(OpenProblem(lindbladian=replace(both, filling={"chain": 0.5, "chain1": 0.8})))


def cut(one):
    """The part of a family on the first three orbitals."""
    inside = (one.bilinear.orbital < 3).all(axis=1)
    kept = one.bilinear
    products = Products(kept.member[inside], kept.orbital[inside], kept.dagger, kept.value[inside])
    return replace(one, loss=one.loss[:, :3], gain=one.gain[:, :3], bilinear=products)


@pytest.mark.parametrize(
    ("initial", "message"),
    [
        ({"occupation": 1.2}, "1.2: a mode holds 0 to 1"),
        ({"occupation": np.ones(5)}, "5 values for 6 sites"),
        ({"filling": 0.2}, "filling 0.2, and 'chain' is declared with 0.3"),
        ({"filling": 0.3, "lagrange": 0}, "given twice"),
    ],
)
def test_initial_states_that_are_none(initial, message):
    dephased = chain(hopping(SIZE), family(0.3, bilinear=projectors(SIZE)), filling={"chain": 0.3})
    with pytest.raises(ModelError, match=message):
        Gaussian().evolve(OpenProblem(lindbladian=dephased), np.array([1.0]), initial)


def test_initial_states():
    free = OpenProblem(lindbladian=chain(np.diag(np.arange(3.0)), filling={"chain": 0.5}))
    values = {"lagrange": np.array([-np.log(3), 0, np.log(3)]), "occupation": [0.75, 0.5, 0.25]}
    for word, value in values.items():
        found = Gaussian().evolve(free, np.array([0.0, 4.0]), {word: value})
        assert found.occupation.values == pytest.approx(np.tile([0.75, 0.5, 0.25], (2, 1)))
    assert Gaussian().evolve(free, np.array([1.0]), {}).occupation.values == pytest.approx(0.5)
    with pytest.raises(ModelError, match="forwards in time"):
        Gaussian().evolve(free, np.array([-1.0]), {"filling": 0.5})


def refusal(lindbladian):
    error = Gaussian().refuses(OpenProblem(lindbladian=lindbladian))
    return error.message, error.hint


def test_what_is_refused_names_the_method():
    fine = chain(hopping(SIZE), family(0.3, loss=np.eye(SIZE)))
    assert Gaussian().refuses(OpenProblem(lindbladian=fine)) is None
    pair = Products(
        np.zeros(1, int), np.array([[0, 0, 1, 1]]), (True, False, True, False), np.ones(1, complex)
    )
    message, hint = refusal(replace(fine, interaction=pair))
    assert "interact" in message
    assert "exact" in hint
    bath = ModeBath("thermal", 1.0, 0.1, np.exp)
    message, hint = refusal(replace(fine, baths=(bath,)))
    assert "'thermal'" in message
    assert "gge" in hint
    assert (
        Gaussian().refuses(OpenProblem(lindbladian=replace(fine, baths=(replace(bath, rate=0.0),)))) is None
    )
    three = Products(np.zeros(1, int), np.array([[0, 1, 2]]), (True, False, False), np.ones(1, complex))
    message, hint = refusal(replace(fine, jumps=(replace(fine.jumps[0], higher=(three,)),)))
    assert "products of 3 operators" in message
    assert "exact" in hint


def test_jumps_that_do_not_close_are_refused():
    hop = np.zeros((2, SIZE, SIZE))
    hop[0, 1, 0] = hop[1, 0, 1] = 1
    message, hint = refusal(chain(hopping(SIZE), family(0.3, bilinear=hop[:1], name="drift")))
    assert "'drift' are not equivalent to Hermitian ones" in message
    assert "gge" in hint
    assert "adjoint" in hint
    assert unclosed((family(0.3, bilinear=hop),), SIZE) is None
    both = family(0.3, bilinear=hop[:1], loss=np.eye(SIZE)[:1], name="odd")
    assert "sums of single operators and products" in refusal(chain(hopping(SIZE), both))[0]
    with pytest.raises(ModelError, match="'drift'"):
        Gaussian().steady(
            OpenProblem(lindbladian=chain(hopping(SIZE), family(0.3, bilinear=hop[:1], name="drift")))
        )


def test_initial_states_of_cells_that_are_none():
    problem, time = OpenProblem(cell=lossy(1j, 0.2, None)), np.array([1.0])
    for initial, message in (
        ({}, "not given"),
        ({"occupation": 2}, "2: a mode holds 0 to 1"),
        ({"occupation": [0.5, 0.5]}, "2 values, and the number of bands is 1"),
        ({"filling": 0.5, "lagrange": 0}, "given twice"),
    ):
        with pytest.raises(ModelError, match=message):
            Gaussian().evolve(problem, time, initial)
