"""Characteristic potentials: how unknown potentials follow those of the terminals at the reference.

``(Pi + K) u_a = D_a + C_a`` with the response Pi of the charges to the potentials (exact, nonlocal, or its
local Thomas-Fermi form), the matrix K of the law, the injectivity D_a and the capacitances C_a to terminal a.
Every terminal by itself: the others are held, probes too; dephasing probes, which have no potential, follow
at each energy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import NotConverged
from modelkit.solve.energies.elastic import completed
from modelkit.solve.junction.balance import Point
from modelkit.solve.junction.charge_balance import response
from modelkit.solve.junction.nonlinear import Grids
from modelkit.solve.junction.precision import INTEGRATION, finer, injected_uncertainty
from modelkit.solve.junction.preconditioner import of_potentials
from modelkit.solve.junction.screening import Screened, no_potentials
from modelkit.solve.junction.steady import Steady, steady
from modelkit.solve.request import Request

Floats = NDArray[np.float64]

DENSE_UP_TO = 30  # unknowns
PRECISE = 1e-11  # of the residual of a Krylov solution


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

    @property
    def sum_rule(self) -> float:
        """How far all of them together are from 1: what a common shift of all potentials gives."""
        elastic = self.problem.elastic
        total = self.by_mu[:, ~elastic].sum(axis=1) + self.by_electrode.sum(axis=1)
        return float(np.max(np.abs(total - 1), initial=0.0))


def characteristic(request: Request, *, temperatures: bool = True) -> Characteristic:
    """Solve for the characteristic potentials of a device with screening.

    Without ``temperatures`` those by temperature are left out (zero).

    Raises
    ------
    ModelError
        See :func:`~modelkit.solve.junction.screening.screened`; a self-energy unknown above the axis.
    NotConverged
        The charges do not determine the potentials, or an integral is not known.
    """
    problem = steady(request.device, 1)
    point = Grids(request, problem).point(problem.start(), 1.0)
    screened = problem.screened
    if screened is None:
        raise no_potentials()
    filled = _cold(point, screened) if problem.T == 0 else _warm(point, screened)
    n = len(problem.given_mu)
    local = filled[:, :n].sum(axis=1)  # the density of states: all injectivities
    for terminal in np.flatnonzero(problem.own):
        own = problem.moved(np.eye(n)[terminal], np.zeros(screened.count))
        filled[:, terminal] += response(point, np.zeros(screened.count), own, local)
    filled[:, :n] -= screened.by_terminal.toarray()
    couplings = screened.couplings.toarray() * (screened.terminal < 0)
    if not temperatures:
        filled[:, n:] = 0.0
    right = np.concatenate([filled, -couplings], axis=1)
    found, iterations = _solved(point, screened, right, local)
    by_mu, by_temperature = found[:, :n], found[:, n : 2 * n]
    by_mu[:, problem.elastic], by_temperature[:, problem.elastic] = np.nan, np.nan
    return Characteristic(problem, by_mu, by_temperature, found[:, 2 * n :], iterations)


def _cold(point: Point, screened: Screened) -> Floats:
    """Injectivities at T = 0: densities at the one energy mu, (count, 2 n_terminals)."""
    problem = point.problem
    conductance = point.grid.prepared.at(np.array([problem.mu]))
    n = len(problem.given_mu)
    found = np.zeros((screened.count, 2 * n))
    for terminal in np.flatnonzero(~problem.elastic):
        f = completed(conductance, np.eye(n)[terminal][None, :], problem.elastic)
        found[:, terminal] = screened.of_regions(conductance.density(f))[0]
    return found


def _warm(point: Point, screened: Screened) -> Floats:
    """At T > 0 by each mu and each T, averaged over the energies, (count, 2 n_terminals)."""
    point = _refined(point)
    weights, n = point.linear, len(point.problem.given_mu)
    found = np.zeros((screened.count, 2 * n))
    for first, part in ((0, weights.by_mu), (n, weights.by_temperature)):
        for terminal in np.flatnonzero(~point.problem.elastic):
            density = point.grid.density(part * np.eye(n)[terminal])
            found[:, first + terminal] = screened.of_regions(density)
    return found


def _solved(point: Point, screened: Screened, right: Floats, local: Floats) -> tuple[Floats, int]:
    """Potentials whose charges, less what the law asks, are ``-right``; and the number of products."""
    zero, count = np.zeros(len(point.problem.given_mu)), [0]

    def action(potential: Floats) -> Floats:
        count[0] += 1
        answer = response(point, potential, point.problem.moved(zero, potential), local)
        return np.asarray(screened.matrix @ potential - answer)

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
    return np.asarray(found, dtype=np.float64), count[0]


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
        error = injected_uncertainty(point)
        if error.sum() <= INTEGRATION:
            return point
        point = finer(point, error, INTEGRATION)
