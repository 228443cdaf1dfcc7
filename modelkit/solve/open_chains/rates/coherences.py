"""Modes of equal energy at one momentum: which of them stay without coherences.

Degenerate modes may be mixed at will, and jumps build up coherences between them at the rates at which they
move particles.  Rate equations hold for the modes in which the one-particle density matrix of the block is
diagonal; it stands still where

    0 = 1/2 {gain, 1 - G} - 1/2 {loss, G} + [mean, G]

with what the jumps make of all the others, the Hartree term included.  Baths between modes are the same for
any mixture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.kernels import bath_rates
from modelkit.compile.lindbladian import ModeBath
from modelkit.compile.modes import Modes, Rates, touching
from modelkit.compile.unit_cell import CellJump, UnitCell
from modelkit.solve.open_chains.rates.correlations import around
from modelkit.solve.open_chains.rates.kinetics import Filled, Floats

Complexes = NDArray[np.complex128]
Blocks = Mapping[int, Complexes]

SINGULAR = 1e-12  # relative: what neither fills nor empties a mixture
DIAGONAL = 1e-10  # coherence that is none


@dataclass(frozen=True, eq=False)
class Field:
    """What jumps do to one momentum among the occupations of all: ``gain(k) = sum_x gain_x exp(-i k x)``.

    ``mean`` is antihermitian: -i times the Hartree Hamiltonian.  ``baths``: with the moments of particles and
    holes of each.
    """

    cell: UnitCell
    gain: Blocks
    loss: Blocks
    mean: Blocks
    baths: tuple[tuple[ModeBath, Floats, Floats], ...]


def field_of(cell: UnitCell, modes: Modes, rates: Rates, filled: Filled) -> Field:
    """Field of a state."""
    gain: dict[int, Complexes] = {}
    loss: dict[int, Complexes] = {}
    mean: dict[int, Complexes] = {}
    for part in cell.jumps:
        if part.bilinear:
            _enter_bilinear(part, modes, filled, gain, loss, mean)
        conjugate: Blocks = {x: np.conj(v) for x, v in part.loss.items()}
        for target, linear in ((loss, conjugate), (gain, part.gain)):
            for x, v in linear.items():
                for y, w in linear.items():
                    _add(
                        target, x - y, np.asarray(part.rate * np.multiply.outer(v, np.conj(w)), dtype=complex)
                    )
    baths = []
    for bath in cell.baths:
        terms = bath_rates(bath, cell, modes.energy.ravel())
        particles = terms.out_of @ (rates.weight * filled.particles)
        baths.append((bath, particles, terms.into @ (rates.weight * filled.holes)))
    return Field(cell, gain, loss, mean, tuple(baths))


def _enter_bilinear(
    part: CellJump,
    modes: Modes,
    filled: Filled,
    gain: dict[int, Complexes],
    loss: dict[int, Complexes],
    mean: dict[int, Complexes],
) -> None:
    """Add ``W G W†``, ``W† (1 - G) W`` and ``(w* W - w W†)/2`` of one operator in every cell."""
    d = modes.bands
    cells, W, G = around(part, modes, filled)
    w, dagger = np.trace(W @ G), W.conj().T
    matrices = (W @ G @ dagger, dagger @ (np.eye(len(G)) - G) @ W, 0.5 * (np.conj(w) * W - w * dagger))
    for target, matrix in zip((gain, loss, mean), matrices, strict=True):
        for i, x in enumerate(cells):
            for j, y in enumerate(cells):
                block = matrix[i * d : (i + 1) * d, j * d : (j + 1) * d]
                _add(target, x - y, part.rate * block)


def _add(target: dict[int, Complexes], x: int, block: Complexes) -> None:
    target[x] = target[x] + block if x in target else np.asarray(block, dtype=complex)


def unmixed(modes: Modes, field: Field) -> Modes:
    """The same modes, mixed where bands touch so that they have no coherences in the field."""
    meets = touching(modes.energy)
    at = np.flatnonzero(meets.any(axis=1))
    if not len(at):
        return modes
    G, group = _blocks(modes, field, at, meets[at])
    apart = 4.0 * group[:, :, None] * np.eye(modes.bands)
    mixed = _coherence(G) > DIAGONAL
    turn = np.where(mixed[:, None, None], np.linalg.eigh(G + apart)[1], np.eye(modes.bands))
    vector = modes.vector.copy()
    vector[at] = vector[at] @ turn
    dh = field.cell.velocity(modes.k[at])
    velocity = modes.velocity.copy()
    velocity[at] = np.einsum("kab,kab->kb", vector[at].conj(), dh @ vector[at]).real
    return replace(modes, vector=vector, velocity=velocity)


def coherence(modes: Modes, field: Field) -> float:
    """Largest coherence between modes of equal energy, of those that stand still in the field."""
    meets = touching(modes.energy)
    at = np.flatnonzero(meets.any(axis=1))
    return float(_coherence(_blocks(modes, field, at, meets[at])[0]).max()) if len(at) else 0.0


def building(modes: Modes, field: Field, filled: Filled) -> float:
    """Rate at which coherences between modes of equal energy grow, over the largest rate of these modes."""
    meets = touching(modes.energy)
    at = np.flatnonzero(meets.any(axis=1))
    if not len(at):
        return 0.0
    gain, loss, mean, _ = pieces(modes, field, at, meets[at])
    one = np.eye(modes.bands)
    G = filled.particles.reshape(modes.energy.shape)[at][:, :, None] * one
    empty = one - G
    change = 0.5 * (gain @ empty + empty @ gain - loss @ G - G @ loss) + mean @ G - G @ mean
    scale = float(np.abs(gain + loss).max())
    return float(_coherence(change).max()) / scale if scale > 0 else 0.0


def _coherence(G: Complexes) -> Floats:
    off = ~np.eye(G.shape[1], dtype=bool)
    return np.asarray(np.abs(G[:, off]).max(axis=1, initial=0.0))


def _blocks(
    modes: Modes, field: Field, at: NDArray[np.intp], meets: NDArray[np.bool_]
) -> tuple[Complexes, Floats]:
    """Density matrices that stand still, (n, d, d) between bands, and the block of each band, (n, d)."""
    gain, loss, mean, group = pieces(modes, field, at, meets)
    d = modes.bands
    decay = 0.5 * (gain + loss) - mean
    one = np.eye(d)
    system = np.einsum("nac,bd->nabcd", decay, one) + np.einsum("ac,nbd->nabcd", one, decay.conj())
    inverse = np.linalg.pinv(system.reshape(-1, d * d, d * d), rcond=SINGULAR)
    G = (inverse @ gain.reshape(-1, d * d, 1)).reshape(-1, d, d)
    return np.asarray(0.5 * (G + G.conj().swapaxes(1, 2))), group


def pieces(
    modes: Modes, field: Field, at: NDArray[np.intp], meets: NDArray[np.bool_]
) -> tuple[Complexes, Complexes, Complexes, Floats]:
    """Gain, loss and Hartree term between bands that touch, (n, d, d) each; the block of each band."""
    group = np.concatenate([np.zeros((len(at), 1)), np.cumsum(~meets, axis=1)], axis=1)
    among = group[:, :, None] == group[:, None, :]
    vector, d = modes.vector[at], modes.bands
    found = []
    for blocks in (field.gain, field.loss, field.mean):
        whole = np.zeros((len(at), d, d), dtype=complex)
        for x, block in blocks.items():
            whole += np.exp(-1j * modes.k[at] * x)[:, None, None] * block
        found.append(np.where(among, vector.conj().swapaxes(1, 2) @ whole @ vector, 0))
    energy = modes.energy[at].ravel()
    for bath, particles, holes in field.baths:
        terms = bath_rates(bath, field.cell, energy)
        found[0] += (particles @ terms.into).reshape(-1, d)[:, :, None] * np.eye(d)
        found[1] += (holes @ terms.out_of).reshape(-1, d)[:, :, None] * np.eye(d)
    return found[0], found[1], found[2], group
