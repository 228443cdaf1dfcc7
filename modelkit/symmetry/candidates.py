"""Operations that a device might have had: lines that break them, parameters that would restore them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import networkx as nx
import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.compile.open_system import open_system
from modelkit.elements.conditions import conditions
from modelkit.errors import ModelError
from modelkit.graph.device import Device
from modelkit.graph.screening import bands_of, is_flat
from modelkit.symmetry.blame import Breaker, breakers, motions, told, without
from modelkit.symmetry.labels import colours_of
from modelkit.symmetry.lift import lift
from modelkit.symmetry.names import SORTS, is_geometric, motion_of
from modelkit.symmetry.parts import Examined, examined
from modelkit.symmetry.structure import PARTICLE_HOLE, UNITARY, Sort
from modelkit.symmetry.subject import Subject

Integers = NDArray[np.intp]
Candidate = tuple[Sort, Integers]

ALIKE = 1e-12  # relative: drivings no farther apart are the same


@dataclass(frozen=True)
class Broken:
    """A candidate that fails: by which lines, and what would restore it."""

    name: str
    breakers: tuple[Breaker, ...]
    zero: tuple[str, ...]
    flip: tuple[str, ...]

    def __str__(self) -> str:
        """``inversion is broken by onsite c[1] : 0.8 (line 10)``."""
        return f"{self.name} is broken by {self.why}"

    @property
    def why(self) -> str:
        """The lines, and what would restore it."""
        restored = [f"{name} = 0" for name in self.zero] + [f"{name} -> -{name}" for name in self.flip]
        return told(self.breakers) + (f"; restored by {' or '.join(restored)}" if restored else "")


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two devices that an operation is to map onto each other; ``driven``: what drives them belongs to them.

    All energies of the second are lowered by ``shift``.
    """

    first: Subject
    second: Subject
    driven: bool
    shift: float = 0.0

    def examined(self, one: Device, other: Device) -> tuple[Examined, Examined]:
        """Structures of the first and the second."""
        first = examined(one, driven=self.driven)
        return first, examined(other, driven=self.driven, shift=self.shift)


def holds(one: Examined, other: Examined, sort: Sort, permutation: Integers) -> bool:
    """Whether a permutation of all vertices is an operation of a sort from one device to another."""
    if one.structure.n != len(permutation) or other.structure.n != len(permutation):
        return False
    image = one.structure.under(sort)
    colour = colours_of(image, other.structure)
    same = np.array_equal(colour[: len(permutation)], colour[len(permutation) :][permutation])
    return bool(same) and lift(image, other.structure, permutation) is not None


def called(device: Examined, sort: Sort, permutation: Integers) -> str:
    """What a candidate is called."""
    motion = motion_of(permutation[: device.size], device)
    return " x ".join(part for part in (motion, SORTS[sort]) if part) or "exchange of the terminals"


def broken(both: Comparison, one: Examined, other: Examined, sort: Sort, permutation: Integers) -> Broken:
    """Why a candidate fails, and which parameter would restore it."""
    lines = breakers(both.first.graph, one, other, sort, permutation, both.shift)
    used = both.first.parameters_behind(lines)
    found: dict[str, list[str]] = {"zero": [], "flip": []}
    for name in both.first.real():
        value = float(both.first.value(name))
        if name not in used or not value or value != float(both.second.value(name)):
            continue
        for way, pair in (("zero", (0.0, 0.0)), ("flip", (value, -value))):
            if _restores(both, name, pair, sort, permutation):
                found[way].append(name)
    return Broken(called(one, sort, permutation), tuple(lines), tuple(found["zero"]), tuple(found["flip"]))


def _restores(
    both: Comparison, name: str, values: tuple[float, float], sort: Sort, permutation: Integers
) -> bool:
    """Whether the operation holds at these values, which must be allowed and leave the bias alone."""
    if both.first.parameters[name].refuses(sp.Rational(Fraction(values[1]))) is not None:
        return False
    try:
        one, other = both.first.device(**{name: values[0]}), both.second.device(**{name: values[1]})
    except ModelError:  # a formula has no value there
        return False
    if not (_same_driving(both.first.device(), one) and _same_driving(both.second.device(), other)):
        return False
    return holds(*both.examined(one, other), sort, permutation)


def _same_driving(one: Device, other: Device) -> bool:
    for mine, its in zip(one.terminals, other.terminals, strict=True):
        for name in set(mine.given) & {"mu", "T"}:
            if mine.count != its.count or not np.allclose(
                mine.given[name], its.given[name], ALIKE, ALIKE, equal_nan=True
            ):
                return False
    return True


def exchanging(
    graph: nx.MultiDiGraph,
    one: Examined,
    other: Examined,
    baths: list[int],
    wanted: Callable[[Integers, Sort], bool],
    *,
    driven: bool,
) -> Iterator[Candidate]:
    """A permutation of the pattern for each sort whose images of terminals are ``wanted``.

    A pattern that has none is tried with one term left out.
    """
    open_ = [UNITARY] if one.device.superconducting else [UNITARY, PARTICLE_HOLE]
    for first, second in _patterns(graph, one, other, driven):
        ends = [(int(one.terminal[baths[0]]), int(other.terminal[image])) for image in baths[1:] + baths[:1]]
        found = motions(first, second, ends)
        for sort in list(open_):
            chosen = [each for each in found if wanted(_terminals(one, other, each), sort)]
            if chosen:
                open_.remove(sort)
                yield sort, _nearest(one, other, sort, chosen)
        if UNITARY not in open_:
            return


def _nearest(one: Examined, other: Examined, sort: Sort, permutations: list[Integers]) -> Integers:
    """One that moves the coordinates as a whole, that fits most vertices, that moves few terminals."""
    colour = colours_of(one.structure.under(sort), other.structure)
    mine, its = colour[: one.structure.n], colour[one.structure.n :]

    def off(permutation: Integers) -> tuple[bool, int, int]:
        moved = np.sum(permutation[one.terminal] != other.terminal)
        abstract = not is_geometric(permutation[: one.size], one)
        return abstract, int(np.sum(mine != its[permutation])), int(moved)

    return min(permutations, key=off)


def _patterns(
    graph: nx.MultiDiGraph, one: Examined, other: Examined, driven: bool
) -> Iterator[tuple[Examined, Examined]]:
    yield one, other
    for first, second in zip(without(graph, one.device), without(graph, other.device), strict=True):
        yield examined(first, driven=driven), examined(second, driven=driven)


def _terminals(one: Examined, other: Examined, permutation: Integers) -> Integers:
    count = one.device.n_terminals
    number = np.asarray(other.owner[permutation[one.terminal[:count]]], dtype=np.intp)
    return number % max(count, 1)


def inelastic(device: Device) -> list[str]:
    """Probes whose condition is not one at each energy."""
    return [
        group.terminal.name
        for group in device.terminals
        if any(not conditions[each.quantity].elastic for each in group.conditions)
    ]


def keeps_energies(device: Device) -> bool:
    """Whether nothing but baths and elastic probes touch, and no level depends on the bias."""
    moving = [group.terminal for group in device.terminals if not is_flat(group.terminal)]
    own = any(bands_of(device, terminal) == "own" for terminal in moving)
    return not (inelastic(device) or own or device.screening)


def scatters_elastically(device: Device) -> bool:
    """The same without a condensate, which takes pairs."""
    return keeps_energies(device) and not device.superconducting


def reflects_alone(device: Device) -> bool:
    """Whether a single terminal of particles faces a condensate that no lead continues; energies are kept."""
    baths = sum(group.count for group in device.terminals if not group.conditions)
    alone = device.superconducting and baths == 1 and keeps_energies(device)
    return alone and not len(open_system(device).reservoirs.meters)


def is_gated(device: Device) -> bool:
    """Whether levels feel a gate or the ground, which stay behind where all terminals are raised."""
    return any(
        electrode.kind != "terminal" and group.couplings[:, [k]].count_nonzero() > 0
        for group in device.screening
        for k, electrode in enumerate(group.electrodes)
    )
