"""Damped Newton steps on the conditions, and the path from equilibrium where they fail.

Steps never leave what is meaningful: temperatures stay positive, and at T = 0 an unknown chemical potential
does not leave the band of its terminal, where nothing would depend on it any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import NotConverged
from modelkit.results.audit import relative, resolved_flow
from modelkit.solve.energies.broadening import broadening
from modelkit.solve.junction.balance import Point, moves
from modelkit.solve.junction.charge_balance import charge_scales
from modelkit.solve.junction.preconditioner import preconditioner

Floats = NDArray[np.float64]

ACCURACY = 1e-13  # of the conditions, where steps end
ENOUGH = 1e-10  # of the conditions, where no step makes them better
ITERATIONS = 60
SHORTEST = 1e-4  # of a Newton step
CONTRACTION = 0.5  # by which steps shrink on the way from a start that belongs to the solution
DENSE_UP_TO = 30  # unknowns
LOOSE = 1e-3  # relative accuracy of a Krylov step with unknown potentials, each product of which is dear
COOLEST = 0.2  # of a temperature that one step leaves of it
NEARLY = 0.9  # of the way to the end of a band that one step goes
FARTHEST = 10.0  # windows, T or hoppings by which one step moves a chemical potential
FIRST = 0.25  # step of the scale on the path from equilibrium
LEAST = 1e-4  # step of the scale at which the path is given up


@dataclass
class Counts:
    """What it took."""

    steps: int = 0
    iterations: int = 0


@dataclass
class Search:
    """Solves the conditions; ``point(x, scale)`` poses them at given unknowns.

    ``restart()`` forgets how far earlier attempts went astray.
    """

    point: Callable[[Floats, float], Point]
    restart: Callable[[], None]
    counts: Counts = field(default_factory=Counts)

    def direct(self, x: Floats, scale: float = 1.0, *, strict: bool = False) -> Point:
        """Newton's method from a start.

        With ``strict`` it must go straight: undamped, each step at most half of the one before.

        Raises
        ------
        NotConverged
            With the best unknowns as ``best['x']``.
        """
        here = self.point(x, scale)
        last, off = np.inf, worst(here)
        for _ in range(ITERATIONS):
            if off <= ACCURACY:
                return here
            step = self.step(here)
            length = float(np.abs(step).max())
            if strict and length > CONTRACTION * last and off > ENOUGH:
                raise _stuck(here, "Newton steps do not contract")
            there = self._damped(here, step, strict=strict)
            self.counts.steps += 1
            now = worst(there) if there is not None else np.inf
            if there is None or not now < off:
                if off <= ENOUGH:
                    return here
                if there is None:
                    raise _stuck(here, "no step makes the conditions better")
            last, here, off = length, there, now
        if off <= ENOUGH:
            return here
        raise _stuck(here, f"{ITERATIONS} Newton steps were not enough")

    def along(self, start: Floats) -> Point:
        """Follow the solution from equilibrium; raises NotConverged where it ends."""
        self.restart()
        scale, step, x, before = 0.0, FIRST, start, None
        while True:
            to = min(1.0, scale + step)
            guess = x if before is None else x + (x - before[1]) * (to - scale) / (scale - before[0])
            try:
                found = self.direct(guess, to, strict=True)
            except NotConverged:
                step = (to - scale) / 2
                if step < LEAST:
                    raise _stuck(
                        self.point(x, 1.0), f"continued from equilibrium it ends at {scale:.4g} of the bias"
                    ) from None
                continue
            if to == 1.0:
                return found
            before, x, scale, step = (scale, x), found.x, to, 2 * step

    def step(self, here: Point) -> Floats:
        """The step of Newton's method, (size,)."""
        left = here.left
        size = here.problem.size
        if size <= DENSE_UP_TO:
            with np.errstate(all="ignore"):
                try:
                    found = np.linalg.solve(here.jacobian / _scales(here)[:, None], -left / _scales(here))
                except np.linalg.LinAlgError:
                    raise _stuck(here, "the conditions do not determine the unknowns") from None
        else:
            found = self._krylov(here)
        if not np.all(np.isfinite(found)):
            raise _stuck(here, "the conditions do not determine the unknowns")
        return np.asarray(found)

    def _krylov(self, here: Point) -> Floats:
        from scipy.sparse.linalg import LinearOperator, gmres

        size = here.problem.size
        norms: list[float] = []
        scales = _scales(here)
        operator = LinearOperator((size, size), matvec=lambda v: here.action(v) / scales, dtype=float)
        helped = preconditioner(here)
        before = LinearOperator((size, size), matvec=lambda v: helped(v * scales), dtype=float)
        wanted = min(1e-2, max(1e-12, 0.1 * ACCURACY / max(worst(here), ACCURACY)))
        if here.problem.screened is not None:
            wanted = max(wanted, min(LOOSE, worst(here)))
        step, _ = gmres(
            operator, -here.left / scales, M=before, rtol=max(wanted, 1e-8), atol=0.0, restart=60, maxiter=3,
            callback=norms.append, callback_type="pr_norm",
        )  # fmt: skip
        self.counts.iterations += len(norms)
        return np.asarray(step)

    def _damped(self, here: Point, step: Floats, *, strict: bool) -> Point | None:
        """The point after the step, or a part of it that makes the conditions better."""
        part = _meaningful(here, step)
        if strict and part < 1:
            return None
        merit, scales = _merit(here, _scales(here)), _scales(here)
        while part >= SHORTEST:
            there = self.point(here.x + part * step, here.scale)
            now = _merit(there, scales)
            if strict or now <= (1 - 1e-4 * part) * merit:
                return there
            part /= 2
        return None


def worst(point: Point) -> float:
    """The largest deviation of a condition, relative to the largest gross flow of its kind."""
    scales = _scales(point)
    off = np.abs(point.left)
    return max((relative(float(o), float(s)) for o, s in zip(off, scales, strict=True)), default=0.0)


def offsets(point: Point) -> Floats:
    """Deviations of all conditions as in :func:`worst`, (size,)."""
    scales = _scales(point)
    return np.divide(np.abs(point.left), scales, out=np.where(point.left == 0, 0.0, np.inf), where=scales > 0)


def least_flow(point: Point) -> float:
    """A flow below it is rounding."""
    mu, T = point.distributions
    if point.system.reservoirs.superconducting:
        mu = np.append(mu, 0.0)
    return resolved_flow(float(np.ptp(mu) + np.ptp(T)))


def _scales(point: Point) -> Floats:
    """By which deviations of conditions are measured, (size,)."""
    problem = point.problem
    right = np.abs(problem.right(point.x, point.scale)[0])
    floor = least_flow(point)
    number = max(float(point.gross.max(initial=0.0)), floor)
    energy = max(
        float(point.gross_energy.max(initial=0.0)), floor * float(point.distributions[1].max(initial=0))
    )
    found = np.zeros(problem.size)
    for block in problem.blocks:
        one = energy if moves(block) else number
        found[block.place] = max(one, float(right[block.place].max(initial=0.0))) or 1.0
    if problem.screened is not None:
        found[problem.charges] = charge_scales(point)
    return found


def _merit(point: Point, scales: Floats) -> float:
    off = point.left / scales
    return float(off @ off) if np.all(np.isfinite(off)) else np.inf


def _meaningful(here: Point, step: Floats) -> float:
    """The part of a step that may be done."""
    problem, part = here.problem, 1.0
    mu, T = here.distributions
    hot = problem.of_temperature
    if hot.any() and problem.order is None:
        falling = hot & (step < 0)
        part = min(part, float(np.min((COOLEST - 1) * here.x[falling] / step[falling], initial=1.0)))
    widest = float(abs(here.system.hamiltonian).max()) if here.system.hamiltonian.nnz else 0.0
    far = FARTHEST * (float(np.ptp(mu)) + float(T.max(initial=0.0)) + widest) or np.inf
    longest = float(np.abs(step[~hot]).max(initial=0.0))
    if problem.order is None and longest > far:
        part = min(part, far / longest)
    return min(part, _inside_bands(here, step)) if problem.order is None else part


def _inside_bands(here: Point, step: Floats) -> float:
    """Cold terminals stay where they let anything through."""
    problem, system, part = here.problem, here.system, 1.0
    edges, T = system.contacts.edges, here.distributions[1]
    owner = np.where(system.reservoirs.sign > 0, system.reservoirs.terminal, -1)
    for block in problem.blocks:
        if block.unknown != "mu" or not len(edges):
            continue
        old, new = here.x[block.place], (here.x + step)[block.place]
        terminal = np.arange(block.terminal.start, block.terminal.stop)
        crossing = (np.searchsorted(edges, old) != np.searchsorted(edges, new)) & (T[terminal] == 0)
        for k in np.flatnonzero(crossing):
            low, high = sorted((old[k], new[k]))
            between = edges[(edges > low) & (edges < high)]
            beyond = np.concatenate([[new[k]], between + 1e-9 * np.sign(new[k] - old[k])])
            column = np.flatnonzero(owner == terminal[k])
            closed = ~np.any(broadening(system, np.unique(beyond))[:, column] > 0, axis=1)
            if closed.any() and len(between):
                first = float(np.min(np.abs(between - old[k])))
                part = min(part, NEARLY * first / abs(float(step[block.place][k])))
    return part


def _stuck(point: Point, why: str) -> NotConverged:
    return NotConverged(why, best={"x": point.x}, residual=worst(point))
