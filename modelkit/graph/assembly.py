"""Matrix elements of a lattice: blocks of the terms added up, as coordinates of the orbital matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modelkit.errors import ModelError
from modelkit.graph.bonds import Joined
from modelkit.graph.device import Bonds, Complexes, Entries, Integers
from modelkit.graph.internal import Internal, adjoint, embedded
from modelkit.graph.terms import Placed

Rows = Integers | slice


@dataclass(frozen=True, eq=False)
class Part:
    """Terms of one part of H on one lattice with their values: blocks (1 or count, d, d) for each."""

    terms: tuple[Placed, ...]
    blocks: tuple[Complexes, ...]
    joined: Joined | None = None


@dataclass(frozen=True)
class Place:
    """A lattice in the device: sites ``first .. first+size-1``, its first orbital, its spaces."""

    first: int
    size: int
    orbital: int
    space: Internal

    def offset(self, site: Integers) -> Integers:
        """First orbitals of sites given by their numbers in the device."""
        if self.space.dimension == 1:
            return site + (self.orbital - self.first) if self.orbital != self.first else site
        return self.orbital + (site - self.first) * self.space.dimension


@dataclass(frozen=True, eq=False)
class Elements:
    """What a lattice adds to the device."""

    onsite: Entries
    hops: Entries
    pairs: Entries
    bonds: Bonds


_NONE = np.zeros(0, dtype=np.intp)
NO_ENTRIES = Entries(_NONE, _NONE, np.zeros(0, dtype=np.complex128), _NONE)


def elements(place: Place, parts: Mapping[str, Part], first_bond: int) -> Elements:
    """Entries of one lattice from the parts ``onsite``, ``hops`` and ``pairs`` of its terms.

    Its bonds are numbered from ``first_bond``.

    A hop that comes back to its own site round a ring adds ``V + V†`` there.  Pairs enter H through
    their nambu blocks (in ``hops``, on no bond); without a nambu space they stay coefficients of
    ``c_row c_column`` in ``pairs``.
    """
    hops, pairs = parts["hops"], parts["pairs"]
    home = _home_blocks(place, parts["onsite"], hops, pairs)
    bond_blocks, joined = _bond_blocks(place, hops)
    sites = np.arange(place.first, place.first + place.size, dtype=np.intp)
    on_bonds = _entries(place, joined.target, joined.source, bond_blocks, first_bond)
    between, raw = _pair_entries(place, pairs)
    return Elements(
        NO_ENTRIES if home is None else _entries(place, sites, sites, home, None),
        together([on_bonds, *between]),
        raw,
        Bonds(joined.source, joined.target),
    )


def together(parts: Sequence[Entries]) -> Entries:
    """Entries one after the other."""
    kept = [part for part in parts if len(part.row)]
    if len(kept) < 2:
        return kept[0] if kept else NO_ENTRIES
    names = ("row", "column", "value", "bond")
    return Entries(*(np.concatenate([getattr(part, name) for part in kept]) for name in names))


def _home_blocks(place: Place, onsite: Part, hops: Part, pairs: Part) -> Complexes | None:
    """Sum of all blocks on sites, (size, d, d); None when no term reaches one."""
    found: list[tuple[Integers, Complexes, bool]] = []
    for term, blocks in zip(onsite.terms, onsite.blocks, strict=True):
        found.append((term.sites[0], blocks, term.distinct))
    if hops.joined is not None:
        for term, blocks, own in zip(hops.terms, hops.blocks, hops.joined.own, strict=True):
            value = _chosen(blocks, own)
            found.append((term.sites[0][own], value + adjoint(value), False))
    if pairs.joined is not None and place.space.nambu:
        for term, blocks, own in zip(pairs.terms, pairs.blocks, pairs.joined.own, strict=True):
            value = adjoint(_chosen(blocks, own))
            corner = embedded(value - np.swapaxes(value, -1, -2), place.space, 0, 1)
            found.append((term.sites[0][own], corner + adjoint(corner), False))
    found = [part for part in found if len(part[0])]
    if not found:
        return None
    d = place.space.dimension
    total = np.zeros((place.size, d, d), dtype=np.complex128)
    for site, blocks, distinct in found:
        _add(total, site - place.first, blocks, distinct)
    return total


def _bond_blocks(place: Place, hops: Part) -> tuple[Complexes, Joined]:
    joined = hops.joined
    assert joined is not None
    d = place.space.dimension
    total = np.zeros((len(joined.source), d, d), dtype=np.complex128)
    for blocks, rows, bond in zip(hops.blocks, joined.rows, joined.bond, strict=True):
        _add(total, bond, _chosen(blocks, rows), not joined.merged)
    return total, joined


def _pair_entries(place: Place, pairs: Part) -> tuple[list[Entries], Entries]:
    """BdG entries of pairs between sites, and raw coefficients without a nambu space.

    ``Delta c_l c_m + h.c.`` gives the anomalous blocks ``D[m, l] = Delta†`` and
    ``D[l, m] = -conj(Delta)`` between the particles of the row and the holes of the column.
    """
    joined, space = pairs.joined, place.space
    assert joined is not None
    _refuse_vanishing(pairs)
    between: list[Entries] = []
    raw: list[Entries] = []
    for term, blocks, rows, own in zip(pairs.terms, pairs.blocks, joined.rows, joined.own, strict=True):
        one, other = (site[rows] for site in term.sites)
        value = _chosen(blocks, rows)
        if space.nambu:
            for to, source, part in ((other, one, adjoint(value)), (one, other, -value.conj())):
                between.append(_entries(place, to, source, embedded(part, space, 0, 1), None))
        else:
            raw.append(_entries(place, one, other, value, None))
            home = term.sites[0][own]
            raw.append(_entries(place, home, home, _chosen(blocks, own), None))
    return between, together(raw)


def _refuse_vanishing(pairs: Part) -> None:
    """A pair on one site needs an antisymmetric matrix."""
    assert pairs.joined is not None
    for term, blocks, own in zip(pairs.terms, pairs.blocks, pairs.joined.own, strict=True):
        if not len(own) or term.turns is not None:
            continue
        value = _chosen(blocks, own)
        if value.any() and not (value - np.swapaxes(value, -1, -2)).any():
            raise ModelError(
                f"the pair on the site '{term.label(0, int(own[0]))}' vanishes: c c = 0",
                term.term.span,
                hint="a pair on one site needs an antisymmetric matrix, such as '1i*sigma_y*Delta'",
            )


def _entries(place: Place, to: Integers, source: Integers, blocks: Complexes, bond: int | None) -> Entries:
    """Coordinates of blocks; components that vanish in all blocks are left out."""
    count = len(to)
    number = (
        np.full(count, -1, dtype=np.intp) if bond is None else np.arange(bond, bond + count, dtype=np.intp)
    )
    row, column = place.offset(to), place.offset(source)
    if place.space.dimension == 1:
        value = np.broadcast_to(blocks, (count, 1, 1)).reshape(count)
        return Entries(row, column, value, number)
    a, b = np.nonzero((blocks != 0).any(axis=0))
    return Entries(
        (row[:, None] + a).reshape(-1),
        (column[:, None] + b).reshape(-1),
        np.broadcast_to(blocks, (count, *blocks.shape[1:]))[:, a, b].reshape(-1),
        np.repeat(number, len(a)),
    )


def _chosen(blocks: Complexes, rows: Rows) -> Complexes:
    """Blocks of some rows; a single block stands for all rows."""
    return blocks if len(blocks) == 1 else blocks[rows]


def _add(total: Complexes, place: Integers, blocks: Complexes, distinct: bool) -> None:
    if distinct:
        total[place] += blocks
    else:
        np.add.at(total, place, blocks)
