"""Layers of a sparse graph: an order of its nodes in which a matrix with that pattern is block tridiagonal.

Breadth-first distances from a set of nodes join only equal and neighbouring layers, whatever the graph is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Integers = NDArray[np.intp]

PREFERRED = 0.9  # layers that begin at a contact are kept where others are not cheaper than this


@dataclass(frozen=True)
class Layers:
    """Nodes layer by layer.

    Attributes
    ----------
    order : (n,) node at each position, ascending within a layer
    begin : (n_layers + 1,) first position of each layer
    """

    order: Integers
    begin: Integers

    @property
    def sizes(self) -> Integers:
        """(n_layers,)"""
        return np.diff(self.begin)

    def nodes(self, layer: int) -> Integers:
        """Nodes of a layer."""
        return self.order[self.begin[layer] : self.begin[layer + 1]]

    @property
    def position(self) -> Integers:
        """Position of each node, (n,)."""
        found = np.empty(len(self.order), dtype=np.intp)
        found[self.order] = np.arange(len(self.order))
        return found


def layers(
    pattern: sparse.csr_array,
    together: Sequence[Integers],
    starts: Sequence[Integers],
    cost: Callable[[Layers], float],
) -> Layers:
    """Give the cheapest layers of a few: from each set of starts, and from the far end of the graph.

    Parameters
    ----------
    pattern : (n, n)
        Symmetric; its values do not matter.
    together : sequence of arrays
        Nodes that must share a layer.
    starts : sequence of arrays
        Sets of nodes.  A part of the graph that a set does not touch begins with the first set that does,
        else at one of its nodes.
    cost : callable
        What is made least; where others are no better the first is taken.
    """
    n = pattern.shape[0]
    if not n:
        return Layers(np.zeros(0, dtype=np.intp), np.zeros(1, dtype=np.intp))
    label, graph = _contracted(pattern, together)
    best: tuple[float, Layers] | None = None
    for distance, part in _candidates(graph, [np.unique(label[nodes]) for nodes in starts]):
        found = _in_layers((part * (distance.max() + 1) + distance)[label])
        price = cost(found)
        if best is None or price < PREFERRED * best[0]:
            best = price, found
    assert best is not None
    return best[1]


def _contracted(pattern: sparse.csr_array, together: Sequence[Integers]) -> tuple[Integers, sparse.csr_array]:
    """Number of each node among the groups of nodes that stay together, and the graph of these."""
    from scipy.sparse.csgraph import connected_components

    n = pattern.shape[0]
    chains = [np.asarray(nodes, dtype=np.intp) for nodes in together if len(nodes) > 1]
    if not chains:
        return np.arange(n), pattern
    rows, columns = np.concatenate([c[:-1] for c in chains]), np.concatenate([c[1:] for c in chains])
    joined = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(n, n))
    count, label = connected_components(joined, directed=False)
    entries = pattern.tocoo()
    row, column = (label[place] for place in entries.coords)
    graph = sparse.csr_array((np.ones(len(row)), (row, column)), shape=(count, count))
    return label.astype(np.intp), graph


def _candidates(graph: sparse.csr_array, starts: Sequence[Integers]) -> Iterator[tuple[Integers, Integers]]:
    """(distance, part) of each node of the graph for each choice of starts."""
    from scipy.sparse.csgraph import connected_components

    count, part = connected_components(graph, directed=False)
    part = part.astype(np.intp)
    lowest = np.unique(part, return_index=True)[1].astype(np.intp)
    for k in range(max(1, len(starts))):
        chosen = _for_each_part([*starts[k : k + 1], *starts, lowest], part, count)
        distance = _distances(graph, chosen)
        yield distance, part
        if k == 0:
            yield _distances(graph, _farthest(distance, part, count)), part


def _for_each_part(choices: Sequence[Integers], part: Integers, count: int) -> Integers:
    """Nodes of the first choice that touches each part."""
    waiting = np.ones(count, dtype=np.bool_)
    found = []
    for nodes in choices:
        mine = nodes[waiting[part[nodes]]]
        found.append(mine)
        waiting[part[mine]] = False
        if not waiting.any():
            break
    return np.concatenate(found)


def _farthest(distance: Integers, part: Integers, count: int) -> Integers:
    """One of the last nodes of each part."""
    found = np.empty(count, dtype=np.intp)
    order = np.argsort(distance, kind="stable")
    found[part[order]] = order
    return found


def _distances(graph: sparse.csr_array, starts: Integers) -> Integers:
    """Number of steps from the starts, which touch every part."""
    from scipy.sparse.csgraph import breadth_first_order

    n = graph.shape[0]
    entries = graph.tocoo()
    rows = np.concatenate([entries.coords[0], np.full(len(starts), n)])
    columns = np.concatenate([entries.coords[1], starts])
    joined = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(n + 1, n + 1))
    order, before = breadth_first_order(joined, n, directed=True, return_predecessors=True)
    place = np.empty(n + 1, dtype=np.intp)
    place[order] = np.arange(n + 1)
    ahead = place[before[order[1:]]]  # never falls: the search goes layer by layer
    distance = np.empty(n + 1, dtype=np.intp)
    first, depth = 1, 0
    while first <= n:
        end = int(np.searchsorted(ahead, first)) + 1
        distance[order[first:end]] = depth
        first, depth = end, depth + 1
    return distance[:n]


def _in_layers(key: Integers) -> Layers:
    """Sort nodes by their key, those of one key ascending."""
    order = np.argsort(key, kind="stable")
    changes = np.flatnonzero(np.diff(key[order])) + 1
    begin = np.concatenate([[0], changes, [len(key)]]).astype(np.intp)
    return Layers(order.astype(np.intp), begin)
