"""Currents, heat and balance from an explicit transmission ``T[E, to, from]``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.errors import NotConverged
from modelkit.solve.conductor import reference_of

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def dissipated(t: Floats, f: Floats) -> Floats:
    """``(1/4pi) sum_b T_ab (f_a - f_b)^2``, shapes as in :func:`~modelkit.solve.conductor.net_current`."""
    difference = f[:, :, None] - f[:, None, :]
    return np.asarray(np.einsum("eab,eab->ea", t, difference**2) / (4 * np.pi))


def balanced(
    t: Floats,
    energies: Floats,
    f: Floats,
    unknown: Flags,
    constant: Floats,
    slope: Floats,
    *,
    fill: bool = False,
) -> Floats:
    """Complete f such that ``i_a = constant_a + slope_a f_a`` for the unknown terminals.

    Parameters and errors as in :meth:`modelkit.solve.conductor.Conductance.balance`.
    """
    f = np.array(f, dtype=float)
    free = np.flatnonzero(unknown)
    if not len(free):
        return f
    reference = reference_of(f, unknown)
    x = f - reference
    source = 2 * np.pi * (constant + slope * reference)
    source = source[:, free] + np.einsum("eab,eb->ea", t[:, free], np.where(unknown, 0.0, x))
    off = t * (1 - np.eye(t.shape[1]))
    matrix = -off[:, free[:, None], free]
    diagonal = off[:, free].sum(axis=2) - 2 * np.pi * slope[:, free]
    matrix[:, np.arange(len(free)), np.arange(len(free))] = diagonal
    grounded = off[:, free][:, :, ~unknown].sum(axis=2) + np.abs(slope[:, free])
    pinned = _pin_alone(matrix, source, x[:, free]) if fill else np.zeros_like(source, dtype=np.bool_)
    for e in np.flatnonzero(~np.all(_reached(matrix, pinned | (grounded > 0)), axis=1)):
        held = grounded[e] + pinned[e]
        _pin_floating(matrix[e], source[e], held, x[e, free], fill=fill, energy=energies[e])
    try:
        found = np.linalg.solve(matrix, source[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        raise NotConverged("the prescribed currents do not determine the unknown terminals") from None
    f[:, free] = found + reference
    return f


def _pin_alone(matrix: Floats, source: Floats, held: Floats) -> Flags:
    """Pin unknowns that nothing reaches and that nothing is asked of; which ones, (n_E, n_free)."""
    alone = ~np.any(matrix, axis=2) & ~np.any(matrix, axis=1) & (source == 0)
    e, k = np.nonzero(alone)
    matrix[e, k, k], source[e, k] = 1.0, held[e, k]
    return np.asarray(alone)


def _reached(matrix: Floats, anchored: Flags) -> Flags:
    """Which unknowns are joined with an anchored one, at all energies at once; (n_E, n_free)."""
    while not anchored.all():
        rows = np.flatnonzero(~anchored.all(axis=1))
        joined = (matrix[rows] != 0) & anchored[rows, None, :] | (
            (matrix[rows] != 0) & anchored[rows, :, None]
        ).swapaxes(1, 2)
        grown = anchored[rows] | joined.any(axis=2)
        if np.array_equal(grown, anchored[rows]):
            break
        anchored = anchored.copy()
        anchored[rows] = grown
    return anchored


def _pin_floating(
    matrix: Floats, source: Floats, grounded: Floats, held: Floats, *, fill: bool, energy: float
) -> None:
    """Find groups of unknowns that nothing given reaches; pin them in place, or refuse."""
    from scipy.sparse.csgraph import connected_components

    count, group = connected_components(sparse.csr_array(matrix), directed=False)
    anchored = np.bincount(group, weights=grounded, minlength=count) > 0
    if anchored.all():
        return
    for g in np.flatnonzero(~anchored):
        members = np.flatnonzero(group == g)
        if not fill or abs(source[members].sum()) > 1e-12 * np.abs(source[members]).sum():
            raise NotConverged(
                f"at energy {energy:g} nothing reaches {len(members)} of the unknown terminals, "
                "so the condition does not determine them"
            )
        first = members[0]
        matrix[first], source[first] = 0.0, held[first]
        matrix[first, first] = 1.0
