"""The noun ``units``: natural, or the physical units in which a model computes."""

from __future__ import annotations

from modelkit.dimensions import UnitFactor
from modelkit.elements.binder import Binder
from modelkit.elements.nouns import Form, Noun, fields_of, nouns
from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.unit_expressions import unit_of
from modelkit.registry import suggestion
from modelkit.units import CHOICES, UnitSystem, physical


def stand_in() -> UnitSystem:
    """What the rest of a text is read with where its own units are wrong: each quantity has a unit."""
    usual = {"energy": "eV", "length": "nm", "temperature": "K"}
    return physical({name: (UnitFactor(unit, 1),) for name, unit in usual.items()})


@nouns.register("units")
class UnitsNoun(Noun):
    """The units of all numbers."""

    doc = "natural units (hbar = e = k_B = 1, the default) or the units of a model with physical quantities"
    form = Form(
        pattern="units natural, or units { energy = eV; length = angstrom; temperature = K; current = nA }",
        head=(nodes.Listing,),
        headless=True,
        block="may",
        fields=dict.fromkeys(CHOICES, "unit of such a quantity"),
    )
    stage = 10
    part = "none"
    once = True

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """The unit system of all formulas."""
        usage = f"write: {self.form.pattern}"
        match statement.head:
            case nodes.Listing(items=(nodes.Item(target=nodes.Name(id="natural"), value=None),)):
                if statement.block is not None:
                    raise ModelError("natural units have no block", statement.noun.span, hint=usage)
                return
            case nodes.Listing(items=(item, *_)):
                word = item.target.id if isinstance(item.target, nodes.Name) else ""
                hint = suggestion(word, ["natural"]) if word else usage
                raise ModelError("these are no units", item.target.span, hint=hint)
        fields = fields_of(statement.block)
        if not fields:
            raise ModelError("'units' needs the units", statement.noun.span, hint=usage)
        chosen = {name: unit_of(field.value) for name, field in fields.items()}
        spans = {name: field.value.span for name, field in fields.items() if field.value.span is not None}
        binder.units = physical(chosen, spans)
