"""Sums of products of fermion operators, and small matrices of them: what jump operators are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product as combinations
from typing import TypeAlias

import sympy as sp

from modelkit.errors import ModelError, Span
from modelkit.language.arithmetic import conjugate

FACTORS = 6  # operators in a product
PRODUCTS = 4096  # in a jump operator


@dataclass(frozen=True)
class Fermion:
    """``c[j+1, up]``: it annihilates a particle, with ``dagger`` it creates one.

    ``at`` are the formulas of the indices, ``component`` counts the internal space of the lattice.
    """

    lattice: str
    family: str
    at: tuple[sp.Expr, ...]
    component: int
    dagger: bool
    span: Span | None = field(default=None, compare=False, repr=False)


Word: TypeAlias = tuple[Fermion, ...]
Terms: TypeAlias = Mapping[Word, sp.Expr]  # a sum: each product with its coefficient


@dataclass(frozen=True)
class Block:
    """A matrix whose elements are sums of products, row by row."""

    rows: int
    columns: int
    entries: tuple[Terms, ...]

    def row(self, place: int) -> tuple[Terms, ...]:
        return self.entries[place * self.columns : (place + 1) * self.columns]

    def column(self, place: int) -> tuple[Terms, ...]:
        return self.entries[place :: self.columns]

    @property
    def size(self) -> str:
        """For messages."""
        if len(self.entries) == 1:
            return "one operator"
        what = "column" if self.columns == 1 else "row" if self.rows == 1 else "matrix"
        return f"a {self.rows} x {self.columns} {what}"


def constant(value: sp.Expr | sp.ImmutableDenseMatrix) -> Block:
    """A number or a matrix without operators."""
    if not isinstance(value, sp.MatrixBase):
        return Block(1, 1, (_constant(value),))
    return Block(value.rows, value.cols, tuple(_constant(entry) for entry in value.flat()))


def adjoint(block: Block) -> Block:
    """Transposed, each product in the opposite order with all daggers exchanged."""
    entries = [_adjoint_sum(entry) for place in range(block.columns) for entry in block.column(place)]
    return Block(block.columns, block.rows, tuple(entries))


def scaled(block: Block, factor: sp.Expr) -> Block:
    """Times a number."""
    entries = ({word: factor * value for word, value in entry.items()} for entry in block.entries)
    return Block(block.rows, block.columns, tuple(entries))


def added(blocks: Sequence[Block], span: Span | None) -> Block:
    """The sum of blocks of one size.

    Raises
    ------
    ModelError
        More products than anybody writes.
    """
    entries = []
    for parts in zip(*(block.entries for block in blocks), strict=True):
        summands: dict[Word, list[sp.Expr]] = {}
        for word, value in (pair for part in parts for pair in part.items()):
            summands.setdefault(word, []).append(value)
        if len(summands) > PRODUCTS:
            raise _too_many(span)
        entries.append(_without_zeros({word: sp.Add(*values) for word, values in summands.items()}))
    return Block(blocks[0].rows, blocks[0].columns, tuple(entries))


def multiplied(left: Block, right: Block, span: Span | None) -> Block | None:
    """The matrix product in this order, single elements times anything; None where sizes do not fit.

    Raises
    ------
    ModelError
        More products, or products of more operators, than anybody writes.
    """
    if len(left.entries) == 1:
        pairs = [[(left.entries[0], entry)] for entry in right.entries]
        rows, columns = right.rows, right.columns
    elif len(right.entries) == 1:
        pairs = [[(entry, right.entries[0])] for entry in left.entries]
        rows, columns = left.rows, left.columns
    elif left.columns == right.rows:
        rows, columns = left.rows, right.columns
        pairs = [
            list(zip(left.row(a), right.column(b), strict=True))
            for a, b in combinations(range(rows), range(columns))
        ]
    else:
        return None
    cost = sum(len(one) * len(two) for element in pairs for one, two in element)
    if cost > PRODUCTS:
        raise _too_many(span)
    return Block(rows, columns, tuple(_multiplied(element, span) for element in pairs))


def _too_many(span: Span | None) -> ModelError:
    message = f"this jump operator has more than {PRODUCTS} products when written out"
    return ModelError(message, span, hint="declare several dissipators")


def _constant(value: sp.Expr) -> Terms:
    return {(): value} if value != 0 else {}


def _adjoint_sum(terms: Terms) -> Terms:
    return {
        tuple(replace(fermion, dagger=not fermion.dagger) for fermion in reversed(word)): conjugate(value)
        for word, value in terms.items()
    }


def _multiplied(pairs: list[tuple[Terms, Terms]], span: Span | None) -> Terms:
    total: dict[Word, sp.Expr] = {}
    for left, right in pairs:
        for (before, one), (behind, other) in combinations(left.items(), right.items()):
            word = (*before, *behind)
            if len(word) > FACTORS:
                message = f"a product of {len(word)} fermion operators"
                raise ModelError(message, span, hint=f"at most {FACTORS} stand in a jump operator")
            total[word] = total.get(word, sp.Integer(0)) + one * other
    return _without_zeros(total)


def _without_zeros(terms: dict[Word, sp.Expr]) -> Terms:
    return {word: value for word, value in terms.items() if value != 0}
