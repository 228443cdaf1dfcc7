"""A verdict: one of four words, why, and the operation behind it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from modelkit.symmetry.operations import Operation


class Word(Enum):
    """How a verdict begins.  Never "allowed": a broken symmetry is necessary, not sufficient."""

    FORBIDDEN = "forbidden"
    NOT_FORBIDDEN = "not forbidden"
    NOT_DECIDED = "not decided"
    WARNING = "warning"


@dataclass(frozen=True)
class Verdict:
    """``str(verdict)`` begins with one of the four words; ``aside`` stands in brackets behind it.

    ``explanation`` is the reasoning in words, with the operator.  A ``limit`` in which alone something is
    forbidden is no statement about numbers outside of it.
    """

    word: Word
    reason: str
    operation: Operation | None = None
    aside: str = ""
    explanation: str = ""
    limit: str = ""

    def __str__(self) -> str:
        """``forbidden: inversion``."""
        word = f"{self.word.value} ({self.aside})" if self.aside else self.word.value
        return f"{word}: {self.reason}" if self.reason else word
