"""The solved Junction of order 1, and its solution at T = 0, which is one balance at one energy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import NotConverged
from modelkit.graph.device import Device
from modelkit.numerics.quadrature import Panels
from modelkit.results.audit import TOLERANCE, relative, resolved_flow
from modelkit.solve.conductor import Conductance
from modelkit.solve.energies.broadening import opened
from modelkit.solve.energies.elastic import completed
from modelkit.solve.junction.junction import Junction
from modelkit.solve.junction.reach import check_reached, place
from modelkit.solve.request import Prepared

Floats = NDArray[np.float64]

ROUNDED = 3e-10  # of the largest flow: conditions that are off by more, since rounding lets them
Values = tuple[Floats, ...]
Measure = Callable[[Conductance, Floats], Floats]


@dataclass(frozen=True)
class Flows:
    """Averages over energies, by terminal, (n_terminals,) each.

    ``current``; ``gross``: its absolute value summed over energies; ``power``: what the terminal puts in,
    ``sum_e w_e y_a i_a``; ``turnover``: the same summed absolutely.
    ``left``: left minus right sides of the conditions, block by block.
    """

    current: Floats
    gross: Floats
    power: Floats
    turnover: Floats
    left: tuple[Floats, ...]

    @property
    def rounded(self) -> bool:
        """Whether strongly coupled terminals exchange more by rounding of their potentials than flows."""
        off = max((float(np.abs(part).max(initial=0.0)) for part in self.left), default=0.0)
        return relative(off, float(self.gross.max(initial=0.0))) > ROUNDED


@dataclass(frozen=True)
class Solution:
    """Deviations from the reference that obey the conditions; sums over energies are formed on demand.

    Parameters
    ----------
    values : tuple of (count,)
        The unknowns, block by block.
    energies, weights : (n_E,)
        The weights contain ``-f0'``; at T = 0 they are mu and 1.
    iterations : int
        Of the linear solver, 0 where the solve is direct.
    integration : float or None
        Estimated error of the currents by integration, relative to the largest gross flow.
    panels : Panels or None
        Those of the energies, None at T = 0.
    blind : str
        What the estimate of this error cannot see, or nothing.
    """

    problem: Junction
    prepared: Prepared
    values: Values
    energies: Floats
    weights: Floats
    iterations: int = 0
    integration: float | None = None
    panels: Panels | None = None
    blind: str = ""

    def deviation(self, unknown: str) -> Floats:
        """Deviations of ``mu`` (from ``problem.mu + problem.origin``) or ``T``, NaN for elastic terminals."""
        found = (self.problem.x if unknown == "mu" else self.problem.theta).copy()
        for block, values in zip(self.problem.blocks, self.values, strict=True):
            if block.unknown == unknown:
                found[block.terminal] = values
        found[self.problem.elastic] = np.nan
        return found

    @property
    def spread(self) -> float:
        """Largest difference of chemical potentials, temperatures counted as 1 per unit."""
        x, theta = self.deviation("mu"), self.deviation("T")
        there = ~self.problem.elastic
        return float(np.ptp(x[there]) + np.ptp(theta[there])) if there.any() else 0.0

    @property
    def reach(self) -> float:
        """Largest deviation from the reference, temperatures counted as 1 per unit."""
        x, theta = self.deviation("mu") + self.problem.origin, self.deviation("T")
        there = ~self.problem.elastic
        return max((float(np.abs(part[there]).max(initial=0.0)) for part in (x, theta)), default=0.0)

    @cached_property
    def open_weight(self) -> float:
        """The weight of the energies at which any terminal is open, e.g. exp(-gap/T): no flow exceeds it."""
        return sum(
            float(self.weights[range_] @ opened(self.prepared, self.energies[range_]))
            for range_ in self._ranges()
        )

    @property
    def least_flow(self) -> float:
        """Below it a terminal's flow is rounding."""
        return resolved_flow(self.spread * self.open_weight)

    @property
    def least_bond_flow(self) -> float:
        """Below it a bond's flow is rounding; all potentials count from the reference."""
        return resolved_flow(self.reach * self.open_weight, bonds=True)

    def parts(
        self, *, given: bool = True, absolute: bool = False
    ) -> Iterator[tuple[Conductance, Floats, slice]]:
        """Conductance, y (n_e, n_terminals) and the range of energies, chunk by chunk.

        Without ``given`` y is the response to the unknowns alone.  It is counted from the reference with
        ``absolute``, else from ``Junction.origin`` on: what depends on differences keeps more digits then.
        """
        problem = self.problem
        for range_ in self._ranges():
            energies = self.energies[range_]
            excess = energies - problem.mu
            y = problem.driving(excess) if given else np.zeros((len(excess), len(problem.x)))
            for block, value in zip(problem.blocks, self.values, strict=True):
                y[:, block.terminal] += np.outer(block.shape(excess, problem.T), value)
            if absolute:
                y[:, ~problem.elastic] += problem.origin
            conductance = self.prepared.at(energies)
            yield conductance, completed(conductance, y, problem.elastic), range_

    def _ranges(self) -> Iterator[slice]:
        """Energies that are treated together; those without any weight are left out."""
        starts = [0] if self.panels is None else self.panels.batch_starts
        for range_ in self.prepared.batches(len(self.energies), starts):
            if self.weights[range_].any():
                yield range_

    def average(self, measure: Measure, *, absolute: bool = False) -> Floats:
        """Thermal average of a spectral quantity: ``sum_e w_e measure(conductance, y)[e]``."""
        total: Floats = np.zeros(())
        for conductance, y, range_ in self.parts(absolute=absolute):
            total = total + np.tensordot(self.weights[range_], measure(conductance, y), axes=1)
        return total

    def flows(self) -> Flows:
        """Everything that the terminals exchange, in one pass over the energies."""
        problem, n = self.problem, len(self.problem.x)
        current, gross, power, turnover = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
        left = [
            -block.slope * value - block.constant
            for block, value in zip(problem.blocks, self.values, strict=True)
        ]
        for conductance, y, range_ in self.parts():
            weights, flow = self.weights[range_], conductance.current(y)
            current += weights @ flow
            gross += weights @ np.abs(flow)
            power += weights @ (flow * y)
            turnover += weights @ np.abs(flow * y)
            excess = self.energies[range_] - problem.mu
            for k, block in enumerate(problem.blocks):
                left[k] += (weights * block.weight(excess, problem.T)) @ flow[:, block.terminal]
        return Flows(current, gross, power, turnover, tuple(left))

    def conditions(self, *, given: bool = True) -> tuple[list[Floats], float]:
        """Left minus right sides of the conditions, by block, and the largest gross flow of a terminal.

        Without ``given`` the response to the unknowns alone, which is linear in them.
        """
        problem = self.problem
        left = [
            -block.slope * value - (block.constant if given else 0.0)
            for block, value in zip(problem.blocks, self.values, strict=True)
        ]
        gross = np.zeros_like(problem.x)
        for conductance, y, range_ in self.parts(given=given):
            flow, weights = conductance.current(y), self.weights[range_]
            gross += weights @ np.abs(flow)
            excess = self.energies[range_] - problem.mu
            for k, block in enumerate(problem.blocks):
                left[k] = left[k] + (weights * block.weight(excess, problem.T)) @ flow[:, block.terminal]
        return left, float(gross.max(initial=0.0))


def solve_cold(device: Device, prepared: Prepared, problem: Junction) -> Solution:
    """T = 0: the conditions are a balance at the energy mu; one linear solve.

    Raises
    ------
    NotConverged
        A probe is not determined, or its condition is not met.
    """
    energies, zero = np.array([problem.mu]), np.zeros(1)
    check_once(device, prepared, problem, energies)
    y = problem.x[None, :]
    if problem.unknown.any():
        constant, slope = np.zeros_like(y), np.zeros_like(y)
        for block in problem.blocks:
            weight = block.weight(zero, 0.0)[0]
            constant[0, block.terminal] = block.constant / weight
            slope[0, block.terminal] = block.slope / weight
        fill = bool(problem.elastic.any())  # the others are known to be reached
        y = prepared.at(energies).balance(y, problem.unknown, constant, slope, fill=fill)
    values = tuple(y[0, block.terminal] for block in problem.blocks)
    return Solution(problem, prepared, values, energies, np.ones(1))


def check_once(device: Device, prepared: Prepared, problem: Junction, energies: Floats) -> None:
    """:func:`check_reached`, once for a conductor and its unknowns."""
    held = tuple(block.slope.tobytes() for block in problem.blocks if np.any(block.slope))
    key = ("reached", problem.unknown.tobytes(), held, problem.mu, problem.T)
    if key not in prepared.rules:
        check_reached(device, prepared.system, problem, energies)
        prepared.rules[key] = True


def check_residual(device: Device, solution: Solution, flows: Flows) -> float:
    """Residual of the conditions relative to the largest gross flow.

    Raises
    ------
    NotConverged
        It is above the tolerance of audits: names the worst probe, with the best values and the residual.
    """
    left, gross = flows.left, float(flows.gross.max(initial=0.0))
    if not left:
        return 0.0
    worst = int(np.argmax([np.max(np.abs(value), initial=0.0) for value in left]))
    off = float(np.max(np.abs(left[worst]), initial=0.0))
    found = relative(off, max(gross, solution.least_flow))
    if found <= TOLERANCE:
        return found
    block = solution.problem.blocks[worst]
    name, line, _, _ = place(device, block.terminal.start + int(np.argmax(np.abs(left[worst]))))
    mu = solution.problem.mu + solution.problem.origin + solution.deviation("mu")
    raise NotConverged(
        f"the audit 'conditions' failed: the condition of {name}{line} is not met: {block.quantity} "
        f"is off by {found:.1e} of the largest gross flow",
        best={"chemical_potential": mu},
        residual=found,
    )
