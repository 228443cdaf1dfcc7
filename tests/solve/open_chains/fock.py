"""Density matrices on all occupations of a few modes, by Jordan and Wigner: no code of modelkit."""

from functools import reduce

import numpy as np


def annihilators(count: int) -> list[np.ndarray]:
    """c_a on 2^count states."""
    one, sign, lower = np.eye(2), np.diag([1.0, -1.0]), np.array([[0, 1], [0, 0]])
    return [reduce(np.kron, [sign] * a + [lower] + [one] * (count - a - 1)) for a in range(count)]


def product_state(eta, n):
    """``prod (n_a n̂_a + (1-n_a)(1-n̂_a))`` of modes eta."""
    one = np.eye(len(eta[0]))
    rho = one
    for op, filling in zip(eta, n, strict=True):
        number = op.conj().T @ op
        rho = rho @ (filling * number + (1 - filling) * (one - number))
    return rho


def dissipated(L, rho):
    """``L rho L† - {L†L, rho}/2``."""
    square = L.conj().T @ L
    return L @ rho @ L.conj().T - 0.5 * (square @ rho + rho @ square)


class Ring:
    """Modes and sites of a ring with all operators of a unit cell as matrices."""

    def __init__(self, cell, modes):
        self.cell, self.modes = cell, modes
        self.L, self.d = cell.cells, cell.dimension
        self.eta = annihilators(self.L * self.d)

    def site(self, j, s):
        """``c_js = L^-1/2 sum_k exp(i k j) u_s eta``."""
        modes = self.modes
        return sum(
            np.exp(1j * modes.k[i] * j)
            * modes.vector[i, s, band]
            * self.eta[i * self.d + band]
            / np.sqrt(self.L)
            for i in range(self.L)
            for band in range(self.d)
        )

    def jump(self, part, j):
        """L_j of a family."""
        total = 0.0
        c = {(x, s): self.site(x, s) for x in range(j - 3, j + 4) for s in range(self.d)}
        for (x, y), block in part.bilinear.items():
            for s, t in zip(*np.nonzero(block), strict=True):
                total = total + block[s, t] * c[j + x, s].conj().T @ c[j + y, t]
        for x, v in part.loss.items():
            total = total + sum(v[s] * c[j + x, s] for s in range(self.d))
        for x, v in part.gain.items():
            total = total + sum(v[s] * c[j + x, s].conj().T for s in range(self.d))
        return total

    def bath_jumps(self, bath):
        """Every ``sqrt(rate/L kernel) eta_a† eta_b``."""
        e = self.modes.energy.ravel()
        for a, first in enumerate(self.eta):
            for b, second in enumerate(self.eta):
                yield np.sqrt(bath.rate * bath.kernel(e[a] - e[b]) / self.L) * first.conj().T @ second

    def flow(self, n):
        """``dn_a/dt`` of the product state."""
        rho = product_state(self.eta, n)
        change = sum(
            part.rate * dissipated(self.jump(part, j), rho) for part in self.cell.jumps for j in range(self.L)
        )
        change = change + sum(dissipated(op, rho) for bath in self.cell.baths for op in self.bath_jumps(bath))
        return np.array([np.trace(op.conj().T @ op @ change).real for op in self.eta])
