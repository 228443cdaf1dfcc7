"""Fermions on 2^M states as dense matrices, and Lindbladians built by hand from arrays."""

from functools import cache

import numpy as np
from scipy import sparse
from scipy.linalg import expm, null_space

from modelkit.compile.lindbladian import JumpFamily, Lindbladian
from modelkit.graph.device import Products


@cache
def annihilators(modes):
    """``c_i`` with Jordan-Wigner signs, (modes, 2^modes, 2^modes)."""
    lower, sign, one = np.array([[0, 1], [0, 0]]), np.diag([1.0, -1.0]), np.eye(2)
    found = []
    for mode in range(modes):
        whole = np.eye(1)
        for factor in [sign] * mode + [lower] + [one] * (modes - mode - 1):
            whole = np.kron(whole, factor)
        found.append(whole)
    return np.array(found)


def bilinear(matrix):
    """``c† M c`` on all states."""
    c = annihilators(len(matrix))
    return np.einsum("ij,iba,jbc->ac", matrix, c, c)


class Fock:
    """The full Liouvillian of h, and jumps (rate, loss, gain, W)."""

    def __init__(self, h, jumps):
        self.modes = len(h)
        c = annihilators(self.modes)
        size = 2**self.modes
        one = np.eye(size)
        H = bilinear(h)
        found = -1j * (np.kron(H, one) - np.kron(one, H.T))
        for rate, loss, gain, matrix in jumps:
            L = np.tensordot(loss, c, 1) + np.tensordot(gain, c.transpose(0, 2, 1), 1) + bilinear(matrix)
            both = L.conj().T @ L
            found += rate * (np.kron(L, L.conj()) - (np.kron(both, one) + np.kron(one, both.T)) / 2)
        self.liouvillian = found

    def steady(self):
        kernel = null_space(self.liouvillian, rcond=1e-11)
        assert kernel.shape[1] == 1
        rho = kernel[:, 0].reshape(2**self.modes, -1)
        return self.covariance(rho / np.trace(rho))

    def evolved(self, occupation, times):
        """Covariances, from independent modes with given occupations."""
        rho = np.eye(1)
        for n in occupation:
            rho = np.kron(rho, np.diag([1 - n, n]))
        found = [expm(self.liouvillian * time) @ rho.ravel() for time in times]
        return np.array([self.covariance(one.reshape(rho.shape)) for one in found])

    def covariance(self, rho):
        """``<c_j† c_i>``, (to, from)."""
        c = annihilators(self.modes)
        return np.einsum("jba,ibc,ca->ij", c, c, rho)


def nothing(*dagger):
    """No products."""
    degree = len(dagger)
    return Products(np.zeros(0, int), np.zeros((0, degree), int), dagger, np.zeros(0, complex))


def family(rate, *, loss=None, gain=None, bilinear=None, size=None, name="d"):
    """A jump family from arrays (count, n), (count, n), (count, n, n); missing ones are zero."""
    given = next(part for part in (loss, gain, bilinear) if part is not None)
    count, size = given.shape[0], given.shape[1]
    rate = np.broadcast_to(np.asarray(rate, float), (count,)).copy()
    zero = np.zeros((count, size), complex)
    products = nothing(True, False)
    if bilinear is not None:
        member, row, column = np.nonzero(bilinear)
        values = np.asarray(bilinear, complex)[member, row, column]
        products = Products(member, np.stack([row, column], 1), (True, False), values)
    return JumpFamily(
        name,
        tuple(f"{name}[{number + 1}]" for number in range(count)),
        rate,
        sparse.csr_array(zero if loss is None else np.asarray(loss, complex)),
        sparse.csr_array(zero if gain is None else np.asarray(gain, complex)),
        products,
        np.zeros(count, complex),
    )


def chain(h, *families, filling=None, lattice=None, device=None):
    """A Lindbladian of one lattice ``chain``, or of several: ``lattice`` numbers them."""
    size = h.shape[0]
    lattice = np.zeros(size, int) if lattice is None else np.asarray(lattice)
    names = tuple(f"chain{number}" if number else "chain" for number in range(lattice.max() + 1))
    return Lindbladian(
        sparse.csr_array(h.astype(complex)),
        tuple(families),
        (),
        nothing(True, False, True, False),
        filling or {},
        names,
        lattice,
        device,
    )


def random_complex(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def random_hermitian(rng, size):
    matrix = random_complex(rng, size, size)
    return (matrix + matrix.conj().T) / 2


def hopping(size, *, ring=False, hop=-1.0):
    """Nearest-neighbour hops ``h[j+1, j] = hop``."""
    h = np.zeros((size, size), complex)
    for j in range(size if ring else size - 1):
        h[(j + 1) % size, j] += hop
        h[j, (j + 1) % size] += np.conj(hop)
    return h
