"""Unknowns of probes eliminated from expansions of the first and second order.

The variables are mu and T of every terminal, (2, n): some are driven, some unknown, some have no meaning
(those of elastic probes, T where the reference is at T = 0).  Conditions are combinations of a terminal's
current and heat current, less what is prescribed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import NotConverged
from modelkit.results.audit import relative
from modelkit.solve.junction.steady import SOLVABLE, Steady, Wanted

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.intp]

SINGULAR = 1e-14  # smallest singular value of the scaled conditions, relative to the largest


@dataclass(frozen=True)
class Elimination:
    """The first order solved.

    Parameters
    ----------
    problem : Steady
        Of order 2.
    first : (2, n, 2, n)
        Derivatives of I and J by mu and T, before elimination.
    absolute : (2, n, 2, n)
        The same, absolutely summed.
    """

    problem: Steady
    first: Floats
    absolute: Floats

    @cached_property
    def driven(self) -> Flags:
        """(2, n): which variables are given."""
        problem = self.problem
        free = ~problem.elastic
        found = np.stack([free & ~problem.condensed, free & (problem.T > 0)])
        for block in problem.blocks:
            found[SOLVABLE.index(block.unknown), block.terminal] = False
        return found

    @cached_property
    def deviations(self) -> Floats:
        """``z`` (2, n, D): what each driven variable moves, in the order of ``np.argwhere(driven)``."""
        return self._with(np.eye(self.driven.size)[self.driven.ravel()].T)

    @cached_property
    def linear(self) -> Floats:
        """Currents and heat currents by driven variables, (2, n, D)."""
        return np.tensordot(self.first, self.deviations, axes=2)

    @cached_property
    def gross(self) -> Floats:
        """The same absolutely summed: what rounding is measured by."""
        return np.tensordot(self.absolute, np.abs(self.deviations), axes=2)

    @cached_property
    def off(self) -> float:
        """How far the conditions are from being met, relative to the largest gross flow."""
        return self._off(self._matrix @ self._flat(self.deviations), self.deviations)

    def second(self, curved: Floats, least: tuple[float, float]) -> tuple[Floats, float]:
        """Second derivatives of I and J by driven variables, (2, n, D, D), with the residual as ``off``.

        ``curved`` of the same shape: those with the unknowns on their first order; the unknowns' own second
        order is solved for here.  Residuals are not taken relative to less than ``least`` (I, J): where a
        second order vanishes identically, all of it is rounding.
        """
        count = curved.shape[2]
        left = self._conditions(curved) - self._right_curvature
        pairs = left.reshape(len(left), count * count)
        grown = np.zeros((self.first[0, 0].size, pairs.shape[1]))
        if len(self._rows):
            grown[self._unknown] = self._solve(-pairs)
        moved = grown.reshape(2, self.first.shape[1], count, count)
        found = curved + np.tensordot(self.first, moved, axes=2)
        off = self._conditions(found) - self._right_curvature
        own = np.einsum("rv,vjk->rjk", self._own, grown.reshape(-1, count, count))
        return found, self._off(off - own, moved.reshape(2, self.first.shape[1], -1), curved, least)

    def _with(self, driven: Floats) -> Floats:
        """Complete deviations (2n, m) with those of the unknowns; (2, n, m)."""
        whole = driven.copy()
        if len(self._rows):
            whole[self._unknown] = self._solve(-self._matrix @ driven)
        return whole.reshape(2, len(driven) // 2, driven.shape[1])

    @cached_property
    def _rows(self) -> list[tuple[Wanted, int, float, float]]:
        """Block, terminal, and the parts of I and J in its condition."""
        rows = []
        for block in self.problem.blocks:
            flat, steep = parts(block)
            rows += [(block, a, flat, steep) for a in range(block.terminal.start, block.terminal.stop)]
        return rows

    @cached_property
    def _unknown(self) -> Integers:
        n = self.first.shape[1]
        return np.array([SOLVABLE.index(b.unknown) * n + a for b, a, _, _ in self._rows], dtype=np.intp)

    def _conditions(self, flows: Floats) -> Floats:
        """Left sides of the conditions for currents and heat currents (2, n, ...)."""
        found = [flat * flows[0, a] + steep * flows[1, a] for _, a, flat, steep in self._rows]
        return np.stack(found) if found else np.zeros((0, *flows.shape[2:]))

    @cached_property
    def _own(self) -> Floats:
        """What is prescribed, by the variables of its own terminal, (n_conditions, 2n)."""
        n = self.first.shape[1]
        found = np.zeros((len(self._rows), 2 * n))
        for row, (block, a, _, _) in enumerate(self._rows):
            for name, slope in self._slopes(block, {}).items():
                if self.problem.T > 0 or name == "mu":
                    found[row, SOLVABLE.index(name) * n + a] = slope[a - block.terminal.start]
        return found

    @cached_property
    def _matrix(self) -> Floats:
        """Conditions by all variables, (n_conditions, 2n)."""
        return self._conditions(self.first).reshape(self._own.shape) - self._own

    def _solve(self, right: Floats) -> Floats:
        matrix = self._matrix[:, self._unknown]
        rows = np.abs(matrix).max(axis=1, initial=0.0)
        scaled = matrix / np.where(rows > 0, rows, 1.0)[:, None]
        columns = np.abs(scaled).max(axis=0, initial=0.0)
        scaled = scaled / np.where(columns > 0, columns, 1.0)
        strength = np.linalg.svd(scaled, compute_uv=False)
        if not strength[-1] > SINGULAR * strength[0]:
            raise NotConverged("the conditions of the probes do not determine their unknowns")
        solved = np.linalg.solve(scaled, right / rows[:, None])
        return np.asarray(solved / columns[:, None])

    @cached_property
    def _right_curvature(self) -> Floats:
        """Second derivatives of what is prescribed, along the first order; (n_conditions, D, D).

        Right sides are polynomials of degree 2, so differences of their slopes are exact.
        """
        z = self.deviations
        found = np.zeros((len(self._rows), z.shape[2], z.shape[2]))
        row = 0
        for block in self.problem.blocks:
            here = slice(row, row := row + block.terminal.stop - block.terminal.start)
            before = self._slopes(block, {})
            for j in range(z.shape[2]):
                own = {name: z[kind, block.terminal, j] for kind, name in enumerate(SOLVABLE)}
                for name, slope in self._slopes(block, own).items():
                    change = slope - before[name]
                    found[here, j] += change[:, None] * z[SOLVABLE.index(name), block.terminal]
        return found

    def _slopes(self, block: Wanted, away: Mapping[str, Floats]) -> dict[str, Floats]:
        problem, none = self.problem, np.zeros(block.terminal.stop - block.terminal.start)
        at = {"mu": problem.mu + away.get("mu", none), "T": problem.T + away.get("T", none)}
        slopes = block.right(at, problem.device.reference)[1]
        return {name: np.broadcast_to(slope, none.shape) for name, slope in slopes.items()}

    def _flat(self, z: Floats) -> Floats:
        return z.reshape(len(z) * z.shape[1], z.shape[2])

    def _off(
        self, left: Floats, z: Floats, more: Floats | None = None, least: tuple[float, float] = (0.0, 0.0)
    ) -> float:
        """Residuals by the largest gross flow, heat currents by the largest of theirs."""
        found = 0.0
        gross = np.tensordot(self.absolute, np.abs(z), axes=2).max(axis=(1, 2), initial=0.0)
        gross = np.maximum(gross, least)
        if more is not None:
            gross = np.maximum(gross, np.abs(more).reshape(2, -1).max(axis=1, initial=0.0))
        for (_, _, flat, steep), one in zip(self._rows, left, strict=True):
            scale = abs(flat) * gross[0] + abs(steep) * gross[1]
            found = max(found, relative(float(np.abs(one).max(initial=0.0)), float(scale)))
        return found


def parts(block: Wanted) -> tuple[float, float]:
    """The weights of I and of J in a condition whose weight is linear in the energy."""
    at_mu, beyond = block.weight(np.array([0.0, 1.0]), np.ones(2))
    return float(at_mu), float(beyond - at_mu)
