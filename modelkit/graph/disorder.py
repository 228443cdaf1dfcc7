"""Seeded disorder: numbers that depend on a site's indices and the seed, and on nothing else.

Each index value is folded into a 64-bit state by the finaliser of splitmix64 (G. L. Steele, D. Lea,
C. H. Flood, OOPSLA 2014): no sequence is drawn, so neither the order of building nor the size of
the device matters.  The same indices and seed give the same number in every family.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkit.graph.device import Floats

Words = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def uniform_numbers(columns: Sequence[NDArray[Any]], count: int, seed: int) -> Floats:
    """Numbers strictly between 0 and 1, shape (count,), one for each tuple of indices.

    Parameters
    ----------
    columns : sequence of arrays, each of shape (count,)
        The index tuple, column by column; integer and real values that are equal count as equal.
    seed : int
        Seed of the text; any integer.
    """
    state = _mixed(np.full(count, seed % 2**64, dtype=np.uint64))
    for column in columns:
        bits = (np.asarray(column, dtype=np.float64) + 0.0).view(np.uint64)  # -0.0 becomes 0.0
        state = _mixed((state ^ _mixed(bits)) + _GOLDEN)
    mantissa: Words = _mixed(state) >> np.uint64(12)
    return (mantissa.astype(np.float64) + 0.5) * 2.0**-52


def _mixed(state: Words) -> Words:
    """Finaliser of splitmix64; wraps around by design."""
    state = state + _GOLDEN
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    return state ^ (state >> np.uint64(31))
