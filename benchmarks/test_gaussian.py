"""The covariance equation against QuTiP's steady state on all states, and its growth to thousands of sites.

A chain fed at one end and drained at the other, with a weak loss, disorder and dephasing everywhere.  One
thread: ``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1``.
"""

import time
from itertools import pairwise

import numpy as np
import pytest

from modelkit.solve.open_chains.gaussian.gaussian import Gaussian
from modelkit.solve.open_chains.problem import OpenProblem
from tests.solve.open_chains.fermions import chain, family, hopping

FEED, DRAIN, LEAK, PHASE = 0.5, 0.7, 0.05, 0.3


def levels(size):
    return np.random.default_rng(4).uniform(-0.5, 0.5, size)


def declared(size, phase=PHASE):
    """The chain as a Lindbladian."""
    every, ends = np.arange(size), np.eye(size)[[0, -1]]
    families = [family(FEED, gain=ends[:1]), family(DRAIN, loss=ends[1:]), family(LEAK, loss=np.eye(size))]
    if phase:
        numbers = np.zeros((size, size, size))
        numbers[every, every, every] = 1
        families.append(family(phase, bilinear=numbers))
    whole = chain(hopping(size) + np.diag(levels(size)), *families)
    return OpenProblem(lindbladian=whole, asked=frozenset({"occupation"}))


def by_qutip(size):
    """Occupations from ``qutip.steadystate`` with Jordan-Wigner fermions on 2^size states."""
    import qutip

    c = [
        qutip.tensor([qutip.sigmaz()] * j + [qutip.destroy(2)] + [qutip.qeye(2)] * (size - j - 1))
        for j in range(size)
    ]
    n = [one.dag() * one for one in c]
    H = sum(level * number for level, number in zip(levels(size), n, strict=True))
    H = H - sum(b.dag() * a + a.dag() * b for a, b in pairwise(c))
    jumps = [np.sqrt(FEED) * c[0].dag(), np.sqrt(DRAIN) * c[-1]]
    jumps += [np.sqrt(LEAK) * one for one in c] + [np.sqrt(PHASE) * one for one in n]
    rho = qutip.steadystate(H, jumps)
    return np.array([qutip.expect(number, rho) for number in n])


def shortest(function, rounds):
    """Shortest of several runs in seconds, and what it gives."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        found = function()
        times.append(time.perf_counter() - begin)
    return min(times), found


def test_seven_sites_against_qutip(smoke):
    size = 4 if smoke else 7
    problem = declared(size)
    Gaussian().steady(problem)  # imports
    ours, found = shortest(lambda: Gaussian().steady(problem), 20)
    theirs, expected = shortest(lambda: by_qutip(size), 1)
    assert np.abs(found.occupation.values - expected).max() < 1e-8
    print(f"\n{size} sites: gaussian {ours * 1e3:.2f} ms, qutip {theirs:.2f} s, ratio {theirs / ours:.0f}")
    if not smoke:
        assert theirs > 1000 * ours


@pytest.mark.parametrize(("phase", "sizes"), [(0.0, (250, 1000)), (PHASE, (75, 300))])
def test_growth(phase, sizes, smoke):
    """Dense matrices: the third power of the sites, with dephasing at most the fourth."""
    small, large = (10, 20) if smoke else sizes
    first, _ = shortest(lambda: Gaussian().steady(declared(small, phase)), 3)
    second, found = shortest(lambda: Gaussian().steady(declared(large, phase)), 1)
    assert max(found.audits.values()) < 1e-11
    power = np.log(second / first) / np.log(large / small)
    print(
        f"\ndephasing {phase}: {small} sites {first:.3f} s, {large} sites {second:.2f} s, power {power:.1f}"
    )
    if not smoke:
        assert power < (3.6 if phase == 0 else 4.3)
