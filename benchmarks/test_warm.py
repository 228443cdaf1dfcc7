"""Averages over energies between wide leads, and what they consist of: panels, surface functions.

Each against the same road without what makes it short.  One thread:
``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1``.
"""

import json
import time
from pathlib import Path

import numpy as np
import pytest

import modelkit as mk
from modelkit.compile import bulks
from modelkit.numerics import band_edges as edges
from modelkit.numerics.surface import HalfSpaces, _factors, _general
from modelkit.solve.methods.lattice import amplitudes
from tests.numerics.test_band_edges import rashba

STRIP = Path(__file__).parents[1] / "models/lattices/strip.model"
WIRE = """model wire
param N = 40
reference { mu = -0.05; T = 0.01 }
lattice wire {
  site c[x] for x in 1..N
  internal spin
  onsite c[x] : 1.045 - 0.162*sigma_x - 0.078*sigma_y
  hop c[x] -> c[x+1] : -1/2 - 0.27i*sigma_y
}
potential on wire { U = 0.2*exp(-((x - N/2)/3)^2) }
bath L on wire.left { self_energy = lead; mu = 0; T = 0.01; bands = local }
bath R on wire.right { self_energy = lead; mu = -0.1; T = 0.01; bands = local }
screening on wire { solve U such that charge == 0 }
task full = transport { output current }
"""


def timed(model, task, **values):
    """CPU seconds of a run, by which nothing is remembered, and what it found."""
    model.run(task, values | {"Lx": 4, "Ly": 2} if "Ly" in values else values | {"N": 4})
    bulks._bulks.clear()
    begin = time.process_time()
    found = model.run(task, values)
    return time.process_time() - begin, found


@pytest.mark.parametrize("Ly", [4, 10])
def test_panels_between_band_edges_against_bisection_towards_them(Ly, smoke, monkeypatch):
    values = {"Lx": 8 if smoke else 30, "Ly": 2 if smoke else Ly, "W": 0, "kT": 0.01, "mu0": 0.5}
    fast, one = timed(mk.load(STRIP), "steps", **values)
    monkeypatch.setattr(edges, "CHEAP", 0.0)  # as they are on the grid
    slow, other = timed(mk.load(STRIP), "steps", **values)
    counts = [json.loads(found.attrs["counts"])["energies"] for found in (one, other)]
    print(f"\n{values['Lx']} x {values['Ly']}: {fast:.2f} s, {counts[0]} energies; {slow:.2f} s, {counts[1]}")
    print(f"ratio {slow / fast:.1f}")
    assert float(one.G) == pytest.approx(float(other.G), rel=1e-8)
    assert smoke or slow > 2 * fast


@pytest.mark.parametrize("width", [10, 20, 40])
def test_surface_functions_by_sectors_against_the_whole(width, smoke):
    onsite, hop = rashba(3 if smoke else width, 0.5, 0.1)
    z = np.linspace(0.1, 1.9, 3 if smoke else 40) + 0j
    begin = time.process_time()
    found = HalfSpaces(onsite, hop).at(z)
    middle = time.process_time()
    whole = _general(z, onsite, *_factors(hop))
    fast, slow = middle - begin, time.process_time() - middle
    print(f"\nwidth {width}: {1e3 * fast / len(z):.2f} and {1e3 * slow / len(z):.2f} ms: {slow / fast:.1f}")
    assert np.array_equal(found.open, whole.open)
    assert np.abs(found.right - whole.right).max() < 1e-9 * np.abs(whole.right).max()
    assert smoke or slow > 1.5 * fast


def test_screening_beyond_linear_by_a_matrix_against_products(smoke, monkeypatch):
    n = 6 if smoke else 40
    fast, one = timed(mk.loads(WIRE), "full", N=n)
    monkeypatch.setattr(amplitudes, "DENSE_UP_TO", 0)
    slow, other = timed(mk.loads(WIRE), "full", N=n)
    print(f"\nN = {n}: {fast:.2f} s, by products {slow:.2f} s: {slow / fast:.2f}; {one.attrs['counts']}")
    assert np.abs(one.current - other.current).max() < 1e-9 * np.abs(other.current).max()
