"""What makes an open chain of a device: dissipators, fillings, interactions."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx

from modelkit.elements.dissipators import Dissipator
from modelkit.elements.fillings import Filling
from modelkit.elements.lattices import Lattice, Term
from modelkit.errors import ModelError, raise_all
from modelkit.graph.device import Device, DissipatorGroup, Products
from modelkit.graph.dissipators import (
    bath_group,
    coefficient_key,
    dissipator_group,
    members_key,
    members_of,
    products_of,
)
from modelkit.graph.formulas import Memory, Values, key_of, names_in, real_number, shown
from modelkit.graph.interactions import density_kinds, interaction_of, other_kinds, untreated
from modelkit.graph.link import relations, things
from modelkit.graph.terms import Families, placed, term_key
from modelkit.language.spaces import acts_on_holes


class OpenChains:
    """What a declared graph adds to a device whose environment is dissipators instead of terminals."""

    def __init__(self, graph: nx.MultiDiGraph, memory: Memory, limit: int) -> None:
        self.limit = limit
        self._memory = memory
        self._dissipators: dict[str, Dissipator] = things(graph, "dissipator")
        self._fillings: dict[str, Filling] = things(graph, "filling")
        self._lattices: dict[str, Lattice] = things(graph, "lattice")
        self._interactions: list[Term] = relations(graph, density_kinds())
        self._others: list[Term] = relations(graph, other_kinds())
        self._terminals = bool(things(graph, "terminal"))

    def refuse_unfitting(self) -> None:
        """Refuse relations that no method could treat.

        Raises
        ------
        ModelError
            Interactions beside terminals, or of particles that have holes; relations that say nothing of
            what they add to the Hamiltonian.
        """
        errors = [
            ModelError(f"'{term.kind}' is treated by no method", term.span, hint="leave it out")
            for term in self._others
        ]
        for term in self._interactions:
            if self._terminals:
                errors.append(untreated(term.kind, term.span))
            elif acts_on_holes(self._lattices[term.ends[0].lattice].spaces):
                message = f"'{term.kind}' multiplies numbers of particles, this lattice has nambu"
                errors.append(ModelError(message, term.span, hint="leave nambu out, and pairs with it"))
        raise_all(errors)

    def around(self, device: Device, families: Families, values: Values) -> Device:
        """The device with its dissipators, fillings and interactions.

        Raises
        ------
        ModelError
            All that these values make wrong.
        """
        if not (self._dissipators or self._fillings or self._interactions):
            return device
        groups: list[DissipatorGroup] = []
        filling: dict[str, float] = {}
        interaction: Products | None = None
        errors: list[ModelError] = []
        for dissipator in self._dissipators.values():
            try:
                groups.append(self._group(dissipator, device, families, values))
            except ModelError as error:
                errors.append(error)
        try:
            filling = {one.lattice: _filling(one, values) for one in self._fillings.values()}
            interaction = self._interaction(device, families, values)
        except ModelError as error:
            errors.append(error)
        raise_all(errors)
        key = (device.fingerprint, self._key(families, values), tuple(filling.items()))
        found = replace(device, dissipators=tuple(groups), filling=filling, fingerprint=key)
        return replace(found, interaction=interaction)

    def _group(
        self, dissipator: Dissipator, device: Device, families: Families, values: Values
    ) -> DissipatorGroup:
        if dissipator.bath is not None:
            return bath_group(dissipator, dissipator.bath, values)
        where = members_key(dissipator, families, values)
        members = self._memory.get(
            "members",
            dissipator.name,
            where,
            lambda: members_of(dissipator, families, values, self.limit),
        )
        orbitals = tuple((group.first, group.orbitals) for group in device.sites)
        products = self._memory.get(
            "products",
            dissipator.name,
            (where, coefficient_key(dissipator, values), orbitals),
            lambda: products_of(members, device.offset, values),
        )
        return dissipator_group(members, products, values)

    def _interaction(self, device: Device, families: Families, values: Values) -> Products | None:
        if not self._interactions:
            return None
        found = [
            self._memory.get(
                "terms",
                ("interaction", number),
                term_key(term, families, values),
                lambda t=term: placed(t, families, values, self.limit),  # type: ignore[misc]
            )
            for number, term in enumerate(self._interactions)
        ]
        return interaction_of(found, device, values)

    def _key(self, families: Families, values: Values) -> tuple[object, ...]:
        """What dissipators and interactions hang on."""
        baths = [one.bath for one in self._dissipators.values() if one.bath is not None]
        formulas = [one.rate for one in self._dissipators.values()]
        formulas += [term.value for term in self._interactions]
        formulas += [formula for bath in baths for formula in (bath.beta, bath.kernel) if formula is not None]
        keys = [
            (members_key(one, families, values), coefficient_key(one, values))
            for one in self._dissipators.values()
        ]
        places = [term_key(term, families, values) for term in self._interactions]
        return (key_of(names_in(formulas), values), *keys, *places)


def _filling(filling: Filling, values: Values) -> float:
    found = real_number(filling.value, values, f"the filling of '{filling.lattice}'", filling.span)
    if not 0 < found < 1:
        message = f"the filling of '{filling.lattice}' is {shown(found)}, it lies between 0 and 1"
        raise ModelError(message, filling.span, hint="it counts particles per mode: 1/2 is half filling")
    return found
