"""Conditions of unknown potentials: charges of regions less what the law of their screening asks.

In electrons; in an expansion to its order in all deviations.  A response that is taken as local is linear.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.open_system import Levels
from modelkit.solve.energies.filling import Filled
from modelkit.solve.junction.posed import Posed
from modelkit.solve.junction.powers import flows, lowered

Floats = NDArray[np.float64]


def density(point: Posed) -> Floats:
    """Electrons of each site, (n_sites,)."""
    if point.problem.order is None:
        return point.filled_sea.density() + point.grid.density(point.fill(centre=True).value)
    if point.levels_move:
        everywhere = sparse.eye_array(len(point.system.weight), format="csr")
        return point.filled_sea.density() + flows(point, (), sparse.csr_array(everywhere))[0].local
    found = point.filled_sea.density() + point.grid.density(point.linear.value)
    change = point.change
    if not change.potential.any() and not change.bands.any():
        return np.asarray(found)
    return np.asarray(found + point.filled_sea.change(change))


def charge_left(point: Posed) -> Floats:
    """Charges less what the law asks, (count,)."""
    screened, sea = point.problem.screened, point.sea
    assert screened is not None
    assert sea is not None
    potential = point.x[point.problem.charges]
    if point.problem.order is None:
        charge = screened.of_regions(density(point) - sea.reference)
    else:
        charge = _expanded(point, potential, point.change, point.linear.value)
        if point.problem.counted is not None:
            charge = np.where(screened.simple, charge, point.powers.local)
    voltages = screened.voltages(point.distributions[0] - point.problem.mu, point.scale)
    return np.asarray(charge - screened.matrix @ potential - screened.couplings @ voltages)


def _expanded(point: Posed, potential: Floats, levels: Levels, filling: Floats) -> Floats:
    """Charges to first order, or their change; zero where they are counted to a higher order."""
    screened = point.problem.screened
    assert screened is not None
    if point.problem.counted is not None and not screened.simple.any():
        return np.zeros(screened.count)
    return screened.of_regions(point.grid.density(filling)) + response(point, potential, levels)


def charge_change(
    point: Posed,
    by: dict[str, Floats],
    potential: Floats,
    levels: Levels | None,
    local: Floats | None = None,
) -> Floats:
    """Derivative of :func:`charge_left`, (count,).

    ``by`` are the changes of mu and T of the terminals, ``potential`` of the unknowns, ``levels`` what
    follows; ``local`` is the change of the charges that an expansion counts to its order.
    """
    screened = point.problem.screened
    assert screened is not None
    full = point.problem.order is None
    weights = point.fill(centre=True) if full else point.linear
    filling = weights.by_mu * by["mu"] + weights.by_temperature * by["T"]
    if full:
        found = screened.of_regions(_moved(point, weights, filling, levels))
        if levels is not None:
            found += response(point, potential, levels)
    else:
        found = _expanded(point, potential, point.problem.moved(by["mu"], potential), filling)
        if point.problem.counted is not None:
            found = np.where(screened.simple, found, 0.0 if local is None else local)
    return np.asarray(found - screened.matrix @ potential - screened.by_terminal @ by["mu"])


def _moved(point: Posed, weights: Filled, filling: Floats, levels: Levels | None) -> Floats:
    """What the bias fills beside the sea changes by, (n_sites,)."""
    if levels is None:
        return point.grid.density(filling)
    raised = point.common(levels)
    filling = filling - raised * (weights.by_mu - point.centre_by_mu[:, None])
    return point.grid.density(filling) + point.densities(lowered(levels, raised))


def response(point: Posed, potential: Floats, levels: Levels, local: Floats | None = None) -> Floats:
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


def charge_scales(point: Posed) -> Floats:
    """By which deviations of charges are measured: all electrons that there may be, and those induced."""
    screened = point.problem.screened
    assert screened is not None
    system = point.system
    voltages = screened.voltages(point.distributions[0] - point.problem.mu, point.scale)
    induced = abs(screened.matrix) @ np.abs(point.x[point.problem.charges])
    induced = induced + abs(screened.couplings) @ np.abs(voltages)
    room = screened.of_regions(np.diff(system.offset) * system.weight)
    return np.asarray(np.maximum(room, 1.0) + induced)
