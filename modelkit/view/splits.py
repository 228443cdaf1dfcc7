"""What tells the curves of a drawing apart: the dimensions beside the running one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modelkit.view.axes import Axis
from modelkit.view.encoding import Split, product
from modelkit.view.labels import axis_label, place_label
from modelkit.view.style import Style

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]
PAIR = ("terminal_from", "terminal")
SECOND = "terminal_from_2"


def without_itself(array: xr.DataArray) -> xr.DataArray:
    """Without what a terminal transmits to itself, unless that is all there is."""
    if not set(PAIR) <= set(array.dims) or array.sizes["terminal"] == 1:
        return array
    others: xr.DataArray = array["terminal"] != array["terminal_from"]
    return array.where(others)


def told_apart(
    dataset: xr.Dataset, along: Axis, others: Sequence[str], style: Style, paired: bool = False
) -> tuple[list[Split], Floats]:
    """What tells curves apart, and their values, shape (n of each split, n along the axis).

    From terminal to terminal is one split of pairs while there are few, or if they shall be ``paired``.
    Values without any finite number are left out, and what has a single value only needs no telling.
    """
    pairs = [name for name in PAIR if name in others]
    names = list(others)
    if len(pairs) == 2:
        names = pairs + [name for name in names if name not in PAIR]
    table = along.array.transpose(*names, along.dimension).values.astype(float)[..., along.order]
    splits = [_split(dataset, name) for name in names]
    if {"terminal_from", SECOND} <= set(names):
        words = {"terminal_from": "by", SECOND: "and"}
        splits = [
            _prefixed(words[name], one) if name in words else one
            for name, one in zip(names, splits, strict=True)
        ]
    if len(pairs) == 2:
        if paired or len(splits[0]) * (len(splits[1]) - 1) <= len(style.colours):
            arrows = tuple(rf"{one} $\to$ {other}" for one in splits[0].labels for other in splits[1].labels)
            splits[:2] = [Split("from, to", arrows)]
            table = table.reshape(len(arrows), *table.shape[2:])
        else:
            splits[:2] = [_prefixed("from", splits[0]), _prefixed("to", splits[1])]
    return _present(splits, table)


def largest(splits: Sequence[Split], table: Floats, most: int) -> tuple[list[Split], Floats]:
    """The curves that reach highest, the highest first, as one split; of equal ones the first."""
    rows = table.reshape(-1, table.shape[-1])
    heights = np.nanmax(np.abs(rows), axis=1, initial=0.0)
    places: list[int] = []
    for place in np.argsort(-np.round(heights, 12), kind="stable").tolist():
        close = 1e-9 * heights[place]
        if not any(np.allclose(rows[place], rows[one], 0, close, equal_nan=True) for one in places):
            places.append(place)
        if len(places) == most:
            break
    return [product(splits).kept(np.array(places))], rows[places]


def _present(splits: Sequence[Split], table: Floats) -> tuple[list[Split], Floats]:
    """Only values with a curve, and only splits with several values."""
    kept: list[Split] = []
    for split in splits:
        axis = len(kept)  # of the table; those before are kept
        finite = np.isfinite(table).any(axis=tuple(k for k in range(table.ndim) if k != axis))
        places = np.flatnonzero(finite if finite.any() else np.arange(len(split)) == 0)
        table = np.take(table, places, axis=axis)
        if len(split) > 1:
            kept.append(split.kept(places))
        else:
            table = table[(slice(None),) * axis + (0,)]
    return kept, table


def _split(dataset: xr.Dataset, name: str) -> Split:
    """The values of a dimension in words, and as numbers where they are."""
    labels = tuple(place_label(dataset, name, k) for k in range(dataset.sizes[name]))
    if name not in dataset.coords:
        return Split(name, labels, np.arange(len(labels), dtype=float))
    values = dataset[name].values
    finite = values.dtype.kind in "iuf" and bool(np.isfinite(values).all())
    return Split(axis_label(name, dataset[name]), labels, values.astype(float) if finite else None)


def _prefixed(word: str, split: Split) -> Split:
    return replace(split, labels=tuple(f"{word} {label}" for label in split.labels))
