"""The command line: what it prints, writes and returns."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from modelkit.cli import main
from modelkit.errors import NotConverged

ROOT = Path(__file__).parents[1]
WIRE = str(ROOT / "models/gain_loss/wire.model")
HEAVY = "xarray matplotlib rich pint qutip pandas h5netcdf scipy.linalg scipy.optimize scipy.integrate"
FORBIDDEN = tuple(HEAVY.split())
SMALL = """\
model small "two baths"
param gamma = 0.5 from 0 to 2 "coupling"
reference { mu = 0; T = 0 }
lattice wire {
  site c[l] for l in 1..4 at (l, 0)
  hop c[l] -> c[l+1] : -1
}
bath L on wire.c[1] { self_energy = wide_band(gamma); mu = 0.1 }
bath R on wire.c[4] { self_energy = wide_band(gamma); mu = 0 }
task main = transport(order = 1) { output current }
task one = transport(order = 1) { output left = I[L] }
task curve = transport(order = 1) { sweep gamma from 0.1 to 1 points 4; output current }
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.model").write_text(SMALL, encoding="utf-8")
    return tmp_path


def call(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


# --- check ---------------------------------------------------------------------------------------


LEFT, LADDER = "wide_band(gamma); mu = 0.1", ("order = 1", "order = 1, method = ladder")
LOOP = ("hop c", "hop c[1] -> c[4] : 1; hop c")


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ((LEFT, "-1i*(E + gamma - 0.6); mu = 0.1"), "'L' has the positive imaginary part 0.1"),
        ((LEFT, "1/E; mu = 0.1"), "'L' is not finite at E = 0"),
        (LOOP, None),
        (LADDER, None),
        ((*LOOP, *LADDER), "'ladder' cannot treat"),
    ],
)
def test_check_tries_what_a_run_would_begin_with(
    desk: Path, change: tuple[str, ...], refused: str | None
) -> None:
    text = SMALL
    for old, new in zip(change[::2], change[1::2], strict=True):
        text = text.replace(old, new)
    (desk / "small.model").write_text(text)
    printed = call("check", "small.model", code=1 if refused else 0).output
    call("run", "small.model", code=1 if refused else 0)
    assert refused is None or printed.count(refused) == (3 if "ladder" in refused else 1)


def test_check_refuses_a_sweep_only_where_both_its_ends_fail(desk: Path) -> None:
    gain = "-1i*(gamma - 0.5); mu = 0.1"
    text = SMALL.replace("wide_band(gamma); mu = 0.1", gain)
    (desk / "small.model").write_text(text)
    call("check", "small.model")
    (desk / "small.model").write_text(text.replace("from 0.1 to 1 points 4", "in {0.1, 0.2}"))
    assert "positive imaginary part 0.4" in call("check", "small.model", code=1).output


def test_check_of_a_right_model_says_what_it_has_and_what_it_keeps(desk: Path) -> None:
    lines = call("check", "small.model").output.splitlines()
    assert lines[0] == "small.model: fine (1 parameter, 1 reference, 1 lattice, 2 baths, 3 tasks)"
    assert "inversion" in lines[1:]
    found = json.loads(call("check", "small.model", "--json").stdout)["symmetry"]
    assert "inversion" in {one["name"] for one in found["operations"]}
    assert found["verdicts"] == []  # no task has two cases
    assert "symmetry" not in json.loads(call("check", "small.model", "--json", "--no-symmetry").stdout)
    assert call("check", "small.model", "--no-symmetry").output.splitlines() == lines[:1]


def test_check_tells_the_verdict_on_what_tasks_with_two_cases_ask_for(desk: Path) -> None:
    cases = "case f { gamma = 0.5 }; case b { gamma = 0.5 }\n"
    task = "task two = transport { cases f, b; output current }\n"
    (desk / "small.model").write_text(SMALL + cases + task)
    assert "two: rectification(I[L]): not forbidden" in call("check", "small.model").output
    (desk / "small.model").write_text(
        SMALL + cases + task.replace("output ", "output d = nonreciprocity(I[R]), ")
    )
    assert "two: d = nonreciprocity(I[R]): " in call("check", "small.model").output
    (desk / "small.model").write_text(SMALL + "check broken : inversion\n")
    told = call("check", "small.model", code=1)
    assert "'inversion' is not broken" in told.stderr
    assert call("run", "small.model", code=1).stderr == told.stderr


def test_check_of_a_wrong_model_shows_every_error_and_ends_with_one(desk: Path) -> None:
    (desk / "wrong.model").write_text(
        SMALL.replace("hopp", "hop").replace(": -1", ": -tt").replace("output left", "outputs left")
    )
    told = call("check", "wrong.model", code=1)
    assert "wrong.model:6:" in told.stderr
    assert "wrong.model:11:" in told.stderr
    assert told.stdout == ""


def test_errors_as_records(desk: Path) -> None:
    (desk / "wrong.model").write_text(SMALL.replace(": -1", ": -gama"))
    found = json.loads(call("check", "wrong.model", "--json", code=1).stdout)
    (record,) = found["errors"]
    assert set(record) == {"file", "line", "column", "source", "message", "suggestion"}
    assert (record["file"], record["line"], record["column"]) == ("wrong.model", 6, 25)
    assert record["source"] == "  hop c[l] -> c[l+1] : -gama"
    assert "gama" in record["message"]
    assert record["suggestion"].startswith("did you mean 'gamma'")
    assert json.loads(call("check", "small.model", "--json").stdout)["errors"] == []


@pytest.mark.parametrize("command", ["check", "run", "show", "format"])
def test_what_is_no_text_is_told_without_a_traceback(desk: Path, command: str) -> None:
    (desk / "binary.model").write_bytes(bytes(range(256)))
    (desk / "latin.model").write_bytes("model é".encode("latin-1"))
    (desk / "empty.model").write_bytes(b"")
    for name in ("binary.model", "latin.model"):
        assert "UTF-8" in call(command, name, code=1).output
    (desk / "zero.model").write_bytes(b"model a\0b")
    call(command, "zero.model", code=1)
    result = CliRunner().invoke(main, [command, "empty.model"])
    assert result.exit_code in (0, 1)
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("words", [["missing.model"], ["."], ["small.model", "--jbs"], []])
def test_wrong_usage_ends_with_two(desk: Path, words: list[str]) -> None:
    for command in ("check", "run", "show", "format"):
        call(command, *words, code=2)


def test_checking_brings_nothing_heavy() -> None:
    program = (
        "import sys; from modelkit.cli import main\n"
        f"main(['check', '--no-symmetry', {WIRE!r}], standalone_mode=False)\n"
        f"print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "[]"


def test_importing_modelkit_brings_no_physics() -> None:
    names = ("sympy", "qutip", "matplotlib", "xarray", "pint")
    program = f"import sys, modelkit; print([name for name in {names} if name in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


# --- run -----------------------------------------------------------------------------------------


def test_run_does_the_first_task_and_writes_dataset_and_figure_beside_the_caller(desk: Path) -> None:
    from modelkit.results.store import read

    printed = call("run", "small.model").output
    assert "small: main" in printed
    assert "wrote small_main.nc and small_main.pdf" in printed
    assert read(desk / "small_main.nc").current.dims == ("terminal",)
    assert (desk / "small_main.pdf").read_bytes().startswith(b"%PDF")
    assert {path.name for path in desk.iterdir()} == {"small.model", "small_main.nc", "small_main.pdf"}


def test_a_figure_that_nobody_declared_says_what_it_shows_and_how_to_show_the_rest(desk: Path) -> None:
    drawn = "draw current against gamma by terminal"
    assert (
        f"wrote small_curve.nc and small_curve.pdf ({drawn})\n" in call("run", "small.model", "curve").output
    )
    assert f"wrote small_curve.pdf ({drawn})\n" in call("plot", "small.model", "curve").output
    path = desk / "small.model"
    path.write_text(SMALL.replace("points 4; output current", "points 4; output current, temperature"))
    printed = call("run", "small.model", "curve").output
    more = "plot curve { draw temperature against gamma by terminal }"
    assert f"({drawn}; for other results declare: {more})" in printed
    path.write_text(path.read_text() + more + "\n")
    assert "(" not in call("run", "small.model", "curve").output.splitlines()[-1]


def test_single_numbers_give_no_figure(desk: Path) -> None:
    assert "no figure" in call("run", "small.model", "one").output
    assert not (desk / "small_one.pdf").exists()


def test_all_tasks_or_those_that_are_named(desk: Path) -> None:
    call("run", "small.model", "--all")
    assert {path.stem for path in desk.glob("*.nc")} == {"small_main", "small_one", "small_curve"}
    call("run", "small.model", "one", "curve")
    call("run", "small.model", "one", "--all", code=2)
    assert "did you mean 'curve'?" in call("run", "small.model", "curv", code=2).output


def test_values_are_given_in_the_words_of_the_language(desk: Path) -> None:
    from modelkit.results.store import read

    def left() -> float:
        return float(read(desk / "small_one.nc").left)

    call("run", "small.model", "one")
    before = left()
    call("run", "small.model", "one", "--set", "gamma=1/4 + 1/4")
    assert left() == pytest.approx(before, rel=1e-14)
    call("run", "small.model", "one", "--set", "gamma=0.25", "--set", "L.mu=0.2")
    assert left() > 0
    assert left() != pytest.approx(before)
    assert "gamma" in call("run", "small.model", "one", "--set", "gama=1", code=1).output
    call("run", "small.model", "one", "--set", "gamma", code=2)
    call("run", "small.model", "one", "--set", "gamma=1", "--set", "gamma=1", code=2)
    call("run", "small.model", "one", "--set", "gamma=__import__('os')", code=1)
    call("run", "small.model", "one", "--set", "gamma=", code=2)


def test_several_values_are_a_set_of_the_language(desk: Path) -> None:
    from modelkit.results.store import read

    def swept(value: str) -> list[float]:
        call("run", "small.model", "one", "--set", f"gamma={value}")
        return read(desk / "small_one.nc").gamma.values.tolist()  # type: ignore[no-any-return]

    assert swept("{0.1, 1/5}") == [0.1, 0.2]
    assert swept("0.3..1.1 step 0.4") == [0.3, 0.7, 1.1]
    assert swept("2..1 step -1") == [2, 1]
    assert swept("{max(1, 1/2)}") == [1]


def test_several_values_in_another_form_are_refused(desk: Path) -> None:
    assert "'gamma={1,2}'" in call("run", "small.model", "one", "--set", "gamma=1,2", code=1).output
    assert not list(desk.glob("*.nc"))


def test_a_picture_of_several_devices_is_refused(desk: Path) -> None:
    assert "single value" in call("show", "small.model", "--set", "gamma={1, 2}", code=2).output


PLOTTED = """
task one = transport(order = 1) { sweep gamma from 0.1 to 1 points 4; output left = I[L] }
task map = transport(order = 1) {
  sweep gamma from 0.1 to 1 points 4; sweep bias in {0.1, 0.2}; output G = I[L]/bias, current
}
task two = transmission { sweep E from -1 to 1 points 5; output transmission }
plot map { draw G against gamma by bias; map G against gamma by bias; draw current against terminal by gamma }
plot two { draw transmission against energy by terminal }
plot one { draw left against gamma }
"""


@pytest.fixture
def plotted(desk: Path) -> Path:
    words = SMALL.replace("param gamma", "param bias = 0.1\nparam gamma").replace("mu = 0.1", "mu = bias")
    kept = [line for line in words.splitlines() if not line.startswith("task one")]
    (desk / "small.model").write_text("\n".join(kept) + PLOTTED)
    return desk


def test_a_sweep_with_a_single_value_is_no_axis_of_the_figure(plotted: Path) -> None:
    printed = call("run", "small.model", "map", "--set", "gamma=0.3").output
    assert "small: map" in printed
    assert "note: 'gamma' has a single value: 'G' is drawn against 'bias' alone" in printed
    assert "note: 'gamma' has a single value: 'current' is drawn against 'terminal' alone" in printed
    assert "wrote small_map.nc and small_map.pdf" in printed
    assert "note" not in call("run", "small.model", "map", "--set", "gamma={0.3, 0.4}").output
    found = json.loads(call("run", "small.model", "two", "--set", "E=0.5", "--json").stdout)["tasks"][0]
    assert found["notes"] == ["'E' has a single value: 'transmission' is drawn against 'terminal' alone"]
    assert found["figure"] == "small_two.pdf"


def test_nothing_left_to_draw_is_said_and_no_error(plotted: Path) -> None:
    printed = call("run", "small.model", "one", "--set", "gamma=0.3").output
    assert "small: one" in printed
    assert "note: 'gamma' has a single value: 'left' is not drawn" in printed
    assert "no figure: the results are single numbers" in printed
    assert {path.suffix for path in plotted.iterdir()} == {".model", ".nc"}
    assert "single numbers" in call("plot", "small.model", "one", "--set", "gamma=0.3", code=1).output


def test_the_numbers_stand_whatever_is_wrong_with_the_figure(plotted: Path) -> None:
    path = plotted / "small.model"
    path.write_text(path.read_text().replace("G = I[L]/bias", "G = 1i*I[L]/bias"))
    told = call("run", "small.model", "map", code=1)
    assert "small: map" in told.stdout
    assert told.stdout.splitlines()[-1] == "wrote small_map.nc"
    assert "'G' is complex and cannot be drawn" in told.stderr
    assert "small.model:" in told.stderr
    found = json.loads(call("run", "small.model", "map", "--json", code=1).stdout)
    assert found["errors"][0]["message"] == "'G' is complex and cannot be drawn"
    assert found["tasks"][0]["figure"] is None


def test_a_value_outside_its_interval_is_an_error_at_the_line_of_the_parameter(desk: Path) -> None:
    told = call("run", "small.model", "--set", "gamma=3", code=1).output
    assert "small.model:2" in told


def test_the_method_can_be_chosen(desk: Path) -> None:
    found = json.loads(call("run", "small.model", "--method", "sparse", "--json").stdout)
    assert found["tasks"][0]["method"] == "sparse"
    call("run", "small.model", "--method", "spars", code=1)


def test_the_place_of_the_results_can_be_chosen(desk: Path) -> None:
    (desk / "out").mkdir()
    call("run", "small.model", "-o", "out/a.nc")
    assert {path.name for path in (desk / "out").iterdir()} == {"a.nc", "a.pdf"}
    for place in ("out/a.pdf", "nowhere/a.nc", "out"):
        call("run", "small.model", "-o", place, code=2)
    call("run", "small.model", "--all", "-o", "a.nc", code=2)


def test_a_run_as_records(desk: Path) -> None:
    found = json.loads(call("run", "small.model", "--json").stdout)
    (task,) = found["tasks"]
    assert found["errors"] == []
    assert (task["task"], task["dataset"], task["figure"]) == ("main", "small_main.nc", "small_main.pdf")
    assert task["results"]["current"]["dimensions"] == {"terminal": 2}
    assert task["results"]["current"]["largest"] == pytest.approx(-task["results"]["current"]["smallest"])
    assert task["failed"] == []
    assert all(value < 1e-9 for value in task["audits"].values())
    assert list(json.loads(call("run", "missing.txt", code=2).stdout or "{}")) == []


def test_what_does_not_converge_ends_with_three_and_says_how_far_it_goes(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modelkit.model import Model

    def give_up(*_: Any, **__: Any) -> None:
        raise NotConverged("probe 'S' draws 3e-2 of the current", residual=3e-2, limit={"ratio": 0.95})

    monkeypatch.setattr(Model, "run", give_up)
    told = call("run", "small.model", code=3).output
    assert "not converged: probe 'S'" in told
    assert "ratio = 0.95" in told
    (record,) = json.loads(call("run", "small.model", "--json", code=3).stdout)["errors"]
    assert record["suggestion"] == "there is a solution up to ratio = 0.95"


def test_failed_points_end_with_three_but_are_written(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelkit.model import Model

    whole = Model.run

    def one_fails(self: Model, *arguments: Any, **named: Any) -> Any:
        found = whole(self, *arguments, **named)
        reasons = np.array(["", "the probe is reached by nothing", "", ""])
        return found.assign(failed=("gamma", reasons))

    monkeypatch.setattr(Model, "run", one_fails)
    told = call("run", "small.model", "curve", code=3).output
    assert "1 of 4 points failed: the probe is reached by nothing" in told
    assert (desk / "small_curve.pdf").exists()


def test_an_interrupted_run_keeps_what_is_finished(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelkit.results.store import read
    from modelkit.tasks import run as runner

    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    manner = runner.Manner

    def stopped(method: Any, progress: Any, path: Any) -> Any:
        return manner(method, stop, path)

    monkeypatch.setattr(runner, "Manner", stopped)
    assert "small_curve.nc" in call("run", "small.model", "curve", code=130).output
    values = read(desk / "small_curve.nc").current.values
    assert np.isfinite(values[:2]).all()
    assert np.isnan(values[2:]).all()


@pytest.mark.parametrize("words", [["--resume"], ["--jobs", "4"], ["--dask"]])
def test_what_a_later_version_brings_is_refused_by_name(desk: Path, words: list[str]) -> None:
    assert "comes with a later version" in call("run", "small.model", *words, code=2).output
    assert "comes with a later version" in call("lsp", code=2).output


# --- the other commands --------------------------------------------------------------------------


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
