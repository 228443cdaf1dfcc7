"""The numeric problem of a lattice with terminals: H, contacts and their self-energies.

Channels: a contact (one terminal at one site) has as many channels as the site has orbitals.  With
``Gamma = i(Sigma - Sigma†) = W W†`` the columns of W are the channels, and
``T[a, b] = sum |W_a† G W_b|^2`` over the channels of terminals a (to) and b (from).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.contacts import Contacts, contacts_of
from modelkit.graph.device import Device
from modelkit.graph.screening import local_average

__all__ = ["Contacts", "Levels", "OpenSystem", "Reservoirs", "open_system"]

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


@dataclass(frozen=True)
class Levels:
    """What moves with the bias, both as energies; see also ``OpenSystem.spread``.

    ``potential`` (n_sites,): potential energy of an electron on each site, added to H.  ``bands``
    (n_terminals,): by how much the band of each reservoir is raised, ``Sigma_a(E - bands_a)``.
    """

    potential: Floats
    bands: Floats


@dataclass(frozen=True)
class Reservoirs:
    """Which terminal a reservoir belongs to: one each, or one of electrons and one of holes with nambu.

    ``terminal``, ``sign`` (n_reservoirs,): reservoir r is filled with ``f(E - sign_r mu, T)`` and its
    particles count ``sign_r`` in the current of the terminal, ``I_a = share * sum_r sign_r i_r``; ``share``
    is 1/2 where all energies are there twice (nambu).  Quasi-particles of a superconducting lead have the
    sign 0; ``meters`` are the reservoirs that count its charge instead of particles.
    """

    terminal: Integers
    sign: Floats
    share: float = 1.0
    meters: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.intp))

    @property
    def superconducting(self) -> bool:
        """Whether there are holes, and with them a condensate that takes the missing current."""
        return self.share < 1

    def of_terminals(self, values: Floats, centre: float) -> Floats:
        """Values of the terminals by reservoir; meters count from equilibrium at the centre, and have its."""
        found = values[self.terminal]
        found[self.meters] = centre
        return found

    @cached_property
    def carries(self) -> Floats:
        """(n_reservoirs,): 1 for particles, whose number and energy count, 0 for meters."""
        found = np.ones(len(self.terminal))
        found[self.meters] = 0.0
        return found


@dataclass(frozen=True)
class OpenSystem:
    """Hamiltonian (orbital basis, Hermitian, csr), site offsets and contacts.

    ``n_terminals`` is the number of reservoirs, to which ``contacts.terminal`` refers; see ``reservoirs``.
    ``weight[s]`` is the degeneracy of the lattice of site s: it multiplies transmissions and
    densities.  ``bond_source``/``bond_target`` are the declared arrows between sites;
    ``bond_entries`` = (bond, row, column, value) the orbital matrix elements of each, (to, from).
    A superconducting device has every site twice, see :mod:`modelkit.compile.nambu`; bonds join electrons.
    """

    hamiltonian: sparse.csr_array
    offset: Integers
    weight: Floats
    contacts: Contacts
    n_terminals: int
    bond_source: Integers
    bond_target: Integers
    bond_entries: tuple[Integers, Integers, Integers, Complexes]
    reservoirs: Reservoirs
    levels: Levels = field(default_factory=lambda: Levels(np.zeros(0), np.zeros(0)))

    def __post_init__(self) -> None:
        """Without levels they are where H and the self-energies have them."""
        if len(self.levels.bands) < self.n_terminals or len(self.levels.potential) < len(self.weight):
            still = Levels(np.zeros(len(self.weight)), np.zeros(self.n_terminals))
            object.__setattr__(self, "levels", still)

    def moved(self, levels: Levels) -> OpenSystem:
        """The same system with its levels elsewhere: potentials on the diagonal of H, bands raised."""
        levels = self.spread(levels)
        change = levels.potential - self.levels.potential
        bands = levels.bands - self.levels.bands
        if not change.any() and not bands.any():
            return self
        hamiltonian = self.hamiltonian
        if change.any():
            hamiltonian = sparse.csr_array(hamiltonian + _on_diagonal(change, self.offset))
        contacts = self.contacts.moved(bands) if bands.any() else self.contacts
        return replace(self, hamiltonian=hamiltonian, contacts=contacts, levels=levels)

    def spread(self, levels: Levels) -> Levels:
        """Levels by site and terminal of a device, for every site and reservoir of this system.

        A superconducting one has each site twice, and a potential is the opposite for its holes.  Levels
        that are given for all of them stay.
        """
        potential, bands = levels.potential, levels.bands
        if 2 * len(potential) == len(self.weight):
            potential = np.concatenate([potential, -potential])
        if 2 * len(bands) == self.n_terminals:
            bands = np.concatenate([bands, -bands])
        return Levels(potential, bands)


def open_system(device: Device) -> OpenSystem:
    """Compile a device into its Hamiltonian and contacts, in O(sites + hops).

    Raises
    ------
    ModelError
        A self-energy does not fit its site.
    """
    if device.superconducting:
        from modelkit.compile.nambu import doubled_system

        return doubled_system(device)
    hops = device.hops
    on_bond = np.flatnonzero(hops.bond >= 0)
    system = OpenSystem(
        hamiltonian=_hamiltonian(device),
        offset=device.offset,
        weight=np.concatenate([np.zeros(0), *(np.full(g.count, float(g.degeneracy)) for g in device.sites)]),
        contacts=contacts_of(device),
        n_terminals=device.n_terminals,
        bond_source=device.bonds.source,
        bond_target=device.bonds.target,
        bond_entries=(hops.bond[on_bond], hops.row[on_bond], hops.column[on_bond], hops.value[on_bond]),
        reservoirs=Reservoirs(np.arange(device.n_terminals), np.ones(device.n_terminals)),
    )
    return system.moved(Levels(device.potential, local_bands(device)))


def local_bands(device: Device) -> Floats:
    """``bands = local``: raised by the mean prescribed potential of the sites that a terminal touches."""
    if not device.potential.any():
        return np.zeros(device.n_terminals)
    return np.asarray(local_average(device) @ device.potential)


def _on_diagonal(potential: Floats, offset: Integers) -> sparse.dia_array:
    """A potential of each site, in the basis of orbitals."""
    return sparse.diags_array(np.repeat(potential, np.diff(offset)).astype(complex))


def _hamiltonian(device: Device) -> sparse.csr_array:
    """Entries that reach the same place add, as in a sum; explicit zeros stay in the pattern."""
    onsite, hops = device.onsite, device.hops
    row = np.concatenate([onsite.row, hops.row, hops.column])
    column = np.concatenate([onsite.column, hops.column, hops.row])
    value = np.concatenate([onsite.value, hops.value, hops.value.conj()]).astype(complex)
    orbitals = int(device.offset[-1])
    matrix = sparse.coo_array((value, (row, column)), shape=(orbitals, orbitals)).tocsr()
    matrix.sum_duplicates()
    return matrix
