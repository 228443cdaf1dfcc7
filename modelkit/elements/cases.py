"""The noun ``case``: a named set of overrides; and what may be overridden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from modelkit.elements.binder import Binder
from modelkit.elements.calls import subscripts_of
from modelkit.elements.gates import Gate
from modelkit.elements.names import check_name
from modelkit.elements.nouns import Form, Noun, nouns
from modelkit.elements.parameters import Parameter
from modelkit.elements.quantities import check_quantity, check_same
from modelkit.elements.result_labels import find_terminal
from modelkit.elements.terminals import DIMENSIONS, Terminal
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.printer import expression_text
from modelkit.registry import suggestion

FIELDS = ("mu", "T")


@dataclass(frozen=True)
class Override:
    """``target = value``; the target is a parameter or a field: ``gamma``, ``L.T``, ``S[2].mu``.

    The value is a formula of the parameters and lets as they are before the override.
    """

    target: str
    value: sp.Expr
    span: Span | None = None


@dataclass(frozen=True)
class Case:
    """A named set of overrides."""

    name: str
    overrides: tuple[Override, ...]
    span: Span | None = None


@nouns.register("case")
class CaseNoun(Noun):
    """A named set of overrides."""

    doc = "a named set of overrides of parameters and fields of terminals"
    form = Form(
        pattern="case NAME { PARAMETER = FORMULA; TERMINAL.T = FORMULA }",
        head=(nodes.Listing,),
        block="must",
        fields=None,
    )
    space = "case"
    stage = 60
    part = "none"

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """Every override of a parameter or field that exists."""
        assert isinstance(statement.head, nodes.Listing)  # the form has been checked
        name = statement.head.items[0].target
        if len(statement.head.items) > 1 or not isinstance(name, nodes.Name):
            raise ModelError(
                "a case has one plain name", statement.head.span, hint=f"write: {self.form.pattern}"
            )
        check_name(name)
        lines = statement.block.statements if statement.block is not None else ()
        written = [line for line in lines if isinstance(line, nodes.Assignment)]
        binder.store("cases", name.id, Case(name.id, bind_overrides(written, binder), statement.span))


def bind_overrides(lines: Sequence[nodes.Assignment], binder: Binder) -> tuple[Override, ...]:
    """The overrides of a case or task; each error is recorded by itself."""
    found: dict[str, Override] = {}
    for line in lines:
        with binder.catching():
            target = overridden(line.target, binder)
            if target in found:
                raise ModelError(f"'{target}' is set twice", line.target.span, hint="keep one of them")
            value = binder.formula(line.value)
            _check_value(target, value, line, binder)
            check_target(target, line.value, binder)
            found[target] = Override(target, value, line.span or line.target.span)
    return tuple(found.values())


def overridden(target: nodes.Expr, binder: Binder) -> str:
    """The canonical name of what is overridden or swept: ``gamma``, ``L.T``, ``S[2].mu``.

    Raises
    ------
    ModelError
        For lets, for fields that are solved, for whole families and for unknown names.
    """
    match target:
        case nodes.Name():
            return _parameter(target, binder)
        case nodes.Member(of=nodes.Name() | nodes.Index() as of, name=name):
            return _field(of, name, binder)
    raise ModelError(
        "this is neither a parameter nor a field", target.span, hint="write gamma = ... or L.T = ..."
    )


def check_target(target: str, node: nodes.Expr, binder: Binder) -> None:
    """Refuse a value of a parameter or field that is certainly of another dimension."""
    field = target.rpartition(".")[2]
    if field != target:
        check_quantity(node, DIMENSIONS[field], f"'{target}'", binder)
    else:
        check_same(node, nodes.Name(target), f"'{target}'", binder)


def _parameter(name: nodes.Name, binder: Binder) -> str:
    known = binder.declared("device").get(name.id)
    if known is not None and known.noun == "let":
        raise ModelError(
            f"'{name.id}' is a let{known.place}: it follows the parameters and is never overridden",
            name.span,
            hint=_followed(name.id, binder),
        )
    return binder.find(name, "parameter", "parameters", Parameter).name


def _followed(name: str, binder: Binder) -> str:
    """The parameters that a let follows, through other lets."""
    lets, waiting, found, seen = binder.section("lets"), [name], set[str](), set[str]()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        if current in lets:
            waiting.extend(str(symbol.name) for symbol in lets[current].expression.free_symbols)
        elif current in binder.section("parameters"):
            found.add(current)
    order = [one for one in binder.section("parameters") if one in found]
    return (
        f"override what it follows: {', '.join(order)}" if order else f"declare it with 'param {name} = ...'"
    )


def _field(of: nodes.Name | nodes.Index, name: nodes.Name, binder: Binder) -> str:
    word = of.of if isinstance(of, nodes.Index) else of
    at = subscripts_of(of) if isinstance(of, nodes.Index) else ()
    if not isinstance(word, nodes.Name):
        raise ModelError("left of '.' stands a terminal", of.span, hint="write L.T = ...")
    if isinstance(binder.section("elements").get(word.id), Gate):
        advice = f"give it a parameter, gate {word.id} {{ U = U_{word.id} }}, and override that"
        raise ModelError(f"fields of the gate '{word.id}' are not overridden", of.span, hint=advice)
    terminal = find_terminal(word, binder)
    if name.id not in FIELDS:
        hint = suggestion(name.id, FIELDS, "fields")
        if name.id == "self_energy":
            hint = "give its formula a parameter, and override that"
        raise ModelError(
            f"the field '{name.id}' of '{terminal.name}' cannot be overridden", name.span, hint=hint
        )
    if name.id in terminal.unknowns or "f" in terminal.unknowns:
        hint = f"leave it out, or make '{terminal.name}' a bath, where it is given"
        raise ModelError(f"'{name.id}' of '{terminal.name}' is solved, not given", name.span, hint=hint)
    return f"{_member(terminal, at, of, binder)}.{name.id}"


def _member(terminal: Terminal, at: tuple[nodes.Expr, ...], of: nodes.Expr, binder: Binder) -> str:
    count = len(terminal.indices)
    if len(at) != count:
        shown = ", ".join(index.name for index in terminal.indices)
        message = f"'{terminal.name}' is a family" if count else f"'{terminal.name}' has no index"
        hint = f"name one of its members: {terminal.name}[{shown}]" if count else f"write {terminal.name}"
        raise ModelError(message, of.span, hint=hint)
    numbers = [binder.constant(part, "the index of a field", f"write {terminal.name}[2]") for part in at]
    for number, part in zip(numbers, at, strict=True):
        if not number.is_integer:
            raise ModelError(
                "the index of a terminal is an integer", part.span, hint=f"write {terminal.name}[2]"
            )
    return f"{terminal.name}[{','.join(map(str, numbers))}]" if numbers else terminal.name


def _check_value(target: str, value: sp.Expr, line: nodes.Assignment, binder: Binder) -> None:
    """Constants are checked here, formulas when they have values."""
    parameter = binder.section("parameters").get(target)
    if parameter is not None and (value.is_number or value == sp.oo):
        reason = parameter.refuses(value)
        if reason:
            place = f" (line {parameter.span.line})" if parameter.span is not None else ""
            raise ModelError(
                f"the parameter '{target}'{place} {reason}", line.value.span, hint=parameter.advice
            )
    if target.endswith(".T") and value.is_negative:
        shown = expression_text(line.value)
        message = f"a temperature is not negative, '{shown}' is"
        raise ModelError(message, line.value.span, hint="write T = 0 or more")
