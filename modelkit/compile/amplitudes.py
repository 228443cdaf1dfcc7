"""Amplitudes of the jump operators of a cell between its modes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from modelkit.compile.unit_cell import CellJump, Complexes

if TYPE_CHECKING:
    from modelkit.compile.modes import Modes

RANK = 1e-14  # of the largest singular value of an operator


def bilinear_amplitudes(jump: CellJump, modes: Modes) -> tuple[Complexes, Complexes]:
    """X and Y (R, n_modes) of ``w(a <- b) = sum_r X_r(a) Y_r(b)``, from the singular values of W."""
    to, source, W = _matrix(jump.bilinear)
    if not W.any():
        return np.zeros((0, modes.energy.size), complex), np.zeros((0, modes.energy.size), complex)
    x, value, y = np.linalg.svd(W, full_matrices=False)
    rank = int(np.sum(value > RANK * value[0]))
    amplitude = np.sqrt(value[:rank])
    X = np.conj(_projected(to, (x[:, :rank] * amplitude).conj().T, modes))
    return X, _projected(source, amplitude[:, None] * y[:rank], modes)


def loss_amplitude(jump: CellJump, modes: Modes) -> Complexes:
    """``sum v_xs exp(i k x) u_s(k)``, (n_modes,)."""
    return _of_linear(jump.loss, modes)


def gain_amplitude(jump: CellJump, modes: Modes) -> Complexes:
    """``sum v_xs exp(-i k x) conj(u_s(k))``, (n_modes,)."""
    return np.conj(_of_linear({x: v.conj() for x, v in jump.gain.items()}, modes))


def _of_linear(linear: Mapping[int, Complexes], modes: Modes) -> Complexes:
    places = [(x, int(s)) for x, v in linear.items() for s in np.flatnonzero(v)]
    if not places:
        return np.zeros(modes.energy.size, dtype=complex)
    return _projected(places, np.array([[linear[x][s] for x, s in places]]), modes)[0]


def _matrix(
    bilinear: Mapping[tuple[int, int], Complexes],
) -> tuple[list[tuple[int, int]], list[tuple[int, int]], Complexes]:
    """W over what it touches, with (cell, orbital) of its rows and columns."""
    entries = {
        ((x, int(s)), (y, int(t))): block[s, t]
        for (x, y), block in bilinear.items()
        for s, t in zip(*np.nonzero(block), strict=True)
    }
    to, source = (sorted({at[end] for at in entries}) for end in (0, 1))
    W = np.zeros((len(to), len(source)), dtype=complex)
    rows, columns = ({at: number for number, at in enumerate(places)} for places in (to, source))
    for (row, column), value in entries.items():
        W[rows[row], columns[column]] = value
    return to, source, W


def _projected(places: list[tuple[int, int]], coefficient: Complexes, modes: Modes) -> Complexes:
    """``sum coefficient[r, (x, s)] exp(i k x) u_s(k)``, (R, n_modes)."""
    found = np.zeros((len(coefficient), *modes.energy.shape), dtype=complex)
    for x in sorted({cell for cell, _ in places}):
        here = [(number, s) for number, (cell, s) in enumerate(places) if cell == x]
        at, orbitals = (list(part) for part in zip(*here, strict=True))
        u = modes.vector[:, orbitals] * np.exp(1j * x * modes.k)[:, None, None]
        found += np.einsum("rs,ksb->rkb", coefficient[:, at], u)
    return found.reshape(len(coefficient), -1)
