"""Every error of the package suggests what to do."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import modelkit

PACKAGE = Path(modelkit.__file__).parent


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_every_error_is_raised_with_a_hint(path: Path) -> None:
    bare = [
        call.lineno
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "ModelError"
        and not any(
            keyword.arg == "hint"
            and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
            for keyword in call.keywords
        )
    ]
    assert not bare, f"{path.name} raises errors without a hint in the lines {bare}"


def test_every_golden_message_has_as_many_suggestions_as_places() -> None:
    golden = sorted(Path(__file__).parent.rglob("golden/*.expected"))
    assert len(golden) > 100
    for path in golden:
        lines = path.read_text(encoding="utf-8").splitlines()
        places = sum(line.lstrip().startswith("--> ") for line in lines)
        places += lines[0].startswith("not converged: ")
        assert places == sum(line.startswith("help: ") for line in lines) > 0, path.name
