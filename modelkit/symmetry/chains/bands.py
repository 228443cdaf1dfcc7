"""Bands of an open chain, followed through their crossings, and the rates between their modes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modelkit.symmetry.chains.open_chain import Blocks, OpenChain

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

POINTS = 256  # of the grid on which bands are followed
TOUCHING = 1e-9  # of the width of the spectrum: bands that are one


@dataclass(frozen=True, eq=False)
class Modes:
    """Modes a = (k, band): ``k``, ``energy``, ``velocity`` de/dk (n,), ``vector`` u (n, d)."""

    k: Floats
    energy: Floats
    velocity: Floats
    vector: Complexes


@dataclass(frozen=True, eq=False)
class Bands:
    """Bands of a chain.

    With ``followed`` a band is a smooth function of k, whatever it crosses; otherwise bands are numbered by
    energy, which is what is left where bands go over into each other around the zone (not ``closed``).
    """

    chain: OpenChain
    followed: bool = True

    @cached_property
    def k(self) -> Floats:
        """A grid (POINTS,) that avoids 0 and pi."""
        return -np.pi + 2 * np.pi * (np.arange(POINTS) + 0.5) / POINTS

    @cached_property
    def degenerate(self) -> bool:
        """Whether bands are one at all k: their modes are not determined."""
        gap = np.diff(self._solved[0], axis=1)
        width = float(np.ptp(self._solved[0])) or 1.0
        return bool(gap.size) and bool(gap.min(axis=1).max() <= TOUCHING * width)

    @property
    def closed(self) -> bool:
        """Whether each followed band is back at itself after 2 pi."""
        return np.array_equal(self._order[-1], np.arange(self.chain.d))

    @cached_property
    def energy(self) -> Floats:
        """Energies of the bands on the grid, (POINTS, d)."""
        return np.take_along_axis(self._solved[0], self._labels, axis=1)

    def at(self, k: Floats, band: Integers) -> Modes:
        """The modes at these k (n,) of these bands (n,)."""
        energy, vectors = np.linalg.eigh(self.chain.bloch(k))
        n = np.arange(len(k))
        level = band
        if self.followed:
            near = np.floor((k + np.pi) / (2 * np.pi) * POINTS).astype(int) % POINTS
            known = self._solved[1][near][n, :, self._labels[near, band]]
            level = np.abs(np.einsum("ns,nsv->nv", known.conj(), vectors)).argmax(axis=1)
        u = vectors[n, :, level]
        slope = self.chain.bloch(k, derivative=1)
        velocity = np.einsum("ns,nst,nt->n", u.conj(), slope, u).real
        return Modes(k, energy[n, level], velocity, u)

    @cached_property
    def _solved(self) -> tuple[Floats, Complexes]:
        energy, vectors = np.linalg.eigh(self.chain.bloch(self.k))
        return energy, vectors

    @cached_property
    def _labels(self) -> Integers:
        """The level (by energy) of each band at each point of the grid, (POINTS, d)."""
        if not self.followed:
            return np.tile(np.arange(self.chain.d), (POINTS, 1))
        return self._order[:-1]

    @cached_property
    def _order(self) -> Integers:
        """Levels of the followed bands, (POINTS + 1, d), the last one being the first point again."""
        from scipy.optimize import linear_sum_assignment

        vectors = self._solved[1]
        found = np.empty((POINTS + 1, self.chain.d), dtype=np.intp)
        found[0] = np.arange(self.chain.d)
        for i in range(1, POINTS + 1):
            overlap = np.abs(vectors[i - 1].conj().T @ vectors[i % POINTS])
            found[i] = linear_sum_assignment(-overlap)[1][found[i - 1]]
        return found


@dataclass(frozen=True, eq=False)
class Rates:
    """``L R(b -> a)`` as (to, from), and loss and gain of modes, of an open chain."""

    chain: OpenChain

    def between(self, to: Modes, origin: Modes) -> tuple[Floats, Floats]:
        """``r |sum u_a* exp(-ipx) W_xy exp(iky) u_b|^2``, and the baths' ``r kernel(e_a - e_b)``.

        Both are to be added; they are told apart since one may be small beside the other.
        """
        found = np.zeros((len(to.k), len(origin.k)))
        for jump in self.chain.one_body:
            amplitude = np.zeros(found.shape, dtype=complex)
            for (x, y), W in jump.blocks.items():
                left = np.exp(-1j * to.k * x)[:, None] * to.vector.conj()
                amplitude += left @ W @ (np.exp(1j * origin.k * y)[:, None] * origin.vector).T
            found += jump.rate * np.abs(amplitude) ** 2
        thermal = np.zeros(found.shape)
        for bath in self.chain.baths:
            thermal += bath.rate * bath.weight(to.energy[:, None] - origin.energy)
        return found, thermal

    def linear(self, modes: Modes) -> tuple[Floats, Floats]:
        """Rates of loss and of gain of each mode, (n,)."""
        found = np.zeros((2, len(modes.k)))
        for jump in self.chain.linear:
            overlap = np.zeros(len(modes.k), dtype=complex)
            for (x,), w in jump.blocks.items():
                overlap += np.exp(-1j * modes.k * x) * (modes.vector.conj() @ w)
            found[int(jump.gains)] += jump.rate * np.abs(overlap) ** 2
        return found[0], found[1]

    def totals(self, modes: Modes) -> tuple[Floats, Floats]:
        """Rates into each mode from all others and out of it, (n,), without baths.

        These are the diagonals of ``sum r W W^+`` and ``sum r W^+ W``.
        """
        into, out = np.zeros((2, len(modes.k)))
        for jump in self.chain.one_body:
            reached: Blocks = {(y, x): W.conj().T for (x, y), W in jump.blocks.items()}
            into += jump.rate * _square(reached, modes)
            out += jump.rate * _square(jump.blocks, modes)
        return into, out


def _square(blocks: Blocks, modes: Modes) -> Floats:
    """The squared norm of ``W |a>``, summed over the cells that W stands in."""
    reached: dict[int, Complexes] = {}
    for (x, y), W in blocks.items():
        state = np.exp(1j * modes.k * y)[:, None] * (modes.vector @ W.T)
        reached[x] = reached.get(x, np.zeros_like(state)) + state
    return np.asarray(sum(np.sum(np.abs(state) ** 2, axis=1) for state in reached.values()), dtype=float)
