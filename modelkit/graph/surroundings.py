"""Regions, prescribed potentials and screening of a device: what stands on sites that are there already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import networkx as nx
import numpy as np

from modelkit.elements.gates import Gate
from modelkit.elements.potentials import Potential
from modelkit.elements.regions import Region
from modelkit.elements.screening import Screening
from modelkit.errors import ModelError, raise_all
from modelkit.graph.device import Device, Floats, Integers, RegionSites, ScreeningGroup
from modelkit.graph.formulas import Memory, Values, real_number
from modelkit.graph.link import things
from modelkit.graph.potentials import formula_key, potential_places, potential_values
from modelkit.graph.regions import places_key, sites_at
from modelkit.graph.screening import Ground, couplings_of, law_key, membership_of, refuse_shared
from modelkit.graph.terms import Families


class Surroundings:
    """What a declared graph adds to a device besides its lattices and terminals."""

    def __init__(self, graph: nx.MultiDiGraph, memory: Memory, limit: int) -> None:
        self.limit = limit
        self._memory = memory
        self._regions: dict[str, Region] = things(graph, "region")
        self._potentials: dict[str, Potential] = things(graph, "potential")
        self._screenings: dict[str, Screening] = things(graph, "screening")
        self._gates: dict[str, Gate] = things(graph, "gate")
        self._used = self._used_regions()

    def around(self, device: Device, families: Families, values: Values) -> Device:
        """The device with its regions, potentials and screening.

        Raises
        ------
        ModelError
            All that these values make wrong.
        """
        if not (self._regions or self._potentials or self._screenings or self._gates):
            return device
        errors: list[ModelError] = []
        regions = self._sites(families, values, errors)
        potential, key = self._potential(device, families, values, errors)
        gates = self._energies(values, errors)
        raise_all(errors)
        screening = self._screening(device, families, values, Ground(device, regions, gates))
        fingerprint = (device.fingerprint, key) if self._potentials else device.fingerprint
        found = replace(device, potential=potential, regions=regions, fingerprint=fingerprint)
        return replace(found, screening=screening)

    def _sites(self, families: Families, values: Values, errors: list[ModelError]) -> tuple[RegionSites, ...]:
        found = []
        for name, region in self._regions.items():
            with _caught(errors):
                key = places_key(region.places, families, values)
                site = self._memory.get(
                    "regions",
                    name,
                    key,
                    lambda r=region: sites_at(r.places, families, values, self.limit),  # type: ignore[misc]
                )
                if len(site):
                    found.append(RegionSites(name, site))
                elif name in self._used:
                    message = f"the region '{name}' has no sites at these values"
                    raise ModelError(
                        message, region.span, hint="loosen its 'where', or make the device larger"
                    )
        return tuple(found)

    def _used_regions(self) -> set[str]:
        """Regions that a screening names: they must have sites.  What stands on places looks for itself."""
        found: set[str] = set()
        for screening in self._screenings.values():
            found.update(screening.unknowns)
            found.update(end.name for line in screening.capacitances for end in line.ends)
        return found

    def _potential(
        self, device: Device, families: Families, values: Values, errors: list[ModelError]
    ) -> tuple[Floats, tuple[object, ...]]:
        total = np.zeros(device.size)
        keys: list[object] = []
        for name, potential in self._potentials.items():
            with _caught(errors):
                where = places_key(potential.places, families, values)
                places = self._memory.get(
                    "places",
                    name,
                    where,
                    lambda p=potential: potential_places(p, families, values, self.limit),  # type: ignore[misc]
                )
                key = (where, formula_key(potential, values))
                parts = self._memory.get(
                    "potentials",
                    name,
                    key,
                    lambda p=potential, at=places: potential_values(p, at, values),  # type: ignore[misc]
                )
                keys.append(key)
                for (sites, rows), part in zip(places, parts, strict=True):
                    total[rows + sites.first] += part
        return total, tuple(keys)

    def _energies(self, values: Values, errors: list[ModelError]) -> dict[str, float]:
        found = {}
        for name, gate in self._gates.items():
            with _caught(errors):
                found[name] = real_number(gate.U, values, f"the potential of the gate '{name}'", gate.span)
        return found

    def _screening(
        self, device: Device, families: Families, values: Values, ground: Ground
    ) -> tuple[ScreeningGroup, ...]:
        found: list[ScreeningGroup] = []
        errors: list[ModelError] = []
        first = 0
        for screening in self._screenings.values():
            with _caught(errors):
                member, key = self._membership(screening, families, values, ground)
                refuse_shared(screening, member, found, device)
                key = (key, device.fingerprint, tuple(ground.gates.items()), law_key(screening, values))
                matrix, couplings, electrodes = self._memory.get(
                    "screenings",
                    screening.name,
                    key,
                    lambda s=screening, m=member: couplings_of(s, m, ground, values),  # type: ignore[misc]
                )
                names, count = screening.unknowns, matrix.shape[0]
                group = ScreeningGroup(screening, first, count, names, member, matrix, couplings, electrodes)
                found.append(group)
                first += count
        raise_all(errors)
        return tuple(found)

    def _membership(
        self, screening: Screening, families: Families, values: Values, ground: Ground
    ) -> tuple[Integers, tuple[object, ...]]:
        """The unknown of each site, and what that hangs on."""
        regions = [self._regions[name].places for name in screening.unknowns if name in self._regions]
        key = tuple(places_key(places, families, values) for places in (screening.places, *regions))

        def made() -> Integers:
            return membership_of(screening, sites_at(screening.places, families, values, self.limit), ground)

        return self._memory.get("memberships", screening.name, (key, ground.device.size), made), key


@contextmanager
def _caught(errors: list[ModelError]) -> Iterator[None]:
    """Record an error instead of raising it."""
    try:
        yield
    except ModelError as error:
        errors.append(error)
