"""Initial states of independent orbitals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modelkit.compile.lindbladian import Lindbladian
from modelkit.errors import ModelError
from modelkit.graph.device import Floats, Integers
from modelkit.solve.open_chains.kept import declared_fillings
from modelkit.solve.open_chains.problem import OpenProblem

EQUAL = 1e-9
"""By how much a declared filling may differ from that of the initial state."""


def initial_occupation(
    problem: OpenProblem, chain: Lindbladian, initial: Mapping[str, Any], offset: Integers
) -> Floats:
    """Occupation of each orbital at time 0, (n,).

    ``lagrange`` and ``occupation`` are numbers, or arrays by orbital or by site (each orbital of a site
    alike); ``filling`` is a number; without any the declared filling of each lattice.

    Raises
    ------
    ModelError
        None or several are given, the wrong number of values, not within 0 and 1, or not of the filling that
        is declared.
    """
    given = declared_fillings(problem, chain)
    if not initial:
        if missing := [name for name in chain.lattices if name not in given]:
            raise ModelError(
                f"the initial state of '{missing[0]}' is not given",
                problem.place("initial"),
                hint="write 'initial { occupation = 1/2 }', or lagrange, or filling",
            )
        return np.array([given[chain.lattices[number]] for number in chain.lattice])
    if len(initial) > 1:
        told = " and ".join(initial)
        raise ModelError(
            f"the initial state is given twice, by {told}", problem.place("initial"), hint="give one of them"
        )
    ((word, value),) = initial.items()
    numbers = _by_orbital(problem, np.asarray(value, dtype=float), offset)
    if word == "lagrange":
        numbers = 1 / (1 + np.exp(np.clip(numbers, -700, 700)))
    if not (np.all(numbers >= 0) and np.all(numbers <= 1)):
        raise ModelError(
            f"an occupation is between 0 and 1, not {numbers[np.argmax(np.abs(numbers - 0.5))]:g}",
            problem.place("initial"),
            hint="fermions: at most one in each orbital",
        )
    for name, filling in given.items():
        found = float(numbers[chain.lattice == chain.lattices.index(name)].mean())
        if abs(found - filling) > EQUAL:
            raise ModelError(
                f"the initial state fills '{name}' with {found:g} particles per mode, 'filling' with "
                f"{filling:g}",
                problem.place("filling"),
                hint=f"leave out 'filling {name}': the initial state decides",
            )
    return numbers


def _by_orbital(problem: OpenProblem, value: Floats, offset: Integers) -> Floats:
    orbitals, sites = int(offset[-1]), len(offset) - 1
    if value.ndim == 0:
        return np.full(orbitals, float(value))
    if value.shape == (orbitals,):
        return value
    if value.shape == (sites,):
        return np.repeat(value, np.diff(offset))
    raise ModelError(
        f"the initial state has {value.size} values for {sites} sites with {orbitals} orbitals",
        problem.place("initial"),
        hint="give a number, one value for each orbital, or one for each site",
    )
