"""The words of syntax errors: what was expected, and advice for the usual slips.

Advice is keyed by what could have been written, what stands there instead, and whether it touches
the word before; never by a state of the parser.  It is learned from small wrong texts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from modelkit.errors import ModelError, Source, Span
from modelkit.language.advice import ADVICE, MISPLACED, SLIPS, Advice, typed
from modelkit.language.layout import Word
from modelkit.language.rules import RESERVED

SPOKEN = {
    "NUMBER": "a value",
    "NAME": "a name",
    "_EQUAL": "'='",
    "_TO": "'to'",
    "_THAT": "'that'",
    "_DOTS": "'..'",
    "_STEP": "'step'",
    "ARROW": "'->'",
    "_COMMA": "','",
    "_BAR": "'|'",
    "_RPAR": "')'",
    "_RSQB": "']'",
    **dict.fromkeys(
        [
            "FOR",
            "IN",
            "FROM",
            "POINTS",
            "WHERE",
            "AT",
            "ON",
            "SUCH",
            "WHEN",
            "WITH",
            "WITHIN",
            "AGAINST",
            "BY",
            "EXTENDS",
        ],
        "a clause",
    ),
    "_COLON": "':'",
    "STRING": "a text in double quotes",
    "_LBRACE": "'{'",
    "_RBRACE": "'}'",
    **dict.fromkeys(["PLUS", "MINUS", "STAR", "SLASH", "_CARET", "COMPARE", "AND", "OR"], "an operator"),
    "NOT": "'not'",
    "_DOT": "'.'",
    "_AT": "'@'",
    "_PRIME": '"\'"',
    "_LPAR": "'('",
    "_LSQB": "'['",
    "_SEP": "the end of the line",
    "$END": "the end of the text",
    "COMMENT": "a comment",
    "BLANK": "a blank",
}
"""How a terminal is called in messages; the order is that of the message."""


@dataclass(frozen=True)
class Failure:
    """Where and how a text stops being one.

    Parameters
    ----------
    source : Source
        The text.
    found : Word
        The wrong word; the place behind the last word if a line or the text ends too early.
    accepts : frozenset of str
        The terminals that could have stood there.
    words : tuple of Word
        The words before it.
    begun : int
        Number of words before the statement that it stands in.
    opened : Word or None
        The innermost bracket that is open.
    continued : Word or None
        The last word of the line before, if this line goes on with it.
    """

    source: Source
    found: Word
    accepts: frozenset[str]
    words: tuple[Word, ...] = field(repr=False)
    begun: int
    opened: Word | None
    continued: Word | None

    @property
    def touches(self) -> bool:
        """No blank stands between the wrong word and the one before."""
        return len(self.words) > self.begun and self.words[-1].end == self.found.start

    @property
    def key(self) -> Key:
        """What could have stood there, without the nesting; what does; whether it touches."""
        return _meaning(self.accepts), self.found.kind, self.touches

    @property
    def span(self) -> Span:
        return Span(self.source, self.found.start, self.found.end)


Key = tuple[frozenset[str], str, bool]


def explain(failure: Failure, fail: Callable[[str], Failure]) -> ModelError:
    """The error for a failure; ``fail`` makes the failure of an example."""
    special = _comment(failure) or _imaginary(failure) or _reserved(failure) or _unclosed(failure)
    if special is not None:
        return special
    message, hint = _expected(failure), _plain(failure)
    advice = learned(fail).get(failure.key)
    if failure.found.text in MISPLACED and "COMPARE" in failure.accepts:
        hint = MISPLACED[failure.found.text]
    elif failure.continued and not failure.touches:
        line, end = failure.continued.line, failure.continued.text
        hint = f"line {line} ends with '{end}', so this line goes on with it"
    elif advice is not None:
        message = _filled(advice.message, failure) if advice.message else message
        hint = _filled(advice.hint, failure)
    return ModelError(message, failure.span, hint=hint)


@cache
def learned(fail: Callable[[str], Failure]) -> dict[Key, Advice]:
    """Advice by the meaning of the slip, from its examples."""
    return {fail(text).key: advice for advice in ADVICE for text in advice.examples}


def strange_character(source: Source, offset: int) -> ModelError:
    """The error for a character that no word begins with."""
    letter = source.text[offset]
    span = Span(source, offset, offset + 1)
    if letter == '"':
        end = source.text.find("\n", offset)
        whole = Span(source, offset, len(source.text) if end < 0 else end)
        return ModelError("this text is not closed", whole, hint="a text ends with '\"' on the same line")
    meant = typed(letter)
    shown = f"'{letter}'" if letter.isprintable() else f"the character U+{ord(letter):04X}"
    if meant is not None:
        return ModelError(f"{shown} is not used here", span, hint=f"type {meant}")
    if letter in SLIPS:
        return ModelError(f"{shown} has no meaning here", span, hint=SLIPS[letter])
    if letter.isalpha():
        hint = "a name has the letters a to z and A to Z; others stand in comments and texts only"
        return ModelError(f"{shown} is no letter of a name", span, hint=hint)
    return ModelError(f"{shown} has no meaning here", span, hint="delete it")


def _comment(failure: Failure) -> ModelError | None:
    """``// ...``, wherever the first or the second of the two is found wrong."""
    start, end = failure.found.start, failure.found.end
    for first in (start, start - 1):
        if failure.found.text == "/" and failure.source.text.startswith("//", max(first, 0)):
            span = Span(failure.source, min(first, start), max(first + 2, end))
            return ModelError("unexpected '//'", span, hint="a comment begins with '#'")
    return None


def _imaginary(failure: Failure) -> ModelError | None:
    """``1j``, as in other languages."""
    if not failure.touches or failure.found.text not in ("j", "J", "I") or failure.words[-1].kind != "NUMBER":
        return None
    number = failure.words[-1]
    span = Span(failure.source, number.start, failure.found.end)
    hint = f"write {_short(number.text)}i, or {_short(number.text)}*{failure.found.text} for a product"
    return ModelError("an imaginary number ends in 'i'", span, hint=hint)


def _reserved(failure: Failure) -> ModelError | None:
    """A reserved word where a name should stand."""
    word = failure.found
    if word.text not in RESERVED or "NAME" not in failure.accepts or word.kind == "NAME":
        word = failure.words[-1] if failure.words else word
        second = len(failure.words) == failure.begun + 2
        if not (second and word.text in RESERVED and failure.found.kind == "_EQUAL"):
            return None
    hint = f"choose another name, '{word.text}_1' for example"
    return ModelError(
        f"'{word.text}' is a reserved word", Span(failure.source, word.start, word.end), hint=hint
    )


def _unclosed(failure: Failure) -> ModelError | None:
    """A bracket that is open where the text ends, or where a later line cannot belong to it."""
    opened, found = failure.opened, failure.found
    if opened is None:
        return None
    block = opened.kind == "_LBRACE"
    later = not block and failure.words[-1].line < found.line and found.line > opened.line
    closed = not block and not failure.accepts.isdisjoint(_CLOSING) and found.kind in _OTHER_BRACKETS
    if not (found.kind == "$END" or later or closed):
        return None
    closing = {"(": ")", "[": "]", "{": "}"}[opened.text]
    span = Span(failure.source, opened.start, opened.end)
    return ModelError(f"this '{opened.text}' is not closed", span, hint=f"a '{closing}' is missing")


def _meaning(accepts: frozenset[str]) -> frozenset[str]:
    """The terminals of a place, reduced to what tells places apart for a reader."""
    if "NUMBER" in accepts:
        return frozenset(("a value",))
    if "COMPARE" in accepts:  # behind a value
        return frozenset(("an operator",)) | ({"a title"} if "STRING" in accepts else frozenset())
    return frozenset(SPOKEN[terminal] for terminal in accepts) - _OF_NESTING


def _expected(failure: Failure) -> str:
    words = _wording(failure.accepts)
    listed = " or ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
    match failure.found:
        case Word(kind="$END"):
            return f"the text ends too early: expected {listed}"
        case Word(text="\n"):
            return f"the line ends too early: expected {listed}"
    return f"unexpected '{_short(failure.found.text)}': expected {listed}"


def _plain(failure: Failure) -> str:
    """What to do where nothing is known of the slip."""
    accepts, word = failure.accepts, failure.found
    found, words = _short(word.text), failure.words[failure.begun :]
    if "_TO" in accepts:
        return "an interval is written 'from a to b'"
    if word.kind == "ARROW" and any(one.kind == "ARROW" for one in words):
        return "an arrow has two ends: give each arrow a line of its own"
    if word.kind == "$END" or found == "\n":
        needed = "a value, such as 0.5," if "NUMBER" in accepts else _wording(accepts)[0]
        return f"write {needed} behind '{_short(words[-1].text)}'" if words else f"write {needed}"
    if "NUMBER" in accepts:
        return f"write a value before '{found}', or leave '{found}' out"
    if accepts <= {"_SEP", "$END"}:
        return f"begin a new line before '{found}', or leave it out"
    if word.kind in _BEGIN_VALUES and "_COLON" in accepts:
        return "the formula of a relation stands behind ':'"
    if word.kind in _BEGIN_VALUES and "_EQUAL" in accepts:
        return "a value is given with '='"
    missing = [SPOKEN[one] for one in sorted(_CLOSING & accepts) if one != "_RBRACE"]
    missing = missing or (_wording(accepts) if len(_wording(accepts)) == 1 else ["what is missing"])
    return f"write {missing[0]} before '{found}', or leave '{found}' out"


def _wording(accepts: frozenset[str]) -> list[str]:
    """The accepted terminals in words, those that say the same once."""
    clauses = [terminal for terminal in accepts if SPOKEN[terminal] == "a clause"]
    left = set(accepts)
    if "NUMBER" in left:
        left -= {"NAME", "PLUS", "MINUS", "NOT", "_LPAR", "_LSQB"}
    if "_SEP" in left:
        left -= {"$END"}
    if left - _BEHIND_NAMES:  # what may stand behind any name goes without saying
        left -= _BEHIND_NAMES
    words = [spoken for terminal, spoken in SPOKEN.items() if terminal in left]
    if len(clauses) == 1:
        words = [f"'{clauses[0].lower()}'" if word == "a clause" else word for word in words]
    return list(dict.fromkeys(words))


def _filled(hint: str, failure: Failure) -> str:
    before = failure.words[-1].text if failure.words else ""
    return hint.replace("<found>", _short(failure.found.text)).replace("<before>", _short(before))


def _short(word: str) -> str:
    return word if len(word) <= _LONGEST else f"{word[:_LONGEST]}..."


_LONGEST = 40
_BEGIN_VALUES = frozenset(("NUMBER", "NAME", "MINUS", "PLUS", "_LPAR", "_LSQB"))
_CLOSING = frozenset(("_RPAR", "_RSQB", "_RBRACE"))
_OTHER_BRACKETS = _CLOSING | {"_LBRACE"}
_BEHIND_NAMES = frozenset(("_DOT", "_AT", "_PRIME", "_LPAR", "_LSQB"))
_OF_NESTING = frozenset(("'}'", "the end of the line", "the end of the text", "','", "')'", "']'", "'|'"))
