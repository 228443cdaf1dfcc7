"""What a displacement of levels adds to ``H + Sigma``: potentials on the sites, bands of the reservoirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import Levels, OpenSystem
from modelkit.solve.methods.orbitals import site_of_orbital, touching

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class Moved:
    """The change of the self-energy of one reservoir over all orbitals of a contact, (n_E, m, m)."""

    terminal: int
    orbitals: Integers
    value: Complexes


@dataclass(frozen=True)
class Moves:
    """The derivative ``d(H + Sigma)``.

    Attributes
    ----------
    potential : (n,) on the orbitals
    terminal, orbital : (m,) reservoir and orbital of each scalar contact that moves
    value : (n_E, m) what its self-energy gains there
    blocks : those of contacts over several orbitals
    """

    potential: Floats
    terminal: Integers
    orbital: Integers
    value: Complexes
    blocks: tuple[Moved, ...] = ()

    def at(self, part: slice) -> Moves:
        """The same at a range of the energies."""
        blocks = tuple(replace(block, value=block.value[part]) for block in self.blocks)
        return replace(self, value=self.value[part], blocks=blocks)

    def times(self, columns: Complexes) -> Complexes:
        """Multiply columns (n_E, n, k)."""
        found = self.potential[:, None] * columns + 0j
        if len(self.orbital):
            orbitals, place = np.unique(self.orbital, return_inverse=True)
            member = place == np.arange(len(orbitals))[:, None]
            found[:, orbitals] += (self.value @ member.T)[:, :, None] * columns[:, orbitals]
        for block in self.blocks:
            found[:, block.orbitals] += block.value @ columns[:, block.orbitals]
        return np.asarray(found)

    @property
    def contacts(self) -> Integers:
        """Orbitals of the contacts that move, each once."""
        return np.unique(np.concatenate([self.orbital, *(block.orbitals for block in self.blocks)]))


def moves_of(system: OpenSystem, energies: Complexes | Floats, change: Levels) -> Moves:
    """Give the derivative of ``H + Sigma`` at given energies as levels move in a direction.

    With a condensate the levels of a device's sites are the opposite for holes.

    Raises
    ------
    ModelError
        A band moves whose self-energy does not tell its derivative.
    """
    change = system.spread(change)
    potential = np.asarray(change.potential, dtype=float)[site_of_orbital(system)]
    bands = np.asarray(change.bands, dtype=float)
    none = np.zeros(0, dtype=np.intp)
    moves = Moves(potential, none, none, np.zeros((len(energies), 0), dtype=complex))
    if not bands.any():
        return moves
    if system.contacts.scalar:
        moves = _scalar(system, energies, bands, moves)
    return replace(moves, blocks=tuple(_blocks(system, energies, bands)))


def _scalar(system: OpenSystem, energies: Complexes | Floats, bands: Floats, moves: Moves) -> Moves:
    touched = touching(system)
    slope = np.asarray(system.contacts.slope(energies), dtype=complex)
    used = bands[touched.terminal] != 0
    contact, terminal = touched.contact[used], touched.terminal[used]
    value = -bands[terminal] * slope.reshape(len(energies), -1)[:, contact]
    return replace(moves, terminal=terminal, orbital=touched.orbital[used], value=value)


def _blocks(system: OpenSystem, energies: Complexes | Floats, bands: Floats) -> Iterator[Moved]:
    contacts = system.contacts
    if not contacts.scalar:
        for terminal, site, slope in zip(
            contacts.terminal, contacts.site, contacts.slope(energies), strict=True
        ):
            if bands[terminal]:
                orbitals = np.arange(system.offset[site], system.offset[site + 1])
                shape = (len(energies), len(orbitals), len(orbitals))
                value = np.broadcast_to(-bands[terminal] * np.asarray(slope, dtype=complex), shape)
                yield Moved(int(terminal), orbitals, np.asarray(value))
    for lead in contacts.leads:
        if bands[lead.terminal]:
            slope = -bands[lead.terminal] * np.asarray(lead.slope(energies), dtype=complex)
            yield Moved(int(lead.terminal), np.asarray(lead.orbitals, dtype=np.intp), slope)
