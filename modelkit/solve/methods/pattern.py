"""What hops join: the pattern of the Hamiltonian, its loops, and lattices that hops may not join."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from modelkit.compile.open_system import OpenSystem
from modelkit.errors import ModelError
from modelkit.solve.methods.orbitals import site_of_orbital


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
