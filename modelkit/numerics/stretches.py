"""Runs of equal slices, eliminated to what the layers at their two ends see of each other.

A run of q slices is joined with itself, which takes about log2(q) joins instead of q.  All other layers stay.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
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
    """Which layers stay, and the joins of what lies between them in the order in which they are done.

    Attributes
    ----------
    steps : list of tuples
        A hop of a kind, ``(kind,)``, or the join of two earlier steps with a layer of a kind between them,
        ``(one, kind, other)``.
    kept : list of int
        Layers that stay.
    between : list of int
        The step that joins each kept layer with the next.
    unit : int
        Slices that are joined one by one before they are doubled, 0 where nothing is joined.
    """

    steps: list[tuple[int, ...]] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    between: list[int] = field(default_factory=list)
    unit: int = 0
    _known: dict[Hashable, int] = field(default_factory=dict)

    @property
    def inverses(self) -> int:
        """Number of blocks that are inverted in all."""
        return len(self.kept) + sum(len(step) == 3 for step in self.steps)

    def step(self, *step: int) -> int:
        """Number of a step, the one that is there already if it was done before."""
        if step not in self._known:
            self._known[step] = len(self.steps)
            self.steps.append(step)
        return self._known[step]


def plan(matrix: Tridiagonal, touched: Flags, unit: int = 1) -> Plan:
    """Plan an elimination that keeps the touched layers, (n_layers,).

    ``unit`` is the number of slices that are joined one by one before these are doubled: what is eliminated
    at once, and so the energies at which that is singular, depend on it.  With 0 nothing is joined.
    """
    found = Plan(unit=unit)
    ends = np.flatnonzero(touched).tolist() if unit else range(len(touched))
    for first, last in itertools.pairwise(sorted({0, len(touched) - 1, *ends})):
        _stretch(found, matrix, first, last, unit)
    found.kept.append(len(touched) - 1)
    return found


def _stretch(found: Plan, matrix: Tridiagonal, first: int, last: int, unit: int) -> None:
    """From a layer that stays to the next that is touched."""
    hop, node = matrix.hop[first:last], matrix.node[first + 1 : last]
    runs = _runs(hop, node, unit) if unit else {}
    k = 0
    while k < len(hop):
        period, times = runs.get(k, (1, 1))
        piece = found.step(int(hop[k]))
        for n in range(k + 1, k + period):
            piece = found.step(piece, int(node[n - 1]), found.step(int(hop[n])))
        if times > 1:
            piece = _power(found, piece, int(node[k + period - 1]), times)
        found.kept.append(first + k)
        found.between.append(piece)
        k += period * times


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


def _runs(hop: Integers, node: Integers, unit: int) -> dict[int, tuple[int, int]]:
    """Where slices of so many hops repeat so many times: ``{first hop: (hops of a slice, times)}``."""
    pairs = np.stack([hop[:-1], node], axis=1)  # each hop with the layer behind it
    length = [_equal_ahead(pairs, period) for period in range(1, LONGEST_PERIOD + 1)]
    found: dict[int, tuple[int, int]] = {}
    k = 0
    while k < len(pairs):
        covered, period, times = 0, 1, 1
        for p, ahead in enumerate(length, start=1):
            if k < len(ahead):
                repeats = (int(ahead[k]) + p) // (p * unit)
                if repeats >= FEWEST and repeats * p * unit > covered:
                    covered, period, times = repeats * p * unit, p * unit, repeats
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
    """The steps of a plan at given energies.

    Attributes
    ----------
    between : segments between the kept layers
    largest : (n_E,) the largest element of an inverse, a measure of the digits that are lost
    """

    def __init__(self, matrix: Tridiagonal, plan: Plan, z: Array) -> None:
        self._matrix, self._z = matrix, z
        self.largest = np.zeros(len(z))
        left = Counter(plan.between)
        for step in plan.steps:
            if len(step) == 3:
                left.update((step[0], step[2]))
        done: dict[int, Segment] = {}
        for number, step in enumerate(plan.steps):
            done[number] = self._hop(step[0]) if len(step) == 1 else self._join(done, left, step)
        self.between = [done[k] for k in plan.between]

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


class Passed:
    """``W† Z^-1 W`` between all channels by one elimination from the first layer to the last.

    Columns and rows of the channels of the layers so far are carried along, so that nothing is kept.

    Parameters
    ----------
    diagonal : callable
        Diagonal block of the k-th kept layer, without what is between, (n_E, m, m).
    between : list of Segment
        Between the kept layers.
    incoming : callable
        Numbers of the channels of the k-th kept layer and their W there, (n_E, m, n_channels there).
    width : int
        Number of channels.

    Attributes
    ----------
    amplitude : (n_E, width, width)
    largest : (n_E,) the largest element of an inverse
    """

    def __init__(
        self,
        diagonal: Callable[[int], Array],
        between: Sequence[Segment],
        incoming: Callable[[int], tuple[Integers, Array]],
        width: int,
    ) -> None:
        numbers, columns = incoming(0)
        rows = columns.conj().swapaxes(1, 2)
        block = diagonal(0)
        found = np.zeros((len(columns), width, width), dtype=complex)  # channels in the order of their layers
        self.largest = np.zeros(len(columns))
        for k, step in enumerate([*between, None]):
            block = block if step is None else _sum(step.left, block)
            inverse = inverses(block)
            self.largest = np.maximum(self.largest, largest(inverse))
            falling = rows @ inverse
            found[:, : len(numbers), : len(numbers)] += falling @ columns
            if step is None:
                break
            own, w = incoming(k + 1)
            block = _sum(step.right, diagonal(k + 1)) - product(product(step.down, inverse), step.up)
            columns, rows = -product(step.down, inverse @ columns), -product(falling, step.up)
            if len(own):
                columns = np.concatenate([columns, w], axis=2)
                rows = np.concatenate([rows, w.conj().swapaxes(1, 2)], axis=1)
                numbers = np.concatenate([numbers, own])
        self.amplitude = found[:, np.argsort(numbers)[:, None], np.argsort(numbers)]
