"""The noun ``potential``: a prescribed potential energy of an electron."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from modelkit.elements.binder import Binder, free_names
from modelkit.elements.loops import with_indices
from modelkit.elements.nouns import Form, Noun, fields_of, nouns
from modelkit.elements.places import bind_places, touched_families
from modelkit.elements.quantities import check_quantity
from modelkit.elements.sites import indices_of
from modelkit.elements.targets import Attachment
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.scope import Scope


@dataclass(frozen=True)
class Potential:
    """``U`` on all sites of the places, a formula of parameters and of the sites' indices.

    ``indices`` are the names of the indices that it uses; ``name`` is a number, for potentials have none.
    """

    name: str
    places: tuple[Attachment, ...]
    U: sp.Expr
    indices: tuple[str, ...] = ()
    span: Span | None = None
    formula_span: Span | None = None


@nouns.register("potential")
class PotentialNoun(Noun):
    """A prescribed potential."""

    doc = "a potential energy of an electron, added to H; several add, and no lead continues them"
    form = Form(
        pattern="potential on LATTICE where CONDITION { U = FORMULA }",
        clauses=("on", "where"),
        needs=("on",),
        block="must",
        fields={"U": "potential energy of an electron; it may use the indices of the sites"},
    )
    stage = 46
    part = "conductor"

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """Places and formula."""
        places: tuple[Attachment, ...] = ()
        with binder.catching():
            places = bind_places(statement, binder)
        field = fields_of(statement.block).get("U")
        if field is None:
            hint = f"write: {self.form.pattern}"
            raise ModelError("this potential has no U", statement.noun.span, hint=hint)
        if not places:
            return  # its indices are not known
        families = touched_families(places, binder)
        indices = {index.name: index for family in families for index in family.indices}
        scope = with_indices(binder.scope, list(indices.values())).with_advice(indices_of(families))
        energy = bind_energy(field.value, "a potential", binder, scope)
        used = tuple(dict.fromkeys(name.id for name in free_names(field.value) if name.id in indices))
        name = unnamed("potential", binder)
        potential = Potential(name, places, energy, used, statement.span, field.value.span)
        binder.store("elements", name, potential)


def bind_energy(node: nodes.Expr, what: str, binder: Binder, scope: Scope) -> sp.Expr:
    """A real energy; ``what`` names it in messages."""
    energy = binder.formula(node, scope)
    if energy.is_extended_real is False:
        raise ModelError(f"{what} is real", node.span, hint="losses are a terminal with a self-energy")
    check_quantity(node, "energy", what, binder, scope)
    return energy


def unnamed(noun: str, binder: Binder) -> str:
    """``potential 2``: how a statement without a name is kept; no name of the language has a blank."""
    taken = [name for name in binder.section("elements") if name.startswith(f"{noun} ")]
    return f"{noun} {len(taken) + 1}"
