"""Which open chains have a closed equation for the covariance, and what to do about the others."""

from __future__ import annotations

import numpy as np

from modelkit.compile.lindbladian import JumpFamily, Lindbladian, lindbladian
from modelkit.errors import ModelError
from modelkit.graph.device import Products
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.real_space.covariance import unclosed

SMALL = "method = exact treats it on chains of few sites"
WEAK = "method = gge treats it on rings, where it is weak; method = exact on chains of few sites"


def untreatable(chain: Lindbladian) -> ModelError | None:
    """Why the covariance of a chain has no equation of its own; None where it has."""
    if np.any(chain.interaction.value != 0):
        return ModelError("particles that interact are not in a Gaussian state", hint=SMALL)
    for bath in chain.baths:
        if bath.rate > 0:
            message = (
                f"the jumps of '{bath.name}' from mode to mode couple the covariance to products of four"
            )
            return ModelError(message, bath.span, hint=WEAK)
    for family in chain.jumps:
        if (beyond := _beyond(family)) is not None:
            return ModelError(beyond, family.span, hint=SMALL)
    if (open_family := unclosed(chain.jumps, chain.size)) is not None:
        message = (
            f"the jumps of '{open_family.name}' are not equivalent to Hermitian ones, so that the covariance "
            "is coupled to products of four operators"
        )
        return ModelError(message, open_family.span, hint=f"add the adjoint at the same rate; or {WEAK}")
    return None


def _beyond(family: JumpFamily) -> str | None:
    """What in a family is neither linear nor bilinear."""
    acting = family.rate > 0
    for products in family.higher:
        if np.any(acting[products.member] & (products.value != 0)):
            many = len(products.dagger)
            if many == 2:
                return f"the jumps of '{family.name}' create or annihilate pairs"
            return f"the jumps of '{family.name}' are products of {many} operators"
    linear = np.zeros(family.count, dtype=bool)
    for matrix in (family.loss, family.gain):
        linear |= abs(matrix).sum(axis=1) > 0
    if np.any(linear & _bilinear(family.bilinear, family.count) & acting):
        return f"the jumps of '{family.name}' are sums of single operators and products of two"
    return None


def _bilinear(products: Products, count: int) -> np.ndarray:
    """(count,): which members have products of two operators."""
    found = np.zeros(count, dtype=bool)
    found[products.member[products.value != 0]] = True
    return found


def notes_of(problem: OpenProblem) -> dict[str, str]:
    """What of the jump operators that a problem was declared with is not in its equation."""
    chain = problem.lindbladian
    if chain is None and problem.cell is not None and problem.cell.device is not None:
        chain = lindbladian(problem.cell.device)
    return {} if chain is None else notes(chain)


def notes(chain: Lindbladian) -> dict[str, str]:
    """What of the declared jump operators is not in the equation."""
    dropped = [family.name for family in chain.jumps if np.any((family.constant != 0) & (family.rate > 0))]
    groups = chain.device.dissipators if chain.device is not None else ()
    left = {group.name: group.left_out for group in groups if group.left_out}
    found = {}
    if dropped:
        found["dropped_constants"] = (
            f"constants in the jumps of {', '.join(dropped)}; they mean a Hamiltonian of the order of rates"
        )
    if left:
        told = ", ".join(f"{count} of {name}" for name, count in left.items())
        found["left_out"] = f"{told}: they would reach over an open end"
    return found
