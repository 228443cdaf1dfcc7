"""Where orbitals stand along a chain, and whether translations map it onto itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from modelkit.compile.lindbladian import Lindbladian
from modelkit.compile.ring_places import short_way
from modelkit.compile.unit_cell import UnitCell
from modelkit.graph.device import Complexes, Floats, Integers, Products
from modelkit.solve.open_chains.exact.charges import parts_of
from modelkit.solve.open_chains.real_space.places import places

ALIKE = 1e-10  # of the largest coefficient


@dataclass(frozen=True, eq=False)
class Ring:
    """A chain that translations map onto itself: cell and orbital of the cell of each orbital, (M,)."""

    cell: Integers
    orbital: Integers
    cells: int

    def crossed(self, row: Integers, column: Integers) -> Floats:
        """Cells from the orbitals ``column`` to ``row``."""
        return short_way(self.cell[row] - self.cell[column], self.cells)

    def shifted(self) -> Integers:
        """The orbital one cell further on, for each."""
        table = np.empty((self.cells, len(self.cell) // self.cells), dtype=np.intp)
        table[self.cell, self.orbital] = np.arange(len(self.cell))
        return table[(self.cell + 1) % self.cells, self.orbital]


class Along(Protocol):
    """Where orbitals are: places of a device, or a ring."""

    @property
    def cells(self) -> int: ...

    def crossed(self, row: Integers, column: Integers) -> Floats: ...


def carried(products: Products, along: Along) -> Floats:
    """By how many cells each product carries particles; 0 where it changes their number."""
    sign = np.where(products.dagger, 1, -1)
    if sign.sum():
        return np.zeros(len(products.value))
    first = np.broadcast_to(products.orbital[:, :1], products.orbital.shape)
    return np.asarray(along.crossed(products.orbital, first) @ sign, dtype=float)


def translations_of(lindbladian: Lindbladian, cell: UnitCell | None) -> Ring | None:
    """The ring of a chain whose cells are equal in all that is declared; None where they are not."""
    if cell is None or cell.cells is None or cell.cells * cell.dimension != lindbladian.size:
        return None
    ring = _on_ring(lindbladian, cell.cells, cell.dimension)
    if ring is None or not _repeats(lindbladian, cell, ring):
        return None
    step = ring.shifted()
    families = [list(parts_of(family)) for family in lindbladian.jumps]
    rates = [family.rate for family in lindbladian.jumps]
    if not _invariant([lindbladian.interaction], np.ones(1), step, alone=True):
        return None
    same = all(_invariant(parts, rate, step) for parts, rate in zip(families, rates, strict=True))
    return ring if same else None


def _on_ring(lindbladian: Lindbladian, cells: int, dimension: int) -> Ring | None:
    every = np.arange(lindbladian.size)
    if lindbladian.device is None:
        return Ring(every // dimension, every % dimension, cells)
    found = places(lindbladian)
    if found.cell is None or found.ring != cells:
        return None
    number = (found.cell - found.cell.min()).astype(np.intp)
    if not np.array_equal(np.bincount(number, minlength=cells), np.full(cells, dimension)):
        return None
    orbital = np.empty_like(number)
    orbital[np.argsort(number, kind="stable")] = np.tile(np.arange(dimension), cells)
    return Ring(number, orbital, cells)


def _repeats(lindbladian: Lindbladian, cell: UnitCell, ring: Ring) -> bool:
    """Whether the Hamiltonian is that of the cell, orbital by orbital."""
    h = np.zeros((ring.cells, cell.dimension) * 2, dtype=complex)
    for x, block in cell.hopping.items():
        for j in range(ring.cells):
            h[(j + x) % ring.cells, :, j, :] += block
    ours = h[ring.cell[:, None], ring.orbital[:, None], ring.cell, ring.orbital]
    difference = lindbladian.hamiltonian - ours
    return bool(np.abs(difference).max() <= ALIKE * max(np.abs(ours).max(), 1e-300))


def _invariant(parts: Sequence[Products], rate: Floats, step: Integers, alone: bool = False) -> bool:
    """Whether ``sum_m rate_m |z . L_m|²`` is the same for every z and its translate.

    ``z`` runs over random vectors on the products, which decides it but for chance; ``alone``: linear in
    one operator instead, ``z . O``.
    """
    members = max((int(p.member.max(initial=-1)) for p in parts), default=-1) + 1
    if members == 0:
        return True
    random = np.random.default_rng(0)
    before, after = np.zeros((2, members, 4), dtype=complex)
    for part in parts:
        both = np.concatenate([part.orbital, step[part.orbital]])
        columns, where = np.unique(both, axis=0, return_inverse=True)
        z = random.normal(size=(len(columns), 4)) + 1j * random.normal(size=(len(columns), 4))
        own, other = np.split(where.ravel(), 2)
        np.add.at(before, part.member, part.value[:, None] * z[own])
        np.add.at(after, part.member, part.value[:, None] * z[other])
    one, two = _weights(before, rate, alone), _weights(after, rate, alone)
    return bool(np.all(np.abs(one - two) <= 1e-9 * (np.abs(one) + np.abs(two) + 1e-300)))


def _weights(amplitude: Complexes, rate: Floats, alone: bool) -> Complexes:
    if alone:
        return np.asarray(amplitude.sum(axis=0))
    return np.asarray(rate @ np.abs(amplitude) ** 2).astype(complex)
