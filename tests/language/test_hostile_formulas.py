"""Formulas that would take for ever are refused, or left as they are written."""

import math
import sys
from contextlib import contextmanager

import pytest
import sympy as sp
from sympy.core.cache import clear_cache

from modelkit.errors import ModelError
from tests.language.test_expressions import formula, with_functions

MOST_CALLS = 1000  # for each character of a formula


def _nest(before, depth, inner):
    return before * depth + inner + ")" * depth


PRIMES = [p for p in range(2, 20000) if all(p % q for q in range(2, math.isqrt(p) + 1))]
HOSTILE = {
    "tower": "9^9^9",
    "powers of powers": "((x + 1)^60)^60",
    "powers by products": "(((x + 1)^4*(x + 2)^5)^4)^2",
    "literal exponent": "1e9999999",
    "literal digits": "0." + "1" * 5000,
    "product of long numbers": "*".join(["0.1234567890123456789012345678901234567891"] * 1000),
    "common denominator": "+".join(f"1/{p}" for p in PRIMES),
    "doubling functions": "f9(x)",
    "functions in functions": _nest("g(", 40, "x"),
    "endless function": "h(1)",
    "matrix power": "[x, y | y, z]^64",
    "exponentials": "exp(exp(exp(9)))",
    "floor of a giant": "floor(" + "*".join(["exp(700)"] * 500) + ")",
    "hidden giant": "exp(1/exp(-exp(700)))",
    "root of a number": "(2^4000 + 1)^(1/3)",
    "long list": "+".join(["sin(x)"] * 11000),
    "comparisons of comparisons": _nest("(x < ", 30, "y"),
    "nested signs": "-" * 20000 + "x",
    "nested calls": _nest("sin(", 3000, "x"),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_formulas_are_refused(text):
    scope = with_functions(
        **{f"f{k}": f"f{k - 1}(u)*f{k - 1}(u + 1)*f{k - 1}(u + 2)" for k in range(1, 10)},
        f0="sin(u)*u",
        g="u*sin(u)",
        h="h(u) + h(u)",
    )
    with pytest.raises(ModelError):
        formula(text, scope)


@pytest.mark.parametrize(
    "text",
    [
        "abs((x + 1i*y)^30 + (x + y + 1i)^20)",
        "floor(exp(700)*pi)",
        "1/exp(-exp(700)) > 2",
        "max(" + ", ".join(f"x + {k}" for k in range(300)) + ")",
        "asin(sin(10^300))",
        _nest("sqrt(x + ", 28, "2"),
        " < ".join(f"x + {k}" for k in range(300)),
        "(1 + sqrt(2) + sqrt(3) + sqrt(5))^64",
        "log((1 + 2i)^64*(1 + 3i)^64)",
    ],
)
def test_formulas_that_sympy_would_brood_over_are_left_as_written(text):
    """Nothing is multiplied out, and the work, counted in calls, grows with the text."""
    formula("x + 1")  # what is imported on the way is no work of this formula
    clear_cache()
    with counted_calls() as calls:
        found = formula(text)
    assert sum(1 for _ in sp.preorder_traversal(found)) <= len(text)
    assert len(calls) <= MOST_CALLS * len(text)


@contextmanager
def counted_calls():
    """One entry for each call of a function of Python."""
    calls = []
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, _: calls.append(None) if event == "call" else None)
    try:
        yield calls
    finally:
        sys.setprofile(before)
