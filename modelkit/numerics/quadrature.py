"""Adaptive integration in one dimension: panels with a Gauss-Kronrod rule, bisected where they must be.

A panel is integrated with the 10-point Gauss and the embedding 21-point Kronrod rule; their difference
estimates the error.  A panel may be mapped by a square at one of its ends, which makes a square root of
the integrand there smooth.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.intp]

TOGETHER = 8  # panels in a batch of energies
NODES = 21  # of a panel
NARROWEST = 1e-13  # of their energies: panels are not bisected below it
FINEST = 1e-24  # of the whole interval: the same about zero

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
class Panels:
    """Panels of an interval, in the order in which they came to be.

    A bisected panel stays in its place with no weight, and its halves are appended: what was computed at
    the nodes of earlier rounds is found again at the same places.

    Attributes
    ----------
    lower, upper : (n_panels,)
    edge : (n_panels,) -1, 0 or 1: the end at which the panel is mapped by a square, none for 0
    split : (n_panels,) True for panels that were replaced by their halves
    begins : first panel of each round
    """

    lower: Floats
    upper: Floats
    edge: Integers
    split: Flags
    begins: tuple[int, ...]

    @cached_property
    def nodes(self) -> Floats:
        """(n_panels, 21), ascending in each panel."""
        return self._mapped()[0]

    @property
    def weights(self) -> tuple[Floats, Floats]:
        """Weights of the rule, and of its difference from the embedded rule; (n_panels, 21)."""
        slope = np.where(self.split[:, None], 0.0, self._mapped()[1])
        _, kronrod, difference = rule()
        return slope * kronrod, slope * difference

    @property
    def batch_starts(self) -> list[int]:
        """Nodes at which batches begin: each round, and within it every few panels.

        So most panels that were split can be left out, and what is computed stays the same as rounds come.
        """
        rounds = itertools.pairwise([*self.begins, len(self.lower)])
        return [self.count * start for first, stop in rounds for start in range(first, stop, TOGETHER)]

    @property
    def divisible(self) -> Flags:
        """(n_panels,): not bisected yet, and wide enough to be."""
        width = self.upper - self.lower
        energy = np.maximum(np.abs(self.lower), np.abs(self.upper))
        least = np.maximum(NARROWEST * energy, FINEST * (self.upper.max() - self.lower.min()))
        return np.asarray(~self.split & (width > least))

    @property
    def count(self) -> int:
        """Nodes of a panel."""
        return NODES

    def extended(self, ends: Floats, squared: Flags) -> Panels:
        """With further panels between consecutive ends, a new round; see :func:`panels_between`."""
        more = panels_between(ends, squared)
        return Panels(
            np.concatenate([self.lower, more.lower]),
            np.concatenate([self.upper, more.upper]),
            np.concatenate([self.edge, more.edge]),
            np.concatenate([self.split, more.split]),
            (*self.begins, len(self.lower)),
        )

    def place(self, panel: Integers, value: Floats) -> Floats:
        """Where values lie on the mapped panels, from -1 to 1 (clipped); ``panel`` broadcasts with them."""
        lower, edge = self.lower[panel], self.edge[panel]
        part = np.clip((value - lower) / (self.upper[panel] - lower), 0.0, 1.0)
        s = np.where(edge < 0, np.sqrt(part), np.where(edge > 0, 1 - np.sqrt(1 - part), part))
        return np.asarray(2 * s - 1)

    def bisected(self, chosen: Flags) -> Panels:
        """Replace the chosen panels by their halves, which are a new round."""
        lower, upper, edge = self.lower[chosen], self.upper[chosen], self.edge[chosen]
        middle = (lower + upper) / 2
        return Panels(
            np.concatenate([self.lower, lower, middle]),
            np.concatenate([self.upper, middle, upper]),
            np.concatenate([self.edge, np.minimum(edge, 0), np.maximum(edge, 0)]),
            np.concatenate([self.split | chosen, np.zeros(2 * len(lower), dtype=np.bool_)]),
            (*self.begins, len(self.lower)),
        )

    def _mapped(self) -> tuple[Floats, Floats]:
        """Nodes, and their derivative by the place on [-1, 1]; (n_panels, 21)."""
        node = rule()[0]
        return self.mapped(np.arange(len(self.lower))[:, None], node)

    def mapped(self, panel: Integers, place: Floats) -> tuple[Floats, Floats]:
        """Values at places from -1 to 1 on panels, and their derivatives by the place; shapes broadcast."""
        width, edge = self.upper[panel] - self.lower[panel], self.edge[panel]
        s = (1 + place) / 2  # from 0 to 1
        part = np.where(edge < 0, s**2, np.where(edge > 0, 1 - (1 - s) ** 2, s))
        slope = np.where(edge < 0, s, np.where(edge > 0, 1 - s, 0.5))
        return self.lower[panel] + width * part, width * slope


@dataclass(frozen=True)
class Spot(Panels):
    """One energy instead of panels: what an expansion of first order at T = 0 needs.

    ``lower`` and ``upper`` are that energy; there is nothing to refine, and no error.
    """

    @cached_property
    def nodes(self) -> Floats:
        """(1, 1)"""
        return self.lower[:, None]

    @property
    def weights(self) -> tuple[Floats, Floats]:
        """One, and no error; (1, 1) each."""
        return np.ones((1, 1)), np.zeros((1, 1))

    @property
    def divisible(self) -> Flags:
        """(1,): never."""
        return np.zeros(1, dtype=np.bool_)

    @property
    def count(self) -> int:
        """Nodes of a panel."""
        return 1


def spot(energy: float) -> Spot:
    """See :class:`Spot`."""
    at = np.array([energy])
    return Spot(at, at, np.zeros(1, dtype=np.intp), np.zeros(1, dtype=np.bool_), (0,))


def panels_between(ends: Floats, squared: Flags) -> Panels:
    """Panels between consecutive ends, mapped by a square at those that are marked; (n,) each.

    A panel between two marked ends is halved at once.
    """
    low, high = squared[:-1], squared[1:]
    lower, upper, edge = ends[:-1], ends[1:], np.where(low, -1, np.where(high, 1, 0))
    both = low & high
    middle = (lower[both] + upper[both]) / 2
    lower = np.concatenate([lower[~both], lower[both], middle])
    upper = np.concatenate([upper[~both], middle, upper[both]])
    edge = np.concatenate([edge[~both], np.full(both.sum(), -1), np.full(both.sum(), 1)])
    return Panels(lower, upper, edge, np.zeros(len(lower), dtype=np.bool_), (0,))


def errors(difference: Floats, size: Floats) -> Floats:
    """Estimated errors of panels: the embedded difference, sharpened where it is small (QUADPACK).

    ``difference`` |Kronrod - Gauss| and ``size`` (the integral of the absolute value), same shape.
    """
    ratio = np.divide(difference, size, out=np.zeros_like(size), where=size > 0)
    return size * np.minimum(1.0, (200 * ratio) ** 1.5)


@cache
def rule() -> tuple[Floats, Floats, Floats]:
    """Nodes, Kronrod weights and Kronrod minus Gauss weights, ascending; (21,) each."""
    half, kronrod = np.array(_NODES), np.array(_KRONROD)
    gauss = np.zeros(11)
    gauss[1::2] = _GAUSS
    whole = [
        np.concatenate([sign * values[:-1], values[::-1]])
        for sign, values in ((-1, half), (1, kronrod), (1, gauss))
    ]
    return whole[0], whole[1], whole[1] - whole[2]
