"""Statements written in Python: their text, so that there is one way into the language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelkit.elements.nouns import Form, Noun
from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.parser import parse_expression, parse_statement
from modelkit.tasks.written import written

WIDTH = 110
TITLES = ("doc", "title")


def statement(noun: str, form: Form, parts: Sequence[Any], named: Mapping[str, Any]) -> nodes.Statement:
    """The statement that a call such as ``.bath("L", on="wire.c[1]", mu=0)`` stands for.

    Raises ModelError when it cannot be read as a statement of the language; meaning is checked later.
    """
    text = statement_text(noun, form, parts, named)
    return parse_statement(text, f"<{noun}>")


def statement_text(noun: str, form: Form, parts: Sequence[Any], named: Mapping[str, Any]) -> str:
    """Head first, then the value, then lines of the block; clauses, title, lines and fields by keyword."""
    rest = list(parts)
    words = [noun]
    if form.head and rest:
        words.append(written(rest.pop(0)))
    if rest and _is_value(rest[0]):
        words += [":" if form.value else "=", written(rest.pop(0))]
    words += [f"{word} {text}" for word, text in _clauses(form, named)]
    words += [quoted(named[name]) for name in TITLES if name in named]
    lines = [line for part in rest for line in _given_lines(part)]
    lines += [line for name, value in named.items() for line in _named_lines(name, value, form)]
    if not lines:
        return " ".join(words) + (" { }" if form.block == "must" else "")
    return _with_block(" ".join(words), lines)


def _is_value(part: Any) -> bool:
    """Whether a part is a value (a number, an expression) and no line of the block."""
    if not isinstance(part, str):
        return not isinstance(part, Mapping)
    try:
        parse_expression(part, "<value>")
    except ModelError:
        return False
    return True


def _clauses(form: Form, named: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Clauses in the order in which they were given; ``for_`` and the like lose their underscore."""
    known = {*form.clauses, *form.after}
    for name, value in named.items():
        word = name.removesuffix("_")
        if word not in known:
            continue
        match word, value:
            case "from", (low, high):
                yield word, f"{written(low)} to {written(high)}"
            case "in", list() | tuple() | set() as choices:
                yield word, f"{{{', '.join(written(one) for one in choices)}}}"
            case "at", tuple() as place:
                yield word, f"({', '.join(written(one) for one in place)})"
            case "such", _:
                yield "such that", written(value)
            case _, list() | tuple() as several:
                yield word, ", ".join(written(one) for one in several)
            case _:
                yield word, written(value)


def _given_lines(part: Any) -> list[str]:
    """Lines given by position: text, or a mapping of fields (for targets such as ``L.T``)."""
    if isinstance(part, Mapping):
        return [f"{target} = {written(value)}" for target, value in part.items()]
    if not isinstance(part, str):
        raise ModelError(f"{part!r} is no line of a block", hint="give lines as text in quotes")
    return [part]


def _named_lines(name: str, value: Any, form: Form) -> list[str]:
    word = name.removesuffix("_")
    if word in TITLES or word in form.clauses or word in form.after:
        return []
    if word not in form.lines:
        return [f"{name} = {written(value)}"]
    items = [written(one) for one in value] if isinstance(value, list | tuple) else [written(value)]
    if all(_is_item(item) for item in items):
        return [f"{word} {', '.join(items)}"]
    return [f"{word} {item}" for item in items]


def _is_item(text: str) -> bool:
    """``x`` or ``x = formula``: what may stand in one list with others."""
    name, _, formula = text.partition("=")
    return _is_value(text) or (name.strip().isidentifier() and _is_value(formula))


def _with_block(head: str, lines: Sequence[str]) -> str:
    inline = f"{head} {{ {'; '.join(lines)} }}"
    if len(inline) <= WIDTH and not any("{" in line or "\n" in line for line in lines):
        return inline
    return "\n".join([f"{head} {{", *(f"  {line}" for line in lines), "}"])


def quoted(title: Any) -> str:
    """A text in double quotes; raises ModelError for one that the language cannot quote."""
    text = str(title)
    if '"' in text or "\n" in text or "\r" in text:
        raise ModelError("a text in quotes is one line without '\"'", hint="use single quotes inside")
    return f'"{text}"'


def form_of(noun: type[Noun]) -> Form:
    """The form of a noun's statements with what other registries add to it."""
    return noun().current_form()
