"""Flows per cell of an open chain as one-body operators ``sum_jx c_{j+x}^+ Q_x c_j``, by (x,).

A motion keeps or reverses them as it does any one-body operator, so what it forbids is asked of each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from modelkit.symmetry.chains.open_chain import Blocks, Motion, OpenChain

Complexes = NDArray[np.complex128]
Flags = NDArray[np.bool_]

NEAR = 1e-9  # of the largest element: operators that are one


def particle_current(chain: OpenChain) -> Blocks:
    """``dh/dk``: particles of the Hamiltonian that pass a link between cells, towards larger j."""
    return {(x,): -1j * x * h for (x,), h in chain.blocks.items()}


def orbital_current(chain: OpenChain, orbitals: Flags) -> Blocks:
    """The part of the current that arrives at some orbitals (d,) of the cell with the larger j.

    A hop that changes the orbital is booked on the one it has at its right end.
    """
    found: Blocks = {}
    for (x,), h in chain.blocks.items():
        kept = np.where(orbitals[:, None], h, 0) if x > 0 else np.where(orbitals[None, :], h, 0)
        found[x,] = -1j * x * kept
    return found


def energy_current(chain: OpenChain) -> Blocks:
    """``(h v + v h)/2``: energy that modes carry, ``sum e v n``."""
    found: Blocks = {}
    velocity = particle_current(chain)
    for (x,), h in chain.blocks.items():
        for (y,), v in velocity.items():
            block = (h @ v + v @ h) / 2
            found[x + y,] = found.get((x + y,), np.zeros_like(block)) + block
    return found


def combined(parts: Iterable[tuple[float, Blocks]]) -> Blocks:
    """A sum with factors."""
    found: Blocks = {}
    for factor, blocks in parts:
        for cells, block in blocks.items():
            found[cells] = found.get(cells, np.zeros_like(block)) + factor * block
    return found


def vanishes(blocks: Blocks, scale: float) -> bool:
    """Whether an operator is nothing beside others of this size."""
    return size(blocks) <= NEAR * scale


def size(blocks: Blocks) -> float:
    """Its largest element."""
    return max((float(np.abs(block).max()) for block in blocks.values()), default=0.0)


def reversed_by(motion: Motion, unitary: Complexes, observable: Blocks) -> bool:
    """Whether a motion, with its unitary on the orbitals, makes minus the observable of it."""
    forward = replace(motion, backward=False)  # states are mapped as the jumps are
    moved = OpenChain({x: block for (x,), block in observable.items()}).image(forward).blocks
    turned = {cells: unitary @ block @ unitary.conj().T for cells, block in moved.items()}
    return vanishes(combined([(1.0, turned), (1.0, observable)]), size(observable))


def expectations(observable: Blocks, k: NDArray[np.float64], vector: Complexes) -> NDArray[np.float64]:
    """``<u|Q(k)|u>`` of modes with momenta ``k`` (n,) and vectors (n, d)."""
    found = np.zeros(len(k), dtype=complex)
    for (x,), block in observable.items():
        found += np.exp(-1j * x * k) * np.einsum("ns,st,nt->n", vector.conj(), block, vector)
    return np.asarray(found.real)
