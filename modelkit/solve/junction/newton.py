"""Damped Newton steps on the conditions, and the path from equilibrium where they fail.

Steps never leave what is meaningful: temperatures stay positive, and at T = 0 an unknown chemical potential
does not leave the band of its terminal, where nothing would depend on it any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import NotConverged
from modelkit.solve.junction.balance import Point
from modelkit.solve.junction.bounds import after, meaningful
from modelkit.solve.junction.deviations import ROUNDING, own_scales, reach, worst
from modelkit.solve.junction.preconditioner import preconditioner

Floats = NDArray[np.float64]

ACCURACY = 1e-13  # of the conditions, where steps end
ENOUGH = 1e-10  # of the conditions, where no step makes them better
SETTLED = 1e-11  # of the spread of the unknowns: steps by which they need not be moved
CLOSE = 1e-6  # of it: steps so short need no damping, and what they leave is their square
LINEAR = 1e-3  # of a temperature: steps to which it responds linearly
KNOWN = 1e-9  # of it: as the unknowns must be known
ROUNDED = 4 * ROUNDING  # of the unknowns: steps that these do not hold
BLURRED = 1e-2  # of a step
PATIENCE = 4  # steps close to the solution that need not be shorter than those before
ITERATIONS = 60
SHORTEST = 1e-4  # of a Newton step
CONTRACTION = 0.5  # by which steps shrink on the way from a start that belongs to the solution
DENSE_UP_TO = 30  # unknowns
LOOSE = 1e-3  # relative accuracy of a Krylov step with unknown potentials, each product of which is dear
UNDETERMINED = "the conditions do not determine the unknowns"
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
    blur: float = 0.0  # what rounding may change of the last step, relative

    def direct(self, x: Floats, scale: float = 1.0, *, strict: bool = False) -> Point:
        """Newton's method from a start, until conditions are met and no step moves the unknowns any more.

        The latter since a weakly coupled terminal may be anywhere while its condition seems to be met.
        With ``strict`` it must go straight: undamped, each step at most half of the one before.

        Raises
        ------
        NotConverged
            With the best unknowns as ``best['x']``.
        """
        here, last, patience = self.point(x, scale), np.inf, PATIENCE
        for _ in range(ITERATIONS):
            met = worst(here, resolved=False) <= ACCURACY
            # after a short step what is left is its square
            if met and (last <= CLOSE or _length(here, self._estimate(here)) <= SETTLED):
                return self._determined(here)
            step = self.step(here)
            length = _length(here, step)
            close = worst(here) <= ENOUGH or length <= CLOSE
            if strict and length > CONTRACTION * last and not close:
                raise _stuck(here, "Newton steps do not contract")
            idle = close and length > CONTRACTION * last
            patience -= idle
            if not patience:
                return self._determined(_accepted(here, length))
            if close:
                there = self._moved(here, step, rounding=_is_rounding(here, step, idle=idle))
            else:
                there = self._damped(here, step, strict=strict)
            self.counts.steps += 1
            last, here = length, there
        return self._determined(_accepted(here, last))

    def along(self, start: Floats) -> Point:
        """Follow the solution from equilibrium; raises NotConverged where it ends."""
        self.restart()
        scale, step, x, before = 0.0, FIRST, start, None
        while True:
            to = min(1.0, scale + step)
            guess = x if before is None else x + (x - before[1]) * (to - scale) / (scale - before[0])
            try:
                found = self.direct(guess, to, strict=True)
            except NotConverged as error:
                step = (to - scale) / 2
                if step < LEAST:
                    point = self.point(x, 1.0)
                    reached = (
                        f"scaled up from equilibrium, {point.problem.driven} end at {scale:.4g} of what "
                    )
                    why = f"{reached}is asked" if scale else error.message
                    raise _stuck(point, why) from None
                continue
            if to == 1.0:
                return found
            before, x, scale, step = (scale, x), found.x, to, 2 * step

    def step(self, here: Point) -> Floats:
        """The step of Newton's method, (size,)."""
        found = self._dense(here) if here.problem.size <= DENSE_UP_TO else self._krylov(here)
        if not np.all(np.isfinite(found)):
            raise _stuck(here, UNDETERMINED)
        return found

    def _estimate(self, here: Point) -> Floats:
        """What a step would be, roughly."""
        if here.problem.size <= DENSE_UP_TO:
            return self.step(here)
        return preconditioner(here)(-here.left)

    def _dense(self, here: Point) -> Floats:
        rows = np.abs(here.jacobian).max(axis=1)
        scales = np.where(rows > 0, rows, 1.0)
        matrix = here.jacobian / scales[:, None]
        with np.errstate(all="ignore"):
            try:
                found = np.asarray(np.linalg.solve(matrix, -here.left / scales))
                self.blur = float(np.linalg.cond(matrix / np.abs(matrix).max(axis=0))) * ROUNDING
            except np.linalg.LinAlgError:
                raise _stuck(here, UNDETERMINED) from None
        return found

    def _determined(self, here: Point) -> Point:
        """The same, unless a group of terminals is so weakly coupled to all others that no step tells how."""
        if self.blur > BLURRED:
            raise _stuck(
                here,
                f"{UNDETERMINED}: they exchange much with one another, and with others no more than rounding",
            )
        return here

    def _krylov(self, here: Point) -> Floats:
        """Preconditioned from the left, so that it is the unknowns which are known to some accuracy."""
        from scipy.sparse.linalg import LinearOperator, gmres

        size = here.problem.size
        norms: list[float] = []
        helped = preconditioner(here)
        operator = LinearOperator((size, size), matvec=lambda v: helped(here.action(v)), dtype=float)
        wanted = min(1e-2, max(1e-12, 0.1 * ACCURACY / max(worst(here), ACCURACY)))
        if here.problem.screened is not None:
            wanted = max(wanted, min(LOOSE, worst(here)))
        step, _ = gmres(
            operator, helped(-here.left), rtol=max(wanted, 1e-8), atol=0.0, restart=60, maxiter=3,
            callback=norms.append, callback_type="pr_norm",
        )  # fmt: skip
        self.counts.iterations += len(norms)
        return np.asarray(step)

    def _moved(self, here: Point, step: Floats, *, rounding: bool) -> Point:
        """The point after a step; one that is rounding becomes the tail of the unknowns."""
        if rounding and not here.problem.follows:
            return replace(here, tail=step if here.tail is None else here.tail + step)
        return self.point(after(here, step, meaningful(here, step)), here.scale)

    def _damped(self, here: Point, step: Floats, *, strict: bool) -> Point:
        """The point after the step, or a part of it that makes the conditions better."""
        part = meaningful(here, step)
        if strict and part < 1:
            raise _stuck(here, "a Newton step leads too far")
        scales = own_scales(here)
        merit = _merit(here, scales)
        while part >= SHORTEST:
            there = self.point(after(here, step, part), here.scale)
            if strict or _merit(there, scales) <= (1 - 1e-4 * part) * merit:
                return there
            part /= 2
        raise _stuck(here, "no step makes the conditions better")


def _is_rounding(here: Point, step: Floats, *, idle: bool) -> bool:
    """Whether a step close to the solution is rounding: of the unknowns, or of the states they fill."""
    hot = here.problem.of_temperature
    if np.any(np.abs(step[hot]) > LINEAR * here.x[hot]):
        return False
    if here.tail is not None:
        return True
    if idle:
        return _length(here, step) <= KNOWN
    return float(np.abs(step).max(initial=0.0)) <= ROUNDED * float(np.abs(here.x).max(initial=0.0))


def _accepted(here: Point, length: float) -> Point:
    """The point where steps do not become shorter any more, if it is good enough."""
    off = worst(here)
    if off <= ENOUGH and length <= KNOWN:
        return here
    if off <= ENOUGH:
        raise _stuck(here, f"it is known to {length:.1e} of the bias only: what binds it is rounding")
    raise _stuck(here, f"Newton steps do not become shorter than {length:.1e} of the bias")


def _merit(point: Point, scales: Floats) -> float:
    off = point.left / scales
    return float(off @ off) if np.all(np.isfinite(off)) else np.inf


def _length(point: Point, step: Floats) -> float:
    """Of a step of the terminals' unknowns, as a part of how far these lie apart."""
    # potentials where there are no states may be anything: their charges say how good they are
    moved = step[: point.problem.charges.start] if point.problem.blocks else step
    return float(np.abs(moved).max(initial=0.0)) / (reach(point) or 1.0)


def _stuck(point: Point, why: str) -> NotConverged:
    return NotConverged(why, best={"x": point.x}, residual=worst(point))
