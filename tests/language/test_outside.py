"""Values from outside the text become exact numbers in the units of the model."""

from fractions import Fraction

import numpy as np
import pint
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from modelkit.errors import ModelError
from modelkit.language.outside import exact_value
from modelkit.language.parser import parse_expression
from modelkit.language.unit_expressions import unit_of
from modelkit.units import physical

UNITS = physical({"energy": unit_of(parse_expression("eV")), "length": unit_of(parse_expression("angstrom"))})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, sp.Integer(3)),
        (0.1, sp.Rational(1, 10)),
        (1 + 0.5j, 1 + sp.I / 2),
        (Fraction(2, 3), sp.Rational(2, 3)),
        (np.int32(4), sp.Integer(4)),
        (np.float64(0.25), sp.Rational(1, 4)),
        (np.array(0.5), sp.Rational(1, 2)),
        (np.complex128(2j), 2 * sp.I),
        (sp.pi / 2, sp.pi / 2),
        (sp.Float(0.1), sp.Rational(1, 10)),
        (float("inf"), sp.oo),
        ("1+0.5i", 1 + sp.I / 2),
        ("2*pi", 2 * sp.pi),
        ("infinite", sp.oo),
    ],
)
def test_numbers_and_texts_are_exact(value, expected):
    assert exact_value(value, "gamma") == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_comes_back_bit_by_bit(number):
    assert float(exact_value(number, "gamma")) == number


def test_bare_numbers_are_in_the_unit_of_the_declaration():
    assert exact_value(3, "V", UNITS, "meV") == sp.Rational(3, 1000)
    assert exact_value("3", "V", UNITS, "meV") == sp.Rational(3, 1000)
    assert exact_value("3 [eV]", "V", UNITS, "meV") == 3
    assert exact_value("infinite", "V", UNITS, "meV") == sp.oo


def test_quantities_of_pint_are_converted():
    registry = pint.UnitRegistry()
    assert exact_value(registry.Quantity(2.5, "meV*nm"), "lam", UNITS, "eV*angstrom") == sp.Rational(25, 1000)
    with pytest.raises(ModelError, match=r"is a unit of length, not of energy"):
        exact_value(registry.Quantity(1.0, "nm"), "V", UNITS, "meV")


@pytest.mark.parametrize(
    "value",
    [
        10**5000,
        True,
        None,
        float("nan"),
        -float("inf"),
        [1, 2],
        np.arange(2),
        sp.Symbol("x"),
        sp.nan,
        sp.zoo,
        sp.zeta(3),
        sp.exp(10**6),
        b"1",
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ModelError) as caught:
        exact_value(value, "gamma")
    assert "'gamma'" in caught.value.message


def test_texts_are_constants_of_the_right_dimension():
    with pytest.raises(ModelError, match="there is no 'gamma' here"):
        exact_value("2*gamma", "gamma")
    with pytest.raises(ModelError, match="a single number"):
        exact_value("[1, 2]", "gamma")
    with pytest.raises(ModelError, match="not of energy"):
        exact_value("3 [nm]", "V", UNITS, "meV")
    with pytest.raises(ModelError):
        exact_value("__import__('os')", "gamma")


def test_a_word_from_outside_is_no_advice_to_declare_it():
    with pytest.raises(ModelError) as caught:
        exact_value("eight", "N")
    expected = "'N' is set to a number, or to a formula of numbers such as '2*pi' or '0.1 [eV]'"
    assert caught.value.hint == expected


def test_a_text_without_a_dimension_is_refused_where_the_parameter_has_no_unit():
    with pytest.raises(ModelError, match="they cannot be added"):
        exact_value("1 [eV] + 1 [angstrom]", "x", UNITS)
