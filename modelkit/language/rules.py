"""What has the form of a model and is forbidden all the same: section 2 of the language page."""

from __future__ import annotations

import dataclasses
import keyword
import re
from collections.abc import Iterator
from typing import Any

from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.registry import suggestion

DEEPEST = 60
"""Levels of brackets, signs, powers, indices; sums and products are one level however long."""

RESERVED = frozenset(
    ("for", "in", "from", "to", "points", "step", "where", "at", "on", "such", "that", "when", "with")
    + ("within", "against", "by", "extends", "and", "or", "not", "infinite", "E", "i")
)
"""Words that cannot be declared."""

CLAUSES = frozenset(
    ("for", "in", "from", "points", "where", "when", "within", "against", "by", "on", "at", "with")
    + ("extends", "such that")
)
"""Words that begin a clause."""

LEVELS = (("or",), ("and",), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/"))
"""Operators between values, from loose to tight."""

WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
LITERAL = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?i?")


def objections(root: nodes.Node) -> Iterator[ModelError]:
    """Everything in a tree that the grammar lets through and the language does not.

    One walk without recursion, so that any depth is refused politely.
    """
    waiting: list[tuple[Any, int]] = [(root, -1 if isinstance(root, nodes.Block) else 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST:
            yield ModelError(
                f"this is nested more than {DEEPEST} deep",
                node.span,
                hint="give the inner part a name of its own",
            )
            continue
        yield from _objections_to(node)
        below = depth + (type(node) in _NESTS)
        if isinstance(node, nodes.Call) and node.of == nodes.Name("if"):
            parts: list[nodes.Node] = list(node.arguments)
        else:
            parts = list(_parts(node))
        waiting.extend((part, below) for part in reversed(parts))


def _objections_to(node: nodes.Node) -> Iterator[ModelError]:
    match node:
        case nodes.Name():
            yield from _name(node)
        case nodes.Statement():
            yield from _noun(node.noun)
        case nodes.Power() if _has_unit(node.exponent):
            yield ModelError(
                "a unit belongs to a number of its own, not to an exponent",
                node.exponent.span,
                hint="write the unit directly behind the number that has it, as in 0.2 [meV]",
            )
        case nodes.Operation():
            yield from _operators(node)
            yield from _division(node)
        case _:
            yield from _spelling(node)


def _spelling(node: nodes.Node) -> Iterator[ModelError]:
    """Words that only nodes built in Python can have: no text says them."""
    match node:
        case nodes.Number(text=text) if not LITERAL.fullmatch(text):
            yield ModelError(f"'{text}' is no number", node.span, hint="a number is written 0.5 or 2e-3")
        case nodes.Unary(operator=word) if word not in ("+", "-", "not"):
            yield ModelError(f"'{word}' is no sign", node.span, hint="the signs are '+', '-' and 'not'")
        case nodes.Path(joint=word) if word not in ("->", "-", "*"):
            yield ModelError(f"'{word}' joins nothing", node.span, hint="'->', '-' and '*' join")
        case nodes.Clause(word=word) if word not in CLAUSES:
            yield ModelError(
                f"'{word}' begins no clause", node.span, hint=suggestion(word, CLAUSES, "clauses")
            )
        case nodes.Text(value=text) if not {'"', "\n", "\r"}.isdisjoint(text):
            yield ModelError(
                "a text has one line and no '\"' inside", node.span, hint="use single quotes inside"
            )


def _name(name: nodes.Name) -> Iterator[ModelError]:
    if not WORD.fullmatch(name.id):
        hint = "a name has ASCII letters, digits and '_', a letter first"
        yield ModelError(f"'{name.id}' is no name", name.span, hint=hint)
    elif name.id in RESERVED - _NAMES_ALL_THE_SAME:
        hint = f"choose another name, '{name.id}_1' for example"
        yield ModelError(f"'{name.id}' is a reserved word", name.span, hint=hint)
    elif keyword.iskeyword(name.id):
        shorter = {"lambda": "lam"}.get(name.id, f"{name.id}_1")
        yield ModelError(
            f"'{name.id}' is a word of Python, where values are given by name",
            name.span,
            hint=f"choose another name, '{shorter}' for example",
        )


def _noun(noun: nodes.Name) -> Iterator[ModelError]:
    if not WORD.fullmatch(noun.id):
        yield from _name(noun)
    elif noun.id in RESERVED - _NOUNS_ALL_THE_SAME:
        yield ModelError(
            f"a statement cannot begin with '{noun.id}'",
            noun.span,
            hint="a line goes on after an open bracket, or after a comma, ':', '=' or an operator at its end",
        )


def _operators(node: nodes.Operation) -> Iterator[ModelError]:
    """Only nodes that were built in Python can have an operator too many or a wrong one."""
    known = any(set(node.operators) <= set(level) for level in LEVELS)
    if not (node.operators and known and len(node.operators) == len(node.operands) - 1):
        message = "an operation has operators of one level between its operands"
        yield ModelError(message, node.span, hint="build sums of products: Operation((a, b), ('+',))")


def _division(node: nodes.Operation) -> Iterator[ModelError]:
    for operator, operand in zip(node.operators, node.operands[1:], strict=True):
        if operator == "/" and _has_unit(operand):
            yield ModelError(
                "a unit belongs to a single number, not to a quotient",
                operand.span,
                hint="write the quotient as a number, as in 0.5 [meV] for 1/2 [meV]",
            )


def _has_unit(node: nodes.Expr) -> bool:
    """Whether the first thing that stands there is a number with a unit."""
    while isinstance(node, nodes.Unary | nodes.Power):
        node = node.of if isinstance(node, nodes.Unary) else node.base
    return isinstance(node, nodes.Number) and node.unit is not None


def _parts(node: nodes.Node) -> Iterator[nodes.Node]:
    kind = type(node)
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(field.name for field in dataclasses.fields(kind) if field.name not in _NO_PARTS)
    for name in _FIELDS[kind]:
        yield from _flattened(getattr(node, name))


def _flattened(value: Any) -> Iterator[nodes.Node]:
    if isinstance(value, nodes.Node):
        yield value
    elif isinstance(value, tuple):
        for part in value:  # the rows of a matrix are tuples of tuples, nothing is deeper
            yield from _flattened(part)


_FIELDS: dict[type[nodes.Node], tuple[str, ...]] = {}
_NO_PARTS = ("span", "layout", "noun")  # the noun has a rule of its own
_NAMES_ALL_THE_SAME = frozenset(("infinite", "E", "i"))
_NOUNS_ALL_THE_SAME = frozenset(("step",))
_NESTS = frozenset(
    (
        nodes.Block,
        nodes.Group,
        nodes.Call,
        nodes.Index,
        nodes.Matrix,
        nodes.Member,
        nodes.AtCase,
        nodes.Adjoint,
        nodes.Unary,
        nodes.Power,
    )
)
