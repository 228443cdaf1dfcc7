"""Integrals over energies of what a conductor tells at each energy, by panels refined for these integrals.

The coefficients of an expansion need the currents that unit fillings give, weighted with derivatives of the
Fermi function.  Nothing is solved in between: panels are bisected until all integrals are known to 1e-10.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import NotConverged
from modelkit.numerics.interpolation import derivatives
from modelkit.numerics.quadrature import NODES, Panels, errors, panels_between
from modelkit.solve.conductor import Conductance
from modelkit.solve.energies.filling import fermi
from modelkit.solve.energies.thermal_rule import misplaced, thermal_panels
from modelkit.solve.energies.windows import panel_about
from modelkit.solve.memory import refuse_large
from modelkit.solve.request import Prepared

Floats = NDArray[np.float64]

INTEGRATION = 1e-10  # of the integrals, relative to the largest gross one with the same weight
MOST_ENERGIES = 40_000
SMALLEST = 2.0**-12  # of the first panel about mu at T = 0

Spectral = Callable[[Conductance], Floats]  # (n_E, m)
Weights = Callable[[Panels], tuple[Floats, Floats]]  # and those of the error estimate, (n_weights, n_E)


@dataclass(frozen=True)
class Averages:
    """``values`` (n_weights, m), their relative ``error``, and the ``panels`` on which they are known.

    ``gross`` (n_weights,) are the largest integrals of absolute values; ``blind`` says what the error
    estimate cannot see, or nothing.
    """

    values: Floats
    error: float
    panels: Panels
    gross: Floats
    blind: str = ""


def thermal(
    prepared: Prepared,
    mu: float,
    T: float,
    spectral: Spectral,
    first: int,
    second: int = 0,
    least: Floats | float = 0.0,
) -> Averages:
    """Averages with derivatives of the Fermi function, T > 0.

    With ``z = (E - mu)/T`` the weights are ``-f'(z) z^k/T`` for k < ``first`` and ``f''(z) z^k/T^2`` for
    k < ``second``: derivatives by the energy stand on the Fermi function, never on a transmission.
    Errors are relative to the largest gross integral with the same weight, or to ``least`` (n_weights,) where
    that is larger: by it a flow that vanishes identically is known to be rounding.
    """
    key = ("panels", mu, T)
    panels, blind = prepared.rules.get(key) or thermal_panels(prepared, mu, T)

    def weights(panels: Panels) -> tuple[Floats, Floats]:
        z = ((panels.nodes - mu) / T).ravel()
        f = fermi(z)
        bell = f * fermi(-z)
        curved = bell * (fermi(-z) - f)  # f'' = f (1 - f) (1 - 2 f)
        parts = [bell * z**k / T for k in range(first)] + [curved * z**k / T**2 for k in range(second)]
        whole, difference = (part.ravel() for part in panels.weights)
        return np.stack(parts) * whole, np.stack(parts) * difference

    while True:
        values, error, gross = _integrated(prepared, panels, weights, spectral, least)
        off = float(error.sum())
        if off <= INTEGRATION:
            prepared.rules[key] = panels, blind
            return Averages(values, off, panels, gross, blind)
        used = int(np.count_nonzero(~panels.split))
        chosen = (error > INTEGRATION / used) & panels.divisible
        if not chosen.any() or used * NODES > MOST_ENERGIES:
            message = f"the average over energies is uncertain by {off:.1e} of the largest gross flow"
            raise NotConverged(f"{message} after {panels.nodes.size} energies", residual=off)
        panels = panels.bisected(chosen)


def slope_at(prepared: Prepared, mu: float, spectral: Spectral) -> Averages:
    """The derivative at mu, from a panel that is halved until it is known; ``values`` (1, m)."""
    panels = panel_about(prepared.system, mu)
    least = SMALLEST * float(panels.upper[0] - panels.lower[0])

    def weights(panels: Panels) -> tuple[Floats, Floats]:
        place = panels.place(np.zeros(1, dtype=np.intp), np.array([mu]))
        stretch = 2 / (panels.upper[0] - panels.lower[0])
        whole, off = (derivatives(place, 1, difference=which) * stretch for which in (False, True))
        return whole, off

    while True:
        values, error, gross = _integrated(prepared, panels, weights, spectral)
        off, low, high = float(error.sum()), float(panels.lower[0]), float(panels.upper[0])
        if off <= INTEGRATION:
            return Averages(values, off, panels, gross)
        if (high - low) / 2 < least:
            message = f"the derivatives of the transmission are uncertain by {off:.1e} of the largest"
            raise NotConverged(message, residual=off)
        quarter = (high - low) / 4
        panels = panels_between(np.array([low + quarter, high - quarter]), np.zeros(2, dtype=np.bool_))


def _integrated(
    prepared: Prepared, panels: Panels, weights: Weights, spectral: Spectral, least: Floats | float = 0.0
) -> tuple[Floats, Floats, Floats]:
    """Integrals (n_weights, m), their relative error on each panel, and the largest gross ones."""
    whole, difference = weights(panels)
    count, kinds = len(panels.lower), len(whole)
    change: Floats = np.zeros((count, kinds, 0))
    size, total = change, np.zeros((kinds, 0))
    energies = panels.nodes.ravel()
    for range_ in _ranges(prepared, panels):
        if not whole[:, range_].any():
            continue
        values = spectral(prepared.at(energies[range_]))
        if not change.size:
            wanted = 6 * 8 * count * kinds * values.shape[1]
            refuse_large(wanted, f"integrals of {values.shape[1]} flows", "take fewer terminals")
            change, size = np.zeros((2, count, kinds, values.shape[1]))
            total = np.zeros((kinds, values.shape[1]))
        for panel in range(range_.start // NODES, -(-range_.stop // NODES)):
            at = slice(max(range_.start, panel * NODES), min(range_.stop, (panel + 1) * NODES))
            here = values[at.start - range_.start : at.stop - range_.start]
            change[panel] += difference[:, at] @ here
            size[panel] += np.abs(whole[:, at]) @ np.abs(here)
            total += whole[:, at] @ here
    gross = size.sum(axis=0).max(axis=1, initial=0.0)
    rounding = misplaced(panels)[:, None, None] * size
    found = np.maximum(errors(np.abs(change), size) - rounding, 0.0).max(axis=2, initial=0.0)
    scale = np.maximum(gross, least)
    error = np.divide(found, scale, out=np.zeros_like(found), where=scale > 0).max(axis=1, initial=0.0)
    return total, error, gross


def _ranges(prepared: Prepared, panels: Panels) -> Iterator[slice]:
    return prepared.batches(NODES * len(panels.lower), panels.batch_starts)
