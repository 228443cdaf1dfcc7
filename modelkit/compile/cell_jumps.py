"""Families of jump operators as operators of one cell: members are moved onto each other and compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.normal_order import JumpFamily
from modelkit.compile.ring_places import HINT, RingPlaces
from modelkit.compile.unit_cell import CellJump, Complexes
from modelkit.errors import ModelError
from modelkit.graph.device import Device, DissipatorGroup, Floats, Integers
from modelkit.graph.labels import site_label

SAME = 1e-10  # relative: coefficients and rates that no two cells differ by

LOSS, GAIN, BILINEAR = range(3)


@dataclass(frozen=True, eq=False)
class _Terms:
    """Terms of all members counted from a cell of their own, sorted by member and term.

    ``term`` codes kind, displacements and orbitals; ``start``, ``count`` (members,) are where those of
    each member begin and how many they are; ``base`` (members,) the cell that they are counted from.
    """

    term: Integers
    value: Complexes
    start: Integers
    count: Integers
    base: Integers


def cell_jumps(
    family: JumpFamily, group: DissipatorGroup, places: RingPlaces, device: Device
) -> Iterator[CellJump]:
    """Operators of a cell, each with a member of the family in every cell; none where all rates are zero.

    Raises
    ------
    ModelError
        Members that differ from cell to cell; products of operators that are neither linear nor bilinear.
    """
    if not family.rate.any():
        return
    _refuse_higher(family)
    terms = _terms(family, group, places)
    waiting = np.flatnonzero(terms.count)
    while len(waiting):
        alike = _like_first(waiting, terms, family.rate)
        members = waiting[alike]
        often = np.bincount(terms.base[members], minlength=places.cells)
        if often.min() != often.max():
            raise _uneven(family, members, np.flatnonzero(terms.count), terms.base, places, device)
        if family.rate[members[0]] > 0:
            yield _jump(family, members, int(often[0]), terms, places)
        waiting = waiting[~alike]


def _terms(family: JumpFamily, group: DissipatorGroup, places: RingPlaces) -> _Terms:
    d, L = places.dimension, places.cells
    base = _bases(group, places)

    def code(member: Integers, orbital: Integers) -> Integers:
        x = places.centred(places.cell[orbital] - base[member])
        return np.asarray((x + L) * d + places.orbital[orbital])

    found = []
    for kind, matrix in ((LOSS, family.loss), (GAIN, family.gain)):
        part = matrix.tocoo()
        member, orbital = (np.asarray(one, dtype=np.intp) for one in part.coords)
        found.append((member, code(member, orbital) * 3 + kind, part.data))
    member, pair = family.bilinear.member, family.bilinear.orbital
    both = code(member, pair[:, 0]) * (2 * L * d + d) + code(member, pair[:, 1])
    found.append((member, both * 3 + BILINEAR, family.bilinear.value))
    members, term, value = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((term, members))
    count = np.bincount(members, minlength=family.count)
    return _Terms(term[order], value[order], np.cumsum(count) - count, count, base)


def _bases(group: DissipatorGroup, places: RingPlaces) -> Integers:
    """The cell of the operator that is written first, which moves with each member."""
    base = np.zeros(len(group.rate), dtype=np.intp)
    for part in reversed(group.products):
        if part.dagger:
            base[part.member[::-1]] = places.cell[part.orbital[::-1, 0]]
    return base


def _like_first(members: Integers, terms: _Terms, rate: Floats) -> NDArray[np.bool_]:
    """Which members have the terms and the rate of the first one."""
    first = members[0]
    own = slice(terms.start[first], terms.start[first] + terms.count[first])
    alike = terms.count[members] == terms.count[first]
    rows = terms.start[members[alike]][:, None] + np.arange(terms.count[first])
    value = terms.value[own]
    same = (terms.term[rows] == terms.term[own]).all(axis=1)
    same &= (np.abs(terms.value[rows] - value) <= SAME * np.abs(value).max()).all(axis=1)
    same &= np.abs(rate[members[alike]] - rate[first]) <= SAME * rate[first]
    alike[np.flatnonzero(alike)] = same
    return np.asarray(alike)


def _jump(family: JumpFamily, members: Integers, often: int, terms: _Terms, places: RingPlaces) -> CellJump:
    first, d, L = members[0], places.dimension, places.cells
    own = slice(terms.start[first], terms.start[first] + terms.count[first])
    bilinear: dict[tuple[int, int], Complexes] = {}
    single: tuple[dict[int, Complexes], dict[int, Complexes]] = ({}, {})
    for term, value in zip(terms.term[own].tolist(), terms.value[own].tolist(), strict=True):
        code, kind = divmod(term, 3)
        if kind == BILINEAR:
            (x, a), (y, b) = (divmod(one, d) for one in divmod(code, 2 * L * d + d))
            bilinear.setdefault((x - L, y - L), np.zeros((d, d), dtype=complex))[a, b] = value
        else:
            x, a = divmod(code, d)
            single[kind].setdefault(x - L, np.zeros(d, dtype=complex))[a] = value
    rate = often * float(family.rate[first])
    return CellJump(family.name, rate, bilinear, single[LOSS], single[GAIN], family.span)


def _refuse_higher(family: JumpFamily) -> None:
    if not family.higher:
        return
    part = family.higher[0]
    label, degree = family.labels[int(part.member[0])], len(part.dagger)
    what = "pairs of operators that make or take two particles"
    if degree > 2:
        what = f"products of {degree} operators"
    raise ModelError(
        f"the jump operator '{label}' has {what}: there are no rates between modes for it",
        family.span,
        hint="method = exact takes products of any number of operators",
    )


def _uneven(
    family: JumpFamily,
    members: Integers,
    all_members: Integers,
    base: Integers,
    places: RingPlaces,
    device: Device,
) -> ModelError:
    """Members of the same operator are not in all cells equally often."""
    often = np.bincount(base[members], minlength=places.cells)
    cell = int(np.argmin(often))
    one = family.labels[int(members[0])]
    others = np.setdiff1d(all_members, members)
    here = others[base[others] == cell]
    if len(here):
        message = f"the jump operators '{one}' and '{family.labels[int(here[0])]}' or their rates differ"
    else:
        orbital = int(np.flatnonzero(places.cell == cell)[0])
        site = site_label(device, int(np.searchsorted(device.offset, orbital, side="right")) - 1)
        message = f"there is no jump operator at '{site}' like '{one}'"
    return ModelError(f"{message}: the chain is not the same in all cells", family.span, hint=HINT)
