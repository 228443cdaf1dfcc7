"""What stands behind ``on``: ``wire.c[1]``, ``wire.c``, ``wire.right``, cut down by ``where``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from modelkit.elements.binder import Binder, ConsequentError, free_names
from modelkit.elements.calls import subscripts_of
from modelkit.elements.indices import Index
from modelkit.elements.lattices import Lattice, SiteFamily
from modelkit.elements.loops import clauses_of, make_index, with_indices
from modelkit.elements.quantities import check_quantity
from modelkit.elements.sites import indices_of
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.printer import expression_text
from modelkit.language.scope import Meaning, Scope
from modelkit.registry import suggestion

ENDS = {"left": 0, "right": 0, "bottom": 1, "top": 1}  # end to the index whose first or last value it has


@dataclass(frozen=True)
class Attachment:
    """Where a terminal is attached.

    ``at`` holds formulas of the terminal's own indices; it is None when the whole family (or the
    whole ``end`` of the lattice: ``left``, ``right``, ``bottom``, ``top``) is meant, cut down by
    ``where``, which may then use the sites' own index names.
    """

    lattice: str
    family: str | None
    at: tuple[sp.Expr, ...] | None
    end: str | None = None
    where: sp.Basic = sp.true
    span: Span | None = None


@dataclass(frozen=True)
class Target:
    """A target as written: its lattice, its family or end, its subscripts (None: without)."""

    lattice: Lattice
    family: SiteFamily | None
    end: str | None
    subscripts: tuple[nodes.Expr, ...] | None
    span: Span | None


def written_targets(statement: nodes.Statement, binder: Binder) -> list[Target]:
    """The targets of the ``on`` clause, looked up."""
    return [
        written_target(item, binder)  # type: ignore[arg-type]
        for clause in clauses_of(statement, "on")
        for item in clause.items
    ]


def free_target_indices(names: Sequence[nodes.Name], targets: Sequence[Target]) -> list[Index]:
    """Indices of ``probe D[j] on wire.c[j]`` without ``for``: they run over the range of the site."""
    found = []
    for name in names:
        for target in targets:
            places = [
                place
                for place, subscript in enumerate(target.subscripts or ())
                if isinstance(subscript, nodes.Name) and subscript.id == name.id
            ]
            if places and target.family is not None:
                found.append(make_index(name.id, target.family.indices[places[0]].over, name.span))
                break
        else:
            raise ModelError(
                f"the index '{name.id}' has no range", name.span, hint=f"write: for {name.id} in FROM..TO"
            )
    return found


def bind_targets(
    statement: nodes.Statement,
    targets: Sequence[Target],
    indices: Sequence[Index],
    binder: Binder,
    scope: Scope,
) -> tuple[Attachment, ...]:
    """The attachments, with the ``where`` that stands behind ``on``."""
    words = [clause.word for clause in statement.clauses]
    late = [
        clause.items[0]
        for place, clause in enumerate(statement.clauses)
        if clause.word == "where" and "on" in words[:place]
    ]
    found = []
    for target in targets:
        at = None
        if target.subscripts is not None:
            at = tuple(binder.formula(subscript, scope) for subscript in target.subscripts)
            for subscript in target.subscripts:
                check_quantity(subscript, "1", "the index of a site", binder, scope)
        where = _where(late[0], target, at, indices, binder, scope) if late else sp.true  # type: ignore[arg-type]
        family = target.family.name if target.family is not None else None
        found.append(Attachment(target.lattice.name, family, at, target.end, where, target.span))
    return tuple(found)


def written_target(node: nodes.Expr, binder: Binder) -> Target:
    """A target such as ``wire.c[1]``, ``wire.c`` or ``wire.right``, looked up."""
    subscripts: tuple[nodes.Expr, ...] | None = None
    of = node
    if isinstance(node, nodes.Index):
        of, subscripts = node.of, subscripts_of(node)
    if not isinstance(of, nodes.Member) or not isinstance(of.of, nodes.Name):
        raise _not_a_target(of, binder)
    lattice = binder.find(of.of, "lattice", "elements", Lattice)
    families = {family.name: family for family in lattice.sites}
    word = of.name.id
    if word in families:
        return _family_target(lattice, families[word], subscripts, node.span)
    if (lattice.name, word) in binder.broken:
        raise ConsequentError(f"'{word}' is wrong itself", node.span)
    if word not in ENDS and _is_region(of.name, binder):
        raise _on_region(of.name, {lattice.name: lattice}, binder)
    if word not in ENDS:
        wrong = [path[1] for path in binder.broken if len(path) == 2 and path[0] == lattice.name]
        known = [*families, *wrong, *ENDS]
        hint = suggestion(word, known, "sites and ends")
        raise ModelError(f"the lattice '{lattice.name}' has no site or end '{word}'", of.name.span, hint=hint)
    if subscripts is not None:
        raise ModelError(f"the end '{word}' has no index", node.span, hint=f"write {lattice.name}.{word}")
    if not any(len(family.indices) > ENDS[word] for family in lattice.sites):
        which = ("an index", "a second index")[ENDS[word]]
        raise ModelError(
            f"no site of '{lattice.name}' has {which}, so there is no '{word}' end",
            of.name.span,
            hint=f"name a site of '{lattice.name}'",
        )
    return Target(lattice, None, word, None, node.span)


def _family_target(
    lattice: Lattice, family: SiteFamily, subscripts: tuple[nodes.Expr, ...] | None, span: Span | None
) -> Target:
    count = len(family.indices)
    if subscripts is not None and len(subscripts) > count and lattice.spaces:
        raise ModelError(
            "a terminal is attached to all components of a site",
            span,
            hint="give the self-energy as a matrix on the components",
        )
    if subscripts is not None and len(subscripts) != count:
        shown = "no index" if count == 0 else f"{count} index" if count == 1 else f"{count} indices"
        message = f"the site '{family.pattern}' has {shown}, {len(subscripts)} given"
        raise ModelError(message, span, hint=f"write {lattice.name}.{family.pattern}")
    if subscripts is None and count == 0:
        subscripts = ()
    return Target(lattice, family, None, subscripts, span)


def _not_a_target(of: nodes.Expr, binder: Binder) -> ModelError:
    lattices = {name: one for name, one in binder.section("elements").items() if isinstance(one, Lattice)}
    if isinstance(of, nodes.Name):
        for name, lattice in lattices.items():
            if of.id in {family.name for family in lattice.sites}:
                hint = f"write {name}.{of.id}"
                return ModelError(f"the site '{of.id}' belongs to the lattice '{name}'", of.span, hint=hint)
            if of.id == name:
                examples = [f"{name}.{family.pattern}" for family in lattice.sites[:2]]
                hint = f"name sites or an end: {', '.join([*examples, f'{name}.left'])}"
                return ModelError(f"'{name}' is a whole lattice", of.span, hint=hint)
        if (of.id,) in binder.broken:
            return ConsequentError(f"'{of.id}' is wrong itself", of.span)
        if _is_region(of, binder):
            return _on_region(of, lattices, binder)
        hint = suggestion(of.id, lattices, "lattices") or "declare a lattice first"
        return ModelError(f"there is no '{of.id}' to attach to", of.span, hint=hint)
    return ModelError("a terminal is attached to sites", of.span, hint="write: on wire.c[1] or on wire.left")


def _is_region(name: nodes.Name, binder: Binder) -> bool:
    declared = binder.declared("device").get(name.id)
    return declared is not None and declared.noun == "region"


def _on_region(name: nodes.Name, lattices: Mapping[str, Lattice], binder: Binder) -> ModelError:
    declared = binder.declared("device")[name.id]
    message = f"'{name.id}' is a region{declared.place}, for potentials and screening alone"
    return ModelError(message, name.span, hint=_as_sites(declared.statement, lattices))


def _as_sites(region: nodes.Statement, lattices: Mapping[str, Lattice]) -> str:
    """The sites of a region as a terminal is attached to them."""
    places = []
    for clause in clauses_of(region, "on"):
        for item in clause.items:
            lattice = lattices.get(item.id) if isinstance(item, nodes.Name) else None
            families = [f"{lattice.name}.{one.name}" for one in lattice.sites] if lattice else []
            places += families or [expression_text(item)]  # type: ignore[arg-type]
    conditions = [clause.items[0] for clause in clauses_of(region, "where")]
    where = [f" where {expression_text(one)}" for one in conditions]  # type: ignore[arg-type]
    return f"name its sites: on {', '.join(places)}{''.join(where)}"


def _where(
    node: nodes.Expr,
    target: Target,
    at: tuple[sp.Expr, ...] | None,
    indices: Sequence[Index],
    binder: Binder,
    scope: Scope,
) -> sp.Basic:
    """The condition on the sites; with given subscripts it becomes one on the terminal's indices."""
    families = [target.family] if target.family is not None else list(_families_at(target))
    own = {index.name: index for family in families for index in family.indices}
    terminal = {index.name: index for index in indices}
    values = (
        dict(zip((index.symbol for index in families[0].indices), at, strict=True)) if at is not None else {}
    )
    for name in free_names(node):
        if (
            name.id in own
            and name.id in terminal
            and values.get(own[name.id].symbol) != terminal[name.id].symbol
        ):
            raise ModelError(
                f"'{name.id}' is an index of the terminal and of the site",
                name.span,
                hint="give the terminal's index another name",
            )
    inner = with_indices(scope, list(own.values()))
    known = {
        index.name: Meaning("index", values[index.symbol], index.span)
        for index in own.values()
        if index.symbol in values
    }
    return binder.condition(node, inner.with_names(known).with_advice(indices_of(families)))


def _families_at(target: Target) -> Sequence[SiteFamily]:
    place = ENDS[target.end or "left"]
    return [family for family in target.lattice.sites if len(family.indices) > place]
