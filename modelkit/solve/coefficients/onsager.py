"""Onsager relations: the linear response of the device is that of the reversed one, transposed.

The reversed device has the complex conjugate of H, and of the matrices of its leads: all fluxes and fields
turned round.  Its self-energies are the transposed ones; those of leads are found anew.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.results.audit import relative, resolved_flow
from modelkit.solve.choose import choose
from modelkit.solve.coefficients.elimination import Elimination, Flags, parts
from modelkit.solve.junction.steady import Steady, mixes
from modelkit.solve.request import Prepared, Request

Floats = NDArray[np.float64]


def applies(problem: Steady) -> bool:
    """Whether the relations hold: probes must pair I with mu and J with T."""
    pairs = {("mu", (1.0, 0.0)), ("T", (0.0, 1.0))}
    return all(
        (b.unknown, parts(b)) in pairs and not (np.any(b.slope) and mixes(b, problem.device))
        for b in problem.blocks
    )


def reversed_conductor(request: Request, prepared: Prepared, *, responding: bool) -> Prepared:
    """The conductor of the reversed device, by the same method; the same one where nothing changes."""
    hamiltonian, contacts = prepared.system.hamiltonian, prepared.system.contacts
    if contacts.scalar and not contacts.leads and not np.any(hamiltonian.data.imag):
        return prepared
    turned = sparse.csr_array(hamiltonian.conj())
    system = replace(prepared.system, hamiltonian=turned, contacts=contacts.reversed())
    method, why = choose(system, request.options.get("method"), responding=responding)
    return Prepared(system, method.build(system), method.name, why, prepared.bytes_per_energy)


def deviation(one: Elimination, other: Elimination, T: float) -> float:
    """How far the response of one is from that of the other, transposed, relative to its largest gross flow.

    I by mu with itself, I by T with J/T by mu, J/T by T with itself.
    """
    first, second, gross = (_kernel(part, one.driven, T) for part in (one.linear, other.linear, one.gross))
    largest = max(float(gross.max(initial=0.0)), resolved_flow(1.0))
    return relative(float(np.abs(first - second.T).max(initial=0.0)), largest)


def _kernel(flows: Floats, driven: Flags, T: float) -> Floats:
    """I and J/T of the driven variables' own terminals by these variables, (D, D)."""
    scaled = flows * np.array([1.0, 1 / T if T > 0 else 0.0])[:, None, None]
    return np.asarray(scaled[driven])
