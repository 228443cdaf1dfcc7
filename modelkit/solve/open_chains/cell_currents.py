"""Currents of the hops of a cell where all cells are equal, from ``G_x[s, t] = <c_jt† c_{j+x,s}>``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modelkit.compile.ring_places import short_way
from modelkit.compile.unit_cell import UnitCell
from modelkit.graph.device import Complexes, Floats


def crossed(cell: UnitCell, x: int) -> float:
    """Cells that x is the short way round a ring, as in real space."""
    return float(x if cell.cells is None else short_way(np.asarray(x), cell.cells))


def hop_currents(cell: UnitCell, between: Callable[[int], Complexes]) -> Floats:
    """Current booked on the orbital at the right-hand end of a hop, (d,); ``between(x)`` is G_x.

    A hop ``c_{j+x,s}† h_st c_jt`` with x > 0 changes the number of s at j + x by
    ``2 Im h_st <c_{j+x,s}† c_jt>`` (continuity), and crosses x cells.  K. Yamamoto, Y. Ashida, N. Kawakami,
    Phys. Rev. Research 2, 043343 (2020), Eq. (24).
    """
    total = np.zeros(cell.dimension)
    for x, block in cell.hopping.items():
        if x > 0:
            total += 2 * crossed(cell, x) * np.einsum("st,ts->s", block, between(-x)).imag
    return total


def by_spin(cell: UnitCell, by_orbital: Floats) -> Floats:
    """Sums over the orbitals of each spin, (2,): up, down."""
    return np.array([by_orbital[cell.spin == spin].sum() for spin in (0, 1)])
