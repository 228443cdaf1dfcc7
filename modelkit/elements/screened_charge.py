"""The condition of a screening: ``charge == poisson(epsilon = 1)``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from modelkit.elements.binder import Binder
from modelkit.elements.calls import arguments_of, called_name
from modelkit.elements.loops import clauses_of
from modelkit.elements.quantities import check_quantity
from modelkit.elements.screening_laws import laws
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.printer import expression_text
from modelkit.numerics.evaluate import evaluate
from modelkit.registry import suggestion

CHARGE = "charge"
USAGE = "write: solve U such that charge == 0"


@dataclass(frozen=True)
class LawCall:
    """A registered law with the formulas of its arguments."""

    name: str
    arguments: Mapping[str, sp.Expr]
    span: Span | None = None


def bind_charge(line: nodes.Statement, binder: Binder) -> LawCall:
    """The law behind ``such that charge ==``.

    Raises
    ------
    ModelError
        Several conditions, one on something else, an unknown law, wrong arguments.
    """
    (clause,) = clauses_of(line, "such that")
    node = clause.items[0]
    if len(clause.items) > 1:
        raise ModelError(
            f"a screening has one condition, here are {len(clause.items)}",
            clause.items[1].span,
            hint="a single 'charge == ...' holds for each potential that is solved",
        )
    if not isinstance(node, nodes.Operation) or node.operators != ("==",):
        raise ModelError("a condition is an equation", node.span, hint=USAGE)
    left, right = node.operands
    if expression_text(left) != CHARGE:
        shown = expression_text(left)
        hint = "write: charge == ..."
        raise ModelError(f"a screening has no condition on '{shown}'", left.span, hint=hint)
    name = called_name(right)
    word = name.id if name is not None else expression_text(right)
    if word not in laws:
        near = suggestion(word, laws, laws.plural)
        raise ModelError(f"there is no {laws.kind} '{word}'", right.span, hint=near)
    return LawCall(word, _arguments(word, right, binder), right.span)


def _arguments(word: str, node: nodes.Expr, binder: Binder) -> dict[str, sp.Expr]:
    described = laws[word].arguments
    optional = [name for name, one in described.items() if one.default is not None]
    values: dict[str, sp.Expr] = {
        name: sp.nsimplify(one.default, rational=True)
        for name, one in described.items()
        if one.default is not None
    }
    for name, value in arguments_of(node, list(described), optional).items():
        values[name] = binder.formula(value)
        if values[name].is_extended_real is False:
            raise ModelError(f"'{name}' is real", value.span, hint=USAGE)
        check_quantity(value, described[name].dimension, f"'{name}'", binder)
    if not any(value.free_symbols for value in values.values()):
        reason = laws[word].refuses(
            **{name: float(evaluate(value, {}).real) for name, value in values.items()}
        )
        if reason:
            raise ModelError(reason, node.span, hint="local neutrality is written: charge == 0")
    return {name: values[name] for name in described}
