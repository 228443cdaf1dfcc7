"""Modes of a translation-invariant chain and the rates between them.

A mode a = (k, band) has the number ``k_number * d + band``, bands by ascending energy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.unit_cell import UnitCell

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

TOUCHING = 1e-9  # of the range of energies: bands no farther apart meet
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

    Where bands touch the modes are those of definite velocity: they go on smoothly to both sides.

    Parameters
    ----------
    k, weight : (n_k,)
        Momenta and their weights; momenta at which something is only asked for have the weight zero.
    """
    h = cell.hamiltonian(k)
    dh = cell.velocity(k)
    if cell.dimension == 1:
        vector = np.ones((len(k), 1, 1), dtype=complex)
        return Modes(k, weight, h[:, :, 0].real, dh[:, :, 0].real, vector)
    energy, vector = np.linalg.eigh((h + h.conj().swapaxes(1, 2)) / 2)
    touching = np.diff(energy, axis=1) <= TOUCHING * np.ptp(energy)
    at = np.flatnonzero(touching.any(axis=1))
    if len(at):
        vector[at] = vector[at] @ _of_definite_velocity(vector[at], dh[at], touching[at])
    velocity = np.einsum("kab,kab->kb", vector.conj(), dh @ vector).real
    return Modes(k, weight, energy, velocity, vector)


def _of_definite_velocity(vector: Complexes, dh: Complexes, touching: NDArray[np.bool_]) -> Complexes:
    """Unitary (n, d, d) among bands that touch, after which dh/dk is diagonal among them.

    ``touching`` (n, d - 1): whether each band meets the next.
    """
    group = np.concatenate([np.zeros((len(touching), 1)), np.cumsum(~touching, axis=1)], axis=1)
    among = group[:, :, None] == group[:, None, :]
    v = np.where(among, vector.conj().swapaxes(1, 2) @ dh @ vector, 0)
    scale = np.abs(dh).max(initial=0.0)
    apart = np.abs(v) > EQUAL * scale  # rounding must not mix bands of one velocity
    diagonal = np.eye(v.shape[1], dtype=bool)
    # groups far from each other keep their order and do not mix
    v = np.where(diagonal, v.real + 4 * (1 + scale) * v.shape[1] * group[:, :, None], np.where(apart, v, 0))
    return np.asarray(np.linalg.eigh(v)[1])
