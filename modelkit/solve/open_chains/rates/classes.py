"""Which numbers of particles the rates conserve, and whether what is given determines the steady state.

Modes between which particles can go, directly or through others, are a class.  The number of a class without
loss and gain is conserved, and no other combination of occupations is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import ModelError, Span
from modelkit.solve.open_chains.rates.kinetics import Floats, Moments, turnover
from modelkit.solve.open_chains.rates.sampling import Sample, sample, with_listeners
from modelkit.solve.open_chains.rates.standing import Conserved

Flags = NDArray[np.bool_]

CANCELLED = 1e-13  # of the products that a rate is a sum of: what rounding leaves of a rate that is zero
NOTHING = 1e-24  # of the largest rate: an amplitude that rounding leaves, squared
DARK = 1e-14  # of the mean rate, at a mode that nothing reaches
NEAR = 0.2  # of the mean rate: minima below this are looked into
TOLD = 3  # modes of a class that are named one by one
MOST = 24  # classes that are counted
LOOKED = 256  # momenta at which rates of an infinite chain are compared


def classes(taken: Sample) -> list[Flags]:
    """Modes that exchange particles, (M,) each; at most ``MOST``, then the rest together."""
    rates, count = taken.rates, taken.modes.energy.size
    if any(bath.separable for bath in taken.cell.baths):
        return [np.ones(count, dtype=bool)]  # between all pairs, however small
    found: list[Flags] = []
    left = np.ones(count, dtype=bool)
    strength = np.abs(rates.into), np.abs(rates.out_of)
    least = NOTHING * float((strength[1].max(axis=1, initial=0.0) @ strength[0]).max(initial=0.0))
    while left.any() and len(found) < MOST:
        reached = np.zeros(count, dtype=bool)
        reached[np.argmax(left)] = fresh = True
        while fresh:
            more = reached | _neighbours(rates.into, rates.out_of, strength, reached, least)
            fresh, reached = bool((more & ~reached).any()), more
        found.append(reached & left)
        left &= ~reached
    found = [*found, left] if left.any() else found
    return sorted(found, key=lambda part: int(part.sum()))


def _neighbours(
    into: Floats, out_of: Floats, strength: tuple[Floats, Floats], reached: Flags, least: float
) -> Flags:
    """Modes to or from which particles go from or to some modes: rates add up, none is negative."""
    found = np.zeros(len(reached), dtype=bool)
    for ours, theirs, our_strength, their_strength in (
        (out_of, into, strength[1], strength[0]),
        (into, out_of, strength[0], strength[1]),
    ):
        rate = ours[:, reached].sum(axis=1) @ theirs
        products = our_strength[:, reached].sum(axis=1) @ their_strength
        found |= (rate > CANCELLED * products) & (rate > least)
    return found


def is_conserved(taken: Sample, part: Flags) -> bool:
    """Whether no particle of a class leaves or enters from outside."""
    rates = taken.rates
    outside = rates.loss + rates.gain
    largest = max(float(outside.max(initial=0.0)), 0.0)
    return not (outside[part] > NOTHING * largest).any() if largest > 0 else True


def determined(taken: Sample, filling: float | None, span: Span | None = None) -> list[Conserved]:
    """The numbers that are to be given, from the filling.

    Raises
    ------
    ModelError
        It is missing, it is superfluous, or one number is not enough.
    """
    kept = conserved_classes(taken)
    refuse_superfluous(taken, kept, filling, span)
    if not kept:
        return []
    if len(kept) > 1 or not kept[0].all():
        raise ModelError(
            "the steady state is not unique: the jump operators conserve, one by one, the particles of "
            + _names(taken, kept),
            span,
            hint="give a jump operator or a detailed_balance bath, however weak, that connects them",
        )
    if filling is None:
        raise ModelError(
            "the number of particles is conserved, so that the steady state depends on the filling",
            span,
            hint=f"give the particles per mode: filling {_lattice(taken)} = 1/2",
        )
    return [Conserved(kept[0], filling)]


def _lattice(taken: Sample) -> str:
    """Whose filling it is, where that is known."""
    device = taken.cell.device
    return "LATTICE" if device is None else device.sites[0].family.lattice


def conserved_classes(taken: Sample) -> list[Flags]:
    """Classes without loss and gain."""
    return [part for part in classes(taken) if is_conserved(taken, part)]


def refuse_superfluous(
    taken: Sample, kept: Sequence[Flags], filling: float | None, span: Span | None = None
) -> None:
    """Raise ModelError for a filling where no number is conserved."""
    if not kept and filling is not None:
        raise ModelError(
            f"particles come from or go to the outside by {_outside(taken)}, so that the steady state has a "
            "filling of its own, and none can be given",
            span,
            hint="remove the line 'filling'",
        )


def _outside(taken: Sample) -> str:
    """Names of the dissipators with loss or gain."""
    rates = taken.rates
    if rates.losses is None or rates.gains is None:
        return "jump operators"
    outside = np.flatnonzero((rates.losses + rates.gains).any(axis=1))
    return ", ".join(repr(rates.names[place]) for place in outside)


def _names(taken: Sample, kept: Sequence[Flags]) -> str:
    """Classes in words."""
    told = [_name(taken, part) for part in kept[:TOLD]]
    more = f", and of {len(kept) - TOLD} more sets of modes" if len(kept) > TOLD else ""
    return ", of ".join(told) + more


def _name(taken: Sample, part: Flags) -> str:
    """A class in words: its modes, its bands, or how many they are."""
    modes = taken.modes
    table = part.reshape(modes.energy.shape)
    momentum = taken.cell.momentum
    if part.sum() <= TOLD:
        return " and ".join(
            f"the mode {momentum} = {_momentum(modes.k[place])} of band {band}"
            for place, band in np.argwhere(table)
        )
    bands = np.flatnonzero(table.any(axis=0))
    if table[:, bands].all():
        return ("band " if len(bands) == 1 else "bands ") + ", ".join(str(band) for band in bands)
    return f"a set of {int(part.sum())} modes"


def _momentum(k: float) -> str:
    """A momentum in words."""
    if abs(k) < 1e-6:
        return "0"
    return "pi" if abs(abs(k) - np.pi) < 1e-6 else f"{k:.6g}"


def refuse_dark(taken: Sample, span: Span | None = None) -> None:
    """Raise ModelError where no jump reaches or leaves a mode of an infinite chain at a single momentum.

    Its occupation is conserved, and what flows in the layer around it depends on how it is approached.
    """
    if taken.cell.baths or taken.cell.cells is not None:
        return
    k = 2 * np.pi * (np.arange(LOOKED) + 0.5) / LOOKED - np.pi
    looked = sample(taken.cell, k, np.full(LOOKED, 1 / LOOKED), taken.field)
    rate = _activity(looked, looked.modes.energy.size).reshape(looked.modes.energy.shape)
    mean = float(rate.mean())
    low = (rate <= np.roll(rate, 1, axis=0)) & (rate <= np.roll(rate, -1, axis=0)) & (rate < NEAR * mean)
    dark: list[tuple[float, int]] = []
    for place, band in np.argwhere(low):
        at, least = _minimum(looked, float(k[place]), int(band))
        if least < DARK * mean and not any(abs(at - other) < 1e-3 and band == one for other, one in dark):
            dark.append((at, int(band)))
    if dark:
        momentum = taken.cell.momentum
        names = " and ".join(f"{momentum} = {_momentum(at)} of band {band}" for at, band in dark[:TOLD])
        raise ModelError(
            f"the steady state is not unique: no jump operator moves particles to or from {names}, where the "
            "occupation is conserved",
            span,
            hint="add a detailed_balance bath, however weak: the state has a limit as its rate goes to zero",
        )


def _activity(taken: Sample, known: int) -> Floats:
    """Rates at which modes are filled and emptied among ``known`` half-filled ones."""
    rates = taken.rates
    half = 0.5 * rates.weight
    filling, emptying = turnover(rates, Moments(rates.out_of @ half, rates.into @ half))
    return np.asarray(filling + emptying)


def _minimum(looked: Sample, k: float, band: int) -> tuple[float, float]:
    """Momentum near k at which a band is reached least, and the rate there."""
    d = looked.cell.dimension

    def rate(at: float) -> float:
        both = with_listeners(looked, np.array([at]))
        return float(_activity(both, looked.modes.energy.size)[-d + band])

    step = 2 * np.pi / LOOKED
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(rate, bounds=(k - step, k + step), method="bounded", options={"xatol": 1e-10})
    return float(found.x), float(found.fun)
