"""The group that a family of matrices keeps among candidates: few are tested, the rest follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from modelkit.symmetry.bulk.exact.elimination import identity
from modelkit.symmetry.bulk.exact.unitaries import Unitary
from modelkit.symmetry.bulk.family import Family
from modelkit.symmetry.bulk.point_groups import Rotation, products
from modelkit.symmetry.structure import SORTS, UNITARY, Sort

Element = tuple[int, Sort]
"""Number of the rotation, and the sort."""


@dataclass(eq=False)
class Search:
    """Generators with their operators; the elements that they generate, each with a product that it is."""

    family: Family
    table: NDArray[np.intp]
    generators: dict[Element, Unitary] = field(default_factory=dict)
    elements: dict[Element, tuple[Element, Element] | None] = field(default_factory=dict)
    failed: set[Element] = field(default_factory=set)
    _operators: dict[Element, Unitary] = field(default_factory=dict)

    def product(self, one: Element, other: Element) -> Element | None:
        """None where it is no candidate."""
        number = int(self.table[one[0], other[0]])
        return None if number < 0 else (number, one[1].times(other[1]))

    def add(self, element: Element, unitary: Unitary) -> None:
        """A new generator, and all products with it."""
        self.generators[element] = unitary
        self._operators[element] = unitary
        self.elements[element] = None
        new = list(self.elements)
        while new:
            last, new = new, []
            for other in last:
                for generator in self.generators:
                    both = self.product(generator, other)
                    if both is not None and both not in self.elements:
                        self.elements[both] = generator, other
                        new.append(both)

    def hopeless(self, element: Element) -> bool:
        """Whether a product with a member of the group is known to fail."""
        return any(
            both in self.failed
            for known in self.elements
            for both in (self.product(known, element), self.product(element, known))
        )

    def operator(self, element: Element) -> Unitary | None:
        """Its unitary, None where it is no member."""
        if element not in self.elements:
            return None
        if element not in self._operators:
            behind = self.elements[element]
            assert behind is not None  # generators are known
            first, second = (self.operator(each) for each in behind)
            assert first is not None
            assert second is not None
            self._operators[element] = first.behind(second, behind[0][1].conjugating)
        return self._operators[element]

    def all(self) -> Iterator[tuple[Element, Unitary]]:
        """All elements in the order of candidates."""
        for element in sorted(self.elements, key=lambda each: (SORTS.index(each[1]), each[0])):
            unitary = self.operator(element)
            assert unitary is not None
            yield element, unitary


def search(family: Family, rotations: tuple[Rotation, ...]) -> Search:
    """Test candidates in their order, and none of which the answer follows from those before."""
    found = Search(family, products(rotations))
    unit = 0, UNITARY
    found.elements[unit] = None
    found._operators[unit] = Unitary(identity(family.n), family.n)
    for sort in SORTS:
        for number, rotation in enumerate(rotations):
            element = number, sort
            if element in found.elements or found.hopeless(element):
                continue
            unitary = family.operator(rotation, sort)
            if unitary is None:
                found.failed.add(element)
            else:
                found.add(element, unitary)
    return found
