"""Contacts as they sit on the stars of a forest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.open_system import OpenSystem
from modelkit.errors import ModelError
from modelkit.solve.methods.ladder.tree import Forest
from modelkit.solve.methods.orbitals import touching

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Integers = NDArray[np.intp]

MOST_PAIRS = 10**8  # of terminals that share a site


@dataclass(frozen=True)
class StarContacts:
    """Orbital contacts, entry m at ``position[m]`` of the forest; arrays are (n_contacts, n_E).

    ``shared[a]`` tells whether terminal a touches more than one orbital.
    """

    contact: Integers
    position: Integers
    terminal: Integers
    weight: Floats
    n_positions: int
    n_terminals: int
    sigma: Callable[[Floats], Any]

    def self_energy(self, energies: Floats) -> Complexes:
        """(n_contacts, n_E)"""
        if not len(self.contact):
            return np.zeros((0, len(energies)), dtype=complex)
        return np.asarray(np.asarray(self.sigma(energies), dtype=complex).T[self.contact])

    def at_stars(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sum by position, shape (n_positions, n_E)."""
        found = np.zeros((self.n_positions, values.shape[1]), dtype=values.dtype)
        if self._alone:
            found[self.position] = values
        else:
            np.add.at(found, self.position, values)
        return found

    def to_terminals(self, values: Floats) -> Floats:
        """Sum by terminal with the degeneracy, shape (n_E, n_terminals)."""
        return np.asarray((self._members @ values).T)

    def exchange(self, gamma: Floats, x: Floats) -> Floats:
        """``sum_l gamma_l (x_k - x_l)`` over the other contacts l on the position of k."""
        found = np.zeros_like(x)
        for this, other in self._pairs:
            found[this] += gamma[other] * (x[this] - x[other])
        return found

    @cached_property
    def shared(self) -> NDArray[np.bool_]:
        return np.bincount(self.terminal, minlength=self.n_terminals) > 1

    @cached_property
    def _alone(self) -> bool:
        return len(np.unique(self.position)) == len(self.position)

    @cached_property
    def _members(self) -> sparse.csr_array:
        number = np.arange(len(self.terminal))
        return sparse.csr_array((self.weight, (self.terminal, number)), shape=(self.n_terminals, len(number)))

    @cached_property
    def _pairs(self) -> list[tuple[Integers, Integers]]:
        """Pairs of contacts on one position, one list for each distance in their order."""
        order = np.argsort(self.position, kind="stable")
        _, first, size = np.unique(self.position[order], return_index=True, return_counts=True)
        if np.sum(size.astype(float) ** 2) > MOST_PAIRS:
            raise ModelError(
                f"{int(size.max())} terminals on one site: the flows between all pairs of them are too many",
                hint="attach fewer terminals to a site",
            )
        found = []
        for step in range(1, int(size.max(initial=1))):
            many = size > step
            begin, count = np.repeat(first[many], size[many]), np.repeat(size[many], size[many])
            within = np.concatenate([np.arange(n) for n in size[many]])
            found.append((order[begin + within], order[begin + (within + step) % count]))
        return found


def star_contacts(system: OpenSystem, forest: Forest) -> StarContacts:
    """Place the contacts of a system on the positions of its forest."""
    touched = touching(system)
    return StarContacts(
        touched.contact,
        forest.position[touched.orbital],
        touched.terminal,
        touched.weight,
        len(forest.orbital),
        system.n_terminals,
        system.contacts.sigma,
    )
