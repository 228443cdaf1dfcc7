"""What ``c[l]`` and ``c[l+1, up]`` in a relation refer to, and over which indices it runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import sympy as sp

from modelkit.elements.binder import Binder, free_names
from modelkit.elements.calls import subscripts_of
from modelkit.elements.indices import Index
from modelkit.elements.loops import (
    bind_loops,
    check_index_name,
    clauses_of,
    make_index,
    replaced,
    with_indices,
)
from modelkit.elements.quantities import check_quantity
from modelkit.elements.sites import Grounds, SiteFamily, indices_of
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.printer import expression_text
from modelkit.language.scope import Scope
from modelkit.language.spaces import Space, component


@dataclass(frozen=True)
class SiteRef:
    """``c[l+1]`` in a relation: a family and the formulas of its indices."""

    lattice: str
    family: str
    at: tuple[sp.Expr, ...]
    span: Span | None = None


@dataclass(frozen=True)
class Written:
    """A site as it stands in a relation: its family, the subscripts of its indices, its labels."""

    family: SiteFamily
    subscripts: tuple[nodes.Expr, ...]
    labels: tuple[nodes.Expr, ...]
    span: Span | None


def written_site(node: nodes.Expr, grounds: Grounds, binder: Binder) -> Written:
    """The family, subscripts and component labels of ``c[l+1, up]``."""
    subscripts: tuple[nodes.Expr, ...] = ()
    of = node
    if isinstance(node, nodes.Index):
        of, subscripts = node.of, subscripts_of(node)
    if isinstance(of, nodes.Member):
        raise _of_another_lattice(of, grounds)
    if not isinstance(of, nodes.Name):
        raise ModelError("this is not a site", node.span, hint=_sites_of(grounds))
    family = grounds.family(of, binder)
    count = len(family.indices)
    labels = subscripts[count:]
    if len(subscripts) < count or (labels and not grounds.spaces):
        raise ModelError(
            f"the site '{family.pattern}' has {_counted(count)}, {len(subscripts)} given",
            node.span,
            hint=f"write {family.pattern}" if count else f"write {family.name}",
        )
    return Written(family, subscripts[:count], labels, node.span)


@dataclass(frozen=True)
class Places:
    """Where a relation holds: its scope, references, indices in order, condition."""

    scope: Scope
    refs: tuple[SiteRef, ...]
    indices: tuple[Index, ...]
    where: sp.Basic


def bind_places(line: nodes.Statement, sites: Sequence[Written], binder: Binder) -> Places:
    """Free indices, those of ``for``, the translated subscripts and ``where``."""
    looped = [
        item.name.id
        for clause in clauses_of(line, "for")
        for item in clause.items
        if isinstance(item, nodes.Iteration)
    ]
    free = free_indices(sites, looped, binder)
    loops, scope = bind_loops(line, binder, with_indices(binder.scope, free))
    refs = tuple(bind_ref(site, binder, scope) for site in sites)
    ranged = [_with_range(index, sites, refs) for index in free]
    where = sp.true
    for clause in clauses_of(line, "where"):
        advice = indices_of(site.family for site in sites)
        where = binder.condition(clause.items[0], scope.with_advice(advice))  # type: ignore[arg-type]
    return Places(scope, refs, tuple(in_order([*ranged, *loops])), where)


def free_indices(sites: Sequence[Written], loops: Collection[str], binder: Binder) -> list[Index]:
    """Indices that stand alone in a subscript and run over the range of the site that they index.

    Such a name is that of an index of the family, or it stands for no number; any other name is a
    value.  An index of ``for`` is none of them.
    """
    found: dict[str, Index] = {}
    for site in sites:
        own = {index.name for index in site.family.indices}
        for place, subscript in enumerate(site.subscripts):
            if not isinstance(subscript, nodes.Name) or subscript.id in {*loops, *found}:
                continue
            if subscript.id not in own and _is_number(subscript.id, binder):
                continue
            check_index_name(subscript, binder)
            over = site.family.indices[place].over
            found[subscript.id] = make_index(subscript.id, over, subscript.span)
    return [*found.values()]


def _is_number(word: str, binder: Binder) -> bool:
    meaning = binder.meanings.get(word)
    return word in binder.scope.constants if meaning is None else isinstance(meaning.value, sp.Basic)


def bind_ref(site: Written, binder: Binder, scope: Scope) -> SiteRef:
    """The reference with the formulas of its indices."""
    _check_arithmetic(site, scope)
    at = tuple(binder.formula(subscript, scope) for subscript in site.subscripts)
    for formula, subscript in zip(at, site.subscripts, strict=True):
        if formula.is_integer is False and formula.is_number:
            hint = f"write {site.family.pattern}, counted in integers"
            raise ModelError("the index of a site is an integer", subscript.span, hint=hint)
        check_quantity(subscript, "1", "the index of a site", binder, scope)
    return SiteRef(site.family.lattice, site.family.name, at, site.span)


def _with_range(index: Index, sites: Sequence[Written], refs: Sequence[SiteRef]) -> Index:
    """The range of the site it indexes, in terms of the relation's own indices."""
    for site, ref in zip(sites, refs, strict=True):
        for place, subscript in enumerate(site.subscripts):
            if isinstance(subscript, nodes.Name) and subscript.id == index.name:
                values = {own.symbol: at for own, at in zip(site.family.indices, ref.at, strict=True)}
                return Index(index.symbol, replaced(site.family.indices[place].over, values), index.span)
    return index


def in_order(indices: list[Index]) -> list[Index]:
    """Every index behind those that its range uses; else as written."""
    waiting, done = list(indices), list[Index]()
    while waiting:
        names = {index.symbol for index in waiting}
        ready = [index for index in waiting if not _used(index) & (names - {index.symbol})]
        if not ready:
            circle = ", ".join(f"'{index.name}'" for index in waiting)
            hint = f"give '{waiting[0].name}' a range without the others: for {waiting[0].name} in 1..N"
            raise ModelError(f"the ranges of {circle} need one another", waiting[0].span, hint=hint)
        done.append(ready[0])
        waiting.remove(ready[0])
    return done


def _used(index: Index) -> set[sp.Symbol]:
    parts = vars(index.over).values()
    flat = [value for part in parts for value in (part if isinstance(part, tuple) else (part,))]
    return {symbol for value in flat for symbol in value.free_symbols}


def _check_arithmetic(site: Written, scope: Scope) -> None:
    """An index of the family that stands only inside formulas has no range."""
    own = {index.name for index in site.family.indices}
    for subscript in site.subscripts:
        for name in free_names(subscript):
            if name.id in own and name.id not in scope.names:
                raise ModelError(
                    f"the index '{name.id}' stands only inside formulas, so it has no range",
                    name.span,
                    hint=f"write: for {name.id} in FROM..TO",
                )


def component_matrix(
    value: sp.Expr, sites: Sequence[Written], spaces: Sequence[Space]
) -> sp.ImmutableDenseMatrix:
    """``value |to><from|`` in the labelled internal spaces, the identity in the others.

    ``sites`` is (site,) of an onsite term or (from, to) of a hop; rows belong to ``to``.
    """
    source, target = sites[0], sites[-1]
    columns, rows = _components(source, spaces), _components(target, spaces)
    if set(columns) != set(rows):
        hint = "label both ends, such as c[l, up] -> c[l+1, up]"
        raise ModelError("both ends need labels of the same internal spaces", target.span, hint=hint)
    whole = sp.ImmutableDenseMatrix([[value]])
    for space in spaces:
        size = space.dimension
        if space.name in columns:
            block = sp.SparseMatrix(size, size, {(rows[space.name], columns[space.name]): 1})
        else:
            block = sp.eye(size)
        whole = sp.ImmutableDenseMatrix(sp.kronecker_product(whole, block.as_immutable()))
    return whole


def density_matrix(
    value: sp.Expr, sites: Sequence[Written], spaces: Sequence[Space]
) -> sp.ImmutableDenseMatrix:
    """``value`` for each pair of components of two sites that their labels leave, the first is the row."""
    rows, columns = (chosen_components(site, spaces) for site in sites)
    size = prod(space.dimension for space in spaces)
    return sp.ImmutableDenseMatrix(
        size, size, lambda a, b: value if a in rows and b in columns else sp.Integer(0)
    )


def chosen_components(site: Written, spaces: Sequence[Space]) -> list[int]:
    """The components of a site that its labels leave, as numbers in the whole internal space."""
    labels = _components(site, spaces)
    each = [
        [labels[space.name]] if space.name in labels else list(range(space.dimension)) for space in spaces
    ]
    found = []
    for values in product(*each):
        number = 0
        for space, value in zip(spaces, values, strict=True):
            number = number * space.dimension + value
        found.append(number)
    return found


def _components(site: Written, spaces: Sequence[Space]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for node in site.labels:
        place, number = component(expression_text(node), tuple(spaces), node.span)
        if spaces[place].name in found:
            raise ModelError(f"two components of {spaces[place].name}", node.span, hint="keep one of them")
        found[spaces[place].name] = number
    return found


def _of_another_lattice(member: nodes.Member, grounds: Grounds) -> ModelError:
    lattice = member.of.id if isinstance(member.of, nodes.Name) else ""
    if lattice == grounds.lattice:
        return ModelError(
            "inside its lattice a site has no prefix", member.span, hint=f"write '{member.name.id}'"
        )
    return ModelError(
        f"a relation stays within its lattice '{grounds.lattice}'",
        member.span,
        hint="put the sites of both into one lattice",
    )


def _sites_of(grounds: Grounds) -> str:
    patterns = ", ".join(family.pattern for family in grounds.families.values())
    return f"the sites of '{grounds.lattice}' are {patterns}"


def _counted(count: int) -> str:
    return "no index" if count == 0 else f"{count} index" if count == 1 else f"{count} indices"
