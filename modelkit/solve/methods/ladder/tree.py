"""Order in which the orbitals of a forest are visited, and the sweeps along it.

The forest is cut into paths.  Positions number the orbitals path by path, each path from its bottom
to its top, a path that hangs on another one before it.  Two neighbours on a path have consecutive
positions; only the tops of hanging paths need a look-up.  Every sweep takes lists whose elements are
numbers (one energy) or arrays (many energies) and does the same work for both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]
Column = list[Any]  # one number or one array over the energies for each position
Ends = list[tuple[int, int]]
Others = Callable[[int, Any], list[Any]]


@dataclass(frozen=True)
class Forest:
    """Positions of the orbitals of a forest.

    Attributes
    ----------
    orbital : (n,) orbital at each position
    position : (n,) position of each orbital
    parent : (n,) position of the parent, -1 for roots
    top : (n,) whether the position ends its path (then the parent is elsewhere or absent)
    tops : the hanging paths as (top, parent), in the order in which they end
    """

    orbital: Integers
    position: Integers
    parent: Integers
    top: NDArray[np.bool_]
    tops: Ends

    @cached_property
    def hanging(self) -> dict[int, list[int]]:
        """The tops of the paths that hang on each position."""
        found: dict[int, list[int]] = {}
        for top, parent in self.tops:
            found.setdefault(parent, []).append(top)
        return found

    @cached_property
    def on_path(self) -> Integers:
        """Positions whose parent is the next position of the same path."""
        return np.flatnonzero(~self.top)


def is_forest(pattern: sparse.csr_array) -> bool:
    """Whether the graph of the off-diagonal elements of a Hermitian pattern has no cycle."""
    from scipy.sparse.csgraph import connected_components

    upper = sparse.triu(pattern, k=1)
    components, _ = connected_components(pattern, directed=False)
    return bool(upper.nnz == pattern.shape[0] - components)


def forest(pattern: sparse.csr_array) -> Forest:
    """Root every tree at an end of a longest path and cut it into paths.

    ``pattern`` : (n, n) symmetric, without a cycle (see :func:`is_forest`).
    """
    n = pattern.shape[0]
    order, parent = _breadth_first(pattern)
    heavy = _deepest_child(order.tolist(), parent.tolist())
    orbital, ends = _paths(order.tolist(), parent.tolist(), heavy)
    position = np.empty(n, dtype=np.intp)
    position[orbital] = np.arange(n)
    above = parent[orbital]
    parents = np.where(above >= 0, position[above], -1)
    top = np.zeros(n, dtype=np.bool_)
    top[ends] = True
    tops = [(end, int(parents[end])) for end in ends if parents[end] >= 0]
    return Forest(orbital, position, parents, top, tops)


def rise(source: Column, factor: Column, tops: Ends) -> tuple[Column, Column]:
    """``x_j = s_j + sum_c q_c x_c`` over the children c of every j.

    ``factor`` is zero at roots.  Returns x, and the sources with what the hanging paths bring.
    """
    found: Column = []
    source = list(source)
    keep = found.append
    x: Any = 0.0
    q: Any = 0.0
    begin = 0
    for top, parent in [*tops, (len(source) - 1, -1)]:
        for s, after in zip(source[begin : top + 1], factor[begin : top + 1], strict=True):
            x = s + q * x
            keep(x)
            q = after
        begin = top + 1
        if parent >= 0:
            source[parent] = source[parent] + q * x
            q = 0.0
    return found, source


def fall(source: Column, factor: Column, forest: Forest, others: Others) -> Column:
    """``o_i = s_p + y_p`` with ``y_p = q_p o_p``, p the parent of i and s without what comes from i.

    ``source`` is the second result of :func:`rise`: it serves the child on the same path.
    ``others(p, y_p)`` gives ``o`` for every path that hangs on p.  ``factor`` is zero at roots;
    there ``o`` has no meaning, but is finite.
    """
    zero = source[0] * 0.0
    found: Column = [zero] * len(source)
    waiting: dict[int, Any] = {}
    shifted = [*source[1:], zero]
    y: Any = 0.0
    stop = len(source)
    for top, parent in [*reversed(forest.tops), (-1, -1)]:
        piece = []
        for s, q in zip(reversed(shifted[top + 1 : stop]), reversed(factor[top + 1 : stop]), strict=True):
            o = s + y
            piece.append(o)
            y = q * o
        found[top + 1 : stop] = reversed(piece)
        if top >= 0:
            if top not in waiting:
                values = others(parent, factor[parent] * found[parent])
                waiting.update(zip(forest.hanging[parent], values, strict=True))
            found[top] = waiting.pop(top)
            y = factor[top] * found[top]
            stop = top
    return found


def linear_others(source: Column, rising: Column, factor: Column, forest: Forest) -> Others:
    """``others`` of a linear :func:`fall` from the sources and the result of :func:`rise`."""

    def others(parent: int, y: Any) -> list[Any]:
        base = source[parent] + y
        if parent > 0 and not forest.top[parent - 1]:
            base = base + factor[parent - 1] * rising[parent - 1]
        return sums_without_each(base, [factor[c] * rising[c] for c in forest.hanging[parent]])

    return others


def sums_without_each(base: Any, terms: Sequence[Any]) -> list[Any]:
    """Add the base and the terms other than k, for every k, without subtraction."""
    before = [base]
    for term in terms[:-1]:
        before.append(before[-1] + term)
    after: Any = 0.0
    found = []
    for k in range(len(terms) - 1, -1, -1):
        found.append(before[k] + after)
        after = terms[k] + after
    return found[::-1]


def column(values: NDArray[Any]) -> Column:
    """(n, n_E) as a list over positions: numbers for one energy, arrays otherwise."""
    return values[:, 0].tolist() if values.shape[1] == 1 else list(values)


def matrix(values: Column, like: NDArray[Any]) -> NDArray[Any]:
    """Undo :func:`column`; the shape is that of ``like``."""
    if like.shape[1] == 1:
        return np.fromiter(values, like.dtype, len(values))[:, None]
    return np.array(values)


def _breadth_first(pattern: sparse.csr_array) -> tuple[Integers, Integers]:
    """Order from the roots and parent (-1 for roots); roots lie at the ends of longest paths."""
    from scipy.sparse.csgraph import connected_components

    n = pattern.shape[0]
    _, tree = connected_components(pattern, directed=False)
    _, starts = np.unique(tree, return_index=True)
    for _ in range(2):
        order, parent = _search(pattern, starts)
        starts = np.empty(len(starts), dtype=np.intp)
        starts[tree[order]] = order  # the last of each tree stays: the farthest
    order, parent = _search(pattern, starts)
    return order, np.where(parent == n, -1, parent)


def _search(pattern: sparse.csr_array, starts: Integers) -> tuple[Integers, Integers]:
    """One breadth-first search through all trees, from an extra node that is joined to the starts."""
    from scipy.sparse.csgraph import breadth_first_order

    n = pattern.shape[0]
    entries = pattern.tocoo()
    rows = np.concatenate([entries.coords[0], np.full(len(starts), n)])
    columns = np.concatenate([entries.coords[1], starts])
    joined = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(n + 1, n + 1))
    order, parent = breadth_first_order(joined, n, directed=True, return_predecessors=True)
    return order[1:].astype(np.intp), parent[:n].astype(np.intp)


def _deepest_child(order: list[int], parent: list[int]) -> list[int]:
    """Find the child with the deepest branch below, -1 for leaves."""
    height = [0] * len(order)
    child = [-1] * len(order)
    for j in reversed(order):
        p = parent[j]
        if p >= 0 and height[j] >= height[p]:
            height[p] = height[j] + 1
            child[p] = j
    return child


def _paths(order: list[int], parent: list[int], child: list[int]) -> tuple[Integers, list[int]]:
    """Orbitals path by path from bottom to top, and the positions of the tops."""
    orbital: list[int] = []
    ends: list[int] = []
    for j in reversed(order):
        if parent[j] >= 0 and child[parent[j]] == j:
            continue
        path = []
        while j >= 0:
            path.append(j)
            j = child[j]
        orbital += reversed(path)
        ends.append(len(orbital) - 1)
    return np.array(orbital, dtype=np.intp), ends
