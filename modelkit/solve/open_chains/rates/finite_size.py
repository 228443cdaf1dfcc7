"""First correction of the generalised Gibbs ensemble in 1/L: correlations of the occupations.

The occupations 0 and 1 of the modes exchange particles at rates of the order 1/L (an exclusion process), so
that their correlations are of that order, and so is what they do to the mean: van Kampen's expansion.

``J S + S J^T + B = 0`` for the covariances S at a fixed number of particles, C their part off the diagonal;
``J dn_a = sum_b (R(b->a) - R(a->b)) C_ab``.  Coherences of degenerate pairs are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelkit.compile.modes import Rates
from modelkit.compile.unit_cell import UnitCell
from modelkit.errors import ModelError, NotConverged
from modelkit.solve.open_chains.rates.coherences import Field
from modelkit.solve.open_chains.rates.kinetics import Filled, Floats, jacobian
from modelkit.solve.open_chains.rates.momenta import extent, half_shifted, on_ring
from modelkit.solve.open_chains.rates.sampling import Sample, sample
from modelkit.solve.open_chains.rates.standing import Conserved, stand

LARGEST = 1000  # modes: matrices are full, time grows with the cube
FEWEST = 8  # cells of a ring to begin with
TOLERANCE, ACCEPTED = 1e-11, 1e-9  # change from ring to ring, relative to the speed


@dataclass(frozen=True)
class Correction:
    """c of ``I = I_gge + c/L`` and its change from the ring of half the length; 0 where the ring is given."""

    value: float
    error: float
    cells: int


def order_1_over_L(
    cell: UnitCell, filling: float | None, spread: float = 0.0, field: Field | None = None
) -> Correction:
    """Find c of ``I = I_gge + c/L`` for L cells.

    Parameters
    ----------
    cell : UnitCell
    filling : float or None
        Particles per mode where their number is conserved, else None.
    spread : float
        Variance of the number of particles, per mode: 0 for a fixed number, ``f (1 - f)`` for the binomial
        mixture that infinite temperature leaves.
    field : Field, optional
        In which modes of equal energy have no coherences.

    Raises
    ------
    ModelError
        A ring with too many modes.
    NotConverged
        It still depends on the length of the longest ring.
    """
    if cell.cells is not None:
        if cell.cells * cell.dimension > LARGEST:
            raise ModelError(
                f"the order 1/L of a ring with {cell.cells * cell.dimension} modes needs full "
                f"matrices, which are made for up to {LARGEST}",
                hint="take cells = infinite: the coefficient no longer depends on L",
            )
        return Correction(_on(sample(cell, *on_ring(cell.cells), field), filling, spread), 0.0, cell.cells)
    before, cells, error = np.inf, FEWEST, np.inf
    while 2 * cells * cell.dimension <= LARGEST:
        cells *= 2
        taken = sample(cell, *half_shifted(cells), field)
        value = _on(taken, filling, spread)
        last, error = error, abs(value - before) / extent(taken.modes.velocity)
        if error < TOLERANCE or last <= min(error, ACCEPTED):
            return Correction(value, error, cells)
        before = value
    if error < ACCEPTED:
        return Correction(before, error, cells)
    raise NotConverged(
        f"the order 1/L of the current still changes by {error:.1e} from {cells // 2} to {cells} cells",
        residual=error,
    )


def _on(taken: Sample, filling: float | None, spread: float) -> float:
    """Find c on a ring."""
    count = len(taken.rates.weight)
    conserved = [] if filling is None else [Conserved(np.ones(count, dtype=bool), filling)]
    filled = stand(taken.rates, conserved).filled
    shift = _shift(taken.rates, filled, filling is not None, spread)
    return float(taken.modes.velocity.ravel() @ shift)


def _shift(rates: Rates, filled: Filled, fixed: bool, spread: float) -> Floats:
    """Change of the mean occupations, (M,)."""
    from scipy.linalg import solve_continuous_lyapunov

    J = jacobian(rates, filled).dense()
    # R(b->a) of the particles on the ring at [a, b]
    R = rates.into.T @ rates.out_of * rates.weight
    np.fill_diagonal(R, 0.0)
    n, m = filled.particles, filled.holes
    up, down = m * (R @ n + rates.gain), n * (R.T @ m + rates.loss)
    hops = R * np.outer(m, n)
    B = np.diag(up + down) - hops - hops.T
    count = len(n)
    # 1^T J = 0: this leaves the number of particles alone
    stiff = J - float(np.abs(np.diag(J)).mean()) / count if fixed else J
    S = solve_continuous_lyapunov(stiff, -B)
    if fixed and spread > 0:
        along = np.linalg.solve(stiff, np.ones(count))
        along /= along.sum()
        S += spread * count * np.outer(along, along)
    C = S - np.diag(np.diag(S))
    return np.asarray(np.linalg.solve(stiff, ((R - R.T) * C).sum(axis=1)))
