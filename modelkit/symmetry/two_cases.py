"""What cannot be in two cases of a device: its symmetries first, then the rules beyond them."""

from __future__ import annotations

import itertools
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
    reflects_alone,
    scatters_elastically,
)
from modelkit.symmetry.counterparts import without_counterpart
from modelkit.symmetry.explanations import (
    by_balance,
    by_condensate,
    by_first_order,
    by_lines,
    by_operation,
    by_reference,
    by_rule,
    in_words,
)
from modelkit.symmetry.linear import linear_rule
from modelkit.symmetry.names import name_of
from modelkit.symmetry.operations import Operation, mapping, nearest, of_sort
from modelkit.symmetry.parts import Examined, examined
from modelkit.symmetry.relations import Combination, Current, Currents, is_without_bias
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.structure import PARTICLE_HOLE, SORTS, UNITARY, Sort
from modelkit.symmetry.subject import Subject
from modelkit.symmetry.verdict import Verdict, Word

Floats = NDArray[np.float64]

ALIKE = 1e-12  # relative: potentials no farther apart are the same


@dataclass(frozen=True, eq=False)
class TwoCases:
    """A device in a first and in a second case.

    With ``declared`` (the declared graph at the values of both) it is known what nouns have said.
    """

    first: Device
    second: Device
    declared: tuple[Subject, Subject] | None = None
    order: int | None = None  # of the expansion in the bias, None for all
    lines: bool = True  # whether a verdict tells the lines that break what would have forbidden it

    def verdict(self, combination: Combination, constant: float = 0.0) -> Verdict:
        """Whether a combination of the currents of both must vanish."""
        if self.declared and self.declared[0].unsaid:
            return Verdict(Word.NOT_DECIDED, self.declared[0].unsaid)
        given_up = None
        for rule in (self._by_conservation, self._by_symmetry, self._by_linearity, self._by_unitarity):
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
        currents = self._related(condensate=condensate)
        currents.image(operation.terminal, opposing=operation.sort.opposing, to=1)
        for own in self._own:
            currents.image(own.terminal, opposing=own.sort.opposing)
        return currents

    def _related(self, *, condensate: bool = True) -> Currents:
        """What holds whatever the device is like."""
        currents = Currents(self.first, self.second, condensate=condensate)
        for case, device in enumerate((self.first, self.second)):
            if not self._extended and is_without_bias(device):
                currents.heat_is_conserved(device, case)
        return currents

    @property
    def _extended(self) -> bool:
        return self.declared is not None and self.declared[0].extended

    def _called(self, operation: Operation) -> str:
        return name_of(operation, self._one) + (", gauge-invariant" if operation.shift else "")

    def _told(self, combination: Combination) -> str:
        return in_words(combination, list(terminal_labels(self.first)))

    def _open(self, combination: Combination, constant: float) -> Verdict:
        """Nothing forbids it: a warning, or what breaks each candidate."""
        told = self._told(combination)
        if self._exchanged and self._shift_for(1.0) and not is_gated(self.first):
            return Verdict(Word.WARNING, "bias convention", explanation=by_reference(self._shift_for(1.0)))
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
        if self.declared is None or not self.lines:
            return []

        def wanted(terminal: NDArray[np.intp], sort: Sort) -> bool:
            currents = self._related(condensate=False)
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

    def _by_conservation(self, combination: Combination, constant: float) -> Verdict | None:
        """What flows in flows out, and no operation is needed."""
        if not self._related().vanishes(combination, constant):
            return None
        told = by_balance("conservation", self._told(combination))
        return Verdict(Word.FORBIDDEN, "conservation", explanation=told)

    def _by_linearity(self, combination: Combination, constant: float) -> Verdict | None:
        """To first order currents are linear in what drives them."""
        if self.order != 1 or self._extended or constant:
            return None
        found = linear_rule(self.first, self.second, combination)
        if found is None:
            return None
        told = by_first_order(found, self._told(combination))
        return Verdict(Word.FORBIDDEN, ", ".join(["linear response", *found]), explanation=told)

    def _by_unitarity(self, combination: Combination, constant: float) -> Verdict | None:
        """Two terminals, or one and a condensate, where all scattering is elastic and no level moves."""
        cases = self.first, self.second
        alone = all(map(reflects_alone, cases))
        two = len(self._baths) == 2 and all(map(scatters_elastically, cases))
        if self._extended or not (alone or two):
            return None
        known = self._related()
        for name in self._exchanges(known):
            if known.vanishes(combination, constant):
                probes = any(group.conditions for group in self.first.terminals)
                rule = "elastic probe" if probes else "two-terminal unitarity"
                rule = "Andreev reflection alone" if self.first.superconducting else rule
                told = by_rule(rule, name, self._told(combination))
                return Verdict(Word.FORBIDDEN, " and ".join([rule, *name]), explanation=told)
        return None

    def _exchanges(self, known: Currents) -> Iterator[tuple[str, ...]]:
        """Distributions that two terminals exchange: each adds a relation, with the name of what it needs.

        The two transmissions are one function of the energy, whatever operation takes the device without its
        bias from case to case; where energies change their sign it is turned about mu.
        """
        for sort, (case, to) in itertools.product(SORTS, ((0, 1), (0, 0), (1, 1))):
            carried = self._carried(sort, case, to)
            if carried is None:
                continue
            for opposing, turned in itertools.product((False, True), repeat=2):
                if opposing != sort.opposing and not self.first.superconducting:
                    continue
                if turned and len(self._baths) == 1:
                    continue
                if self._drives(case, to, opposing=opposing, turned=turned):
                    exchange = np.arange(self.first.n_terminals)
                    exchange[self._baths] = self._baths[::-1] if turned else self._baths
                    known.image(exchange.tolist(), opposing=opposing, case=case, to=to)
                    yield tuple(name for name in [name_of(carried, self._one)] if name != "identity")

    @cached_property
    def _one(self) -> Examined:
        return examined(self.first, driven=True)

    def _other(self, shift: float) -> Examined:
        return examined(self.second, driven=True, shift=shift)

    @cached_property
    def _own(self) -> list[Operation]:
        """Operations of the first case onto itself."""
        return [found for sort in (UNITARY, PARTICLE_HOLE) for found in of_sort(self._one, sort)]

    def _carried(self, sort: Sort, case: int, to: int) -> Operation | None:
        """An operation of a sort from case to case, of all but the given mu and T, up to the common shift."""
        cases = self.first, self.second
        shift = self._shift_for(-1.0 if sort.opposing else 1.0) if to != case else 0.0
        one, other = examined(cases[case], driven=False), examined(cases[to], driven=False, shift=shift)
        return nearest(one, other, sort)

    def _drives(self, case: int, to: int, *, opposing: bool, turned: bool) -> bool:
        """Whether the (exchanged, opposite) mu and T of the baths are those in another case."""
        one, other = self._given((self.first, self.second)[case]), self._given((self.first, self.second)[to])
        sign = -1.0 if opposing else 1.0
        wanted = one * np.array([[sign], [1.0]])
        shift = self._shift_for(sign) if to != case else 0.0
        found = other - np.array([[shift], [0.0]])
        if wanted.shape != found.shape:
            return False
        scale = np.abs([one, other]).max(axis=(0, 2), initial=0.0)
        off = np.abs(found - (wanted[:, ::-1] if turned else wanted))
        return bool(np.all(off <= ALIKE * scale[:, None]))

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
        return len(self._baths) == 2 and self._drives(0, 1, opposing=False, turned=True)
