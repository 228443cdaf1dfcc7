"""What the lattice methods share: contacts orbital by orbital, the deviation from a reference, limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.open_system import OpenSystem
from modelkit.errors import ModelError

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LARGEST_TRANSMISSION = 10**8  # entries of an array T[E, to, from]


@dataclass(frozen=True)
class Touching:
    """Scalar contacts orbital by orbital: entry m is ``contact[m]`` of ``terminal[m]`` at ``orbital[m]``."""

    contact: Integers
    orbital: Integers
    terminal: Integers
    weight: Floats


def touching(system: OpenSystem) -> Touching:
    """Every contact at every orbital of its site."""
    contacts = system.contacts
    size = np.diff(system.offset)[contacts.site]
    contact = np.repeat(np.arange(len(size)), size)
    within = np.arange(len(contact)) - np.repeat(np.cumsum(size) - size, size)
    site = contacts.site[contact]
    return Touching(contact, system.offset[site] + within, contacts.terminal[contact], system.weight[site])


def site_of_orbital(system: OpenSystem) -> Integers:
    """Site of each orbital."""
    return np.repeat(np.arange(len(system.offset) - 1), np.diff(system.offset))


def without_zeros(hamiltonian: sparse.csr_array) -> sparse.csr_array:
    """Sum the entries of a matrix and drop stored zeros."""
    found = sparse.csr_array(hamiltonian, copy=True)
    found.sum_duplicates()
    found.eliminate_zeros()
    return found


def pattern_of(hamiltonian: sparse.csr_array) -> sparse.csr_array:
    """Ones where the Hamiltonian is not zero."""
    found = without_zeros(hamiltonian)
    return sparse.csr_array((np.ones(found.nnz), found.indices, found.indptr), shape=found.shape)


def check_degeneracy(system: OpenSystem) -> None:
    """Refuse a hop between lattices of different degeneracy: its current has no single weight."""
    entries = system.hamiltonian.tocoo()
    weight = system.weight[site_of_orbital(system)]
    rows, columns = entries.coords
    if np.any((weight[rows] != weight[columns]) & (entries.data != 0)):
        raise ModelError(
            "a hop joins lattices of different degeneracy, so its current has no single weight",
            hint="give both lattices the same degeneracy",
        )


def closes_loops(system: OpenSystem) -> bool:
    """Whether hops close a loop of sites: then a current may flow around it in equilibrium."""
    from scipy.sparse.csgraph import connected_components

    bond, _, _, value = system.bond_entries
    used = np.unique(bond[value != 0])
    source, target = system.bond_source[used], system.bond_target[used]
    n = len(system.weight)
    graph = sparse.csr_array((np.ones(len(used)), (source, target)), shape=(n, n))
    count, _ = connected_components(graph, directed=False)
    return bool(len(used) > n - count)


def refuse_large_transmission(n_energies: int, n_terminals: int) -> None:
    """Refuse a transmission array that would not fit, before anything is allocated."""
    entries = n_energies * n_terminals**2
    if entries > LARGEST_TRANSMISSION:
        raise ModelError(
            f"the transmission between {n_terminals} terminals at {n_energies} energies has {entries:.1e} "
            f"entries ({8 * entries / 2**30:.1f} GB), more than the {LARGEST_TRANSMISSION:.0e} allowed",
            hint="ask for currents, which need no matrix, or for fewer energies at once",
        )


def reference_of(f: Floats, unknown: Flags | None = None) -> Floats:
    """(n_E, 1): the distribution of the first given terminal, 0 without one.

    Deviations from it are exactly zero when all distributions are equal.
    """
    given = np.arange(f.shape[1]) if unknown is None else np.flatnonzero(~unknown)
    return f[:, given[:1]] if len(given) else np.zeros((len(f), 1))
