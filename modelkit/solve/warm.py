"""Order 1 at finite temperature: laws averaged over energies, one linear solve, a rule that is refined.

The conditions are ``sum_e w_e g(E_e) i_a(E_e) = constant + slope u``.  Their matrix is never formed: GMRES
applies it energy by energy and is preconditioned with the balance at one energy, which needs O(1)
iterations.  The rule of energies is refined on the currents of the solution.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import NotConverged
from modelkit.graph.device import Device
from modelkit.results.audit import relative, resolved_flow
from modelkit.solve.junction import Junction
from modelkit.solve.linear import Solution, check_once
from modelkit.solve.reach import broadening
from modelkit.solve.request import Prepared
from modelkit.solve.thermal import Rule, errors, first_rule

Floats = NDArray[np.float64]

INTEGRATION = 1e-10  # of the currents, relative to the largest gross flow
ACCURACY = 1e-13  # of the conditions, where GMRES stops correcting
ROUGH = 1e-5  # of the conditions, while the rule is still to be judged
MOST_ENERGIES = 40_000
CORRECTIONS = 8
DEEPEST = 100.0  # a gap of more T than this is closed: e^-100 of nothing


def solve_warm(device: Device, prepared: Prepared, problem: Junction) -> Solution:
    """T > 0: solve, estimate the error of integration, refine the rule, until it is below 1e-10.

    Raises
    ------
    NotConverged
        A probe is not determined, or the average over energies does not converge.
    """
    key = ("rule", problem.mu, problem.T)
    rule: Rule = prepared.rules.get(key) or _first_rule(prepared, problem)
    values = tuple(np.zeros_like(block.constant) for block in problem.blocks)
    accuracy, iterations = ACCURACY if key in prepared.rules else ROUGH, 0
    while True:
        weights, difference = rule.weights(problem.mu, problem.T)
        energies = rule.nodes.ravel()
        check_once(device, prepared, problem, energies)
        start = Solution(problem, prepared, values, energies, weights.ravel(), iterations)
        found = _corrected(start, accuracy)
        values, iterations = found.values, found.iterations
        error, gross = _integration_error(found, difference)
        gross = max(gross, resolved_flow(found.spread))
        if error.sum() <= INTEGRATION * gross:
            prepared.rules[key] = rule
            found = replace(found, integration=relative(float(error.sum()), gross))
            return found if accuracy == ACCURACY else _corrected(found, ACCURACY)
        chosen = (error > INTEGRATION * gross / len(error)) & rule.divisible
        if not chosen.any() or energies.size > MOST_ENERGIES:
            off = float(error.sum() / gross)
            message = f"the average over energies is uncertain by {off:.1e} of the largest gross flow"
            raise NotConverged(f"{message} after {energies.size} energies", residual=off)
        rule = rule.bisected(chosen)


def _first_rule(prepared: Prepared, problem: Junction) -> Rule:
    """Where mu lies in a gap, the window reaches over it, as long as any weight is left there."""
    edges = prepared.system.contacts.edges
    closed = not np.any(broadening(prepared.system, np.array([problem.mu])) > 0)
    gap = float(np.min(np.abs(edges - problem.mu), initial=np.inf)) if closed else 0.0
    return first_rule(problem.mu, problem.T, edges, gap if gap < DEEPEST * problem.T else 0.0)


def _integration_error(solution: Solution, difference: Floats) -> tuple[Floats, float]:
    """Estimated error of each panel for its worst terminal, (n_panels,), and the largest gross flow."""
    panels, points = difference.shape
    panel = np.repeat(np.arange(panels), points)
    size = np.zeros((panels, len(solution.problem.x)))
    change = np.zeros_like(size)
    for conductance, y, range_ in solution.parts():
        flow = conductance.current(y)
        at = np.arange(len(flow))
        into = np.zeros((panels, len(flow)))
        into[panel[range_], at] = difference.ravel()[range_]
        change += into @ flow
        into[panel[range_], at] = solution.weights[range_]
        size += into @ np.abs(flow)
    return errors(np.abs(change), size).max(axis=1, initial=0.0), float(size.sum(axis=0).max(initial=0.0))


def _corrected(start: Solution, accuracy: float) -> Solution:
    """Correct the unknowns by GMRES until the conditions are met, or no better by rounding."""
    if not start.values:
        return start
    from scipy.sparse.linalg import LinearOperator, gmres

    steps: list[float] = []
    size = sum(len(value) for value in start.values)
    operator = LinearOperator(
        (size, size), matvec=lambda flat: _flat(_with(start, flat).conditions(given=False)[0]), dtype=float
    )
    preconditioner: LinearOperator | None = None
    best, values, last = start, _flat(start.values), np.inf
    for _ in range(CORRECTIONS):
        found = _with(start, values)
        left, gross = found.conditions()
        off = relative(float(np.abs(_flat(left)).max()), max(gross, resolved_flow(found.spread)))
        if not off < last:
            break
        best, last = found, off
        if off <= accuracy:
            break
        if preconditioner is None:
            preconditioner = LinearOperator((size, size), matvec=_preconditioner(start), dtype=float)
        wanted = min(0.1, max(1e-12, 0.1 * accuracy / off))
        step, _ = gmres(
            operator, -_flat(left), M=preconditioner, rtol=wanted, atol=0.0, restart=60, maxiter=5,
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
    """Unknowns from residuals: the balance at one open energy, with the averaged weight of each block."""
    problem = solution.problem
    anchor = _open_energy(solution)
    conductance = solution.prepared.at(anchor)
    excess = solution.energies - problem.mu
    scales = [
        float(solution.weights @ (block.weight(excess, problem.T) * block.shape(excess, problem.T))) or 1.0
        for block in problem.blocks
    ]
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
    """mu, or the energy of most weight at which all unknown terminals are open; (1,)."""
    asked = solution.problem.unknown & ~solution.problem.elastic
    system = solution.prepared.system
    at_mu = np.array([solution.problem.mu])
    if np.all(broadening(system, at_mu)[0, asked] > 0):
        return at_mu
    opening = broadening(system, solution.energies)[:, asked].min(axis=1)
    best = int(np.argmax(solution.weights * opening))
    return solution.energies[best : best + 1]
