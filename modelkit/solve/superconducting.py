"""Order 1 of superconducting devices: electrons and holes of each terminal, and the condensate.

Energies and potentials are measured from the condensate.  The reservoirs of terminal a, electrons (sign +1)
and holes (sign -1), deviate by ``y_r = sign_r x_a + E/T theta_a`` in units of ``-f0'``, and with the
transmission between reservoirs

    I_a = share sum_r sign_r i_r,   i_r = (1/2pi) int (-f0') sum_s T_rs (y_r - y_s) dE.

What all terminals together put in leaves by the condensate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.nambu import check_reference
from modelkit.compile.open_system import OpenSystem, Reservoirs
from modelkit.errors import NotConverged
from modelkit.graph.device import Device
from modelkit.numerics.quadrature import NODES, Panels, errors
from modelkit.results.audit import demand, relative, resolved_flow
from modelkit.solve.junction import Junction
from modelkit.solve.memory import refuse_large
from modelkit.solve.reach import broadening, outside_band, place
from modelkit.solve.request import Prepared
from modelkit.solve.resonances import narrow_resonances
from modelkit.solve.thermal_rule import first_panels, thermal_weights

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

INTEGRATION = 1e-10  # of the currents, relative to the largest gross flow
MOST_ENERGIES = 40_000
CLOSED = 1e-26  # a transmission below it is rounding of its amplitude
SINGULAR = 1e-13  # smallest singular value of the scaled conditions


@dataclass(frozen=True)
class SuperconductingTransport:
    """What ``transport(order = 1)`` found of a superconducting device.

    Arrays over terminals have shape (n_terminals + 1,), the condensate last.
    """

    system: OpenSystem
    current: Floats
    chemical_potential: Floats
    temperature: Floats
    method: str
    why: str
    counts: Mapping[str, int]
    attributes: Mapping[str, str]
    audits: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Laws:
    """``i = L y`` at each energy: ``laplacian`` (n_E, R, R), elastic reservoirs eliminated (zeros).

    ``weights`` (n_E,) contain ``-f0'`` and 1/(2 pi); ``ratio`` is E/T, 0 at T = 0.
    """

    reservoirs: Reservoirs
    energies: Floats
    weights: Floats
    ratio: Floats
    laplacian: Floats

    def flows(self, x: Floats, theta: Floats) -> tuple[Floats, Floats]:
        """Spectral currents of the reservoirs and their deviations, (n_E, R)."""
        of = self.reservoirs.terminal
        y = (self.reservoirs.sign * x[of])[None, :] + np.outer(self.ratio, theta[of])
        return np.einsum("ers,es->er", self.laplacian, y), y

    def folded(self, spectral: Floats) -> Floats:
        """Sum electrons and holes of each terminal: (n_E, R) to (n_E, n_terminals)."""
        reservoirs = self.reservoirs
        found = np.zeros((len(spectral), int(reservoirs.terminal.max(initial=-1)) + 1))
        np.add.at(found.T, reservoirs.terminal, (spectral * reservoirs.sign * reservoirs.share).T)
        return found

    def conductance(self) -> Floats:
        """``dI_a/dx_b``, (n_terminals, n_terminals)."""
        summed = np.tensordot(self.weights, self.laplacian, axes=1)
        return self.folded(self.folded(summed).T).T / self.reservoirs.share


def solve(device: Device, prepared: Prepared, problem: Junction) -> SuperconductingTransport:
    """Linear response around the condensate.

    Raises
    ------
    ModelError
        The reference is not the potential of the condensate.
    NotConverged
        A probe is not determined, the average over energies does not converge, or an audit failed.
    """
    check_reference(device)
    before = prepared.factorisations
    elastic = problem.elastic[prepared.system.reservoirs.terminal]
    if problem.T == 0:
        laws, x, off = _laws(prepared, elastic, np.zeros(1), np.ones(1), 0.0), np.zeros(0), 0.0
        x = _solved(device, laws, problem)
    else:
        laws, x, off = _averaged(device, prepared, problem, elastic)
    current = laws.weights @ laws.folded(laws.flows(x, problem.theta)[0])
    unknown = np.where(problem.elastic, np.nan, 0.0)
    counts = {
        "newton_steps": 0,
        "linear_solves": 1,
        "energies": len(laws.energies),
        "factorisations": prepared.factorisations - before,
        "iterations": 0,
    }
    found = SuperconductingTransport(
        prepared.system,
        np.append(current, 0.0 - current.sum()),  # no minus zero
        np.append(x + unknown, 0.0),
        np.append(problem.T + problem.theta + unknown, problem.T),
        prepared.method,
        prepared.why,
        counts,
        _attributes(device, prepared.system, x + unknown, problem),
        _audits(laws, x, problem) | ({"integration": off} if problem.T else {}),
    )
    demand(found.audits)
    return found


def _laws(prepared: Prepared, elastic: Flags, energies: Floats, weights: Floats, T: float) -> _Laws:
    parts = []
    n = prepared.system.n_terminals
    refuse_large(8 * len(energies) * n**2, f"the laws of {n} reservoirs", "take fewer terminals, or T = 0")
    for range_ in prepared.batches(len(energies)):
        t = prepared.at(energies[range_]).transmission() * (1 - np.eye(n))
        laplacian = np.eye(n) * t.sum(axis=2, keepdims=True) - t
        parts.append(_eliminated(laplacian, elastic))
    ratio = energies / T if T else np.zeros_like(energies)
    laplacian = np.concatenate(parts)
    return _Laws(prepared.system.reservoirs, energies, weights / (2 * np.pi), ratio, laplacian)


def _eliminated(laplacian: Floats, elastic: Flags) -> Floats:
    """Without the reservoirs whose current vanishes at each energy; those that nothing reaches have none."""
    if not elastic.any():
        return laplacian
    kept, probes = np.flatnonzero(~elastic), np.flatnonzero(elastic)
    inner = np.linalg.pinv(laplacian[:, probes[:, None], probes])
    way = laplacian[:, kept[:, None], probes] @ inner @ laplacian[:, probes[:, None], kept]
    found = np.zeros_like(laplacian)
    found[:, kept[:, None], kept] = laplacian[:, kept[:, None], kept] - way
    return found


def _solved(device: Device, laws: _Laws, problem: Junction) -> Floats:
    """Potentials of all terminals that obey the conditions, 0 for elastic ones; (n_terminals,)."""
    x = np.where(problem.unknown, 0.0, problem.x + problem.origin)
    if not problem.blocks:
        return x
    asked = np.concatenate([np.arange(len(x))[block.terminal] for block in problem.blocks])
    slope = np.concatenate([block.slope for block in problem.blocks])
    prescribed = np.concatenate([block.constant for block in problem.blocks]) - slope * problem.origin
    matrix = laws.conductance()[np.ix_(asked, asked)] - np.diag(slope)
    driven = laws.weights @ laws.folded(laws.flows(x, problem.theta)[0])[:, asked]
    scale = np.sqrt(np.abs(np.diag(matrix)))
    if np.any(2 * np.pi * scale**2 <= CLOSED):
        name, line, _, _ = place(device, int(asked[np.argmin(scale)]))
        raise NotConverged(f"{name}{line} lets nothing through, so its chemical potential is not determined")
    scaled = matrix / np.outer(scale, scale)
    left, strength, _ = np.linalg.svd(scaled)
    if strength[-1] <= SINGULAR * strength[0]:
        name, line, _, _ = place(device, int(asked[np.argmax(np.abs(left[:, -1]))]))
        raise NotConverged(
            f"the chemical potential of {name}{line} is not determined: no terminal with a given one, and no "
            "condensate, is connected to it"
        )
    x[asked] = np.linalg.solve(scaled, (prescribed - driven) / scale) / scale
    return x


def _averaged(
    device: Device, prepared: Prepared, problem: Junction, elastic: Flags
) -> tuple[_Laws, Floats, float]:
    """T > 0: panels are bisected until the currents of the solution are integrated to 1e-10."""
    panels = _first_panels(prepared, problem.T)
    while True:
        weights, difference = thermal_weights(panels, 0.0, problem.T)
        laws = _laws(prepared, elastic, panels.nodes.ravel(), weights.ravel(), problem.T)
        x = _solved(device, laws, problem)
        spectral = laws.flows(x, problem.theta)[0].reshape(len(weights), NODES, -1) / (2 * np.pi)
        size = np.einsum("pn,pnr->pr", weights, np.abs(spectral))
        change = np.abs(np.einsum("pn,pnr->pr", difference, spectral))
        error = errors(change, size).max(axis=1, initial=0.0)
        least = resolved_flow(float(np.ptp(x) + np.ptp(problem.theta)))
        gross = max(float(size.sum(axis=0).max(initial=0.0)), least)
        if error.sum() <= INTEGRATION * gross:
            return laws, x, relative(float(error.sum()), gross)
        used = int(np.count_nonzero(~panels.split))
        chosen = (error > INTEGRATION * gross / used) & panels.divisible
        if not chosen.any() or used * NODES > MOST_ENERGIES:
            off = float(error.sum() / gross)
            message = f"the average over energies is uncertain by {off:.1e} of the largest gross flow"
            raise NotConverged(message, residual=off)
        panels = _without_split(panels.bisected(chosen))


def _first_panels(prepared: Prepared, T: float) -> Panels:
    system = prepared.system
    edges = system.contacts.edges
    closed = not np.any(broadening(system, np.zeros(1)) > 0)
    gap = float(np.min(np.abs(edges), initial=np.inf)) if closed else 0.0
    narrow = narrow_resonances(system, 0.0, T, gap if gap < 100 * T else 0.0)
    prepared.factorisations += narrow.solved
    return first_panels(0.0, T, edges, gap if gap < 100 * T else 0.0, narrow)[0]


def _without_split(panels: Panels) -> Panels:
    kept = ~panels.split
    parts = (panels.lower[kept], panels.upper[kept], panels.edge[kept], panels.split[kept])
    return replace(panels, lower=parts[0], upper=parts[1], edge=parts[2], split=parts[3], begins=(0,))


def _audits(laws: _Laws, x: Floats, problem: Junction) -> dict[str, float]:
    flows, y = laws.flows(x, problem.theta)
    gross = float((laws.weights @ np.abs(flows)).max(initial=0.0))
    spread = float(np.ptp(np.append(x, 0.0)) + np.ptp(problem.theta))
    gross = max(gross, resolved_flow(spread))
    current = laws.weights @ laws.folded(flows)
    left = [0.0]
    for block in problem.blocks:
        asked = block.constant + block.slope * (x[block.terminal] - problem.origin)
        left.append(float(np.abs(current[block.terminal] - asked).max(initial=0.0)))
    power, turnover = (float((laws.weights @ part).sum()) for part in (flows * y, np.abs(flows * y)))
    return {
        "conditions": relative(max(left), gross),
        "particle_balance": relative(abs(float((laws.weights @ flows).sum())), gross * max(1, len(x))),
        "second_law": relative(max(0.0, -power), max(turnover, gross * spread)),
    }


def _attributes(device: Device, system: OpenSystem, mu: Floats, problem: Junction) -> dict[str, str]:
    temperature = device.units.shown("temperature", problem.T, 12)
    found = {
        "bias_reference": f"potentials are measured from the condensate, T = {temperature}",
        "bands": "rigid",
    }
    warnings = outside_band(device, system, mu, 0.0, problem.T)
    return found | ({"warnings": "\n".join(warnings)} if warnings else {})
