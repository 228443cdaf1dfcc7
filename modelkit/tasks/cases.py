"""Which values hold at a point of a run: declaration < task's line < outside < case.

Right sides in a task or a case see the values before that override, and none of its neighbours:
``A = B; B = A`` exchanges the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from modelkit.elements.cases import Case, Override
from modelkit.elements.declarations import Declarations
from modelkit.errors import Span
from modelkit.graph.values import values_of
from modelkit.numerics.evaluate import evaluate_finite

Given = Mapping[str, Any]


@dataclass(frozen=True)
class Setting:
    """Values that differ from the declaration: of parameters, and of fields such as ``L.T``."""

    parameters: Mapping[str, Any]
    fields: Mapping[str, Any]


def setting(
    declarations: Declarations, lines: Iterable[Override], outside: Given, case: Case | None
) -> Setting:
    """The values of one point.

    Parameters
    ----------
    declarations : Declarations
        What the text declares.
    lines : iterable of Override
        The task's own overrides.
    outside : mapping
        Values from outside and of the sweeps at this point, by the name of a parameter or a field.
    case : Case or None
        Its overrides win.
    """
    parameters = {name: value for name, value in outside.items() if "." not in name}
    fields = {name: value for name, value in outside.items() if "." in name}
    own = _evaluated([line for line in lines if line.target not in outside], declarations, parameters)
    parameters = {name: value for name, value in own.items() if "." not in name} | parameters
    fields = _over({name: value for name, value in own.items() if "." in name}, fields)
    if case is not None:
        last = _evaluated(case.overrides, declarations, parameters)
        parameters |= {name: value for name, value in last.items() if "." not in name}
        fields = _over(fields, {name: value for name, value in last.items() if "." in name})
    return Setting(parameters, fields)


def number(
    formula: sp.Basic, values: Mapping[str, Any], span: Span | None = None, what: str = "this value"
) -> Any:
    """A formula as a Python number: whole numbers stay whole, infinity is allowed.

    Raises ModelError, with the values that the formula saw, when there is no such number.
    """
    return evaluate_finite(formula, values, span=span, what=what, infinite=True)


def _evaluated(overrides: Iterable[Override], declarations: Declarations, given: Given) -> dict[str, Any]:
    """Right sides at the values that hold without these overrides."""
    found: dict[str, Any] = {}
    before: Mapping[str, Any] | None = None
    for override in overrides:
        if override.value.free_symbols and before is None:
            before = values_of(declarations, given)
        found[override.target] = number(override.value, before or {}, override.span, f"'{override.target}'")
    return found


def _over(fields: Mapping[str, Any], stronger: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of two levels: ``S.T`` of the stronger one also replaces ``S[2].T`` of the weaker one."""
    whole = {name for name in stronger if "[" not in name}
    kept = {name: value for name, value in fields.items() if _family(name) not in whole}
    return {name: value for name, value in kept.items() if name not in stronger} | dict(stronger)


def _family(field: str) -> str:
    """``S.T`` of ``S[2].T``."""
    owner, _, name = field.rpartition(".")
    return f"{owner.partition('[')[0]}.{name}"
