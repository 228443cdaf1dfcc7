"""Evolution of a density matrix: exponentials of the generator, exact to rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modelkit.graph.device import Complexes, Floats

if TYPE_CHECKING:
    from modelkit.solve.open_chains.exact.liouvillian import Generator

DENSE = 700  # unknowns
ALIKE = 1e-12  # relative: steps of time this close are one


def evolved(generator: Generator, rho: Complexes, times: Floats) -> Complexes:
    """The state at ascending times from ``rho`` at time 0, (n_t, unknowns).

    Small generators are exponentiated, once for each length of step; of large ones only the action on the
    state is found, by Taylor polynomials with a backward error of rounding.
    """
    from scipy.linalg import expm
    from scipy.sparse.linalg import expm_multiply

    found = np.empty((len(times), len(rho)), dtype=complex)
    dense = generator.matrix.toarray() if len(rho) <= DENSE else None
    scale = float(np.abs(times).max(initial=0.0))
    trace = generator.matrix.diagonal().sum()
    exponentials: dict[int, Complexes] = {}
    now = 0.0
    for number, time in enumerate(times.tolist()):
        step = time - now
        if step and dense is None:
            rho = expm_multiply(step * generator.matrix, rho, traceA=step * trace)
        elif step and dense is not None:
            key = round(step / (ALIKE * scale))
            if key not in exponentials:
                exponentials[key] = expm(step * dense)
            rho = exponentials[key] @ rho
        found[number] = rho
        now = time
    return found
