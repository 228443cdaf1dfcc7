"""The language page: made from the registries, every example of it is done."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import modelkit as mk
from modelkit.elements.self_energies import WideBand, self_energies
from modelkit.language.functions import functions
from modelkit.language.parser import parse
from modelkit.registry import outputs, reductions, verbs
from modelkit.view.manual import code, manual, table

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = BLOCK.findall(manual())


def test_the_page_in_docs_is_the_one_that_is_generated() -> None:
    written = (ROOT / "docs/language.md").read_text(encoding="utf-8")
    assert written == manual(), "run: python -m modelkit.view.manual > docs/language.md"


def test_the_module_writes_the_page_whatever_is_imported_first() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "modelkit.view.manual"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout == manual()


@pytest.mark.parametrize("number", [k for k, (kind, _) in enumerate(EXAMPLES) if kind == "model"])
def test_every_model_on_the_page_runs(number: int) -> None:
    model = mk.loads(EXAMPLES[number][1], "language.md")
    model.check()
    for task in model.tasks:
        found = model.run(task)
        results = [
            name for name in found.data_vars if not str(name).startswith("audit_") and name != "failed"
        ]
        assert results
        assert all(np.isfinite(found[name].values).all() for name in results)


@pytest.mark.parametrize("number", [k for k, (kind, _) in enumerate(EXAMPLES) if kind == "lines"])
def test_every_line_on_the_page_is_read(number: int) -> None:
    assert len(parse(EXAMPLES[number][1], "language.md").statements) > 1


def test_examples_are_of_known_kinds() -> None:
    assert {kind for kind, _ in EXAMPLES} == {"model", "lines", "console", "python"}  # these of test_docs


def test_everything_that_is_registered_stands_on_the_page() -> None:
    page = manual()
    words = [*outputs, *reductions, *verbs, *(one.usage for one in functions.values()), *self_energies]
    assert [word for word in words if f"`{word}" not in page] == []


def test_what_is_entered_anew_appears() -> None:
    class Half(WideBand):
        """Half a wide band."""

    with self_energies.extended("half_band", Half):
        assert "| `half_band(Gamma)` | Half a wide band |" in manual()
    with outputs.extended(
        "shot_noise", replace(outputs["current"], name="shot_noise", short="P", meaning="noise power")
    ):
        assert "| `P` | `shot_noise` | terminal |" in manual()
    assert "half_band" not in manual()


def test_bars_do_not_break_a_table() -> None:
    assert table(("a",), [("|x|",)]).splitlines() == ["| a |", "| --- |", "| \\|x\\| |"]
    assert code("x") == "`x`"
