"""Coefficients by terminal, from derivatives by what can be driven, in the signs of the field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.solve.coefficients.elimination import Elimination

Floats = NDArray[np.float64]


def spread(linear: Elimination, found: Floats, order: int, condensate: bool) -> Floats:
    """``[of, a, by, b, ...]`` from directions; NaN where nothing drives; a condensate comes last."""
    driven = linear.driven
    places = np.argwhere(driven)
    n = driven.shape[1]
    whole = np.full((*found.shape[:2], *(2, n) * order), np.nan)
    if order == 1:
        whole[:, :, places[:, 0], places[:, 1]] = found
    else:
        by, at = places[:, 0], places[:, 1]
        whole[:, :, by[:, None], at[:, None], by, at] = found
    if not condensate:
        return whole
    more = np.full((2, n + 1, *(2, n + 1) * order), np.nan)
    inner = tuple(slice(None) if axis % 2 == 0 else slice(n) for axis in range(whole.ndim))
    more[inner] = whole
    last = list(inner)
    last[1] = slice(n, n + 1)
    more[tuple(last)] = -whole.sum(axis=1, keepdims=True) - _power(linear, whole, order)
    return more


def _power(linear: Elimination, whole: Floats, order: int) -> Floats | float:
    """The heat of the condensate counts the power, which is not in the sum of heat currents."""
    if order == 1:
        return 0.0
    found = np.zeros_like(whole[:, :1])
    power = np.einsum("aj,ak->jk", linear.deviations[0], linear.linear[0])
    places = np.argwhere(linear.driven)
    by, at = places[:, 0], places[:, 1]
    # heat_a = energy_a - x_a I_a, and energy currents add up to zero; half: a coefficient
    found[1, 0, by[:, None], at[:, None], by, at] = (power + power.T) / 2
    return found


def conventional(whole: Floats, order: int) -> Floats:
    """Of conventional currents -I by voltages -mu."""
    found = whole * np.array([-1.0, 1.0]).reshape(2, *(1,) * (whole.ndim - 1))
    for axis in range(2, 2 + 2 * order, 2):
        shape = [1] * whole.ndim
        shape[axis] = 2
        found = found * np.array([-1.0, 1.0]).reshape(shape)
    return found + 0.0  # no minus zero
