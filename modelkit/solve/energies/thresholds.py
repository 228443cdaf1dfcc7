"""Bands that open at once: where they follow the bias, currents have no second derivative."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import ModelError
from modelkit.solve.energies.thermal_rule import MARKS, minus_derivative
from modelkit.solve.request import Prepared

Floats = NDArray[np.float64]

NEAR = (1e-7, 1e-5)  # T from an edge: between them a root grows tenfold, a step not at all
STEP = 0.5  # of what there is at the farther distance
NEGLIGIBLE = 1e-10  # of the largest flow with its thermal weight


def check_thresholds(prepared: Prepared, mu: float, T: float, bands: Floats) -> None:
    """Refuse a clean wire whose band edge lies in the thermal window, if the band follows the bias.

    A channel usually opens as the root of the energy above an edge.  Without any reflection it opens at
    once: a step, the displacement of which no derivative at the energies beside it knows; and where two bands
    move apart the higher one limits it, a kink in the bias.  ``bands`` (n_reservoirs,): how far each moves.

    Raises
    ------
    ModelError
        Such an edge has any weight.
    """
    system = prepared.system
    edges = system.contacts.edges
    edges = edges[np.abs(edges - mu) < MARKS[-1] * T]
    if not bands.any() or not len(edges) or T == 0:
        return
    away = np.array([*(-distance for distance in NEAR), *NEAR]) * T
    energies = np.unique(np.append(edges[:, None] + away, mu))
    other = ~np.eye(system.n_terminals, dtype=np.bool_)
    through = prepared.at(energies).transmission() * other
    flow = through * minus_derivative((energies - mu) / T)[:, None, None]
    through, flow = through * np.maximum(bands[:, None], bands), flow.max(initial=0.0)
    below, beyond = (
        through[np.searchsorted(energies, edges[:, None] + sign)] for sign in (-away[2:], away[2:])
    )
    jump = np.abs(beyond - below)
    weight = minus_derivative((edges - mu) / T)[:, None, None]
    sharp = (jump[:, 0] > STEP * jump[:, 1]) & (jump[:, 0] * weight > NEGLIGIBLE * flow)
    if sharp.any():
        first = edges[sharp.any(axis=(1, 2))][0]
        raise ModelError(
            f"a band that follows the bias opens without reflection at the energy {first:.6g}, and no second "
            "order is formed across such a step",
            hint="take transport without an order, or a reference with this edge many T away",
        )
