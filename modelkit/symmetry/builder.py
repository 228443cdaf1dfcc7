"""Putting a structure together: what each part of a model adds is in :mod:`modelkit.symmetry.parts`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelkit.symmetry.structure import Structure

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


def word(*tokens: object) -> int:
    """A number for some words, the same in every structure."""
    digest = hashlib.blake2b(repr(tokens).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big")


@dataclass(eq=False)
class Builder:
    """Vertices, blocks and ties so far."""

    colour: list[int] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    values: list[list[float]] = field(default_factory=list)
    odd: list[list[bool]] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)
    opposite: dict[str, str] = field(default_factory=dict)
    energies: set[str] = field(default_factory=set)
    blocks: list[tuple[Integers, Integers, int, Complexes]] = field(default_factory=list)
    ties: list[tuple[Integers, Integers, int, Floats]] = field(default_factory=list)

    def vertices(
        self, count: int, *tokens: object, size: ArrayLike = 0, even: ArrayLike = (), odd: ArrayLike = ()
    ) -> Integers:
        """New ones of the same colour; ``even``, ``odd`` (k, count) values; gives their numbers."""
        columns = [np.asarray(part, dtype=float).reshape(-1, count) for part in (even, odd) if count]
        if not count:
            return np.zeros(0, dtype=np.intp)
        first, flags = len(self.colour), [False] * len(columns[0]) + [True] * len(columns[1])
        self.colour += [word(*tokens)] * count
        self.size += np.broadcast_to(np.asarray(size), (count,)).tolist()
        self.values += np.concatenate(columns).T.tolist()
        self.odd += [flags] * count
        return np.arange(first, first + count)

    def kind(self, name: str, opposite: str | None = None, *, energy: bool = True) -> int:
        """The number of a kind of blocks."""
        self.opposite[name] = opposite or name
        if energy:
            self.energies.add(name)
        return self.kinds.setdefault(name, len(self.kinds))

    def add(self, row: Integers, column: Integers, kind: int, block: Complexes) -> None:
        """Blocks (k, d, d) of a kind."""
        self.blocks.append((row, column, kind, block))

    def tie(self, row: Integers, column: Integers, *tokens: object, value: ArrayLike = 0.0) -> None:
        """Ties of the same kind."""
        row, column = np.broadcast_arrays(row, column)
        self.ties.append((row, column, word(*tokens), np.broadcast_to(np.asarray(value, float), row.shape)))

    def structure(self) -> Structure:
        """All of it."""
        n, D = len(self.colour), max([1, *self.size])
        width = max([0, *map(len, self.values)])
        block = np.concatenate([np.zeros((0, D, D), complex), *(_padded(part[3], D) for part in self.blocks)])
        names = list(self.kinds)
        none = np.zeros(0, dtype=np.intp)
        return Structure(
            colour=np.asarray(self.colour, dtype=np.int64),
            value=np.array([row + [0.0] * (width - len(row)) for row in self.values]).reshape(n, width),
            odd=np.array([row + [False] * (width - len(row)) for row in self.odd], bool).reshape(n, width),
            size=np.asarray(self.size, dtype=np.intp),
            row=np.concatenate([none, *(part[0] for part in self.blocks)]),
            column=np.concatenate([none, *(part[1] for part in self.blocks)]),
            kind=np.concatenate([none, *(np.full(len(part[0]), part[2]) for part in self.blocks)]),
            block=block,
            opposite=np.array([self.kinds[self.opposite[name]] for name in names], dtype=np.intp),
            energy=np.array([name in self.energies for name in names], dtype=bool),
            tie_row=np.concatenate([none, *(part[0] for part in self.ties)]),
            tie_column=np.concatenate([none, *(part[1] for part in self.ties)]),
            tie_kind=np.concatenate([none, *(np.full(len(part[0]), part[2]) for part in self.ties)]),
            tie_value=np.concatenate([np.zeros(0), *(part[3] for part in self.ties)]),
        )


def _padded(block: Complexes, D: int) -> Complexes:
    more = [(0, 0), (0, D - block.shape[1]), (0, D - block.shape[2])]
    return np.pad(np.asarray(block, complex), more)
