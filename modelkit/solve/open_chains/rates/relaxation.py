"""The rate equations in time, stiff as they are: linearly implicit Euler steps, extrapolated.

A step of length h is done in 1, 2, 3, ... substeps, ``(1 - h/m J) delta = (h/m) dn/dt``; Richardson's table
removes one power of h after another, until the last two entries agree.  J is a diagonal and 2D products, so
that a substep costs O(M D).  Conserved numbers stay conserved to rounding.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.modes import Rates
from modelkit.errors import ModelError, NotConverged
from modelkit.solve.open_chains.rates.kinetics import Filled, Floats, Jacobian, flow, jacobian

ROWS = 10  # of the extrapolation table
TOLERANCE = 1e-10  # of a step, in the occupations; what is reached is better by about an order
EDGE = 1e-3  # n (1 - n) below which errors count relative to it, for the Lagrange multipliers
LEAST = 0.1  # of the tolerance: what rounding leaves of differences in the table
STEPS = 20000
FASTEST = 1e150  # rate: its square is a number
SHRINK, GROW = 0.4, 4.0
EAGER = 0.3  # growth of the step for each row of the table that was not needed


def relax(rates: Rates, n: Floats, times: Floats) -> tuple[NDArray[np.float64], int]:
    """Occupations at times, from n at time 0.

    Parameters
    ----------
    rates : Rates
    n : (M,)
    times : (n_t,)
        Ascending, not negative.

    Returns
    -------
    (n_t, M), int
        Occupations and how many steps it took.

    Raises
    ------
    ModelError
        Rates that are too large.
    NotConverged
        More than ``STEPS`` steps.
    """
    found = np.empty((len(times), len(n)))
    now, taken = 0.0, 0
    with np.errstate(over="ignore", invalid="ignore"):
        fastest = float(np.max(jacobian(rates, _filled(n)).total, initial=1e-300))
    if not fastest < FASTEST:
        raise ModelError(
            "some rates are larger than numbers hold, so that nothing can be followed in time",
            hint="raise the temperature of the baths, or ask for the steady state",
        )
    step = 0.01 / fastest
    for number, time in enumerate(times):
        while now < time:
            length = min(step, time - now)
            moved, step = _step(rates, n, length, step)
            taken += 1
            if taken > STEPS:
                raise NotConverged(
                    f"the evolution reached the time {now:.3g} of {times[-1]:.3g} after {STEPS} steps",
                    residual=1.0 - now / float(times[-1]),
                )
            if moved is not None:
                n, now = moved, (time if length == time - now else now + length)
        found[number] = n
    return found, taken


def _step(rates: Rates, n: Floats, length: float, step: float) -> tuple[Floats | None, float]:
    """Occupations after a step, None if it was too long; and how long the next may be."""
    slopes = jacobian(rates, _filled(n))
    allowed = TOLERANCE * np.clip(n * (1 - n) / EDGE, LEAST, 1.0)
    table: list[Floats] = []
    for row in range(ROWS):
        table = _extrapolated(table, _euler(rates, slopes, n, length, row + 1))
        if row == 0:
            continue
        error = float(np.max(np.abs(table[-1] - table[-2]) / allowed))
        if not np.isfinite(error):
            break
        if error < 1.0:
            if length < step:
                return table[-1], step  # cut short by the time that is asked
            return table[-1], length * min(GROW, 1.0 + EAGER * (ROWS - 1 - row))
    return None, SHRINK * length


def _extrapolated(before: list[Floats], first: Floats) -> list[Floats]:
    """Next row of the table; substeps are 1, 2, 3, ..."""
    row = [first]
    number = len(before) + 1
    for column, above in enumerate(before):
        row.append(row[-1] + (row[-1] - above) / (number / (number - column - 1) - 1.0))
    return row


def _euler(rates: Rates, slopes: Jacobian, n: Floats, length: float, substeps: int) -> Floats:
    """Linearly implicit Euler steps."""
    step = length / substeps
    solve = _implicit(slopes, step)
    for _ in range(substeps):
        n = n + solve(step * flow(rates, n))
    return n


def _implicit(slopes: Jacobian, step: float) -> Callable[[Floats], Floats]:
    """Solution of ``(1 - step J) x = b``: a diagonal and products (Woodbury)."""
    diagonal = 1.0 + step * slopes.total
    left = step * slopes.left / diagonal
    inner = np.linalg.inv(np.eye(len(left)) - slopes.right @ left.T)

    def solve(known: Floats) -> Floats:
        first = known / diagonal
        return np.asarray(first + (inner @ (slopes.right @ first)) @ left)

    return solve


def _filled(n: Floats) -> Filled:
    return Filled(n, 1.0 - n)
