"""Points of a sweep that have no result: where they are, in figures and in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelkit.results.alike import kinds_of
from modelkit.view.labels import place_label
from modelkit.view.style import Style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from modelkit.view.axes import Axis

INTERRUPTED = "interrupted"  # the reason of points that were not reached
RAISED = 0.025  # of the height of a panel: the crosses are beside the ticks, not on them
LISTED = 3  # this many points, values and reasons are listed one by one


def failures(dataset: xr.Dataset) -> list[str]:
    """The reasons of the points that failed, one for each."""
    if "failed" not in dataset:
        return []
    return [str(reason) for reason in dataset["failed"].values.ravel() if isinstance(reason, str) and reason]


def failure_notes(dataset: xr.Dataset) -> list[str]:
    """``2 of 147 points failed (N = 10; gamma = 0.1, 0.3): no solution``, a line for each kind of reason.

    Reasons are of one kind if they differ in numbers only; the first is told.
    """
    notes, more = [], 0
    for number, alike in enumerate(kinds_of(dict.fromkeys(failures(dataset)))):
        here = np.isin(dataset["failed"].values, alike)
        if number >= LISTED:
            more += int(here.sum())
            continue
        why = f": {alike[0]}" if alike[0] != INTERRUPTED else ""
        notes.append(f"{here.sum()} of {here.size} points {_word(alike)} ({_where(dataset, here)}){why}")
    return [*notes, f"{more} more points failed for other reasons"] if more else notes


def lost(dataset: xr.Dataset, array: xr.DataArray) -> xr.DataArray | None:
    """Where a quantity has no value since a point failed, over its dimensions of the run; None if nowhere."""
    if not failures(dataset):
        return None
    failed = dataset["failed"] != ""
    failed = failed.any([name for name in failed.dims if name not in array.dims])
    missing = array.isnull().any([name for name in array.dims if name not in failed.dims])
    found: xr.DataArray = failed & missing
    return found if bool(found.any()) else None


def mark_lost(axes: Axes, dataset: xr.Dataset, along: Axis, style: Style) -> list[Artist]:
    """Crosses on the axis where some curve has no value, and what the legend says about them."""
    from matplotlib.lines import Line2D

    found = lost(dataset, along.array)
    if found is None:
        return []
    look: dict[str, Any] = {"marker": "x", "linestyle": "", "color": style.ink, "markersize": style.marker}
    curves = [name for name in found.dims if name != along.dimension]
    if along.dimension in found.dims and along.names is None:
        here = found.any(curves).values[along.order]
        axes.plot(
            along.values[here], np.full(int(here.sum()), RAISED), transform=axes.get_xaxis_transform(),
            clip_on=False, zorder=5, **look,
        )  # fmt: skip
        found = found.all(along.dimension)
    whole = _values(dataset, found) if curves and bool(found.any()) else ""
    word = _word(failures(dataset))
    return [Line2D([], [], label=f"{word}: {whole}" if whole else word, **look)]


def lost_words(dataset: xr.Dataset, array: xr.DataArray) -> list[str]:
    """What the title of a map says about its grey cells, if there are some."""
    found = lost(dataset, array)
    empty = array.isnull() if found is None else array.isnull() & ~found
    words = [_word(failures(dataset))] if found is not None else []
    words += ["no value"] if bool(empty.any()) else []
    return [f"grey: {' or '.join(words)}"] if words else []


def _word(reasons: Sequence[str]) -> str:
    return "not reached" if set(reasons) == {INTERRUPTED} else "failed"


def _values(dataset: xr.Dataset, found: xr.DataArray) -> str:
    """The combinations at which something is true, for a legend: ``c = 1, forward``."""
    places = np.argwhere(found.values)
    words = [
        ", ".join(place_label(dataset, str(name), k) for name, k in zip(found.dims, place, strict=True))
        for place in places[:LISTED]
    ]
    return "; ".join(words) + (f"; {len(places) - LISTED} more" if len(places) > LISTED else "")


def _where(dataset: xr.Dataset, here: NDArray[np.bool_]) -> str:
    """Values of each dimension of the run at which something is true; ``within`` if not at all of them."""
    words, product = [], 1
    for axis, name in enumerate(map(str, dataset["failed"].dims)):
        at = np.flatnonzero(here.any(axis=tuple(k for k in range(here.ndim) if k != axis)))
        values = dataset[name].values[at] if name in dataset.coords else at
        product *= len(at)
        if len(at) == here.shape[axis] > 1:
            continue  # at all values
        shown = [f"{value:.6g}" if values.dtype.kind in "iuf" else str(value) for value in values]
        listed = ", ".join(shown) if len(shown) <= LISTED else f"{shown[0]} to {shown[-1]}"
        words.append(f"{name} = {listed}")
    within = "" if product == here.sum() else "within "
    return within + ("; ".join(words) or "all")
