"""All statements of a text, checked and bound: what a model declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from modelkit.elements import (  # noqa: F401 - importing a noun's file registers it
    baths,
    cases,
    checks,
    dissipators,
    fillings,
    functions,
    gates,
    headings,
    lattices,
    lets,
    parameters,
    plots,
    potentials,
    probes,
    references,
    regions,
    screening,
    tasks,
    unit_systems,
)
from modelkit.elements.binder import Binder, Declared
from modelkit.elements.cases import Case
from modelkit.elements.checks import Check
from modelkit.elements.functions import Function
from modelkit.elements.headings import Heading
from modelkit.elements.integers import integer_names
from modelkit.elements.lets import Let, in_dependency_order
from modelkit.elements.nouns import LATER, Noun, check_form, fields_of
from modelkit.elements.nouns import nouns as nouns
from modelkit.elements.parameters import Parameter
from modelkit.elements.plots import Plot
from modelkit.elements.references import Reference
from modelkit.elements.tasks import Task
from modelkit.errors import ModelError, raise_all
from modelkit.language import nodes
from modelkit.units import UnitSystem

CLOSE = 0.7  # likeness of a misspelt name
FORMULAS = 20  # stage at which formulas begin: units are known, names have their meanings


@dataclass(frozen=True)
class Declarations:
    """What a text declares, in the order of the text; lets in the order of dependency.

    ``elements`` holds conductors and terminals (:class:`Lattice`, :class:`Terminal`, and what other
    nouns make) by their names; ``block`` is the syntax tree, for the printer.
    """

    name: str
    title: str
    block: nodes.Block
    units: UnitSystem
    parameters: Mapping[str, Parameter]
    lets: Mapping[str, Let]
    functions: Mapping[str, Function]
    reference: Reference | None
    elements: Mapping[str, object]
    cases: Mapping[str, Case]
    tasks: Mapping[str, Task]
    plots: tuple[Plot, ...]
    checks: tuple[Check, ...] = ()


def declare(block: nodes.Block) -> Declarations:
    """Check and bind all statements.

    Names are collected first, so that statements may stand in any order; then each statement is
    bound by its noun.

    Raises
    ------
    ModelError, ModelErrors
        Everything that is wrong with the meaning of the text, in the order of its places.
    """
    binder = Binder(integers=integer_names(_with_implied(block)))
    partly: list[nodes.Statement] = []
    pending = list(_well_formed(block, binder, partly))
    _collect_names(pending, binder)
    pending.sort(key=lambda pair: pair[0].stage)
    early = [pair for pair in pending if pair[0].stage < FORMULAS]
    late = [pair for pair in pending if pair[0].stage >= FORMULAS]
    _bind(early, binder, partly)
    if ("units",) in binder.broken:
        binder.units = unit_systems.stand_in()
    for noun, statement in late:
        noun.prepare(statement, binder)
    _bind(late, binder, partly)
    lets_in_order: dict[str, Let] = binder.section("lets")
    with binder.catching():
        lets_in_order = in_dependency_order(lets_in_order)
    raise_all(binder.errors)
    for noun, statement in pending:
        with binder.catching():
            noun.conclude(statement, binder)
    raise_all(binder.errors)
    return _declarations(block, lets_in_order, binder)


def _declarations(block: nodes.Block, lets_in_order: dict[str, Let], binder: Binder) -> Declarations:
    heading: Heading = binder.section("heading")["heading"]
    return Declarations(
        name=heading.name,
        title=heading.title,
        block=block,
        units=binder.units,
        parameters=binder.section("parameters"),
        lets=lets_in_order,
        functions=binder.section("functions"),
        reference=binder.section("reference").get("reference"),
        elements=_in_order_of_text(binder.section("elements"), binder),
        cases=binder.section("cases"),
        tasks=binder.section("tasks"),
        plots=tuple(binder.section("plots").values()),
        checks=tuple(binder.section("checks").values()),
    )


def _in_order_of_text(elements: dict[str, object], binder: Binder) -> dict[str, object]:
    order = list(binder.declared("device"))
    return dict(
        sorted(elements.items(), key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order))
    )


def _well_formed(
    block: nodes.Block, binder: Binder, partly: list[nodes.Statement]
) -> Iterator[tuple[Noun, nodes.Statement]]:
    """The statements with their nouns; those of wrong shape are recorded and left out.

    Where nothing but fields has the wrong shape, the rest of the statement is there, and in ``partly``.
    """
    first: dict[str, nodes.Statement] = {}
    _check_heading(block, binder)
    for line in block.statements:
        if isinstance(line, nodes.Assignment):
            hint = "write 'param NAME = NUMBER' or 'let NAME = FORMULA'"
            binder.errors.append(ModelError("a value without a statement", line.target.span, hint=hint))
            continue
        word = line.noun.id
        if word in LATER and word not in nouns:
            message = f"{LATER[word]} comes with a later version"
            hint = "change the statements of the model itself"
            binder.errors.append(ModelError(message, line.noun.span, hint=hint))
            continue
        with binder.catching():
            noun = nouns.look_up(word, line.noun.span)()
            if noun.once and word in first:
                place = first[word].noun.span
                where = f" (line {place.line})" if place is not None else ""
                raise ModelError(f"'{word}' stands twice{where}", line.noun.span, hint="keep one of them")
            first.setdefault(word, line)
            if not binder.record(check_form(line, noun.current_form())):
                yield noun, line
                continue
            rest = _without_wrong_fields(noun, line)
            if rest is None:
                _remember_broken(noun, line, binder)
                continue
            binder.broken.update((name.id,) for name in noun.names(line))
            partly.append(rest)
            yield noun, rest


def _without_wrong_fields(noun: Noun, line: nodes.Statement) -> nodes.Statement | None:
    """The fields that the noun has, a misspelt one under its name; None where more is wrong."""
    form = noun.current_form()
    if noun.space != "device" or line.block is None or form.fields is None:
        return None
    given = fields_of(line.block)
    missing = [name for name in form.fields if name not in given]
    kept: list[nodes.Statement | nodes.Assignment] = []
    for one in line.block.statements:
        if isinstance(one, nodes.Statement):
            kept.append(one)
        elif isinstance(one.target, nodes.Name) and one.target.id not in form.fields:
            for meant in get_close_matches(one.target.id, missing, n=1, cutoff=CLOSE):
                missing.remove(meant)
                kept.append(replace(one, target=replace(one.target, id=meant)))
        elif isinstance(one.target, nodes.Name) and given[one.target.id] is one:
            kept.append(one)
    rest = replace(line, block=replace(line.block, statements=tuple(kept)))
    return rest if not any(check_form(rest, form)) else None


def _remember_broken(noun: Noun, line: nodes.Statement, binder: Binder) -> None:
    """Names of a statement of wrong shape exist all the same."""
    _collect_names([(noun, line)], binder)
    binder.broken.update((name.id,) for name in noun.names(line))
    if noun.space == "device":
        noun.prepare(line, binder)
    if noun.space is None:
        binder.broken.add((line.noun.id,))


def _check_heading(block: nodes.Block, binder: Binder) -> None:
    start = block.statements[0] if block.statements else None
    if isinstance(start, nodes.Statement) and start.noun.id == "model":
        return
    span = start.span if start is not None else block.span
    if isinstance(start, nodes.Statement):
        span = start.noun.span
    elif isinstance(start, nodes.Assignment):
        span = start.target.span
    message = "the first statement names the model" if start is not None else "the text is empty"
    binder.errors.append(ModelError(message, span, hint='write: model NAME "title"'))


def _collect_names(pending: list[tuple[Noun, nodes.Statement]], binder: Binder) -> None:
    for noun, statement in pending:
        if noun.space is None:
            continue
        known = binder.names.setdefault(noun.space, {})
        for name in noun.names(statement):
            called = noun.called or statement.noun.id
            if name.id not in known:
                known[name.id] = Declared(name.id, called, name.span, statement)
                continue
            other = known[name.id]
            binder.errors.append(
                ModelError(
                    f"the name '{name.id}' of this {called} is that of a {other.noun}{other.place} already",
                    name.span,
                    hint=_other_line(other),
                )
            )


def _other_line(other: Declared) -> str:
    if other.span is None:
        return "rename one of them"
    shown = other.span.source.line(other.span.line).strip()
    return f"rename one of them; line {other.span.line} is: {shown}"


def _bind(
    pending: list[tuple[Noun, nodes.Statement]], binder: Binder, partly: Sequence[nodes.Statement]
) -> None:
    for noun, statement in pending:
        names, before = [name.id for name in noun.names(statement)], len(binder.errors)
        with binder.catching(*(names[:1] or [statement.noun.id])):
            noun.bind(statement, binder)
        if any(statement is one for one in partly):  # what it lacks may stand in the field that is wrong
            binder.errors[before:] = [
                error for error in binder.errors[before:] if _within_block(error, statement)
            ]


def _within_block(error: ModelError, statement: nodes.Statement) -> bool:
    lines = statement.block.statements if statement.block is not None else ()
    spans = [line.span for line in lines if line.span is not None]
    return error.span is not None and any(one.start <= error.span.start < one.end for one in spans)


def _with_implied(block: nodes.Block) -> nodes.Block:
    """The block with the lines that kinds of statements stand for."""
    lines: list[nodes.Statement | nodes.Assignment] = list(block.statements)
    for line in block.statements:
        if isinstance(line, nodes.Statement) and line.noun.id in nouns:
            implied = nouns[line.noun.id]().implied(line)
            if implied is not None:
                lines.append(nodes.Statement(line.noun, block=implied))
    return nodes.Block(tuple(lines))
