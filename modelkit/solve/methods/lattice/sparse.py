"""Any lattice: amplitudes from LAPACK or a sparse factorisation for each energy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import OpenSystem
from modelkit.registry import methods
from modelkit.solve.conductor import Floats, GreenFunction, Method, ResponsiveConductance
from modelkit.solve.memory import refuse_large
from modelkit.solve.methods.lattice.amplitudes import AmplitudeConductance
from modelkit.solve.methods.lattice.columns import DENSE_UP_TO, LatticeColumns, reached_orbitals
from modelkit.solve.methods.lattice.green import BlockGreen, DenseGreen
from modelkit.solve.methods.lattice.partition import contact_orbitals, contact_width
from modelkit.solve.methods.pattern import check_degeneracy, closes_loops

Complexes = NDArray[np.complex128]

COPIES = 4  # of the amplitudes of one energy, while they are solved for


class SparseConductor:
    """Any lattice with scalar or matrix self-energies."""

    def __init__(self, system: OpenSystem) -> None:
        check_degeneracy(system)
        refuse_large(
            _size(system),
            f"one energy of {int(system.offset[-1])} orbitals with {contact_width(system)} at contacts",
            "take a smaller lattice or contacts on fewer sites; without loops the method 'ladder' needs O(N)",
        )
        self.system = system
        self.loops = closes_loops(system)
        self.reached = reached_orbitals(system, contact_orbitals(system))

    def at(self, energies: Floats) -> ResponsiveConductance:
        """Factorise."""
        energies = np.asarray(energies, dtype=float)
        columns = LatticeColumns(self.system, energies, self.reached)
        return AmplitudeConductance(self.system, energies, columns, loops=self.loops)

    def green(self, z: Complexes) -> GreenFunction:
        """See the protocol; of a large lattice by recursion over layers."""
        dense = self.system.hamiltonian.shape[0] <= DENSE_UP_TO
        return DenseGreen(self.system, z) if dense else BlockGreen(self.system, z)


def _size(system: OpenSystem) -> int:
    """Bytes of one energy: amplitudes and their right sides, what passes between channels, terminals."""
    width = contact_width(system)
    columns = COPIES * 16 * int(system.offset[-1]) * (width + 1)
    return columns + 2 * 16 * width**2 + 8 * system.n_terminals * (system.n_terminals + width)


def _refuses(system: OpenSystem) -> str | None:
    return None


methods.add(
    "sparse",
    Method(
        "sparse",
        "treats any lattice: one factorisation for each energy",
        _refuses,
        SparseConductor,
        size=_size,
        responds=True,
    ),
)
