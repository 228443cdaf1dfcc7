"""Declarations written by hand with sympy, so that the graph is tested without the language."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from modelkit.elements.indices import Index, Listed, Range, Ring
from modelkit.elements.lattices import Lattice, SiteFamily, SiteRef, Term
from modelkit.elements.terminals import Attachment, Condition, SelfEnergyCall, Terminal
from modelkit.errors import Source, Span
from modelkit.graph.expand import Expansion
from modelkit.graph.link import link
from modelkit.language.spaces import Space
from modelkit.units import NATURAL, UnitSystem

SPIN = Space("spin", ("up", "down"))
NAMBU = Space("nambu", ("particle", "hole"))

l, m, x, y, j = sp.symbols("l m x y j", integer=True)  # noqa: E741
N = sp.Symbol("N", integer=True)
t, V = sp.symbols("t V", real=True)


@dataclass(frozen=True)
class Equilibrium:
    mu: sp.Expr
    T: sp.Expr
    span: Span | None = None


@dataclass(frozen=True)
class Declared:
    elements: dict[str, Any]
    reference: Equilibrium | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    lets: dict[str, Any] = field(default_factory=dict)
    units: UnitSystem = NATURAL


def line(number: int) -> Span:
    """A span in the given line of some text."""
    return Span(Source("x.model", "\n" * (number - 1) + "a line"), number - 1, number + 5)


def over(symbol: sp.Symbol, start: Any, stop: Any, step: Any = 1) -> Index:
    return Index(symbol, Range(sp.sympify(start), sp.sympify(stop), sp.sympify(step)))


def ring(symbol: sp.Symbol, cells: Any) -> Index:
    return Index(symbol, Ring(sp.sympify(cells)))


def listed(symbol: sp.Symbol, *values: Any) -> Index:
    return Index(symbol, Listed(tuple(map(sp.sympify, values))))


def site(name: str, *indices: Index, where: Any = sp.true, position: Any = None) -> SiteFamily:
    return SiteFamily("wire", name, indices, where, position, line(1))


def ref(family: str, *at: Any) -> SiteRef:
    return SiteRef("wire", family, tuple(map(sp.sympify, at)), line(2))


def onsite(end: SiteRef, *indices: Index, value: Any, where: Any = sp.true, kind: str | None = None) -> Term:
    value = sp.Tuple(*value) if kind else sp.sympify(value)
    return Term("onsite", (end,), indices, where, value, kind, span=line(3))


def hop(
    source: SiteRef,
    target: SiteRef,
    *indices: Index,
    value: Any = -1,
    where: Any = sp.true,
    at: int = 4,
    kind: str | None = None,
) -> Term:
    value = sp.Tuple(*value) if kind else sp.sympify(value)
    return Term("hop", (source, target), indices, where, value, kind, span=line(at))


def pair(
    one: SiteRef, other: SiteRef, *indices: Index, value: Any, where: Any = sp.true, at: int = 5
) -> Term:
    return Term("pair", (one, other), indices, where, sp.sympify(value), None, span=line(at))


def lattice(
    *sites: SiteFamily, terms: Any = (), spaces: tuple[Space, ...] = (), degeneracy: Any = 1
) -> Lattice:
    return Lattice("wire", spaces, sites, tuple(terms), sp.sympify(degeneracy), line(1))


def on(family: str | None, *at: Any, end: str | None = None, where: Any = sp.true) -> Attachment:
    subscripts = None if family is None or at == (None,) else tuple(map(sp.sympify, at))
    return Attachment("wire", family, subscripts, end, where, line(6))


def bath(name: str, *attachments: Attachment, indices: tuple[Index, ...] = (), **given: Any) -> Terminal:
    call = SelfEnergyCall("wide_band", {"Gamma": sp.sympify(given.pop("Gamma", 1))}, line(7))
    formulas = {field_name: sp.sympify(value) for field_name, value in given.items()}
    return Terminal(
        "bath", name, indices, sp.true, attachments, call, formulas or {"mu": sp.Integer(0)}, span=line(6)
    )


def probe(
    name: str, *attachments: Attachment, indices: tuple[Index, ...] = (), right: Any = 0, **given: Any
) -> Terminal:
    call = SelfEnergyCall("wide_band", {"Gamma": sp.Integer(1)}, line(7))
    formulas = {field_name: sp.sympify(value) for field_name, value in given.items()}
    condition = Condition("I", sp.sympify(right), line(8))
    return Terminal(
        "probe", name, indices, sp.true, attachments, call, formulas, ("mu",), (condition,), span=line(6)
    )


def expansion(*elements: Any, reference: Equilibrium | None = None, limit: int = 10**7) -> Expansion:
    return Expansion(link(Declared({element.name: element for element in elements}, reference)), limit)


def chain(*terms: Term, stop: Any = N) -> Lattice:
    """``site c[l] for l in 1..N`` with hops -t and more terms."""
    run = over(l, 1, stop)
    return lattice(site("c", run), terms=[hop(ref("c", l), ref("c", l + 1), run, value=-t), *terms])
