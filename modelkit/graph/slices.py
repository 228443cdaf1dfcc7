"""The last slices of a lattice's end, and what of its sites and terms lies beyond it.

A slice holds the sites of one value of the index along the normal.  A :class:`Slot` is a place in it: a
family and the values of its other indices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import sympy as sp

from modelkit.elements.indices import Index, Range, spelled
from modelkit.elements.lattices import Term
from modelkit.elements.targets import ENDS, Attachment
from modelkit.errors import ModelError
from modelkit.graph.attach import Attached, end_value
from modelkit.graph.device import Integers
from modelkit.graph.domains import Bounds, Domain, domain, filtered, taken
from modelkit.graph.formulas import Values, evaluated
from modelkit.graph.lookup import lookup
from modelkit.graph.sites import Sites
from modelkit.graph.terms import Families

Key = tuple[str, str]  # lattice and family


class Slot(NamedTuple):
    """A place in a cell: the slice (0 is the outermost of a cell 0), the family, its other indices."""

    slice: int
    family: Key
    others: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Slices:
    """The end of a lattice that one member of a terminal is attached to.

    ``at[k]`` maps a family and other indices to the site number, for the slice k steps inside the end;
    slices that the device has not are missing.  ``extent`` counts all slices of the lattice.
    """

    attachment: Attachment
    place: int  # of the index along the normal
    sign: int  # of the outward direction of that index
    end: int
    extent: int
    at: Mapping[int, Mapping[tuple[Key, tuple[int, ...]], int]]

    def slots(self, period: int) -> tuple[Slot, ...] | None:
        """The places of a cell of so many slices; None where the device's slices are not like that."""
        if all(set(one) == set(self.at[0]) for one in self.at.values()):
            return tuple(Slot(k, *label) for k in range(period) for label in self.at[0])
        if any(set(self.at.get(k, ())) != set(self.at.get(k + period, (None,))) for k in range(period)):
            return None
        return tuple(Slot(k, *label) for k in range(period) for label in self.at[k])

    def value(self, cell: int, slot: Slot, period: int) -> int:
        """The index along the normal of a slot of a cell; cell 0 holds the end."""
        return self.end + self.sign * (cell * period - slot.slice)

    def site(self, cell: int, slot: Slot, period: int) -> int:
        """Site number in the device, -1 where there is none (always beyond the end)."""
        here: Mapping[tuple[Key, tuple[int, ...]], int] = self.at.get(slot.slice - cell * period, {})
        return here.get((slot.family, slot.others), -1)

    def label(self, cell: int, slot: Slot, period: int) -> str:
        """``c[41,3]``, as the site would be called."""
        return spelled(slot.family[1], _whole_index(slot, self.place, self.value(cell, slot, period)))


def end_slices(
    attachment: Attachment, members: Attached, member: int, families: Families, values: Values, depth: int
) -> Slices:
    """The slices of one end, as far as the condition of the attachment holds at the end.

    Raises
    ------
    ModelError
        The index along the normal runs over listed values.
    """
    touched = {key: sites for key, sites in families.items() if key[0] == attachment.lattice}
    place = ENDS[attachment.end or "left"]
    sign = 1 if attachment.end in {"right", "top"} else -1
    running = {key: sites for key, sites in touched.items() if len(sites.names) > place and sites.count}
    for sites in running.values():
        _refuse_listed(attachment, sites, place)
    end = round(end_value(attachment, list(touched.values())))
    given = {**values, **{name: column[member] for name, column in members.domain.index.items()}}
    at: dict[int, dict[tuple[Key, tuple[int, ...]], int]] = {}
    extent = 1
    for key, sites in running.items():
        inside = sign * (end - sites.domain.index[sites.names[place]])
        extent = max(extent, int(inside.max()) + 1)
        rows = np.flatnonzero(inside < depth)
        row = "(row)"  # no name of the language
        there = taken(sites.domain, rows).index
        as_at_end = Domain(len(rows), {**there, row: rows, sites.names[place]: np.full(len(rows), end)})
        rows = filtered(as_at_end, attachment.where, given, attachment.span).index[row]
        others = [sites.domain.index[name][rows] for k, name in enumerate(sites.names) if k != place]
        for number, step, *rest in zip(rows + sites.first, inside[rows], *others, strict=True):
            at.setdefault(int(step), {})[key, tuple(map(int, rest))] = int(number)
    for k in range(min(extent, depth)):
        at.setdefault(k, {})
    return Slices(attachment, place, sign, end, extent, at)


def continued_sites(
    slices: Slices, slots: Sequence[Slot], cells: Sequence[int], period: int, families: Families
) -> tuple[dict[Key, Sites], Integers, Integers]:
    """The families with the sites of some cells alone, in the device or beyond; cell and slot of each.

    Cells of the device hold the slots that it has.
    """
    found: dict[Key, Sites] = {}
    cell_of: list[int] = []
    slot_of: list[int] = []
    reach = (max(cells) + 1) * period
    for key, sites in families.items():
        if key[0] != slices.attachment.lattice:
            continue
        chosen = [
            (cell, number)
            for cell in cells
            for number, slot in enumerate(slots)
            if slot.family == key and (cell > 0 or slices.site(cell, slot, period) >= 0)
        ]
        table = np.array(
            [
                _whole_index(slots[number], slices.place, slices.value(cell, slots[number], period))
                for cell, number in chosen
            ],
            dtype=np.intp,
        ).reshape(len(chosen), len(sites.names))
        columns = list(table.T)
        family = sites.family
        if len(family.indices) > slices.place:
            indices = list(family.indices)
            indices[slices.place] = _beyond(indices[slices.place], slices.sign, reach)
            family = replace(family, indices=tuple(indices))
        index = dict(zip(sites.names, columns, strict=True))
        whole = Domain(len(chosen), index)
        found[key] = Sites(family, len(cell_of), whole, sites.rings, lookup(columns, len(chosen)), None)
        cell_of += [cell for cell, _ in chosen]
        slot_of += [number for _, number in chosen]
    return found, np.array(cell_of, dtype=np.intp), np.array(slot_of, dtype=np.intp)


def continued_term(term: Term, slices: Slices, reach: int, families: Families, values: Values) -> Term:
    """The term with its indices along the normal running on by ``reach``, if they reach the end.

    An index over the whole range of its sites always runs on, one over a range of its own (``for x in
    5..10``) where one of the term's sites would lie on the end; listed values never do.
    """
    running = [index for index in term.indices if _along(index, term, slices.place)]
    whole = [index for index in running if _over_family(index, term, slices, families)]
    if len(whole) < len(running) and not _reaches(term, slices, values):
        running = whole
    changed = {
        index.symbol: _beyond(index, slices.sign, reach) for index in running if isinstance(index.over, Range)
    }
    return replace(term, indices=tuple(changed.get(index.symbol, index) for index in term.indices))


def _whole_index(slot: Slot, place: int, value: int) -> tuple[int, ...]:
    if not slot.others and place == 0:
        return (value,)
    return (*slot.others[:place], value, *slot.others[place:])


def _along(index: Index, term: Term, place: int) -> bool:
    return any(len(end.at) > place and index.symbol in end.at[place].free_symbols for end in term.ends)


def _over_family(index: Index, term: Term, slices: Slices, families: Families) -> bool:
    for end in term.ends:
        if len(end.at) > slices.place and end.at[slices.place] == index.symbol:
            family = families[end.lattice, end.family].family
            if family.indices[slices.place].over == index.over:
                return True
    return False


def _reaches(term: Term, slices: Slices, values: Values) -> bool:
    """Whether one of the term's sites would lie on the end, whether or not its partner exists."""
    found = filtered(
        domain(term.indices, values, Bounds(10**7, "a term", term.span)), term.where, values, term.span
    )
    for end in term.ends:
        if len(end.at) > slices.place and found.count:
            column = evaluated(end.at[slices.place], values, found.index, term.span)
            if (np.abs(column - slices.end) < 1e-9).any():
                return True
    return False


def _beyond(index: Index, sign: int, reach: int) -> Index:
    """The range ``reach`` steps longer at the side to which the index grows, or falls with sign -1."""
    over = index.over
    if not isinstance(over, Range):
        return index
    downward = over.step.is_negative is True
    more = over.step * reach
    if (sign > 0) != downward:
        return replace(index, over=Range(over.start, sp.Add(over.stop, more), over.step))
    return replace(index, over=Range(sp.Add(over.start, -more), over.stop, over.step))


def _refuse_listed(attachment: Attachment, sites: Sites, place: int) -> None:
    name = sites.names[place]
    if isinstance(sites.family.indices[place].over, Range):
        return
    raise ModelError(
        f"a lead cannot continue '{attachment.lattice}' beyond its {attachment.end} end: the index '{name}' "
        f"of '{sites.family.name}' runs over listed values",
        attachment.span,
        hint=f"write a range, such as {name} in 1..N",
    )
