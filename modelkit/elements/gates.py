"""The noun ``gate``: an electrode that is attached to nothing."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from modelkit.elements.binder import Binder
from modelkit.elements.nouns import Form, Noun, fields_of, nouns
from modelkit.elements.potentials import bind_energy
from modelkit.elements.regions import plain_name
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.scope import Meaning


@dataclass(frozen=True)
class Gate:
    """An electrode; ``U`` is the potential energy of an electron on it, counted as that of the sites."""

    name: str
    U: sp.Expr
    span: Span | None = None


@nouns.register("gate")
class GateNoun(Noun):
    """An electrode that no electron reaches."""

    doc = "an electrode that is attached to nothing: capacitances lead to it"
    form = Form(
        pattern="gate NAME { U = FORMULA }",
        head=(nodes.Listing,),
        block="must",
        fields={"U": "potential energy of an electron on it, -e times its voltage"},
    )
    space = "device"
    stage = 42
    part = "screening"

    def prepare(self, statement: nodes.Statement, binder: Binder) -> None:
        """A gate is no number."""
        for name in self.names(statement):
            binder.mean(name.id, Meaning("gate", None, name.span))

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """The name and the potential energy."""
        name = plain_name(statement, self.form)
        field = fields_of(statement.block).get("U")
        if field is None:
            hint = f"write: gate {name.id} {{ U = 0 }}"
            raise ModelError(f"the gate '{name.id}' has no U", name.span, hint=hint)
        energy = bind_energy(field.value, "the potential of a gate", binder, binder.scope)
        binder.store("elements", name.id, Gate(name.id, energy, statement.span))

    def conclude(self, statement: nodes.Statement, binder: Binder) -> None:
        """A gate acts through capacitances alone."""
        from modelkit.elements.screening import Screening

        screenings = [one for one in binder.section("elements").values() if isinstance(one, Screening)]
        lines = [line for one in screenings for line in one.capacitances]
        joined = {end.name for line in lines for end in line.ends}
        for name in self.names(statement):
            if name.id not in joined:
                message = f"no capacitance leads to the gate '{name.id}', so nothing feels it"
                hint = f"write in a screening: capacitance REGION - {name.id} : FORMULA, or leave it out"
                raise ModelError(message, name.span, hint=hint)
