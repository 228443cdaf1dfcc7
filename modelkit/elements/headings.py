"""The noun ``model``: the name and the title of a model."""

from __future__ import annotations

from dataclasses import dataclass

from modelkit.elements.binder import Binder
from modelkit.elements.loops import clauses_of
from modelkit.elements.nouns import Form, Noun, nouns
from modelkit.errors import ModelError
from modelkit.language import nodes


@dataclass(frozen=True)
class Heading:
    """``model NAME "title"``."""

    name: str
    title: str


@nouns.register("model")
class ModelNoun(Noun):
    """The first statement."""

    doc = "the name and the title; the first statement of a file"
    form = Form(
        pattern='model NAME "title"',
        head=(nodes.Listing,),
        clauses=("extends",),
        title=True,
    )
    stage = 0
    part = "none"
    once = True

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """Name and title."""
        for clause in clauses_of(statement, "extends"):
            raise ModelError(
                "a model that extends another comes with a later version",
                clause.span,
                hint="copy the other file's statements, or override values when a task is run",
            )
        match statement.head:
            case nodes.Listing(items=(nodes.Item(target=nodes.Name(id=name), value=None),)):
                title = statement.title.value if statement.title else ""
                binder.store("heading", "heading", Heading(name, title))
            case _:
                span = statement.head.span if statement.head else statement.noun.span
                raise ModelError("a model has one plain name", span, hint=f"write: {self.form.pattern}")
