"""What a model says of its symmetries: the report, the verdict on a formula, on what its tasks ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelkit.errors import ModelError
from modelkit.graph.labels import terminal_labels
from modelkit.symmetry.report import Report, report
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.subject import Subject
from modelkit.symmetry.verdict import Verdict
from modelkit.tasks.forbidden import is_large, told
from modelkit.tasks.outside import numbers_of
from modelkit.tasks.symmetries import verdict_on

if TYPE_CHECKING:
    from modelkit.graph.expand import Expansion
    from modelkit.model.model import Model

LARGEST = 2000  # sites of a device that ``modelkit check`` examines


@dataclass(frozen=True)
class Decision:
    """A verdict on what some tasks ask for; ``quantity`` says where it was decided, too."""

    tasks: tuple[str, ...]
    quantity: str
    verdict: Verdict

    def __str__(self) -> str:
        """``profile, full: dI = nonreciprocity(I[L]): not forbidden``."""
        return f"{', '.join(self.tasks)}: {self.quantity}: {self.verdict}"

    def record(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "tasks": list(self.tasks),
            "quantity": self.quantity,
            "verdict": str(self.verdict),
            "word": self.verdict.word.value,
            "explanation": self.verdict.explanation or None,
        }


@dataclass(frozen=True)
class Findings:
    """What ``modelkit check`` shows: the report, or why there is none, and decisions."""

    report: Report | None
    reason: str
    decisions: tuple[Decision, ...]

    def __str__(self) -> str:
        """The report, then a line for each decision."""
        return "\n".join([str(self.report or self.reason), *map(str, self.decisions)])

    def record(self) -> dict[str, Any]:
        """Plain data for JSON."""
        known = self.report.records() if self.report is not None else {"reason": self.reason}
        return known | {"verdicts": [each.record() for each in self.decisions]}


def symmetries(model: Model, expansion: Expansion, given: Mapping[str, Any]) -> Report:
    """Of the device at these values."""
    numbers = numbers_of(model.declarations, given)
    parameters = {name: value for name, value in numbers.items() if "." not in name}
    subject = Subject(expansion, parameters, {name: v for name, v in numbers.items() if "." in name})
    try:
        return report(subject)
    except Undecided as error:
        message = f"the symmetries are not decided: {error}"
        raise ModelError(message, hint="make the device smaller, or less regular") from None


def forbids(
    model: Model, expansion: Expansion, formula: object, task: str | None, given: Mapping[str, Any]
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


def findings(model: Model) -> Findings:
    """The report at the declared values, and the verdicts on what the tasks ask for.

    For a task with two cases that asks for nothing of the kind: on rectification of the first bath.
    """
    if is_large(Subject(model._expansion), LARGEST):
        reason = f"not examined: more than {LARGEST} sites (in Python: model.symmetries())"
        return Findings(None, reason, ())
    try:
        known, reason = model.symmetries(), ""
    except ModelError as error:
        known, reason = None, error.message
    found: dict[tuple[str, Verdict], list[str]] = {}
    for task, quantity, verdict in _decided(model):
        found.setdefault((quantity, verdict), []).append(task)
    decisions = [Decision(tuple(tasks), *key) for key, tasks in found.items()]
    return Findings(known, reason, tuple(decisions))


def _decided(model: Model) -> Iterator[tuple[str, str, Verdict]]:
    for name, task in model.declarations.tasks.items():
        asked = list(told(model._expansion, task, {}))
        yield from ((name, each.quantity, each.verdict) for each in asked)
        if not asked and len(task.cases) == 2 and task.verb == "transport":
            bath = _first_bath(model)
            if bath is not None:
                quantity = f"rectification(I[{bath}])"
                yield name, quantity, model.forbids(quantity, task=name)


def _first_bath(model: Model) -> str | None:
    device = model.device()
    baths = [group.first for group in device.terminals if not group.conditions and group.count]
    return str(list(terminal_labels(device))[baths[0]]) if baths else None
