"""The noun ``task``: what to compute, over which values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy as sp

from modelkit.elements.binder import Binder, ConsequentError
from modelkit.elements.cases import Case, Override, bind_overrides
from modelkit.elements.initial import INITIAL, Initial, bind_initial
from modelkit.elements.names import check_name
from modelkit.elements.nouns import Form, Noun, nouns
from modelkit.elements.result_formulas import Derived, bind_formula, by_word, check_verb, output_words
from modelkit.elements.result_formulas import Label as Label
from modelkit.elements.result_formulas import OutputRequest as OutputRequest
from modelkit.elements.result_formulas import Quantity as Quantity
from modelkit.elements.sweeps import Grid as Grid
from modelkit.elements.sweeps import Sweep as Sweep
from modelkit.elements.sweeps import bind_sweep
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.printer import expression_text
from modelkit.registry import Verb, check_method, methods_of, suggestion, verbs

CASES = Form(
    pattern="cases FIRST, SECOND",
    head=(nodes.Listing,),
    doc="the cases in which the task is done; the first two are compared",
)
SWEEP = Form(
    pattern="sweep gamma from 0.1 to 0.5 points 5, sweep N in 4..200 step 2, sweep g in {0.1, 0.3}",
    head=(nodes.Listing,),
    clauses=("in", "from", "points"),
    doc="values of a parameter, of a field or of a running variable; several sweeps give their product",
)
OUTPUT = Form(
    pattern="output current, dI = nonreciprocity(I[L])",
    head=(nodes.Listing,),
    doc="registered outputs, and formulas over results with a name",
)


CALL = "()"  # the verb itself among the spans of a task; no option has this name


@dataclass(frozen=True)
class Task:
    """A declared task.

    ``options`` holds those of the verb: words as str, numbers as int or float; ``spans`` says where each
    is written and, under ``CALL``, where the verb is.
    """

    name: str
    verb: str
    options: Mapping[str, object]
    cases: tuple[str, ...]
    sweeps: tuple[Sweep, ...]
    overrides: tuple[Override, ...]
    outputs: tuple[OutputRequest, ...]
    span: Span | None = None
    spans: Mapping[str, Span] = field(default_factory=dict)
    initial: Initial | None = None


@nouns.register("task")
class TaskNoun(Noun):
    """Something to compute."""

    doc = "something to compute; the first task is the file's main one"
    form = Form(
        pattern="task NAME = VERB(OPTION = ...) { cases ...; sweep ...; output ... }",
        head=(nodes.Listing,),
        block="must",
        fields=None,
        lines={"cases": CASES, "sweep": SWEEP, "output": OUTPUT, "initial": INITIAL},
        later=("find",),
    )
    space = "task"
    stage = 70
    part = "none"

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """Verb, options, cases, sweeps, overrides, outputs; each line's error by itself."""
        name, verb, options, spans = _head(statement, self.form, binder)
        block = statement.block or nodes.Block(())
        written = {word: _lines(block, word) for word in ("cases", "sweep", "output", "initial")}
        cases = _cases(written["cases"], binder)
        overrides = bind_overrides(
            [line for line in block.statements if isinstance(line, nodes.Assignment)], binder
        )
        for one in overrides:
            with binder.catching():
                _check_enters(one.target, verb, one.span)
        sweeps: dict[str, Sweep] = {}
        for line in written["sweep"]:
            with binder.catching():
                sweep = bind_sweep(line, verb, binder)
                _check_enters(sweep.name, verb, line.head.span if line.head else line.span)
                _check_sweep(sweep, line, sweeps, overrides, cases, binder)
                sweeps[sweep.name] = sweep
        found = _outputs(written["output"], verb, cases, sweeps, binder)
        if not written["output"]:
            hint = f"write: output {', '.join(output_words(verb.name)[:3])}"
            binder.errors.append(ModelError(f"the task '{name.id}' has no output", name.span, hint=hint))
        initial = None
        with binder.catching():
            initial = bind_initial(written["initial"], verb, spans.get(CALL), binder)
        if initial is not None and initial.span is not None:
            spans["initial"] = initial.span
        task = Task(
            name.id,
            verb.name,
            options,
            cases,
            tuple(sweeps.values()),
            overrides,
            tuple(found.values()),
            statement.span,
            spans,
            initial,
        )
        binder.store("tasks", name.id, task)


def _head(
    statement: nodes.Statement, form: Form, binder: Binder
) -> tuple[nodes.Name, Verb, dict[str, object], dict[str, Span]]:
    assert isinstance(statement.head, nodes.Listing)  # the form has been checked
    item, usage = statement.head.items[0], f"write: {form.pattern}"
    if len(statement.head.items) > 1 or not isinstance(item.target, nodes.Name):
        raise ModelError("a task has one plain name", statement.head.span, hint=usage)
    check_name(item.target)
    match item.value:
        case nodes.Name() as word:
            verb = verbs.look_up(word.id, word.span)
            return item.target, verb, {}, _spans(item.value, ())
        case nodes.Call(of=nodes.Name() as word, arguments=arguments):
            verb = verbs.look_up(word.id, word.span)
            return item.target, verb, _options(verb, arguments, binder), _spans(item.value, arguments)
    span = item.value.span if item.value is not None else item.target.span
    raise ModelError("behind '=' of a task stands a verb", span, hint=suggestion("", verbs, verbs.plural))


def _options(
    verb: Verb, arguments: tuple[nodes.Expr | nodes.Keyword, ...], binder: Binder
) -> dict[str, object]:
    found: dict[str, object] = {}
    for argument in arguments:
        with binder.catching():
            if not isinstance(argument, nodes.Keyword):
                shown = ", ".join(f"{name} = ..." for name in verb.options)
                raise ModelError("an option has a name", argument.span, hint=f"write: {verb.name}({shown})")
            name = argument.name
            if name.id not in verb.options:
                hint = suggestion(name.id, verb.options, f"options of '{verb.name}'") or "leave it out"
                raise ModelError(f"'{verb.name}' has no option '{name.id}'", name.span, hint=hint)
            if name.id in found:
                raise ModelError(f"the option '{name.id}' is given twice", name.span, hint="keep one of them")
            found[name.id] = _option(name.id, argument.value, verb, binder)
    return found


def _spans(call: nodes.Expr, arguments: tuple[nodes.Expr | nodes.Keyword, ...]) -> dict[str, Span]:
    written = {one.name.id: one.value.span for one in arguments if isinstance(one, nodes.Keyword)}
    return {name: span for name, span in {CALL: call.span, **written}.items() if span is not None}


def _option(name: str, node: nodes.Expr, verb: Verb, binder: Binder) -> object:
    """A word, or a constant number; ``method`` and ``order`` are checked here."""
    if name == "method":
        if not isinstance(node, nodes.Name):
            hint = suggestion("", methods_of(verb.name), f"methods of '{verb.name}'")
            raise ModelError("a method is a word", node.span, hint=hint)
        check_method(node.id, verb.name, node.span)
        return node.id
    word = isinstance(node, nodes.Name) and node.id not in binder.meanings
    if word and name != "order":
        return expression_text(node)
    value = sp.nan if word else binder.constant(node, f"the option '{name}'", f"write a number: {name} = 1")
    if name == "order":
        if not (value.is_integer and value.is_positive):
            raise ModelError("an order is 1, 2, ...", node.span, hint="write order = 1 for linear response")
        if not binder.section("reference") and not _declares(binder, "reference"):
            raise ModelError(
                "an order counts deviations from the reference, and the model has none",
                node.span,
                hint="add: reference { mu = ...; T = ... }",
            )
    return int(value) if value.is_integer else float(value)


def _declares(binder: Binder, section: str) -> bool:
    return (section,) in binder.broken


def _lines(block: nodes.Block, word: str) -> list[nodes.Statement]:
    return [line for line in block.statements if isinstance(line, nodes.Statement) and line.noun.id == word]


def _cases(lines: list[nodes.Statement], binder: Binder) -> tuple[str, ...]:
    found: list[str] = []
    for line in lines:
        assert isinstance(line.head, nodes.Listing)  # the form has been checked
        for item in line.head.items:
            with binder.catching():
                name = item.target
                if item.value is not None or not isinstance(name, nodes.Name):
                    raise ModelError(
                        "cases are listed by their names", item.span, hint=f"write: {CASES.pattern}"
                    )
                if name.id in found:
                    raise ModelError(f"the case '{name.id}' is listed twice", name.span, hint="list it once")
                found.append(name.id)
                binder.find(name, "case", "cases", Case)
    return tuple(found)


def _check_sweep(
    sweep: Sweep,
    line: nodes.Statement,
    others: Mapping[str, Sweep],
    overrides: tuple[Override, ...],
    cases: tuple[str, ...],
    binder: Binder,
) -> None:
    """A swept name is swept once and set nowhere else."""
    span = line.head.span if line.head is not None else line.span
    if sweep.name in others:
        raise ModelError(f"'{sweep.name}' is swept twice", span, hint="several sweeps give their product")
    if sweep.name in {one.target for one in overrides}:
        raise ModelError(f"'{sweep.name}' is swept and set in the same task", span, hint="keep one of them")
    for name in cases:
        case = binder.section("cases").get(name)
        if case is not None and sweep.name in {one.target for one in case.overrides}:
            raise ModelError(
                f"'{sweep.name}' is swept, but the case '{name}' sets it",
                span,
                hint=_direction(sweep.name, name, binder),
            )


def _check_enters(target: str, verb: Verb, span: Span | None) -> None:
    """Fields of terminals are nothing to a verb that looks at the reference alone."""
    if "." in target and not verb.biased:
        message = f"'{target}' does not enter: in '{verb.name}' all terminals are at the reference"
        raise ModelError(message, span, hint="change the mu or T of the reference, by a parameter in it")


def _direction(swept: str, case: str, binder: Binder) -> str:
    """What a case sets besides a sweep: most often the sign of what is swept."""
    if swept not in binder.section("parameters") or "direction" in binder.declared("device"):
        return f"sweep or set a parameter of its own, and write the formula of '{swept}' with both"
    return (
        f"give the direction a parameter: param direction = 1, direction*{swept} in place of {swept}, "
        f"case {case} {{ direction = -1 }}"
    )


def _outputs(
    lines: list[nodes.Statement],
    verb: Verb,
    cases: tuple[str, ...],
    sweeps: Mapping[str, Sweep],
    binder: Binder,
) -> dict[str, OutputRequest]:
    """All outputs; a formula may use those before it."""
    found: dict[str, OutputRequest] = {}
    items = [item for line in lines if isinstance(line.head, nodes.Listing) for item in line.head.items]
    named = [
        item.target.id for item in items if item.value is not None and isinstance(item.target, nodes.Name)
    ]
    derived: dict[str, OutputRequest | ConsequentError | None] = dict.fromkeys(named)
    for item in items:
        with binder.catching():
            request = _output(item, verb, cases, derived, binder)
            _check_output(request, item, found, sweeps)
            found[request.name] = request
        if item.value is not None and isinstance(item.target, nodes.Name):
            name = item.target.id
            derived[name] = found.get(name, ConsequentError(f"'{name}' is wrong itself", item.target.span))
    return found


def _output(
    item: nodes.Item,
    verb: Verb,
    cases: tuple[str, ...],
    derived: Derived,
    binder: Binder,
) -> OutputRequest:
    target = item.target
    if item.value is not None:
        if not isinstance(target, nodes.Name):
            raise ModelError("a derived output has a plain name", target.span, hint="write: dI = I[L] - I[R]")
        check_name(target)
        known = by_word(target.id)
        if known is not None and verb.name in known.verbs:
            message = f"'{target.id}' is an output already: {known.meaning}"
            raise ModelError(message, target.span, hint="give the formula another name")
        return bind_formula(target, item.value, verb.name, cases, binder, derived)
    if not isinstance(target, nodes.Name):
        shown = expression_text(target)
        raise ModelError(f"the output '{shown}' needs a name", target.span, hint=f"write: x = {shown}")
    output = by_word(target.id)
    if output is None:
        hint = suggestion(target.id, output_words(verb.name), f"outputs of '{verb.name}'")
        raise ModelError(f"there is no output '{target.id}'", target.span, hint=hint)
    check_verb(output, verb.name, target)
    return OutputRequest(output.name, span=target.span, verb=verb.name)


def _check_output(
    request: OutputRequest, item: nodes.Item, others: Mapping[str, OutputRequest], sweeps: Mapping[str, Sweep]
) -> None:
    if request.name in others:
        raise ModelError(
            f"the output '{request.name}' is listed twice", item.target.span, hint="list it once"
        )
    if request.name in sweeps:
        raise ModelError(
            f"'{request.name}' is swept in this task", item.target.span, hint="give the formula another name"
        )
