"""The verb ``transmission``: what gets from terminal to terminal at each energy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import OpenSystem
from modelkit.elements.conditions import conditions
from modelkit.errors import ModelError, raise_all
from modelkit.graph.device import Device
from modelkit.registry import Verb, verbs
from modelkit.results.audit import demand, relative
from modelkit.solve.request import Prepared, Request, prepare

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

OPTIONS: Mapping[str, str] = {"method": "the method instead of the compiler's choice"}
POINTS = 401
LARGEST = 100_000_000  # numbers in one transmission array


@dataclass(frozen=True)
class Spectrum:
    """What ``transmission`` found; spectra are formed when they are asked for.

    ``energies`` (n_E,); ``transmission`` and ``effective_transmission`` (n_E, to, from); ``dos``
    (n_E, n_sites).  ``audits`` holds the sum rules once a transmission, a density of states was formed.
    """

    system: OpenSystem
    prepared: Prepared
    energies: Floats
    elastic: Flags
    method: str
    why: str
    counts: Mapping[str, int]
    attributes: Mapping[str, str]
    audits: dict[str, float] = field(default_factory=dict)

    @property
    def grids(self) -> Mapping[str, Floats]:
        """The running variables by dimension."""
        return {"energy": self.energies}

    @cached_property
    def transmission(self) -> Floats:
        """Bare: all terminals are kept, probes too; from electrons to electrons.

        Rows and columns have equal sums (unitarity); raises NotConverged where they have not.
        """
        return self._between(0)

    @cached_property
    def andreev_transmission(self) -> Floats:
        """From electrons to holes, zero for normal devices."""
        if not self.system.reservoirs.superconducting:
            return np.zeros_like(self.transmission)
        return self._between(1)

    def _between(self, kind: int) -> Floats:
        """From electrons to electrons (0) or holes (1) of the terminals; NaN for the condensate."""
        if not self.system.reservoirs.superconducting:
            return self._whole
        n = self.system.n_terminals // 2
        found = np.full((len(self.energies), n + 1, n + 1), np.nan)
        found[:, :n, :n] = self._whole[:, kind * n : (kind + 1) * n, :n]
        return found

    @cached_property
    def _whole(self) -> Floats:
        """Between all reservoirs, with its audit."""
        entries = len(self.energies) * self.system.n_terminals**2
        if entries > LARGEST:
            raise ModelError(
                f"the transmission between {self.system.n_terminals} terminals at {len(self.energies)} "
                f"energies has {entries:.1e} entries, more than {LARGEST:.0e}",
                hint="sweep E over fewer points, or ask transport for currents, which need no matrix",
            )
        found = np.concatenate([self.prepared.at(self.energies[r]).transmission() for r in self._ranges()])
        rows, columns = found.sum(axis=2), found.sum(axis=1)
        off = float(np.abs(rows - columns).max(initial=0.0))
        self.audits["sum_rule"] = relative(off, float(rows.max(initial=0.0)))
        demand({"sum_rule": self.audits["sum_rule"]})
        return found

    @cached_property
    def effective_transmission(self) -> Floats:
        """With elastic probes eliminated, NaN in their rows and columns.

        ``T_ab + sum_p T_ap f_p`` with the distributions of the probes where terminal b alone is filled;
        probes that nothing else reaches have no influence, as in ``transport``.
        """
        probes, kept = np.flatnonzero(self.elastic), np.flatnonzero(~self.elastic)
        bare = self.transmission
        found = np.full_like(bare, np.nan)
        found[:, kept[:, None], kept] = bare[:, kept[:, None], kept]
        if not len(probes):
            return found
        for range_ in self._ranges():
            conductance = self.prepared.at(self.energies[range_])
            zero = np.zeros((len(conductance.energies), self.system.n_terminals))
            for b in kept:
                filled = zero.copy()
                filled[:, b] = 1.0
                f = conductance.balance(filled, self.elastic, zero, zero, fill=True)[:, probes]
                found[range_, kept, b] += np.einsum("eap,ep->ea", bare[range_][:, kept[:, None], probes], f)
        return found

    @cached_property
    def dos(self) -> Floats:
        """Local density of states, of the electrons where there are holes."""
        sites = len(self.system.weight) // (2 if self.system.reservoirs.superconducting else 1)
        entries = len(self.energies) * len(self.system.weight)
        if entries > LARGEST:
            raise ModelError(
                f"the density of states of {len(self.system.weight)} sites at {len(self.energies)} energies "
                f"has {entries:.1e} entries, more than {LARGEST:.0e}",
                hint="sweep E over fewer points",
            )
        parts, off = [], [0.0]
        for range_ in self._ranges():
            conductance = self.prepared.at(self.energies[range_])
            parts.append(conductance.density_of_states()[:, :sites])
            off.append(float(conductance.local_sum_rule().max(initial=0.0)))
        self.audits["local_sum_rule"] = float(np.max(off))
        demand({"local_sum_rule": self.audits["local_sum_rule"]})
        return np.concatenate(parts)

    def _ranges(self) -> Iterator[slice]:
        return self.prepared.batches(len(self.energies))


def check(request: Request) -> Iterator[ModelError]:
    """Say what of a request ``transmission`` cannot treat."""
    yield from request.unknown_options(OPTIONS)


def solve(request: Request) -> Spectrum:
    """Factorise nothing yet: the grid of energies, the conductor, which terminals are elastic.

    Without a sweep of ``E`` the grid has 401 points, evenly over the interval that holds every level
    of the closed lattice (Gershgorin's circles), made at least as wide as the strongest self-energy.

    Raises
    ------
    ModelError
        The device or a self-energy cannot be compiled.
    """
    raise_all(check(request))
    prepared = prepare(request)
    prepared.begin()
    given = request.grids.get("E")
    grid = _grid(prepared.system) if given is None else given  # band edges of leads are not cheap
    energies = np.atleast_1d(np.asarray(grid, dtype=float))
    counts = {"newton_steps": 0, "linear_solves": 0, "energies": len(energies)}
    return Spectrum(
        prepared.system,
        prepared,
        energies,
        _elastic(request.device),
        prepared.method,
        prepared.why,
        counts,
        attributes={},
    )


def _elastic(device: Device) -> Flags:
    found = np.zeros(device.n_terminals, dtype=bool)
    for group in device.terminals:
        if any(conditions[condition.quantity].elastic for condition in group.conditions):
            found[group.first : group.first + group.count] = True
    return found


def _grid(system: OpenSystem) -> Floats:
    """See :func:`solve`."""
    hamiltonian = system.hamiltonian
    levels = hamiltonian.diagonal().real
    radii = np.asarray(abs(hamiltonian).sum(axis=1)).ravel() - np.abs(levels)
    low, high = float(np.min(levels - radii, initial=np.inf)), float(np.max(levels + radii, initial=-np.inf))
    edges = np.concatenate([np.zeros(0), *(lead.edges() for lead in system.contacts.leads)])
    low, high = float(np.min(edges, initial=low)), float(np.max(edges, initial=high))
    if low > high:
        low = high = 0.0
    middle, half = (low + high) / 2, (high - low) / 2
    sigma = system.contacts.sigma(np.array([middle]))
    strongest = max((float(np.abs(value).max(initial=0.0)) for value in sigma), default=0.0)
    half = max(half, 2 * strongest) or 1.0
    return np.linspace(middle - half, middle + half, POINTS)


verbs.add(
    "transmission",
    Verb(
        name="transmission",
        options=OPTIONS,
        grids=("E",),
        meaning="transmission between terminals and density of states against the energy",
        check=check,
        solve=solve,
    ),
)
