"""Sums, products, powers and comparisons of formulas and matrices, with their bounds.

sympy simplifies what it builds, and some of that (``Abs``, ``Max`` and ``floor`` of long expressions,
powers of numbers) takes unbounded time.  Here only exact numbers are worked out; everything else is
put together as it was written.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanAtom, BooleanFunction

from modelkit.errors import ModelError, Span
from modelkit.language.numbers import (
    BITS,
    DEGREE,
    Budget,
    Value,
    bits,
    check_product,
    check_sum,
    degree,
    too_many_digits,
)
from modelkit.numerics.evaluate import evaluate

Matrix: TypeAlias = sp.ImmutableDenseMatrix
MOST_CONDITIONS = 3  # within one comparison
COST_OF_CONDITIONS = 2000  # steps
_ANALYTIC = (sp.exp, sp.sin, sp.cos, sp.tan, sp.sinh, sp.cosh, sp.tanh)  # f(conj(x)) = conj(f(x))


def is_matrix(value: sp.Basic) -> bool:
    """Whether a value is a matrix."""
    return isinstance(value, sp.MatrixBase)


def is_truth(value: sp.Basic) -> bool:
    """Whether a value is true or false rather than a number."""
    return isinstance(value, (Relational, BooleanFunction, BooleanAtom))


def indicator(truth: sp.Basic) -> sp.Expr:
    """1 where a condition holds, otherwise 0."""
    if isinstance(truth, BooleanAtom):
        return sp.Integer(bool(truth))
    return sp.Piecewise((sp.Integer(1), truth), (sp.Integer(0), True), evaluate=False)


def total(terms: Sequence[Value], span: Span | None) -> Value:
    """Sum; numbers beside matrices are times the identity."""
    matrices = [term for term in terms if is_matrix(term)]
    numbers = [term for term in terms if not is_matrix(term)]
    check_sum(numbers, span)
    scalar = sp.Add(*numbers)
    if not matrices:
        return scalar
    shape = matrices[0].shape
    for matrix in matrices:
        if matrix.shape != shape:
            raise ModelError(
                f"a {_size(matrix)} matrix cannot be added to a {_size(matrices[0])} matrix",
                span,
                hint="sizes must agree",
            )
    entries = [sp.Add(*parts) for parts in zip(*(matrix.flat() for matrix in matrices), strict=True)]
    if numbers:
        if shape[0] != shape[1]:
            raise ModelError(
                f"a number cannot be added to a {_size(matrices[0])} matrix",
                span,
                hint="beside a square matrix a number is times the identity",
            )
        for k in range(shape[0]):
            entries[k * (shape[0] + 1)] += scalar
    return Matrix(*shape, entries)


def product(factors: Sequence[Value], span: Span | None, budget: Budget) -> Value:
    """Product in order; matrices do not commute."""
    numbers = [factor for factor in factors if not is_matrix(factor)]
    check_product(numbers, span)
    scalar = sp.Mul(*numbers)
    result: Matrix | None = None
    for factor in factors:
        if is_matrix(factor):
            result = factor if result is None else _matrix_product(result, factor, span, budget)
    if result is None:
        return scalar
    return result if scalar == 1 else result.applyfunc(lambda entry: scalar * entry)


def reciprocal(value: Value, span: Span | None) -> sp.Expr:
    """``1/value``.

    Raises
    ------
    ModelError
        Division by a matrix or by an exact zero.
    """
    if is_matrix(value):
        raise ModelError("division by a matrix", span, hint="write its inverse out as a matrix [a, b | c, d]")
    if value == 0:
        raise ModelError("division by zero", span, hint="exclude it with if(x == 0, a, b/x)")
    return sp.Pow(value, -1)


def power(base: Value, exponent: Value, span: Span | None, budget: Budget) -> Value:
    """``base^exponent``, bounded: ``9^9^9`` and ``((t + a)^60)^60`` are refused."""
    if is_matrix(exponent):
        raise ModelError("a matrix cannot be an exponent", span, hint="functions of matrices are written out")
    if is_matrix(base):
        return _matrix_power(base, exponent, span, budget)
    if base == 0 and exponent.is_number and not _is_positive_number(exponent):
        raise ModelError("0 to a power that is not positive", span, hint="write its value as a number")
    if isinstance(exponent, sp.Rational):
        if isinstance(base, sp.Rational):
            if base not in (0, 1, -1) and abs(exponent) * bits(base) > BITS:
                raise too_many_digits(span)
        elif abs(exponent) * max(1, degree(base)) > DEGREE:
            raise ModelError(
                f"the power {exponent} is too high",
                span,
                hint=f"powers go up to {DEGREE}, counted with their bases",
            )
    elif exponent.is_number and base.is_number:
        require_finite(sp.Pow(base, exponent, evaluate=False), span)
    return sp.Pow(base, exponent)


def compare(operator: str, left: Value, right: Value, span: Span | None, budget: Budget) -> sp.Basic:
    """``left < right`` and so on; worked out for exact real numbers only."""
    if is_matrix(left) or is_matrix(right):
        raise ModelError("matrices cannot be compared", span, hint="compare their entries")
    relation = _RELATIONS[operator]
    if operator not in ("==", "!="):
        for side in (left, right):
            require_real(side, "a comparison", span)
    if isinstance(left, sp.Rational) and isinstance(right, sp.Rational):
        return relation(left, right)
    if operator in ("==", "!=") and left == right:
        return sp.true if operator == "==" else sp.false
    conditions = left.atoms(sp.Piecewise, sp.ITE) | right.atoms(sp.Piecewise, sp.ITE)
    if len(conditions) > MOST_CONDITIONS:
        hint = "join them with 'and', 'or', 'not'"
        raise ModelError(f"a comparison of more than {MOST_CONDITIONS} conditions", span, hint=hint)
    if conditions:
        budget.spend(COST_OF_CONDITIONS, span)  # sympy writes their combinations out
    return relation(left, right, evaluate=False)


def conjugate(value: sp.Expr) -> sp.Expr:
    """Complex conjugate, carried to the names as far as that is exact."""
    if value.is_Number or value.is_NumberSymbol or (value.is_Symbol and value.is_extended_real):
        return value
    if value is sp.I:
        return -value
    if isinstance(value, (sp.Abs, sp.re, sp.im, sp.floor, sp.Mod, sp.Min, sp.Max, sp.atan2)):
        return value
    if isinstance(value, sp.conjugate):
        return value.args[0]
    if isinstance(value, (sp.Add, sp.Mul, *_ANALYTIC)):
        return value.func(*(conjugate(part) for part in value.args))
    if value.is_Pow and (value.exp.is_Integer or value.base.is_positive):
        return sp.Pow(conjugate(value.base), conjugate(value.exp))
    if isinstance(value, sp.Piecewise):
        pairs = ((conjugate(part), condition) for part, condition in value.args)
        return sp.Piecewise(*pairs, evaluate=False)
    return sp.conjugate(value, evaluate=False) if not value.is_Symbol else sp.conjugate(value)


def adjoint(value: Value) -> Value:
    """``value'``: the conjugate number, the conjugate transposed matrix."""
    return value.T.applyfunc(conjugate) if is_matrix(value) else conjugate(value)


def require_real(value: sp.Expr, what: str, span: Span | None) -> None:
    """Refuse numbers with an imaginary part."""
    if value.is_number and not isinstance(value, sp.Rational):
        approximate = evaluate(value, {})
        if isinstance(approximate, complex) and abs(approximate.imag) > 1e-12 * abs(approximate):
            raise ModelError(f"{what} needs real numbers", span, hint="re(...), im(...) or abs(...) are real")


def require_finite(value: sp.Basic, span: Span | None) -> None:
    """Refuse a constant that double precision cannot hold, before sympy computes with it."""
    approximate = complex(evaluate(value, {}))
    if not (math.isfinite(approximate.real) and math.isfinite(approximate.imag)):
        raise not_finite(span)


def not_finite(span: Span | None) -> ModelError:
    """The error for a constant that is infinite, not defined, or beyond 1e308."""
    shown = f"'{span.text}'" if span and 0 < len(span.text) <= 40 and "\n" not in span.text else "this"
    return ModelError(f"{shown} is not a finite number", span, hint="numbers reach up to 1e308")


_RELATIONS = {"==": sp.Eq, "!=": sp.Ne, "<": sp.Lt, "<=": sp.Le, ">": sp.Gt, ">=": sp.Ge}


def _matrix_product(left: Matrix, right: Matrix, span: Span | None, budget: Budget) -> Matrix:
    if left.shape[1] != right.shape[0]:
        raise ModelError(
            f"a {_size(left)} matrix times a {_size(right)} matrix", span, hint="sizes must agree"
        )
    rows = [[(k, entry) for k, entry in enumerate(left.row(i)) if entry != 0] for i in range(left.shape[0])]
    columns = [right.col(j) for j in range(right.shape[1])]
    budget.spend(len(columns) * sum(len(row) for row in rows), span)
    entries = [sp.Add(*(entry * column[k] for k, entry in row)) for row in rows for column in columns]
    result = Matrix(left.shape[0], right.shape[1], entries)
    budget.check(result, span)
    return result


def _matrix_power(base: Matrix, exponent: sp.Expr, span: Span | None, budget: Budget) -> Matrix:
    if base.shape[0] != base.shape[1]:
        raise ModelError(f"a power of a {_size(base)} matrix", span, hint="only square matrices have powers")
    if not isinstance(exponent, sp.Integer) or not 0 <= exponent <= DEGREE:
        raise ModelError(
            f"the power {exponent} of a matrix",
            span,
            hint=f"matrices have the powers 0 to {DEGREE}; write an inverse out as a matrix",
        )
    result = Matrix(sp.eye(base.shape[0]))
    for _ in range(int(exponent)):
        result = _matrix_product(result, base, span, budget)
    return result


def _is_positive_number(value: sp.Expr) -> bool:
    approximate = complex(evaluate(value, {}))
    return approximate.real > 0


def _size(matrix: Matrix) -> str:
    return f"{matrix.shape[0]} x {matrix.shape[1]}"
