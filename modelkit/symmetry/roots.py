"""The linear system that is left for the roots of a lift, and unitary solutions of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Flags = NDArray[np.bool_]

MOST = 2000  # unknown elements of roots that hang together
DENSE = 400  # of them for singular values, which tell more than eigenvalues of the normal equations
NULLS = (1e-12, 1e-10, 3e-9)  # singular values of solutions, equations being of size one; each is tried
SQUARED = 1e-13  # of the largest eigenvalue of the normal equations: a solution
CONDITION = 1e-4  # smallest singular value of a solution, relative to the largest
DRAWS = 4  # generic elements, of which the best is taken


class Undecided(Exception):
    """A search that was given up; says why."""


@dataclass(frozen=True, eq=False)
class Roots:
    """``X_row b = c X_column`` for the unitaries X (size, size) of all roots.

    Equations count in units of ``unit`` (k,), their sizes or what rounding leaves of them.
    """

    row: Integers
    column: Integers
    b: Complexes
    c: Complexes
    size: Integers
    unit: Floats

    def solution(self, exact: float) -> Complexes | None:
        """Unitaries (roots, D, D), the simplest that are off by at most ``exact``; None if there are none.

        Raises
        ------
        Undecided
            Too many roots hang together.
        """
        R, D = len(self.size), self.b.shape[1]
        part, count = self._parts()
        found = np.zeros((R, D, D), dtype=complex)
        open_ = np.ones(count, dtype=bool)
        for X in self._simple():
            off = np.zeros(count)
            np.maximum.at(off, part[self.row], self.off(X))
            good = open_ & (off <= exact)
            found[good[part]] = X[good[part]]
            open_ &= ~good
            if not open_.any():
                return found
        of_roots, of_equations = (_sorted(each, count) for each in (part, part[self.row]))
        for number in np.flatnonzero(open_).tolist():
            roots = of_roots[number]
            solved = self._some(roots, of_equations[number])._generic(exact)
            if solved is None:
                return None
            found[roots] = solved
        return found

    def _some(self, roots: Integers, equations: Integers) -> Roots:
        """Some roots alone, on which these equations depend."""
        row, column = (np.searchsorted(roots, each[equations]) for each in (self.row, self.column))
        return Roots(
            row,
            column,
            self.b[equations],
            self.c[equations],
            self.size[roots],
            self.unit[equations],
        )

    def off(self, X: Complexes) -> Floats:
        """By how much each equation fails, (k,)."""
        wrong = X[self.row] @ self.b - self.c @ X[self.column]
        return np.asarray(np.linalg.norm(wrong, axis=(1, 2)) / self.unit)

    def _parts(self) -> tuple[Integers, int]:
        """Which roots hang together."""
        from scipy.sparse import csgraph

        R = len(self.size)
        joined = sparse.csr_array((np.ones(len(self.row)), (self.row, self.column)), shape=(R, R))
        count, part = csgraph.connected_components(joined, directed=False)
        return part, int(count)

    def _simple(self) -> Iterator[Complexes]:
        """Products of Pauli matrices on all roots alike, where the sizes allow them."""
        D = self.b.shape[1]
        sizes = np.unique(self.size)
        known = {int(d): simple_matrices(int(d)) for d in sizes if d}
        for k in range(max([1, *map(len, known.values())])):
            X = np.zeros((len(self.size), D, D), dtype=complex)
            for d, matrices in known.items():
                X[self.size == d, :d, :d] = matrices[k % len(matrices)]
            yield X

    def _generic(self, exact: float) -> Complexes | None:
        """A random solution, made unitary; where it is singular all are."""
        for kernel in self._kernels():
            best, found = CONDITION, None
            random = np.random.default_rng(0)
            for _ in range(DRAWS if len(kernel) else 0):
                weights = random.normal(size=(2, len(kernel)))
                X = np.tensordot(weights[0] + 1j * weights[1], kernel, axes=1)
                unitary, condition = self._unitary(X)
                if condition > best:
                    best, found = condition, unitary
            if found is not None and np.all(self.off(found) <= exact):
                return found
        return None

    def _unitary(self, X: Complexes) -> tuple[Complexes, float]:
        """The unitary factors, and the smallest singular value relative to the largest."""
        found, condition = np.zeros_like(X), 1.0
        for d in np.unique(self.size[self.size > 0]):
            chosen = self.size == d
            u, s, vh = np.linalg.svd(X[chosen, :d, :d])
            found[chosen, :d, :d] = u @ vh
            condition = min(condition, float((s[:, -1] / np.maximum(s[:, 0], 1e-300)).min()))
        return found, condition

    def _kernels(self) -> Iterator[Complexes]:
        """Solutions (k, roots, D, D), for several thresholds of what is zero."""
        D = self.b.shape[1]
        within = np.arange(D) < self.size[:, None]
        unknown = np.flatnonzero(within[:, :, None] & within[:, None, :])
        if len(unknown) > MOST:
            raise Undecided("internal unitaries of too many sites depend on one another")
        rows = self._equations()[:, unknown]
        if len(unknown) <= DENSE:
            triangle = np.linalg.qr(rows.toarray(), mode="r")
            _, value, vectors = np.linalg.svd(triangle, full_matrices=True)
            value = np.append(value, np.zeros(len(unknown) - len(value)))
            ranks = sorted({int(np.sum(value > null)) for null in NULLS}, reverse=True)
            kernels = [vectors[rank:].conj() for rank in ranks]
        else:
            value, vectors = np.linalg.eigh((rows.conj().T @ rows).toarray())
            kernels = [vectors[:, value <= SQUARED * max(float(value.max(initial=0.0)), 1.0)].T]
        for kernel in kernels:
            found = np.zeros((len(kernel), len(self.size) * D * D), dtype=complex)
            found[:, unknown] = kernel
            yield found.reshape(-1, len(self.size), D, D)

    def _equations(self) -> sparse.csr_array:
        """``sum_j X_r[i, j] b[j, m] - sum_j c[i, j] X_s[j, m]``, each once, by elements of the X.

        Every block counts alike, however weak it is.
        """
        D = self.b.shape[1]
        b, c = (blocks / self.unit[:, None, None] for blocks in (self.b, self.c))
        flat = [np.round(part.reshape(len(part), D * D), 11).view(float) for part in (b, c)]
        whole = np.concatenate([self.row[:, None], self.column[:, None], *flat], axis=1)
        weights = np.random.default_rng(5).normal(size=whole.shape[1])
        different = np.unique(whole @ weights, return_index=True)[1]
        k, i, j, m = np.indices((len(different), D, D, D)).reshape(4, -1)
        of = different[k]
        equation = (k * D + i) * D + m
        entries = (self.row[of] * D + i) * D + j, (self.column[of] * D + j) * D + m
        value = b[of, j, m], -c[of, i, j]
        shape = (len(different) * D * D, len(self.size) * D * D)
        return sparse.csr_array(
            (np.concatenate(value), (np.tile(equation, 2), np.concatenate(entries))), shape=shape
        )


def _sorted(number: Integers, count: int) -> list[Integers]:
    """The places of each number ``0 .. count-1``, ascending."""
    order = np.argsort(number, kind="stable")
    return np.split(order, np.searchsorted(number[order], np.arange(1, count)))


def simple_matrices(D: int) -> list[Complexes]:
    """Products of Pauli matrices, the identity first; the identity alone where D is no power of two."""
    pauli = [np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])]
    factors = int(np.log2(D)) if D & (D - 1) == 0 else 0
    if not factors or factors > 3:
        return [np.eye(D, dtype=complex)]
    found = [np.ones((1, 1), dtype=complex)]
    for _ in range(factors):
        found = [np.kron(one, more) for one in found for more in pauli]
    return found
