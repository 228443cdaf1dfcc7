"""Elastic reservoirs: their currents vanish at each energy, which eliminates their distributions there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.solve.conductor import Conductance

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def completed(conductance: Conductance, f: Floats, elastic: Flags) -> Floats:
    """Distributions with those of elastic reservoirs such that they take no current, (n_E, n).

    One that nothing reaches at some energy has no influence there.
    """
    if not elastic.any():
        return f
    zero = np.zeros_like(f)
    return conductance.balance(f, elastic, zero, zero, fill=True)


def refilled(conductance: Conductance, change: Floats, elastic: Flags) -> Floats | None:
    """What elastic reservoirs' distributions must gain where ``change`` is added to all currents, (n_E, n).

    None without elastic reservoirs.  The current of one that no other reaches does not change, but by
    rounding.
    """
    if not elastic.any():
        return None
    zero = np.zeros_like(change)
    reached = elastic & (completed(conductance, zero + ~elastic, elastic) > 0.5)
    return conductance.balance(zero, elastic, np.where(reached, -change, 0.0), zero, fill=True)
