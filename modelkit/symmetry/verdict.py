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
    """``str(verdict)`` begins with one of the four words."""

    word: Word
    reason: str
    operation: Operation | None = None

    def __str__(self) -> str:
        """``forbidden: inversion``."""
        return f"{self.word.value}: {self.reason}" if self.reason else self.word.value
