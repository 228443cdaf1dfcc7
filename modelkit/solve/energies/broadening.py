"""How open terminals are at an energy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import OpenSystem
from modelkit.solve.request import Prepared

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FAR = 2.0  # band widths outside the bands that windows reach at most
SAMPLES = 64  # energies at which it is asked whether anything is open there


def broadening(system: OpenSystem, energies: Floats) -> Floats:
    """``Tr Gamma`` of each terminal, summed over its contacts; (n_E, n_terminals)."""
    contacts = system.contacts
    energies = np.atleast_1d(np.asarray(energies, dtype=float))
    sigma = contacts.sigma(energies)
    if isinstance(sigma, list):
        traces = [-2 * np.trace(value, axis1=1, axis2=2).imag for value in sigma]
        gamma = np.stack(traces, axis=1) if traces else np.zeros((len(energies), 0))
    else:
        gamma = -2 * sigma.imag * np.diff(system.offset)[contacts.site]
    if len(contacts.terminal) == system.n_terminals and np.all(np.diff(contacts.terminal) == 1):
        return np.asarray(gamma)
    found = np.zeros((system.n_terminals, len(energies)))
    np.add.at(found, contacts.terminal, gamma.T)
    for lead in contacts.leads:
        found[lead.terminal] += np.sum(np.abs(lead.parts(energies)[1]) ** 2, axis=(1, 2))
    return found.T


def opened(prepared: Prepared, energies: Floats) -> Flags:
    """Whether any reservoir is open at these energies, (n_E,); remembered with the conductor."""
    key = ("opened", energies.tobytes())
    if key not in prepared.rules:
        prepared.rules[key] = np.any(broadening(prepared.system, energies) > 0, axis=1)
    return np.asarray(prepared.rules[key])


def open_part(system: OpenSystem, low: float, high: float) -> tuple[float, float]:
    """An interval without what lies far outside all bands, where no terminal lets anything through."""
    edges = system.contacts.edges
    if not len(edges):
        return low, high
    lowest, highest = float(edges.min()), float(edges.max())
    around = max(highest - lowest, 1e-12 * max(abs(lowest), abs(highest)))
    if not around > 0:  # bands without width at zero energy: no scale tells what is far
        return low, high
    below, above = lowest - FAR * around, highest + FAR * around
    outside = np.geomspace(1e-6 * around, max(FAR * around, high - highest, lowest - low), SAMPLES)
    if (low >= below and high <= above) or low >= above or high <= below:
        return low, high
    if np.any(broadening(system, np.concatenate([lowest - outside, highest + outside])) > 0):
        return low, high
    return max(low, below), min(high, above)
