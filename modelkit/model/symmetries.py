"""What a model says of its symmetries: the report, the verdict on a formula, the checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelkit.errors import ModelError
from modelkit.symmetry.report import Report, report
from modelkit.symmetry.subject import Subject
from modelkit.symmetry.verdict import Verdict
from modelkit.tasks.outside import numbers_of
from modelkit.tasks.symmetries import verdict_on

if TYPE_CHECKING:
    from modelkit.graph.expand import Expansion
    from modelkit.model.model import Model


def symmetries(model: Model, expansion: Expansion, given: Mapping[str, Any]) -> Report:
    """Of the device at these values."""
    numbers = numbers_of(model.declarations, given)
    parameters = {name: value for name, value in numbers.items() if "." not in name}
    return report(Subject(expansion, parameters, {n: v for n, v in numbers.items() if "." in n}))


def forbids(
    model: Model, expansion: Expansion, formula: str, task: str | None, given: Mapping[str, Any]
) -> Verdict:
    """The verdict on a formula, which is read as that of a ``check``."""
    if not isinstance(formula, str):
        hint = 'give it in quotes: "rectification(I[L])"'
        raise ModelError(f"{formula!r} is no formula over results", hint=hint)
    clauses = {"on": task} if task is not None else {}
    declarations = model.declare("check", "forbidden", formula, **clauses).declarations
    check = declarations.checks[-1]
    assert check.claim is not None  # this kind of check has one
    chosen = declarations.tasks[check.on] if check.on is not None else None
    return verdict_on(expansion, check.claim, check.cases, chosen, numbers_of(declarations, given))
