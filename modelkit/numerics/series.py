"""Power series that are cut off, with coefficients that are arrays, and their variations.

``series[v][k]`` is the coefficient of ``s^k``: with v = 0 of the series itself, with v > 0 of its first
derivative by a further parameter (of which there may be several, each by itself).  None stands for zero.
Products take any bilinear function of two coefficients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

Series = list[list[Any]]
Bilinear = Callable[[Any, Any], Any]


def zeros(variations: int, order: int) -> Series:
    """Without any term up to an order."""
    return [[None] * (order + 1) for _ in range(variations + 1)]


def places(variations: int, order: int, first: int = 0) -> Iterator[tuple[int, int]]:
    """All coefficients, lower orders first."""
    for k in range(first, order + 1):
        for v in range(variations + 1):
            yield v, k


def coefficient(one: Series, other: Series, v: int, k: int, multiply: Bilinear, first: int = 0) -> Any:
    """That of a product; ``first`` is the lowest order of ``one`` that counts."""
    found = None
    for u, w in ((0, v), (v, 0))[: 1 + (v > 0)]:
        for j in range(first, k + 1):
            if one[u][j] is not None and other[w][k - j] is not None:
                part = multiply(one[u][j], other[w][k - j])
                found = part if found is None else found + part
    return found


def product(one: Series, other: Series, multiply: Bilinear) -> Series:
    """Up to the order of the first."""
    return [[coefficient(one, other, v, k, multiply) for k in range(len(one[0]))] for v in range(len(one))]


def added(*some: Series) -> Series:
    """Term by term."""
    return [[_sum(terms) for terms in zip(*rows, strict=True)] for rows in zip(*some, strict=True)]


def _sum(terms: Sequence[Any]) -> Any:
    there = [term for term in terms if term is not None]
    return sum(there[1:], there[0]) if there else None


def mapped(series: Series, function: Callable[[Any], Any]) -> Series:
    """A linear function of each coefficient."""
    return [[None if term is None else function(term) for term in row] for row in series]


def resolved(
    known: list[Any], moved: Series, solve: Callable[[Any], Any], multiply: Bilinear, order: int
) -> Series:
    """``X = start + solve(V X)`` order by order, where V begins with the first order.

    ``known`` are the first coefficients of X, at least the start.
    """
    found = zeros(len(moved) - 1, order)
    found[0][: len(known)] = known
    for v, k in places(len(moved) - 1, order, 1):
        if v == 0 and k < len(known):
            continue
        right = coefficient(moved, found, v, k, multiply, 1)
        found[v][k] = None if right is None else solve(right)
    return found
