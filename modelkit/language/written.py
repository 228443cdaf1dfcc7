"""Values back to the language: sympy expressions and numbers as nodes, nothing lost."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.rules import DEEPEST, WORD
from modelkit.language.sentences import CLOSED, LOOSE, NOT, PRODUCT, SIGN, SUM, binding

if TYPE_CHECKING:
    import sympy as sp


def from_sympy(value: sp.Basic | complex) -> nodes.Expr:
    """The expression that means a sympy object or a Python number.

    Rationals become decimals where these end soon and quotients where not; floats are written with
    the digits of their ``repr``; ``1i`` is the imaginary unit.  Matrices, functions of the language,
    comparisons and ``Piecewise`` are written too.

    Raises
    ------
    ModelError
        Something the language cannot say, or nested more than 60 deep.
    """
    return _written(value, 0)


def _written(value: Any, depth: int) -> nodes.Expr:
    import sympy as sp

    if depth > DEEPEST:
        raise ModelError(f"this value is nested more than {DEEPEST} deep", hint="simplify it first")
    if not isinstance(value, sp.Basic | sp.MatrixBase):
        return _number(_from_python(value))
    if isinstance(value, sp.MatrixBase):
        rows = range(value.rows)
        return nodes.Matrix(
            tuple(tuple(_written(value[i, j], depth + 1) for j in range(value.cols)) for i in rows)
        )
    if isinstance(value, sp.Number | sp.NumberSymbol | sp.core.numbers.ImaginaryUnit):
        return _number(value)
    if isinstance(value, sp.Symbol):
        if not WORD.fullmatch(value.name):
            raise ModelError(f"'{value.name}' is no name", hint="a name has ASCII letters, digits and '_'")
        return nodes.Name(value.name)
    if isinstance(value, sp.Add):
        return _sum(value, depth)
    if isinstance(value, sp.Mul):
        return _product(value, depth)
    if isinstance(value, sp.Pow):
        return _power(value, depth)
    return _other(value, depth)


def _from_python(value: Any) -> Any:
    import sympy as sp

    if isinstance(value, numbers.Integral):
        return sp.Integer(int(value))
    if isinstance(value, numbers.Real):
        return sp.Float(float(value))
    if isinstance(value, numbers.Complex):
        number = complex(value)
        return sp.Float(number.real) + sp.Float(number.imag) * sp.I
    raise ModelError(f"'{value}' cannot be written as a formula", hint=_FORMULAS)


def _number(value: Any) -> nodes.Expr:
    """A number without a sum: a literal, its negative, a quotient, ``infinite`` or ``pi``."""
    import sympy as sp

    if value in (sp.oo, -sp.oo):
        return _signed(nodes.Name("infinite"), value is not sp.oo)
    if value is sp.I:
        return nodes.Number("1i")
    if value is sp.pi:
        return nodes.Name("pi")
    if value is sp.E:
        return nodes.Call(nodes.Name("exp"), (nodes.Number("1"),))
    if isinstance(value, sp.Float) and value.is_finite:
        if value._prec > _DOUBLE:
            return _number(sp.Rational(value))
        return _signed(nodes.Number(repr(abs(float(value)))), value < 0)
    if isinstance(value, sp.Rational):
        return _rational(value)
    if isinstance(value, sp.Add | sp.Mul):
        return _written(value, 0)
    raise ModelError(f"'{value}' cannot be written as a number", hint="give a finite number")


def _rational(value: sp.Rational) -> nodes.Expr:
    literal = _literal(abs(value))
    if literal is not None:
        return _signed(nodes.Number(literal), value < 0)
    numerator, denominator = nodes.Number(str(abs(value.p))), nodes.Number(str(value.q))
    return nodes.Operation((_signed(numerator, value < 0), denominator), ("/",))


def _literal(value: sp.Rational) -> str | None:
    """Digits of a positive rational, if they end soon."""
    if max(value.p, value.q).bit_length() > _MOST_BITS:
        message = f"a number of more than {_MOST_BITS} binary digits cannot be written"
        raise ModelError(message, hint="round it with float(...)")
    for places in range(_MOST_PLACES + 1):
        if 10**places % value.q == 0:
            digits = str(value.p * 10**places // value.q).rjust(places + 1, "0")
            return f"{digits[: len(digits) - places]}.{digits[len(digits) - places :]}" if places else digits
    return None


def _sum(value: sp.Add, depth: int) -> nodes.Expr:
    operands: list[nodes.Expr] = []
    operators: list[str] = []
    for term in value.as_ordered_terms():
        negative = bool(operands) and term.could_extract_minus_sign()
        operands.append(_fitting(_written(-term if negative else term, depth + 1), PRODUCT))
        operators.append("-" if negative else "+")
    return nodes.Operation(tuple(operands), tuple(operators[1:]))


def _product(value: sp.Mul, depth: int) -> nodes.Expr:
    """Numerators first, then the denominators one by one; matrices and operators keep their order."""
    import sympy as sp

    coefficient, rest = value.as_coeff_Mul()
    above: list[nodes.Expr] = []
    below: list[nodes.Expr] = []
    factors = list(sp.Mul.make_args(rest))
    if isinstance(coefficient, sp.Rational) and coefficient.q != 1 and _literal(abs(coefficient)) is None:
        below.append(nodes.Number(str(coefficient.q)))
        coefficient = sp.Integer(coefficient.p)
    negative = bool(coefficient.is_negative)
    coefficient = abs(coefficient)
    if sp.I in factors and isinstance(_number(coefficient), nodes.Number):
        factors.remove(sp.I)
        above.append(nodes.Number(f"{_number(coefficient).text}i"))  # type: ignore[union-attr]
    elif coefficient != 1 or isinstance(coefficient, sp.Float):
        above.append(_number(coefficient))
    for factor in factors:
        divides = isinstance(factor, sp.Pow) and factor.is_commutative and bool(factor.exp.is_negative)
        node = _written(1 / factor if divides else factor, depth + 1)
        (below if divides else above).append(_fitting(node, SIGN))
    first, *others = above or [nodes.Number("1")]
    operands = (_signed(first, negative), *others, *below)
    if len(operands) == 1:
        return operands[0]
    return nodes.Operation(operands, ("*",) * len(others) + ("/",) * len(below))


def _power(value: sp.Pow, depth: int) -> nodes.Expr:
    import sympy as sp

    if value.exp == sp.Rational(1, 2):
        return nodes.Call(nodes.Name("sqrt"), (_written(value.base, depth + 1),))
    if value.exp in (-1, -sp.Rational(1, 2)) and value.is_commutative:
        return nodes.Operation((nodes.Number("1"), _fitting(_written(1 / value, depth + 1), SIGN)), ("/",))
    base = _fitting(_written(value.base, depth + 1), CLOSED)
    return nodes.Power(base, _fitting(_written(value.exp, depth + 1), SIGN))


def _other(value: Any, depth: int) -> nodes.Expr:
    """Functions, comparisons, logic."""
    import sympy as sp

    def parts(level: int) -> tuple[nodes.Expr, ...]:
        return tuple(_fitting(_written(part, depth + 1), level) for part in value.args)

    if value in (sp.true, sp.false):
        return nodes.Number("1" if value is sp.true else "0")
    if isinstance(value, sp.core.relational.Relational):
        return nodes.Operation(parts(SUM), (value.rel_op,))
    if isinstance(value, sp.Not):
        return nodes.Unary("not", parts(NOT)[0])
    if isinstance(value, sp.And | sp.Or):
        word = "and" if isinstance(value, sp.And) else "or"
        return nodes.Operation(parts(NOT), (word,) * (len(value.args) - 1))
    if isinstance(value, sp.Piecewise):
        return _cases(list(value.args), depth)
    name = _FUNCTIONS.get(type(value).__name__, type(value).__name__)
    if isinstance(value, sp.Function) and WORD.fullmatch(name):
        return nodes.Call(nodes.Name(name), parts(LOOSE))
    raise ModelError(f"'{value}' cannot be written as a formula", hint=_FORMULAS)


def _cases(pieces: list[Any], depth: int) -> nodes.Expr:
    (value, condition), *rest = pieces
    if condition == True:  # noqa: E712 - sympy's true
        return _written(value, depth + 1)
    if not rest:
        message = "a value that is defined only under a condition cannot be written as a formula"
        raise ModelError(message, hint="give the last piece of the Piecewise the condition True")
    parts = (_written(condition, depth + 1), _written(value, depth + 1), _cases(rest, depth + 1))
    return nodes.Call(nodes.Name("if"), parts)


def _signed(node: nodes.Expr, negative: bool) -> nodes.Expr:
    return nodes.Unary("-", _fitting(node, SIGN)) if negative else node


def _fitting(node: nodes.Expr, least: int) -> nodes.Expr:
    """The node, in parentheses where it binds too loosely."""
    return nodes.Group(node) if binding(node) < least else node


_FORMULAS = "give a number, a text of the language, or a sympy formula of its functions"
_DOUBLE = 53
_MOST_BITS = 4096
_MOST_PLACES = 15
_FUNCTIONS = {"Abs": "abs", "conjugate": "conj", "Max": "max", "Min": "min", "Mod": "mod"}
