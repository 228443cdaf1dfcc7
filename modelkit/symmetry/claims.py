"""Whether a formula over results must vanish: ``rectification(I[L])``, ``G2[L, L, L]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from modelkit.elements.result_formulas import OutputRequest, Quantity
from modelkit.graph.device import Device
from modelkit.graph.labels import terminal_labels
from modelkit.registry import reductions
from modelkit.symmetry.relations import Combination, Current
from modelkit.symmetry.subject import Subject
from modelkit.symmetry.tensors import ORDERS, Tensors
from modelkit.symmetry.two_cases import TwoCases
from modelkit.symmetry.verdict import Verdict, Word

CURRENTS = {"current": "I", "heat_current": "J"}
UNDECIDED = "only linear formulas of currents and of response coefficients are decided"


@dataclass(frozen=True, eq=False)
class Situation:
    """The device in the cases that a formula speaks of, by name in their order; without cases by ``""``."""

    devices: Mapping[str, Device]
    declared: tuple[Subject, ...] = ()  # the graph at the values of each
    order: int | None = None  # of the expansion in the bias, None for all
    lines: bool = True  # whether verdicts tell lines

    @property
    def device(self) -> Device:
        """The first."""
        return next(iter(self.devices.values()))

    def verdict(self, claim: OutputRequest) -> Verdict:
        """Whether the formula must vanish."""
        if self.declared and self.declared[0].unsaid:
            return Verdict(Word.NOT_DECIDED, self.declared[0].unsaid)
        if claim.formula is None:
            return Verdict(Word.NOT_DECIDED, "a quantity with labels is asked for, such as I[L]")
        formula = claim.formula.subs(
            {
                s: self.device.values[str(s)]
                for s in claim.formula.free_symbols
                if str(s) in self.device.values
            }
        )
        calls = [
            call for call in formula.atoms(sp.core.function.AppliedUndef) if call.func.__name__ in reductions
        ]
        if calls:
            return self._of_reduction(formula, calls, claim.quantities)
        if all(quantity.output in CURRENTS for quantity in claim.quantities.values()):
            combination = self._combination(formula, claim.quantities)
            return self._of_currents(combination)
        if not all(quantity.output in ORDERS for quantity in claim.quantities.values()):
            return Verdict(Word.NOT_DECIDED, UNDECIDED)
        declared = self.declared[0] if self.declared else None
        return Tensors(self.device, declared, self.lines).verdict(formula, claim.quantities)

    def _of_reduction(
        self, formula: sp.Expr, calls: Sequence[sp.Expr], quantities: Mapping[sp.Symbol, Quantity]
    ) -> Verdict:
        """A multiple of one two-case quantity vanishes where its argument only changes its sign."""
        call = calls[0]
        if len(calls) > 1 or (formula / call).free_symbols & set(quantities):
            return Verdict(Word.NOT_DECIDED, UNDECIDED)
        evaluate = reductions[call.func.__name__].evaluate
        found = Verdict(Word.NOT_DECIDED, UNDECIDED)
        for sign in (-1, 1):
            if evaluate(1.0, float(sign)) != 0:
                continue
            combination = {
                Current(each.of, each.terminal, case): factor * (1 if case else -sign)
                for each, factor in (self._combination(call.args[0], quantities) or {}).items()
                for case in (0, 1)
            }
            found = self._of_currents(combination)
            if found.word is Word.FORBIDDEN:
                return found
        return found

    def _of_currents(self, combination: Combination | None) -> Verdict:
        if not combination:
            return Verdict(Word.NOT_DECIDED, UNDECIDED)
        return self._two_cases.verdict(combination)

    @cached_property
    def _two_cases(self) -> TwoCases:
        devices = list(self.devices.values())
        declared = (self.declared[0], self.declared[-1]) if self.declared else None
        return TwoCases(devices[0], devices[-1], declared, self.order, self.lines)

    def _combination(
        self, formula: sp.Expr, quantities: Mapping[sp.Symbol, Quantity]
    ) -> dict[Current, float] | None:
        """Factors of a linear formula of currents, None for any other."""
        found: dict[Current, float] = {}
        rest = sp.expand(formula)
        cases = list(self.devices)
        for symbol, quantity in quantities.items():
            factor = rest.coeff(symbol, 1)
            if not factor.is_number or len(quantity.labels) != 1 or quantity.output not in CURRENTS:
                return None
            case = cases.index(quantity.case) if quantity.case is not None else 0
            terminal = self._terminal(quantity)
            if terminal is None:
                return None
            found[Current(CURRENTS[quantity.output], terminal, case)] = float(factor)
            rest = sp.expand(rest - factor * symbol)
        return found if rest == 0 else None

    def _terminal(self, quantity: Quantity) -> int | None:
        labels = list(terminal_labels(self.device))
        label = quantity.labels[0].text(self.device.values)
        return labels.index(label) if label in labels else None
