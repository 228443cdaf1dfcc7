"""Left minus right sides of all conditions at given unknowns, and how they change with the unknowns.

The Jacobian is exact.  A part of a displacement of levels that raises all of them alike is put on the
distributions, where it makes no band edge singular.  With a method that does not respond, bands that follow
an unknown are moved for a centred difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import Levels
from modelkit.solve.energies.expansion import added
from modelkit.solve.energies.filling import Filled
from modelkit.solve.junction.charge_balance import charge_change, charge_left
from modelkit.solve.junction.posed import Posed
from modelkit.solve.junction.powers import Change, flows, lowered
from modelkit.solve.junction.steady import Wanted, moves, steepness

Floats = NDArray[np.float64]

MOVE = 1e-5  # of a window: by which bands are moved for a difference
STEP = 1e-5  # of an energy minus mu, relative to 1 + its size: weights of conditions are linear, or smooth


class Point(Posed):
    """The problem with its conditions."""

    @cached_property
    def flow(self) -> Floats:
        """Weighted currents of the reservoirs at the nodes, (n_E, n_reservoirs)."""
        if self.levels_move:
            return self.powers.whole
        found = self.grid.spectral(self.weights.value)
        if self.tail is not None:
            found = found + self.grid.spectral(self._filling(self._by_terminal(self.tail)))
        return found

    @cached_property
    def lower_flow(self) -> Floats:
        """The same to one order less, for what is multiplied with a deviation."""
        if self.levels_move:
            return self.powers.lower
        if self.problem.order is None:
            return self.flow
        return self.grid.spectral(self._lower(lambda weights: weights.value))

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
            found += self._excess(self.lower_flow) if self._heats else 0.0
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
        if self.levels_move:
            return self._actions([change])[0]
        problem = self.problem
        by, potential = self._by_terminal(change), change[problem.charges]
        levels = self._levels_change(by["mu"], potential)
        raised = self.common(levels) if levels is not None else 0.0
        below = by | {"mu": by["mu"] - raised}
        found = self._right_change(by)
        if problem.blocks:
            flow = self.grid.spectral(self._filling(below))
            if levels is not None:
                flow += self.grid.spectral_change(self.weights.value, lowered(levels, raised))
            found += self._left(flow)
        if problem.order is None:
            found += self._moved_weights(below)
        elif self._heats:
            found += self._excess(self.grid.spectral(self._lower(partial(self._filling_of, by=by))))
            found += self._excess(self.lower_flow, by["mu"])
        if self.followers is not None:
            found += self.followers @ by["mu"][problem.own]
        if problem.screened is not None:
            found[problem.charges] = charge_change(self, by, potential, levels)
        return found

    def _actions(self, directions: Iterable[Floats]) -> list[Floats]:
        """The same where levels move in an expansion, together for several changes."""
        problem = self.problem
        changes = [Change(**self._by_terminal(one), potential=one[problem.charges]) for one in directions]
        found = []
        for change, flow in zip(changes, flows(self, changes, problem.counted)[1:], strict=True):
            by = {"mu": change.mu, "T": change.T}
            rise = self.common(problem.moved(change.mu, change.potential))
            one = self._right_change(by) + self._left(flow.whole)
            one += self._excess(flow.lower) + self._excess(self.lower_flow, change.mu - rise)
            if problem.screened is not None:
                one[problem.charges] = charge_change(self, by, change.potential, None, flow.local)
            found.append(one)
        return found

    def _by_terminal(self, change: Floats) -> dict[str, Floats]:
        """Changes of mu and T of all terminals, from those of the unknowns."""
        by = {name: np.zeros(len(self.problem.given_mu)) for name in ("mu", "T")}
        for block in self.problem.blocks:
            by[block.unknown][block.terminal] += change[block.place]
        return by

    def _right_change(self, by: dict[str, Floats]) -> Floats:
        """Less what is prescribed changes by."""
        found, slopes = np.zeros(self.problem.size), self.problem.right(self.x, self.scale)[1]
        for block, slope in zip(self.problem.blocks, slopes, strict=True):
            for name, part in slope.items():
                found[block.place] -= part * by[name][block.terminal]
        return found

    def _filling(self, by: dict[str, Floats]) -> Floats:
        """Change of the weights with mu and T of the terminals."""
        return self._filling_of(self.weights, by)

    def _filling_of(self, weights: Filled, by: dict[str, Floats]) -> Floats:
        mu, T = (self.system.reservoirs.of_terminals(by[name], 0.0) for name in ("mu", "T"))
        return weights.by_mu * mu + weights.by_temperature * T

    def _lower(self, of: Callable[[Filled], Floats]) -> Floats:
        """What follows from the weights of an expansion to one order less."""
        degrees, sign = self.degrees()[:-1], self.system.reservoirs.sign
        if not degrees:
            return np.zeros_like(self.weights.value)
        whole = added(degrees)
        return of(replace(whole, by_mu=whole.by_mu * sign))

    def _levels_change(self, mu: Floats, potential: Floats) -> Levels | None:
        """How levels move with the unknowns, where the conductor responds to that."""
        problem = self.problem
        reacts = problem.order is None and problem.follows and self.grid.prepared.responds
        return problem.moved(mu, potential) if reacts else None

    @cached_property
    def jacobian(self) -> Floats:
        """Column by column, (size, size)."""
        units = np.eye(self.problem.size)
        return np.stack(self._actions(units) if self.levels_move else list(map(self.action, units)), axis=1)

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

    @property
    def _heats(self) -> bool:
        """Whether a condition depends on the energy."""
        return any(moves(block) for block in self.problem.blocks)

    def _excess(self, lower: Floats, away: Floats | None = None) -> Floats:
        """What deviations of mu, as the levels have risen, add to moments of ``E - mu``.

        ``lower`` are currents to one order less, ``away`` (n_terminals,) other deviations than those here.
        """
        found = np.zeros(self.problem.size)
        if not self._heats:
            return found
        away = self.distributions[0] - self.problem.mu - self.raised if away is None else away
        number = self._number(lower)
        for block in self.problem.blocks:
            if moves(block):
                found[block.place] = -steepness(block) * (away * number)[block.terminal]
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
