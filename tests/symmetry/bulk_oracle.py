"""The same question put to qsymm."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import qsymm
import sympy as sp

from modelkit.symmetry.bulk.point_groups import candidates
from modelkit.symmetry.bulk.symmetries import BulkSymmetries

Operation = tuple[int, bool, bool]
"""Number of the rotation among ``candidates``, whether it conjugates, whether H changes its sign."""


@cache
def families(dimension: int) -> list[dict[qsymm.PointGroupElement, Operation]]:
    """Candidates of the cubic and of the hexagonal point group: qsymm wants a group each time."""
    found = []
    for hexagonal in (False, True) if dimension > 1 else (False,):
        group = {}
        for number, rotation in enumerate(candidates(dimension)):
            if not _belongs(rotation.floats, hexagonal):
                continue
            R = sp.ImmutableMatrix([[x.sympy() for x in row] for row in rotation.rows])
            for conjugating in (False, True):
                for opposing in (False, True):
                    element = qsymm.PointGroupElement(R, conjugating, opposing, None)
                    group[element] = (number, conjugating, opposing)
        found.append(group)
    return found


def model_of(H: sp.Matrix, momenta: tuple[sp.Symbol, ...]) -> qsymm.Model:
    """qsymm knows its momenta by symbols without assumptions."""
    symbols = {each: sp.Symbol(each.name) for each in H.free_symbols}
    return qsymm.Model(H.xreplace(symbols), momenta=[each.name for each in momenta])


def by_qsymm(H: sp.Matrix, momenta: tuple[sp.Symbol, ...], turns: bool = True) -> tuple[set[Operation], int]:
    """Operations, and the dimension of the continuous symmetries, with rotations if asked for."""
    operations: set[Operation] = set()
    dimension = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = model_of(H, momenta)
        for group in families(len(momenta)):
            discrete, continuous = qsymm.symmetries(model, list(group), continuous_rotations=turns)
            operations |= {
                group[qsymm.PointGroupElement(g.R, g.conjugate, g.antisymmetry, None)] for g in discrete
            }
            dimension = len(continuous)
    return operations, dimension


def operations_of(found: BulkSymmetries) -> set[Operation]:
    """What modelkit finds, in the same words."""
    number = {rotation: place for place, rotation in enumerate(found.rotations)}
    return {(number[each.rotation], each.sort.conjugating, each.sort.opposing) for each in found.operations}


def _belongs(turn: np.ndarray, hexagonal: bool) -> bool:
    d = len(turn)
    if not hexagonal:
        return bool(np.abs(turn - turn.round()).max() < 1e-9)
    flat = d == 2 or abs(abs(turn[2, 2]) - 1) < 1e-9
    basis = np.array([[1, 0.5], [0, np.sqrt(0.75)]])
    inside = np.linalg.inv(basis) @ turn[:2, :2] @ basis
    return flat and bool(np.abs(inside - inside.round()).max() < 1e-9)
