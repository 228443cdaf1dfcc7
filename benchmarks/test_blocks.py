"""Transmission of strips with spin: doubling against the plain recursion and a sparse factorisation.

The terminals are wide bands over both whole ends, so that self-energies cost nothing.  One thread:
``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1``.
"""

import time

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import splu

from modelkit.registry import methods
from modelkit.solve import choose as _choose  # noqa: F401  (enters the methods)
from modelkit.solve.methods.lattice import blocks
from tests.solve.systems import chain_matrix, constant, system

SPIN_X, SPIN_Y = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]])
RASHBA, COUPLING = 0.3, 1.0


def rashba_strip(width, length, disorder=0.0):
    """W x L sites with spin 1/2 and levels spread evenly over ``disorder``."""
    along = -np.eye(2) - 0.5j * RASHBA * SPIN_Y
    across = -np.eye(2) + 0.5j * RASHBA * SPIN_X
    h = sparse.kron(sparse.kron(chain_matrix(length, 1.0).multiply(_lower(length)), np.eye(width)), along)
    h = h + sparse.kron(sparse.kron(np.eye(length), chain_matrix(width, 1.0).multiply(_lower(width))), across)
    h = h + h.conj().T
    levels = disorder * (np.random.default_rng(0).random(width * length) - 0.5)
    h = sparse.csr_array(h + sparse.kron(sparse.diags_array(levels), np.eye(2)))
    site = np.concatenate([np.arange(width), (length - 1) * width + np.arange(width)])
    sigma = constant(np.full(2 * width, -0.5j * COUPLING))
    return system(h, np.repeat([0, 1], width), site, sigma, offset=np.arange(0, 2 * width * length + 1, 2))


def _lower(n):
    return sparse.csr_array(np.tri(n, k=-1))


def by_factorisation(open_system, energy):
    """T[1, 0] by a sparse LU and columns at one contact: the obvious method."""
    n = open_system.hamiltonian.shape[0]
    ends = [np.flatnonzero(open_system.contacts.terminal == k) for k in (0, 1)]
    left, right = (np.ravel(2 * open_system.contacts.site[end][:, None] + np.arange(2)) for end in ends)
    absorbed = np.zeros(n, dtype=complex)
    absorbed[[*left, *right]] = -0.5j * COUPLING
    z = energy * sparse.eye_array(n) - open_system.hamiltonian - sparse.diags_array(absorbed)
    columns = np.zeros((n, len(left)), dtype=complex)
    columns[left, np.arange(len(left))] = 1.0
    return COUPLING**2 * np.sum(np.abs(splu(sparse.csc_array(z)).solve(columns)[right]) ** 2)


def timed(function):
    """CPU seconds of one run, and what it gives."""
    begin = time.process_time()
    found = function()
    return time.process_time() - begin, found


SIZES = [(10, 100, 50, 8.0), (20, 200, 30, 8.0), (40, 400, 8, 6.0), (100, 100, 4, 2.0)]


@pytest.mark.parametrize(("width", "length", "count", "least"), SIZES)
def test_doubling_of_a_clean_strip(width, length, count, least, smoke, monkeypatch):
    if smoke:
        width, length, count = 3, 12, 4
    open_system = rashba_strip(width, length)
    energies = np.random.default_rng(1).uniform(-3, 3, count)
    conductor = methods["blocks"].build(open_system)
    doubled, found = timed(lambda: conductor.at(energies).transmission())
    few = energies[: max(1, count // 8)]
    monkeypatch.setattr(blocks, "USED", slice(-1, None))
    plain, slow = timed(lambda: methods["blocks"].build(open_system).at(few).transmission())
    factorised, expected = timed(lambda: by_factorisation(open_system, energies[0]))
    assert np.abs(found[: len(few)] - slow).max() < 1e-9 * slow.max()
    assert abs(found[0, 1, 0] - expected) < 1e-9 * expected
    doubled, plain = doubled / count, plain / len(few)
    print(
        f"\n{width} x {length}, an energy: doubling {doubled * 1e3:.2f} ms, plain {plain * 1e3:.1f} ms, "
        f"sparse LU {factorised * 1e3:.0f} ms; ratios {plain / doubled:.1f} and {factorised / doubled:.0f}"
    )
    if not smoke:
        assert factorised / doubled >= least


@pytest.mark.parametrize(("width", "length", "count"), [size[:3] for size in SIZES[:3]])
def test_a_disordered_strip(width, length, count, smoke):
    """Shown without a threshold."""
    if smoke:
        width, length, count = 3, 12, 4
    open_system = rashba_strip(width, length, 1.0)
    energies = np.random.default_rng(1).uniform(-3, 3, max(2, count // 4))
    conductor = methods["blocks"].build(open_system)
    plain, found = timed(lambda: conductor.at(energies).transmission())
    factorised, expected = timed(lambda: by_factorisation(open_system, energies[0]))
    assert abs(found[0, 1, 0] - expected) < 1e-9 * expected
    plain /= len(energies)
    print(
        f"\n{width} x {length} with disorder, an energy: layers {plain * 1e3:.1f} ms, sparse LU "
        f"{factorised * 1e3:.0f} ms; ratio {factorised / plain:.1f}"
    )
