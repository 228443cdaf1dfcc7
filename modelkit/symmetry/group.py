"""The elements that generators give."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from modelkit.symmetry.structure import Sort

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
