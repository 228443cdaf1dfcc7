"""Matrices of the internal spaces: Kronecker products in the declared order."""

import re

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.errors import ModelError
from modelkit.language.expressions import translate
from modelkit.language.parser import parse_expression
from modelkit.language.scope import Meaning, Scope
from modelkit.language.spaces import (
    Space,
    acts_on_holes,
    component,
    dimension,
    make_space,
    spaces,
    without_nambu,
)

SPIN, NAMBU, ORBITAL = make_space("spin"), make_space("nambu"), make_space("orbital", 2)
PAULI = {
    "0": np.eye(2),
    "x": np.array([[0, 1], [1, 0]]),
    "y": np.array([[0, -1j], [1j, 0]]),
    "z": np.diag([1, -1]),
}
a = sp.Symbol("a", real=True)
NAMES = {"a": Meaning("parameter", a)}


def matrix(text, *declared):
    value = translate(parse_expression(text), Scope(NAMES).with_spaces(declared))
    return np.array(value.tolist(), dtype=complex)


def refusal(text, *declared):
    with pytest.raises(ModelError) as caught:
        translate(parse_expression(text), Scope(NAMES).with_spaces(declared))
    return caught.value


@pytest.mark.parametrize("axis", "0xyz")
def test_a_pauli_matrix_acts_on_its_space_alone(axis):
    np.testing.assert_array_equal(matrix(f"sigma_{axis}", SPIN), PAULI[axis])
    np.testing.assert_array_equal(matrix(f"tau_{axis}", NAMBU), PAULI[axis])


def test_the_order_of_the_declaration_is_the_order_of_the_product():
    expected = np.kron(PAULI["z"], PAULI["y"])
    np.testing.assert_array_equal(matrix("tau_z*sigma_y", NAMBU, SPIN), expected)
    np.testing.assert_array_equal(matrix("sigma_y*tau_z", NAMBU, SPIN), expected)
    np.testing.assert_array_equal(matrix("tau_z*sigma_y", SPIN, NAMBU), np.kron(PAULI["y"], PAULI["z"]))


def test_matrices_of_one_space_keep_their_order():
    np.testing.assert_allclose(matrix("sigma_x*sigma_y", SPIN), 1j * PAULI["z"])
    np.testing.assert_allclose(matrix("sigma_y*sigma_x", SPIN), -1j * PAULI["z"])
    np.testing.assert_allclose(matrix("(sigma_x + 1i*sigma_y)^2", SPIN), np.zeros((2, 2)))


@given(st.permutations(["spin", "nambu", "orbital"]), st.sampled_from("xyz"), st.sampled_from("xyz"))
@settings(max_examples=20, deadline=None)
def test_three_spaces_in_any_order(order, first, second):
    sizes = {"orbital": 3}
    declared = tuple(make_space(name, sizes.get(name)) for name in order)
    orbital = np.arange(9).reshape(3, 3)
    parts = {"spin": PAULI[first], "nambu": PAULI[second], "orbital": orbital}
    expected = np.kron(np.kron(parts[order[0]], parts[order[1]]), parts[order[2]])
    text = f"sigma_{first}*[0, 1, 2 | 3, 4, 5 | 6, 7, 8]*tau_{second}"
    np.testing.assert_allclose(matrix(text, *declared), expected)


def test_an_explicit_matrix_of_full_size_is_taken_as_it_is():
    text = "[1, 2, 0, 0 | 2, 1, 0, 0 | 0, 0, 3, 0 | 0, 0, 0, 4]"
    assert matrix(text, SPIN, make_space("orbital", 2))[0, 1] == 2
    np.testing.assert_array_equal(matrix("[1, 2 | 3, 4]", SPIN), [[1, 2], [3, 4]])


def test_an_explicit_matrix_that_fits_two_spaces_is_ambiguous():
    error = refusal("[1, 2 | 3, 4]", NAMBU, SPIN)
    assert error.message == "this 2 x 2 matrix fits nambu and spin"
    assert error.hint == (
        "on nambu write it with tau_0, tau_x, tau_y, tau_z; "
        "on spin write it with sigma_0, sigma_x, sigma_y, sigma_z"
    )


@pytest.mark.parametrize("declared", [(SPIN, ORBITAL), (ORBITAL, SPIN)], ids=["behind", "before"])
def test_the_matrix_that_is_proposed_for_an_orbital_acts_on_it_alone(declared):
    written = [[1, 2j], [-2j, 3]]
    hint = refusal("sigma_z*[1, 2i | -2i, 3]", *declared).hint
    proposed = re.search(r"on orbital\(2\) write (.*\])", hint).group(1)
    found = matrix(f"sigma_z*{proposed}", *declared)
    factors = [PAULI["z"] if space is SPIN else np.array(written) for space in declared]
    np.testing.assert_allclose(found, np.kron(*factors))


def test_an_explicit_matrix_that_fits_nothing_is_refused():
    error = refusal("[1, 2, 3 | 4, 5, 6 | 7, 8, 9]", NAMBU, SPIN)
    assert "this is a 3 x 3 matrix, but the internal space (nambu * spin) has dimension 4" in error.message
    assert "1 x 2 matrix" in refusal("[1, 2]", SPIN).message


def test_a_matrix_of_a_space_that_is_not_declared_is_refused():
    error = refusal("a*tau_x", SPIN)
    assert error.message == "'tau_x' acts on nambu, which is not an internal space here"
    assert error.hint == "the internal spaces here are spin"
    assert refusal("sigma_z").hint == "add 'internal spin' to the lattice"


def test_a_scalar_is_times_the_identity_of_the_whole_space():
    np.testing.assert_array_equal(matrix("1 + 0*sigma_x", NAMBU, SPIN), np.eye(4))


def test_spaces_know_their_components():
    assert make_space("spin") == Space("spin", ("up", "down"))
    assert make_space("orbital", 3).labels == ("1", "2", "3")
    assert component("hole", (SPIN, NAMBU)) == (1, 1)
    with pytest.raises(ModelError, match="there is no component 'left' here"):
        component("left", (SPIN,))
    assert dimension((NAMBU, SPIN, make_space("orbital", 3))) == 12
    assert dimension(()) == 1
    assert acts_on_holes((SPIN, NAMBU))
    assert without_nambu((SPIN, NAMBU)) == (SPIN,)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("spn", None, "there is no internal space 'spn'"),
        ("spin", 2, "'spin' takes no size"),
        ("orbital", None, "'orbital' has a size"),
        ("orbital", 0, "orbital(0) is out of range"),
        ("orbital", 10**9, "orbital(1000000000) is out of range"),
    ],
)
def test_spaces_that_do_not_exist_are_refused(name, size, message):
    assert set(spaces) == {"spin", "nambu", "orbital"}
    with pytest.raises(ModelError) as caught:
        make_space(name, size)
    assert caught.value.message == message


def test_too_many_components_are_refused_before_a_matrix_is_made():
    with pytest.raises(ModelError, match="128 components"):
        dimension((make_space("orbital", 32), NAMBU, SPIN))
