"""The noun ``function``: a formula with arguments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sympy as sp

from modelkit.elements.binder import Binder
from modelkit.elements.names import check_name
from modelkit.elements.nouns import Form, Noun, nouns
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.scope import Meaning, UserFunction


@dataclass(frozen=True)
class Function:
    """``function name(arguments) = body``; a call is replaced by the body where it stands.

    ``arguments`` are dummies: they occur in no other formula.
    """

    name: str
    arguments: tuple[sp.Dummy, ...]
    body: sp.Expr
    span: Span | None = None


@nouns.register("function")
class FunctionNoun(Noun):
    """A formula with arguments, used like a built-in function."""

    doc = "a formula with arguments; it may use parameters, lets and other functions, not itself"
    form = Form(pattern="function NAME(ARGUMENT, ...) = FORMULA", head=(nodes.Listing,))
    space = "device"
    stage = 25
    part = "none"

    def names(self, statement: nodes.Statement) -> Iterator[nodes.Name]:
        """The name in front of the brackets."""
        call = _call(statement)
        if call is not None and isinstance(call.of, nodes.Name):
            yield call.of

    def prepare(self, statement: nodes.Statement, binder: Binder) -> None:
        """A meaning that is expanded at each call, so that functions may stand in any order."""
        call, body = _call(statement), _body(statement)
        for name in self.names(statement):
            meaning: UserFunction | None = None
            if call is not None and body is not None:
                arguments = tuple(one.id for one in call.arguments if isinstance(one, nodes.Name))
                meaning = UserFunction(name.id, arguments, body, binder.scope)
            binder.mean(name.id, Meaning("function", meaning, name.span))

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """The body with its arguments as dummies: wrong bodies are found without a call."""
        call, body = _call(statement), _body(statement)
        if call is None or body is None or not isinstance(call.of, nodes.Name):
            raise ModelError(
                "a function has arguments in brackets and a formula",
                statement.span,
                hint=f"write: {self.form.pattern}",
            )
        check_name(call.of)
        dummies: dict[str, sp.Dummy] = {}
        for argument in call.arguments:
            if not isinstance(argument, nodes.Name) or argument.id in dummies:
                message = "the arguments of a function are different plain names"
                raise ModelError(message, argument.span, hint=f"write: {self.form.pattern}")
            check_name(argument)
            dummies[argument.id] = sp.Dummy(argument.id)
        meanings = {name: Meaning("argument", dummy) for name, dummy in dummies.items()}
        formula = binder.formula(body, binder.scope.with_names(meanings))
        binder.store(
            "functions", call.of.id, Function(call.of.id, tuple(dummies.values()), formula, statement.span)
        )


def _call(statement: nodes.Statement) -> nodes.Call | None:
    match statement.head:
        case nodes.Listing(items=(nodes.Item(target=nodes.Call() as call),)):
            return call
    return None


def _body(statement: nodes.Statement) -> nodes.Expr | None:
    match statement.head:
        case nodes.Listing(items=(nodes.Item(value=value),)):
            return value
    return None
