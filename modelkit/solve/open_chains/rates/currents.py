"""What a Gaussian state that is diagonal in the modes carries: currents, energy, what dissipators move.

``G(k) = U n U†`` with ``G_st(k) = <c_kt† c_ks>``; particle currents are positive towards larger j.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from modelkit.compile.unit_cell import CellJump
from modelkit.solve.open_chains.cell_currents import crossed, hop_currents
from modelkit.solve.open_chains.rates.correlations import around, correlations
from modelkit.solve.open_chains.rates.kinetics import Filled, Floats
from modelkit.solve.open_chains.rates.sampling import Sample


def current(taken: Sample, filled: Filled) -> float:
    """``(1/L) sum v n``."""
    return float((taken.rates.weight * taken.modes.velocity.ravel()) @ filled.particles)


def energy_current(taken: Sample, filled: Filled) -> float:
    """``(1/L) sum e v n``."""
    flux = taken.modes.energy * taken.modes.velocity
    return float((taken.rates.weight * flux.ravel()) @ filled.particles)


def current_by_orbital(taken: Sample, filled: Filled) -> Floats:
    """Current booked on the orbital at the right-hand end of a hop, (d,)."""
    return hop_currents(taken.cell, partial(correlations, taken.modes, filled))


def loss_rates(taken: Sample, filled: Filled) -> Floats:
    """Particles that each dissipator takes out of a cell per time, (n_dissipators,)."""
    rates = taken.rates
    if rates.losses is None or rates.gains is None:
        return np.zeros(len(rates.names))
    lost = rates.losses @ (rates.weight * filled.particles)
    return np.asarray(lost - rates.gains @ (rates.weight * filled.holes))


def jump_current(taken: Sample, filled: Filled) -> float:
    """What the jump operators move themselves: ``sum_W rate Re <W† (x W)>``, x the cells from column to row.

    By Wick's theorem ``<W† V> = conj(Tr W G) Tr V G + Tr W† (1-G) V G``.
    """
    return float(sum(_moved(taken, filled, part) for part in taken.cell.jumps if part.bilinear))


def _moved(taken: Sample, filled: Filled, part: CellJump) -> float:
    """Particles times cells that one operator per cell moves per time."""
    cells, W, G = around(part, taken.modes, filled)
    far = [[crossed(taken.cell, x - y) for y in cells] for x in cells]
    V = np.kron(far, np.ones((taken.modes.bands,) * 2)) * W
    together = np.conj(np.trace(W @ G)) * np.trace(V @ G)
    return float(part.rate * (together + np.trace(W.conj().T @ (np.eye(len(G)) - G) @ V @ G)).real)
