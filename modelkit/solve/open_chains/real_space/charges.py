"""What the dynamics of an open chain conserves, found before anything is solved.

A one-body quantity ``c† a c`` is conserved exactly where a commutes with h and with all W and W†, and
``(l + g) a = 0``: the real part of ``Tr(a† D†(a))`` is minus a sum of squares, of ``[W, a]`` and of
``(l + g)^(1/2) a``.  By the same argument these a span all steady states of the equation without its source,
so that their number is the number of conditions that a steady state needs.

Two random Hermitian elements of the algebra that h, W, W† and l + g generate have the same commutant as all
of it.  In the basis of eigenvectors of the first the second connects those that belong together; a component
whose levels are m-fold carries m^2 quantities, and none where particles leave or enter it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from modelkit.solve.open_chains.real_space.covariance import Covariance

LEVEL = 1e-9
"""Levels of a random combination this close, relative, are one."""
CONNECTED = 1e-10
"""Matrix elements, relative, from which on levels are connected, or particles leave them."""
SEED = 7


@dataclass(frozen=True, eq=False)
class Dark:
    """A subspace that no particle leaves or enters, and that nothing divides.

    ``multiplicity`` m: how many equal copies of it there are; m^2 quantities are conserved, for m = 1 the
    number of particles in it.  ``share`` (n,): the weight of each orbital in it; ``modes`` its dimension.
    """

    multiplicity: int
    share: NDArray[np.float64]
    modes: int


def dark_subspaces(equation: Covariance) -> tuple[Dark, ...]:
    """All dark subspaces; empty where the steady state is unique."""
    first, second = _random_elements(equation)
    levels, vectors = np.linalg.eigh(first)
    scale = float(np.abs(levels).max()) or 1.0
    level = np.cumsum(np.append(0, np.diff(levels) > LEVEL * scale))
    coupling = np.abs(vectors.conj().T @ second @ vectors) > CONNECTED * scale
    _, component = sparse.csgraph.connected_components(sparse.csr_array(coupling), directed=False)
    component = _merged(component, level)
    decay = equation.decay
    leaving = np.abs(decay @ vectors).max(axis=0) > CONNECTED * (abs(decay).max() or 1.0)
    return tuple(
        _dark(vectors[:, inside], level[inside])
        for inside in (component == one for one in range(component.max() + 1))
        if not leaving[inside].any()
    )


def _dark(vectors: NDArray[np.complex128], level: NDArray[np.intp]) -> Dark:
    copies = int(np.bincount(level - level.min()).max())
    return Dark(copies, np.sum(np.abs(vectors) ** 2, axis=1), vectors.shape[1])


def _merged(component: NDArray[np.intp], level: NDArray[np.intp]) -> NDArray[np.intp]:
    """Components that share a level are one: its vectors are any of its space."""
    size = len(component)
    places = np.arange(size)
    row, column = np.append(component, level + size), np.append(places + 2 * size, places + 2 * size)
    links = sparse.coo_array((np.ones(2 * size), (row, column)), shape=(3 * size, 3 * size)).tocsr()
    _, label = sparse.csgraph.connected_components(links, directed=False)
    return np.asarray(np.unique(label[2 * size :], return_inverse=True)[1])


def _random_elements(
    equation: Covariance,
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Two random Hermitian combinations of h, W, W† and l + g, each scaled to one."""
    rng = np.random.default_rng(SEED)
    parts = [part.toarray() for part in (equation.hamiltonian, equation.decay) if part.nnz]
    parts = [part / (np.abs(part).max() or 1.0) for part in parts]
    operators = equation.bilinears
    entries = operators.stack.tocoo()
    row, column = operators.orbital[entries.coords[0]], entries.coords[1]
    member, values = operators.member[entries.coords[0]], entries.data
    values = values / (np.abs(values).max(initial=0.0) or 1.0)
    found = []
    for _ in range(2):
        whole = np.zeros((equation.size, equation.size), dtype=np.complex128)
        for part in parts:
            whole += rng.normal() * part
        drawn = rng.normal(size=(2, int(member.max(initial=-1)) + 1))
        np.add.at(whole, (row, column), values * (drawn[0] + 1j * drawn[1])[member])
        found.append((whole + whole.conj().T) / 2)
    return found[0], found[1]
