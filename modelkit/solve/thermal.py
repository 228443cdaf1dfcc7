"""The thermal average over energies: an adaptive rule of panels around the reference.

A panel is integrated with the 10-point Gauss and the embedding 21-point Kronrod rule; their difference
estimates the error.  Panels that touch an edge of a self-energy are mapped by a square, which makes the
square roots of band edges smooth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

MARKS = (3.5, 9.0, 40.0)  # first panel ends, in units of T; beyond 40 T the weight is below 1e-17
MOST_SPLITS = 100  # edges at which the first panels are split
NARROWEST = 1e-13  # of the whole window: panels are not bisected below it

# Kronrod nodes and weights on [-1, 1] (R. Piessens et al., QUADPACK, 1983); the odd ones are Gauss nodes
_NODES = (
    0.995657163025808080735527280689003, 0.973906528517171720077964012084452,
    0.930157491355708226001207180059508, 0.865063366688984510732096688423493,
    0.780817726586416897063717578345042, 0.679409568299024406234327365114874,
    0.562757134668604683339000099272694, 0.433395394129247190799265943165784,
    0.294392862701460198131126603103866, 0.148874338981631210884826001129720,
    0.0,
)  # fmt: skip
_KRONROD = (
    0.011694638867371874278064396062192, 0.032558162307964727478818972459390,
    0.054755896574351996031381300244580, 0.075039674810919952767043140916190,
    0.093125454583697605535065465083366, 0.109387158802297641899210590325805,
    0.123491976262065851077958109585166, 0.134709217311473325928054001771707,
    0.142775938577060080797094273138717, 0.147739104901338491374841515972068,
    0.149445554002916905664936468389821,
)  # fmt: skip
_GAUSS = (
    0.066671344308688137593568809893332, 0.149451349150580593145863396957658,
    0.219086362515982043995534934228163, 0.269266719309996355091226921569469,
    0.295524224714752870173815619188769,
)  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """Panels of the energy axis: ends and the map of each.

    ``lower``, ``upper`` (n_panels,); ``edge`` is -1, 0 or 1: the end at which the panel is mapped by
    a square, none for 0.
    """

    lower: Floats
    upper: Floats
    edge: Integers

    @property
    def nodes(self) -> Floats:
        """(n_panels, 21) energies."""
        return self._mapped()[0]

    def weights(self, mu: float, T: float) -> tuple[Floats, Floats]:
        """Weights with ``-f0'`` of the rule, and of its difference from the embedded rule; (n_panels, 21)."""
        energies, slope = self._mapped()
        thermal = slope * minus_derivative((energies - mu) / T) / T
        _, kronrod, difference = _rule()
        return thermal * kronrod, thermal * difference

    @property
    def divisible(self) -> NDArray[np.bool_]:
        """(n_panels,): wide enough to be bisected."""
        width = self.upper - self.lower
        return np.asarray(width > NARROWEST * (self.upper.max() - self.lower.min()))

    def bisected(self, chosen: NDArray[np.bool_]) -> Rule:
        """Replace the chosen panels by their halves, at the end of the list."""
        middle = (self.lower[chosen] + self.upper[chosen]) / 2
        edge = self.edge[chosen]
        return Rule(
            np.concatenate([self.lower[~chosen], self.lower[chosen], middle]),
            np.concatenate([self.upper[~chosen], middle, self.upper[chosen]]),
            np.concatenate([self.edge[~chosen], np.minimum(edge, 0), np.maximum(edge, 0)]),
        )

    def _mapped(self) -> tuple[Floats, Floats]:
        """Energies and dE/dnode, (n_panels, 21)."""
        node = _rule()[0]
        width = (self.upper - self.lower)[:, None]
        s = (1 + node) / 2  # from 0 to 1
        edge = self.edge[:, None]
        part = np.where(edge < 0, s**2, np.where(edge > 0, 1 - (1 - s) ** 2, s))
        slope = np.where(edge < 0, s, np.where(edge > 0, 1 - s, 0.5))
        return self.lower[:, None] + width * part, width * slope


def first_rule(mu: float, T: float, edges: Floats, gap: float) -> Rule:
    """Panels around mu on the scale of T, split at the edges.

    ``gap`` is the distance from mu to the nearest energy at which anything is open.
    """
    reach = MARKS[-1] * T + gap
    marks = np.array([*MARKS[:-1], reach / T]) * T
    splits = edges[np.abs(edges - mu) < reach]
    splits = splits[:: 1 + len(splits) // MOST_SPLITS]  # bisection finds those that are left out
    ends = np.unique(np.concatenate([mu - marks, [mu], mu + marks, splits]))
    lower, upper = ends[:-1], ends[1:]
    low, high = np.isin(lower, splits), np.isin(upper, splits)
    both = low & high
    rule = Rule(lower, upper, np.where(low, -1, np.where(high, 1, 0)))
    if not both.any():
        return rule
    middle = (lower[both] + upper[both]) / 2
    return Rule(
        np.concatenate([lower[~both], lower[both], middle]),
        np.concatenate([upper[~both], middle, upper[both]]),
        np.concatenate([rule.edge[~both], np.full(both.sum(), -1), np.full(both.sum(), 1)]),
    )


def minus_derivative(reduced: Floats) -> Floats:
    """``-df0/dz`` at ``z = (E - mu)/T``: ``1/(4 cosh^2(z/2))``, without overflow."""
    small = np.exp(-np.abs(reduced))
    return small / (1 + small) ** 2


def errors(difference: Floats, size: Floats) -> Floats:
    """Estimated errors of panels: the embedded difference, sharpened where it is small (QUADPACK).

    ``difference`` |Kronrod - Gauss| and ``size`` (the integral of the absolute value), same shape.
    """
    ratio = np.divide(difference, size, out=np.zeros_like(size), where=size > 0)
    return size * np.minimum(1.0, (200 * ratio) ** 1.5)


@cache
def _rule() -> tuple[Floats, Floats, Floats]:
    """Nodes, Kronrod weights and Kronrod minus Gauss weights, ascending; (21,) each."""
    half, kronrod = np.array(_NODES), np.array(_KRONROD)
    gauss = np.zeros(11)
    gauss[1::2] = _GAUSS
    whole = [
        np.concatenate([sign * values[:-1], values[::-1]])
        for sign, values in ((-1, half), (1, kronrod), (1, gauss))
    ]
    return whole[0], whole[1], whole[1] - whole[2]
