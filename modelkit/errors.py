"""What can go wrong, and how it is told.

::

    Exception
    +-- ModelError          edit the text (or the value given from outside)
    |   +-- ModelErrors     several at once
    +-- NotConverged        a number to judge, never a value

Everything else that escapes is a bug of modelkit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Source:
    """A text and the name under which messages show it."""

    name: str
    text: str = field(repr=False)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both counted from 1."""
        before = self.text[:offset]
        return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1

    def line(self, number: int) -> str:
        """Text of a line (counted from 1) without its end."""
        lines = self.text.split("\n")
        return lines[number - 1].rstrip("\r") if 0 < number <= len(lines) else ""


@dataclass(frozen=True)
class Span:
    """Half-open range of offsets in a source; line and column are computed when shown."""

    source: Source = field(repr=False, compare=False)
    start: int
    end: int

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """The range from the start of this span to the end of another."""
        return Span(self.source, self.start, other.end)

    def excerpt(self) -> str:
        """The source line with a caret below; the caret line copies the tabs before it."""
        number, column = self.source.position(self.start)
        shown = self.source.line(number)
        margin = " " * len(str(number))
        lead = "".join("\t" if letter == "\t" else " " for letter in shown[: column - 1])
        width = max(1, min(self.end - self.start, len(shown) - column + 1))
        return "\n".join(
            (
                f"{margin}--> {self.source.name}:{number}:{column}",
                f"{margin} |",
                f"{number} | {shown}",
                f"{margin} | {lead}{'^' * width}",
            )
        )


class ModelError(Exception):
    """Something in the model, or a value given to it, is wrong.

    Parameters
    ----------
    message : str
        One sentence in the physicist's words, lower case, no full stop.
    span : Span, optional
        Where in the text; None for values that come from outside.
    hint : str, optional
        One suggestion: what to do.
    """

    def __init__(self, message: str, span: Span | None = None, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.hint = hint

    @property
    def errors(self) -> tuple[ModelError, ...]:
        """The error by itself; :class:`ModelErrors` gives its list."""
        return (self,)

    def record(self) -> dict[str, Any]:
        """The error as data: file, line, column, source, message, suggestion."""
        span = self.span
        return {
            "file": span.source.name if span else None,
            "line": span.line if span else None,
            "column": span.column if span else None,
            "source": span.source.line(span.line) if span else None,
            "message": self.message,
            "suggestion": self.hint,
        }

    def __str__(self) -> str:
        parts = [self.message]
        if self.span is not None:
            parts.append(self.span.excerpt())
        if self.hint:
            parts.append(f"help: {self.hint}")
        return "\n".join(parts)


class ModelErrors(ModelError):
    """All errors of meaning of one text, in the order of their places."""

    def __init__(self, errors: Sequence[ModelError]) -> None:
        super().__init__(f"{len(errors)} errors")
        self._errors = tuple(sorted(errors, key=lambda error: error.span.start if error.span else -1))

    @property
    def errors(self) -> tuple[ModelError, ...]:
        return self._errors

    def __str__(self) -> str:
        return "\n\n".join(str(error) for error in self._errors)


def raise_all(errors: Iterable[ModelError]) -> None:
    """Raise nothing, the one error, or all of them together; equal ones once."""
    unique: dict[tuple[str, int | None], ModelError] = {}
    for found in errors:
        for error in found.errors:
            unique.setdefault((error.message, error.span.start if error.span else None), error)
    if len(unique) == 1:
        raise next(iter(unique.values()))
    if unique:
        raise ModelErrors(list(unique.values()))


class NotConverged(Exception):
    """A solution was not found, or a found one failed its audit.

    Parameters
    ----------
    message : str
        What did not converge and by how much.
    best : object, optional
        The best values found, by name.
    residual : float, optional
        The residual there, relative to the largest gross flow.
    limit : mapping, optional
        ``{parameter: largest value for which a solution exists}``.
    """

    def __init__(
        self,
        message: str,
        *,
        best: Mapping[str, Any] | None = None,
        residual: float | None = None,
        limit: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.best = dict(best or {})
        self.residual = residual
        self.limit = dict(limit or {})
