"""Literals are exact, and every exact number is bounded."""

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from modelkit.errors import ModelError
from modelkit.language.numbers import NODES, Budget, bits, degree, literal

x, y = sp.symbols("x y")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", sp.Rational(1, 10)),
        ("0.10", sp.Rational(1, 10)),
        ("12", sp.Integer(12)),
        ("007", sp.Integer(7)),
        ("1e3", sp.Integer(1000)),
        ("1.5e-2", sp.Rational(3, 200)),
        ("2E+1", sp.Integer(20)),
        ("1i", sp.I),
        ("2e-3i", sp.I / 500),
        ("0.0", sp.Integer(0)),
    ],
)
def test_a_literal_is_the_number_that_was_written(text, value):
    assert literal(text) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**9, places=9))
def test_every_decimal_is_exact(number):
    assert literal(f"{number:f}") == sp.Rational(str(number))


@pytest.mark.parametrize(
    "text", ["1e331", "1e-331", "1e9999999999", "1" * 41, "0." + "3" * 41, "0." + "0" * 500]
)
def test_numbers_beyond_the_bounds_are_refused(text):
    with pytest.raises(ModelError) as caught:
        literal(text)
    assert "digits" in caught.value.message or "out of range" in caught.value.message


@pytest.mark.parametrize("text", ["", ".5", "5.", "0x1", "1j", "1_000", "nan", "٣", "1e", "-1"])
def test_what_is_no_literal_is_refused(text):
    with pytest.raises(ModelError, match="is not a number"):
        literal(text)


def test_the_bounds_are_reached_exactly():
    assert literal("1e300") == 10**300
    assert literal("9" * 40) == int("9" * 40)


def test_bits_count_numerator_and_denominator():
    assert bits(sp.Rational(255, 256)) == 8 + 9
    assert bits(x) == 0


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (sp.Integer(7), 0),
        (x + 1, 1),
        ((x + y) ** 60, 60),
        (x**2 * (y + 1) ** 3, 5),
        (((x + 1) ** 3 + y) ** 4, 12),
        (sp.sin(x**5), 1),
        (1 / x**3, 3),
        (sp.sqrt(x), 1),
    ],
)
def test_the_degree_is_that_of_the_powers_of_the_names(formula, expected):
    assert degree(formula) == expected


def test_steps_are_counted_up_to_the_bound():
    budget = Budget()
    budget.spend(NODES, None)
    with pytest.raises(ModelError, match="too large"):
        budget.spend(1, None)


def test_the_size_of_a_tree_counts_shared_parts_each_time():
    shared = x
    for _ in range(13):  # 2^13 leaves in 13 different nodes
        shared = sp.Pow(sp.sin(shared), shared, evaluate=False)
    Budget().check(sp.sin(x) + 1, None)
    with pytest.raises(ModelError, match="too large"):
        Budget().check(sp.Pow(shared, shared, evaluate=False), None)
    with pytest.raises(ModelError, match="too large"):
        Budget().check(sp.ImmutableDenseMatrix([[shared, shared], [shared, shared]]), None)


def test_long_numbers_inside_a_formula_are_too_large():
    with pytest.raises(ModelError, match="too large"):
        Budget().check(x + sp.Integer(3) ** 5000, None)
