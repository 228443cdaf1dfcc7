"""Verdicts on two cases, each beside the number of the full nonlinear solver."""

from __future__ import annotations

from pathlib import Path

import pytest

import modelkit as mk
from modelkit.symmetry.relations import Current
from modelkit.symmetry.two_cases import TwoCases
from modelkit.symmetry.verdict import Verdict

ROOT = Path(__file__).parents[2]
GOLDEN = {
    1: "forbidden: inversion",
    2: "warning: bias convention",
    3: "forbidden: two-terminal unitarity",
    4: "forbidden: two-terminal unitarity",
    5: "forbidden: elastic probe",
    6: "not forbidden",
    7: "not forbidden",
    8: "forbidden: inversion",
    9: "not forbidden",
    10: "forbidden: inversion, gauge-invariant",
    11: "forbidden: two-terminal unitarity",
    12: "not forbidden",
    13: "forbidden: inversion",
}
PATTERNS = {
    "wire": "not forbidden",
    "sdds": "forbidden: inversion",
    "sddsdssd": "not forbidden",
    "dimer": "not forbidden",
    "ssh": "not forbidden",
    "kitaev_sdds": "not forbidden",
}
FULL = "task everything = transport { cases forward, backward; output current }"


def verdict_of(model: mk.Model, **values: float) -> Verdict:
    """Of rectification of the first terminal, between a parameter and its opposite."""
    opposite = {name: -value for name, value in values.items()}
    both = {Current("I", 0, 0): 1.0, Current("I", 0, 1): 1.0}
    return TwoCases(model.device(values), model.device(opposite)).verdict(both)


@pytest.mark.parametrize("number", GOLDEN)
def test_golden_devices(number: int) -> None:
    model = mk.load(ROOT / f"models/diodes/golden_{number}.model")
    verdict = verdict_of(model, V=1)
    assert str(verdict).startswith(GOLDEN[number])
    forward, backward = model.run("iv").current.sel(terminal="L").values
    off = abs(forward + backward) / abs(forward)
    assert off < 1e-10 if verdict.word.value == "forbidden" else off > 1e-3


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_of_sources_and_drains(name: str) -> None:
    text = (ROOT / f"models/gain_loss/{name}.model").read_text()
    model = mk.loads(text + FULL)
    verdict = verdict_of(model, direction=1)
    assert str(verdict).startswith(PATTERNS[name])
    forward, backward = model.run("everything").current.sel(terminal="L").values
    off = abs(forward + backward) / abs(forward)
    assert off < 1e-10 if verdict.word.value == "forbidden" else off > 1e-6
