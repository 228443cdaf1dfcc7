"""First and second derivatives of currents and energy currents by mu and T of the terminals.

All at the reference, terminal by terminal: nothing is eliminated yet but elastic reservoirs.  With
``x = mu_b - mu`` and ``theta_b = T_b - T``, ``z = (E - mu)/T`` and M the currents for unit fillings,

    dI_a/dx_b     = int M_ab (-f'/T) dE          dI_a/dtheta_b = int M_ab z (-f'/T) dE
    d2I_a/dx_b dx_b = int M_ab f''/T^2 dE ,

further ones with powers of z; energy currents, counted from mu, have one more ``T z``.  At T = 0 these are
M and its derivative by the energy, at mu; derivatives by T are not formed there.  Where levels follow the
bias, ``lambda``, the second derivative has two more parts: the current that moved levels change, for the
first change of the distributions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import Levels
from modelkit.solve.coefficients.effective import laws, moved_current
from modelkit.solve.conductor import Conductance, ResponsiveConductance
from modelkit.solve.energies.averages import Averages, slope_at, thermal
from modelkit.solve.energies.elastic import completed
from modelkit.solve.energies.thresholds import check_thresholds
from modelkit.solve.junction.powers import lowered
from modelkit.solve.request import Prepared

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

PAIRS = 16  # pairs of directions that are averaged at once


@dataclass
class Coefficients:
    """Integrals of a conductor at the reference ``mu``, ``T``.

    ``elastic`` (n_reservoirs,); ``integration`` is the largest relative error of what was integrated so
    far, ``energies`` the number of energies it took, ``blind`` what the estimate cannot see.
    """

    prepared: Prepared
    mu: float
    T: float
    n_terminals: int
    elastic: Flags
    integration: float = 0.0
    energies: int = 1
    blind: str = ""
    _known: dict[str, list[Floats]] = field(default_factory=dict)
    _gross: Floats = field(default_factory=lambda: np.zeros(3))  # of flows with the weights of "a"

    def sampled(self) -> Floats:
        """(n_E,): the energies that first derivatives are formed from."""
        if self.T == 0:
            return np.array([self.mu])
        self._moments("a")
        return np.asarray(self.prepared.rules["panels", self.mu, self.T][0].nodes.ravel())

    def first(self) -> Floats:
        """``L[of, a, by, b]``, shape (2, n, 2, n): of I and of the energy current, by mu and by T."""
        T, fold = self.T, self._fold
        a = self._moments("a")
        if T == 0:
            none = np.zeros((self.n_terminals, self.n_terminals))
            return _four([[fold(a[0], True, True), none], [none, none]])
        return _four(
            [
                [fold(a[0], True, True), fold(a[1], True, False)],
                [fold(T * a[1], False, True), fold(T * a[2], False, False)],
            ]
        )

    def gross(self) -> Floats:
        """Of the shape of :meth:`first`: the same with all reservoirs and energies summed absolutely.

        Mixed moments by Schwarz's inequality, since M has one sign at all energies.
        """
        T, a = self.T, [np.abs(part) for part in self._moments("a")]
        whole = self._fold(a[0], False, False)
        if T == 0:
            return _four([[whole, 0 * whole], [0 * whole, 0 * whole]])
        mixed = self._fold(np.sqrt(a[0] * a[2]), False, False)
        return _four([[whole, mixed], [T * mixed, T * self._fold(a[2], False, False)]])

    def second(self, z: Floats) -> Floats:
        """Second derivatives in the directions ``z`` (2, n, D), levels held: (2, n, D, D).

        ``z[0]`` are deviations of mu, ``z[1]`` of T, of each terminal in each direction.
        """
        T, fold, (x, theta) = self.T, self._fold, z
        a, b = self._moments("a"), self._moments("b")
        if T == 0:
            parts = [[fold(b[0], True, False)], [fold(a[0], False, False)]]
        else:
            parts = [
                [
                    fold(b[0], True, False),
                    fold(b[1] - a[0] / T, True, True),
                    fold(b[2] - 2 * a[1] / T, True, False),
                ],
                [
                    fold(T * b[1], False, False),
                    fold(T * b[2] - a[1], False, True),
                    fold(T * b[3] - 2 * a[2], False, False),
                ],
            ]
        found = []
        for part in parts:
            whole = np.einsum("ab,bj,bk->ajk", part[0], x, x, optimize=True)
            for matrix, other in zip(part[1:], (x, theta), strict=False):
                mixed = np.einsum("ab,bj,bk->ajk", matrix, other, theta, optimize=True)
                whole += mixed + mixed.swapaxes(1, 2) if other is x else mixed
            found.append(whole)
        return np.stack(found)

    def second_by_levels(self, z: Floats, levels: Sequence[Levels | None]) -> Floats:
        """What levels add to :meth:`second` that move along each direction (None: not at all).

        Where all bands follow, what is common to all levels shifts the energy, and that stands on the Fermi
        function; the rest changes transmissions.

        Raises
        ------
        ModelError
            Bands move against one another that open at once.
        """
        count = z.shape[2]
        found = np.zeros((2, self.n_terminals, count, count))
        pairs = [(j, k) for k in range(count) if levels[k] is not None for j in range(count)]
        common = [self._common(one) for one in levels]
        rest = [
            None if one is None else lowered(one, shift) for one, shift in zip(levels, common, strict=True)
        ]
        bands = np.max([np.abs(one.bands) for one in rest if one is not None], axis=0)
        check_thresholds(self.prepared, self.mu, self.T, bands)
        for first in range(0, len(pairs), PAIRS):
            chosen = pairs[first : first + PAIRS]
            for (j, k), part in zip(chosen, self._moved(z, rest, chosen), strict=True):
                whole = part + self._shifted(z[:, :, j], common[k]) if common[k] else part
                found[:, :, j, k] += whole
                found[:, :, k, j] += whole
        return found

    def _common(self, levels: Levels | None) -> float:
        """By how much all levels move together, where it helps."""
        if levels is None or self.T == 0 or self.prepared.system.reservoirs.superconducting:
            return 0.0
        return float(np.median(levels.bands)) if np.all(levels.bands != 0) else 0.0

    def _shifted(self, z: Floats, shift: float) -> Floats:
        """``M(E - shift)`` by the shift, integrated by parts, for one filling (2, n); (2, n)."""
        T, a, b = self.T, self._moments("a"), self._moments("b")
        x, theta = z[:, self.prepared.system.reservoirs.terminal]
        number = a[0] @ theta / T - b[0] @ x - b[1] @ theta
        energy = a[0] @ x + 2 * a[1] @ theta - T * (b[1] @ x + b[2] @ theta)
        return shift * np.stack([self._folded(number, True), self._folded(energy, False)])

    def _moved(
        self, z: Floats, levels: Sequence[Levels | None], pairs: Sequence[tuple[int, int]]
    ) -> Iterator[Floats]:
        """Currents and energy currents, (2, n) for each pair of a filling and a displacement of levels."""
        reservoirs, T = self.prepared.system.reservoirs, self.T
        x = reservoirs.sign[:, None] * reservoirs.of_terminals(z[0], 0.0)
        theta = reservoirs.of_terminals(z[1], 0.0)

        def spectral(conductance: Conductance) -> Floats:
            reduced = (conductance.energies - self.mu) / (T or 1.0)
            filled: dict[int, Floats] = {}
            parts = []
            for j, k in pairs:
                change = levels[k]
                assert change is not None  # pairs are chosen so
                if j not in filled:
                    filling = x[:, j] + np.outer(reduced, theta[:, j])
                    filled[j] = completed(conductance, filling, self.elastic)
                responsive = cast(ResponsiveConductance, conductance)
                parts.append(moved_current(responsive, filled[j], change, self.elastic))
            return np.concatenate(parts, axis=1)

        if T == 0:
            values = spectral(self.prepared.at(np.array([self.mu])))
            values = np.concatenate([values, np.zeros_like(values)])
        else:
            self._moments("a")
            # flows of the second order are flows of the first by the width of the window, or nothing
            least = self._gross[:2] / T
            values = self._kept(thermal(self.prepared, self.mu, T, spectral, 2, least=least)).values
        number, energy = values.reshape(2, len(pairs), -1)
        for p in range(len(pairs)):
            yield np.stack([self._folded(number[p], True), self._folded(T * energy[p], False)])

    def _moments(self, kind: str) -> list[Floats]:
        """Integrals of M: ``a`` with ``-f' z^k/T``, ``b`` with ``f'' z^k/T^2``; at T = 0 M and M'."""
        if kind not in self._known:
            prepared, mu, n = self.prepared, self.mu, len(self.elastic)

            def spectral(conductance: Conductance) -> Floats:
                return laws(conductance, self.elastic).reshape(-1, n * n)

            if self.T > 0:
                order = (3, 0) if kind == "a" else (3, 4)
                found = self._kept(thermal(prepared, mu, self.T, spectral, *order))
                values, self._gross = found.values, found.gross[:3]
                self._known["a"] = [part.reshape(n, n) for part in values[:3]]
                if kind == "b":
                    self._known["b"] = [part.reshape(n, n) for part in values[3:]]
                return self._known[kind]
            if kind == "a":
                values = spectral(prepared.at(np.array([mu])))
            else:
                values = self._kept(slope_at(prepared, mu, spectral)).values
            self._known[kind] = [values[0].reshape(n, n)]
        return self._known[kind]

    def _kept(self, found: Averages) -> Averages:
        self.integration = max(self.integration, found.error)
        self.energies = max(self.energies, found.panels.nodes.size)
        self.blind = found.blind or self.blind
        return found

    def _fold(self, matrix: Floats, particles: bool, odd: bool) -> Floats:
        """Sum reservoirs of each terminal: rows as particles or energy, columns odd in the sign or not."""
        reservoirs, n = self.prepared.system.reservoirs, self.n_terminals
        columns = np.zeros((n, len(matrix)))
        sign = reservoirs.carries * (reservoirs.sign if odd else 1.0)
        np.add.at(columns, reservoirs.terminal, (matrix * sign).T)
        return self._folded(columns, particles).T

    def _folded(self, values: Floats, particles: bool) -> Floats:
        """(..., n_reservoirs) to (..., n_terminals)."""
        reservoirs = self.prepared.system.reservoirs
        signed = values * (reservoirs.sign if particles else reservoirs.carries) * reservoirs.share
        found = np.zeros((self.n_terminals, *values.shape[:-1]))
        np.add.at(found, reservoirs.terminal, np.moveaxis(signed, -1, 0))
        return np.moveaxis(found, 0, -1)


def _four(parts: list[list[Floats]]) -> Floats:
    """[of][by] matrices as one array [of, a, by, b]."""
    return np.stack([np.stack(row, axis=1) for row in parts])
