"""``check value``: what the results of a task must obey, in all cases and at all points."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkit.elements.checks import Check
from modelkit.elements.declarations import Declarations
from modelkit.elements.result_formulas import OutputRequest
from modelkit.elements.tasks import Task
from modelkit.errors import ModelError

if TYPE_CHECKING:
    import xarray as xr

HOLDS: Mapping[str, Callable[[Any, float], Any]] = {
    "==": lambda off, within: abs(off) <= within,
    "<": lambda off, within: off < within,
    "<=": lambda off, within: off <= within,
    ">": lambda off, within: off > -within,
    ">=": lambda off, within: off >= -within,
}


@dataclass(frozen=True)
class ValueCheck:
    """A check and its formula, as a derived output that travels with those of the task."""

    check: Check
    request: OutputRequest


def value_checks(declarations: Declarations, task: Task) -> tuple[ValueCheck, ...]:
    """Those on a task."""
    mine = [one for one in declarations.checks if one.kind == "value" and one.on == task.name]
    return tuple(
        ValueCheck(one, replace(one.claim, name=f"check {number}"))
        for number, one in enumerate(mine)
        if one.claim is not None
    )


def violated(checks: Sequence[ValueCheck], dataset: xr.Dataset) -> Iterator[ModelError]:
    """An error for each that does not hold somewhere; points that failed are left out."""
    for each in checks:
        off = dataset[each.request.name]
        within = float(each.check.within)
        known = np.isfinite(off.values)
        wrong = known & ~np.asarray(HOLDS[each.check.relation](off.values, within), dtype=bool)
        if not known.any():
            message = f"'{each.check.text}' has no value at any point of the task"
            yield ModelError(message, each.check.span, hint="check what has a value")
        if wrong.any():
            worst = np.unravel_index(np.argmax(np.where(wrong, np.abs(off.values), -1.0)), off.shape)
            names = {str(dim): off[dim].values[k] for dim, k in zip(off.dims, worst, strict=True)}
            place = ", ".join(f"{name} = {_word(value)}" for name, value in names.items())
            message = f"'{each.check.text}' does not hold" + (f" at {place}" if place else "")
            hint = f"the difference of both sides is {float(off.values[worst]):.6g}, allowed is {within:.3g}"
            yield ModelError(message, each.check.span, hint=hint)


def _word(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
