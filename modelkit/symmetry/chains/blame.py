"""Why nothing forbids the current of a chain: lines that break what would, parameters that restore it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from modelkit.errors import ModelError
from modelkit.symmetry.blame import Breaker, told
from modelkit.symmetry.chains.cells import only, open_chain
from modelkit.symmetry.chains.declared import OpenSubject
from modelkit.symmetry.chains.jumps import NAMES, mapped
from modelkit.symmetry.chains.observables import combined
from modelkit.symmetry.chains.open_chain import Jump, Motion, OpenChain
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.structure import SORTS

MOST = 12  # parameters whose zero is tried

Part = tuple[Breaker, OpenChain]


@dataclass(frozen=True)
class Spoilt:
    """A motion that would reverse the current, and the lines that do not go along with it."""

    name: str
    breakers: tuple[Breaker, ...]

    def __str__(self) -> str:
        """``inversion is broken by hop c[j] -> c[j+1] : 1i*a (line 7)``."""
        return f"{self.name} is broken by {told(self.breakers)}"


def spoilt(subject: OpenSubject, *, half_filling: bool, any_coupling: bool) -> Iterator[Spoilt]:
    """For each motion that reverses the current and is not kept the lines that break it.

    Of the signs that it may come with those are taken that leave the fewest.

    Lines are taken in the order of the text, those of the Hamiltonian first: each that does not fit to those
    before it is one.  Particle-hole exchange is looked at where it says something about the filling, what
    reverses time where it does about the coupling.
    """
    assert subject.cell is not None
    parts = _parts(subject)
    holes = half_filling or subject.chain.conserves_number is False
    for sort, inverted in itertools.product(SORTS, (True, False)):
        plain = Motion(sort, inverted)
        if not plain.reverses_current or (sort.opposing and not holes):
            continue
        if sort.reverses_time and any_coupling:
            continue
        lines = _fewest(parts, subject, plain)
        if lines:
            words = "inversion" * inverted, NAMES[sort]
            yield Spoilt(" x ".join(word for word in words if word), tuple(lines))


def fewest(subject: OpenSubject, plain: Motion) -> list[Breaker]:
    """The lines that break a motion, with the signs for which they are fewest."""
    return _fewest(_parts(subject), subject, plain)


def _fewest(parts: list[Part], subject: OpenSubject, plain: Motion) -> list[Breaker]:
    return min((_breakers(parts, motion) for motion in _signs(plain, subject.chain)), key=len)


def restoring(subject: OpenSubject, forbidden: Callable[[OpenSubject], bool]) -> list[str]:
    """``h = 0``: parameters without which the current would be forbidden."""
    found = []
    for name in subject.nonzero()[:MOST]:
        try:
            if forbidden(subject.at(**{name: 0.0})):
                found.append(f"{name} = 0")
        except (ModelError, Undecided, ZeroDivisionError, FloatingPointError):  # no value without it
            continue
    return found


def _parts(subject: OpenSubject) -> list[Part]:
    """Each line as a chain by itself."""
    assert subject.cell is not None
    d, cell = subject.cell.dimension, subject.cell
    nothing = {0: np.zeros((d, d))}
    found = [
        (line, OpenChain({x: h for (x,), h in blocks.items()} or nothing)) for line, blocks in subject.terms()
    ]
    for line, name in subject.dissipators():
        found.append((line, OpenChain(nothing, open_chain(only(cell, [name])).jumps)))
    return found


def _signs(motion: Motion, chain: OpenChain) -> Iterator[Motion]:
    yield motion
    if chain.cells is None or chain.cells % 2 == 0:
        yield Motion(motion.sort, motion.inverted, alternating=True)


def _breakers(parts: list[Part], motion: Motion) -> list[Breaker]:
    """Lines that do not fit to those before them, alone or together with lines of their sort behind them."""
    kept: list[OpenChain] = []
    wrong = []
    waiting = list(range(len(parts)))

    def fits(*more: int) -> bool:
        together = _together([*kept, *(parts[k][1] for k in more)])
        return mapped(together, together, motion) is not None

    while waiting:
        first, *rest = waiting
        alike = [k for k in rest if bool(parts[k][1].jumps) == bool(parts[first][1].jumps)]
        for more in ([], *([k] for k in alike), alike):
            if fits(first, *more):
                kept += [parts[k][1] for k in (first, *more)]
                waiting = [k for k in rest if k not in more]
                break
        else:
            waiting = rest
            wrong.append(parts[first][0])
    return wrong


def _together(parts: Iterable[OpenChain]) -> OpenChain:
    known = list(parts)
    hopping = combined((1.0, part.blocks) for part in known)
    jumps: tuple[Jump, ...] = tuple(jump for part in known for jump in part.jumps)
    return OpenChain({x: h for (x,), h in hopping.items()}, jumps)
