"""Left minus right sides of all conditions at given unknowns, and how they change with the unknowns.

The Jacobian is exact.  A part of a displacement of levels that raises all of them alike is put on the
distributions, where it makes no band edge singular.  With a method that does not respond, bands that follow
an unknown are moved for a centred difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import Levels, OpenSystem
from modelkit.solve.energies.expansion import expanded
from modelkit.solve.energies.filling import Filled, filled
from modelkit.solve.energies.grid import Grid
from modelkit.solve.junction.charge_balance import charge_change, charge_left
from modelkit.solve.junction.charges import FilledSea, Sea
from modelkit.solve.junction.screening import moving
from modelkit.solve.junction.steady import Steady, Wanted, moves, steepness
from modelkit.solve.request import Prepared

Floats = NDArray[np.float64]

MOVE = 1e-5  # of a window: by which bands are moved for a difference
STEP = 1e-5  # of an energy minus mu, relative to 1 + its size: weights of conditions are linear, or smooth


@dataclass(frozen=True)
class Point:
    """The problem at one set of unknowns, on one grid.

    ``x`` (size,), ``scale`` from 0 to 1 as in :class:`~modelkit.solve.junction.steady.Steady`.
    ``tail`` (size,) is what x cannot hold: where terminals are strongly coupled to one another and weakly to
    the others, rounding of their chemical potentials drives larger currents than the bias does.
    """

    problem: Steady
    grid: Grid
    x: Floats
    scale: float = 1.0
    at_levels: Callable[[Levels], Prepared] | None = None
    sea: Sea | None = None
    tail: Floats | None = None

    @cached_property
    def distributions(self) -> tuple[Floats, Floats]:
        """Chemical potentials and temperatures, (n_terminals,) each."""
        return self.problem.distributions(self.x, self.scale)

    @property
    def _of_reservoirs(self) -> tuple[Floats, Floats]:
        """The same by reservoir, (n_reservoirs,) each."""
        of_terminals, (mu, T) = self.system.reservoirs.of_terminals, self.distributions
        return of_terminals(mu, self.problem.mu), of_terminals(T, self.problem.T)

    @cached_property
    def weights(self) -> Filled:
        """Filled weights by reservoir, with derivatives by mu and T of the terminal."""
        return self.fill()

    def fill(self, *, difference: bool = False, lower: int = 0, centre: bool = False) -> Filled:
        """Filled weights; of an order that is so much lower; those of the error estimate.

        Counted from one of the terminals, or with ``centre`` (always in an expansion) from equilibrium there.
        """
        problem, sign = self.problem, self.system.reservoirs.sign
        mu, T = self._of_reservoirs
        panels = self.grid.panels
        if problem.order is None:
            if centre:
                whole = self._counted if not difference else self._with_centre(difference=True)
                return Filled(whole.value[:, :-1], whole.by_mu[:, :-1], whole.by_temperature[:, :-1])
            found = filled(panels, sign * mu, T, problem.first, difference=difference)
        else:
            x, theta = sign * (mu - problem.mu) - self.raised, T - problem.T
            order = problem.order - lower
            found = expanded(panels, problem.mu, problem.T, x, theta, order, difference=difference)
        return replace(found, by_mu=found.by_mu * sign)

    @cached_property
    def _counted(self) -> Filled:
        return self._with_centre()

    def _with_centre(self, *, difference: bool = False) -> Filled:
        """Filled weights counted from the centre, which is the last reservoir."""
        problem, reservoirs = self.problem, self.system.reservoirs
        mu, T = self._of_reservoirs
        mu, T = np.append(reservoirs.sign * mu, problem.mu), np.append(T, problem.T)
        return filled(self.grid.panels, mu, T, len(mu) - 1, difference=difference)

    @property
    def centre_by_mu(self) -> Floats:
        """How the filling of the centre itself changes with its mu, (n_E,)."""
        return self._counted.by_mu[:, -1]

    @cached_property
    def densities(self) -> Callable[[Levels], Floats]:
        """Electrons of each site that the bias fills beside the sea, as levels move; (n_sites,)."""
        return self.grid.density_change(self.fill(centre=True).value)

    @cached_property
    def linear(self) -> Filled:
        """Filled weights to first order in an expansion."""
        return self.first_order()

    def first_order(self, *, difference: bool = False) -> Filled:
        """The same, or those of the error estimate."""
        mu, T = self.problem.mu, self.problem.T
        x, theta = self.distributions[0] - mu, self.distributions[1] - T
        return expanded(self.grid.panels, mu, T, x, theta, 1, difference=difference)

    @cached_property
    def local_states(self) -> Floats:
        """States of each unknown potential's sites per energy at the reference, (count,)."""
        screened = self.problem.screened
        assert screened is not None
        return screened.of_regions(self.grid.density(self.linear.by_mu))

    @property
    def system(self) -> OpenSystem:
        return self.grid.prepared.system

    @cached_property
    def flow(self) -> Floats:
        """Weighted currents of the reservoirs at the nodes, (n_E, n_reservoirs)."""
        found = self.grid.spectral(self.weights.value)
        if self.problem.order == 2 and self.displaced is not None:
            found = found + self.grid.spectral_change(self.fill(lower=1).value, self.displaced)
        if self.tail is not None:
            found = found + self.grid.spectral(self._filling(self._by_terminal(self.tail)))
        return found

    @cached_property
    def change(self) -> Levels:
        """By how much levels are displaced from the reference in an expansion; bands by terminal."""
        problem = self.problem
        return problem.moved(self.distributions[0] - problem.mu, self.x[problem.charges])

    @cached_property
    def raised(self) -> float:
        """By how much all levels are raised alike in an expansion."""
        problem = self.problem
        return self.common(self.change) if problem.responds and problem.order is not None else 0.0

    @cached_property
    def displaced(self) -> Levels | None:
        """The rest of the displacement in an expansion."""
        return _lowered(self.change, self.raised) if self.problem.responds else None

    def common(self, change: Levels) -> float:
        """The part of a displacement that counts as raising all levels: the mean of the bands that move."""
        return float(change.bands[banded].mean()) if (banded := moving(self.problem.device)).any() else 0.0

    @cached_property
    def filled_sea(self) -> FilledSea:
        """The sea at these levels."""
        assert self.sea is not None
        return self.sea.at(self.grid.prepared)

    @cached_property
    def lower_flow(self) -> Floats:
        """The same to one order less, for what is multiplied with a deviation."""
        return self.grid.spectral(self.fill(lower=1).value) if self.problem.order else self.flow

    @cached_property
    def current(self) -> Floats:
        """(n_terminals,): particle currents."""
        return self.by_terminal(self.flow.sum(axis=0) * self.system.reservoirs.sign)

    @cached_property
    def heat(self) -> Floats:
        """(n_terminals,): energy current minus mu times particle current."""
        return self.energy - self._carried

    @cached_property
    def energy(self) -> Floats:
        """(n_terminals,): energy currents, counted from the centre."""
        reservoirs = self.system.reservoirs
        excess = self.grid.energies[:, None] - reservoirs.sign * self.problem.mu
        found = (excess * self.flow).sum(axis=0)
        if self.raised:
            found = found + self.raised * self.lower_flow.sum(axis=0)
        return self.by_terminal(found * reservoirs.carries)

    @property
    def _carried(self) -> Floats:
        """Deviations of mu times currents, to order n: the currents to order n - 1."""
        return (self.distributions[0] - self.problem.mu) * self._number(self.lower_flow)

    def by_terminal(self, values: Floats) -> Floats:
        """Sum over the reservoirs of each terminal, (..., n_reservoirs) to (..., n_terminals)."""
        reservoirs = self.system.reservoirs
        count = len(self.problem.given_mu)
        if len(reservoirs.terminal) == count and reservoirs.share == 1.0:
            return values
        found = np.zeros((count, *values.shape[:-1]))
        np.add.at(found, reservoirs.terminal, np.moveaxis(values, -1, 0))
        return np.moveaxis(found, 0, -1) * reservoirs.share

    @cached_property
    def gross(self) -> Floats:
        """(n_terminals,): particle currents, absolutely summed."""
        return self.by_terminal(np.abs(self.flow).sum(axis=0))

    @cached_property
    def gross_energy(self) -> Floats:
        """(n_terminals,): energy currents, counted from the centre, absolutely summed."""
        excess = np.abs(self.grid.energies - self.problem.mu)[:, None]
        return self.by_terminal((excess * np.abs(self.flow)).sum(axis=0) * self.system.reservoirs.carries)

    @cached_property
    def left(self) -> Floats:
        """Left minus right sides of the conditions, (size,)."""
        found = self._left(self.flow) - self.problem.right(self.x, self.scale)[0]
        if self.problem.order is not None:
            found += self._excess()
        if self.problem.screened is not None:
            found[self.problem.charges] = charge_left(self)
        return found

    @cached_property
    def gross_left(self) -> Floats:
        """Absolutely summed left sides, (size,)."""
        found = np.zeros(self.problem.size)
        for block, columns, weight in self._weighted:
            found[block.place] = self._members(block, np.abs(weight) * np.abs(self.flow[:, columns]))
        return found

    def action(self, change: Floats) -> Floats:
        """The Jacobian applied to a change of the unknowns, (size,)."""
        problem, by = self.problem, self._by_terminal(change)
        potential = change[problem.charges]
        levels = self._levels_change(by["mu"], potential)
        raised = self.common(levels) if levels is not None else 0.0
        below = by | {"mu": by["mu"] - raised}
        found = np.zeros(problem.size)
        if problem.blocks:
            flow = self.grid.spectral(self._filling(below))
            if levels is not None:
                flow += self._flow_change(_lowered(levels, raised), by, raised)
            found += self._left(flow)
        found += self._moved_weights(below) if problem.order is None else self._excess_change(by)
        slopes = problem.right(self.x, self.scale)[1]
        for block, slope in zip(problem.blocks, slopes, strict=True):
            for name, part in slope.items():
                found[block.place] -= part * by[name][block.terminal]
        if self.followers is not None:
            found += self.followers @ by["mu"][problem.own]
        if problem.screened is not None:
            found[problem.charges] = charge_change(self, by, potential, levels)
        return found

    def _by_terminal(self, change: Floats) -> dict[str, Floats]:
        """Changes of mu and T of all terminals, from those of the unknowns."""
        n = len(self.problem.given_mu)
        by = {"mu": np.zeros(n), "T": np.zeros(n)}
        for block in self.problem.blocks:
            by[block.unknown][block.terminal] += change[block.place]
        return by

    def _filling(self, by: dict[str, Floats], *, lower: int = 0) -> Floats:
        """Change of the weights with mu and T of the terminals."""
        weights = self.fill(lower=lower) if lower else self.weights
        mu, T = (self.system.reservoirs.of_terminals(by[name], 0.0) for name in ("mu", "T"))
        return weights.by_mu * mu + weights.by_temperature * T

    def _levels_change(self, mu: Floats, potential: Floats) -> Levels | None:
        """How levels move with the unknowns, where the conductor responds to that."""
        problem, prepared = self.problem, self.grid.prepared
        reacts = problem.responds if problem.order is not None else problem.follows and prepared.responds
        if not reacts or len(mu) != prepared.system.n_terminals:
            return None
        return problem.moved(mu, potential)

    def _flow_change(self, levels: Levels, by: dict[str, Floats], raised: float) -> Floats:
        """What displaced levels change of the weighted currents, (n_E, n_reservoirs)."""
        if self.problem.order is None:
            return self.grid.spectral_change(self.weights.value, levels)
        if self.problem.order < 2 or self.displaced is None:
            return np.zeros_like(self.weights.value)
        found = self.grid.spectral_change(self.fill(lower=1).value, levels)
        filling = self._filling(by | {"mu": by["mu"] - raised}, lower=1)
        return found + self.grid.spectral_change(filling, self.displaced)

    @cached_property
    def jacobian(self) -> Floats:
        """Column by column, (size, size)."""
        return np.stack([self.action(unit) for unit in np.eye(self.problem.size)], axis=1)

    @cached_property
    def followers(self) -> Floats | None:
        """Derivative of the left sides by the bands that follow, on these panels, (size, n_own), or None."""
        problem, system = self.problem, self.system
        chosen = problem.own & problem.unknown & (problem.order is None)
        if not chosen.any() or self.at_levels is None or self.grid.prepared.responds:
            return None
        found = np.zeros((problem.size, int(problem.own.sum())))
        step = MOVE * float(np.ptp(self.grid.panels.lower) + np.ptp(self.grid.panels.upper))
        for column, terminal in enumerate(np.flatnonzero(problem.own)):
            sides = []
            mine = np.where(system.reservoirs.terminal == terminal, system.reservoirs.sign, 0.0)
            for sign in (1.0, -1.0):
                bands = system.levels.bands + sign * step * mine
                prepared = self.at_levels(Levels(system.levels.potential, bands))
                flow = replace(self.grid, prepared=prepared).spectral(self.weights.value)
                sides.append(self._left(flow))
            found[:, column] = (sides[0] - sides[1]) / (2 * step) * chosen[terminal]
        return found

    def _left(self, flow: Floats) -> Floats:
        """Left sides for weighted currents; at the weights of these unknowns."""
        found = np.zeros(self.problem.size)
        for block, columns, weight in self._weighted:
            found[block.place] = self._members(block, weight * flow[:, columns])
        return found

    def _excess(self) -> Floats:
        """What deviations of mu add to moments of ``E - mu``, to the order of the expansion."""
        found = np.zeros(self.problem.size)
        for block in self.problem.blocks:
            if moves(block):
                away = self.distributions[0][block.terminal] - self.problem.mu
                found[block.place] = -steepness(block) * away * self._number(self.lower_flow)[block.terminal]
        return found

    def _excess_change(self, by: dict[str, Floats]) -> Floats:
        found = np.zeros(self.problem.size)
        if not any(moves(block) for block in self.problem.blocks):
            return found
        change = self._number(self.grid.spectral(self._filling(by, lower=1)))
        number = self._number(self.lower_flow)
        for block in self.problem.blocks:
            if moves(block):
                at = block.terminal
                away = self.distributions[0][at] - self.problem.mu
                found[block.place] = -steepness(block) * (by["mu"][at] * number[at] + away * change[at])
        return found

    def _number(self, flow: Floats) -> Floats:
        """Particle currents, (n_terminals,)."""
        return self.by_terminal(flow.sum(axis=0) * self.system.reservoirs.sign)

    def _moved_weights(self, by: dict[str, Floats]) -> Floats:
        """What moments of ``E - mu`` change because mu, or T, does."""
        found = np.zeros(self.problem.size)
        for block, columns, _ in self._weighted:
            for name in ("mu", "T") if moves(block) else ():
                parts = self._members(block, self._weight_slope(block, name) * self.flow[:, columns])
                found[block.place] += parts * by[name][block.terminal]
        return found

    def _weight_slope(self, block: Wanted, name: str) -> Floats:
        mu, T = self.distributions
        step = {"mu": STEP * (1 + np.abs(mu)), "T": STEP * T}[name]
        up, down = ({"mu": mu, "T": T} | {name: {"mu": mu, "T": T}[name] + s * step} for s in (1, -1))
        reach = 2 * step[self.system.reservoirs.terminal[self._columns(block)]]
        return np.asarray(
            (self._weight(block, **up) - self._weight(block, **down)) / np.where(reach, reach, 1)
        )

    @cached_property
    def _weighted(self) -> list[tuple[Wanted, NDArray[np.intp], Floats]]:
        """Blocks with their reservoirs and the weights of their currents, (n_E, n_columns)."""
        mu, T = self.distributions
        if self.problem.order is not None:
            mu, T = np.full_like(mu, self.problem.mu), np.full_like(T, self.problem.T)
        blocks = self.problem.blocks
        return [(block, self._columns(block), self._weight(block, mu, T)) for block in blocks]

    def _weight(self, block: Wanted, mu: Floats, T: Floats) -> Floats:
        columns, reservoirs = self._columns(block), self.system.reservoirs
        owner, sign = reservoirs.terminal[columns], reservoirs.sign[columns]
        sign = np.where(sign == 0, 1.0, sign)  # quasi-particles are asked for their energy alone
        excess = sign * self.grid.energies[:, None] - mu[owner]
        sign = sign * reservoirs.carries[columns]
        return sign * block.weight(excess, np.broadcast_to(T[owner], excess.shape))

    def _columns(self, block: Wanted) -> NDArray[np.intp]:
        owner = self.system.reservoirs.terminal
        return np.flatnonzero((owner >= block.terminal.start) & (owner < block.terminal.stop))

    def _members(self, block: Wanted, values: Floats) -> Floats:
        """Sum over energies and the reservoirs of each member, (count,)."""
        reservoirs = self.system.reservoirs
        owner = reservoirs.terminal[self._columns(block)] - block.terminal.start
        return np.asarray(reservoirs.share * np.bincount(owner, values.sum(axis=0), block.group.count))


def _lowered(change: Levels, raised: float) -> Levels:
    """What is left of a displacement when all levels are lowered again."""
    return Levels(change.potential - raised, change.bands - raised)
