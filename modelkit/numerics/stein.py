"""The linear equation ``X - a X b = c`` for batches of matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Complexes = NDArray[np.complex128]

KRONECKER_UP_TO = 10  # rows: beyond, Schur forms, one matrix after the other


def stein(a: Complexes, b: Complexes, c: Complexes) -> Complexes:
    """Solve ``X - a X b = c``; all of shape (n, r, r).

    It has one solution unless an eigenvalue of a times one of b is 1; infinite or NaN there.
    """
    if not c.size:
        return np.zeros_like(c)
    if c.shape[-1] <= KRONECKER_UP_TO:
        return _kronecker(a, b, c)
    return np.stack([_by_schur(*parts) for parts in zip(a, b, c, strict=True)])


def _kronecker(a: Complexes, b: Complexes, c: Complexes) -> Complexes:
    """With rows of X one after the other, ``a X b`` is ``(a ⊗ b^T)`` times X."""
    n, r, _ = c.shape
    product = np.einsum("nij,nlk->nikjl", a, b).reshape(n, r * r, r * r)
    flat = c.reshape(n, r * r, 1)
    try:
        found = np.linalg.solve(np.eye(r * r) - product, flat)
    except np.linalg.LinAlgError:
        parts = [_kronecker_alone(one, right) for one, right in zip(product, flat, strict=True)]
        found = np.stack(parts)
    return np.asarray(found.reshape(n, r, r))


def _kronecker_alone(product: Complexes, right: Complexes) -> Complexes:
    try:
        return np.asarray(np.linalg.solve(np.eye(len(product)) - product, right))
    except np.linalg.LinAlgError:
        return np.full_like(right, np.nan)


def _by_schur(a: Complexes, b: Complexes, c: Complexes) -> Complexes:
    """Column by column of ``Y - t Y s = d`` with upper triangular t, s: each a triangular solve."""
    from scipy.linalg import schur, solve_triangular

    t, p = schur(a, output="complex")
    s, q = schur(b, output="complex")
    d = p.conj().T @ c @ q
    y = np.zeros_like(d)
    one = np.eye(len(t))
    for k in range(len(t)):
        right = d[:, k] + t @ (y[:, :k] @ s[:k, k])
        y[:, k] = solve_triangular(one - s[k, k] * t, right, check_finite=False)
    return np.asarray(p @ y @ q.conj().T)
