"""What regions, potentials and screenings stand on: lattices, regions, families of sites, sites, ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from modelkit.elements.binder import Binder, ConsequentError
from modelkit.elements.lattices import Lattice, SiteFamily
from modelkit.elements.loops import clauses_of
from modelkit.elements.targets import ENDS, Attachment, Target, bind_targets, written_target
from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.printer import expression_text
from modelkit.registry import suggestion

WRITTEN = "write: on wire, wire.c, wire.c[1] or wire.left"


def bind_places(statement: nodes.Statement, binder: Binder) -> tuple[Attachment, ...]:
    """The places behind ``on``, cut down by the ``where`` behind it.

    A whole lattice is an :class:`Attachment` with neither family nor end; a region stands for the places
    that it was declared with.

    Raises
    ------
    ModelError
        What is declared nowhere, what is no part of a lattice, and a region that is cut down again.
    """
    found: list[Attachment] = []
    for clause in clauses_of(statement, "on"):
        for item in clause.items:
            region = region_of(item, binder)  # type: ignore[arg-type]
            if region is None:
                target = _target(item, binder)  # type: ignore[arg-type]
                found += bind_targets(statement, [target], (), binder, binder.scope)
                continue
            for where in clauses_of(statement, "where"):
                hint = "declare another region for a part of it"
                raise ModelError(
                    "the sites of a region are chosen where it is declared", where.span, hint=hint
                )
            found += [replace(place, span=item.span) for place in region]
    return tuple(found)


def region_of(node: nodes.Expr, binder: Binder) -> tuple[Attachment, ...] | None:
    """The places of a region that is called by its name; None for everything else."""
    from modelkit.elements.regions import Region

    found = binder.section("elements").get(node.id) if isinstance(node, nodes.Name) else None
    return found.places if isinstance(found, Region) else None


def touched_families(places: Iterable[Attachment], binder: Binder) -> list[SiteFamily]:
    """The families that have sites at these places, each once."""
    found: dict[tuple[str, str], SiteFamily] = {}
    for place in places:
        lattice: Lattice = binder.section("elements")[place.lattice]
        for family in lattice.sites:
            indexed = place.end is None or len(family.indices) > ENDS[place.end]
            if indexed and place.family in (None, family.name):
                found[lattice.name, family.name] = family
    return list(found.values())


def lattices_of(binder: Binder) -> dict[str, Lattice]:
    """The declared lattices by their names."""
    return {name: one for name, one in binder.section("elements").items() if isinstance(one, Lattice)}


def _target(node: nodes.Expr, binder: Binder) -> Target:
    of = node.of if isinstance(node, nodes.Index) else node
    if isinstance(of, nodes.Member):
        return written_target(node, binder)
    if not isinstance(of, nodes.Name):
        raise ModelError("this is no part of a lattice", node.span, hint=WRITTEN)
    lattices = lattices_of(binder)
    if of.id in lattices and of is node:
        return Target(lattices[of.id], None, None, None, node.span)
    if of.id in lattices:
        raise ModelError(f"the lattice '{of.id}' has no index", node.span, hint=WRITTEN)
    raise _unknown(of, lattices, binder)


def _unknown(name: nodes.Name, lattices: dict[str, Lattice], binder: Binder) -> ModelError:
    from modelkit.elements.regions import Region

    if (name.id,) in binder.broken:
        return ConsequentError(f"'{name.id}' is wrong itself", name.span)
    for lattice in lattices.values():
        if name.id in {family.name for family in lattice.sites}:
            hint = f"write {lattice.name}.{expression_text(name)}"
            return ModelError(
                f"the site '{name.id}' belongs to the lattice '{lattice.name}'", name.span, hint=hint
            )
    declared = binder.declared("device").get(name.id)
    regions = [key for key, one in binder.section("elements").items() if isinstance(one, Region)]
    hint = suggestion(name.id, [*lattices, *regions], "lattices and regions") or "declare a lattice first"
    if declared is not None:
        return ModelError(
            f"'{name.id}' is a {declared.noun}{declared.place}, no lattice or region", name.span, hint=hint
        )
    return ModelError(f"there is no lattice or region '{name.id}'", name.span, hint=hint)
