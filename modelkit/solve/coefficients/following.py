"""How levels follow small deviations of the terminals: what the second order of currents needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import Levels, OpenSystem
from modelkit.solve.found.characteristic import Characteristic
from modelkit.solve.junction.steady import Steady

Floats = NDArray[np.float64]


def levels_of(
    problem: Steady, system: OpenSystem, direction: Floats, followed: Characteristic | None
) -> Levels | None:
    """First derivative of all levels in a direction, None where none moves.

    ``direction`` (2, n_terminals): deviations of mu and of T, those of the unknowns included.  Bands that
    follow (``own``) move with mu of their terminal; ``followed`` says how unknown potentials move.
    """
    reservoirs = system.reservoirs
    if followed is None:
        bands = np.where(problem.own, direction[0], 0.0)[reservoirs.terminal] * reservoirs.sign
        return Levels(np.zeros(len(system.weight)), bands) if bands.any() else None
    there = ~problem.elastic
    potential = followed.by_mu[:, there] @ direction[0, there]
    if direction[1].any():
        potential = potential + followed.by_temperature[:, there] @ direction[1, there]
    found = problem.moved(direction[0], potential)
    return Levels(found.potential, found.bands[reservoirs.terminal])


def gauge_invariant(problem: Steady, system: OpenSystem, followed: Characteristic | None) -> bool:
    """Whether all levels rise with a common shift of all chemical potentials.

    Self-energies that do not depend on the energy need not.
    """
    everywhere = np.stack([np.ones(len(problem.given_mu)), np.zeros(len(problem.given_mu))])
    found = levels_of(problem, system, everywhere, followed)
    if found is None or system.reservoirs.superconducting or not np.allclose(found.potential, 1.0, rtol=1e-9):
        return False
    contacts = system.contacts
    energies = problem.mu + np.array([-1.0, 0.0, 1.0]) * (1e-3 * (1 + abs(problem.mu)) + problem.T)
    sigma = contacts.sigma(energies)
    changing = [bool(np.any(part != part[0])) for part in (sigma if isinstance(sigma, list) else sigma.T)]
    owner = np.concatenate([contacts.terminal[changing], [lead.terminal for lead in contacts.leads]]).astype(
        np.intp
    )
    return bool(np.allclose(found.bands[owner], 1.0, rtol=1e-9))
