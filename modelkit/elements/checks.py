"""The noun ``check``: what must hold of the device, said before any number is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy as sp

from modelkit.elements.binder import Binder, free_names
from modelkit.elements.lattices import Lattice
from modelkit.elements.loops import clauses_of
from modelkit.elements.nouns import Form, Noun, nouns
from modelkit.elements.result_formulas import OutputRequest, bind_formula, by_word
from modelkit.elements.tasks import Task
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.printer import expression_text
from modelkit.registry import Registry, suggestion

operation_words: Registry[str] = Registry("operation")
for _word, _name in (
    ("inversion", "inversion"),
    ("mirror_x", "mirror x"),
    ("mirror_y", "mirror y"),
    ("mirror_z", "mirror z"),
    ("C2", "C2"),
    ("C3", "C3"),
    ("C4", "C4"),
    ("C6", "C6"),
    ("translation", "translation"),
    ("time_reversal", "time reversal"),
    ("particle_hole", "particle-hole about mu"),
    ("chiral", "chiral"),
):
    operation_words.add(_word, _name)

KINDS = ("symmetry", "broken", "forbidden", "value")
WORDS = "symmetry, broken, forbidden, not forbidden"


@dataclass(frozen=True)
class Check:
    """A claim about the device.

    ``kind`` is ``symmetry``, ``broken``, ``forbidden`` or ``not forbidden``; the first two are about
    ``operations`` (names of the factors) of one conductor (``on``) or of the whole device, the others
    about the formula of ``claim`` in the ``cases``.  ``values`` are those of parameters behind ``when``,
    ``flips`` what parameters become behind ``with``.
    """

    kind: str
    operations: tuple[str, ...] = ()
    claim: OutputRequest | None = None
    cases: tuple[str, ...] = ()
    on: str | None = None
    values: Mapping[str, sp.Expr] = field(default_factory=dict)
    flips: Mapping[str, sp.Expr] = field(default_factory=dict)
    text: str = ""
    span: Span | None = None


@nouns.register("check")
class CheckNoun(Noun):
    """A selection rule that must hold, or must not."""

    doc = "what must hold before any number is computed: a symmetry, what it forbids, or that it is broken"
    form = Form(
        pattern="check symmetry : OPERATION on LATTICE when PARAMETER == VALUE",
        head=(nodes.Listing, nodes.Negation),
        value=True,
        after=("on", "when", "with"),
    )
    stage = 85
    part = "none"

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """One claim; its conditions are values of parameters."""
        kind = _kind(statement)
        assert statement.value is not None  # the form has been checked
        values = _values(statement, binder)
        flips = _flips(statement, binder)
        text = expression_text(statement.value)
        if kind in ("symmetry", "broken"):
            on = _lattice(statement, binder)
            check = Check(kind, _factors(statement.value), None, (), on, values, flips, text, statement.span)
        else:
            claim, cases = _claim(statement, binder)
            check = Check(kind, (), claim, cases, None, values, flips, text, statement.span)
        binder.store("checks", str(len(binder.section("checks"))), check)


def _kind(statement: nodes.Statement) -> str:
    head = statement.head
    negated = isinstance(head, nodes.Negation)
    target = head.target if isinstance(head, nodes.Negation) else None
    if isinstance(head, nodes.Listing) and len(head.items) == 1 and head.items[0].value is None:
        target = head.items[0].target
    word = target.id if isinstance(target, nodes.Name) else ""
    if negated and word == "forbidden":
        return "not forbidden"
    if not negated and word in KINDS and word != "value":
        return word
    if word == "value":
        raise ModelError(
            "'check value' comes with a later version",
            statement.head.span if statement.head else statement.span,
            hint=f"this version has: {WORDS}",
        )
    span = statement.head.span if statement.head is not None else statement.span
    raise ModelError("this is no kind of check", span or statement.noun.span, hint=f"the kinds are {WORDS}")


def _factors(node: nodes.Expr) -> tuple[str, ...]:
    """``inversion * time_reversal``: the names of the factors."""
    parts = node.operands if isinstance(node, nodes.Operation) and set(node.operators) == {"*"} else (node,)
    found = []
    for part in parts:
        if not isinstance(part, nodes.Name):
            hint = f"the operations are {', '.join(operation_words)}; a product is written a*b"
            raise ModelError(f"'{expression_text(part)}' is no operation", part.span, hint=hint)
        found.append(operation_words.look_up(part.id, part.span))
    return tuple(found)


def _lattice(statement: nodes.Statement, binder: Binder) -> str | None:
    for clause in clauses_of(statement, "on"):
        name = clause.items[0]
        if not isinstance(name, nodes.Name):
            raise ModelError("'on' names a lattice", clause.span, hint="leave it out for the whole device")
        return binder.find(name, "lattice", "elements", Lattice).name
    return None


def _values(statement: nodes.Statement, binder: Binder) -> dict[str, sp.Expr]:
    """``when B_y == 0, lam == 1``: values that parameters have in this check."""
    found: dict[str, sp.Expr] = {}
    for clause in clauses_of(statement, "when"):
        for item in clause.items:
            match item:
                case nodes.Operation(operands=(nodes.Name() as name, value), operators=("==",)):
                    found[_parameter(name, binder)] = binder.formula(value)
                case _:
                    hint = "write: when B_y == 0"
                    raise ModelError("'when' gives parameters their values", clause.span, hint=hint)
    return found


def _flips(statement: nodes.Statement, binder: Binder) -> dict[str, sp.Expr]:
    """``with B_y -> -B_y``: what parameters become under the operation."""
    found: dict[str, sp.Expr] = {}
    for clause in clauses_of(statement, "with"):
        for item in clause.items:
            if not isinstance(item, nodes.Arrow) or not isinstance(item.left, nodes.Name):
                raise ModelError(
                    "'with' says what parameters become", clause.span, hint="write: with B_y -> -B_y"
                )
            found[_parameter(item.left, binder)] = binder.formula(item.right)
    return found


def _parameter(name: nodes.Name, binder: Binder) -> str:
    known = binder.section("parameters")
    if name.id not in known:
        hint = suggestion(name.id, known, "parameters") or "declare it: param x = 1"
        raise ModelError(f"there is no parameter '{name.id}'", name.span, hint=hint)
    return name.id


def _claim(statement: nodes.Statement, binder: Binder) -> tuple[OutputRequest, tuple[str, ...]]:
    """The formula, in the cases of the task behind ``on``, else of the first with two, else the first two."""
    assert statement.value is not None
    cases = _cases(statement, binder)
    verb = "response" if _asks_for_coefficients(statement.value) else "transport"
    name = nodes.Name("check", span=statement.noun.span)
    return bind_formula(name, statement.value, verb, cases, binder), cases


def _cases(statement: nodes.Statement, binder: Binder) -> tuple[str, ...]:
    tasks: dict[str, Task] = binder.section("tasks")
    for clause in clauses_of(statement, "on"):
        name = clause.items[0]
        if not isinstance(name, nodes.Name):
            raise ModelError(
                "'on' names a task", clause.span, hint="leave it out for the first with two cases"
            )
        return binder.find(name, "task", "tasks", Task).cases
    two = next((task.cases for task in tasks.values() if len(task.cases) == 2), None)
    return two or tuple(binder.section("cases"))[:2]


def _asks_for_coefficients(node: nodes.Expr) -> bool:
    """Whether its results are of ``response`` alone."""
    known = [by_word(name.id) for name in free_names(node)]
    return any(one is not None and "transport" not in one.verbs for one in known)
