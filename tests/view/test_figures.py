from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from modelkit.elements.plots import Drawing
from modelkit.errors import ModelError, Source, Span
from modelkit.view.figures import default_drawings, figure, save
from modelkit.view.maps import edges, limits
from tests.view import samples

PROFILE = Drawing("draw", "chemical_potential", "site", "case", None)


def legend_words(drawn: Figure) -> list[str]:
    legend = drawn.axes[0].get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def test_terminals_against_site_stand_at_their_sites_in_order() -> None:
    data = samples.profile(12)
    axes = figure(data, [PROFILE]).axes[0]
    lines = axes.get_lines()[:2]
    for line, case in zip(lines, ("forward", "backward"), strict=True):
        assert np.array_equal(line.get_xdata(), np.arange(1, 13))
        by_site = {str(site): float(value) for site, value in zip(
            data.terminal_site.values, data.chemical_potential.sel(case=case).values, strict=True
        )}  # fmt: skip
        assert line.get_ydata() == pytest.approx([by_site[f"c[{site}]"] for site in range(1, 13)])
    assert axes.get_xlabel() == r"site $\ell$"


def test_cases_have_colours_and_families_have_markers_in_the_legend() -> None:
    drawn = figure(samples.profile(), [PROFILE])
    assert legend_words(drawn) == ["forward", "backward", "L, R", "S", "D"]
    curves = drawn.axes[0].get_lines()
    assert len({line.get_color() for line in curves[:2]}) == 2
    assert len({line.get_linestyle() for line in curves[:2]}) == 2


def test_terminals_on_several_sites_have_a_panel_of_their_own() -> None:
    data = samples.profile(6)
    data["terminal_site"] = ("terminal", ["c[1]", "", *data.terminal_site.values[2:]])
    sites, terminals = figure(data, [PROFILE]).axes
    assert np.array_equal(sites.get_lines()[0].get_xdata(), [1, 2, 3, 4, 5])
    assert sites.get_xlabel() == r"site $\ell$"
    assert [label.get_text() for label in terminals.get_xticklabels()] == ["R"]
    assert terminals.get_xlabel() == "terminal"
    assert [float(line.get_ydata()[0]) for line in terminals.get_lines()] == pytest.approx([0.95, 1.05])
    data["terminal_site"] = ("terminal", [""] * data.sizes["terminal"])
    (alone,) = figure(data, [PROFILE]).axes
    assert alone.get_xlabel() == "terminal"
    assert len(alone.get_lines()[0].get_xdata()) == data.sizes["terminal"]
    shown = Drawing("map", "chemical_potential", "site", "case", None)
    with pytest.raises(ModelError, match="several sites"):
        figure(data, [shown])


def test_of_many_pairs_of_terminals_the_largest_are_drawn_unasked() -> None:
    names, energy = [f"B[{k}]" for k in range(14)], np.linspace(0, 1, 5)
    size = np.arange(196.0).reshape(14, 14)
    size = np.minimum(size, size.T)  # as much forth as back
    data = xr.Dataset(
        {"transmission": (("energy", "terminal", "terminal_from"), (1 + energy)[:, None, None] * size)},
        {"energy": energy, "terminal": names, "terminal_from": names},
    )
    drawn = figure(data)
    pairs = [(a, b) for a in range(14) for b in range(a + 1, 14)]
    best = sorted(pairs, key=lambda pair: -size[pair])[:6]
    legend = drawn.axes[0].get_legend()
    assert legend.get_title().get_text() == "the 6 largest of 182, equal ones once"
    assert legend_words(drawn) == [rf"B[{a}] $\to$ B[{b}]" for a, b in best]
    for line, pair in zip(drawn.axes[0].get_lines(), best, strict=True):
        assert np.allclose(line.get_ydata(), (1 + energy) * size[pair])
    asked = figure(data, [Drawing("draw", "transmission", "energy", None, None)])
    assert sum(bool(np.isfinite(line.get_ydata()).all()) for line in asked.axes[0].get_lines()) == 182
    matrix = figure(data.isel(energy=0)).axes[0]
    assert (matrix.get_xlabel(), matrix.get_ylabel()) == (
        r"from terminal $B_\ell$", r"to terminal $B_\ell$",
    )  # fmt: skip


def test_short_names_draw_the_same_as_long_ones() -> None:
    data = samples.spectrum()
    by_name = figure(data, [Drawing("draw", "transmission", "E", "terminal", None)])
    by_dimension = figure(data, [Drawing("draw", "transmission", "energy", "terminal", None)])
    for one, other in zip(by_name.axes[0].get_lines(), by_dimension.axes[0].get_lines(), strict=True):
        assert np.array_equal(one.get_ydata(), other.get_ydata())


def test_what_a_terminal_transmits_to_itself_is_not_drawn() -> None:
    drawn = figure(samples.spectrum(), [Drawing("draw", "transmission", "energy", "terminal", None)])
    pairs = [rf"{one} $\to$ {other}" for one in "LRP" for other in "LRP" if one != other]
    assert legend_words(drawn) == pairs
    data, lines = samples.spectrum().transmission, drawn.axes[0].get_lines()
    assert len(lines) == 6
    for line, pair in zip(lines, pairs, strict=True):
        chosen = data.sel(terminal_from=pair[0], terminal=pair[-1])
        assert np.array_equal(line.get_ydata(), chosen.values)


def test_many_terminals_are_told_by_colour_and_line() -> None:
    names, energy = ["A", "B", "C", "D"], np.linspace(0, 1, 5)
    values = np.arange(80.0).reshape(5, 4, 4)
    data = xr.Dataset(
        {"transmission": (("energy", "terminal", "terminal_from"), values)},
        {"energy": energy, "terminal": names, "terminal_from": names},
    )
    drawn = figure(data, [Drawing("draw", "transmission", "energy", None, None)])
    assert len(legend_words(drawn)) == 12
    data = xr.concat([data, data.assign_coords(terminal=list("EFGH"))], "terminal")
    drawn = figure(data, [Drawing("draw", "transmission", "energy", None, None)])
    assert {"from A", "from D", "to A", "to H"} <= set(legend_words(drawn))


def test_a_failed_point_is_a_gap() -> None:
    drawn = figure(samples.length(failed=True), [Drawing("draw", "dI", "N", "gamma", None)])
    gaps = [int(np.isnan(line.get_ydata()).sum()) for line in drawn.axes[0].get_lines()]
    assert gaps == [0, 1, 0]


def test_curves_of_a_sweep_carry_its_values() -> None:
    drawn = figure(samples.length(), [Drawing("draw", "dI", "N", "gamma", None)])
    assert legend_words(drawn) == [r"$\gamma = 0.1$", r"$\gamma = 0.3$", r"$\gamma = 0.5$"]
    assert drawn.axes[0].get_xlabel() == "number of sites $N$"
    assert drawn.axes[0].get_ylabel() == r"$\Delta I$ (natural units)"


def test_a_formula_of_unknown_dimension_is_said_to_be_in_natural_units() -> None:
    data = samples.length().assign_attrs(units="natural")
    del data.dI.attrs["units"]
    drawing = Drawing("draw", "dI", "N", "gamma", None)
    assert figure(data, [drawing]).axes[0].get_ylabel() == r"$\Delta I$ (natural units)"
    data.attrs["units"] = "energy = meV"
    assert figure(data, [drawing]).axes[0].get_ylabel() == r"$\Delta I$"


def test_a_map_has_a_panel_for_each_case_and_one_range_of_colours() -> None:
    drawn = figure(samples.diamond(), [Drawing("map", "rectified", "E", "Vg", None)])
    panels = [axes for axes in drawn.axes if axes.get_title()]
    assert [axes.get_title() for axes in panels] == ["forward, grey: no value", "backward"]
    meshes = [axes.collections[0] for axes in panels]
    assert meshes[0].get_clim() == meshes[1].get_clim()
    assert meshes[0].get_clim()[0] == -meshes[0].get_clim()[1]
    shown = meshes[0].get_array()
    assert shown.shape == (21, 61)
    assert shown.mask.sum() == 1
    values = samples.diamond().rectified.sel(case="backward").transpose("Vg", "energy").values
    assert np.allclose(meshes[1].get_array(), values)


def test_every_drawing_of_a_plot_is_a_panel() -> None:
    drawn = figure(samples.profile(), [PROFILE, Drawing("draw", "bond_current", "bond", "case", None)])
    assert len(drawn.axes) == 2


def numbered(gamma: np.ndarray) -> xr.Dataset:
    values = np.outer(np.arange(1.0, 11.0), gamma)
    return xr.Dataset({"current": (("N", "gamma"), values)}, {"N": np.arange(10), "gamma": gamma})


def colours(drawn: Figure) -> list[tuple[float, ...]]:
    return [mpl.colors.to_rgba(line.get_color()) for line in drawn.axes[0].get_lines()]


@pytest.mark.parametrize("gamma", [np.linspace(0, 1, 30), np.geomspace(1e-3, 10, 9)])
def test_curves_of_many_numbers_have_a_colour_bar(gamma: np.ndarray) -> None:
    data = numbered(gamma)
    data.gamma.attrs["units"] = "meV"
    drawn = figure(data, [Drawing("draw", "current", "N", "gamma", None)])
    assert len(set(colours(drawn))) == len(gamma)
    bar = drawn.axes[0].child_axes[0]
    assert bar.get_ylabel() == r"$\gamma$ (meV)"
    assert bar.get_ylim() == pytest.approx((gamma.min(), gamma.max()))
    assert legend_words(drawn) == []


@pytest.mark.parametrize("count", [8, 12, 30])
def test_many_names_have_colours_of_their_own(count: int) -> None:
    names = [f"P[{k}]" for k in range(count)]
    data = numbered(np.linspace(0, 1, count)).rename(gamma="terminal").assign_coords(terminal=names)
    drawn = figure(data, [Drawing("draw", "current", "N", "terminal", None)])
    assert len(set(colours(drawn))) == count
    if count <= 12:
        assert legend_words(drawn) == names
    else:
        shown = [label.get_text() for label in drawn.axes[0].child_axes[0].get_yticklabels()]
        assert shown[0] == names[0]
        assert shown[-1] == names[-1]


def test_sites_up_a_map_are_numbered_by_whole_numbers() -> None:
    values = np.arange(12.0).reshape(3, 4)
    sites = [f"c[{number}]" for number in range(1, 5)]
    data = xr.Dataset({"occupation": (("time", "site"), values)}, {"time": [0.0, 0.5, 1.0], "site": sites})
    axes = figure(data, [Drawing("map", "occupation", "time", "site", None)]).axes[0]
    low, high = axes.get_ylim()
    assert [tick for tick in axes.get_yticks() if low <= tick <= high] == [1, 2, 3, 4]


def test_curves_without_any_value_are_left_out() -> None:
    data = numbered(np.array([0.1, 0.2, 0.3]))
    data.current[:, 1] = np.nan
    drawn = figure(data, [Drawing("draw", "current", "N", "gamma", None)])
    assert legend_words(drawn) == [r"$\gamma = 0.1$", r"$\gamma = 0.3$"]
    assert len(drawn.axes[0].get_lines()) == 2
    nothing = figure(data * np.nan, [Drawing("draw", "current", "N", "gamma", None)])
    assert legend_words(nothing) == []


@pytest.mark.parametrize(("points", "marked"), [(12, True), (13, False)])
def test_curves_of_few_points_have_markers_however_many_they_are(points: int, marked: bool) -> None:
    values = np.arange(8.0)[:, None] * np.linspace(0.1, 1, points)
    data = xr.Dataset(
        {"current": (("gamma", "V"), values)}, {"gamma": np.arange(8.0), "V": np.linspace(0, 1, points)}
    )
    drawn = figure(data, [Drawing("draw", "current", "V", "gamma", None)])
    assert {line.get_marker() not in ("", "None") for line in drawn.axes[0].get_lines()} == {marked}


def test_a_single_curve_has_no_entry_in_the_legend() -> None:
    data = samples.profile().isel(case=0, drop=True)
    assert legend_words(figure(data, [Drawing("draw", "chemical_potential", "site", None, None)])) == [
        "L, R", "S", "D",
    ]  # fmt: skip
    assert legend_words(figure(data, [Drawing("draw", "bond_current", "bond", None, None)])) == []


def test_named_things_are_points_and_the_legend_shows_them_as_drawn() -> None:
    drawn = figure(samples.profile(6), [Drawing("draw", "chemical_potential", "terminal", "case", None)])
    lines, legend = drawn.axes[0].get_lines(), drawn.axes[0].get_legend()
    assert legend is not None
    assert legend_words(drawn) == ["forward", "backward"]

    def look(line: mpl.lines.Line2D) -> tuple[object, ...]:
        return line.get_color(), line.get_marker(), line.get_linestyle(), line.get_markerfacecolor()

    assert [look(line) for line in lines] == [look(line) for line in legend.get_lines()]
    assert len({look(line)[:2] for line in lines}) == 2
    assert {line.get_linestyle() for line in lines} == {"None"}
    assert not set(lines[0].get_xdata()) & set(lines[1].get_xdata())


def test_a_power_of_ten_stands_beside_the_legend() -> None:
    data = samples.profile(6)
    data["bond_current"] = data.bond_current * 1e-7 + 1e-8 * xr.DataArray([1.0, 2.0], dims="case")
    drawn = figure(data, [Drawing("draw", "bond_current", "bond", "case", None)])
    axes = drawn.axes[0]
    power, legend = axes.yaxis.get_offset_text(), axes.get_legend()
    assert "10" in power.get_text()
    assert legend is not None
    assert not power.get_window_extent().overlaps(legend.get_window_extent())
    assert legend.get_window_extent().y1 <= drawn.bbox.y1 + 1


def test_a_terminal_that_moves_in_a_sweep_stands_at_its_site_of_each_point() -> None:
    names, values = ["L", "R", "P"], np.array([[1.0, 0.0, 0.5], [1.0, 0.1, np.nan]])
    data = xr.Dataset(
        {"chemical_potential": (("N", "terminal"), values)},
        {
            "N": [4, 6],
            "terminal": names,
            "terminal_site": (("N", "terminal"), [["c[1]", "c[4]", "c[3]"], ["c[1]", "c[6]", ""]]),
        },
    )
    drawing = Drawing("draw", "chemical_potential", "site", "N", None)
    drawn = figure(data, [drawing])
    curves = [
        list(zip(line.get_xdata(), line.get_ydata(), strict=True)) for line in drawn.axes[0].get_lines()
    ]
    assert curves[0] == [(1, 1.0), (3, 0.5), (4, 0.0)]
    assert curves[1] == [(1, 1.0), (6, 0.1)]
    shown = figure(data, [Drawing("map", "chemical_potential", "site", "N", None)])
    assert shown.axes[0].collections[0].get_array().shape == (2, 4)
    turned = figure(data, [Drawing("map", "chemical_potential", "N", "site", None)])
    assert np.array_equal(
        turned.axes[0].collections[0].get_array().filled(-1),
        shown.axes[0].collections[0].get_array().T.filled(-1),
    )


def test_terminals_that_stand_on_a_site_at_different_points_share_its_column() -> None:
    values = np.array([[1.0, 0.0, np.nan], [1.0, 0.1, 0.5]])
    sites = [["c[1]", "c[4]", ""], ["c[1]", "c[6]", "c[4]"]]
    data = xr.Dataset(
        {"chemical_potential": (("N", "terminal"), values)},
        {"N": [4, 6], "terminal": ["L", "R", "P"], "terminal_site": (("N", "terminal"), sites)},
    )
    drawing = Drawing("map", "chemical_potential", "site", "N", None)
    shown = figure(data, [drawing]).axes[0].collections[0].get_array()
    assert shown.filled(-1).tolist() == [[1.0, 0.0, -1], [1.0, 0.5, 0.1]]
    data["terminal_site"] = (("N", "terminal"), [["c[1]", "c[4]", ""], ["c[1]", "c[4]", "c[4]"]])
    with pytest.raises(ModelError, match="one colour only"):
        figure(data, [drawing])


@pytest.mark.parametrize("sites", [4, 300, 3000])
def test_labels_never_overlap_for_any_length(sites: int) -> None:
    drawn = figure(samples.profile(sites), [Drawing("draw", "chemical_potential", "terminal", "case", None)])
    boxes = [label.get_window_extent() for label in drawn.axes[0].get_xticklabels() if label.get_text()]
    assert 2 <= len(boxes) <= 40
    assert all(one.x1 <= other.x0 + 0.5 for one, other in pairwise(boxes))


@pytest.mark.parametrize(
    ("drawing", "message", "hint"),
    [
        (("draw", "DI", "N", None), "the task gives no 'DI' to draw", "did you mean 'dI'?"),
        (("draw", "dI", "site", None), "'dI' does not run over 'site'", "it runs over N, gamma"),
        (("draw", "dI", "N", "case"), "'dI' does not run over 'case'", "it runs over N, gamma"),
        (("map", "dI", "N", None), "a map of 'dI' needs two axes", "write 'map Z against X by Y'"),
        (("map", "dI", "N", "N"), "a map of 'dI' needs two different axes", "write 'map Z against X by Y'"),
    ],
)
def test_a_drawing_that_does_not_fit_is_told_at_its_place(
    drawing: tuple[str, ...], message: str, hint: str
) -> None:
    span = Span(Source("x.model", "draw dJ against N"), 0, 4)
    with pytest.raises(ModelError) as caught:
        figure(samples.length(), [Drawing(*drawing, span)])
    assert (caught.value.message, caught.value.hint, caught.value.span) == (message, hint, span)


def test_complex_results_are_not_drawn() -> None:
    data = xr.Dataset({"amplitude": ("N", np.array([1j, 2.0]))}, {"N": [1, 2]})
    with pytest.raises(ModelError, match="complex"):
        figure(data, [Drawing("draw", "amplitude", "N", None, None)])


def test_without_a_plot_the_first_result_that_runs_is_drawn() -> None:
    (chosen,) = default_drawings(samples.length())
    assert (chosen.kind, chosen.quantity, chosen.against, chosen.by) == ("draw", "dI", "N", "gamma")
    (chosen,) = default_drawings(samples.spectrum())
    assert chosen.against == "energy"
    assert len(figure(samples.length()).axes[0].get_lines()) == 3


def test_two_dense_sweeps_are_a_map_unasked() -> None:
    plane = samples.diamond().isel(case=1, drop=True)
    (chosen,) = default_drawings(plane)
    assert (chosen.kind, chosen.against, chosen.by) == ("map", "energy", "Vg")
    assert default_drawings(plane.isel(Vg=slice(0, 12)))[0].kind == "draw"


def test_single_numbers_are_no_figure() -> None:
    data = xr.Dataset({"dI": 0.1, "audit_balance": ("case", [0.0, 0.0])}, {"case": ["a", "b"]})
    assert default_drawings(data) == ()
    with pytest.raises(ModelError, match="single numbers"):
        figure(data)


def test_nothing_global_is_touched(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    save(figure(samples.profile(), [PROFILE]), tmp_path / "figure.pdf")
    assert dict(mpl.rcParams) == before


def test_the_same_figure_gives_the_same_file(tmp_path: Path) -> None:
    for ending in ("pdf", "svg", "png"):
        files = [tmp_path / f"{k}.{ending}" for k in range(2)]
        for path in files:
            save(figure(samples.length(), []), path)
        assert files[0].read_bytes() == files[1].read_bytes()


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"not written as 'x\.gifx'"):
        save(figure(samples.length(), []), tmp_path / "x.gifx")


def test_a_single_column_fits_a_journal() -> None:
    drawn = figure(samples.profile(), [PROFILE])
    assert drawn.get_size_inches()[0] == pytest.approx(3.4)


def test_ranges_of_colours_and_borders_of_cells() -> None:
    assert limits(np.array([-1.0, 3.0, np.nan])) == (-3.0, 3.0)
    assert limits(np.array([1.0, 3.0])) == (1.0, 3.0)
    assert limits(np.array([np.nan])) == (0.0, 1.0)
    low, high = limits(np.array([2.0, 2.0]))
    assert low < 2 < high
    assert edges(np.array([1.0, 2.0, 4.0])).tolist() == [0.5, 1.5, 3.0, 5.0]
