"""Where orbitals stand along a chain, and whether translations map it onto itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelkit.compile.lindbladian import Lindbladian
from modelkit.compile.unit_cell import UnitCell
from modelkit.graph.device import Complexes, Floats, Integers, Products
from modelkit.solve.open_chains.exact.charges import parts_of

ALIKE = 1e-10  # of the largest coefficient


@dataclass(frozen=True, eq=False)
class Places:
    """Cell and orbital of the cell of every orbital of a chain, (M,) each.

    ``closed``: whether the last cell is followed by the first.
    """

    cell: Integers
    orbital: Integers
    count: int
    closed: bool

    def apart(self, cells: Integers) -> Integers:
        """Signed number of cells, the shorter way round a ring."""
        if not self.closed:
            return cells
        return np.asarray((cells + (self.count - 1) // 2) % self.count - (self.count - 1) // 2)

    def carried(self, products: Products) -> Floats:
        """By how many cells each product carries particles; 0 where it changes their number."""
        sign = np.where(products.dagger, 1, -1)
        if sign.sum():
            return np.zeros(len(products.value))
        cells = self.cell[products.orbital]
        return np.asarray(self.apart(cells - cells[:, :1]) @ sign, dtype=float)

    def ambiguous(self, products: Products) -> bool:
        """Whether both ways round the ring are equally long for some product."""
        cells = self.cell[products.orbital]
        return self.closed and bool(np.any(2 * np.abs(self.apart(cells - cells[:, :1])) == self.count))

    def shifted(self) -> Integers:
        """The orbital one cell further on, for each."""
        table = np.empty((self.count, int(self.orbital.max(initial=0)) + 1), dtype=np.intp)
        table[self.cell, self.orbital] = np.arange(len(self.cell))
        return table[(self.cell + 1) % self.count, self.orbital]


def ring_of(lindbladian: Lindbladian, cell: UnitCell | None) -> Places | None:
    """The places of a ring whose cells are equal in all that is declared; None where they are not."""
    if cell is None or cell.cells is None or cell.cells * cell.dimension != lindbladian.size:
        return None
    places = _on_ring(lindbladian, cell)
    if places is None or not _repeats(lindbladian, cell, places):
        return None
    step = places.shifted()
    families = [list(parts_of(family)) for family in lindbladian.jumps]
    rates = [family.rate for family in lindbladian.jumps]
    if not _invariant([lindbladian.interaction], np.ones(1), step, alone=True):
        return None
    same = all(_invariant(parts, rate, step) for parts, rate in zip(families, rates, strict=True))
    return places if same else None


def along_chain(lindbladian: Lindbladian) -> Places:
    """Places of a chain that is not used as a ring."""
    device = lindbladian.device
    if device is None:
        every = np.arange(lindbladian.size)
        return Places(every, 0 * every, lindbladian.size, closed=False)
    cell, inner, closed = [], [], False
    for group in device.sites:
        name, wraps = _along(group)
        index = np.zeros(group.count, dtype=np.intp)
        if name is not None:
            index = np.asarray(group.index[name], dtype=np.intp)
            index = index - index.min(initial=0)
        closed |= wraps > 0
        cell.append(np.repeat(index, group.orbitals))
        inner.append(np.arange(group.count * group.orbitals))
    whole = np.concatenate(cell)
    return Places(whole, np.concatenate(inner), int(whole.max(initial=0)) + 1, closed)


def _along(group) -> tuple[str | None, int]:  # type: ignore[no-untyped-def]
    """The index that counts the cells of a group of sites, and how many it wraps round (0: open)."""
    names = [index.name for index in group.family.indices]
    rings = group.rings or (0,) * len(names)
    for name, wraps in zip(names, rings, strict=True):
        if wraps:
            return name, wraps
    return (names[0], 0) if names else (None, 0)


def _on_ring(lindbladian: Lindbladian, cell: UnitCell) -> Places | None:
    count, dimension = int(cell.cells or 0), cell.dimension
    if lindbladian.device is None:
        every = np.arange(lindbladian.size)
        return Places(every // dimension, every % dimension, count, closed=True)
    number = along_chain(lindbladian).cell
    if not np.array_equal(np.bincount(number, minlength=count), np.full(count, dimension)):
        return None
    orbital = np.empty(len(number), dtype=np.intp)
    orbital[np.argsort(number, kind="stable")] = np.tile(np.arange(dimension), count)
    return Places(number, orbital, count, closed=True)


def _repeats(lindbladian: Lindbladian, cell: UnitCell, places: Places) -> bool:
    """Whether the Hamiltonian is that of the cell, orbital by orbital."""
    h = np.zeros((places.count, cell.dimension) * 2, dtype=complex)
    for x, block in cell.hopping.items():
        for j in range(places.count):
            h[(j + x) % places.count, :, j, :] += block
    ours = h[places.cell[:, None], places.orbital[:, None], places.cell, places.orbital]
    difference = lindbladian.hamiltonian - ours
    return bool(np.abs(difference).max() <= ALIKE * max(np.abs(ours).max(), 1e-300))


def _invariant(parts: Sequence[Products], rate: Floats, step: Integers, alone: bool = False) -> bool:
    """Whether ``sum_m rate_m |z . L_m|²`` is the same for every z and its translate.

    ``z`` runs over random vectors on the products, which decides it but for chance; ``alone``: linear in
    one operator instead, ``z . O``.
    """
    columns, members = [], max((int(p.member.max(initial=-1)) for p in parts), default=-1) + 1
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
