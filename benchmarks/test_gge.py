"""Steady state of rate equations: separable kernels against dense Newton steps, and rings of many cells.

The chain with a pump of ``models/open_chain/nonreciprocal.model`` against dense matrices, and the Rashba
chain of ``rashba.model``, two bands, on long rings.  One thread:
``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1``.
"""

import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import modelkit as mk
from modelkit.compile.cells import infinite_cell
from modelkit.compile.modes import modes
from modelkit.compile.rates import rates
from modelkit.graph.expand import Expansion
from modelkit.graph.values import values_of
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.rates.gge import Gge

MODELS = Path(__file__).parents[1] / "models/open_chain"


def problem(name, cells):
    """The chain as a ring of so many cells, half filled."""
    model = mk.load(MODELS / f"{name}.model")
    expansion, values = Expansion(model.graph()), values_of(model.declarations)
    cell = infinite_cell(lambda n: expansion.device(values, {}, cells=n))
    return OpenProblem(cell=replace(cell, cells=cells), filling=cell.filling, asked=frozenset({"current"}))


def current(asked):
    found = Gge().steady(asked).current
    return float(found.values)


def dense_steps(asked, steps):
    """Newton on ``(1-n) (R n) - n (R^T (1-n))`` with all rates as a matrix, the filling added."""
    cells = asked.cell.cells
    k = 2 * np.pi * np.arange(cells) / cells - np.pi
    taken = modes(asked.cell, k, np.full(cells, 1 / cells))
    kernel = rates(asked.cell, taken)
    R = kernel.into.T @ kernel.out_of / cells
    n = np.full(len(R), asked.filling)
    for _ in range(steps):
        into, out = R @ n, R.T @ (1 - n)
        J = (1 - n)[:, None] * R + n[:, None] * R.T
        J[np.diag_indices_from(J)] -= into + out
        J -= 1 / len(n)
        step = np.linalg.solve(J, n * out - (1 - n) * into + np.mean(n - asked.filling))
        n = n + step * min(1.0, 0.9 / np.max(np.abs(step) / np.where(step > 0, 1 - n, n)))
        if np.abs(step).max() < 1e-13:
            break
    return float(taken.velocity.ravel() @ n / cells)


def taken_by(call, *arguments):
    started = time.process_time()
    return call(*arguments), time.process_time() - started


def test_separable_rates_against_dense_newton(smoke):
    small, large = (40, 60) if smoke else (400, 5000)
    few = problem("nonreciprocal", small)
    assert current(few) == pytest.approx(dense_steps(few, 60), abs=1e-11)
    if smoke:
        return
    asked = problem("nonreciprocal", large)
    current(asked)
    fast = min(taken_by(current, asked)[1] for _ in range(3))
    found, slow = taken_by(dense_steps, asked, 60)
    print(f"\n{large} cells: gge {1e3 * fast:.1f} ms, dense Newton {slow:.1f} s, ratio {slow / fast:.0f}")
    assert found == pytest.approx(current(asked), abs=1e-11)
    assert slow > 500 * fast


def test_time_and_memory_grow_with_the_number_of_cells(smoke):
    sizes = (100, 1000) if smoke else (100_000, 1_000_000)
    known, spent, peak = [], [], []
    for cells in sizes:
        asked = problem("rashba", cells)
        known.append(current(asked))
        spent.append(min(taken_by(current, asked)[1] for _ in range(1 if smoke else 2)))
        tracemalloc.start()
        current(asked)
        peak.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    if smoke:
        return
    print(f"\nCPU s {spent[0]:.2f}, {spent[1]:.2f}; MB {peak[0] / 1e6:.0f}, {peak[1] / 1e6:.0f}")
    assert known[1] == pytest.approx(known[0], abs=1e-11)
    assert spent[1] < 20 * spent[0]  # beyond 1e5 cells the arrays leave the cache
    assert peak[1] < 10.5 * peak[0]
