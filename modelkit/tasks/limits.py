"""How far a parameter may go before a condition cannot be met: what a failed point says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from modelkit.elements.declarations import Declarations
from modelkit.elements.parameters import Parameter
from modelkit.elements.terminals import Terminal
from modelkit.errors import NotConverged
from modelkit.solve.request import Effort, Exhausted
from modelkit.solve.transport import WARM
from modelkit.tasks.outside import in_unit, unit_of_name
from modelkit.tasks.points import Solved, Work

ACCURACY = 3e-7  # of a limit, relative
MORE = 3  # times the effort of the solution that failed, for all limits together
STRAIGHT = 3  # solutions in a row after which the value that failed is tried again


def with_limit(work: Work, failed: Solved) -> NotConverged:
    """The failure with the largest values, others held, for which the point has a solution.

    Of the real parameters that enter the condition that fails, as it is written or through lets; each is
    scaled towards zero, or the end of its interval, until the point has a solution.  What that may cost is
    bounded by what the failure took.
    """
    error = failed.error
    assert isinstance(error, NotConverged)  # the caller asks for these alone
    limit: dict[str, float] = {}
    between: dict[str, tuple[float, float]] = {}
    entering = list(_entering(work.declarations, error.condition))
    for parameter in entering:
        work.memory.pop(WARM, None)
        effort = Effort(most=MORE * failed.effort / len(entering))
        found = _bracket(work, failed, parameter, effort)
        if found is None:
            continue
        low, high = _told(work.declarations, parameter.name, found)
        if _is_narrow(*found):
            limit[parameter.name] = low
        else:
            between[parameter.name] = low, high
    if not limit and not between and not (error.condition and not entering):
        return error
    nothing = "; no parameter enters that condition, so no limit was looked for: write it with one"
    return NotConverged(
        error.message + ("" if entering else nothing),
        best=error.best,
        residual=error.residual,
        limit=limit,
        between=between,
        condition=error.condition,
        hint=error.hint,
    )


def _told(declarations: Declarations, name: str, values: tuple[float, float]) -> tuple[float, float]:
    """In the parameter's own unit."""
    unit = unit_of_name(declarations, name)
    low, high = in_unit(declarations, np.array(values), unit) if unit else values
    return float(low), float(high)


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


def _bracket(work: Work, failed: Solved, parameter: Parameter, effort: Effort) -> tuple[float, float] | None:
    """The largest value with a solution and the least without; None where none has one.

    Each solution starts at the last one and gives up soon, so that a value that failed from far off is tried
    again from close by.  The bracket is wide where the effort ends first.
    """
    name, value = parameter.name, _real(failed.values.get(parameter.name))
    if value is None or value == 0:
        return None

    def solved(at: float) -> bool:
        return work.converges(failed.job, {name: at}, effort)

    low, highs, straight = _start(parameter, value), [value], 0
    try:
        if not solved(low):
            return None
        while highs:
            close = _is_narrow(low, highs[-1])
            again = close or straight == STRAIGHT
            at = highs[-1] if again else (low + highs[-1]) / 2
            if solved(at):
                low, straight = at, 0 if again else straight + 1
                highs = highs[:-1] if again else highs
            elif close:
                break
            else:
                straight, highs = 0, highs if again else [*highs, at]
    except Exhausted:
        if low == _start(parameter, value) and highs == [value]:
            return None
    return low, (highs or [low])[-1]


def _is_narrow(low: float, high: float) -> bool:
    return abs(high - low) <= ACCURACY * abs(high)


def _start(parameter: Parameter, value: float) -> float:
    """Zero, or the end of the interval next to it."""
    if parameter.interval is None:
        return 0.0
    ends = [float(end) for end in parameter.interval]
    return min(max(0.0, ends[0]), ends[1]) if value else 0.0


def _real(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else None
