"""Symmetries of a declared model: its report, its claims and its checks, at the values of cases and tasks."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from modelkit.elements.cases import Case, Override
from modelkit.elements.checks import Check
from modelkit.elements.result_formulas import OutputRequest
from modelkit.elements.sweeps import running_variables
from modelkit.elements.tasks import Task
from modelkit.errors import ModelError
from modelkit.graph.expand import Expansion
from modelkit.graph.values import values_of
from modelkit.registry import methods, verbs
from modelkit.symmetry.blame import told
from modelkit.symmetry.chains.claimed import OpenClaimed
from modelkit.symmetry.chains.claims import CASES, WEAK, verdict_on_flow
from modelkit.symmetry.chains.declared import OpenSubject, generic
from modelkit.symmetry.claimed import Claimed
from modelkit.symmetry.claims import Situation
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.subject import Subject
from modelkit.symmetry.verdict import Verdict, Word
from modelkit.tasks.cases import Setting, number, setting
from modelkit.tasks.sweeps import plan

TRIED = 12  # parameters whose zero or flip is tried on an operation that fails

_known: WeakKeyDictionary[Expansion, dict[Hashable, Verdict]] = WeakKeyDictionary()


def settings_of(
    expansion: Expansion, cases: tuple[str, ...], task: Task | None, given: Mapping[str, Any]
) -> dict[str, Setting]:
    """What holds in each case (``""`` without cases): where a task sweeps, at its first point."""
    declarations = expansion.graph.graph["declarations"]
    lines: tuple[Override, ...] = ()
    outside = dict(given)
    if task is not None:
        running = running_variables(verbs[task.verb], declarations.elements)
        planned = plan(declarations, task, running, given)
        outside = {**planned.given, **{name: values[0].item() for name, values in planned.axes.items()}}
        lines = task.overrides
    named: dict[str, Case | None] = {case: declarations.cases[case] for case in cases} or {"": None}
    return {name: setting(declarations, lines, outside, case) for name, case in named.items()}


def verdict_on(
    expansion: Expansion,
    claim: OutputRequest,
    cases: tuple[str, ...],
    task: Task | None = None,
    given: Mapping[str, Any] | None = None,
    *,
    lines: bool = True,
) -> Verdict:
    """Whether a formula over results must vanish; one that names no case in each of them.

    With ``lines`` a verdict names those that break what would have forbidden it, which takes longer.  What
    was decided for a model is remembered with it.
    """
    settings = settings_of(expansion, cases, task, given or {})
    known = _known.setdefault(expansion, {})
    at = tuple(
        (name, tuple(sorted(one.parameters.items())), tuple(sorted(one.fields.items())))
        for name, one in settings.items()
    )
    coupling, order = any_coupling(task), _order(task)
    key = claim.name, claim.formula, tuple(claim.quantities.items()), at, lines, coupling, order
    if key not in known:
        subjects = {n: Subject(expansion, one.parameters, one.fields) for n, one in settings.items()}
        if next(iter(subjects.values())).open:
            known[key] = _of_open_chains(claim, subjects, lines, coupling)
        else:
            known[key] = _decided(claim, subjects, order, lines)
    return known[key]


def any_coupling(task: Task | None) -> bool | None:
    """Whether the method that a task asks for is one of finite rates of jumps; None: it asks for none."""
    name = task.options.get("method") if task is not None else None
    return None if name is None else WEAK not in getattr(methods[str(name)], "limits", ())


def _of_open_chains(
    claim: OutputRequest, subjects: Mapping[str, Subject], lines: bool, coupling: bool | None
) -> Verdict:
    """Currents of an open chain, in each case by itself."""
    cases = {quantity.case for quantity in claim.quantities.values()}
    chosen = [subject for name, subject in subjects.items() if cases <= {None} or name in cases]
    if len(chosen) > 1 and "case" not in claim.dims:
        return Verdict(Word.NOT_DECIDED, CASES)
    found = [verdict_on_flow(each, claim, any_coupling=coupling, lines=lines) for each in chosen]
    return next((one for one in found if one.word is not Word.FORBIDDEN), found[0])


def _order(task: Task | None) -> int | None:
    order = task.options.get("order") if task is not None and task.verb == "transport" else None
    return order if isinstance(order, int) else None


def _decided(
    claim: OutputRequest, subjects: Mapping[str, Subject], order: int | None, lines: bool
) -> Verdict:
    together = "case" not in claim.dims or len(subjects) == 1
    each_by_itself = [{name: subject} for name, subject in subjects.items()]
    try:
        found = []
        for part in [subjects] if together else each_by_itself:
            devices = {name: one.device() for name, one in part.items()}
            found.append(Situation(devices, tuple(part.values()), order, lines).verdict(claim))
    except Undecided as error:
        return Verdict(Word.NOT_DECIDED, str(error))
    return next((one for one in found if one.word is not Word.FORBIDDEN), found[0])


def failed_checks(expansion: Expansion) -> Iterator[ModelError]:
    """An error for each ``check`` of the device that does not hold, with the reason."""
    for check in expansion.graph.graph["declarations"].checks:
        if check.kind == "value":
            continue
        try:
            failed = _claimed(expansion, check) if check.claim is not None else _symmetric(expansion, check)
        except ModelError as error:
            failed = ModelError(error.message, error.span or check.span, hint=error.hint)
        except Undecided as error:
            message = f"'{check.text}' is not decided: {error}"
            failed = ModelError(message, check.span, hint="leave the check out")
        if failed is not None:
            yield failed


def _claimed(expansion: Expansion, check: Check) -> ModelError | None:
    assert check.claim is not None
    declarations = expansion.graph.graph["declarations"]
    task = declarations.tasks[check.on] if check.on is not None else None
    given = _numbers(expansion, check.values)
    verdict = verdict_on(expansion, check.claim, check.cases, task, given)
    if verdict.word.value == check.kind:
        return None
    message = f"'{check.text}' must be {check.kind}, and the verdict is '{verdict}'"
    if verdict.word is Word.NOT_FORBIDDEN:
        hint = "change what breaks the symmetry ('modelkit check' shows it), or write: check not forbidden"
    elif verdict.word is Word.FORBIDDEN:
        hint = f"break what forbids it, or write: check forbidden : {check.text}"
    elif verdict.word is Word.NOT_DECIDED:
        hint = f"leave the line out, or look at the number: check value : {check.text} == 0 within 1e-10"
    else:
        hint = "only 'forbidden' and 'not forbidden' can be checked: leave the line out"
    return ModelError(message, check.span, hint=hint)


def _symmetric(expansion: Expansion, check: Check) -> ModelError | None:
    subject = Subject(expansion)
    claimed: Any = (OpenClaimed if subject.open else Claimed)(check.operations, check.on)
    kept = None
    drawn = generic(subject, _numbers(expansion, check.values)) if subject.open else subject.generic()
    for values in drawn:
        given = values | _numbers(expansion, check.values, values)
        one, other = _pair(subject, check, given)
        kept = claimed.operation(one, other)
        if kept is None and check.kind == "symmetry":
            return _lost(subject, claimed, check, given)
        if kept is None:
            return None
    if kept is None or check.kind == "symmetry":
        return None
    operator = claimed.operator(kept, one)
    message = f"'{check.text}' is not broken" + (
        f": the device is mapped to itself with {operator}" * bool(operator)
    )
    return ModelError(message, check.span, hint=f"write: check symmetry : {check.text}")


def _pair(subject: Subject, check: Check, given: Mapping[str, Any]) -> tuple[Any, Any]:
    """The device, or the open chain, before and after the flips of the check."""
    flipped = {**given, **_numbers(subject.expansion, check.flips, given)}
    one = _at(subject, given)
    return one, _at(subject, flipped) if check.flips else one


def _at(subject: Subject, given: Mapping[str, Any]) -> Any:
    return OpenSubject(subject, dict(given)) if subject.open else subject.device(**given)


def _lost(
    subject: Subject, claimed: Claimed | OpenClaimed, check: Check, given: Mapping[str, Any]
) -> ModelError:
    """An operation that does not hold: the lines, and what would restore it."""
    lines = claimed.breakers(subject.graph, *_pair(subject, check, given))
    if lines is None:
        message = f"'{check.text}' does not hold: the sites and hops themselves do not have it"
        return ModelError(message, check.span, hint=f"write: check broken : {check.text}")
    message = f"'{check.text}' does not hold" + f": it is broken by {told(lines)}" * bool(lines)
    ways = list(_restoring(subject, claimed, subject.parameters_behind(lines) - set(check.values), given))
    hint = (
        f"it holds {' or '.join(ways)}"
        if ways
        else f"change these lines, or write: check broken : {check.text}"
    )
    return ModelError(message, check.span, hint=hint)


def _restoring(
    subject: Subject, claimed: Claimed | OpenClaimed, names: Collection[str], given: Mapping[str, Any]
) -> Iterator[str]:
    """``when B_y == 0``, ``with B_y -> -B_y``: what would make a claimed operation hold."""
    for name in [name for name in subject.real() if name in names and given.get(name)][:TRIED]:
        value = given[name]
        for said, change in ((f"when {name} == 0", 0.0), (f"with {name} -> -{name}", -value)):
            try:
                one = _at(subject, {**given, name: 0.0} if change == 0 else given)
                other = one if change == 0 else _at(subject, {**given, name: change})
                if claimed.operation(one, other) is not None:
                    yield said
            except (ModelError, Undecided):  # the parameter must not have this value
                continue


def _numbers(
    expansion: Expansion, formulas: Mapping[str, Any], given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    known = values_of(expansion.graph.graph["declarations"], given or {})
    return {name: number(formula, known) for name, formula in formulas.items()}
