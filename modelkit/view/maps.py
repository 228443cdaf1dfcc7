"""``map Z against X by Y``: colour maps."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import ModelError
from modelkit.view.axes import Axis, axis, quantity
from modelkit.view.curves import name_ticks, whole_ticks
from modelkit.view.failures import lost_words
from modelkit.view.labels import axis_label, place_label
from modelkit.view.style import Style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from modelkit.elements.plots import Drawing

Floats = NDArray[np.float64]
MOST_PANELS = 6
ROUNDING = 1e-12  # of the largest value: less is zero
LETTERS = 50  # of a label along a colour bar as high as a column is wide


def map_panels(dataset: xr.Dataset, drawing: Drawing) -> list[dict[str, Any]]:
    """The choices of all other dimensions, one panel for each: ``{dimension: position}``.

    Raises ModelError at the drawing when the map does not fit the results.
    """
    array = quantity(dataset, drawing.quantity, drawing.span)
    if not drawing.by:
        raise ModelError(
            f"a map of '{drawing.quantity}' needs two axes", drawing.span, hint="write 'map Z against X by Y'"
        )
    plane = {axis(dataset, array, name, drawing.span).dimension for name in (drawing.against, drawing.by)}
    if len(plane) < 2:
        raise ModelError(
            f"a map of '{drawing.quantity}' needs two different axes",
            drawing.span,
            hint="write 'map Z against X by Y'",
        )
    return panels(dataset, array, plane, drawing)


def panels(
    dataset: xr.Dataset, array: xr.DataArray, plane: set[str], drawing: Drawing
) -> list[dict[str, Any]]:
    """A panel for each choice of the dimensions that are not in the plane; ModelError for too many."""
    others = [str(name) for name in array.dims if name not in plane]
    shape = [dataset.sizes[name] for name in others]
    if np.prod(shape, dtype=int) > MOST_PANELS:
        hint = f"give one value for {' or '.join(others)}, or draw curves"
        raise ModelError(
            f"a map of '{drawing.quantity}' would have {np.prod(shape, dtype=int)} panels",
            drawing.span,
            hint=hint,
        )
    return [dict(zip(others, place, strict=True)) for place in np.ndindex(*shape)]


def draw_map(axes: Axes, dataset: xr.Dataset, drawing: Drawing, chosen: dict[str, Any], style: Style) -> None:
    """Draw one panel; colours diverge from zero where the quantity has both signs, failed points are grey."""
    array = quantity(dataset, drawing.quantity, drawing.span)
    across = axis(dataset, array, drawing.against, drawing.span)
    up = axis(dataset, array, str(drawing.by), drawing.span)
    everything = np.asarray(array.values, dtype=float)
    source = up.array if across.array is array else across.array  # at sites, if one of them says so
    picture = source.isel(chosen).transpose(up.dimension, across.dimension).values.astype(float)
    picture = picture[np.ix_(up.order, across.order)]
    picture, right = _merged(picture, across, drawing)
    flipped, high_up = _merged(picture.T, up, drawing)
    low, high = limits(everything)
    mesh = axes.pcolormesh(
        edges(right), edges(high_up), np.ma.masked_invalid(flipped.T),
        cmap=colours(low, high, style), vmin=low, vmax=high, rasterized=True, linewidth=0,
    )  # fmt: skip
    _ticks(axes, across, up)
    axes.set_title(title(dataset, array, chosen))
    colour_bar(axes, mesh, axis_label(str(array.name), array))


def title(dataset: xr.Dataset, array: xr.DataArray, chosen: dict[str, Any]) -> str:
    """What a panel of a map shows: the values of the other dimensions, and what is grey."""
    words = [place_label(dataset, name, k) for name, k in chosen.items()]
    return ", ".join([*words, *lost_words(dataset.isel(chosen), array.isel(chosen))])


def colours(low: float, high: float, style: Style, last: float = 1.0) -> Any:
    """The colour map of a range, up to a part of it; what has no value is grey."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    whole = colormaps[style.diverging if low < 0 < high else style.sequential]
    cut = ListedColormap(whole(np.linspace(0.0, last, 256)))
    return cut.with_extremes(bad=style.missing)


def colour_bar(axes: Axes, drawn: Any, label: str, height: float = 0.72) -> None:
    """The colour bar beside a panel, as high as the panel whatever its aspect.

    The label is broken into lines that are as long as the panel of this height over width.
    """
    bar = axes.figure.colorbar(drawn, cax=axes.inset_axes((1.03, 0.0, 0.04, 1.0)))
    words, _, unit = label.partition(" (")
    if len(label) > LETTERS * height:
        words = words if "$" in words else textwrap.fill(words, max(8, int(LETTERS * height)))
        label = words + (f"\n({unit}" if unit else "")
    bar.set_label(label)
    bar.outline.set_linewidth(0.6)


def _ticks(axes: Axes, across: Axis, up: Axis) -> None:
    from matplotlib.ticker import NullLocator

    axes.tick_params(which="both", direction="out", top=False, right=False)
    axes.set_xlabel(across.label)
    axes.set_ylabel(up.label)
    if across.names is not None:
        name_ticks(axes, across.names)
    elif across.integer:
        whole_ticks(axes.xaxis)
    if up.names is not None:
        shown = range(0, len(up.names), 1 + len(up.names) // 16)
        axes.set_yticks(list(shown), [up.names[k] for k in shown])
        axes.yaxis.set_minor_locator(NullLocator())
    elif up.integer:
        whole_ticks(axes.yaxis)


def _merged(picture: Floats, along: Axis, drawing: Drawing) -> tuple[Floats, Floats]:
    """One column for each place: terminals that stand there at different points of a sweep share it."""
    places, column = np.unique(along.values, return_inverse=True)
    if len(places) == len(along.values):
        return picture, along.values
    merged = np.full((len(picture), len(places)), np.nan)
    for k, at in enumerate(column.tolist()):
        here = np.isfinite(picture[:, k])
        if np.any(here & np.isfinite(merged[:, at])):
            raise ModelError(
                "several terminals stand on one site, which has one colour only",
                drawing.span,
                hint=f"draw curves of '{drawing.quantity}', or a map against 'terminal'",
            )
        merged[here, at] = picture[here, k]
    return merged, places


def limits(values: NDArray[np.float64]) -> tuple[float, float]:
    """The range of colours: all finite values, symmetric about zero when they have both signs."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    if abs(low) < ROUNDING * high:
        low = 0.0  # no sign of its own
    if low < 0 < high:
        bound = max(-low, high)
        return -bound, bound
    return (low, high) if high > low else (low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1))


def edges(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Borders of the cells around ascending centres, shape (n,) -> (n + 1,)."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])
