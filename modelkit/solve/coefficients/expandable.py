"""Which conditions can be expanded about the reference."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from modelkit.errors import ModelError
from modelkit.solve.coefficients.elimination import parts
from modelkit.solve.junction.steady import Steady, Wanted, is_linear

NEGLIGIBLE = 1e-12  # of the unit of a quantity: a prescribed value below it is rounding


def unexpandable(block: Wanted, mu: float, T: float, problem: Steady) -> Iterator[ModelError]:
    """Why a condition has no expansion about the reference ``mu``, ``T``; nothing if it has one."""
    name, quantity = block.group.terminal.name, block.quantity
    cold, warm = (block.weight(np.array([0.0, 1.0]), np.full(2, T)) for T in (1.0, 2.0))
    if not is_linear(block) or np.any(cold != warm):
        message = f"the condition on '{quantity}' has no expansion"
        yield ModelError(message, block.span, hint="take transport without an order")
        return
    if T == 0 and (block.unknown != "mu" or not parts(block)[0]):
        message = f"at T = 0 the condition on {quantity} does not determine {block.unknown} of '{name}'"
        message += " in an expansion"
        yield ModelError(message, block.span, hint="give the reference a temperature")
        return
    at = {key: np.full(block.group.count, value) for key, value in (("mu", mu), ("T", T))}
    value, slopes = block.right(at, problem.device.reference)
    size = max(1.0, *(float(np.abs(s).max(initial=0.0)) for s in slopes.values())) if slopes else 1.0
    if np.any(np.abs(value) > NEGLIGIBLE * size * (abs(mu) + T)):
        yield ModelError(
            f"what is prescribed to '{name}' ({quantity}) is not zero at the reference, and response expands "
            "about equilibrium there",
            block.span,
            hint=f"prescribe what vanishes at the reference, such as {quantity} == 0 or a load "
            "-(mu - mu0)/R, or take transport",
        )
