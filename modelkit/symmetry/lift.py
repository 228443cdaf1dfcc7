"""Internal unitaries of a permutation: whether there are any, and one of them.

Wanted are unitary ``X_v`` with ``X_r B_k = B'_k X_c`` for every block k from vertex c to r, where B' is the
block of the other structure at the images.  Blocks that are invertible lead from vertex to vertex, so all X
of a connected part follow from that of its root (by their unitary factors, which keeps products bounded);
what is left is a linear system for the roots.  Where its solutions hold an invertible one they hold a
unitary one, since the adjoint of every block is among the blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.symmetry.labels import ties_of
from modelkit.symmetry.structure import Structure

Integers = NDArray[np.intp]
Complexes = NDArray[np.complex128]

INVERTIBLE = 1e-6  # smallest singular value relative to the largest
EXACT = 1e-9  # of the largest block: what an operation may be off
MOST = 3000  # unknown elements
NULL = 1e-14  # of the largest eigenvalue: a solution


class Undecided(Exception):
    """A search that was given up."""


@dataclass(frozen=True, eq=False)
class Lift:
    """``unitary`` (n, D, D), zero where a vertex has no internal space; how far it is off, relatively."""

    unitary: Complexes
    residual: float


def lift(one: Structure, other: Structure, permutation: Integers) -> Lift | None:
    """Internal unitaries that make a permutation an operation from one structure to another, or None."""
    paired = _paired(one, other, permutation)
    if paired is None:
        return None
    return _lifted(one, paired)


def _paired(one: Structure, other: Structure, permutation: Integers) -> Complexes | None:
    """The other's blocks in the order of the one's; None where any is missing; ties are compared as well."""
    if not _same_ties(one, other, permutation):
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


def _lifted(one: Structure, image: Complexes) -> Lift | None:
    scale = float(np.abs(one.block).max(initial=0.0)) or 1.0
    root, P, Q = _from_roots(one, image)
    # X_v = P_v X_root Q_v: each block demands X_root(row) b = c X_root(column)
    b = Q[one.row] @ one.block @ _adjoint(Q[one.column])
    c = _adjoint(P[one.row]) @ image @ P[one.column]
    roots, place = np.unique(root, return_inverse=True)
    system = _Roots(place[one.row], place[one.column], b, c, one.size[roots])
    for X in system.candidates():
        unitary = P @ X[place] @ Q
        off = float(np.abs(unitary[one.row] @ one.block - image @ unitary[one.column]).max(initial=0.0))
        if off <= EXACT * scale:
            return Lift(unitary, off / scale)
    return None


def _from_roots(one: Structure, image: Complexes) -> tuple[Integers, Complexes, Complexes]:
    """The root of each vertex and ``P``, ``Q`` (n, D, D) along the way to it, by doubling the steps."""
    n, D = one.n, one.block.shape[1]
    inside = np.arange(D) < one.size[:, None]
    P = np.einsum("vi,ij->vij", inside, np.eye(D)).astype(complex)
    Q = P.copy()
    way, first, second = _ways(one, image)
    way, kept = _each_once(one, way)
    first, second = first[kept], second[kept]
    before, through = _forest(n, one.row[way], one.column[way])
    start = before >= 0
    P[start] = second[through[start]]
    Q[start] = _adjoint(first)[through[start]]
    above = np.where(start, before, np.arange(n))
    while not np.array_equal(above, above[above]):
        P, Q, above = P @ P[above], Q[above] @ Q, above[above]
    return above, P, Q


def _ways(one: Structure, image: Complexes) -> tuple[Integers, Complexes, Complexes]:
    """Invertible blocks between different vertices, with their unitary factors and those of their images."""
    size = one.size
    able = (one.row != one.column) & (size[one.row] == size[one.column]) & (size[one.row] > 0)
    way, first, second = [np.zeros(0, np.intp)], [one.block[:0]], [one.block[:0]]
    for d in np.unique(size[one.row[able]]):
        chosen = np.flatnonzero(able & (size[one.row] == d))
        factors = []
        good = np.ones(len(chosen), dtype=bool)
        for blocks in (one.block[chosen, :d, :d], image[chosen, :d, :d]):
            u, s, vh = np.linalg.svd(blocks)
            good &= s[:, -1] > INVERTIBLE * np.maximum(s[:, 0], 1e-300)
            whole = np.zeros_like(one.block[chosen])
            whole[:, :d, :d] = u @ vh
            factors.append(whole)
        way.append(chosen[good])
        first.append(factors[0][good])
        second.append(factors[1][good])
    return np.concatenate(way), np.concatenate(first), np.concatenate(second)


def _each_once(one: Structure, way: Integers) -> tuple[Integers, Integers]:
    """One of the arrows between the same two vertices, and which they are."""
    kept = np.unique(one.row[way] * one.n + one.column[way], return_index=True)[1]
    return way[kept], kept


def _forest(n: int, row: Integers, column: Integers) -> tuple[Integers, Integers]:
    """The vertex before each one in a spanning forest, -1 at roots, and the (sorted) arrow from there."""
    from scipy.sparse import csgraph

    arrows = sparse.csr_array((np.ones(len(row)), (row, column)), shape=(n, n))
    _, part = csgraph.connected_components(arrows, directed=False)
    first = np.unique(part, return_index=True)[1]
    joined = sparse.csr_array(
        (np.ones(len(row) + len(first)), (np.append(column, np.full(len(first), n)), np.append(row, first))),
        shape=(n + 1, n + 1),
    )
    before = csgraph.breadth_first_order(joined, n, directed=False)[1][:n].astype(np.intp)
    before[first] = -1
    through = np.zeros(n, dtype=np.intp)
    start = np.flatnonzero(before >= 0)
    through[start] = np.searchsorted(row * n + column, start * n + before[start])
    return before, through


@dataclass(frozen=True, eq=False)
class _Roots:
    """``X_row b = c X_column`` for the unitaries X of all roots."""

    row: Integers
    column: Integers
    b: Complexes
    c: Complexes
    size: Integers

    def candidates(self) -> Iterator[Complexes]:
        """Unitaries (roots, D, D) to be tried, the simplest first; behind them a generic solution."""
        inside = _inside(self.size, self.b.shape[1])
        for matrix in simple_matrices(self.b.shape[1]):
            yield np.where(inside, matrix, 0)
        if self.b.shape[1] > 1:
            yield from self._generic()

    def _generic(self) -> Iterator[Complexes]:
        """A random solution, made unitary; nothing where it is singular, since then all are."""
        from scipy.sparse import csgraph

        R, D = len(self.size), self.b.shape[1]
        joined = sparse.csr_array((np.ones(len(self.row)), (self.row, self.column)), shape=(R, R))
        count, part = csgraph.connected_components(joined, directed=False)
        found = np.zeros((R, D, D), dtype=complex)
        random = np.random.default_rng(0)
        for number in range(count):
            roots = np.flatnonzero(part == number)
            kernel = self._kernel(roots)
            if not len(kernel):
                return
            weights = random.normal(size=(2, len(kernel)))
            for r, X in zip(roots, np.tensordot(weights[0] + 1j * weights[1], kernel, axes=1), strict=True):
                d = int(self.size[r])
                u, s, vh = np.linalg.svd(X[:d, :d])
                if d and s[-1] < INVERTIBLE * s[0]:
                    return
                found[r, :d, :d] = u @ vh
        yield found

    def _kernel(self, roots: Integers) -> Complexes:
        """Solutions (k, roots, D, D) of some roots that hang on no others; zero outside the sizes."""
        D = self.b.shape[1]
        unknown = np.flatnonzero(_inside(self.size[roots], D))
        if len(unknown) > MOST:
            raise Undecided
        rows = self._equations(roots)[:, unknown]
        value, vector = np.linalg.eigh((rows.conj().T @ rows).toarray())
        null = vector[:, value <= NULL * max(float(value.max(initial=0.0)), 1.0)]
        found = np.zeros((null.shape[1], len(roots) * D * D), dtype=complex)
        found[:, unknown] = null.T
        return found.reshape(-1, len(roots), D, D)

    def _equations(self, roots: Integers) -> sparse.csr_array:
        """``sum_j X_r[i, j] b[j, m] - sum_j c[i, j] X_s[j, m]``, each once, by elements of the X."""
        D = self.b.shape[1]
        number = np.full(len(self.size), -1, dtype=np.intp)
        number[roots] = np.arange(len(roots))
        here = number[self.row] >= 0
        row, column, b, c = number[self.row[here]], number[self.column[here]], self.b[here], self.c[here]
        scale = float(np.abs([b, c]).max(initial=0.0)) or 1.0
        flat = [np.round(part.reshape(len(part), D * D) / scale, 7) for part in (b, c)]
        whole = np.concatenate([row[:, None], column[:, None], *flat], axis=1)
        different = np.unique(whole, axis=0, return_index=True)[1]
        k, i, j, m = np.indices((len(different), D, D, D)).reshape(4, -1)
        of = different[k]
        equation = (k * D + i) * D + m
        entries = (row[of] * D + i) * D + j, (column[of] * D + j) * D + m
        value = b[of, j, m] / scale, -c[of, i, j] / scale
        shape = (len(different) * D * D, len(roots) * D * D)
        return sparse.csr_array(
            (np.concatenate(value), (np.tile(equation, 2), np.concatenate(entries))), shape=shape
        )


def _inside(size: Integers, D: int) -> NDArray[np.bool_]:
    """Which elements of (roots, D, D) matrices are within their sizes."""
    within = np.arange(D) < size[:, None]
    return within[:, :, None] & within[:, None, :]


def simple_matrices(D: int) -> list[Complexes]:
    """Products of Pauli matrices, the identity first; the identity alone where D is no power of two."""
    pauli = [np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])]
    factors = int(np.log2(D)) if D & (D - 1) == 0 else 0
    if not factors or factors > 3:
        return [np.eye(D, dtype=complex)]
    found = [np.ones((1, 1), dtype=complex)]
    for _ in range(factors):
        found = [np.kron(one, more) for one in found for more in pauli]
    return found


def _adjoint(blocks: Complexes) -> Complexes:
    return blocks.conj().swapaxes(-1, -2)
