"""Filled weights: how distributions fill the polynomials through the energies of the panels.

``F[e, r] = integral of l_e(E) (f_r(E) - f_0(E)) dE`` with ``l_e`` the interpolating polynomial of node e of
its panel and ``f_0`` one of the distributions.  A current is ``current(F)`` summed over the nodes: exact at
T = 0 for any chemical potential inside a panel, since only the transmission has to be smooth there.  Its
derivative by mu is ``l_e(mu)``, so that the Jacobian of the discretised equations is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelkit.numerics.interpolation import integrals, values
from modelkit.numerics.quadrature import NODES, Panels, rule

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.intp]

BEYOND = 140.0  # T from mu: f is 0 or 1 there
DIRECT = 5.0  # T: on panels narrower than that the rule itself resolves f
MARKS = np.array([-40.0, -9.0, -3.5, 0.0, 3.5, 9.0, 40.0])  # T: pieces in which f is integrated on others
CHUNK = 256  # pairs of a panel and a reservoir treated at once


@dataclass(frozen=True)
class Filled:
    """Filled weights and their derivatives by the reservoirs' own mu and T; (n_E, n_reservoirs) each."""

    value: Floats
    by_mu: Floats
    by_temperature: Floats


def filled(panels: Panels, mu: Floats, T: Floats, origin: int = 0, *, difference: bool = False) -> Filled:
    """Fill the nodes of all panels; what no panel holds (split ones, energies outside) is left out.

    Parameters
    ----------
    mu, T : (n_reservoirs,)
    origin : int
        The reservoir from whose distribution the others are counted; small differences keep their digits
        where panels are narrow in units of T.
    difference : bool
        Instead of the weights, how far those of the embedded rule are from them.
    """
    work = _Work(panels, mu, T, difference=difference)
    work.whole()
    work.cold()
    work.direct(origin)
    work.wide()
    base = work.filling_of_origin(origin)
    work.value -= base[:, None, :] * ~work.counted[:, :, None]
    return Filled(*(array.transpose(0, 2, 1).reshape(-1, len(mu)) for array in work.arrays))


class _Work:
    """Arrays (n_panels, n_reservoirs, 21) in the making; ``counted`` where the origin is taken off."""

    def __init__(self, panels: Panels, mu: Floats, T: Floats, *, difference: bool) -> None:
        self.panels, self.mu, self.T, self.difference = panels, mu, T, difference
        shape = (len(panels.lower), len(mu), NODES)
        self.value, self.by_mu, self.by_temperature = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.arrays = (self.value, self.by_mu, self.by_temperature)
        self.counted = np.zeros(shape[:2], dtype=np.bool_)
        self.weights = panels.weights[1 if difference else 0]
        live, lower, upper = ~panels.split[:, None], panels.lower[:, None], panels.upper[:, None]
        self.full = live & (upper < mu - BEYOND * T)
        self.between = live & ~self.full & (lower < mu + BEYOND * T)
        self.narrow = (T > 0) & (upper - lower <= DIRECT * T)

    def whole(self) -> None:
        """Panels far below mu are full."""
        panel, reservoir = np.nonzero(self.full)
        self.value[panel, reservoir] = self.weights[panel]

    def cold(self) -> None:
        """T = 0: full up to mu."""
        panel, reservoir = np.nonzero(self.between & (self.T == 0))
        place = self.panels.place(panel, self.mu[reservoir])
        width = (self.panels.upper - self.panels.lower)[panel, None]
        found = integrals(place, self.panels.edge[panel], difference=self.difference)
        self.value[panel, reservoir] = width * found
        self.by_mu[panel, reservoir] = values(place, difference=self.difference)

    def direct(self, origin: int) -> None:
        """T > 0 on panels that resolve f: its values at the nodes."""
        close = self.between & self.narrow
        panel, reservoir = np.nonzero(close)
        z = (self.panels.nodes[panel] - self.mu[reservoir, None]) / self.T[reservoir, None]
        weights, slope = self.weights[panel], -derivative(z) / self.T[reservoir, None]
        self.by_mu[panel, reservoir] = weights * slope
        self.by_temperature[panel, reservoir] = weights * slope * z
        beside = close[panel, origin] if self.T[origin] > 0 else np.zeros(len(panel), dtype=np.bool_)
        self.counted[panel[beside], reservoir[beside]] = True
        here = fermi(z)
        if beside.any():
            other = (self.panels.nodes[panel[beside]] - self.mu[origin]) / self.T[origin]
            here[beside] = fermi_difference(z[beside], other)
        self.value[panel, reservoir] = weights * here

    def filling_of_origin(self, origin: int) -> Floats:
        """(n_panels, 21): what is taken off where it was not yet, by its own rule."""
        found = self.value[:, origin].copy()
        panel = np.flatnonzero(self.counted[:, origin])
        z = (self.panels.nodes[panel] - self.mu[origin]) / (self.T[origin] or 1.0)
        found[panel] = self.weights[panel] * fermi(z)
        return found

    def wide(self) -> None:
        """T > 0 on panels that do not resolve f: the polynomials are integrated piece by piece."""
        panel, reservoir = np.nonzero(self.between & ~self.narrow & (self.T > 0))
        for first in range(0, len(panel), CHUNK):
            self._pieces(panel[first : first + CHUNK], reservoir[first : first + CHUNK])

    def _pieces(self, panel: Integers, reservoir: Integers) -> None:
        """Pieces of no width are left out; each has the rule's own nodes."""
        node, kronrod, _ = rule()
        ends = np.full((len(panel), len(MARKS) + 2), -1.0)
        ends[:, 1:-1] = self.panels.place(panel[:, None], (self.mu + MARKS[:, None] * self.T).T[reservoir])
        ends[:, -1] = 1.0
        pair, piece = np.nonzero(np.diff(ends, axis=1) > 0)
        half = (ends[pair, piece + 1] - ends[pair, piece])[:, None] / 2
        place = (ends[pair, piece][:, None] + half) + half * node
        energy, slope = self.panels.mapped(panel[pair][:, None], place)
        T = self.T[reservoir[pair]][:, None]
        z = (energy - self.mu[reservoir[pair]][:, None]) / T
        polynomials = values(place, difference=self.difference)
        measure, down = slope * half * kronrod, -derivative(z) / T
        first = np.flatnonzero(np.diff(pair, prepend=-1))
        for array, function in zip(self.arrays, (fermi(z), down, down * z), strict=True):
            pieces = ((measure * function)[:, None, :] @ polynomials)[:, 0]
            array[panel, reservoir] = np.add.reduceat(pieces, first)


def fermi(z: Floats) -> Floats:
    """``1/(1 + exp(z))`` without overflow."""
    small = np.exp(-np.abs(z))
    return np.asarray(np.where(z > 0, small, 1.0) / (1 + small))


def occupied(excess: Floats, T: Floats) -> Floats:
    """Distributions at ``E - mu``; a step at T = 0, half at mu itself.  Shapes broadcast."""
    cold = np.heaviside(-excess, 0.5)
    return np.asarray(np.where(T > 0, fermi(excess / np.where(T > 0, T, 1.0)), cold))


def fermi_difference(z: Floats, other: Floats) -> Floats:
    """``fermi(z) - fermi(other)``, which keeps its digits where the two are close."""
    step = other - z
    close = np.abs(step) < 1
    small = np.where(close, step, 0.0)
    # sinh((other - z)/2) / (2 cosh(z/2) cosh(other/2)), written for large arguments
    a, b = np.exp(-np.abs(z)), np.exp(-np.abs(other))
    ratio = 2 * np.sinh(small / 2) * np.exp(-(np.abs(z) + np.abs(other)) / 2) / ((1 + a) * (1 + b))
    return np.asarray(np.where(close, ratio, fermi(z) - fermi(other)))


def derivative(z: Floats) -> Floats:
    """``df/dz = -1/(4 cosh^2(z/2))``, without overflow."""
    small = np.exp(-np.abs(z))
    return -small / (1 + small) ** 2
