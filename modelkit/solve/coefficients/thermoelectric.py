"""Thermoelectric coefficients of pairs of terminals: all others that are given float, with I = J = 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

LEAST = 1e-9  # a heat conductance below it, relative to that of the terminals, is not known
CLOSED = 1e-13  # the same of the conductance


@dataclass(frozen=True)
class Thermoelectric:
    """Matrices [a, b], NaN on the diagonal and where they have no meaning.

    Terminal a is heated or biased, b stays at the reference, no current flows into other terminals.
    ``seebeck``: ``-(V_a - V_b)/(T_a - T_b)`` at I = 0, negative for electrons.  ``peltier``: J_a over the
    conventional current into a, at equal temperatures.  ``thermal_conductance``: ``J_a/(T_a - T_b)`` at
    I = 0.  ``figure_of_merit``: ``G S^2 T/kappa`` with G at equal temperatures.
    """

    seebeck: Floats
    peltier: Floats
    thermal_conductance: Floats
    figure_of_merit: Floats


def thermoelectric(linear: Floats, T: float) -> Thermoelectric:
    """Coefficients from the linear response.

    ``linear`` (2, n, 2, n): I and J by mu and T, probes eliminated; NaN in columns that are not driven.
    """
    n = linear.shape[1]
    found = np.full((4, n, n), np.nan)
    baths = (
        np.flatnonzero(np.isfinite(linear).all(axis=(0, 1)).all(axis=0))
        if T > 0
        else np.zeros(0, dtype=np.intp)
    )
    for a in baths:
        for b in baths:
            if a != b:
                others = np.array([c for c in baths if c not in (a, b)], dtype=np.intp)
                found[:, a, b] = _pair(_floating(linear, int(a), others, T), T)
    return Thermoelectric(*found)


def _floating(linear: Floats, a: int, others: Integers, T: float) -> Floats:
    """I and J/T of terminal a by its mu and T, (2, 2), others floating."""
    kernel = linear * np.array([1.0, 1 / T])[:, None, None, None]
    own = kernel[:, a, :, a]
    if not len(others):
        return own
    inner = kernel[:, others][:, :, :, others].reshape(2 * len(others), -1)
    driven = kernel[:, others][:, :, :, a].reshape(2 * len(others), 2)
    moved = np.linalg.lstsq(inner, -driven, rcond=CLOSED)[0]
    return np.asarray(own + kernel[:, a][:, :, others].reshape(2, -1) @ moved)


def _pair(kernel: Floats, T: float) -> Floats:
    """The four coefficients; ``kernel`` (2, 2) as of :func:`_floating`."""
    (charge, mixed), (back, heat) = kernel
    if not charge > CLOSED * abs(heat):
        return np.full(4, np.nan)
    seebeck, left = -mixed / charge, heat - mixed * back / charge
    merit = charge * seebeck**2 / left if left > LEAST * heat else np.nan
    return np.array([seebeck, -T * back / charge, T * left, merit])
