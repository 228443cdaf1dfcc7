"""How far a Newton step may go: temperatures stay positive, cold terminals inside their bands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.solve.energies.broadening import broadening
from modelkit.solve.junction.balance import Point

Floats = NDArray[np.float64]

COOLEST = 0.2  # of a temperature that one step leaves of it
NEARLY = 0.9  # of the way to the end of a band that one step goes
FARTHEST = 10.0  # windows, T or hoppings by which one step moves a chemical potential


def meaningful(here: Point, step: Floats) -> float:
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
