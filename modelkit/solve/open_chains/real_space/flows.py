"""Currents of a covariance in real space: of bonds, of the whole chain, of what jump operators do.

All are linear in G: ``Re sum_ab O_ab G_ba`` with a sparse O for each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from modelkit.graph.device import Complexes, Floats
from modelkit.solve.open_chains.real_space.covariance import Covariance
from modelkit.solve.open_chains.real_space.places import Places


@dataclass(frozen=True, eq=False)
class Flows:
    """What flows in a chain with a given covariance equation; G is that of its particles, (n, n).

    Currents along the chain raise ModelError where a site has no index.
    """

    equation: Covariance
    places: Places

    def occupation(self, covariance: Complexes) -> Floats:
        """By site, summed over its orbitals, (n_sites,)."""
        return self.places.by_site(covariance.diagonal().real[: self._size])

    def bond_current(self, covariance: Complexes) -> Floats:
        """``2 Im sum h_ij <c_i† c_j>``, from j to i along the arrow, (n_bonds,)."""
        at = self.places
        flow = 2 * (at.value * covariance[at.column, at.row]).imag
        return np.bincount(at.bond, weights=flow, minlength=at.n_bonds).astype(np.float64)

    def current(self, covariance: Complexes) -> float:
        """Sum of the currents of all hops times the cells that they cross, over the number of cells."""
        return float(np.sum(self._moved(covariance)))

    def current_by_spin(self, covariance: Complexes) -> Floats:
        """The same by the spin that a hop has at its right-hand site, (2,): up, down."""
        row, column, _, crossed = self._hops
        right = np.where(crossed > 0, self.places.spin[row], self.places.spin[column])
        moved = self._moved(covariance)
        return np.array([moved[right == spin].sum() for spin in (0, 1)])

    def energy_current(self, covariance: Complexes) -> float:
        """``Tr({h, v} G)/2`` over the number of cells, the energy of a hop counted half way along it.

        ``v_ij = -i h_ij x_ij`` with the cells ``x_ij`` from j to i; that is ``(1/L) sum e v n`` on rings.
        """
        return _expectation(self._energy_flow, covariance)

    def jump_current(self, covariance: Complexes) -> float:
        """What bilinear jump operators move: ``Re sum r Tr((x W)† W G)`` over the number of cells."""
        return _expectation(self._jumped, covariance)

    def loss_rate(self, covariance: Complexes) -> Floats:
        """Particles that leave the chain by each dissipator per time, per cell on rings, (n_dissipators,)."""
        kept = slice(0, self._size)
        found = [
            np.sum((decay @ covariance).diagonal()[kept].real - source.diagonal()[kept].real)
            for decay, source in self.equation.families
        ]
        return np.array(found, dtype=float) / (self.places.cells if self.places.ring > 0 else 1)

    def continuity(self, covariance: Complexes) -> float:
        """The largest change of an occupation, relative to the largest sum of all that changes one."""
        kept = slice(0, self._size)
        hopped = self.equation.hamiltonian.multiply(covariance.T).tocoo()
        flows = 2 * hopped.data.imag
        gross = np.bincount(hopped.coords[0], weights=np.abs(flows), minlength=self.equation.size)
        left = (self.equation.decay @ covariance).diagonal().real + self.equation.source.diagonal().real
        change = self.equation.rate(covariance).diagonal().real[kept]
        scale = max(float((gross + np.abs(left))[kept].max()), float(np.finfo(float).tiny))
        jumped = _largest(self.equation.bilinears.damping)
        return float(np.abs(change).max() / max(scale, jumped))

    @property
    def _size(self) -> int:
        return int(self.places.offset[-1])

    @cached_property
    def _hops(self) -> tuple[np.ndarray, np.ndarray, Complexes, Floats]:
        """Each pair of orbitals that h joins, once: row, column, h_ij and the cells from j to i."""
        size = self._size
        entries = sparse.tril(self.equation.hamiltonian[:size, :size], k=-1).tocoo()
        row, column = entries.coords
        return row, column, entries.data, self.places.crossed(row, column)

    def _moved(self, covariance: Complexes) -> Floats:
        row, column, value, crossed = self._hops
        return 2 * (value * covariance[column, row]).imag * crossed / self.places.cells

    @cached_property
    def _energy_flow(self) -> sparse.coo_array:
        size = self._size
        h = sparse.csr_array(self.equation.hamiltonian[:size, :size])
        v = -1j * self._times_cells(h)
        return sparse.coo_array((h @ v + v @ h) / (2 * self.places.cells))

    @cached_property
    def _jumped(self) -> sparse.coo_array:
        operators = self.equation.bilinears
        size = self._size
        own = np.flatnonzero(operators.orbital < size)  # the rows of particles, without their holes
        part = replace(
            operators,
            stack=sparse.csr_array(operators.stack[own][:, :size]),
            orbital=operators.orbital[own],
            member=operators.member[own],
            rate=operators.rate[own],
        )
        entries = part.stack.tocoo()
        row, column = entries.coords
        crossed = self.places.crossed(part.orbital[row], column)
        moved = sparse.coo_array((entries.data * crossed, (row, column)), shape=part.stack.shape).tocsr()
        return sparse.coo_array(part.gram(sparse.csr_array(moved)) / self.places.cells)

    def _times_cells(self, matrix: sparse.csr_array) -> sparse.csr_array:
        """Each element times the cells from its column to its row."""
        entries = matrix.tocoo()
        row, column = entries.coords
        crossed = self.places.crossed(row, column)
        return sparse.csr_array(sparse.coo_array((entries.data * crossed, (row, column)), shape=matrix.shape))


def _expectation(operator: sparse.coo_array, covariance: Complexes) -> float:
    """``Re Tr(O G)``."""
    row, column = operator.coords
    return float(np.sum(operator.data * covariance[column, row]).real)


def _largest(matrix: sparse.csr_array) -> float:
    return float(np.abs(matrix.data).max(initial=0.0))
