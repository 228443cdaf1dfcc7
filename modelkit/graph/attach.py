"""Terminals on the sites of a device: members of families, and the sites that each of them touches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelkit.elements.terminals import Attachment, Terminal
from modelkit.errors import ModelError
from modelkit.graph.device import Integers
from modelkit.graph.domains import ONE, Bounds, Domain, domain, filtered, taken
from modelkit.graph.formulas import Values, key_of, names_in
from modelkit.graph.lookup import lookup
from modelkit.graph.sites import Sites, domain_names, located
from modelkit.graph.terms import Families, existing
from modelkit.registry import suggestion

_ENDS = {"left": (0, np.min), "right": (0, np.max), "bottom": (1, np.min), "top": (1, np.max)}


@dataclass(frozen=True, eq=False)
class Attached:
    """Members of a terminal and their contacts: member ``member[k]`` touches ``site[k]``.

    Sorted by member; a member touches a site once, also when several of its targets hold it.
    """

    terminal: Terminal
    domain: Domain
    site: Integers
    member: Integers

    def label(self, member: int) -> str:
        """``L``, ``S[2]``."""
        return self.terminal.label(self.domain.index, member)


def attached_key(terminal: Terminal, families: Families, values: Values) -> tuple[object, ...]:
    """What the contacts of a terminal hang on."""
    names = domain_names(terminal.indices) | names_in([terminal.where])
    touched = []
    for attachment in terminal.attachments:
        names |= names_in([*(attachment.at or ()), attachment.where])
        touched += [sites.key for sites in _touched(attachment, families)]
    return (key_of(names, values), *touched)


def attached(terminal: Terminal, families: Families, values: Values, limit: int) -> Attached:
    """Members and contacts of a declared terminal.

    Raises
    ------
    ModelError
        A site that does not exist, a member that touches no site, the end of a ring, a member
        declared twice, too many members.
    """
    bounds = Bounds(limit, f"the {terminal.noun} '{terminal.name}'", terminal.span)
    members = filtered(domain(terminal.indices, values, bounds), terminal.where, values, terminal.span)
    empty = Attached(terminal, members, *(np.zeros(0, dtype=np.intp),) * 2)
    columns = [members.index[index.name] for index in terminal.indices]
    twice = lookup(columns, members.count).repeated
    if twice is not None:
        raise ModelError(
            f"'{empty.label(twice)}' is declared twice", terminal.span, hint="list each index once"
        )
    parts = [
        part
        for attachment in terminal.attachments
        for part in _contacts(attachment, empty, families, values, bounds)
    ]
    member = np.concatenate([part[0] for part in parts]) if parts else empty.member
    site = np.concatenate([part[1] for part in parts]) if parts else empty.site
    order = np.lexsort((site, member))
    member, site = member[order], site[order]
    fresh = np.ones(len(site), dtype=bool)
    fresh[1:] = (np.diff(member) != 0) | (np.diff(site) != 0)
    found = Attached(terminal, members, site[fresh], member[fresh])
    alone = np.flatnonzero(np.bincount(found.member, minlength=members.count) == 0)
    if len(alone):
        raise ModelError(
            f"'{found.label(int(alone[0]))}' is attached to no site",
            terminal.attachments[0].span if terminal.attachments else terminal.span,
            hint="loosen the 'where' behind 'on', or leave this member out with the 'where' before it",
        )
    return found


def _contacts(
    attachment: Attachment, members: Attached, families: Families, values: Values, bounds: Bounds
) -> list[tuple[Integers, Integers]]:
    """(member, site) arrays of one target, for each family that it touches."""
    touched = _touched(attachment, families)
    if attachment.at is not None:
        return [_at_sites(attachment, members, touched[0], values)]
    extreme = end_value(attachment, touched) if attachment.end is not None else None
    parts = []
    for sites in touched:
        rows = np.arange(sites.count, dtype=np.intp)
        if attachment.end is not None:
            column = _end_column(attachment.end, sites)
            if column is None:
                continue
            rows = np.flatnonzero(column == extreme)
        parts.append(_on_all(attachment, members, sites, rows, values, bounds))
    return parts


def _touched(attachment: Attachment, families: Families) -> list[Sites]:
    return [
        sites
        for (lattice, family), sites in families.items()
        if lattice == attachment.lattice and attachment.family in {None, family}
    ]


def _at_sites(
    attachment: Attachment, members: Attached, sites: Sites, values: Values
) -> tuple[Integers, Integers]:
    """One site for each member, by its subscripts; the condition is one on the terminal's indices."""
    assert attachment.at is not None
    member = _kept(attachment, members.domain, values)
    found = located(sites, attachment.at, taken(members.domain, member), values, attachment.span).site
    missing = np.flatnonzero(found < 0)
    if len(missing):
        at = ", ".join(map(str, attachment.at))
        who = members.label(int(member[missing[0]]))
        raise ModelError(
            f"'{who}' is attached to '{attachment.family}[{at}]', which does not exist there",
            attachment.span or members.terminal.span,
            hint=existing(sites),
        )
    return member, found


def _on_all(
    attachment: Attachment, members: Attached, sites: Sites, rows: Integers, values: Values, bounds: Bounds
) -> tuple[Integers, Integers]:
    """All the given sites of a family for each member, cut down by ``where``."""
    count = members.domain.count
    if count * len(rows) > bounds.limit:
        raise ModelError(
            f"{bounds.what} would touch {count * len(rows):.3g} sites; the limit is {bounds.limit:.3g}",
            bounds.span,
            hint="attach it to fewer sites: choose them with 'where' behind 'on'",
        )
    member = np.repeat(np.arange(count, dtype=np.intp), len(rows))
    site = np.tile(rows, count)
    whole = Domain(len(member), {**taken(members.domain, member).index, **taken(sites.domain, site).index})
    unknown = names_in([attachment.where]) - set(whole.index) - set(values)
    if unknown:
        name = min(unknown)
        message = f"the sites of '{sites.family.name}' have no index '{name}'"
        raise ModelError(message, attachment.span, hint=suggestion(name, whole.index, "indices"))
    kept = _kept(attachment, whole, values)
    return member[kept], site[kept] + sites.first


def _kept(attachment: Attachment, whole: Domain, values: Values) -> Integers:
    """Rows for which the condition holds."""
    row = "(row)"  # no name of the language
    numbered = Domain(whole.count, {**whole.index, row: np.arange(whole.count, dtype=np.intp)})
    return filtered(numbered, attachment.where, values, attachment.span).index[row]


def end_value(attachment: Attachment, touched: list[Sites]) -> float:
    """The value of the index at which the end of a lattice lies that is attached to.

    Raises
    ------
    ModelError
        No site has such an index; a ring.
    """
    assert attachment.end is not None
    _, choose = _ENDS[attachment.end]
    columns = [_end_column(attachment.end, sites) for sites in touched]
    found = [choose(column) for column in columns if column is not None and len(column)]
    whole = attachment.lattice
    if not found:
        message = f"'{whole}' has no index that has a '{attachment.end}' end"
        raise ModelError(message, attachment.span, hint=f"name a site of '{whole}'")
    place = _ENDS[attachment.end][0]
    if any(len(sites.rings) > place and sites.rings[place] for sites in touched):
        raise ModelError(
            f"a ring has no '{attachment.end}' end", attachment.span, hint=f"name a site of '{whole}'"
        )
    return float(choose(found))


def _end_column(end: str, sites: Sites) -> Integers | None:
    place = _ENDS[end][0]
    return sites.domain.index[sites.names[place]] if len(sites.names) > place else None


def rows_at(
    place: Attachment, families: Families, values: Values, limit: int
) -> list[tuple[Sites, Integers]]:
    """The sites of each family at a place without members (a region): their rows in the family.

    Of a whole lattice, the families that lack an index of the condition have no sites there.

    Raises
    ------
    ModelError
        A site that does not exist, the end of a ring.
    """
    touched = _touched(place, families)
    if place.at is not None:
        found = located(touched[0], place.at, ONE, values, place.span).site
        if found[0] < 0:
            label = f"{place.family}[{', '.join(map(str, place.at))}]"
            raise ModelError(f"there is no site '{label}'", place.span, hint=existing(touched[0]))
        count = filtered(ONE, place.where, values, place.span).count
        return [(touched[0], found[:count] - touched[0].first)]
    extreme = end_value(place, touched) if place.end is not None else None
    parts = []
    known = {name for sites in touched for name in sites.names}
    for sites in touched:
        rows = np.arange(sites.count, dtype=np.intp)
        column = _end_column(place.end, sites) if place.end is not None else None
        if place.end is not None:
            rows = np.flatnonzero(column == extreme) if column is not None else rows[:0]
        if (names_in([place.where]) & known) - set(sites.names):
            continue
        kept = _kept(place, taken(sites.domain, rows), values)
        parts.append((sites, rows[kept]))
    return parts
