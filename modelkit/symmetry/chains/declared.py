"""A declared open chain at values that can be changed: its cell, or all of it where cells differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from modelkit.compile.cells import infinite_cell, unit_cell
from modelkit.compile.lindbladian import Lindbladian, lindbladian
from modelkit.compile.unit_cell import UnitCell
from modelkit.errors import ModelError
from modelkit.graph.device import Device
from modelkit.graph.expand import Expansion
from modelkit.graph.formulas import names_in
from modelkit.graph.values import values_of
from modelkit.symmetry.blame import Breaker, declared_terms, quoted, with_one_term
from modelkit.symmetry.chains.cells import centred, open_chain
from modelkit.symmetry.chains.open_chain import Blocks, OpenChain
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.subject import Subject

HALVED = 6  # times that random values are moved half of the way
CELLS = 24  # that stand for infinitely many where only what is declared is looked at


def generic(subject: Subject, fixed: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Random values as of a subject, nearer to its own ones where rates would be negative."""
    for drawn in subject.generic():
        values = dict(drawn)
        for _ in range(HALVED):
            try:
                OpenSubject(subject, {**values, **(fixed or {})}).device()
            except ModelError:
                values = {name: (value + float(subject.value(name))) / 2 for name, value in values.items()}
                continue
            yield values
            break


@dataclass(frozen=True, eq=False)
class OpenSubject:
    """A declared graph with dissipators, and values that some of its parameters are changed to."""

    subject: Subject
    changes: dict[str, Any] = field(default_factory=dict)

    def at(self, **changes: Any) -> OpenSubject:
        """The same at other values of some parameters."""
        return OpenSubject(self.subject, {**self.changes, **changes})

    def device(self, cells: int = CELLS) -> Device:
        """The device; rings of infinite length have so many ``cells``."""
        declarations = self.subject.graph.graph["declarations"]
        values = values_of(declarations, {**self.subject.given, **self.changes})
        return self.subject.expansion.device(values, self.subject.fields, cells=cells)

    @cached_property
    def infinite(self) -> bool:
        """Whether some ring has no length."""
        return any(group.infinite for group in self.device().sites)

    @cached_property
    def cell(self) -> UnitCell | None:
        """One cell; None where cells differ or where the chain has ends.

        Raises
        ------
        Undecided
            Interactions; an infinite chain of cells that differ.
        """
        device = self.device()
        if device.interaction is not None and np.any(device.interaction.value):
            raise Undecided("interactions have not said how they transform")
        if self.infinite:
            try:
                return infinite_cell(self.device)
            except ModelError as error:
                raise Undecided(error.message) from None
        if not all(any(group.rings) for group in device.sites):
            return None
        try:
            return unit_cell(device)
        except ModelError:
            return None

    @cached_property
    def lindbladian(self) -> Lindbladian:
        """All of a chain with ends."""
        return lindbladian(self.device())

    @cached_property
    def chain(self) -> OpenChain:
        """The chain of the cell.

        Raises
        ------
        Undecided
            What has not said how it transforms.
        """
        assert self.cell is not None  # asked before
        try:
            return open_chain(self.cell)
        except ModelError as error:
            raise Undecided(error.message) from None

    def terms(self) -> Iterator[tuple[Breaker, Blocks]]:
        """Lines of the Hamiltonian with what they add to the cell, in the order of the text."""
        for term in declared_terms(self.subject.graph):
            expansion = Expansion(with_one_term(self.subject.graph, term))
            alone = OpenSubject(replace(self.subject, expansion=expansion), self.changes)
            if alone.cell is None:
                continue
            line = Breaker(quoted(term.span, term.kind), "", term.span, names_in([term.value]))
            yield line, {(x,): np.asarray(h) for x, h in centred(alone.cell).items() if np.any(h)}

    def dissipators(self) -> Iterator[tuple[Breaker, str]]:
        """Lines of dissipators with their names; baths follow the Hamiltonian and break nothing."""
        assert self.cell is not None
        seen = set()
        for jump in self.cell.jumps:
            if jump.name not in seen:
                seen.add(jump.name)
                yield Breaker(f"dissipator {jump.name}", "", jump.span), jump.name

    def nonzero(self) -> list[str]:
        """Real parameters that are not zero."""
        given = {**self.subject.given, **self.changes}
        values = {name: given.get(name, self.subject.value(name)) for name in self.subject.real()}
        return [name for name, value in values.items() if complex(value) and np.isfinite(complex(value))]
