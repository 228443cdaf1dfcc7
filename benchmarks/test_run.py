"""A warm run of a whole task, expansion, labels and audits included, beside the kernel that it contains."""

import time
from pathlib import Path

import numpy as np

import modelkit as mk
from benchmarks.test_ladder import ENERGY, by_ladder, conditions, shortest
from modelkit.registry import methods
from modelkit.solve import choose as _choose  # noqa: F401  (enters the methods)
from tests.solve.systems import wire

WIRE = Path(__file__).parents[1] / "models/gain_loss/wire.model"


def test_a_warm_run_beside_its_kernel(smoke):
    n = 1000 if smoke else 100_000
    model = mk.load(WIRE)
    first = time.perf_counter()
    found = model.run("profile", N=n)
    first = time.perf_counter() - first
    warm = shortest(lambda: model.run("profile", N=n), 1 if smoke else 3)
    conductor, problem = methods["ladder"].build(wire(n, 0.5)), conditions(n)
    kernel = shortest(lambda: by_ladder(conductor, problem), 3)
    f = by_ladder(conductor, problem)
    at = conductor.at(np.array([ENERGY]))
    outputs = shortest(lambda: (at.current(f), at.bond_current(f), at.heat(f), at.density(f)), 3)
    print(
        f"\nN = {n}, two cases, six outputs: first run {first:.2f} s, warm run {warm:.2f} s; kernel a case: "
        f"factorise + balance {kernel:.3f} s, outputs {outputs:.3f} s; warm / kernel = "
        f"{warm / (kernel + 2 * outputs):.1f}"
    )
    assert found.sizes["site"] == n
