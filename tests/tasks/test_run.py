"""Bookkeeping of a run: which values hold where, in which order cases and labels stand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import modelkit as mk
from modelkit.errors import ModelError, NotConverged
from modelkit.registry import Output, outputs
from modelkit.results.store import read
from modelkit.tasks.run import Interrupted, Manner, run_task
from tests.tasks.echo import TEXT, echoing


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    with echoing():
        yield


def run(task: str, values: dict[str, Any] | None = None, /, **named: Any) -> xr.Dataset:
    return mk.loads(f"{TEXT}task t = echo {{ {task} }}").run("t", values, **named)


# --- which value wins -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "outside", "expected"),
    [
        ("output level", {}, 10.1),  # declared: V = 0.1, a = 1
        ("V = 0.2; output level", {}, 10.2),
        ("V = 0.2; output level", {"V": 0.3}, 10.3),
        ("cases backward; V = 0.2; output level", {"V": 0.3}, 9.7),  # the case is last and sees 0.3
        ("a = 2*V; output level", {}, 2.1),  # right sides see the declared values
        ("a = 2*V; output level", {"V": 0.3}, 6.3),  # and what comes from outside
        ("a = twice; output level", {"V": 0.3}, 6.3),  # through lets as well
        ("a = V; V = a; output level", {}, 2.0),  # but not one another
        ("cases swapped; output level", {"V": 0.5}, 6.0),
    ],
)
def test_declaration_below_task_below_outside_below_case(task: str, outside: dict, expected: float) -> None:
    assert float(run(task, **outside).level.squeeze()) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("task", "outside", "expected"),
    [
        ("output temperatures", {}, [0.5, 0.5, 0.5, 0.5]),
        ("output temperatures", {"L.T": 2}, [2, 0.5, 0.5, 0.5]),
        ("S[2].T = 3; output temperatures", {}, [0.5, 0.5, 3, 0.5]),
        ("S[2].T = 3; output temperatures", {"S[2].T": 4}, [0.5, 0.5, 4, 0.5]),
        ("S[2].T = 3; output temperatures", {"S.T": 4}, [0.5, 0.5, 4, 4]),  # the whole family, said later
        ("cases hot; L.T = 7; output temperatures", {"L.T": 2}, [1.5, 0.25, 0.25, 0.25]),
        ("cases hot; kT = 3; output temperatures", {}, [4, 0.25, 0.25, 0.25]),  # L.T sees kT before the case
    ],
)
def test_fields_follow_the_same_order(task: str, outside: dict, expected: list[float]) -> None:
    found = run(task, outside).temperatures.squeeze()
    assert found.terminal.values.tolist() == ["L", "R", "S[2]", "S[3]"]
    assert found.values.tolist() == expected


def test_an_outside_value_replaces_a_sweep_with_its_dimension() -> None:
    text = "sweep V in {0.1, 0.2}; sweep a in 1..3; output level"
    assert run(text).level.dims == ("V", "a")
    assert run(text, a=5).level.dims == ("V",)
    replaced = run(text, V=[0.3, 0.4, 0.5], a=5).level
    assert replaced.dims == ("V",)
    assert replaced.values == pytest.approx([50.3, 50.4, 50.5])
    added = run("output level", V=[0.1, 0.2]).level
    assert added.dims == ("V",)


def test_the_declared_values_are_seen_by_the_bounds_of_a_sweep() -> None:
    found = run("sweep V from 0 to 2*a points 3; sweep N in 3..2*N step 2; output level", a=2)
    assert found.V.values.tolist() == [0, 2, 4]
    assert found.N.values.tolist() == [3, 5, 7]
    assert found.N.dtype.kind == "i"


def test_bounds_that_vary_are_refused() -> None:
    with pytest.raises(ModelError, match="depend on 'V', which varies itself"):
        run("sweep V in {0.1, 0.2}; sweep a from 0 to twice points 3; output level")
    with pytest.raises(ModelError, match="depend on 'V', which varies itself"):
        run("cases forward, backward; sweep a from 0 to twice points 3; output level")
    with pytest.raises(ModelError, match="'V' is swept, but the case 'forward' sets it"):
        run("cases forward, backward; output level", V=[0.1, 0.2])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"twice": 1}, "'twice' cannot be set"),
        ({"v": 1}, "there is no parameter 'v'"),
        ({"V": 6}, "must lie from -5 to 5"),
        ({"V": [0.1, 6]}, "must lie from -5 to 5"),
        ({"V": []}, "not empty"),
        ({"V": [[1, 2]]}, "not a table"),
        ({"V": float("nan")}, "no number"),
        ({"V": "2*"}, "ends"),
        ({"V": None}, "no number"),
        ({"N": 4.5}, "must be an integer"),
        ({"X.T": 1}, "X"),
        ({"L.nonsense": 1}, "field"),
    ],
)
def test_values_that_cannot_be_are_refused_before_anything_runs(values: dict, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        run("output level", values)


def test_texts_are_constant_formulas() -> None:
    assert float(run("output level", V="1/4").level) == 10.25
    assert run("output level", V=["1/4", "0.5"]).V.values.tolist() == [0.25, 0.5]


def test_a_sweep_is_labelled_in_the_unit_of_its_declaration() -> None:
    units = "units { energy = eV }\nparam gate = 2 [meV]\n"
    text = TEXT.replace("param V", f"{units}param V") + "task t = echo { output level, x = gate*1 }"
    model = mk.loads(text)
    found = model.run("t", gate=[0.1, 0.3, "0.0007 [eV]"])
    assert found.gate.values.tolist() == [0.1, 0.3, 0.7]
    assert found.gate.attrs["units"] == "meV"
    assert found.x.values == pytest.approx([1e-4, 3e-4, 7e-4])


# --- cases and labels -----------------------------------------------------------------------------


def test_cases_stand_in_the_order_of_the_task() -> None:
    found = run("cases minus, plus; sweep V in {0.5, 1}; output level, first = nonreciprocity(level)")
    assert found.level.dims == ("V", "case")
    assert found.case.values.tolist() == ["minus", "plus"]
    assert found.level.sel(V=0.5).values.tolist() == [-9.5, 10.5]
    assert found["first"].dims == ("V",)
    assert found["first"].values.tolist() == [1.0, 2.0]  # |plus| - |minus|: minus is the first


def test_without_cases_there_is_no_case_dimension() -> None:
    assert run("output level").level.dims == ()
    assert "case" not in run("output level").coords
    assert run("cases forward; output level").level.dims == ("case",)


def test_labels_follow_the_device_at_every_point() -> None:
    found = run("sweep N in {3, 5}; output touched, arrows", V=0)
    assert found.touched.sel(N=3, terminal="R") == 300
    assert found.touched.sel(N=5, terminal="R") == 500
    assert found.touched.sel(N=5, terminal="S[4]") == 400
    assert np.isnan(found.touched.sel(N=3, terminal="S[4]"))
    assert found.terminal.values.tolist() == ["L", "R", "S[2]", "S[3]", "S[4]"]
    assert found.arrows.sel(N=5, bond="c[3]->c[4]") == 304
    assert np.isnan(found.arrows.sel(N=3, bond="c[3]->c[4]"))
    assert found.terminal_site.sel(N=3).values.tolist() == ["c[1]", "c[3]", "c[2]", "", ""]  # R moves
    assert found.terminal_site.sel(N=5).values.tolist() == ["c[1]", "c[5]", "c[2]", "c[3]", "c[4]"]


def test_helper_coordinates_say_where_things_are() -> None:
    found = run("output touched, spectrum")
    assert found.terminal_site.sel(terminal="S[3]") == "c[3]"
    assert found.site.values.tolist() == ["c[1]", "c[2]", "c[3]", "c[4]"]
    assert found.position.sel(site="c[3]", axis="x") == 3
    assert found.site_number.sel(site="c[3]") == 3


def test_grids_are_no_reruns_and_a_single_energy_has_no_dimension() -> None:
    found = run("sweep E from -1 to 1 points 5; sweep V in {0.1, 0.2}; output spectrum, level")
    assert found.spectrum.dims == ("V", "energy", "site")
    assert found.level.dims == ("V",)
    assert found.energy.values.tolist() == [-1, -0.5, 0, 0.5, 1]
    assert json.loads(found.attrs["counts"]) == {"solves": 2}
    assert run("output spectrum").sizes["energy"] == 3  # chosen by the verb
    alone = run("sweep E from -1 to 1 points 5; output spectrum", E=0.5).spectrum
    assert alone.dims == ("site",)
    assert alone.values.tolist() == [5, 6, 7, 8]


# --- derived --------------------------------------------------------------------------------------


def test_derived_values_use_the_parameters_of_their_point_and_case() -> None:
    cases = "cases forward, backward; sweep a in {1, 2}"
    found = run(f"{cases}; output y = X[S[2]]/a + twice, z = X[L]*kT, s = touched[R]@backward", V=0.5)
    assert found.y.dims == ("a", "case")
    assert found.y.sel(case="forward").values.tolist() == [201.5, 101.25]
    assert found.y.sel(case="backward").values.tolist() == [198.5, 98.75]
    assert found.z.sel(a=2, case="backward") == 99.5 * 0.5
    assert found.s.dims == ("a",)
    assert found.s.values.tolist() == [399.5, 399.5]


def test_derived_values_use_those_before_them() -> None:
    cases = "cases forward, backward; sweep a in {1, 2}"
    earlier = "y = X[S[2]]/a, w = offset(X[L])/a"
    found = run(
        f"{cases}; output {earlier}; output z = y^2 - X[L]*y + w, d = offset(y), e = offset(X[S[2]]/a), X",
        V=0.5,
    )
    y, left = found.y, found.touched.sel(terminal="L", drop=True)
    xr.testing.assert_allclose(found.z, (y**2 - left * y + found.w).transpose(*found.z.dims))
    xr.testing.assert_equal(found.d, found.e)
    assert found.d.dims == ("a",)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ("z = 2*y, y = X[L]", "the output 'y' is not listed before this one"),
        ("y = y + X[L]", "the output 'y' is not listed before this one"),
        ("kT = X[L], z = kT", "'kT' is a parameter and an output of this task"),
        ("y = X[L]@forward, z = offset(y)", "'y' takes both cases already, or names one"),
        ("y = offset(X[L]), z = offset(y)", "'y' takes both cases already, or names one"),
        ("y = nowhere, z = y", "there is no 'nowhere'"),
    ],
)
def test_derived_values_are_refused_where_they_say_nothing(outputs: str, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        run(f"cases forward, backward; output {outputs}")
    assert [message in one.message for one in caught.value.errors] == [True]


def test_two_case_quantities_have_no_case_unless_a_parameter_brings_it() -> None:
    outputs = "d = offset(X[L])/a, e = offset(X[L])*V, w = nonreciprocity(touched)"
    found = run(f"cases forward, backward; output {outputs}")
    assert found.d.dims == ()
    assert float(found.d) == pytest.approx(-200)
    assert found.e.dims == ("case",)
    assert found.e.values == pytest.approx([-20, 20])
    assert found.w.dims == ("terminal",)


def test_labels_in_formulas_may_follow_parameters() -> None:
    found = run("sweep N in {4, 6}; output last = X[S[N-1]], third = X[S[5]]", V=0)
    assert found["last"].values.tolist() == [300, 500]
    np.testing.assert_array_equal(found.third.values, [np.nan, 500])
    with pytest.raises(ModelError, match="at any point"):
        run("output third = X[S[9]]")


# --- failures -------------------------------------------------------------------------------------


def test_a_failing_point_is_nan_with_its_reason() -> None:
    found = run("sweep V in {1, 3}; output level, x = X[L]")
    assert np.isnan(found.level.values).tolist() == [False, True]
    assert np.isnan(found.x.values).tolist() == [False, True]
    assert found.failed.values.tolist() == ["", "V = 3 is too large"]


def test_a_point_whose_device_is_impossible_fails_by_itself() -> None:
    found = run("sweep N in {-1, 4}; output level")
    assert found.failed.sel(N=4) == ""
    assert "no sites" in str(found.failed.sel(N=-1).values)


def test_numbers_too_far_apart_are_told_with_their_values() -> None:
    wire = mk.loads(TEXT.replace(": -1", ": -a") + "task t = transport(order = 1) { output current }")
    with pytest.raises(NotConverged, match=r"too far apart .*: from V = 0\.1 to a = 1e\+200"):
        wire.run("t", a=1e200)


def test_a_division_by_zero_of_ours_is_not_blamed_on_the_values() -> None:
    ratio = Output("ratio", None, (), "energy", "for tests", ("echo",), lambda found: np.zeros(1)[0] / 0)
    with outputs.extended("ratio", ratio), pytest.raises(RuntimeWarning, match="invalid value"):
        run("output ratio")


def test_when_all_points_fail_the_first_reason_is_raised() -> None:
    with pytest.raises(NotConverged, match="V = 3 is"):
        run("sweep V in {3, 4}; output level")
    with pytest.raises(NotConverged, match="V = 3 is"):
        run("cases forward, backward; output level", V=3)  # only forward fails, but there is no other point


def test_an_interrupted_run_keeps_what_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "out.nc"
    with pytest.raises(Interrupted) as caught:
        run("sweep V in {1, 2, -4, 0.5}; output level", store=path)
    partial = caught.value.partial
    assert partial.failed.values.tolist() == ["", "", "interrupted", "interrupted"]
    assert partial.level.values[:2].tolist() == [11, 12]
    xr.testing.assert_identical(read(path), partial)
    assert [found.name for found in tmp_path.iterdir()] == ["out.nc"]


def test_finished_points_are_written_as_the_run_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelkit.tasks.run.PAUSE", -1e9)
    path, seen = tmp_path / "out.nc", []

    def look(finished: int, every: int) -> None:
        if finished > 1:  # written after the point before
            seen.append(read(tmp_path / "out.nc.part").failed.values.tolist())

    final = run("sweep V in {1, 3, 2}; output level", store=path, progress=look)
    assert seen == [["", "interrupted", "interrupted"], ["", "V = 3 is too large", "interrupted"]]
    xr.testing.assert_identical(read(path), final)
    assert [found.name for found in tmp_path.iterdir()] == ["out.nc"]


# --- manners --------------------------------------------------------------------------------------


def test_progress_is_told_after_each_point() -> None:
    told: list[tuple[int, int]] = []
    run("cases forward, backward; sweep a in 1..3; output level", progress=lambda *count: told.append(count))
    assert told == [(k, 6) for k in range(1, 7)]


def test_an_executor_gives_the_same_numbers() -> None:
    model = mk.loads(f"{TEXT}task t = echo {{ cases forward, backward; sweep N in 3..9; output touched }}")
    alone = model.run("t")
    declarations = model.declarations
    with ThreadPoolExecutor(1) as pool:
        manner = Manner(mapper=pool.map)
        shared = run_task(declarations, model._expansion, declarations.tasks["t"], {}, manner)
    xr.testing.assert_identical(alone, shared)


def test_a_dataset_says_how_it_was_made_and_survives_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out.nc"
    found = run("cases forward, hot; sweep N in 3..4; kT = 2; output touched, x = offset(X[L])", store=path)
    xr.testing.assert_identical(read(path), found)
    facts = found.attrs
    assert json.loads(facts["parameters"]) == {"V": 0.1, "a": 1, "kT": 2}
    assert set(json.loads(facts["versions"])) == {"modelkit", "numpy", "scipy", "sympy"}
    assert facts["method"] == "echo"
    assert facts["task"] == "t"
    assert facts["bias_reference"] == "none"
    assert mk.loads(facts["source"]).name == "wire"
    assert found.N.attrs["long_name"] == "number of sites"
    assert found.touched.attrs["symbol"] == "X"
    assert found.audit_nothing.dims == ("N", "case")


def test_a_task_is_found_by_its_name() -> None:
    model = mk.loads(f"{TEXT}task one = echo {{ output level }}\ntask two = echo {{ output touched }}")
    assert "level" in model.run()
    assert "touched" in model.run("two")
    with pytest.raises(ModelError, match="there is no task 'twos'") as caught:
        model.run("twos")
    assert caught.value.hint == "did you mean 'two'?"
    with pytest.raises(ModelError, match="no task"):
        mk.loads(TEXT).run()


def test_check_asks_the_verb_of_every_task() -> None:
    model = mk.loads(
        f"{TEXT}task one = echo {{ output level }}\ntask far = transport(order = 99) {{ output current }}"
    )
    with pytest.raises(ModelError, match="whole number"):
        model.check()
    assert "level" in model.run("one")


def test_a_gate_is_set_by_a_parameter() -> None:
    felt = "screening on wire { solve U[wire] such that charge == capacitance; capacitance wire - G : 0.3 }\n"
    model = mk.loads(f"{TEXT}gate G {{ U = -V }}\n{felt}task t = echo {{ output X }}")
    with pytest.raises(ModelError, match=r"'G\.U' cannot be set") as caught:
        model.run("t", {"G.U": 1})
    assert caught.value.hint == "give it a parameter, gate G { U = U_G }, and set that"
