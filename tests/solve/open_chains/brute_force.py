"""Open chains of a few modes as dense matrices on all 2^M states, built from Kronecker products."""

import numpy as np
from scipy.linalg import expm, null_space

from modelkit.solve.open_chains.exact.charges import parts_of


def annihilators(size):
    """c_0, c_1, ...: ``Z x ... x Z x s x 1 x ...`` with empty before filled."""
    lower, sign, one = np.array([[0, 1], [0, 0]]), np.diag([1, -1]), np.eye(2)
    found = []
    for mode in range(size):
        matrix = np.eye(1)
        for other in range(size):
            matrix = np.kron(matrix, sign if other < mode else lower if other == mode else one)
        found.append(matrix)
    return found


def operator(products, member, c):
    """The sum of products of one member."""
    whole = np.zeros(c[0].shape, dtype=complex)
    for m, orbitals, value in zip(products.member, products.orbital, products.value, strict=True):
        if m == member:
            one = np.eye(len(whole))
            for orbital, dagger in zip(orbitals, products.dagger, strict=True):
                one = one @ (c[orbital].T if dagger else c[orbital])
            whole = whole + value * one
    return whole


def matrices(lindbladian, cells=None):
    """H and ``sqrt(rate) L`` of all jumps on the full space."""
    c = annihilators(lindbladian.size)
    h = lindbladian.hamiltonian.toarray()
    H = sum(h[i, j] * c[i].T @ c[j] for i in range(len(c)) for j in range(len(c)))
    H = H + operator(lindbladian.interaction, 0, c)
    jumps = [
        np.sqrt(rate) * sum(operator(part, member, c) for part in parts_of(family))
        for family in lindbladian.jumps
        for member, rate in enumerate(family.rate)
    ]
    energy, vectors = np.linalg.eigh(h)
    for bath in lindbladian.baths:
        for a in range(len(c)):
            for b in range(len(c)):
                rate = bath.rate / (cells or len(c)) * bath.kernel(energy[a] - energy[b])
                create = sum(vectors[i, a] * c[i].T for i in range(len(c)))
                destroy = sum(vectors[i, b].conj() * c[i] for i in range(len(c)))
                jumps.append(np.sqrt(rate) * create @ destroy)
    return H, jumps, c


def superoperator(H, jumps):
    """On ``rho.reshape(-1)``."""
    one = np.eye(len(H))
    whole = -1j * (np.kron(H, one) - np.kron(one, H.T))
    for L in jumps:
        decay = L.conj().T @ L
        whole += np.kron(L, L.conj()) - 0.5 * (np.kron(decay, one) + np.kron(one, decay.T))
    return whole


def with_number(c, allowed):
    """Indices of states with these numbers of particles."""
    number = np.rint(sum(np.diag(one.T @ one) for one in c)).astype(int)
    return np.flatnonzero(np.isin(number, list(allowed)))


def steady(H, jumps, c, numbers=None):
    """The steady state with these numbers of particles."""
    states = np.arange(len(H)) if numbers is None else with_number(c, numbers)
    on = np.ix_(states, states)
    null = null_space(superoperator(H[on], [L[on] for L in jumps]), rcond=1e-11)
    assert null.shape[1] == 1
    block = null[:, 0].reshape(len(states), len(states))
    rho = np.zeros(H.shape, dtype=complex)
    rho[on] = block / np.trace(block)
    return rho


def evolved(H, jumps, rho, time):
    return (expm(time * superoperator(H, jumps)) @ rho.reshape(-1)).reshape(rho.shape)


def covariance(rho, c):
    """``<c_j† c_i>``."""
    return np.array([[np.trace(rho @ cj.T @ ci) for cj in c] for ci in c])
