"""`modelkit run`: what of a figure is left where sweeps have single values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.desk import SMALL, call

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
