"""The noun ``lattice``: tight-binding conductors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy as sp

from modelkit.elements.binder import Binder
from modelkit.elements.lattice_kinds import block_of_kind
from modelkit.elements.names import check_name
from modelkit.elements.nouns import Form, Noun, check_form, fields_of, nouns
from modelkit.elements.quantities import check_quantity
from modelkit.elements.relations import SiteRef as SiteRef
from modelkit.elements.sites import Grounds, bind_site
from modelkit.elements.sites import SiteFamily as SiteFamily
from modelkit.elements.terms import DISORDER, bind_disorder, bind_term, terms
from modelkit.elements.terms import Formula as Formula
from modelkit.elements.terms import Term as Term
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.scope import Meaning
from modelkit.language.spaces import Space, dimension, make_space

INTERNAL = Form(
    pattern="internal nambu * spin * orbital(2)",
    head=(nodes.Listing, nodes.Path),
    doc="internal spaces of every site, in the order of their Kronecker product",
)
SITE = Form(
    pattern="site c[l] for l in 1..N where ... at (l, 0)",
    head=(nodes.Listing,),
    clauses=("for", "where", "at"),
    doc="a sublattice with its indices, or a single site; the position is for pictures and formulas",
)


@dataclass(frozen=True)
class Lattice:
    """A declared lattice: internal spaces, sublattices, terms of H."""

    name: str
    spaces: tuple[Space, ...]
    sites: tuple[SiteFamily, ...]
    terms: tuple[Term, ...]
    degeneracy: sp.Expr = sp.S.One
    span: Span | None = None

    @property
    def dimension(self) -> int:
        """Internal dimension: the product over the spaces."""
        size = 1
        for space in self.spaces:
            size *= space.dimension
        return size

    def family(self, name: str) -> SiteFamily:
        """The sublattice of this name."""
        return next(family for family in self.sites if family.name == name)


@nouns.register("lattice")
class LatticeNoun(Noun):
    """A tight-binding conductor."""

    doc = "a tight-binding conductor: sites and the terms of its Hamiltonian"
    form = Form(
        pattern="lattice NAME { site ...; hop ... } or lattice NAME = KIND(...)",
        head=(nodes.Listing,),
        block="may",
        fields={"degeneracy": "multiplies transmissions and densities, such as 2 for a spin not written out"},
        lines={"internal": INTERNAL, "site": SITE, "disorder": DISORDER},
    )
    space = "device"
    stage = 40
    part = "conductor"

    def current_form(self) -> Form:
        """Every registered relation is a line of a lattice."""
        relations = {word: kind.form for word, kind in terms.items()}
        return replace(self.form, lines={**self.form.lines, **relations})

    def implied(self, statement: nodes.Statement) -> nodes.Block | None:
        """The lines of the kind behind ``=``."""
        match statement.head:
            case nodes.Listing(items=(nodes.Item(value=value),)) if value is not None:
                try:
                    return block_of_kind(value)
                except ModelError:
                    return None  # `bind` says what is wrong
        return None

    def prepare(self, statement: nodes.Statement, binder: Binder) -> None:
        """A lattice is no number."""
        for name in self.names(statement):
            binder.mean(name.id, Meaning("lattice", None, name.span))

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """Spaces, then sites, then relations; each line's error is recorded by itself."""
        name, lines, fields = self._content(statement, binder)
        grounds = Grounds(name.id)
        with binder.catching(name.id, "internal"):
            grounds.spaces = _spaces(lines)
        for line in lines:
            if line.noun.id == "site":
                with binder.catching(name.id, _site_word(line)):
                    family = bind_site(line, grounds, binder)
                    grounds.families[family.name] = family
        if (name.id, "internal") in binder.broken:
            found: list[Term] = []  # matrices cannot be read without the spaces
        else:
            found = _terms(lines, grounds, binder)
        degeneracy: sp.Expr = sp.Integer(1)
        if "degeneracy" in fields:
            with binder.catching():
                degeneracy = _degeneracy(fields["degeneracy"], binder)
        sites = tuple(grounds.families.values())
        if not sites and not any(line.noun.id == "site" for line in lines):
            raise ModelError(
                f"the lattice '{name.id}' has no sites", name.span, hint=f"write: {SITE.pattern}"
            )
        lattice = Lattice(name.id, grounds.spaces, sites, tuple(found), degeneracy, statement.span)
        binder.store("elements", name.id, lattice)
        binder.record(_doubled_bonds(lattice))

    def _content(
        self, statement: nodes.Statement, binder: Binder
    ) -> tuple[nodes.Name, list[nodes.Statement], dict[str, nodes.Assignment]]:
        """Name, lines (those of the kind first) and fields."""
        assert isinstance(statement.head, nodes.Listing)  # the form has been checked
        item = statement.head.items[0]
        if len(statement.head.items) > 1 or not isinstance(item.target, nodes.Name):
            raise ModelError(
                "a lattice has one plain name", statement.head.span, hint=f"write: {self.form.pattern}"
            )
        check_name(item.target)
        blocks = [] if statement.block is None else [statement.block]
        if item.value is not None:
            kind_block = block_of_kind(item.value)
            form = self.current_form()
            wrong = nodes.Statement(statement.noun, statement.head, block=kind_block)
            for error in check_form(wrong, form):
                raise error
            blocks.insert(0, kind_block)
        lines = [line for block in blocks for line in block.statements if isinstance(line, nodes.Statement)]
        fields: dict[str, nodes.Assignment] = {}
        for block in blocks:
            fields.update(fields_of(block))
        return item.target, lines, fields


def _spaces(lines: list[nodes.Statement]) -> tuple[Space, ...]:
    written = [line for line in lines if line.noun.id == "internal"]
    if not written:
        return ()
    if len(written) > 1:
        raise ModelError("the internal spaces are declared once", written[1].noun.span, hint=INTERNAL.pattern)
    head = written[0].head
    parts = head.ends if isinstance(head, nodes.Path) else ()
    if isinstance(head, nodes.Listing) and len(head.items) == 1 and head.items[0].value is None:
        parts = (head.items[0].target,)
    if not parts or (isinstance(head, nodes.Path) and head.joint != "*"):
        raise ModelError(
            "internal spaces are joined by '*'", written[0].noun.span, hint=f"write: {INTERNAL.pattern}"
        )
    found: list[Space] = []
    for part in parts:
        space = _space(part)
        if space.name in {one.name for one in found}:
            raise ModelError(
                f"the internal space '{space.name}' stands twice", part.span, hint="name each space once"
            )
        found.append(space)
    dimension(tuple(found), written[0].span)
    return tuple(found)


def _space(part: nodes.Expr) -> Space:
    match part:
        case nodes.Name(id=word):
            return make_space(word, None, part.span)
        case nodes.Call(of=nodes.Name(id=word), arguments=(nodes.Number(text=text, unit=None),)) if (
            text.isdigit()
        ):
            return make_space(word, int(text[:6]), part.span)
    raise ModelError("this is no internal space", part.span, hint=f"write: {INTERNAL.pattern}")


def _terms(lines: list[nodes.Statement], grounds: Grounds, binder: Binder) -> list[Term]:
    found = []
    for line in lines:
        with binder.catching():
            if line.noun.id == "disorder":
                found.append(bind_disorder(line, grounds, binder))
            elif line.noun.id in terms:
                found.append(bind_term(line, grounds, binder))
    return found


def _site_word(line: nodes.Statement) -> str:
    from modelkit.elements.nouns import leading_name

    target = line.head.items[0].target if isinstance(line.head, nodes.Listing) else None
    name = leading_name(target) if target is not None else None
    return name.id if name is not None else ""


def _degeneracy(field: nodes.Assignment, binder: Binder) -> sp.Expr:
    value = binder.formula(field.value)
    if value.is_positive is False:
        raise ModelError("a degeneracy is positive", field.value.span, hint="write degeneracy = 2 for spin")
    check_quantity(field.value, "1", "a degeneracy", binder)
    return value


def _doubled_bonds(lattice: Lattice) -> list[ModelError]:
    """Hops over whole ranges that are written in both directions."""
    seen: dict[tuple[str, str, tuple[sp.Expr, ...]], Term] = {}
    errors = []
    for term in lattice.terms:
        shift = _uniform_shift(term)
        if shift is None:
            continue
        source, target = (end.family for end in term.ends)
        back = seen.get((target, source, tuple(-part for part in shift)))
        if back is not None and back.span is not None:
            place = f" in line {back.span.line}"
            errors.append(
                ModelError(
                    f"this bond is declared in the other direction{place}",
                    term.span,
                    hint="the partner of a hop is implied: leave one of them out",
                )
            )
        seen[(source, target, shift)] = term
    return errors


def _uniform_shift(term: Term) -> tuple[sp.Expr, ...] | None:
    """Index difference of a hop that runs over the whole range of its sites, else None."""
    if term.part != "hops" or term.where != sp.true:
        return None
    source, target = term.ends
    if len(source.at) != len(target.at) or not source.at:
        return None
    free = {index.symbol for index in term.indices}
    shift = tuple(sp.expand(to - start) for start, to in zip(source.at, target.at, strict=True))
    alone = any(set(end.at) == free and len(free) == len(end.at) for end in (source, target))
    return shift if alone and not any(part.free_symbols & free for part in shift) else None
