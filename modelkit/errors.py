"""What can go wrong, and how it is told.

::

    Exception
    +-- ModelError          edit the text (or the value given from outside)
    |   +-- ModelErrors     several at once
    +-- NotConverged        a number to judge, never a value

Everything else that escapes is a bug of modelkit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any

MOST_ERRORS = 100
"""Errors of one text that are told at once."""
WIDEST = 400
"""Characters of a source line that are shown."""


@dataclass(frozen=True)
class Source:
    """A text and the name under which messages show it."""

    name: str
    text: str = field(repr=False)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both counted from 1."""
        number = bisect_right(self._starts, offset)
        return number, offset - self._starts[number - 1] + 1

    def line(self, number: int) -> str:
        """Text of a line (counted from 1) without its end."""
        return self._lines[number - 1].rstrip("\r") if 0 < number <= len(self._lines) else ""

    @cached_property
    def _lines(self) -> list[str]:
        return self.text.split("\n")

    @cached_property
    def _starts(self) -> list[int]:
        """Offset of the first character of each line."""
        return list(accumulate((len(line) + 1 for line in self._lines[:-1]), initial=0))


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
        before = max(0, column - 1 - WIDEST // 2) if len(shown) > WIDEST else 0  # a long line: a window of it
        at, shown = column - 1 - before, shown[before : before + WIDEST]
        lead = "".join("\t" if letter == "\t" else " " for letter in shown[:at])
        width = max(1, min(self.end - self.start, len(shown) - at))
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
        told = sorted(errors, key=lambda error: error.span.start if error.span else -1)
        if len(told) > MOST_ERRORS:
            message, span = f"there are {len(told) - MOST_ERRORS} more errors", told[MOST_ERRORS].span
            rest = ModelError(message, span, hint="correct the errors above first")
            told = [*told[:MOST_ERRORS], rest]
        self._errors = tuple(told)

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
    """A solution was not found, or a found one failed its audit: there is no number to be trusted.

    The text is well-formed and the values are allowed; the physics, or rounding, is what fails.  In a sweep
    it is raised only where all points fail; otherwise such a point is NaN and ``failed`` says why.

    Attributes
    ----------
    message : str
        What failed, at which terminal or region, by how much and why; without the limit.
    best : dict of str to numpy.ndarray
        The best unknowns that were found, which solve nothing: ``chemical_potential`` and ``temperature``
        of all terminals, NaN for dephasing probes, or ``potential`` of all regions; in units of the
        device (those of the text where these are natural).  Empty where the search did not begin.
    residual : float or None
        By how much the worst condition is off there, relative to the largest gross flow (a charge: to the
        electrons of its region); or the residual of the audit that failed.
    condition : tuple of (str, str) or None
        Name of the terminal, or label of the region, and quantity of the condition that fails:
        ``("S", "I")``.
    limit : dict of str to float
        For each parameter in the right side of that condition the largest value, others held, at which the
        point has a solution, in the parameter's own unit; to 3e-7.  Empty in sweeps, where no real parameter
        enters, and where even its smallest value has no solution.
    hint : str or None
        What to do, where no limit tells.
    between : dict of str to (float, float)
        Instead, where the search took too much: the largest value at which a solution was found, and one
        at which none was.

    Parameters
    ----------
    message, best, residual, limit, between, condition, hint
        The attributes.

    Examples
    --------
    >>> error = NotConverged("probe 'S' draws too much", limit={"ratio": 0.75}, condition=("S", "I"))
    >>> str(error)
    "probe 'S' draws too much; there is a solution up to ratio = 0.75"
    >>> error.limit["ratio"]
    0.75
    """

    def __init__(
        self,
        message: str,
        *,
        best: Mapping[str, Any] | None = None,
        residual: float | None = None,
        limit: Mapping[str, float] | None = None,
        between: Mapping[str, tuple[float, float]] | None = None,
        condition: tuple[str, str] | None = None,
        hint: str | None = None,
    ) -> None:
        self.message = message
        self.best = dict(best or {})
        self.residual = residual
        self.limit = dict(limit or {})
        self.between = dict(between or {})
        self.condition = condition
        self.hint = hint
        super().__init__("; ".join([message, *self.told()]))

    def told(self) -> list[str]:
        """The limits in words."""
        up_to = ", ".join(f"{name} = {value:.7g}" for name, value in self.limit.items())
        found = [f"there is a solution up to {up_to}"] if up_to else []
        return found + [
            f"solutions end at {name} between {low:.7g} and {high:.7g}"
            for name, (low, high) in self.between.items()
        ]
