"""Conditions of unknown potentials: charges of regions less what the law of their screening asks.

In electrons.  In an expansion of order 1 or 2 these conditions are linear: potentials to first order are all
that currents to second order hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import Levels

if TYPE_CHECKING:
    from modelkit.solve.junction.balance import Point

Floats = NDArray[np.float64]


def density(point: Point) -> Floats:
    """Electrons of each site, (n_sites,); in an expansion to first order."""
    if point.problem.order is None:
        return point.filled_sea.density() + point.grid.density(point.fill(centre=True).value)
    found = point.filled_sea.density() + point.grid.density(point.linear.value)
    change = point.change
    if not change.potential.any() and not change.bands.any():
        return np.asarray(found)
    return np.asarray(found + point.filled_sea.change(change))


def charge_left(point: Point) -> Floats:
    """Charges less what the law asks, (count,)."""
    screened, sea = point.problem.screened, point.sea
    assert screened is not None
    assert sea is not None
    potential = point.x[point.problem.charges]
    if point.problem.order is None:
        charge = screened.of_regions(density(point) - sea.reference)
    else:
        charge = screened.of_regions(point.grid.density(point.linear.value))
        charge = charge + response(point, potential, point.change)
    voltages = screened.voltages(point.distributions[0] - point.problem.mu, point.scale)
    return np.asarray(charge - screened.matrix @ potential - screened.couplings @ voltages)


def charge_change(point: Point, by: dict[str, Floats], potential: Floats, levels: Levels | None) -> Floats:
    """Derivative of :func:`charge_left`, (count,).

    ``by`` are the changes of mu and T of the terminals, ``potential`` of the unknowns, ``levels`` what
    follows.
    """
    screened, full = point.problem.screened, point.problem.order is None
    assert screened is not None
    weights = point.fill(centre=True) if full else point.linear
    filling = weights.by_mu * by["mu"] + weights.by_temperature * by["T"]
    found = np.zeros(screened.count)
    if levels is not None:
        found += response(point, potential, levels)
        if full:
            raised = point.common(levels)
            filling = filling - raised * (weights.by_mu - point.centre_by_mu[:, None])
            rest = Levels(levels.potential - raised, levels.bands - raised)
            found += screened.of_regions(point.densities(rest))
    found += screened.of_regions(point.grid.density(filling))
    return np.asarray(found - screened.matrix @ potential - screened.by_terminal @ by["mu"])


def response(point: Point, potential: Floats, levels: Levels, local: Floats | None = None) -> Floats:
    """What moved levels change of the filled sea, (count,).

    In an expansion that may be taken as local: less the states of each unknown, ``local`` (count,), times its
    potential.
    """
    screened = point.problem.screened
    assert screened is not None
    simple = screened.simple & (point.problem.order is not None)
    if simple.all() or not (levels.potential.any() or levels.bands.any()):
        found = np.zeros(screened.count)
    else:
        found = screened.of_regions(point.filled_sea.change(levels))
    if not simple.any():
        return found
    return np.where(simple, -(point.local_states if local is None else local) * potential, found)


def charge_scales(point: Point) -> Floats:
    """By which deviations of charges are measured: all electrons that there may be, and those induced."""
    screened = point.problem.screened
    assert screened is not None
    system = point.system
    voltages = screened.voltages(point.distributions[0] - point.problem.mu, point.scale)
    induced = abs(screened.matrix) @ np.abs(point.x[point.problem.charges])
    induced = induced + abs(screened.couplings) @ np.abs(voltages)
    room = screened.of_regions(np.diff(system.offset) * system.weight)
    return np.asarray(np.maximum(room, 1.0) + induced)
