"""Numbers of particles that H and the jump operators keep, lattice by lattice.

Lattices that exchange particles, or whose operators stand in one sum, count together.  Where a jump operator
is a sum of parts that change the number differently (``c + c†``) coherences between these numbers are kept:
only the number modulo a period tells blocks of the density matrix apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelkit.compile.lindbladian import JumpFamily, Lindbladian
from modelkit.graph.device import Integers, Products

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class Charge:
    """The number of particles on some lattices.

    Attributes
    ----------
    lattices : tuple of str
    orbitals : (m,)
        All of their orbitals.
    kept : bool
        Whether no jump changes it.
    period : int
        Blocks of the density matrix have the same number modulo this; 0: the same number.
    changed_by : tuple of str
        Names of the dissipators that change it.
    step : int
        All changes are multiples of this; 0 where there are none.
    """

    lattices: tuple[str, ...]
    orbitals: Integers
    kept: bool
    period: int
    changed_by: tuple[str, ...]
    step: int

    @property
    def told(self) -> str:
        return "the number of particles" + (f" on {' and '.join(self.lattices)}" if self.lattices else "")


def charges_of(lindbladian: Lindbladian) -> tuple[Charge, ...]:
    """Numbers that H keeps, with what the jumps do to them; every orbital belongs to one."""
    from scipy.sparse.csgraph import connected_components

    count = int(lindbladian.lattice.max(initial=-1)) + 1
    shifts = [(family.name, _shifts(family, lindbladian.lattice, count)) for family in lindbladian.jumps]
    linked = _links(lindbladian, count)
    for _name, (member, change) in shifts:
        touched = np.concatenate([change, np.diff(change, axis=0)[np.diff(member) == 0]]) != 0
        linked |= (touched.T.astype(int) @ touched.astype(int)) > 0
    parts, part = connected_components(linked, directed=False)
    return tuple(_charge(lindbladian, shifts, np.flatnonzero(part == number)) for number in range(parts))


def parts_of(family: JumpFamily) -> Iterator[Products]:
    """All of a family as products: losses, gains, bilinears, the rest."""
    yield from (_single(family.loss, False), _single(family.gain, True), family.bilinear, *family.higher)


def _single(matrix: csr_array, dagger: bool) -> Products:
    entries = matrix.tocoo()
    member, orbital = (np.asarray(index, dtype=np.intp) for index in entries.coords)
    return Products(member, orbital[:, None], (dagger,), np.asarray(entries.data, dtype=complex))


def _links(lindbladian: Lindbladian, count: int) -> np.ndarray:
    """Which lattices H or a bath of modes joins, (count, count)."""
    entries = lindbladian.hamiltonian.tocoo()
    linked = np.eye(count, dtype=bool)
    present = entries.data != 0
    row, column = (lindbladian.lattice[index[present]] for index in entries.coords)
    linked[row, column] = True
    if any(bath.rate for bath in lindbladian.baths):
        linked[:] = True
    return linked


def _shifts(family: JumpFamily, lattice: Integers, count: int) -> tuple[Integers, Integers]:
    """Members in ascending order, and by how much each of their products changes each number."""
    members, changes = [np.zeros(0, dtype=np.intp)], [np.zeros((0, count), dtype=np.intp)]
    for products in parts_of(family):
        there = (products.value != 0) & (family.rate[products.member] > 0)
        change = np.zeros((int(there.sum()), count), dtype=np.intp)
        for place, dagger in enumerate(products.dagger):
            on = lattice[products.orbital[there, place]]
            change[np.arange(len(change)), on] += 1 if dagger else -1
        members.append(products.member[there])
        changes.append(change)
    member = np.concatenate(members)
    order = np.argsort(member, kind="stable")
    return member[order], np.concatenate(changes)[order]


def _charge(
    lindbladian: Lindbladian, shifts: list[tuple[str, tuple[Integers, Integers]]], lattices: Integers
) -> Charge:
    changed_by, period, step = [], 0, 0
    for name, (member, change) in shifts:
        total = change[:, lattices].sum(axis=1)
        if total.any():
            changed_by.append(name)
        step = int(np.gcd.reduce(np.abs(total), initial=step))
        differences = np.diff(total)[np.diff(member) == 0]
        period = int(np.gcd.reduce(np.abs(differences), initial=period))
    named = tuple(lindbladian.lattices[number] for number in lattices if number < len(lindbladian.lattices))
    orbitals = np.flatnonzero(np.isin(lindbladian.lattice, lattices))
    return Charge(named, orbitals, not changed_by, period, tuple(changed_by), step)
