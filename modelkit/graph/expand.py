"""From the declared graph to the device: arrays for given values, made without a loop over sites.

Structure (index values, sites of relations, bonds, contacts) is remembered by the values of the
names in ranges, conditions and subscripts; the array of each formula by the values of its own
names.  ``Expansion.counts`` tells how often each kind was really made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import networkx as nx
import numpy as np

from modelkit.elements.lattices import Lattice, Term
from modelkit.elements.self_energies import continues
from modelkit.elements.terminals import DIMENSIONS, Terminal
from modelkit.elements.terms import PARTS
from modelkit.elements.terms import terms as kinds
from modelkit.errors import ModelError, raise_all
from modelkit.graph.assembly import Elements, Part, Place, elements, together
from modelkit.graph.attach import Attached, attached, attached_key
from modelkit.graph.bonds import joined_bonds
from modelkit.graph.coefficients import coefficients, value_names
from modelkit.graph.device import Bonds, Device, Lead, SiteGroup
from modelkit.graph.domains import LIMIT
from modelkit.graph.formulas import PROXY, Memory, Values, key_of, names_in, real_number
from modelkit.graph.internal import Internal, internal
from modelkit.graph.link import relations, things
from modelkit.graph.open_chains import OpenChains
from modelkit.graph.potentials import potential_terms
from modelkit.graph.sites import Sites, family_names, family_sites, positions
from modelkit.graph.surroundings import Surroundings
from modelkit.graph.terminals import argument_key, split_fields, terminal_group
from modelkit.graph.terms import Placed, placed, term_key, term_names
from modelkit.units import UnitSystem

TERMS = 4  # the terms of a lattice may have so many times more entries than it may have bonds


@dataclass(frozen=True, eq=False)
class _Laid:
    """A lattice on the device: its place, its site groups, and what its terms hang on."""

    place: Place
    groups: tuple[SiteGroup, ...]
    elements: Elements
    key: object


class Expansion:
    """Devices of one declared graph.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        As made by :func:`modelkit.graph.link.link`.
    limit : int
        Largest number of sites, of bonds, and of combinations of a relation's indices.
    """

    def __init__(self, graph: nx.MultiDiGraph, limit: int = LIMIT) -> None:
        self.graph = graph
        self.limit = limit
        self._units: UnitSystem = graph.graph["declarations"].units
        self._memory = Memory()
        self._lattices: dict[str, Lattice] = things(graph, "lattice")
        self._terminals: dict[str, Terminal] = things(graph, "terminal")
        terms: list[Term] = relations(graph, frozenset(name for name, kind in kinds.items() if kind.part))
        self._terms = {
            name: [term for term in terms if term.ends[0].lattice == name] for name in self._lattices
        }
        self._surroundings = Surroundings(graph, self._memory, limit)
        self._open_chains = OpenChains(graph, self._memory, limit)
        self._identity = tuple(self._lattices.values()), tuple(map(_identity, self._terminals.values()))

    @property
    def counts(self) -> Counter[str]:
        """How often ``sites``, ``terms``, ``bonds``, ``contacts``, ``formulas``, ... were made."""
        return self._memory.counts

    def device(
        self, values: Values, fields: Mapping[str, Any] | None = None, cells: int | None = None
    ) -> Device:
        """The device at these values.

        Parameters
        ----------
        values : mapping of str to number
            Parameters and lets in the units of the model, as from
            :func:`modelkit.graph.values.values_of`.
        fields : mapping of str to number, optional
            Terminal fields given from outside: ``{"L.T": 0.1, "S[2].mu": 1.0}``.
        cells : int, optional
            Rings of infinitely many cells come out with so many, to stand for them
            (``SiteGroup.infinite``); formulas see that there are infinitely many.

        Raises
        ------
        ModelError
            All that the values make wrong: too many sites, missing sites, values that are no
            numbers, an infinite ring, ...
        """
        self._open_chains.refuse_unfitting()
        declared, values = values, values if cells is None else {**values, PROXY: cells}
        families = self._families(values)
        laid: list[_Laid] = []
        orbital = bond = 0
        errors: list[ModelError] = []
        for name, lattice in self._lattices.items():
            try:
                laid.append(self._laid(name, lattice, families, values, orbital, bond))
                orbital += laid[-1].place.size * laid[-1].place.space.dimension
                bond += len(laid[-1].elements.bonds.source)
            except ModelError as error:
                errors.append(error)
        contacts = self._contacts(families, values, errors)
        raise_all(errors)
        reference = self._reference(values)
        groups, first = [], 0
        given = split_fields(fields or {}, contacts)
        for name, one in contacts.items():
            leads = self._leads(name, one, families, values)
            groups.append(terminal_group(one, first, values, reference, given[name], self._units, leads))
            first += one.domain.count
        keys = tuple(
            (attached_key(terminal, families, values), argument_key(terminal, values))
            for terminal in self._terminals.values()
        )
        fingerprint = (self._identity, tuple(part.key for part in laid), keys)
        whole = _device(declared, laid, tuple(groups), self._in_energy(reference), fingerprint, self._units)
        pairing = any(term.part == "pairs" for part in self._terms.values() for term in part)
        whole = replace(whole, pairing=pairing)
        whole = self._open_chains.around(whole, families, values)
        return self._surroundings.around(whole, families, values)

    def placed_terms(self, values: Values) -> list[Placed]:
        """The terms of H on their sites, prescribed potentials among them, for formulas to be looked at."""
        families = self._families(values)
        found = [term for terms in self._terms.values() for term in terms]
        for potential in things(self.graph, "potential").values():
            found += potential_terms(potential, things(self.graph, "site").values())
        return [placed(term, families, values, self.limit) for term in found]

    def _families(self, values: Values) -> dict[tuple[str, str], Sites]:
        found: dict[tuple[str, str], Sites] = {}
        first = 0
        errors: list[ModelError] = []
        for name, lattice in self._lattices.items():
            begin = first
            for family in lattice.sites:
                key = key_of(family_names(family), values)
                owner = (name, family.name)
                try:
                    made = self._memory.get(
                        "sites",
                        owner,
                        key,
                        lambda f=family: family_sites(f, values, self.limit),  # type: ignore[misc]
                    )
                except ModelError as error:
                    errors.append(error)
                    continue
                domain, rings, table, infinite = made
                found[owner] = Sites(family, first, domain, rings, table, (owner, first, key), infinite)
                first += made[0].count
            if first == begin and not errors:
                message = f"the lattice '{name}' has no sites at these values"
                hint = "its ranges are empty, or 'where' leaves all sites out"
                errors.append(ModelError(message, lattice.span, hint=hint))
        raise_all(errors)
        if first > self.limit:
            message = f"the device would have {first:.3g} sites; the limit is {self.limit:.3g}"
            raise ModelError(message, hint="make the device smaller")
        return found

    def _laid(
        self,
        name: str,
        lattice: Lattice,
        families: dict[tuple[str, str], Sites],
        values: Values,
        orbital: int,
        bond: int,
    ) -> _Laid:
        own = [sites for (owner, _), sites in families.items() if owner == name]
        space = internal(lattice.spaces)
        place = Place(own[0].first, sum(sites.count for sites in own), orbital, space)
        degeneracy = real_number(lattice.degeneracy, values, f"the degeneracy of '{name}'", lattice.span)
        if degeneracy <= 0:
            message = f"the degeneracy of '{name}' is {degeneracy:.6g}, not positive"
            raise ModelError(message, lattice.span, hint="write degeneracy = 2 for spin")
        parts: dict[str | None, list[tuple[Placed, Any, object]]] = {part: [] for part in PARTS}
        errors: list[ModelError] = []
        total = 0
        for number, term in enumerate(self._terms[name]):
            try:
                parts[term.part].append(self._term(name, number, term, families, values, place))
                total += parts[term.part][-1][0].count
            except ModelError as error:
                errors.append(error)
            if total > TERMS * self.limit:
                message = f"the terms of '{name}' have more than {TERMS * self.limit:.3g} entries"
                raise ModelError(message, term.span, hint="make the device smaller")
        raise_all(errors)
        key = tuple(entry[2] for entries in parts.values() for entry in entries)
        made = self._memory.get(
            "matrices",
            name,
            (key, place, bond),
            lambda: elements(place, {part: self._part(name, part, parts[part]) for part in PARTS}, bond),
        )
        groups = tuple(self._group(sites, space, degeneracy, values) for sites in own)
        return _Laid(place, groups, made, (key, tuple(sites.key for sites in own), degeneracy))

    def _term(
        self,
        name: str,
        number: int,
        term: Term,
        families: dict[tuple[str, str], Sites],
        values: Values,
        place: Place,
    ) -> tuple[Placed, Any, object]:
        """A term on its sites, its blocks, and what both hang on."""
        where = term_key(term, families, values)
        structure = self._memory.get(
            "terms", (name, number), where, lambda: placed(term, families, values, self.limit)
        )
        key = (where, key_of(value_names(term), values))
        blocks = self._memory.get(
            "formulas", (name, number), key, lambda: coefficients(structure, place.space, values)
        )
        return structure, blocks, key

    def _part(self, name: str, part: str, found: list[tuple[Placed, Any, object]]) -> Part:
        terms = tuple(entry[0] for entry in found)
        blocks = tuple(entry[1] for entry in found)
        if part == "onsite":
            return Part(terms, blocks)
        total = sum(term.count for term in terms)
        if total > self.limit:
            raise ModelError(
                f"'{name}' would have {total:.3g} bonds; the limit is {self.limit:.3g}",
                self._lattices[name].span,
                hint="make the device smaller",
            )
        size = 1 + max((int(site.max()) for term in terms for site in term.sites if term.count), default=0)
        key = tuple(term.key for term in terms)
        joined = self._memory.get("bonds", (name, part), key, lambda: joined_bonds(terms, size))
        return Part(terms, blocks, joined)

    def _group(self, sites: Sites, space: Internal, degeneracy: float, values: Values) -> SiteGroup:
        position = None
        if sites.family.position is not None:
            key = (sites.key, key_of(names_in(sites.family.position) - set(sites.names), values))
            owner = (sites.family.lattice, sites.family.name)
            position = self._memory.get("positions", owner, key, lambda: positions(sites, values))
        names = tuple(part.name for part in space.spaces)
        return SiteGroup(
            sites.family,
            sites.first,
            sites.count,
            sites.domain.index,
            position,
            space.dimension,
            degeneracy,
            names,
            space.after,
            sites.rings,
            sites.infinite,
        )

    def _contacts(
        self, families: dict[tuple[str, str], Sites], values: Values, errors: list[ModelError]
    ) -> dict[str, Attached]:
        found: dict[str, Attached] = {}
        for name, terminal in self._terminals.items():
            key = attached_key(terminal, families, values)
            try:
                found[name] = self._memory.get(
                    "contacts",
                    name,
                    key,
                    lambda t=terminal: attached(t, families, values, self.limit),  # type: ignore[misc]
                )
            except ModelError as error:
                errors.append(error)
        return found

    def _leads(
        self, name: str, contacts: Attached, families: dict[tuple[str, str], Sites], values: Values
    ) -> tuple[tuple[int, Lead], ...]:
        """What continues the lattice at the ends of a terminal, with the member it belongs to."""
        terminal = contacts.terminal
        if not continues(terminal.self_energy.kind):
            return ()
        from modelkit.graph.continuation import lead_of

        found = []
        for number, attachment in enumerate(terminal.attachments):
            lattice = self._lattices[attachment.lattice]
            names = frozenset[str]().union(*(term_names(term) | value_names(term) for term in lattice.terms))
            key = (attached_key(terminal, families, values), key_of(names, values))
            for member in range(contacts.domain.count):
                lead = self._memory.get(
                    "leads",
                    (name, number, member),
                    key,
                    lambda a=attachment, m=member, on=lattice: lead_of(  # type: ignore[misc]
                        a, contacts, m, on, families, values
                    ),
                )
                found.append((member, lead))
        return tuple(found)

    def _reference(self, values: Values) -> dict[str, float]:
        nodes = things(self.graph, "reference")
        return {
            name: real_number(getattr(element, name), values, f"the reference's {name}", element.span)
            for element in nodes.values()
            for name in DIMENSIONS
        }

    def _in_energy(self, reference: Mapping[str, float]) -> dict[str, float]:
        return {name: value / self._units.scale(DIMENSIONS[name]) for name, value in reference.items()}


def _device(
    values: Values,
    laid: list[_Laid],
    terminals: Any,
    reference: Mapping[str, float],
    fingerprint: Any,
    units: UnitSystem,
) -> Device:
    sizes = np.concatenate(
        [np.full(part.place.size, part.place.space.dimension, dtype=np.intp) for part in laid]
        or [np.zeros(0, int)]
    )
    offset = np.zeros(len(sizes) + 1, dtype=np.intp)
    np.cumsum(sizes, out=offset[1:])
    arrows = [part.elements.bonds for part in laid]
    ends = [[arrow.source for arrow in arrows], [arrow.target for arrow in arrows]]
    empty = [np.zeros(0, dtype=np.intp)]
    return Device(
        values=dict(values),
        sites=tuple(group for part in laid for group in part.groups),
        offset=offset,
        onsite=together([part.elements.onsite for part in laid]),
        hops=together([part.elements.hops for part in laid]),
        pairs=together([part.elements.pairs for part in laid]),
        bonds=Bonds(*(end[0] if len(end) == 1 else np.concatenate(end or empty) for end in ends)),
        terminals=terminals,
        reference=reference,
        fingerprint=fingerprint,
        units=units,
        potential=np.zeros(len(sizes)),
    )


def _identity(terminal: Terminal) -> tuple[object, ...]:
    call = terminal.self_energy
    return (
        terminal.name,
        terminal.indices,
        terminal.where,
        terminal.attachments,
        call.kind,
        tuple(sorted(call.arguments.items())),
        terminal.bands,
    )
