"""Rate equations of the modes of an open chain.

``dn_a/dt = (1 - n_a) G_a - n_a S_a`` with the rates at which a mode is filled and emptied,
``G_a = sum_d into[d, a] T_d + gain_a`` and ``S_a = sum_d out_of[d, a] U_d + loss_a``: all that a mode knows
of the others are the moments ``T = <out_of n>`` and ``U = <into (1 - n)>``.  A right-hand side costs O(M D).

K. Yamamoto, Y. Ashida, N. Kawakami, "Rectified particle current in nonequilibrium steady states of open
fermion chains", Eqs. (10)-(12) and (20)-(22), for any one-body jump operator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.modes import Rates

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """``particles[d] = <out_of[d] n>``, ``holes[d] = <into[d] (1 - n)>``: what a mode knows of others."""

    particles: Floats
    holes: Floats


@dataclass(frozen=True, eq=False)
class Filled:
    """Occupations of the modes, and ``holes = 1 - particles`` without cancellation; (M,) each."""

    particles: Floats
    holes: Floats

    @property
    def lagrange(self) -> Floats:
        """``ln((1-n)/n)``."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.holes) - np.log(self.particles))


def moments(rates: Rates, filled: Filled) -> Moments:
    """What the modes are told of each other."""
    return Moments(
        rates.out_of @ (rates.weight * filled.particles), rates.into @ (rates.weight * filled.holes)
    )


def turnover(rates: Rates, told: Moments) -> tuple[Floats, Floats]:
    """Rates at which an empty mode is filled and a full one emptied, (M,) each."""
    filling = told.particles @ rates.into + rates.gain
    emptying = told.holes @ rates.out_of + rates.loss
    return np.maximum(filling, 0.0), np.maximum(emptying, 0.0)  # rounding where terms of a kernel cancel


def balanced(rates: Rates, told: Moments) -> Filled:
    """Occupations that stand still among the given moments; NaN for a mode that has no rates at all."""
    filling, emptying = turnover(tamed(rates), told)
    with np.errstate(invalid="ignore"):
        return Filled(filling / (filling + emptying), emptying / (filling + emptying))


def tamed(rates: Rates) -> Rates:
    """Each mode with a clock of its own, in which its rates are of the order of the moments.

    What stands still is the same, and rates that span more than the floating numbers do not overflow.  Only
    for :func:`turnover`: moments are those of the rates themselves.
    """
    clock = np.maximum(np.abs(rates.into).max(axis=0, initial=0.0), rates.gain)
    clock = np.maximum(clock, np.maximum(np.abs(rates.out_of).max(axis=0, initial=0.0), rates.loss))
    clock[clock <= 0] = 1.0
    return Rates(
        rates.into / clock, rates.out_of / clock, rates.loss / clock, rates.gain / clock, rates.weight
    )


def flow(rates: Rates, n: Floats) -> Floats:
    """``dn/dt``, (M,)."""
    filled = Filled(n, 1.0 - n)
    filling, emptying = turnover(rates, moments(rates, filled))
    return filled.holes * filling - filled.particles * emptying


@dataclass(frozen=True, eq=False)
class Jacobian:
    """``d(dn/dt)_a/dn_b = -total_a delta_ab + sum_r left[r, a] right[r, b]``, r = 1..2D."""

    total: Floats
    left: Floats
    right: Floats

    def times(self, change: Floats) -> Floats:
        """J applied to a change of the occupations."""
        return (self.right @ change) @ self.left - self.total * change

    def dense(self) -> Floats:
        """J as a matrix, (M, M)."""
        return self.left.T @ self.right - np.diag(self.total)


def jacobian(rates: Rates, filled: Filled) -> Jacobian:
    """Diagonal and low-rank part of the derivative of the flow."""
    filling, emptying = turnover(rates, moments(rates, filled))
    return Jacobian(filling + emptying, answers(rates, filled), questions(rates))


def answers(rates: Rates, filled: Filled) -> Floats:
    """How the flow into each mode follows the moments, (2D, M)."""
    return np.vstack([filled.holes * rates.into, -filled.particles * rates.out_of])


def questions(rates: Rates) -> Floats:
    """How the moments follow the occupations, (2D, M)."""
    return np.vstack([rates.out_of, -rates.into]) * rates.weight
