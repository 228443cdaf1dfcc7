"""Whether consecutive cells are equal up to phases of their sites, and these phases.

The cells 1, 2, ... have the matrix H, and ``chi`` is a phase of each site of all cells but the last with

    H[n+1 i, m+1 j] = exp(i chi_n(i)) H[n i, m j] exp(-i chi_m(j)),

so that after the gauge transformation by ``U_1 = 1``, ``U_{n+1} = exp(i chi_n) U_n`` all cells and all hops
between neighbours are the same.  In a Landau gauge whose phases grow along the normal this is what moves them
from the hops within a cell to those between cells; the flux of each plaquette stays.  Pairs turn with the sum
of both phases.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, connected_components

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

TOLERANCE = 1e-10  # of the largest element: differences between cells below it are rounding


@dataclass(frozen=True)
class Fault:
    """Why there is no such gauge: ``what`` differs between the orbitals ``row`` and ``column``."""

    what: str  # "size", "phase"
    row: int
    column: int


@dataclass(frozen=True)
class _Couplings:
    """Elements of a matrix and those of the next cells, at (row, column); signs of the two phases."""

    row: Integers
    column: Integers
    here: Complexes
    there: Complexes
    left: Floats
    right: Floats

    def chosen(self, rows: NDArray[np.bool_]) -> _Couplings:
        """Some of them."""
        values = self.here[rows], self.there[rows], self.left[rows], self.right[rows]
        return _Couplings(self.row[rows], self.column[rows], *values)


def uniform_gauge(
    here: sparse.csr_array,
    there: sparse.csr_array,
    pairs_here: sparse.csr_array,
    pairs_there: sparse.csr_array,
    site: Integers,
    sign: Floats,
) -> Floats | Fault:
    """Phases ``chi`` of the sites, or why there are none.

    Parameters
    ----------
    here, there : csr_array
        H over the cells 1..n-1 and the same over 2..n.
    pairs_here, pairs_there : csr_array
        Anomalous blocks D over the same orbitals, which turn with both phases.
    site, sign : (n_orbitals,)
        Site of each orbital, and -1 for orbitals of holes.
    """
    scale = max((float(np.abs(one.data).max(initial=0.0)) for one in (here, pairs_here)), default=0.0) or 1.0
    normal = _joined(here, there, sign, -1.0)
    anomalous = _joined(pairs_here, pairs_there, sign, 1.0)
    every = _both(normal, anomalous)
    unequal = np.abs(np.abs(every.here) - np.abs(every.there)) > TOLERANCE * scale
    if unequal.any():
        k = int(np.argmax(np.abs(np.abs(every.here) - np.abs(every.there))))
        return Fault("size", int(every.row[k]), int(every.column[k]))
    sites = int(site.max(initial=-1)) + 1
    if np.all(np.abs(every.here - every.there) <= TOLERANCE * scale):
        return np.zeros(sites)
    solid = np.abs(every.here) > 100 * TOLERANCE * scale
    every = every.chosen(solid)
    chi = _solved(every, site, sites)
    off = every.there - every.here * np.exp(
        1j * (every.left * chi[site[every.row]] + every.right * chi[site[every.column]])
    )
    if np.any(np.abs(off) > TOLERANCE * scale):
        k = int(np.argmax(np.abs(off)))
        return Fault("phase", int(every.row[k]), int(every.column[k]))
    return chi


def _joined(here: sparse.csr_array, there: sparse.csr_array, sign: Floats, other: float) -> _Couplings:
    """Both matrices on their common pattern."""
    pattern = (abs(here) + abs(there)).tocoo()
    row, column = (np.asarray(one, dtype=np.intp) for one in pattern.coords)
    if not len(row):
        none = np.zeros(0, dtype=complex)
        return _Couplings(row, column, none, none, np.zeros(0), np.zeros(0))
    first, second = (np.asarray(one[row, column], dtype=complex).ravel() for one in (here, there))
    return _Couplings(row, column, first, second, sign[row], other * sign[column])


def _both(one: _Couplings, other: _Couplings) -> _Couplings:
    return _Couplings(
        *(np.concatenate([getattr(one, entry.name), getattr(other, entry.name)]) for entry in fields(one))
    )


def _solved(every: _Couplings, site: Integers, sites: int) -> Floats:
    """Phases along trees of couplings that fix the difference of two sites; pairs fix the rest of a tree."""
    first, second = site[every.row], site[every.column]
    turn = every.left * np.angle(every.there / every.here)  # chi(first) - chi(second), + for pairs
    opposite = every.left * every.right < 0
    chi = np.zeros(sites)
    weakest_first = np.argsort(np.abs(every.here), kind="stable")
    apart = [int(k) for k in weakest_first if opposite[k] and first[k] != second[k]]
    number = {(int(first[k]), int(second[k])): k for k in apart}
    ends = np.array(list(number), dtype=np.intp).reshape(-1, 2).T
    net = sparse.csr_array((np.ones(ends.shape[1]), (ends[0], ends[1])), shape=(sites, sites))
    count, part = connected_components(net, directed=False)
    for root in (int(np.argmax(part == one)) for one in range(count)):
        walk, before = breadth_first_order(net, root, directed=False)
        for node in map(int, walk[1:]):
            k = number.get((node, int(before[node])))
            step = turn[k] if k is not None else -turn[number[int(before[node]), node]]
            chi[node] = chi[before[node]] + step
    together = np.flatnonzero(~opposite & (part[first] == part[second]))
    for one, place in zip(*np.unique(part[first[together]], return_index=True), strict=True):
        k = together[place]
        chi[part == one] += (turn[k] - chi[first[k]] - chi[second[k]]) / 2
    return chi
