"""What full transport, or an expansion of any order, found: outputs and audits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import OpenSystem
from modelkit.errors import ModelError
from modelkit.results.audit import TOLERANCE, relative, resolved_flow
from modelkit.solve.conductor import Conductance
from modelkit.solve.energies.elastic import completed
from modelkit.solve.energies.expansion import expanded
from modelkit.solve.energies.windows import covering
from modelkit.solve.found.characteristic import Characteristic, characteristic
from modelkit.solve.found.electrons import electrons
from modelkit.solve.found.gauge import gauge_shift
from modelkit.solve.junction.balance import Point
from modelkit.solve.junction.continuity import continuity
from modelkit.solve.junction.deviations import least_flow, reach, rounding_flow, worst
from modelkit.solve.junction.nonlinear import Grids
from modelkit.solve.junction.precision import INTEGRATION, refined
from modelkit.solve.junction.screening import no_potentials
from modelkit.solve.methods.pattern import closes_loops

Floats = NDArray[np.float64]
Measure = Callable[[Conductance, Floats], Floats]

UNBALANCED = 1e-4  # of what rounding drives: its own rounding is no more than 1e-13 of it


@dataclass(frozen=True)
class SteadyTransport:
    """The steady state; arrays over terminals, positive into the conductor.

    ``heat_audits`` and ``bond_audits`` belong to outputs; ``counts`` are ``newton_steps``,
    ``linear_solves``, ``energies``, ``factorisations`` and ``iterations``; ``attributes`` are words for the
    result.
    """

    point: Point
    integration: float
    method: str
    why: str
    counts: Mapping[str, int]
    attributes: Mapping[str, str]
    grids: Grids

    @property
    def system(self) -> OpenSystem:
        return self.point.system

    @cached_property
    def current(self) -> Floats:
        """Particle currents."""
        return self._with_condensate(self.point.current, 0.0 - float(self.point.current.sum()))

    @cached_property
    def heat_current(self) -> Floats:
        """Energy current less mu times particle current."""
        return self._with_condensate(self.point.heat, 0.0)  # at mu = 0 pairs carry no energy

    @cached_property
    def chemical_potential(self) -> Floats:
        """Absolute; NaN for elastic probes."""
        return self._with_condensate(self._known(self.point.distributions[0]), 0.0)

    @cached_property
    def temperature(self) -> Floats:
        """Absolute; NaN for elastic probes."""
        return self._with_condensate(self._known(self.point.distributions[1]), np.nan)

    @cached_property
    def heat(self) -> Floats:
        """What each terminal takes up: exact in full, to the lowest (quadratic) order in an expansion."""
        return -self.point.heat if self.point.problem.order is None else self._quadratic[0]

    @property
    def heat_audits(self) -> Mapping[str, float]:
        """In an expansion the heat against the power of the linear currents."""
        if self.point.problem.order is None:
            return {}
        found, power = self._quadratic
        least = self.gross * least_flow(self.point)
        return {"energy_balance": relative(abs(float(found.sum() - power)), max(float(found.sum()), least))}

    @property
    def bond_current(self) -> Floats:
        """(n_bonds,), along the arrows, counted from equilibrium at the centre, levels where they are."""
        return self._flow_of_bonds[0]

    @property
    def bond_audits(self) -> Mapping[str, float]:
        """Continuity at every site, and the local sum rule."""
        found, off, floor = self._flow_of_bonds
        unbalanced = continuity(self.system, found, self.point.flow.sum(axis=0))
        largest = max(float(np.abs(found).max(initial=0.0)), self.gross, floor)
        return {"local_sum_rule": off, "continuity": relative(unbalanced, largest)}

    @cached_property
    def _flow_of_bonds(self) -> tuple[Floats, float, float]:
        """With the residual of the local sum rule, and the flow below which it is rounding."""
        point = self._about_centre()
        if point.levels_move:
            order = point.problem.order
            message = f"currents of bonds are not expanded to order {order} while levels follow"
            raise ModelError(message, hint="ask for them in full transport, or in transport(order = 1)")
        off = [0.0]

        def measure(conductance: Conductance, f: Floats) -> Floats:
            off.append(float(conductance.local_sum_rule().max(initial=0.0)))
            return conductance.bond_current(f)

        mu, T = point.distributions
        reach = np.abs(mu - point.problem.mu).max(initial=0) + np.abs(T - point.problem.T).max(initial=0)
        floor = resolved_flow(float(reach), bonds=True)
        if closes_loops(self.system):
            point = refined(point, INTEGRATION, measure, floor, centre=True)
        found = point.grid.total(point.fill(centre=True).value, measure)
        found = found if found.shape else np.zeros(len(self.system.bond_source))
        return found, float(np.max(off)), floor

    @cached_property
    def potential(self) -> Floats:
        """Unknown potentials; without screening the mean prescribed potential of each region."""
        problem = self.point.problem
        if problem.screened is not None:
            return self.point.x[problem.charges]
        return np.array([problem.device.potential[one.site].mean() for one in problem.device.regions])

    @cached_property
    def characteristic_potential(self) -> Floats:
        """(count, n_terminals), of an expansion; audited by their sum."""
        problem = self.point.problem
        if problem.screened is None:
            raise no_potentials()
        if problem.order is None:
            message = "characteristic potentials belong to the reference, not to a bias"
            raise ModelError(message, hint="ask for them in a task of transport(order = 1)")
        return self._characteristic.by_mu

    @property
    def characteristic_audits(self) -> Mapping[str, float]:
        """The sum of the characteristic potentials, where nothing is left uncovered."""
        screened = self.point.problem.screened
        if screened is None or screened.uncovered:
            return {}
        return {"characteristic_sum": self._characteristic.sum_rule}

    @cached_property
    def _characteristic(self) -> Characteristic:
        return characteristic(self.grids.request, temperatures=False)

    @cached_property
    def density(self) -> Floats:
        """(n_sites,): electrons; in an expansion to first order."""
        return electrons(self.grids, self.point)

    def average(self, measure: Measure) -> Floats:
        """The sum over energies of what is linear in the distributions, ``measure(conductance, weights)``."""
        return self.point.grid.total(self.point.weights.value, measure)

    @cached_property
    def gross(self) -> float:
        """The largest gross flow of a terminal, absolutely summed over energies."""
        return max(float(self.point.gross.max(initial=0.0)), least_flow(self.point))

    @property
    def work(self) -> float:
        """The energy that terminals turn over, absolutely summed; rounding of heat is counted against it."""
        return float(self.point.gross_energy.sum()) + self.gross * reach(self.point)

    @property
    def condensate(self) -> bool:
        """Whether a condensate is a further terminal."""
        return self.system.reservoirs.superconducting

    @cached_property
    def audits(self) -> Mapping[str, float]:
        """Conditions, conservation and the second law, relative residuals by name."""
        point = self.point
        found = {"conditions": worst(point), "integration": self.integration}
        total = max(float(point.gross.sum()), self.gross)
        turned = float(point.gross_energy.sum()) + UNBALANCED * rounding_flow(point) * reach(point)
        if point.problem.order is not None:
            turned += total * reach(point)  # at T = 0 the nodes of an expansion lie closer than the biases
        # of electrons plus holes where there are both: that is what pairing conserves
        reservoirs = self.system.reservoirs
        left = float(reservoirs.share * point.flow.sum(axis=0) @ reservoirs.carries)
        found["particle_balance"] = relative(abs(left), total)
        found["energy_balance"] = relative(abs(float(self._energy.sum())), turned or 1.0)
        if point.problem.order in (None, 1):
            found["second_law"] = self._unpaid()
        shifted = gauge_shift(self.grids, point) if self.grids.request.sampled else None
        if shifted is not None:
            found["gauge_shift"] = shifted
        return found

    def _unpaid(self) -> float:
        """How negative the production of entropy is; at T = 0 terminals may not give heat."""
        point = self.point
        there = ~point.problem.elastic
        T, heat = point.distributions[1][there], -point.heat[there]
        gross = self.gross + rounding_flow(point) / TOLERANCE
        turned = point.gross_energy[there] + gross * reach(point)
        if point.problem.order is not None:
            away, warming = (
                point.distributions[0] - point.problem.mu,
                point.distributions[1] - point.problem.T,
            )
            paid = point.current @ away + (point.heat @ warming) / (point.problem.T or 1.0)
            return relative(max(0.0, -float(paid)), float(turned.sum()))
        if not np.any(T == 0):
            return relative(max(0.0, -float((heat / T).sum())), float((turned / T).sum()))
        given = float(np.maximum(-heat[T == 0], 0.0).max(initial=0.0))
        return relative(given, float(turned.max(initial=0.0)))

    @property
    def _energy(self) -> Floats:
        return self.point.energy

    @cached_property
    def _quadratic(self) -> tuple[Floats, float]:
        """Dissipated heat of linear response at these deviations, and the power put in."""
        linear = replace(self.point, problem=replace(self.point.problem, order=1))
        problem, grid = linear.problem, linear.grid
        x = linear.distributions[0] - problem.mu
        theta = linear.distributions[1] - problem.T
        if problem.T == 0:
            conductance = grid.prepared.at(np.array([problem.mu]))
            y, weights = completed(conductance, x[None, :], problem.elastic), np.ones(1)
            flow = conductance.current(y)
            return weights @ conductance.heat(y), float((weights @ (flow * y)).sum())
        return self._warm(linear, x, theta)

    def _warm(self, linear: Point, x: Floats, theta: Floats) -> tuple[Floats, float]:
        """The same, averaged with the derivative of the Fermi function."""
        problem, grid = linear.problem, linear.grid
        unit = expanded(grid.panels, problem.mu, problem.T, np.ones(1), np.zeros(1), 1).by_mu[:, 0]
        total, power = np.zeros_like(x), 0.0
        y = x + np.outer((grid.energies - problem.mu) / problem.T, theta)
        for conductance, (here,), range_ in grid.parts(y):
            total += unit[range_] @ conductance.heat(here)
            power += float(unit[range_] @ (conductance.current(here) * here).sum(axis=1))
        return total, power

    def _about_centre(self) -> Point:
        """On panels that reach over the centre."""
        point = self.point
        if point.problem.order is not None:
            return point
        mu, T = (np.append(a, c) for a, c in zip(point.distributions, _centre(point), strict=True))
        panels = covering(point.grid.panels, self.system, mu, T)
        return replace(point, grid=replace(point.grid, panels=panels))

    def _known(self, values: Floats) -> Floats:
        found = values.copy()
        found[self.point.problem.elastic] = np.nan
        return found

    def _with_condensate(self, values: Floats, last: float) -> Floats:
        return np.append(values, last) if self.condensate else values


def _centre(point: Point) -> tuple[float, float]:
    return point.problem.mu, point.problem.T
