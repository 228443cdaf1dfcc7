"""Values of the terms of the Hamiltonian: one vectorised evaluation for each term."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.elements.disorder import distributions
from modelkit.elements.terms import Term, terms
from modelkit.errors import ModelError
from modelkit.graph.device import Complexes
from modelkit.graph.disorder import uniform_numbers
from modelkit.graph.formulas import Values, evaluated, names_in
from modelkit.graph.internal import (
    Internal,
    acts_on_particles,
    adjoint,
    full_blocks,
    matrix_size,
    particle_blocks,
    particle_hole_image,
)
from modelkit.graph.terms import Placed
from modelkit.numerics.evaluate import first_fault, mending

TOLERANCE = 1e-12  # of the largest element of a block


def value_names(term: Term) -> frozenset[str]:
    """Names on which the value of a term depends, its loop indices left out."""
    return names_in([term.value]) - {index.name for index in term.indices}


def coefficients(placed: Placed, space: Internal, values: Values) -> Complexes:
    """Blocks of a term, shape (1 or count, d, d); for pairs (.., p, p) on the particles.

    Raises
    ------
    ModelError
        A matrix of the wrong size, a value that is no finite number, an on-site block that is not
        Hermitian, a nambu matrix without particle-hole symmetry; the site is named.
    """
    term = placed.term
    matrix_size(term.value, space, term.kind, term.span)
    if not placed.count:  # nothing to evaluate, whatever the formula would give
        size = space.particle if term.part == "pairs" else space.dimension
        return np.zeros((1, size, size), dtype=np.complex128)
    if term.distribution is None:
        value = evaluated(term.value, values, placed.domain.index, term.span)
    else:
        value = _disorder(placed, term.distribution, values)
    matrix = isinstance(term.value, sp.MatrixBase)
    value = _sound(placed, value, real=term.part == "onsite" and not matrix, axes=2 * matrix)
    if term.part == "pairs":
        if not acts_on_particles(term.value, space):
            message = "the matrix of a pair acts on the particles, without 'tau'"
            raise ModelError(message, term.span, hint="write a matrix of spins, such as 1i*sigma_y*Delta")
        return particle_blocks(value, term.value, space)
    blocks = full_blocks(value, term.value, space)
    if term.part == "onsite":
        _refuse_block(placed, blocks, adjoint, "is not Hermitian", "write each element and its conjugate")
    if not acts_on_particles(term.value, space):
        hint = "the hole block is minus the conjugate of the particle block; 'tau_z' gives it for real ones"
        _refuse_block(
            placed,
            blocks,
            lambda full: particle_hole_image(full, space),
            "is not particle-hole symmetric",
            hint,
        )
    return blocks


def _disorder(placed: Placed, distribution: str, values: Values) -> NDArray[Any]:
    """Samples that depend on the indices of the sites at the ends and on the seed."""
    sample, term = distributions.look_up(distribution, placed.term.span), placed.term
    value: Any = term.value
    *shape, last = (evaluated(argument, values, placed.domain.index, term.span) for argument in value.args)
    seed = complex(last[()]) if last.ndim == 0 else complex("nan")
    if seed.imag or not np.isfinite(seed.real) or seed.real != np.rint(seed.real):
        message = "the seed of a disorder is one integer for all sites"
        raise ModelError(message, term.span, hint="write a whole number: seed = 7")
    columns = [
        family.domain.index[name][site - family.first]
        for family, site in zip(placed.families, placed.sites, strict=True)
        for name in family.names
    ]
    uniform = uniform_numbers(columns, placed.count, int(seed.real))
    with np.errstate(all="ignore"):
        return np.asarray(sample.values(uniform, **dict(zip(sample.arguments, shape, strict=True))))


def _sound(placed: Placed, value: NDArray[Any], *, real: bool, axes: int) -> NDArray[Any]:
    """The values, all finite, and real where H needs it."""
    fault = first_fault(value, real=real, axes=axes) if placed.count else None
    if fault is None:
        return value.real if real else value
    row = fault.index[0] if fault.index else 0
    element = "an element of " if axes else ""
    reason = f"{fault.reason}, but H is Hermitian" if fault.reason.startswith("complex") else fault.reason
    hint = "exclude it with 'where'" if fault.index else mending(fault.reason)
    raise ModelError(f"{element}the {_named(placed, row)} is {reason}", placed.term.span, hint=hint)


def _refuse_block(
    placed: Placed, blocks: Complexes, image: Callable[[Complexes], Complexes], why: str, hint: str
) -> None:
    if not placed.count or not isinstance(placed.term.value, sp.MatrixBase):
        return
    size = np.abs(blocks).max(axis=(1, 2))
    wrong = np.abs(blocks - image(blocks)).max(axis=(1, 2)) > TOLERANCE * size
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ModelError(f"the matrix of the {_named(placed, row)} {why}", placed.term.span, hint=hint)


def _named(placed: Placed, row: int) -> str:
    kind = terms[placed.term.kind]
    ends = f" {kind.joint} ".join(placed.label(end, row) for end in range(len(placed.sites)))
    return f"{kind.called or placed.term.kind} '{ends}'"
