"""The noun ``param``: a number that can be set from outside."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from modelkit.elements.binder import Binder
from modelkit.elements.names import check_name
from modelkit.elements.nouns import Form, Noun, nouns
from modelkit.elements.quantities import check_same
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.printer import expression_text, from_sympy
from modelkit.language.scope import Meaning

MOST_CHOICES = 1000


@dataclass(frozen=True)
class Parameter:
    """A declared parameter.

    ``default``, ``interval`` and ``choices`` are exact sympy numbers in the model's units (``oo``
    for ``infinite``); ``unit`` is the text of the declared unit or None; ``integer`` parameters
    stand in ranges, rings, indices; ``complex`` ones have a complex default.
    """

    name: str
    symbol: sp.Symbol
    default: sp.Expr
    unit: str | None = None
    interval: tuple[sp.Expr, sp.Expr] | None = None
    choices: tuple[sp.Expr, ...] | None = None
    doc: str = ""
    integer: bool = False
    complex: bool = False
    span: Span | None = None

    def refuses(self, value: sp.Expr) -> str | None:
        """Why an exact value is not allowed, or None.

        The reason reads after "the parameter ..."; compiled numbers are converted before.
        """
        shown = _shown(value)
        if self.choices is not None:
            allowed = ", ".join(map(_shown, self.choices))
            return None if value in self.choices else f"must be one of {allowed}, not {shown}"
        if self.integer and not (value.is_integer or value == sp.oo):
            return f"stands in a range, a ring or an index and must be an integer, not {shown}"
        if not (self.complex and self.interval is None) and not value.is_extended_real:
            return f"is real, not {shown}"
        if self.interval is not None:
            low, high = self.interval
            if not (low <= value <= high):
                return f"must lie from {_shown(low)} to {_shown(high)}, not {shown}"
        return None

    @property
    def advice(self) -> str:
        """What to give instead of a value that is refused."""
        if self.choices is not None:
            return "give one of these, or add the value to the choices"
        if self.interval is not None and not self.integer:
            return "give a value in this interval, or widen it"
        if self.interval is not None:
            low, high = self.interval
            return f"give an integer from {_shown(low)} to {_shown(high)}"
        return "give an integer, such as 4" if self.integer else "give a real number, such as 0.5"


def _shown(value: sp.Expr) -> str:
    return "infinite" if value == sp.oo else expression_text(from_sympy(value))


@nouns.register("param")
class ParameterNoun(Noun):
    """A number with a name: a default, a range that is checked, a sentence."""

    called = "parameter"
    doc = "a parameter: its default, its closed interval or its choices, and what it is"
    form = Form(
        pattern='param NAME = NUMBER from LOW to HIGH "meaning"',
        head=(nodes.Listing,),
        clauses=("from", "in"),
        title=True,
    )
    space = "device"
    stage = 20
    part = "none"

    def prepare(self, statement: nodes.Statement, binder: Binder) -> None:
        """The symbol, so that a wrong default is the only error that it causes."""
        for name in self.names(statement):
            _mean(name, binder, is_complex=False)

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """Constants only: default, interval, choices; the default must lie within."""
        item = _item(statement)
        if not isinstance(item.target, nodes.Name):
            message = "a parameter is a single number with a plain name"
            raise ModelError(message, item.target.span, hint=f"write: {self.form.pattern}")
        check_name(item.target)
        if item.value is None:
            raise ModelError(
                f"the parameter '{item.target.id}' needs a default",
                item.target.span,
                hint=f"write: {self.form.pattern}",
            )
        name, default = item.target.id, binder.constant(item.value, "the default of a parameter")
        is_complex = not default.is_extended_real
        symbol = _mean(item.target, binder, is_complex=is_complex)
        parameter = Parameter(
            name=name,
            symbol=symbol,
            default=default,
            unit=_unit(item.value),
            interval=_interval(statement, binder),
            choices=_choices(statement, binder),
            doc=statement.title.value if statement.title else "",
            integer=name in binder.integers,
            complex=is_complex,
            span=statement.span,
        )
        for bound in _written(statement):
            check_same(bound, item.value, f"'{name}'", binder)
        reason = parameter.refuses(default)
        binder.store("parameters", name, parameter)
        if reason:
            raise ModelError(f"the parameter '{name}' {reason}", item.value.span, hint=parameter.advice)


def _mean(name: nodes.Name, binder: Binder, *, is_complex: bool) -> sp.Symbol:
    """Enter the symbol with what is known of it: integer, real or complex."""
    if name.id in binder.integers:
        symbol = sp.Symbol(name.id, integer=True)
    else:
        symbol = sp.Symbol(name.id) if is_complex else sp.Symbol(name.id, real=True)
    binder.mean(name.id, Meaning("parameter", symbol, name.span))
    return symbol


def _item(statement: nodes.Statement) -> nodes.Item:
    assert isinstance(statement.head, nodes.Listing)  # the form has been checked
    if len(statement.head.items) != 1:
        second = statement.head.items[1]
        raise ModelError(
            f"one '{statement.noun.id}' a statement",
            second.span or second.target.span,
            hint="start a new line",
        )
    return statement.head.items[0]


def _unit(node: nodes.Expr) -> str | None:
    """The unit of the first literal: bare numbers from outside are in this unit."""
    match node:
        case nodes.Number(unit=unit):
            return expression_text(unit) if unit is not None else None
        case nodes.Group(of=of) | nodes.Unary(of=of):
            return _unit(of)
        case nodes.Operation(operands=operands):
            return next((unit for unit in map(_unit, operands) if unit), None)
    return None


def _written(statement: nodes.Statement) -> list[nodes.Expr]:
    """Bounds and choices as they stand in the text."""
    found: list[nodes.Expr] = []
    for clause in statement.clauses:
        for item in clause.items:
            match item:
                case nodes.ListedSet(values=values):
                    found += values
                case nodes.RangeSet(start=start, stop=stop):
                    found += [start, stop]
                case _:
                    found.append(item)  # type: ignore[arg-type]
    return found


def _interval(statement: nodes.Statement, binder: Binder) -> tuple[sp.Expr, sp.Expr] | None:
    for clause in statement.clauses:
        if clause.word == "from":
            low, high = (binder.constant(bound, "a bound of a parameter") for bound in clause.items)  # type: ignore[arg-type]
            if not (low.is_extended_real and high.is_extended_real and low <= high):
                message = "an interval goes from its smaller to its larger end"
                raise ModelError(message, clause.span, hint="write: from LOW to HIGH, such as from 0 to 2")
            return low, high
    return None


def _choices(statement: nodes.Statement, binder: Binder) -> tuple[sp.Expr, ...] | None:
    for clause in statement.clauses:
        if clause.word == "in":
            match clause.items[0]:
                case nodes.ListedSet(values=values):
                    return tuple(binder.constant(value, "a choice of a parameter") for value in values)
                case nodes.RangeSet() as written:
                    return _counted(written, binder)
            raise ModelError("choices are listed in braces", clause.span, hint="write: in {1, 2, 3}")
    return None


def _counted(written: nodes.RangeSet, binder: Binder) -> tuple[sp.Expr, ...]:
    parts = (written.start, written.stop, written.step or nodes.Number("1"))
    start, stop, step = (binder.constant(part, "a choice of a parameter") for part in parts)
    if not (start.is_integer and stop.is_integer and step.is_integer and step > 0):
        raise ModelError("a range of choices runs over integers", written.span, hint="write: in {0.1, 0.3}")
    if (stop - start) / step > MOST_CHOICES:
        message = f"more than {MOST_CHOICES} choices"
        raise ModelError(message, written.span, hint="give an interval: from LOW to HIGH")
    return tuple(sp.Integer(value) for value in range(int(start), int(stop) + 1, int(step)))
