"""What a method found of an open chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkit.results.dataset import Labelled


@dataclass(frozen=True, eq=False)
class OpenState:
    """A steady state, or an evolution: then every array has ``time`` as its first dimension.

    An output that the method does not give is None.  Natural units, hbar = 1.

    Attributes
    ----------
    current : dims ()
        Particle current of the Hamiltonian, positive towards larger j: the sum of bond currents times cells
        crossed over the number of cells, ``(1/L) sum v n`` on rings.
    current_by_spin, current_by_orbital : dims (spin,), (orbital,)
        Of its hops, booked on the spin or the orbital that they have at the right-hand site.
    jump_current : dims ()
        What the jump operators move themselves, particles times cells over the number of cells.
    energy_current : dims ()
        ``(1/L) sum e v n``.
    bond_current : dims (bond,)
        Of each declared hop, positive along its arrow.
    occupation, lagrange_multiplier : dims (momentum, band) or (site,)
        ``n``, bands by ascending energy, and ``ln((1-n)/n)``.
    loss_rate : dims (dissipator,)
        Particles that leave the chain per time, per cell on rings; negative where they are gained.
    order_1_over_L : dims ()
        c of ``I = I_gge + c/L`` at a fixed number of particles.
    audits : mapping of str to float
        Relative residuals.
    counts, attributes : mapping
        How often what was done; notes for the Dataset: dropped constants, members left out, conserved
        quantities.
    grids : mapping of str to array
        Numbers along ``momentum``, ``band``, ``time``.
    labels : mapping of str to tuple of str
        Labels along ``orbital`` and ``dissipator``.
    """

    current: Labelled | None = None
    current_by_spin: Labelled | None = None
    current_by_orbital: Labelled | None = None
    jump_current: Labelled | None = None
    energy_current: Labelled | None = None
    bond_current: Labelled | None = None
    occupation: Labelled | None = None
    lagrange_multiplier: Labelled | None = None
    loss_rate: Labelled | None = None
    order_1_over_L: Labelled | None = None  # noqa: N815 (the name of the output)
    audits: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    grids: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def lagrange(occupation: NDArray[np.float64]) -> NDArray[np.float64]:
    """``ln((1-n)/n)``; infinite for empty and full modes."""
    n = np.clip(occupation, 0, 1)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log1p(-n) - np.log(n))
