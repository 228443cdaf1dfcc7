"""From index tuples to site numbers, without a loop over sites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from modelkit.graph.device import Integers

Numbers = NDArray[Any]

_SPARE = 4  # a table may be this many times larger than the number of sites


class Lookup(Protocol):
    """Finds numbers of index tuples; ``repeated`` is a row that says the same as an earlier one."""

    repeated: int | None

    def find(self, columns: Sequence[Numbers], count: int) -> Integers:
        """Numbers of ``count`` tuples given column by column, -1 for those that do not exist."""


def lookup(columns: Sequence[Numbers], count: int) -> Lookup:
    """A table where the bounding box is nearly full, sorted keys otherwise.

    ``columns`` are the index values of the sites, each of shape (count,), integer or real.
    """
    if count and all(column.dtype.kind == "i" for column in columns):
        low = [int(column.min()) for column in columns]
        shape = [int(column.max()) - start + 1 for column, start in zip(columns, low, strict=True)]
        volume = 1
        for length in shape:
            volume *= length
        if volume <= _SPARE * count + 1024:
            return Table(columns, count, low, shape)
    return Keys(columns, count)


class Table:
    """A dense array over the bounding box of the indices."""

    def __init__(
        self, columns: Sequence[Numbers], count: int, low: Sequence[int], shape: Sequence[int]
    ) -> None:
        self.low, self.shape = tuple(low), tuple(shape)
        flat = self._flat(columns, count)
        self.table = np.full(int(np.prod(shape, dtype=np.intp)), -1, dtype=np.intp)
        self.table[flat] = np.arange(count, dtype=np.intp)
        wrong = np.flatnonzero(self.table[flat] != np.arange(count))
        self.repeated = int(wrong[0]) if len(wrong) else None

    def find(self, columns: Sequence[Numbers], count: int) -> Integers:
        """Numbers of the tuples, -1 for those that do not exist."""
        inside = np.ones(count, dtype=bool)
        for column, start, length in zip(columns, self.low, self.shape, strict=True):
            inside &= (column >= start) & (column < start + length)
        if inside.all():
            return self.table[self._flat(columns, count)]
        found = np.full(count, -1, dtype=np.intp)
        rows = np.flatnonzero(inside)
        found[rows] = self.table[self._flat([column[rows] for column in columns], len(rows))]
        return found

    def _flat(self, columns: Sequence[Numbers], count: int) -> Integers:
        flat = np.zeros(count, dtype=np.intp)
        for column, start, length in zip(columns, self.low, self.shape, strict=True):
            flat *= length
            flat += np.asarray(column, dtype=np.intp)
            flat -= start
        return flat


class Keys:
    """Index by index, the rank of the tuple so far: keys never exceed count squared."""

    def __init__(self, columns: Sequence[Numbers], count: int) -> None:
        self.levels: list[tuple[Numbers, Numbers]] = []
        rank = np.zeros(count, dtype=np.intp)
        for column in columns:
            axis, place = np.unique(column, return_inverse=True)
            keys, rank = np.unique(rank * len(axis) + place, return_inverse=True)
            self.levels.append((axis, keys))
        size = len(self.levels[-1][1]) if self.levels else min(count, 1)
        self.number = np.zeros(size, dtype=np.intp)
        self.number[rank[::-1]] = np.arange(count - 1, -1, -1)  # the first of equal ones stays
        wrong = np.flatnonzero(self.number[rank] != np.arange(count))
        self.repeated = int(wrong[0]) if len(wrong) else None

    def find(self, columns: Sequence[Numbers], count: int) -> Integers:
        """Numbers of the tuples, -1 for those that do not exist."""
        if not len(self.number):
            return np.full(count, -1, dtype=np.intp)
        rank = np.zeros(count, dtype=np.intp)
        known = np.ones(count, dtype=bool)
        for column, (axis, keys) in zip(columns, self.levels, strict=True):
            place, there = _places(axis, column)
            known &= there
            rank, there = _places(keys, rank * len(axis) + place)
            known &= there
        return np.where(known, self.number[rank], -1)


def _places(axis: Numbers, column: Numbers) -> tuple[Integers, NDArray[np.bool_]]:
    """Where values stand in a sorted axis, and whether they do; real ones up to rounding."""
    margin = 0 if axis.dtype.kind == column.dtype.kind == "i" else 1e-9 * float(np.abs(axis).max())
    place = np.minimum(np.searchsorted(axis, column - margin), len(axis) - 1)
    return place, np.abs(axis[place] - column) <= margin
