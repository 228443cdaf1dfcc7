"""Bands that are equal at all momenta: occupations are enough where jump operators make no coherences.

Two modes of one momentum and one energy share a coherence that nothing averages out.  Occupations obey
equations of their own if some choice of the modes has none: for all modes b, and a, a' of equal bands,

    sum r w(a <- b) conj(w(a' <- b)) = 0,    sum r conj(w(b <- a)) w(b <- a') = 0,

the same for losses and gains, and no mean field of an operator takes a to a'.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from modelkit.compile.amplitudes import bilinear_amplitudes, gain_amplitude, loss_amplitude
from modelkit.compile.modes import Complexes, Modes, modes, plain_modes, touching
from modelkit.compile.unit_cell import CellJump, UnitCell
from modelkit.errors import ModelError

GENERIC = np.array([-2.712, -1.237, 0.431, 1.093, 2.391])  # momenta at which equal bands are told
NONE = 1e-9  # of the largest rate: no coherence
MIXTURE = (1.0, 0.618, 0.414, 0.302, 0.733, 0.259)  # of the forms that choose modes: any others do, too


def refuse_coherences(cell: UnitCell) -> None:
    """Whether the rates between modes are all that there is.

    Raises
    ------
    ModelError
        Equal bands with coherences in any choice of their modes.
    """
    if not _degenerate(cell):
        return
    found = modes(cell, GENERIC, np.full(len(GENERIC), 1 / len(GENERIC)))
    guilty = _coherent(cell, found)
    if guilty is not None:
        raise ModelError(
            f"bands are equal at all momenta, and '{guilty.name}' makes coherences between them: "
            "occupations of modes do not tell the state",
            guilty.span,
            hint="method = gaussian or exact, or a term of the lattice that tells the bands apart",
        )


def settled_by_jumps(cell: UnitCell) -> bool:
    """Whether modes of equal bands have to be chosen by the jump operators."""
    if not _degenerate(cell):
        return False
    found = plain_modes(cell, GENERIC, np.full(len(GENERIC), 1 / len(GENERIC)))
    return _coherent(cell, found) is not None


def jump_forms(cell: UnitCell, found: Modes) -> Complexes:
    """A Hermitian form among the bands (n_k, d, d) that all jump operators enter."""
    d = found.bands
    total = np.zeros((len(found.k), d, d), dtype=complex)
    for jump in cell.jumps:
        X, Y = (
            part.reshape(len(part), len(found.k), d).transpose(1, 2, 0)
            for part in bilinear_amplitudes(jump, found)
        )
        own = X @ Y.swapaxes(1, 2)
        loss, gain = (
            part.reshape(-1, d, 1) for part in (loss_amplitude(jump, found), gain_amplitude(jump, found))
        )
        forms = (
            X @ X.conj().swapaxes(1, 2),
            Y.conj() @ Y.swapaxes(1, 2),
            own + own.conj().swapaxes(1, 2),
            1j * (own - own.conj().swapaxes(1, 2)),
            loss.conj() @ loss.swapaxes(1, 2),
            gain @ gain.conj().swapaxes(1, 2),
        )
        total += jump.rate * sum(share * form for share, form in zip(MIXTURE, forms, strict=True))
    return total


def _degenerate(cell: UnitCell) -> bool:
    """Whether some bands are equal at all momenta."""
    if cell.dimension == 1 or not cell.jumps:
        return False
    return bool(
        touching(np.asarray(np.linalg.eigvalsh(cell.hamiltonian(GENERIC)), dtype=float)).any(axis=1).all()
    )


def _coherent(cell: UnitCell, found: Modes) -> CellJump | None:
    """The jump operator with the largest coherences between equal bands, None where all cancel."""
    first = np.pad(~touching(found.energy), ((0, 0), (1, 0)), constant_values=True)
    group = np.cumsum(first.reshape(-1))
    pair = (group[:, None] == group) & ~np.eye(len(group), dtype=bool)
    forms = [[jump.rate * form for form in _forms(jump, found)] for jump in cell.jumps]
    total = [sum(parts) for parts in zip(*forms, strict=True)]
    diagonal = np.arange(len(group))
    scale = max(float(np.abs(form[diagonal, diagonal]).max(initial=0.0)) for form in total)
    if max(float(np.abs(form[pair]).max(initial=0.0)) for form in total) <= NONE * scale:
        return None
    sizes = [max(float(np.abs(form[pair]).max(initial=0.0)) for form in own) for own in forms]
    return cell.jumps[int(np.argmax(sizes))]


def _forms(jump: CellJump, found: Modes) -> Iterator[Complexes]:
    """What must vanish between modes a, a' (the first two axes) of equal bands."""
    X, Y = bilinear_amplitudes(jump, found)
    w = X.T @ Y
    yield w[:, None] * w.conj()
    yield w.T.conj()[:, None] * w.T
    loss, gain = loss_amplitude(jump, found), gain_amplitude(jump, found)
    yield np.multiply.outer(loss.conj(), loss)
    yield np.multiply.outer(gain, gain.conj())
    # the mean field i/2 (conj(m) L - m L†) with m = <L> turns modes of equal energy into each other
    mean = np.abs(np.diagonal(w)).max(initial=0.0) > NONE * np.abs(w).max(initial=0.0)
    yield w * np.abs(w) if mean and not _hermitian(jump) else np.zeros_like(w)


def _hermitian(jump: CellJump) -> bool:
    """Whether ``L_j`` is Hermitian but for a phase: then it has no mean field."""
    blocks = jump.bilinear
    at = max(blocks, key=lambda one: float(np.abs(blocks[one]).max()))
    s, t = np.unravel_index(int(np.argmax(np.abs(blocks[at]))), blocks[at].shape)
    largest = blocks[at][s, t]
    zero = np.zeros_like(blocks[at])
    partner = blocks.get((at[1], at[0]), zero)[t, s]
    if not partner:
        return False
    phase = np.sqrt(complex(partner * largest)) / abs(largest)
    return all(
        np.abs(block * phase.conj() - phase * blocks.get((y, x), zero).conj().T).max() <= NONE * abs(largest)
        for (x, y), block in blocks.items()
    )
