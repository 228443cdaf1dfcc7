"""What stands in ``[...]`` behind a number: products, quotients and integer powers of unit names."""

from __future__ import annotations

from typing import assert_never

from modelkit.dimensions import Unit, UnitFactor
from modelkit.errors import ModelError, Span
from modelkit.language import nodes

MOST_FACTORS = 20
HIGHEST_POWER = 20
_HINT = "units are products, quotients and integer powers of names, such as [eV*angstrom] or [1/angstrom^2]"


def unit_of(node: nodes.Expr) -> Unit:
    """The factors of a unit: ``eV*angstrom``, ``1/angstrom``, ``meV/T^2``.

    Raises
    ------
    ModelError
        Anything that is no such product.
    """
    factors: list[UnitFactor] = []
    waiting: list[tuple[nodes.Expr, int]] = [(node, 1)]
    while waiting:
        current, power = waiting.pop()
        if abs(power) > HIGHEST_POWER or len(factors) > MOST_FACTORS:
            raise ModelError("this unit is too long", node.span, hint=_HINT)
        match current:
            case nodes.Name():
                factors.append(UnitFactor(current.id, power, current.span))
            case nodes.Group():
                waiting.append((current.of, power))
            case nodes.Power():
                waiting.append((current.base, power * _integer(current.exponent)))
            case nodes.Operation(operators=operators) if set(operators) <= {"*", "/"}:
                signs = [1, *(1 if operator == "*" else -1 for operator in operators)]
                parts = [(part, sign * power) for part, sign in zip(current.operands, signs, strict=True)]
                waiting.extend(reversed(parts))
            case nodes.Number(text="1", unit=None):
                continue
            case (
                nodes.Number()
                | nodes.Operation()
                | nodes.Unary()
                | nodes.Call()
                | nodes.Index()
                | nodes.Member()
                | nodes.Adjoint()
                | nodes.AtCase()
                | nodes.Matrix()
            ):
                raise ModelError("this is not a unit", current.span, hint=_HINT)
            case _:
                assert_never(current)
    return tuple(factors)


def _integer(node: nodes.Expr) -> int:
    """A small integer exponent, perhaps signed or in brackets."""
    sign = 1
    current = node
    while isinstance(current, (nodes.Group, nodes.Unary)):
        if isinstance(current, nodes.Unary):
            sign = -sign if current.operator == "-" else sign
        current = current.of
    if (
        isinstance(current, nodes.Number)
        and current.unit is None
        and current.text.isdigit()
        and len(current.text) < 3
    ):
        return sign * int(current.text)
    raise _not_integer(node.span)


def _not_integer(span: Span | None) -> ModelError:
    return ModelError("the power of a unit is a small integer", span, hint=_HINT)
