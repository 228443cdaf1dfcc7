"""The limit of weak jumps: the density matrix commutes with H, jumps move it between equal energies.

All coherences between states of one energy (and one number and momentum) are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelkit.graph.device import Complexes
from modelkit.solve.open_chains.exact.chain import Sector
from modelkit.solve.open_chains.exact.liouvillian import Cells, Generator, cells_of, generator

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ALIKE = 1e-10  # of the width of the spectrum: energies closer than this are one


@dataclass(frozen=True, eq=False)
class Projection:
    """A sector on the eigenstates of H.

    Attributes
    ----------
    generator : Generator
        Of the elements between equal energies.
    vectors : csr (n, n)
        Columns are eigenstates.
    gap : float
        Smallest difference of energies that are told apart; infinite without one.
    """

    sector: Sector
    generator: Generator
    vectors: csr_array
    gap: float

    def lifted(self, rho: Complexes) -> Complexes:
        """The elements in the sector's own states."""
        matrix = self.vectors @ self.generator.cells.matrix(rho) @ self.vectors.conj().T
        return self.sector.cells.vector(matrix)


def projected(sector: Sector, hint: str) -> Projection:
    """The generator between jumps of equal energies."""
    from scipy.sparse import csr_array, identity, kron

    energy, vectors, cell = _eigenstates(sector)
    spread = max(float(np.ptp(energy)), 1.0)
    level, gap = _levels(energy, cell, ALIKE * spread)
    cells: Cells = cells_of(level)
    jumps = sector.jumps
    count = jumps.shape[0] // max(sector.fock.size, 1)
    turned = csr_array(kron(identity(count), vectors.conj().T) @ (jumps @ vectors))
    turned.data[np.abs(turned.data) < 1e-15 * np.abs(turned.data).max(initial=0.0)] = 0.0
    turned.eliminate_zeros()
    n = sector.fock.size
    return Projection(sector, generator(cells, csr_array((n, n), dtype=complex), turned, hint), vectors, gap)


def _eigenstates(sector: Sector) -> tuple[np.ndarray, csr_array, np.ndarray]:
    """Energies (n,), eigenstates as columns, and the cell of each."""
    from scipy.sparse import csr_array

    n = sector.fock.size
    energy, cell = np.zeros(n), np.zeros(n, dtype=np.intp)
    rows, columns, values = [], [], []
    for number, states in enumerate(sector.cells.states()):
        block = sector.hamiltonian[states][:, states].toarray()
        level = np.real(np.diagonal(block))
        vectors = np.eye(len(states), dtype=complex)
        if np.abs(block - np.diag(level)).max(initial=0.0) > 0:
            level, vectors = np.linalg.eigh(block)
        energy[states], cell[states] = level, number
        rows.append(np.repeat(states, len(states)))
        columns.append(np.tile(states, len(states)))
        values.append(vectors.ravel())
    entries = (np.concatenate(rows), np.concatenate(columns))
    return energy, csr_array((np.concatenate(values), entries), shape=(n, n)), cell


def _levels(energy: np.ndarray, cell: np.ndarray, tolerance: float) -> tuple[np.ndarray, float]:
    """A number for each level of each cell, and the smallest gap between two levels of one cell."""
    order = np.lexsort((energy, cell))
    step, other = np.diff(energy[order]), np.diff(cell[order]) != 0
    new = other | (step > tolerance)
    level = np.empty(len(energy), dtype=np.intp)
    level[order] = np.concatenate([[0], np.cumsum(new)])
    gaps = step[new & ~other]
    return level, float(gaps.min(initial=np.inf))
