"""Whether response coefficients must vanish, from the symmetries of the device at its reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sympy as sp

from modelkit.elements.result_formulas import Quantity
from modelkit.graph.device import Device
from modelkit.graph.labels import terminal_labels
from modelkit.graph.screening import bands_of, is_flat
from modelkit.symmetry.names import name_of
from modelkit.symmetry.operations import Operation, generators
from modelkit.symmetry.parts import Examined, examined
from modelkit.symmetry.responses import Coefficient, Coefficients
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.verdict import Verdict, Word

ORDERS = {"conductance": 1, "conductance_2": 2, "response_1": 1, "response_2": 2}
WORDS = {1: 2, 2: 3}  # labels of response_1, response_2 that are words: of, by, by


@dataclass(frozen=True, eq=False)
class Tensors:
    """Coefficients of the currents in voltages and temperatures, of a device at its reference."""

    device: Device

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
            combination[coefficient] = float(factor)
            orders.add(ORDERS[quantity.output])
            rest = sp.expand(rest - factor * symbol)
        if rest != 0 or len(orders) != 1:
            return Verdict(Word.NOT_DECIDED, "only linear formulas of coefficients of one order are decided")
        try:
            return self._decided(orders.pop(), combination)
        except Undecided as error:
            return Verdict(Word.NOT_DECIDED, str(error))

    def _decided(self, order: int, combination: Mapping[Coefficient, float]) -> Verdict:
        for operations in (*([each] for each in self._operations), self._operations):
            for gauge in (False, True):
                known = Coefficients(order, self._driven)
                known.kept(operations)
                known.conserved(charge=not self.device.superconducting, gauge=gauge and self._gauge_invariant)
                if known.equal(combination):
                    names = [name_of(each, self._examined) for each in operations]
                    reason = " and ".join(names) + (", gauge-invariant" if gauge else "")
                    return Verdict(Word.FORBIDDEN, reason, operations[0] if operations else None)
        return Verdict(Word.NOT_FORBIDDEN, "")

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
        return found if {to, *by} <= set(self._driven) else None

    @cached_property
    def _examined(self) -> Examined:
        return examined(self.device, driven=False)

    @cached_property
    def _operations(self) -> list[Operation]:
        return generators(self._examined)

    @cached_property
    def _driven(self) -> list[int]:
        """Terminals whose mu is given."""
        baths = [group for group in self.device.terminals if "mu" in group.given]
        return np.concatenate([np.zeros(0, int), *(g.first + np.arange(g.count) for g in baths)]).tolist()

    @property
    def _gauge_invariant(self) -> bool:
        """Whether potentials and bands follow a common shift of all voltages."""
        device = self.device
        if device.superconducting or not device.screening:
            return False
        covered = np.any([group.membership >= 0 for group in device.screening], axis=0)
        moving = [group.terminal for group in device.terminals if not is_flat(group.terminal)]
        return bool(covered.all()) and all(bands_of(device, terminal) != "rigid" for terminal in moving)
