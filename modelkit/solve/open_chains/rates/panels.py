"""Momenta of an infinite chain where occupations vary on very different scales: panels of the circle.

Gauss-Legendre nodes on each panel.  A panel is halved while the last Legendre coefficients of what is summed
over momenta say that it is not resolved there: near modes that hardly any jump reaches, the occupation
changes within a layer whose width is the square root of what reaches them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from modelkit.errors import NotConverged
from modelkit.solve.open_chains.rates.kinetics import Filled, Floats
from modelkit.solve.open_chains.rates.sampling import Sample, occupations

NODES = 16
FIRST = 8  # panels to begin with: their ends are the symmetric points of the circle
MOST = 6000  # panels


@dataclass(frozen=True, eq=False)
class Panels:
    """Ends of the panels from -pi to pi, (n + 1,)."""

    ends: Floats

    @property
    def width(self) -> Floats:
        """(n,)"""
        return np.diff(self.ends)

    def nodes(self) -> tuple[Floats, Floats]:
        """Momenta and weights that add up to 1, (n * NODES,) each."""
        place, weight, _ = _rule()
        k = self.ends[:-1, None] + 0.5 * self.width[:, None] * (1 + place)
        w = self.width[:, None] * weight / (4 * np.pi)
        return k.ravel(), w.ravel()

    def halved(self, which: NDArray[np.bool_]) -> Panels:
        """Some of the panels cut in the middle."""
        middle = 0.5 * (self.ends[:-1] + self.ends[1:])
        return Panels(np.sort(np.concatenate([self.ends, middle[which]])))


def first_panels() -> Panels:
    """Equal panels."""
    return Panels(np.linspace(-np.pi, np.pi, FIRST + 1))


def resolved(panels: Panels, taken: Sample, filled: Filled, tolerance: float) -> Panels:
    """Panels on which the occupations among the moments of a state are resolved.

    Parameters
    ----------
    panels : Panels
        To begin with.
    taken, filled
        A state at any momenta.
    tolerance : float
        For interpolation; sums are better by a square, since Gauss's rule has twice as many orders.
    """
    size: Floats | None = None
    fresh = np.ones(len(panels.width), dtype=bool)
    while True:
        k, weight = panels.nodes()
        chosen = np.repeat(fresh, NODES)
        both, found = occupations(taken, filled, k[chosen])
        integrands = _integrands(both, found, len(taken.modes.k))
        if size is None:
            size = np.abs(integrands) @ weight
            size[size <= 0] = 1.0
        rough = np.zeros(len(fresh), dtype=bool)
        rough[fresh] = _roughness(integrands / size[:, None], panels.width[fresh]) > tolerance
        if not rough.any():
            return panels
        if len(panels.ends) + rough.sum() > MOST:
            raise NotConverged(
                f"occupations as functions of the momentum are not resolved by {MOST} panels",
                residual=float(tolerance),
            )
        panels, fresh = panels.halved(rough), np.repeat(rough, 1 + rough)


def _integrands(taken: Sample, filled: Filled, skip: int) -> Floats:
    """What is summed over momenta, added over bands (which may cross), (functions, momenta)."""
    shape = taken.modes.energy.shape
    n, m = (part.reshape(shape)[skip:] for part in (filled.particles, filled.holes))
    velocity, energy = taken.modes.velocity[skip:], taken.modes.energy[skip:]
    rows = [(factor * n).sum(axis=1) for factor in (velocity, energy, 1.0)]
    for given, factors in ((n, taken.rates.out_of), (m, taken.rates.into)):
        rows += [(row.reshape(shape)[skip:] * given).sum(axis=1) for row in factors]
    return np.array(rows)


def _roughness(values: Floats, width: Floats) -> Floats:
    """Largest of the last Legendre coefficients on each panel, times the root of its share of the circle."""
    _, _, transform = _rule()
    last = np.abs(values.reshape(len(values), -1, NODES) @ transform[-3:].T).max(axis=(0, 2))
    return np.asarray(last * np.sqrt(width / (2 * np.pi)))


@cache
def _rule() -> tuple[Floats, Floats, Floats]:
    """Nodes and weights on [-1, 1], and the matrix from values to Legendre coefficients."""
    place, weight = legendre.leggauss(NODES)
    orders = np.arange(NODES)
    return place, weight, (orders[:, None] + 0.5) * legendre.legvander(place, NODES - 1).T * weight
