"""Where narrow resonances lie: what an average over energies could step over without a trace.

The complex eigenvalues ``z`` of ``H + Sigma(E)`` at ``E = Re z`` are the poles of the Green function near
the axis: a resonance at ``Re z`` of half-width ``-Im z``.  They are found for lattices whose eigenvalues
are cheap; broad ones are left out, since the error estimate sees them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import OpenSystem
from modelkit.solve.methods.lattice.channels import channels

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]

MOST_ORBITALS = 300  # whose eigenvalues are calculated: 0.1 s
MOST_WORK = 1e8  # n^3 for each resonance that is followed where Sigma depends on the energy
CHUNK = 2**26  # bytes of matrices solved together
NARROW = 1e-3  # of T: the error estimate sees what is broader
ROUNDS = 4  # of inverse iteration, which converges quadratically
WINDOW = 40.0  # T
SEEN = 9.0  # T: where all orbitals must be broadened to exclude resonances
SHARE = 0.125  # of the width of a spectrum: the panels about a resonance begin with four half-widths of it
ROUNDING = 1e-15  # of the largest energy: a level that is not broader is one that nothing reaches


@dataclass(frozen=True)
class Resonances:
    """Narrow resonances within the thermal window, (n,) each; ``width`` is half the full width.

    ``searched`` is False where the lattice is too large for that; ``solved`` counts the linear systems
    and eigenvalue problems it took.
    """

    centre: Floats
    width: Floats
    searched: bool = True
    solved: int = 0


def narrow_resonances(system: OpenSystem, mu: float, T: float, gap: float = 0.0) -> Resonances:
    """Resonances narrower than T/1000, within 40 T + gap from mu; all levels as one where T is above them."""
    poles = system.contacts.poles
    if _all_broadened(system, mu, T):
        found = _chosen(poles, mu, T, gap)
    elif system.hamiltonian.shape[0] > MOST_ORBITALS:
        found = _chosen(poles, mu, T, gap, searched=False)
    else:
        levels, solved = _eigenvalues(system, mu, T, gap)
        found = _chosen(np.concatenate([levels, poles]), mu, T, gap, solved=solved)
    centre, width = _whole_spectrum(system, mu)
    if not 0 < width < T:
        return found
    return replace(found, centre=np.append(found.centre, centre), width=np.append(found.width, SHARE * width))


def _chosen(
    z: Complexes, mu: float, T: float, gap: float, *, searched: bool = True, solved: int = 0
) -> Resonances:
    width = np.abs(z.imag)
    largest = np.max(np.abs(z), initial=abs(mu))
    near = (np.abs(z.real - mu) < WINDOW * T + gap) & (width < NARROW * T) & (width > ROUNDING * largest)
    return Resonances(z.real[near], width[near], searched, solved)


def _whole_spectrum(system: OpenSystem, mu: float) -> tuple[float, float]:
    """Middle and width of an interval that holds all levels."""
    level = system.hamiltonian.diagonal().real
    reach = np.asarray(abs(system.hamiltonian).sum(axis=1)).ravel() - np.abs(level)
    reach = reach + float(np.abs(channels(system, np.array([mu])).sigma).max(initial=0.0))
    low, high = float(np.min(level - reach, initial=np.inf)), float(np.max(level + reach, initial=-np.inf))
    return (low + high) / 2, high - low


def _all_broadened(system: OpenSystem, mu: float, T: float) -> bool:
    """Whether every orbital has a rate above T/500: no eigenvalue is closer to the axis than half of it."""
    contacts = system.contacts
    if not contacts.scalar or len(np.unique(contacts.site)) < len(system.weight):
        return False
    sigma = np.asarray(contacts.sigma(mu + np.array([-SEEN, 0.0, SEEN]) * T))
    gamma = np.array([np.bincount(contacts.site, -2 * part.imag, len(system.weight)) for part in sigma])
    return bool(gamma.min(initial=np.inf) > 2 * NARROW * T)


def _eigenvalues(system: OpenSystem, mu: float, T: float, gap: float) -> tuple[Complexes, int]:
    """Eigenvalues of ``H + Sigma(E)`` with Sigma at their own energy, and how many problems that took."""
    h = system.hamiltonian.toarray()
    values, vectors = np.linalg.eig(h + _self_energy(system, np.array([mu]))[0])
    near = np.abs(values.real - mu) < 1.2 * (WINDOW * T + gap)
    z: Complexes = np.asarray(values[near], dtype=np.complex128)
    states: Complexes = np.asarray(vectors[:, near].T, dtype=np.complex128)
    if not len(z):
        return z, 1
    for _ in range(2):  # of first order, which is enough for weak couplings
        z = _expectation(system, h, z.real, states)
    narrow = np.flatnonzero(np.abs(z.imag) < 10 * NARROW * T)
    narrow = narrow[np.argsort(np.abs(z.real[narrow] - mu))][: int(MOST_WORK / len(h) ** 3)]
    if not _depends_on_energy(system, mu, z.real):
        return z, 1
    size = max(1, CHUNK // (16 * h.size))
    for first in range(0, len(narrow), size):
        part = narrow[first : first + size]
        z[part] = _iterated(system, h, z[part], states[part])
    return z, 1 + ROUNDS * len(narrow)


def _iterated(system: OpenSystem, h: Complexes, z: Complexes, vectors: Complexes) -> Complexes:
    """Inverse iteration of some eigenvalues together, each with Sigma at its own energy."""
    apart = 1e-14 * np.abs(h).max(initial=1.0)  # an exact eigenvalue would make the matrix singular
    for _ in range(ROUNDS):
        matrix = h + _self_energy(system, z.real) - (z + apart)[:, None, None] * np.eye(len(h))
        try:
            found = np.linalg.solve(matrix, vectors[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:
            return z
        norm = np.linalg.norm(found, axis=1, keepdims=True)
        if not np.all((norm > 0) & np.isfinite(norm)):  # elements near the largest or smallest number
            return z
        vectors = np.asarray(found / norm, dtype=np.complex128)
        z = _expectation(system, h, z.real, vectors)
    return z


def _expectation(system: OpenSystem, h: Complexes, energies: Floats, vectors: Complexes) -> Complexes:
    """``v† (H + Sigma(E)) v`` of normalised vectors; (n,).

    The imaginary part is a sum of terms of one sign, so that weak couplings keep their digits.
    """
    found = channels(system, energies)
    left, right = vectors[:, found.sigma_row].conj(), vectors[:, found.sigma_column]
    level = np.einsum("ki,ij,kj->k", vectors.conj(), h, vectors, optimize=True)
    return np.asarray(level.real + (left * found.sigma * right).sum(axis=1))


def _depends_on_energy(system: OpenSystem, mu: float, energies: Floats) -> bool:
    sigma = channels(system, np.append(energies, mu)).sigma
    return bool(np.any(sigma != sigma[-1]))


def _self_energy(system: OpenSystem, energies: Floats) -> Complexes:
    """(n_E, n, n)"""
    found = channels(system, energies)
    n = system.hamiltonian.shape[0]
    matrix = np.zeros((len(energies), n, n), dtype=complex)
    at = np.arange(len(energies))[:, None]
    np.add.at(matrix, (at, found.sigma_row, found.sigma_column), found.sigma)
    return matrix
