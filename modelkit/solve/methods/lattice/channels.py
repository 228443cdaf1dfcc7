"""Self-energies and channel vectors of all contacts as sparse entries over a batch of energies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.leads import LeadContact
from modelkit.compile.open_system import OpenSystem
from modelkit.solve.methods.orbitals import touching

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class Charge:
    """The charge that a superconducting lead takes from an amplitude psi on its orbitals.

    With ``tau`` the charge of each orbital it is ``psi† i (tau Sigma - Sigma† tau) psi``, written as
    ``sum_k strength_k |(rows psi)_k|^2``, and for a channel W of its own ``2 Im W† tau psi`` more; unlike a
    flux of particles it may be negative.  The sum over all channels is a supercurrent in equilibrium.

    Attributes
    ----------
    meter, owner : reservoir that counts it, and that of the lead's own channels
    orbitals : (m,)
    rows : (n_E, m, m)
    strength : (n_E, m) with the degeneracy
    source : (n_E, m, n_own) ``tau W`` with the degeneracy
    """

    meter: int
    owner: int
    orbitals: Integers
    rows: Complexes
    strength: Floats
    source: Complexes

    def outgoing(self, part: slice, amplitude: Complexes) -> Complexes:
        """``rows psi`` for the energies of ``part``, (chunk, m, n_channels)."""
        return np.asarray(self.rows[part] @ amplitude[:, self.orbitals])

    def taken(self, part: slice) -> Complexes:
        """``i (tau Sigma - Sigma† tau)`` with the degeneracy, (chunk, m, m)."""
        rows = self.rows[part]
        return np.asarray((rows.conj().swapaxes(1, 2) * self.strength[part, None]) @ rows)

    def emitted(self, part: slice, amplitude: Complexes, terminal: Integers) -> Floats:
        """What its own channels add, linear in psi; (chunk, n_channels)."""
        found = np.zeros((len(amplitude), len(terminal)))
        own = np.flatnonzero(terminal == self.owner)
        wave = amplitude[:, self.orbitals[:, None], own]
        found[:, own] = 2 * np.einsum("eok,eok->ek", self.source[part].conj(), wave).imag
        return found


@dataclass(frozen=True)
class Channels:
    """Self-energy and channels, ``Gamma = W W†``.

    Attributes
    ----------
    sigma_row, sigma_column : (n,) orbitals (to, from)
    sigma : (n_E, n) values there; entries at one place add
    orbital, channel : (m,) place of the elements of W, sorted by channel
    value : (n_E, m) elements of W
    terminal, weight : (n_channels,) terminal and degeneracy of each channel
    charges : what superconducting leads take of the charge
    """

    sigma_row: Integers
    sigma_column: Integers
    sigma: Complexes
    orbital: Integers
    channel: Integers
    value: Complexes
    terminal: Integers
    weight: Floats
    charges: tuple[Charge, ...] = ()

    def outgoing(self, part: slice, amplitude: Complexes) -> Complexes:
        """``W† Y`` for the energies of ``part``, shape (chunk, n_channels, n_columns)."""
        if not len(self.terminal):
            return np.zeros((len(amplitude), 0, amplitude.shape[2]), dtype=complex)
        products = self.value[part].conj()[:, :, None] * amplitude[:, self.orbital]
        starts = np.flatnonzero(np.diff(self.channel, prepend=-1))
        return np.asarray(np.add.reduceat(products, starts, axis=1))

    def between_terminals(self, values: Floats, count: int) -> Floats:
        """Sum values between channels (n_E, n_channels, n_channels) to (n_E, count, count) terminals."""
        found = np.zeros((len(values), count, count))
        if not len(self.terminal):
            return found
        if np.any(np.diff(self.terminal) < 0):
            order = np.argsort(self.terminal, kind="stable")
            values = values[:, order[:, None], order]
        terminals, starts = np.unique(np.sort(self.terminal), return_index=True)
        summed = np.add.reduceat(np.add.reduceat(values, starts, axis=2), starts, axis=1)
        found[:, terminals[:, None], terminals] = summed
        return found


def channels(system: OpenSystem, energies: Floats) -> Channels:
    """Channels of the contacts of a system at given energies.

    A scalar contact has one channel an orbital; a matrix ``Gamma`` is split by its eigenvectors; a lead has
    as many as modes are open at one of the energies.
    """
    found = _scalar(system, energies) if system.contacts.scalar else _matrix(system, energies)
    for lead in system.contacts.leads:
        found = _joined(found, _of_lead(lead, system, energies))
    return found


def _of_lead(lead: LeadContact, system: OpenSystem, energies: Floats) -> Channels:
    sigma, w = lead.parts(np.atleast_1d(np.asarray(energies, dtype=float)))
    k = len(lead.orbitals)
    used = int(np.count_nonzero(np.any(w != 0, axis=(0, 1))))  # the columns behind are zero
    place, partner = np.divmod(np.arange(k * k), k)
    weight = float(system.weight[lead.sites[0]])
    charges = () if lead.meter is None else (_charge(lead, lead.meter, sigma, w[:, :, :used], weight),)
    return Channels(
        lead.orbitals[place],
        lead.orbitals[partner],
        sigma.reshape(len(sigma), -1),
        np.tile(lead.orbitals, used),
        np.repeat(np.arange(used), k),
        np.ascontiguousarray(w[:, :, :used].swapaxes(1, 2)).reshape(len(w), -1),
        np.full(used, lead.terminal, dtype=np.intp),
        np.full(used, weight),
        charges,
    )


def _charge(lead: LeadContact, meter: int, sigma: Complexes, w: Complexes, weight: float) -> Charge:
    """The first half of the orbitals are electrons, the others holes."""
    tau = np.repeat([1.0, -1.0], len(lead.orbitals) // 2)
    taken = 1j * (tau[:, None] * sigma - sigma.conj().swapaxes(1, 2) * tau)
    strength, vectors = np.linalg.eigh(taken)
    rows, source = vectors.conj().swapaxes(1, 2), weight * tau[:, None] * w
    return Charge(meter, lead.terminal, lead.orbitals, rows, weight * strength, source)


def _joined(one: Channels, other: Channels) -> Channels:
    return Channels(
        np.concatenate([one.sigma_row, other.sigma_row]),
        np.concatenate([one.sigma_column, other.sigma_column]),
        np.concatenate([one.sigma, other.sigma], axis=1),
        np.concatenate([one.orbital, other.orbital]),
        np.concatenate([one.channel, other.channel + len(one.terminal)]),
        np.concatenate([one.value, other.value], axis=1),
        np.concatenate([one.terminal, other.terminal]),
        np.concatenate([one.weight, other.weight]),
        one.charges + other.charges,
    )


def _scalar(system: OpenSystem, energies: Floats) -> Channels:
    touched = touching(system)
    found = np.asarray(system.contacts.sigma(energies), dtype=complex)
    sigma = found.reshape(len(energies), len(system.contacts.site))[:, touched.contact]
    gamma = np.maximum(-2 * sigma.imag, 0.0)
    number = np.arange(len(touched.orbital))
    value = np.sqrt(gamma).astype(complex)
    orbital = touched.orbital
    return Channels(orbital, orbital, sigma, orbital, number, value, touched.terminal, touched.weight)


def _matrix(system: OpenSystem, energies: Floats) -> Channels:
    contacts = system.contacts
    rows, columns, sigmas, orbitals, numbers, values = [], [], [], [], [], []
    terminal: list[int] = []
    weight: list[float] = []
    for k, sigma in enumerate(contacts.sigma(energies)):
        site = contacts.site[k]
        first, size = system.offset[site], system.offset[site + 1] - system.offset[site]
        sigma = np.broadcast_to(np.asarray(sigma, dtype=complex), (len(energies), size, size))
        place, partner = np.divmod(np.arange(size * size), size)
        rows.append(first + place)
        columns.append(first + partner)
        sigmas.append(sigma.reshape(len(energies), -1))
        orbitals.append(first + partner)
        numbers.append(len(terminal) + place)
        values.append(_square_root(sigma).swapaxes(1, 2).reshape(len(energies), -1))
        terminal += [contacts.terminal[k]] * int(size)
        weight += [system.weight[site]] * int(size)
    if not rows:
        return _scalar(system, energies)
    return Channels(
        np.concatenate(rows),
        np.concatenate(columns),
        np.concatenate(sigmas, axis=1),
        np.concatenate(orbitals),
        np.concatenate(numbers),
        np.concatenate(values, axis=1),
        np.asarray(terminal, dtype=np.intp),
        np.asarray(weight, dtype=float),
    )


def _square_root(sigma: Complexes) -> Complexes:
    """W with ``W W† = i (Sigma - Sigma†)``, columns from the eigenvectors; (n_E, d, d)."""
    strength, vectors = np.linalg.eigh(1j * (sigma - sigma.conj().swapaxes(1, 2)))
    return np.asarray(vectors * np.sqrt(np.maximum(strength, 0.0))[:, None, :])
