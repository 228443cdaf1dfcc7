"""The verb ``response``: coefficients of currents in voltages and temperatures, probes eliminated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import OpenSystem
from modelkit.errors import ModelError, raise_all
from modelkit.registry import Verb, verbs
from modelkit.results.audit import demand, relative, resolved_flow
from modelkit.solve.coefficients import onsager
from modelkit.solve.coefficients.coefficients import Coefficients
from modelkit.solve.coefficients.elimination import Elimination, parts
from modelkit.solve.coefficients.expandable import unexpandable
from modelkit.solve.coefficients.following import gauge_invariant, levels_of
from modelkit.solve.coefficients.terminals import conventional, spread
from modelkit.solve.coefficients.thermoelectric import Thermoelectric, thermoelectric
from modelkit.solve.found.characteristic import Characteristic, characteristic
from modelkit.solve.found.conventions import bands_told
from modelkit.solve.junction.junction import reference_state
from modelkit.solve.junction.reach import check_reached, check_smooth
from modelkit.solve.junction.screening import gates_at_work, no_potentials, refusals
from modelkit.solve.junction.steady import Steady, steady
from modelkit.solve.request import Prepared, Request, prepare

Floats = NDArray[np.float64]

OPTIONS: Mapping[str, str] = {
    "order": "1 for linear response alone, 2 (if not given) for the second order too",
    "method": "the method instead of the compiler's choice",
}
ORDERS = (1, 2)
MOST_DIRECTIONS = 400  # driven variables of the second order
UNFOLLOWED = (
    "second order: a common shift of all voltages changes the currents, since levels do not follow it; "
    "coefficients hold for voltages that are counted from the reference"
)


@dataclass
class Response:
    """What ``response`` found, formed when it is asked for.

    Dimensions of a superconducting device have the condensate as last terminal.  ``audits`` are relative
    residuals of the first order by name, ``second_audits`` those of the second.
    """

    request: Request
    problem: Steady
    coefficients: Coefficients
    order: int
    responding: bool
    before: int

    @property
    def system(self) -> OpenSystem:
        return self._prepared.system

    @property
    def method(self) -> str:
        """Name of the method."""
        return self._prepared.method

    @property
    def why(self) -> str:
        """Why this method."""
        return self._prepared.why

    @property
    def counts(self) -> Mapping[str, int]:
        """How often what was done, up to now."""
        return {
            "newton_steps": 0,
            "linear_solves": 1 + ("_curved" in self.__dict__),
            "energies": self.coefficients.energies,
            "factorisations": self._prepared.factorisations - self.before,
            "iterations": 0,
        }

    @property
    def attributes(self) -> Mapping[str, str]:
        """Conventions that belong to the numbers, and warnings."""
        shown, problem = self.request.device.units.shown, self.problem
        at = f"mu = {shown('energy', problem.mu, 12)}, T = {shown('temperature', problem.T, 12)}"
        found = {
            "bias_reference": f"derivatives at the reference, {at}",
            "bands": bands_told(self.request.device),
        }
        if self.coefficients.blind:
            found["integration"] = self.coefficients.blind
        if problem.T == 0:
            found["temperatures"] = "the reference is at T = 0: derivatives by temperatures are not formed"
        if "_curved" in self.__dict__ and not self._invariant:
            found["warnings"] = UNFOLLOWED
        return found

    @cached_property
    def response_1(self) -> Floats:
        """``[of, by, a, b]``: I conventional, J heat; by voltages and temperatures; (2, 2, n, n)."""
        return np.moveaxis(conventional(self._spread(self.linear.linear, 1), 1), 2, 1)

    @cached_property
    def response_2(self) -> Floats:
        """``[of, by, by_2, a, b, c]``: coefficients of products, symmetric; (2, 2, 2, n, n, n).

        Raises
        ------
        ModelError
            The first order was asked for.
        """
        if self.order < 2:
            raise ModelError(
                "the second order is not part of response(order = 1)",
                self.request.place("order"),
                hint="write response(order = 2)",
            )
        whole = conventional(self._spread(self.second / 2, 2), 2)
        return np.transpose(whole, (0, 2, 4, 1, 3, 5))

    @property
    def conductance(self) -> Floats:
        """``G1[a, b]``."""
        return self.response_1[0, 0]

    @property
    def conductance_2(self) -> Floats:
        """``G2[a, b, c]``."""
        return self.response_2[0, 0, 0]

    @cached_property
    def thermoelectric(self) -> Thermoelectric:
        """Coefficients of pairs of terminals."""
        if self.system.reservoirs.superconducting:
            raise ModelError(
                "thermoelectric coefficients of pairs of terminals have no meaning here: a condensate takes "
                "part of the current",
                hint="ask for response_1",
            )
        return thermoelectric(self._spread(self.linear.linear, 1), self.problem.T)

    @cached_property
    def linear(self) -> Elimination:
        """The first order with its unknowns."""
        return Elimination(self.problem, self.coefficients.first(), self.coefficients.gross())

    @property
    def second(self) -> Floats:
        """Second derivatives of I and J by driven variables, (2, n, D, D)."""
        return self._curved[0]

    @cached_property
    def _curved(self) -> tuple[Floats, float]:
        """The same, with the residual of the conditions."""
        linear = self.linear
        z, flow = linear.deviations, linear.linear
        if z.shape[2] > MOST_DIRECTIONS:
            raise ModelError(
                f"the second order of {z.shape[2]} voltages and temperatures has too many coefficients",
                hint="write response(order = 1), or take fewer terminals",
            )
        check_smooth(self.request, self.problem, self.system)
        curved, each = self.coefficients.second(z), np.moveaxis(z, 2, 0)
        levels = [levels_of(self.problem, self.system, one, self._followed) for one in each]
        if any(one is not None for one in levels):
            curved += self.coefficients.second_by_levels(z, levels)
        carried = np.einsum("aj,ak->ajk", z[0], flow[0])
        curved[1] -= carried + carried.swapaxes(1, 2)
        return linear.second(curved, self._scale)

    @cached_property
    def audits(self) -> Mapping[str, float]:
        """Conditions, sum rules, conservation of energy, Onsager relations: of the first order."""
        linear, n = self.linear, len(self.problem.given_mu)
        flow, driven = linear.linear, linear.driven
        number, energy = (float(part.sum(axis=0).max(initial=0.0)) for part in linear.gross)
        number = max(number, resolved_flow(1.0))
        found = {
            "conditions": linear.off,
            "energy_balance": relative(float(np.abs(flow[1].sum(axis=0)).max(initial=0.0)), energy),
        }
        if not self.system.reservoirs.superconducting:
            total = float(np.abs(flow[0].sum(axis=0)).max(initial=0.0))
            found["particle_balance"] = relative(total, number)
        if self._floats:
            by_voltage = np.flatnonzero(driven.ravel()) < n
            common = float(np.abs(flow[0][:, by_voltage].sum(axis=1)).max(initial=0.0))
            found["sum_rule"] = relative(common, number)
        found |= self._onsager()
        if self.problem.T > 0:
            found["integration"] = self.coefficients.integration
        return found

    @property
    def first_scale(self) -> Floats:
        """``[of, by]``: what rounding of the first order is counted against, (2, 2)."""
        largest = np.abs(self.response_1).max(axis=(2, 3), initial=0.0)
        return np.maximum(largest, np.outer(self._kinds(self._scale[1]), np.ones(2)))

    @property
    def second_scale(self) -> Floats:
        """``[of, by, by_2]``: the same of the second order, (2, 2, 2)."""
        largest = np.abs(self.response_2).max(axis=(3, 4, 5), initial=0.0)
        return np.maximum(largest, np.multiply.outer(self._kinds(self.second_gross), np.ones((2, 2))))

    def _kinds(self, gross: float) -> Floats:
        """Gross flows of charge and of heat: particles carry an energy of T, or of the conductor's width."""
        return gross * np.array([1.0, self._energy])

    @property
    def second_gross(self) -> float:
        """The largest gross flow of the second order: what rounding of it is counted against."""
        return max(float(np.abs(self._curved[0][0]).sum(axis=0).max(initial=0.0)), self._scale[0])

    @cached_property
    def second_audits(self) -> Mapping[str, float]:
        """Conditions, conservation, gauge invariance where levels follow: of the second order."""
        found, off = self._curved
        z, flow = self.linear.deviations, self.linear.linear
        gross = self.second_gross
        power = np.einsum("aj,ak->jk", z[0], flow[0])
        heat = found[1].sum(axis=0) + power + power.T
        most = max(float(np.abs(found[1]).sum(axis=0).max(initial=0.0)), float(np.abs(power).max(initial=0)))
        most = max(most, self._scale[1])
        audits = {"conditions": off, "integration": self.coefficients.integration}
        if not self.system.reservoirs.superconducting:
            total = float(np.abs(found[0].sum(axis=0)).max(initial=0.0))
            audits["particle_balance"] = relative(total, gross)
        audits["energy_balance"] = relative(float(np.abs(heat).max(initial=0.0)), most)
        if self._invariant:
            by_voltage = np.flatnonzero(self.linear.driven.ravel()) < len(self.problem.given_mu)
            common = np.abs(found[0][:, by_voltage][:, :, by_voltage].sum(axis=2)).max(initial=0.0)
            audits["gauge"] = relative(float(common), gross)
        return audits

    @property
    def _scale(self) -> tuple[float, float]:
        """By it second derivatives are measured where they vanish: a conductance per energy, Joule's heat."""
        conductance = max(float(self.linear.absolute[0, :, 0].max(initial=0.0)), resolved_flow(1.0))
        return conductance / self._energy, conductance

    @property
    def _energy(self) -> float:
        """Of the particles that flow: T, or the conductor's width."""
        widest = float(abs(self.system.hamiltonian).max()) if self.system.hamiltonian.nnz else 0.0
        return self.problem.T or widest or 1.0

    def _onsager(self) -> dict[str, float]:
        request, one = self.request, self.coefficients
        if not (request.sampled and onsager.applies(self.problem)):
            return {}
        other = onsager.reversed_conductor(request, self._prepared, responding=self.responding)
        linear = self.linear
        if other is not self._prepared:
            other.rules.update(self._prepared.rules)
            turned = Coefficients(other, one.mu, one.T, one.n_terminals, one.elastic)
            linear = Elimination(self.problem, turned.first(), turned.gross())
        return {"onsager": onsager.deviation(self.linear, linear, one.T)}

    @cached_property
    def _floats(self) -> bool:
        """Whether a common shift of all chemical potentials changes no current to first order."""
        held = any(np.any(block.slope) for block in self.problem.blocks)
        anchored = self.problem.device.superconducting or held
        return not anchored and all(b.unknown != "mu" or parts(b)[0] for b in self.problem.blocks)

    @cached_property
    def _invariant(self) -> bool:
        """The same to second order: all levels must follow."""
        return self._floats and gauge_invariant(self.problem, self.system, self._followed)

    @property
    def characteristic_potential(self) -> Floats:
        """(count, n_terminals): derivatives of the unknown potentials by mu of each terminal."""
        if self._followed is None:
            raise no_potentials()
        return self._followed.by_mu

    @property
    def characteristic_audits(self) -> Mapping[str, float]:
        """The sum of the characteristic potentials, where nothing is left uncovered."""
        screened = self.problem.screened
        if self._followed is None or screened is None or screened.uncovered:
            return {}
        return {"characteristic_sum": self._followed.sum_rule}

    @cached_property
    def _followed(self) -> Characteristic | None:
        """How unknown potentials follow the terminals, None without screening."""
        return characteristic(self.request) if self.problem.screened is not None else None

    @property
    def _prepared(self) -> Prepared:
        return self.coefficients.prepared

    def _spread(self, found: Floats, order: int) -> Floats:
        return spread(self.linear, found, order, self.system.reservoirs.superconducting)


def check(request: Request) -> Iterator[ModelError]:
    """Say what of a request ``response`` cannot treat."""
    yield from request.unknown_options(OPTIONS)
    yield from request.open_chain("response")
    order = request.options.get("order", 2)
    if order not in ORDERS:
        message = f"response has the orders 1 and 2, not {order}"
        hint = "write order = 2; transport(order = n) takes any order"
        yield ModelError(message, request.place("order"), hint=hint)
        return
    try:
        mu, T = reference_state(request.device)
        problem = steady(request.device, 2)
    except ModelError as error:
        yield error
        return
    yield from refusals(request.device, int(order))
    yield from gates_at_work(request.device, "response expands about the reference")
    for block in problem.blocks:
        yield from unexpandable(block, mu, T, problem)


def solve(request: Request) -> Response:
    """Linear response; the second order when an output asks for it.

    Raises
    ------
    ModelError
        See :func:`check`; also devices and self-energies that cannot be compiled.
    NotConverged
        A probe is not determined, an integral does not converge, or an audit failed.
    """
    raise_all(check(request))
    order = int(request.options.get("order", 2))
    problem = steady(request.device, 2)
    responding = order > 1 and problem.responds
    prepared = prepare(request, responding=responding)
    prepared.begin()
    before, system = prepared.factorisations, prepared.system
    elastic = problem.elastic[system.reservoirs.terminal]
    coefficients = Coefficients(prepared, problem.mu, problem.T, request.device.n_terminals, elastic)
    found = Response(request, problem, coefficients, order, responding, before)
    check_reached(request.device, system, problem, coefficients.sampled())
    if not found.linear.driven.any():
        raise ModelError(
            "there is nothing to respond to: no terminal can be driven from the reference",
            hint="add a bath on a normal part, or give the reference a temperature",
        )
    demand(found.audits)
    return found


verbs.add(
    "response",
    Verb(
        name="response",
        options=OPTIONS,
        grids=(),
        meaning="coefficients of currents in voltages and temperatures about the reference, to second order",
        check=check,
        solve=solve,
        biased=False,
    ),
)
