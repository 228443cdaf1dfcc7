"""Modes in which states are counted: orbitals, modes of H, or momentum modes of a ring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelkit.graph.device import Complexes, Floats, Integers

if TYPE_CHECKING:
    from modelkit.compile.lindbladian import Lindbladian
    from modelkit.compile.unit_cell import UnitCell
    from modelkit.solve.open_chains.exact.charges import Charge
    from modelkit.solve.open_chains.exact.translations import Ring

ALIKE = 1e-9  # of the bandwidth: energies closer than this are one


@dataclass(frozen=True, eq=False)
class Basis:
    """``c_i = sum_a vectors[i, a] eta_a``.

    Attributes
    ----------
    vectors : (M, M) or None
        Columns are modes; None: the orbitals themselves.
    energy : (M,) or None
        Of the modes, where they are those of H.
    momentum : (M,)
        In units of 2 pi/cells; zero where translations are not used.
    cells : int
        Of the ring; 1 where translations are not used.
    band : (M,)
        Number of the band by ascending energy, on rings.
    """

    vectors: Complexes | None
    energy: Floats | None
    momentum: Integers
    cells: int
    band: Integers

    @property
    def size(self) -> int:
        return len(self.momentum)

    @property
    def k(self) -> Floats:
        """Momentum of each mode in [-pi, pi)."""
        return np.asarray(2 * np.pi * self.momentum / self.cells)


def of_orbitals(size: int) -> Basis:
    """The orbitals as they are."""
    none = np.zeros(size, dtype=np.intp)
    return Basis(None, None, none, 1, none)


def of_energies(lindbladian: Lindbladian, charges: tuple[Charge, ...]) -> Basis:
    """Modes of H; every mode lies on the lattices of one charge."""
    h = lindbladian.hamiltonian.toarray()
    vectors, energy = np.zeros(h.shape, dtype=complex), np.zeros(len(h))
    for charge in charges:
        on = charge.orbitals
        energy[on], vectors[np.ix_(on, on)] = np.linalg.eigh(h[np.ix_(on, on)])
    none = np.zeros(len(h), dtype=np.intp)
    return Basis(vectors, energy, none, 1, none)


def of_momenta(cell: UnitCell, ring: Ring, charges: tuple[Charge, ...]) -> Basis:
    """Momentum modes of a ring; bands that touch are told apart by their velocity."""
    cells, size = ring.cells, len(ring.cell)
    number = np.arange(cells) - cells // 2
    k = 2 * np.pi * number / cells
    h, v = cell.hamiltonian(k), cell.velocity(k)
    vectors, energy = np.zeros((size, size), dtype=complex), np.zeros(size)
    momentum = np.zeros(size, dtype=np.intp)
    for charge in charges:
        local = np.unique(ring.orbital[charge.orbitals])
        for place in range(cells):
            on = np.ix_(local, local)
            e, u = _told_apart(h[place][on], v[place][on])
            modes = charge.orbitals[place * len(local) : (place + 1) * len(local)]
            momentum[modes], energy[modes] = number[place], e
            for which, orbital in enumerate(local):
                rows = charge.orbitals[ring.orbital[charge.orbitals] == orbital]
                wave = np.exp(1j * k[place] * ring.cell[rows]) / np.sqrt(cells)
                vectors[np.ix_(rows, modes)] = wave[:, None] * u[which]
    order = np.lexsort((energy, momentum))
    band = np.empty(size, dtype=np.intp)
    band[order] = np.tile(np.arange(size // cells), cells)
    return Basis(vectors, energy, momentum, cells, band)


def _told_apart(h: Complexes, v: Complexes) -> tuple[Floats, Complexes]:
    """Energies and eigenvectors; degenerate ones diagonalise the velocity."""
    energy, vectors = np.linalg.eigh(h)
    tolerance = ALIKE * max(1.0, float(np.abs(energy).max(initial=0.0)))
    starts = np.flatnonzero(np.diff(energy, prepend=-np.inf) > tolerance)
    for first, last in zip(starts, [*starts[1:], len(energy)], strict=True):
        if last - first > 1:
            block = vectors[:, first:last]
            vectors[:, first:last] = block @ np.linalg.eigh(block.conj().T @ v @ block)[1]
    return energy, vectors
