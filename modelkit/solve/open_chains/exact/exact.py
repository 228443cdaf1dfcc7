"""The methods ``exact`` and ``projected``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from modelkit.compile.lindbladian import Lindbladian
from modelkit.errors import ModelError
from modelkit.graph.device import Complexes, Floats
from modelkit.solve.open_chains.exact.chain import Chain, Sector
from modelkit.solve.open_chains.exact.evolution import evolved
from modelkit.solve.open_chains.exact.expectations import Expectations, expectations, mixed
from modelkit.solve.open_chains.exact.liouvillian import generator, refuse_cells
from modelkit.solve.open_chains.exact.null_space import Steady, steady_states
from modelkit.solve.open_chains.exact.outputs import outputs
from modelkit.solve.open_chains.exact.preparation import fixed_numbers, mixture, prepared
from modelkit.solve.open_chains.exact.projection import projected
from modelkit.solve.open_chains.exact.set_up import in_real_space, set_up
from modelkit.solve.open_chains.exact.several import several_steady_states
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.state import OpenState

OfSector: TypeAlias = Callable[[Sector], tuple[Steady, Complexes, dict[str, str]]]
"""Steady states of a sector, the density matrix of the first (1, unknowns), and notes."""


class Exact:
    """Density matrices of interacting fermions, at any strength of the jumps."""

    def refuses(self, problem: OpenProblem) -> ModelError | None:
        """An infinite chain."""
        return _refused(problem, "exact")

    def steady(self, problem: OpenProblem) -> OpenState:
        """The steady state of the filling, or of each sector of an initial state."""
        return _steady(problem, "exact", self._of_sector)

    def evolve(self, problem: OpenProblem, times: Floats, initial: Mapping[str, Any]) -> OpenState:
        """All sectors of the initial state by themselves."""
        lindbladian = _finite(problem, "exact")
        state = prepared(problem, lindbladian, initial)
        chain = set_up(problem, lindbladian, turned=state.uniform)
        parts = []
        for _weight, numbers in mixture(chain, state):
            sector = chain.sector(numbers)
            refuse_cells(sector.cells, sector.hint)
            moves = generator(sector.cells, sector.hamiltonian, sector.jumps, sector.hint)
            parts.append(expectations(sector, evolved(moves, state.matrix(sector), times)))
        return outputs(problem, chain, mixed(parts), {}, times)

    def _of_sector(self, sector: Sector) -> tuple[Steady, Complexes, dict[str, str]]:
        refuse_cells(sector.cells, sector.hint)
        moves = generator(sector.cells, sector.hamiltonian, sector.jumps, sector.hint)
        steady = steady_states(moves)
        return steady, steady.states[:1], {}


class Projected:
    """The limit of weak jumps, with all coherences of equal energies."""

    def refuses(self, problem: OpenProblem) -> ModelError | None:
        """An infinite chain."""
        return _refused(problem, "projected")

    def steady(self, problem: OpenProblem) -> OpenState:
        """The steady state of the filling, or of each sector of an initial state."""
        return _steady(problem, "projected", self._of_sector)

    def evolve(self, problem: OpenProblem, times: Floats, initial: Mapping[str, Any]) -> OpenState:
        """Nothing evolves in the limit."""
        raise ModelError(
            "'projected' is the limit of weak jumps, which an evolution in time does not have",
            problem.place("method"),
            hint="ask method = exact or gge",
        )

    def _of_sector(self, sector: Sector) -> tuple[Steady, Complexes, dict[str, str]]:
        limit = projected(sector)
        steady = steady_states(limit.generator)
        notes = {"smallest_gap": f"{limit.gap:.3g}"} if np.isfinite(limit.gap) else {}
        return steady, limit.lifted(steady.states[0])[None], notes


def _steady(problem: OpenProblem, name: str, of_sector: OfSector) -> OpenState:
    """Steady states of all sectors that are asked for, with their weights."""
    lindbladian = _finite(problem, name)
    chain = set_up(problem, lindbladian)
    if problem.initial:
        parts = mixture(chain, prepared(problem, lindbladian, problem.initial))
    else:
        parts = [(1.0, fixed_numbers(problem, chain))]
    found: list[Expectations] = []
    audits: dict[str, float] = {"residual": 0.0}
    notes: dict[str, str] = {}
    for weight, numbers in parts:
        sector = chain.sector(numbers)
        steady, rho, notes = of_sector(sector)
        if steady.count > 1:
            raise several_steady_states(problem, chain, steady)
        audits["residual"] = max(audits["residual"], steady.residual)
        found.append(expectations(sector, weight * rho))
    if not problem.initial:
        notes = {**notes, **_kept(chain, parts[0][1])}
    return outputs(problem, chain, mixed(found), audits, None, notes)


def _kept(chain: Chain, numbers: Sequence[Sequence[int]]) -> dict[str, str]:
    """How many particles stay where."""
    told = [
        f"{some[0]} particles of {' and '.join(charge.lattices)}"
        for charge, some in zip(chain.charges, numbers, strict=True)
        if charge.kept
    ]
    return {"conserved": ", ".join(told)} if told else {}


def _finite(problem: OpenProblem, name: str) -> Lindbladian:
    chain = in_real_space(problem)
    if chain is None:
        message = f"'{name}' counts states, of which an infinite chain has infinitely many"
        hint = "give the ring a number of cells, or ask method = gge"
        raise ModelError(message, problem.place("method"), hint=hint)
    return chain


def _refused(problem: OpenProblem, name: str) -> ModelError | None:
    try:
        _finite(problem, name)
    except ModelError as error:
        return error
    return None
