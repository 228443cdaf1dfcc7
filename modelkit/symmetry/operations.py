"""Operations from one device to another (or itself): found, with their action on terminals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelkit.symmetry.lift import Lift
from modelkit.symmetry.matching import Pair
from modelkit.symmetry.parts import Examined
from modelkit.symmetry.structure import SORTS, UNITARY, Sort

Integers = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Operation:
    """``g``: vertices onto ``permutation``, with internal unitaries, of some sort.

    ``terminal[a]`` (n_terminals,) is the terminal that a goes to; ``site`` (n_sites,) the same of sites.
    ``shift``: by how much all energies of the image are raised.
    """

    sort: Sort
    permutation: Integers
    lift: Lift
    site: Integers
    terminal: Integers
    shift: float = 0.0

    @property
    def trivial(self) -> bool:
        """Whether nothing is moved."""
        return bool(np.all(self.permutation == np.arange(len(self.permutation))))


def generators(device: Examined) -> list[Operation]:
    """Of the group of all operations of a device on itself, besides internal ones that move nothing.

    Of each sort but unitary ones a single operation is given: all others are its products with unitary ones.
    """
    return [operation for sort in SORTS for operation in of_sort(device, sort)]


def of_sort(device: Examined, sort: Sort) -> Iterator[Operation]:
    """Generators where the sort is unitary; else one operation, if there is any."""
    pair = _pair(device, device, sort)
    if sort == UNITARY:
        yield from (_operation(device, sort, *found) for found in pair.generators())
    elif (found := pair.found()) is not None:
        yield _operation(device, sort, *found)


def mapping(
    one: Examined, other: Examined, sort: Sort, *fixed: tuple[int, int], shift: float = 0.0
) -> Operation | None:
    """An operation of a sort from one device to another with these images of vertices, or None."""
    found = _pair(one, other, sort).found(*fixed)
    return None if found is None else _operation(one, sort, *found, shift=shift)


def nearest(one: Examined, other: Examined, sort: Sort) -> Operation | None:
    """An operation of a sort from one device to another: one that moves no site, if there is any."""
    still = mapping(one, other, sort, *((site, site) for site in range(one.size)))
    return still if still is not None else mapping(one, other, sort)


def _pair(one: Examined, other: Examined, sort: Sort) -> Pair:
    return Pair(one.structure.under(sort), other.structure)


def _operation(
    device: Examined, sort: Sort, permutation: Integers, lifted: Lift, shift: float = 0.0
) -> Operation:
    count = device.device.n_terminals
    number = np.empty(len(permutation), dtype=np.intp)
    number[device.terminal] = np.arange(len(device.terminal)) % max(count, 1)
    terminal = number[permutation[device.terminal[:count]]]
    return Operation(sort, permutation, lifted, permutation[: device.size], terminal, shift)
