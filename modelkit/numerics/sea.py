"""Heights above the real axis at which filled states are counted, with weights.

With ``f = 1/2 - T sum_n [1/(z - mu - i w_n) + 1/(z - mu + i w_n)]``, ``w_n = (2n + 1) pi T``, an orbital holds
``1/2 + 2T sum_n Re G(mu + i w_n)`` electrons, at T = 0 ``1/2 + (1/pi) int_0^inf Re G(mu + iy) dy``.  Above the
axis G is smooth on the scale of the height itself: the sum is taken term by term up to a height, then on
panels that grow with it, and beyond all levels as a polynomial in the inverse height, so that also the slow
tails of wide bands are counted.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ABOVE = 4.0  # scales: where the tail begins
SUMMED = 100_000  # terms that are added one by one; for more the integral with its first correction
FINEST = 4  # highest level of a rule


@dataclass(frozen=True)
class SeaRule:
    """``sum_j weight_j h(height_j)`` is ``2T sum_n h(w_n)``, at T = 0 ``(1/pi) int_0^inf h``; (n,) each."""

    height: Floats
    weight: Floats


def sea_rule(T: float, scale: float, level: int) -> SeaRule:
    """The rule for functions whose singularities lie on the real axis within ``scale``; finer by levels."""
    nodes, ratio, first, depth = 12 + 4 * min(level, 2), max(2, 4 - level), 8 << level, 6 + 5 * level
    if T == 0:
        bottom = ABOVE * scale * 4.0**-depth
        ends = [0.0, *_growing(bottom, ABOVE * scale, ratio)]
        parts = [_panel(low, high, nodes, None) for low, high in itertools.pairwise(ends)]
        parts.append(_tail(ends[-1], nodes, None))
        height, weight = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
        return SeaRule(height, weight / np.pi)
    unit = 2 * np.pi * T
    stops = [int(stop) for stop in _growing(first, max(first, ABOVE * scale / unit), ratio)]
    parts = [_panel(float(low), float(high), nodes, high - low) for low, high in itertools.pairwise(stops)]
    parts.append(_tail(float(stops[-1]), nodes, SUMMED))
    parts.insert(0, (np.arange(stops[0]) + 0.5, np.ones(stops[0])))
    height, weight = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    return SeaRule(unit * height, 2 * T * weight)


def _growing(low: float, high: float, ratio: int) -> list[float]:
    found = [low]
    while found[-1] < high:
        found.append(found[-1] * ratio)
    return found


@lru_cache(maxsize=256)
def _panel(low: float, high: float, count: int, terms: int | None) -> tuple[Floats, Floats]:
    """Gauss nodes with weights for ``int_low^high``, or for the sum over the half integers between."""
    node, gauss = legendre.leggauss(count)
    middle, half = (low + high) / 2, (high - low) / 2
    if terms is None:
        return middle + half * node, half * gauss
    if terms <= SUMMED:
        places = (np.arange(terms) + 0.5) / half - 1
        moments = legendre.legvander(places, count - 1).sum(axis=0)
    else:
        slopes = _slopes(count) / half
        moments = np.zeros(count)
        moments[0] = 2 * half
        moments -= (slopes[1] - slopes[0]) / 24
    return middle + half * node, _weights(node, moments)


@lru_cache(maxsize=256)
def _tail(low: float, count: int, terms: int | None) -> tuple[Floats, Floats]:
    """The same from ``low`` on, for functions that are ``1/y^2`` times a polynomial in ``1/y``."""
    node, gauss = legendre.leggauss(count)
    inverse = (1 + node) / (2 * low)
    height = 1 / inverse
    if terms is None:
        return height, gauss / (2 * low) * height**2
    y = low + np.arange(terms) + 0.5
    moments = (y[:, None] ** -2 * legendre.legvander(2 * low / y - 1, count - 1)).sum(axis=0)
    # beyond, the integral less its first correction, -g'/24 at the lower end
    last = low + terms
    at = 2 * low / last - 1
    integrals = np.stack([_integral(k, at) for k in range(count)]) / (2 * low)
    value = legendre.legvander(np.array([at]), count - 1)[0]
    slope = np.array([float(legendre.legval(at, legendre.legder(np.eye(count)[k]))) for k in range(count)])
    moments += integrals + (-2 * value / last**3 - 2 * low * slope / last**4) / 24
    return height, _weights(node, moments) * height**2


def _integral(degree: int, at: float) -> float:
    """Of a Legendre polynomial from -1 to a place."""
    return float(legendre.legval(at, legendre.legint(np.eye(degree + 1)[degree], lbnd=-1)))


def _slopes(count: int) -> Floats:
    """Derivatives of the Legendre polynomials at -1 and 1, (2, count)."""
    k = np.arange(count)
    upper = k * (k + 1) / 2
    return np.stack([-((-1.0) ** k) * upper, upper])


def _weights(node: Floats, moments: Floats) -> Floats:
    """Weights at the nodes that give the moments of all Legendre polynomials."""
    found: Floats = np.linalg.solve(legendre.legvander(node, len(node) - 1).T, moments)
    return found
