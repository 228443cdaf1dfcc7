"""Whether an operation that somebody names is one of a device, and why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from modelkit.errors import ModelError
from modelkit.graph.device import Device
from modelkit.symmetry.blame import Breaker, bare, breakers
from modelkit.symmetry.group import MOST, products
from modelkit.symmetry.labels import colours_of
from modelkit.symmetry.lift import lift
from modelkit.symmetry.names import AXES, NEAR, SORTS, coordinates, motion_of, operator_of
from modelkit.symmetry.operations import Operation, mapping, of_sort
from modelkit.symmetry.parts import Examined, conductor, examined
from modelkit.symmetry.structure import UNITARY, Sort

Integers = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Claimed:
    """An operation by the names of its factors, of a whole device or of one lattice (``on``)."""

    names: tuple[str, ...]
    on: str | None = None

    @cached_property
    def sort(self) -> Sort:
        """What it does besides moving sites."""
        return next((sort for sort, name in SORTS.items() if name in self.names), UNITARY)

    @cached_property
    def motion(self) -> str:
        """What it does to the sites, "" where none is moved."""
        return next((name for name in self.names if name not in SORTS.values()), "")

    def part(self, device: Device) -> Examined:
        """What of a device the claim is about."""
        return examined(device, driven=False) if self.on is None else conductor(device, self.on)

    def operation(self, one: Device, other: Device) -> Operation | None:
        """The operation from one device to another, None where there is none.

        Raises
        ------
        ModelError
            The device has too few dimensions for the words, or too many operations to look through.
        """
        first, second = self.part(one), self.part(other)
        for permutation in self._permutations(first, second, self.sort):
            made = verified(first, second, self.sort, permutation)
            if made is not None:
                return made
        return None

    def operator(self, operation: Operation, one: Device) -> str:
        """What it does on the internal spaces."""
        return operator_of(operation, self.part(one))

    def breakers(self, graph: nx.MultiDiGraph, one: Device, other: Device) -> list[Breaker] | None:
        """The lines that break it; None where already the pattern of sites and hops does not have it."""
        first, second = (_pattern(self.part(device)) for device in (one, other))
        permutation = next(self._permutations(first, second, UNITARY), None)
        if permutation is None:
            return None
        if self.on is None:
            return breakers(graph, self.part(one), self.part(other), self.sort, permutation)
        whole = conductor(one)
        extended = self._extended(permutation, first, whole)
        return breakers(graph, whole, conductor(other), self.sort, extended)

    def _permutations(self, one: Examined, other: Examined, sort: Sort) -> Iterator[Integers]:
        """All that move sites as the name says."""
        if not self.motion:
            if one.structure.n == other.structure.n:
                yield np.arange(one.structure.n)
            return
        wanted = _names_of(self.motion, one)
        start = mapping(one, other, sort)
        if start is None:
            return
        own = [(UNITARY, each.permutation) for each in of_sort(one, UNITARY)]
        elements = products(own, [(sort, start.permutation)])
        for _, permutation in elements:
            if motion_of(permutation[: one.size], one).partition(" about ")[0] in wanted:
                yield permutation
        if len(elements) >= MOST:
            message = f"'{self.motion}' is not decided: there are more operations than are looked through"
            raise ModelError(message, hint="see 'modelkit check' for what generates them")

    def _extended(self, permutation: Integers, part: Examined, whole: Examined) -> Integers:
        """A permutation of a lattice as one of all sites, the others at rest."""
        if part.structure.n == whole.structure.n:
            return permutation
        vertices = np.concatenate(
            [part.sites, *([part.sites + whole.size] if part.structure.n > part.size else [])]
        )
        found = np.arange(whole.structure.n)
        found[vertices] = vertices[permutation]
        return found


def verified(one: Examined, other: Examined, sort: Sort, permutation: Integers) -> Operation | None:
    """The operation with this permutation of vertices, None if it is none."""
    image, n = one.structure.under(sort), len(permutation)
    if one.structure.n != n or other.structure.n != n:
        return None
    colour = colours_of(image, other.structure)
    if not np.array_equal(colour[:n], colour[n:][permutation]):
        return None
    lifted = lift(image, other.structure, permutation)
    none = np.zeros(0, dtype=np.intp)
    return None if lifted is None else Operation(sort, permutation, lifted, permutation[: one.size], none)


def _pattern(device: Examined) -> Examined:
    return replace(device, structure=bare(device.structure))


def _names_of(motion: str, device: Examined) -> set[str]:
    """What the motion is called in the device's dimensions: a mirror turns a line as inversion does."""
    r = coordinates(device)
    away = np.abs(r - r.mean(axis=0)).max(axis=0, initial=0.0)
    axes = [AXES[k] for k in np.flatnonzero(away > NEAR * away.max(initial=0.0)) if k < len(AXES)]
    if motion.startswith("mirror") and motion[-1] not in axes:
        hint = "give the sites positions: at (x, y)"
        raise ModelError(f"the device has no extent along {motion[-1]} that '{motion}' could turn", hint=hint)
    if len(axes) < 2 and motion in ("C3", "C4", "C6"):
        raise ModelError(
            f"the device has no plane that '{motion}' could turn", hint="give the sites positions: at (x, y)"
        )
    if len(axes) == 1 and motion in ("inversion", "C2", f"mirror {axes[0]}"):
        return {"inversion", "exchange of sites"}
    if len(axes) == 2 and motion in ("inversion", "C2"):
        return {"C2"}
    return {motion}
