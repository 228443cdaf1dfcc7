"""Currents of a translation-invariant chain, per cell, from its correlations ``G_r``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelkit.graph.device import Complexes, Floats
from modelkit.solve.open_chains.cell_currents import by_spin, crossed, hop_currents
from modelkit.solve.open_chains.gaussian.cells import CellEquation


@dataclass(frozen=True, eq=False)
class CellFlows:
    """What flows for G_r at ``equation.distances``, (n_r, d, d), and the blocks ``G(k)`` that they are of."""

    equation: CellEquation
    k: Floats
    blocks: Complexes
    correlations: Complexes

    def current(self) -> float:
        """``(1/L) sum_k Tr(v G)``, v = dh/dk."""
        return self._mean(self.equation.cell.velocity(self.k))

    def current_by_orbital(self) -> Floats:
        """Hops booked on the orbital that they have at the right-hand site, (d,)."""
        return hop_currents(self.equation.cell, self._between)

    def current_by_spin(self) -> Floats:
        """The same by spin, (2,): up, down."""
        return by_spin(self.equation.cell, self.current_by_orbital())

    def energy_current(self) -> float:
        """``(1/L) sum_k Tr({h, v} G)/2``."""
        h, v = self.equation.cell.hamiltonian(self.k), self.equation.cell.velocity(self.k)
        return self._mean((h @ v + v @ h) / 2)

    def jump_current(self) -> float:
        """What bilinear jumps move: ``Re sum r Tr((x W)† W G)``, x the cells from column to row."""
        found = 0.0
        for jump in self.equation.cell.jumps:
            for (x, y), one in jump.bilinear.items():
                for (x_other, y_other), other in jump.bilinear.items():
                    if x == x_other:
                        moved = np.trace(np.conj(one).T @ other @ self._between(y_other - y))
                        found += jump.rate * crossed(self.equation.cell, x - y) * float(moved.real)
        return found

    def loss_rate(self) -> Floats:
        """Particles that leave by each dissipator, per cell, (n_dissipators,)."""
        found = []
        for number in range(len(self.equation.cell.jumps)):
            decay, source = self.equation.linear(self.k, number)
            found.append(self._mean(decay) - float(np.einsum("kaa->", source).real / len(self.k)))
        return np.array(found, dtype=float)

    def _between(self, r: int) -> Complexes:
        return np.asarray(self.correlations[self.equation.distances.index(r)])

    def _mean(self, operator: Complexes) -> float:
        return float(np.einsum("kab,kba->", operator, self.blocks).real / len(self.k))
