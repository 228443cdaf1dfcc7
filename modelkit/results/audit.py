"""Audits: what a result must obey, checked on that very run.

A residual is relative to the largest gross flow: currents are summed absolutely, over energies too, so
that a current which vanishes by symmetry does not turn rounding into failure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import NotConverged

Floats = NDArray[np.float64]

TOLERANCE = 1e-9

# Rounding of terms that cancel, as a fraction of spread/(2 pi), the flow of one open channel.  Currents of
# terminals are formed from differences: some hundred eps.  Those of bonds are differences of large terms,
# whose rounding must stay below what an integration may be off by: eps/1e-10.
RESOLVED = 1e-13
RESOLVED_BONDS = 1e-6

MEANINGS: Mapping[str, str] = {
    "conditions": "the conditions of the probes, or the charges of the regions, are not met",
    "gauge_shift": "a common shift of all potentials changes the currents; levels outside all bands, "
    "which no terminal fills, do so",
    "characteristic_sum": "the characteristic potentials of all electrodes do not add up to 1",
    "particle_balance": "the terminal currents do not add up to zero",
    "continuity": "the currents into a site do not add up to zero",
    "energy_balance": "the dissipated heat is not the power that the terminals put in",
    "second_law": "the terminals take up less than no heat",
    "integration": "the average over energies is not converged",
    "sum_rule": "a row of the transmission does not add up to its column, or of a response to zero",
    "onsager": "the linear response of the reversed device is not the transposed one",
    "gauge": "the second order does not add up to zero for a common shift of all voltages",
    "forbidden": "what the symmetry of the device forbids does not vanish",
    "local_sum_rule": "the states that terminals fill are not those of the Green function",
}


def resolved_flow(spread: float, *, bonds: bool = False) -> float:
    """Give the smallest flow that counts, for deviations that lie within ``spread`` of one another.

    ``spread`` is weighted with the part of the thermal window in which any terminal is open.
    """
    return (RESOLVED_BONDS if bonds else RESOLVED) * spread / (2 * math.pi)


def relative(residual: float, gross: float) -> float:
    """Express a residual in units of the largest gross flow; nothing of nothing is zero."""
    return 0.0 if residual == 0 else residual / gross if gross > 0 else math.inf


def demand(audits: Mapping[str, float]) -> None:
    """Raise NotConverged for the first audit that is exceeded (or not a number), naming it.

    >>> demand({"particle_balance": 1e-15})
    """
    for name, value in audits.items():
        if not value <= TOLERANCE:
            meaning = MEANINGS.get(name, name.replace("_", " "))
            raise NotConverged(
                f"the audit '{name}' failed: {meaning}; off by {value:.1e} of the largest gross flow, "
                f"allowed are {TOLERANCE:.0e}",
                residual=value,
            )
