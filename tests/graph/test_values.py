"""Numbers of parameters and lets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import sympy as sp

from modelkit.elements.parameters import Parameter
from modelkit.errors import ModelError
from modelkit.graph.values import values_of
from tests.graph.written import Declared, line


@dataclass(frozen=True)
class Let:
    expression: sp.Expr
    span: Any = None


a, N, z, b, c = sp.symbols("a N z b c")
MODEL = Declared(
    elements={},
    parameters={
        "a": Parameter(
            "a", a, sp.Rational(1, 10), interval=(sp.Integer(0), sp.Rational(3, 10)), span=line(3)
        ),
        "N": Parameter("N", N, sp.Integer(30), integer=True, span=line(4)),
        "z": Parameter("z", z, 1 + sp.I / 2, complex=True),
        "kind": Parameter(
            "kind", sp.Symbol("kind"), sp.Integer(1), choices=(sp.Integer(1), sp.Rational(1, 5))
        ),
    },
    lets={"b": Let(2 * a), "c": Let(b + N)},
)


def test_defaults_and_lets_in_their_order() -> None:
    found = values_of(MODEL)
    assert found == {"a": 0.1, "N": 30, "z": 1 + 0.5j, "kind": 1, "b": 0.2, "c": 30.2}
    assert isinstance(found["N"], int)


@pytest.mark.parametrize("value", [0.3, np.float64(0.3), sp.Rational(3, 10), np.array(0.3)])
def test_a_number_at_the_end_of_its_interval_is_inside(value: Any) -> None:
    assert values_of(MODEL, {"a": value})["c"] == pytest.approx(30.6)


def test_integers_may_come_as_floats_and_be_infinite() -> None:
    assert values_of(MODEL, {"N": 12.0})["N"] == 12
    assert values_of(MODEL, {"N": math.inf})["c"] == math.inf
    assert values_of(MODEL, {"kind": 0.2})["kind"] == 0.2
    assert values_of(MODEL, {"z": 2})["z"] == 2


@pytest.mark.parametrize(
    ("given", "message", "where"),
    [
        ({"a": 0.31}, "the parameter 'a' must lie from 0 to", line(3)),
        (
            {"N": 2.5},
            "the parameter 'N' stands in a range, a ring or an index and must be an integer",
            line(4),
        ),
        ({"a": 1j}, "the parameter 'a' is real", line(3)),
        ({"A": 1}, "there is no parameter 'A'", None),
        ({"b": 1}, "'b' is a let: it follows its parameters", None),
        ({"a": math.nan}, "the value of 'a' is no number", None),
        ({"a": "one"}, "the value of 'a' is no number", None),
        ({"a": [1, 2]}, "the value of 'a' is no number", None),
        ({"a": None}, "the value of 'a' is no number", None),
    ],
)
def test_wrong_values_are_refused(given: Any, message: str, where: Any) -> None:
    with pytest.raises(ModelError) as caught:
        values_of(MODEL, given)
    assert caught.value.message.startswith(message)
    assert caught.value.span == where


def test_all_wrong_values_are_found_at_once() -> None:
    with pytest.raises(ModelError) as caught:
        values_of(MODEL, {"a": 1, "N": 0.5, "gama": 1})
    assert len(caught.value.errors) == 3


def test_a_let_without_a_value_is_refused_at_its_line() -> None:
    model = Declared(
        {}, parameters=MODEL.parameters, lets={"b": Let(sp.log(a - a**1) * 0 + sp.sin(1 / (a - N)), line(9))}
    )
    with pytest.raises(ModelError) as caught:
        values_of(model, {"a": 0, "N": 0})
    assert caught.value.message.startswith("'b' is not a number")
    assert caught.value.span == line(9)
