"""A translation-invariant open chain: the blocks of one cell.

Cells are numbered by j, orbitals of a cell by o; ``H = sum_jx c_{j+x}† h_x c_j`` and every jump operator
stands in each cell.  Momentum modes ``c_j = L^(-1/2) sum_k exp(i k j) c_k``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.lindbladian import ModeBath
from modelkit.errors import Span

if TYPE_CHECKING:
    from modelkit.graph.device import Device

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class CellJump:
    """``L_j = sum c_{j+x}† W_xy c_{j+y} + sum loss_x . c_{j+x} + sum gain_x . c_{j+x}†``.

    ``bilinear[x, y]`` (d, d), (to, from); ``loss[x]``, ``gain[x]`` (d,).
    """

    name: str
    rate: float
    bilinear: Mapping[tuple[int, int], Complexes]
    loss: Mapping[int, Complexes]
    gain: Mapping[int, Complexes]
    span: Span | None = None


@dataclass(frozen=True, eq=False)
class UnitCell:
    """One cell of a ring, or of an infinite chain.

    Attributes
    ----------
    hopping : mapping of int to (d, d)
        ``h_x`` for x and -x both; ``h_-x = h_x†``.
    jumps, baths
        Those of rate zero are left out.
    cells : int or None
        Length of the ring; None: infinite.
    momentum : str
        Name of the momentum, ``k_j`` for ``for j in ring(cells)``.
    orbitals : tuple of str
        Labels without the ring's index: ``c``, ``c up``, ...
    spin : (d,) of int
        0 for up, 1 for down, -1 for orbitals without spin.
    filling : float or None
        Particles per mode.
    """

    hopping: Mapping[int, Complexes]
    jumps: tuple[CellJump, ...]
    baths: tuple[ModeBath, ...]
    cells: int | None
    momentum: str
    orbitals: tuple[str, ...]
    spin: NDArray[np.intp]
    filling: float | None = None
    spaces: tuple[str, ...] = ()
    device: Device | None = field(default=None, repr=False)

    @property
    def dimension(self) -> int:
        """Orbitals of a cell."""
        return len(self.orbitals)

    def hamiltonian(self, k: Floats) -> Complexes:
        """``h(k) = sum_x h_x exp(-i k x)``, (n_k, d, d)."""
        x = np.array(list(self.hopping), dtype=float)
        blocks = np.array(list(self.hopping.values()))
        return np.asarray(np.einsum("kx,xab->kab", np.exp(-1j * np.multiply.outer(k, x)), blocks))

    def velocity(self, k: Floats) -> Complexes:
        """``dh/dk``, (n_k, d, d)."""
        x = np.array(list(self.hopping), dtype=float)
        blocks = -1j * x[:, None, None] * np.array(list(self.hopping.values()))
        return np.asarray(np.einsum("kx,xab->kab", np.exp(-1j * np.multiply.outer(k, x)), blocks))
