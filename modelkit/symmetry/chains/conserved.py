"""What an open chain conserves: one-body operators that commute with H and with all jump operators."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import ModelError
from modelkit.symmetry.chains.open_chain import Blocks, OpenChain

Complexes = NDArray[np.complex128]

MOST = 96  # modes of a ring
NULL = 1e-9  # of the largest singular value: a solution


def conserved(chain: OpenChain, cells: int) -> int:
    """Number of independent one-body operators that commute with H and all jump operators.

    The number of particles is one of them, if it is conserved; each further one keeps the steady state from
    being unique, and its value has to be given.  They are counted on a ring of ``cells`` cells, since what
    a momentum decouples depends on whether the ring has that momentum.

    Raises
    ------
    ModelError
        A ring too short for the operators, or too long to be counted.
    """
    reach = 2 * chain.reach
    if not reach < cells <= MOST // chain.d:
        raise ModelError(
            f"conserved operators are not counted on {cells} cells",
            hint=f"{reach + 1} to {MOST // chain.d} cells",
        )
    energy, modes = np.linalg.eigh(sum_over_cells(chain.blocks, cells, chain.d))
    # what commutes with H lies between modes of one energy
    near = np.abs(energy[:, None] - energy) <= NULL * max(1.0, float(np.abs(energy).max()))
    if chain.baths:  # connects all modes
        return int(chain.conserves_number)
    to, origin = np.nonzero(near)
    gram = np.zeros((len(to), len(to)), dtype=complex)
    for jump in chain.one_body:
        for j in range(cells):
            W = modes.conj().T @ _on_ring(jump.blocks, cells, chain.d, j) @ modes
            for each in (W, W.conj().T):
                gram += jump.rate * _squared(_commutators(each, to, origin))
    for vector in chain.linear:
        for j in range(cells):
            w = modes.conj().T @ _vector_on_ring(vector.blocks, cells, chain.d, j)
            gram += vector.rate * _squared(_actions(w, to, origin))
    value = np.linalg.eigvalsh(gram)
    return int(np.sum(value <= NULL * max(float(value[-1]), 1e-300)))


def sum_over_cells(blocks: Blocks, cells: int, d: int) -> Complexes:
    """``sum_jx c_{j+x}^+ h_x c_j`` as a matrix (cells d, cells d)."""
    pairs: Blocks = {(x, 0): h for (x,), h in blocks.items()}
    return np.sum([_on_ring(pairs, cells, d, j) for j in range(cells)], axis=0)


def _on_ring(blocks: Blocks, cells: int, d: int, j: int) -> Complexes:
    found = np.zeros((cells, d, cells, d), dtype=complex)
    for (x, y), block in blocks.items():
        found[(j + x) % cells, :, (j + y) % cells, :] += block
    return found.reshape(cells * d, cells * d)


def _vector_on_ring(blocks: Blocks, cells: int, d: int, j: int) -> Complexes:
    found = np.zeros((cells, d), dtype=complex)
    for (x,), block in blocks.items():
        found[(j + x) % cells] += block
    return found.ravel()


def _commutators(W: Complexes, to: NDArray[np.intp], origin: NDArray[np.intp]) -> Complexes:
    """``[|to><origin|, W]`` for all pairs, (pairs, M, M)."""
    p = np.arange(len(to))
    found = np.zeros((len(to), *W.shape), dtype=complex)
    found[p, to, :] += W[origin]
    found[p, :, origin] -= W[:, to].T
    return found


def _actions(w: Complexes, to: NDArray[np.intp], origin: NDArray[np.intp]) -> Complexes:
    """``|to><origin|w>`` and ``<w|to><origin|`` for all pairs, (pairs, 2, M)."""
    p = np.arange(len(to))
    found = np.zeros((len(to), 2, len(w)), dtype=complex)
    found[p, 0, to] = w[origin]
    found[p, 1, origin] = w[to].conj()
    return found


def _squared(columns: Complexes) -> Complexes:
    flat = columns.reshape(len(columns), -1)
    return np.asarray(flat.conj() @ flat.T)
