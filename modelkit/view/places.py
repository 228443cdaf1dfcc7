"""``map Z against x by y``: a quantity of sites over their positions, currents of bonds as arrows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelkit.elements.plots import POSITIONS, Drawing
from modelkit.errors import ModelError
from modelkit.view.axes import quantity
from modelkit.view.encoding import DARK
from modelkit.view.labels import axis_label, indices, plain_unit
from modelkit.view.maps import colour_bar, colours, edges, limits, panels, title
from modelkit.view.style import Style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
DENSE, CELLS = 36, 24  # more bonds than that along the longer side are summed over so many cells
SLIM = 0.3, 1.2  # least and largest height of a panel over its width


@dataclass(frozen=True)
class Layout:
    """Where the things of a map are: the dimension they run over, its name of positions."""

    dimension: str
    position: str


LAYOUTS = (Layout("site", "position"), Layout("region", "region_position"), Layout("bond", "bond_start"))


def over_positions(dataset: xr.Dataset, drawing: Drawing) -> bool:
    """Whether a map is over positions: ``x`` and ``y`` that are no parameters which are swept."""
    names = {drawing.against, drawing.by}
    return drawing.kind == "map" and names <= set(POSITIONS) and not names & set(dataset.dims)


def spread_out(dataset: xr.Dataset, array: xr.DataArray) -> str:
    """The dimension over whose positions a result is best seen: that of sites with several indices."""
    for layout in LAYOUTS:
        if layout.dimension in array.dims and layout.position in dataset.coords:
            labels = [str(label).partition("->")[0] for label in dataset[layout.dimension].values]
            wide = dataset[layout.position].sizes["axis"] > 1
            if wide and any(len(indices(label)) > 1 for label in labels):
                return layout.dimension
    return ""


def layout_of(dataset: xr.Dataset, drawing: Drawing) -> Layout:
    """What a map over positions runs over; ModelError where there are none."""
    array = quantity(dataset, drawing.quantity, drawing.span)
    found = [one for one in LAYOUTS if one.dimension in array.dims]
    if not found:
        raise ModelError(
            f"'{drawing.quantity}' has no positions", drawing.span, hint="draw it against what it runs over"
        )
    known = list(dataset["axis"].values) if found[0].position in dataset.coords else []
    for name in (drawing.against, drawing.by):
        if name not in known:
            message = f"the {found[0].dimension}s have no position '{name}'"
            raise ModelError(message, drawing.span, hint="write: site c[l, m] ... at (l, m)")
    return found[0]


def place_panels(dataset: xr.Dataset, drawing: Drawing) -> list[dict[str, Any]]:
    """The choices of all other dimensions, one panel for each."""
    array = quantity(dataset, drawing.quantity, drawing.span)
    return panels(dataset, array, {layout_of(dataset, drawing).dimension}, drawing)


def height_of(dataset: xr.Dataset, drawing: Drawing) -> float:
    """Height over width of a panel that shows positions to scale, as far as that is sensible."""
    places = _places(dataset, drawing, layout_of(dataset, drawing).position).reshape(-1, 2)
    across, up = np.nanmax(places, axis=0) - np.nanmin(places, axis=0) + 1
    return float(np.clip(0.22 + 0.7 * up / across, *SLIM))


def draw_places(
    axes: Axes, dataset: xr.Dataset, drawing: Drawing, chosen: dict[str, Any], style: Style
) -> None:
    """Draw one panel; what has no value is grey, and a panel without any value empty."""
    layout = layout_of(dataset, drawing)
    array = quantity(dataset, drawing.quantity, drawing.span)
    here = dataset.isel(chosen)
    values = array.isel(chosen).values.astype(float)
    places = _places(here, drawing, layout.position)
    axes.set_title(title(dataset, array, chosen))
    if not np.isfinite(values).any():
        axes.set_axis_off()
        return
    if layout.dimension == "bond":
        largest = float(np.nanmax(np.abs(array.values), initial=0.0))
        drawn, shown = _arrows(axes, here, drawing, array.isel(chosen), largest, style)
    else:
        seen = np.isfinite(places).all(axis=1)
        drawn, shown = _colours(axes, places[seen], values[seen], array, drawing, style)
    colour_bar(axes, drawn, axis_label(str(shown.name), shown), height_of(dataset, drawing))
    axes.tick_params(which="both", direction="out", top=False, right=False)
    if SLIM[0] < height_of(dataset, drawing) < SLIM[1]:
        axes.set_aspect("equal")
    unit = str(dataset[layout.position].attrs.get("units", ""))
    axes.set_xlabel(_axis(drawing.against, unit))
    axes.set_ylabel(_axis(str(drawing.by), unit))
    every = _places(dataset, drawing, layout.position)
    if np.array_equal(every, np.round(every), equal_nan=True):  # sites are counted
        _whole_ticks(axes)


def _whole_ticks(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator, NullLocator

    for one in (axes.xaxis, axes.yaxis):
        one.set_major_locator(MaxNLocator(6, integer=True))
        one.set_minor_locator(NullLocator())


def _places(dataset: xr.Dataset, drawing: Drawing, position: str) -> Floats:
    """Positions in the plane of the map, shape (..., n, 2)."""
    found = dataset[position].sel(axis=[drawing.against, drawing.by]).transpose(..., "axis")
    return np.asarray(found.values, dtype=float)


def _axis(name: str, unit: str) -> str:
    return f"${name}$ ({plain_unit(unit)})" if unit else f"${name}$"


def _colours(
    axes: Axes, places: Floats, values: Floats, array: xr.DataArray, drawing: Drawing, style: Style
) -> tuple[Any, xr.DataArray]:
    """A cell for each site of a grid, else a disc; what is drawn, and what its colours mean."""
    if len(np.unique(np.round(places, 9), axis=0)) < len(places):
        raise ModelError(
            f"several sites stand at one place of the plane of {drawing.against} and {drawing.by}",
            drawing.span,
            hint="draw it against 'site'",
        )
    low, high = limits(np.asarray(array.values, dtype=float))
    looks: dict[str, Any] = {"cmap": colours(low, high, style), "clim": (low, high), "rasterized": True}
    apart = _nearest(places)
    rows = [np.unique(np.round(places[:, k], 9)) for k in (0, 1)]
    steps = [np.diff(row).min() if len(row) > 1 else apart for row in rows]
    drawn: Any
    if min(steps) > 0.99 * apart and len(rows[0]) * len(rows[1]) <= 4 * len(places):
        at = [np.searchsorted(row, np.round(places[:, k], 9)) for k, row in enumerate(rows)]
        picture = np.full((len(rows[1]), len(rows[0])), np.nan)
        there = picture.copy()
        picture[at[1], at[0]] = values
        there[at[1], at[0]] = 1.0
        axes.pcolormesh(
            edges(rows[0]), edges(rows[1]), np.ma.masked_invalid(there), cmap=_plain(style), rasterized=True
        )
        drawn = axes.pcolormesh(edges(rows[0]), edges(rows[1]), np.ma.masked_invalid(picture), **looks)
        drawn.set_cmap(looks["cmap"].with_extremes(bad=(0, 0, 0, 0)))  # holes; grey is below
    else:
        from matplotlib.collections import EllipseCollection

        sizes = np.full(len(places), apart)
        drawn = EllipseCollection(
            sizes, sizes, np.zeros(len(places)), units="xy", offsets=places, linewidths=0,
            offset_transform=axes.transData, array=np.ma.masked_invalid(values), **looks,
        )  # fmt: skip
        axes.add_collection(drawn)
        low_corner, high_corner = places.min(axis=0) - apart, places.max(axis=0) + apart
        axes.set_xlim(low_corner[0], high_corner[0])
        axes.set_ylim(low_corner[1], high_corner[1])
    return drawn, array


def _plain(style: Style) -> Any:
    from matplotlib.colors import ListedColormap

    return ListedColormap([style.missing])


def _nearest(places: Floats) -> float:
    """The smallest distance of two places; 1 for a single one."""
    from scipy.spatial import cKDTree

    if len(places) < 2:
        return 1.0
    distances, _ = cKDTree(places).query(places, k=2)
    return float(distances[:, 1].min())


def _arrows(
    axes: Axes, dataset: xr.Dataset, drawing: Drawing, array: xr.DataArray, largest: float, style: Style
) -> tuple[Any, xr.DataArray]:
    """An arrow in the middle of each bond, as long as its current; summed over cells where bonds are dense.

    ``largest`` is the largest current of all panels.
    """
    start, end = (_places(dataset, drawing, name) for name in ("bond_start", "bond_end"))
    seen = np.isfinite(array.values) & np.isfinite(start + end).all(axis=1)
    start, end, current = start[seen], end[seen], array.values[seen].astype(float)
    sites = np.unique(np.concatenate([start, end]), axis=0)
    step, middle = end - start, (start + end) / 2
    length = np.hypot(*step.T)
    flow, unit = current[:, None] * step / length[:, None], float(np.median(length))
    span = float(np.ptp(sites, axis=0).max())
    if span <= DENSE * unit:
        axes.plot(sites[:, 0], sites[:, 1], ".", color=style.missing, markersize=2, zorder=0)
    else:
        cell = unit * np.ceil(span / CELLS / unit)  # a whole number of bonds: all cells hold as many
        middle, flow = _summed(middle, current[:, None] * step, cell)
        unit, largest, array = cell, float(np.hypot(*flow.T).max()), _density(array, dataset)
    top = largest or 1.0
    drawn = axes.quiver(
        *middle.T, *(0.9 * unit * flow / top).T, np.hypot(*flow.T), cmap=colours(0.0, top, style, DARK),
        clim=(0.0, top), angles="xy", scale_units="xy", scale=1, pivot="mid", units="xy",
        width=0.12 * unit, headwidth=3.5, headlength=4, headaxislength=3.6, minlength=0.3,
    )  # fmt: skip
    axes.set_xlim(sites[:, 0].min() - 0.7 * unit, sites[:, 0].max() + 0.7 * unit)
    axes.set_ylim(sites[:, 1].min() - 0.7 * unit, sites[:, 1].max() + 0.7 * unit)
    return drawn, array


def _density(array: xr.DataArray, dataset: xr.Dataset) -> xr.DataArray:
    """Words and unit of a sum of currents times lengths over an area."""
    length = dataset["bond_start"].attrs.get("units", "length")
    unit = f"{array.attrs['units']}/{length}" if "units" in array.attrs else ""
    return array.assign_attrs(long_name="current density", units=unit)


def _summed(middle: Floats, flow: Floats, cell: float) -> tuple[Floats, Floats]:
    """Currents times lengths over the areas of cells: the density of the current in each.

    A bond counts for the nearest cells in proportion, so that no pattern comes from where cells end.
    """
    span = np.ptp(middle, axis=0)
    counts = np.maximum(np.round(span / cell), 1).astype(int)
    corner = middle.min(axis=0) - (counts * cell - span) / 2
    total = np.zeros((*counts, 2))
    place = (middle - corner) / cell - 0.5
    low = np.floor(place).astype(int)
    for right, up in np.ndindex(2, 2):
        share = np.abs(1 - np.array([right, up]) - (place - low)).prod(axis=1)
        at = np.clip(low + [right, up], 0, counts - 1)
        np.add.at(total, tuple(at.T), share[:, None] * flow)
    filled = np.argwhere(np.hypot(*np.moveaxis(total, -1, 0)) > 0)
    return corner + (filled + 0.5) * cell, total[tuple(filled.T)] / cell**2
