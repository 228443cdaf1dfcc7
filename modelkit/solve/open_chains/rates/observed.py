"""What outputs read of occupations of modes: the arrays of an :class:`OpenState`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from modelkit.results.dataset import Labelled
from modelkit.solve.open_chains.cell_currents import by_spin
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.rates import currents
from modelkit.solve.open_chains.rates.kinetics import Filled, Floats
from modelkit.solve.open_chains.rates.sampling import Sample
from modelkit.solve.open_chains.real_space.treatable import notes_of

GIVES = (
    "current",
    "current_by_spin",
    "current_by_orbital",
    "energy_current",
    "occupation",
    "lagrange_multiplier",
    "loss_rate",
)
"""What any occupations of modes give."""

_Reading = Callable[[Sample, Filled], Any]

_READ: Mapping[str, tuple[tuple[str, ...], _Reading]] = {
    "current": ((), currents.current),
    "current_by_orbital": (("orbital",), currents.current_by_orbital),
    "energy_current": ((), currents.energy_current),
    "jump_current": ((), currents.jump_current),
    "loss_rate": (("dissipator",), currents.loss_rates),
}


def observed(
    problem: OpenProblem, taken: Sample, states: Sequence[Filled], time: bool, names: Sequence[str]
) -> dict[str, Any]:
    """Arrays of an OpenState with their labels and grids.

    Parameters
    ----------
    problem : OpenProblem
        What is asked.
    taken : Sample
        The momenta that carry the state, then those that are asked, without weight.
    states : sequence of Filled
        At each time, or a single one.
    time : bool
        Whether the arrays get ``time`` as their first dimension.
    names : sequence of str
        Outputs.
    """
    lead = ("time",) if time else ()
    arrays: dict[str, Labelled] = {}

    def enter(name: str, dims: tuple[str, ...], values: Sequence[Any]) -> None:
        if problem.asks(name) and name in names:
            arrays[name] = Labelled(lead + dims, np.array(values if time else values[0]))

    for name, (dims, read) in _READ.items():
        if problem.asks(name) and name in names:
            enter(name, dims, [read(taken, filled) for filled in states])
    if (taken.cell.spin >= 0).any() and problem.asks("current_by_spin"):
        by_orbital = [currents.current_by_orbital(taken, filled) for filled in states]
        enter("current_by_spin", ("spin",), [by_spin(taken.cell, one) for one in by_orbital])
    shown = _shown(problem, taken)
    enter("occupation", ("momentum", "band"), [_table(taken, one.particles)[shown] for one in states])
    enter("lagrange_multiplier", ("momentum", "band"), [_table(taken, one.lagrange)[shown] for one in states])
    return {
        **arrays,
        "grids": {"momentum": taken.modes.k[shown], "band": np.arange(taken.cell.dimension)},
        "labels": {"orbital": taken.cell.orbitals, "dissipator": taken.rates.names},
    }


def _shown(problem: OpenProblem, taken: Sample) -> slice:
    """Momenta that are asked: the last ones; all where none are."""
    count = len(taken.modes.k)
    return slice(None) if problem.momenta is None else slice(count - len(problem.momenta), count)


def _table(taken: Sample, values: Floats) -> Floats:
    return np.asarray(values.reshape(taken.modes.energy.shape))


def notes(problem: OpenProblem, taken: Sample) -> dict[str, str]:
    """Attributes of the result."""
    found = notes_of(problem)
    if taken.cell.baths and problem.asks("jump_current"):
        names = ", ".join(bath.name for bath in taken.cell.baths)
        found["jump_current"] = f"without {names}: jumps between modes are at no place"
    return found
