"""Every wrong model gets its exact message."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.elements.reading import read
from tests.golden import assert_message, assert_spans_lie_in, texts

WRONG = texts(Path(__file__).parent / "golden")


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_model_is_told_what_is_wrong(path: Path) -> None:
    error = assert_message(path, read)
    assert_spans_lie_in(error, path.read_text(encoding="utf-8"))


def test_there_are_many() -> None:
    assert len(WRONG) >= 60
