"""The declared graph: one node for each declared thing, one edge for each relation.

Everything downstream (expansion, symbolic Hamiltonian, picture, checks) reads this graph; it is
small whatever the number of sites is.

Nodes have ``kind``, ``element`` (the declared object), ``label`` and ``span``:

============  =======================  ==========================================================
kind          name of the node         further attributes
============  =======================  ==========================================================
lattice       ``wire``                 ``spaces``, ``dimension``
site          ``wire.c``               ``lattice``, ``indices``, ``where``, ``position``
terminal      ``S``                    ``noun`` (bath, probe), ``indices``, ``where``, ``given``,
                                       ``unknowns``, ``conditions``, ``self_energy``
reference     ``(reference)``          ``given`` (mu, T)
region        ``left``                 ``lattice``
potential     ``potential 1``          ``formula``, ``indices`` (names that it uses)
gate          ``G``                    ``formula``
screening     ``screening 1``          ``unknowns`` (names, or empty: one a site), ``law``,
                                       ``arguments``, ``response``
ground        ``(ground)``             none; where a capacitance leads to it
dissipator    ``pump``                 ``indices``, ``where``, ``rate``, ``jump`` (products of operators) or
                                       ``bath`` (of modes, else None)
filling       ``filling wire``         ``formula``
============  =======================  ==========================================================

Edges have ``kind``, ``order`` (their place in the text's order), ``element``, ``indices``, ``where``
and ``span``:

============  =======================  ==========================================================
kind          from, to                 further attributes
============  =======================  ==========================================================
contains      lattice, site            none
onsite        site, itself             ``formula``, ``ends``, ``disorder`` (distribution or None)
hop           site, site (the arrow)   the same
pair          site, site (as written)  the same
interaction   site, site (as written)  the same
attachment    terminal, site           ``at`` (subscripts or None), ``end`` (``left``, ... or None);
                                       to the lattice itself where an end or all of it is meant
part          region, site             the same: the region consists of these sites
potential     potential, site          the same: where it stands
screening     screening, site          the same: what is screened
capacitance   as written               ``formula``, ``screening``; between regions, lattices, gates,
                                       terminals and the ground
jump          dissipator, site         ``at`` (subscripts): once for each site that the operators act on;
                                       of a bath of modes dissipator, lattice (``at`` None)
filling       filling, lattice         none
============  =======================  ==========================================================

The attribute ``declarations`` of the graph holds the declarations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any, Protocol

import networkx as nx
import sympy as sp

from modelkit.elements.dissipators import Dissipator
from modelkit.elements.fillings import Filling
from modelkit.elements.gates import Gate
from modelkit.elements.lattices import Lattice, Term
from modelkit.elements.potentials import Potential
from modelkit.elements.regions import Region
from modelkit.elements.screening import CapacitanceLine, Screening
from modelkit.elements.terminals import Attachment, Terminal
from modelkit.errors import ModelError, Span, raise_all
from modelkit.registry import suggestion
from modelkit.units import UnitSystem

REFERENCE = "(reference)"
GROUND = "(ground)"


class Declared(Protocol):
    """What the graph needs of the declarations of a model."""

    @property
    def elements(self) -> Mapping[str, Any]:
        """Lattices, terminals, ... in the order of the text."""

    @property
    def reference(self) -> Any:
        """The equilibrium (``mu``, ``T`` as formulas), or None."""

    @property
    def units(self) -> UnitSystem:
        """The units of all numbers."""


@dataclass(frozen=True)
class Edge:
    """A relation between two nodes; ``attributes`` hold at least kind, element and span."""

    source: str
    target: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Links:
    """The nodes (with their attributes) and edges of one declared element."""

    nodes: Mapping[str, Mapping[str, Any]]
    edges: tuple[Edge, ...] = field(default=())


@singledispatch
def links(element: Any) -> Links:
    """The nodes and edges of a declared element; every class of elements registers its own."""
    raise TypeError(f"{type(element).__name__} has registered no links")


def link(declarations: Declared) -> nx.MultiDiGraph:
    """The declared graph of a model; its attributes are at the head of this file.

    Raises
    ------
    ModelError
        A relation with something that is not declared.
    """
    graph = nx.MultiDiGraph(declarations=declarations)
    reference = declarations.reference
    if reference is not None:
        given = {"mu": reference.mu, "T": reference.T}
        graph.add_node(
            REFERENCE,
            kind="reference",
            element=reference,
            label="reference",
            span=reference.span,
            given=given,
        )
    entries = [links(element) for element in declarations.elements.values()]
    for entry in entries:
        graph.add_nodes_from(entry.nodes.items())
    errors = []
    for order, edge in enumerate(edge for entry in entries for edge in entry.edges):
        missing = [node for node in (edge.source, edge.target) if node not in graph]
        if missing:
            hint = suggestion(missing[0], graph)
            errors.append(ModelError(f"there is no '{missing[0]}'", edge.attributes.get("span"), hint=hint))
        else:
            graph.add_edge(edge.source, edge.target, order=order, **edge.attributes)
    raise_all(errors)
    return graph


def things(graph: nx.MultiDiGraph, kind: str) -> dict[str, Any]:
    """The declared objects of one kind of node, by the node's name, in the order of the text."""
    return {node: data["element"] for node, data in graph.nodes(data=True) if data["kind"] == kind}


def relations(graph: nx.MultiDiGraph, kinds: frozenset[str]) -> list[Any]:
    """The declared objects of some kinds of edges, in the order of the text, each once."""
    found = {data["order"]: data["element"] for _, _, data in graph.edges(data=True) if data["kind"] in kinds}
    return [found[order] for order in sorted(found)]


@links.register
def _of_lattice(lattice: Lattice) -> Links:
    nodes: dict[str, Mapping[str, Any]] = {
        lattice.name: {
            "kind": "lattice",
            "element": lattice,
            "label": lattice.name,
            "span": lattice.span,
            "spaces": lattice.spaces,
            "dimension": lattice.dimension,
        }
    }
    edges = []
    for family in lattice.sites:
        node = f"{lattice.name}.{family.name}"
        nodes[node] = {
            "kind": "site",
            "element": family,
            "label": family.name,
            "span": family.span,
            "lattice": lattice.name,
            "indices": family.indices,
            "where": family.where,
            "position": family.position,
        }
        attributes = _edge("contains", family, family.span, family.indices, family.where)
        edges.append(Edge(lattice.name, node, attributes))
    return Links(nodes, (*edges, *map(_of_term, lattice.terms)))


def _of_term(term: Term) -> Edge:
    source, target = (f"{end.lattice}.{end.family}" for end in (term.ends[0], term.ends[-1]))
    attributes = _edge(term.kind, term, term.span, term.indices, term.where)
    more = {"formula": term.value, "ends": term.ends, "disorder": term.distribution}
    return Edge(source, target, attributes | more)


@links.register
def _of_terminal(terminal: Terminal) -> Links:
    node = {
        "kind": "terminal",
        "element": terminal,
        "label": terminal.name,
        "span": terminal.span,
        "noun": terminal.noun,
        "indices": terminal.indices,
        "where": terminal.where,
        "given": terminal.given,
        "unknowns": terminal.unknowns,
        "conditions": terminal.conditions,
        "self_energy": terminal.self_energy,
    }
    edges = tuple(_of_attachment(terminal, attachment) for attachment in terminal.attachments)
    return Links({terminal.name: node}, edges)


def _of_attachment(terminal: Terminal, attachment: Attachment) -> Edge:
    return _placed("attachment", terminal.name, attachment, terminal.indices)


def _placed(kind: str, node: str, place: Attachment, indices: Any = ()) -> Edge:
    target = place.lattice if place.family is None else f"{place.lattice}.{place.family}"
    attributes = _edge(kind, place, place.span, indices, place.where)
    return Edge(node, target, attributes | {"at": place.at, "end": place.end})


@links.register
def _of_region(region: Region) -> Links:
    node = _node("region", region, region.name, region.span) | {"lattice": region.lattice}
    return Links({region.name: node}, tuple(_placed("part", region.name, place) for place in region.places))


@links.register
def _of_potential(potential: Potential) -> Links:
    node = _node("potential", potential, "potential", potential.span)
    node |= {"formula": potential.U, "indices": potential.indices}
    edges = tuple(_placed("potential", potential.name, place) for place in potential.places)
    return Links({potential.name: node}, edges)


@links.register
def _of_gate(gate: Gate) -> Links:
    return Links({gate.name: _node("gate", gate, gate.name, gate.span) | {"formula": gate.U}})


@links.register
def _of_screening(screening: Screening) -> Links:
    node = _node("screening", screening, "screening", screening.span)
    node |= {"unknowns": screening.unknowns, "law": screening.law.name}
    node |= {"arguments": screening.law.arguments, "response": screening.response}
    nodes: dict[str, Mapping[str, Any]] = {screening.name: node}
    if any(end.kind == "ground" for line in screening.capacitances for end in line.ends):
        nodes[GROUND] = _node("ground", None, "ground", screening.span)
    edges = [_placed("screening", screening.name, place) for place in screening.places]
    edges += [_of_capacitance(screening, line) for line in screening.capacitances]
    return Links(nodes, tuple(edges))


def _of_capacitance(screening: Screening, line: CapacitanceLine) -> Edge:
    source, target = (GROUND if end.kind == "ground" else end.name for end in line.ends)
    attributes = _edge("capacitance", line, line.span, (), sp.true)
    return Edge(source, target, attributes | {"formula": line.value, "screening": screening.name})


@links.register
def _of_dissipator(dissipator: Dissipator) -> Links:
    node = _node("dissipator", dissipator, dissipator.name, dissipator.span)
    node |= {name: getattr(dissipator, name) for name in ("indices", "where", "rate", "jump", "bath")}
    touched: dict[tuple[str, Any], Span | None] = {}
    for monomial in dissipator.jump:
        for one in monomial.operators:
            touched.setdefault((f"{one.lattice}.{one.family}", one.at), one.span)
    if dissipator.bath is not None:
        touched = {(lattice, None): dissipator.bath.span for lattice in dissipator.lattices}
    edges = []
    for (target, at), span in touched.items():
        attributes = _edge("jump", dissipator, span, dissipator.indices, dissipator.where)
        edges.append(Edge(dissipator.name, target, attributes | {"at": at}))
    return Links({dissipator.name: node}, tuple(edges))


@links.register
def _of_filling(filling: Filling) -> Links:
    node = _node("filling", filling, "filling", filling.span) | {"formula": filling.value}
    attributes = _edge("filling", filling, filling.span, (), sp.true)
    return Links({filling.name: node}, (Edge(filling.name, filling.lattice, attributes),))


def _node(kind: str, element: Any, label: str, span: Span | None) -> dict[str, Any]:
    return {"kind": kind, "element": element, "label": label, "span": span}


def _edge(kind: str, element: Any, span: Span | None, indices: Any, where: Any) -> dict[str, Any]:
    return {"kind": kind, "element": element, "span": span, "indices": indices, "where": where}
