"""Unitaries U with ``U A_i = B_i U`` for given matrices, exactly.

Floating point only filters: what is far from zero there is not zero.  All else is decided by exact linear
algebra.  The sets {A_i} and {B_i} hold the adjoint of each of their members; then the solutions hold a
unitary one wherever they hold an invertible one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.symmetry.bulk.exact.elimination import (
    Matrix,
    adjoint,
    conjugate,
    dense,
    kernel,
    multiple_of_identity,
    scaled,
    times,
)
from modelkit.symmetry.bulk.exact.functions import added
from modelkit.symmetry.bulk.exact.surds import IMAGINARY, ONE, Surd, integer, square_root

Complexes = NDArray[np.complex128]

FAR = 1e-9  # relatively: what is farther from zero is not zero
ALONE = 1e-10  # eigenvalues of the normal matrix above it belong to no solution
DENOMINATORS = 24
SUBSETS = 64  # sums of a few solutions that are tried


@dataclass(frozen=True, eq=False)
class Unitary:
    """``matrix / sqrt(norm)`` (n, n); without a norm, the unitary factor of ``matrix`` by numbers."""

    matrix: Matrix
    n: int
    norm: Surd | None = ONE

    @property
    def exact(self) -> bool:
        """Whether its elements are known exactly."""
        return self.norm is not None

    @cached_property
    def floats(self) -> Complexes:
        """In floating point."""
        found = dense(self.matrix, self.n)
        return _polar(found) if self.norm is None else found / np.sqrt(complex(self.norm).real)

    def behind(self, other: Unitary, conjugating: bool) -> Unitary:
        """``self other``, or ``self other*`` where self conjugates what follows."""
        matrix = times(self.matrix, conjugate(other.matrix) if conjugating else other.matrix)
        if self.norm is None or other.norm is None:
            return Unitary(matrix, self.n, None)
        return _normal(matrix, self.n, self.norm * other.norm)

    def turned(self, phase: Surd) -> Unitary:
        """Times the phase of a number."""
        norm = None if self.norm is None else self.norm * phase * phase.conjugate()
        return _normal(scaled(self.matrix, phase), self.n, norm)

    def sympy(self) -> sp.Matrix:
        """As a matrix of sympy; decimals where it is not known exactly."""
        if self.norm is None:
            return sp.Matrix(self.floats.round(12))
        scale = 1 / sp.sqrt(self.norm.sympy())
        return sp.Matrix(self.n, self.n, lambda i, j: self._element(i, j) * scale)

    def _element(self, i: int, j: int) -> sp.Expr:
        return self.matrix[i, j].sympy() if (i, j) in self.matrix else sp.Integer(0)


def unitary(
    A: Sequence[Matrix], B: Sequence[Matrix], floats: tuple[Complexes, Complexes], first: str = "x"
) -> Unitary | None:
    """A unitary solution, the simplest that is found; None where there is none.

    ``floats`` are A and B in floating point, (m, n, n) each, scaled pair by pair.  Among equally simple
    products of Pauli matrices that which begins with the ``first`` one is taken.
    """
    n = floats[0].shape[1]
    for words, numbers in _simple(n, first):
        off = np.abs(numbers @ floats[0] - floats[1] @ numbers).max(initial=0)
        if off < FAR:
            matrix = product_of(words)
            if solves(matrix, A, B):
                return Unitary(matrix, n)
    return _generic(A, B, floats)


def solutions(
    A: Sequence[Matrix], B: Sequence[Matrix], floats: tuple[Complexes, Complexes]
) -> list[dict[tuple[int, int], Surd]]:
    """A basis of all solutions.

    Floating point says how many independent equations to expect; whether the rest follows is then verified.
    """
    n = floats[0].shape[1]
    most = _most(*floats)
    if not most:
        return []
    rows = [row for a, b in zip(A, B, strict=True) for row in equations(a, b, n).values()]
    for rank in (n * n - most, None):
        found = [{divmod(p, n): x for p, x in each.items()} for each in kernel(rows, n * n, rank)]
        if rank is None or all(solves(each, A, B) for each in found):
            break
    return found


def solves(U: Matrix, A: Sequence[Matrix], B: Sequence[Matrix]) -> bool:
    """Whether ``U A_i = B_i U`` for all i."""
    return all(times(U, a) == times(b, U) for a, b in zip(A, B, strict=True))


def equations(a: Matrix, b: Matrix, n: int) -> dict[tuple[int, int], dict[int, Surd]]:
    """The elements of ``U a - b U`` as rows over the elements of U, which are counted row by row."""
    found: dict[tuple[int, int], dict[int, Surd]] = {}
    for (j, column), x in a.items():
        for row in range(n):
            _add(found.setdefault((row, column), {}), row * n + j, x)
    for (row, j), x in b.items():
        for column in range(n):
            _add(found.setdefault((row, column), {}), j * n + column, -x)
    return found


def same_invariants(one: Complexes, other: Complexes) -> bool:
    """Whether traces of the matrices and of products of two agree; if not, nothing maps one on the other."""
    n = one.shape[1]
    traces = np.trace(one, axis1=1, axis2=2) - np.trace(other, axis1=1, axis2=2)
    if np.abs(traces).max(initial=0) > n * FAR:
        return False
    products = [np.einsum("aij,bji->ab", each, each, optimize=True) for each in (one, other)]
    return bool(np.abs(products[0] - products[1]).max(initial=0) < n * FAR)


PAULI: dict[str, Matrix] = {
    "0": {(0, 0): ONE, (1, 1): ONE},
    "x": {(0, 1): ONE, (1, 0): ONE},
    "y": {(0, 1): -IMAGINARY, (1, 0): IMAGINARY},
    "z": {(0, 0): ONE, (1, 1): -ONE},
}


@lru_cache(maxsize=256)
def product_of(words: str) -> Matrix:
    """A Kronecker product of Pauli matrices, ``"0z"`` the identity times sigma_z; "" is the number 1."""
    found: Matrix = {(0, 0): ONE}
    for word in words:
        found = {
            (2 * i + k, 2 * j + m): x * y for (i, j), x in found.items() for (k, m), y in PAULI[word].items()
        }
    return found


def products_of(n: int, first: str = "x") -> list[str]:
    """The words of all products of n by n matrices, the simplest first; none unless n is 1, 2, 4, 8, 16."""
    if n not in (1, 2, 4, 8, 16):
        return []
    order = "0xyz" if first == "x" else "0yxz"
    words = ["".join(each) for each in itertools.product(order, repeat=n.bit_length() - 1)]
    return sorted(words, key=lambda word: len(word) - word.count("0"))


@lru_cache(maxsize=8)
def _simple(n: int, first: str) -> list[tuple[str, Complexes]]:
    return [(words, dense(product_of(words), n)) for words in products_of(n, first)]


def _generic(A: Sequence[Matrix], B: Sequence[Matrix], floats: tuple[Complexes, Complexes]) -> Unitary | None:
    n = floats[0].shape[1]
    basis = solutions(A, B, floats)
    if len(basis) == 1:
        norm = multiple_of_identity(times(adjoint(basis[0]), basis[0]), n)
        return None if norm is None else _normal(basis[0], n, norm)
    return _among(basis, n)


def _most(one: Complexes, other: Complexes) -> int:
    """Of how many dimensions the solutions are at most."""
    n = one.shape[1]
    unit = np.eye(n)
    # |U a - b U|^2 summed over all pairs, as a form of the elements of U
    left = np.einsum("mij,mkj->ik", one.conj(), one)
    right = np.einsum("mji,mjk->ik", other.conj(), other)
    cross = np.einsum("mij,mkl->ikjl", other, one.conj(), optimize=True).reshape(n * n, n * n)
    form = np.kron(unit, left) + np.kron(right, unit) - cross - cross.conj().T
    return int(np.sum(np.linalg.eigvalsh(form) < ALONE))


def _among(basis: list[dict[tuple[int, int], Surd]], n: int) -> Unitary | None:
    """A unitary of a space of solutions of several dimensions, None if all of its members are singular."""
    if not basis:
        return None
    numbers = np.array([dense(each, n) for each in basis])
    frees = [max(each) for each in basis]
    flat = numbers.reshape(len(basis), -1).T
    for target in _targets(numbers):
        nearest = np.linalg.lstsq(flat, np.asarray(target).ravel(), rcond=None)[0]
        member = np.tensordot(nearest, numbers, axes=1)
        if np.linalg.svd(member, compute_uv=False)[-1] < 1e-6:
            continue
        weights = [_recognised(complex(_polar(member)[place])) for place in frees]
        if all(weight is not None for weight in weights):
            found = _combined(basis, [weight for weight in weights if weight is not None])
            norm = multiple_of_identity(times(adjoint(found), found), n)
            if norm is not None:
                return _normal(found, n, norm)
    return _any(basis, n)


def _targets(members: Complexes) -> Iterator[Complexes]:
    """Matrices near which a simple unitary is looked for."""
    n = members.shape[1]
    yield np.eye(n, dtype=complex)
    yield from (matrix for _, matrix in _simple(n, "x"))
    yield members.sum(axis=0)
    for count in (1, 2, 3):
        subsets = itertools.combinations(range(len(members)), count)
        yield from (members[list(subset)].sum(axis=0) for subset in itertools.islice(subsets, SUBSETS))


def _any(basis: list[dict[tuple[int, int], Surd]], n: int) -> Unitary | None:
    """A member that is invertible, by its exact determinant; its unitary factor is known by numbers."""
    random = np.random.default_rng(0)
    for _ in range(3):
        member = _combined(basis, [integer(int(x)) for x in random.integers(1, 10**6, len(basis))])
        rows: dict[int, dict[int, Surd]] = {}
        for (i, j), x in member.items():
            rows.setdefault(i, {})[j] = x
        if not kernel(rows.values(), n):
            return Unitary(member, n, None)
    return None


def _combined(basis: Sequence[Matrix], weights: Sequence[Surd]) -> dict[tuple[int, int], Surd]:
    found: dict[tuple[int, int], Surd] = {}
    for each, weight in zip(basis, weights, strict=True):
        if weight:
            found = added(found, each, weight)
    return found


def _recognised(number: complex) -> Surd | None:
    """A simple surd that is near a number; whether it serves is then decided exactly."""
    parts = [_real(number.real), _real(number.imag)]
    if parts[0] is None or parts[1] is None:
        return None
    return parts[0] + IMAGINARY * parts[1]


def _real(number: float) -> Surd | None:
    for radicand in (1, 2, 3, 6):
        quotient = number / np.sqrt(radicand)
        for denominator in range(1, DENOMINATORS + 1):
            if abs(quotient * denominator - round(quotient * denominator)) < FAR:
                value = sp.QQ(round(quotient * denominator), denominator)
                return square_root(sp.QQ(radicand)) * Surd({1: value} if value else {})
    return None


def _normal(matrix: Matrix, n: int, norm: Surd | None) -> Unitary:
    """With norm one where the norm is rational."""
    rational = None if norm is None else norm.rational
    if rational is None or rational == 1:
        return Unitary(matrix, n, norm)
    return Unitary(scaled(matrix, square_root(1 / rational)), n)


def _polar(matrix: Complexes) -> Complexes:
    u, _, vh = np.linalg.svd(matrix)
    return np.asarray(u @ vh)


def _add(row: dict[int, Surd], place: int, value: Surd) -> None:
    total = row[place] + value if place in row else value
    if total:
        row[place] = total
    else:
        row.pop(place, None)
