"""The method ``gge``: rate equations of the generalised Gibbs ensemble of modes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from modelkit.compile.unit_cell import UnitCell
from modelkit.errors import ModelError, NotConverged
from modelkit.results.dataset import Labelled
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.rates.classes import (
    conserved_classes,
    determined,
    refuse_dark,
    refuse_superfluous,
)
from modelkit.solve.open_chains.rates.coherences import building, field_of
from modelkit.solve.open_chains.rates.finite_size import order_1_over_L
from modelkit.solve.open_chains.rates.kinetics import Filled, Floats
from modelkit.solve.open_chains.rates.momenta import (
    by_panels,
    change,
    first_field,
    first_momenta,
    half_shifted,
    on_ring,
    quantities,
    rest,
)
from modelkit.solve.open_chains.rates.observed import GIVES, notes, observed
from modelkit.solve.open_chains.rates.relaxation import relax
from modelkit.solve.open_chains.rates.sampling import Sample, occupations, sample, with_listeners
from modelkit.solve.open_chains.rates.standing import Conserved
from modelkit.solve.open_chains.real_space.starts import initial_bands
from modelkit.solve.open_chains.state import OpenState

LONGEST = 1024  # cells of a ring that stands for an infinite chain in time
TOLERANCE, ACCEPTED = 1e-10, 1e-9  # change from ring to ring
Start: TypeAlias = Callable[[Floats], Floats]  # occupations at time 0, by momentum and band
OUTPUTS = (*GIVES, "jump_current")
COHERENT = 1e-8  # rate at which coherences grow, over the rates at which modes are filled


class Gge:
    """Occupations of modes from rate equations, exact for weak coupling and long chains."""

    def refuses(self, problem: OpenProblem) -> ModelError | None:
        """Nothing that is a cell is refused."""
        return None if problem.cell is not None else _no_cell(problem, "gge")

    def steady(self, problem: OpenProblem) -> OpenState:
        """Steady state on the ring, or in the limit of infinitely many cells."""
        cell = _cell(problem)
        filling = problem.filling_of_cell
        found = rest(cell, numbers(problem))
        taken, filled = found.taken, found.standing.filled
        audits = {
            "steady_state": found.standing.residual,
            "momenta": found.error,
            "kernel": taken.rates.error,
        }
        extra: dict[str, Any] = {}
        if problem.asked is not None and "order_1_over_L" in problem.asked:
            correction = order_1_over_L(cell, filling, field=taken.field)
            extra["order_1_over_L"] = Labelled((), np.array(correction.value))
            audits["order_1_over_L"] = correction.error
        counts = {"newton": found.standing.steps, "momenta": len(taken.modes.k)}
        if problem.momenta is not None:
            taken, filled = occupations(taken, filled, problem.momenta)
        arrays = observed(problem, taken, [filled], False, OUTPUTS)
        return OpenState(**arrays, **extra, audits=audits, counts=counts, attributes=notes(problem, taken))

    def evolve(self, problem: OpenProblem, times: Floats, initial: Mapping[str, Any]) -> OpenState:
        """Follow the occupations on the ring, or on ever longer rings until nothing changes."""
        cell = _cell(problem)
        field = first_field(cell)
        first = sample(cell, *first_momenta(cell), field)
        refuse_superfluous(first, conserved_classes(first), problem.filling_of_cell, problem.place("filling"))
        asked = np.zeros(0) if problem.momenta is None else problem.momenta
        before, error = None, np.inf
        start = initial_bands(problem, cell, initial)
        for k, weight in _momenta(first, problem, start):
            taken = with_listeners(sample(cell, k, weight, field), asked)
            states, steps = _followed(taken, problem, times, start)
            if cell.cells is not None:
                return self._evolved(problem, taken, states, 0.0, steps)
            told = np.array([_compared(taken, filled, len(asked)) for filled in states])
            if before is not None:
                last, error = error, max(map(partial(change, taken), before, told))
                if error < TOLERANCE or last <= min(error, ACCEPTED):
                    return self._evolved(problem, taken, states, error, steps)
            before = told
        raise NotConverged(
            f"the evolution still changes by {error:.1e} from momenta to more momenta", residual=error
        )

    def _evolved(
        self, problem: OpenProblem, taken: Sample, states: Sequence[Filled], error: float, steps: int
    ) -> OpenState:
        arrays = observed(problem, taken, states, True, OUTPUTS)
        audits = {"momenta": error, "kernel": taken.rates.error}
        counts = {"steps": steps, "momenta": int(np.count_nonzero(taken.modes.weight))}
        return OpenState(**arrays, audits=audits, counts=counts, attributes=notes(problem, taken))


def _momenta(first: Sample, problem: OpenProblem, start: Start) -> Iterator[tuple[Floats, Floats]]:
    """Those of the ring; of ever longer rings, then of panels on which the steady state is resolved."""
    cell = first.cell
    if cell.cells is not None:
        yield on_ring(cell.cells)
        return
    cells = len(first.modes.k)
    while cells <= LONGEST:
        yield half_shifted(cells)
        cells *= 2
    filling = float(start(first.modes.k).mean()) if conserved_classes(first) else None
    try:
        panels = by_panels(cell, numbers(replace(problem, filling=filling)), first.field)[1]
    except ModelError:  # no steady state of its own: there is nothing to resolve
        return
    yield panels.nodes()
    yield panels.halved(np.ones(len(panels.width), dtype=bool)).nodes()


def _followed(taken: Sample, problem: OpenProblem, times: Floats, start: Start) -> tuple[list[Filled], int]:
    """States at the times."""
    found, steps = relax(taken.rates, start(taken.modes.k).ravel(), times)
    found = np.clip(found, 0.0, 1.0)  # rounding of modes that are empty or full
    states = [Filled(one, 1.0 - one) for one in found]
    if taken.field is not None:
        for filled in states:
            _refuse_coherences(taken, filled, problem)
    return states, steps


def _refuse_coherences(taken: Sample, filled: Filled, problem: OpenProblem) -> None:
    """Raise ModelError where coherences grow between modes of equal energy."""
    field = field_of(taken.cell, taken.modes, taken.rates, filled)
    if building(taken.modes, field, filled) > COHERENT:
        raise ModelError(
            "bands coincide, and coherences between their modes grow in time, which the rate equations of "
            "the modes do not follow",
            problem.place("method"),
            hint="ask for the steady state, or method = gaussian or method = exact",
        )


def _compared(taken: Sample, filled: Filled, asked: int) -> Floats:
    """What is compared from ring to ring: currents, loss rates and the occupations that are asked."""
    listeners = filled.particles[len(filled.particles) - asked * taken.cell.dimension :]
    return np.concatenate([quantities(taken, filled, probed=False), listeners if asked else np.zeros(0)])


def numbers(problem: OpenProblem) -> Callable[[Sample], list[Conserved]]:
    """The given numbers for any sample of a cell.

    The first sample tells what is conserved; ModelError where what is given does not determine the state.
    """
    filling, span = problem.filling_of_cell, problem.place("filling")
    conserved: list[bool] = []

    def give(taken: Sample) -> list[Conserved]:
        if not conserved:
            conserved.append(bool(determined(taken, filling, span)))
            refuse_dark(taken, span)
        if not conserved[0] or filling is None:
            return []
        return [Conserved(np.ones(len(taken.rates.weight), dtype=bool), filling)]

    return give


def _cell(problem: OpenProblem) -> UnitCell:
    assert problem.cell is not None  # refused before
    return problem.cell


def _no_cell(problem: OpenProblem, name: str) -> ModelError:
    return ModelError(
        f"the method '{name}' is for rings and infinite chains of equal cells",
        problem.place("method"),
        hint="ask method = gaussian or exact",
    )
