"""States of fermions as bit strings, and what products of operators do to them.

Bit p of a state tells whether mode p is filled.  ``c_p`` counts the filled modes below p (Jordan and
Wigner): ``|s> = prod_p (c_p†)^s_p |0>``, lower p to the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, prod

import numpy as np
from numpy.typing import NDArray

from modelkit.graph.device import Complexes, Integers, Products

Bits = NDArray[np.uint64]
MOST_MODES = 62  # bits of a state
AT_ONCE = 2**21  # products times states


@dataclass(frozen=True, eq=False)
class Action:
    """Matrix elements: ``<to| product |from> = value`` for a member of a family."""

    member: Integers
    to: Integers
    source: Integers
    value: Complexes


@dataclass(frozen=True, eq=False)
class Fock:
    """Some states of ``modes`` modes, ascending as numbers; shape (n,)."""

    states: Bits
    modes: int

    @property
    def size(self) -> int:
        return len(self.states)

    def filled(self) -> NDArray[np.bool_]:
        """Which modes are filled, (n, modes)."""
        shift = np.arange(self.modes, dtype=np.uint64)
        return ((self.states[:, None] >> shift) & np.uint64(1)).astype(bool)

    def act(self, products: Products) -> Action:
        """Elements of products, each by itself; states outside are left out."""
        step = max(1, AT_ONCE // max(self.size, 1))
        parts = [self._act(products, first, first + step) for first in range(0, len(products.value), step)]
        if not parts:
            none = np.zeros(0, dtype=np.intp)
            return Action(none, none, none, np.zeros(0, dtype=complex))
        columns = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Action(*columns)

    def _act(
        self, products: Products, first: int, last: int
    ) -> tuple[Integers, Integers, Integers, Complexes]:
        orbital = products.orbital[first:last].astype(np.uint64)
        bits = np.repeat(self.states[None, :], len(orbital), axis=0)
        alive = np.ones(bits.shape, dtype=bool)
        odd = np.zeros(bits.shape, dtype=np.uint8)
        for place in reversed(range(len(products.dagger))):  # the rightmost operator acts first
            bit = np.uint64(1) << orbital[:, place, None]
            alive &= ((bits & bit) != 0) != products.dagger[place]
            odd ^= np.bitwise_count(bits & (bit - np.uint64(1))) & np.uint8(1)
            bits ^= bit
        which, source = np.nonzero(alive)
        reached = bits[which, source]
        to = np.minimum(np.searchsorted(self.states, reached), self.size - 1)
        inside = self.states[to] == reached
        which, source, to = which[inside], source[inside], to[inside]
        sign = 1.0 - 2.0 * odd[which, source]
        return products.member[first + which], to, source, products.value[first + which] * sign


def fock(modes: int, parts: Sequence[tuple[Integers, Sequence[int]]]) -> Fock:
    """All states with allowed numbers of particles on parts of the modes.

    Parameters
    ----------
    modes : int
    parts : sequence of (modes of the part, allowed numbers)
        The parts cover all modes.
    """
    states = np.zeros(1, dtype=np.uint64)
    for members, numbers in parts:
        allowed = np.concatenate([_with_number(members, number) for number in numbers])
        states = (states[:, None] | allowed[None, :]).ravel()
    return Fock(np.sort(states), modes)


def count_states(parts: Sequence[tuple[Integers, Sequence[int]]]) -> int:
    """How many there would be."""
    return prod(sum(comb(len(members), number) for number in numbers) for members, numbers in parts)


def _with_number(members: Integers, number: int) -> Bits:
    """States with so many particles on some modes, added mode by mode."""
    by_number: list[Bits] = [np.zeros(1, dtype=np.uint64)] + [np.zeros(0, dtype=np.uint64)] * number
    for mode in members.tolist():
        bit = np.uint64(1) << np.uint64(mode)
        by_number = [
            by_number[0],
            *(np.concatenate([by_number[n], by_number[n - 1] | bit]) for n in range(1, number + 1)),
        ]
    return by_number[number]
