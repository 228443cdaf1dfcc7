"""Where comments, blank lines and line breaks of a text belong: the layout of its statements."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from modelkit.language.nodes import Layout


class Word(NamedTuple):
    """A word or sign of a text: its terminal, its letters, its offsets and its line."""

    kind: str
    text: str
    start: int
    end: int
    line: int


class Remark(NamedTuple):
    """A comment; ``gap`` is the number of words before it, ``trailing`` if one of them is on its line."""

    text: str
    gap: int
    line: int
    trailing: bool


class Placement:
    """What stands between the words of a text, by the place of the words.

    Parameters
    ----------
    words : sequence of Word
        All words of the text in order, without comments, ends of lines and ``;``.
    remarks : iterable of Remark
        Its comments in order.
    breaks : sequence of int
        Numbers of the words behind which a line was broken inside a statement, ascending.
    """

    def __init__(self, words: Sequence[Word], remarks: Iterable[Remark], breaks: Sequence[int]) -> None:
        self._words = words
        self._breaks = breaks
        self._starts = [word.start for word in words]
        self._remarks: dict[int, list[Remark]] = defaultdict(list)
        for remark in remarks:
            self._remarks[remark.gap].append(remark)

    def statement(self, start: int, end: int, brace: int | None, inline: bool) -> Layout:
        """Layout of the statement in ``[start, end)`` whose block begins at ``brace``.

        A comment behind the ``{`` of a block of several lines is the statement's own, as is one
        behind the end of any other statement.
        """
        first = self._number(start)
        last = self._last(end) if brace is None else self._number(brace)
        until = self._last(end) if inline or brace is None else last
        semicolon = self._on_one_line(first)
        blank, before = self._above(first)
        return Layout(
            semicolon=semicolon,
            blank=0 if semicolon else blank,
            before=before,
            after=self._behind(until),
            breaks=tuple(k - first for k in self._within(first, last)),
            inside=tuple(
                (gap - 1 - first, remark.text)
                for gap in range(first + 1, last + 1)
                if gap in self._remarks
                for remark in self._remarks[gap]
            ),
        )

    def is_inline(self, start: int, end: int, statements: Iterable[int]) -> bool:
        """Whether a block stands on one line, apart from breaks inside its statements."""
        last = self._last(end)
        begun = all(self._joined(self._number(offset)) for offset in statements)
        return begun and self._joined(last) and self._remarks.get(last) is None

    def closing(self, end: int | None) -> tuple[str, ...]:
        """Comments above the ``}`` of the block that ends there, or above the end of the text."""
        gap = len(self._words) if end is None else self._last(end)
        blank, lines = self._above(gap)
        while lines and not lines[-1]:
            lines = lines[:-1]
        return ("", *lines) if lines and blank else lines

    def behind(self, end: int) -> str | None:
        """Comment on the line of the ``}`` of the block that ends there."""
        return self._behind(self._last(end))

    def _number(self, start: int) -> int:
        return bisect_left(self._starts, start)

    def _last(self, end: int) -> int:
        return bisect_left(self._starts, end) - 1

    def _joined(self, number: int) -> bool:
        """The word stands on the line on which the one before it ends."""
        return number > 0 and self._words[number - 1].line == self._words[number].line

    def _on_one_line(self, first: int) -> bool:
        return self._joined(first) and self._words[first - 1].kind != "_LBRACE"

    def _within(self, first: int, last: int) -> Sequence[int]:
        return self._breaks[bisect_left(self._breaks, first) : bisect_right(self._breaks, last)]

    def _behind(self, number: int) -> str | None:
        remarks = self._remarks.get(number + 1)
        return remarks[0].text if remarks and remarks[0].trailing else None

    def _above(self, gap: int) -> tuple[int, tuple[str, ...]]:
        """Blank lines before, and the comment lines ("" where blank lines separate them)."""
        remarks = self._remarks.get(gap, [])
        line = self._words[gap - 1].line if gap else 0
        own = remarks[1:] if remarks and remarks[0].trailing else remarks
        lines: list[str] = []
        blank = None
        for remark in own:
            if blank is None:
                blank = remark.line - line - 1
            elif remark.line > line + 1:
                lines.append("")
            lines.append(remark.text)
            line = remark.line
        below = self._words[gap].line - line - 1 if gap < len(self._words) else 0
        if blank is None:
            return max(below, 0), ()
        return blank, tuple(lines + [""] if below > 0 else lines)
