"""The thermal average over energies: which panels it begins with, and its weight ``-f0'``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.numerics.quadrature import Panels, panels_between
from modelkit.solve.energies.broadening import broadening, open_part
from modelkit.solve.energies.resonances import Resonances, narrow_resonances
from modelkit.solve.request import Prepared

Floats = NDArray[np.float64]

MARKS = (3.5, 9.0, 40.0)  # first panel ends, in units of T; beyond 40 T the weight is below 1e-17
SMOOTH = 30.0  # T: beyond, no bend of a transmission is felt in its expansion
MOST_SPLITS = 100  # edges at which the first panels are split
CORE = 4.0  # half-widths about a resonance that one panel on either side holds
RATIO = 8.0  # of the ends of the panels outside: the rule takes 1/E^2 exactly there
MISPLACED = 8.0  # spacings of doubles by which an energy minus a level may be off
DEEPEST = 100.0  # a gap of more T than this is closed: e^-100 of nothing
MOST_ENDS = 1800  # panel ends at resonances


def thermal_panels(prepared: Prepared, mu: float, T: float, *, smooth: bool = False) -> tuple[Panels, str]:
    """Panels about mu, and what their error estimate cannot see.

    Where mu lies in a gap, the window reaches over it, as long as any weight is left there; not where only
    what is smooth is wanted, which ends at ``SMOOTH``.
    """
    system = prepared.system
    edges = system.contacts.edges
    closed = not np.any(broadening(system, np.array([mu])) > 0)
    gap = float(np.min(np.abs(edges - mu), initial=np.inf)) if closed else 0.0
    gap = gap if gap < DEEPEST * T and not smooth else 0.0
    narrow = narrow_resonances(system, mu, T, gap)
    prepared.factorisations += narrow.solved
    reach = SMOOTH * T if smooth else MARKS[-1] * T + gap
    window = open_part(system, mu - reach, mu + reach)
    panels, left_out = first_panels(mu, T, edges, gap, narrow, window)
    if narrow.searched and not left_out:
        return panels, ""
    spacing = float(np.diff(np.sort(panels.nodes.ravel())).max())
    blind = f"the error estimate may not see resonances much narrower than {min(spacing, T):.1g} (energy)"
    why = f"{left_out} of them" if left_out else f"those of {system.hamiltonian.shape[0]} orbitals"
    return panels, f"{blind}: {why} were too many to be looked for"


def first_panels(
    mu: float,
    T: float,
    edges: Floats,
    gap: float,
    narrow: Resonances,
    window: tuple[float, float] = (-np.inf, np.inf),
) -> tuple[Panels, int]:
    """Panels around mu on the scale of T, split at edges, graded towards narrow resonances.

    ``gap`` is the distance from mu to the nearest energy at which anything is open; panels stay inside the
    ``window``.  Also gives the number of resonances for which no panels were left.
    """
    reach = MARKS[-1] * T + gap
    marks = np.array([*MARKS[:-1], reach / T]) * T
    splits = edges[np.abs(edges - mu) < reach]
    splits = splits[:: 1 + len(splits) // MOST_SPLITS]  # bisection finds those that are left out
    steps, left_out = graded(narrow, mu, T)
    steps = steps[np.abs(steps - mu) < reach]
    ends = np.unique(np.clip(np.concatenate([mu - marks, [mu], mu + marks, splits, steps]), *window))
    return panels_between(ends, np.isin(ends, splits)), left_out


def thermal_weights(panels: Panels, mu: float, T: float) -> tuple[Floats, Floats]:
    """The weights of the panels, and those of the error estimate, times ``-f0'``; (n_panels, 21)."""
    whole, difference = panels.weights
    thermal = minus_derivative((panels.nodes - mu) / T) / T
    return thermal * whole, thermal * difference


def misplaced(panels: Panels) -> Floats:
    """Relative noise on a panel as narrow as a resonance: its energies are doubles; (n_panels,)."""
    at = np.maximum(np.abs(panels.lower), np.abs(panels.upper))
    width = panels.upper - panels.lower  # none where two edges are neighbouring numbers
    return MISPLACED * np.finfo(float).eps * np.divide(at, width, out=np.zeros_like(at), where=width > 0)


def minus_derivative(reduced: Floats) -> Floats:
    """``-df0/dz`` at ``z = (E - mu)/T``: ``1/(4 cosh^2(z/2))``, without overflow."""
    small = np.exp(-np.abs(reduced))
    return small / (1 + small) ** 2


def graded(narrow: Resonances, mu: float, T: float) -> tuple[Floats, int]:
    """Ends of panels that grow geometrically from each resonance to the middle between neighbours.

    The resonances nearest to mu come first, where there are too many.
    """
    order = np.argsort(narrow.centre)
    centre, width = narrow.centre[order], narrow.width[order]
    space = np.diff(centre, prepend=-np.inf, append=np.inf) / 2
    most = np.minimum(T, np.maximum(space[:-1], space[1:]))
    ends, used, left_out = [np.zeros(0)], 0, 0
    for k in np.argsort(np.abs(centre - mu), kind="stable"):
        steps = max(1, 1 + int(np.ceil(np.log(max(1.0, most[k] / (CORE * width[k]))) / np.log(RATIO))))
        if used + 2 * steps + 1 > MOST_ENDS:
            left_out += 1
            continue
        offset = CORE * width[k] * RATIO ** np.arange(steps)
        ends.append(centre[k] + np.concatenate([-offset, [0.0], offset]))
        used += 2 * steps + 1
    return np.concatenate(ends), left_out
