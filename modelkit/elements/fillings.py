"""The noun ``filling``: how many particles an open chain holds, where its dynamics keeps their number."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from modelkit.elements.binder import Binder
from modelkit.elements.dissipators import Dissipator
from modelkit.elements.lattices import Lattice
from modelkit.elements.nouns import Form, Noun, nouns
from modelkit.elements.quantities import check_quantity
from modelkit.errors import ModelError, Span
from modelkit.language import nodes


@dataclass(frozen=True)
class Filling:
    """Particles per mode of a lattice, between 0 and 1."""

    lattice: str
    value: sp.Expr
    span: Span | None = None

    @property
    def name(self) -> str:
        """How it is kept; no name of the language has a blank."""
        return f"filling {self.lattice}"


@nouns.register("filling")
class FillingNoun(Noun):
    """The particles of a lattice."""

    doc = "particles per mode of a lattice, between 0 and 1: needed where dissipators keep their number"
    form = Form(pattern="filling LATTICE = FORMULA", head=(nodes.Listing,))
    stage = 44
    part = "open chain"

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """A lattice and a number."""
        assert isinstance(statement.head, nodes.Listing)  # the form has been checked
        for item in statement.head.items:
            if not isinstance(item.target, nodes.Name) or item.value is None:
                hint = f"write: {self.form.pattern}"
                raise ModelError("a filling is that of a lattice", item.target.span, hint=hint)
            lattice = binder.find(item.target, "lattice", "elements", Lattice)
            value = _value(item.value, binder)
            filling = Filling(lattice.name, value, statement.span)
            before = binder.section("elements").get(filling.name)
            if isinstance(before, Filling):
                where = f" (line {before.span.line})" if before.span is not None else ""
                message = f"the filling of '{lattice.name}' is given twice{where}"
                raise ModelError(message, item.target.span, hint="keep one of them")
            binder.store("elements", filling.name, filling)

    def conclude(self, statement: nodes.Statement, binder: Binder) -> None:
        """Nothing else than dissipators uses it."""
        if not any(isinstance(one, Dissipator) for one in binder.section("elements").values()):
            message = "a filling is that of an open chain, but this model has no dissipator"
            raise ModelError(
                message, statement.span, hint="terminals fill a conductor: leave the filling out"
            )


def _value(node: nodes.Expr, binder: Binder) -> sp.Expr:
    value = binder.formula(node)
    if value.is_number and (value.is_extended_real is False or not 0 < value < 1):
        hint = "it counts particles per mode: 1/2 is half filling, also with spin"
        raise ModelError("a filling lies between 0 and 1", node.span, hint=hint)
    check_quantity(node, "1", "a filling", binder)
    return value
