"""`modelkit run`: results, records, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelkit.errors import NotConverged
from tests.cli.desk import SMALL, call


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
    assert "1 of 4 points failed (gamma = " in told
    assert "): the probe is reached by nothing" in told
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


def test_a_task_that_fails_keeps_no_other_from_running(desk: Path) -> None:
    (desk / "small.model").write_text(
        SMALL + "task lost = transport { gamma = log(gamma); output current }\n"
    )
    ran = call("run", "small.model", "lost", "one", code=1)
    assert (desk / "small_one.nc").exists()
    assert not (desk / "small_lost.nc").exists()
    assert ran.stderr.count("help:") == 1
    data = json.loads(call("run", "small.model", "lost", "one", "--json", code=1).stdout)
    assert [one["task"] for one in data["tasks"]] == ["one"]
    assert len(data["errors"]) == 1
