"""The words that belong to the numbers: bias reference, bands, uniqueness, and warnings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.graph.device import Device
from modelkit.graph.screening import bands_of
from modelkit.registry import DIRECTION, ONE_SIDED
from modelkit.results.audit import TOLERANCE
from modelkit.solve.junction.balance import Point
from modelkit.solve.junction.deviations import rounding_flow
from modelkit.solve.junction.newton import DENSE_UP_TO
from modelkit.solve.junction.reach import outside_band
from modelkit.solve.junction.steady import Steady

Floats = NDArray[np.float64]

EQUAL = 1e-9  # relative to the bias
UNIQUE = "unique: the Jacobian is an M-matrix"
DOMINANT = "unique: the columns of the Jacobian are diagonally dominant"


def steady_attributes(point: Point, *, unique: bool) -> dict[str, str]:
    """Attributes of full transport and of expansions beyond the direct one."""
    problem, device = point.problem, point.problem.device
    found = {"bias_reference": bias_told(problem), "bands": bands_told(device)}
    if problem.order is None and problem.size:
        reason = DOMINANT if device.superconducting else UNIQUE
        found["uniqueness"] = reason if unique else "not known"
    if 0 < problem.size <= DENSE_UP_TO:
        found["condition"] = f"{np.linalg.cond(point.jacobian):.1e}"
    if point.grid.blind:
        found["integration"] = point.grid.blind
    if false := false_rectification(point):
        found |= {ONE_SIDED: false, DIRECTION: direction(problem)}
    warnings = rounding(point)
    if problem.screened is not None and problem.screened.uncovered:
        warnings.append(
            f"a common shift of all potentials changes the currents: {problem.screened.uncovered}"
        )
    if problem.order is not None:
        mu = np.where(problem.elastic, np.nan, point.distributions[0])
        warnings += outside_band(device, point.system, mu, problem.mu, problem.T)
    if warnings:
        found["warnings"] = "\n".join(warnings)
    return found


def rounding(point: Point) -> list[str]:
    """Strongly coupled terminals exchange more by rounding of their distributions than flows elsewhere."""
    flow, gross = rounding_flow(point), float(point.gross.max(initial=0.0))
    if flow <= TOLERANCE * gross or gross == 0:
        return []
    return [
        f"currents of {gross:.1e} flow at most, and by rounding of distributions up to {flow:.1e} between "
        "strongly coupled terminals; prescribed currents alone are kept free of that"
    ]


def bands_told(device: Device) -> str:
    """What the bands of the terminals are tied to."""
    bands = {group.terminal.name: bands_of(device, group.terminal) for group in device.terminals}
    same = len(set(bands.values())) <= 1
    return "".join(set(bands.values())) if same else ", ".join(f"{n}: {b}" for n, b in bands.items())


def bias_told(problem: Steady) -> str:
    """How the given chemical potentials lie."""
    shown = problem.device.units.shown
    if problem.device.superconducting:
        temperature = shown("temperature", problem.T, 12)
        return f"potentials are measured from the condensate, T = {temperature}"
    centre = "the reference" if problem.device.reference else "their mean"
    at = f"{centre}, mu = {shown('energy', problem.mu, 12)}, T = {shown('temperature', problem.T, 12)}"
    if problem.order is not None:
        return f"deviations are counted from {at}"
    given = _given(problem)
    if not len(given) or np.ptp(given) == 0:
        return f"no bias: the given chemical potentials are equal; {at}"
    if not one_sided(problem):
        return f"the given chemical potentials lie symmetrically about {at}"
    low, high = shown("energy", given.min()), shown("energy", given.max())
    return f"one-sided: the given chemical potentials lie from {low} to {high}, not symmetrically about {at}"


def one_sided(problem: Steady) -> bool:
    """Whether the bias is not symmetric about the centre."""
    given = _given(problem)
    if not len(given) or np.ptp(given) == 0:
        return False
    middle = (given.min() + given.max()) / 2
    return bool(abs(middle - problem.mu) > EQUAL * np.ptp(given))


def direction(problem: Steady) -> str:
    """Where the given chemical potentials lie from the middle of all, as ``+``, ``0``, ``-`` by terminal."""
    mu = np.where(problem.elastic, np.nan, problem.given_mu)
    low, high = np.nanmin(mu), np.nanmax(mu)
    away, near = mu - (low + high) / 2, EQUAL * (high - low)
    return "".join(np.select([np.isnan(mu), away > near, away < -near], [" ", "+", "-"], "0"))


def false_rectification(point: Point) -> str:
    """A one-sided bias that nothing follows makes even a symmetric device rectify.

    Not with a condensate, which potentials are measured from.
    """
    problem, device = point.problem, point.problem.device
    follows = problem.screened is not None and not problem.screened.uncovered
    if problem.order == 1 or follows or device.superconducting or not one_sided(problem):
        return ""
    if device.potential.any() and not _rigid_bands(point):
        return ""
    what = "rigid, energy-dependent bands" if device.potential.any() else "a rigid potential"
    return (
        f"the bias is one-sided: with {what} it rectifies falsely, nothing follows the bias; name the bias "
        "reference, such as mu = mu0 + V/2 and mu = mu0 - V/2"
    )


def _rigid_bands(point: Point) -> bool:
    """Whether a terminal has a rigid self-energy that depends on the energy."""
    problem, contacts = point.problem, point.system.contacts
    rigid = np.zeros(len(problem.own), dtype=np.bool_)
    for group in problem.device.terminals:
        rigid[group.first : group.first + group.count] = group.terminal.bands in (None, "rigid")
    energies = np.append(_given(problem), problem.mu)
    sigma = contacts.sigma(energies)
    changes = [bool(np.any(part != part[0])) for part in (sigma if isinstance(sigma, list) else sigma.T)]
    owner = point.system.reservoirs.terminal[contacts.terminal]
    return any(change and rigid[terminal] for change, terminal in zip(changes, owner, strict=True))


def _given(problem: Steady) -> Floats:
    return problem.given_mu[np.isfinite(problem.given_mu) & ~problem.elastic]
