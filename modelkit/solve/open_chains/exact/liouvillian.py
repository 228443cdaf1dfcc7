"""The generator of the density matrix on the blocks that it keeps, as one sparse matrix.

States fall into cells; the density matrix has elements between states of one cell only.  An element
``rho_ij`` of cell C has the number ``offset[C] + i * width[C] + j`` with i, j counted within the cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelkit.graph.device import Complexes, Floats, Integers
from modelkit.solve.memory import refuse_large

if TYPE_CHECKING:
    from scipy.sparse import csr_array

AT_ONCE = 2**22  # elements
BYTES = 60  # per element of the generator, while it is put together
FEWEST = 20  # elements of the generator per element of the density matrix: told before they are counted


@dataclass(frozen=True, eq=False)
class Cells:
    """A partition of states: ``cell`` (n,), place within it ``local`` (n,), sizes ``width`` (n_cells,)."""

    cell: Integers
    local: Integers
    width: Integers
    offset: Integers

    @property
    def unknowns(self) -> int:
        return int((self.width**2).sum())

    def number(self, row: Integers, column: Integers) -> Integers:
        """Of elements (row, column) of the density matrix; both states lie in one cell."""
        cell = self.cell[row]
        return np.asarray(self.offset[cell] + self.local[row] * self.width[cell] + self.local[column])

    def diagonal(self) -> Integers:
        """Numbers of the populations, by state."""
        every = np.arange(len(self.cell))
        return self.number(every, every)

    def elements(self) -> tuple[Integers, Integers]:
        """Row and column of every element, in their order."""
        order, start = self._sorted()
        within = np.arange(self.unknowns) - np.repeat(self.offset, self.width**2)
        width = np.repeat(self.width, self.width**2)
        first = np.repeat(start, self.width**2)
        return order[first + within // width], order[first + within % width]

    def matrix(self, rho: Complexes) -> csr_array:
        """The density matrix (n, n) of a vector of elements."""
        from scipy.sparse import csr_array

        return csr_array((rho, self.elements()), shape=(len(self.cell), len(self.cell)))

    def vector(self, matrix: csr_array) -> Complexes:
        """The elements of a matrix, those between cells left out."""
        entries = matrix.tocoo()
        row, column = (np.asarray(index, dtype=np.intp) for index in entries.coords)
        inside = self.cell[row] == self.cell[column]
        found = np.zeros(self.unknowns, dtype=complex)
        np.add.at(found, self.number(row[inside], column[inside]), entries.data[inside])
        return found

    def blocks(self, rho: Complexes) -> list[Complexes]:
        """The blocks of a vector of elements."""
        ends = zip(self.offset.tolist(), self.width.tolist(), strict=True)
        return [rho[first : first + width**2].reshape(width, width) for first, width in ends]

    def states(self) -> list[Integers]:
        """States of each cell, in their order within it."""
        order, start = self._sorted()
        return np.split(order, start[1:])

    def _sorted(self) -> tuple[Integers, Integers]:
        order = np.lexsort((self.local, self.cell))
        return order, np.concatenate([[0], np.cumsum(self.width)[:-1]]).astype(np.intp)


def cells_of(key: Integers) -> Cells:
    """States with equal keys are in one cell; ``key`` (n,) or (n, m)."""
    _unique, cell = np.unique(key, axis=0, return_inverse=True)
    cell = cell.ravel()
    width = np.bincount(cell)
    order = np.argsort(cell, kind="stable")
    local = np.empty(len(cell), dtype=np.intp)
    local[order] = np.arange(len(cell)) - np.repeat(np.cumsum(width) - width, width)
    return Cells(cell, local, width, np.concatenate([[0], np.cumsum(width**2)[:-1]]).astype(np.intp))


@dataclass(frozen=True, eq=False)
class Generator:
    """``drho/dt = matrix rho`` on the elements within cells.

    ``hamiltonian`` (n, n) is H between states, ``rates`` (n,) the rate at which each state jumps.
    """

    cells: Cells
    matrix: csr_array
    hamiltonian: csr_array
    rates: Floats

    @property
    def fastest(self) -> float:
        """The largest rate of jumps."""
        return float(self.rates.max(initial=0.0))


def refuse_cells(cells: Cells, hint: str) -> None:
    """Refuse density matrices whose generator cannot fit, before any operator is made."""
    refuse_large(BYTES * FEWEST * cells.unknowns, f"the Liouvillian of {cells.unknowns} elements", hint)


def generator(cells: Cells, hamiltonian: csr_array, jumps: csr_array, hint: str) -> Generator:
    """Put together; ModelError where it would not fit into memory.

    Parameters
    ----------
    hamiltonian : csr (n, n)
    jumps : csr (m n, n)
        Jump operators with ``sqrt(rate)``, one below the other.
    """
    from scipy.sparse import csr_array

    pairs = _Pairs(cells, jumps)
    decay = csr_array(jumps.conj().T @ jumps)
    drift = csr_array(-1j * hamiltonian - 0.5 * decay).tocoo()
    row, column = (np.asarray(index, dtype=np.intp) for index in drift.coords)
    inside = cells.cell[row] == cells.cell[column]
    row, column, value = row[inside], column[inside], drift.data[inside]
    entries = pairs.count + 2 * int(cells.width[cells.cell[row]].sum())
    refuse_large(BYTES * entries, f"the Liouvillian of {cells.unknowns} elements", hint)
    shape = (cells.unknowns, cells.unknowns)
    whole = _no_jump(cells, row, column, value)
    for numbers, values in pairs.chunks():
        whole = whole + csr_array((values, numbers), shape=shape)
    return Generator(cells, whole, hamiltonian, np.real(decay.diagonal()))


def _no_jump(cells: Cells, row: Integers, column: Integers, value: Complexes) -> csr_array:
    """``K rho + rho K†`` for the entries of K."""
    from scipy.sparse import csr_array

    order, start = cells._sorted()
    width = cells.width[cells.cell[row]]
    entry = np.repeat(np.arange(len(row)), width)
    within = np.arange(len(entry)) - np.repeat(np.cumsum(width) - width, width)
    other = order[start[cells.cell[row]][entry] + within]
    row, column, value = row[entry], column[entry], value[entry]
    to = np.concatenate([cells.number(row, other), cells.number(other, row)])
    source = np.concatenate([cells.number(column, other), cells.number(other, column)])
    shape = (cells.unknowns, cells.unknowns)
    return csr_array((np.concatenate([value, value.conj()]), (to, source)), shape=shape)


class _Pairs:
    """Pairs of elements of one jump operator that lead from one cell to one cell."""

    def __init__(self, cells: Cells, jumps: csr_array) -> None:
        entries = jumps.tocoo()
        row, source = (np.asarray(index, dtype=np.int64) for index in entries.coords)
        n = len(cells.cell)
        operator, to = row // n, row % n
        count = len(cells.width)
        key = (operator * count + cells.cell[to]) * count + cells.cell[source]
        order = np.argsort(key, kind="stable")
        self.cells = cells
        self.to, self.source, self.value = to[order], source[order], entries.data[order]
        key = key[order]
        begins = np.flatnonzero(np.diff(key, prepend=-1))
        sizes = np.diff(np.append(begins, len(key)))
        self.start, self.size = np.repeat(begins, sizes), np.repeat(sizes, sizes)

    @property
    def count(self) -> int:
        return int(self.size.sum())

    def chunks(self) -> Iterator[tuple[tuple[Integers, Integers], Complexes]]:
        """Numbers (to, from) and values of some of ``L rho L†`` at a time."""
        total = np.cumsum(self.size)
        edges = np.searchsorted(total, np.arange(AT_ONCE, self.count + AT_ONCE, AT_ONCE)) + 1
        first = 0
        for last in np.unique(np.minimum(edges, len(total))).tolist():
            size = self.size[first:last]
            one = np.repeat(np.arange(first, last), size)
            other = self.start[one] + np.arange(len(one)) - np.repeat(np.cumsum(size) - size, size)
            to = self.cells.number(self.to[one], self.to[other])
            source = self.cells.number(self.source[one], self.source[other])
            yield (to, source), self.value[one] * self.value[other].conj()
            first = last
