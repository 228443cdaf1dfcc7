"""Jump operators in normal order: creation operators on the left, each product of operators once.

``c_i c_j† = delta_ij - c_j† c_i`` is applied until all creation operators stand before all others;
it works on all products of one pattern of daggers together, so that a family of a million members takes as
many steps as one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from modelkit.errors import Span
from modelkit.graph.device import Complexes, DissipatorGroup, Floats, Products

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Daggers: TypeAlias = tuple[bool, ...]

ROUNDING = 1e-14  # of the terms that cancel: what is left of them

BILINEAR: Daggers = (True, False)


@dataclass(frozen=True, eq=False)
class JumpFamily:
    """The members of one declared dissipator, normal-ordered.

    ``L_m = sum_i loss[m, i] c_i + sum_i gain[m, i] c_i† + sum_ij W[m, i, j] c_i† c_j + higher``; constants
    are dropped (``constant``, they shift H by ``rate (conj(a) L - a L†)/2i``).

    Attributes
    ----------
    rate : (count,)
        Not negative.
    loss, gain : csr (count, n)
        Coefficients of single operators.
    bilinear : Products
        ``dagger = (True, False)``: row ``orbital[:, 0]`` and column ``orbital[:, 1]`` of W.
    constant : (count,)
    higher : tuple of Products
        Everything else, normal-ordered, orbitals of the creation and of the annihilation operators ascending.
    """

    name: str
    labels: tuple[str, ...]
    rate: Floats
    loss: csr_array
    gain: csr_array
    bilinear: Products
    constant: Complexes
    higher: tuple[Products, ...] = ()
    span: Span | None = None

    @property
    def count(self) -> int:
        return len(self.rate)


def normal_ordered(group: DissipatorGroup, n: int) -> JumpFamily:
    """The jump operators of a dissipator as sums of normal-ordered products, each product once.

    Parameters
    ----------
    group : DissipatorGroup
        Its products are of any degree and in any order.
    n : int
        Number of orbitals.

    Returns
    -------
    JumpFamily
        Products that cancel are not in it; those of two operators that do not conserve the number of
        particles are in ``higher``.
    """
    from scipy.sparse import csr_array

    count = len(group.rate)
    found = dict(_by_pattern(group.products))
    constant = np.zeros(count, dtype=complex)
    if (alone := found.pop((), None)) is not None:
        constant[alone.member] = alone.value

    def single(created: bool) -> csr_array:
        part = found.pop((created,), Products.joined((created,)))
        return csr_array((part.value, (part.member, part.orbital[:, 0])), shape=(count, n))

    return JumpFamily(
        name=group.name,
        labels=group.labels,
        rate=group.rate,
        loss=single(False),
        gain=single(True),
        bilinear=found.pop(BILINEAR, Products.joined(BILINEAR)),
        constant=constant,
        higher=tuple(found[pattern] for pattern in sorted(found, key=lambda one: (len(one), one))),
        span=group.span,
    )


def _by_pattern(products: tuple[Products, ...]) -> Iterator[tuple[Daggers, Products]]:
    """Normal-ordered products by their pattern, the longest first; empty ones are left out."""
    waiting: dict[Daggers, list[Products]] = {}
    for part in products:
        waiting.setdefault(tuple(map(bool, part.dagger)), []).append(part)
    while waiting:
        # exchanges end where no pair stands in the wrong order, and contractions are shorter
        pattern = max(waiting, key=lambda one: (len(one), _disorder(one)))
        part = Products.joined(pattern, waiting.pop(pattern))
        if not _disorder(pattern):
            kept = _canonical(part)
            if len(kept.value):
                yield pattern, kept
            continue
        for made in _exchanged(_merged(part)):
            if len(made.value):
                waiting.setdefault(made.dagger, []).append(made)


def _disorder(pattern: Daggers) -> int:
    """Pairs of an annihilation operator on the left of a creation operator."""
    return sum(not one and other for k, one in enumerate(pattern) for other in pattern[k + 1 :])


def _exchanged(part: Products) -> tuple[Products, Products]:
    """``.. c_i c_j† ..`` as ``- .. c_j† c_i ..`` and, where i = j, without the two."""
    daggers, orbital = part.dagger, part.orbital
    at = next(k for k in range(len(daggers) - 1) if not daggers[k] and daggers[k + 1])
    order = np.arange(len(daggers))
    order[[at, at + 1]] = at + 1, at
    swapped = Products(part.member, orbital[:, order], tuple(daggers[k] for k in order.tolist()), -part.value)
    same = orbital[:, at] == orbital[:, at + 1]
    rest = Products(
        part.member[same],
        np.delete(orbital[same], [at, at + 1], axis=1),
        daggers[:at] + daggers[at + 2 :],
        part.value[same],
    )
    return swapped, rest


def _canonical(part: Products) -> Products:
    """Orbitals of creation and of annihilation operators ascending, with the sign; squares vanish."""
    created = sum(part.dagger)
    sign = np.ones(len(part.value))
    alive = np.ones(len(part.value), dtype=bool)
    blocks = []
    for block in (part.orbital[:, :created], part.orbital[:, created:]):
        for k in range(block.shape[1]):
            sign *= np.where((block[:, k : k + 1] > block[:, k + 1 :]).sum(axis=1) % 2, -1, 1)
        block = np.sort(block, axis=1)
        alive &= (block[:, 1:] != block[:, :-1]).all(axis=1)
        blocks.append(block)
    orbital = np.concatenate(blocks, axis=1)
    return _merged(Products(part.member[alive], orbital[alive], part.dagger, (sign * part.value)[alive]))


def _merged(part: Products) -> Products:
    """Equal products of a member added up; what cancels is left out."""
    order = np.lexsort((*part.orbital.T[::-1], part.member))
    member, orbital, value = part.member[order], part.orbital[order], part.value[order]
    fresh = np.ones(len(member), dtype=bool)
    fresh[1:] = (member[1:] != member[:-1]) | (orbital[1:] != orbital[:-1]).any(axis=1)
    start = np.flatnonzero(fresh)
    if not len(start):
        return part
    total, size = np.add.reduceat(value, start), np.add.reduceat(np.abs(value), start)
    kept = np.abs(total) > ROUNDING * size
    return Products(member[start][kept], orbital[start][kept], part.dagger, total[kept])
