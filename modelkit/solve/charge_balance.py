"""Conditions of unknown potentials: charges of regions less what the law of their screening asks, in electrons.

In an expansion of order 1 or 2 these conditions are linear: potentials to first order are all that currents to
second order hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import Levels

if TYPE_CHECKING:
    from modelkit.solve.balance import Point

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
    charge = screened.of_regions(density(point) - sea.reference)
    voltages = screened.voltages(point.distributions[0] - point.problem.mu, point.scale)
    return np.asarray(
        charge - screened.matrix @ point.x[point.problem.charges] - screened.couplings @ voltages
    )


def charge_change(point: Point, by: dict[str, Floats], potential: Floats, levels: Levels | None) -> Floats:
    """Derivative of :func:`charge_left`, (count,).

    ``by`` are the changes of mu and T of the terminals, ``potential`` of the unknowns, ``levels`` what follows.
    """
    screened, problem = point.problem.screened, point.problem
    assert screened is not None
    found = np.zeros(problem.device.size)
    weights = point.linear if problem.order is not None else point.fill(centre=True)
    filling = weights.by_mu * by["mu"] + weights.by_temperature * by["T"]
    if levels is not None:
        found += point.filled_sea.change(levels)
        if problem.order is None:
            raised = point.common(levels)
            filling = filling - raised * (weights.by_mu - point.centre_by_mu[:, None])
            rest = Levels(levels.potential - raised, levels.bands - raised)
            found += point.grid.density_change(weights.value, rest)
    found += point.grid.density(filling)
    asked = screened.matrix @ potential + screened.by_terminal @ by["mu"]
    return np.asarray(screened.of_regions(found) - asked)


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
