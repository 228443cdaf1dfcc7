"""A device as a coloured structure: vertices with internal spaces, joined by matrices and by ties.

Vertices are sites, terminals, unknown potentials, electrodes: whatever an operation permutes.  ``block``
are matrices between the internal spaces of two vertices (Hamiltonian, self-energies at chosen energies);
ties say that two vertices belong together in some way.  An operation maps vertices onto vertices of the
same colour, ties onto ties, and blocks onto blocks up to a unitary on each internal space.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Sort:
    """One of the four sorts of operations on one-particle states.

    With ``conjugating`` complex numbers are conjugated (antiunitary); with ``opposing`` H goes to -H.
    In Fock space an operation with both is unitary (particle-hole), as is one with neither; one of the two
    alone reverses time.
    """

    conjugating: bool = False
    opposing: bool = False

    @property
    def reverses_time(self) -> bool:
        """Whether the operation is antiunitary in Fock space: it exchanges incoming and outgoing."""
        return self.conjugating != self.opposing

    def times(self, other: Sort) -> Sort:
        """The sort of a product."""
        return Sort(self.conjugating != other.conjugating, self.opposing != other.opposing)


UNITARY, TIME_REVERSAL = Sort(), Sort(conjugating=True)
PARTICLE_HOLE, CHIRAL = Sort(conjugating=True, opposing=True), Sort(opposing=True)
SORTS = (UNITARY, TIME_REVERSAL, PARTICLE_HOLE, CHIRAL)


@dataclass(frozen=True, eq=False)
class Structure:
    """Vertices, blocks and ties.

    ``colour`` (n,) and the real ``value`` (n, c) must agree; values with ``odd`` (n, c) change their sign
    where H does.  ``size`` (n,): dimension of the internal space, 0 for none.  Block k is
    ``block[k, :size[row], :size[column]]`` (m, D, D), (to, from), of some ``kind``, each place listed once.
    ``opposite[kind]`` is the kind that a kind becomes as energies change their sign, where a block changes
    its sign too if it is an ``energy[kind]``.  Ties (k,) join ``tie_row`` with ``tie_column`` by ``tie_kind``
    and a ``tie_value``.
    """

    colour: Integers
    value: Floats
    odd: Flags
    size: Integers
    row: Integers
    column: Integers
    kind: Integers
    block: Complexes
    opposite: Integers
    energy: Flags
    tie_row: Integers
    tie_column: Integers
    tie_kind: Integers
    tie_value: Floats

    @property
    def n(self) -> int:
        """Number of vertices."""
        return len(self.colour)

    def under(self, sort: Sort) -> Structure:
        """What an operation of this sort, without permutation and internal unitary, makes of it.

        Retarded self-energies stay retarded: ``K`` transposes, ``-`` takes the negative adjoint at the
        opposite energy, both together the negative conjugate at the opposite energy.
        """
        found = self
        if sort.opposing:
            sign = np.where(found.odd, -1.0, 1.0)
            found = replace(found, value=found.value * sign, kind=found.opposite[found.kind])
        if sort.reverses_time:
            block = found.block.swapaxes(1, 2)
            found = replace(found, row=found.column, column=found.row, block=block)
        if sort.opposing:  # of the transposed block where time is reversed
            sign = np.where(found.energy[found.kind], -1.0, 1.0)
            found = replace(found, block=sign[:, None, None] * found.block.conj())
        return found

    def part(self, vertices: Integers) -> Structure:
        """Some vertices, in their order, with the blocks and ties between them."""
        number = np.full(self.n, -1, dtype=np.intp)
        number[vertices] = np.arange(len(vertices))
        blocks = (number[self.row] >= 0) & (number[self.column] >= 0)
        ties = (number[self.tie_row] >= 0) & (number[self.tie_column] >= 0)
        return replace(
            self,
            colour=self.colour[vertices],
            value=self.value[vertices],
            odd=self.odd[vertices],
            size=self.size[vertices],
            row=number[self.row[blocks]],
            column=number[self.column[blocks]],
            kind=self.kind[blocks],
            block=self.block[blocks],
            tie_row=number[self.tie_row[ties]],
            tie_column=number[self.tie_column[ties]],
            tie_kind=self.tie_kind[ties],
            tie_value=self.tie_value[ties],
        )
