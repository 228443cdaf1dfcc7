"""The verb ``transport``: what flows between terminals, to first order around the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import OpenSystem
from modelkit.errors import ModelError, raise_all
from modelkit.registry import Verb, verbs
from modelkit.results.audit import demand, relative
from modelkit.solve.conductor import Conductance
from modelkit.solve.finite_temperature import refined, solve_warm
from modelkit.solve.junction import junction
from modelkit.solve.linear import Flows, Solution, check_residual, solve_cold
from modelkit.solve.reach import outside_band
from modelkit.solve.request import Request, prepare
from modelkit.solve.touching import closes_loops

Floats = NDArray[np.float64]

OPTIONS: Mapping[str, str] = {
    "order": "order in the deviations from the reference of the expansion; 1 is linear response",
    "method": "the method instead of the compiler's choice",
}
LATER = "full nonlinear transport comes with a later version"


@dataclass(frozen=True)
class LinearTransport:
    """What ``transport(order = 1)`` found.

    Arrays over terminals have shape (n_terminals,); currents are positive into the conductor.
    ``audits`` holds relative residuals by name; that of an output is added when it is evaluated.
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
    audits: dict[str, float] = field(default_factory=dict)

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
    def heat(self) -> Floats:
        """Dissipated heat, quadratic in the deviations; audited by the power put in."""
        found = self.average(lambda conductance, y: conductance.heat(y))
        off = abs(float(found.sum() - self.flows.power.sum()))
        self._audit(energy_balance=relative(off, self.work))
        return found

    @cached_property
    def bond_current(self) -> Floats:
        """(n_bonds,), along the arrows, counted from what flows at the reference.

        Around loops with flux that is not zero for equal potentials.  Audited by continuity at every site.
        """
        found, off = self._flow_of_bonds()
        self._audit(local_sum_rule=off)
        system, contacts = self.system, self.system.contacts
        out = np.bincount(system.bond_source, found, len(system.weight))
        into = np.bincount(system.bond_target, found, len(system.weight))
        # a reservoir on several sites: only the sum over them is known, so they are taken together
        terminal, site = contacts.touched
        touched = np.bincount(terminal, minlength=system.n_terminals)
        alone = np.ones(len(system.weight), dtype=bool)
        alone[site[touched[terminal] > 1]] = False
        single = touched[terminal] == 1
        fed = np.bincount(site[single], self.current[terminal[single]], len(system.weight))
        unbalanced = np.abs(fed + into - out)[alone]
        floor = self.solution.least_bond_flow
        largest = max(float(np.abs(found).max(initial=0.0)), self.gross, floor)
        self._audit(continuity=relative(float(unbalanced.max(initial=0.0)), largest))
        return found

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

    def audit(self) -> None:
        """Check conservation, the second law and what the solver left over; raises NotConverged."""
        flows = self.flows
        total = max(float(flows.gross.sum()), self.gross)
        unpaid = max(0.0, -float(flows.power.sum()))
        self._audit(
            **self.audits,
            particle_balance=relative(abs(float(flows.current.sum())), total),
            second_law=relative(unpaid, self.work),
        )

    def _audit(self, **found: float) -> None:
        self.audits.update(found)
        demand(found)


def check(request: Request) -> Iterator[ModelError]:
    """Say what of a request ``transport`` cannot treat."""
    yield from request.unknown_options(OPTIONS)
    order = request.options.get("order")
    if order != 1:
        at = request.place("order")
        if order is None or (_is_whole(order) and order > 1):
            yield ModelError(LATER, at, hint="write transport(order = 1)")
        else:
            yield ModelError(f"the order must be a whole number from 1 on, not {order}", at, hint="order = 1")
    if request.options.get("order") == 1:
        try:
            junction(request.device)
        except ModelError as error:
            yield error


def solve(request: Request) -> LinearTransport:
    """Linear response around the reference.

    Raises
    ------
    ModelError
        See :func:`check`; also devices and self-energies that cannot be compiled.
    NotConverged
        A probe is not determined, its condition cannot be met, or an audit failed.
    """
    raise_all(check(request))
    problem, prepared = junction(request.device), prepare(request)
    before = prepared.factorisations
    prepared.begin()
    solution = (solve_cold if problem.T == 0 else solve_warm)(request.device, prepared, problem)
    flows = solution.flows()
    audits = {"conditions": check_residual(request.device, solution, flows)}
    if solution.integration is not None:
        audits["integration"] = solution.integration
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
        audits=audits,
    )
    found.audit()
    return found


def _is_whole(order: object) -> bool:
    return isinstance(order, int | np.integer) or bool(getattr(order, "is_Integer", False))


def _attributes(request: Request, solution: Solution) -> dict[str, str]:
    """Conventions that belong to the numbers, and warnings."""
    problem = solution.problem
    bands = {group.terminal.name: group.terminal.bands or "rigid" for group in request.device.terminals}
    same = len(set(bands.values())) <= 1
    units = request.device.units
    at = f"mu = {units.shown('energy', problem.mu, 12)}, T = {units.shown('temperature', problem.T, 12)}"
    found = {
        "bias_reference": f"deviations are counted from the reference, {at}",
        "bands": "".join(set(bands.values())) if same else ", ".join(f"{n}: {b}" for n, b in bands.items()),
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
