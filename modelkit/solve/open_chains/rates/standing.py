"""The steady state of the rate equations, by Newton's method.

The derivative is a diagonal and 2D products, so that a step costs O(M D^2): the unknowns are the changes of
the 2D moments.  Where numbers are conserved the equations of the moments are dependent, and the given numbers
stand in their place.  The equations are cooperative with a first integral, so that the steady state is unique
for each set of numbers if the rates connect the modes: a root is the root.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from modelkit.compile.modes import Rates
from modelkit.errors import NotConverged
from modelkit.solve.open_chains.rates.kinetics import (
    Filled,
    Floats,
    Moments,
    answers,
    moments,
    questions,
    tamed,
    turnover,
)

STEPS = 100
STARTS = 4  # self-consistent steps before Newton's
ROUNDING = 4e-15  # relative residual that is not improved
ACCEPTED = 1e-9  # where the residual stagnates
SMALL = 1e-7  # step after which the next is below rounding; slow modes have small imbalances without it
PATIENCE = 3  # steps without improvement
ENOUGH = 4000  # modes that tell where to begin
NOTHING = 1e-30  # an occupation that is on its way to none
BOUNDARY = 0.9  # of the way to n = 0 or 1 that one step may go


@dataclass(frozen=True, eq=False)
class Conserved:
    """Modes whose number of particles is conserved, and the particles per mode among them."""

    modes: NDArray[np.bool_]
    filling: float


@dataclass(frozen=True, eq=False)
class Standing:
    """A steady state: occupations, what they were found from, relative residual, Newton steps."""

    filled: Filled
    told: Moments
    residual: float
    steps: int


def stand(rates: Rates, conserved: Sequence[Conserved], start: Filled | None = None) -> Standing:
    """Steady state with the given conserved numbers.

    Parameters
    ----------
    rates : Rates
    conserved : sequence of Conserved
        One for each class of modes that exchange no particles with others or the outside.
    start : Filled, optional
        Where to begin.

    Raises
    ------
    NotConverged
        With the largest imbalance of a mode, relative to its rates.
    """
    rows = np.array([part.modes * rates.weight for part in conserved]).reshape(-1, len(rates.weight))
    wanted = np.array([row.sum() * part.filling for row, part in zip(rows, conserved, strict=True)])
    slow = tamed(rates)
    filled = _start(rates, slow, conserved) if start is None else start
    best: Standing | None = None
    since, moved, settled = 0, np.inf, False
    for step in range(STEPS):
        told = moments(rates, filled)
        residual = max(_imbalance(slow, filled, told), _missing(rows, wanted, filled))
        if not np.isfinite(residual):
            break
        if best is None or not settled or residual < 0.5 * best.residual:
            best, since = Standing(filled, told, residual, step), 0
        else:
            since += 1
        if (ended := _ended(rates, slow, filled, rows, wanted)) is not None:
            return Standing(*ended, 0.0, step)
        settled = moved < SMALL
        if settled and (residual < ROUNDING or (since >= PATIENCE and best.residual < ACCEPTED)):
            return best
        before, filled = filled, _step(rates, slow, filled, rows, wanted)
        moved = float(np.max(np.abs(filled.particles - before.particles), initial=0.0))
    found = best.residual if best else np.inf
    raise NotConverged(
        "the occupations of the modes did not come to rest: Newton's method went "
        f"{step + 1} steps to a relative imbalance of {found:.1e}",
        residual=found,
    )


def _ended(
    rates: Rates, slow: Rates, filled: Filled, rows: Floats, wanted: Floats
) -> tuple[Filled, Moments] | None:
    """The empty or full chain, where steps lead there and nothing leads back."""
    one, none = np.ones_like(filled.particles), np.zeros_like(filled.particles)
    empty = filled.particles.max(initial=0.0) < NOTHING
    if not empty and not filled.holes.max(initial=0.0) < NOTHING:
        return None
    end = Filled(none, one) if empty else Filled(one, none)
    told = moments(rates, end)
    off = max(_imbalance(slow, end, told), _missing(rows, wanted, end))
    return (end, told) if off == 0 else None


def _imbalance(rates: Rates, filled: Filled, told: Moments) -> float:
    """Largest ``|(1-n) G - n S|`` relative to the two terms."""
    filling, emptying = turnover(rates, told)
    up, down = filled.holes * filling, filled.particles * emptying
    total = up + down
    if not np.isfinite(total).all():
        return np.inf
    moving = total > 0
    return float(np.max(np.abs(up - down)[moving] / total[moving], initial=0.0))


def _missing(rows: Floats, wanted: Floats, filled: Filled) -> float:
    """Largest deviation from the given numbers, relative to the numbers of modes."""
    if not len(rows):
        return 0.0
    return float(np.max(np.abs(rows @ filled.particles - wanted) / rows.sum(axis=1)))


def _step(rates: Rates, slow: Rates, filled: Filled, rows: Floats, wanted: Floats) -> Filled:
    """Newton's step for the moments, kept inside 0 < n < 1, then every mode balanced among them.

    The last makes n and 1 - n accurate however small they are.
    """
    filling, emptying = turnover(slow, moments(rates, filled))
    total = filling + emptying
    rest = (filled.holes * filling - filled.particles * emptying) / total
    right, left = questions(rates), answers(slow, filled) / total
    scale = _scale(rates, filled)
    system = np.vstack([np.eye(len(scale)) - right @ left.T, rows @ left.T]) * scale
    known = np.concatenate([right @ rest, wanted - rows @ (filled.particles + rest)])
    measure = np.concatenate([scale, rows.sum(axis=1)])
    change = np.linalg.lstsq(system / measure[:, None], known / measure, rcond=None)[0] * scale
    shift = np.clip(rest + change @ left, -BOUNDARY * filled.particles, BOUNDARY * filled.holes)
    moved = Filled(filled.particles + shift, filled.holes - shift)
    filling, emptying = turnover(slow, moments(rates, moved))
    return Filled(filling / (filling + emptying), emptying / (filling + emptying))


def _scale(rates: Rates, filled: Filled) -> Floats:
    """Size of each moment without cancellation between modes."""
    particles = np.abs(rates.out_of) @ (rates.weight * filled.particles)
    holes = np.abs(rates.into) @ (rates.weight * filled.holes)
    scale = np.concatenate([particles, holes])
    return np.where(scale > 0, scale, 1.0)


def _start(rates: Rates, slow: Rates, conserved: Sequence[Conserved]) -> Filled:
    """A few self-consistent steps; each class is scaled to its number."""
    n = np.full(len(rates.weight), 0.5)
    for part in conserved:
        n[part.modes] = part.filling
    filled = Filled(n, 1.0 - n)
    for _ in range(STARTS):
        filling, emptying = turnover(slow, moments(rates, filled))
        with np.errstate(divide="ignore"):
            odds = np.log(emptying) - np.log(filling)
        for part in conserved:
            odds[part.modes] -= _fugacity(part, rates.weight, odds)
        filled = Filled(expit(-odds), expit(odds))
    return filled


def _fugacity(part: Conserved, weight: Floats, odds: Floats) -> float:
    """Logarithm of z such that ``n = z/(z + S/G)`` has the number of the class; bisected."""
    some = slice(None, None, max(1, len(odds) // ENOUGH))
    modes = (part.modes & (weight > 0))[some]
    odds, weight = odds[some][modes], weight[some][modes]
    finite = odds[np.isfinite(odds)]
    share = weight / weight.sum()
    low, high = np.min(finite, initial=0.0) - 50.0, np.max(finite, initial=0.0) + 50.0
    while high - low > 1e-3 * (1 + abs(low)):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if share @ expit(middle - odds) < part.filling else (low, middle)
    return 0.5 * float(low + high)
