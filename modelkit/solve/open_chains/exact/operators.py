"""Jump operators in the modes that states are counted in.

``sum_m L_m rho L_m†`` is the same for any unitary mixture of the members of a family.  On a ring the
density matrix commutes with translations, so that only parts of the same momentum transfer meet; these few
are reduced to as many as are linearly independent: one per declared jump instead of one per cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from modelkit.graph.device import Complexes, Products
from modelkit.solve.memory import refuse_large
from modelkit.solve.open_chains.exact.charges import parts_of
from modelkit.solve.open_chains.exact.translations import carried

if TYPE_CHECKING:
    from modelkit.compile.lindbladian import JumpFamily, ModeBath
    from modelkit.solve.open_chains.exact.basis import Basis
    from modelkit.solve.open_chains.exact.translations import Along

NEGLIGIBLE = 1e-14  # of the largest coefficient of a family


@dataclass(frozen=True, eq=False)
class Jumps:
    """The operators of one dissipator, ``sqrt(rate)`` in the coefficients."""

    name: str
    products: tuple[Products, ...]
    moved: tuple[Products, ...] = ()  # the same operators, each product times the cells that it carries over


def jumps_of(family: JumpFamily, basis: Basis, along: Along | None) -> Jumps:
    """A family in the modes of the basis."""
    root = np.sqrt(family.rate)
    scaled = [replace(part, value=part.value * root[part.member]) for part in parts_of(family)]
    parts = [part for part in scaled if np.any(part.value)]
    moved = [replace(part, value=part.value * carried(part, along)) for part in parts if along is not None]
    turned = [rotated(part, basis.vectors) for part in (*parts, *moved)]
    if basis.cells > 1 and turned:
        turned = _independent(turned, basis)
    return Jumps(family.name, _present(turned[: len(parts)]), _present(turned[len(parts) :]))


def _present(parts: Sequence[Products]) -> tuple[Products, ...]:
    return tuple(part for part in parts if len(part.value))


def bath_jumps(bath: ModeBath, modes: Basis, cells: int, basis: Basis) -> Jumps:
    """Jumps ``eta_a† eta_b`` of a bath, all ordered pairs of the modes of H, in the modes of the basis."""
    assert modes.energy is not None
    to, source = (index.ravel() for index in np.indices((modes.size, modes.size)))
    weight = bath.rate / cells * bath.kernel(modes.energy[to] - modes.energy[source])
    value = np.sqrt(np.asarray(weight, dtype=float)).astype(complex)
    pairs = Products(np.arange(len(to)), np.stack([to, source], axis=1), (True, False), value)
    if modes is not basis:
        assert modes.vectors is not None
        ours = np.eye(basis.size) if basis.vectors is None else basis.vectors
        pairs = rotated(pairs, modes.vectors.conj().T @ ours)
    return Jumps(bath.name, (pairs,))


def rotated(products: Products, vectors: Complexes | None) -> Products:
    """Products with ``c_i = sum_a vectors[i, a] eta_a`` put in."""
    if vectors is None or not np.any(products.value):
        return products
    size, degree = len(vectors), len(products.dagger)
    count = int(products.member.max()) + 1
    refuse_large(
        16 * 3 * count * size**degree,
        f"{count} products of {degree} operators in {size} modes",
        "ask for fewer cells, or for jumps of fewer operators",
    )
    tensor = np.zeros((count, *(size,) * degree), dtype=complex)
    np.add.at(tensor, (products.member, *products.orbital.T), products.value)
    for dagger in products.dagger:  # the axis in front moves to the end
        tensor = np.moveaxis(tensor, 1, -1) @ (vectors.conj() if dagger else vectors)
    kept = np.abs(tensor) > NEGLIGIBLE * np.abs(tensor).max()
    member, *orbital = np.nonzero(kept)
    return Products(member, np.stack(orbital, axis=1), products.dagger, tensor[kept])


def _independent(parts: Sequence[Products], basis: Basis) -> list[Products]:
    """As few operators as give the same ``sum_m L_m rho L_m†`` on density matrices that commute with
    translations.
    """
    columns = [np.unique(part.orbital, axis=0, return_inverse=True) for part in parts]
    members = max(int(part.member.max()) for part in parts) + 1
    found: list[list[Products]] = [[] for _part in parts]
    first = 0
    for q in range(basis.cells):
        blocks, kept = [], []
        for part, (orbital, column) in zip(parts, columns, strict=True):
            whole = np.zeros((members, len(orbital)), dtype=complex)
            whole[part.member, column.ravel()] = part.value
            sign = np.where(part.dagger, 1, -1)
            kept.append((basis.momentum[orbital] * sign).sum(axis=1) % basis.cells == q)
            blocks.append(whole[:, kept[-1]])
        _left, strength, right = np.linalg.svd(np.concatenate(blocks, axis=1), full_matrices=False)
        if not strength.size or not strength[0]:
            continue
        rows = (strength[:, None] * right)[strength > NEGLIGIBLE * members * strength[0]]
        at = 0
        for which, (orbital, _column) in enumerate(columns):
            inside = np.flatnonzero(kept[which])
            block = rows[:, at : at + len(inside)]
            at += len(inside)
            row, column = np.nonzero(np.abs(block) > NEGLIGIBLE * strength[0])
            value = block[row, column]
            found[which].append(Products(first + row, orbital[inside[column]], parts[which].dagger, value))
        first += len(rows)
    return [Products.joined(part.dagger, some) for some, part in zip(found, parts, strict=True)]
