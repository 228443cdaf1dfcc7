"""``draw Y against X by Z``: curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelkit.view.axes import Axis, axis, dimension, quantity
from modelkit.view.encoding import Encoding, Look, legend
from modelkit.view.failures import mark_lost
from modelkit.view.labels import axis_label
from modelkit.view.splits import largest, told_apart, without_itself
from modelkit.view.style import Style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import XAxis, YAxis

    from modelkit.elements.plots import Drawing

Floats = NDArray[np.float64]


def draw_curves(axes: Axes, dataset: xr.Dataset, drawing: Drawing, style: Style) -> None:
    """Draw a quantity against one dimension, a curve for each value of all others.

    Numbers along an axis are joined, things that merely have names are points, with a stem where values
    have both signs.  Curves without any finite value, and what a terminal transmits to itself (Andreev
    reflection and a response to itself stay), are left out.
    Raises ModelError at the drawing when it does not fit the results.
    """
    array = quantity(dataset, drawing.quantity, drawing.span)
    keeps = dataset.attrs.get("verb") == "response" or drawing.quantity == "andreev_transmission"
    array = array if keeps else without_itself(array)
    along = axis(dataset, array, drawing.against, drawing.span)
    first = [dimension(array, drawing.by, drawing.span)] if drawing.by else []
    others = first + [str(name) for name in array.dims if name not in {along.dimension, *first}]
    splits, table = told_apart(dataset, along, others, style, paired=drawing.most is not None)
    note = ""
    if drawing.most is not None and np.prod(table.shape[:-1], dtype=int) > drawing.most:
        count = int(np.prod(table.shape[:-1], dtype=int))
        splits, table = largest(splits, table, drawing.most)
        note = f"the {len(table)} largest of {count}, equal ones once"
    named, count = along.names is not None, int(np.prod([len(split) for split in splits], dtype=int))
    families = not named and len(set(along.families or ())) > 1
    points = len(along.values)
    told = points <= style.few or (count <= style.many and points <= style.crowded)
    marked = named or (told and not families)
    encoding = Encoding(splits, style, lined=not named, marked=marked)
    for number, place in enumerate(np.ndindex(*encoding.shape)):
        aside = _aside(number, count) if named and count <= style.many else 0.0
        curve = _joined(along, table[place], aside)
        axes.plot(*curve, **_size(along, style), **encoding.look(place).settings())
        if named and np.nanmin(table, initial=np.inf) < 0 < np.nanmax(table, initial=-np.inf):
            axes.vlines(curve[0], 0, curve[1], colors=[encoding.look(place).colour], linewidth=style.line)
            axes.axhline(0, color=style.faint, linewidth=0.5 * style.line, zorder=0)
    handles = encoding.handles()
    if families:
        handles += _marks(axes, along, table, encoding, style)
    lost = mark_lost(axes, dataset, along, style)
    encoding.bar(axes)
    _finish(axes, along, axis_label(str(array.name), array))
    legend(axes, handles + lost, always=bool(lost), title=note)


def whole_ticks(along: XAxis | YAxis) -> None:
    """Ticks at whole numbers only, and no minor ones between neighbours."""
    from matplotlib.ticker import AutoMinorLocator, MaxNLocator, NullLocator

    along.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
    low, high = along.get_view_interval()
    along.set_minor_locator(AutoMinorLocator() if high - low > 25 else NullLocator())


def name_ticks(axes: Axes, names: Sequence[str], room: int = 42) -> None:
    """Labels on the ticks, as many as have room, turned when they are long."""
    from matplotlib.ticker import NullLocator

    widest = max(len(name) for name in names)
    flat = (widest + 2) * len(names) <= room
    step = 1 if flat else max(1, -(-len(names) * 2 // room))
    shown = range(0, len(names), step)
    axes.set_xticks(list(shown), [names[k] for k in shown], rotation=0 if flat else 90)
    axes.xaxis.set_minor_locator(NullLocator())


def _joined(along: Axis, values: Floats, aside: float) -> tuple[Floats, Floats]:
    """Places and values of a curve; a thing with a name that has none here is no gap."""
    if along.families is None:
        return along.values, values
    here = np.isfinite(values)
    return along.values[here] + aside, values[here]


def _aside(number: int, count: int) -> float:
    """How far from its name a point stands, so that points of several cases do not hide one another."""
    return (number - (count - 1) / 2) * min(0.12, 0.6 / count)


def _size(along: Axis, style: Style) -> dict[str, Any]:
    crowded = len(along.values)
    return {
        "linewidth": style.line if crowded <= 4 * style.crowded else 0.7 * style.line,
        "markersize": style.marker if crowded <= style.crowded else 0.6 * style.marker,
    }


def _finish(axes: Axes, along: Axis, label: str) -> None:
    """Ticks and labels."""
    axes.margins(x=0.02)
    if along.names is not None:
        axes.set_xlim(-0.5, len(along.names) - 0.5)
        name_ticks(axes, along.names)
    elif along.integer:
        whole_ticks(axes.xaxis)
    axes.set_xlabel(along.label)
    axes.set_ylabel(label)


def _marks(axes: Axes, along: Axis, table: Floats, encoding: Encoding, style: Style) -> list[Artist]:
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
            look = Look(encoding.look(place).colour, "", symbol, open=k % 2 == 1)
            axes.plot(along.values[here], table[place][here], markersize=size, **look.settings())
        grey = Look(style.faint, "", symbol, open=k % 2 == 1)
        words = ", ".join(sorted(group)) if len(group) < 4 else "others"
        handles.append(Line2D([], [], label=words, **grey.settings()))
    return handles if len(groups) > 1 else []
