"""Text to nodes: the only module that knows lark.  Every wrong text ends in a ModelError."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

from lark import Lark
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from modelkit.errors import ModelError, Source, Span, raise_all
from modelkit.language import messages, nodes, rules
from modelkit.language.layout import Placement, Remark, Word
from modelkit.language.tree import to_nodes

LARGEST_TEXT = 1_000_000
"""Characters in a text."""
MOST_WORDS = 300_000
"""Words and signs in a text; a statement has about twenty."""
MOST_OBJECTIONS = 100
"""Forbidden forms that are told at once."""


def parse(text: str, name: str = "<text>") -> nodes.Block:
    """The statements of a whole text.

    Parameters
    ----------
    text : str
        A model; a byte-order mark at its start is no part of it.
    name : str
        Under which messages show it, usually the file's.

    Raises
    ------
    ModelError
        The first error of syntax, or all forms that the language forbids.
    """
    block: nodes.Block = _read(text, name, "text")
    return block


def parse_statement(text: str, name: str = "<text>") -> nodes.Statement:
    """A single statement: ``"hop c[l] -> c[l+1] : -t"``; raises as :func:`parse`."""
    statement: nodes.Statement = _read(text, name, "single")
    return statement


def parse_expression(text: str, name: str = "<text>") -> nodes.Expr:
    """A single expression: ``"0.1 [eV]"``, ``"1+0.5i"``; raises as :func:`parse`."""
    expression: nodes.Expr = _read(text, name, "formula")
    return expression


@cache
def grammar(strict: bool = False) -> Lark:
    """The parser of ``grammars/model.lark``, built once a process; ``strict`` is for the tests."""
    return Lark(
        grammar_text(),
        parser="lalr",
        lexer="contextual",
        start=["text", "single", "formula"],
        postlex=_Everywhere(),
        propagate_positions=True,
        maybe_placeholders=False,
        strict=strict,
    )


def grammar_text() -> str:
    """The grammar file, from the installed package or from a checkout."""
    packed = resources.files("modelkit") / "grammars" / "model.lark"
    if packed.is_file():
        return packed.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "grammars" / "model.lark").read_text(encoding="utf-8")


def failure_of(text: str) -> messages.Failure:
    """How the parser fails at a wrong text that has advice."""
    failure = _run(_Reader(Source("", text)), "text")
    assert isinstance(failure, messages.Failure), f"the example {text!r} is no wrong text"
    return failure


class _Everywhere:
    """Terminals that the lexer accepts in every state; NAME, so that a word is never split."""

    always_accept = ("_SEP", "COMMENT", "NAME")

    def process(self, stream: Iterable[Any]) -> Iterable[Any]:
        return stream


def _read(text: str, name: str, start: str) -> Any:
    source = Source(name, text.removeprefix("\ufeff"))
    if len(source.text) > LARGEST_TEXT:
        raise ModelError(
            f"the text has {len(source.text)} characters, more than {LARGEST_TEXT}",
            Span(source, 0, 0),
            hint="a long table of numbers is given from Python, not in the text",
        )
    reader = _Reader(source)
    tree = _run(reader, start)
    if isinstance(tree, messages.Failure):
        raise messages.explain(tree, failure_of)
    node = to_nodes(tree, source, Placement(reader.words, reader.remarks, reader.breaks))
    raise_all(islice(rules.objections(node), MOST_OBJECTIONS))
    return node


def _run(reader: _Reader, start: str) -> Any:
    """The tree of the reader's text, or the facts of its failure."""
    machine = grammar().parse_interactive(reader.source.text, start=start)
    try:
        for token in machine.lexer_thread.lex(machine.parser_state):
            if reader.takes(token):
                machine.feed_token(token)
                reader.took(token)
        return machine.feed_eof(reader.fed[-1] if reader.fed else None)
    except UnexpectedCharacters as error:
        raise messages.strange_character(reader.source, error.pos_in_stream) from None
    except UnexpectedToken as error:
        return _failure(error.token, start, reader)


def _failure(token: Any, start: str, reader: _Reader) -> messages.Failure:
    """The facts of a failure; what would have been accepted is asked before the wrong word."""
    again = grammar().parse_interactive("", start=start)
    for fed in reader.fed:
        again.feed_token(fed)
    found = Word(token.type, str(token), token.start_pos or 0, token.end_pos or 0, token.line or 1)
    if token.type == "$END" or token == "\n":  # shown behind the last word, not on an empty line
        last = reader.words[-1] if reader.words else Word("", "", 0, 0, 1)
        found = Word(token.type, str(token), last.end, last.end, last.line)
    return messages.Failure(
        source=reader.source,
        found=found,
        accepts=frozenset(again.accepts()),
        words=tuple(reader.words),
        begun=reader.begun,
        opened=reader.open[-1] if reader.open else None,
        continued=reader.continued(found.line),
    )


class _Reader:
    """Keeps what the parser does not take: comments, line breaks inside statements, open brackets."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.fed: list[Any] = []
        self.words: list[Word] = []
        self.remarks: list[Remark] = []
        self.breaks: list[int] = []
        self.open: list[Word] = []
        self.begun = 0  # number of words before the statement that is being read

    def takes(self, token: Any) -> bool:
        """Whether the parser gets to see a token: not a comment, not the end of no statement."""
        if token.type == "COMMENT":
            trailing = bool(self.words) and self.words[-1].line == token.line
            self.remarks.append(Remark(str(token).rstrip(), len(self.words), token.line, trailing))
            return False
        if token.type != "_SEP":
            return True
        if token == "\n" and self._goes_on():
            if self.breaks[-1:] != [len(self.words) - 1]:
                self.breaks.append(len(self.words) - 1)
            return False
        return self.begun < len(self.words)

    def took(self, token: Any) -> None:
        """Keep a token that the parser has accepted."""
        self.fed.append(token)
        if token.type == "_SEP":
            self.begun = len(self.words)
            return
        word = Word(token.type, str(token), token.start_pos, token.end_pos, token.line)
        self._bracket(word)
        self.words.append(word)
        if word.kind == "_LBRACE" and self.open[-1].kind == "_LBRACE":
            self.begun = len(self.words)
        if len(self.words) > MOST_WORDS:
            raise ModelError(
                f"the text has more than {MOST_WORDS} words",
                self._span(word),
                hint="split the model into several files",
            )

    def continued(self, line: int) -> Word | None:
        """The last word of the line before, if this line goes on with it."""
        if not self.breaks or self.breaks[-1] < self.begun:
            return None
        before = self.words[self.breaks[-1]]
        return before if all(word.line == line for word in self.words[self.breaks[-1] + 1 :]) else None

    def _goes_on(self) -> bool:
        if self.begun == len(self.words):
            return False
        return bool(self.open and self.open[-1].kind != "_LBRACE") or self.words[-1].kind in _UNFINISHED

    def _bracket(self, word: Word) -> None:
        if word.kind in ("_RPAR", "_RSQB", "_RBRACE"):
            self.open.pop()
        elif word.kind in ("_LPAR", "_LSQB", "_LBRACE"):
            # the braces of a set hold no statements
            in_set = word.kind == "_LBRACE" and self.words[-1].kind == "IN"
            self.open.append(word._replace(kind="set") if in_set else word)
            if len(self.open) > rules.DEEPEST:
                raise ModelError(
                    f"the brackets are nested more than {rules.DEEPEST} deep",
                    self._span(word),
                    hint="give the inner part a name of its own",
                )

    def _span(self, word: Word) -> Span:
        return Span(self.source, word.start, word.end)


_UNFINISHED = frozenset(
    [
        "_COMMA",
        "_COLON",
        "_EQUAL",
        "_DOTS",
        "ARROW",
        "PLUS",
        "MINUS",
        "STAR",
        "SLASH",
        "COMPARE",
        "_CARET",
        "AND",
        "OR",
        "NOT",
    ]
)
