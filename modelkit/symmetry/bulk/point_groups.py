"""Rotations, mirrors and inversions of the cubic and hexagonal point groups, exactly and by name."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.errors import ModelError
from modelkit.symmetry.bulk.exact.elimination import kernel
from modelkit.symmetry.bulk.exact.surds import ONE, ZERO, Surd, integer, square_root, surd

AXES = "xyz"
NEAR = 1e-9

Rows = tuple[tuple[Surd, ...], ...]


@dataclass(frozen=True)
class Rotation:
    """An orthogonal matrix, proper or not, acting on momenta ``k -> R k``."""

    rows: Rows

    @cached_property
    def floats(self) -> NDArray[np.float64]:
        """The matrix in floating point (d, d)."""
        d = len(self.rows)
        return np.array([[complex(x).real for x in row] for row in self.rows]).reshape(d, d)

    @cached_property
    def name(self) -> str:
        """``inversion``, ``mirror x``, ``C4 about z``, ``C3^-1 about (1, 1, 1)``; "" for the identity."""
        d, turn = len(self.rows), self.floats
        if np.abs(turn - np.eye(d)).max(initial=0) < NEAR:
            return ""
        if np.abs(turn + np.eye(d)).max() < NEAR and d != 2:
            return "inversion"
        proper = np.linalg.det(turn) > 0
        if not proper and abs(np.trace(turn) - d + 2) < NEAR:
            return f"mirror {_direction(self._kept(-1))}"
        if d == 2:
            return _turned("C", turn[0, 0], turn[1, 0])
        axis = self._kept(1 if proper else -1)
        cosine = (np.trace(turn) - (1 if proper else -1)) / 2
        along = np.array([complex(x).real for x in axis])
        along /= np.linalg.norm(along)
        curl = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
        name = _turned("C" if proper else "S", float(cosine), float(curl @ along / 2))
        return f"{name} about {_direction(axis)}"

    def _kept(self, sign: int) -> list[Surd]:
        """The vector with ``R v = sign v``, its first component that is not zero being positive."""
        rows = [
            {j: x - integer(sign) if i == j else x for j, x in enumerate(row)}
            for i, row in enumerate(self.rows)
        ]
        (vector,) = kernel([{j: x for j, x in row.items() if x} for row in rows], len(rows))
        found = [vector.get(i, ZERO) for i in range(len(rows))]
        first = next(x for x in found if x)
        return found if complex(first).real > 0 else [-x for x in found]


def candidates(dimension: int) -> tuple[Rotation, ...]:
    """Cubic and hexagonal point groups (hexagonal axis z, mirrors along x and y), the simplest first."""
    return _candidates(dimension)


def rotations(matrices: Iterable[sp.MatrixBase], dimension: int) -> tuple[Rotation, ...]:
    """Given matrices as rotations, the identity among them; ModelError where one is not orthogonal."""
    found = {Rotation(_unit(dimension)): None}
    for matrix in matrices:
        if matrix.shape != (dimension, dimension):
            raise ModelError(
                f"a rotation is {matrix.shape[0]} by {matrix.shape[1]}, but there are {dimension} momenta",
                hint="give square matrices that act on the momenta",
            )
        if sp.simplify(matrix * matrix.T) != sp.eye(dimension):
            raise ModelError(
                f"{sp.Matrix(matrix).tolist()} is not orthogonal",
                hint="give rotations and mirrors in cartesian axes",
            )
        found[Rotation(tuple(tuple(surd(x) for x in row) for row in matrix.tolist()))] = None
    return tuple(sorted(found, key=_order))


def products(group: Sequence[Rotation]) -> NDArray[np.intp]:
    """``table[i, j]``: which element ``i j`` is, -1 where it is none of them."""
    turn = np.array([each.floats for each in group])
    d = turn.shape[1]
    if not d:
        return np.zeros((len(group), len(group)), dtype=np.intp)
    both = np.einsum("aij,bjk->abik", turn, turn).reshape(-1, d * d)
    off = np.abs(both[:, None, :] - turn.reshape(1, -1, d * d)).max(axis=2)
    found = np.where(off.min(axis=1) < NEAR, off.argmin(axis=1), -1)
    return found.reshape(len(group), len(group))


@lru_cache(maxsize=8)
def _candidates(dimension: int) -> tuple[Rotation, ...]:
    found = {Rotation(rows): None for rows in _cubic(dimension)}
    found |= {Rotation(rows): None for rows in _hexagonal(dimension)}
    return tuple(sorted(found, key=_order))


def _cubic(dimension: int) -> list[Rows]:
    """Permutations of the axes with signs."""
    return [
        tuple(tuple(integer(sign) if j == to else ZERO for j in range(dimension)) for sign, to in row)
        for permutation in itertools.permutations(range(dimension))
        for signs in itertools.product((1, -1), repeat=dimension)
        for row in [tuple(zip(signs, permutation, strict=True))]
    ]


def _hexagonal(dimension: int) -> list[Rows]:
    """Turns about z by 60 degrees, with mirrors along x and, in three dimensions, z."""
    if dimension < 2:
        return []
    half, high = ONE * integer(2).inverse(), square_root(sp.QQ(3, 4))
    cosines = [ONE, half, -half, -ONE, -half, half]
    sines = [ZERO, high, high, ZERO, -high, -high]
    found: list[Rows] = []
    for c, s in zip(cosines, sines, strict=True):
        for mirror in (ONE, -ONE):
            plane = ((c * mirror, -s), (s * mirror, c))
            if dimension == 2:
                found.append(plane)
            else:
                lifted = [(*row, ZERO) for row in plane]
                found.extend((*lifted, (ZERO, ZERO, z)) for z in (ONE, -ONE))
    return found


def _unit(dimension: int) -> Rows:
    return tuple(tuple(ONE if i == j else ZERO for j in range(dimension)) for i in range(dimension))


def _order(rotation: Rotation) -> tuple[int, int, str]:
    """The identity, inversion, mirrors, then turns; along the axes before others, backward turns last."""
    name = rotation.name
    kinds = ["", "inversion", "mirror", "C2", "C4", "C3", "C6"]
    kind = name.split(" ")[0]
    return kinds.index(kind) if kind in kinds else len(kinds), "(" in name, name


def _turned(letter: str, cosine: float, sine: float) -> str:
    """``C6``, ``C6^-1``; a power where the angle is several parts of the circle."""
    angle = np.arctan2(sine, cosine) / (2 * np.pi)
    part = sp.Rational(str(round(abs(angle), 9))).limit_denominator(360)
    power = int(part.p) * (-1 if angle < 0 and part != sp.Rational(1, 2) else 1)
    return f"{letter}{part.q}" + ("" if power == 1 else f"^{power}")


def _direction(axis: Sequence[Surd]) -> str:
    """``x``, ``(1, 1, 0)``, ``(1, sqrt(3))``."""
    places = [i for i, x in enumerate(axis) if x]
    if len(places) == 1:
        return AXES[places[0]]
    smallest = min((axis[i] for i in places), key=lambda x: abs(complex(x)))
    scale = smallest.inverse() if complex(smallest).real > 0 else -smallest.inverse()
    return "(" + ", ".join(str((x * scale).sympy()) for x in axis) + ")"
