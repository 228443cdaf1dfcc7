"""Rates between the modes of a chain, as sums of products of a function of either mode.

A jump operator ``L_j = sum c_{j+x,s}† W c_{j+y,t}`` with the rate r in every cell takes a particle from
(k, nu) to (p, mu) at ``(r/L) |w|²`` with

    w = sum_{xs, yt} conj(u_{s mu}(p)) exp(-i p x) W_{xs, yt} exp(i k y) u_{t nu}(k).

The singular values of W are ``w = sum_r X_r(p mu) Y_r(k nu)``, so ``|w|²`` is a sum of R² real products:
nothing grows with more than the number of modes.  Equations (11), (12), (21), (22) of K. Yamamoto, Y. Ashida,
N. Kawakami, Rectification in nonequilibrium steady states of open many-body systems, are special cases.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from modelkit.compile.kernels import Separable, bath_rates
from modelkit.compile.modes import Complexes, Floats, Modes, Rates
from modelkit.compile.unit_cell import CellJump, UnitCell

RANK = 1e-14  # of the largest singular value of an operator


def rates(cell: UnitCell, modes: Modes) -> Rates:
    """All rates of a chain among some modes.

    Factors depend on each mode and on the cell alone: those of some modes fit those of others.

    Raises
    ------
    ModelError
        A bath whose rates no numbers hold, whose kernel is no rate, or is too sharp to be a short sum.
    """
    count = modes.energy.size
    names = tuple(dict.fromkeys([*(one.name for one in cell.jumps), *(one.name for one in cell.baths)]))
    parts: list[Separable] = []
    losses, gains = np.zeros((2, len(names), count))
    for jump in cell.jumps:
        parts.append(jump_rates(jump, modes))
        at = names.index(jump.name)
        losses[at] += jump.rate * _weights(jump.loss, modes, conjugated=False)
        gains[at] += jump.rate * _weights(jump.gain, modes, conjugated=True)
    parts += [bath_rates(bath, cell, modes.energy.reshape(-1)) for bath in cell.baths]
    into, out_of = (
        np.concatenate([np.zeros((0, count)), *(getattr(part, name) for part in parts)])
        for name in ("into", "out_of")
    )
    return Rates(
        into=into,
        out_of=out_of,
        loss=losses.sum(axis=0),
        gain=gains.sum(axis=0),
        weight=np.repeat(modes.weight, modes.bands),
        names=names,
        losses=losses,
        gains=gains,
        error=max((part.error for part in parts), default=0.0),
    )


def jump_rates(jump: CellJump, modes: Modes) -> Separable:
    """``r |w|²`` of the bilinear part of a jump operator."""
    count = modes.energy.size
    to, source, W = _matrix(jump.bilinear)
    if not W.any():
        return Separable(np.zeros((0, count)), np.zeros((0, count)))
    x, value, y = np.linalg.svd(W, full_matrices=False)
    rank = int(np.sum(value > RANK * value[0]))
    amplitude = np.sqrt(value[:rank])
    X = np.conj(_projected(to, (x[:, :rank] * amplitude).conj().T, modes))
    Y = _projected(source, amplitude[:, None] * y[:rank], modes)
    first, second = np.triu_indices(rank, 1)
    A, B = X[first] * X[second].conj(), Y[first] * Y[second].conj()
    into = [_square(X), 2 * A.real, -2 * A.imag]
    out_of = [_square(Y), B.real, B.imag]
    return Separable(jump.rate * np.concatenate(into), np.concatenate(out_of))


def autocorrelation(cell: UnitCell) -> dict[tuple[int, int], complex]:
    """``C_mn`` of the total rate ``(1/L) sum_mn C_mn exp(-i p m + i k n)`` from k to p, of one orbital.

    ``C_mn = sum r W_{a+m, b+n} conj(W_ab)`` over a, b and the jump operators; baths are left out.
    ``C_{-m,-n} = conj(C_mn)``.
    """
    assert cell.dimension == 1, "coefficients are numbers for one orbital only"
    found: dict[tuple[int, int], complex] = {}
    for jump in cell.jumps:
        for (x, y), V in jump.bilinear.items():
            for (a, b), W in jump.bilinear.items():
                at = x - a, y - b
                found[at] = found.get(at, 0) + jump.rate * complex(V[0, 0] * W[0, 0].conj())
    return found


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


def _weights(linear: Mapping[int, Complexes], modes: Modes, conjugated: bool) -> Floats:
    """``|sum v_xs exp(i k x) u_s(k)|²`` of a loss, with the conjugates of all but v of a gain."""
    places = [(x, int(s)) for x, v in linear.items() for s in np.flatnonzero(v)]
    if not places:
        return np.zeros(modes.energy.size)
    coefficient = np.array([[linear[x][s] for x, s in places]])
    return _square(_projected(places, coefficient.conj() if conjugated else coefficient, modes))[0]


def _square(amplitude: Complexes) -> Floats:
    return np.asarray(amplitude.real**2 + amplitude.imag**2)
