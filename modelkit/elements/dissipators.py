"""The noun ``dissipator``: jump operators of an open chain, each with its rate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from modelkit.elements.binder import Binder, free_names
from modelkit.elements.gates import Gate
from modelkit.elements.indices import Index, Ring, spelled
from modelkit.elements.jump_operators import Monomial, Operators, jump_operator, without_operators
from modelkit.elements.lattices import Lattice
from modelkit.elements.loops import (
    bind_loops,
    check_index_name,
    clauses_of,
    make_index,
    replaced,
    with_indices,
)
from modelkit.elements.mode_baths import WORD, ModeBath, bind_mode_bath, is_mode_bath
from modelkit.elements.nouns import Form, Noun, fields_of, nouns
from modelkit.elements.quantities import check_quantity
from modelkit.elements.relations import Written, bind_ref, in_order
from modelkit.elements.screening import Screening
from modelkit.elements.terminals import Terminal, check_carried, written_head
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.printer import expression_text
from modelkit.language.scope import Meaning, Scope
from modelkit.language.spaces import acts_on_holes


@dataclass(frozen=True)
class Dissipator:
    """A declared dissipator, possibly a family.

    Either ``jump``, the products whose sum the jump operator is, or ``bath``.  ``indices`` are in an order
    in which each range uses those before it, ``carried`` are their names as in the head; those that are
    ``free`` run over the lattice, the others over what ``for`` says.
    """

    name: str
    lattices: tuple[str, ...]
    indices: tuple[Index, ...]
    where: sp.Basic
    rate: sp.Expr
    jump: tuple[Monomial, ...] = ()
    bath: ModeBath | None = None
    carried: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    span: Span | None = None
    spans: Mapping[str, Span] = field(default_factory=dict, compare=False)  # of the fields

    def label(self, index: Mapping[str, Any], member: int) -> str:
        """``loss``, ``pump[2]`` of a member; ``index`` holds the values of all members by index name."""
        return spelled(self.name, [index[one][member] for one in self.carried])


@nouns.register("dissipator")
class DissipatorNoun(Noun):
    """A family of jump operators with a rate."""

    doc = (
        "jump operators of an open chain; a free index runs over the lattice, and what would reach over an "
        "open end is left out whole"
    )
    form = Form(
        pattern="dissipator NAME[j] for j in ... where ... on LATTICE { jump = OPERATOR; rate = FORMULA }",
        head=(nodes.Listing,),
        clauses=("for", "where", "on"),
        needs=("on",),
        block="must",
        fields={
            "jump": f"sums of products of c[j], c[j]' and c[j, up], or {WORD}(beta = ..., kernel = ...)",
            "rate": "how often it jumps: an energy (over hbar), real and not negative",
        },
    )
    space = "device"
    stage = 43
    part = "open chain"

    def prepare(self, statement: nodes.Statement, binder: Binder) -> None:
        """A dissipator is no number."""
        for name in self.names(statement):
            binder.mean(name.id, Meaning("dissipator", None, name.span))

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """The jump operator and its rate; an error of one does not hide that of the other."""
        name, head = written_head(statement, self.form)
        lattices = _lattices(statement, binder)
        fields = fields_of(statement.block)
        for word in self.form.fields or ():
            if word not in fields:
                hint = f"write: {self.form.pattern}"
                raise ModelError(f"the dissipator '{name.id}' has no {word}", name.span, hint=hint)
        loops, scope = bind_loops(statement, binder, binder.scope)
        check_carried(name, head, loops)
        places = _Places(name, head, loops, scope, lattices)
        unranged = [make_index(one.id, Ring(sp.oo), one.span) for one in places.free]
        for one in places.free:
            check_index_name(one, binder)
        found: dict[str, Any] = {}
        with binder.catching(name.id):
            found = _jump(fields["jump"].value, places, binder)
        scope = with_indices(scope, found.get("indices", unranged))
        where = sp.true
        for clause in clauses_of(statement, "where"):
            where = binder.condition(clause.items[0], scope)  # type: ignore[arg-type]
        rate = _rate(fields["rate"].value, scope, binder)
        if not found:
            return
        dissipator = Dissipator(
            name.id,
            tuple(lattice.name for lattice in lattices),
            where=where,
            rate=rate,
            carried=tuple(one.id for one in head),
            free=tuple(one.id for one in places.free),
            span=statement.span,
            spans={word: span for word, one in fields.items() if (span := one.span or one.target.span)},
            **found,
        )
        binder.store("elements", name.id, dissipator)

    def conclude(self, statement: nodes.Statement, binder: Binder) -> None:
        """One description of the environment, in which nothing is left over."""
        everything = binder.section("elements")
        first = next(one for one in everything.values() if isinstance(one, Dissipator))
        mine = everything[next(self.names(statement)).id]
        if mine is first:
            for error in _second_description(first, binder):
                raise error
        for name in mine.lattices:
            lattice = everything[name]
            if lattice.degeneracy != 1:
                hint = "write the components out: internal spin, or internal orbital(n)"
                message = f"a degeneracy has no meaning for jump operators, '{name}' has one"
                raise ModelError(message, lattice.span, hint=hint)
        missing = [name for name, one in everything.items() if isinstance(one, Lattice)]
        missing = [name for name in missing if name not in mine.lattices]
        if mine.bath is not None and missing:
            hint = f"write: on {', '.join([*mine.lattices, *missing])}"
            message = f"a bath of modes is on all lattices, '{mine.name}' is not on '{missing[0]}'"
            raise ModelError(message, mine.span, hint=hint)


@dataclass(frozen=True)
class _Places:
    """What a dissipator's formulas stand on."""

    name: nodes.Name
    head: Sequence[nodes.Name]
    loops: Sequence[Index]
    scope: Scope
    lattices: Sequence[Lattice]

    @property
    def free(self) -> list[nodes.Name]:
        """The indices of the head that no ``for`` gives a range."""
        looped = {index.name for index in self.loops}
        return [one for one in self.head if one.id not in looped]


def _lattices(statement: nodes.Statement, binder: Binder) -> list[Lattice]:
    found: list[Lattice] = []
    for clause in clauses_of(statement, "on"):
        for item in clause.items:
            if not isinstance(item, nodes.Name):
                hint = "name the lattice here, and its sites in the jump"
                raise ModelError("a dissipator is on lattices", item.span or clause.span, hint=hint)
            lattice = binder.find(item, "lattice", "elements", Lattice)
            if lattice in found:
                raise ModelError(f"'{item.id}' stands twice", item.span, hint="keep one of them")
            if acts_on_holes(lattice.spaces):
                message = f"jump operators act on particles, the lattice '{item.id}' has nambu"
                raise ModelError(message, item.span, hint="leave 'internal nambu' out, and 'pair' with it")
            found.append(lattice)
    return found


def _jump(node: nodes.Expr, places: _Places, binder: Binder) -> dict[str, Any]:
    """``jump`` or ``bath``, and the indices."""
    if is_mode_bath(node):
        if places.head:
            hint = f"write: dissipator {places.name.id} on ..."
            raise ModelError("a bath of modes has no index", places.head[0].span, hint=hint)
        return {"bath": bind_mode_bath(node, binder), "indices": ()}
    hidden = [*(one.id for one in places.head), *(index.name for index in places.loops)]
    operators = Operators(places.lattices, hidden, binder)
    sites = list(operators.written(node))
    _check_known(sites, places, binder)
    free = [_free_index(one, sites, places, binder) for one in places.free]
    scope = with_indices(places.scope, free)
    ranged = {index.name: index for index in [*free, *places.loops]}
    indices = in_order([ranged[one.id] for one in places.head])
    jump = jump_operator(node, operators, scope)
    check_quantity(without_operators(node, operators), "1", "a jump operator", binder, scope)
    return {"jump": jump, "indices": tuple(indices)}


def _check_known(sites: Sequence[Written], places: _Places, binder: Binder) -> None:
    """An index of a site that the head lacks has no values."""
    known = {one.id for one in places.head}
    for site in sites:
        own = {index.name for index in site.family.indices}
        for subscript in site.subscripts:
            for name in free_names(subscript):
                if name.id in own - known and name.id not in binder.meanings:
                    carried = ", ".join([*known, name.id])
                    message = f"'{places.name.id}' does not carry its index '{name.id}'"
                    raise ModelError(message, name.span, hint=f"write {places.name.id}[{carried}]")


def _free_index(name: nodes.Name, sites: Sequence[Written], places: _Places, binder: Binder) -> Index:
    """An index that runs over the range of the sites in which it stands alone."""
    alone = [
        (site, place)
        for site in sites
        for place, subscript in enumerate(site.subscripts)
        if subscript == name
    ]
    # of c[x, y] - c[x+1, y] the first one says where y runs
    whole = [one for one in alone if all(isinstance(at, nodes.Name) for at in one[0].subscripts)]
    if not alone:
        message = f"the index '{name.id}' has no range: it indexes no site of the jump by itself"
        raise ModelError(message, name.span, hint=f"write: for {name.id} in FROM..TO")
    stand_ins = [make_index(one.id, Ring(sp.oo), one.span) for one in places.free]
    scope = with_indices(places.scope, stand_ins)
    found: list[tuple[Index, str]] = []
    for site, place in whole or alone:
        at = bind_ref(site, binder, scope).at
        values = {own.symbol: formula for own, formula in zip(site.family.indices, at, strict=True)}
        index = make_index(name.id, replaced(site.family.indices[place].over, values), name.span)
        found.append((index, expression_text(_plain(site))))
    for index, shown in found[1:]:
        if index != found[0][0]:
            message = f"the index '{name.id}' runs over other values in {found[0][1]} than in {shown}"
            raise ModelError(message, name.span, hint=f"say which: for {name.id} in FROM..TO")
    return found[0][0]


def _plain(site: Written) -> nodes.Expr:
    return nodes.Index(nodes.Name(site.family.name), site.subscripts)


def _rate(node: nodes.Expr, scope: Scope, binder: Binder) -> sp.Expr:
    value = binder.formula(node, scope)
    if value.is_extended_real is False:
        hint = "a phase belongs into the jump operator, where it drops out"
        raise ModelError("a rate is real", node.span, hint=hint)
    if value.is_extended_negative:
        hint = "what is gained instead of lost has the adjoint as its jump, such as c[j]'"
        raise ModelError("a rate is not negative", node.span, hint=hint)
    check_quantity(node, "energy", "a rate", binder, scope)
    return value


def _second_description(first: Dissipator, binder: Binder) -> Iterator[ModelError]:
    """Terminals, and what only they can drive, beside a dissipator."""
    for name, declared in binder.declared("device").items():
        one = binder.section("elements").get(name)
        if isinstance(one, Terminal):
            names = list(binder.declared("device"))
            early, late = (first, one) if names.index(first.name) < names.index(name) else (one, first)
            nouns_of = {id(first): "dissipator", id(one): declared.noun}
            there = f" in line {early.span.line}" if early.span is not None else ""
            yield ModelError(
                f"the {nouns_of[id(late)]} '{late.name}' and the {nouns_of[id(early)]} '{early.name}'{there} "
                "are two descriptions of the environment",
                late.span,
                hint="keep the terminals (transport) or the dissipators (open chains)",
            )
    for one in binder.section("elements").values():
        if isinstance(one, Screening | Gate):
            what = "screening" if isinstance(one, Screening) else "gate"
            hint = "prescribe the potential: potential on LATTICE { U = ... }"
            yield ModelError(f"a {what} needs terminals, this model has dissipators", one.span, hint=hint)
