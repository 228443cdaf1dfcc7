"""Where a Newton step leads: temperatures stay positive, cold terminals inside their bands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.solve.energies.broadening import broadening
from modelkit.solve.junction.balance import Point

Floats = NDArray[np.float64]

COOLEST = 0.2  # of a temperature that one step leaves of it
NEARLY = 0.9  # of the way to the end of a band that one step goes
FARTHEST = 10.0  # windows, T or hoppings by which one step moves a chemical potential


def after(here: Point, step: Floats, part: float) -> Floats:
    """The unknowns after a part of a step, (size,).

    Energy currents go with the squares of temperatures, and it is these that a step changes.
    """
    found, hot = here.x + part * step, here.problem.of_temperature
    if hot.any() and here.problem.order is None:
        T = here.x[hot]
        found[hot] = np.sqrt(np.maximum(T * (T + 2 * part * step[hot]), (COOLEST * T) ** 2))
    return found


def meaningful(here: Point, step: Floats) -> float:
    """The part of a step that may be done."""
    problem = here.problem
    if problem.order is not None:
        return 1.0
    mu, T = here.distributions
    widest = float(abs(here.system.hamiltonian).max()) if here.system.hamiltonian.nnz else 0.0
    far = FARTHEST * (float(np.ptp(mu)) + float(T.max(initial=0.0)) + widest) or np.inf
    longest = float(np.abs(step[~problem.of_temperature]).max(initial=0.0))
    return min(_inside_bands(here, step), far / longest if longest > far else 1.0)


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
