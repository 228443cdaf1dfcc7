"""Modes of a translation-invariant chain and the rates between them.

A mode a = (k, band) has the number ``k_number * d + band``, bands by ascending energy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Modes:
    """At momenta k with weights that add up to 1: 1/L on a ring, a quadrature on the infinite chain.

    ``energy``, ``velocity`` (n_k, d), the latter de/dk; ``vector`` (n_k, orbital, band).
    """

    k: Floats
    weight: Floats
    energy: Floats
    velocity: Floats
    vector: Complexes


@dataclass(frozen=True, eq=False)
class Rates:
    """``dn_a/dt = (1-n_a) (sum_b R(b->a) n_b + gain_a) - n_a (sum_b R(a->b) (1-n_b) + loss_a)``.

    ``R(b->a) = w_b sum_d into[d, a] out_of[d, b]`` with ``w_b`` the weight of b's momentum; all real.

    Attributes
    ----------
    into, out_of : (D, n_modes)
    loss, gain : (n_modes,)
    weight : (n_modes,)
        Of each mode: that of its momentum.
    parts : tuple of (str, slice or None)
        Name of each dissipator and which rows of ``into`` and ``out_of`` are its.
    losses : (n_dissipators, n_modes), gains the same
        By dissipator, for rates at which particles leave.
    error : float
        Relative, of kernels that are fitted.
    """

    into: Floats
    out_of: Floats
    loss: Floats
    gain: Floats
    weight: Floats
    names: tuple[str, ...] = ()
    losses: Floats | None = None
    gains: Floats | None = None
    error: float = 0.0
