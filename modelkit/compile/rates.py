"""Rates between the modes of a chain, as sums of products of a function of either mode.

A jump operator ``L_j = sum c_{j+x,s}† W c_{j+y,t}`` with the rate r in every cell takes a particle from
(k, nu) to (p, mu) at ``(r/L) |w|²`` with

    w = sum_{xs, yt} conj(u_{s mu}(p)) exp(-i p x) W_{xs, yt} exp(i k y) u_{t nu}(k).

The singular values of W are ``w = sum_r X_r(p mu) Y_r(k nu)``, so ``|w|²`` is a sum of R² real products:
nothing grows with more than the number of modes.  Equations (11), (12), (21), (22) of K. Yamamoto, Y. Ashida,
N. Kawakami, Rectification in nonequilibrium steady states of open many-body systems, are special cases.
"""

from __future__ import annotations

import numpy as np

from modelkit.compile.amplitudes import bilinear_amplitudes, gain_amplitude, loss_amplitude
from modelkit.compile.degenerate import refuse_coherences
from modelkit.compile.kernels import Separable, bath_rates
from modelkit.compile.modes import Complexes, Floats, Modes, Rates
from modelkit.compile.unit_cell import CellJump, UnitCell


def rates(cell: UnitCell, modes: Modes, unmixed: bool = False) -> Rates:
    """All rates of a chain among some modes.

    Factors depend on each mode and on the cell alone: those of some modes fit those of others.

    Parameters
    ----------
    cell : UnitCell
    modes : Modes
    unmixed : bool
        Where bands are equal at all momenta, the modes are those that the state leaves without coherences;
        otherwise they are refused if jump operators make any.

    Raises
    ------
    ModelError
        A bath whose rates no numbers hold, whose kernel is no rate, or is too sharp to be a short sum;
        bands that are equal at all momenta, with coherences between them.
    """
    if not unmixed:
        refuse_coherences(cell)
    count = modes.energy.size
    names = tuple(dict.fromkeys([*(one.name for one in cell.jumps), *(one.name for one in cell.baths)]))
    parts: list[Separable] = []
    losses, gains = np.zeros((2, len(names), count))
    for jump in cell.jumps:
        parts.append(jump_rates(jump, modes))
        at = names.index(jump.name)
        losses[at] += jump.rate * _square(loss_amplitude(jump, modes))
        gains[at] += jump.rate * _square(gain_amplitude(jump, modes))
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
    X, Y = bilinear_amplitudes(jump, modes)
    first, second = np.triu_indices(len(X), 1)
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


def _square(amplitude: Complexes) -> Floats:
    return np.asarray(amplitude.real**2 + amplitude.imag**2)
