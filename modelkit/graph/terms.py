"""Terms of the Hamiltonian on sites: which sites each relation joins, for all its indices at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from modelkit.elements.indices import Index, index_text, spelled
from modelkit.elements.lattices import SiteRef, Term
from modelkit.errors import ModelError, Span
from modelkit.graph.device import Integers
from modelkit.graph.domains import Bounds, Domain, filtered, taken
from modelkit.graph.formulas import Values, evaluated, key_of, names_in
from modelkit.graph.sites import Found, Sites, domain_names, located, relation_domain

Families = Mapping[tuple[str, str], Sites]


@dataclass(frozen=True, eq=False)
class Placed:
    """A term on the sites of a device; rows whose sites do not all exist are dropped.

    ``sites[k]`` are the site numbers of end k, shape (count,); ``index`` the values of the loop
    indices.  ``turns`` (count, n) counts how often rings were gone round between the ends, or is
    None; ``families`` are those of the ends.  ``key`` is what all this hangs on.
    """

    term: Term
    sites: tuple[Integers, ...]
    domain: Domain
    turns: Integers | None
    families: tuple[Sites, ...]
    key: object

    @property
    def count(self) -> int:
        return self.domain.count

    @cached_property
    def distinct(self) -> bool:
        """No two rows have the same first site."""
        site = self.sites[0]
        return bool((np.diff(site) > 0).all()) or len(np.unique(site)) == len(site)

    def label(self, end: int, row: int) -> str:
        """``c[3]`` of an end of a row."""
        return self.families[end].label(int(self.sites[end][row]))


def term_names(term: Term) -> frozenset[str]:
    """Names on which the sites of a term depend; its value is another matter."""
    subscripts = names_in(subscript for end in term.ends for subscript in end.at)
    return subscripts | domain_names(term.indices) | names_in([term.where])


def term_key(term: Term, families: Families, values: Values) -> tuple[object, ...]:
    """What the sites of a term hang on: values of names, and the families at its ends."""
    return (key_of(term_names(term), values), *(families[end.lattice, end.family].key for end in term.ends))


def placed(term: Term, families: Families, values: Values, limit: int, *, partial: bool = False) -> Placed:
    """The sites of a term; with ``partial`` the families hold some sites alone, and any may be missing.

    Raises
    ------
    ModelError
        Subscripts that are no integers, a fixed site that does not exist, too many combinations.
    """
    ends = tuple(families[end.lattice, end.family] for end in term.ends)
    bounds = Bounds(limit, f"this {term.kind}", term.span)
    whole, same = relation_domain(ends[0], term.ends[0].at, term.indices, values, bounds)
    found = filtered(whole, term.where, values, term.span)
    places = []
    for number, (ref, sites) in enumerate(zip(term.ends, ends, strict=True)):
        if number == 0 and same and found is whole:
            places.append(Found(np.arange(sites.first, sites.first + sites.count), None))
        else:
            places.append(located(sites, ref.at, found, values, ref.span or term.span))
        if not partial:
            refuse_missing(ref, sites, term.indices, found, places[-1], values, term.span)
    kept = np.logical_and.reduce([place.site >= 0 for place in places])
    turns = _turns(places)
    columns = tuple(place.site for place in places)
    if not kept.all():
        rows = np.flatnonzero(kept)
        found, columns = taken(found, rows), tuple(column[rows] for column in columns)
        turns = turns[rows] if turns is not None else None
    key = None if partial else term_key(term, families, values)
    return Placed(term, columns, found, turns, ends, key)


def _turns(places: list[Found]) -> Integers | None:
    """Turns of the second end minus those of the first, index by index."""
    if all(place.turns is None for place in places):
        return None
    width = max(place.turns.shape[1] for place in places if place.turns is not None)
    total = np.zeros((len(places[0].site), width), dtype=np.intp)
    for place, sign in zip(places, (-1, 1), strict=False):
        if place.turns is not None:
            total[:, : place.turns.shape[1]] += sign * place.turns
    return total


def refuse_missing(
    ref: SiteRef,
    sites: Sites,
    indices: Sequence[Index],
    found: Domain,
    place: Found,
    values: Values,
    span: Span | None,
) -> None:
    """A partner outside an open end is dropped, but a site fixed by the author must exist."""
    loop = {index.name for index in indices}
    fixed = [names_in([subscript]).isdisjoint(loop) for subscript in ref.at]
    if not found.count or not any(fixed) or (place.site >= 0).any():
        return
    words = [
        index_text(evaluated(subscript, values)[()].real) if constant else str(subscript)
        for subscript, constant in zip(ref.at, fixed, strict=True)
    ]
    label = f"{ref.family}[{','.join(words)}]"
    raise ModelError(f"there is no site '{label}'", ref.span or span, hint=existing(sites))


def existing(sites: Sites) -> str:
    """A hint that says where a family's indices run."""
    if not sites.count:
        return f"'{sites.family.name}' has no sites at these values"
    ends = [[function(sites.domain.index[name]) for name in sites.names] for function in (np.min, np.max)]
    if len(sites.names) == 1:
        first, last = (spelled(sites.family.name, end) for end in ends)
        return f"the sites run from '{first}' to '{last}'"
    parts = (f"{name} from {low} to {high}" for name, low, high in zip(sites.names, *ends, strict=True))
    return f"in '{sites.family.name}' the indices run over " + ", ".join(parts)
