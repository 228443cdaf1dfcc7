"""How precisely panels of energies integrate currents and charges, and finer ones."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import NotConverged
from modelkit.numerics.quadrature import Panels, panels_between
from modelkit.solve.conductor import Conductance
from modelkit.solve.energies.grid import Measure
from modelkit.solve.energies.windows import panel_about
from modelkit.solve.junction.balance import Point
from modelkit.solve.junction.deviations import is_weak, least_flow, rounded
from modelkit.solve.junction.screening import Screened

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

INTEGRATION = 1e-10  # of the currents, relative to the largest gross flow
MOST_ENERGIES = 40_000
LEAST_CHARGE = 1e-6  # electrons: charges of a window that need not be known more precisely
CANCELLED = 100.0  # times the flow that counts of bonds: what is taken from electrons less that from holes
ROUNDED = 1e-3  # of particles times window and bias: smaller energy currents are known to rounding of that
SMALLEST = 2.0**-30  # of the first panel of an expansion at T = 0


def flows(conductance: Conductance, weights: Floats) -> Floats:
    """Particle currents and energy currents of the reservoirs, (n_E, 2 n)."""
    current = conductance.current(weights)
    return np.concatenate([current, conductance.energies[:, None] * current], axis=1)


def uncertainty(
    point: Point, measure: Measure = flows, floor: float = 0.0, *, centre: bool = False
) -> Floats:
    """Estimated error on each panel of its worst element, relative to the gross flow; (n_panels,).

    Both halves of :func:`flows` are measured by their own largest gross flow; what superconducting leads
    take, which is a difference of large terms, at least by what is resolved of such.
    """
    error, size = _errors(point, measure, centre=centre)
    if not size.size:
        return np.zeros(len(point.grid.panels.lower))
    weak = measure is flows and is_weak(point)
    if weak and error.sum(axis=0).max() > INTEGRATION * size.max():
        error, size = _errors(point, measure, rounded(point), centre=centre)
    width = len(size) // 2 if measure is flows else len(size)
    parts = []
    for first in range(0, len(size), max(width, 1)):
        part = slice(first, first + width)
        scale = float(np.ptp(point.grid.energies)) if first else 1.0
        gross = np.full(width, max(float(size[part].max(initial=0.0)), max(floor, least_flow(point)) * scale))
        if measure is flows and first:
            far = scale + float(np.abs(point.distributions[0] - point.problem.mu).max())
            gross = np.maximum(gross, ROUNDED * far * float(size[:width].max(initial=0.0)))
        if measure is flows:
            least = CANCELLED * least_flow(point, bonds=True) if not first else np.inf  # they have no energy
            meters = point.system.reservoirs.meters
            gross[meters] = np.maximum(gross[meters], least)
        parts.append((error[:, part] / np.where(gross > 0, gross, 1.0)).max(axis=1, initial=0.0))
    return np.asarray(np.max(parts, axis=0))


def _errors(
    point: Point, measure: Measure, rounding: Floats | None = None, *, centre: bool
) -> tuple[Floats, Floats]:
    if point.levels_move and measure is flows:
        (current, off), _ = point.both_rules
        noise = None if rounding is None else _with_energy(point, point.grid.spectral(rounding))
        return point.grid.by_panel(_with_energy(point, current), _with_energy(point, off), noise)
    weights, difference = point.fill(centre=centre), point.fill(difference=True, centre=centre)
    return point.grid.uncertainty(weights.value, difference.value, measure, rounding)


def _with_energy(point: Point, current: Floats) -> Floats:
    return np.concatenate([current, point.grid.energies[:, None] * current], axis=1)


def whole_uncertainty(point: Point) -> Floats:
    """That of currents, and of charges where potentials follow them; (n_panels,)."""
    found, screened = uncertainty(point), point.problem.screened
    if screened is None:
        return found
    if point.problem.order is not None:
        return np.maximum(np.maximum(found, injected_uncertainty(point)), _filled_uncertainty(point))
    charges = partial(_charges, screened)
    return np.maximum(found, uncertainty(point, charges, LEAST_CHARGE, centre=True))


def _filled_uncertainty(point: Point) -> Floats:
    """That of the electrons which the bias fills, to the order of an expansion; (n_panels,)."""
    if point.problem.counted is None:
        return np.zeros(len(point.grid.panels.lower))
    error, size = point.grid.by_panel(*point.both_rules[1])
    return np.asarray(error.max(axis=1, initial=0.0) / max(float(size.max(initial=0.0)), LEAST_CHARGE))


def injected_uncertainty(point: Point) -> Floats:
    """That of the states which terminals fill at the reference, in a mixture of all; (n_panels,)."""
    screened = point.problem.screened
    assert screened is not None
    mixture = 1 + 0.5 * np.cos(np.arange(len(point.problem.given_mu)))
    weights, difference = point.linear.by_mu, point.first_order(difference=True).by_mu
    change, size = point.grid.uncertainty(
        weights * mixture, difference * mixture, partial(_charges, screened)
    )
    if not size.size:
        return np.zeros(len(point.grid.panels.lower))
    return np.asarray(change.max(axis=1, initial=0.0) / (float(size.max(initial=0.0)) or 1.0))


def _charges(screened: Screened, conductance: Conductance, f: Floats) -> Floats:
    return screened.of_regions(conductance.density(f))


def refined(
    point: Point, tolerance: float, measure: Measure = flows, floor: float = 0.0, *, centre: bool = False
) -> Point:
    """The same unknowns on panels on which the measure is known to the tolerance."""
    while True:
        if measure is flows:
            error = whole_uncertainty(point)
        else:
            error = uncertainty(point, measure, floor, centre=centre)
        if error.sum() <= tolerance:
            return point
        point = finer(point, error, tolerance)


def finer(point: Point, error: Floats, tolerance: float) -> Point:
    """With the panels bisected whose error is too large; raises NotConverged where that does not help."""
    grid = point.grid
    if point.problem.order is not None and point.problem.T == 0:
        first = panel_about(grid.prepared.system, point.problem.mu)
        least = SMALLEST * float(first.upper[0] - first.lower[0])
        return replace(point, grid=replace(grid, panels=_halved(grid.panels, least, float(error.sum()))))
    used = int(np.count_nonzero(~grid.panels.split))
    chosen: Flags = (error > tolerance / used) & grid.panels.divisible
    if not chosen.any() or grid.used > MOST_ENERGIES:
        off = float(error.sum())
        message = f"the integral over energies is uncertain by {off:.1e} of the largest gross flow"
        raise NotConverged(f"{message} after {grid.used} energies", residual=off)
    return replace(point, grid=replace(grid, panels=grid.panels.bisected(chosen)))


def _halved(panels: Panels, least: float, off: float) -> Panels:
    """Half of the panel in whose middle the expansion stands."""
    low, high = float(panels.lower[0]), float(panels.upper[0])
    middle, half = (low + high) / 2, (high - low) / 4
    if 2 * half < least:
        message = f"the derivatives of the transmission are uncertain by {off:.1e} of the largest gross flow"
        raise NotConverged(message, residual=off)
    return panels_between(np.array([middle - half, middle + half]), np.zeros(2, dtype=np.bool_))
