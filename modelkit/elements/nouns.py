"""What a noun of the language is, and the registry of all nouns.

A noun is one class in one file, entered with ``@nouns.register("bath")``.  It describes its
statement by a :class:`Form` (heads, clauses, fields and lines that are allowed, each with its
meaning), from which come the checks, the suggestions and the language page, and it gives

``space``
    the name space of what it declares: ``"device"``, ``"task"``, ``"case"``, or None;
``stage``
    when its statements are bound: a statement may look at everything of lower stages;
``names(statement)``
    the name nodes that it declares;
``implied(statement)``
    optional: lines that it stands for besides those of its block;
``prepare(statement, binder)``
    optional: enters meanings that formulas of any statement may use;
``part``
    how what it declares transforms under symmetries: the part of a device that it belongs to, as registered
    in ``symmetry/parts.py`` (``none`` for what is no part of one); without it no verdict about a model
    that uses the noun is decided;
``bind(statement, binder)``
    turns the statement into an object and stores it with ``binder.store``;
``conclude(statement, binder)``
    optional: refuses, when the whole text is right, what nothing in it uses.

Errors are raised (one) or recorded with ``binder.catching()`` (several).
"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.printer import expression_text, statement_text
from modelkit.registry import Registry, suggestion

if TYPE_CHECKING:
    from modelkit.elements.binder import Binder


@dataclass(frozen=True)
class Form:
    """The shape of a statement, as data.

    Parameters
    ----------
    pattern : str
        The statement as it is written, shown in suggestions and on the language page.
    head : tuple of node classes
        The heads that are allowed; empty when there is none.
    headless : bool
        The head may be missing.
    clauses, after : tuple of str
        Words of the clauses before and behind the value, in their order; a word that may come
        twice stands twice.
    needs : tuple of str
        Clauses that must be there.
    value : bool
        ``: expression`` must be there; otherwise it must not.
    title : bool
        A text in quotes may follow.
    block : str
        ``"none"``, ``"may"`` or ``"must"``.
    fields : mapping or None
        Names left of ``=`` in the block with their meaning; None: anything (overrides).
    lines : mapping
        Statements of the block: word to :class:`Form`.
    later : tuple of str
        Lines of the block that are refused as coming with a later version.
    doc : str
        One sentence for the language page.
    """

    pattern: str
    head: tuple[type[nodes.Node], ...] = ()
    headless: bool = False
    clauses: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    value: bool = False
    title: bool = False
    block: str = "none"
    fields: Mapping[str, str] | None = field(default_factory=dict)
    lines: Mapping[str, Form] = field(default_factory=dict)
    later: tuple[str, ...] = ()
    doc: str = ""


class Noun(ABC):
    """A kind of statement; see the head of this file."""

    doc: ClassVar[str]
    called: ClassVar[str] = ""  # in messages; the noun's word if empty
    form: ClassVar[Form]
    space: ClassVar[str | None] = None
    stage: ClassVar[int] = 50
    once: ClassVar[bool] = False
    part: ClassVar[str | None] = None

    def current_form(self) -> Form:
        """The form with what other registries add to it (relation kinds of a lattice)."""
        return self.form

    def names(self, statement: nodes.Statement) -> Iterator[nodes.Name]:
        """The names that the statement declares: by default those of its head."""
        if self.space is not None and isinstance(statement.head, nodes.Listing):
            for item in statement.head.items:
                name = leading_name(item.target)
                if name is not None:
                    yield name

    def implied(self, statement: nodes.Statement) -> nodes.Block | None:
        """Lines that the statement stands for besides those of its block, if they can be read."""
        return None

    def prepare(self, statement: nodes.Statement, binder: Binder) -> None:  # noqa: B027 - optional
        """Enter what formulas anywhere in the text may use."""

    @abstractmethod
    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """Turn the statement into an object of the declarations."""

    def conclude(self, statement: nodes.Statement, binder: Binder) -> None:  # noqa: B027 - optional
        """Refuse what nothing in the text uses; everything is bound, without an error."""


class Nouns(Registry[type[Noun]]):
    """The registry of nouns, in the order in which they are bound."""

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries, key=lambda word: self._entries[word].stage))

    def look_up(self, name: str, span: Span | None = None) -> type[Noun]:
        """The noun, or a :class:`ModelError` that suggests the right ones."""
        if name not in self:
            from modelkit.elements.self_energies import self_energies

            hint = suggestion(name, self, self.plural)
            for kind in difflib.get_close_matches(name.lower(), self_energies, n=1, cutoff=0.7):
                hint = f"did you mean a bath: bath NAME on LATTICE.left {{ self_energy = {kind}; mu = ... }}?"
            raise ModelError(f"there is no noun '{name}'", span, hint=hint)
        return self[name]


nouns = Nouns("noun")

LATER = {
    "set": "'set' on a model that is extended",
    "remove": "'remove' on a model that is extended",
}


def leading_name(expression: nodes.Expr) -> nodes.Name | None:
    """``S`` of ``S`` and of ``S[l]``; None for anything else."""
    match expression:
        case nodes.Name():
            return expression
        case nodes.Index(of=nodes.Name() as name):
            return name
    return None


def fields_of(block: nodes.Block | None) -> dict[str, nodes.Assignment]:
    """The fields of a block by name."""
    lines = block.statements if block is not None else ()
    found = [line for line in lines if isinstance(line, nodes.Assignment)]
    return {line.target.id: line for line in found if isinstance(line.target, nodes.Name)}


def check_form(statement: nodes.Statement, form: Form) -> Iterator[ModelError]:
    """Everything that is wrong with the shape of a statement, its block included."""
    word = statement.noun.id
    usage = f"write: {form.pattern}"
    colon = _colon_in_a_range(statement, form)
    if colon is not None:
        yield colon
        return
    yield from _check_head(statement, form, usage)
    yield from _check_clauses(statement, form, usage)
    if form.value and statement.value is None:
        yield ModelError(f"'{word}' needs a formula behind ':'", statement.noun.span, hint=usage)
    if not form.value and statement.value is not None:
        yield ModelError(f"'{word}' takes no formula behind ':'", statement.value.span, hint=usage)
    if statement.title is not None and not form.title:
        yield ModelError(f"'{word}' takes no text in quotes", statement.title.span, hint=usage)
    if statement.block is None and form.block == "must":
        yield ModelError(f"'{word}' needs a block in braces", statement.noun.span, hint=usage)
    if statement.block is not None:
        if form.block == "none":
            span = statement.block.span or statement.noun.span
            yield ModelError(f"'{word}' takes no block in braces", span, hint=usage)
        else:
            yield from _check_block(word, statement.block, form)


def _check_head(statement: nodes.Statement, form: Form, usage: str) -> Iterator[ModelError]:
    word, head = statement.noun.id, statement.head
    if head is None and form.head and not form.headless:
        yield ModelError(f"'{word}' must be followed by what it is about", statement.noun.span, hint=usage)
    if head is not None and not isinstance(head, form.head):
        yield ModelError(f"'{word}' is not written like this", head.span or statement.noun.span, hint=usage)


def _check_clauses(statement: nodes.Statement, form: Form, usage: str) -> Iterator[ModelError]:
    word = statement.noun.id
    for written, allowed in ((statement.clauses, form.clauses), (statement.after, form.after)):
        rest = list(allowed)
        for clause in written:
            if clause.word in rest:
                del rest[: rest.index(clause.word) + 1]
            elif clause.word in allowed:
                message = f"'{clause.word}' stands in the wrong place or twice"
                yield ModelError(message, clause.span, hint=_joined_loops(clause, written) or usage)
            else:
                yield ModelError(f"'{word}' has no '{clause.word}' here", clause.span, hint=usage)
    present = {clause.word for clause in (*statement.clauses, *statement.after)}
    for needed in form.needs:
        if needed not in present:
            yield ModelError(f"'{word}' needs '{needed}'", statement.noun.span, hint=usage)


def _colon_in_a_range(statement: nodes.Statement, form: Form) -> ModelError | None:
    """``for l in 1:N`` reads as a set that ends at ':' and a value."""
    last = statement.clauses[-1] if statement.clauses else None
    if form.value or statement.value is None or last is None or last.word not in ("for", "in"):
        return None
    item = last.items[-1]
    start = item.over if isinstance(item, nodes.Iteration) else item
    if isinstance(start, nodes.RangeSet | nodes.ListedSet | nodes.Call | nodes.Arrow | nodes.Text):
        return None
    assert not isinstance(start, nodes.Iteration)
    hint = f"write: {expression_text(start)}..{expression_text(statement.value)}"
    span = start.span.to(statement.value.span) if start.span and statement.value.span else last.span
    return ModelError("a range is written with '..'", span, hint=hint)


def _joined_loops(second: nodes.Clause, written: tuple[nodes.Clause, ...]) -> str | None:
    """``for x in 1..X, y in 1..Y`` for two loops that follow one another."""
    loops = [clause for clause in written if clause.word == second.word == "for"]
    if len(loops) < 2:
        return None
    items = tuple(item for clause in loops for item in clause.items)
    one = nodes.Statement(nodes.Name("x"), clauses=(nodes.Clause("for", items),))
    return f"write: {statement_text(one).removeprefix('x ')}"


def _check_block(word: str, block: nodes.Block, form: Form) -> Iterator[ModelError]:
    seen: dict[str, nodes.Expr] = {}
    for line in block.statements:
        if isinstance(line, nodes.Statement):
            inner = form.lines.get(line.noun.id)
            if line.noun.id in form.later:
                message = f"'{line.noun.id}' comes with a later version"
                yield ModelError(message, line.noun.span, hint=f"this version has: {', '.join(form.lines)}")
            elif inner is not None:
                yield from check_form(line, inner)
            else:
                yield _no_such_line(word, line.noun, form)
        elif form.fields is not None:
            yield from _check_field(word, line.target, form, seen)


def _check_field(
    word: str, target: nodes.Expr, form: Form, seen: dict[str, nodes.Expr]
) -> Iterator[ModelError]:
    name = target.id if isinstance(target, nodes.Name) else None
    if name is None:
        message, plural = f"left of '=' in '{word}' stands the name of a field", f"fields of '{word}'"
        yield ModelError(message, target.span, hint=_suggest("", form, plural))
    elif name not in (form.fields or {}):
        yield ModelError(f"'{word}' has no field '{name}'", target.span, hint=_suggest(name, form, "fields"))
    elif name in seen:
        yield ModelError(f"'{name}' is given twice", target.span, hint="keep one of them")
    else:
        seen[name] = target


def _no_such_line(word: str, name: nodes.Name, form: Form) -> ModelError:
    if not form.lines:
        hint = _suggest(name.id, form, "fields")
        return ModelError(f"'{word}' has no line '{name.id}'", name.span, hint=hint)
    return ModelError(
        f"'{word}' has no line '{name.id}'", name.span, hint=suggestion(name.id, form.lines, "lines")
    )


def _suggest(name: str, form: Form, plural: str) -> str | None:
    return suggestion(name, form.fields or {}, plural) if form.fields else f"write: {form.pattern}"
