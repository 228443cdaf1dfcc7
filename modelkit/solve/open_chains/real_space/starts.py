"""Initial states of independent orbitals, or of independent modes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import expit

from modelkit.compile.lindbladian import Lindbladian
from modelkit.compile.modes import ring_momenta
from modelkit.compile.unit_cell import UnitCell
from modelkit.errors import ModelError
from modelkit.graph.device import Complexes, Floats, Integers
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.real_space.kept import declared_fillings

EQUAL = 1e-9
"""By how much a declared filling may differ from that of the initial state."""
EVERYWHERE = 1024
"""Momenta over which the filling of an initial state of an infinite chain is a mean."""


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
        return np.array([_declared(problem, chain, given)[number] for number in chain.lattice])
    word, value = _one(problem, initial)
    if callable(value):
        raise no_function_of_momentum(problem)
    numbers = _occupations(problem, word, _by_orbital(problem, np.asarray(value, dtype=float), offset))
    for name, filling in given.items():
        found = float(numbers[chain.lattice == chain.lattices.index(name)].mean())
        _compare(problem, f"'{name}'", found, filling)
    return numbers


def initial_bands(
    problem: OpenProblem, cell: UnitCell, initial: Mapping[str, Any]
) -> Callable[[Floats], Floats]:
    """Occupations of the modes of a cell at time 0, (n_k, d), as a function of momenta (n_k,).

    ``lagrange`` and ``occupation`` are numbers, or arrays by band (ascending), or functions of momenta (n_k,)
    that give either by momentum, (n_k, d); ``filling`` is a number.

    Raises
    ------
    ModelError
        As for orbitals.
    """
    d, filling = cell.dimension, problem.filling_of_cell
    word, value = _one(problem, initial or ({} if filling is None else {"filling": filling}))

    def by_band(k: Floats) -> Floats:
        given = np.asarray(value(k) if callable(value) else value, dtype=float)
        if given.shape not in ((), (d,), (len(k), 1), (len(k), d)):
            raise ModelError(
                f"the initial state has {given.size} values, and the number of bands is {d}",
                problem.place("initial"),
                hint="give a number, or one value for each band",
            )
        return np.broadcast_to(_occupations(problem, word, given), (len(k), d))

    if filling is not None:
        k = ring_momenta(cell.cells or EVERYWHERE)
        _compare(problem, "the chain", float(by_band(k).mean()), filling)
    return by_band


def initial_blocks(
    problem: OpenProblem, cell: UnitCell, initial: Mapping[str, Any]
) -> Callable[[Floats], Complexes]:
    """Blocks G(k) of these occupations, as a function of momenta."""
    by_band = initial_bands(problem, cell, initial)

    def blocks(k: Floats) -> Complexes:
        _, vectors = np.linalg.eigh(cell.hamiltonian(k))
        return np.asarray(np.einsum("kab,kb,kcb->kac", vectors, by_band(k), vectors.conj()))

    return blocks


def no_function_of_momentum(problem: OpenProblem) -> ModelError:
    """For methods that begin with occupations of sites."""
    message = "the initial state is a function of the momentum, and this method begins with occupied sites"
    return ModelError(message, problem.place("initial"), hint="give one of sites, or ask method = gge")


def _one(problem: OpenProblem, initial: Mapping[str, Any]) -> tuple[str, Any]:
    """The one thing that is given."""
    place = problem.place("initial")
    if not initial:
        message, hint = "the initial state is not given", "write: initial { filling = 1/2 }"
        raise ModelError(message, place, hint=hint)
    if len(initial) > 1:
        told = " and ".join(initial)
        raise ModelError(f"the initial state is given twice, by {told}", place, hint="give one of them")
    ((word, value),) = initial.items()
    return word, value


def _declared(problem: OpenProblem, chain: Lindbladian, given: Mapping[str, float]) -> list[float]:
    """Fillings of all lattices, where no initial state is given."""
    if missing := [name for name in chain.lattices if name not in given]:
        raise ModelError(
            f"the initial state of '{missing[0]}' is not given",
            problem.place("initial"),
            hint="write 'initial { occupation = 1/2 }', or lagrange, or filling",
        )
    return [given[name] for name in chain.lattices]


def _occupations(problem: OpenProblem, word: str, given: Floats) -> Floats:
    """Occupations, from Lagrange multipliers if these are given."""
    numbers = expit(-given) if word == "lagrange" else given
    if not (np.all(numbers >= 0) and np.all(numbers <= 1)):
        worst = given.ravel()[np.argmax(np.abs(numbers - 0.5))]
        raise ModelError(
            f"the initial {word} is {worst:.6g}: a mode holds 0 to 1 particles",
            problem.place("initial"),
            hint="write: initial { filling = 1/2 }",
        )
    return np.asarray(numbers)


def _compare(problem: OpenProblem, name: str, found: float, filling: float) -> None:
    if abs(found - filling) > EQUAL:
        raise ModelError(
            f"the initial state has the filling {found:.6g}, and {name} is declared with {filling:.6g}",
            problem.place("initial"),
            hint="the initial state fixes the filling: make them equal, or leave out the line 'filling'",
        )


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
