"""Transport to any order and in full: panels of energies that follow the solution of the conditions.

The conditions are solved on rough panels, these are bisected where the currents of the solution are
uncertain, and the conditions are solved again, until the currents are known to 1e-10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import Levels
from modelkit.errors import NotConverged
from modelkit.graph.labels import region_labels, site_labels
from modelkit.numerics.quadrature import Panels, panels_between, spot
from modelkit.solve.conductor import Conductance
from modelkit.solve.energies.grid import Grid, Measure
from modelkit.solve.energies.thermal_rule import thermal_panels
from modelkit.solve.energies.windows import carried, covering, first_panels, panel_about
from modelkit.solve.junction.balance import Point
from modelkit.solve.junction.charges import Sea, sea_of, settled
from modelkit.solve.junction.charges import uncertainty as miscounted
from modelkit.solve.junction.determined import check_determined
from modelkit.solve.junction.newton import DENSE_UP_TO, Counts, Search, least_flow, offsets
from modelkit.solve.junction.reach import check_reached, check_smooth, place
from modelkit.solve.junction.screening import Screened
from modelkit.solve.junction.steady import Steady
from modelkit.solve.request import Prepared, Request, prepare

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

INTEGRATION = 1e-10  # of the currents, relative to the largest gross flow
ROUGH = 1e-6  # the same while bands still move with the unknowns
MOST_ENERGIES = 40_000
COUNTED = 1e-10  # electrons of a site, between two rules, where the levels have moved
LEAST_CHARGE = 1e-6  # electrons: charges of a window that need not be known more precisely
MUCH = 0.5  # of the worst condition
SMALLEST = 2.0**-30  # of the first panel of an expansion at T = 0


@dataclass
class Grids:
    """The grid for any unknowns: extended with the window, or built anew where levels move."""

    request: Request
    problem: Steady
    current: Grid | None = None
    factorisations: int = 0  # of conductors that are not used any more

    def prepared(self, levels: Levels) -> Prepared:
        """The conductor with its levels there."""
        responding = self.problem.responds
        return prepare(self.request, levels, responding=responding, keep=self.problem.screened is None)

    @cached_property
    def home(self) -> Prepared:
        """The conductor with its levels where the device has them."""
        return prepare(self.request, responding=self.problem.responds)

    @property
    def sea(self) -> Sea | None:
        """How electrons are counted, where potentials follow them."""
        problem = self.problem
        return None if problem.screened is None else self.counted

    @cached_property
    def counted(self) -> Sea:
        """How electrons are counted; none of the distributions but the centre's matters."""
        problem = self.problem
        prepared = prepare(self.request, responding=True)
        return sea_of(problem.device, prepared, problem.mu, problem.T)

    def recounted(self, point: Point) -> bool:
        """Take a finer rule for electrons where the levels, as they have moved, need it; whether one was."""
        if self.sea is None or point.problem.order is not None:
            return False
        finer = replace(self.sea, level=self.sea.level + 1)
        after = finer.at(point.grid.prepared).density()
        if miscounted(point.filled_sea.density(), after) <= COUNTED:
            return False
        self.counted = settled(finer, self.home)
        return True

    def point(self, x: Floats, scale: float) -> Point:
        """Pose the conditions."""
        problem = self.problem
        mu, T = problem.distributions(x, scale)
        now = (self.current.prepared if self.current else self.home).system.levels
        levels = problem.levels(self.home.system, x, scale)
        moved = not (
            np.array_equal(levels.bands, now.bands) and np.array_equal(levels.potential, now.potential)
        )
        if self.current is None:
            self.current = self._first(self.prepared(levels) if moved else self.home, mu, T)
            if problem.order is None and problem.follows:
                self.current = refined(Point(problem, self.current, x, scale, sea=self.sea), ROUGH).grid
        elif problem.order is None:
            grid = self.current
            if moved:
                prepared = self.prepared(levels)
                self.factorisations += grid.prepared.factorisations
                panels = carried(grid.panels, grid.prepared.system, prepared.system)
                grid = replace(grid, prepared=prepared, panels=panels)
            panels = covering(grid.panels, grid.prepared.system, *self._with_centre(mu, T))
            self.current = grid if panels is grid.panels and not moved else replace(grid, panels=panels)
        return Point(problem, self.current, x, scale, self.prepared, self.sea)

    def forget(self) -> None:
        """Begin with new panels."""
        self.current = None

    def _with_centre(self, mu: Floats, T: Floats) -> tuple[Floats, Floats]:
        """All distributions, with those of holes and of the centre."""
        sign = np.unique(np.concatenate([[1.0], self._signs]))
        problem = self.problem
        return (
            np.append((mu[:, None] * sign).ravel(), problem.mu),
            np.append(np.repeat(T, len(sign)), problem.T),
        )

    @property
    def _signs(self) -> Floats:
        return self.home.system.reservoirs.sign

    def _first(self, prepared: Prepared, mu: Floats, T: Floats) -> Grid:
        problem, system = self.problem, prepared.system
        solved = 0
        if problem.order is None:
            panels, blind, solved = first_panels(system, *self._with_centre(mu, T))
        elif problem.T == 0 and problem.order == 1:
            panels, blind = spot(problem.mu), ""
        elif problem.T == 0:
            panels, blind = panel_about(system, problem.mu), ""
        else:
            smooth = problem.order > 2 and problem.levels_move
            panels, blind = thermal_panels(prepared, problem.mu, problem.T, smooth=smooth)
        prepared.factorisations += solved
        return Grid(prepared, panels, problem.elastic[system.reservoirs.terminal], blind)


@dataclass(frozen=True)
class Solved:
    """The point at which the conditions hold, and what it took."""

    point: Point
    uncertainty: float
    counts: Counts
    factorisations: int


def solve_steady(grids: Grids, *, unique: bool, start: Floats | None = None) -> Solved:
    """Solve the conditions and refine the panels until the currents are known.

    With ``unique`` any solution is the right one; otherwise it is the one continued from equilibrium.
    ``start`` (size,) is a guess of the unknowns.

    Raises
    ------
    NotConverged
        Something is not determined, a condition cannot be met (named), or the integration fails.
    """
    request, problem = grids.request, grids.problem
    search = Search(grids.point, grids.forget)
    first = grids.point(problem.start() if start is None else start, 1.0)
    before = first.grid.prepared.factorisations
    first.grid.prepared.begin()
    check_reached(request.device, first.system, problem, first.grid.energies)
    check_smooth(request, problem, first.system)
    if problem.order is not None:
        check_determined(first)
    here = first if not problem.size else _found(search, problem, first, unique=unique, hasty=request.hasty)
    while True:
        error = whole_uncertainty(here)
        off = float(error.sum())
        if off <= INTEGRATION and not grids.recounted(here):
            break
        here = finer(here, error, INTEGRATION) if off > INTEGRATION else replace(here, sea=grids.sea)
        grids.current = here.grid
        if problem.size:
            here = _named(search, partial(search.direct, here.x))
    check_determined(here)
    factorised = grids.factorisations + here.grid.prepared.factorisations - before
    return Solved(here, off, search.counts, factorised)


def _found(search: Search, problem: Steady, first: Point, *, unique: bool, hasty: bool) -> Point:
    """Straight from equilibrium; where that fails, or might lead elsewhere, along the path from it.

    Expansions start from linear response, which keeps to the branch: theirs have other solutions as well.
    """
    try:
        start = first.x
        if problem.order is not None and problem.order > 1:
            start = start + search.step(replace(first, problem=replace(problem, order=1)))
        return search.direct(start, strict=not unique)
    except NotConverged:
        if unique and hasty:
            raise
        return _named(search, lambda: search.along(problem.start()))


def _named(search: Search, attempt: Callable[[], Point]) -> Point:
    """A failure with the condition that fails."""
    try:
        return attempt()
    except NotConverged as error:
        if "x" not in error.best:
            raise
        raise failure(search.point(np.asarray(error.best["x"]), 1.0), error.message) from None


def failure(point: Point, why: str) -> NotConverged:
    """Names the condition that is off most, with the best values."""
    problem, off = point.problem, offsets(point)
    worst = _failing(point, off)
    if worst >= problem.charges.start:
        return _uncharged(point, worst - problem.charges.start, float(off[worst]), why)
    block = next(one for one in problem.blocks if one.place.start <= worst < one.place.stop)
    name, line, _, _ = place(problem.device, block.terminal.start + worst - block.place.start)
    mu, T = (part.copy() for part in point.distributions)
    mu[problem.elastic], T[problem.elastic] = np.nan, np.nan
    return NotConverged(
        f"no solution was found: the condition of {name}{line} is not met, {block.quantity} is off by "
        f"{off[worst]:.1e} of the largest gross flow; {why}",
        best={"chemical_potential": mu, "temperature": T},
        residual=float(off[worst]),
        condition=(block.group.terminal.name, block.quantity),
    )


def _uncharged(point: Point, unknown: int, off: float, why: str) -> NotConverged:
    """Names the region whose charge is off."""
    device = point.problem.device
    label = region_labels(device, np.array(site_labels(device)))[unknown]
    return NotConverged(
        f"no solution was found: the charge of '{label}' is off by {off:.1e} of its electrons; {why}",
        best={"potential": point.x[point.problem.charges]},
        residual=off,
        condition=(label, "charge"),
    )


def _failing(point: Point, off: Floats) -> int:
    """Of the conditions that are off by much, the one whose own unknown has least influence on it."""
    if point.problem.size > DENSE_UP_TO:
        return int(np.argmax(off))
    influence = np.abs(np.diag(point.jacobian))
    with np.errstate(all="ignore"):
        needed = np.abs(point.left) / influence
    return int(np.argmax(np.where(off >= MUCH * off.max(), np.nan_to_num(needed, nan=0.0), -1.0)))


def flows(conductance: Conductance, weights: Floats) -> Floats:
    """Particle currents and energy currents of the reservoirs, (n_E, 2 n)."""
    current = conductance.current(weights)
    return np.concatenate([current, conductance.energies[:, None] * current], axis=1)


def uncertainty(
    point: Point, measure: Measure = flows, floor: float = 0.0, *, centre: bool = False
) -> Floats:
    """Estimated error on each panel of its worst element, relative to the gross flow; (n_panels,).

    Both halves of :func:`flows` are measured by their own largest gross flow.
    """
    if point.levels_move and measure is flows:
        (current, off), _ = point.both_rules
        error, size = point.grid.by_panel(*(_with_energy(point, part) for part in (current, off)))
    else:
        weights, difference = point.fill(centre=centre), point.fill(difference=True, centre=centre)
        error, size = point.grid.uncertainty(weights.value, difference.value, measure)
    if not size.size:
        return np.zeros(len(point.grid.panels.lower))
    width = len(size) // 2 if measure is flows else len(size)
    parts = []
    for first in range(0, len(size), max(width, 1)):
        part = slice(first, first + width)
        scale = float(np.ptp(point.grid.energies)) if first else 1.0
        gross = max(float(size[part].max(initial=0.0)), max(floor, least_flow(point)) * scale)
        parts.append(error[:, part].max(axis=1, initial=0.0) / (gross or 1.0))
    return np.asarray(np.max(parts, axis=0))


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
