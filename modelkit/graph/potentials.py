"""Prescribed potentials on the sites, and a potential of sites as a diagonal of H."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod

import numpy as np
import sympy as sp

from modelkit.elements.indices import Range
from modelkit.elements.lattices import SiteFamily, SiteRef, Term
from modelkit.elements.potentials import Potential
from modelkit.elements.targets import ENDS
from modelkit.errors import ModelError
from modelkit.graph.attach import rows_at
from modelkit.graph.device import Device, Floats, Integers, SiteGroup
from modelkit.graph.domains import taken
from modelkit.graph.formulas import Values, evaluated, key_of, names_in
from modelkit.graph.sites import Sites
from modelkit.graph.terms import Families
from modelkit.numerics.evaluate import first_fault

DOUBLE = ("spin", "nambu")  # internal spaces of two components


def potential_places(
    potential: Potential, families: Families, values: Values, limit: int
) -> tuple[tuple[Sites, Integers], ...]:
    """The sites of a potential: rows of each family, no site twice.

    Raises
    ------
    ModelError
        A potential without sites, or one whose formula uses an index that some of them lack.
    """
    rows: dict[str, list[Integers]] = {}
    owners: dict[str, Sites] = {}
    for place in potential.places:
        for sites, here in rows_at(place, families, values, limit):
            name = f"{place.lattice}.{sites.family.name}"
            owners[name] = sites
            rows.setdefault(name, []).append(here)
    found = tuple((owners[name], np.unique(np.concatenate(parts))) for name, parts in rows.items())
    if not any(len(here) for _, here in found):
        hint = "loosen the 'where' behind 'on'"
        raise ModelError("this potential stands on no site at these values", potential.span, hint=hint)
    for sites, here in found:
        missing = [name for name in potential.indices if name not in sites.names]
        if missing and len(here):
            raise ModelError(
                f"the sites of '{sites.family.name}' have no index '{missing[0]}'",
                potential.formula_span,
                hint=f"name the sites that have it: potential on {sites.family.lattice}.SITE",
            )
    return found


def formula_key(potential: Potential, values: Values) -> tuple[object, ...]:
    """What the values of a potential hang on, besides its sites."""
    return key_of(names_in([potential.U]) - set(potential.indices), values)


def potential_values(
    potential: Potential, places: tuple[tuple[Sites, Integers], ...], values: Values
) -> tuple[Floats, ...]:
    """The potential on the sites of each of its families.

    Raises
    ------
    ModelError
        A value that is no finite real number; the site is named.
    """
    found = []
    for sites, rows in places:
        here = taken(sites.domain, rows)
        index = {name: here.index[name] for name in potential.indices if name in here.index}
        raw = evaluated(potential.U, values, index, potential.formula_span)
        fault = first_fault(raw, real=True) if len(rows) else None
        if fault is not None:
            label = sites.label(sites.first + int(rows[fault.index[0] if fault.index else 0]))
            message = f"the potential of '{label}' is {fault.reason}"
            raise ModelError(message, potential.formula_span, hint="exclude the site with 'where'")
        found.append(np.broadcast_to(np.real(raw).astype(np.float64), (len(rows),)))
    return tuple(found)


def potential_terms(potential: Potential, families: Iterable[SiteFamily]) -> Iterator[Term]:
    """A potential as on-site terms of its families, for the Hamiltonian in symbols.

    An end stands there as the condition that the index has its first or last value.
    """
    for place in potential.places:
        for family in families:
            indexed = place.end is None or len(family.indices) > ENDS[place.end]
            if family.lattice != place.lattice or place.family not in (None, family.name) or not indexed:
                continue
            symbols = tuple(index.symbol for index in family.indices)
            at, where = place.at, place.where
            if place.end is not None:
                index = family.indices[ENDS[place.end]]
                last = place.end in ("right", "top")
                bound = (
                    (index.over.stop if last else index.over.start) if isinstance(index.over, Range) else None
                )
                where = sp.And(where, sp.Eq(index.symbol, sp.Symbol(place.end) if bound is None else bound))
            if at is None:
                end, indices = SiteRef(family.lattice, family.name, symbols), family.indices
                where = sp.And(family.where, where)
            else:
                end, indices = SiteRef(family.lattice, family.name, at), ()
            value = potential.U if at is None else potential.U.xreplace(dict(zip(symbols, at, strict=True)))
            yield Term("onsite", (end,), indices, where, value, None, potential.span)


def potential_entries(device: Device) -> tuple[Integers, Floats]:
    """The prescribed potentials as diagonal entries of H: orbitals and values; none where all vanish."""
    if not device.potential.any():
        return np.zeros(0, dtype=np.intp), np.zeros(0)
    return np.arange(int(device.offset[-1]), dtype=np.intp), on_orbitals(device, device.potential)


def on_orbitals(device: Device, potential: Floats) -> Floats:
    """A potential of the sites, (n_sites,), as the diagonal of H, (n_orbitals,).

    The same on all components of a site; with nambu minus that on the holes (tau_z).
    """
    parts = [np.zeros(0)]
    for group in device.sites:
        here = potential[group.first : group.first + group.count]
        parts.append(np.outer(here, _charges(group)).reshape(-1))
    return np.concatenate(parts)


def _charges(group: SiteGroup) -> Floats:
    """+1 for each component of a particle, -1 for each of a hole."""
    if "nambu" not in group.spaces:
        return np.ones(group.orbitals)
    place = group.spaces.index("nambu")
    rest = group.orbitals // prod(2 for name in group.spaces if name in DOUBLE)
    sizes = [2 if name in DOUBLE else rest for name in group.spaces]
    before, after = prod(sizes[:place]), prod(sizes[place + 1 :])
    return np.tile(np.repeat([1.0, -1.0], after), before)
