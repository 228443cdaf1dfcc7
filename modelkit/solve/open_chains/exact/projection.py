"""The limit of weak jumps: the density matrix commutes with H, jumps move it between equal energies.

All coherences between states of one energy (and one number and momentum) are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelkit.graph.device import Complexes, Floats, Integers
from modelkit.solve.memory import refuse_large
from modelkit.solve.open_chains.exact.chain import Sector
from modelkit.solve.open_chains.exact.liouvillian import Generator, cells_of, generator

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ALIKE = 1e-10  # of the width of the spectrum: energies closer than this are one
NEGLIGIBLE = 1e-15  # of the largest element of a jump operator


@dataclass(frozen=True, eq=False)
class Projection:
    """A sector on the eigenstates of H.

    Attributes
    ----------
    generator : Generator
        Of the elements between equal energies.
    vectors : csr (n, n) or None
        Columns are eigenstates; None: the states themselves.
    gap : float
        Smallest difference of energies that are told apart; infinite without one.
    """

    sector: Sector
    generator: Generator
    vectors: csr_array | None
    gap: float

    def lifted(self, rho: Complexes) -> Complexes:
        """The elements in the sector's own states."""
        matrix = self.generator.cells.matrix(rho)
        if self.vectors is not None:
            matrix = self.vectors @ matrix @ self.vectors.conj().T
        return self.sector.cells.vector(matrix)


def projected(sector: Sector) -> Projection:
    """The generator between jumps of equal energies."""
    from scipy.sparse import csr_array

    energy, vectors = _eigenstates(sector)
    spread = max(float(np.ptp(energy)), 1.0)
    level, gap = _levels(energy, sector.cells.cell, ALIKE * spread)
    jumps = sector.jumps if vectors is None else _turned(sector.jumps, vectors)
    n = sector.fock.size
    free = csr_array((n, n), dtype=complex)
    return Projection(sector, generator(cells_of(level), free, jumps, sector.hint), vectors, gap)


def _eigenstates(sector: Sector) -> tuple[Floats, csr_array | None]:
    """Energies (n,) and eigenstates as columns, each with the number of a state of its cell."""
    from scipy.sparse import csr_array

    n, h = sector.fock.size, sector.hamiltonian
    energy = np.real(h.diagonal())
    if h.count_nonzero() == np.count_nonzero(h.diagonal()):
        return energy, None
    width = sector.cells.width
    refuse_large(16 * 6 * int((width**2).sum()), f"the eigenstates of {n} states", sector.hint)
    rows, columns, values = [], [], []
    for states in sector.cells.states():
        energy[states], vectors = np.linalg.eigh(h[states][:, states].toarray())
        rows.append(np.repeat(states, len(states)))
        columns.append(np.tile(states, len(states)))
        values.append(vectors.ravel())
    entries = (np.concatenate(rows), np.concatenate(columns))
    return energy, csr_array((np.concatenate(values), entries), shape=(n, n))


def _turned(jumps: csr_array, vectors: csr_array) -> csr_array:
    """``V† L V`` of operators one below the other."""
    from scipy.sparse import coo_array, csr_array

    n = vectors.shape[0]
    count = jumps.shape[0] // max(n, 1)
    right = (jumps @ vectors).tocoo()
    row, column = (np.asarray(index, dtype=np.int64) for index in right.coords)
    beside = coo_array((right.data, (row % n, row // n * n + column)), shape=(n, count * n))
    found = csr_array(vectors.conj().T @ beside.tocsr()).tocoo()
    row, column = (np.asarray(index, dtype=np.int64) for index in found.coords)
    kept = np.abs(found.data) > NEGLIGIBLE * np.abs(found.data).max(initial=0.0)
    entries = (column // n * n + row)[kept], (column % n)[kept]
    return csr_array((found.data[kept], entries), shape=jumps.shape)


def _levels(energy: Floats, cell: Integers, tolerance: float) -> tuple[Integers, float]:
    """A number for each level of each cell, and the smallest gap between two levels of one cell."""
    order = np.lexsort((energy, cell))
    step, other = np.diff(energy[order]), np.diff(cell[order]) != 0
    new = other | (step > tolerance)
    level = np.empty(len(energy), dtype=np.intp)
    level[order] = np.concatenate([[0], np.cumsum(new)])
    gaps = step[new & ~other]
    return level, float(gaps.min(initial=np.inf))
