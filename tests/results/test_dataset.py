"""Points become labelled arrays: every number under its own label, wherever it was found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from modelkit.errors import ModelError
from modelkit.results.dataset import Axis, Labelled, Point, assemble, union
from modelkit.results.store import read, write


def point(
    place: tuple[int, ...], labels: list[str], values: list[float], touched: list[str] | None = None
) -> Point:
    coordinates = {"terminal_site": Labelled(("terminal",), np.array(touched))} if touched else {}
    arrays = {"current": Labelled(("terminal",), np.array(values)), "audit_x": Labelled((), np.array(1e-15))}
    return Point(place, arrays, {"terminal": np.array(labels)}, coordinates)


def sizes(*values: int) -> Axis:
    return Axis("N", np.array(values), {"long_name": "number of sites", "units": ""})


def test_a_single_point_has_no_dimension_of_the_run() -> None:
    found = assemble((), [point((), ["L", "R"], [1.0, -1.0])])
    assert found.current.dims == ("terminal",)
    assert float(found.current.sel(terminal="R")) == -1.0
    assert found.audit_x.dims == ()


def test_numbers_stay_under_their_labels_when_the_order_differs() -> None:
    points = [point((0,), ["L", "S[2]", "R"], [1, 2, 3]), point((1,), ["R", "L", "S[2]"], [30, 10, 20])]
    found = assemble((sizes(4, 6),), points)
    assert found.current.sel(terminal="L").values.tolist() == [1, 10]
    assert found.current.sel(terminal="S[2]").values.tolist() == [2, 20]
    assert found.current.sel(terminal="R", N=6) == 30


def test_a_label_that_is_absent_at_a_point_is_nan_there() -> None:
    points = [
        point((0,), ["L", "R", "S[2]", "D[3]"], [1, 2, 3, 4]),
        point((1,), ["L", "R", "S[2]", "S[4]", "D[3]", "D[5]"], [5, 6, 7, 8, 9, 10]),
    ]
    found = assemble((sizes(4, 6),), points)
    assert found.terminal.values.tolist() == ["L", "R", "S[2]", "S[4]", "D[3]", "D[5]"]
    assert np.isnan(found.current.sel(N=4, terminal="S[4]"))
    assert found.current.sel(N=4, terminal="D[3]") == 4
    assert found.current.sel(N=6, terminal="D[5]") == 10


def test_missing_points_are_nan_and_the_others_keep_their_place() -> None:
    axes = (sizes(4, 6), Axis("case", np.array(["forward", "backward"])))
    found = assemble(axes, [point((1, 0), ["L"], [7.0]), point((0, 1), ["L"], [8.0])])
    assert found.current.dims == ("N", "case", "terminal")
    assert found.current.sel(N=6, case="forward", terminal="L") == 7
    assert found.current.sel(N=4, case="backward", terminal="L") == 8
    assert np.isnan(found.current.sel(N=4, case="forward", terminal="L"))
    assert found.N.attrs["long_name"] == "number of sites"


def test_two_dimensions_of_terminals_are_matched_each_by_itself() -> None:
    def matrix(place: int, labels: list[str], values: list[list[float]]) -> Point:
        array = Labelled(("terminal", "terminal_from"), np.array(values))
        names = np.array(labels)
        return Point((place,), {"transmission": array}, {"terminal": names, "terminal_from": names})

    points = [matrix(0, ["L", "R"], [[0, 1], [2, 3]]), matrix(1, ["R", "L"], [[30, 20], [10, 0]])]
    found = assemble((sizes(1, 2),), points)
    assert found.transmission.sel(terminal="R", terminal_from="L").values.tolist() == [2, 20]
    assert found.transmission.sel(terminal="L", terminal_from="R").values.tolist() == [1, 10]


def test_a_coordinate_has_the_dimensions_along_which_it_changes_and_no_others() -> None:
    axes = (sizes(4, 6), Axis("case", np.array(["forward", "backward"])))
    points = [
        point((k, j), ["L", "R"], [0, 0], ["c[1]", f"c[{n}]"]) for k, n in enumerate((4, 6)) for j in range(2)
    ]
    moved = assemble(axes, points).terminal_site
    assert moved.dims == ("N", "terminal")
    assert moved.sel(N=6, terminal="R") == "c[6]"
    still = assemble(axes, [point((k, j), ["L"], [0], ["c[1]"]) for k in range(2) for j in range(2)])
    assert still.terminal_site.dims == ("terminal",)


def test_grids_that_differ_are_merged_in_ascending_order() -> None:
    points = [
        Point((k,), {"dos": Labelled(("energy",), np.array(values))}, {"energy": np.array(grid)})
        for k, (grid, values) in enumerate((([0.0, 2.0], [1.0, 2.0]), ([1.0, 2.0], [3.0, 4.0])))
    ]
    found = assemble((sizes(1, 2),), points).dos
    assert found.energy.values.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(found.values, [[1, np.nan, 2], [np.nan, 3, 4]])


def test_complex_results_stay_complex() -> None:
    points = [Point((k,), {"x": Labelled((), np.array(value))}, {}) for k, value in enumerate((1.0, 2j))]
    assert assemble((sizes(1, 2),), points).x.values.tolist() == [1, 2j]


@given(st.lists(st.lists(st.integers(0, 30), unique=True, min_size=1).map(sorted), min_size=1, max_size=5))
def test_a_union_holds_all_labels_once_and_keeps_the_order_of_each(families: list[list[int]]) -> None:
    arrays = [np.array([f"c[{label}]" for label in family]) for family in families]
    found = union(arrays).tolist()
    assert sorted(found) == sorted({label for family in arrays for label in family.tolist()})
    if len(families) <= 2:
        first, last = arrays[0].tolist(), arrays[-1].tolist()
        assert [label for label in found if label in first] == first
        if len(families) == 1:
            assert found == last


def dataset() -> xr.Dataset:
    axes = (
        Axis("gamma", np.array([0.1, 0.3]), {"units": "meV"}),
        Axis("case", np.array(["forward", "backward"])),
    )
    places = [(0, 0), (0, 1), (1, 1)]
    found = assemble(axes, [point(place, ["L", "S[2]"], [1, 2], ["c[1]", "c[2]"]) for place in places])
    found["failed"] = (("gamma", "case"), np.array([["", ""], ["no root: mu too large", ""]]))
    found["amplitude"] = (("gamma",), np.array([1 + 2j, 3.0]), {"long_name": "complex one"})
    return found.assign_attrs(title="a wire", source="model wire\nparam N = 4\n")


def test_what_is_written_is_read_back_identical(tmp_path: Path) -> None:
    before = dataset()
    after = read(write(before, tmp_path / "out.nc"))
    xr.testing.assert_identical(after, before)
    for name in before.variables:
        assert after[name].dtype.kind == before[name].dtype.kind, name


def test_an_older_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "out.nc"
    path.write_text("old")
    write(dataset(), path)
    assert "current" in read(path)
    assert [found.name for found in tmp_path.iterdir()] == ["out.nc"]


def test_a_file_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be written"):
        write(dataset(), tmp_path / "nowhere" / "out.nc")
    with pytest.raises(ModelError, match="cannot be read"):
        read(tmp_path / "nothing.nc")
    (tmp_path / "words.nc").write_text("words")
    with pytest.raises(ModelError, match="cannot be read"):
        read(tmp_path / "words.nc")
