"""The documentation is run: every python and console block of README and docs, every model block parsed."""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import shutil
from pathlib import Path

import matplotlib
import pytest
from click.testing import CliRunner

import modelkit as mk
from modelkit.cli import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w[\w-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
matplotlib.use("Agg")


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the gallery in it, as a reader has it."""
    shutil.copytree(ROOT / "models", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_shows_is_what_happens(page: Path, desk: Path) -> None:
    names: dict[str, object] = {}
    for kind, text in blocks(page):
        if kind == "python":
            check_python(text, names, page)
        elif kind == "console":
            check_console(text)
        elif kind in {"model", "model-wrong"}:
            name = re.match(r"#\s*(\w+\.model)\n", text)
            if name:
                (desk / name.group(1)).write_text(text, encoding="utf-8")
            check_model(text, kind)


def check_model(text: str, kind: str) -> None:
    """A whole model is right, or wrong where the page says so."""
    if kind == "model":
        assert mk.loads(text).check() is None
        return
    with pytest.raises(mk.ModelError):
        mk.loads(text).check()


def check_python(text: str, names: dict[str, object], page: Path) -> None:
    """Run a block: a plain one whole, one with prompts as a doctest."""
    if ">>>" not in text:
        exec(compile(text, str(page), "exec"), names)
        return
    test = doctest.DocTestParser().get_doctest(text, names, page.name, str(page), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    told = io.StringIO()
    runner.run(test, out=told.write, clear_globs=False)
    names.update(test.globs)
    assert runner.failures == 0, told.getvalue()


def check_console(text: str) -> None:
    """Run `$ modelkit ...` lines and compare what they print; `...` stands for anything."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        words = shlex.split(command, comments=True)
        if words[:1] == ["cat"]:
            printed = Path(words[1]).read_text(encoding="utf-8")
        elif words[:1] == ["modelkit"]:
            with contextlib.chdir(os.getcwd()):
                printed = CliRunner().invoke(main, words[1:]).output
        else:
            continue
        same = doctest.OutputChecker().check_output(
            expected.strip() + "\n", printed.strip() + "\n", doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        )
        assert same or not expected.strip(), f"$ {command}\n{printed}"
