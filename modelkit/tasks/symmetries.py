"""Symmetries of a declared model: its report, its claims and its checks, at the values of cases and tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelkit.elements.checks import Check
from modelkit.elements.declarations import Declarations
from modelkit.elements.result_formulas import OutputRequest
from modelkit.errors import ModelError
from modelkit.graph.device import Device
from modelkit.graph.expand import Expansion
from modelkit.graph.values import values_of
from modelkit.symmetry.claims import Situation
from modelkit.symmetry.group import named_elements
from modelkit.symmetry.parts import Examined, conductor, examined
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.subject import Subject
from modelkit.symmetry.verdict import Verdict, Word
from modelkit.tasks.cases import number, setting

FORBIDDEN = {"forbidden": Word.FORBIDDEN, "not forbidden": Word.NOT_FORBIDDEN}


def device_in(
    declarations: Declarations, expansion: Expansion, case: str | None, given: Mapping[str, Any]
) -> Device:
    """The device in a case, at values from outside."""
    chosen = setting(declarations, (), given, declarations.cases[case] if case is not None else None)
    return expansion.device(values_of(declarations, chosen.parameters), chosen.fields)


def verdict_on(
    declarations: Declarations,
    expansion: Expansion,
    claim: OutputRequest,
    cases: tuple[str, ...],
    given: Mapping[str, Any] | None = None,
) -> Verdict:
    """Whether a formula over results must vanish."""
    named: tuple[str | None, ...] = cases or (None,)
    devices = {case or "": device_in(declarations, expansion, case, given or {}) for case in named}
    return Situation(devices).verdict(claim)


def failed_checks(declarations: Declarations, expansion: Expansion) -> Iterator[ModelError]:
    """An error for each ``check`` that does not hold, with the reason."""
    for check in declarations.checks:
        if check.claim is not None:
            yield from _claimed(declarations, expansion, check)
        else:
            yield from _symmetric(expansion, check, declarations)


def _claimed(declarations: Declarations, expansion: Expansion, check: Check) -> Iterator[ModelError]:
    assert check.claim is not None
    given = _numbers(check.values, declarations)
    verdict = verdict_on(declarations, expansion, check.claim, check.cases, given)
    if verdict.word is not FORBIDDEN[check.kind]:
        yield ModelError(
            f"'{check.text}' is not {check.kind}: the verdict is '{verdict}'".replace("not not ", ""),
            check.span,
            hint="change the device, or the check",
        )


def _symmetric(expansion: Expansion, check: Check, declarations: Declarations) -> Iterator[ModelError]:
    wanted = tuple(sorted(check.operations))
    subject = Subject(expansion)
    held = True
    for values in subject.generic():
        given = values | _numbers(check.values, declarations, values)
        flipped = given | _numbers(check.flips, declarations, given)
        one, other = (_part(subject.device(**each), check) for each in (given, flipped))
        try:
            held = held and wanted in named_elements(one, other)
        except Undecided as error:
            message = f"the operation '{check.text}' is not decided: {error}"
            yield ModelError(message, check.span, hint="leave the check out")
            return
    if held != (check.kind == "symmetry"):
        said = "does not hold" if check.kind == "symmetry" else "holds"
        yield ModelError(
            f"the operation '{check.text}' {said}", check.span, hint="see: modelkit check, for what breaks it"
        )


def _part(device: Device, check: Check) -> Examined:
    return examined(device, driven=False) if check.on is None else conductor(device, check.on)


def _numbers(
    formulas: Mapping[str, Any], declarations: Declarations, given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    known = values_of(declarations, given or {})
    return {name: number(formula, known) for name, formula in formulas.items()}
