"""Energies on a level that no terminal reaches: there Z = E - H - Sigma is singular, the amplitudes are not.

Such a dark level adds a delta peak to G, orthogonal to every channel; ``Y = G W`` is smooth through it.
A random column next to the channels, ``x = G v``, sees every level, and so how much rounding Y holds; on
dark levels Y is the limit from both sides.  The same column checks the identity ``A = Y Y†`` locally:
``-2 Im v† G v = |Y† v|^2``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]

ROUGH = 1e-10  # rounding of the amplitudes, relative, above which a level is looked into
HOPELESS = 1e-3  # above which amplitudes are not believed at any rate
REACHED = 0.1  # of the largest element of G: what terminals see of it is then a resonance
STEPS = (1e-3, 1e-4, 1e-5)  # of the limit, relative to the largest element of Z
SMOOTH = 1e-6  # change over half a step; its square is the error of the limit


def probe(n: int) -> Complexes:
    """Give a column of which every level holds a part, the same one at each call; (n,)."""
    random = np.random.default_rng(n)
    return random.normal(size=n) + 1j * random.normal(size=n)


def settled(
    solved: Complexes, at: Callable[[int, float], Complexes], scale: Floats, column: Complexes
) -> tuple[Complexes, Floats, int | None]:
    """Amplitudes without the rounding of dark levels, and how well they obey the local sum rule.

    Parameters
    ----------
    solved : (n_E, n, n_channels + 1)
        ``Y`` and in the last column ``G v``; NaN where the matrix is singular; changed in place.
    at : callable
        The same of one energy, by its number, at a shifted diagonal; (n, n_channels + 1).
    scale : (n_E,)
        The largest elements of Z, about.
    column : (n,)
        v.

    Returns
    -------
    amplitude : (n_E, n, n_channels)
    residual : (n_E,)
        Of the sum rule, relative to its absolutely summed terms.
    lost : int or None
        The number of an energy at which nothing determines the amplitudes.
    """
    length = np.linalg.norm(solved[:, :, -1], axis=1)
    rough = np.finfo(float).eps * scale * length
    seen = np.sum(np.abs(solved[:, :, :-1]) ** 2, axis=(1, 2)) >= REACHED * length
    lost = None
    for e in np.flatnonzero(~((rough <= ROUGH) | (seen & (rough <= HOPELESS)))):
        found = _limit(partial(at, int(e)), float(scale[e]))
        if found is not None and _is_rounding(solved[e], found[0], float(rough[e])):
            solved[e], length[e] = found
        elif not rough[e] <= HOPELESS:
            lost = int(e)
    amplitude = solved[:, :, :-1]
    local = np.sum(np.abs(np.einsum("enk,n->ek", amplitude, column.conj())) ** 2, axis=1)
    whole = -2 * (solved[:, :, -1] @ column.conj()).imag
    terms = local + length * np.linalg.norm(column)
    off = np.abs(local - whole)
    dark = terms == 0  # numbers so far apart that nothing of the states is left
    return amplitude, np.divide(off, terms, out=np.zeros_like(off), where=~dark), lost


def _limit(at: Callable[[float], Complexes], scale: float) -> tuple[Complexes, float] | None:
    """Mean of both sides, extrapolated, and the size of ``G v`` beside it; None where they disagree."""
    for step in STEPS:
        beyond = at(step * scale)
        far = (beyond + at(-step * scale)) / 2
        near = (at(step * scale / 2) + at(-step * scale / 2)) / 2
        change = np.abs((near - far)[:, :-1]).max(initial=0.0)
        if change <= SMOOTH * np.abs(near[:, :-1]).max(initial=0.0):
            return (4 * near - far) / 3, float(np.linalg.norm(beyond[:, -1]))
    return None


def _is_rounding(solved: Complexes, limit: Complexes, rough: float) -> bool:
    """Whether no more than rounding is left out: else a weakly coupled level would be lost."""
    off = np.abs((solved - limit)[:, :-1]).max(initial=0.0)
    return not off > 1e3 * rough * np.abs(limit[:, :-1]).max(initial=0.0)
