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

from modelkit.symmetry.operations import Operation

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
            if operation.sort.reverses_time and self.order > 1:
                continue
            for each in self.all:
                self._relate([(1.0, each), (-self._sign(each, operation), self._image(each, operation))])

    def conserved(self, *, charge: bool, gauge: bool) -> None:
        """Charge and, at the first order, energy are conserved; a common voltage drives nothing.

        The latter needs potentials that follow (``gauge``) beyond the first order, where the reference stays
        an equilibrium.
        """
        for by in {each.by for each in self.all}:
            for of in "I" * charge + "J" * (self.order == 1 and charge):
                self._relate([(1.0, Coefficient(of, to, by)) for to in self.terminals])
        if self.order == 1 or gauge:
            for of, to, rest in {(each.of, each.to, each.by[1:]) for each in self.all}:
                common = [tuple(sorted((("V", b), *rest))) for b in self.terminals]
                self._relate([(1.0, Coefficient(of, to, by)) for by in common])

    def forbidden(self, coefficient: Coefficient) -> bool:
        """Whether the relations leave nothing of it."""
        return self.equal({coefficient: 1.0})

    def equal(self, combination: Mapping[Coefficient, float]) -> bool:
        """Whether the relations say that a linear combination vanishes."""
        wanted = np.zeros(len(self.all))
        for each, factor in combination.items():
            wanted[self._number[each]] += factor
        return bool(np.abs(wanted - self._space.T @ (self._space @ wanted)).max(initial=0.0) < ZERO)

    @cached_property
    def _space(self) -> Floats:
        """Orthonormal combinations that vanish, (k, n_coefficients)."""
        rows = np.zeros((len(self._rows), len(self.all)))
        for k, row in enumerate(self._rows):
            for number, value in row.items():
                rows[k, number] += value
        rows = np.unique(rows, axis=0)
        _, size, found = np.linalg.svd(rows, full_matrices=False)
        return np.asarray(found[size > ZERO * max(1.0, float(size.max(initial=0.0)))])

    def _relate(self, terms: Iterable[tuple[float, Coefficient]]) -> None:
        row: dict[int, float] = {}
        for factor, each in terms:
            row[self._number[each]] = row.get(self._number[each], 0.0) + factor
        self._rows.append(row)
        self.__dict__.pop("_space", None)

    def _sign(self, each: Coefficient, operation: Operation) -> float:
        """Particles become holes: I and V change their signs."""
        odd = sum(kind in "IV" for kind in (each.of, *(kind for kind, _ in each.by)))
        return -1.0 if operation.sort.opposing and odd % 2 else 1.0

    def _image(self, each: Coefficient, operation: Operation) -> Coefficient:
        """The coefficient at the images; where time is reversed, cause and effect are exchanged."""
        g = operation.terminal
        if operation.sort.reverses_time:
            ((kind, driven),) = each.by
            cause = "V" if each.of == "I" else "T"
            return Coefficient("I" if kind == "V" else "J", int(g[driven]), ((cause, int(g[each.to])),))
        by = tuple(sorted((kind, int(g[driven])) for kind, driven in each.by))
        return Coefficient(each.of, int(g[each.to]), by)
