"""Sparse linear systems over surds, and sparse matrices of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from modelkit.symmetry.bulk.exact.functions import added
from modelkit.symmetry.bulk.exact.surds import ONE, Surd

Row = dict[int, Surd]
Matrix = Mapping[tuple[int, int], Surd]
"""Elements (row, column) that are not zero."""


def kernel(equations: Iterable[Mapping[int, Surd]], unknowns: int, rank: int | None = None) -> list[Row]:
    """A basis of the solutions in reduced echelon form: one for each free unknown, which is 1 there.

    With a ``rank`` the equations behind the first ``rank`` independent ones are not looked at.
    """
    pivots: dict[int, Row] = {}
    different = {frozenset(row.items()) for row in equations if row}
    for equation in sorted(different, key=len):
        if len(pivots) == rank:
            break
        row = _reduced(dict(equation), pivots)
        if row:
            lead = min(row)
            factor = row[lead].inverse()
            pivots[lead] = {column: value * factor for column, value in row.items()}
    found = []
    for free in range(unknowns):
        if free in pivots:
            continue
        vector = {free: ONE}
        for lead in sorted((p for p in pivots if p < free), reverse=True):
            total = Surd({})
            for column, value in pivots[lead].items():
                if column in vector:
                    total = total - value * vector[column]
            if total:
                vector[lead] = total
        found.append(vector)
    return found


def _reduced(row: Row, pivots: Mapping[int, Row]) -> Row:
    while row:
        lead = min(row)
        if lead not in pivots:
            break
        row = added(row, pivots[lead], -row[lead])
    return row


def times(one: Matrix, other: Matrix) -> dict[tuple[int, int], Surd]:
    """The product of two matrices."""
    rows: dict[int, list[tuple[int, Surd]]] = {}
    for (j, k), y in other.items():
        rows.setdefault(j, []).append((k, y))
    found: dict[tuple[int, int], Surd] = {}
    for (i, j), x in one.items():
        for k, y in rows.get(j, ()):
            found[i, k] = found[i, k] + x * y if (i, k) in found else x * y
    return {place: value for place, value in found.items() if value}


def adjoint(matrix: Matrix) -> dict[tuple[int, int], Surd]:
    """The conjugate transpose."""
    return {(j, i): value.conjugate() for (i, j), value in matrix.items()}


def conjugate(matrix: Matrix) -> dict[tuple[int, int], Surd]:
    """Element by element."""
    return {place: value.conjugate() for place, value in matrix.items()}


def scaled(matrix: Matrix, factor: Surd) -> dict[tuple[int, int], Surd]:
    """Times a number that is not zero."""
    return {place: value * factor for place, value in matrix.items()}


def identity(n: int) -> dict[tuple[int, int], Surd]:
    """The unit matrix."""
    return {(i, i): ONE for i in range(n)}


def multiple_of_identity(matrix: Matrix, n: int) -> Surd | None:
    """The number c of ``matrix = c 1``, else None."""
    c = matrix.get((0, 0))
    if c is None or len(matrix) != n or any(i != j or value != c for (i, j), value in matrix.items()):
        return None
    return c


def dense(matrix: Matrix, n: int) -> NDArray[np.complex128]:
    """In floating point."""
    found = np.zeros((n, n), dtype=complex)
    for place, value in matrix.items():
        found[place] = complex(value)
    return found
