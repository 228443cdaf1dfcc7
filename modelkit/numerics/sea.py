"""Heights above the real axis at which filled states are counted, with weights.

With ``f = 1/2 - T sum_n [1/(z - mu - i w_n) + 1/(z - mu + i w_n)]``, ``w_n = (2n + 1) pi T``, an orbital
holds ``1/2 + 2T sum_n Re G(mu + i w_n)`` electrons, at T = 0 ``1/2 + (1/pi) int_0^inf Re G(mu + iy) dy``.
Above the axis G is smooth on the scale of the height itself: the sum is taken term by term up to a height,
then on panels that grow with it, and beyond all levels as a polynomial in the inverse height, so that also
the slow tails of wide bands are counted.
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
DISCRETE = 3_000  # terms that are summed by a Gauss rule of their own
FINEST = 4  # highest level of a rule


@dataclass(frozen=True)
class SeaRule:
    """``sum_j weight_j h(height_j)`` is ``2T sum_n h(w_n)``, at T = 0 ``(1/pi) int_0^inf h``; (n,) each."""

    height: Floats
    weight: Floats


def sea_rule(T: float, scale: float, level: int) -> SeaRule:
    """The rule for functions whose singularities lie on the real axis within ``scale``; finer by levels."""
    nodes, ratio, depth = 10 + 2 * level, 3 if level < 2 else 2, 8 + 5 * level
    if T == 0:
        bottom = ABOVE * scale * 3.0**-depth
        ends = [0.0, *_growing(bottom, ABOVE * scale, ratio)]
        parts = [_panel(low, high, nodes + 1) for low, high in itertools.pairwise(ends)]
        parts.append(_tail(ends[-1], nodes, None))
        height, weight = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
        return SeaRule(height, weight / np.pi)
    unit = 2 * np.pi * T
    first = -(-nodes // (ratio - 1))  # up to here a panel has no more terms than nodes
    stops = [int(stop) for stop in _growing(first, max(first, ABOVE * scale / unit), ratio)]
    parts = [_terms(low, high, nodes) for low, high in itertools.pairwise([0, *stops])]
    parts.append(_tail(float(stops[-1]), nodes, SUMMED))
    height, weight = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    return SeaRule(unit * height, 2 * T * weight)


def _growing(low: float, high: float, ratio: int) -> list[float]:
    found = [low]
    while found[-1] < high:
        found.append(found[-1] * ratio)
    return found


def _panel(low: float, high: float, count: int) -> tuple[Floats, Floats]:
    """Gauss nodes and weights for an integral."""
    node, gauss = legendre.leggauss(count)
    return (low + high) / 2 + (high - low) / 2 * node, (high - low) / 2 * gauss


@lru_cache(maxsize=256)
def _terms(low: int, high: int, count: int) -> tuple[Floats, Floats]:
    """The same for the sum over the half integers between."""
    if high - low <= count:
        return np.asarray(np.arange(low, high) + 0.5, dtype=np.float64), np.ones(high - low)
    if high - low <= DISCRETE:
        return _gauss_of_sum(np.asarray(np.arange(low, high) + 0.5, dtype=np.float64), count)
    height, _ = _panel(low, high, count)
    half, k = (high - low) / 2, np.arange(count)
    moments = -(1 - (-1.0) ** (k + 1)) * k * (k + 1) / 2 / (24 * half)  # the first correction, -[h']/24
    moments[0] += 2 * half
    return height, _weights(legendre.leggauss(count)[0], moments)


def _gauss_of_sum(points: Floats, count: int) -> tuple[Floats, Floats]:
    """Gauss's rule for a sum over points: by the Jacobi matrix of its orthogonal polynomials (Lanczos)."""
    middle, half = (points[0] + points[-1]) / 2, (points[-1] - points[0]) / 2
    places = (points - middle) / half
    basis = [np.full(len(points), len(points) ** -0.5)]
    matrix = np.zeros((count, count))
    for k in range(count):
        grown = places * basis[k]
        matrix[k, k] = basis[k] @ grown
        for _ in range(2):
            grown = grown - np.array(basis).T @ (np.array(basis) @ grown)
        if k + 1 < count:
            matrix[k, k + 1] = matrix[k + 1, k] = np.linalg.norm(grown)
            basis.append(grown / matrix[k, k + 1])
    node, vectors = np.linalg.eigh(matrix)
    return middle + half * node, len(points) * vectors[0] ** 2


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


def _weights(node: Floats, moments: Floats) -> Floats:
    """Weights at the nodes that give the moments of all Legendre polynomials."""
    return np.asarray(np.linalg.solve(legendre.legvander(node, len(node) - 1).T, moments), dtype=np.float64)
