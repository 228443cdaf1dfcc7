"""Figures of a task's results: those that its ``plot`` declares, or one that suits the results.

``draw`` gives curves, ``map`` colour maps; each drawing is a panel, the panels stand below one another.
Nothing global is touched: no pyplot, settings only for the time of a call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modelkit.errors import ModelError
from modelkit.registry import ResultDim, result_dims
from modelkit.view.axes import is_result, numeric, on_several, quantity
from modelkit.view.curves import draw_curves
from modelkit.view.encoding import clear_offset
from modelkit.view.maps import MOST_PANELS, draw_map, map_panels
from modelkit.view.places import draw_places, height_of, over_positions, place_panels, spread_out
from modelkit.view.style import PLAIN, Style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from modelkit.elements.plots import Drawing


READABLE = 12  # more curves than that are no figure where nobody asks for them
LARGEST = 6  # of more pairs of terminals so many are drawn
LOW = 0.5  # height over width of a panel that only goes with another
MATRIX = ["terminal", "terminal_from"]  # dimensions of what is drawn as a map, without any sweep


def figure(dataset: xr.Dataset, drawings: Sequence[Drawing] = (), style: Style = PLAIN) -> Figure:
    """The figure of a task's results.

    Parameters
    ----------
    dataset : xarray.Dataset
        Results of one task (language page, section 5).
    drawings : sequence of Drawing
        What the model's ``plot`` declares; without any the first result that runs is drawn.
    style : Style
        How it looks.

    Raises
    ------
    ModelError
        A drawing does not fit the results, or there is nothing to draw but single numbers.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    chosen = tuple(drawings) or default_drawings(dataset)
    if not chosen:
        raise ModelError(
            "there is nothing to draw: the results are single numbers",
            hint="sweep a parameter to see a curve",
        )
    panels = [panel for drawing in chosen for panel in _panels(dataset, drawing, style)]
    with mpl.rc_context(style.settings()):
        heights = [panel.height for panel in panels]
        drawn = Figure(figsize=(style.width, style.width * sum(heights)), layout="constrained")
        FigureCanvasAgg(drawn)
        grid = drawn.add_gridspec(len(panels), 1, height_ratios=heights)
        for place, panel in enumerate(panels):
            panel.draw(drawn.add_subplot(grid[place]), style=style)
        drawn.draw_without_rendering()
        moved = [clear_offset(axes) for axes in drawn.axes]
        if any(moved):
            drawn.draw_without_rendering()
    return drawn


def save(drawn: Figure, path: str | Path, style: Style = PLAIN) -> None:
    """Write a figure; the format follows from the name's ending, the same figure gives the same file.

    Raises ModelError for an ending that names no format.
    """
    import matplotlib as mpl

    ending = Path(path).suffix.lstrip(".").lower()
    known = drawn.canvas.get_supported_filetypes()
    if ending not in known:
        raise ModelError(
            f"figures are not written as '{Path(path).name}'",
            hint=f"the endings are {', '.join(sorted(known))}",
        )
    dated = {"pdf": "CreationDate", "svg": "Date"}
    with mpl.rc_context({**style.settings(), "svg.hashsalt": "modelkit"}):
        drawn.savefig(
            path,
            metadata={dated[ending]: None} if ending in dated else None,
        )


def default_drawings(dataset: xr.Dataset) -> tuple[Drawing, ...]:
    """What is drawn for a task without a ``plot``: its first result that runs, along its longest sweep."""
    return tuple(possible_drawings(dataset))[:1]


def possible_drawings(dataset: xr.Dataset) -> Iterator[Drawing]:
    """A drawing of each result that runs, against what comes first in the order of ``ResultDim.rank``."""
    from modelkit.elements.plots import POSITIONS, Drawing

    for name, array in dataset.data_vars.items():
        if not is_result(str(name)) or array.dtype.kind not in "iuf":
            continue
        dims = [str(key) for key in array.dims if dataset.sizes[key] > 1]
        spread = spread_out(dataset, array)
        panels = np.prod([dataset.sizes[key] for key in dims if key != spread], dtype=int)
        if spread in dims and panels <= MOST_PANELS:
            yield Drawing("map", str(name), *POSITIONS[:2], None)
        elif len(dims) == 2 and all(_dense(dataset, key) for key in dims):
            across, up = sorted(dims, key=partial(_preference, dataset))
            yield Drawing("map", str(name), across, up)
        elif sorted(dims) == MATRIX:
            yield Drawing("map", str(name), MATRIX[1], MATRIX[0], None)
        elif dims:
            against = min(dims, key=partial(_preference, dataset))
            others = [key for key in dims if key != against]
            by = "case" if "case" in others else (others[0] if others else None)
            pairs = set(MATRIX) <= set(dims) and dataset.sizes[MATRIX[0]] ** 2 > READABLE
            yield Drawing("draw", str(name), against, by, None, LARGEST if pairs else None)


def _dense(dataset: xr.Dataset, name: str) -> bool:
    """Whether a dimension has so many numbers that two of them are rather a map than curves."""
    return numeric(dataset, name) and dataset.sizes[name] > READABLE


def _preference(dataset: xr.Dataset, name: str) -> tuple[int, int]:
    """Order in which dimensions are taken for the running axis."""
    swept = ResultDim(rank=1 if numeric(dataset, name) else 3)
    return result_dims.get(name, swept).rank, -dataset.sizes[name]


@dataclass(frozen=True)
class _Panel:
    """How one panel is drawn, and its height over the width of a column."""

    draw: Callable[..., None]
    height: float


def _panels(dataset: xr.Dataset, drawing: Drawing, style: Style) -> list[_Panel]:
    if over_positions(dataset, drawing):
        height = height_of(dataset, drawing)
        draw = partial(draw_places, dataset=dataset, drawing=drawing)
        return [_Panel(partial(draw, chosen=one), height) for one in place_panels(dataset, drawing)]
    if drawing.kind == "map":
        draw = partial(draw_map, dataset=dataset, drawing=drawing)
        return [_Panel(partial(draw, chosen=one), style.ratio) for one in map_panels(dataset, drawing)]
    several = on_several(dataset, quantity(dataset, drawing.quantity, drawing.span), drawing.against)
    if not several.any():
        return [_Panel(partial(draw_curves, dataset=dataset, drawing=drawing), style.ratio)]
    apart = replace(drawing, against="terminal")  # they have no place among the sites
    rest, own = dataset.isel(terminal=~several), dataset.isel(terminal=several)
    panels = [_Panel(partial(draw_curves, dataset=rest, drawing=drawing), style.ratio)]
    few = _Panel(partial(draw_curves, dataset=own, drawing=apart), style.ratio if several.all() else LOW)
    return [few] if several.all() else [*panels, few]
