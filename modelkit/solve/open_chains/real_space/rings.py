"""A ring in real space, made from its cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from modelkit.compile.lindbladian import JumpFamily, Lindbladian
from modelkit.compile.unit_cell import CellJump, UnitCell
from modelkit.graph.device import Complexes, Products
from modelkit.graph.interactions import DENSITIES

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def ring_of(cell: UnitCell, cells: int, twist: float = 0.0) -> Lindbladian:
    """So many equal cells in a ring, orbital o of cell j being ``j * d + o``.

    ``twist`` is a phase gained by each hop to the next cell: momenta are shifted by it, so that none of
    them is special.
    """
    from scipy.sparse import coo_array

    d = cell.dimension
    size = cells * d
    row, column, value = [], [], []
    for x, block in cell.hopping.items():
        at = _grid(cells, d, x, 0)
        row.append(at[0])
        column.append(at[1])
        value.append(np.tile(np.ravel(block) * np.exp(-1j * twist * x), cells))
    entries = np.concatenate(value), (np.concatenate(row), np.concatenate(column))
    name = cell.device.sites[0].family.lattice if cell.device is not None else "chain"
    return Lindbladian(
        hamiltonian=coo_array(entries, shape=(size, size)).tocsr(),
        jumps=tuple(_family(jump, cells, d, twist) for jump in cell.jumps),
        baths=cell.baths,
        interaction=Products.joined(DENSITIES),
        filling={} if cell.filling is None else {name: cell.filling},
        lattices=(name,),
        lattice=np.zeros(size, dtype=np.intp),
    )


def _grid(cells: int, d: int, x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows in cell j + x and columns in cell j + y of a block, for all j."""
    j = np.arange(cells)[:, None]
    one = np.arange(d * d)
    row = ((j + x) % cells) * d + one // d
    column = ((j + y) % cells) * d + one % d
    return row.ravel(), column.ravel()


def _family(jump: CellJump, cells: int, d: int, twist: float) -> JumpFamily:
    member, orbital, value = [np.zeros(0, np.intp)], [np.zeros((0, 2), np.intp)], [np.zeros(0, complex)]
    for (x, y), block in jump.bilinear.items():
        member.append(np.repeat(np.arange(cells), d * d))
        orbital.append(np.stack(_grid(cells, d, x, y), axis=1))
        value.append(np.tile(np.ravel(block) * np.exp(-1j * twist * (x - y)), cells))
    products = Products(
        np.concatenate(member), np.concatenate(orbital), (True, False), np.concatenate(value).astype(complex)
    )
    return JumpFamily(
        jump.name,
        tuple(f"{jump.name}[{j + 1}]" for j in range(cells)),
        np.full(cells, jump.rate),
        _single(jump.loss, cells, d, twist),
        _single(jump.gain, cells, d, -twist),
        products,
        np.zeros(cells, dtype=np.complex128),
        span=jump.span,
    )


def _single(parts: Mapping[int, Complexes], cells: int, d: int, twist: float) -> csr_array:
    from scipy.sparse import coo_array

    member, column, value = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)], [np.zeros(0, complex)]
    for x, vector in parts.items():
        j = np.arange(cells)[:, None]
        member.append(np.repeat(np.arange(cells), d))
        column.append((((j + x) % cells) * d + np.arange(d)).ravel())
        value.append(np.tile(np.asarray(vector) * np.exp(1j * twist * x), cells))
    entries = np.concatenate(value), (np.concatenate(member), np.concatenate(column))
    return coo_array(entries, shape=(cells, cells * d)).tocsr()
