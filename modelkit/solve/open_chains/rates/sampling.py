"""A translation-invariant chain at chosen momenta: its modes, the rates between them, its occupations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelkit.compile.modes import Modes, Rates, modes
from modelkit.compile.rates import rates
from modelkit.compile.unit_cell import UnitCell
from modelkit.solve.open_chains.rates.coherences import Field, unmixed
from modelkit.solve.open_chains.rates.kinetics import Filled, Floats, balanced, moments


@dataclass(frozen=True, eq=False)
class Sample:
    """Modes of a cell at momenta with weights, and the rates between them.

    ``field``: in which modes of equal energy have no coherences; None where no bands coincide.
    """

    cell: UnitCell
    modes: Modes
    rates: Rates
    field: Field | None = None


def sample(cell: UnitCell, k: Floats, weight: Floats, field: Field | None = None) -> Sample:
    """Modes and rates at momenta k, (n_k,), whose weights add up to 1; what weighs nothing only listens."""
    found = modes(cell, k, weight)
    if field is not None:
        found = unmixed(found, field)
    return Sample(cell, found, rates(cell, found, unmixed=True), field)


def with_listeners(taken: Sample, k: Floats) -> Sample:
    """The same momenta, then others without weight."""
    old = taken.modes
    weight = np.concatenate([old.weight, np.zeros(len(k))])
    return sample(taken.cell, np.concatenate([old.k, k]), weight, taken.field)


def occupations(taken: Sample, filled: Filled, k: Floats) -> tuple[Sample, Filled]:
    """A steady state at other momenta, exact: a mode knows of the others only their moments.

    Returns
    -------
    Sample, Filled
        At the old momenta, then at k.
    """
    both = with_listeners(taken, k)
    return both, listening(both, filled)


def listening(both: Sample, filled: Filled) -> Filled:
    """Occupations of listeners behind modes whose occupations are known, all balanced among their moments."""
    silent = np.zeros(both.modes.energy.size - len(filled.particles))
    told = moments(
        both.rates,
        Filled(np.concatenate([filled.particles, silent]), np.concatenate([filled.holes, silent])),
    )
    return balanced(both.rates, told)
