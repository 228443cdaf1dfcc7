"""The desk of the tests of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.desk import SMALL


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.model").write_text(SMALL, encoding="utf-8")
    return tmp_path
