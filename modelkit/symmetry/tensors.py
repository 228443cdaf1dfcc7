"""Whether response coefficients must vanish, from the symmetries of the device at its reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.elements.result_formulas import Quantity
from modelkit.graph.device import Device
from modelkit.graph.labels import terminal_labels
from modelkit.graph.screening import bands_of, is_flat
from modelkit.symmetry.candidates import (
    Broken,
    Comparison,
    broken,
    exchanging,
    is_gated,
    reflects_alone,
    scatters_elastically,
)
from modelkit.symmetry.explanations import by_balance, by_group, by_lines, by_rigidity
from modelkit.symmetry.names import exact_text, name_of, operator_of
from modelkit.symmetry.operations import Operation, generators
from modelkit.symmetry.parts import Examined, examined
from modelkit.symmetry.relations import fixed_currents, held
from modelkit.symmetry.responses import Coefficient, Coefficients
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.structure import Sort
from modelkit.symmetry.subject import Subject
from modelkit.symmetry.verdict import Verdict, Word

ORDERS = {"conductance": 1, "conductance_2": 2, "response_1": 1, "response_2": 2}
NEAR = 1e-9  # factors no farther apart are the same
WORDS = {1: 2, 2: 3}  # labels of response_1, response_2 that are words: of, by, by


@dataclass(frozen=True, eq=False)
class Tensors:
    """Coefficients of the currents in voltages and temperatures, of a device at its reference."""

    device: Device
    declared: Subject | None = None
    lines: bool = True  # whether a verdict tells the lines that break what would have forbidden it

    def verdict(self, formula: sp.Expr, quantities: Mapping[sp.Symbol, Quantity]) -> Verdict:
        """Whether a linear formula of coefficients of one order must vanish."""
        combination: dict[Coefficient, float] = {}
        rest, orders = sp.expand(formula), set[int]()
        for symbol, quantity in quantities.items():
            coefficient = self._coefficient(quantity)
            factor = rest.coeff(symbol, 1)
            if coefficient is None or not factor.is_number:
                return Verdict(
                    Word.NOT_DECIDED, "only linear formulas of G1, G2, response_1, response_2 are decided"
                )
            sign, power = self._scale(coefficient)
            combination[coefficient] = float(factor) * sign / self._temperature**power
            orders.add(ORDERS[quantity.output])
            rest = sp.expand(rest - factor * symbol)
        if rest != 0 or len(orders) != 1:
            return Verdict(Word.NOT_DECIDED, "only linear formulas of coefficients of one order are decided")
        try:
            return self._decided(orders.pop(), combination)
        except Undecided as error:
            return Verdict(Word.NOT_DECIDED, str(error))

    def tensor(self, order: int, *, gauge: bool | None = None) -> Coefficients:
        """All coefficients of an order with everything that relates them.

        With ``gauge`` given, potentials and bands are taken to follow (or not) whatever the device does.
        """
        return self._related(order, self._operations, self._gauge_invariant if gauge is None else gauge)

    def forbidden(self, order: int) -> list[str]:
        """Components that vanish: ``G2[L, L, L]``, ``response_2[I, V, T, L, L, L]``."""
        known = self.tensor(order)
        return [self.name(each) for each in known.all if known.forbidden(each)]

    def identities(self, order: int) -> list[str]:
        """Components that coincide, or are multiples of each other: ``G1[L, R] = G1[R, L]``."""
        found = []
        for first, *others in self.tensor(order).alike():
            terms = [self._term(first[0], each, factor) for each, factor in others]
            found += [" = ".join([self.name(first[0]), *terms])] if terms else []
        return found

    def name(self, each: Coefficient) -> str:
        """A component in the words of the language."""
        labels = ", ".join(self._labels[a] for a in (each.to, *(b for _, b in each.by)))
        words = [each.of, *(kind for kind, _ in each.by)]
        order = len(each.by)
        if words == ["I", *"V" * order]:
            return f"G{order}[{labels}]"
        return f"response_{order}[{', '.join(words)}, {labels}]"

    def _scale(self, each: Coefficient) -> tuple[float, int]:
        """Sign and power of T that lead from a component to the number that relations hold for.

        Conventional currents and voltages are opposite to those of particles; T is counted in units of that
        of the reference.
        """
        kinds = [each.of, *(kind for kind, _ in each.by)]
        return -1.0 if sum(kind in "IV" for kind in kinds) % 2 else 1.0, kinds.count("T")

    def _term(self, first: Coefficient, each: Coefficient, factor: float) -> str:
        """``first = factor*each`` as a component with its factor, which may hold the T of the reference."""
        (sign, power), (other, more) = self._scale(first), self._scale(each)
        text = _multiple(factor * sign * other, self.name(each))
        if power == more:
            return text
        times = "*" if more > power else "/"
        return f"{text}{times}{'T' if abs(more - power) == 1 else f'T^{abs(more - power)}'}"

    def _related(
        self, order: int, operations: Sequence[Operation], gauge: bool, *, scattering: bool = True
    ) -> Coefficients:
        known = Coefficients(order, self.driven)
        known.kept(operations)
        charge, energy = self._conserved("I"), self._conserved("J")
        known.conserved(charge=charge, energy=energy)
        if charge:
            known.balanced(heated=self._heated)
        if charge and gauge:
            known.common()
        if scattering and self._elastic:
            known.scattered()
        if scattering and self._reflecting:
            known.reflected()
        return known

    def _decided(self, order: int, combination: Mapping[Coefficient, float]) -> Verdict:
        told = " + ".join(
            _multiple(
                factor * self._scale(each)[0] * self._temperature ** self._scale(each)[1], self.name(each)
            )
            for each, factor in combination.items()
        ).replace("+ -", "- ")
        if self._related(order, [], False, scattering=False).equal(combination):
            return self._because([], False, "conservation", told)
        rule = "Andreev reflection alone" if self._reflecting else "elastic scattering"
        for gauge in (False, True)[: 1 + self._gauge_invariant]:
            for operations in ([], *([each] for each in self._operations), self._operations):
                if self._related(order, operations, gauge).equal(combination):
                    needed = self._needed(order, operations, gauge, combination)
                    return self._because(needed, gauge, rule, told)
        anchored = self.device.superconducting or is_gated(self.device)
        rigid = order > 1 and not self._gauge_invariant and not anchored
        if rigid and self.tensor(order, gauge=True).equal(combination):
            return Verdict(Word.WARNING, "bias convention", explanation=by_rigidity(told))
        failing = self._failing(order, combination)
        return Verdict(
            Word.NOT_FORBIDDEN,
            "; ".join(map(str, failing)),
            explanation=by_lines(failing, told, [], []),
        )

    def _needed(
        self,
        order: int,
        operations: Sequence[Operation],
        gauge: bool,
        combination: Mapping[Coefficient, float],
    ) -> list[Operation]:
        """Those of the operations without which it would be there; one reason where there are several."""
        needed = list(operations)
        for each in list(needed)[::-1]:
            fewer = [one for one in needed if one is not each]
            if fewer and self._related(order, fewer, gauge).equal(combination):
                needed = fewer
        return needed

    def _because(self, operations: Sequence[Operation], gauge: bool, rule: str, told: str) -> Verdict:
        names = [name_of(each, self._examined) for each in operations]
        reason = (" and ".join(names) or rule) + (", gauge-invariant" if gauge else "")
        shown = [self._shown(each) for each in operations]
        return Verdict(
            Word.FORBIDDEN,
            reason,
            operations[0] if operations else None,
            explanation=by_group(shown, gauge, told) if shown else by_balance(rule, told),
        )

    def _shown(self, operation: Operation) -> str:
        name, operator = name_of(operation, self._examined), operator_of(operation, self._examined)
        return f"{name} = {operator}" if operator and operator != name else name

    def _failing(self, order: int, combination: Mapping[Coefficient, float]) -> list[Broken]:
        """Candidates of the pattern that would make it vanish."""
        if self.declared is None or not self.lines or not self.driven:
            return []
        device, gauge = self._examined, self._gauge_invariant

        def wanted(terminal: NDArray[np.intp], sort: Sort) -> bool:
            known = self._related(order, self._operations, gauge)
            known.permuted(terminal, sort)
            return known.equal(combination)

        both = Comparison(self.declared, self.declared, driven=False)
        return [
            broken(both, device, device, sort, permutation)
            for sort, permutation in exchanging(
                self.declared.graph, device, device, self.driven, wanted, driven=False
            )
        ]

    def _coefficient(self, quantity: Quantity) -> Coefficient | None:
        labels = [label.text(self.device.values) for label in quantity.labels]
        if quantity.output not in ORDERS or not labels:
            return None
        order = ORDERS[quantity.output]
        words = ["I", *"V" * order]
        if quantity.output.startswith("response"):
            words, labels = labels[: WORDS[order]], labels[WORDS[order] :]
        known = list(terminal_labels(self.device))
        if any(label not in known for label in labels):
            return None
        to, *by = (known.index(label) for label in labels)
        found = Coefficient(words[0], to, tuple(sorted(zip(words[1:], by, strict=True))))
        return found if {to, *by} <= set(self.driven) else None

    @property
    def _temperature(self) -> float:
        """That of the reference; 1 where it is zero, since nothing is driven by T then."""
        return float(self.device.reference.get("T", 0.0)) or 1.0

    @cached_property
    def _labels(self) -> list[str]:
        return list(terminal_labels(self.device))

    @cached_property
    def _examined(self) -> Examined:
        return examined(self.device, driven=False)

    @cached_property
    def _operations(self) -> list[Operation]:
        return generators(self._examined)

    @cached_property
    def driven(self) -> list[int]:
        """Terminals whose mu is given."""
        baths = [group for group in self.device.terminals if "mu" in group.given]
        return np.concatenate([np.zeros(0, int), *(g.first + np.arange(g.count) for g in baths)]).tolist()

    def _conserved(self, of: str) -> bool:
        """Whether what flows into the driven terminals comes from the driven terminals."""
        if self.device.superconducting:
            return False
        others = [group for group in self.device.terminals if "mu" not in group.given]
        return all(of in fixed_currents(group) for group in others)

    @property
    def _heated(self) -> bool:
        """Whether all terminals follow a common temperature: each is driven by its T, or takes no heat."""
        return all(
            held(group) == {"mu", "T"} or (not held(group) and set(fixed_currents(group)) == {"I", "J"})
            for group in self.device.terminals
        )

    @property
    def _reflecting(self) -> bool:
        return reflects_alone(self.device) and not (self.declared and self.declared.extended)

    @property
    def _elastic(self) -> bool:
        return scatters_elastically(self.device) and not (self.declared and self.declared.extended)

    @property
    def _gauge_invariant(self) -> bool:
        """Whether potentials and bands follow a common shift of all voltages."""
        device = self.device
        if device.superconducting or not device.screening or is_gated(device):
            return False
        covered = np.any([group.membership >= 0 for group in device.screening], axis=0)
        moving = [group.terminal for group in device.terminals if not is_flat(group.terminal)]
        return bool(covered.all()) and all(bands_of(device, terminal) != "rigid" for terminal in moving)


def _multiple(factor: float, name: str) -> str:
    """``-G1[L, R]``, ``0.5*G1[L, R]``."""
    if abs(abs(factor) - 1) < NEAR:
        return name if factor > 0 else f"-{name}"
    return f"{exact_text(complex(factor))}*{name}"
