"""How far a parameter may go before a condition cannot be met: what a failed point says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from modelkit.elements.declarations import Declarations
from modelkit.elements.parameters import Parameter
from modelkit.elements.terminals import Terminal
from modelkit.errors import NotConverged
from modelkit.solve.transport import WARM
from modelkit.tasks.outside import in_unit, unit_of_name
from modelkit.tasks.points import Solved, Work

ACCURACY = 3e-7  # of a limit, relative


def with_limit(work: Work, failed: Solved) -> NotConverged:
    """The failure with the largest values, others held, for which the point has a solution.

    Of the real parameters that enter the condition that fails, as it is written or through lets; each is
    scaled towards zero, or the end of its interval, until the point has a solution.
    """
    error = failed.error
    assert isinstance(error, NotConverged)  # the caller asks for these alone
    limit: dict[str, float] = {}
    declarations = work.declarations
    entering = list(_entering(declarations, error.condition))
    for parameter in entering:
        work.memory.pop(WARM, None)
        found = _largest(work, failed, parameter)
        if found is not None:
            unit = unit_of_name(declarations, parameter.name)
            limit[parameter.name] = (
                float(in_unit(declarations, np.array([found]), unit)[0]) if unit else found
            )
    if not limit and not (error.condition and not entering):
        return error
    nothing = "; no parameter enters that condition, so no limit was looked for: write it with one"
    return NotConverged(
        error.message + (nothing if not limit else ""),
        best=error.best,
        residual=error.residual,
        limit=limit,
        condition=error.condition,
        hint=error.hint,
    )


def _entering(declarations: Declarations, condition: tuple[str, str] | None) -> Iterator[Parameter]:
    """Real parameters in the right side of a condition."""
    terminal = declarations.elements.get(condition[0]) if condition else None
    if not isinstance(terminal, Terminal) or condition is None:
        return
    names: set[str] = set()
    for one in terminal.conditions:
        if one.quantity == condition[1]:
            names |= {str(symbol.name) for symbol in one.value.free_symbols}
    while used := names & set(declarations.lets):
        names -= used
        for name in used:
            names |= {str(symbol.name) for symbol in declarations.lets[name].expression.free_symbols}
    for name, parameter in declarations.parameters.items():
        if name in names and not (parameter.integer or parameter.complex or parameter.choices):
            yield parameter


def _largest(work: Work, failed: Solved, parameter: Parameter) -> float | None:
    """Bisection between a value that has a solution and the failing one; None where there is none."""
    name, value = parameter.name, _real(failed.values.get(parameter.name))
    if value is None or value == 0:
        return None
    low, high = _start(parameter, value), value
    if not work.converges(failed.job, {name: low}):
        return None
    while abs(high - low) > ACCURACY * abs(high):
        middle = (low + high) / 2
        if work.converges(failed.job, {name: middle}):
            low = middle
        else:
            high = middle
    return low


def _start(parameter: Parameter, value: float) -> float:
    """Zero, or the end of the interval next to it."""
    if parameter.interval is None:
        return 0.0
    ends = [float(end) for end in parameter.interval]
    return min(max(0.0, ends[0]), ends[1]) if value else 0.0


def _real(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else None
