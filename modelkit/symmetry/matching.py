"""Permutations that carry one structure onto another: refinement, and one image for each open choice.

Nothing is enumerated: automorphisms are given by generators, one for each image that a vertex can have
while earlier ones stay; each is verified, its internal unitaries included.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from modelkit.symmetry.labels import arrows_of, colours_of
from modelkit.symmetry.lift import Lift, lift, scales
from modelkit.symmetry.refinement import Adjacency, Partition
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.structure import Structure

Integers = NDArray[np.intp]

TRIED = 2000  # dead ends before a search is given up
ROOM = 20_000_000  # colours of vertices that are kept, for all choices
WORK = 1_000_000  # vertices in them: fewer dead ends for large structures


@dataclass(eq=False)
class Pair:
    """Two structures side by side: vertices of ``one``, then those of ``other``.

    A permutation is ``other``'s vertex of each of ``one``.  ``tried`` counts dead ends since a search began,
    ``verified`` all permutations, or parts of them, for which internal unitaries were sought.
    """

    one: Structure
    other: Structure
    tried: int = field(default=0)
    verified: int = field(default=0)

    def __post_init__(self) -> None:
        """Colour both and refine."""
        self.n = self.one.n
        colour = colours_of(self.one, self.other)
        source, target, label = arrows_of(self.one, self.other)
        self.adjacency = Adjacency.of(2 * self.n, source, target, label)
        self.partition = Partition.of(colour)
        self.partition.refine(self.adjacency)

    def found(self, *fixed: tuple[int, int]) -> tuple[Integers, Lift] | None:
        """A verified permutation with these images, or None.

        Raises
        ------
        Undecided
            More permutations failed than are tried, or internal unitaries were not found in bounds.
        """
        partition = self.partition
        for vertex, image in fixed:
            if partition.colour[vertex] != partition.colour[self.n + image]:
                return None
            partition = self._with(partition, vertex, image)
        self.tried = 0
        return self._search(partition)

    def generators(self) -> list[tuple[Integers, Lift]]:
        """Of the group of automorphisms, where both structures are the same; the identity is left out.

        Vertices are held one after another until nothing moves; then, from the last to the first, an
        automorphism is sought for each image that those known do not give: all of them keep what is held.

        Raises
        ------
        Undecided
            As for ``found``; or so many choices are open that they cannot be listed.
        """
        self.tried = 0
        levels: list[tuple[Partition, Integers]] = []
        partition = self.partition
        while (cell := self._open_cell(partition)) is not None:
            members = np.flatnonzero(partition.colour[: self.n] == cell)
            levels.append((partition, members))
            if len(levels) * self.n > ROOM:
                raise Undecided("too many of its sites can be exchanged one by one")
            partition = self._with(partition, int(members[0]), int(members[0]))
        found: list[tuple[Integers, Lift]] = []
        for partition, members in reversed(levels):
            vertex = int(members[0])
            orbit = _orbit(vertex, [each for each, _ in found])
            for image in members[1:].tolist():
                if image in orbit:
                    continue
                more = self._search(self._with(partition, vertex, image))
                if more is not None:
                    found.append(more)
                    orbit = _orbit(vertex, [each for each, _ in found])
        return found[::-1]

    def _with(self, partition: Partition, vertex: int, image: int) -> Partition:
        partition, both = partition.copy(), np.array([vertex, self.n + image])
        if partition.size[partition.colour[vertex]] > 2:
            partition.single(both)
            partition.refine(self.adjacency, both)
        return partition

    def _search(self, partition: Partition) -> tuple[Integers, Lift] | None:
        if not self._balanced(partition):
            self._dead_end()
            return None
        cell = self._open_cell(partition)
        if cell is None:
            return self._verified(partition)
        vertex = int(np.flatnonzero(partition.colour[: self.n] == cell)[0])
        images = np.flatnonzero(partition.colour[self.n :] == cell)
        for image in sorted(images.tolist(), key=lambda image: (image != vertex, image)):
            found = self._search(self._with(partition, vertex, image))
            if found is not None:
                return found
            if not self._possible(partition):  # then no other image helps
                return None
        return None

    def _dead_end(self) -> None:
        self.tried += 1
        if self.tried > TRIED or (self.tried > 20 and self.tried * self.n > WORK):
            raise Undecided(f"{self.tried} permutations of its sites fail, and there are more")

    def _balanced(self, partition: Partition) -> bool:
        cells = len(partition.size)
        one, other = partition.colour[: self.n], partition.colour[self.n :]
        return bool(np.array_equal(np.bincount(one, minlength=cells), np.bincount(other, minlength=cells)))

    def _open_cell(self, partition: Partition) -> int | None:
        """The smallest cell with a choice left."""
        size = np.asarray(partition.size)
        open_ = np.flatnonzero(size > 2)
        return int(open_[np.argmin(size[open_])]) if len(open_) else None

    def _verified(self, partition: Partition) -> tuple[Integers, Lift] | None:
        permutation = np.empty(self.n, dtype=np.intp)
        permutation[np.argsort(partition.colour[: self.n])] = np.argsort(partition.colour[self.n :])
        self.verified += 1
        lifted = lift(self.one, self.other, permutation)
        if lifted is not None:
            return permutation, lifted
        self._dead_end()
        return None

    def _possible(self, partition: Partition) -> bool:
        """Whether those vertices have internal unitaries whose images are settled."""
        settled = np.flatnonzero(np.asarray(partition.size) == 2)
        one, other = partition.colour[: self.n], partition.colour[self.n :]
        vertices, images = (np.flatnonzero(np.isin(colour, settled)) for colour in (one, other))
        vertices, images = vertices[np.argsort(one[vertices])], images[np.argsort(other[images])]
        self.verified += 1
        parts = self.one.part(vertices), self.other.part(images)
        return lift(*parts, np.arange(len(vertices)), scales(self.one)) is not None


def _orbit(vertex: int, permutations: list[Integers]) -> set[int]:
    orbit, new = {vertex}, [vertex]
    while new:
        new = [int(p[v]) for v in new for p in permutations if int(p[v]) not in orbit]
        orbit.update(new)
    return orbit
