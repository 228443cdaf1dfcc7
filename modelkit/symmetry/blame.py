"""Which lines of a model break an operation that its bare pattern would have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from modelkit.elements.lattices import Term
from modelkit.elements.terms import terms as kinds
from modelkit.errors import Span
from modelkit.graph.device import Device, Entries
from modelkit.graph.expand import Expansion
from modelkit.symmetry.labels import colours_of
from modelkit.symmetry.lift import lift
from modelkit.symmetry.matching import Pair
from modelkit.symmetry.parts import Examined, conductor
from modelkit.symmetry.structure import Sort, Structure

Integers = NDArray[np.intp]
PARTS = ("onsite", "hops", "pairs")


@dataclass(frozen=True)
class Breaker:
    """A line that breaks an operation: ``what`` names it, ``field`` tells which part of it (or "")."""

    what: str
    field: str
    span: Span | None


def bare(structure: Structure) -> Structure:
    """Only the pattern: which vertices, blocks and ties there are, without any number."""
    return replace(
        structure,
        value=np.zeros((structure.n, 0)),
        odd=np.zeros((structure.n, 0), dtype=bool),
        size=np.minimum(structure.size, 1),
        block=np.ones((len(structure.block), 1, 1), dtype=complex),
        tie_value=np.zeros(len(structure.tie_kind)),
    )


def pattern(one: Examined, other: Examined, *fixed: tuple[int, int]) -> Integers | None:
    """A permutation of the bare patterns with these images of vertices, or None."""
    first, second = bare(one.structure), bare(other.structure)
    found = Pair(first, second).found(*fixed)
    return None if found is None else found[0]


def breakers(
    graph: nx.MultiDiGraph, one: Examined, other: Examined, sort: Sort, permutation: Integers
) -> list[Breaker]:
    """Lines that have to go until a permutation of the pattern is an operation of this sort.

    Terms of the Hamiltonian are taken in the order of the text, each that does not fit to those before
    it is one; then the terminals whose self-energy, or other fields, differ from those of their images.
    """
    return [
        *_terms(graph, one.device, other.device, sort, permutation),
        *_terminals(one, other, sort, permutation),
    ]


def _terms(
    graph: nx.MultiDiGraph, one: Device, other: Device, sort: Sort, permutation: Integers
) -> Iterator[Breaker]:
    declared = [data["element"] for _, _, data in graph.edges(data=True) if data["kind"] in kinds]
    kept: list[tuple[Device, Device]] = []
    for term in declared:
        alone = _alone(graph, term, one), _alone(graph, term, other)
        if _fits([*kept, alone], one, other, sort, permutation):
            kept.append(alone)
        else:
            yield Breaker(term.kind, "", term.span)
    if one.potential.any() or other.potential.any():
        moved = _together(kept, one, other)
        levels = replace(moved[0], potential=one.potential), replace(moved[1], potential=other.potential)
        if not _is_operation(*levels, sort, permutation):
            yield Breaker("potential", "U", _first_span(graph, "potential"))


def _first_span(graph: nx.MultiDiGraph, kind: str) -> Span | None:
    return next((data["span"] for _, data in graph.nodes(data=True) if data["kind"] == kind), None)


def _alone(graph: nx.MultiDiGraph, term: Term, device: Device) -> Device:
    """The terms of a device but one left out."""
    reduced = nx.MultiDiGraph(graph)
    others = [
        (a, b, key)
        for a, b, key, data in graph.edges(keys=True, data=True)
        if data["kind"] in kinds and data["element"] is not term
    ]
    reduced.remove_edges_from(others)
    reduced.remove_nodes_from(
        [n for n, data in graph.nodes(data=True) if data["kind"] not in ("lattice", "site")]
    )
    return Expansion(reduced).device(device.values)


def _together(parts: list[tuple[Device, Device]], *devices: Device) -> tuple[Device, Device]:
    found = []
    for which, device in enumerate(devices):
        onsite, hops, pairs = (_joined([getattr(part[which], name) for part in parts]) for name in PARTS)
        still = np.zeros(device.size)
        found.append(replace(device, onsite=onsite, hops=hops, pairs=pairs, potential=still))
    return found[0], found[1]


def _joined(entries: list[Entries]) -> Entries:
    empty = np.zeros(0, dtype=np.intp)
    return Entries(
        np.concatenate([empty, *(each.row for each in entries)]),
        np.concatenate([empty, *(each.column for each in entries)]),
        np.concatenate([empty.astype(complex), *(each.value for each in entries)]),
        np.concatenate([empty, *(np.full(len(each.row), -1) for each in entries)]),
    )


def _fits(
    parts: list[tuple[Device, Device]], one: Device, other: Device, sort: Sort, permutation: Integers
) -> bool:
    return _is_operation(*_together(parts, one, other), sort, permutation)


def _is_operation(one: Device, other: Device, sort: Sort, permutation: Integers) -> bool:
    first, second = conductor(one).structure.under(sort), conductor(other).structure
    return lift(first, second, permutation[: first.n]) is not None


def _terminals(one: Examined, other: Examined, sort: Sort, permutation: Integers) -> Iterator[Breaker]:
    colour = colours_of(one.structure.under(sort), other.structure)
    wrong = np.flatnonzero(
        (colour[: one.structure.n] != colour[one.structure.n :][permutation]) & (one.owner >= 0)
    )
    told = set()
    for vertex in wrong.tolist():
        number, own = int(one.owner[vertex]), vertex in one.terminal
        for group in one.device.terminals:
            if group.first <= number < group.first + group.count and (group.first, own) not in told:
                told.add((group.first, own))
                yield Breaker(
                    f"{group.terminal.noun} {group.terminal.name}",
                    "" if own else "self_energy",
                    group.terminal.span
                    if own
                    else group.terminal.spans.get("self_energy", group.terminal.span),
                )
