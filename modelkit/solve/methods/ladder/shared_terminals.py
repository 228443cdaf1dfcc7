"""Balance on a forest when an unknown terminal touches several orbitals.

Such terminals close loops of the network of resistors (not of H).  One sparse linear system for the
local distributions f, the bond currents J and the unknown terminals mu is solved at each energy:

    ``T_j (f_j - f_parent) = (1 - ratio_j) J_j``,   currents into each star add to zero,
    and the condition of each terminal.

It has O(N) entries and divides by no resistance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.errors import NotConverged
from modelkit.solve.conductor import reference_of
from modelkit.solve.methods.ladder.star_contacts import StarContacts
from modelkit.solve.methods.ladder.tree import Forest

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.intp]


class Stars(Protocol):
    """What is needed of a factorised forest."""

    energies: Floats
    forest: Forest
    contacts: StarContacts
    gamma: Floats
    rising: Floats
    falling: Floats
    below: Floats
    above: Floats
    total: Floats
    greens: Floats


@dataclass(frozen=True)
class _Network:
    """One energy: conductances of the contacts ``reach`` and the bonds' ``T_j`` and ``1 - ratio_j``."""

    reach: Floats
    bond: Floats
    drop: Floats
    child: Integers
    parent: Integers
    joined: Flags


def balance_shared(
    stars: Stars, f: Floats, unknown: Flags, constant: Floats, slope: Floats, *, fill: bool
) -> Floats:
    """As :meth:`modelkit.solve.conductor.Conductance.balance`; f is completed in place."""
    reference = reference_of(f, unknown)
    source = constant + slope * reference
    x = f - reference
    for e in range(len(f)):
        f[e, unknown] = _solved(stars, e, unknown, (x[e], source[e], slope[e]), fill=fill) + reference[e]
    return f


def _network(stars: Stars, e: int) -> _Network:
    child = np.flatnonzero(stars.forest.parent >= 0)
    parent = stars.forest.parent[child]
    total = stars.total[:, e]
    ratio = stars.falling[child, e] * total[parent]
    ratio = np.divide(ratio, total[child], out=np.ones(len(child)), where=total[child] > 0)
    spectral = stars.greens[:, e] * total
    bond = ratio * stars.below[child, e] * spectral[child]
    scale = np.maximum(bond, np.abs(1 - ratio))
    scale[scale == 0] = 1.0
    joined = stars.above[child, e] * stars.below[child, e] * stars.greens[child, e] > 0
    return _Network(
        stars.gamma[:, e] * spectral[stars.contacts.position],
        np.where(joined, bond / scale, 0.0),
        np.where(joined, (1 - ratio) / scale, 1.0),
        child,
        parent,
        joined,
    )


def _solved(
    stars: Stars, e: int, unknown: Flags, values: tuple[Floats, Floats, Floats], *, fill: bool
) -> Floats:
    """Deviations of the unknown terminals at one energy; ``values`` = (x, source, slope)."""
    x, source, slope = values
    network = _network(stars, e)
    system, right = _equations(stars, network, unknown, values)
    first = system.shape[0] - int(unknown.sum())
    pinned = _floating(stars, network, unknown, slope)
    if len(pinned):
        members = np.flatnonzero(unknown)[pinned[:, 0]]
        if not fill or np.any(source[members]):
            raise NotConverged(
                f"at energy {stars.energies[e]:g} nothing reaches {len(pinned)} of the unknown terminals, "
                "so the condition does not determine them"
            )
        system, right = _pinned(system, right, first + pinned, x[members])
    solution = _refined(system.tocsc(), right, stars.energies[e])
    return solution[first:]


def _equations(
    stars: Stars, network: _Network, unknown: Flags, values: tuple[Floats, Floats, Floats]
) -> tuple[sparse.csr_array, Floats]:
    """Rows: current into each star, drop along each bond, condition of each unknown terminal."""
    x, source, slope = values
    n, bonds = stars.forest.parent.size, len(network.child)
    star, terminal = stars.contacts.position, stars.contacts.terminal
    number = n + bonds + np.cumsum(unknown) - 1
    free = unknown[terminal]
    to, weighted = number[terminal[free]], (network.reach * stars.contacts.weight)[free]
    j, one, rows = n + np.arange(bonds), np.ones(bonds), number[unknown]
    size = n + bonds + len(rows)
    lonely = np.bincount(star, network.reach, n)
    for end in (network.child, network.parent):
        lonely += np.bincount(end, network.bond, n)
    alone = np.flatnonzero(lonely == 0)
    entries = [
        (network.parent, j, one),
        (network.child, j, -one),
        (star, star, -network.reach),
        (star[free], to, network.reach[free]),
        (alone, alone, np.ones(len(alone))),
        (j, network.child, network.bond),
        (j, network.parent, -network.bond),
        (j, j, -network.drop),
        (to, to, weighted),
        (to, star[free], -weighted),
        (rows, rows, -2 * np.pi * slope[unknown]),
    ]
    row, col, value = (np.concatenate(part) for part in zip(*entries, strict=True))
    right = np.zeros(size)
    right[:n] = -np.bincount(star[~free], (network.reach * x[terminal])[~free], n)
    right[rows] = 2 * np.pi * source[unknown]
    return sparse.csr_array((value, (row, col)), shape=(size, size)), right


def _floating(stars: Stars, network: _Network, unknown: Flags, slope: Floats) -> NDArray[np.intp]:
    """(n, 2): unknown terminals in groups that nothing given reaches, with the first of their group."""
    from scipy.sparse.csgraph import connected_components

    n, terminals = stars.forest.parent.size, len(unknown)
    live = network.reach > 0
    rows = np.concatenate([network.child[network.joined], stars.contacts.position[live]])
    columns = np.concatenate([network.parent[network.joined], n + stars.contacts.terminal[live]])
    size = n + terminals
    graph = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    count, group = connected_components(graph, directed=False)
    anchored = np.zeros(count, dtype=np.bool_)
    anchored[group[n:][~unknown | (slope != 0)]] = True
    members = group[n:][unknown]
    loose = np.flatnonzero(~anchored[members])
    _, first, back = np.unique(members[loose], return_index=True, return_inverse=True)
    return np.stack([loose, loose[first][back]], axis=1) if len(loose) else np.zeros((0, 2), dtype=np.intp)


def _pinned(
    system: sparse.csr_array, right: Floats, pinned: Integers, held: Floats
) -> tuple[sparse.csr_array, Floats]:
    """Let the first terminal of each floating group keep what it holds; the others follow it."""
    alone = np.flatnonzero(pinned[:, 0] == pinned[:, 1])
    rows = pinned[alone, 0]
    keep = np.ones(len(right))
    keep[rows] = 0.0
    system = sparse.diags_array(keep) @ system + sparse.diags_array(1.0 - keep)
    right = right.copy()
    right[rows] = held[alone]
    return sparse.csr_array(system), right


def _refined(system: sparse.csc_array, right: Floats, energy: float) -> Floats:
    """LU with one step of refinement."""
    from scipy.sparse.linalg import splu

    try:
        factors = splu(system)
    except RuntimeError:
        raise NotConverged(
            f"at energy {energy:g} the prescribed currents do not determine the unknown terminals"
        ) from None
    solution = factors.solve(right)
    return np.asarray(solution + factors.solve(right - system @ solution))
