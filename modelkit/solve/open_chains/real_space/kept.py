"""Particles that the dynamics keeps: which fillings a steady state needs, and which it cannot have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from modelkit.compile.lindbladian import Lindbladian
from modelkit.errors import ModelError
from modelkit.graph.device import Floats
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.real_space.charges import Dark, dark_subspaces
from modelkit.solve.open_chains.real_space.covariance import Covariance

WHOLE = 1e-6
"""By how much the weight of an orbital in a subspace may differ from 0 or 1."""


@dataclass(frozen=True, eq=False)
class Kept:
    """Orbitals that keep their particles: ``dark`` (n,) is 1 there, ``filling`` (n,) their occupation."""

    dark: Floats
    filling: Floats
    lattices: tuple[str, ...]


def kept_particles(problem: OpenProblem, chain: Lindbladian, equation: Covariance) -> Kept:
    """What fillings fix of a steady state.

    Raises
    ------
    ModelError
        More is conserved than particles of whole lattices; a filling is missing, or superfluous.
    """
    dark = dark_subspaces(equation)
    lattice = np.tile(chain.lattice, 2) if equation.doubled else chain.lattice
    held = [_lattices(one, lattice, chain) for one in dark]
    if any(one is None for one in held):
        count = sum(one.multiplicity**2 for one in dark)
        raise ModelError(
            f"the steady state is not unique: {count} quantities of one particle are conserved (or change "
            "too slowly for rounding), and not only numbers of particles in whole lattices",
            problem.place("filling"),
            hint="let jumps reach all modes, or ask for 'evolution', whose initial state decides",
        )
    names = [name for part in held for name in part or ()]
    given = declared_fillings(problem, chain)
    _check(problem, chain, names, given)
    filling, share = np.zeros(equation.size), np.zeros(equation.size)
    holes = np.arange(equation.size) >= chain.size
    for one in dark:
        inside = one.share > 0.5
        values = np.array([given[chain.lattices[number]] for number in lattice[inside]])
        filling[inside] = np.mean(np.where(holes[inside], 1 - values, values))
        share[inside] = 1.0
    return Kept(share, filling, tuple(dict.fromkeys(names)))


def declared_fillings(problem: OpenProblem, chain: Lindbladian) -> Mapping[str, float]:
    """Particles per mode, by lattice."""
    if chain.filling or problem.filling is None:
        return chain.filling
    return dict.fromkeys(chain.lattices, problem.filling)


def _lattices(dark: Dark, lattice: np.ndarray, chain: Lindbladian) -> tuple[str, ...] | None:
    """The lattices whose orbitals a dark subspace consists of; None if it is something else."""
    inside = dark.share > 0.5
    if dark.multiplicity > 1 or np.abs(dark.share - inside).max() > WHOLE:
        return None
    numbers = np.unique(lattice[inside])
    if np.any(np.isin(lattice[: chain.size], numbers) & ~_either(inside, chain.size)):
        return None
    return tuple(chain.lattices[number] for number in numbers)


def _either(inside: np.ndarray, size: int) -> np.ndarray:
    """Whether an orbital is in it as particle or as hole."""
    return np.asarray(inside.reshape(-1, size).any(axis=0))


def _check(problem: OpenProblem, chain: Lindbladian, names: list[str], given: Mapping[str, float]) -> None:
    for name in names:
        if name not in given:
            raise ModelError(
                f"the number of particles of '{name}' is conserved, and its steady state depends on it",
                problem.place("filling"),
                hint=f"declare it: filling {name} = 1/2",
            )
    for name in given:
        if name not in names:
            raise ModelError(
                f"the particles of '{name}' are not conserved, so that its steady state has one filling only",
                problem.place("filling"),
                hint=f"leave out 'filling {name}'",
            )
