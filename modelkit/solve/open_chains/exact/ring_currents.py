"""Currents of the Hamiltonian on a ring, from the hops of its cell.

They know how far each hop goes, where the matrix of a short ring does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from modelkit.compile.unit_cell import UnitCell
from modelkit.graph.device import Complexes, Floats
from modelkit.solve.open_chains.cell_currents import by_spin, hop_currents
from modelkit.solve.open_chains.exact.translations import Ring


@dataclass(frozen=True, eq=False)
class RingCurrents:
    """Of covariances ``G_ij = <c_j† c_i>`` that are equal in all cells."""

    cell: UnitCell
    ring: Ring

    def current(self, covariance: Complexes) -> float:
        """``(1/L) sum x 2 Im h_ij <c_i† c_j>`` over hops of x > 0 cells from j to i."""
        return float(self._by_orbital(covariance).sum())

    def current_by_spin(self, covariance: Complexes) -> Floats:
        """By the spin at the right-hand site, (2,)."""
        return by_spin(self.cell, self._by_orbital(covariance))

    def energy_current(self, covariance: Complexes) -> float:
        """``(1/L) sum_k Tr({h, v} G)/2``."""
        hopping = self.cell.hopping
        total = 0.0
        for x, one in hopping.items():
            for y, other in hopping.items():
                v = -1j * (x + y) / 2 * (one @ other)  # {h, v}/2 carries x + y cells
                total += float(np.real(np.trace(v @ self._between(covariance, -x - y))))
        return total

    def _by_orbital(self, covariance: Complexes) -> Floats:
        return hop_currents(self.cell, partial(self._between, covariance))

    def _between(self, covariance: Complexes, x: int) -> Complexes:
        """``<c_jt† c_{j+x,s}>`` at [s, t], the mean over cells j."""
        ring = self.ring
        table = np.empty((ring.cells, self.cell.dimension), dtype=np.intp)
        table[ring.cell, ring.orbital] = np.arange(len(ring.cell))
        there = np.roll(table, -x, axis=0)
        return np.asarray(covariance[there[:, :, None], table[:, None, :]].mean(axis=0))
