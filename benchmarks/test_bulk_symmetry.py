"""Symmetries of bulk Hamiltonians, exactly, against the numerical search of qsymm for the same candidates.

One thread: ``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1``.
"""

import time
from statistics import geometric_mean

from sympy import eye

from modelkit.symmetry.bulk import bulk_symmetries
from tests.symmetry.bulk_models import DELTA, MODELS, MU, SX, SZ, kron, topological_insulator
from tests.symmetry.bulk_oracle import by_qsymm, families, operations_of

NO_TURNS = {"altermagnet", "spinful_gas"}  # where qsymm cannot look for rotations


def superconductor():
    """Eight bands: the topological insulator with s-wave pairing."""
    H, k = topological_insulator()
    return kron(SZ, H - MU * eye(4)) + DELTA * kron(SX, eye(4)), k


def timed(function):
    begin = time.process_time()
    found = function()
    return time.process_time() - begin, found


def exactly(H, k):
    """All operations with their operators, and the continuous symmetries."""
    found = bulk_symmetries(H, k)
    return operations_of(found), found.dimension


def compared(name, H, k):
    """CPU seconds of both sides, which agree."""
    mine, found = timed(lambda: exactly(H, k))
    other, expected = timed(lambda: by_qsymm(H, k))
    assert found == expected
    print(f"{name:22s} {mine * 1e3:7.1f} ms, qsymm {other * 1e3:8.1f} ms, ratio {other / mine:6.1f}")
    return other / mine


def test_textbook_models(smoke):
    for dimension in (1, 2, 3):
        families(dimension)
    exactly(*MODELS["rashba"]())  # imports
    names = ["rashba", "ssh", "weyl"] if smoke else [name for name in MODELS if name not in NO_TURNS]
    print()
    ratios = [compared(name, *MODELS[name]()) for name in names]
    print(f"geometric mean {geometric_mean(ratios):.1f}, least {min(ratios):.1f}")
    assert smoke or min(ratios) > 1
    assert smoke or geometric_mean(ratios) > 6


def test_a_superconductor(smoke):
    name, (H, k) = ("nanowire", MODELS["nanowire"]()) if smoke else ("superconductor", superconductor())
    print()
    ratio = compared(name, H, k)
    assert smoke or ratio > 8
