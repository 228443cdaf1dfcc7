"""The reversal of a device whose pattern has none, since some terminal has no counterpart."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from modelkit.graph.device import TerminalGroup
from modelkit.symmetry.blame import Breaker, of_terminal, terms
from modelkit.symmetry.candidates import Broken, called
from modelkit.symmetry.names import reversal
from modelkit.symmetry.parts import Examined
from modelkit.symmetry.structure import UNITARY, Sort

Integers = NDArray[np.intp]
Member = tuple[TerminalGroup, int]


def without_counterpart(
    graph: nx.MultiDiGraph, one: Examined, other: Examined, wanted: Callable[[Integers, Sort], bool]
) -> Broken | None:
    """The reversal of all positions, if it is ``wanted`` and fails by terminals that have no counterpart.

    Each terminal goes to one on the images of its sites, or to one that touches some of them.
    """
    site = reversal(one)
    if site is None:
        return None
    members = [(group, member) for group in one.device.terminals for member in range(group.count)]
    image = np.arange(len(members), dtype=np.intp)
    lonely = []
    for a, member in enumerate(members):
        place = frozenset(site[list(_place(member))].tolist())
        alike = [b for b, each in enumerate(members) if _alike(member, each) and _place(each) & place]
        exact = [b for b in alike if _place(members[b]) == place]
        image[a] = (exact or alike or [a])[0]
        if not exact:
            lonely.append(member)
    if not lonely or not wanted(image, UNITARY):
        return None
    vertices = np.concatenate([site, site + one.size]) if one.device.superconducting else site
    found = [
        *terms(graph, one.device, other.device, UNITARY, vertices),
        *_unequal(members, image),
        *(_alone(member) for member in lonely),
    ]
    return Broken(called(one, UNITARY, vertices), tuple(found), (), ())


def _place(member: Member) -> frozenset[int]:
    group, number = member
    return frozenset(group.site[group.member == number].tolist())


def _alike(one: Member, other: Member) -> bool:
    first, second = ([(c.unknown, c.quantity) for c in group.conditions] for group, _ in (one, other))
    return first == second


def _unequal(members: list[Member], image: Integers) -> Iterator[Breaker]:
    """Terminals whose self-energy is not that of their image."""
    said = set[str]()
    for a, b in enumerate(image.tolist()):
        (one, first), (other, second) = members[a], members[b]
        kinds = [group.terminal.self_energy.kind for group in (one, other)]
        if a == b or one.terminal.name in said or one.leads or other.leads:
            continue
        if kinds[0] != kinds[1] or _arguments(one, first) != _arguments(other, second):
            said.add(one.terminal.name)
            yield of_terminal(one.terminal, "self_energy")


def _arguments(group: TerminalGroup, member: int) -> list[object]:
    found = list[object]()
    for value in group.arguments.values():
        if callable(value):
            found.append(value)
            continue
        numbers = np.asarray(value)
        whole = numbers if numbers.ndim == 0 else numbers[min(member, len(numbers) - 1)]
        found.append(np.round(whole, 9).tolist())
    return found


def _alone(member: Member) -> Breaker:
    group, number = member
    what = f"{group.terminal.noun} {group.label(number)}"
    return Breaker(what, "no counterpart", group.terminal.span)
