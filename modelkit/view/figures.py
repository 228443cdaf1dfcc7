"""Figures of a task's results: those that its ``plot`` declares, or one that suits the results.

``draw`` gives curves, ``map`` colour maps; each drawing is a panel, the panels stand below one another.
Nothing global is touched: no pyplot, settings only for the time of a call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from modelkit.errors import ModelError
from modelkit.registry import ResultDim, result_dims
from modelkit.view.axes import is_result, numeric
from modelkit.view.curves import draw_curves
from modelkit.view.encoding import clear_offset
from modelkit.view.maps import draw_map, map_panels
from modelkit.view.style import PLAIN, Style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from modelkit.elements.plots import Drawing


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
        height = style.ratio * style.width * len(panels)
        drawn = Figure(figsize=(style.width, height), layout="constrained")
        FigureCanvasAgg(drawn)
        for place, panel in enumerate(panels):
            panel(drawn.add_subplot(len(panels), 1, place + 1))
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
    from modelkit.elements.plots import Drawing

    for name, array in dataset.data_vars.items():
        if not is_result(str(name)) or array.dtype.kind not in "iuf":
            continue
        dims = [str(key) for key in array.dims if dataset.sizes[key] > 1]
        if sorted(dims) == MATRIX:
            yield Drawing("map", str(name), MATRIX[1], MATRIX[0], None)
        elif dims:
            against = min(dims, key=partial(_preference, dataset))
            others = [key for key in dims if key != against]
            by = "case" if "case" in others else (others[0] if others else None)
            yield Drawing("draw", str(name), against, by, None)


def _preference(dataset: xr.Dataset, name: str) -> tuple[int, int]:
    """Order in which dimensions are taken for the running axis."""
    swept = ResultDim(rank=1 if numeric(dataset, name) else 3)
    return result_dims.get(name, swept).rank, -dataset.sizes[name]


def _panels(dataset: xr.Dataset, drawing: Drawing, style: Style) -> list[Callable[[Axes], None]]:
    if drawing.kind == "map":
        plane = map_panels(dataset, drawing)
        return [
            partial(_one_map, dataset=dataset, drawing=drawing, chosen=chosen, style=style)
            for chosen in plane
        ]
    return [partial(draw_curves, dataset=dataset, drawing=drawing, style=style)]


def _one_map(axes: Axes, dataset: xr.Dataset, drawing: Drawing, chosen: dict[str, int], style: Style) -> None:
    draw_map(axes, dataset, drawing, chosen, style)
