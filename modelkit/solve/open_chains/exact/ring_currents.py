"""Currents of the Hamiltonian on a ring, from the hops of its cell.

They know how far each hop goes, where the matrix of a short ring does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelkit.compile.unit_cell import UnitCell
from modelkit.graph.device import Complexes, Floats
from modelkit.solve.open_chains.exact.translations import Ring


@dataclass(frozen=True, eq=False)
class RingCurrents:
    """Of covariances ``G_ij = <c_j† c_i>`` that are equal in all cells."""

    cell: UnitCell
    ring: Ring

    def current(self, covariance: Complexes) -> float:
        """``(1/L) sum x 2 Im h_ij <c_i† c_j>`` over hops of x > 0 cells from j to i."""
        return float(self._by_row(covariance).sum())

    def current_by_spin(self, covariance: Complexes) -> Floats:
        """By the spin at the right-hand site, (2,)."""
        by_row = self._by_row(covariance)
        return np.array([by_row[self.cell.spin == spin].sum() for spin in (0, 1)])

    def energy_current(self, covariance: Complexes) -> float:
        """``(1/L) sum_k Tr({h, v} G)/2``."""
        hopping = self.cell.hopping
        total = 0.0
        for x, one in hopping.items():
            for y, other in hopping.items():
                v = -1j * (x + y) / 2 * (one @ other)  # {h, v}/2 carries x + y cells
                total += float(np.real(np.trace(v @ self._between(covariance, x + y))))
        return total

    def _by_row(self, covariance: Complexes) -> Floats:
        """The current by the orbital at the right-hand site, (d,)."""
        found = np.zeros(self.cell.dimension)
        for x, h in self.cell.hopping.items():
            if x > 0:
                found += 2 * x * np.imag(np.einsum("st,ts->s", h, self._between(covariance, x)))
        return found

    def _between(self, covariance: Complexes, x: int) -> Complexes:
        """``<c_{j+x,s}† c_{j,t}>`` at [t, s], the mean over cells j."""
        ring = self.ring
        table = np.empty((ring.cells, self.cell.dimension), dtype=np.intp)
        table[ring.cell, ring.orbital] = np.arange(len(ring.cell))
        right = np.roll(table, -x, axis=0)
        return np.asarray(covariance[table[:, :, None], right[:, None, :]].mean(axis=0))
