"""The quantities that ``steady_state``, ``evolution`` and ``bands`` give.

Dimensions depend on the method: occupations of momenta and bands, or of sites.  An evolution has ``time`` as
the first one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkit.registry import Output, enter_output
from modelkit.results.dataset import Labelled
from modelkit.results.outputs import output

Floats = NDArray[np.float64]

_MODES = ("momentum", "band", "site")
_GIVEN = (
    (
        "current", "I", (), "current",
        "particle current of the Hamiltonian of a chain, positive towards larger indices, per cell: bond "
        "currents times the cells that they cross over the number of cells",
    ),
    (
        "current_by_spin", None, ("spin",), "current",
        "the same by spin; a hop that flips the spin is booked on the one at its right-hand end",
    ),
    (
        "current_by_orbital", None, ("orbital",), "current",
        "the same by orbital of a cell, booked at the right-hand end of each hop",
    ),
    (
        "jump_current", None, (), "current",
        "what the jump operators move themselves: particles times cells over the number of cells",
    ),
    ("energy_current", None, (), "energy/time", "energy that the modes carry, (1/L) sum e v n"),
    (
        "bond_current", None, ("bond",), "current",
        "particle current of each declared hop, positive along its arrow",
    ),
    ("occupation", "n", _MODES, "1", "occupation of each mode, bands by ascending energy, or of each site"),
    ("lagrange_multiplier", "lagrange", _MODES, "1", "ln((1-n)/n) of each occupation"),
    (
        "loss_rate", None, ("dissipator",), "1/time",
        "particles that leave the chain by each dissipator per time, on rings per cell; negative where they "
        "enter",
    ),
    (
        "order_1_over_L", None, (), "current",
        "c of current = I + c/L at a fixed number of particles on rings of many cells L",
    ),
)  # fmt: skip

_SCALES: Mapping[str, Callable[[Any], float]] = {
    "current": lambda found: float(found.gross),
    "current_by_spin": lambda found: float(found.gross),
    "current_by_orbital": lambda found: float(found.gross),
    "jump_current": lambda found: float(found.gross_jumps),
    "energy_current": lambda found: float(found.gross) ** 2,
}
"""Flows that symmetry may forbid, and what their rounding is counted against."""


def _enter(name: str, short: str | None, dims: tuple[str, ...], unit: str, meaning: str) -> None:
    def evaluate(found: Any) -> Labelled:
        array: Labelled = found.give(name)
        return array

    entry = Output(name, short, dims, unit, meaning, ("steady_state",), evaluate, scale=_SCALES.get(name))
    enter_output(entry)
    if name != "order_1_over_L":
        over_time = ("time", *dims)
        later = "the same of a steady_state, at each time"
        enter_output(Output(name, short, over_time, unit, later, ("evolution",), evaluate))


for _words in _GIVEN:
    _enter(*_words)


@output(
    "energy", None, ("momentum", "band"), "energy",
    "energy of each mode of a ring, bands by ascending energy", ("bands",),
)  # fmt: skip
def energy(found: Any) -> Floats:
    """Shape (n_k, n_bands)."""
    return np.asarray(found.modes.energy)


@output(
    "velocity", None, ("momentum", "band"), "energy",
    "de/dk of each mode: hbar times cells per time", ("bands",),
)  # fmt: skip
def velocity(found: Any) -> Floats:
    """Shape (n_k, n_bands); bands that touch are followed so that h and dh/dk are diagonal."""
    return np.asarray(found.modes.velocity)
