"""Correlations between cells of a state that is diagonal in the modes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.modes import Modes
from modelkit.compile.unit_cell import CellJump
from modelkit.solve.open_chains.rates.kinetics import Filled

Complexes = NDArray[np.complex128]


def correlations(modes: Modes, filled: Filled, x: int) -> Complexes:
    """``<c_jt† c_{j+x,s}>``, (d, d) in the order (s, t)."""
    n = filled.particles.reshape(modes.energy.shape)
    phase = modes.weight * np.exp(1j * modes.k * x)
    there, here = modes.vector, modes.vector.conj()
    return np.asarray(np.einsum("k,ksv,kv,ktv->st", phase, there, n, here, optimize=True))


def around(part: CellJump, modes: Modes, filled: Filled) -> tuple[list[int], Complexes, Complexes]:
    """The cells that a bilinear operator touches, its W and ``G_ab = <c_b† c_a>`` on their orbitals."""
    cells = sorted({x for place in part.bilinear for x in place})
    none = np.zeros((modes.bands, modes.bands))
    known = {x: correlations(modes, filled, x) for x in {x - y for x in cells for y in cells}}
    W = np.block([[part.bilinear.get((x, y), none) for y in cells] for x in cells])
    return cells, W, np.block([[known[x - y] for y in cells] for x in cells])
