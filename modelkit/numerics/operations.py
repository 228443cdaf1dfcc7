"""What each kind of sympy node means for numpy arrays.

``operation(node)`` gives a function and the nodes whose values are its arguments.  Quotients are
divided once, not multiplied by a reciprocal, so that ``floor(49/49)`` is 1.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy as sp

Operands = tuple[sp.Basic, ...]

# integers in, integers out
CLOSED = (sp.Add, sp.Abs, sp.sign, sp.Min, sp.Max, sp.Mod, sp.conjugate, sp.re, sp.Piecewise)
# integers whatever comes in
INTEGRAL = (sp.floor, sp.ceiling)


def operation(node: sp.Basic) -> tuple[Callable[..., Any], Operands]:
    """Function of arrays and the operands it takes, for a node that is no atom.

    Raises
    ------
    TypeError
        The translator does not make such nodes.
    """
    if isinstance(node, sp.Mul):
        return _product(node)
    if isinstance(node, sp.Pow):
        return _power(node)
    if isinstance(node, sp.Piecewise):
        return _choose, tuple(part for pair in node.args for part in (pair[1], pair[0]))
    function = _FUNCTIONS.get(type(node))
    if function is None:
        raise TypeError(f"no numeric meaning for {type(node).__name__}")
    return function, node.args


def _sum(*terms: Any) -> Any:
    return functools.reduce(operator.add, terms)


def _product(node: sp.Mul) -> tuple[Callable[..., Any], Operands]:
    above: list[sp.Basic] = []
    below: list[sp.Basic] = []
    for factor in node.args:
        if isinstance(factor, sp.Pow) and isinstance(factor.exp, sp.Integer) and factor.exp < 0:
            below.append(sp.Pow(factor.base, -factor.exp))
        elif isinstance(factor, sp.Rational) and factor.q != 1 and max(abs(factor.p), factor.q) < 2**53:
            below.append(sp.Integer(factor.q))
            if factor.p != 1:
                above.append(sp.Integer(factor.p))
        else:
            above.append(factor)
    if not below:
        return _times, tuple(above)
    count = len(above)

    def quotient(*factors: Any) -> Any:
        return np.true_divide(_times(*factors[:count]), _times(*factors[count:]))

    return quotient, (*above, *below)


def _times(*factors: Any) -> Any:
    return functools.reduce(operator.mul, factors) if factors else 1.0


def _power(node: sp.Pow) -> tuple[Callable[..., Any], Operands]:
    base, exponent = node.args
    if exponent == sp.Rational(1, 2):
        return np.emath.sqrt, (base,)
    if exponent == -sp.Rational(1, 2):
        return lambda x: np.true_divide(1.0, np.emath.sqrt(x)), (base,)
    if isinstance(exponent, sp.Integer):
        return _integer_power(int(exponent)), (base,)
    return _general_power, (base, exponent)


def _integer_power(exponent: int) -> Callable[[Any], Any]:
    if exponent == -1:
        return lambda x: np.true_divide(1.0, x)
    if exponent == 2:
        return np.square
    if exponent < 0:
        return lambda x: np.true_divide(1.0, np.power(x, -exponent))
    return lambda x: np.power(x, exponent)


def _general_power(base: Any, exponent: Any) -> Any:
    """``base^exponent``; real for negative bases as long as all exponents are integers."""
    if np.isrealobj(base) and np.isrealobj(exponent):
        if np.all(np.asarray(base) >= 0) or np.all(np.floor(exponent) == exponent):
            return np.power(base, exponent)
        return np.power(np.asarray(base, dtype=complex), exponent)
    return np.power(base, exponent)


def _choose(*parts: Any) -> Any:
    """``condition, value, condition, value, ...``: the value of the first condition that holds."""
    result: Any = np.nan
    for condition, value in reversed(list(zip(parts[::2], parts[1::2], strict=True))):
        result = np.where(condition, value, result)
    return result


def _on_real(function: Callable[..., Any]) -> Callable[..., Any]:
    """For functions of real numbers: nan where an argument has an imaginary part."""

    def applied(*arguments: Any) -> Any:
        if all(np.isrealobj(argument) for argument in arguments):
            return function(*arguments)
        wrong = functools.reduce(operator.or_, (np.imag(argument) != 0 for argument in arguments))
        return np.where(wrong, np.nan, function(*(np.real(argument) for argument in arguments)))

    return applied


def _inverse(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: np.true_divide(1.0, function(x))


def _least(*values: Any) -> Any:
    return functools.reduce(np.minimum, values)


def _greatest(*values: Any) -> Any:
    return functools.reduce(np.maximum, values)


def _all(*values: Any) -> Any:
    return functools.reduce(np.logical_and, values, True)


def _any(*values: Any) -> Any:
    return functools.reduce(np.logical_or, values, False)


def _inverse_hyperbolic_cosine(x: Any) -> Any:
    return np.arccosh(x if np.all(np.real(x) >= 1) else np.asarray(x, dtype=complex))


_FUNCTIONS: Mapping[type, Callable[..., Any]] = {
    sp.Add: _sum,
    sp.exp: np.exp,
    sp.log: np.emath.log,
    sp.sin: np.sin,
    sp.cos: np.cos,
    sp.tan: np.tan,
    sp.sec: _inverse(np.cos),
    sp.csc: _inverse(np.sin),
    sp.cot: _inverse(np.tan),
    sp.sinh: np.sinh,
    sp.cosh: np.cosh,
    sp.tanh: np.tanh,
    sp.sech: _inverse(np.cosh),
    sp.csch: _inverse(np.sinh),
    sp.coth: _inverse(np.tanh),
    sp.asin: np.emath.arcsin,
    sp.acos: np.emath.arccos,
    sp.atan: np.arctan,
    sp.asinh: np.arcsinh,
    sp.acosh: _inverse_hyperbolic_cosine,
    sp.atanh: np.emath.arctanh,
    sp.atan2: _on_real(np.arctan2),
    sp.Abs: np.abs,
    sp.sign: np.sign,
    sp.conjugate: np.conjugate,
    sp.re: np.real,
    sp.im: np.imag,
    sp.Min: _on_real(_least),
    sp.Max: _on_real(_greatest),
    sp.Mod: _on_real(np.mod),
    sp.floor: _on_real(np.floor),
    sp.ceiling: _on_real(np.ceil),
    sp.Eq: np.equal,
    sp.Ne: np.not_equal,
    sp.Lt: _on_real(np.less),
    sp.Le: _on_real(np.less_equal),
    sp.Gt: _on_real(np.greater),
    sp.Ge: _on_real(np.greater_equal),
    sp.And: _all,
    sp.Or: _any,
    sp.Not: np.logical_not,
    sp.ITE: np.where,
}
