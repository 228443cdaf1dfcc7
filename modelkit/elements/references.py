"""The noun ``reference``: the equilibrium that everything is counted from."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from modelkit.elements.binder import Binder
from modelkit.elements.nouns import Form, Noun, fields_of, nouns
from modelkit.elements.quantities import check_quantity
from modelkit.elements.terminals import DIMENSIONS
from modelkit.errors import ModelError, Span
from modelkit.language import nodes


@dataclass(frozen=True)
class Reference:
    """Chemical potential and temperature of the neutral, balanced state."""

    mu: sp.Expr
    T: sp.Expr
    span: Span | None = None


@nouns.register("reference")
class ReferenceNoun(Noun):
    """Where expansions in the bias begin."""

    doc = "the equilibrium that orders in the bias and charges are counted from; at most once"
    form = Form(
        pattern="reference { mu = FORMULA; T = FORMULA }",
        block="must",
        fields={"mu": "chemical potential", "T": "temperature; 0 if not given"},
    )
    stage = 35
    part = "terminals"
    once = True

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """Both fields are formulas of the parameters."""
        found = {"mu": sp.Integer(0), "T": sp.Integer(0)}
        fields = fields_of(statement.block)
        for name, field in fields.items():
            with binder.catching():
                found[name] = binder.formula(field.value)
                check_quantity(field.value, DIMENSIONS[name], f"'{name}'", binder)
        if "mu" not in fields:
            raise ModelError(
                "the reference needs a mu", statement.noun.span, hint=f"write: {self.form.pattern}"
            )
        binder.store("reference", "reference", Reference(found["mu"], found["T"], statement.span))
