"""The verb ``transport``: what flows between terminals, in full or to some order around the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import OpenSystem
from modelkit.errors import ModelError, NotConverged, raise_all
from modelkit.graph.device import Device
from modelkit.registry import Verb, verbs
from modelkit.results.audit import demand, relative
from modelkit.solve.conductor import Conductance
from modelkit.solve.found.conventions import bands_told, steady_attributes
from modelkit.solve.found.electrons import electrons_of_order_one
from modelkit.solve.found.steady_transport import SteadyTransport
from modelkit.solve.junction.continuity import continuity
from modelkit.solve.junction.finite_temperature import refined, solve_warm
from modelkit.solve.junction.junction import junction
from modelkit.solve.junction.linear import Flows, Solution, check_residual, solve_cold
from modelkit.solve.junction.nonlinear import Grids, solve_steady
from modelkit.solve.junction.reach import outside_band, place
from modelkit.solve.junction.screening import no_potentials, refusals
from modelkit.solve.junction.steady import Steady, is_linear, is_unique, mixes, steady
from modelkit.solve.methods.pattern import closes_loops
from modelkit.solve.request import Request, prepare

Floats = NDArray[np.float64]

OPTIONS: Mapping[str, str] = {
    "order": "order of the expansion in the deviations from the reference; 1 is linear response, none is "
    "the full steady state",
    "method": "the method instead of the compiler's choice",
}
WARM = "unknowns of the last point"  # from which the next hasty one starts
HIGHEST = 20  # order of an expansion


@dataclass(frozen=True)
class LinearTransport:
    """What ``transport(order = 1)`` found.

    Arrays over terminals have shape (n_terminals,); currents are positive into the conductor.
    ``residuals`` are what the solver left over, relative, by the name of the audit; ``heat_audits`` and
    ``bond_audits`` belong to outputs.
    ``counts`` are ``newton_steps``, ``linear_solves``, ``energies``, ``factorisations`` and
    ``iterations`` of the linear solver; ``attributes`` are words for the result.
    """

    system: OpenSystem
    solution: Solution
    flows: Flows
    method: str
    why: str
    counts: Mapping[str, int]
    attributes: Mapping[str, str]
    residuals: Mapping[str, float]
    request: Request

    @cached_property
    def potential(self) -> Floats:
        """The mean prescribed potential of each region; with screening this is not the way."""
        device = self.request.device
        return np.array([device.potential[one.site].mean() for one in device.regions])

    @property
    def characteristic_potential(self) -> Floats:
        """None without screening."""
        raise no_potentials()

    @cached_property
    def density(self) -> Floats:
        """(n_sites,): electrons, to first order."""
        return electrons_of_order_one(self.request)

    def average(self, measure: Callable[[Conductance, Floats], Floats]) -> Floats:
        """Thermal average of a quantity that is ``measure(conductance, y)`` at each energy, (n_E, ...).

        ``y`` (n_E, n_terminals) are the deviations of the distributions in units of ``-f0'``.
        """
        return self.solution.average(measure)

    @cached_property
    def chemical_potential(self) -> Floats:
        """Absolute; NaN for elastic probes."""
        problem = self.solution.problem
        return (problem.mu + problem.origin) + self.solution.deviation("mu")

    @cached_property
    def temperature(self) -> Floats:
        """Absolute; NaN for elastic probes."""
        return self.solution.problem.T + self.solution.deviation("T")

    @cached_property
    def current(self) -> Floats:
        """Particle currents."""
        return self.flows.current

    @cached_property
    def heat_current(self) -> Floats:
        """Energy current less mu times particle current, to first order; zero at T = 0."""
        mu = self.solution.problem.mu

        def measure(conductance: Conductance, y: Floats) -> Floats:
            return (conductance.energies - mu)[:, None] * conductance.current(y)

        return self.average(measure)

    @cached_property
    def heat(self) -> Floats:
        """Dissipated heat, quadratic in the deviations."""
        return self.average(lambda conductance, y: conductance.heat(y))

    @property
    def heat_audits(self) -> Mapping[str, float]:
        """The heat against the power put in."""
        off = abs(float(self.heat.sum() - self.flows.power.sum()))
        return {"energy_balance": relative(off, self.work)}

    @property
    def bond_current(self) -> Floats:
        """(n_bonds,), along the arrows, counted from what flows at the reference.

        Around loops with flux that is not zero for equal potentials.
        """
        return self._flow_of_bonds[0]

    @property
    def bond_audits(self) -> Mapping[str, float]:
        """Continuity at every site, and the local sum rule."""
        found, off = self._flow_of_bonds
        unbalanced = continuity(self.system, found, self.current)
        largest = max(float(np.abs(found).max(initial=0.0)), self.gross, self.solution.least_bond_flow)
        return {"local_sum_rule": off, "continuity": relative(unbalanced, largest)}

    @cached_property
    def _flow_of_bonds(self) -> tuple[Floats, float]:
        """With the residual of the local sum rule.

        Around loops more than the terminals' currents flows, and its average is refined by itself.
        """
        off = [0.0]

        def measure(conductance: Conductance, y: Floats) -> Floats:
            off.append(float(conductance.local_sum_rule().max(initial=0.0)))
            return conductance.bond_current(y)

        solution = self.solution
        if solution.panels is not None and closes_loops(self.system):
            solution = refined(solution, measure, solution.least_bond_flow, absolute=True)
        return solution.average(measure, absolute=True), float(np.max(off))

    @cached_property
    def gross(self) -> float:
        """The largest gross flow of a terminal, absolutely summed over energies."""
        return max(float(self.flows.gross.max(initial=0.0)), self.solution.least_flow)

    @cached_property
    def work(self) -> float:
        """The power that terminals put in, absolutely summed."""
        return max(float(self.flows.turnover.sum()), self.gross * self.solution.spread)

    @cached_property
    def audits(self) -> Mapping[str, float]:
        """What the solver left over, conservation and the second law, relative residuals by name."""
        flows = self.flows
        total = max(float(flows.gross.sum()), self.gross)
        unpaid = max(0.0, -float(flows.power.sum()))
        return {
            **self.residuals,
            "particle_balance": relative(abs(float(flows.current.sum())), total),
            "second_law": relative(unpaid, self.work),
        }


def check(request: Request) -> Iterator[ModelError]:
    """Say what of a request ``transport`` cannot treat."""
    yield from request.unknown_options(OPTIONS)
    yield from request.open_chain("transport")
    order = request.options.get("order")
    if order is not None and not (_is_whole(order) and 1 <= order <= HIGHEST):
        message = f"the order must be a whole number from 1 to {HIGHEST}, not {order}"
        yield ModelError(message, request.place("order"), hint="order = 1, or no order for full transport")
        return
    try:
        if order is not None:
            junction(request.device)
        problem = steady(request.device, None if order is None else int(order))
    except ModelError as error:
        yield error
        return
    yield from refusals(request.device, problem.order)
    if order is not None and order > 1:
        yield from _beyond_first_order(problem)


def solve(request: Request) -> LinearTransport | SteadyTransport:
    """The steady state in full, or to some order around the reference.

    Raises
    ------
    ModelError
        See :func:`check`; also devices and self-energies that cannot be compiled.
    NotConverged
        A probe is not determined, its condition cannot be met, or an audit failed.
    """
    raise_all(check(request))
    order = request.options.get("order")
    if order == 1 and _is_direct(request):
        return _solve_linear(request)
    return _solve_steady(request, steady(request.device, None if order is None else int(order)))


def _beyond_first_order(problem: Steady) -> Iterator[ModelError]:
    for block in problem.blocks:
        if not is_linear(block):
            message = f"the condition on '{block.quantity}' has no expansion beyond the first order"
            yield ModelError(message, block.span, hint="write order = 1, or no order")


def _is_direct(request: Request) -> bool:
    """Whether order 1 is one linear problem of chemical potentials and temperatures, terminal by terminal."""
    reservoirs = prepare(request).system.reservoirs
    if request.device.screening:
        return False
    plain = len(reservoirs.terminal) == request.device.n_terminals and reservoirs.share == 1.0
    return plain and not any(mixes(block, request.device) for block in steady(request.device).blocks)


def _solve_linear(request: Request) -> LinearTransport | SteadyTransport:
    problem, prepared = junction(request.device), prepare(request)
    before = prepared.factorisations
    prepared.begin()
    solution = (solve_cold if problem.T == 0 else solve_warm)(request.device, prepared, problem)
    flows = solution.flows()
    if flows.rounded:  # steps of Newton's method may be smaller than rounding of the unknowns
        return _solve_steady(request, steady(request.device, 1))
    residuals = {"conditions": check_residual(request.device, solution, flows)}
    if solution.integration is not None:
        residuals["integration"] = solution.integration
    counts = {
        "newton_steps": 0,
        "linear_solves": 1,
        "energies": len(solution.energies),
        "factorisations": prepared.factorisations - before,
        "iterations": solution.iterations,
    }
    found = LinearTransport(
        system=prepared.system,
        solution=solution,
        flows=flows,
        method=prepared.method,
        why=prepared.why,
        counts=counts,
        attributes=_attributes(request, solution),
        residuals=residuals,
        request=request,
    )
    demand(found.audits)
    _refuse_negative(request.device, found.temperature)
    return found


def _solve_steady(request: Request, problem: Steady) -> SteadyTransport:
    unique = is_unique(problem)
    grids = Grids(request, problem)
    start = request.memory.get(WARM) if request.hasty else None
    solved = solve_steady(grids, unique=unique, start=start)
    if request.hasty:
        request.memory[WARM] = solved.point.x
    prepared, linear = solved.point.grid.prepared, problem.order == 1
    counts = {
        "newton_steps": 0 if linear else solved.counts.steps,
        "linear_solves": 1 if linear else solved.counts.steps,
        "energies": solved.point.grid.used,
        "factorisations": solved.factorisations,
        "iterations": solved.counts.iterations,
    }
    found = SteadyTransport(
        point=solved.point,
        integration=solved.uncertainty,
        method=prepared.method,
        why=prepared.why,
        counts=counts,
        attributes=steady_attributes(solved.point, unique=unique),
        grids=grids,
    )
    demand(found.audits)
    _refuse_negative(request.device, found.temperature)
    return found


def _refuse_negative(device: Device, temperature: Floats) -> None:
    """An expansion may lead to a temperature below zero: it is void there."""
    for terminal in np.flatnonzero(temperature[: device.n_terminals] < 0):
        name, line, _, _ = place(device, int(terminal))
        shown = device.units.shown("temperature", float(temperature[terminal]))
        raise NotConverged(
            f"the expansion gives {name}{line} the temperature {shown}, below zero: it is void that far from "
            "the reference; take full transport, or prescribe less"
        )


def _is_whole(order: object) -> bool:
    return isinstance(order, int | np.integer) or bool(getattr(order, "is_Integer", False))


def _attributes(request: Request, solution: Solution) -> dict[str, str]:
    """Conventions that belong to the numbers, and warnings."""
    problem = solution.problem
    units = request.device.units
    at = f"mu = {units.shown('energy', problem.mu, 12)}, T = {units.shown('temperature', problem.T, 12)}"
    found = {
        "bias_reference": f"deviations are counted from the reference, {at}",
        "bands": bands_told(request.device),
    }
    if solution.blind:
        found["integration"] = solution.blind
    mu = problem.mu + problem.origin + solution.deviation("mu")
    warnings = outside_band(request.device, solution.prepared.system, mu, problem.mu, problem.T)
    if warnings:
        found["warnings"] = "\n".join(warnings)
    return found


verbs.add(
    "transport",
    Verb(
        name="transport",
        options=OPTIONS,
        grids=(),
        meaning="currents and potentials of a device whose terminals are biased, driven or probing",
        check=check,
        solve=solve,
    ),
)
