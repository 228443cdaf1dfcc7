"""Which numbers of particles are asked for, and the states in which an evolution begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from modelkit.compile.lindbladian import Lindbladian
from modelkit.errors import ModelError
from modelkit.graph.device import Complexes, Floats
from modelkit.solve.open_chains.exact.chain import Chain, Sector
from modelkit.solve.open_chains.exact.charges import Charge
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.real_space.kept import declared_fillings
from modelkit.solve.open_chains.real_space.places import places
from modelkit.solve.open_chains.real_space.starts import initial_occupation

WHOLE = 1e-9  # by how much a number of particles may miss an integer
RARE = 1e-15  # sectors of less weight are left out


@dataclass(frozen=True, eq=False)
class Prepared:
    """A product state: each mode of a basis is filled by itself, ``filling`` (M,)."""

    filling: Floats

    @property
    def uniform(self) -> bool:
        """Whether it is the same in every basis."""
        return bool(np.ptp(self.filling) == 0)

    def weight(self, chain: Chain, numbers: Sequence[Sequence[int]]) -> float:
        """Probability of these numbers of particles."""
        whole = 1.0
        for charge, allowed in zip(chain.charges, numbers, strict=True):
            by_number = np.ones(1)
            for n in self.filling[charge.orbitals]:
                by_number = np.convolve(by_number, [1 - n, n])
            whole *= float(by_number[list(allowed)].sum())
        return whole

    def matrix(self, sector: Sector) -> Complexes:
        """Elements of the density matrix in a sector; its trace is the weight of the sector."""
        filled = sector.fock.filled()
        populations = np.where(filled, self.filling, 1 - self.filling).prod(axis=1)
        rho = np.zeros(sector.cells.unknowns, dtype=complex)
        rho[sector.cells.diagonal()] = populations
        return rho


def prepared(problem: OpenProblem, chain: Lindbladian, initial: Mapping[str, Any]) -> Prepared:
    """The initial state of a problem; raises ModelError where it is none."""
    return Prepared(initial_occupation(problem, chain, initial, places(chain).offset))


def all_numbers(charge: Charge) -> tuple[int, ...]:
    """From empty to full."""
    return tuple(range(len(charge.orbitals) + 1))


def mixture(chain: Chain, state: Prepared) -> list[tuple[float, list[tuple[int, ...]]]]:
    """Sectors of what is conserved, each with its weight in a state: (weight, numbers by charge)."""
    choices: list[list[tuple[int, ...]]] = []
    for charge in chain.charges:
        every = all_numbers(charge)
        choices.append([(n,) for n in every] if charge.kept else [every])
    weighed = [(state.weight(chain, numbers), list(numbers)) for numbers in product(*choices)]
    return [(weight, numbers) for weight, numbers in weighed if weight > RARE]


def fixed_numbers(problem: OpenProblem, chain: Chain) -> list[tuple[int, ...]]:
    """Numbers of particles by charge: those of the filling where they are conserved.

    Raises
    ------
    ModelError
        A filling is missing, or given where particles come and go, or is no whole number of particles.
    """
    return [_fixed(problem, chain.lindbladian, charge) for charge in chain.charges]


def _fixed(problem: OpenProblem, chain: Lindbladian, charge: Charge) -> tuple[int, ...]:
    given = _filling(problem, chain, charge)
    place = problem.place("filling")
    if not charge.kept:
        if given is not None:
            names = " and ".join(f"'{name}'" for name in charge.changed_by)
            verb = "changes" if len(charge.changed_by) == 1 else "change"
            message = f"{charge.told} is not conserved: {names} {verb} it, so no filling can be kept"
            raise ModelError(message, place, hint="leave out 'filling': the steady state has its own")
        return all_numbers(charge)
    modes = len(charge.orbitals)
    if given is None:
        where = charge.lattices[0] if charge.lattices else "chain"
        message = f"{charge.told} is conserved, so the steady state depends on it, and no filling is given"
        raise ModelError(message, place, hint=f"write, for example, 'filling {where} = 1/2'")
    particles = given * modes
    whole = round(particles)
    if abs(particles - whole) > WHOLE * max(modes, 1) or not 0 <= whole <= modes:
        message = f"a filling of {given:g} on {modes} modes is {particles:g} particles, no whole number"
        raise ModelError(message, place, hint=_near(particles, modes))
    return (whole,)


def _near(particles: float, modes: int) -> str:
    low = min(max(int(np.floor(particles)), 0), modes)
    high = min(low + 1, modes)
    choices = " or ".join(dict.fromkeys(f"{n}/{modes}" for n in (low, high)))
    return f"with this many modes give {choices}, or change the number of cells"


def _filling(problem: OpenProblem, chain: Lindbladian, charge: Charge) -> float | None:
    """Particles per mode on the orbitals of a charge, None where none is given."""
    declared = declared_fillings(problem, chain)
    given = {name: n for name, n in declared.items() if name in charge.lattices}
    if not given:
        return None
    missing = [name for name in charge.lattices if name not in given]
    if missing and charge.kept:
        message = f"'{missing[0]}' exchanges particles with '{next(iter(given))}' and has no filling"
        raise ModelError(message, problem.place("filling"), hint=f"write 'filling {missing[0]} = ...'")
    sizes = {name: int(np.sum(chain.lattice == chain.lattices.index(name))) for name in given}
    return float(sum(n * sizes[name] for name, n in given.items()) / sum(sizes.values()))
