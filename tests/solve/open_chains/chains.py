"""Unit cells written by hand, and their rates by the brute force of (R1), (R2): no code of modelkit."""

from typing import Any

import numpy as np

from modelkit.compile.lindbladian import ModeBath
from modelkit.compile.modes import Modes, Rates
from modelkit.compile.unit_cell import CellJump, UnitCell

UP, DOWN = 0, 1


def thermal(beta: float, rate: float) -> ModeBath:
    return ModeBath("thermal", beta, rate, lambda e: np.exp(-beta * e / 2))


def jump(name: str, rate: float, bilinear: Any = None, loss: Any = None, gain: Any = None) -> CellJump:
    def arrays(blocks):
        return {place: np.asarray(block, complex) for place, block in (blocks or {}).items()}

    return CellJump(name, rate, arrays(bilinear), arrays(loss), arrays(gain))


def cell(hopping, jumps=(), baths=(), cells=None, filling=None, spin=None) -> UnitCell:
    blocks = {x: np.asarray(block, complex) for x, block in hopping.items()}
    d = len(blocks[0])
    spin = np.full(d, -1) if spin is None else np.asarray(spin)
    return UnitCell(
        blocks,
        tuple(part for part in jumps if part.rate > 0),
        tuple(part for part in baths if part.rate > 0),
        cells,
        "k_j",
        tuple(f"c{o}" for o in range(d)),
        spin,
        filling,
    )


def nonreciprocal(g_neq=0.5, delta=1 + 1j, deltap=1 + 0.5j, beta=2.0, filling=0.5, cells=None, eps=1.0):
    """One orbital, ``L_j = (c_j† + delta c_{j+1}†)(c_j - delta' c_{j+1})``: Eqs. (7)-(9), (15)."""
    pump = {(0, 0): [[1]], (0, 1): [[-deltap]], (1, 0): [[delta]], (1, 1): [[-delta * deltap]]}
    return cell(
        {0: [[0]], 1: [[-1]], -1: [[-1]]},
        [jump("pump", eps * g_neq, pump)],
        [thermal(beta, eps * (1 - g_neq))],
        cells,
        filling,
    )


def rashba(
    g_neq=0.9, ay=1.1, az=0.9, h=1.0, up=1.0, down=0.0, beta=2.0, filling=0.5, cells=None, g_eq=None, eps=1.0
):
    """Two orbitals with spin-orbit hopping and dephasing of each spin: Eqs. (17)-(19)."""
    g_eq = 1 - g_neq if g_eq is None else g_eq
    one, sz, isy = np.eye(2), np.diag([1.0, -1.0]), np.array([[0, 1], [-1, 0]], complex)
    forward = -one - az * isy + 1j * ay * sz
    return cell(
        {0: h * sz, 1: forward, -1: forward.conj().T},
        [
            jump("up", eps * (1 - g_eq) * up, {(0, 0): np.diag([1, 0])}),
            jump("down", eps * (1 - g_eq) * down, {(0, 0): np.diag([0, 1])}),
        ],
        [thermal(beta, eps * g_eq)],
        cells,
        filling,
        [UP, DOWN],
    )


def lossy(a=0.4 + 0.8j, g=0.6, cells=None):
    """``L_j = c_j + a c_{j+1}`` and gain ``sqrt(g) c_j†`` on the chain."""
    return cell(
        {0: [[0]], 1: [[-1]], -1: [[-1]]},
        [jump("loss", 1.0, loss={0: [1], 1: [a]}), jump("gain", g, gain={0: [1]})],
        cells=cells,
    )


def random(
    seed: int, d: int, reach: int = 1, jumps: int = 2, linear=False, bath=0.3, cells=None, filling=0.4
):
    """Hopping and jump operators of random complex entries."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return rng.normal(size=shape) + 1j * rng.normal(size=shape)

    hopping = {0: draw(d, d)}
    hopping[0] = hopping[0] + hopping[0].conj().T
    for x in range(1, reach + 1):
        hopping[x] = draw(d, d)
        hopping[-x] = hopping[x].conj().T
    family = []
    for number in range(jumps):
        places = [(int(x), int(y)) for x, y in rng.integers(-reach, reach + 1, (3, 2))]
        family.append(jump(f"W{number}", rng.uniform(0.2, 1), {place: draw(d, d) for place in places}))
    if linear:
        family.append(jump("loss", 0.7, loss={0: draw(d), 1: draw(d)}))
        family.append(jump("gain", 0.4, gain={0: draw(d), -1: draw(d)}))
    baths = [thermal(0.3, bath)]
    return cell(hopping, family, baths, cells, None if linear else filling)


def ring(L, shift=0.0):
    """Momenta and weights of L cells."""
    return 2 * np.pi * (np.arange(L) - L // 2 + shift) / L, np.full(L, 1 / L)


def brute_modes(chain: UnitCell, k, weight) -> Modes:
    energy, vector = np.linalg.eigh(chain.hamiltonian(k))
    velocity = np.einsum("kav,kab,kbv->kv", vector.conj(), chain.velocity(k), vector).real
    return Modes(k, weight, energy, velocity, vector)


def brute_rates(chain: UnitCell, modes: Modes):
    """``K[a, b]`` with ``R(b -> a) = w_b K[a, b]``, and loss and gain of every mode, entry by entry."""
    n_k, d = modes.energy.shape
    M = n_k * d
    K, loss, gain = np.zeros((M, M)), np.zeros(M), np.zeros(M)
    labels = [(i, band) for i in range(n_k) for band in range(d)]
    for part in chain.jumps:
        for a, (i, mu) in enumerate(labels):
            u = modes.vector[i, :, mu]
            amplitude = sum((v * np.exp(1j * modes.k[i] * x)) @ u for x, v in part.loss.items())
            loss[a] += part.rate * abs(amplitude) ** 2
            amplitude = sum((v * np.exp(-1j * modes.k[i] * x)) @ u.conj() for x, v in part.gain.items())
            gain[a] += part.rate * abs(amplitude) ** 2
            if not part.bilinear:
                continue
            for b, (j, nu) in enumerate(labels):
                w = 0.0
                for (x, y), block in part.bilinear.items():
                    phase = np.exp(-1j * modes.k[i] * x + 1j * modes.k[j] * y)
                    w = w + phase * (u.conj() @ block @ modes.vector[j, :, nu])
                K[a, b] += part.rate * abs(w) ** 2
    e = modes.energy.ravel()
    for bath in chain.baths:
        K += bath.rate * bath.kernel(e[:, None] - e[None, :])
    return K, loss, gain


def brute_flow(n, K, loss, gain, weight):
    """(R1) with sums over all pairs."""
    filling, emptying = K @ (weight * n) + gain, K.T @ (weight * (1 - n)) + loss
    return (1 - n) * filling - n * emptying


def separated(K, loss, gain, weight) -> Rates:
    """The rates as products, by the singular value decomposition of the whole matrix."""
    left, size, right = np.linalg.svd(K)
    rank = int(np.sum(size > 1e-14 * size[0])) if size[0] > 0 else 0
    return Rates((left[:, :rank] * size[:rank]).T, right[:rank], loss, gain, weight)


def brute(chain: UnitCell, k, weight):
    """Modes and separated rates without modelkit."""
    modes = brute_modes(chain, k, weight)
    K, loss, gain = brute_rates(chain, modes)
    whole = np.repeat(weight, chain.dimension)
    return modes, separated(K, loss, gain, whole), K
