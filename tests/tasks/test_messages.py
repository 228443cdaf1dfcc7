"""Models that are wrong only when they have values: what a reader of the run is told, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

import modelkit as mk
from modelkit.view.records import told
from tests.golden import assert_words, texts

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("path", texts(GOLDEN), ids=lambda path: path.stem)
def test_a_run_that_cannot_be_done_says_why(path: Path) -> None:
    with pytest.raises((mk.ModelError, mk.NotConverged)) as caught:
        mk.loads(path.read_text(encoding="utf-8"), path.name).run()
    error = caught.value
    assert_words(path, told(error) if isinstance(error, mk.NotConverged) else str(error))
