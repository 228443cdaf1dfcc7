"""What of a structure no internal unitary can change, as integers that mean the same in both of a pair."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.symmetry.structure import Structure

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]

SAME = 1e-9  # relative: numbers no farther apart are one
NOTHING = 1e-13  # of the largest number: the same


def colours_of(one: Structure, other: Structure) -> Integers:
    """Colours of the vertices of both, ``0 .. cells-1``: sizes, values and blocks on the vertex itself."""
    parts = [one, other]
    columns = [np.concatenate([part.colour for part in parts]), np.concatenate([part.size for part in parts])]
    columns += [together(column[:, None]) for column in np.concatenate([part.value for part in parts]).T]
    offset = one.n
    place, kinds, numbers = [], [], []
    for number, part in enumerate(parts):
        own = part.row == part.column
        place.append(part.row[own] + number * offset)
        kinds.append(part.kind[own])
        numbers.append(_of_own(part.block[own]))
    at, kind, label = np.concatenate(place), np.concatenate(kinds), together(np.concatenate(numbers))
    for each in np.unique(kind):
        column = np.full(one.n + other.n, -1, dtype=np.intp)
        column[at[kind == each]] = label[kind == each]
        columns.append(column)
    return _rows(np.stack(columns, axis=1))


def arrows_of(one: Structure, other: Structure) -> tuple[Integers, Integers, Integers]:
    """(source, target, label) of all arrows of both."""
    parts, offset = [one, other], one.n
    away = [part.row != part.column for part in parts]
    shifts = [0, offset]
    row = np.concatenate([p.row[f] + s for p, f, s in zip(parts, away, shifts, strict=True)])
    column = np.concatenate([p.column[f] + s for p, f, s in zip(parts, away, shifts, strict=True)])
    kind = np.concatenate([p.kind[f] for p, f in zip(parts, away, strict=True)])
    blocks = np.concatenate([p.block[f] for p, f in zip(parts, away, strict=True)])
    label = _rows(np.stack([kind, together(_singular(blocks))], axis=1))
    tie_row = np.concatenate([p.tie_row + s for p, s in zip(parts, shifts, strict=True)])
    tie_column = np.concatenate([p.tie_column + s for p, s in zip(parts, shifts, strict=True)])
    tie = ties_of(one, other)
    first = int(label.max(initial=-1)) + 1
    return (
        np.concatenate([column, row, tie_column, tie_row]),
        np.concatenate([row, column, tie_row, tie_column]),
        np.concatenate([2 * label, 2 * label + 1, 2 * (first + tie), 2 * (first + tie) + 1]),
    )


def ties_of(one: Structure, other: Structure) -> Integers:
    """Labels of all ties of both."""
    kind = np.concatenate([one.tie_kind, other.tie_kind])
    value = np.concatenate([one.tie_value, other.tie_value])
    return _rows(np.stack([kind, together(value[:, None])], axis=1))


def together(numbers: Floats) -> Integers:
    """One integer a row (k, c): the same for rows that agree."""
    if not numbers.shape[1]:
        return np.zeros(len(numbers), dtype=np.intp)
    found = np.empty(numbers.shape, dtype=np.intp)
    scale = np.abs(numbers[np.isfinite(numbers)]).max(initial=0.0)
    for c in range(numbers.shape[1]):
        order = np.argsort(numbers[:, c])
        values = numbers[order, c]
        with np.errstate(invalid="ignore"):
            step = ~(np.diff(values, prepend=values[:1]) <= SAME * np.abs(values) + NOTHING * scale)
        found[order, c] = np.cumsum(step)
    return found[:, 0] if numbers.shape[1] == 1 else _rows(found)


def _rows(columns: Integers) -> Integers:
    return np.unique(columns, axis=0, return_inverse=True)[1].reshape(-1).astype(np.intp)


def _singular(blocks: NDArray[np.complex128]) -> Floats:
    if blocks.shape[1] == 1:
        return np.abs(blocks[:, 0])
    return np.asarray(np.linalg.svd(blocks, compute_uv=False), dtype=np.float64)


def _of_own(blocks: NDArray[np.complex128]) -> Floats:
    """Eigenvalues of the Hermitian and of the anti-Hermitian part."""
    if blocks.shape[1] == 1:
        return np.concatenate([blocks.real[:, 0], blocks.imag[:, 0]], axis=1)
    adjoint = blocks.conj().swapaxes(1, 2)
    parts = (blocks + adjoint) / 2, (blocks - adjoint) / 2j
    return np.concatenate([np.linalg.eigvalsh(part) for part in parts], axis=1)
