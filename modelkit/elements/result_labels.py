"""Labels in subscripts of results: ``S[2]`` of ``I[S[2]]``, ``c[3] -> c[4]`` of a bond.

How the author names one of a kind of things is one function, entered with
``@label_readers.register("terminal")``: it takes what stands in the subscript and gives the label.
All labels of that kind on a device come from ``modelkit.graph.labels``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import sympy as sp

from modelkit.elements.binder import Binder
from modelkit.elements.calls import subscripts_of
from modelkit.elements.condensate import is_condensate
from modelkit.elements.indices import spelled
from modelkit.elements.lattices import Lattice
from modelkit.elements.nouns import Noun, nouns
from modelkit.elements.regions import Region
from modelkit.elements.terminals import Terminal, TerminalNoun
from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.printer import expression_text, from_sympy
from modelkit.numerics.evaluate import evaluate
from modelkit.registry import Registry, result_dims, suggestion

Written: TypeAlias = nodes.Expr | nodes.Arrow
Part: TypeAlias = tuple[str, tuple[sp.Expr, ...]]


@dataclass(frozen=True)
class Label:
    """A label of a Dataset, ``S[2]`` or ``c[3]->c[4]``: names with the formulas of their indices."""

    parts: tuple[Part, ...]

    def text(self, values: Mapping[str, float | complex | int]) -> str:
        """The label for given values of the parameters and lets: ``S[2]``, without blanks."""
        return "->".join(
            spelled(name, [complex(evaluate(formula, values)).real for formula in at])
            for name, at in self.parts
        )

    def __str__(self) -> str:
        """The label with its formulas: ``S[N-1]``."""
        parts = []
        for name, at in self.parts:
            shown = ",".join(expression_text(from_sympy(formula)).replace(" ", "") for formula in at)
            parts.append(f"{name}[{shown}]" if at else name)
        return "->".join(parts)


Reader: TypeAlias = Callable[[nodes.Name, Written, Binder], Label]
label_readers: Registry[Reader] = Registry("kind of labels", "kinds of labels")


def bind_label(result: nodes.Name, node: Written, dim: str, binder: Binder) -> Label:
    """The label that a subscript of a result names along one of its dimensions; ModelError if it is none."""
    known = result_dims[dim]
    if isinstance(node, nodes.Arrow) and known.labels != "bond":
        message = f"the label of '{result.id}' is a {dim}, not a bond"
        raise ModelError(message, node.span, hint=f"write: {result.id}[{expression_text(node.left)}]")
    if known.labels is not None:
        return label_readers[known.labels](result, node, binder)
    word = node.id if isinstance(node, nodes.Name) else ""
    if word not in known.words:
        close = suggestion(word, known.words, f"labels of '{dim}'")
        raise ModelError(f"this is no label of '{dim}'", node.span, hint=close)
    return Label(((word, ()),))


@label_readers.register("terminal")
def _terminal(result: nodes.Name, node: Written, binder: Binder) -> Label:
    of, at = _split(node)
    if not isinstance(of, nodes.Name):
        raise ModelError("this is no terminal", of.span, hint="write a terminal such as L or S[2]")
    count = 0 if is_condensate(of, binder) else len(find_terminal(of, binder).indices)
    return Label((_part(node, of.id, count, at, binder),))


@label_readers.register("site")
def _site(result: nodes.Name, node: Written, binder: Binder) -> Label:
    return Label((_site_part(node, binder),))


@label_readers.register("region")
def _region(result: nodes.Name, node: Written, binder: Binder) -> Label:
    """A region or a lattice; other unknown potentials are those of sites."""
    named = binder.section("elements").get(node.id) if isinstance(node, nodes.Name) else None
    if isinstance(node, nodes.Name) and isinstance(named, Region | Lattice):
        return Label(((node.id, ()),))
    return Label((_site_part(node, binder),))


@label_readers.register("bond")
def _bond(result: nodes.Name, node: Written, binder: Binder) -> Label:
    if not isinstance(node, nodes.Arrow):
        hint = f"write: {result.id}[c[1] -> c[2]]"
        raise ModelError(f"the label of '{result.id}' is a bond", node.span, hint=hint)
    return Label((_site_part(node.left, binder), _site_part(node.right, binder)))


@label_readers.register("dissipator")
def _dissipator(result: nodes.Name, node: Written, binder: Binder) -> Label:
    return Label(((_word(node, result, "a dissipator", "loss"), ()),))


@label_readers.register("orbital")
def _orbital(result: nodes.Name, node: Written, binder: Binder) -> Label:
    """An orbital of a cell, which is named as its site without the index of the ring."""
    return Label(((_word(node, result, "an orbital of a cell", "c"), ()),))


def _word(node: Written, result: nodes.Name, what: str, example: str) -> str:
    if not isinstance(node, nodes.Name):
        hint = f"write: {result.id}[{example}]"
        raise ModelError(f"the label of '{result.id}' is the name of {what}", node.span, hint=hint)
    return node.id


def _split(node: Written) -> tuple[Written, tuple[nodes.Expr, ...]]:
    """What is indexed, and the indices."""
    return (node.of, subscripts_of(node)) if isinstance(node, nodes.Index) else (node, ())


def _part(node: Written, name: str, count: int, at: tuple[nodes.Expr, ...], binder: Binder) -> Part:
    if len(at) != count:
        shown = "no index" if count == 0 else f"{count} index" if count == 1 else f"{count} indices"
        hint = f"write {name}[{', '.join(map(str, range(1, count + 1)))}]" if count else f"write {name}"
        raise ModelError(f"'{name}' has {shown}, {len(at)} given", node.span, hint=hint)
    return name, tuple(binder.formula(part) for part in at)


def _site_part(node: Written, binder: Binder) -> Part:
    """With the name ``wire.c`` where several lattices have a site ``c``."""
    of, at = _split(node)
    elements = binder.section("elements").values()
    lattices = [one for one in elements if isinstance(one, Lattice)]
    places = [(lattice.name, family) for lattice in lattices for family in lattice.sites]
    name: Written = of
    found = places
    if isinstance(of, nodes.Member) and isinstance(of.of, nodes.Name):
        lattice = binder.find(of.of, "lattice", "elements", Lattice)
        name, found = of.name, [place for place in places if place[0] == lattice.name]
    if not isinstance(name, nodes.Name):
        raise ModelError("this is no site", of.span, hint="write a site such as c[3]")
    called = [place for place in found if place[1].name == name.id]
    if not called:
        hint = suggestion(name.id, [family.name for _, family in found], "sites") or "declare it: site NAME"
        raise ModelError(f"there is no site '{name.id}'", name.span, hint=hint)
    if len(called) > 1:
        shown = " or ".join(f"{lattice}.{name.id}" for lattice, _ in called)
        raise ModelError(f"several lattices have a site '{name.id}'", of.span, hint=f"write {shown}")
    shared = sum(family.name == name.id for _, family in places) > 1
    lattice_name, family = called[0]
    label = f"{lattice_name}.{name.id}" if shared else name.id
    return _part(node, label, len(family.indices), at, binder)


def find_terminal(name: nodes.Name, binder: Binder) -> Terminal:
    """A bath or probe by its name, or an error that suggests the right one."""
    terminals = {key: one for key, one in binder.section("elements").items() if isinstance(one, Terminal)}
    noun = terminals[name.id].noun if name.id in terminals else "terminal"
    declared = binder.declared("device").get(name.id)
    if declared is not None and issubclass(nouns.get(declared.noun, Noun), TerminalNoun):
        noun = declared.noun
    return binder.find(name, noun, "elements", Terminal)
