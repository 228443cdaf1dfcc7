"""Density-density interactions on the orbitals of a device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy as sp

from modelkit.elements.terms import terms
from modelkit.errors import ModelError, Span
from modelkit.graph.bonds import joined_bonds
from modelkit.graph.device import Complexes, Device, Integers, Products
from modelkit.graph.formulas import Values, evaluated
from modelkit.graph.terms import Placed
from modelkit.numerics.evaluate import first_fault, mending

DENSITIES = (True, False, True, False)  # c_i† c_i c_j† c_j


def interaction_of(placed: Sequence[Placed], device: Device, values: Values) -> Products:
    """``V n_i n_j`` for all pairs of orbitals of two sites, on one site each pair of orbitals once.

    Raises
    ------
    ModelError
        A value that is not real, a pair of sites in both orders, a site that interacts with itself through
        a single orbital.
    """
    joined_bonds(placed, device.size)  # refuses a pair of sites in both orders
    orbital: list[Integers] = []
    value: list[Complexes] = []
    for term in placed:
        strength = _values(term, values)
        together = term.sites[0] == term.sites[1]
        for rows, same in ((np.flatnonzero(~together), False), (np.flatnonzero(together), True)):
            if not len(rows):
                continue
            blocks = _blocks(term, strength[rows], rows, same, device)
            at, a, b = np.nonzero(blocks)
            first, second = (device.offset[site[rows][at]] for site in term.sites)
            orbital.append(np.stack([first + a, first + a, second + b, second + b], axis=-1))
            value.append(blocks[at, a, b])
    everything = np.concatenate(orbital) if orbital else np.zeros((0, 4), dtype=np.intp)
    strengths = np.concatenate(value) if value else np.zeros(0, dtype=np.complex128)
    member = np.zeros(len(strengths), dtype=np.intp)
    return Products(member, everything, DENSITIES, strengths, placed[0].term.span)


def untreated(kind: str, span: Span | None) -> ModelError:
    """The error of all methods for single particles."""
    return ModelError(
        f"'{kind}' is treated by exact methods of open chains only",
        span,
        hint="leave it out, or replace it by its mean field in 'onsite'",
    )


def density_kinds() -> frozenset[str]:
    """The kinds of relations that are interactions of densities."""
    return frozenset(name for name, kind in terms.items() if kind.densities)


def other_kinds() -> frozenset[str]:
    """The kinds of relations that add nothing known to the Hamiltonian."""
    return frozenset(name for name, kind in terms.items() if kind.part is None and not kind.densities)


def _values(term: Placed, values: Values) -> Complexes:
    """(count, 1, 1) or (count, d, d)."""
    formula, span = term.term.value, term.term.span
    raw = evaluated(formula, values, term.domain.index, span)
    matrix = isinstance(formula, sp.MatrixBase)
    fault = first_fault(raw, real=True, axes=2 * matrix) if term.count else None
    if fault is not None:
        row = fault.index[0] if fault.index else 0
        message = f"the interaction '{_shown(term, row)}' is {fault.reason}"
        raise ModelError(message, span, hint=mending(fault.reason))
    if not matrix:
        raw = np.asarray(raw)[..., None, None]
    shape = (term.count, *raw.shape[-2:])
    return np.asarray(np.broadcast_to(raw, shape), dtype=np.complex128)


def _blocks(term: Placed, strength: Complexes, rows: Integers, same: bool, device: Device) -> Complexes:
    """Strengths by pairs of orbitals, (rows, d, d)."""
    size = int(device.offset[term.sites[0][rows[0]] + 1] - device.offset[term.sites[0][rows[0]]])
    labelled = isinstance(term.term.value, sp.MatrixBase)
    blocks = np.array(np.broadcast_to(strength, (len(rows), size, size)))
    if not same:
        return blocks
    if term.turns is not None and term.turns[rows].any():
        row = int(rows[term.turns[rows].any(axis=1)][0])
        message = f"the interaction of '{term.label(0, row)}' comes back to its own site round the ring"
        raise ModelError(message, term.term.span, hint="give the ring more cells")
    if size == 1 or (labelled and np.einsum("kaa->ka", blocks).any()):
        message = f"the interaction on '{term.label(0, int(rows[0]))}' joins an orbital with itself: n n = n"
        raise ModelError(message, term.term.span, hint="an energy of a site is 'onsite'")
    return blocks if labelled else np.triu(blocks, 1)


def _shown(term: Placed, row: int) -> str:
    joint = terms[term.term.kind].joint
    return f" {joint} ".join(term.label(end, row) for end in (0, 1))
