"""Hermitian matrices in blocks of layers, and the inverse of ``z - H - Sigma`` by a recursion over them.

Everything is batched over the energies z, which come first in all arrays; the only loops run over layers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.numerics.layers import Layers

Integers = NDArray[np.intp]
Array = NDArray[Any]  # real where the Hamiltonian, the energies and the self-energies are

GATHER = 40  # a coupling with so many times fewer entries a row than columns is gathered, not multiplied


@dataclass(frozen=True)
class Block:
    """A constant block by its entries."""

    shape: tuple[int, int]
    row: Integers
    column: Integers
    value: Array

    @cached_property
    def matrix(self) -> Array:
        """Dense."""
        found = np.zeros(self.shape, dtype=self.value.dtype)
        found[self.row, self.column] = self.value
        return found

    def left(self, x: Array) -> Array:
        """``T x``, x (n_E, columns of T, k)."""
        if self._rows is None:
            return np.asarray(self.matrix @ x)
        place, value = self._rows
        found = value[0][:, None] * x[:, place[0]]
        for p, v in zip(place[1:], value[1:], strict=True):
            found += v[:, None] * x[:, p]
        return np.asarray(found)

    def right(self, x: Array) -> Array:
        """``x T``, x (n_E, k, rows of T)."""
        if self.adjoint._rows is None:
            return np.asarray(x @ self.matrix)
        place, value = self.adjoint._rows
        found = value[0].conj() * x[:, :, place[0]]
        for p, v in zip(place[1:], value[1:], strict=True):
            found += v.conj() * x[:, :, p]
        return np.asarray(found)

    @cached_property
    def adjoint(self) -> Block:
        """``T†``"""
        return Block(self.shape[::-1], self.column, self.row, self.value.conj())

    @cached_property
    def _rows(self) -> tuple[Integers, Array] | None:
        """Places and values of the elements of each row, (width, rows), filled up with zeros.

        None where a matrix product is cheaper.
        """
        rows, columns = self.shape
        count = np.bincount(self.row, minlength=rows)
        width = max(1, int(count.max(initial=0)))
        if GATHER * width > columns:
            return None
        order = np.argsort(self.row, kind="stable")
        number = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
        place = np.zeros((width, rows), dtype=np.intp)
        value = np.zeros((width, rows), dtype=self.value.dtype)
        place[number, self.row[order]] = self.column[order]
        value[number, self.row[order]] = self.value[order]
        return place, value


Factor = Block | Array


def product(a: Factor, b: Factor) -> Array:
    """Multiply two blocks, of which at most one is a constant coupling."""
    if isinstance(a, Block):
        assert not isinstance(b, Block)
        return a.left(b)
    return b.right(a) if isinstance(b, Block) else np.asarray(a @ b)


@dataclass(frozen=True)
class Tridiagonal:
    """A Hermitian matrix in layers.

    Attributes
    ----------
    layers : the nodes of each layer
    node : (n_layers,) kind of each diagonal block; equal kinds are exactly equal blocks
    hop : (n_layers - 1,) kind of the block from each layer to the next
    levels : the diagonal blocks by kind
    couplings : ``-H[l + 1, l]`` by kind, as in ``z - H``
    """

    layers: Layers
    node: Integers
    hop: Integers
    levels: tuple[Block, ...]
    couplings: tuple[Block, ...]

    def bare(self, z: Array, kind: int) -> Array:
        """``z - H`` of a layer of this kind, (n_E, m, m)."""
        level = self.levels[kind]
        found = np.zeros((len(z), *level.shape), dtype=np.result_type(level.value, z))
        found[:, level.row, level.column] = -level.value
        at = np.arange(level.shape[0])
        found[:, at, at] += z[:, None]
        return found

    def down(self, layer: int) -> Block:
        """From a layer to the next."""
        return self.couplings[self.hop[layer]]


def in_blocks(matrix: sparse.csr_array, layers: Layers) -> Tridiagonal:
    """Cut a Hermitian matrix into the blocks of its layers; equal blocks are kept once."""
    permuted = sparse.csr_array(matrix[layers.order][:, layers.order])
    permuted.sort_indices()
    if not np.any(permuted.data.imag):
        permuted = permuted.real
    begin = layers.begin
    node, hop = [], []
    levels: dict[Hashable, tuple[int, Block]] = {}
    couplings: dict[Hashable, tuple[int, Block]] = {}
    for k in range(len(begin) - 1):
        rows = permuted[begin[k] : begin[k + 1]]
        node.append(_kind(rows, begin[k], begin[k + 1], levels))
        if k:
            hop.append(_kind(rows, begin[k - 1], begin[k], couplings))
    return Tridiagonal(
        layers,
        np.asarray(node, dtype=np.intp),
        np.asarray(hop, dtype=np.intp),
        tuple(block for _, block in levels.values()),
        tuple(Block(block.shape, block.row, block.column, -block.value) for _, block in couplings.values()),
    )


def _kind(rows: sparse.csr_array, first: int, last: int, known: dict[Hashable, tuple[int, Block]]) -> int:
    """Number of a block among those that are known already."""
    inside = (rows.indices >= first) & (rows.indices < last)
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))[inside]
    column, value = rows.indices[inside] - first, rows.data[inside] + 0.0  # no zero is negative
    shape = (rows.shape[0], int(last - first))
    key = (shape, row.tobytes(), column.tobytes(), value.tobytes())
    if key not in known:
        known[key] = (len(known), Block(shape, row, column, value))
    return known[key][0]


def inverses(matrices: Array) -> Array:
    """Inverse of each matrix, NaN where one is singular; (n_E, m, m)."""
    try:
        return np.asarray(np.linalg.inv(matrices))
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.full_like(matrices, np.nan)
    half = len(matrices) // 2
    return np.concatenate([inverses(matrices[:half]), inverses(matrices[half:])])


def largest(matrices: Array) -> NDArray[np.float64]:
    """Largest real or imaginary part of each, infinite where one is not a number; (n_E,)."""
    flat = np.ascontiguousarray(matrices).reshape(len(matrices), -1)
    flat = flat.view(float) if np.iscomplexobj(flat) else flat
    found = np.maximum(flat.max(axis=1, initial=0.0), -flat.min(axis=1, initial=0.0))
    return np.where(np.isnan(found), np.inf, found)


class Elimination:
    """Block elimination of a tridiagonal matrix from the first layer to the last.

    Parameters
    ----------
    diagonal : callable
        Diagonal block of a layer, (n_E, m, m); each is asked for once.
    down, up : sequences
        Blocks from each layer to the next, and back.

    Attributes
    ----------
    pivots : inverse of each diagonal block without the layers after it, (n_E, m, m)
    largest : (n_E,) the largest element of a pivot: beside the matrix, what digits are lost
    """

    def __init__(
        self, diagonal: Callable[[int], Array], down: Sequence[Factor], up: Sequence[Factor]
    ) -> None:
        self.down, self.up = down, up
        self.pivots = [inverses(diagonal(0))]
        self.largest = largest(self.pivots[0])
        for k, (d, u) in enumerate(zip(down, up, strict=True)):
            self.pivots.append(inverses(diagonal(k + 1) - product(product(d, self.pivots[-1]), u)))
            self.largest = np.maximum(self.largest, largest(self.pivots[-1]))

    def solve(self, columns: Sequence[Array | None]) -> list[Array]:
        """Solve for right sides in blocks (n_E, m, k), None where zero; the result by layers."""
        raised: list[Array | None] = []
        before: Array | None = None
        for k, own in enumerate(columns):
            if before is not None:
                brought = product(self.down[k - 1], before)
                own = -brought if own is None else own - brought
            before = None if own is None else self.pivots[k] @ own
            raised.append(before)
        assert before is not None, "some right side is not zero"
        found = [before]
        for k in range(len(columns) - 2, -1, -1):
            back = self.pivots[k] @ product(self.up[k], found[-1])
            rising = raised[k]
            found.append(-back if rising is None else rising - back)
        return found[::-1]
