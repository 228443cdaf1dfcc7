"""An open chain as objects of QuTiP, for users' own scripts; the only module that imports it.

Orbital i is the i-th factor of the tensor product, ``basis(2, 0)`` empty and ``basis(2, 1)`` filled;
``c_i = Z x ... x Z x s x 1 x ...`` after Jordan and Wigner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelkit.compile.lindbladian import Lindbladian
from modelkit.errors import ModelError
from modelkit.graph.device import Integers, Products
from modelkit.solve.memory import refuse_large
from modelkit.solve.open_chains.exact.chain import Chain, Sector
from modelkit.solve.open_chains.exact.set_up import set_up
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.real_space.places import orbital_names

if TYPE_CHECKING:
    from qutip import Qobj
    from scipy.sparse import csr_array

MOST_ORBITALS = 16
BYTES = 64  # per element of an operator, while it is made


@dataclass(frozen=True, eq=False)
class QutipChain:
    """What ``qutip.mesolve(hamiltonian, rho0, times, collapse)`` and ``qutip.steadystate`` take.

    Attributes
    ----------
    hamiltonian : Qobj
    collapse : list of Qobj
        ``sqrt(rate) L`` of every jump operator, those of rate zero left out.
    numbers : mapping of str to Qobj
        ``c† c`` of every orbital by its label: ``c[3]``, ``c[3] up``.
    annihilators : mapping of str to Qobj
        The c themselves.
    """

    hamiltonian: Qobj
    collapse: list[Qobj]
    numbers: Mapping[str, Qobj]
    annihilators: Mapping[str, Qobj]


def qutip_chain(lindbladian: Lindbladian, cells: int | None = None) -> QutipChain:
    """All operators of a chain on the 2^M states of its M orbitals, sparse.

    ``cells`` is their number, which the rates of baths of modes are divided by, where no device tells it.

    Raises
    ------
    ModelError
        Too many orbitals, or operators that would not fit into memory.
    """
    size = lindbladian.size
    if size > MOST_ORBITALS:
        raise ModelError(
            f"{size} orbitals have 2^{size} states, too many for operators of QuTiP (at most {MOST_ORBITALS} "
            "orbitals)",
            hint="ask for fewer cells; method = exact counts only the states of the filling",
        )
    chain = set_up(OpenProblem(lindbladian), lindbladian, turned=False, cells=cells)
    products = sum(len(part.value) for jumps in chain.jumps for part in jumps.products)
    refuse_large(BYTES * 2**size * (products + size**2), "operators of QuTiP", "ask for fewer cells")
    everything = chain.sector([tuple(range(len(one.orbitals) + 1)) for one in chain.charges])
    order = _tensor_order(everything)
    qobj = _Maker(size, order)
    labels = orbital_names(lindbladian)
    annihilators = [_single(mode) for mode in range(size)]
    return QutipChain(
        hamiltonian=qobj(everything.stacked(chain.energies, 1)),
        collapse=[qobj(one) for one in _members(everything, chain)],
        numbers={label: qobj(everything.stacked([_number(i)], 1)) for i, label in enumerate(labels)},
        annihilators={
            label: qobj(everything.stacked([one], 1)) for label, one in zip(labels, annihilators, strict=True)
        },
    )


class _Maker:
    """Matrices between states as Qobj."""

    def __init__(self, size: int, order: Integers) -> None:
        self.dims, self.order = [[2] * size, [2] * size], order

    def __call__(self, matrix: csr_array) -> Qobj:
        from qutip import Qobj

        return Qobj(matrix[self.order][:, self.order].tocsr(), dims=self.dims)


def _tensor_order(sector: Sector) -> Integers:
    """States in the order of the tensor product: the first orbital changes slowest."""
    weight = 2 ** np.arange(sector.chain.modes)[::-1]
    return np.argsort(sector.fock.filled() @ weight)


def _members(sector: Sector, chain: Chain) -> Iterator[csr_array]:
    """The jump operators one by one."""
    n = sector.fock.size
    for jumps in chain.jumps:
        stack = sector.stacked(jumps.products)
        for first in range(0, stack.shape[0], n):
            one = stack[first : first + n]
            if one.count_nonzero():
                yield one


def _single(mode: int) -> Products:
    return _product([mode], (False,))


def _number(mode: int) -> Products:
    return _product([mode, mode], (True, False))


def _product(orbitals: Sequence[int], dagger: tuple[bool, ...]) -> Products:
    return Products(np.zeros(1, dtype=np.intp), np.array([orbitals]), dagger, np.ones(1, dtype=complex))
