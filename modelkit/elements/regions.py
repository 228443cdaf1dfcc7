"""The noun ``region``: a named part of a lattice."""

from __future__ import annotations

from dataclasses import dataclass

from modelkit.elements.binder import Binder
from modelkit.elements.names import check_name
from modelkit.elements.nouns import Form, Noun, nouns
from modelkit.elements.places import bind_places, region_of
from modelkit.elements.targets import Attachment
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.scope import Meaning


@dataclass(frozen=True)
class Region:
    """A named part of one lattice: all sites of its places together."""

    name: str
    lattice: str
    places: tuple[Attachment, ...]
    span: Span | None = None


@nouns.register("region")
class RegionNoun(Noun):
    """A part of a lattice that has a name."""

    doc = "a named part of a lattice, for potentials and screening; regions may overlap"
    form = Form(
        pattern="region NAME on LATTICE where CONDITION",
        head=(nodes.Listing,),
        clauses=("on", "where"),
        needs=("on",),
    )
    space = "device"
    stage = 41
    part = "conductor"

    def prepare(self, statement: nodes.Statement, binder: Binder) -> None:
        """A region is no number."""
        for name in self.names(statement):
            binder.mean(name.id, Meaning("region", None, name.span))

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """The places, all in one lattice."""
        name = plain_name(statement, self.form)
        for clause in statement.clauses:
            for item in clause.items if clause.word == "on" else ():
                if region_of(item, binder) is not None:  # type: ignore[arg-type]
                    hint = "name the lattice, and the sites with 'where'"
                    raise ModelError("a region is a part of a lattice, not of a region", item.span, hint=hint)
        places = bind_places(statement, binder)
        for place in places[1:]:
            if place.lattice != places[0].lattice:
                raise ModelError(
                    f"'{name.id}' has sites in two lattices, '{places[0].lattice}' and '{place.lattice}'",
                    place.span,
                    hint="declare a region in each of them",
                )
        binder.store("elements", name.id, Region(name.id, places[0].lattice, places, statement.span))


def plain_name(statement: nodes.Statement, form: Form) -> nodes.Name:
    """The one name that the statement declares, without index or value."""
    assert isinstance(statement.head, nodes.Listing)  # the form has been checked
    match statement.head.items:
        case (nodes.Item(target=nodes.Name() as name, value=None),):
            check_name(name)
            return name
    message = f"a {statement.noun.id} has one plain name"
    raise ModelError(message, statement.head.span, hint=f"write: {form.pattern}")
