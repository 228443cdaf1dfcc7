"""What a device keeps and what breaks the rest, told to a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelkit.symmetry.blame import bare
from modelkit.symmetry.candidates import Broken, Candidate, Comparison, broken, called, holds
from modelkit.symmetry.exact import Certainty, certainties
from modelkit.symmetry.matching import Pair
from modelkit.symmetry.names import name_of, operator_of
from modelkit.symmetry.operations import generators
from modelkit.symmetry.parts import Examined, examined
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.shown import html, latex, records
from modelkit.symmetry.structure import PARTICLE_HOLE, TIME_REVERSAL, UNITARY
from modelkit.symmetry.subject import Subject

FINITE = "a finite device may rectify all the same"


@dataclass(frozen=True, eq=False)
class Kept:
    """An operation of the device: ``always`` for all values of the parameters, or at these alone.

    ``note`` is what follows from it, or does not.
    """

    name: str
    operator: str
    always: bool
    certainty: Certainty
    note: str = ""


@dataclass(frozen=True)
class Report:
    """Generators of the group of a device, and the candidates that are broken.

    ``given_up`` says why nothing, or not all of it, could be decided, "" if all was.  ``rules`` are what is
    known beyond operations, a line each.
    """

    kept: tuple[Kept, ...]
    broken: tuple[Broken, ...]
    given_up: str = ""
    rules: tuple[str, ...] = ()

    def __str__(self) -> str:
        """A line for each."""
        lines = [_kept_line(each) for each in self.kept] + [_broken_line(each) for each in self.broken]
        lines += self.rules
        lines += [f"not decided: {self.given_up}"] if self.given_up else []
        return "\n".join(lines) if lines else "no operation, and no candidate for one"

    def records(self) -> dict[str, Any]:
        """Plain data for JSON: ``operations`` and ``broken``."""
        return records(self)

    def latex(self) -> str:
        """The operators as LaTeX."""
        return latex(self)

    def _repr_html_(self) -> str:
        return html(self)


def report(subject: Subject) -> Report:
    """Examine a device at given values, without what drives it."""
    if subject.unsaid:
        return Report((), (), subject.unsaid)
    try:
        if subject.open:
            from modelkit.symmetry.chains.report import found

            return found(subject)
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
            all(holds(one, one, each.sort, each.permutation) for one in often),
            sure,
            FINITE if each.sort.reverses_time else "",
        )
        for each, sure in zip(operations, certainties(operations, device, subject), strict=True)
    ]
    known = {each.name for each in kept}
    failing = []
    for sort, permutation in _candidates(device):
        name = called(device, sort, permutation)
        if name in known or holds(device, device, sort, permutation):
            continue
        known.add(name)
        failing.append(broken(Comparison(subject, subject, driven=False), device, device, sort, permutation))
    return Report(tuple(kept), tuple(failing))


def _candidates(device: Examined) -> Iterator[Candidate]:
    """Motions of the bare pattern; time reversal and the exchange of particles and holes without motion."""
    pattern = bare(device.structure)
    pair = Pair(pattern, pattern)
    yield from ((UNITARY, permutation) for permutation, _ in pair.generators())
    here = np.arange(device.structure.n, dtype=np.intp)
    yield from ((sort, here) for sort in (TIME_REVERSAL, PARTICLE_HOLE))


def _kept_line(each: Kept) -> str:
    operator = f" = {each.operator}" if each.operator else ""
    sure = "" if each.certainty is Certainty.ALWAYS else f", {each.certainty.value}"
    if not each.always:
        sure = ", at these values only" + sure * (each.certainty is Certainty.NUMBERS)
    note = f"; {each.note}" if each.note else ""
    return f"{each.name}{operator}{sure}{note}"


def _broken_line(each: Broken) -> str:
    return f"no {each.name}: broken by {each.why}"
