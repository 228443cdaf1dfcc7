"""Dimensions of formulas: what the text tells of them, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.dimensions import DIMENSIONS, PURE, dimension_of, times
from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.expressions import translate
from modelkit.language.parser import parse_expression
from modelkit.language.quantities import dimension
from modelkit.language.scope import Scope
from modelkit.language.unit_expressions import unit_of
from modelkit.numerics.evaluate import evaluate
from modelkit.units import UnitSystem, constant_dimension, physical


def system(**chosen: str) -> UnitSystem:
    return physical({name: unit_of(parse_expression(unit)) for name, unit in chosen.items()})


LARGE = system(energy="eV", length="nm", temperature="K")
SMALL = system(energy="meV", length="angstrom", temperature="mK")
SIZES = {"energy": 1000, "length": 10, "temperature": 1000}  # of a number, from LARGE to SMALL


def known(node: nodes.Expr) -> tuple[int, ...] | None:
    return constant_dimension(node.id) if isinstance(node, nodes.Name) else None


def found(text: str, units: UnitSystem = LARGE):
    return dimension(parse_expression(text), units, known)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 [nm]", "length"),
        ("2*5 [nm]/(1 [eV])", "length/energy"),
        ("-(5 [nm])^2", "length^2"),
        ("sqrt(5 [nm^2])", "length"),
        ("(4 [nm])^0.5*(4 [nm])^(1/2)", "length"),
        ("(4 [nm])^-1", "1/length"),
        ("3 + 5 [nm]", "length"),
        ("x + 5 [nm]", "length"),
        ("k_B*300 [K] + 1 [meV]", "energy"),
        ("hbar^2/(2*m_e*1 [nm^2])", "energy"),
        ("mu_B*2 [T]", "energy"),
        ("e*1 [V]", "energy"),
        ("exp(-1 [meV]/(k_B*300 [K]))", "1"),
        ("1 [nm] < 2 [nm] and 1 [eV] > 3 [meV]", "1"),
        ("if(1 [nm] < x, 2 [eV], 0)", "energy"),
        ("max(1 [eV], 2 [meV], 0)", "energy"),
        ("atan2(1 [nm], 2 [nm])", "1"),
        ("[1 [eV], 0 | x, 2 [meV]]", "energy"),
    ],
)
def test_the_dimension_is_read_off_the_text(text: str, expected: str) -> None:
    assert found(text) == LARGE.reduced(dimension_of(expected))


@pytest.mark.parametrize("text", ["x", "x*5 [nm]", "x^2 + y", "abs(x)", "f(5 [nm])", "-x/(5 [nm])", "[x, 0]"])
def test_what_is_not_known_is_not_guessed(text: str) -> None:
    assert found(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "5 [nm] + 1 [meV]",
        "5 [nm] - x + 1 [meV]",
        "5 [nm] < 1 [meV]",
        "sin(1 [T])",
        "2^(5 [nm])",
        "(5 [nm])^x",
        "(5 [nm])^(1 [eV]/(1 [meV]) + 1 [nm])",
        "x*(5 [nm] + 1 [meV])",
        "if(5 [nm] > 1 [meV], x, y)",
        "if(x > 0, 5 [nm], 1 [meV])",
        "min(5 [nm], 1 [K])",
        "sign(5 [nm] - 1 [K])",
        "[5 [nm], 1 [K]]",
        "1 [V/nm] + 1 [T*nm]",
        "sqrt(5 [nm]) + 5 [nm]",
        "floor(5 [nm])",
    ],
)
def test_a_formula_without_a_dimension_is_refused(text: str) -> None:
    with pytest.raises(ModelError) as caught:
        found(text)
    assert caught.value.span is not None


def test_the_words_are_those_of_the_author() -> None:
    with pytest.raises(
        ModelError, match=r"'5 \[nm\]' is a length, '1 \[mV\]' a voltage: they cannot be added"
    ):
        found("5 [nm] + 1 [mV]")
    with pytest.raises(ModelError, match=r"'1 \[T\]' is a magnetic field: exp needs a pure number"):
        found("exp(1 [T])", system(energy="eV", length="nm", time="ps"))


LITERALS = st.sampled_from(["2 [eV]", "3 [meV]", "5 [nm]", "0.5 [um]", "7 [K]"])


@st.composite
def products(draw: st.DrawFn, depth: int = 3) -> str:
    if not depth:
        return draw(LITERALS)
    first, second = draw(products(depth - 1)), draw(products(depth - 1))
    return draw(
        st.sampled_from(
            [
                f"({first})*({second})",
                f"({first})/({second})",
                f"({first})^2/({second})",
                f"sqrt(({first})^2)",
                f"({first} + 3*({first}))",
                f"max({first}, 2*({first}))",
                f"if({second} < 2*({second}), {first}, 0)",
            ]
        )
    )


@given(products())
@settings(max_examples=60, deadline=None)
def test_a_number_changes_with_the_units_as_its_dimension_says(text: str) -> None:
    """Two roads: the exponents from the text, the ratio of the numbers in two systems of units."""
    node = parse_expression(text)
    exponents = found(text)
    assert exponents is not None
    assert exponents == found(text, SMALL)
    large, small = (evaluate(translate(node, Scope(units=units)), {}) for units in (LARGE, SMALL))
    energy, length, _, _, temperature = exponents
    factor = SIZES["energy"] ** energy * SIZES["length"] ** length * SIZES["temperature"] ** temperature
    assert small == pytest.approx(large * factor, rel=1e-9)


@given(products(2), products(2))
@settings(max_examples=60, deadline=None)
def test_sums_are_refused_if_and_only_if_the_dimensions_differ(first: str, second: str) -> None:
    one, other = found(first), found(second)
    total = f"{first} + ({second})"
    if one == other or PURE in (one, other):
        assert found(total) in (one, other)
    else:
        with pytest.raises(ModelError, match="cannot be added"):
            found(total)


def test_a_very_long_formula_is_not_followed_for_ever() -> None:
    deep = nodes.Number("1", nodes.Name("eV"))
    for _ in range(400):
        deep = nodes.Group(deep)
    assert dimension(deep, LARGE, known) is None
    assert times(PURE, DIMENSIONS["energy"], 2) == found("(1 [eV])^2")
