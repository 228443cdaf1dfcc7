"""Populations of modes as a classical exclusion process: particles hop between modes that hold one at most.

The master equation of all sets of occupied modes at a finite number of cells, with correlations of all
orders.  It is the limit of weak coupling without coherences between degenerate states of many particles.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.modes import Rates
from modelkit.errors import ModelError, NotConverged, Span
from modelkit.solve.memory import refuse_large
from modelkit.solve.open_chains.rates.kinetics import Filled, Floats

Integers = NDArray[np.int64]

BITS = 62  # of a configuration
BYTES = 44  # of one rate: while it is entered and in the matrix
VECTORS = 60 * 8  # of one configuration: while the equation is solved
TOLERANCE = 1e-14  # of the flow into configurations
ACCEPTED = 1e-10
FASTEST = 1e150  # rate: its square is a number
RESTART, ROUNDS = 40, 60
LARGEST = 2**31 - 1  # rates that indices of a matrix count


@dataclass(frozen=True, eq=False)
class Process:
    """``dp/dt = (hops - diag(leaving)) p`` over configurations, whose bits are the occupied modes."""

    configurations: Integers
    hops: sparse.csr_array
    leaving: Floats


@dataclass(frozen=True, eq=False)
class Populations:
    """Probabilities of configurations that stand still, mean occupations, relative residual."""

    probability: Floats
    filled: Filled
    residual: float


def refuse_many(modes: int, particles: int | None, span: Span | None = None) -> None:
    """Raise ModelError where the rates between configurations would not fit into memory."""
    states = 2**modes if particles is None else comb(modes, particles)
    rates = states * (modes**2 // 4 + modes if particles is None else particles * (modes - particles))
    number = "any number of" if particles is None else str(particles)
    what = f"the rates between {states:.3g} configurations of {number} particles in {modes} modes"
    hint = "take fewer cells, or method = gge, which does without configurations"
    refuse_large(int(BYTES * rates + VECTORS * states), what, hint)
    if modes > BITS or rates > LARGEST:
        raise ModelError(f"{what} are more than can be numbered", span, hint=hint)


def process(rates: Rates, particles: int | None) -> Process:
    """Rates between configurations.

    Parameters
    ----------
    rates : Rates
        Of the modes of a ring.
    particles : int or None
        Their number where it is conserved; None: configurations of all numbers.
    """
    count = len(rates.weight)
    configurations = _configurations(count, particles)
    with np.errstate(over="ignore"):
        K = rates.into.T @ rates.out_of * rates.weight
    if not (K < FASTEST).all():
        raise ModelError(
            "some rates are larger than numbers hold, so that configurations cannot be compared",
            hint="raise the temperature of the baths, or ask method = gge",
        )
    K = np.where(K > 0, K, 0.0)
    rows, columns, values = [], [], []

    def enter(origin: Integers, flipped: int, rate: float) -> None:
        if rate > 0 and len(origin):
            rows.append(np.searchsorted(configurations, configurations[origin] ^ flipped))
            columns.append(origin)
            values.append(np.full(len(origin), rate))

    occupied = (configurations[:, None] >> np.arange(count)) & 1 > 0
    for a in range(count):
        for b in range(count):
            if a != b:
                enter(np.flatnonzero(occupied[:, b] & ~occupied[:, a]), (1 << a) | (1 << b), K[a, b])
        if particles is None:
            enter(np.flatnonzero(occupied[:, a]), 1 << a, rates.loss[a])
            enter(np.flatnonzero(~occupied[:, a]), 1 << a, rates.gain[a])
    shape = (len(configurations), len(configurations))
    entries = [np.concatenate(part) if part else np.zeros(0) for part in (values, rows, columns)]
    hops = sparse.csr_array((entries[0], (entries[1].astype(int), entries[2].astype(int))), shape=shape)
    return Process(configurations, hops, np.asarray(hops.sum(axis=0)).ravel())


def _configurations(modes: int, particles: int | None) -> Integers:
    """Ascending."""
    if particles is None:
        return np.arange(2**modes, dtype=np.int64)
    bits = (np.int64(1) << np.arange(modes, dtype=np.int64)) if modes else np.zeros(0, dtype=np.int64)
    chosen = np.fromiter(
        (place for group in combinations(range(modes), particles) for place in group),
        dtype=np.int64,
        count=comb(modes, particles) * particles,
    ).reshape(-1, particles)
    return np.sort(bits[chosen].sum(axis=1))


def standing_populations(rates: Rates, particles: int | None, near: Filled) -> Populations:
    """Probabilities that stand still.

    Parameters
    ----------
    rates : Rates
    particles : int or None
        Their number where it is conserved.
    near : Filled
        Mean occupations to begin with: those of a product of independent modes.

    Raises
    ------
    ModelError
        Some configurations cannot be reached from others.
    NotConverged
        With the flow that is left, relative to all flow.
    """
    made = process(rates, particles)
    from scipy.sparse.csgraph import connected_components

    parts, _ = connected_components(made.hops, directed=False)
    if parts > 1:
        raise ModelError(
            f"the steady state is not unique: {parts} sets of configurations have no jump between them",
            hint="give a jump operator or a detailed_balance bath, however weak, that connects them",
        )
    occupied = (made.configurations[:, None] >> np.arange(len(rates.weight))) & 1 > 0
    p = _stand(made, _product(occupied, near))
    residual = _residual(made, p)
    if not residual <= ACCEPTED:
        raise NotConverged(
            f"the populations did not come to rest: {residual:.1e} of the flow through them is left",
            residual=residual,
        )
    n = p @ occupied
    return Populations(p, Filled(n, p @ ~occupied), residual)


def _product(occupied: NDArray[np.bool_], near: Filled) -> Floats:
    """Probabilities of independent modes."""
    with np.errstate(divide="ignore"):
        filled, empty = np.log(near.particles), np.log(near.holes)
    logarithm = np.where(occupied, filled, empty).sum(axis=1)
    p = np.exp(logarithm - logarithm.max())
    return np.asarray(p / p.sum())


def _stand(made: Process, p: Floats) -> Floats:
    """Correct p until nothing flows: GMRES, in units of the flow through configurations."""
    if len(p) == 1:
        return p
    through = made.leaving
    shape = (len(p), len(p))

    def unbalanced(x: Floats) -> Floats:
        return np.asarray(x - made.hops @ (x / through))

    from scipy.sparse.linalg import LinearOperator, gmres

    operator = LinearOperator(shape, matvec=unbalanced, dtype=float)
    x = p * through
    for _ in range(3):  # each corrects what rounding left
        rest = -unbalanced(x)
        x = x + gmres(operator, rest, rtol=1e-8, atol=TOLERANCE * x.sum(), restart=RESTART, maxiter=ROUNDS)[0]
        p = x / through
        if _residual(made, p) < TOLERANCE:
            break
    return np.asarray(p / p.sum())


def _residual(made: Process, p: Floats) -> float:
    """Imbalance of all configurations over the flow through them."""
    flux = made.leaving * p
    total = float(np.abs(flux).sum())
    return float(np.abs(made.hops @ p - flux).sum()) / total if total > 0 else 0.0
