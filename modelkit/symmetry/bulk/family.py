"""H(k) as a sum of independent coefficient functions times constant matrices, and what maps it to itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.errors import ModelError
from modelkit.symmetry.bulk.exact.elimination import Matrix, adjoint, conjugate, dense, identity, kernel
from modelkit.symmetry.bulk.exact.functions import (
    Function,
    Key,
    Linear,
    Variables,
    added,
    conjugated,
    derivative,
)
from modelkit.symmetry.bulk.exact.surds import IMAGINARY, Surd
from modelkit.symmetry.bulk.exact.unitaries import (
    FAR,
    Unitary,
    equations,
    product_of,
    products_of,
    same_invariants,
    solutions,
    solves,
    unitary,
)
from modelkit.symmetry.bulk.point_groups import Rotation
from modelkit.symmetry.structure import TIME_REVERSAL, Sort

Complexes = NDArray[np.complex128]
Square = dict[tuple[int, int], Surd]
PLANES = {2: [(0, 1)], 3: [(1, 2), (2, 0), (0, 1)]}


@dataclass(frozen=True, eq=False)
class Turn:
    """A continuous rotation of the momenta in a plane, with its generator on the bands: ``J = L + spin``."""

    weights: tuple[Surd, ...]
    spin: Matrix


@dataclass(frozen=True, eq=False)
class Family:
    """``H = sum_key key(x) matrices[key]`` for n bands."""

    variables: Variables
    n: int
    matrices: Mapping[Key, Matrix]
    _images: dict[Linear, dict[bool, list[tuple[Key, Key, Surd]]]] = field(default_factory=dict)
    _linear: dict[tuple[Rotation, bool, frozenset[int]], Linear] = field(default_factory=dict)

    def operator(self, rotation: Rotation, sort: Sort, flips: Iterable[int] = ()) -> Unitary | None:
        """A unitary U with ``U H(+-R^-1 k)^(*) U^+ = +-H(k)``; None if there is none.

        ``-R^-1`` and the conjugate belong together, as do the minus sign of H and ``sort.opposing``.
        ``flips``: places of parameters that change their sign.
        """
        table = self._table(self._map(rotation, sort.conjugating, frozenset(flips)), sort.conjugating)
        floats = self._floats(table, sort)
        if floats is None:
            return None
        image: dict[Key, Square] = {key: {} for key in self.matrices}
        for new, old, factor in table:
            matrix = self.matrices[old]
            moved = conjugate(matrix) if sort.conjugating else matrix
            sign = -factor if sort.opposing else factor
            image[new] = added(image.get(new, {}), moved, sign)
        if any(matrix and key not in self.matrices for key, matrix in image.items()):
            return None
        keys = list(self.matrices)
        first = "y" if sort == TIME_REVERSAL else "x"  # where both signs of its square exist: -1
        return unitary([image[key] for key in keys], [self.matrices[key] for key in keys], floats, first)

    def orbits(self, rotation: Rotation, sort: Sort) -> list[list[Key]]:
        """Keys that the operation mixes, each orbit in the order of the keys; what depends on k first."""
        group = {key: {key} for key in self.matrices}
        table = self._table(self._map(rotation, sort.conjugating, frozenset()), sort.conjugating)
        pairs = [(new, old) for new, old, _ in table if new in group]
        for one, other in [*pairs, *((conjugated(key), key) for key in self.matrices)]:
            if group[one] is not group[other]:
                group[one] |= group[other]
                for key in group[other]:
                    group[key] = group[one]
        seen: dict[int, list[Key]] = {}
        for key in self.matrices:
            seen.setdefault(id(group[key]), []).append(key)
        d = self.variables.momenta
        return sorted(seen.values(), key=lambda orbit: not any(key.moves(d) for key in orbit))

    def part(self, keys: Iterable[Key]) -> Family:
        """Some of the terms alone."""
        return Family(self.variables, self.n, {key: self.matrices[key] for key in keys})

    def without(self, place: int) -> Family:
        """With a parameter at zero; as it is where H has a pole there."""
        matrices: dict[Key, Square] = {}
        for key, matrix in self.matrices.items():
            if key.powers[place] < 0:
                return self
            if key.powers[place] == 0:
                wave = frozenset((powers, factor) for powers, factor in key.wave if not powers[place])
                left = Key(key.powers, wave)
                matrices[left] = added(matrices.get(left, {}), matrix)
        return Family(self.variables, self.n, {key: matrix for key, matrix in matrices.items() if matrix})

    def conserved(self) -> list[Square]:
        """Hermitian matrices that commute with all of H, linearly independent, the identity the first."""
        every = list(self.matrices.values())
        scale = np.abs(self._numbers).max(axis=(1, 2), initial=0)
        scaled = np.asarray(self._numbers / scale[:, None, None])
        basis = solutions(every, every, (scaled, scaled))
        found: list[dict[int, Surd]] = []
        hermitian = [identity(self.n)]
        for words in products_of(self.n):
            matrix = product_of(words)
            if solves(matrix, every, every):
                hermitian.append(dict(matrix))
        for each in basis:
            other = adjoint(each)
            hermitian.append(added(each, other))
            hermitian.append(added(_times(each, IMAGINARY), _times(other, -IMAGINARY)))
        kept = []
        for matrix in hermitian:
            row = {i * self.n + j: x for (i, j), x in matrix.items()}
            if row and _independent([*found, row]):
                found.append(row)
                size = row[min(row)]
                kept.append(_times(matrix, size.inverse()) if size == size.conjugate() else matrix)
        return kept

    def turns(self) -> list[Turn]:
        """Continuous rotations about x, y, z, in two dimensions about z: ``[L, H] = i (A k) . grad H``."""
        n = self.n
        planes = PLANES.get(self.variables.momenta)
        if planes is None:
            return []
        moved: list[dict[Key, Square]] = []
        for a, b in planes:
            change: dict[Key, Square] = {}
            for key, matrix in self.matrices.items():
                for new, factor in self._turned(key, a, b).items():
                    change[new] = added(change.get(new, {}), matrix, factor)
            moved.append(change)
        rows = []
        for key in {*self.matrices, *(key for change in moved for key in change)}:
            matrix = self.matrices.get(key, {})
            sides = [change.get(key, {}) for change in moved]
            rows.extend(_with_sides(matrix, sides, n))
        found = []
        for vector in kernel(rows, n * n + len(planes)):
            weights = tuple(vector.get(n * n + k, Surd({})) for k in range(len(planes)))
            if any(weights):
                spin = {divmod(place, n): x for place, x in vector.items() if place < n * n}
                found.append(Turn(weights, _traceless(spin, n)))
        return found

    def _turned(self, key: Key, a: int, b: int) -> Function:
        """``i (A k) . grad`` of a key for the turn that takes axis a to axis b: A k = k_a e_b - k_b e_a."""
        found: Function = {}
        for place, factor, by in ((b, IMAGINARY, a), (a, -IMAGINARY, b)):
            unit = Key(tuple(int(k == by) for k in range(len(self.variables.symbols))))
            terms = {unit.times(new): x for new, x in derivative(key, place).items()}
            found = added(found, terms, factor)
        return found

    def _map(self, rotation: Rotation, conjugating: bool, flips: frozenset[int]) -> Linear:
        wanted = rotation, conjugating, flips
        if wanted not in self._linear:
            columns = zip(*rotation.rows, strict=True)
            rows = tuple(tuple(-x if conjugating else x for x in column) for column in columns)
            self._linear[wanted] = Linear(rows, flips)
        return self._linear[wanted]

    def _table(self, linear: Linear, conjugating: bool) -> list[tuple[Key, Key, Surd]]:
        """(key of the image, key of H, factor)."""
        known = self._images.setdefault(linear, {})
        if conjugating not in known:
            known[conjugating] = [
                (new, old, factor)
                for old in self.matrices
                for new, factor in linear.image(conjugated(old) if conjugating else old).items()
            ]
        return known[conjugating]

    def _floats(self, table: list[tuple[Key, Key, Surd]], sort: Sort) -> tuple[Complexes, Complexes] | None:
        """The images and H, scaled term by term; None where they are surely no image of each other."""
        number = {key: place for place, key in enumerate(self.matrices)}
        for new, _, _ in table:
            number.setdefault(new, len(number))
        own = self._numbers
        rows = np.array([number[new] for new, _, _ in table], dtype=np.intp)
        columns = np.array([number[old] for _, old, _ in table], dtype=np.intp)
        factors = np.array([complex(factor) for *_, factor in table])
        image = np.zeros((len(number), self.n, self.n), dtype=complex)
        scale = np.zeros(len(number))
        terms = factors[:, None, None] * (own[columns].conj() if sort.conjugating else own[columns])
        np.add.at(image, rows, -terms if sort.opposing else terms)
        np.add.at(scale, rows, np.abs(terms).max(axis=(1, 2), initial=0))
        m = len(own)
        if np.any(np.abs(image[m:]).max(axis=(1, 2), initial=0) > FAR * scale[m:]):
            return None
        scale[:m] = np.maximum(scale[:m], np.abs(own).max(axis=(1, 2), initial=0))
        one: Complexes = np.asarray(image[:m] / scale[:m, None, None])
        other: Complexes = np.asarray(own / scale[:m, None, None])
        return (one, other) if same_invariants(one, other) else None

    @cached_property
    def _numbers(self) -> Complexes:
        dense_ones = [dense(matrix, self.n) for matrix in self.matrices.values()]
        return np.array(dense_ones).reshape(-1, self.n, self.n)


def family(H: sp.MatrixBase, momenta: tuple[sp.Symbol, ...]) -> Family:
    """Split a matrix of sympy; ModelError where it is not hermitian or holds other functions."""
    H, momenta = _real(H, momenta)
    others = sorted(H.free_symbols - set(momenta), key=str)
    variables = Variables((*momenta, *others), len(momenta))
    matrices: dict[Key, Square] = {}
    for i in range(H.rows):
        for j in range(H.cols):
            for key, value in variables.function(H[i, j]).items():
                matrices.setdefault(key, {})[i, j] = value
    for key, matrix in matrices.items():
        if matrices.get(conjugated(key)) != adjoint(matrix):
            raise ModelError(
                "H(k) is not hermitian",
                hint="symbols are real here unless declared Symbol(..., complex=True)",
            )
    return Family(variables, H.rows, matrices)


def _real(H: sp.MatrixBase, momenta: tuple[sp.Symbol, ...]) -> tuple[sp.Matrix, tuple[sp.Symbol, ...]]:
    """All symbols real; those declared complex in two parts."""
    change: dict[sp.Basic, sp.Expr] = {}
    for symbol in H.free_symbols | set(momenta):
        if symbol.is_complex and symbol.is_real is not True:
            parts = [sp.Symbol(f"{part}_{symbol.name}", real=True) for part in ("Re", "Im")]
            change[symbol] = parts[0] + sp.I * parts[1]
        else:
            change[symbol] = sp.Symbol(symbol.name, real=True)
    if any(not change[each].is_Symbol for each in momenta):
        raise ModelError("momenta are real", hint='use symbols("k_x k_y") or symbols(..., real=True)')
    return sp.Matrix(H).xreplace(change), tuple(change[each] for each in momenta)


def _with_sides(matrix: Matrix, sides: list[Square], n: int) -> list[dict[int, Surd]]:
    """Rows of ``[L, matrix] - sum_k w_k sides[k] = 0`` over L and w."""
    rows = equations(matrix, matrix, n)
    for k, side in enumerate(sides):
        for place, value in side.items():
            rows.setdefault(place, {})[n * n + k] = -value
    return list(rows.values())


def _times(matrix: Matrix, factor: Surd) -> Square:
    return {place: x * factor for place, x in matrix.items()}


def _independent(rows: list[dict[int, Surd]]) -> bool:
    """Whether no row follows from the others: the transposed system has no solution."""
    columns: dict[int, dict[int, Surd]] = {}
    for number, row in enumerate(rows):
        for place, value in row.items():
            columns.setdefault(place, {})[number] = value
    return not kernel(columns.values(), len(rows))


def _traceless(matrix: Square, n: int) -> Square:
    """The hermitian part without its trace."""
    half = Surd({1: sp.QQ(1, 2)})
    found = added(_times(matrix, half), _times(adjoint(matrix), half))
    trace = sum((x for (i, j), x in matrix.items() if i == j), Surd({}))
    unit = {(i, i): -trace * Surd({1: sp.QQ(1, n)}) for i in range(n)} if trace else {}
    return added(found, unit)
