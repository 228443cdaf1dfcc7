"""The method ``populations``: the classical exclusion process of the modes of a finite ring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modelkit.errors import ModelError
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.rates.exclusion import refuse_many, standing_populations
from modelkit.solve.open_chains.rates.gge import numbers
from modelkit.solve.open_chains.rates.kinetics import Filled, Floats
from modelkit.solve.open_chains.rates.momenta import rest
from modelkit.solve.open_chains.rates.observed import GIVES, observed
from modelkit.solve.open_chains.rates.sampling import Sample, with_listeners
from modelkit.solve.open_chains.real_space.treatable import notes_of
from modelkit.solve.open_chains.state import OpenState

WHOLE = 1e-9  # of a number of particles


class PopulationsOfModes:
    """Probabilities of all sets of occupied modes."""

    def refuses(self, problem: OpenProblem) -> ModelError | None:
        """Infinite chains, numbers of particles that are not whole, momenta that are none of the ring's."""
        cell, span = problem.cell, problem.place("method")
        if cell is None or cell.cells is None:
            return ModelError(
                "the method 'populations' is for rings with a number of cells",
                span,
                hint="set a number of cells, or ask method = gge",
            )
        filling = problem.filling_of_cell
        number = 0.0 if filling is None else filling * cell.cells * cell.dimension
        if abs(number - round(number)) > WHOLE * max(1.0, number):
            return ModelError(
                f"the filling {filling:.6g} of {cell.cells * cell.dimension} modes is {number:.6g} particles",
                problem.place("filling"),
                hint="choose the filling and the number of cells so that the number of particles is whole",
            )
        try:
            problem.ring_numbers(cell.cells, cell.momentum)
        except ModelError as error:
            return error
        return None

    def steady(self, problem: OpenProblem) -> OpenState:
        """Steady state by the master equation."""
        cell = problem.cell
        assert cell is not None  # refused before
        assert cell.cells is not None
        filling = problem.filling_of_cell
        count = cell.cells * cell.dimension
        particles = None if filling is None else round(filling * count)
        refuse_many(count, particles, problem.place("method"))
        found = rest(cell, numbers(problem))
        taken, near = found.taken, found.standing.filled
        still = standing_populations(taken.rates, particles, near)
        arrays = observed(problem, *_listening(problem, taken, still.filled), False, GIVES)
        audits = {"steady_state": still.residual, "kernel": taken.rates.error}
        counts = {"configurations": len(still.probability)}
        return OpenState(**arrays, audits=audits, counts=counts, attributes=notes_of(problem))

    def evolve(self, problem: OpenProblem, times: Floats, initial: Mapping[str, Any]) -> OpenState:
        """Refused: only steady states are known."""
        raise ModelError(
            "the method 'populations' gives steady states only",
            problem.place("method"),
            hint="ask method = gge",
        )


def _listening(problem: OpenProblem, taken: Sample, filled: Filled) -> tuple[Sample, list[Filled]]:
    """The same with the momenta that are asked once more at the end."""
    asked = problem.momenta
    if asked is None:
        return taken, [filled]
    cells, d = len(taken.modes.k), taken.cell.dimension
    place = (problem.ring_numbers(cells, taken.cell.momentum) + cells // 2) % cells  # from -pi on

    def longer(values: Floats) -> Floats:
        return np.concatenate([values, values.reshape(cells, d)[place].ravel()])

    return with_listeners(taken, asked), [Filled(longer(filled.particles), longer(filled.holes))]
