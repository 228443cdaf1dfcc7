"""Linear response of potentials, site by site: matrix-free products against the response as a matrix.

A Rashba channel with a smooth barrier between two leads, at T = 0.  One thread:
``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1``.
"""

import time

import numpy as np
import pytest

import modelkit as mk
from modelkit.solve.found.characteristic import characteristic
from modelkit.solve.junction.nonlinear import Grids
from modelkit.solve.junction.steady import steady
from modelkit.solve.request import Request

WIRE = mk.loads("""model wire
param N = 100
reference { mu = -0.05; T = 0 }
lattice wire {
  site c[x] for x in 1..N
  internal spin
  onsite c[x] : 1.045 - 0.162*sigma_x - 0.078*sigma_y
  hop c[x] -> c[x+1] : -1/2 - 0.27i*sigma_y
}
potential on wire { U = 0.2*exp(-((x - N/2)/3)^2) }
bath L on wire.left { self_energy = lead; mu = -0.05 }
bath R on wire.right { self_energy = lead; mu = -0.05 }
screening on wire { solve U such that charge == 0 }
task first = transport(order = 1) { output characteristic_potential }
""")


def matrix_free(request):
    return characteristic(request, temperatures=False).by_mu


def dense(request):
    """The response from full inverses at each height: ``Pi_xy = -sum_j w_j Re G_xy G_yx``."""
    problem = steady(request.device, 1)
    point = Grids(request, problem).point(problem.start(), 1.0)
    system, rule = point.system, point.sea.rule
    n = system.hamiltonian.shape[0]
    response = np.zeros((n // 2, n // 2))
    for height, weight in zip(rule.height, rule.weight, strict=True):
        z = np.array([problem.mu + 1j * height])
        matrix = z[0] * np.eye(n) - system.hamiltonian.toarray()
        for lead in system.contacts.leads:
            matrix[np.ix_(lead.orbitals, lead.orbitals)] -= lead.sigma(z)[0]
        green = np.linalg.inv(matrix)
        pair = (green * green.T).real.reshape(n // 2, 2, n // 2, 2).sum(axis=(1, 3))
        response -= weight * pair
        for lead in system.contacts.leads:
            columns, rows = green[:, lead.orbitals], green[lead.orbitals]
            moved = (
                np.einsum("ij,jk,ki->i", columns, lead.taylor(z, 1)[0], rows).real.reshape(-1, 2).sum(axis=1)
            )
            response[:, lead.sites[0]] += weight * moved
    conductance = point.grid.prepared.at(np.array([problem.mu]))
    filled = np.stack([conductance.density(f[None])[0] for f in np.eye(2)], axis=1)
    return np.linalg.solve(response, filled)


def timed(function, *arguments):
    begin = time.process_time()
    found = function(*arguments)
    return time.process_time() - begin, found


@pytest.mark.parametrize("n", [100, 200])
def test_against_the_response_as_a_matrix(n):
    request = Request(WIRE.device(N=n))
    matrix_free(Request(WIRE.device(N=20)))
    (fast, one), (slow, other) = timed(matrix_free, request), timed(dense, request)
    off = np.abs(one - other).max()
    print(f"N = {n}: {fast:.2f} s, as a matrix {slow:.2f} s, {slow / fast:.1f} times; off {off:.1e}")
    assert np.abs(one - other).max() < 1e-8


def test_the_time_grows_with_the_length():
    times = {}
    for n in (100, 200, 400, 800, 1600):
        times[n], found = timed(matrix_free, Request(WIRE.device(N=n)))
        assert found.sum(axis=1) == pytest.approx(1, abs=1e-8)
        print(f"N = {n}: {times[n]:.2f} s")
    assert times[1600] < 2 * 8 * times[200]
