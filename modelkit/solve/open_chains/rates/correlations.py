"""Correlations between cells of a state that is diagonal in the modes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.modes import Modes
from modelkit.solve.open_chains.rates.kinetics import Filled

Complexes = NDArray[np.complex128]


def correlations(modes: Modes, filled: Filled, x: int) -> Complexes:
    """``<c_jt† c_{j+x,s}>``, (d, d) in the order (s, t)."""
    n = filled.particles.reshape(modes.energy.shape)
    phase = modes.weight * np.exp(1j * modes.k * x)
    there, here = modes.vector, modes.vector.conj()
    return np.asarray(np.einsum("k,ksv,kv,ktv->st", phase, there, n, here, optimize=True))
