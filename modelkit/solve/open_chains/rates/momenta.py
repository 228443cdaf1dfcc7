"""Which momenta stand for a ring or an infinite chain, and the steady state on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from modelkit.compile.modes import momenta_between, ring_momenta, touching
from modelkit.compile.unit_cell import UnitCell
from modelkit.errors import NotConverged
from modelkit.solve.open_chains.rates.coherences import Field, coherence, field_of
from modelkit.solve.open_chains.rates.currents import current_by_orbital, energy_current, loss_rates
from modelkit.solve.open_chains.rates.kinetics import Filled, Floats
from modelkit.solve.open_chains.rates.panels import Panels, first_panels, resolved
from modelkit.solve.open_chains.rates.sampling import Sample, occupations, sample
from modelkit.solve.open_chains.rates.standing import Conserved, Standing, stand

FEWEST, MOST = 32, 256  # cells of rings that stand for an infinite chain
TOLERANCE = 1e-12  # change of currents and occupations from one grid to the next
ACCEPTED = 1e-9
FIRST_TOLERANCE, FINER = 1e-6, 0.03  # of occupations on panels, and from one solution to the next
SOLUTIONS = 8
TURNS, COHERENCE = 300, 1e-10  # of modes of equal energy
PROBES: Floats = np.asarray(2 * np.pi * ((np.arange(8) * 0.6180339887498949 + 0.123) % 1) - np.pi)  # compared

Given = Callable[[Sample], Sequence[Conserved]]


@dataclass(frozen=True, eq=False)
class Rest:
    """A steady state on momenta; ``error``: the change from the momenta before, 0 on a ring."""

    taken: Sample
    standing: Standing
    error: float


def on_ring(cells: int) -> tuple[Floats, Floats]:
    """Momenta ``2 pi m/L`` in [-pi, pi) and their weights."""
    return ring_momenta(cells), np.full(cells, 1 / cells)


def half_shifted(cells: int) -> tuple[Floats, Floats]:
    """Momenta ``2 pi (m + 1/2)/L``, which miss 0 and pi, and their weights."""
    return momenta_between(cells), np.full(cells, 1 / cells)


def first_momenta(cell: UnitCell) -> tuple[Floats, Floats]:
    """Those of the ring; the coarsest that stand for an infinite chain."""
    return half_shifted(FEWEST) if cell.cells is None else on_ring(cell.cells)


def rest(cell: UnitCell, conserved: Given) -> Rest:
    """Steady state of a ring or of an infinite chain.

    Where bands coincide, the modes without coherences depend on the state; both are found in turn.

    Parameters
    ----------
    cell : UnitCell
    conserved : callable
        The given numbers, for a sample.

    Raises
    ------
    NotConverged
        The state was not found, or momenta do not resolve it.
    """
    field, mixing = first_field(cell), np.inf
    for _ in range(TURNS):
        found = _rest(cell, conserved, field)
        if field is None:
            return found
        field = field_of(cell, found.taken.modes, found.taken.rates, found.standing.filled)
        mixing = coherence(found.taken.modes, field)
        if mixing < COHERENCE:
            return found
    raise NotConverged(
        f"modes of equal energy still have coherences of {mixing:.1e} after {TURNS} turns", residual=mixing
    )


def first_field(cell: UnitCell) -> Field | None:
    """Field of half-filled modes; None where no bands coincide at the momenta that are taken."""
    k, weight = first_momenta(cell)
    energy: Floats = np.linalg.eigvalsh(cell.hamiltonian(k)).astype(float)
    if not touching(energy).any():
        return None
    taken = sample(cell, k, weight)
    half = np.full(taken.modes.energy.size, 0.5)
    return field_of(cell, taken.modes, taken.rates, Filled(half, half))


def _rest(cell: UnitCell, conserved: Given, field: Field | None) -> Rest:
    if cell.cells is not None:
        taken = sample(cell, *on_ring(cell.cells), field)
        return Rest(taken, stand(taken.rates, conserved(taken)), 0.0)
    return _by_doubling(cell, conserved, field) or by_panels(cell, conserved, field)[0]


def _by_doubling(cell: UnitCell, conserved: Given, field: Field | None) -> Rest | None:
    """Rings of twice as many cells each: exponentially fast where occupations are smooth."""
    before, cells = None, FEWEST
    while cells <= MOST:
        taken = sample(cell, *half_shifted(cells), field)
        found = stand(taken.rates, conserved(taken))
        told = quantities(taken, found.filled)
        if before is not None and (error := change(taken, before, told)) < TOLERANCE:
            return Rest(taken, found, error)
        before, cells = told, 2 * cells
    return None


def by_panels(cell: UnitCell, conserved: Given, field: Field | None) -> tuple[Rest, Panels]:
    """Steady state on panels that are halved where the occupations need it; raises as :func:`rest`."""
    panels, tolerance = first_panels(), FIRST_TOLERANCE
    taken = sample(cell, *panels.nodes(), field)
    found = stand(taken.rates, conserved(taken))
    before, best = quantities(taken, found.filled), np.inf
    for _ in range(SOLUTIONS):
        panels = resolved(panels, taken, found.filled, tolerance)
        taken, found = _again(taken, found, panels, conserved)
        told = quantities(taken, found.filled)
        error = change(taken, before, told)
        if error < TOLERANCE or best <= min(error, ACCEPTED):
            return Rest(taken, found, error), panels
        before, best, tolerance = told, min(best, error), max(FINER * tolerance, 1e-11)
    raise NotConverged(
        f"currents still change by {error:.1e} where the occupations are resolved to {tolerance:.0e}",
        residual=error,
    )


def _again(taken: Sample, found: Standing, panels: Panels, conserved: Given) -> tuple[Sample, Standing]:
    """Steady state on other panels, from what it is on the present momenta."""
    k, weight = panels.nodes()
    _, filled = occupations(taken, found.filled, k)
    skip = taken.modes.energy.size
    start = Filled(filled.particles[skip:], filled.holes[skip:])
    fresh = sample(taken.cell, k, weight, taken.field)
    return fresh, stand(fresh.rates, conserved(fresh), start)


def quantities(taken: Sample, filled: Filled, probed: bool = True) -> Floats:
    """What is compared from grid to grid: currents, loss rates and, of a steady state, a few occupations."""
    probes = np.zeros(0)
    if probed:
        _, everywhere = occupations(taken, filled, PROBES)
        probes = everywhere.particles[len(filled.particles) :]
    flux = [energy_current(taken, filled)]
    return np.concatenate([current_by_orbital(taken, filled), flux, loss_rates(taken, filled), probes])


def change(taken: Sample, before: Floats, after: Floats) -> float:
    """Largest change of the quantities, in units of what they could be."""
    speed, height = extent(taken.modes.velocity), extent(taken.modes.energy)
    rate = extent(taken.rates.loss + taken.rates.gain)
    d, dissipators = taken.cell.dimension, len(taken.rates.names)
    sizes = np.ones(len(after))
    sizes[:d], sizes[d], sizes[d + 1 : d + 1 + dissipators] = speed, speed * height, rate
    return float(np.max(np.abs(after - before) / sizes))


def extent(values: Floats) -> float:
    """Largest absolute value; 1 where all are zero."""
    return float(np.abs(values).max(initial=0.0)) or 1.0
