"""``Z^-1 w`` with ``Z = E - H - Sigma`` by LAPACK, or by a sparse factorisation for each energy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.open_system import OpenSystem
from modelkit.solve.conductor import Floats
from modelkit.solve.methods.lattice.channels import Channels, channels
from modelkit.solve.methods.pattern import pattern_of

Complexes = NDArray[np.complex128]
Integers = NDArray[np.intp]

DENSE_UP_TO = 300  # orbitals; beyond, a sparse factorisation an energy
KEPT = 2**26  # bytes of factorisations that are kept for the next columns


class Columns(Protocol):
    """Solves on the orbitals that some contact reaches; the others would only make Z singular.

    Attributes
    ----------
    channels : of all contacts at all energies
    reached : (n_reached,) orbitals
    scale : (n_E,) the largest elements of Z, about
    held : bytes of factorisations held at present
    """

    channels: Channels
    reached: Integers
    scale: Floats

    @property
    def held(self) -> int: ...

    def solve(self, part: slice, columns: Complexes, shift: float = 0.0) -> Complexes:
        """``(Z + shift)^-1 columns`` for a chunk of energies, NaN where that is singular.

        ``columns`` and the result have the shape (chunk, n_reached, k).
        """

    def inverse(self, part: slice) -> Complexes:
        """All of ``Z^-1``, (chunk, n_reached, n_reached): asked of small lattices only."""

    def bytes_per_energy(self, width: int) -> int:
        """What one energy needs while so many columns are solved for, about."""


class LatticeColumns:
    """Any lattice: dense up to 300 orbitals."""

    def __init__(self, system: OpenSystem, energies: Floats, reached: Integers) -> None:
        self.channels = channels(system, energies)
        self.reached = reached
        self._system, self._energies = system, energies
        sigma = np.abs(self.channels.sigma).max(axis=1, initial=0.0)
        norm = float(abs(system.hamiltonian).sum(axis=1).max()) if system.hamiltonian.shape[0] else 0.0
        self.scale = norm + np.abs(energies) + sigma
        self._last: tuple[tuple[int, int, float], Any] | None = None

    @property
    def held(self) -> int:
        """See :class:`Columns`."""
        if self._last is None:
            return 0
        kept = self._last[1]
        if isinstance(kept, list):
            return sum(20 * factors.nnz for factors in kept if factors is not None)
        return int((kept[0] if isinstance(kept, tuple) else kept).nbytes)

    def solve(self, part: slice, columns: Complexes, shift: float = 0.0) -> Complexes:
        """See :class:`Columns`; the last factorisations are kept where they are small."""
        key = (part.start, part.stop, shift)
        known = self._last[1] if self._last is not None and self._last[0] == key else None
        if len(self.reached) > DENSE_UP_TO:
            return self._by_factors(known, key, part, columns)
        if known is None:
            z = self._matrices(part, shift)
            self._last = key, z
            return _all_solved(z, columns)
        return np.asarray(self.inverse(part, shift) @ columns)

    def inverse(self, part: slice, shift: float = 0.0) -> Complexes:
        """Whole inverses of a small lattice, (chunk, n_reached, n_reached), NaN where there is none."""
        key = (part.start, part.stop, shift)
        known = self._last[1] if self._last is not None and self._last[0] == key else None
        if isinstance(known, tuple):
            return np.asarray(known[0])
        z = self._matrices(part, shift) if known is None else known
        found = _all_solved(z, np.broadcast_to(np.eye(len(self.reached)) + 0j, z.shape))
        self._last = key, (found,)
        return found

    def bytes_per_energy(self, width: int) -> int:
        """See :class:`Columns`."""
        n = len(self.reached)
        if n <= DENSE_UP_TO:
            return 16 * n * (n + width)
        return 16 * self._system.hamiltonian.shape[0] * width

    @cached_property
    def _place(self) -> Integers:
        """Number of each orbital among the reached ones."""
        found = np.zeros(self._system.hamiltonian.shape[0], dtype=np.intp)
        found[self.reached] = np.arange(len(self.reached))
        return found

    def _matrices(self, part: slice, shift: float) -> Complexes:
        """Z of a chunk, (chunk, n_reached, n_reached)."""
        found = self.channels
        hamiltonian = self._system.hamiltonian[self.reached][:, self.reached].toarray()
        z = (self._energies[part, None, None] + shift) * np.eye(len(self.reached)) - hamiltonian
        chunk = np.arange(len(z))[:, None]
        np.add.at(
            z, (chunk, self._place[found.sigma_row], self._place[found.sigma_column]), -found.sigma[part]
        )
        return np.asarray(z)

    def _by_factors(
        self, known: Any, key: tuple[int, int, float], part: slice, columns: Complexes
    ) -> Complexes:
        kept: list[Any] = []
        found, size = [], 0
        for factors, right in zip(known or self._factorised(part, key[2]), columns, strict=True):
            found.append(np.full_like(right, np.nan) if factors is None else factors.solve(right))
            size += 0 if factors is None else 20 * factors.nnz
            if size <= KEPT:
                kept.append(factors)
        self._last = (key, kept) if size <= KEPT else None
        return np.stack(found)

    def _factorised(self, part: slice, shift: float) -> Iterator[Any]:
        """One sparse factorisation an energy, None where Z is singular."""
        from scipy.sparse.linalg import splu

        found, n = self.channels, len(self.reached)
        places = (self._place[found.sigma_row], self._place[found.sigma_column])
        hamiltonian = self._system.hamiltonian[self.reached][:, self.reached]
        for e in range(part.start, part.stop):
            sigma = sparse.csr_array((found.sigma[e], places), shape=(n, n))
            z = (self._energies[e] + shift) * sparse.eye_array(n) - hamiltonian - sigma
            try:
                factors = splu(sparse.csc_array(z))
            except RuntimeError:
                factors = None
            yield factors


def reached_orbitals(system: OpenSystem, contacts: Integers) -> Integers:
    """Orbitals connected with one of some orbitals."""
    from scipy.sparse.csgraph import connected_components

    count, part = connected_components(pattern_of(system.hamiltonian), directed=False)
    touched = np.zeros(count, dtype=np.bool_)
    touched[part[contacts]] = True
    return np.flatnonzero(touched[part])


def _all_solved(z: Complexes, columns: Complexes) -> Complexes:
    try:
        return np.asarray(np.linalg.solve(z, columns))
    except np.linalg.LinAlgError:
        if len(z) == 1:
            return np.full_like(columns, np.nan)
    half = len(z) // 2
    return np.concatenate([_all_solved(z[:half], columns[:half]), _all_solved(z[half:], columns[half:])])
