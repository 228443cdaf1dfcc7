"""The quantities that ``response`` gives: coefficients about the reference, probes eliminated.

Currents here are conventional (electrons carry -e): minus ``current``; voltages are
``V = (E_F - mu)/e``.  Entries are NaN by what is not driven: the unknowns of probes, temperatures at T = 0.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkit.registry import Output, outputs
from modelkit.results.outputs import output

Floats = NDArray[np.float64]

_OF = {"I": "current", "J": "energy/time"}
_BY = {"V": "energy", "T": "temperature"}


@output(
    "conductance", "G1", ("terminal", "terminal_from"), "current/energy",
    "coefficients of the conventional current in the voltages, G1[a, a] > 0", ("response",),
    scale=lambda found: float(np.nanmax(np.abs(found.conductance), initial=0.0)),
)  # fmt: skip
def conductance(found: Any) -> Floats:
    """``I_a = sum_b G1_ab V_b``, shape (n_terminals, n_terminals)."""
    return np.asarray(found.conductance)


@output(
    "conductance_2", "G2", ("terminal", "terminal_from", "terminal_from_2"), "current/energy^2",
    "coefficients of the conventional current in products of two voltages, symmetric in these",
    ("response",), lambda found: found.second_audits, scale=lambda found: found.second_gross,
)  # fmt: skip
def conductance_2(found: Any) -> Floats:
    """``I_a = ... + sum_bc G2_abc V_b V_c``, shape (n_terminals, n_terminals, n_terminals)."""
    return np.asarray(found.conductance_2)


@output(
    "seebeck", None, ("terminal", "terminal_from"), "energy/temperature",
    "-(V_a - V_b)/(T_a - T_b) without currents, other terminals floating; negative for electrons",
    ("response",),
)  # fmt: skip
def seebeck(found: Any) -> Floats:
    """Terminal a is heated, b stays at the reference; shape (n_terminals, n_terminals)."""
    return np.asarray(found.thermoelectric.seebeck)


@output(
    "peltier", None, ("terminal", "terminal_from"), "energy",
    "heat current over conventional current into a at equal temperatures, other terminals floating",
    ("response",),
)  # fmt: skip
def peltier(found: Any) -> Floats:
    """``J_a/I_a`` with b at the reference, shape (n_terminals, n_terminals)."""
    return np.asarray(found.thermoelectric.peltier)


@output(
    "thermal_conductance", None, ("terminal", "terminal_from"), "energy/time/temperature",
    "heat current into a over T_a - T_b without currents, other terminals floating", ("response",),
)  # fmt: skip
def thermal_conductance(found: Any) -> Floats:
    """``J_a/(T_a - T_b)`` at I = 0, shape (n_terminals, n_terminals)."""
    return np.asarray(found.thermoelectric.thermal_conductance)


@output(
    "figure_of_merit", None, ("terminal", "terminal_from"), "1",
    "G S^2 T/kappa of a pair of terminals, others floating; NaN without conductance of heat", ("response",),
)  # fmt: skip
def figure_of_merit(found: Any) -> Floats:
    """Shape (n_terminals, n_terminals)."""
    return np.asarray(found.thermoelectric.figure_of_merit)


outputs.add(
    "response_1",
    Output(
        name="response_1",
        short=None,
        dims=("of", "by", "terminal", "terminal_from"),
        unit="1",
        meaning="coefficients of conventional current (I) and heat current (J) in V and T of each terminal",
        verbs=("response",),
        evaluate=lambda found: found.response_1,
        units={(of, by): f"{unit}/{per}" for (of, unit), (by, per) in product(_OF.items(), _BY.items())},
        scale=lambda found: found.first_scale,
    ),
)
outputs.add(
    "response_2",
    Output(
        name="response_2",
        short=None,
        dims=("of", "by", "by_2", "terminal", "terminal_from", "terminal_from_2"),
        unit="1",
        meaning="the same in products of two, symmetric; each product of two different ones stands twice",
        verbs=("response",),
        evaluate=lambda found: found.response_2,
        audit=lambda found: found.second_audits,
        units={
            (of, by, more): f"{unit}/{per}/{_BY[more]}"
            for (of, unit), (by, per), more in product(_OF.items(), _BY.items(), _BY)
        },
        scale=lambda found: found.second_scale,
    ),
)
