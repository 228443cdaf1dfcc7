"""The method ``gaussian``: the covariance equation of a chain, where it closes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from modelkit.compile.lindbladian import Lindbladian
from modelkit.compile.unit_cell import UnitCell
from modelkit.errors import ModelError
from modelkit.graph.device import Complexes, Floats
from modelkit.results.dataset import Labelled
from modelkit.solve.open_chains.gaussian.evolution import evolved_covariances
from modelkit.solve.open_chains.gaussian.steady import steady_covariance
from modelkit.solve.open_chains.gaussian.whole_cells import (
    evolve_cell,
    steady_cell,
    treatable_cell,
    untreatable_cell,
)
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.real_space.covariance import Covariance, covariance_equation
from modelkit.solve.open_chains.real_space.flows import Flows
from modelkit.solve.open_chains.real_space.kept import kept_particles
from modelkit.solve.open_chains.real_space.places import UNEQUAL, Places, places
from modelkit.solve.open_chains.real_space.starts import initial_occupation
from modelkit.solve.open_chains.real_space.treatable import notes, untreatable
from modelkit.solve.open_chains.state import OpenState

OUTPUTS: Mapping[str, tuple[tuple[str, ...], Callable[[Flows, Complexes], Any]]] = {
    "current": ((), Flows.current),
    "current_by_spin": (("spin",), Flows.current_by_spin),
    "jump_current": ((), Flows.jump_current),
    "energy_current": ((), Flows.energy_current),
    "bond_current": (("bond",), Flows.bond_current),
    "occupation": (("site",), Flows.occupation),
    "loss_rate": (("dissipator",), Flows.loss_rate),
}
"""What is computed from the covariance: its dimensions, and how."""

OF_MODES = ("current_by_orbital", "lagrange_multiplier")
"""Those that only cells of rings have."""

ALONG = ("current", "current_by_spin", "jump_current", "energy_current")
"""Those that need a place of every site."""


class Gaussian:
    """Exact for linear jump operators and for those equivalent to Hermitian bilinear ones."""

    def refuses(self, problem: OpenProblem) -> ModelError | None:
        """Where the covariance has no equation of its own."""
        if (cell := _cell(problem)) is not None:
            return untreatable_cell(cell)
        return untreatable(_chain(problem))

    def steady(self, problem: OpenProblem) -> OpenState:
        """The steady state; see :mod:`modelkit.solve.open_chains.gaussian.steady`.

        Raises
        ------
        ModelError
            The equation does not close, or the steady state is not determined by what is given.
        NotConverged
            It is not found to 1e-9 of the largest flow.
        """
        if (cell := _cell(problem)) is not None:
            return steady_cell(problem, treatable_cell(cell))
        chain, equation = _closed(problem)
        kept = kept_particles(problem, chain, equation)
        found = steady_covariance(equation, kept.dark, kept.filling)
        flows = Flows(equation, places(chain))
        particles = found.covariance[: chain.size, : chain.size]
        audits = {
            "covariance": found.residual,
            "continuity": flows.continuity(found.covariance),
            "positivity": _outside(particles),
        }
        noted = notes(chain)
        if kept.lattices:
            noted["conserved"] = ", ".join(f"particles of {name}" for name in kept.lattices)
        return OpenState(
            **_outputs(problem, flows, [found.covariance], steady=True),
            audits=audits,
            counts={"iterations": found.iterations},
            attributes=noted,
            labels=_labels(chain),
        )

    def evolve(self, problem: OpenProblem, times: Floats, initial: Mapping[str, Any]) -> OpenState:
        """The covariance at ``times``, ascending from 0; exact to rounding.

        Raises
        ------
        ModelError
            The equation does not close, or the initial state is none.
        """
        if np.any(times < 0):
            raise ModelError(
                "jumps lead forwards in time only: a time is negative",
                problem.place("time"),
                hint="begin the sweep of time at 0",
            )
        if (cell := _cell(problem)) is not None:
            return evolve_cell(problem, treatable_cell(cell), times, initial)
        chain, equation = _closed(problem)
        where = places(chain)
        occupation = initial_occupation(problem, chain, initial, where.offset)
        whole = np.append(occupation, 1 - occupation) if equation.doubled else occupation
        worst = [0.0]

        def watched() -> Iterable[Complexes]:
            start = np.diag(whole).astype(np.complex128)
            for number, found in enumerate(evolved_covariances(equation, start, times)):
                if number in (len(times) // 2, len(times) - 1):
                    worst.append(_outside(found[: chain.size, : chain.size]))
                yield found

        return OpenState(
            **_outputs(problem, Flows(equation, where), watched(), steady=False),
            audits={"positivity": max(worst)},
            attributes=notes(chain),
            grids={"time": times},
            labels=_labels(chain),
        )


def _cell(problem: OpenProblem) -> UnitCell | None:
    """The cell where it is all that is given, or where something of its modes is asked."""
    of_modes = problem.asked is not None and not problem.asked.isdisjoint(OF_MODES)
    if problem.lindbladian is None or problem.momenta is not None or of_modes:
        return problem.cell
    return None


def _chain(problem: OpenProblem) -> Lindbladian:
    assert problem.lindbladian is not None, "a problem holds a chain or its cell"
    return problem.lindbladian


def _closed(problem: OpenProblem) -> tuple[Lindbladian, Covariance]:
    chain = _chain(problem)
    if (refusal := untreatable(chain)) is not None:
        raise refusal
    return chain, covariance_equation(chain)


def _outputs(
    problem: OpenProblem, flows: Flows, covariances: Iterable[Complexes], *, steady: bool
) -> dict[str, Any]:
    """All outputs that are asked for and that the chain has, with time in front of an evolution."""
    names = [name for name in OUTPUTS if _has(problem, flows.places, name)]
    rows = [{name: OUTPUTS[name][1](flows, found) for name in names} for found in covariances]
    if steady:
        return {name: Labelled(OUTPUTS[name][0], np.asarray(rows[0][name])) for name in names}
    return {
        name: Labelled(("time", *OUTPUTS[name][0]), np.array([row[name] for row in rows])) for name in names
    }


def _has(problem: OpenProblem, where: Places, name: str) -> bool:
    """Whether an output is asked for; what a chain has not is left out where nothing is asked by name."""
    if problem.asked is not None:
        asked = name in problem.asked
        if asked and name == "current_by_spin" and np.all(where.spin < 0):
            raise ModelError(
                "there is no spin whose current could be told",
                problem.place("output"),
                hint="write 'internal spin' in the lattice, or ask for current",
            )
        return asked
    if name == "current_by_spin" and np.all(where.spin < 0):
        return False
    return name not in ALONG or (where.cell is not None and where.ring != UNEQUAL)


def _outside(covariance: Complexes) -> float:
    """By how much an eigenvalue leaves 0..1: occupations of fermions do not."""
    values = np.linalg.eigvalsh(covariance)
    return float(max(0.0, -values[0], values[-1] - 1))


def _labels(chain: Lindbladian) -> dict[str, tuple[str, ...]]:
    return {"dissipator": tuple(family.name for family in chain.jumps)}
