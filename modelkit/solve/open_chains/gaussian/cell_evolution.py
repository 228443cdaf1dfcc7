"""The covariance of one cell in time: blocks G(k), each by itself or joined by bilinear jumps.

Without bilinear jumps a step in time is the exponential of the map of each momentum, its source included,
and exact to rounding.  With them momenta are joined through ``G_r``, and an explicit method of order 8 with
error control (Dormand and Prince) integrates all together.  Momenta that are asked for but on no grid follow
without acting back.  On the infinite chain the grid is doubled until correlations at all times stay:
particles that start together must not meet again on the other side of the ring that the grid is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from modelkit.compile.modes import momenta_between, ring_momenta
from modelkit.errors import NotConverged
from modelkit.graph.device import Complexes, Floats
from modelkit.solve.open_chains.gaussian.cells import FEWEST, CellEquation

MOST = 2**24
"""The most momenta, times the number of times and the square of the orbitals of a cell."""
SETTLED = 1e-10
"""Change of correlations on doubling that ends it."""
RELATIVE, ABSOLUTE = 1e-11, 1e-13
"""Local error of the integration."""

Blocks = Callable[[Floats], Complexes]


@dataclass(frozen=True, eq=False)
class Evolved:
    """Blocks (n_t, n_k, d, d) on the grid ``k``, and at the momenta that are shown; the last change."""

    k: Floats
    blocks: Complexes
    correlations: Complexes
    shown: Complexes
    change: float


def evolved_cell(equation: CellEquation, start: Blocks, times: Floats, shown: Floats) -> Evolved:
    """Blocks at ascending times, from ``start(k)`` at time 0.

    Raises
    ------
    NotConverged
        Correlations do not settle as momenta are doubled.
    """
    found: Evolved | None = None
    change = np.inf
    for k in _grids(equation, len(times)):
        blocks = _evolved(equation, start, times, np.append(k, shown), len(k))
        here = blocks[:, : len(k)]
        correlations = np.array([equation.correlations(k, one) for one in here])
        if equation.cell.cells is not None:
            change = 0.0
        elif found is not None:
            change = float(np.abs(correlations - found.correlations).max())
        found = Evolved(k, here, correlations, blocks[:, len(k) :], change)
        if change < SETTLED:
            return found
    message = f"correlations still change by {change:.1e} where momenta are doubled"
    raise NotConverged(message, residual=change, hint="end the sweep of time earlier")


def _grids(equation: CellEquation, times: int) -> Iterator[Floats]:
    cells, d = equation.cell.cells, equation.cell.dimension
    if cells is not None:
        yield ring_momenta(cells)
        return
    count = max(FEWEST, 4 * max(map(abs, equation.distances)))
    while count * max(times, 1) * d**2 <= MOST:
        yield momenta_between(count)
        count *= 2


def _evolved(equation: CellEquation, start: Blocks, times: Floats, k: Floats, grid: int) -> Complexes:
    """Blocks at all momenta, the first ``grid`` of which the correlations are means over."""
    first = start(k).astype(np.complex128)
    if equation.coupled:
        return _integrated(equation, first, times, k, grid)
    return np.array(list(_stepped(equation, first, times, k)))


def _stepped(equation: CellEquation, first: Complexes, times: Floats, k: Floats) -> Iterator[Complexes]:
    from scipy.linalg import expm

    d = equation.cell.dimension
    generator = np.zeros((len(k), d * d + 1, d * d + 1), dtype=np.complex128)
    generator[:, :-1, :-1] = equation.map(k)
    generator[:, :-1, -1] = equation.linear(k)[1].reshape(len(k), d * d)
    state = np.concatenate([first.reshape(len(k), d * d), np.ones((len(k), 1))], axis=1)
    before, step, propagator = 0.0, np.nan, generator
    for time in times:
        if time != before:
            if not np.isclose(time - before, step, rtol=1e-13, atol=0.0):
                step = time - before
                propagator = expm(generator * step)
            state = (propagator @ state[:, :, None])[:, :, 0]
            before = time
        yield state[:, :-1].reshape(first.shape)


def _integrated(equation: CellEquation, first: Complexes, times: Floats, k: Floats, grid: int) -> Complexes:
    drift, source = equation.drift(k), equation.linear(k)[1]
    adjoint = np.conj(np.swapaxes(drift, 1, 2))

    def change(_: float, state: Complexes) -> Complexes:
        blocks = state.reshape(first.shape)
        correlations = equation.correlations(k[:grid], blocks[:grid])
        found = drift @ blocks + blocks @ adjoint + source + equation.written(k, correlations)
        return np.asarray(found.ravel())

    end = float(times.max(initial=0.0))
    if end == 0:
        return np.repeat(first[None], len(times), axis=0)
    from scipy.integrate import solve_ivp

    run = solve_ivp(change, (0.0, end), first.ravel(), "DOP853", t_eval=times, rtol=RELATIVE, atol=ABSOLUTE)
    if not run.success:
        raise NotConverged(
            f"the evolution was not integrated: {run.message}", hint="end the sweep of time earlier"
        )
    return np.asarray(run.y.T.reshape(len(times), *first.shape))
