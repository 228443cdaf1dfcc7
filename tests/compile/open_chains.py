"""Random unit cells, and what they mean on a ring: matrices in real space, built by plain loops."""

from __future__ import annotations

import itertools

import numpy as np

from modelkit.compile.lindbladian import ModeBath
from modelkit.compile.modes import Modes, Rates, modes
from modelkit.compile.unit_cell import CellJump, UnitCell


def complex_normal(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def random_hopping(rng, d, reach):
    found = {x: complex_normal(rng, d, d) for x in range(reach + 1)}
    found[0] = found[0] + found[0].conj().T
    return {**found, **{-x: found[x].conj().T for x in range(1, reach + 1)}}


def random_jump(rng, d, name, linear=True):
    places = rng.integers(-2, 3, (rng.integers(1, 5), 2))
    kept = rng.random() < 0.8
    bilinear = {(int(x), int(y)): complex_normal(rng, d, d) for x, y in places} if kept else {}
    loss = {int(x): complex_normal(rng, d) for x in rng.integers(-2, 3, 2 * linear)}
    gain = {int(x): complex_normal(rng, d) for x in rng.integers(-2, 3, int(linear))}
    return CellJump(name, float(rng.random()), bilinear, loss, gain)


def random_cell(rng, cells, d=None, linear=True, baths=()):
    d = int(rng.integers(1, 4)) if d is None else d
    jumps = tuple(random_jump(rng, d, f"d{n}", linear) for n in range(rng.integers(1, 4)))
    return UnitCell(
        random_hopping(rng, d, int(rng.integers(0, 3))), jumps, tuple(baths), cells, "k_j",
        tuple(f"c{s}" for s in range(d)), np.full(d, -1),
    )  # fmt: skip


def bath(beta, rate=1.0, kernel=None, name="bath"):
    return ModeBath(name, beta, rate, kernel or (lambda e: np.exp(-beta * np.asarray(e) / 2)), kernel is None)


def real_space(cell: UnitCell):
    """H, and for each jump W, v, v' of all its operators, as (L, ...) arrays."""
    L, d = cell.cells, cell.dimension
    H = np.zeros((L, d, L, d), dtype=complex)
    for j, (x, h) in itertools.product(range(L), cell.hopping.items()):
        H[(j + x) % L, :, j, :] += h
    jumps = []
    for jump in cell.jumps:
        W, v, u = np.zeros((L, L, d, L, d), complex), *np.zeros((2, L, L, d), complex)
        for j in range(L):
            for (x, y), block in jump.bilinear.items():
                W[j, (j + x) % L, :, (j + y) % L, :] += block
            for x, part in jump.loss.items():
                v[j, (j + x) % L] += part
            for x, part in jump.gain.items():
                u[j, (j + x) % L] += part
        jumps.append((W.reshape(L, L * d, L * d), v.reshape(L, -1), u.reshape(L, -1)))
    return H.reshape(L * d, L * d), jumps


def ring_modes(cell: UnitCell) -> Modes:
    return modes(cell, 2 * np.pi * np.arange(cell.cells) / cell.cells, np.full(cell.cells, 1 / cell.cells))


def states(found: Modes):
    """Modes in real space, (L d, n_modes)."""
    L = len(found.k)
    waves = np.exp(1j * np.outer(np.arange(L), found.k)) / np.sqrt(L)
    psi = np.einsum("jk,ksb->jskb", waves, found.vector)
    return psi.reshape(L * found.vector.shape[1], -1)


def matrix(found: Rates):
    """R(b -> a), (a, b)."""
    return found.into.T @ (found.out_of * found.weight)
