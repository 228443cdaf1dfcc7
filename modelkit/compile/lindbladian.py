"""An open chain in real space: a Hamiltonian of fermions and jump operators, normal-ordered.

``drho/dt = -i [H, rho] + sum_m rate_m (L_m rho L_m† - 1/2 {L_m† L_m, rho})``, with
``H = sum_ij h_ij c_i† c_j + sum U_ij n_i n_j``.  Orbitals are numbered as in the device, index order
(to, from); energies, rates and times in natural units (hbar = 1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelkit.errors import Span
from modelkit.graph.device import Complexes, Floats, Integers, Products

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from modelkit.graph.device import Device


@dataclass(frozen=True, eq=False)
class JumpFamily:
    """The members of one declared dissipator, normal-ordered.

    ``L_m = sum_i loss[m, i] c_i + sum_i gain[m, i] c_i† + sum_ij W[m, i, j] c_i† c_j + higher``; constants
    are dropped (``constant``, they shift H by ``rate (conj(a) L - a L†)/2i``).

    Attributes
    ----------
    rate : (count,)
        Not negative.
    loss, gain : csr (count, n)
        Coefficients of single operators.
    bilinear : Products
        ``dagger = (True, False)``: row ``orbital[:, 0]`` and column ``orbital[:, 1]`` of W.
    higher : tuple of Products
        Everything else, normal-ordered.
    """

    name: str
    labels: tuple[str, ...]
    rate: Floats
    loss: csr_array
    gain: csr_array
    bilinear: Products
    constant: Complexes
    higher: tuple[Products, ...] = ()
    span: Span | None = None

    @property
    def count(self) -> int:
        return len(self.rate)


@dataclass(frozen=True, eq=False)
class ModeBath:
    """Jumps between all ordered pairs of modes of the Hamiltonian, ``a = b`` included.

    From b to a at the rate ``rate/L kernel(e_a - e_b)``, L the number of cells;
    ``L_ab = sqrt(rate/L kernel) eta_a† eta_b``.  ``kernel(E) = exp(-beta E) kernel(-E)``.
    ``separable``: the kernel is ``exp(-beta E/2)``, a product.
    """

    name: str
    beta: float
    rate: float
    kernel: Callable[[Floats], Floats]
    separable: bool = True
    span: Span | None = None


@dataclass(frozen=True, eq=False)
class Lindbladian:
    """H, jump operators and baths of modes, on the orbitals of a device.

    Attributes
    ----------
    hamiltonian : csr (n, n)
    interaction : Products
        ``dagger = (True, False, True, False)`` is n_i n_j; empty where there is none.
    filling : mapping of str to float
        Particles per mode of each lattice for which it is declared.
    lattice : (n,) of int
        Which lattice an orbital belongs to, in the order of ``lattices``.
    """

    hamiltonian: csr_array
    jumps: tuple[JumpFamily, ...]
    baths: tuple[ModeBath, ...]
    interaction: Products
    filling: Mapping[str, float]
    lattices: tuple[str, ...]
    lattice: Integers
    device: Device | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """The number of orbitals."""
        return int(self.hamiltonian.shape[0])
