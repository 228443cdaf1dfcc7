"""An open chain in real space: a Hamiltonian of fermions and jump operators, normal-ordered.

``drho/dt = -i [H, rho] + sum_m rate_m (L_m rho L_m† - 1/2 {L_m† L_m, rho})``, with
``H = sum_ij h_ij c_i† c_j + sum U_ij n_i n_j``.  Orbitals are numbered as in the device, index order
(to, from); energies, rates and times in natural units (hbar = 1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from modelkit.compile.normal_order import JumpFamily, normal_ordered
from modelkit.errors import ModelError, Span
from modelkit.graph.device import DissipatorGroup, Floats, Integers, Products
from modelkit.graph.hamiltonian import hamiltonian
from modelkit.graph.interactions import DENSITIES

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from modelkit.graph.device import Device

__all__ = ["JumpFamily", "Lindbladian", "ModeBath", "lindbladian", "mode_bath"]


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


def lindbladian(device: Device) -> Lindbladian:
    """Compile a device with dissipators: H and normal-ordered jump operators, in real space.

    Dissipators whose rates are all zero are kept.

    Raises
    ------
    ModelError
        Pairs: their Hamiltonian is no matrix of single orbitals.
    """
    if device.superconducting:
        raise ModelError(
            "a lattice with pairs has no steady state of jump operators here",
            hint="leave out 'pair' and 'internal nambu'",
        )
    names = list(dict.fromkeys(group.family.lattice for group in device.sites))
    orbitals = [group.count * group.orbitals for group in device.sites]
    size = int(device.offset[-1])
    return Lindbladian(
        hamiltonian=hamiltonian(device),
        jumps=tuple(normal_ordered(group, size) for group in device.dissipators if group.beta is None),
        baths=tuple(mode_bath(group) for group in device.dissipators if group.beta is not None),
        interaction=device.interaction or Products.joined(DENSITIES),
        filling=device.filling,
        lattices=tuple(names),
        lattice=np.repeat([names.index(group.family.lattice) for group in device.sites], orbitals),
        device=device,
    )


def mode_bath(group: DissipatorGroup) -> ModeBath:
    """The bath of a dissipator that is one; the rates of its members add."""
    beta = group.beta
    assert beta is not None
    return ModeBath(
        name=group.name,
        beta=beta,
        rate=float(np.sum(group.rate)),
        kernel=group.kernel or (lambda energy: np.exp(-beta * energy / 2)),
        separable=group.kernel is None,
        span=group.span,
    )
