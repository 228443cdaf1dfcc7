"""Whether conditions determine their unknowns where a condensate takes part.

With a condensate it is not enough to be connected (:mod:`modelkit.solve.junction.reach`): in a gap nothing
gets through, or what two probes exchange does not tell where both are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import NotConverged
from modelkit.numerics.quadrature import spot
from modelkit.solve.energies.elastic import completed
from modelkit.solve.junction.balance import Point
from modelkit.solve.junction.reach import APART, place
from modelkit.solve.junction.steady import moves

Floats = NDArray[np.float64]

CLOSED = 1e-26  # a transmission below it is rounding of its amplitude
SINGULAR = 1e-13  # smallest singular value of the scaled conditions
MOST_WORK = 1e8  # multiplications for the matrix of the conditions


def check_determined(point: Point) -> None:
    """Refuse unknowns of a superconducting device that could be anything; names the worst.

    Where the matrix of the conditions would cost too much nothing is said.

    Raises
    ------
    NotConverged
        A probe faces a gap, or hangs together with others alone.
    """
    problem, system = point.problem, point.system
    cold = _is_cold(point)
    energies = 1 if cold and problem.order is not None else point.grid.used
    work = problem.size * energies * system.n_terminals**2
    if not system.reservoirs.superconducting or not problem.size or work > MOST_WORK:
        return
    asked = [
        ({"mu": "chemical potential", "T": "temperature"}[block.unknown], terminal, moves(block))
        for block in problem.blocks
        for terminal in range(block.terminal.start, block.terminal.stop)
    ]
    matrix = _cold(point) if cold else point.jacobian
    scale = np.sqrt(np.abs(np.diag(matrix)))
    # an energy current is measured by the window that it stands in
    window = float(np.ptp(point.grid.energies)) or 1.0
    size = 2 * np.pi * scale**2 / np.array([window if energetic else 1.0 for *_, energetic in asked])
    if np.any(size <= CLOSED):
        unknown, terminal, _ = asked[int(np.argmin(size))]
        name, line, _, _ = place(problem.device, terminal)
        raise NotConverged(
            f"{name}{line} lets nothing through, so its {unknown} is not determined", hint=APART
        )
    left, strength, _ = np.linalg.svd(matrix / np.outer(scale, scale))
    if strength[-1] <= SINGULAR * strength[0]:
        unknown, terminal, _ = asked[int(np.argmax(np.abs(left[:, -1])))]
        name, line, _, _ = place(problem.device, terminal)
        raise NotConverged(
            f"the {unknown} of {name}{line} is not determined: no terminal with a given one, and "
            "no condensate, is connected to it",
            hint=APART,
        )


def _is_cold(point: Point) -> bool:
    """Whether the unknowns are chemical potentials at T = 0, at which the conditions are currents."""
    T = point.distributions[1]
    return all(
        block.unknown == "mu" and not moves(block) and not T[block.terminal].any()
        for block in point.problem.blocks
    )


def _cold(point: Point) -> Floats:
    """The Jacobian at T = 0 by transmissions at the potentials themselves, without interpolation."""
    problem, reservoirs = point.problem, point.system.reservoirs
    if problem.order is not None:
        grid = replace(point.grid, panels=spot(problem.mu))
        return replace(point, problem=replace(problem, order=1), grid=grid).jacobian
    mu, elastic = point.distributions[0], problem.elastic[reservoirs.terminal]
    found = np.zeros((problem.size, problem.size))
    for block, slope in zip(problem.blocks, problem.right(point.x, point.scale)[1], strict=True):
        found[block.place, block.place] = -np.diag(slope.get("mu", 0.0) + np.zeros(block.group.count))
    terminal = np.concatenate([np.arange(b.terminal.start, b.terminal.stop) for b in problem.blocks])
    for sign, first in ((1.0, 0), (-1.0, len(mu))):  # electrons, and behind them holes
        column = first + terminal
        conductance = point.grid.prepared.at(sign * mu[terminal])
        filled = np.zeros((len(terminal), len(reservoirs.terminal)))
        filled[np.arange(len(terminal)), column] = sign
        current = conductance.current(completed(conductance, filled, elastic))
        current = point.by_terminal(reservoirs.sign * current)
        found += current[:, terminal].T
    return found
