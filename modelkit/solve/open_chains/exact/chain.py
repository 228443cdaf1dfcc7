"""A chain of fermions in a basis of modes, and its matrices in one choice of numbers of particles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from modelkit.compile.lindbladian import Lindbladian
from modelkit.graph.device import Integers, Products
from modelkit.solve.memory import SHARE, free_bytes, refuse_large
from modelkit.solve.open_chains.exact.basis import Basis
from modelkit.solve.open_chains.exact.charges import Charge
from modelkit.solve.open_chains.exact.fock import Fock, count_states, fock
from modelkit.solve.open_chains.exact.liouvillian import Cells, cells_of
from modelkit.solve.open_chains.exact.operators import Jumps, rotated

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from modelkit.compile.unit_cell import UnitCell
    from modelkit.solve.open_chains.exact.translations import Ring

BYTES = 400  # per state and jump operator, at least

ELEMENT = 200  # per element of a density matrix and pair of modes, roughly
OTHERWISE = (
    "ask for fewer cells or particles, or, where it fits, for method = gaussian or gge, which need less"
)


@dataclass(frozen=True, eq=False)
class Chain:
    """A Lindbladian in the modes of a basis.

    ``cells`` is their number; ``ring`` and ``cell`` are given where translations are used.
    """

    lindbladian: Lindbladian
    charges: tuple[Charge, ...]
    basis: Basis
    jumps: tuple[Jumps, ...]
    cells: int
    ring: Ring | None = None
    cell: UnitCell | None = None

    @property
    def modes(self) -> int:
        return self.basis.size

    @cached_property
    def energies(self) -> tuple[Products, ...]:
        """H as products in the modes of the basis."""
        if self.basis.energy is not None:
            mode = np.arange(self.modes)
            diagonal = np.stack([mode, mode], axis=1)
            one = Products(0 * mode, diagonal, (True, False), self.basis.energy.astype(complex))
        else:
            entries = self.lindbladian.hamiltonian.tocoo()
            orbital = np.stack(entries.coords, axis=1).astype(np.intp)
            value = np.asarray(entries.data, dtype=complex)
            one = Products(np.zeros(len(value), dtype=np.intp), orbital, (True, False), value)
        interaction = self.lindbladian.interaction
        if not len(interaction.value):
            return (one,)
        together = Products(
            0 * interaction.member, interaction.orbital, interaction.dagger, interaction.value
        )
        return (one, rotated(together, self.basis.vectors))

    def sector(self, numbers: Sequence[Sequence[int]]) -> Sector:
        """All states with allowed numbers of particles of each charge; ModelError beyond memory."""
        parts = [(charge.orbitals, some) for charge, some in zip(self.charges, numbers, strict=True)]
        count = count_states(parts)
        hint = self._fitting(parts)
        operators = sum(len(part.value) for jumps in self.jumps for part in jumps.products)
        refuse_large(BYTES * count * (1 + operators // 16), f"the {count} states of the chain", hint)
        states = fock(self.modes, parts)
        filled = states.filled().astype(np.intp)
        key = [filled[:, charge.orbitals].sum(axis=1) for charge in self.charges]
        key = [n % charge.period if charge.period else n for n, charge in zip(key, self.charges, strict=True)]
        key.append(filled @ self.basis.momentum % self.basis.cells)
        return Sector(self, states, cells_of(np.stack(key, axis=1)), hint)

    def _fitting(self, parts: Sequence[tuple[Integers, Sequence[int]]]) -> str:
        """What to do where memory does not suffice: how many modes would fit with these fillings."""
        allowed = SHARE * free_bytes()
        for modes in range(self.modes - 1, 0, -1):
            states = 1
            for members, numbers in parts:
                size = max(1, round(len(members) * modes / self.modes))
                part = {round(number * size / len(members)) for number in numbers}
                states *= sum(comb(size, number) for number in part)
            if ELEMENT * modes**2 * states**2 <= allowed * self.basis.cells:
                return f"about {modes} modes would fit at this filling; {OTHERWISE}"
        return OTHERWISE


@dataclass(frozen=True, eq=False)
class Sector:
    """States of a chain, the cells of its density matrix, and what to do where that is too much."""

    chain: Chain
    fock: Fock
    cells: Cells
    hint: str

    @cached_property
    def hamiltonian(self) -> csr_array:
        """H between the states, (n, n)."""
        return self.stacked(self.chain.energies, 1)

    @cached_property
    def jumps(self) -> csr_array:
        """All jump operators with ``sqrt(rate)``, one below the other, (m n, n)."""
        from scipy.sparse import csr_array, vstack

        rows = [self.stacked(jumps.products) for jumps in self.chain.jumps]
        n = self.fock.size
        return csr_array(vstack(rows)) if rows else csr_array((0, n), dtype=complex)

    def stacked(self, products: Sequence[Products], count: int | None = None) -> csr_array:
        """The sum of products for each member, one below the other, (count n, n)."""
        from scipy.sparse import csr_array

        n = self.fock.size
        if count is None:
            count = max((int(part.member.max()) + 1 for part in products), default=0)
        actions = [self.fock.act(part) for part in products]
        if not actions:
            return csr_array((count * n, n), dtype=complex)
        row = np.concatenate([action.member.astype(np.int64) * n + action.to for action in actions])
        column = np.concatenate([action.source for action in actions])
        value = np.concatenate([action.value for action in actions])
        return csr_array((value, (row, column)), shape=(count * n, n))
