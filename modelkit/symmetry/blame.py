"""Which lines of a model break an operation that its bare pattern would have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from modelkit.elements.lattices import Term
from modelkit.elements.terminals import Terminal
from modelkit.elements.terms import terms as kinds
from modelkit.errors import Span
from modelkit.graph.device import Device, Entries
from modelkit.graph.expand import Expansion
from modelkit.graph.formulas import names_in
from modelkit.symmetry.builder import word
from modelkit.symmetry.group import products
from modelkit.symmetry.labels import colours_of
from modelkit.symmetry.lift import lift
from modelkit.symmetry.matching import Pair
from modelkit.symmetry.names import is_geometric, reversal
from modelkit.symmetry.parts import Examined, conductor, screened
from modelkit.symmetry.structure import UNITARY, Sort, Structure

Integers = NDArray[np.intp]
MOTIONS = 48  # permutations of a pattern that are looked at
PARTS = ("onsite", "hops", "pairs")
LONGEST = 60  # characters of a statement that are quoted
NEAR = 1e-9  # relative: fields no farther apart are the same
NONE = np.zeros(0, dtype=np.intp)


@dataclass(frozen=True)
class Breaker:
    """A line that breaks an operation: ``what`` names it in its own words, ``field`` tells which part of it.

    ``names`` are those that the part's formulas use.
    """

    what: str
    field: str
    span: Span | None
    names: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """``onsite c[1] : 0.8``, ``probe S (such that I == I_g)``."""
        return f"{self.what} ({self.field})" if self.field else self.what


def told(breakers: Iterable[Breaker]) -> str:
    """All of them in one phrase, with the number of each line once."""
    lines: dict[int, list[Breaker]] = {}
    loose = []
    for each in breakers:
        if each.span is None:
            loose.append(str(each))
        elif each not in lines.setdefault(each.span.line, []):
            lines[each.span.line].append(each)
    found = []
    for line, here in lines.items():
        field = f"{here[0].field}, " if len(here) == 1 and here[0].field else ""
        what = here[0].what if field else ", ".join(map(str, here))
        found.append(f"{what} ({field}line {line})")
    return ", ".join(found + loose)


def bare(structure: Structure) -> Structure:
    """Only the pattern: which vertices, hops and ties there are, without any number or level."""
    away = structure.row != structure.column
    return replace(
        structure,
        value=np.zeros((structure.n, 0)),
        odd=np.zeros((structure.n, 0), dtype=bool),
        size=np.minimum(structure.size, 1),
        row=structure.row[away],
        column=structure.column[away],
        kind=structure.kind[away],
        block=np.ones((int(away.sum()), 1, 1), dtype=complex),
        tie_value=np.zeros(len(structure.tie_kind)),
    )


def motions(one: Examined, other: Examined, ends: Iterable[tuple[int, int]]) -> list[Integers]:
    """Permutations of the bare patterns: with each of these images of a vertex, and some of their products.

    Where many would do there is the reversal of all positions, if that is among them.
    """
    first, second = bare(one.structure), bare(other.structure)
    pair = Pair(first, second)
    start = [found for end in ends if (found := _moved(pair, one, end)) is not None]
    own = Pair(first, first)
    group = [(UNITARY, permutation) for permutation, _ in own.generators()] if start else []
    return [permutation for _, permutation in products(group, [(UNITARY, each) for each in start], MOTIONS)]


def _moved(pair: Pair, one: Examined, end: tuple[int, int]) -> Integers | None:
    found = pair.found(end)
    if found is None:
        return None
    if not is_geometric(found[0][: one.size], one):
        turned = reversal(one)
        if turned is not None and (better := pair.found(end, *enumerate(turned.tolist()))) is not None:
            return better[0]
    return found[0]


def breakers(
    graph: nx.MultiDiGraph,
    one: Examined,
    other: Examined,
    sort: Sort,
    permutation: Integers,
    shift: float = 0.0,
) -> list[Breaker]:
    """Lines that have to go until a permutation of the pattern is an operation of this sort.

    Terms of the Hamiltonian are taken in the order of the text: each that does not fit to those before
    it, alone or together with others behind it, is one; then prescribed potentials; then the terminals whose
    self-energy, or other fields, differ from those of their images; then what screens.  A common ``shift``
    of the levels of the image that do not follow by themselves is counted as its potential.
    """
    raised = shift * ~screened(other.device)
    moved = replace(other.device, potential=other.device.potential - raised)
    found = [
        *terms(graph, one.device, moved, sort, permutation),
        *terminals(one, other, sort, permutation, shift),
    ]
    found += electrodes(graph, one, other, sort, permutation)
    if not _ties_fit(one, other, permutation):
        found.append(_declared(graph, "screening", ""))
    return found or [Breaker("what the terminals do together", "", None)]


def without(graph: nx.MultiDiGraph, device: Device) -> Iterator[Device]:
    """The device, one hop or pair term left out of its pattern."""
    terms = [term for term in declared_terms(graph) if term.kind != "onsite"]
    if len(terms) > 1:
        alone = [(_alone(graph, term, device),) * 2 for term in terms]
        for k in range(len(terms)):
            (kept,) = _together(alone[:k] + alone[k + 1 :], device)
            yield replace(kept, potential=device.potential)


def declared_terms(graph: nx.MultiDiGraph) -> list[Term]:
    """Terms of the Hamiltonian in the order of the text."""
    return [data["element"] for _, _, data in graph.edges(data=True) if data["kind"] in kinds]


def terms(
    graph: nx.MultiDiGraph, one: Device, other: Device, sort: Sort, permutation: Integers
) -> Iterator[Breaker]:
    """Terms that do not fit to those before them, then prescribed potentials.

    Where energies change their sign the reference, from which levels are counted, is the last term; it is
    told where no level is.
    """
    made = list(_pieces(graph, one, other, sort))
    lines, pieces = [line for line, _ in made], [piece for _, piece in made]
    kept: list[tuple[Device, ...]] = []
    waiting = list(range(len(pieces)))
    levels = False

    def fits(*more: int) -> bool:
        first, second = _together([*kept, *(pieces[k] for k in more)], one, other)
        return _is_operation(first, second, sort, permutation)

    while waiting:
        first, *rest = waiting
        alike = [k for k in rest if _kind(lines[k]) == _kind(lines[first])]
        fitting = next((more for more in ([], *([k] for k in alike), alike) if fits(first, *more)), None)
        waiting = [k for k in rest if k not in (fitting or [])]
        if fitting is not None:
            kept += [pieces[k] for k in (first, *fitting)]
        elif not (levels and lines[first].what.startswith("reference")):
            levels = levels or _kind(lines[first]) == "onsite"
            yield lines[first]
    if one.potential.any() or other.potential.any():
        moved = _together(kept, one, other)
        potentials = replace(moved[0], potential=one.potential), replace(moved[1], potential=other.potential)
        if not _is_operation(*potentials, sort, permutation):
            yield _declared(graph, "potential", "U")


def _kind(line: Breaker) -> str:
    """``onsite``, ``hop``, ``pair``: levels are counted from the reference."""
    word = line.what.split()[0]
    return "onsite" if word == "reference" else word


def _pieces(
    graph: nx.MultiDiGraph, one: Device, other: Device, sort: Sort
) -> Iterator[tuple[Breaker, tuple[Device, ...]]]:
    """What the Hamiltonian is made of: its line, and both devices with it alone."""
    for term in declared_terms(graph):
        line = Breaker(quoted(term.span, term.kind), "", term.span, names_in([term.value]))
        yield line, (_alone(graph, term, one), _alone(graph, term, other))
    mu, reference = one.reference.get("mu", 0.0), graph.graph["declarations"].reference
    if sort.opposing and mu:
        line = Breaker(quoted(reference.span, "reference"), "", reference.span, names_in([reference.mu]))
        yield line, (_level(one, -mu), _level(other, -mu))


def _level(device: Device, energy: float) -> Device:
    """The same energy on all orbitals, and nothing else."""
    own = np.arange(device.offset[-1], dtype=np.intp)
    levels = Entries(own, own, np.full(len(own), energy, dtype=complex), np.full(len(own), -1))
    return replace(device, onsite=levels, hops=_joined([]), pairs=_joined([]))


def _declared(graph: nx.MultiDiGraph, kind: str, formula: str) -> Breaker:
    """The first line of a kind."""
    for _, data in graph.nodes(data=True):
        if data["kind"] == kind:
            names = names_in([getattr(data["element"], formula)]) if formula else frozenset()
            return Breaker(quoted(data["span"], kind), "", data["span"], names)
    return Breaker("the levels of both cases", "", None)


def quoted(span: Span | None, kind: str) -> str:
    """A statement's own words on one line."""
    text = " ".join(span.text.split()) if span is not None else kind
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _alone(graph: nx.MultiDiGraph, term: Term, device: Device) -> Device:
    """A single term of a device."""
    return Expansion(with_one_term(graph, term)).device(device.values)


def with_one_term(graph: nx.MultiDiGraph, term: Term) -> nx.MultiDiGraph:
    """The sites of a declared graph and a single term between them."""
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
    return reduced


def _together(parts: Sequence[tuple[Device, ...]], *devices: Device) -> tuple[Device, ...]:
    found = []
    for which, device in enumerate(devices):
        onsite, hops, pairs = (_joined([getattr(part[which], name) for part in parts]) for name in PARTS)
        still = np.zeros(device.size)
        found.append(replace(device, onsite=onsite, hops=hops, pairs=pairs, potential=still))
    return tuple(found)


def _joined(entries: list[Entries]) -> Entries:
    empty = np.zeros(0, dtype=np.intp)
    return Entries(
        np.concatenate([empty, *(each.row for each in entries)]),
        np.concatenate([empty, *(each.column for each in entries)]),
        np.concatenate([empty.astype(complex), *(each.value for each in entries)]),
        np.concatenate([empty, *(np.full(len(each.row), -1) for each in entries)]),
    )


def _is_operation(one: Device, other: Device, sort: Sort, permutation: Integers) -> bool:
    """Of what is there, with energies counted from zero."""
    both = (replace(each, reference={**each.reference, "mu": 0.0}) for each in (one, other))
    first, second = (conductor(each).structure for each in both)
    first = first.under(sort)
    return lift(first, second, permutation[: first.n]) is not None


def _ties_fit(one: Examined, other: Examined, permutation: Integers) -> bool:
    first, second = (
        replace(each.structure, row=NONE, column=NONE, kind=NONE, block=each.structure.block[:0])
        for each in (one, other)
    )
    return lift(first, second, permutation) is not None


def terminals(
    one: Examined, other: Examined, sort: Sort, permutation: Integers, shift: float = 0.0
) -> Iterator[Breaker]:
    """Terminals with a field that is not that of their image."""
    colour = colours_of(one.structure.under(sort), other.structure)
    wrong = np.flatnonzero(
        (colour[: one.structure.n] != colour[one.structure.n :][permutation]) & (one.owner >= 0)
    )
    groups = [group for group in one.device.terminals for _ in range(group.count)]
    said = set()
    for vertex in wrong.tolist():
        number = int(one.owner[vertex]) % max(len(groups), 1)
        fields = ["self_energy"]
        if vertex in one.terminal:
            image = int(other.owner[permutation[vertex]]) % len(groups)
            fields = _fields(one.device, number, other.device, image, sort, shift)
        terminal = groups[number].terminal
        for name in fields:
            if (terminal.name, name) not in said:
                said.add((terminal.name, name))
                yield of_terminal(terminal, name)


def electrodes(
    graph: nx.MultiDiGraph, one: Examined, other: Examined, sort: Sort, permutation: Integers
) -> Iterator[Breaker]:
    """Gates, or the ground, that are not at the potential of their image."""
    colour = colours_of(one.structure.under(sort), other.structure)
    wrong = colour[: one.structure.n] != colour[one.structure.n :][permutation]
    if np.any(wrong & (one.structure.colour == word("gate"))):
        yield _declared(graph, "gate", "U")
    if np.any(wrong & (one.structure.colour == word("ground"))):
        yield Breaker("the ground", "", None)


def of_terminal(terminal: Terminal, name: str) -> Breaker:
    """A field of a terminal, or its ``condition``."""
    what = f"{terminal.noun} {terminal.name}"
    if name == "condition":
        conditions = terminal.conditions
        text = "such that " + ", ".join(quoted(c.span, c.quantity) for c in conditions)
        return Breaker(what, text, terminal.span, names_in(c.value for c in conditions))
    span = terminal.spans.get(name, terminal.span)
    formulas = [terminal.given[name]] if name in terminal.given else []
    if name == "self_energy":
        formulas = list(terminal.self_energy.arguments.values())
    return Breaker(what, quoted(span, name) if name in terminal.spans else "", span, names_in(formulas))


def _fields(one: Device, first: int, other: Device, second: int, sort: Sort, shift: float) -> list[str]:
    """Which given fields of two terminals differ; what they prescribe if these do not."""
    values = []
    for device, number in ((one, first), (other, second)):
        group = next(g for g in device.terminals if g.first <= number < g.first + g.count)
        at = number - group.first
        values.append(
            {
                n: float(np.broadcast_to(v, group.count)[at])
                for n, v in group.given.items()
                if n in ("mu", "T")
            }
        )
    found = []
    mine, its = values
    for name in sorted({*mine, *its}):
        wanted = mine.get(name, np.nan)
        if name == "mu":
            middle = float(one.reference.get("mu", 0.0))
            wanted = (middle - wanted if sort.opposing else wanted - middle) + middle + shift
        if not abs(wanted - its.get(name, np.nan)) <= NEAR * max(1.0, abs(wanted)):
            found.append(name)
    return found or ["condition"]
