"""Modes of a translation-invariant chain and the rates between them.

A mode a = (k, band) has the number ``k_number * d + band``, bands by ascending energy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.unit_cell import UnitCell

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

TOUCHING = 1e-9  # of the largest energy: bands no farther apart meet
EQUAL = 1e-10  # of the largest: velocities that no choice of the modes tells apart


@dataclass(frozen=True, eq=False)
class Modes:
    """At momenta k with weights that add up to 1: 1/L on a ring, a quadrature on the infinite chain.

    ``energy``, ``velocity`` (n_k, d), the latter de/dk; ``vector`` (n_k, orbital, band).
    """

    k: Floats
    weight: Floats
    energy: Floats
    velocity: Floats
    vector: Complexes

    @property
    def bands(self) -> int:
        """Modes of each momentum."""
        return int(self.energy.shape[1])


def ring_momenta(cells: int) -> Floats:
    """Those of a ring, ``2 pi m/L`` in [-pi, pi)."""
    return 2 * np.pi * (np.arange(cells) - cells // 2) / cells


def momenta_between(cells: int) -> Floats:
    """Those half way between the momenta of a ring: 0 and pi, and what is special there, are missed."""
    return ring_momenta(cells) + np.pi / cells


@dataclass(frozen=True, eq=False)
class Rates:
    """``dn_a/dt = (1-n_a) (sum_b w_b K(b->a) n_b + gain_a) - n_a (sum_b w_b K(a->b) (1-n_b) + loss_a)``.

    ``K(b->a) = sum_d into[d, a] out_of[d, b]``; the sums are over the modes b with the weights w_b of their
    momenta, so that ``w_b K(b->a)`` is the rate from b to a.  All are real.

    Attributes
    ----------
    into, out_of : (D, n_modes)
    loss, gain : (n_modes,)
    weight : (n_modes,)
        Of each mode: that of its momentum.
    names : tuple of str
        The dissipators.
    losses, gains : (n_dissipators, n_modes)
        By dissipator, for rates at which particles leave; they add up to ``loss`` and ``gain``.
    error : float
        Relative to the largest rate of a bath, of kernels that are fitted.
    """

    into: Floats
    out_of: Floats
    loss: Floats
    gain: Floats
    weight: Floats
    names: tuple[str, ...] = ()
    losses: Floats | None = None
    gains: Floats | None = None
    error: float = 0.0


def modes(cell: UnitCell, k: Floats, weight: Floats) -> Modes:
    """Eigenstates of ``h(k)`` with their velocities.

    Where bands touch the modes are those of definite velocity: they go on smoothly to both sides.  Bands that
    are equal everywhere are those between which the jump operators make no coherences, if there are any.

    Parameters
    ----------
    k, weight : (n_k,)
        Momenta and their weights; momenta at which something is only asked for have the weight zero.
    """
    from modelkit.compile.degenerate import jump_forms, settled_by_jumps

    found = plain_modes(cell, k, weight)
    if settled_by_jumps(cell):
        vector = found.vector @ unitary_among(jump_forms(cell, found), touching(found.energy))
        return replace(found, vector=vector)
    return found


def plain_modes(cell: UnitCell, k: Floats, weight: Floats) -> Modes:
    """Modes of the Hamiltonian alone."""
    h = cell.hamiltonian(k)
    dh = cell.velocity(k)
    if cell.dimension == 1:
        vector = np.ones((len(k), 1, 1), dtype=complex)
        return Modes(k, weight, h[:, :, 0].real, dh[:, :, 0].real, vector)
    energy, vector = np.linalg.eigh((h + h.conj().swapaxes(1, 2)) / 2)
    meet = touching(energy)
    at = np.flatnonzero(meet.any(axis=1))
    if len(at):
        v = vector[at].conj().swapaxes(1, 2) @ dh[at] @ vector[at]
        vector[at] = vector[at] @ unitary_among(v, meet[at])
    velocity = np.einsum("kab,kab->kb", vector.conj(), dh @ vector).real
    return Modes(k, weight, energy, velocity, vector)


def touching(energy: Floats) -> NDArray[np.bool_]:
    """Whether each band meets the next, (n_k, d - 1)."""
    return np.asarray(np.diff(energy, axis=1) <= TOUCHING * np.abs(energy).max(initial=0.0))


def unitary_among(form: Complexes, meet: NDArray[np.bool_]) -> Complexes:
    """Unitaries (n, d, d) among bands that touch, after which a Hermitian form is diagonal among them.

    ``form`` (n, d, d) among the bands; what of it is as small as rounding does not mix them.
    """
    group = np.concatenate([np.zeros((len(meet), 1)), np.cumsum(~meet, axis=1)], axis=1)
    among = group[:, :, None] == group[:, None, :]
    scale = np.abs(form).max(initial=0.0)
    diagonal = np.eye(form.shape[1], dtype=bool)
    # groups far from each other keep their order and do not mix
    apart = form.real + 4 * (1 + scale) * form.shape[1] * group[:, :, None]
    mixed = np.where(among & (np.abs(form) > EQUAL * scale), form, 0)
    return np.asarray(np.linalg.eigh(np.where(diagonal, apart, mixed))[1])
