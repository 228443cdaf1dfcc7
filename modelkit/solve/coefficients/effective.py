"""What unit fillings of the reservoirs give: the linear laws of a conductor as matrices.

Elastic reservoirs are eliminated at each energy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import Levels
from modelkit.solve.conductor import Conductance, ResponsiveConductance
from modelkit.solve.energies.elastic import completed, refilled

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def laws(conductance: Conductance, elastic: Flags) -> Floats:
    """``M[E, a, b]``: the current of reservoir a where b alone is filled, (n_E, n, n).

    ``-T_ab/2pi`` off the diagonal.  Rows and columns of elastic reservoirs are zero.
    """
    n = len(elastic)
    if not elastic.any():
        through = conductance.transmission() * (1 - np.eye(n)) / (2 * np.pi)
        return np.eye(n) * through.sum(axis=2, keepdims=True) - through
    found = np.zeros((len(conductance.energies), n, n))
    for b in np.flatnonzero(~elastic):
        filled = np.zeros(found.shape[:2])
        filled[:, b] = 1.0
        found[:, :, b] = conductance.current(completed(conductance, filled, elastic))
    found[:, elastic] = 0.0
    return found


def moved_current(conductance: ResponsiveConductance, f: Floats, change: Levels, elastic: Flags) -> Floats:
    """Derivative of the currents as levels move, for completed f; elastic reservoirs stay balanced."""
    found = conductance.current_change(f, change)
    gained = refilled(conductance, found, elastic)
    if gained is None:
        return found
    found = found + conductance.current(gained)
    found[:, elastic] = 0.0
    return found
