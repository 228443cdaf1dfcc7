"""The gain and loss wire with a probe on every inner site: ladder against the dense method, and its growth.

``pytest benchmarks`` measures; with ``--benchmark-disable`` or ``MODELKIT_SMOKE=1`` small sizes are only run.
One thread: ``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1``.
"""

import time
import tracemalloc

import numpy as np

from modelkit.registry import methods
from modelkit.solve import choose as _choose  # noqa: F401  (enters the methods)
from tests.solve.systems import wire

GAMMA, ENERGY, INJECTED, BIAS = 0.3, 1.0, 0.01, 0.1


def conditions(n):
    """(f, unknown, constant, slope) of one energy."""
    f = np.zeros((1, n))
    f[0, [0, -1]] = BIAS / 2, -BIAS / 2
    unknown = np.ones(n, dtype=bool)
    unknown[[0, -1]] = False
    constant = np.zeros((1, n))
    constant[0, 1:-1] = INJECTED * (-1.0) ** np.arange(n - 2)
    return f, unknown, constant, np.zeros((1, n))


def by_ladder(conductor, problem):
    """Distributions of all terminals: factorise and balance."""
    conductor._last = None  # no factorisation is remembered between rounds
    return conductor.at(np.array([ENERGY])).balance(*problem)


def by_dense_matrices(system, problem):
    """The obvious method: invert, form the transmissions, solve for the probes."""
    f, unknown, constant, _ = problem
    sigma = system.contacts.sigma(np.array([ENERGY]))[0]
    green = np.linalg.inv(ENERGY * np.eye(len(sigma)) - system.hamiltonian.toarray() - np.diag(sigma))
    gamma = -2 * sigma.imag
    t = gamma[:, None] * np.abs(green) ** 2 * gamma
    laplacian = np.diag(t.sum(axis=1)) - t
    right = 2 * np.pi * constant[0] + t[:, ~unknown] @ f[0, ~unknown]
    found = f[0].copy()
    found[unknown] = np.linalg.solve(laplacian[np.ix_(unknown, unknown)], right[unknown])
    return found


def shortest(function, rounds):
    """Shortest of several runs, in seconds."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return min(times)


def test_a_thousand_probes_against_dense_matrices(benchmark, smoke):
    n = 60 if smoke else 1000
    system, problem = wire(n, GAMMA), conditions(n)
    conductor = methods["ladder"].build(system)
    assert np.abs(by_ladder(conductor, problem)[0] - by_dense_matrices(system, problem)).max() < 1e-11
    benchmark(by_ladder, conductor, problem)
    if smoke:
        return
    dense = shortest(lambda: by_dense_matrices(system, problem), 3)
    ladder = shortest(lambda: by_ladder(conductor, problem), 200)
    print(f"\nN = {n}: dense {dense * 1e3:.0f} ms, ladder {ladder * 1e3:.2f} ms, ratio {dense / ladder:.0f}")
    assert dense / ladder >= 300


def test_the_time_grows_linearly(smoke):
    sizes = (100, 1000) if smoke else (10_000, 100_000, 1_000_000)
    times = []
    print("\n        N   build   factorise + balance   all currents and bond currents")
    for n in sizes:
        system, problem = wire(n, GAMMA), conditions(n)
        begin = time.perf_counter()
        conductor = methods["ladder"].build(system)
        built = time.perf_counter() - begin
        times.append(shortest(lambda c=conductor, p=problem: by_ladder(c, p), 3))
        f = by_ladder(conductor, problem)
        found = conductor.at(np.array([ENERGY]))
        outputs = shortest(lambda g=found, f=f: (g.current(f), g.bond_current(f)), 2)
        print(f"{n:9d} {built:7.3f} {times[-1]:15.4f} s {outputs:20.4f} s")
    if not smoke:
        exponent = np.log(times[-1] / times[0]) / np.log(sizes[-1] / sizes[0])
        print(f"time ~ N^{exponent:.2f} (beyond N = 1e5 the lists leave the cache)")
        assert exponent < 1.3


def test_the_memory_grows_linearly(smoke):
    peaks = []
    sizes = (500, 1000) if smoke else (10_000, 20_000)
    for n in sizes:
        conductor, problem = methods["ladder"].build(wire(n, GAMMA)), conditions(n)
        tracemalloc.start()
        by_ladder(conductor, problem)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    print("\nbytes a site: " + ", ".join(f"{peak / n:.0f}" for peak, n in zip(peaks, sizes, strict=True)))
    assert peaks[1] < 2.5 * peaks[0]


def test_many_energies_at_once(benchmark, smoke):
    n, n_energies = (20, 5) if smoke else (200, 200)
    conductor = methods["ladder"].build(wire(n, GAMMA))
    energies = np.linspace(-1.9, 1.9, n_energies)
    problem = tuple(np.repeat(part, n_energies, axis=0) if part.ndim == 2 else part for part in conditions(n))

    def spectrum():
        conductor._last = None
        return conductor.at(energies).balance(*problem)

    found = benchmark(spectrum)
    single = conductor.at(energies[:1]).balance(*conditions(n))
    assert np.abs(found[0] - single[0]).max() < 1e-12
