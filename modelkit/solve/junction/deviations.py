"""How far conditions are from being met, and by what that is measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.results.audit import relative, resolved_flow
from modelkit.solve.junction.balance import Point
from modelkit.solve.junction.charge_balance import charge_scales
from modelkit.solve.junction.steady import moves

Floats = NDArray[np.float64]

ROUNDING = float(np.finfo(float).eps)
FILLING = 16 * ROUNDING  # of filled weights
WEAK = 1e-3  # of the flow of an open channel: where rounding of distributions may be a part of a flow


def worst(point: Point, *, resolved: bool = True) -> float:
    """The largest deviation of a condition, relative to the largest gross flow of its kind.

    Flows below those that are ``resolved`` are taken as that; otherwise all count as they are.
    """
    scales = flow_scales(point, resolved=resolved)
    off = np.abs(point.left)
    return max((relative(float(o), float(s)) for o, s in zip(off, scales, strict=True)), default=0.0)


def offsets(point: Point) -> Floats:
    """Deviations of all conditions as in :func:`worst`, (size,)."""
    scales = flow_scales(point)
    return np.divide(np.abs(point.left), scales, out=np.where(point.left == 0, 0.0, np.inf), where=scales > 0)


def least_flow(point: Point, *, bonds: bool = False) -> float:
    """A flow below it is rounding; ``bonds``: of flows that are differences of large terms."""
    mu, T = point.distributions
    if point.system.reservoirs.superconducting:
        mu = np.append(mu, 0.0)
    return resolved_flow(float(np.ptp(mu) + np.ptp(T)), bonds=bonds)


def reach(point: Point) -> float:
    """By what steps of chemical potentials and temperatures are measured: how far apart all of them lie.

    At least rounding of what they are themselves.
    """
    mu, T = point.distributions
    mu = np.append(mu, point.problem.mu)
    return float(np.ptp(mu) + T.max(initial=0.0)) + 1e3 * ROUNDING * float(np.abs(mu).max())


def flow_scales(point: Point, *, resolved: bool = True) -> Floats:
    """By which deviations of conditions are measured, (size,)."""
    problem = point.problem
    right = np.abs(problem.right(point.x, point.scale)[0])
    floor = least_flow(point) if resolved else 0.0
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


def own_scales(point: Point) -> Floats:
    """The same by what each terminal exchanges itself, (size,): weakly coupled ones are seen as well."""
    whole = flow_scales(point)
    own = np.maximum(point.gross_left, np.abs(point.problem.right(point.x, point.scale)[0]))
    own[point.problem.charges] = whole[point.problem.charges]
    return np.where(own > ROUNDING * whole, own, whole)


def is_weak(point: Point) -> bool:
    """Whether so little flows that rounding of the distributions may be a part of it."""
    return float(point.gross.max(initial=0.0)) < WEAK * reach(point)


def rounded(point: Point) -> Floats:
    """By how much filled weights may be off by rounding, with mixed signs; (n_E, n_reservoirs)."""
    weights = point.weights
    size = np.abs(weights.value)
    if point.problem.order is None:
        size = point.grid.panels.weights[0].reshape(-1, 1) * (weights.by_mu != 0)
    number = np.arange(size.size).reshape(size.shape)
    return np.asarray(FILLING * size * np.cos(number * number))


def rounding_flow(point: Point) -> float:
    """What strongly coupled terminals exchange by rounding alone, 0 where much more flows."""
    if not is_weak(point):
        return 0.0
    found = point.by_terminal(np.abs(point.grid.spectral(rounded(point))).sum(axis=0))
    return float(found.max(initial=0.0))
