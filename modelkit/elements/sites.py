"""Sites of a lattice: their declaration, and what ``c[l+1]`` in a relation refers to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import sympy as sp

from modelkit.elements.binder import Binder, ConsequentError
from modelkit.elements.calls import subscripts_of
from modelkit.elements.indices import Index
from modelkit.elements.loops import bind_loops, clauses_of
from modelkit.elements.names import check_name
from modelkit.elements.quantities import check_quantity
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.printer import expression_text
from modelkit.language.spaces import Space
from modelkit.registry import suggestion

AXES = ("x", "y", "z")  # of a position, as far as it has them


@dataclass(frozen=True)
class SiteFamily:
    """``site c[l] for l in 1..N where ... at (l, 0)``; no indices: a single site."""

    lattice: str
    name: str
    indices: tuple[Index, ...]
    where: sp.Basic = sp.true
    position: tuple[sp.Expr, ...] | None = None
    span: Span | None = None

    @property
    def pattern(self) -> str:
        """How a site of the family is written: ``c[l]``."""
        names = ", ".join(index.name for index in self.indices)
        return f"{self.name}[{names}]" if names else self.name


def indices_of(families: Iterable[SiteFamily]) -> str:
    """``the index of c[l] is l``: what a condition on sites may use; empty where there is none."""
    found = []
    for family in families:
        names = ", ".join(index.name for index in family.indices)
        count = "index of {} is {}" if len(family.indices) == 1 else "indices of {} are {}"
        if names:
            found.append(f"the {count.format(family.pattern, names)}")
    return "; ".join(dict.fromkeys(found))


@dataclass
class Grounds:
    """What the lines of a lattice stand on: its name, internal spaces and sites so far."""

    lattice: str
    spaces: tuple[Space, ...] = ()
    families: dict[str, SiteFamily] = field(default_factory=dict)

    def family(self, name: nodes.Name, binder: Binder) -> SiteFamily:
        """A sublattice by its name, or an error that suggests the right one."""
        if name.id in self.families:
            return self.families[name.id]
        if (self.lattice, name.id) in binder.broken:
            raise ConsequentError(f"'{name.id}' is wrong itself", name.span)
        hint = suggestion(name.id, self.families, "sites") or "declare it: site NAME"
        raise ModelError(f"the lattice '{self.lattice}' has no site '{name.id}'", name.span, hint=hint)


def bind_site(line: nodes.Statement, grounds: Grounds, binder: Binder) -> SiteFamily:
    """The family that a ``site`` line declares."""
    name, subscripts = _head(line)
    check_name(name)
    if name.id in grounds.families:
        first = grounds.families[name.id].span
        place = f" in line {first.line}" if first is not None else ""
        raise ModelError(
            f"the site '{name.id}' is declared already{place}", name.span, hint="give it another name"
        )
    loops, scope = bind_loops(line, binder, binder.scope)
    written = [subscript.id for subscript in subscripts if isinstance(subscript, nodes.Name)]
    declared = [index.name for index in loops]
    for subscript in subscripts:
        if not isinstance(subscript, nodes.Name) or subscript.id not in declared:
            shown = expression_text(subscript)
            raise ModelError(
                f"the index '{shown}' of the site '{name.id}' has no range",
                subscript.span,
                hint=f"write: site {name.id}[l] for l in 1..N",
            )
    if written != declared:
        raise ModelError(
            f"the indices of 'for' are ({', '.join(declared)}), those of the site ({', '.join(written)})",
            name.span,
            hint="both in the same order",
        )
    where = sp.true
    for clause in clauses_of(line, "where"):
        where = binder.condition(clause.items[0], scope)  # type: ignore[arg-type]
    position = None
    for clause in clauses_of(line, "at"):
        if len(clause.items) > len(AXES):
            raise ModelError(
                f"a position has at most {len(AXES)} coordinates, here are {len(clause.items)}",
                clause.items[len(AXES)].span,
                hint=f"those of '{name.id}' are {', '.join(AXES)}",
            )
        position = tuple(binder.formula(part, scope) for part in clause.items)  # type: ignore[arg-type]
        for part in clause.items:
            check_quantity(part, "length", "a position", binder, scope)  # type: ignore[arg-type]
    return SiteFamily(grounds.lattice, name.id, tuple(loops), where, position, line.span)


def _head(line: nodes.Statement) -> tuple[nodes.Name, tuple[nodes.Expr, ...]]:
    assert isinstance(line.head, nodes.Listing)  # the form has been checked
    target = line.head.items[0].target
    if len(line.head.items) > 1 or line.head.items[0].value is not None:
        raise ModelError("one site a statement", line.head.span, hint="write: site c[l] for l in 1..N")
    match target:
        case nodes.Name():
            return target, ()
        case nodes.Index(of=nodes.Name() as name):
            return name, subscripts_of(target)
    raise ModelError("a site is a name with its indices", target.span, hint="write: site c[l] for l in 1..N")
