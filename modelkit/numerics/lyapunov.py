"""Lyapunov equations ``X G + G X† + Q = 0``: one factorisation of X, many right sides.

Where the eigenvectors of X are well conditioned the equation is diagonal in their basis, four products of
matrices each time; near exceptional points, where they are not, the triangular form of Schur is solved.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

WORST_BASIS = 1e7
"""Condition number of eigenvectors up to which they are used."""
NORMAL = 1e-14
"""By how much, relative, the damping may differ from a number times the identity and count as one."""


class Lyapunov:
    """The equation for one X whose eigenvalues have negative real parts.

    Parameters
    ----------
    drift : (n, n)
        X.

    Attributes
    ----------
    values : (n,)
        Eigenvalues of X.
    vectors, inverse : (n, n) or None
        ``X = vectors @ diag(values) @ inverse``; None where these are too badly conditioned.
    """

    values: Complexes
    vectors: Complexes | None
    inverse: Complexes | None

    def __init__(self, drift: Complexes) -> None:
        self._drift = drift
        damping = (drift + drift.conj().T) / 2
        mean = np.trace(damping).real / len(drift)
        if np.abs(damping - mean * np.eye(len(drift))).max() <= NORMAL * np.abs(drift).max():
            energies, self.vectors = np.linalg.eigh(1j * (drift - damping))
            self.values, self.inverse = mean - 1j * energies, self.vectors.conj().T
            return
        import scipy.linalg as sl

        self.values, vectors = sl.eig(drift, check_finite=False)
        self.vectors = self.inverse = None
        if (inverse := _inverse(vectors)) is not None:
            self.vectors, self.inverse = vectors, inverse
        else:
            self._triangle, self._basis = sl.schur(drift, output="complex")

    @property
    def slowest(self) -> float:
        """The smallest decay rate of an amplitude, ``-max Re lambda``."""
        return float(-self.values.real.max())

    def solve(self, right: Complexes) -> Complexes:
        """G for Q = ``right``, Hermitian where Q is."""
        if self.vectors is None or self.inverse is None:
            import scipy.linalg as sl

            rotated = self._basis.conj().T @ right @ self._basis
            trsyl = sl.get_lapack_funcs("trsyl", (self._triangle,))
            found, scale, _ = trsyl(self._triangle, self._triangle, -rotated, tranb="C")
            return np.asarray(self._basis @ (found / scale) @ self._basis.conj().T)
        inner = self.inverse @ right @ self.inverse.conj().T
        inner /= -(self.values[:, None] + self.values.conj())
        return np.asarray(self.vectors @ inner @ self.vectors.conj().T)


def _inverse(vectors: Complexes) -> Complexes | None:
    """The inverse, or None where the condition number (1-norm) is beyond what is used."""
    try:
        inverse = np.asarray(np.linalg.inv(vectors), dtype=np.complex128)
    except np.linalg.LinAlgError:
        return None
    size = len(vectors)  # the 1-norm may exceed the 2-norm by the square root of the size, in either factor
    condition = np.linalg.norm(vectors, 1) * np.linalg.norm(inverse, 1)
    return inverse if condition < WORST_BASIS * size else None
