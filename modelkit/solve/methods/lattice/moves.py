"""What a displacement of levels adds to ``H + Sigma``: potentials on the sites, bands of the reservoirs.

To first order, or as a power series along a direction, ``Sigma(E - s b)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import Levels, OpenSystem
from modelkit.numerics.series import Series, places, zeros
from modelkit.solve.methods.orbitals import site_of_orbital, touching

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class Moved:
    """The change of the self-energy of one reservoir over all orbitals of a contact, (n_E, m, m).

    ``number`` is that of the contact among those over several orbitals.
    """

    terminal: int
    number: int
    orbitals: Integers
    value: Complexes


@dataclass(frozen=True)
class Moves:
    """The derivative ``d(H + Sigma)``, or one term of a series.

    Attributes
    ----------
    potential : (n,) on the orbitals
    number : (m,) of each scalar contact that moves, in the order of ``orbitals.touching``
    terminal, orbital : (m,) its reservoir and orbital
    value : (n_E, m) what its self-energy gains there
    blocks : those of contacts over several orbitals
    """

    potential: Floats
    number: Integers
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
    found: Moves = moves_along(system, energies, [change], 1)[0][1]
    return found


def moves_along(
    system: OpenSystem, energies: Complexes | Floats, directions: Sequence[Levels], order: int
) -> Series:
    """``H + Sigma`` as levels move in the first direction: a series of :class:`Moves`, from order 1 on.

    Its variations are those by the other directions.  Errors as in :func:`moves_of`.
    """
    spread = [system.spread(one) for one in directions]
    site = site_of_orbital(system)
    potential = [np.asarray(one.potential, dtype=float)[site] for one in spread]
    bands = [np.asarray(one.bands, dtype=float) for one in spread]
    none, still = np.zeros(0, dtype=np.intp), np.zeros((len(energies), 0), dtype=complex)
    found = zeros(len(directions) - 1, order)
    for v, k in places(len(directions) - 1, order, 1):
        # the part of (-(b + eps y))^k that is without eps, or linear in it
        shifts = (-bands[0]) ** k if v == 0 else -k * (-bands[0]) ** (k - 1) * bands[v]
        moves = Moves(potential[v] if k == 1 else np.zeros(len(site)), none, none, none, still)
        if shifts.any():
            moves = _scalar(system, energies, shifts, k, moves) if system.contacts.scalar else moves
            moves = replace(moves, blocks=tuple(_blocks(system, energies, shifts, k)))
        found[v][k] = moves if k == 1 or shifts.any() else None
    return found


def _scalar(
    system: OpenSystem, energies: Complexes | Floats, shifts: Floats, order: int, moves: Moves
) -> Moves:
    touched = touching(system)
    taylor = np.asarray(system.contacts.taylor(energies, order), dtype=complex)
    used = np.flatnonzero(shifts[touched.terminal])
    contact, terminal = touched.contact[used], touched.terminal[used]
    value = shifts[terminal] * taylor.reshape(len(energies), -1)[:, contact]
    return replace(moves, number=used, terminal=terminal, orbital=touched.orbital[used], value=value)


def _blocks(system: OpenSystem, energies: Complexes | Floats, shifts: Floats, order: int) -> Iterator[Moved]:
    contacts, first = system.contacts, 0
    if not contacts.scalar:
        first = len(contacts.site)
        taylor = contacts.taylor(energies, order)
        for k, (terminal, site) in enumerate(zip(contacts.terminal, contacts.site, strict=True)):
            if shifts[terminal]:
                orbitals = np.arange(system.offset[site], system.offset[site + 1])
                shape = (len(energies), len(orbitals), len(orbitals))
                value = np.broadcast_to(shifts[terminal] * np.asarray(taylor[k], dtype=complex), shape)
                yield Moved(int(terminal), k, orbitals, np.asarray(value))
    for k, lead in enumerate(contacts.leads, start=first):
        if shifts[lead.terminal]:
            value = shifts[lead.terminal] * np.asarray(lead.taylor(energies, order), dtype=complex)
            yield Moved(int(lead.terminal), k, np.asarray(lead.orbitals, dtype=np.intp), value)
