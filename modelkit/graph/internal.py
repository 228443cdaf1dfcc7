"""Matrices of internal spaces: scalars become identities, particle blocks get their hole blocks.

The orbitals of a site are the components of the internal spaces in the order of their declaration,
the last one fastest.  In a nambu space the basis is (c, c†), so that
``H = 1/2 Psi† H_BdG Psi`` with hole blocks ``-conj(h)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.errors import ModelError, Span
from modelkit.graph.device import Complexes
from modelkit.language.spaces import Space


@dataclass(frozen=True)
class Internal:
    """The internal spaces of a lattice; ``before`` and ``after`` are the dimensions around nambu."""

    spaces: tuple[Space, ...]
    dimension: int
    nambu: bool
    before: int
    after: int

    @property
    def particle(self) -> int:
        """Dimension of the particle block: the whole without nambu."""
        return self.dimension // 2 if self.nambu else self.dimension


def internal(spaces: Sequence[Space]) -> Internal:
    """Dimensions of a product of spaces."""
    sizes = [space.dimension for space in spaces]
    places = [number for number, space in enumerate(spaces) if space.name == "nambu"]
    cut = places[0] if places else len(sizes)
    return Internal(tuple(spaces), prod(sizes), bool(places), prod(sizes[:cut]), prod(sizes[cut + 1 :]))


def matrix_size(formula: Any, space: Internal, what: str, span: Span | None) -> int:
    """1 for a scalar (times the identity); otherwise the size of the matrix, particle or full.

    Raises
    ------
    ModelError
        A matrix of another size.
    """
    if not isinstance(formula, sp.MatrixBase):
        return 1
    rows, columns = formula.shape
    if rows != columns or rows not in {space.particle, space.dimension}:
        components = f"{space.particle} components" if space.particle > 1 else "one component"
        raise ModelError(
            f"this {what} is a {rows} x {columns} matrix, but a site here has {components}",
            span,
            hint="declare 'internal spin' or 'internal orbital(n)'"
            if space.dimension == 1
            else _fitting(space),
        )
    return int(rows)


def _fitting(space: Internal) -> str:
    sizes = sorted({space.particle, space.dimension})
    return "write a " + " or ".join(f"{size} x {size}" for size in sizes) + " matrix"


def acts_on_particles(formula: Any, space: Internal) -> bool:
    """Whether a formula is a block of the particles alone: always without nambu."""
    return not space.nambu or not isinstance(formula, sp.MatrixBase) or formula.shape[0] == space.particle


def full_blocks(value: NDArray[Any], formula: Any, space: Internal) -> Complexes:
    """Values of a formula, shape () or (n,) plus (m, m), as blocks (1 or n, d, d) of H."""
    if not acts_on_particles(formula, space):
        return _stacked(value)
    particle = particle_blocks(value, formula, space)
    if not space.nambu:
        return particle
    return embedded(particle, space, 0, 0) + embedded(-particle.conj(), space, 1, 1)


def particle_blocks(value: NDArray[Any], formula: Any, space: Internal) -> Complexes:
    """Values of a formula that acts on particles as blocks (1 or n, p, p)."""
    if not isinstance(formula, sp.MatrixBase):
        one = np.eye(space.particle)
        return np.asarray(np.atleast_1d(value)[:, None, None] * one, dtype=np.complex128)
    return _stacked(value)


def embedded(blocks: Complexes, space: Internal, row: int, column: int) -> Complexes:
    """Particle-sized blocks put at a place (0 particle, 1 hole) of the nambu space."""
    grid = np.zeros(
        (len(blocks), space.before, 2, space.after, space.before, 2, space.after), dtype=np.complex128
    )
    grid[:, :, row, :, :, column, :] = blocks.reshape(
        -1, space.before, space.after, space.before, space.after
    )
    return grid.reshape(-1, space.dimension, space.dimension)


def particle_hole_image(blocks: Complexes, space: Internal) -> Complexes:
    """``-tau_x conj(B) tau_x``: equal to B for every block of a Bogoliubov-de Gennes matrix."""
    grid = blocks.reshape(-1, space.before, 2, space.after, space.before, 2, space.after)
    return -grid[:, :, ::-1, :, :, ::-1, :].conj().reshape(blocks.shape)


def adjoint(blocks: Complexes) -> Complexes:
    """Conjugate transpose of each block."""
    return np.conj(np.swapaxes(blocks, -1, -2))


def _stacked(value: NDArray[Any]) -> Complexes:
    blocks = np.asarray(value, dtype=np.complex128)
    return blocks[None] if blocks.ndim == 2 else blocks
