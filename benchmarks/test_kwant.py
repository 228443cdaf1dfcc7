"""Transmission of a spinful strip, and a large lattice with a formula on each site: modelkit against Kwant.

Kwant runs in an environment of its own, whose Python ``KWANT_PYTHON`` names; without it these are skipped::

    export KWANT_PYTHON=.../bin/python OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
    python -m pytest benchmarks/test_kwant.py -s

Both sides do the same work in one run, one after the other, and the least of several rounds counts.
"""

import json
import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

import modelkit as mk
from modelkit.compile.open_system import open_system

ROOT = Path(__file__).parents[1]
KWANT = os.environ.get("KWANT_PYTHON")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SIZES = {(100, 10): 3.0, (200, 20): 3.0, (400, 40): 3.0, (100, 100): 1.0}  # least ratio of the clean strip
ENERGIES = np.linspace(0.05, 1.2, 50)
SHEET = """
model sheet "a formula on each site"
param size = 300
param V = 0.1
param k = 0.1
lattice sheet {
  site c[x, y] for x in 1..size, y in 1..size at (x, y)
  onsite c[x, y] : 4 + V*cos(k*x)*sin(0.2*y)
  hop c[x, y] -> c[x+1, y] : -1
  hop c[x, y] -> c[x, y+1] : -1
}
"""
VALUES = [{"V": 0.2, "k": 0.1}, {"V": 0.3, "k": 0.15}, {"V": 0.1, "k": 0.22}]

pytestmark = pytest.mark.skipif(not KWANT, reason="KWANT_PYTHON names no Python that has Kwant")


def by_kwant(job, **given):
    """What ``kwant_worker`` answers."""
    surroundings = {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": str(ROOT)}
    command = [str(KWANT), "-m", "benchmarks.kwant_worker"]
    text = json.dumps({"job": job, **given})
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=surroundings, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def spectrum(model, energies, **given):
    """Seconds and T(R <- L) of a run of the model, everything included."""
    begin = time.process_time()
    found = model.run("spectrum", E=energies.tolist(), **given)
    seconds = time.process_time() - begin
    return seconds, found.transmission.sel(terminal="R", terminal_from="L").values


def strip():
    """The strip of the gallery, with the transmission as its only output."""
    text = (ROOT / "models/lattices/strip.model").read_text(encoding="utf-8")
    return mk.loads(text.replace("output transmission, dos, ", "output transmission, "))


@pytest.mark.parametrize(("Lx", "Ly"), SIZES)
def test_transmission_of_the_clean_strip(Lx, Ly, smoke):
    model, small = strip(), Lx * Ly < 5000
    energies = ENERGIES[::25] if smoke else ENERGIES
    ours, theirs = [], []
    for number in range(3 if small and not smoke else 1):
        at = energies + 1e-3 * number  # nothing that an earlier round has found helps
        seconds, found = spectrum(model, at, Lx=Lx, Ly=Ly)
        other = by_kwant("spectrum", lattice={"Lx": Lx, "Ly": Ly}, energies=at.tolist(), seed=None)
        ours.append(seconds)
        theirs.append(other["seconds"])
        assert np.max(np.abs(found - other["transmission"])) < 1e-9 * max(1, np.max(found))
    ratio = min(theirs) / min(ours)
    print(
        f"\nclean strip {Ly} x {Lx}, {len(energies)} energies: Kwant {other['kwant']} {min(theirs):.2f} s, "
        f"modelkit {min(ours):.2f} s, ratio {ratio:.1f}"
    )
    if not smoke:
        assert ratio >= SIZES[Lx, Ly]


@pytest.mark.parametrize(("Lx", "Ly"), SIZES)
def test_transmission_of_the_disordered_strip(Lx, Ly, smoke):
    """Shown without a threshold; other random numbers on the two sides, the same work."""
    energies = ENERGIES[::25] if smoke else ENERGIES
    seconds, found = spectrum(strip(), energies, Lx=Lx, Ly=Ly, W=1)
    other = by_kwant("spectrum", lattice={"Lx": Lx, "Ly": Ly}, energies=energies.tolist(), seed=1)
    print(
        f"\ndisordered strip {Ly} x {Lx}, {len(energies)} energies: Kwant {other['seconds']:.2f} s, "
        f"modelkit {seconds:.2f} s, ratio {other['seconds'] / seconds:.1f}"
    )
    assert np.all(found > 0)


def test_build_and_new_values_of_a_lattice_with_a_formula_on_each_site(smoke):
    size = 30 if smoke else 300
    builds, agains, theirs = [], [], []
    for number in range(1 if smoke else 5):
        model = mk.loads(f"{SHEET}# {number}\n")
        model.device(size=5)  # the text is compiled, the lattice is not
        begin = time.process_time()
        model.device(size=size)
        builds.append(time.process_time() - begin)
        for given in VALUES:
            begin = time.process_time()
            matrix = open_system(model.device(size=size, **given)).hamiltonian
            agains.append(time.process_time() - begin)
            trace = float(matrix.diagonal().real.sum())
        theirs.append(by_kwant("sheet", size=size, values=VALUES))
        assert trace == pytest.approx(theirs[-1]["traces"][-1], rel=1e-12)
    build = min(answer["build"] for answer in theirs)
    again = min(min(answer["again"]) for answer in theirs)
    print(
        f"\n{size**2} sites: build Kwant {build:.2f} s, modelkit {min(builds):.3f} s, ratio "
        f"{build / min(builds):.0f}; matrix for new values {again:.2f} s, {min(agains):.3f} s, ratio "
        f"{again / min(agains):.1f}"
    )
    if not smoke:
        assert build / min(builds) >= 20
        assert again / min(agains) >= 4
