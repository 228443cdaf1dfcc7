"""Parts of a cell that nothing mixes: what a symmetry keeps apart, found without knowing the symmetry.

Whatever commutes with a few matrices commutes with a generic Hermitian combination of them.  Where the levels
of that differ, its eigenvectors therefore lie in one part each, and the matrices tell which of them belong
together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Complexes = NDArray[np.complex128]
Integers = NDArray[np.intp]

APART = 1e-15  # of the largest element: orbitals that are coupled less are not coupled
ROUNDING = 1e-13  # the same for eigenvectors


def sectors(onsite: Complexes, hop: Complexes) -> list[Complexes]:
    """Orthonormal columns (m, k) of each sector, together a basis: onsite and hop join no two of them."""
    scale = float(np.max(np.abs(onsite), initial=0.0) + np.max(np.abs(hop), initial=0.0))
    one, found = np.eye(len(onsite), dtype=complex), []
    for orbitals in _components([onsite, hop], APART * scale):
        cell = np.ix_(orbitals, orbitals)
        inner, across = onsite[cell], hop[cell]
        back = across.conj().T
        vectors = np.linalg.eigh(inner + 0.618 * (across + back) + 0.3819j * (across - back))[1]
        turned = [vectors.conj().T @ matrix @ vectors for matrix in (inner, across)]
        parts = _components(turned, ROUNDING * scale)
        whole = len(parts) == 1
        found += [one[:, orbitals] if whole else one[:, orbitals] @ vectors[:, part] for part in parts]
    return found


def _components(matrices: list[Complexes], least: float) -> list[Integers]:
    from scipy.sparse.csgraph import connected_components

    joined = np.any([np.abs(matrix) > least for matrix in matrices], axis=0)
    count, part = connected_components(joined, directed=False)
    return [np.flatnonzero(part == k) for k in range(count)]
