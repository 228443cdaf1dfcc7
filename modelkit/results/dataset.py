"""Arrays of many points become one labelled ``xarray.Dataset``.

A point is one device that was solved: one combination of the swept values in one case.  Its arrays
carry their own dimensions (``terminal``, ``site``, ``energy``, ...), the axes of the run come first.
Where points have different labels the union is taken and what is absent is NaN (``""`` for words).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[Any]


@dataclass(frozen=True)
class Axis:
    """A dimension of the run itself: a sweep under its own name, or ``case``."""

    name: str
    values: Array
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Labelled:
    """An array and the names of its own dimensions, in order."""

    dims: tuple[str, ...]
    values: Array


@dataclass(frozen=True)
class Point:
    """What was found at one place of the product of the axes.

    Parameters
    ----------
    place : tuple of int
        Position along each axis.
    arrays, coordinates : mapping of str to Labelled
        Variables and helper coordinates (those that are equal along an axis do without it).
    labels : mapping of str to array
        The labels of every own dimension that occurs, shape (length of the dimension,).
    """

    place: tuple[int, ...]
    arrays: Mapping[str, Labelled]
    labels: Mapping[str, Array]
    coordinates: Mapping[str, Labelled] = field(default_factory=dict)


def assemble(axes: Sequence[Axis], points: Sequence[Point]) -> xr.Dataset:
    """All points in one Dataset: axes first, then the own dimensions; missing points are NaN.

    The order of labels is that of the points; a label that a later point adds stands behind the
    label that precedes it there, so that ``S[2], S[4]`` and ``S[2]`` give ``S[2], S[4]``.
    """
    import xarray as xr

    own = list(dict.fromkeys(dim for point in points for dim in point.labels))
    merged = {dim: union([point.labels[dim] for point in points if dim in point.labels]) for dim in own}
    places = [{dim: _positions(point.labels[dim], merged[dim]) for dim in point.labels} for point in points]
    coordinates: dict[str, Any] = {
        axis.name: (axis.name, axis.values, dict(axis.attributes)) for axis in axes
    }
    coordinates |= {dim: (dim, values) for dim, values in merged.items()}
    for name in _names(point.coordinates for point in points):
        coordinates[name] = _without_equal(axes, *_stack(name, "coordinates", axes, points, places, merged))
    variables = {
        name: _stack(name, "arrays", axes, points, places, merged)
        for name in _names(point.arrays for point in points)
    }
    return xr.Dataset(variables, coordinates)


def union(families: Sequence[Array]) -> Array:
    """Union of label arrays that keeps the order within each of them where they agree.

    Numbers are sorted instead.

    >>> import numpy as np
    >>> print(*union([np.array(["S[2]", "D[3]"]), np.array(["S[2]", "S[4]", "D[3]", "D[5]"])]))
    S[2] S[4] D[3] D[5]
    """
    first = families[0]
    if all(family is first or np.array_equal(family, first) for family in families):
        return first
    if first.dtype.kind in "iuf":
        return np.unique(np.concatenate(families))
    after: dict[str | None, str | None] = {None: None}
    for family in families:
        previous: str | None = None
        for label in family.tolist():
            if label not in after:
                after[label], after[previous] = after[previous], label
            previous = label
    ordered: list[str] = []
    label = after[None]
    while label is not None:
        ordered.append(label)
        label = after[label]
    return np.array(ordered)


def _positions(labels: Array, merged: Array) -> Array | None:
    """Where the labels stand in the merged ones; None when they are the same."""
    if labels is merged or np.array_equal(labels, merged):
        return None
    where = {label: position for position, label in enumerate(merged.tolist())}
    return np.array([where[label] for label in labels.tolist()], dtype=np.intp)


def _names(mappings: Iterable[Mapping[str, Labelled]]) -> list[str]:
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))


def _stack(
    name: str,
    kind: str,
    axes: Sequence[Axis],
    points: Sequence[Point],
    places: Sequence[Mapping[str, Array | None]],
    merged: Mapping[str, Array],
) -> tuple[tuple[str, ...], Array]:
    """Dimensions and values of one variable over all points."""
    found = [
        (point, place, getattr(point, kind)[name])
        for point, place in zip(points, places, strict=True)
        if name in getattr(point, kind)
    ]
    own = found[0][2].dims
    dims = tuple(axis.name for axis in axes) + own
    values = np.asarray(found[0][2].values)
    if not axes:
        return dims, values
    words = values.dtype.kind in "OUS"
    dtype = (
        object if words else np.result_type(np.float64, *(labelled.values.dtype for _, _, labelled in found))
    )
    shape = tuple(len(axis.values) for axis in axes) + tuple(len(merged[dim]) for dim in own)
    whole = np.full(shape, "" if words else np.nan, dtype=dtype)
    for point, place, labelled in found:
        positions = [place[dim] for dim in own]
        if all(position is None for position in positions):
            whole[point.place] = labelled.values
        else:
            ranges = [
                np.arange(len(merged[dim])) if at is None else at
                for dim, at in zip(own, positions, strict=True)
            ]
            whole[point.place + (...,)][np.ix_(*ranges)] = labelled.values
    return dims, whole.astype(np.str_) if words else whole


def _without_equal(
    axes: Sequence[Axis], dims: tuple[str, ...], values: Array
) -> tuple[tuple[str, ...], Array]:
    """Drop the axes of the run along which all present values are equal."""
    for name in [axis.name for axis in axes]:
        along = dims.index(name)
        absent = values == "" if values.dtype.kind == "U" else np.isnan(values)
        first = np.take_along_axis(values, np.expand_dims(np.argmin(absent, axis=along), along), along)
        if np.all(absent | (values == first)):
            values = np.squeeze(first, axis=along)
            dims = tuple(dim for dim in dims if dim != name)
    return dims, values
