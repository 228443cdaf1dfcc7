"""What operations say of the currents in two cases: linear relations, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from modelkit.graph.device import Device
from modelkit.symmetry.operations import Operation
from modelkit.symmetry.parts import prescribed

Floats = NDArray[np.float64]


class Currents:
    """Relations between the particle currents of a first and a second case.

    Unknowns are ``I[a]`` of the first case, then of the second, the condensate's last in each; relations
    are rows ``c`` with ``c @ (I, 1) = 0``.
    """

    def __init__(self, first: Device, second: Device) -> None:
        self.count = first.n_terminals + first.superconducting
        self.rows: list[Floats] = []
        for case, device in enumerate((first, second)):
            conserved = self._row()
            conserved[case * self.count : (case + 1) * self.count] = 1.0
            self.rows.append(conserved)
            self._prescribed(case, device)

    def within(self, case: int, operations: Iterable[Operation]) -> None:
        """Operations of a case onto itself."""
        for operation in operations:
            self._related(case, case, operation)

    def between(self, operations: Iterable[Operation]) -> None:
        """Operations from the first to the second case."""
        for operation in operations:
            self._related(0, 1, operation)

    def follows(self, terminal: int, sign: int) -> bool:
        """Whether ``I[terminal]`` of the second case must be ``sign`` times that of the first."""
        wanted = self._row()
        wanted[terminal] -= sign
        wanted[self.count + terminal] += 1
        rows = np.array(self.rows)
        off = wanted - rows.T @ np.linalg.lstsq(rows.T, wanted, rcond=None)[0]
        return bool(np.abs(off).max() < 1e-9)

    def _row(self) -> Floats:
        return np.zeros(2 * self.count + 1)

    def _prescribed(self, case: int, device: Device) -> None:
        for group in device.terminals:
            for condition in group.conditions:
                if condition.quantity == "J":
                    continue
                values = prescribed(condition, group.count, 0.0).reshape(-1, group.count)
                for member in np.flatnonzero(np.ptp(values, axis=0) == 0):
                    row = self._row()
                    row[case * self.count + group.first + member] = 1.0
                    row[-1] = -values[0, member]
                    self.rows.append(row)

    def _related(self, case: int, to: int, operation: Operation) -> None:
        """``I_{g(a)} = s I_a``; the condensate stays."""
        sign = -1.0 if operation.sort.opposing else 1.0
        for a, image in enumerate(operation.terminal):
            row = self._row()
            row[to * self.count + image] += 1.0
            row[case * self.count + a] -= sign
            self.rows.append(row)
