"""The steady state of the covariance equation: ``X G + G X† + S(G) + P = 0``.

Without bilinear operators it is a Lyapunov equation.  S reads few elements of G, those s on which the jump
operators stand (the diagonal for dephasing); with the Lyapunov operator inverted, ``G = L(P) + L(S s)``,
they obey a linear system of their own, ``s = s_0 + K s``.  It is written down and solved where that is
cheap, otherwise solved by GMRES.  What the whole equation leaves is solved for again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelkit.errors import NotConverged
from modelkit.graph.device import Complexes, Floats
from modelkit.numerics.lyapunov import Lyapunov
from modelkit.solve.open_chains.real_space.covariance import Covariance, Sandwich

CHEAP = 2e11
"""Products that may be spent on the matrix of the small system."""
RESTART, ROUNDS = 120, 30
TOLERANCE = 1e-9
"""Largest residual of a solution, relative to the largest gross flow."""
REFINED, ENOUGH = 3, 1e-12
"""Steps of refinement at most, and the residual below which there are no more."""


@dataclass(frozen=True, eq=False)
class Steady:
    """A steady covariance, its residual relative to the largest gross flow, and what it cost."""

    covariance: Complexes
    residual: float
    iterations: int


def steady_covariance(equation: Covariance, dark: Floats, kept: Floats) -> Steady:
    """The steady state, with given occupations where nothing decays.

    Parameters
    ----------
    dark : (n,)
        1 for orbitals that no particle leaves or enters, 0 for others.
    kept : (n,)
        Occupation of these; the subspace that they span is invariant under everything.

    Raises
    ------
    NotConverged
        The residual is larger than ``TOLERANCE``.
    """
    drift = equation.drift.toarray() - np.diag(dark)
    factorised = Lyapunov(drift)
    resting = np.diag(kept).astype(np.complex128)
    if not equation.source.nnz:
        return Steady(resting, _residual(equation, resting)[1], 0)
    solver = _Solver(equation, factorised)
    found = solver.solve(equation.source.toarray())
    residual = _residual(equation, found)
    for _ in range(REFINED):
        if residual[1] < ENOUGH:
            break
        better = found + solver.solve(residual[0])
        better = (better + better.conj().T) / 2
        next_residual = _residual(equation, better)
        if next_residual[1] >= residual[1]:
            break
        found, residual = better, next_residual
    if not residual[1] <= TOLERANCE:
        message = f"the covariance equation is solved up to {residual[1]:.1e} of the largest flow only"
        hint = "some modes decay too slowly for rounding: add a weak loss, or ask for 'evolution'"
        raise NotConverged(message, residual=residual[1], hint=hint)
    return Steady(found + resting, residual[1], solver.iterations)


def _residual(equation: Covariance, covariance: Complexes) -> tuple[Complexes, float]:
    """What the equation leaves, and its largest element relative to the largest gross term."""
    left = equation.rate(covariance)
    gross = max(abs(equation.source).max(), np.abs(equation.drift @ covariance).max(), 1e-300)
    return left, float(np.abs(left).max() / gross)


class _Solver:
    """Solutions of ``X G + G X† + S(G) + Q = 0`` for several Q."""

    def __init__(self, equation: Covariance, lyapunov: Lyapunov) -> None:
        self._lyapunov, self._sandwich, self._size = lyapunov, equation.sandwich, equation.size
        self.iterations = 0
        self._kernel: Complexes | None = None
        sandwich = self._sandwich
        if sandwich is not None and lyapunov.vectors is not None:
            cost = len(sandwich.read) * len(sandwich.out) * self._size**2
            if cost <= CHEAP:
                kernel = response_kernel(lyapunov, sandwich)
                self._kernel = np.eye(len(sandwich.read)) - kernel @ sandwich.matrix

    def solve(self, right: Complexes) -> Complexes:
        first = self._lyapunov.solve(right)
        if self._sandwich is None:
            return first
        values = self._read_elements(self._sandwich, self._sandwich.reads(first))
        return first + self._lyapunov.solve(self._sandwich.spread(values, self._size))

    def _read_elements(self, sandwich: Sandwich, right: Complexes) -> Complexes:
        """Solve ``s = right + K s``."""
        if self._kernel is not None:
            return np.asarray(np.linalg.solve(self._kernel, right))
        from scipy.sparse.linalg import LinearOperator, gmres

        def apply(values: Complexes) -> Complexes:
            self.iterations += 1
            spread = sandwich.spread(values.astype(np.complex128), self._size)
            return np.asarray(values - sandwich.reads(self._lyapunov.solve(spread)))

        count = len(sandwich.read)
        operator = LinearOperator((count, count), apply, dtype=np.complex128)
        found, _ = gmres(operator, right, rtol=1e-12, restart=RESTART, maxiter=ROUNDS)
        return np.asarray(found)


def response_kernel(lyapunov: Lyapunov, sandwich: Sandwich) -> Complexes:
    """Elements that S reads of the solution for a source of one in each element that S writes, (q, p).

    ``sum_ab V_ia conj(V_jb) U_ak conj(U_bl) / -(lambda_a + conj(lambda_b))``, V the eigenvectors of X and U
    their inverse; one a after another.
    """
    vectors, inverse = lyapunov.vectors, lyapunov.inverse
    assert vectors is not None
    assert inverse is not None
    found = np.zeros((len(sandwich.read), len(sandwich.out)), dtype=np.complex128)
    left, right = vectors[sandwich.read[:, 0]], vectors[sandwich.read[:, 1]].conj()
    into, other = inverse[:, sandwich.out[:, 0]], inverse[:, sandwich.out[:, 1]].conj()
    for number, value in enumerate(lyapunov.values):
        weight = -1 / (value + lyapunov.values.conj())
        found += (left[:, number, None] * (right * weight)) @ (other * into[number])
    return found
