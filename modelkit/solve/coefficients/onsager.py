"""Onsager relations: the linear response of the device is that of the reversed one, transposed.

The reversed device has the complex conjugate of H: all fluxes and fields turned round.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.open_system import OpenSystem
from modelkit.results.audit import relative
from modelkit.solve.choose import choose
from modelkit.solve.coefficients.elimination import Elimination, parts
from modelkit.solve.junction.steady import Steady, mixes
from modelkit.solve.request import Prepared, Request

Floats = NDArray[np.float64]

EVEN = 1e-12  # a self-energy is symmetric up to rounding


def applies(problem: Steady, system: OpenSystem) -> bool:
    """Whether the relations hold.

    Probes must pair I with mu and J with T, and all self-energies be symmetric, so that they do not change
    as H is conjugated.
    """
    pairs = {("mu", (1.0, 0.0)), ("T", (0.0, 1.0))}
    if any(
        (b.unknown, parts(b)) not in pairs or (np.any(b.slope) and mixes(b, problem.device))
        for b in problem.blocks
    ):
        return False
    energies, contacts = np.array([problem.mu]), system.contacts
    sigma = contacts.sigma(energies)
    blocks = list(sigma) if isinstance(sigma, list) else []
    blocks += [lead.sigma(energies) for lead in contacts.leads]
    return all(
        float(np.abs(block - block.swapaxes(1, 2)).max(initial=0.0))
        <= EVEN * float(np.abs(block).max(initial=0.0))
        for block in blocks
    )


def reversed_conductor(request: Request, prepared: Prepared, *, responding: bool) -> Prepared:
    """The conductor with H conjugated, by the same method; the same one where H is real."""
    hamiltonian = prepared.system.hamiltonian
    if not np.any(hamiltonian.data.imag):
        return prepared
    system = replace(prepared.system, hamiltonian=sparse.csr_array(hamiltonian.conj()))
    method, why = choose(system, request.options.get("method"), responding=responding)
    return Prepared(system, method.build(system), method.name, why, prepared.bytes_per_energy)


def deviation(one: Elimination, other: Elimination, T: float) -> float:
    """How far the response of one is from that of the other, transposed, relative to its largest element.

    I by mu with itself, I by T with J/T by mu, J/T by T with itself.
    """
    first, second = (_kernel(each, T) for each in (one, other))
    largest = float(np.abs(first).max(initial=0.0))
    return relative(float(np.abs(first - second.T).max(initial=0.0)), largest)


def _kernel(found: Elimination, T: float) -> Floats:
    """I and J/T of the driven variables' own terminals by these variables, (D, D)."""
    scaled = found.linear * np.array([1.0, 1 / T if T > 0 else 0.0])[:, None, None]
    return np.asarray(scaled[found.driven])
