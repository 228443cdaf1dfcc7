"""What a Gaussian state that is diagonal in the modes carries: currents, energy, what dissipators move.

``G(k) = U n U†`` with ``G_st(k) = <c_kt† c_ks>``; particle currents are positive towards larger j.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.unit_cell import CellJump
from modelkit.solve.open_chains.cell_currents import hop_currents
from modelkit.solve.open_chains.rates.correlations import correlations
from modelkit.solve.open_chains.rates.kinetics import Filled, Floats
from modelkit.solve.open_chains.rates.sampling import Sample

Complexes = NDArray[np.complex128]


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
    """What the jump operators move themselves: ``sum_W rate Tr[x dG/dt]``, Hartree terms included.

    ``dG/dt = 1/2 {W G W†, 1 - G} - 1/2 {W† (1-G) W, G} + 1/2 (w* [W, G] - w [W†, G])`` with ``w = Tr W G``:
    nothing outside the orbitals that an operator touches changes.
    """
    return float(sum(_moved(taken, filled, part) for part in taken.cell.jumps if part.bilinear))


def _moved(taken: Sample, filled: Filled, part: CellJump) -> float:
    """Particles times cells that one operator per cell moves per time."""
    cells = sorted({x for place in part.bilinear for x in place})
    d = taken.cell.dimension
    position = np.repeat(np.array(cells, dtype=float), d)
    W = np.block([[part.bilinear.get((x, y), np.zeros((d, d))) for y in cells] for x in cells])
    apart = {x - y for x in cells for y in cells}
    known = {x: correlations(taken.modes, filled, x) for x in apart}
    G = np.block([[known[x - y] for y in cells] for x in cells])
    change = bilinear_flow(W, G)
    return float(part.rate * (position @ np.diag(change).real))


def bilinear_flow(W: Complexes, G: Complexes) -> Complexes:
    """``dG/dt`` of a Gaussian state by one operator ``sum W_ab c_a† c_b`` at rate 1."""
    dagger, empty = W.conj().T, np.eye(len(G)) - G
    filled_from, emptied_to, mean = W @ G @ dagger, dagger @ empty @ W, np.trace(W @ G)
    return np.asarray(
        0.5 * (filled_from @ empty + empty @ filled_from - emptied_to @ G - G @ emptied_to)
        + 0.5 * (np.conj(mean) * (W @ G - G @ W) - mean * (dagger @ G - G @ dagger))
    )
