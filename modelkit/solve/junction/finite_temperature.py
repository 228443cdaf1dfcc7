"""Order 1 at finite temperature: laws averaged over energies, one linear solve, panels that are refined.

The conditions are ``sum_e w_e g(E_e) i_a(E_e) = constant + slope u``.  Their matrix is never formed: GMRES
applies it energy by energy and is preconditioned with the balance at one energy, which needs O(1)
iterations.  The panels of energies are refined on the currents of the solution; a round
factorises the new energies alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import NotConverged
from modelkit.graph.device import Device
from modelkit.numerics.quadrature import NODES, Panels, errors
from modelkit.results.audit import relative
from modelkit.solve.energies.broadening import broadening
from modelkit.solve.energies.thermal_rule import misplaced, thermal_panels, thermal_weights
from modelkit.solve.junction.junction import Junction
from modelkit.solve.junction.linear import Measure, Solution, check_once
from modelkit.solve.memory import refuse_large
from modelkit.solve.request import Prepared

Floats = NDArray[np.float64]

INTEGRATION = 1e-10  # of the currents, relative to the largest gross flow
ACCURACY = 1e-13  # of the conditions, where GMRES stops correcting
ROUGH = 1e-5  # of the conditions, while the panels are still to be judged
MOST_ENERGIES = 40_000
CORRECTIONS = 8
WEAK = 1e-3  # of the flow of an open channel: where rounding of potentials may be a part of a flow
NOTHING = np.zeros(0), np.zeros(0)


def solve_warm(device: Device, prepared: Prepared, problem: Junction) -> Solution:
    """T > 0: solve, estimate the error of integration, refine the panels, until it is below 1e-10.

    Raises
    ------
    NotConverged
        A probe is not determined, or the average over energies does not converge.
    """
    key = ("panels", problem.mu, problem.T)
    known = key in prepared.rules
    panels, blind = prepared.rules[key] if known else thermal_panels(prepared, problem.mu, problem.T)
    values = tuple(np.zeros_like(block.constant) for block in problem.blocks)
    accuracy = ACCURACY if known else ROUGH
    found = _on(panels, Solution(problem, prepared, values, *NOTHING, blind=blind))
    while True:
        check_once(device, prepared, problem, found.energies)
        found = _corrected(found, accuracy)
        error, gross = _integration_error(found, lambda conductance, y: conductance.current(y))
        gross = max(gross, found.least_flow)
        if error.sum() <= INTEGRATION * gross:
            prepared.rules[key] = found.panels, blind
            found = replace(found, integration=relative(float(error.sum()), gross))
            return found if accuracy == ACCURACY else _corrected(found, ACCURACY)
        if found.values and gross < WEAK * found.spread:
            best = _corrected(found, ACCURACY)
            if best.flows().rounded:  # and so is the estimate: finer panels would not help
                return best
        found = _refined(found, error, gross)


def refined(solution: Solution, measure: Measure, floor: float, *, absolute: bool = False) -> Solution:
    """The same solution on panels on which the average of ``measure`` has converged to 1e-10.

    Relative to its largest element, absolutely summed over energies, or to ``floor``; raises NotConverged.
    """
    while True:
        error, gross = _integration_error(solution, measure, absolute=absolute)
        gross = max(gross, floor)
        if error.sum() <= INTEGRATION * gross:
            return solution
        solution = _refined(solution, error, gross)


def _on(panels: Panels, solution: Solution) -> Solution:
    weights, _ = thermal_weights(panels, solution.problem.mu, solution.problem.T)
    return replace(solution, panels=panels, energies=panels.nodes.ravel(), weights=weights.ravel())


def _refined(solution: Solution, error: Floats, gross: float) -> Solution:
    """Bisect the panels that have more than their share of the error."""
    assert solution.panels is not None  # T > 0
    used = int(np.count_nonzero(~solution.panels.split))
    chosen = (error > INTEGRATION * gross / used) & solution.panels.divisible
    if not chosen.any() or used * NODES > MOST_ENERGIES:
        off = float(error.sum() / gross)
        message = f"the average over energies is uncertain by {off:.1e} of the largest gross flow"
        raise NotConverged(f"{message} after {solution.energies.size} energies", residual=off)
    return _on(solution.panels.bisected(chosen), solution)


def _integration_error(
    solution: Solution, measure: Measure, *, absolute: bool = False
) -> tuple[Floats, float]:
    """Estimated error of each panel for its worst element, (n_panels,), and the largest gross average."""
    assert solution.panels is not None  # T > 0
    problem = solution.problem
    difference = thermal_weights(solution.panels, problem.mu, problem.T)[1].ravel()
    panels = len(solution.panels.lower)
    change: Floats = np.zeros((panels, 0))
    size: Floats = np.zeros((panels, 0))
    for conductance, y, range_ in solution.parts(absolute=absolute):
        values = measure(conductance, y)
        if not change.size:
            refuse_large(
                5 * 8 * panels * values.shape[1],  # both, and what is formed of them
                f"the error estimate of {values.shape[1]} flows on {panels} panels of energies",
                "take fewer terminals, or T = 0, which needs one energy",
            )
            change, size = np.zeros((2, panels, values.shape[1]))
        panel = np.arange(range_.start, range_.stop) // NODES
        here = slice(panel[0], panel[-1] + 1)
        into = np.zeros((panel[-1] + 1 - panel[0], len(values)))
        at = panel - panel[0], np.arange(len(values))
        into[at] = difference[range_]
        change[here] += into @ values
        into[at] = solution.weights[range_]
        size[here] += into @ np.abs(values)
    found = np.maximum(errors(np.abs(change), size) - misplaced(solution.panels)[:, None] * size, 0.0)
    return found.max(axis=1, initial=0.0), float(size.sum(axis=0).max(initial=0.0))


def _corrected(start: Solution, accuracy: float) -> Solution:
    """Correct the unknowns by GMRES until the conditions are met, or no better by rounding.

    Preconditioned from the left: it is the unknowns that must be known, those of weakly coupled terminals,
    whose conditions seem to be met whatever they are, as well.
    """
    if not start.values:
        return start
    from scipy.sparse.linalg import LinearOperator, gmres

    steps: list[float] = []
    values = _flat(start.values)
    helped = _preconditioner(start)
    operator = LinearOperator(
        (len(values), len(values)),
        matvec=lambda flat: helped(_flat(_with(start, flat).conditions(given=False)[0])),
        dtype=float,
    )
    best, last, left_over = start, np.inf, np.inf
    for attempt in range(CORRECTIONS):
        found = _with(start, values)
        left, gross = found.conditions()
        wrong = helped(-_flat(left))
        off = relative(float(np.abs(_flat(left)).max(initial=0.0)), max(gross, found.least_flow))
        away = relative(
            float(np.abs(wrong).max(initial=0.0)), max(found.reach, float(np.abs(values).max(initial=0.0)))
        )
        # where nothing flows but what the conditions prescribe, the start is infinitely far off
        if attempt and not (off < last or away < left_over):
            break
        best, last, left_over = found, off, away
        if max(off, away) <= accuracy:
            break
        wanted = min(0.1, max(1e-12, 0.1 * accuracy / max(off, away)))
        step, _ = gmres(
            operator, wrong, rtol=wanted, atol=0.0, restart=60, maxiter=5,
            callback=steps.append, callback_type="pr_norm",
        )  # fmt: skip
        values = values + step
    return replace(best, iterations=start.iterations + len(steps))


def _flat(values: Sequence[Floats]) -> Floats:
    return np.concatenate(values)


def _with(solution: Solution, flat: Floats) -> Solution:
    """Give the unknowns of the same problem other values."""
    ends = np.cumsum([len(value) for value in solution.values])[:-1]
    return replace(solution, values=tuple(np.split(flat, ends)))


def _preconditioner(solution: Solution) -> Callable[[Floats], Floats]:
    """Unknowns from residuals; it only makes GMRES fast, and decides nothing.

    That is the balance at one open energy, with the averaged weight of each block.  Where it determines
    no solution at that energy, each unknown is answered by its own terminal's broadening.
    """
    size = sum(len(value) for value in solution.values)
    scales = _scales(solution)
    at_one_energy = _balance_at(solution, _open_energy(solution), scales)
    try:
        at_one_energy(np.ones(size))
    except NotConverged:
        mean = solution.weights @ broadening(solution.prepared.system, solution.energies) / (2 * np.pi)
        each = [
            scale * mean[block.terminal] - block.slope
            for scale, block in zip(scales, solution.problem.blocks, strict=True)
        ]
        diagonal = _flat(each)
        return lambda flat: np.divide(flat, diagonal, out=flat.copy(), where=diagonal != 0)
    return at_one_energy


def _scales(solution: Solution) -> list[float]:
    """The averaged weight of each block."""
    problem = solution.problem
    excess = solution.energies - problem.mu
    return [
        float(solution.weights @ (block.weight(excess, problem.T) * block.shape(excess, problem.T))) or 1.0
        for block in problem.blocks
    ]


def _balance_at(solution: Solution, energy: Floats, scales: list[float]) -> Callable[[Floats], Floats]:
    problem = solution.problem
    conductance = solution.prepared.at(energy)
    kinds = list(dict.fromkeys(block.unknown for block in problem.blocks))

    def solve(flat: Floats) -> Floats:
        asked = _with(solution, flat).values
        found = [np.zeros_like(value) for value in asked]
        for unknown in kinds:
            chosen = problem.elastic.copy()
            constant, slope = np.zeros((1, len(problem.x))), np.zeros((1, len(problem.x)))
            here = [k for k, block in enumerate(problem.blocks) if block.unknown == unknown]
            for k in here:
                block = problem.blocks[k]
                chosen[block.terminal] = True
                constant[0, block.terminal] = asked[k] / scales[k]
                slope[0, block.terminal] = block.slope / scales[k]
            y = conductance.balance(np.zeros_like(constant), chosen, constant, slope, fill=True)
            for k in here:
                found[k] = y[0, problem.blocks[k].terminal]
        return _flat(found)

    return solve


def _open_energy(solution: Solution) -> Floats:
    """mu, or the energy of most weight at which most terminals are open; (1,)."""
    system = solution.prepared.system
    at_mu = np.array([solution.problem.mu])
    if np.all(broadening(system, at_mu) > 0):
        return at_mu
    middle = slice(NODES // 2, None, NODES)
    energies, weights = solution.energies[middle], solution.weights[middle]
    opened = np.count_nonzero(broadening(system, energies) > 0, axis=1)
    best = int(np.argmax(weights * (opened == opened.max())))
    return energies[best : best + 1]
