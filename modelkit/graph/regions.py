"""The sites of regions, and of whatever else stands on places of a lattice."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from modelkit.elements.targets import Attachment
from modelkit.graph.attach import rows_at
from modelkit.graph.device import Integers
from modelkit.graph.formulas import Values, key_of, names_in
from modelkit.graph.terms import Families


def places_key(places: Iterable[Attachment], families: Families, values: Values) -> tuple[object, ...]:
    """What the sites of some places hang on."""
    names: frozenset[str] = frozenset()
    touched: list[object] = []
    for place in places:
        names |= names_in([*(place.at or ()), place.where])
        touched += [
            sites.key
            for (lattice, family), sites in families.items()
            if lattice == place.lattice and place.family in {None, family}
        ]
    return (key_of(names, values), *touched)


def sites_at(places: Iterable[Attachment], families: Families, values: Values, limit: int) -> Integers:
    """The numbers of the sites at some places, each once, ascending."""
    parts = [
        rows + sites.first for place in places for sites, rows in rows_at(place, families, values, limit)
    ]
    return np.unique(np.concatenate([np.zeros(0, dtype=np.intp), *parts]))
