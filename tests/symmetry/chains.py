"""Open chains and independent small solvers for them: they share nothing with the package.

Exact density matrices of N particles on a ring, the rate equation with rates from plain waves, the equation
of motion of the correlation matrix, and commuting matrices by brute force.
"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np

from modelkit.symmetry.chains.open_chain import Bath, OneBody, OpenChain, loss

SX, SY, SZ = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])
UP, DOWN = np.diag([1, 0]), np.diag([0, 1])


def chain1(d, dp, g=0.5):
    """(c_j^+ + d c_{j+1}^+)(c_j - d' c_{j+1}) on a plain chain."""
    return OpenChain(
        {1: -1}, (OneBody({(0, 0): 1, (0, 1): -dp, (1, 0): d, (1, 1): -d * dp}, g), Bath(2, 1 - g))
    )


def chain2(up=1.0, g=0.9, ay=1.1, az=0.9, h=1.0):
    """Dephasing of the spins on a chain with two Rashba terms and a field."""

    def bloch(k):
        return -2 * np.cos(k) * np.eye(2) + (2 * ay * np.sin(k) + h) * SZ - 2 * az * np.sin(k) * SY

    jumps = OneBody({(0, 0): UP}, g * up), OneBody({(0, 0): DOWN}, g * (1 - up)), Bath(2, 1 - g)
    return OpenChain.from_bloch(bloch, 1, jumps, spaces=("spin",))


# ---- exact: N particles on a ring -------------------------------------------------------------------------


def ring(blocks, L, d, cells):
    """Sum over the given cells j of c_{j+x}^+ W_xy c_{j+y}, (L d, L d)."""
    found = np.zeros((L, d, L, d), dtype=complex)
    for j, ((x, y), W) in itertools.product(cells, blocks.items()):
        found[(j + x) % L, :, (j + y) % L, :] += W
    return found.reshape(L * d, L * d)


@cache
def hops(M, N):
    """c_a^+ c_b for all a, b in the states of N particles, (M, M, D, D)."""
    states = [sum(1 << a for a in occupied) for occupied in itertools.combinations(range(M), N)]
    number = {state: i for i, state in enumerate(states)}
    found = np.zeros((M, M, len(states), len(states)))
    for state, a, b in itertools.product(states, range(M), range(M)):
        without = state & ~(1 << b)
        if state >> b & 1 and not without >> a & 1:
            between = bin(without >> (min(a, b) + 1) & ((1 << max(abs(a - b) - 1, 0)) - 1)).count("1")
            found[a, b, number[without | 1 << a], number[state]] = (-1) ** between
    return found


def exact(chain, L, N, eps):
    """Currents of the Hamiltonian and of the local jumps in the steady state, per cell."""
    d = chain.d
    second = hops(L * d, N)

    def many(matrix):
        return np.tensordot(matrix, second, axes=2)

    h = ring({(x, 0): b for (x,), b in chain.blocks.items()}, L, d, range(L))
    v = ring({(x, 0): -1j * x * b for (x,), b in chain.blocks.items()}, L, d, range(L))
    D = second.shape[-1]
    flow = np.zeros((D, D), dtype=complex)
    operators = []
    for jump, j in itertools.product(chain.one_body, range(L)):
        A = many(ring(jump.blocks, L, d, [j])) * np.sqrt(eps * jump.rate)
        X = many(ring({(x, x): x * np.eye(d) for x in range(-1, 3)}, L, d, [j]))
        AA = A.conj().T @ A
        flow += A.conj().T @ X @ A - (AA @ X + X @ AA) / 2
        operators.append(A)
    energy, modes = np.linalg.eigh(h)
    for bath, a, b in itertools.product(chain.baths, range(L * d), range(L * d)):
        factor = np.sqrt(eps * bath.rate / L) * np.exp(bath.beta * (energy[b] - energy[a]) / 4)
        operators.append(factor * many(np.outer(modes[:, a], modes[:, b].conj())))
    A = np.array(operators)
    S = np.tensordot(A, A.conj(), axes=(0, 0)).transpose(0, 2, 1, 3).reshape(D * D, D * D)
    K = 1j * many(h) + np.tensordot(A.conj(), A, axes=((0, 1), (0, 1))) / 2
    S = S - np.kron(K, np.eye(D)) - np.kron(np.eye(D), K.conj())
    S[0] = np.eye(D).ravel()  # the trace, in place of an equation that follows from the others
    rho = np.linalg.solve(S, np.eye(D * D)[0]).reshape(D, D)
    return np.trace(many(v) @ rho).real / L, np.trace(flow @ rho).real / L


# ---- the rate equation ------------------------------------------------------------------------------------


def rates(chain, L, half=True):
    """R(b -> a) as (a, b) from jump operators in the modes of a ring, the velocities and the momenta."""
    d = chain.d
    k = 2 * np.pi * (np.arange(L) + 0.5 * half) / L
    blocks = {x: b for (x,), b in chain.blocks.items()}
    h = sum(np.exp(-1j * x * k)[:, None, None] * b for x, b in blocks.items())
    slope = sum(-1j * x * np.exp(-1j * x * k)[:, None, None] * b for x, b in blocks.items())
    energy, u = np.linalg.eigh(h)
    v = np.einsum("ksa,kst,kta->ka", u.conj(), slope, u).real.ravel()
    e = energy.ravel()
    R = sum(bath.rate * np.exp(bath.beta * (e - e[:, None]) / 2) for bath in chain.baths) + np.zeros(
        (L * d, L * d)
    )
    for jump in chain.one_body:
        amplitude = 0
        for (x, y), W in jump.blocks.items():
            phase = np.exp(-1j * x * k)[:, None] * np.exp(1j * y * k)
            amplitude = amplitude + np.einsum("pq,psa,st,qtb->paqb", phase, u.conj(), W, u)
        R = R + jump.rate * np.abs(amplitude.reshape(L * d, L * d)) ** 2
    return R / L, v


def kinetic(chain, filling=0.5, L=64, half=True):
    """Current per cell in the steady state of the rate equation, by Newton's method."""
    R, v = rates(chain, L, half)
    M = len(v)
    n = np.full(M, filling)
    for _ in range(100):
        into, out = R @ n, R.T @ (1 - n)
        off = (1 - n) * into - n * out
        J = (1 - n)[:, None] * R + n[:, None] * R.T - np.diag(into + out)
        step = np.linalg.solve(J - np.ones((M, M)) / M, -off + np.mean(n - filling))
        limit = np.max(np.abs(step) / np.where(step > 0, 1 - n, n))
        n = n + step * min(1.0, 0.9 / limit)
        if np.abs(step).max() < 1e-15:
            break
    return float(v @ n / L)


def correlations(chain, L, eps):
    """Density and current of a plain chain: dG/dt = -i[h, G] - eps/2 {l + g, G} + eps g."""
    h = ring({(x, 0): b for (x,), b in chain.blocks.items()}, L, 1, range(L))
    v = ring({(x, 0): -1j * x * b for (x,), b in chain.blocks.items()}, L, 1, range(L))
    forms = {False: np.zeros((L, L), dtype=complex), True: np.zeros((L, L), dtype=complex)}
    for jump, j in itertools.product(chain.linear, range(L)):
        w = np.zeros(L, dtype=complex)
        for x, value in jump.coefficient.items():
            w[(j + x) % L] = value if jump.gains else np.conj(value)
        forms[jump.gains] += jump.rate * np.outer(w, w.conj())
    A = -1j * h - eps / 2 * (forms[False] + forms[True])
    S = np.kron(A, np.eye(L)) + np.kron(np.eye(L), A.conj())
    G = np.linalg.solve(S, -eps * forms[True].ravel()).reshape(L, L)
    return np.trace(G).real / L, np.trace(v @ G).real / L


def commuting(chain, L):
    """Dimension of all matrices that commute with h and every W, W^+, by brute force."""
    M = L * chain.d
    found = [ring({(x, 0): b for (x,), b in chain.blocks.items()}, L, chain.d, range(L))]
    for jump, j in itertools.product(chain.one_body, range(L)):
        W = ring(jump.blocks, L, chain.d, [j])
        found += [W, W.conj().T]
    rows = np.concatenate([np.kron(W, np.eye(M)) - np.kron(np.eye(M), W.T) for W in found])
    return M * M - np.linalg.matrix_rank(rows, tol=1e-9)


def random_matrix(rng, d):
    return rng.normal(size=(d, d)) + 1j * rng.normal(size=(d, d))


def planted(rng, d, motion, spoilt=0.0):
    """A chain and what a motion and a random unitary on the orbitals make of it."""
    h = random_matrix(rng, d)
    jumps = (
        OneBody({(0, 0): random_matrix(rng, d), (0, 1): random_matrix(rng, d)}, 0.8),
        loss({0: rng.normal(size=d), 1: 1j * rng.normal(size=d)}, 0.3),
    )
    chain = OpenChain({0: h + h.conj().T, 1: random_matrix(rng, d)}, jumps)
    image = chain.image(motion)
    U = np.linalg.qr(random_matrix(rng, d))[0]
    turned = []
    for jump in image.jumps:
        if isinstance(jump, OneBody):
            at = {cells: U @ W @ U.conj().T for cells, W in jump.blocks.items()}
            turned.append(OneBody(at, jump.rate * (1 + spoilt)))
        else:
            left = U if jump.gains else U.conj()
            turned.append(
                type(jump)({x: left @ v for x, v in jump.coefficient.items()}, jump.rate, jump.gains)
            )
    hopping = {x: U @ b @ U.conj().T for (x,), b in image.blocks.items()}
    return chain, OpenChain(hopping, tuple(turned))


# ---- chains and what reverses their current

FOUND = {  # reversing the current, all that is found
    "paper": (chain1(1 + 1j, 1 + 0.5j), set()),
    "real": (chain1(2, 0.7), {"time reversal"}),
    "one": (
        chain1(1, 1),
        {"inversion", "time reversal", "particle-hole x (-1)^j", "inversion x chiral x (-1)^j"},
    ),
    "same": (chain1(1 + 1j, 1 + 1j), {"particle-hole x (-1)^j"}),
    "inverse": (chain1(1 + 1j, 1 / (1 - 1j)), {"inversion x chiral x (-1)^j"}),
    "up": (chain2(), set()),
    "equal": (
        chain2(0.5),
        {"particle-hole x sigma_y x (-1)^j", "inversion x chiral x sigma_x x (-1)^j"},
    ),
    "ay = 0": (chain2(ay=0), {"inversion x sigma_z", "time reversal"}),
    "h = 0, equal": (
        chain2(0.5, h=0),
        {
            "inversion x sigma_x",
            "time reversal x sigma_y",
            "particle-hole x sigma_y x (-1)^j",
            "inversion x chiral x sigma_x x (-1)^j",
        },
    ),
    "h = 0": (chain2(h=0), set()),
    "az = 0": (chain2(az=0), set()),
}
