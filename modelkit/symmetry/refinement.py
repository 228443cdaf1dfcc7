"""Colour refinement: the coarsest partition of vertices that neighbours cannot tell apart.

Several structures are refined together, so that equal colours mean the same in all of them.  Rounds
touch only what was split in the round before (the largest part of a split cell keeps its colour).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.intp]
Words = NDArray[np.uint64]
ARROWS = np.uint64(1 << 40)


@dataclass(frozen=True, eq=False)
class Adjacency:
    """Labelled arrows by their source: those of v are ``target[first[v]:first[v + 1]]``.

    ``counts`` tells how many ``arrows`` were looked at.
    """

    first: Integers
    target: Integers
    label: Words
    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, n: int, source: Integers, target: Integers, label: Integers) -> Adjacency:
        """From lists of arrows, in any order."""
        order = np.argsort(source, kind="stable")
        first = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=n))])
        labels = mixed(label[order].astype(np.uint64) + ARROWS)  # other words than those of colours
        return cls(first, target[order], labels)

    def arrows(self, vertices: Integers) -> tuple[Integers, Integers]:
        """Places of all arrows of some vertices, and the place in ``vertices`` of the source of each."""
        count = self.first[vertices + 1] - self.first[vertices]
        owner = np.repeat(np.arange(len(vertices)), count)
        self.counts["arrows"] += len(owner)
        start = self.first[vertices] - np.cumsum(count) + count
        return start[owner] + np.arange(len(owner)), owner


def mixed(words: Words) -> Words:
    """Words that look random, the same for the same (splitmix64)."""
    with np.errstate(over="ignore"):
        z = words + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


@dataclass(eq=False)
class Partition:
    """Cells of vertices: ``colour`` (n,), values ``0 .. len(size) - 1``; refined in place."""

    colour: Integers
    size: list[int]

    @classmethod
    def of(cls, colour: Integers) -> Partition:
        """From colours ``0 .. cells-1``, each of which occurs."""
        return cls(colour.copy(), np.bincount(colour).tolist())

    def copy(self) -> Partition:
        """One that may be refined without changing this one."""
        return Partition(self.colour.copy(), list(self.size))

    def single(self, vertices: Integers) -> None:
        """Give some vertices of one cell a colour of their own."""
        self.size[self.colour[vertices[0]]] -= len(vertices)
        self.colour[vertices] = len(self.size)
        self.size.append(len(vertices))

    def refine(self, adjacency: Adjacency, changed: Integers | None = None) -> None:
        """Down to the coarsest equitable partition; ``changed`` were coloured since it was one."""
        active = np.arange(len(self.colour)) if changed is None else changed
        while len(active):
            arrows, owner = adjacency.arrows(active)
            with np.errstate(over="ignore"):
                words = mixed(adjacency.label[arrows] ^ mixed(self.colour[active][owner].astype(np.uint64)))
            touched, place = np.unique(adjacency.target[arrows], return_inverse=True)
            seen = np.zeros(len(touched), dtype=np.uint64)
            np.add.at(seen, place, words)
            active = self._split(touched, seen)

    def _split(self, touched: Integers, seen: Words) -> Integers:
        """Split cells by what their vertices have seen; gives those with a new colour.

        What is untouched of a cell keeps its colour, otherwise the largest part of it.
        """
        if not len(touched):
            return touched
        order = np.lexsort((seen, self.colour[touched]))
        touched, seen, cell = touched[order], seen[order], self.colour[touched][order]
        new_cell = np.concatenate([[True], cell[1:] != cell[:-1]])
        begins = np.flatnonzero(new_cell | np.concatenate([[True], seen[1:] != seen[:-1]]))
        ends = np.append(begins[1:], len(touched))
        active = [touched[:0]]
        for cell_begin, cell_end in _ranges(np.flatnonzero(new_cell[begins]), len(begins)):
            parts = list(zip(begins[cell_begin:cell_end], ends[cell_begin:cell_end], strict=True))
            own = int(cell[parts[0][0]])
            if parts[-1][1] - parts[0][0] == self.size[own]:
                parts.remove(max(parts, key=lambda part: part[1] - part[0]))
            for begin, end in parts:
                vertices = touched[begin:end]
                self.single(vertices)
                active.append(vertices)
        return np.concatenate(active)


def _ranges(first: Integers, stop: int) -> list[tuple[int, int]]:
    return list(zip(first.tolist(), [*first[1:].tolist(), stop], strict=True))
