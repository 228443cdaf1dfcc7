"""What the field calls an operation."""

from __future__ import annotations

import numpy as np

from modelkit.symmetry.operations import Operation
from modelkit.symmetry.parts import Examined


def name_of(operation: Operation, device: Examined) -> str:
    """``inversion``, ``time reversal``, ``mirror x``, ``particle-hole``, products of them."""
    parts = [_moved(operation, device)]
    if operation.sort.conjugating and not operation.sort.opposing:
        parts.append("time reversal")
    if operation.sort.conjugating and operation.sort.opposing:
        parts.append("particle-hole about mu")
    if operation.sort.opposing and not operation.sort.conjugating:
        parts.append("chiral")
    return " x ".join(part for part in parts if part) or "identity"


def _moved(operation: Operation, device: Examined) -> str:
    if np.array_equal(operation.site, np.arange(device.size)):
        return ""
    return "inversion"
