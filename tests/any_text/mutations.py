"""Texts with one word dropped, doubled, swapped, misspelt or replaced, one number or one line changed."""

from __future__ import annotations

import re
from pathlib import Path

WORD = re.compile(r"[A-Za-z_]\w*|\d+(?:\.\d+)?i?|\.\.|->|[=!<>]=|[^\s\w]|\n")
DIGITS = re.compile(r"(?<![\w.])\d+(?:\.\d+)?i?(?![\w])")
KINDS = ("drop", "double", "swap", "misspell", "exchange", "replace", "number", "line")

_FOLDER = Path(__file__).parent
NUMBERS = tuple((_FOLDER / "numbers.txt").read_text(encoding="utf-8").splitlines())
VOCABULARY = NUMBERS + tuple((_FOLDER / "vocabulary.txt").read_text(encoding="utf-8").splitlines())


def mutated(text: str, kind: str, place: int, other: int) -> str:
    """The text with the word at ``place`` changed; ``other`` picks a partner, a letter or a new word."""
    words = list(WORD.finditer(text))
    word, partner = words[place % len(words)], words[other % len(words)]
    start, end = word.span()
    match kind:
        case "drop":
            return text[:start] + text[end:]
        case "double":
            return text[:end] + " " + word.group() + text[end:]
        case "exchange":
            return text[:start] + partner.group() + text[end:]
        case "replace":
            return text[:start] + VOCABULARY[other % len(VOCABULARY)] + text[end:]
        case "number":
            digits = list(DIGITS.finditer(text)) or [word]
            start, end = digits[place % len(digits)].span()
            return text[:start] + NUMBERS[other % len(NUMBERS)] + text[end:]
        case "line":
            lines = text.split("\n")
            return "\n".join(line for number, line in enumerate(lines) if number != place % len(lines))
        case "misspell":
            letters = word.group()
            at = other % len(letters)
            return text[:start] + letters[:at] + letters[at + 1 :] + "q" + text[end:]
    (first, last), (second, stop) = sorted((word.span(), partner.span()))
    return text[:first] + text[second:stop] + text[last:second] + text[first:last] + text[stop:]
