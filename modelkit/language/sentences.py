"""Nodes to words: what a statement or an expression says, word by word, and where blanks stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, assert_never

from modelkit.language import nodes


class Said(NamedTuple):
    """A word; ``spaced`` if a blank stands before it, ``may_break`` if the line may end behind it."""

    text: str
    spaced: bool = False
    may_break: bool = False


def statement_words(statement: nodes.Statement | nodes.Assignment) -> list[Said]:
    """The own words of a statement, without those of its block."""
    if isinstance(statement, nodes.Assignment):
        return _broken(_assigned(statement.target, statement.value))
    return _broken(_statement(statement))


def expression_words(expression: nodes.Expr) -> list[Said]:
    """The words of an expression."""
    return _broken(_expression(expression, LOOSE))


LOOSE, OR, AND, NOT, COMPARISON, SUM, PRODUCT, SIGN, POWER, CLOSED = range(10)
"""How tightly an expression must bind to stand in a place; what binds less gets parentheses."""


def binding(node: nodes.Expr) -> int:
    """How tightly an expression binds: one of the levels."""
    match node:
        case nodes.Operation(operators=operators):
            return _LEVELS.get(operators[0], COMPARISON)
        case nodes.Unary(operator=operator):
            return NOT if operator == "not" else SIGN
        case nodes.Power():
            return POWER
    return CLOSED


def _broken(words: Iterator[Said]) -> list[Said]:
    """Allow breaks inside parentheses and brackets, and behind signs that go on."""
    said: list[Said] = []
    depth = 0
    for word in words:
        depth += (word.text in _OPENING) - (word.text in _CLOSING)
        said.append(word._replace(may_break=depth > 0 or word.text in _UNFINISHED))
    said[-1] = said[-1]._replace(may_break=False)
    return said


def _statement(statement: nodes.Statement) -> Iterator[Said]:
    yield Said(statement.noun.id)
    if statement.head is not None:
        yield from _spaced(_head(statement.head))
    for clause in statement.clauses:
        yield from _clause(clause)
    if statement.value is not None:
        yield Said(":", True)
        yield from _spaced(_expression(statement.value, LOOSE))
        for clause in statement.after:
            yield from _clause(clause)
    if statement.title is not None:
        yield Said(f'"{statement.title.value}"', True)


def _assigned(target: nodes.Expr, value: nodes.Expr) -> Iterator[Said]:
    yield from _expression(target, CLOSED)
    yield Said("=", True)
    yield from _spaced(_expression(value, LOOSE))


def _head(head: nodes.Head) -> Iterator[Said]:
    match head:
        case nodes.Listing(items=items):
            for number, item in enumerate(items):
                if number:
                    yield Said(",")
                words = _assigned(item.target, item.value) if item.value else _expression(item.target, CLOSED)
                yield from _spaced(words, bool(number))
        case nodes.Path(joint=joint, ends=ends):
            for number, end in enumerate(ends):
                if number:
                    yield Said(joint, True)
                yield from _spaced(_expression(end, CLOSED), bool(number))
        case nodes.Kind(kind=kind, target=target):
            yield Said(kind.id)
            yield from _spaced(_expression(target, CLOSED))
        case nodes.Negation(target=target):
            yield Said("not")
            yield from _spaced(_expression(target, CLOSED))
        case _:
            assert_never(head)


def _clause(clause: nodes.Clause) -> Iterator[Said]:
    for word in clause.word.split():
        yield Said(word, True)
    if clause.word == "from":
        start, stop = clause.items
        yield from _spaced(_governed(start))
        yield Said("to", True)
        yield from _spaced(_governed(stop))
    elif clause.word == "at":
        yield Said("(", True)
        yield from _separated([list(_governed(item)) for item in clause.items])
        yield Said(")")
    else:
        yield from _spaced(_separated([list(_governed(item)) for item in clause.items]))


def _governed(
    item: nodes.Expr | nodes.SetExpr | nodes.Iteration | nodes.Arrow | nodes.Text,
) -> Iterator[Said]:
    match item:
        case nodes.Iteration(name=name, over=over):
            yield Said(name.id)
            yield Said("in", True)
            yield from _spaced(_governed(over))
        case nodes.Arrow(left=left, right=right):
            yield from _expression(left, LOOSE)
            yield Said("->", True)
            yield from _spaced(_expression(right, LOOSE))
        case nodes.Text(value=value):
            yield Said(f'"{value}"')
        case nodes.RangeSet(start=start, stop=stop, step=step):
            yield from _expression(start, LOOSE, tight=True)
            yield Said("..")
            yield from _expression(stop, LOOSE, tight=True)
            if step is not None:
                yield Said("step", True)
                yield from _spaced(_expression(step, LOOSE, tight=True))
        case nodes.ListedSet(values=values):
            yield Said("{")
            yield from _separated([list(_expression(value, LOOSE)) for value in values])
            yield Said("}")
        case _:
            yield from _expression(item, LOOSE)


def _expression(node: nodes.Expr, least: int, tight: bool = False) -> Iterator[Said]:
    """An expression where things must bind at least so tightly; ``tight`` sums have no blanks."""
    if binding(node) < least:
        yield Said("(")
        yield from _expression(node, LOOSE, tight)
        yield Said(")")
        return
    match node:
        case nodes.Number():
            yield from _number(node)
        case nodes.Name(id=name):
            yield Said(name)
        case nodes.Unary(operator=operator, of=of):
            yield Said(operator)
            inner = NOT if operator == "not" else SIGN
            yield from _spaced(_expression(of, inner, tight), operator == "not")
        case nodes.Power(base=base, exponent=exponent):
            yield from _expression(base, CLOSED, tight)
            yield Said("^")
            yield from _expression(exponent, SIGN, tight)
        case nodes.Operation():
            yield from _operation(node, tight)
        case nodes.Group(of=of):
            yield Said("(")
            yield from _expression(of, LOOSE, tight)
            yield Said(")")
        case nodes.Matrix():
            yield from _matrix(node)
        case nodes.Index() | nodes.Member() | nodes.Call() | nodes.Adjoint() | nodes.AtCase():
            yield from _behind(node, tight)
        case _:
            assert_never(node)


def _number(node: nodes.Number) -> Iterator[Said]:
    yield Said(node.text)
    if node.unit is not None:
        yield Said("[", True)
        yield from _expression(node.unit, LOOSE)
        yield Said("]")


def _matrix(node: nodes.Matrix) -> Iterator[Said]:
    yield Said("[")
    for number, row in enumerate(node.rows):
        if number:
            yield Said("|", True)
        yield from _spaced(_separated([list(_expression(part, LOOSE)) for part in row]), bool(number))
    yield Said("]")


def _behind(
    node: nodes.Index | nodes.Member | nodes.Call | nodes.Adjoint | nodes.AtCase, tight: bool
) -> Iterator[Said]:
    """What stands behind a name: an index, arguments, a prime."""
    yield from _expression(node.of, CLOSED, tight)
    match node:
        case nodes.Index(at=at):
            yield Said("[")
            yield from _separated([list(_subscript(part)) for part in at])
            yield Said("]")
        case nodes.Member(name=name):
            yield Said(".")
            yield Said(name.id)
        case nodes.Call(arguments=arguments):
            yield Said("(")
            yield from _separated([list(_argument(argument, tight)) for argument in arguments])
            yield Said(")")
        case nodes.Adjoint():
            yield Said("'")
        case nodes.AtCase(case=case):
            yield Said("@")
            yield Said(case.id)
        case _:
            assert_never(node)


def _subscript(part: nodes.Expr | nodes.Arrow) -> Iterator[Said]:
    if isinstance(part, nodes.Arrow):
        yield from _governed(part)
    else:
        yield from _expression(part, LOOSE, tight=True)


def _argument(argument: nodes.Expr | nodes.Keyword, tight: bool) -> Iterator[Said]:
    if isinstance(argument, nodes.Keyword):
        yield Said(argument.name.id)
        yield Said("=", True)
        yield from _spaced(_expression(argument.value, LOOSE))
    else:
        yield from _expression(argument, LOOSE, tight)


def _operation(node: nodes.Operation, tight: bool) -> Iterator[Said]:
    level = binding(node)
    spaced = level < SUM or (level == SUM and not tight)
    for number, operand in enumerate(node.operands):
        if number:
            yield Said(node.operators[number - 1], spaced)
        yield from _spaced(_expression(operand, level + 1, tight), spaced and bool(number))


def _spaced(words: Iterator[Said], spaced: bool = True) -> Iterator[Said]:
    """The words, with a blank before the first."""
    for number, word in enumerate(words):
        yield word if number else word._replace(spaced=spaced)


def _separated(parts: Sequence[Sequence[Said]]) -> Iterator[Said]:
    for number, part in enumerate(parts):
        if number:
            yield Said(",")
        yield from _spaced(iter(part), bool(number))


_LEVELS = {"or": OR, "and": AND, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT}
_OPENING = ("(", "[", "{")
_CLOSING = (")", "]", "}")
_UNFINISHED = frozenset(
    ["->", "+", "-", "*", "/", "^", "==", "!=", "<=", ">=", "<", ">", ",", ":", "=", "..", "and", "or", "not"]
)
