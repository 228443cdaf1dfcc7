from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes

from modelkit.elements.plots import Drawing
from modelkit.view.failures import failure_notes, failures
from modelkit.view.figures import figure
from modelkit.view.tables import summary
from tests.view import samples


def swept(*places: tuple[int, int], reason: str = "no solution") -> xr.Dataset:
    """Nonreciprocity over N and gamma without a result at some places."""
    data = samples.length()
    reasons = np.full((49, 3), "", dtype=object)
    for place in places:
        reasons[place] = reason
        data.dI.values[place] = np.nan
    data["failed"] = (("N", "gamma"), reasons.astype(np.str_))
    return data


def crosses(axes: Axes) -> list[float]:
    """Where the axis is marked."""
    return [
        float(x) for line in axes.get_lines() if line.get_marker() == "x" for x in line.get_xdata()
        if line.get_transform() == axes.get_xaxis_transform()
    ]  # fmt: skip


def words(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


AGAINST_N = [Drawing("draw", "dI", "N", "gamma", None)]


def test_a_failed_point_is_a_gap_and_a_cross_on_the_axis() -> None:
    axes = figure(swept((3, 1), (4, 1), (4, 2)), AGAINST_N).axes[0]
    assert crosses(axes) == [10.0, 12.0]
    assert words(axes)[-1] == "failed"
    gaps = [int(np.isnan(line.get_ydata()).sum()) for line in axes.get_lines()[:3]]
    assert gaps == [0, 2, 1]
    assert crosses(figure(swept(), AGAINST_N).axes[0]) == []
    assert "failed" not in words(figure(swept(), AGAINST_N).axes[0])


def test_a_single_curve_has_a_legend_for_its_crosses() -> None:
    data = swept((3, 1)).isel(gamma=1, drop=True)
    axes = figure(data, [Drawing("draw", "dI", "N", None, None)]).axes[0]
    assert words(axes) == ["failed"]
    assert crosses(axes) == [10.0]


def test_a_curve_without_any_point_is_named() -> None:
    data = swept(*((k, 2) for k in range(49)))
    assert words(figure(data, AGAINST_N).axes[0])[-1] == r"failed: $\gamma = 0.5$"
    spectra = samples.spectrum().expand_dims(V=[0.1, 0.2]).copy(deep=True)
    spectra.transmission.values[1] = np.nan
    spectra["failed"] = ("V", np.array(["", "interrupted"]))
    axes = figure(spectra, [Drawing("draw", "transmission", "energy", "V", None)]).axes[0]
    assert words(axes)[-1] == "not reached: $V = 0.2$"
    assert crosses(axes) == []


def test_what_another_case_lacks_is_no_gap_here() -> None:
    data = xr.Dataset(
        {"forward": ("V", [1.0, 2.0, 3.0]), "both": ("V", [1.0, np.nan, 3.0])}, {"V": [1, 2, 3]}
    )
    data["failed"] = (("V", "case"), np.array([["", ""], ["", "no solution"], ["", ""]]))
    one, both = figure(
        data, [Drawing("draw", "forward", "V", None, None), Drawing("draw", "both", "V", None, None)]
    ).axes
    assert (crosses(one), words(one)) == ([], [])
    assert (crosses(both), words(both)) == ([2.0], ["failed"])


def test_grey_cells_of_a_map_are_explained() -> None:
    drawing = [Drawing("map", "dI", "N", "gamma", None)]
    assert figure(swept((3, 1)), drawing).axes[0].get_title() == "grey: failed"
    assert figure(swept(), drawing).axes[0].get_title() == ""
    cases = samples.diamond()
    reasons = np.full((2, 21), "", dtype=object)
    reasons[0, 4] = "no solution"
    cases["failed"] = (("case", "Vg"), reasons.astype(np.str_))
    plane = [Drawing("map", "rectified", "E", "Vg", None)]
    assert titles(cases, plane) == ["forward, grey: no value", "backward"]  # 0/0 is no failure
    cases.rectified[0, :, 4] = np.nan
    assert titles(cases, plane) == ["forward, grey: failed or no value", "backward"]


def titles(data: xr.Dataset, drawings: list[Drawing]) -> list[str]:
    return [axes.get_title() for axes in figure(data, drawings).axes if axes.get_title()]


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ([(3, 1)], "1 of 147 points failed (N = 10; gamma = 0.3): no solution"),
        ([(k, 1) for k in range(5, 10)], "5 of 147 points failed (N = 14 to 22; gamma = 0.3): no solution"),
        ([(0, 0), (1, 1)], "2 of 147 points failed (within N = 4, 6; gamma = 0.1, 0.3): no solution"),
        ([(k, j) for k in (0, 48) for j in range(3)], "6 of 147 points failed (N = 4, 100): no solution"),
    ],
)
def test_a_table_says_where_points_failed(places: list[tuple[int, int]], said: str) -> None:
    data = swept(*places)
    assert failure_notes(data) == [said]
    assert said in str(summary(data))
    assert failures(data) == ["no solution"] * len(places)


def test_every_reason_is_told_with_its_points() -> None:
    data = swept((0, 0), (1, 0))
    data.failed[1, 0] = "interrupted"
    assert failure_notes(data) == [
        "1 of 147 points failed (N = 4; gamma = 0.1): no solution",
        "1 of 147 points not reached (N = 6; gamma = 0.1)",
    ]
    for k in range(5):
        data.failed[k, 1] = f"by {k}e-0{k}"  # alike but for the numbers
    assert "5 of 147 points failed (N = 4 to 12; gamma = 0.3): by 0e-00" in failure_notes(data)
    for k in range(4):
        data.failed[9 + k, 2] = "abcd"[k]
    assert failure_notes(data)[-1] == "4 more points failed for other reasons"
    assert failure_notes(swept()) == []
