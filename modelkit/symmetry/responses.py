"""What operations leave of the response coefficients: which must vanish, which coincide.

A coefficient is a number of places: which current (I or J) of which terminal, then the driving (V or T) of
one terminal for each order.  Operations permute them up to a sign; sums over all terminals vanish by
conservation and by gauge invariance.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.symmetry.operations import Operation
from modelkit.symmetry.structure import Sort

Floats = NDArray[np.float64]

ZERO = 1e-9  # of a unit vector


@dataclass(frozen=True)
class Coefficient:
    """``of`` (I or J) of the terminal ``to``; ``by``, sorted, lists ``V`` or ``T`` with terminals."""

    of: str
    to: int
    by: tuple[tuple[str, int], ...]


class Coefficients:
    """All coefficients of one order between some terminals, and linear relations between them.

    Currents are counted as particles and heat into the conductor, V as chemical potentials and T in units
    of the reference's, so that Onsager's relations have no factors.
    """

    def __init__(self, order: int, terminals: Iterable[int]) -> None:
        self.order, self.terminals = order, tuple(terminals)
        driving = list(itertools.product("TV", self.terminals))
        self.all = [
            Coefficient(of, to, by)
            for of, to in itertools.product("IJ", self.terminals)
            for by in itertools.combinations_with_replacement(driving, order)
        ]
        self._number = {each: k for k, each in enumerate(self.all)}
        self._rows: list[dict[int, float]] = []

    def kept(self, operations: Iterable[Operation]) -> None:
        """Operations of the device: unitary ones at every order, those that reverse time at the first."""
        for operation in operations:
            self.permuted(operation.terminal, operation.sort)

    def permuted(self, terminal: NDArray[np.intp], sort: Sort) -> None:
        """What an operation of a sort says that takes terminals to these."""
        if sort.reverses_time and self.order > 1:
            return
        for each in self.all:
            self._relate([(1.0, each), (-_sign(each, sort), _image(each, terminal, sort))])

    def image(self, each: Coefficient, operation: Operation) -> tuple[Coefficient, float]:
        """The coefficient that an operation makes of one, and the sign between them."""
        return _image(each, operation.terminal, operation.sort), _sign(each, operation.sort)

    def conserved(self, *, charge: bool, energy: bool) -> None:
        """Charge and, at the first order, energy are conserved.

        Beyond the first order energy is not: currents at a bias heat.
        """
        for by in {each.by for each in self.all}:
            for of in "I" * charge + "J" * (self.order == 1 and energy):
                self._relate([(1.0, Coefficient(of, to, by)) for to in self.terminals])

    def common(self) -> None:
        """A common voltage drives nothing, and changes nothing of what others drive: gauge invariance."""
        for of, to, rest in {(each.of, each.to, each.by[1:]) for each in self.all}:
            by = [tuple(sorted((("V", b), *rest))) for b in self.terminals]
            self._relate([(1.0, Coefficient(of, to, each)) for each in by])

    def balanced(self, *, heated: bool) -> None:
        """Nothing flows where all have one mu; where all follow (``heated``), nor at another common T."""
        for of, to in itertools.product("IJ", self.terminals):
            for kinds in itertools.combinations_with_replacement("TV" if heated else "V", self.order):
                ways = itertools.product(self.terminals, repeat=self.order)
                by = [tuple(sorted(zip(kinds, way, strict=True))) for way in ways]
                self._relate([(1.0, Coefficient(of, to, each)) for each in by])

    def reflected(self) -> None:
        """Andreev reflection of a single terminal: its current is odd in its voltage."""
        for each in self.all:
            if each.of == "I" and sum(kind == "V" for kind, _ in each.by) % 2 == 0:
                self._relate([(1.0, each)])

    def scattered(self) -> None:
        """Elastic scattering that nothing moves: currents are linear in the distributions.

        Products of the driving of two terminals do nothing then, and equal changes of all distributions
        neither; but heat is counted from the terminal's own mu, which V moves.
        """
        if self.order != 2:
            return
        for each in self.all:
            (_, one), (_, other) = each.by
            if one != other and (each.of == "I" or ("V", each.to) not in each.by):
                self._relate([(1.0, each)])
        for to, of, kinds in itertools.product(self.terminals, "IJ", ("TT", "TV", "VV")):
            if of == "I" or kinds == "TT":
                same = [tuple((kind, b) for kind in kinds) for b in self.terminals]
                self._relate([(1.0, Coefficient(of, to, by)) for by in same])

    def forbidden(self, coefficient: Coefficient) -> bool:
        """Whether the relations leave nothing of it."""
        return not self._left[self._number[coefficient]].any()

    def equal(self, combination: Mapping[Coefficient, float]) -> bool:
        """Whether the relations say that a linear combination vanishes."""
        found = sum(factor * self._left[self._number[each]] for each, factor in combination.items())
        size = max([1.0, *(abs(factor) for factor in combination.values())])
        return bool(np.abs(found).max(initial=0.0) < ZERO * size)

    def alike(self) -> list[list[tuple[Coefficient, float]]]:
        """Coefficients that are multiples of each other, ``first = factor * each``, where any are left.

        The first of each list is the first of all in their order, with the factor 1.
        """
        found: list[list[tuple[Coefficient, float]]] = []
        ways: list[Floats] = []
        sizes = np.linalg.norm(self._left, axis=1)
        for each, row, size in zip(self.all, self._left, sizes, strict=True):
            if size == 0:
                continue
            overlap = np.array(ways) @ row / size if ways else np.zeros(0)
            near = np.flatnonzero(np.abs(np.abs(overlap) - 1) < ZERO)
            if not len(near):
                ways.append(row / size)
                found.append([(each, 1.0)])
                continue
            first = sizes[self._number[found[near[0]][0][0]]]
            found[near[0]].append((each, float(np.sign(overlap[near[0]]) * first / size)))
        return found

    @cached_property
    def _left(self) -> Floats:
        """What the relations leave: each coefficient as a vector (n_coefficients, k) of free numbers.

        Relations never join all coefficients (voltages stay voltages), so that the parts that they join
        are solved one by one; vectors that vanish are zero exactly.
        """
        from scipy.sparse import csgraph

        n = len(self.all)
        number = np.repeat(np.arange(len(self._rows)), [len(row) for row in self._rows])
        column = np.array([k for row in self._rows for k in row], dtype=np.intp)
        value = np.array([x for row in self._rows for x in row.values()])
        rows = sparse.csr_array((value, (number, column)), shape=(len(self._rows), n))
        count, part = csgraph.connected_components(abs(rows).T @ abs(rows), directed=False)
        owner = np.full(len(self._rows), -1)
        owner[number] = part[column]
        columns, first = [], 0
        for k in range(count):
            here = np.flatnonzero(part == k)
            free = _kernel(rows[np.flatnonzero(owner == k)][:, here].toarray())
            columns.append((here, first, free))
            first += free.shape[1]
        left = np.zeros((n, first))
        for here, begin, free in columns:
            left[here, begin : begin + free.shape[1]] = free
        left[np.linalg.norm(left, axis=1) < ZERO] = 0.0
        return left

    def _relate(self, terms: Iterable[tuple[float, Coefficient]]) -> None:
        row: dict[int, float] = {}
        for factor, each in terms:
            row[self._number[each]] = row.get(self._number[each], 0.0) + factor
        self._rows.append(row)
        self.__dict__.pop("_left", None)


def _sign(each: Coefficient, sort: Sort) -> float:
    """Particles become holes: I and V change their signs."""
    odd = sum(kind in "IV" for kind in (each.of, *(kind for kind, _ in each.by)))
    return -1.0 if sort.opposing and odd % 2 else 1.0


def _image(each: Coefficient, g: NDArray[np.intp], sort: Sort) -> Coefficient:
    """The coefficient at the images; where time is reversed, cause and effect are exchanged."""
    if sort.reverses_time:
        ((kind, driven),) = each.by
        cause = "V" if each.of == "I" else "T"
        return Coefficient("I" if kind == "V" else "J", int(g[driven]), ((cause, int(g[each.to])),))
    by = tuple(sorted((kind, int(g[driven])) for kind, driven in each.by))
    return Coefficient(each.of, int(g[each.to]), by)


def _kernel(rows: Floats) -> Floats:
    """Orthonormal columns that all rows take to zero."""
    if not rows.shape[0]:
        return np.eye(rows.shape[1])
    _, size, vectors = np.linalg.svd(np.unique(rows, axis=0), full_matrices=True)
    rank = int(np.sum(size > ZERO * max(1.0, float(size.max(initial=0.0)))))
    return np.asarray(vectors[rank:].T)
