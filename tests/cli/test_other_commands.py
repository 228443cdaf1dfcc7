"""`show`, `plot`, `format`, `new`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.desk import call


def test_show_prints_the_declared_graph_and_draws_the_device(desk: Path) -> None:
    printed = call("show", "small.model").output
    rows = [line.split() for line in printed.splitlines()]
    assert any(row[:2] == ["bath", "L"] for row in rows)
    assert any(row[:1] == ["hop"] and "-1" in row for row in rows)
    assert (desk / "small_device.pdf").read_bytes().startswith(b"%PDF")
    latex = call("show", "small.model", "--latex").output
    assert r"\dagger" in latex


def test_plot_writes_the_figure_alone(desk: Path) -> None:
    call("plot", "small.model", "curve", "-o", "curve.png")
    assert (desk / "curve.png").read_bytes()[1:4] == b"PNG"
    assert not list(desk.glob("*.nc"))
    assert "single numbers" in call("plot", "small.model", "one", code=1).output
    call("plot", "small.model", "curve", "-o", "curve.gifx", code=1)
    call("plot", "small.model", code=2)


def test_format_writes_the_canonical_form_once(desk: Path) -> None:
    path = desk / "small.model"
    clean = path.read_text()
    path.write_text(clean.replace("gamma = 0.5", "gamma=0.5"))
    call("format", "small.model", "--check", code=1)
    assert "gamma=0.5" in path.read_text()
    assert "formatted" in call("format", "small.model").output
    assert "gamma = 0.5" in path.read_text()
    assert "already" in call("format", "small.model", "--check").output
    path.write_text("model small {")
    call("format", "small.model", code=1)
    assert path.read_text() == "model small {"


def test_a_new_model_is_right_and_never_overwrites(desk: Path) -> None:
    assert "wrote first.model" in call("new", "first").output
    text = (desk / "first.model").read_text()
    call("check", "first.model")
    call("format", "first.model", "--check")
    call("run", "first.model", "--all")
    call("new", "first", code=2)
    assert (desk / "first.model").read_text() == text
    for name in ("1st", "two words", "nowhere/x", "lattice-1", "Ünit", "for", "a.b"):
        call("new", name, code=2)
    assert {path.name for path in desk.glob("*.model")} == {"small.model", "first.model"}
