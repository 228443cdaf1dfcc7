"""Bonds of a device: equal ones add, a bond declared in both directions is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from modelkit.elements.terms import terms
from modelkit.errors import ModelError
from modelkit.graph.device import Integers
from modelkit.graph.terms import Placed


@dataclass(frozen=True, eq=False)
class Joined:
    """Distinct arrows of several terms, in the order of their first mention.

    ``rows[k]`` are the rows of term k that join two sites, and ``bond[k]`` their arrows;
    ``own[k]`` are the rows whose two ends are one site.  ``merged``: several rows share an arrow.
    """

    source: Integers
    target: Integers
    rows: tuple[Integers | slice, ...]
    bond: tuple[Integers, ...]
    own: tuple[Integers, ...]
    merged: bool


def joined_bonds(terms: Sequence[Placed], size: int) -> Joined:
    """Arrows from the first to the second end of the terms; ``size`` is the number of sites.

    Two rows are the same bond in both directions when they are so before rings are closed: on a
    ring of two cells the arrows ``a[1] -> a[2]`` and ``a[2] -> a[3] = a[1]`` are two bonds, as in
    the sum that the author wrote.

    Raises
    ------
    ModelError
        A bond in both directions, or from a site onto itself, at the later declaration.
    """
    own = tuple(np.flatnonzero(term.sites[0] == term.sites[1]) for term in terms)
    rows: list[Integers | slice] = []
    for term, home in zip(terms, own, strict=True):
        _refuse_own_site(term, home)
        rows.append(np.flatnonzero(term.sites[0] != term.sites[1]) if len(home) else slice(None))
    source, target = (
        np.concatenate([term.sites[end][kept] for term, kept in zip(terms, rows, strict=True)])
        if terms
        else np.zeros(0, dtype=np.intp)
        for end in (0, 1)
    )
    key = np.minimum(source, target) * size + np.maximum(source, target)
    ordered = np.sort(key, kind="stable")
    number = np.arange(len(key), dtype=np.intp)
    merged = bool((ordered[1:] == ordered[:-1]).any())
    if merged:
        _refuse_both_directions(terms, rows, key, source < target)
        source, target, number = _merged(source, target, size)
    ends = np.cumsum([_length(term, kept) for term, kept in zip(terms, rows, strict=True)])
    bond = tuple(np.split(number, ends[:-1])) if terms else ()
    return Joined(source, target, tuple(rows), bond, own, merged)


def _merged(source: Integers, target: Integers, size: int) -> tuple[Integers, Integers, Integers]:
    """Equal arrows once, numbered in the order of their first mention."""
    _, first, inverse = np.unique(source * size + target, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    kept = first[order]
    return source[kept], target[kept], rank[inverse]


def _length(term: Placed, kept: Integers | slice) -> int:
    return term.count if isinstance(kept, slice) else len(kept)


def _refuse_own_site(term: Placed, home: Integers) -> None:
    """A hop between two components of one site is fine, one that holds its own partner is not."""
    turned = term.turns[home].any(axis=1) if term.turns is not None else np.zeros(len(home), dtype=bool)
    if term.term.part != "hops" or turned.all() or not _overlap(term, term):
        return
    label = term.label(0, int(home[~turned][0]))
    raise ModelError(
        f"this hop goes from '{label}' onto itself",
        term.term.span,
        hint="an energy on one site is 'onsite', or exclude the site with 'where'",
    )


def _overlap(one: Placed, other: Placed) -> bool:
    """Whether the opposite of one term's matrix reaches components that the other's reaches."""
    first, second = one.term.value, other.term.value
    if not (isinstance(first, sp.MatrixBase) and isinstance(second, sp.MatrixBase)):
        scalars = [value for value in (first, second) if not isinstance(value, sp.MatrixBase)]
        matrices = [value for value in (first, second) if isinstance(value, sp.MatrixBase)]
        return len(scalars) == 2 or any(matrix[k, k] != 0 for matrix in matrices for k in range(matrix.rows))
    if first.shape != second.shape:
        return True
    size = range(first.rows)
    return any(first[a, b] != 0 and second[b, a] != 0 for a in size for b in size)


def _refuse_both_directions(
    terms: Sequence[Placed], rows: Sequence[Integers | slice], key: Integers, upward: Any
) -> None:
    """Rows of one bond and of opposite arrows, equal before rings are closed, are an error."""
    which, row, turns = _origins(terms, rows)
    turns = turns * np.where(upward, 1, -1)[:, None]
    order = np.lexsort((*turns.T, key))
    fresh = np.ones(len(key), dtype=bool)
    fresh[1:] = (np.diff(key[order]) != 0) | (np.diff(turns[order], axis=0) != 0).any(axis=1)
    group = np.empty(len(key), dtype=np.intp)
    group[order] = np.cumsum(fresh)
    both = np.intersect1d(group[upward], group[~upward])
    mixed = np.isin(group, both)
    for late in range(len(terms)):
        for early in range(late + 1):
            if not len(both) or not _overlap(terms[early], terms[late]):
                continue
            for arrow in (upward, ~upward):
                ours = np.flatnonzero(mixed & arrow & (which == early))
                theirs = np.flatnonzero(mixed & ~arrow & (which == late))
                _, first, second = np.intersect1d(group[ours], group[theirs], return_indices=True)
                if len(first):
                    pair = sorted((ours[first[0]], theirs[second[0]]))
                    raise _both_directions(*((terms[which[at]], int(row[at])) for at in pair))


def _origins(
    terms: Sequence[Placed], rows: Sequence[Integers | slice]
) -> tuple[Integers, Integers, Integers]:
    """Term, row and turns of each of the concatenated rows."""
    width = max((term.turns.shape[1] for term in terms if term.turns is not None), default=0)
    counts = [_length(term, kept) for term, kept in zip(terms, rows, strict=True)]
    row = [np.arange(term.count)[kept] for term, kept in zip(terms, rows, strict=True)]
    turns = [np.zeros((count, width), dtype=np.intp) for count in counts]
    for term, kept, found in zip(terms, rows, turns, strict=True):
        if term.turns is not None:
            found[:, : term.turns.shape[1]] = term.turns[kept]
    return np.repeat(np.arange(len(terms)), counts), np.concatenate(row), np.concatenate(turns)


def _both_directions(first: tuple[Placed, int], second: tuple[Placed, int]) -> ModelError:
    (early, early_row), (late, late_row) = first, second
    names = [
        f" {terms[late.term.kind].joint} ".join(term.label(end, row) for end in (0, 1))
        for term, row in ((early, early_row), (late, late_row))
    ]
    within, directed = early.term is late.term, late.term.part == "hops"
    there = f"in line {early.term.span.line}" if early.term.span and not within else "by the same line"
    hint = "the Hermitian partner is implied" if directed else "each pair once: its order gives the sign"
    if within:
        hint += "; keep one order with 'where', such as 'where m > l'"
    what = "in both directions" if directed else "in both orders"
    message = f"the {late.term.kind} '{names[1]}' is declared {what}: '{names[0]}' is already there, {there}"
    return ModelError(message, late.term.span, hint=hint)
