"""Characteristic potentials: how unknown potentials follow those of the terminals at the reference.

``(Pi + K) u_a = D_a + C_a`` with the response Pi of the charges to the potentials (exact, nonlocal, or its local
Thomas-Fermi form), the matrix K of the law, the injectivity D_a and the capacitances C_a to terminal a.  Every
terminal by itself: the others are held, probes too; dephasing probes, which have no potential, follow at each
energy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import Levels
from modelkit.errors import NotConverged
from modelkit.solve.balance import Point
from modelkit.solve.charge_balance import charge_change
from modelkit.solve.nonlinear import INTEGRATION, Grids, finer
from modelkit.solve.preconditioner import of_potentials
from modelkit.solve.request import Request
from modelkit.solve.screening import Screened
from modelkit.solve.steady import Steady, steady

Floats = NDArray[np.float64]

DENSE_UP_TO = 30  # unknowns
PRECISE = 1e-12  # of the residual of a Krylov solution


@dataclass(frozen=True)
class Characteristic:
    """Derivatives of the unknown potentials at the reference.

    ``by_mu``, ``by_temperature`` (count, n_terminals) by each terminal, NaN for dephasing probes;
    ``by_electrode`` (count, n_electrodes) by gates and the ground, zero for terminals.
    """

    problem: Steady
    by_mu: Floats
    by_temperature: Floats
    by_electrode: Floats
    iterations: int = 0

    def levels(self, terminal: int, *, of_temperature: bool = False) -> Levels:
        """How all levels move with mu, or T, of one terminal: potentials (n_sites,), bands (n_terminals,)."""
        potential = (self.by_temperature if of_temperature else self.by_mu)[:, terminal]
        mu = np.zeros(len(self.problem.given_mu))
        mu[terminal] = 0.0 if of_temperature else 1.0
        return self.problem.moved(mu, potential)

    @property
    def sum_rule(self) -> float:
        """How far all of them together are from 1: what a common shift of all potentials gives."""
        elastic = self.problem.elastic
        total = self.by_mu[:, ~elastic].sum(axis=1) + self.by_electrode.sum(axis=1)
        return float(np.max(np.abs(total - 1), initial=0.0))


def characteristic(request: Request) -> Characteristic:
    """Solve for the characteristic potentials of a device with screening.

    Raises
    ------
    ModelError
        See :func:`~modelkit.solve.screening.screened`; a self-energy that is not known above the axis.
    NotConverged
        The charges do not determine the potentials, or an integral is not known.
    """
    problem = steady(request.device, 1)
    grids = Grids(request, problem)
    return characteristic_at(_refined(grids.point(problem.start(), 1.0)))


def characteristic_at(point: Point) -> Characteristic:
    """The same on the grid of a point of order 1."""
    problem, screened = point.problem, point.problem.screened
    assert screened is not None
    n = len(problem.given_mu)
    zero, still = np.zeros(n), np.zeros(screened.count)
    columns = []
    for unknown in ("mu", "T") if problem.T > 0 else ("mu",):
        for unit in np.eye(n):
            by = {"mu": zero, "T": zero} | {unknown: unit}
            levels = problem.moved(by["mu"], still) if np.any(problem.own & (by["mu"] != 0)) else None
            columns.append(charge_change(point, by, still, levels))
    couplings = screened.couplings.toarray() * (screened.terminal < 0)
    right = np.concatenate([np.array(columns).T, -couplings], axis=1)
    found, iterations = _solved(point, screened, right)
    by_mu, by_temperature = found[:, :n], found[:, n : 2 * n] if problem.T > 0 else np.zeros((len(found), n))
    by_mu[:, problem.elastic] = np.nan
    by_temperature[:, problem.elastic] = np.nan
    return Characteristic(problem, by_mu, by_temperature, found[:, len(columns) :], iterations)


def _solved(point: Point, screened: Screened, right: Floats) -> tuple[Floats, int]:
    """``-J^-1 right`` with J the response of the charges less the law, and the number of products."""
    zero = np.zeros(len(point.problem.given_mu))
    count = [0]

    def action(potential: Floats) -> Floats:
        count[0] += 1
        levels = point.problem.moved(zero, potential)
        return -charge_change(point, {"mu": zero, "T": zero}, potential, levels)

    if screened.count <= DENSE_UP_TO:
        matrix = np.stack([action(unit) for unit in np.eye(screened.count)], axis=1)
        try:
            found = np.linalg.solve(matrix, right)
        except np.linalg.LinAlgError:
            found = np.full_like(right, np.nan)
    else:
        found = _krylov(screened, point.filled_sea.stiffness(), action, right)
    if not np.all(np.isfinite(found)):
        raise NotConverged("the charges do not determine the potentials: no states answer to one of them")
    return found, count[0]


def _krylov(
    screened: Screened, stiffness: Floats, action: Callable[[Floats], Floats], right: Floats
) -> Floats:
    from scipy.sparse.linalg import LinearOperator, gmres

    shape = (screened.count, screened.count)
    operator = LinearOperator(shape, matvec=action, dtype=float)
    before = LinearOperator(shape, matvec=of_potentials(screened, stiffness), dtype=float)
    found = np.zeros_like(right)
    for k, column in enumerate(right.T):
        if not column.any():
            continue
        found[:, k], failed = gmres(operator, column, M=before, rtol=PRECISE, atol=0.0, restart=80, maxiter=5)
        if failed:
            raise NotConverged("the potentials of the sites were not found: 400 Krylov steps were not enough")
    return found


def _refined(point: Point) -> Point:
    """On panels on which the injectivities are known."""
    while True:
        total = np.zeros(len(point.grid.panels.lower))
        weights = point.linear.by_mu
        difference = point.first_order(difference=True).by_mu
        for terminal in range(weights.shape[1]):
            column = np.zeros(weights.shape[1])
            column[terminal] = 1.0
            total = np.maximum(total, _off(point, weights * column, difference * column))
        if total.sum() <= INTEGRATION:
            return point
        point = finer(point, total, INTEGRATION)


def _off(point: Point, weights: Floats, difference: Floats) -> Floats:
    """Estimated error of the densities on each panel, relative to the largest of all."""
    screened = point.problem.screened
    assert screened is not None
    change, size = point.grid.uncertainty(
        weights, difference, lambda conductance, f: screened.of_regions(conductance.density(f))
    )
    if not size.size:
        return np.zeros(len(point.grid.panels.lower))
    return np.asarray(change.max(axis=1, initial=0.0) / (float(size.max(initial=0.0)) or 1.0))
