"""Which panels of energies a nonlinear problem begins with, and how they follow the solution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import OpenSystem
from modelkit.numerics.quadrature import Panels, panels_between
from modelkit.solve.energies.broadening import broadening, open_part
from modelkit.solve.energies.resonances import narrow_resonances
from modelkit.solve.energies.thermal_rule import graded

Floats = NDArray[np.float64]

REACH = 40.0  # T beyond the outermost chemical potentials
DEEPEST = 100.0  # T: a gap that is wider lets nothing through
CORE = np.array([3.5, 9.0])  # T: panel ends about the outermost chemical potentials
PAD = 0.05  # of the window, on either side
LEAST = 4  # panels of the window
MOST_SPLITS = 100  # edges at which the first panels are split; bisection finds the others
MOST_FURTHER = 32  # panels by which a window grows at once
SAMPLES = 64  # energies at which it is asked whether anything is open
STRONGEST = 0.1  # of the strongest self-energy: a window where nothing else gives a scale
ROUNDING = 1e-12  # of the window: edges so close are one
SAME = 1e-9  # of the window: ends of panels so close to an edge end there
NEAR = 0.8  # of the way to the next edge, where an expansion begins to look for its panel


def window(system: OpenSystem, mu: Floats, T: Floats) -> tuple[float, float]:
    """The energies at which any two of some distributions differ, and anything is open beside them."""
    return open_part(system, float(np.min(mu - REACH * T)), float(np.max(mu + REACH * T)))


def first_panels(system: OpenSystem, mu: Floats, T: Floats) -> tuple[Panels, str, int]:
    """Panels over the window, split at edges, graded towards narrow resonances.

    ``mu``, ``T`` (n,): of all distributions, the centre's too.  Also gives what the error estimate cannot
    see, and the number of factorisations that the search for resonances took.
    """
    low, high = window(system, mu, T)
    scale = high - low or STRONGEST * _strongest(system, low) or 1.0
    low, high = low - PAD * scale, high + PAD * scale
    low, high = _over_gap(system, low, high, float(T.max()))
    edges = system.contacts.edges
    splits = _distinct(edges[(edges > low) & (edges < high)], high - low)
    splits = splits[:: 1 + len(splits) // MOST_SPLITS]
    lowest, highest = int(np.argmin(mu)), int(np.argmax(mu))
    core = np.concatenate([mu[k] + sign * CORE * T[k] for k in (lowest, highest) for sign in (-1, 1)])
    middle, half = (low + high) / 2, (high - low) / 2
    # the search takes 40 "T": a window a little larger than this one
    narrow = narrow_resonances(system, middle, half / LEAST, 0.0)
    ends, left_out = graded(narrow, middle, half)
    ends = np.concatenate([[low, high], splits, core, ends, np.linspace(low, high, LEAST + 1)])
    ends = np.unique(ends[(ends >= low) & (ends <= high)])
    apart = 1e-12 * np.maximum(np.abs(ends[1:]), np.abs(ends[:-1]))
    keep = np.concatenate([[True], np.diff(ends) > apart])
    ends = ends[keep | np.isin(ends, splits)]
    panels = panels_between(ends, np.isin(ends, splits))
    if narrow.searched and not left_out:
        return panels, "", narrow.solved
    spacing = float(np.diff(np.sort(panels.nodes.ravel())).max())
    blind = f"the error estimate may not see resonances much narrower than {spacing:.1g} (energy)"
    why = f"{left_out} of them" if left_out else f"those of {system.hamiltonian.shape[0]} orbitals"
    return panels, f"{blind}: {why} were too many to be looked for", narrow.solved


def covering(panels: Panels, system: OpenSystem, mu: Floats, T: Floats) -> Panels:
    """The same panels, with further ones where the window has outgrown them."""
    low, high = window(system, mu, T)
    lowest, highest = float(panels.lower.min()), float(panels.upper.max())
    pad = PAD * (max(high, highest) - min(low, lowest))
    if low < lowest:
        panels = _further(panels, system, low - pad, lowest)
    if high > highest:
        panels = _further(panels, system, highest, high + pad)
    return panels


def carried(panels: Panels, before: OpenSystem, after: OpenSystem) -> Panels:
    """The same panels while levels move: those that end at a band edge go with it.

    Where edges meet or part, new panels stand at the new ones.
    """
    old, new = before.contacts.edges, after.contacts.edges
    if np.array_equal(old, new) or not len(new):
        return panels
    low, high = float(panels.lower.min()), float(panels.upper.max())
    if len(old) == len(new):

        def moved(energies: Floats) -> Floats:
            return energies + np.interp(energies, old, new - old)

        if np.all(np.diff(moved(np.unique(np.concatenate([panels.lower, panels.upper])))) > 0):
            at, there = moved(np.array([low, high])), (new > low) & (new < high)
            if np.array_equal(there, (old > low) & (old < high)) and at[0] < at[1]:
                return replace(panels, lower=moved(panels.lower), upper=moved(panels.upper))
    live = ~panels.split
    ends = np.unique(np.concatenate([panels.lower[live], panels.upper[live]]))
    splits = _distinct(new[(new > low) & (new < high)], high - low)
    splits = splits[:: 1 + len(splits) // MOST_SPLITS]
    near = np.abs(ends[:, None] - np.concatenate([old, splits])).min(axis=1) < SAME * (high - low)
    ends = np.unique(np.concatenate([ends[~near | (ends == low) | (ends == high)], splits]))
    return panels_between(ends, np.isin(ends, splits))


def panel_about(system: OpenSystem, mu: float) -> Panels:
    """One panel with mu in its middle, on which the self-energies are smooth."""
    edges = system.contacts.edges
    scale = float(abs(system.hamiltonian).sum(axis=1).max(initial=0.0)) + _strongest(system, mu)
    half = NEAR * float(np.min(np.abs(edges - mu)[edges != mu], initial=max(scale, 1e-300)))
    return panels_between(np.array([mu - half, mu + half]), np.zeros(2, dtype=np.bool_))


def _further(panels: Panels, system: OpenSystem, low: float, high: float) -> Panels:
    edges = system.contacts.edges
    splits = _distinct(edges[(edges >= low) & (edges <= high)], high - low)[:MOST_SPLITS]
    widest = (float(panels.upper.max()) - float(panels.lower.min())) / LEAST
    parts = min(MOST_FURTHER, int(np.ceil((high - low) / widest)))
    ends = np.unique(np.concatenate([np.linspace(low, high, parts + 1), splits]))
    return panels.extended(ends, np.isin(ends, splits))


def _distinct(edges: Floats, width: float) -> Floats:
    """Without those that rounding alone keeps apart."""
    return edges[np.diff(edges, prepend=-np.inf) > ROUNDING * width]


def _strongest(system: OpenSystem, energy: float) -> float:
    sigma = system.contacts.sigma(np.array([energy]))
    return max((float(np.abs(value).max(initial=0.0)) for value in sigma), default=0.0)


def _over_gap(system: OpenSystem, low: float, high: float, T: float) -> tuple[float, float]:
    """Where nothing is open in the window it reaches to the next edges, as long as any weight is left."""
    edges = system.contacts.edges
    if T == 0 or np.any(broadening(system, np.linspace(low, high, SAMPLES)) > 0):
        return low, high
    below, above = edges[edges < low], edges[edges > high]
    if len(below) and low - below.max() < DEEPEST * T:
        low = float(below.max()) - REACH * T
    if len(above) and above.min() - high < DEEPEST * T:
        high = float(above.min()) + REACH * T
    return low, high
