"""The elements that generators give, by name."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from modelkit.symmetry.names import SORTS, motion_of
from modelkit.symmetry.operations import mapping, of_sort
from modelkit.symmetry.parts import Examined
from modelkit.symmetry.structure import UNITARY, Sort

Integers = NDArray[np.intp]
Element = tuple[Sort, Integers]

MOST = 600  # elements that are listed: a group may be larger


def products(generators: Iterable[Element], start: Iterable[Element], most: int = MOST) -> list[Element]:
    """All products of generators behind the starting elements, about ``most`` at most."""
    made = list(generators)
    found = {(sort, permutation.tobytes()): (sort, permutation) for sort, permutation in start}
    new = list(found.values())
    while new and len(found) < most:
        last, new = new, []
        for sort, permutation in last:
            for more, behind in made:
                element = sort.times(more), permutation[behind]
                if (element[0], element[1].tobytes()) not in found:
                    found[element[0], element[1].tobytes()] = element
                    new.append(element)
    return list(found.values())


def named_elements(one: Examined, other: Examined) -> dict[tuple[str, ...], Element]:
    """Operations from one device to another by the sorted names of their factors: motion, sort.

    Names are those of :mod:`modelkit.symmetry.names`; the identity has none.
    """
    own = [(UNITARY, each.permutation) for each in of_sort(one, UNITARY)]
    found: dict[tuple[str, ...], Element] = {}
    for sort in SORTS:
        first = mapping(one, other, sort)
        if first is None:
            continue
        for kind, permutation in products(own, [(sort, first.permutation)]):
            words = motion_of(permutation[: one.size], one), SORTS[kind]
            found.setdefault(tuple(sorted(word for word in words if word)), (kind, permutation))
    return found
