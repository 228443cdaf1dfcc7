"""Checks, reports and verdicts as an author meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

import modelkit as mk

ROOT = Path(__file__).parents[2]
STRIP = (ROOT / "models/lattices/strip.model").read_text()
RING = """model ring
param flux = 0.4; param t = 1
lattice ring { site a[j] for j in ring(4) at (cos(pi*j/2), sin(pi*j/2))
  hop a[j] -> a[j+1] : -t*exp(1i*flux/4) }
"""


def told(text: str, check: str) -> mk.ModelError | None:
    """The error of a check in a text, None where it holds; two errors are one too many."""
    model = mk.loads(f"{text}\n{check}\n")
    try:
        model.check()
    except mk.ModelError as error:
        (single,) = error.errors
        assert single.span is not None
        assert single.span.text == check
        assert single.hint
        return single
    return None


@pytest.mark.parametrize(
    ("check", "holds"),
    [
        ("symmetry : mirror_y", True),
        ("symmetry : mirror_x*time_reversal", True),
        ("symmetry : mirror_x", False),
        ("symmetry : mirror_x when lam == 0", True),
        ("symmetry : mirror_x with B_y -> -B_y", True),
        ("symmetry : time_reversal", False),
        ("symmetry : time_reversal on strip when B_y == 0", True),
        ("symmetry : time_reversal when B_y == 0 and lam == 1/3", True),
        ("symmetry : time_reversal when lam == 1/3", False),
        ("symmetry : time_reversal with B_y -> -B_y", True),
        ("symmetry : C2", False),
        ("symmetry : inversion with B_y -> -B_y", True),
        ("symmetry : C4", False),
    ],
)
def test_symmetry_and_broken_say_the_opposite(check: str, holds: bool) -> None:
    assert (told(STRIP, f"check {check}") is None) == holds
    assert (told(STRIP, f"check {check.replace('symmetry', 'broken', 1)}") is None) == (not holds)


def test_a_broken_symmetry_is_told_with_its_line_and_its_way_back() -> None:
    error = told(STRIP, "check symmetry : time_reversal")
    assert error is not None
    line = 1 + STRIP[: STRIP.index("hop c[x, y] -> c[x+1")].count("\n")
    assert f"line {line}" in error.message or f"line {line + 1}" in error.message
    assert "when B_y == 0" in str(error.hint)
    assert "with B_y -> -B_y" in str(error.hint)


def test_rotations_of_a_ring_with_flux() -> None:
    assert told(RING, "check symmetry : C4") is None
    assert told(RING, "check symmetry : inversion") is None  # the same as C2 in a plane
    assert told(RING, "check broken : mirror_x") is None
    assert told(RING, "check symmetry : mirror_x with flux -> -flux") is None
    assert told(RING, "check symmetry : mirror_x * time_reversal") is None
    error = told(RING, "check symmetry : mirror_z")
    assert error is not None
    assert "no extent along z" in error.message


@pytest.mark.parametrize(
    ("number", "formula", "word"),
    [
        (1, "rectification(I[L])", "forbidden"),
        (1, "I[L]", "not forbidden"),
        (1, "nonreciprocity(J[L])", "not forbidden"),
        (6, "rectification(I[L])", "not forbidden"),
        (10, "I[L]@forward + I[L]@backward", "forbidden"),
        (3, "relative_nonreciprocity(I[R])", "forbidden"),
    ],
)
def test_forbidden_and_not_forbidden_are_what_the_model_says(number: int, formula: str, word: str) -> None:
    text = (ROOT / f"models/diodes/golden_{number}.model").read_text()
    model = mk.loads(text)
    verdict = model.forbids(formula)
    assert str(verdict).partition(":")[0].partition(" (")[0] == word
    assert verdict.explanation
    assert told(text, f"check {word} : {formula}") is None
    other = "not forbidden" if word == "forbidden" else "forbidden"
    error = told(text, f"check {other} : {formula} on iv")
    assert error is not None
    assert str(verdict) in error.message


def test_a_warning_passes_no_check() -> None:
    text = (ROOT / "models/diodes/golden_2.model").read_text()
    for kind in ("forbidden", "not forbidden"):
        error = told(text, f"check {kind} : rectification(I[L])")
        assert error is not None
        assert "warning: bias convention" in error.message


def test_values_behind_when_decide() -> None:
    text = (ROOT / "models/diodes/golden_1.model").read_text().replace("onsite c[1] : 0.4", "onsite c[1] : e")
    assert "onsite c[1] : e" in text
    text = text.replace("param V", "param e = 0.9; param V").replace(
        "bath R",
        "probe P on dot.c[2] { self_energy = wide_band(0.6); T = kT; solve mu such that I == 0 }\nbath R",
    )
    assert told(text, "check not forbidden : rectification(I[L])") is None
    assert told(text, "check forbidden : rectification(I[L]) when e == 0.4 and V == 2") is None


def test_checks_written_in_python_are_those_of_the_text() -> None:
    model = mk.load(ROOT / "models/diodes/golden_1.model")
    made = model.declare("check", "forbidden", "rectification(I[L])", on="iv")
    assert mk.loads(made.to_source()) == made
    made.check()
    assert made.run("iv").attrs["verdicts"]
    wrong = model.declare("check", "not forbidden", "rectification(I[L])", when="V == 0.5")
    for use in (wrong.check, wrong.run):
        with pytest.raises(
            mk.ModelError, match="must be not forbidden, and the verdict is 'forbidden: inversion"
        ):
            use()
    made = model.declare("check", "symmetry", "inversion*time_reversal", on="dot", with_="V -> -V")
    made.check()


def test_wrong_formulas_are_told() -> None:
    model = mk.load(ROOT / "models/diodes/golden_1.model")
    for formula, said in (
        ("rectification(I[X])", "X"),
        ("V", "no result"),
        ("I[L", "."),
        (3, "is no formula"),
    ):
        with pytest.raises(mk.ModelError, match=said):
            model.forbids(formula)  # type: ignore[arg-type]
    with pytest.raises(mk.ModelError, match="no task 'x'"):
        model.forbids("I[L]", task="x")


def test_a_report_as_text_records_html_and_latex() -> None:
    report = mk.loads(STRIP).symmetries()
    assert "mirror y = sigma_y" in str(report)
    records = report.records()
    names = {one["name"]: one for one in records["operations"]}
    assert names["mirror y"]["operator"] == "sigma_y"
    assert names["mirror x x time reversal"]["operator"] == "sigma_z K"
    broken = {one["name"]: one for one in records["broken"]}
    assert {"lam = 0", "lam -> -lam"} <= set(broken["mirror x"]["restored"])
    assert all(line["line"] for one in records["broken"] for line in one["lines"])
    assert r"\text{mirror y} &= \sigma_y" in report.latex()
    assert r"\sigma_z \mathcal{K}" in report.latex()
    shown = report._repr_html_()
    assert r"$\sigma_z \mathcal{K}$" in shown
    assert "-&gt;" in shown  # escaped
    free = mk.loads(STRIP).symmetries(B_y=0)
    assert r"\text{time reversal} &= \sigma_y \mathcal{K}" in free.latex()
