"""``draw Y against X by Z``: curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from modelkit.view.axes import Axis, axis, dimension, numeric, quantity
from modelkit.view.encoding import Encoding, Look, Split, legend
from modelkit.view.labels import axis_label, value_label
from modelkit.view.style import Style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from modelkit.elements.plots import Drawing


def draw_curves(axes: Axes, dataset: xr.Dataset, drawing: Drawing, style: Style) -> None:
    """Draw a quantity against one dimension, a curve for each value of all others.

    Raises ModelError at the drawing when it does not fit the results.
    """
    array = quantity(dataset, drawing.quantity, drawing.span)
    along = axis(dataset, array, drawing.against, drawing.span)
    first = [dimension(array, drawing.by, drawing.span)] if drawing.by else []
    others = first + [str(name) for name in array.dims if name not in {along.dimension, *first}]
    several = len(set(along.families or ())) > 1
    encoding = Encoding([_split(dataset, array, name) for name in others if dataset.sizes[name] > 1], style)
    few = int(np.prod(encoding.shape, dtype=int)) <= style.many
    marked = few and len(along.values) <= style.crowded and not several
    table = array.transpose(*others, along.dimension).values.astype(float)[..., along.order]
    table = table.reshape(*encoding.shape, len(along.values))
    width = style.line if len(along.values) <= 2 * style.crowded else 0.5 * style.line
    for place in np.ndindex(*encoding.shape):
        look = encoding.look(place, marked)
        if several and along.names is None:
            axes.plot(along.values, table[place], color=look.colour, linestyle=look.line, linewidth=width)
        elif not several:
            axes.plot(along.values, table[place], linewidth=width, **look.settings())
    handles = encoding.handles(marked)
    if several:
        handles += _marks(axes, along, table, encoding, style)
    _finish(axes, along, axis_label(str(array.name), array), handles)


def whole_ticks(axes: Axes) -> None:
    """Ticks at whole numbers only, and no minor ones between neighbours."""
    from matplotlib.ticker import AutoMinorLocator, MaxNLocator, NullLocator

    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
    low, high = axes.get_xlim()
    axes.xaxis.set_minor_locator(AutoMinorLocator() if high - low > 25 else NullLocator())


def name_ticks(axes: Axes, names: Sequence[str], room: int = 42) -> None:
    """Labels on the ticks, as many as have room, turned when they are long."""
    from matplotlib.ticker import NullLocator

    widest = max(len(name) for name in names)
    flat = (widest + 2) * len(names) <= room
    step = 1 if flat else max(1, -(-len(names) * 2 // room))
    shown = range(0, len(names), step)
    axes.set_xticks(list(shown), [names[k] for k in shown], rotation=0 if flat else 90)
    axes.xaxis.set_minor_locator(NullLocator())


def _split(dataset: xr.Dataset, array: xr.DataArray, name: str) -> Split:
    """The curves of a dimension; of two of terminals the labels say which is which."""
    values = dataset[name].values if name in dataset.coords else np.arange(dataset.sizes[name])
    word = "from " if name == "terminal_from" else ""
    if name == "terminal" and "terminal_from" in array.dims:
        word = "to "
    return Split(name, tuple(word + value_label(name, value) for value in values), numeric(dataset, name))


def _finish(axes: Axes, along: Axis, label: str, handles: Sequence[Artist]) -> None:
    """Ticks, labels and legend."""
    axes.margins(x=0.02)
    if along.names is not None:
        name_ticks(axes, along.names)
    elif along.integer:
        whole_ticks(axes)
    axes.set_xlabel(along.label)
    axes.set_ylabel(label)
    legend(axes, handles)


def _marks(axes: Axes, along: Axis, table: np.ndarray, encoding: Encoding, style: Style) -> list[Artist]:
    """Markers that tell the families of points (ends, sources, drains) apart; single ones share one."""
    from matplotlib.lines import Line2D

    members = np.array(along.families)
    if len(members) > 4 * style.crowded:
        return []
    counts = {name: int(np.sum(members == name)) for name in dict.fromkeys(members.tolist())}
    alone = tuple(name for name, count in counts.items() if count == 1)
    groups = ([alone] if alone else []) + [(name,) for name, count in counts.items() if count > 1]
    size = style.marker if len(members) <= style.crowded else 0.6 * style.marker
    handles: list[Artist] = []
    for k, group in enumerate(groups):
        here = np.isin(members, group)
        symbol = style.markers[k % len(style.markers)]
        for place in np.ndindex(*encoding.shape):
            look = Look(encoding.look(place, False).colour, "", symbol, open=k % 2 == 1)
            axes.plot(along.values[here], table[place][here], markersize=size, **look.settings())
        grey = Look(style.faint, "", symbol, open=k % 2 == 1)
        handles.append(
            Line2D([], [], label=", ".join(sorted(group)) if len(group) < 4 else "others", **grey.settings())
        )
    return handles
