"""Stretches of layers that nothing touches, eliminated to what their two ends see of each other.

The nodes between two kept layers are eliminated by a plan that depends on the structure only: a run of
equal slices of length q is joined with itself, which takes about log2(q) joins instead of q.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modelkit.numerics.block_tridiagonal import Array, Factor, Tridiagonal, inverses, largest, product

Flags = NDArray[np.bool_]
Integers = NDArray[np.intp]

LONGEST_PERIOD = 8  # layers of a slice that repeats
FEWEST = 4  # repetitions from which on joining a stretch with itself takes fewer operations


class Segment(NamedTuple):
    """What two layers see of all that was between them.

    ``down`` from the left to the right layer, ``up`` back; ``left`` and ``right`` add to their diagonal
    blocks, None where there was nothing.
    """

    down: Factor
    up: Factor
    left: Array | None
    right: Array | None


@dataclass
class Plan:
    """Joins in the order in which they are done.

    Attributes
    ----------
    steps : list of tuples
        A hop of a kind, ``(kind,)``, or the join of two earlier steps with a layer of a kind between them,
        ``(one, kind, other)``.
    kept : list of int
        Layers that stay.
    between : list of int
        The step that joins each kept layer with the next.
    before, after : int or None
        Those that join the first layer with the first kept one, the last kept one with the last layer.
    """

    steps: list[tuple[int, ...]] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    between: list[int] = field(default_factory=list)
    before: int | None = None
    after: int | None = None
    _known: dict[Hashable, int] = field(default_factory=dict)

    @property
    def joins(self) -> int:
        """Number of blocks that are inverted between the kept layers."""
        return sum(len(step) == 3 for step in self.steps)

    def step(self, *step: int) -> int:
        """Number of a step, the one that is there already if it was done before."""
        if step not in self._known:
            self._known[step] = len(self.steps)
            self.steps.append(step)
        return self._known[step]


def plan(matrix: Tridiagonal, kept: Flags, *, doubling: bool = True) -> Plan:
    """Plan the elimination of all layers that are not kept, (n_layers,); at least one is.

    Without ``doubling`` layer by layer, the plain recursion.
    """
    found = Plan(kept=np.flatnonzero(kept).tolist())
    ends = [*found.kept, len(kept) - 1]
    if found.kept[0]:
        found.before = _stretch(found, matrix, 0, found.kept[0], doubling=doubling)
    for first, last in zip(found.kept[:-1], found.kept[1:], strict=True):
        found.between.append(_stretch(found, matrix, first, last, doubling=doubling))
    if ends[-1] > found.kept[-1]:
        found.after = _stretch(found, matrix, found.kept[-1], ends[-1], doubling=doubling)
    return found


def _stretch(found: Plan, matrix: Tridiagonal, first: int, last: int, *, doubling: bool) -> int:
    """Step that joins two layers."""
    hop, node = matrix.hop[first:last], matrix.node[first + 1 : last]
    runs = _runs(hop, node) if doubling else {}
    whole, k = -1, 0
    while k < len(hop):
        period, times = runs.get(k, (1, 1))
        piece = found.step(int(hop[k]))
        for n in range(k + 1, k + period):
            piece = found.step(piece, int(node[n - 1]), found.step(int(hop[n])))
        if times > 1:
            piece = _power(found, piece, int(node[k + period - 1]), times)
        whole = piece if k == 0 else found.step(whole, int(node[k - 1]), piece)
        k += period * times
    return whole


def _power(found: Plan, unit: int, joint: int, times: int) -> int:
    """So many equal pieces in a row, by doubling."""
    whole: int | None = None
    while times:
        if times & 1:
            whole = unit if whole is None else found.step(whole, joint, unit)
        times >>= 1
        if times:
            unit = found.step(unit, joint, unit)
    assert whole is not None
    return whole


def _runs(hop: Integers, node: Integers) -> dict[int, tuple[int, int]]:
    """Where a slice of so many hops repeats so many times: ``{first hop: (period, times)}``."""
    pairs = np.stack([hop[:-1], node], axis=1)  # each hop with the layer behind it
    length = [_equal_ahead(pairs, period) for period in range(1, LONGEST_PERIOD + 1)]
    found: dict[int, tuple[int, int]] = {}
    k = 0
    while k < len(pairs):
        covered, period, times = 0, 1, 1
        for p, ahead in enumerate(length, start=1):
            if k < len(ahead):
                repeats = (int(ahead[k]) + p) // p
                if repeats >= FEWEST and repeats * p > covered:
                    covered, period, times = repeats * p, p, repeats
        if covered:
            found[k] = (period, times)
        k += max(covered, 1)
    return found


def _equal_ahead(pairs: Integers, period: int) -> Integers:
    """How many pairs from each one on equal those a period later."""
    if len(pairs) <= period:
        return np.zeros(0, dtype=np.intp)
    differs = np.flatnonzero(np.any(pairs[period:] != pairs[:-period], axis=1))
    number = np.arange(len(pairs) - period)
    following = np.append(differs, len(number))[np.searchsorted(differs, number)]
    return np.asarray(following - number, dtype=np.intp)


class Joined:
    """The stretches of a plan at given energies.

    Attributes
    ----------
    between : segments between the kept layers
    added : what the layers before the first and after the last kept one add to it, by kept layer
    largest : (n_E,) the largest element of an inverse, the measure of the digits that are lost
    """

    def __init__(self, matrix: Tridiagonal, plan: Plan, z: Array) -> None:
        self._matrix, self._z = matrix, z
        self.largest = np.zeros(len(z))
        left = Counter([*plan.between, *(end for end in (plan.before, plan.after) if end is not None)])
        for step in plan.steps:
            if len(step) == 3:
                left.update((step[0], step[2]))
        done: dict[int, Segment] = {}
        for number, step in enumerate(plan.steps):
            done[number] = self._hop(step[0]) if len(step) == 1 else self._join(done, left, step)
        self.between = [done[k] for k in plan.between]
        self.added: dict[int, Array] = {}
        if plan.before is not None:
            self._end(plan.kept[0], 0, done[plan.before], first=True)
        if plan.after is not None:
            self._end(plan.kept[-1], len(matrix.node) - 1, done[plan.after], first=False)

    def _hop(self, kind: int) -> Segment:
        coupling = self._matrix.couplings[kind]
        return Segment(coupling, coupling.adjoint, None, None)

    def _join(self, done: dict[int, Segment], left: Counter[int], step: tuple[int, ...]) -> Segment:
        one, kind, other = step
        a, b = done[one], done[other]
        for used in (one, other):
            left[used] -= 1
            if not left[used]:
                done.pop(used, None)
        g = self._inverse(kind, a.right, b.left)
        rising, falling = product(a.up, g), product(b.down, g)
        return Segment(
            down=-product(falling, a.down),
            up=-product(rising, b.up),
            left=_sum(a.left, -product(rising, a.down)),
            right=_sum(b.right, -product(falling, b.up)),
        )

    def _end(self, kept: int, end: int, segment: Segment, *, first: bool) -> None:
        """Eliminate the layer at an end of all."""
        own, other = (segment.left, segment.right) if first else (segment.right, segment.left)
        to, back = (segment.down, segment.up) if first else (segment.up, segment.down)
        g = self._inverse(int(self._matrix.node[end]), own, None)
        found = _sum(other, -product(product(to, g), back))
        self.added[kept] = self.added[kept] + found if kept in self.added else found

    def _inverse(self, kind: int, *added: Array | None) -> Array:
        block: Any = self._matrix.bare(self._z, kind)
        for more in added:
            if more is not None:
                block = block + more
        found = inverses(block)
        self.largest = np.maximum(self.largest, largest(found))
        return found


def _sum(one: Array | None, other: Array) -> Array:
    return other if one is None else one + other
