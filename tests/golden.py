"""Golden messages: a wrong text beside the exact words that a reader gets.

``NAME.model`` holds the text, ``NAME.expected`` the message.  ``MODELKIT_ACCEPT=1 pytest ...``
rewrites the expected ones; a human reads the difference.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from modelkit.errors import ModelError


def texts(folder: Path) -> list[Path]:
    """The wrong texts of a folder, in the order of their names."""
    return sorted(folder.glob("*.model"))


def assert_message(path: Path, read: Callable[[str, str], object]) -> ModelError:
    """``read(text, name)`` refuses the text of the file with exactly the words beside it."""
    text = path.read_bytes().decode()
    with pytest.raises(ModelError) as caught:
        read(text, path.name)
    assert_words(path, str(caught.value))
    assert all(single.hint for single in caught.value.errors), "every error suggests what to do"
    return caught.value


def assert_words(path: Path, words: str) -> None:
    """The words are exactly those beside the text."""
    expected = path.with_suffix(".expected")
    message = f"{words}\n"
    if os.environ.get("MODELKIT_ACCEPT"):
        expected.write_text(message, encoding="utf-8")
    assert expected.exists(), f"no {expected.name}; MODELKIT_ACCEPT=1 writes it"
    assert message == expected.read_text(encoding="utf-8")


def assert_spans_lie_in(error: ModelError, text: str) -> None:
    """Every single error points into the text that was read, and can be shown."""
    for single in error.errors:
        assert single.message
        assert str(single)
        if single.span is not None:
            assert 0 <= single.span.start <= single.span.end <= len(text)
