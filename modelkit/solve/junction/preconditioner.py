"""Unknowns from residuals by the balance at one energy; it makes Krylov steps few, and decides nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.errors import NotConverged
from modelkit.solve.energies.broadening import broadening
from modelkit.solve.junction.balance import Point
from modelkit.solve.junction.screening import Screened
from modelkit.solve.junction.steady import moves

Floats = NDArray[np.float64]

LEAST = 1e-3  # of the largest local density of states
HEAT = np.pi**2 / 3  # int (-f') z^2: heat of a difference of temperatures


def preconditioner(point: Point) -> Callable[[Floats], Floats]:
    """An approximate inverse of the Jacobian of many unknowns: of terminals and of potentials, each alone."""
    problem, screened = point.problem, point.problem.screened
    terminals = _of_terminals(point) if problem.blocks else np.copy
    if screened is None:
        return terminals
    potentials = of_potentials(screened, point.filled_sea.stiffness())

    def both(flat: Floats) -> Floats:
        found = terminals(flat)
        found[problem.charges] = -potentials(flat[problem.charges])
        return found

    return both


def of_potentials(screened: Screened, stiffness: Floats) -> Callable[[Floats], Floats]:
    """An approximate inverse of response and capacitances: the local density of states for the response.

    ``stiffness`` (n_sites,): electrons that leave each site as all levels are raised, per energy.
    """
    from scipy.sparse.linalg import splu

    local = screened.of_regions(stiffness)
    least = LEAST * float(np.abs(local).max(initial=0.0))
    matrix = screened.matrix + sparse.diags_array(np.maximum(local, least or 1.0))
    factors = splu(sparse.csc_array(matrix))

    def solve(flat: Floats) -> Floats:
        return np.asarray(factors.solve(flat))

    return solve


def _of_terminals(point: Point) -> Callable[[Floats], Floats]:
    """For the unknowns of terminals; what it does not know it leaves as it is.

    Where the balance at one energy does not determine them, each is answered by its own terminal's
    broadening.
    """
    problem, system = point.problem, point.system
    energy = _open_energy(point)
    own = broadening(system, energy)[0] / (2 * np.pi)
    scales = [_scale(point, k) for k in range(len(problem.blocks))]
    slopes = problem.right(point.x, point.scale)[1]
    load = [slope.get(block.unknown, 0.0) for slope, block in zip(slopes, problem.blocks, strict=True)]
    owner, sign, share = system.reservoirs.terminal, system.reservoirs.sign, system.reservoirs.share

    def alone(flat: Floats) -> Floats:
        found = flat.copy()
        for block, scale, slope in zip(problem.blocks, scales, load, strict=True):
            rate = scale * np.bincount(owner, share * own)[block.terminal] - slope
            found[block.place] = np.divide(
                flat[block.place], rate, out=flat[block.place].copy(), where=rate != 0
            )
        return found

    def together(flat: Floats) -> Floats:
        found = flat.copy()
        conductance = point.grid.prepared.at(energy)
        for unknown in dict.fromkeys(block.unknown for block in problem.blocks):
            chosen = problem.elastic.copy()
            constant, slope = np.zeros((2, len(chosen)))
            here = [k for k, block in enumerate(problem.blocks) if block.unknown == unknown]
            for k in here:
                block = problem.blocks[k]
                chosen[block.terminal] = True
                constant[block.terminal] = flat[block.place] / scales[k]
                slope[block.terminal] = load[k] / scales[k]
            # holes answer a chemical potential with the opposite sign, and a temperature with the same
            turned = sign if unknown == "mu" else np.ones_like(sign)
            asked = (turned * constant[owner])[None, :], slope[owner][None, :]
            y = conductance.balance(np.zeros((1, len(owner))), chosen[owner], *asked, fill=True)[0]
            for k in here:
                found[problem.blocks[k].place] = y[problem.blocks[k].terminal]  # of electrons
        return found

    try:
        together(np.ones(problem.size))
    except NotConverged:
        return alone
    return together


def _scale(point: Point, k: int) -> float:
    block = point.problem.blocks[k]
    T = float(point.distributions[1][block.terminal].mean())
    return HEAT * T if moves(block) and block.unknown == "T" else 1.0


def _open_energy(point: Point) -> Floats:
    """The middle of the unknown chemical potentials, or where most terminals are open; (1,).

    With a condensate its own potential comes first: there electrons and holes are mirror images.
    """
    mu = point.distributions[0]
    middle = np.array([0.0 if point.system.reservoirs.superconducting else float(np.median(mu))])
    if np.all(broadening(point.system, middle) > 0):
        return middle
    energies = point.grid.energies
    opened = np.count_nonzero(broadening(point.system, energies) > 0, axis=1)
    best = np.flatnonzero(opened == opened.max())
    chosen = best[np.argmin(np.abs(energies[best] - middle))]
    return energies[chosen : chosen + 1]
