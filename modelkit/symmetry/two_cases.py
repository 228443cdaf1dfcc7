"""What cannot be in two cases of a device: its symmetries first, then the rules beyond them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modelkit.graph.device import Device
from modelkit.graph.labels import terminal_labels
from modelkit.symmetry.candidates import (
    Broken,
    Comparison,
    broken,
    exchanging,
    inelastic,
    is_gated,
    scatters_elastically,
)
from modelkit.symmetry.counterparts import without_counterpart
from modelkit.symmetry.explanations import (
    by_condensate,
    by_lines,
    by_operation,
    by_reference,
    by_rule,
    in_words,
)
from modelkit.symmetry.names import name_of
from modelkit.symmetry.operations import Operation, mapping, of_sort
from modelkit.symmetry.parts import Examined, examined
from modelkit.symmetry.relations import Combination, Current, Currents
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.structure import PARTICLE_HOLE, UNITARY, Sort
from modelkit.symmetry.subject import Subject
from modelkit.symmetry.verdict import Verdict, Word

Floats = NDArray[np.float64]

ALIKE = 1e-12  # relative: potentials no farther apart are the same


@dataclass(frozen=True, eq=False)
class TwoCases:
    """A device in a first and in a second case.

    With ``declared`` (the declared graph at the values of both) a verdict tells the lines that break what
    would have forbidden it.
    """

    first: Device
    second: Device
    declared: tuple[Subject, Subject] | None = None

    def verdict(self, combination: Combination, constant: float = 0.0) -> Verdict:
        """Whether a combination of the currents of both must vanish."""
        if self.declared and self.declared[0].unsaid:
            return Verdict(Word.NOT_DECIDED, self.declared[0].unsaid)
        given_up = None
        for rule in (self._by_symmetry, self._by_unitarity):
            try:
                found = rule(combination, constant)
            except Undecided as error:
                given_up = Verdict(Word.NOT_DECIDED, str(error))
                continue
            if found is not None:
                return found
        return given_up or self._open(combination, constant)

    def _by_symmetry(self, combination: Combination, constant: float) -> Verdict | None:
        """Operations that are unitary in Fock space hold at any bias, with screening and inelastic probes."""
        for found in self._operations:
            if self._currents(found).vanishes(combination, constant):
                name = self._called(found)
                told = by_operation(name, found, self._one, self._told(combination))
                return Verdict(Word.FORBIDDEN, name, found, explanation=told)
        return None

    def _currents(self, operation: Operation, *, condensate: bool = True) -> Currents:
        """What an operation from case to case says, and those of the first case on itself."""
        currents = Currents(self.first, self.second, condensate=condensate)
        currents.image(operation.terminal, opposing=operation.sort.opposing, to=1)
        for own in self._own:
            currents.image(own.terminal, opposing=own.sort.opposing)
        return currents

    def _called(self, operation: Operation) -> str:
        return name_of(operation, self._one) + (", gauge-invariant" if operation.shift else "")

    def _told(self, combination: Combination) -> str:
        return in_words(combination, list(terminal_labels(self.first)))

    def _open(self, combination: Combination, constant: float) -> Verdict:
        """Nothing forbids it: a warning, or what breaks each candidate."""
        told = self._told(combination)
        if self._exchanged and self._shift and not is_gated(self.first):
            return Verdict(Word.WARNING, "bias convention", explanation=by_reference(self._shift))
        if self.first.superconducting:
            for found in self._operations:
                if self._currents(found, condensate=False).vanishes(combination, constant):
                    name = self._called(found)
                    reason = f"{name} is kept, but the superconducting condensate takes up current"
                    text = by_condensate(name, found, self._one, told)
                    return Verdict(Word.NOT_FORBIDDEN, reason, found, explanation=text)
        failing = self._failing(combination, constant)
        return Verdict(
            Word.NOT_FORBIDDEN,
            "; ".join(map(str, failing)),
            aside="potential follows a lead" if self._follows_a_lead else "",
            explanation=by_lines(failing, told, inelastic(self.first), [*self._statements]),
        )

    def _failing(self, combination: Combination, constant: float) -> list[Broken]:
        if self.declared is None:
            return []

        def wanted(terminal: NDArray[np.intp], sort: Sort) -> bool:
            currents = Currents(self.first, self.second, condensate=False)
            currents.image(terminal.tolist(), opposing=sort.opposing, to=1)
            return currents.vanishes(combination, constant)

        found, graph = list[tuple[bool, Broken]](), self.declared[0].graph
        same = self._other(0.0)
        for sort, permutation in exchanging(
            graph, self._one, same, self._baths.tolist(), wanted, driven=True
        ):
            shift = self._shift_for(-1.0 if sort.opposing else 1.0)
            both = Comparison(*self.declared, driven=True, shift=shift)
            failing = broken(both, self._one, self._other(shift), sort, permutation)
            found.append((sort.opposing, failing))
        if all(opposing for opposing, _ in found):
            turned = without_counterpart(graph, self._one, same, wanted)
            found += [] if turned is None else [(False, turned)]
        return [failing for _, failing in sorted(found, key=lambda one: one[0])]

    @property
    def _statements(self) -> Iterator[str]:
        """Two-case statements about single terminals that hold: ``I[L]@forward = I[L]@backward``."""
        labels = list(terminal_labels(self.first))
        for of in "IJ":
            for terminal in self._baths.tolist():
                for sign in (1, -1):
                    one = {Current(of, terminal, 0): 1.0, Current(of, terminal, 1): float(-sign)}
                    by = [each for each in self._operations if self._currents(each).vanishes(one)]
                    if by:
                        equal = "" if sign > 0 else "-"
                        label = f"{of}[{labels[terminal]}]"
                        yield f"{label} forward = {equal}{label} backward ({self._called(by[0])})"

    @property
    def _follows_a_lead(self) -> bool:
        """Whether a prescribed potential is as the mu of one bath, in both cases, but for a constant."""
        moved = self.second.potential - self.first.potential
        one, other = self._given(self.first)[0], self._given(self.second)[0]
        if not moved.any() or one.shape != other.shape:
            return False
        return bool(np.any(np.all(np.isclose(moved[:, None], other - one, ALIKE, ALIKE), axis=0)))

    @cached_property
    def _operations(self) -> list[Operation]:
        """From the first case to the second, also up to a common shift of all energies."""
        shifts = {sort: self._shift_for(-1.0 if sort.opposing else 1.0) for sort in (UNITARY, PARTICLE_HOLE)}
        found = (mapping(self._one, self._other(shift), sort, shift=shift) for sort, shift in shifts.items())
        return [each for each in found if each is not None]

    def _by_unitarity(self, combination: Combination, constant: float) -> Verdict | None:
        """Two terminals that exchange mu and T, where all scattering is elastic and nothing else changes."""
        if self.declared and self.declared[0].extended:
            return None
        if len(self._baths) != 2 or not scatters_elastically(self.first):
            return None
        if not self._exchanged or not self._same_otherwise:
            return None
        currents = Currents(self.first, self.second)
        exchange = np.arange(self.first.n_terminals)
        exchange[self._baths] = self._baths[::-1]
        currents.image(exchange.tolist(), opposing=False, to=1)
        if not currents.vanishes(combination, constant):
            return None
        probes = any(group.conditions for group in self.first.terminals)
        rule = "elastic probe" if probes else "two-terminal unitarity"
        return Verdict(Word.FORBIDDEN, rule, explanation=by_rule(rule, self._told(combination)))

    @cached_property
    def _one(self) -> Examined:
        return examined(self.first, driven=True)

    def _other(self, shift: float) -> Examined:
        return examined(self.second, driven=True, shift=shift)

    @cached_property
    def _own(self) -> list[Operation]:
        """Operations of the first case onto itself."""
        return [found for sort in (UNITARY, PARTICLE_HOLE) for found in of_sort(self._one, sort)]

    @cached_property
    def _same_otherwise(self) -> bool:
        """Whether everything but the given mu and T is the same in both cases, up to the common shift."""
        one, other = (
            examined(self.first, driven=False),
            examined(self.second, driven=False, shift=self._shift),
        )
        return mapping(one, other, UNITARY, *((site, site) for site in range(one.size))) is not None

    @cached_property
    def _baths(self) -> NDArray[np.intp]:
        groups = [group for group in self.first.terminals if not group.conditions]
        return np.concatenate(
            [np.zeros(0, np.intp), *(group.first + np.arange(group.count) for group in groups)]
        )

    def _given(self, device: Device) -> Floats:
        """(mu, T) of all baths, (2, n); mu from the reference."""
        baths = [group for group in device.terminals if not group.conditions]
        rows = [
            np.concatenate([np.zeros(0), *(np.broadcast_to(bath.given[name], bath.count) for bath in baths)])
            for name in ("mu", "T")
        ]
        return np.stack(rows) - np.array([[device.reference.get("mu", 0.0)], [0.0]])

    @property
    def _shift(self) -> float:
        return self._shift_for(1.0)

    def _shift_for(self, sign: float) -> float:
        """The common shift of the second case that could make it an image of the first."""
        one, other = self._given(self.first)[0], self._given(self.second)[0]
        if not len(one) or len(one) != len(other) or self.first.superconducting:
            return 0.0
        shift = float(np.mean(other) - sign * np.mean(one))
        return shift if abs(shift) > ALIKE * float(np.abs([one, other]).max()) else 0.0

    @property
    def _exchanged(self) -> bool:
        """Whether the two baths exchange mu (up to the common shift) and T."""
        one, other = self._given(self.first), self._given(self.second) - np.array([[self._shift], [0.0]])
        if one.shape != other.shape or one.shape[1] != 2:
            return False
        scale = np.abs([one, other]).max(axis=(0, 2)) if one.size else np.zeros(2)
        return bool(np.all(np.abs(other - one[:, ::-1]) <= ALIKE * scale[:, None]))
