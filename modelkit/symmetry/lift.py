"""Internal unitaries of a permutation: whether there are any, and some of them.

Wanted are unitary ``X_v`` with ``X_r B_k = B'_k X_c`` for every block k from vertex c to r, where B' is the
block of the other structure at the images.  Blocks that are invertible lead from vertex to vertex, so all X
of a connected part follow from that of its root (by their unitary factors, which keeps products bounded);
for singular ones, words of blocks between the same vertices do.  What is left is a linear system for the
roots.  Where its solutions hold an invertible one they hold a unitary one, since the adjoint of every block
is among the blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.symmetry.labels import ties_of
from modelkit.symmetry.roots import Roots
from modelkit.symmetry.structure import Structure

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

INVERTIBLE = 1e-3  # smallest singular value relative to the largest
EXACT = 1e-9  # of the block: what an operation may be off
ROUNDING = 1e-13  # of the largest block of its kind: differences of large numbers are off as much
STRONG = 1e-6  # of the largest block of its kind: rounding does not turn its unitary factor
ROUNDS = 2  # of words of blocks around a vertex


@dataclass(frozen=True, eq=False)
class Lift:
    """``unitary`` (n, D, D), zero where a vertex has no internal space; how far it is off, relatively."""

    unitary: Complexes
    residual: float


def lift(one: Structure, other: Structure, permutation: Integers, scale: Floats | None = None) -> Lift | None:
    """Internal unitaries that make a permutation an operation from one structure to another, or None.

    ``scale`` is that of each kind where the structures are parts of larger ones.

    Raises
    ------
    Undecided
        Too many internal unitaries depend on one another.
    """
    paired = _paired(one, other, permutation)
    if paired is None:
        return None
    return _lifted(one, paired, scales(one) if scale is None else scale)


def scales(structure: Structure) -> Floats:
    """The size of the largest block of each kind."""
    scale = np.zeros(len(structure.opposite))
    np.maximum.at(scale, structure.kind, _norm(structure.block))
    return scale


def _paired(one: Structure, other: Structure, permutation: Integers) -> Complexes | None:
    """The other's blocks in the order of the one's; None where any is missing; ties are compared as well."""
    if not np.array_equal(one.size, other.size[permutation]) or not _same_ties(one, other, permutation):
        return None
    key = _keys(permutation[one.row], permutation[one.column], one.kind, one.n)
    known = _keys(other.row, other.column, other.kind, one.n)
    order = np.argsort(known)
    if not np.array_equal(np.sort(key), known[order]):
        return None
    return np.asarray(other.block[order[np.searchsorted(known[order], key)]])


def _same_ties(one: Structure, other: Structure, permutation: Integers) -> bool:
    label = ties_of(one, other)
    mine = _keys(permutation[one.tie_row], permutation[one.tie_column], label[: len(one.tie_row)], one.n)
    known = _keys(other.tie_row, other.tie_column, label[len(one.tie_row) :], one.n)
    return bool(np.array_equal(np.sort(mine), np.sort(known)))


def _keys(row: Integers, column: Integers, kind: Integers, n: int) -> Integers:
    return (kind * n + row) * n + column


def _lifted(one: Structure, image: Complexes, scale: Floats) -> Lift | None:
    size = _norm(one.block)
    allowed = np.maximum(EXACT * size, np.maximum(ROUNDING * scale[one.kind], 1e-300))
    if np.any(np.abs(_norm(image) - size) > allowed):
        return None
    root, P, Q = _from_roots(one, image, size / np.maximum(scale[one.kind], 1e-300))
    # X_v = P_v X_root Q_v: each block demands X_root(row) b = c X_root(column)
    b = Q[one.row] @ one.block @ _adjoint(Q[one.column])
    c = _adjoint(P[one.row]) @ image @ P[one.column]
    roots, place = np.unique(root, return_inverse=True)
    X = Roots(place[one.row], place[one.column], b, c, one.size[roots], allowed / EXACT).solution(EXACT)
    if X is None:
        return None
    unitary = P @ X[place] @ Q
    off = _norm(unitary[one.row] @ one.block - image @ unitary[one.column])
    return Lift(unitary, EXACT * float((off / allowed).max(initial=0.0)))


def _norm(blocks: Complexes) -> Floats:
    return np.asarray(np.linalg.norm(blocks, axis=(1, 2)))


def _from_roots(one: Structure, image: Complexes, strength: Floats) -> tuple[Integers, Complexes, Complexes]:
    """The root of each vertex and ``P``, ``Q`` (n, D, D) along the way to it, by doubling the steps."""
    n, D = one.n, one.block.shape[1]
    inside = np.arange(D) < one.size[:, None]
    P = np.einsum("vi,ij->vij", inside, np.eye(D)).astype(complex)
    Q = P.copy()
    way, first, second = _ways(one, image, strength)
    before, through = _forest(n, one.column[way], one.row[way], strength[way])
    up, down = (np.flatnonzero((before >= 0) & ((np.arange(n) > before) == up)) for up in (True, False))
    P[up], Q[up] = second[through[up]], _adjoint(first)[through[up]]  # arrows lead from low to high
    P[down], Q[down] = _adjoint(second)[through[down]], first[through[down]]
    above = np.where(before >= 0, before, np.arange(n))
    while not np.array_equal(above, above[above]):
        P, Q, above = P @ P[above], Q[above] @ Q, above[above]
    return above, P, Q


def _ways(one: Structure, image: Complexes, strength: Floats) -> tuple[Integers, Complexes, Complexes]:
    """Invertible arrows from lower to higher vertices, one a pair, and unitary factors with their images."""
    able = (one.row > one.column) & (one.size[one.row] == one.size[one.column]) & (strength > STRONG)
    way = np.flatnonzero(able & (one.size[one.row] > 0))
    first, second, good = _factors(one.block[way], image[way], one.size[one.row[way]])
    weak = np.flatnonzero(good < INVERTIBLE)
    if len(weak) and one.block.shape[1] > 1:
        words = _words(one, one.block, way[weak]), _words(one, image, way[weak])
        first[weak], second[weak], good[weak] = _factors(*words, one.size[one.row[way[weak]]])
    best = np.lexsort((-good * strength[way], one.row[way], one.column[way]))
    best = best[good[best] >= INVERTIBLE]
    pair = one.column[way[best]] * one.n + one.row[way[best]]
    best = best[np.unique(pair, return_index=True)[1]]
    return way[best], first[best], second[best]


def _factors(one: Complexes, image: Complexes, size: Integers) -> tuple[Complexes, Complexes, Floats]:
    """Unitary factors of blocks and of their images, and how invertible they are."""
    factors = np.zeros_like(one), np.zeros_like(image)
    good = np.full(len(one), np.inf)
    for d in np.unique(size):
        chosen = np.flatnonzero(size == d)
        for blocks, factor in zip((one, image), factors, strict=True):
            u, s, vh = np.linalg.svd(blocks[chosen, :d, :d])
            factor[chosen, :d, :d] = u @ vh
            good[chosen] = np.minimum(good[chosen], s[:, -1] / np.maximum(s[:, 0], 1e-300))
    return *factors, good


def _words(one: Structure, blocks: Complexes, chosen: Integers) -> Complexes:
    """Sums of products of blocks that lead the same way, with weights that depend on the place alone."""
    random = np.random.default_rng(3)
    blocks = blocks / np.maximum(_norm(blocks), 1e-300)[:, None, None]
    around = np.zeros((one.n, *blocks.shape[1:]), dtype=complex)
    own = one.row == one.column
    np.add.at(around, one.row[own], random.uniform(0.5, 1, (int(own.sum()), 1, 1)) * blocks[own])
    away = np.flatnonzero(~own)
    for _ in range(ROUNDS):
        weight = random.uniform(0.5, 1, (len(away), 1, 1))
        inside = np.eye(blocks.shape[1]) + around[one.column[away]]
        np.add.at(around, one.row[away], weight * (blocks[away] @ inside @ _adjoint(blocks[away])))
        directed = around - _mean(around, one.size)  # the identity tells nothing
        size = _norm(directed)
        told = size > INVERTIBLE * _norm(around)  # not rounding
        around = np.where(told, 1 / np.where(told, size, 1), 0)[:, None, None] * directed
    arrow, left, right = blocks[chosen], around[one.row[chosen]], around[one.column[chosen]]
    return np.asarray(arrow + 0.9 * left @ arrow + 0.7 * arrow @ right + 1.3 * left @ arrow @ right)


def _mean(blocks: Complexes, size: Integers) -> Complexes:
    """The multiple of the identity in each block."""
    inside = (np.arange(blocks.shape[1]) < size[:, None])[:, :, None] * np.eye(blocks.shape[1])
    trace = np.trace(blocks, axis1=1, axis2=2) / np.maximum(size, 1)
    return np.asarray(trace[:, None, None] * inside)


def _forest(n: int, low: Integers, high: Integers, strength: Floats) -> tuple[Integers, Integers]:
    """The vertex before each one in a spanning forest, -1 at roots, and the (sorted) arrow between them.

    Strong arrows are preferred.
    """
    from scipy.sparse import csgraph

    cost = 1 + np.round(-np.log10(np.minimum(strength, 1)))
    tree = csgraph.minimum_spanning_tree(sparse.csr_array((cost, (low, high)), shape=(n, n)))
    part = csgraph.connected_components(tree, directed=False)[1]
    first = np.unique(part, return_index=True)[1]
    ends = tree.nonzero()
    joined = sparse.csr_array(
        (
            np.ones(len(ends[0]) + len(first)),
            (np.append(ends[0], first), np.append(ends[1], np.full(len(first), n))),
        ),
        shape=(n + 1, n + 1),
    )
    before = csgraph.breadth_first_order(joined, n, directed=False)[1][:n].astype(np.intp)
    before[first] = -1
    through = np.zeros(n, dtype=np.intp)
    start = np.flatnonzero(before >= 0)
    below, above = np.minimum(start, before[start]), np.maximum(start, before[start])
    through[start] = np.searchsorted(low * n + high, below * n + above)
    return before, through


def _adjoint(blocks: Complexes) -> Complexes:
    return blocks.conj().swapaxes(-1, -2)
