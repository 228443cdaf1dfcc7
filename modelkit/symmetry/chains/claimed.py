"""Whether an operation that somebody names is one of an open chain, and why not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import networkx as nx

from modelkit.errors import ModelError
from modelkit.symmetry.blame import Breaker
from modelkit.symmetry.chains.blame import fewest
from modelkit.symmetry.chains.declared import OpenSubject
from modelkit.symmetry.chains.finite import FiniteChain, FiniteOperation
from modelkit.symmetry.chains.jumps import ChainOperation, mapped, shifts
from modelkit.symmetry.chains.open_chain import Motion, OpenChain
from modelkit.symmetry.names import SORTS
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.structure import UNITARY, Sort

REVERSALS = ("inversion", "mirror x", "C2")  # of a chain they are one
MOVED = (*REVERSALS, "exchange of sites")


@dataclass(frozen=True, eq=False)
class OpenClaimed:
    """An operation by the names of its factors: of all of a chain, or (``on``) of its Hamiltonian alone."""

    names: tuple[str, ...]
    on: str | None = None

    @cached_property
    def sort(self) -> Sort:
        """What it does besides moving cells."""
        return next((sort for sort, name in SORTS.items() if name in self.names), UNITARY)

    @cached_property
    def inverted(self) -> bool:
        """Whether it reverses the chain."""
        moving = [name for name in self.names if name not in SORTS.values()]
        if any(name not in REVERSALS for name in moving):
            raise ModelError(f"a chain has no {moving[0]}", hint="the motion of a chain is 'inversion'")
        return bool(moving)

    def operation(self, one: OpenSubject, other: OpenSubject) -> ChainOperation | FiniteOperation | None:
        """The operation from a chain to another, None where there is none.

        Raises
        ------
        Undecided
            Something has not said how it transforms; the chain has ends and is compared with another one.
        """
        if one.cell is None or other.cell is None:
            return self._finite(one, other)
        first, second = (self._part(each.chain) for each in (one, other))
        found = (mapped(first, second, motion) for motion in self._motions(first))
        return next((each for each in found if each is not None), None)

    def operator(self, operation: ChainOperation | FiniteOperation, one: OpenSubject) -> str:
        """What it is called, with its operator."""
        return str(operation)

    def breakers(self, graph: nx.MultiDiGraph, one: OpenSubject, other: OpenSubject) -> list[Breaker] | None:
        """The lines that break it."""
        if one.cell is None or one is not other:
            return []
        found = fewest(one, Motion(self.sort, self.inverted))
        return [line for line in found if self.on is None or not line.what.startswith("dissipator")]

    def _part(self, chain: OpenChain) -> OpenChain:
        return chain if self.on is None else replace(chain, jumps=())

    def _motions(self, chain: OpenChain) -> Iterator[Motion]:
        signs = (False, True) if chain.cells is None or chain.cells % 2 == 0 else (False,)
        for alternating, shift in itertools.product(signs, shifts(chain.d)):
            yield Motion(self.sort, self.inverted, alternating, shift)

    def _finite(self, one: OpenSubject, other: OpenSubject) -> FiniteOperation | None:
        if one is not other:
            raise Undecided("operations between two chains with ends are not looked for")
        whole = one.lindbladian
        chain = FiniteChain(whole if self.on is None else replace(whole, jumps=(), baths=()))
        wanted = MOVED if self.inverted else ("",)
        kept = (each for each in chain.operations if each.sort == self.sort and each.motion in wanted)
        return next(kept, None)
