"""The cell of a declared chain as a chain whose motions are examined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from modelkit.compile.lindbladian import ModeBath
from modelkit.compile.unit_cell import CellJump, UnitCell
from modelkit.symmetry.chains.open_chain import Bath, Jump, OneBody, OpenChain, gain, loss
from modelkit.symmetry.roots import Undecided


def open_chain(cell: UnitCell) -> OpenChain:
    """The chain that a cell belongs to.

    Raises
    ------
    Undecided
        A jump operator that is more than one of a loss, a gain and a move of particles.
    ModelError
        A ring so short that operators meet themselves.
    """
    jumps: list[Jump] = [each for jump in cell.jumps for each in _jumps(jump)]
    jumps += [_bath(bath) for bath in cell.baths]
    return OpenChain(centred(cell), tuple(jumps), cell.cells, cell.spaces)


def centred(cell: UnitCell) -> dict[int, ArrayLike]:
    """Its hopping with levels counted from their mean: particles are made and taken alone, or not at all.

    A common level then only turns the phases between states of different numbers of particles.
    """
    d = cell.dimension
    level = np.asarray(cell.hopping.get(0, np.zeros((d, d))), dtype=complex)
    return {**cell.hopping, 0: level - np.trace(level) / d * np.eye(d)}


def only(cell: UnitCell, names: Iterable[str]) -> UnitCell:
    """The cell with some of its dissipators."""
    kept = set(names)
    return replace(
        cell,
        jumps=tuple(jump for jump in cell.jumps if jump.name in kept),
        baths=tuple(bath for bath in cell.baths if bath.name in kept),
    )


def _jumps(jump: CellJump) -> Iterator[Jump]:
    there = [
        any(np.any(block) for block in jump.bilinear.values()),
        *(any(np.any(v) for v in part.values()) for part in (jump.loss, jump.gain)),
    ]
    if sum(there) > 1:
        raise Undecided(
            f"the jump operator of '{jump.name}' is a sum of such as take, add and move particles"
        )
    if any(np.any(block) for block in jump.bilinear.values()):
        yield OneBody(dict[tuple[int, int], ArrayLike](jump.bilinear), jump.rate)
    for part, made in ((jump.loss, loss), (jump.gain, gain)):
        if any(np.any(v) for v in part.values()):
            yield made(dict[int, ArrayLike](part), jump.rate)


def _bath(bath: ModeBath) -> Bath:
    return Bath(bath.beta, bath.rate, None if bath.separable else bath.kernel)
