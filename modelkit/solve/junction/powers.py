"""What flows at a point of an expansion: polynomials in all deviations, and their slopes.

Along a ray ``s x`` in the space of all deviations distributions, levels and what follows from them are power
series in s; added up to the order at s = 1 they are the Taylor polynomials.  A common rise of all levels is
put on the distributions, where it makes no band edge singular.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.open_system import Levels
from modelkit.solve.energies.filling import Filled

if TYPE_CHECKING:
    from modelkit.solve.junction.posed import Posed

Floats = NDArray[np.float64]

TOGETHER = 8  # changes of the unknowns that are followed at once


@dataclass(frozen=True)
class Change:
    """Of mu and T of the terminals, (n_terminals,), and of the unknown potentials, (count,)."""

    mu: Floats
    T: Floats
    potential: Floats


@dataclass(frozen=True)
class Flow:
    """At the nodes, (n_E, n_reservoirs), or how that changes.

    ``whole`` to the order n, ``lower`` to n - 1; ``local`` (n_sites,) electrons to the order n, counted from
    the reference, where they were asked for.
    """

    whole: Floats
    lower: Floats
    local: Floats


def flows(point: Posed, changes: Sequence[Change] = (), sites: sparse.csr_array | None = None) -> list[Flow]:
    """At a point where levels move, and its derivatives along changes of the unknowns.

    ``sites`` (n_rows, n_sites) adds electrons up; without it ``local`` has no rows.
    """
    found: list[Flow] = []
    for first in range(0, max(len(changes), 1), TOGETHER):
        some = _together(point, changes[first : first + TOGETHER], sites)
        found += some[bool(found) :]
    return found


def of_both_rules(point: Posed) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Currents and electrons of unknown potentials at the nodes, with how far the embedded rule is off.

    To the order of the expansion; (n_E, n_reservoirs) and (n_E, count).
    """
    fillings = [[part.value for part in point.degrees(difference=off)] for off in (False, True)]
    still = Levels(0 * point.displaced.potential, 0 * point.displaced.bands)
    flow, local = point.grid.series(fillings, [point.displaced, still], point.problem.counted)
    (current, current_off), (held, held_off) = flow.sum(axis=1), local.sum(axis=1)
    return (current, current_off), (held, held_off)


def _together(point: Posed, changes: Sequence[Change], sites: sparse.csr_array | None) -> list[Flow]:
    degrees = point.degrees()
    levels = [point.problem.moved(change.mu, change.potential) for change in changes]
    raised = [point.common(one) for one in levels]
    fillings = [[part.value for part in degrees]]
    for change, rise in zip(changes, raised, strict=True):
        fillings.append([_gained(point, part, change, rise) for part in degrees])
    directions = [point.displaced, *(lowered(*pair) for pair in zip(levels, raised, strict=True))]
    flow, local = point.grid.series(fillings, directions, sites)
    held = local.sum(axis=(1, 2))
    if sites is not None:
        held = held + (sites @ point.filled_sea.along(directions, len(degrees)).T).T
    return [Flow(one.sum(axis=0), one[:-1].sum(axis=0), here) for one, here in zip(flow, held, strict=True)]


def _gained(point: Posed, part: Filled, change: Change, rise: float) -> Floats:
    """What a change adds to weights."""
    reservoirs = point.system.reservoirs
    found = part.by_mu * (reservoirs.sign * reservoirs.of_terminals(change.mu, 0.0) - rise)
    warmer = reservoirs.of_terminals(change.T, 0.0)
    return found + part.by_temperature * warmer if warmer.any() else found


def lowered(change: Levels, raised: float) -> Levels:
    """What is left of a displacement when all levels are lowered again."""
    return Levels(change.potential - raised, change.bands - raised)
