"""Transport to any order and in full: panels of energies that follow the solution of the conditions.

The conditions are solved on rough panels, these are bisected where the currents of the solution are
uncertain, and the conditions are solved again, until the currents are known to 1e-10.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import Levels
from modelkit.errors import NotConverged
from modelkit.graph.labels import region_labels, site_labels
from modelkit.numerics.quadrature import spot
from modelkit.solve.energies.grid import Grid
from modelkit.solve.energies.thermal_rule import thermal_panels
from modelkit.solve.energies.thresholds import check_thresholds
from modelkit.solve.energies.windows import carried, covering, first_panels, panel_about
from modelkit.solve.junction.balance import Point
from modelkit.solve.junction.charges import Sea, sea_of, settled
from modelkit.solve.junction.charges import uncertainty as miscounted
from modelkit.solve.junction.determined import check_determined
from modelkit.solve.junction.deviations import offsets
from modelkit.solve.junction.newton import DENSE_UP_TO, ENOUGH, Counts, Search
from modelkit.solve.junction.precision import INTEGRATION, refined, whole_uncertainty
from modelkit.solve.junction.reach import check_reached, check_smooth, place
from modelkit.solve.junction.steady import Steady
from modelkit.solve.request import Prepared, Request, prepare

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

ROUGH = 1e-6  # of the currents, relative, while bands still move with the unknowns
COUNTED = 1e-10  # electrons of a site, between two rules, where the levels have moved
MUCH = 0.5  # of the worst condition


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
            if moved:  # resonances have left the panels that were refined for them
                with suppress(NotConverged):  # a trial that leads nowhere need not be integrated
                    self.current = refined(Point(problem, self.current, x, scale, sea=self.sea), ROUGH).grid
        self.request.effort.spend(self.current.used)
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
        if not len(panels.lower):
            raise NotConverged(
                f"the distributions differ by {float(np.ptp(mu)):.1e}, which is rounding of energies about "
                f"{problem.mu:g}: count energies from there, with mu = 0"
            )
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
    fitting = start is not None and start.size == problem.size
    first = grids.point(start if start is not None and fitting else problem.start(), 1.0)
    before = first.grid.prepared.factorisations
    first.grid.prepared.begin()
    check_reached(request.device, first.system, problem, first.grid.energies)
    check_smooth(request, problem, first.system)
    if problem.order == 2 and problem.levels_move:
        bands = problem.moved(np.ones(len(problem.own)), np.ones(problem.size - problem.charges.start)).bands
        check_thresholds(grids.home, problem.mu, problem.T, bands[first.system.reservoirs.terminal])
    if problem.order is not None:
        check_determined(first)
    hasty = request.hasty and (unique or fitting)
    here = first if not problem.size else _found(search, problem, first, unique=unique, hasty=hasty)
    while True:
        off = float(whole_uncertainty(here).sum())
        if off <= INTEGRATION and not grids.recounted(here):
            break
        # panels first: unknowns change little from one round of them to the next
        here = refined(here, INTEGRATION) if off > INTEGRATION else replace(here, sea=grids.sea)
        grids.current = here.grid
        request.effort.spend(here.grid.used)
        if problem.size:
            here = _named(search, partial(search.direct, here.x))
    check_determined(here)
    factorised = grids.factorisations + here.grid.prepared.factorisations - before
    return Solved(here, off, search.counts, factorised)


def _found(search: Search, problem: Steady, first: Point, *, unique: bool, hasty: bool) -> Point:
    """Straight from equilibrium; where that fails, or might lead elsewhere, along the path from it.

    Expansions start from linear response, which keeps to the branch: theirs have other solutions as well.
    """
    alike = problem.common() if problem.of_temperature.any() else None
    if alike is not None:
        still = search.point(alike, 1.0)
        if not still.left.any():  # nothing flows: no gross flow measures it, and no step ends at T = 0
            return still
    try:
        start = first.x
        if problem.order is not None and problem.order > 1:
            start = start + search.step(replace(first, problem=replace(problem, order=1)))
        return search.direct(start, strict=not unique or hasty)
    except NotConverged:
        if hasty:
            raise
        return _named(search, lambda: _continued(search, problem, unique=unique))


def _continued(search: Search, problem: Steady, *, unique: bool) -> Point:
    """Along the path from equilibrium: where that ends there may be other solutions."""
    try:
        return search.along(problem.start())
    except NotConverged as error:
        if unique:
            raise
        why = f"{error.message}; others, not connected with equilibrium, may exist and are not looked for"
        raise NotConverged(why, best=error.best, residual=error.residual) from None


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
    unmet = f"the condition of {name}{line} is not met, {block.quantity} is off by {off[worst]:.1e} of the "
    told = f"{unmet}largest gross flow" if off[worst] > ENOUGH else f"{block.unknown} of {name}{line}"
    return NotConverged(
        f"no solution was found: {told}; {why}",
        best={"chemical_potential": mu, "temperature": T},
        residual=float(off[worst]),
        condition=(block.group.terminal.name, block.quantity),
        hint="prescribe less, or lower the bias: conductors carry what their bands hold",
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
        hint="lower the bias, or look at the reference: without states nothing screens",
    )


def _failing(point: Point, off: Floats) -> int:
    """Of the conditions that are off by much, the one whose own unknown has least influence on it."""
    if point.problem.size > DENSE_UP_TO:
        return int(np.argmax(off))
    influence = np.abs(np.diag(point.jacobian))
    with np.errstate(all="ignore"):
        needed = np.abs(point.left) / influence
    return int(np.argmax(np.where(off >= MUCH * off.max(), np.nan_to_num(needed, nan=0.0), -1.0)))
