"""What a device keeps and what breaks the rest, told to a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkit.elements.lattices import Term
from modelkit.graph.formulas import names_in
from modelkit.symmetry.blame import Breaker, bare, breakers
from modelkit.symmetry.exact import Certainty, certainties
from modelkit.symmetry.labels import colours_of
from modelkit.symmetry.lift import lift
from modelkit.symmetry.matching import Pair
from modelkit.symmetry.names import SORTS, motion_of, name_of, operator_of
from modelkit.symmetry.operations import Operation, generators
from modelkit.symmetry.parts import Examined, examined
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.structure import PARTICLE_HOLE, TIME_REVERSAL, UNITARY, Sort
from modelkit.symmetry.subject import Subject

Integers = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Kept:
    """An operation of the device: ``always`` for all values of the parameters, or at these alone."""

    name: str
    operator: str
    always: bool
    operation: Operation
    certainty: Certainty


@dataclass(frozen=True)
class Broken:
    """A candidate that fails: by which lines, and what would restore it."""

    name: str
    breakers: tuple[Breaker, ...]
    zero: tuple[str, ...]
    flip: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """Generators of the group of a device, and the candidates that are broken.

    ``given_up`` says why the search ended before it was complete, "" if it was.
    """

    kept: tuple[Kept, ...]
    broken: tuple[Broken, ...]
    given_up: str = ""

    def __str__(self) -> str:
        """A line for each."""
        lines = [_kept_line(each) for each in self.kept] + [_broken_line(each) for each in self.broken]
        lines += [f"not decided: {self.given_up}"] if self.given_up else []
        return "\n".join(lines) if lines else "no operation, and no candidate for one"


def report(subject: Subject) -> Report:
    """Examine a device at given values, without what drives it."""
    try:
        return _found(subject)
    except Undecided as error:
        return Report((), (), str(error))


def _found(subject: Subject) -> Report:
    device = examined(subject.device(), driven=False)
    operations = generators(device)
    often = [examined(subject.device(**values), driven=False) for values in subject.generic()]
    kept = [
        Kept(
            name_of(each, device),
            operator_of(each, device),
            all(_holds(one, one, each.sort, each.permutation) for one in often),
            each,
            sure,
        )
        for each, sure in zip(operations, certainties(operations, device, subject), strict=True)
    ]
    known = {each.name for each in kept}
    broken = []
    for sort, permutation in _candidates(device):
        name = " x ".join(
            part for part in (motion_of(permutation[: device.size], device), SORTS[sort]) if part
        )
        if name in known or _holds(device, device, sort, permutation):
            continue
        known.add(name)
        broken.append(_broken(subject, device, name, sort, permutation))
    return Report(tuple(kept), tuple(broken))


def _candidates(device: Examined) -> Iterator[tuple[Sort, Integers]]:
    """Motions of the bare pattern; time reversal and the exchange of particles and holes without motion."""
    pattern = bare(device.structure)
    pair = Pair(pattern, pattern)
    yield from ((UNITARY, permutation) for permutation, _ in pair.generators())
    here = np.arange(device.structure.n)
    yield from ((sort, here) for sort in (TIME_REVERSAL, PARTICLE_HOLE))


def _holds(one: Examined, other: Examined, sort: Sort, permutation: Integers) -> bool:
    if one.structure.n != len(permutation) or other.structure.n != len(permutation):
        return False
    image = one.structure.under(sort)
    colour = colours_of(image, other.structure)
    same = np.array_equal(colour[: len(permutation)], colour[len(permutation) :][permutation])
    return same and lift(image, other.structure, permutation) is not None


def _broken(subject: Subject, device: Examined, name: str, sort: Sort, permutation: Integers) -> Broken:
    lines = breakers(subject.graph, device, device, sort, permutation)
    terms = [
        data["element"] for *_, data in subject.graph.edges(data=True) if isinstance(data["element"], Term)
    ]
    used = names_in(term.value for term in terms)
    zero: list[str] = []
    flip: list[str] = []
    for parameter in subject.real():
        value = float(subject.value(parameter))
        if parameter not in used or not value:
            continue
        for found, change in ((zero, 0.0), (flip, -value)):
            if subject.parameters[parameter].refuses(_exact(change)) is not None:
                continue
            other = examined(subject.device(**{parameter: change}), driven=False)
            one = other if change == 0 else device
            if _holds(one, other, sort, permutation):
                found.append(parameter)
    return Broken(name, tuple(lines), tuple(zero), tuple(flip))


def _exact(value: float) -> Any:
    import sympy as sp

    return sp.Rational(value)


def _kept_line(each: Kept) -> str:
    operator = f" = {each.operator}" if each.operator else ""
    sure = "" if each.certainty is Certainty.ALWAYS else f", {each.certainty.value}"
    return f"{each.name}{operator}" + ("" if each.always else ", at these values only") + sure


def _broken_line(each: Broken) -> str:
    lines = ", ".join(
        f"{line.what} (line {line.span.line})" if line.span else line.what for line in each.breakers
    )
    restored = [f"{name} = 0" for name in each.zero] + [f"{name} -> -{name}" for name in each.flip]
    return f"no {each.name}: broken by {lines}" + (
        f"; restored by {' or '.join(restored)}" if restored else ""
    )
