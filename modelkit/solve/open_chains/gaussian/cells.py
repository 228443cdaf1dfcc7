"""The covariance equation of a translation-invariant chain: a block G(k) for every momentum.

``G(k) = sum_r exp(-i k r) G_r`` with ``G_r = <c_j† c_{j+r}>``, the block (to, from) = (j + r, j).  Without
bilinear operators each block obeys a Lyapunov equation of its own.  Those couple all momenta, but through few
correlations G_r only, on which the jump operators stand:

    X(k) G(k) + G(k) X(k)† + P(k) + sum_Dr exp(-i k D) T_Dr : G_r = 0,

with D and r the distances between the creation and between the annihilation operators of two terms of a jump.
They obey a linear system of their own.  On the infinite chain the grid of momenta is doubled until they and
the energy current stay; it converges exponentially.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from modelkit.compile.modes import momenta_between, ring_momenta
from modelkit.compile.unit_cell import UnitCell
from modelkit.errors import ModelError, NotConverged
from modelkit.graph.device import Complexes, Floats

FEWEST, MOST = 64, 2**22
"""Momenta to begin with, and the most, times the fourth power of the orbitals of a cell."""
SETTLED = 1e-12
"""Change on doubling, relative to one particle, that ends it."""
DARK = 1e-12
"""Inverse condition number of the equation of one momentum below which it has no solution."""


@dataclass(frozen=True, eq=False)
class CellEquation:
    """The equation of one cell; ``held`` (d,) is 1 for orbitals that keep their particles."""

    cell: UnitCell
    held: Floats

    @cached_property
    def coupled(self) -> Mapping[tuple[int, int], Complexes]:
        """T by (D, r), (d, d, d, d): to, from of what is written, to, from of what is read."""
        found: dict[tuple[int, int], Complexes] = {}
        for jump in self.cell.jumps:
            for (x, y), one in jump.bilinear.items():
                for (x_other, y_other), other in jump.bilinear.items():
                    key = x - x_other, y - y_other
                    term = jump.rate * np.einsum("Aa,Bb->ABab", one, np.conj(other))
                    found[key] = found.get(key, 0) + term
        return found

    @cached_property
    def distances(self) -> list[int]:
        """The r of all G_r that are read by jumps or needed for currents."""
        read = {r for _, r in self.coupled} | set(self.cell.hopping) | {0}
        return sorted(read | {-r for r in read})

    def linear(self, k: Floats, jump: int | None = None) -> tuple[Complexes, Complexes]:
        """``l + g`` and P = g at momenta, (n_k, d, d) each, of one jump or of all."""
        jumps = self.cell.jumps if jump is None else self.cell.jumps[jump : jump + 1]
        decay = np.zeros((len(k), self.cell.dimension, self.cell.dimension), dtype=np.complex128)
        source = decay.copy()
        for one in jumps:
            loss, gain = _wave(one.loss, k, 1, decay), _wave(one.gain, k, -1, decay)
            decay += one.rate * loss.conj()[:, :, None] * loss[:, None, :]
            source += one.rate * gain[:, :, None] * gain.conj()[:, None, :]
        return decay + source, source

    def drift(self, k: Floats) -> Complexes:
        """X(k), with what is held decaying, so that it has a solution: zero."""
        found = -1j * self.cell.hamiltonian(k) - self.linear(k)[0] / 2 - np.diag(self.held)
        for jump in self.cell.jumps:
            for (x, y), one in jump.bilinear.items():
                for (x_other, y_other), other in jump.bilinear.items():
                    if x == x_other:
                        phase = np.exp(-1j * k * (y - y_other))[:, None, None]
                        found = found - jump.rate / 2 * phase * (np.conj(one).T @ other)
        return found

    def map(self, k: Floats) -> Complexes:
        """``X (x) 1 + 1 (x) X*`` at momenta, (n_k, d^2, d^2), on G(k) row by row."""
        drift, one = self.drift(k), np.eye(self.cell.dimension)
        size = self.cell.dimension**2
        found = np.einsum("kab,cd->kacbd", drift, one) + np.einsum("ab,kcd->kacbd", one, drift.conj())
        return np.asarray(found.reshape(len(k), size, size))

    def inverse(self, k: Floats) -> Complexes:
        """Inverse of minus that map, (n_k, d^2, d^2).

        Raises
        ------
        ModelError
            A mode at one of the momenta does not decay.
        """
        matrices = -self.map(k)
        values = np.linalg.svd(matrices, compute_uv=False)
        if np.any(dark := values[:, -1] <= DARK * values[:, 0]):
            raise ModelError(
                f"at {self.cell.momentum} = {k[dark][0]:.6g} a mode is reached by no jump: nothing tells "
                "its occupation",
                hint="ask for other momenta, or for 'evolution'",
            )
        return np.asarray(np.linalg.inv(matrices))

    def solved(self, k: Floats, correlations: Complexes | None = None) -> Complexes:
        """G(k) at momenta for given G_r by ``distances``, (n_k, d, d)."""
        d = self.cell.dimension
        right = self.linear(k)[1]
        if correlations is not None:
            right = right + self.written(k, correlations)
        found = self.inverse(k) @ right.reshape(len(k), d * d, 1)
        return np.asarray(found.reshape(len(k), d, d))

    def written(self, k: Floats, correlations: Complexes) -> Complexes:
        """``sum_Dr exp(-i k D) T_Dr : G_r``, (n_k, d, d)."""
        d = self.cell.dimension
        found = np.zeros((len(k), d, d), dtype=np.complex128)
        for (distance, r), tensor in self.coupled.items():
            value = np.einsum("ABab,ab->AB", tensor, correlations[self.distances.index(r)])
            found += np.exp(-1j * k * distance)[:, None, None] * value
        return found

    def correlations(self, k: Floats, blocks: Complexes) -> Complexes:
        """G_r by ``distances``, means over momenta, (n_r, d, d)."""
        phase = np.exp(1j * np.multiply.outer(self.distances, k)) / len(k)
        return np.einsum("rk,kab->rab", phase, blocks)

    def steady(self, k: Floats) -> Complexes:
        """All G_r for a grid of momenta, (n_r, d, d)."""
        first = self.correlations(k, self.solved(k))
        if not self.coupled:
            return first
        kernel = self._kernel(k)
        flat = np.linalg.solve(np.eye(len(kernel)) - kernel, first.ravel())
        return np.asarray(flat.reshape(first.shape))

    def _kernel(self, k: Floats) -> Complexes:
        """G_r' that each element of each G_r gives rise to, (n_r d^2, n_r d^2)."""
        d, r = self.cell.dimension, len(self.distances)
        inverse = self.inverse(k)
        found = np.zeros((r, d * d, r, d * d), dtype=np.complex128)
        for (distance, read), tensor in self.coupled.items():
            steps = np.array(self.distances) - distance
            phase = np.exp(1j * np.multiply.outer(steps, k)) / len(k)
            moved = np.einsum("rk,kab->rab", phase, inverse) @ tensor.reshape(d * d, d * d)
            found[:, :, self.distances.index(read)] += moved
        return found.reshape(r * d * d, r * d * d)


def settled(equation: CellEquation) -> tuple[Floats, Complexes, float]:
    """Momenta, G_r, and by how much they changed last; of a ring all its momenta.

    Raises
    ------
    NotConverged
        Momenta are doubled beyond ``MOST``.
    """
    cell = equation.cell
    if cell.cells is not None:
        k = ring_momenta(cell.cells)
        return k, equation.steady(k), 0.0
    count = max(FEWEST, 4 * max(map(abs, equation.distances)))
    before, change = None, np.inf
    while count * cell.dimension**4 <= MOST:
        k = momenta_between(count)
        found = equation.steady(k)
        if before is not None:
            change = float(np.abs(found - before).max())
            if change < SETTLED:
                return k, found, change
        before, count = found, 2 * count
    message = f"correlations still change by {change:.1e} with {count // 2} momenta"
    raise NotConverged(message, residual=change, hint="give the ring a number of cells")


def _wave(parts: Mapping[int, Complexes], k: Floats, sign: int, like: Complexes) -> Complexes:
    """``sum_x exp(sign i k x) v_x``, (n_k, d)."""
    found = np.zeros(like.shape[:2], dtype=np.complex128)
    for x, vector in parts.items():
        found += np.exp(sign * 1j * k * x)[:, None] * vector
    return found
