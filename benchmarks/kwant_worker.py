"""Kwant's side of ``test_kwant.py``: a job from the standard input, seconds and numbers to the output (JSON).

Run by ``test_kwant.py`` with the Python that ``KWANT_PYTHON`` names.
"""

import json
import sys
import time

import kwant
import kwant.solvers.mumps
import numpy as np

from benchmarks import kwant_systems


def spectrum(lattice, energies, seed):
    """Transmission of a strip at each energy; building it is not counted."""
    shape = lattice["Lx"], lattice["Ly"]
    noise = None if seed is None else np.random.default_rng(seed).uniform(-0.5, 0.5, shape)
    system = kwant_systems.strip(**lattice, disorder=noise)
    begin = time.process_time()
    found = [kwant.solvers.mumps.smatrix(system, energy).transmission(1, 0) for energy in energies]
    return {"seconds": time.process_time() - begin, "transmission": found}


def sheet(size, values):
    """Build and finalise a lattice with a formula on each site; its matrix, also for new values."""
    begin = time.process_time()
    system = kwant_systems.formula_lattice(size).finalized()
    build = time.process_time() - begin
    again, traces = [], []
    for given in values:
        begin = time.process_time()
        matrix = system.hamiltonian_submatrix(params=given, sparse=True)
        again.append(time.process_time() - begin)
        traces.append(float(matrix.diagonal().real.sum()))
    return {"build": build, "again": again, "traces": traces}


if __name__ == "__main__":
    job = json.load(sys.stdin)
    name = job.pop("job")
    answer = {"spectrum": spectrum, "sheet": sheet}[name](**job)
    json.dump(answer | {"kwant": kwant.__version__, "numpy": np.__version__}, sys.stdout)
