"""The verb ``transmission``: what gets from terminal to terminal at each energy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import OpenSystem
from modelkit.elements.conditions import conditions
from modelkit.errors import ModelError, raise_all
from modelkit.graph.device import Device
from modelkit.registry import Verb, verbs
from modelkit.results.audit import relative
from modelkit.solve import transport
from modelkit.solve.energies.elastic import completed
from modelkit.solve.energies.filling import occupied
from modelkit.solve.found.steady_transport import SteadyTransport
from modelkit.solve.junction.screening import gates_at_work
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
    (n_E, n_sites); ``injectivity`` (n_E, n_sites, n_terminals); ``spectral_current`` (n_E, n_terminals).
    Nothing is solved for but what the last needs: all audits belong to outputs.
    """

    request: Request
    system: OpenSystem
    prepared: Prepared
    energies: Floats
    elastic: Flags
    method: str
    why: str
    counts: Mapping[str, int]
    attributes: Mapping[str, str]

    @property
    def audits(self) -> Mapping[str, float]:
        """None."""
        return {}

    @property
    def grids(self) -> Mapping[str, Floats]:
        """The running variables by dimension."""
        return {"energy": self.energies}

    @cached_property
    def transmission(self) -> Floats:
        """Bare: all terminals are kept, probes too; from electrons to electrons."""
        return self._between(0)

    @cached_property
    def transmission_audits(self) -> Mapping[str, float]:
        """Rows and columns have equal sums (unitarity)."""
        there = self.system.reservoirs.carries > 0
        whole = self._whole[:, there][:, :, there]
        rows, columns = whole.sum(axis=2), whole.sum(axis=1)
        off = float(np.abs(rows - columns).max(initial=0.0))
        return {"sum_rule": relative(off, float(rows.max(initial=0.0)))}

    @cached_property
    def andreev_transmission(self) -> Floats:
        """From electrons to holes, zero for normal devices."""
        if not self.system.reservoirs.superconducting:
            return np.zeros_like(self.transmission)
        return self._between(1)

    def _between(self, kind: int) -> Floats:
        """From electrons to electrons (0) or holes (1) of the terminals; NaN for the condensate.

        The quasi-particles of superconducting leads stand with the electrons.
        """
        if not self.system.reservoirs.superconducting:
            return self._whole
        n, carries = self.system.n_terminals // 2, self.system.reservoirs.carries
        found = np.full((len(self.energies), n + 1, n + 1), np.nan)
        to = slice(kind * n, (kind + 1) * n)
        found[:, :n, :n] = self._whole[:, to, :n] * carries[to, None]
        return found

    @cached_property
    def _whole(self) -> Floats:
        """Between all reservoirs."""
        entries = len(self.energies) * self.system.n_terminals**2
        if entries > LARGEST:
            raise ModelError(
                f"the transmission between {self.system.n_terminals} terminals at {len(self.energies)} "
                f"energies has {entries:.1e} entries, more than {LARGEST:.0e}",
                hint="sweep E over fewer points, or ask transport for currents, which need no matrix",
            )
        return np.concatenate([self.prepared.at(self.energies[r]).transmission() for r in self._ranges()])

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
            for b in kept:
                filled = np.zeros((len(conductance.energies), self.system.n_terminals))
                filled[:, b] = 1.0
                f = completed(conductance, filled, self.elastic)[:, probes]
                found[range_, kept, b] += np.einsum("eap,ep->ea", bare[range_][:, kept[:, None], probes], f)
        return found

    @cached_property
    def dos(self) -> Floats:
        """Local density of states, of the electrons where there are holes."""
        sites = len(self.system.weight) // (2 if self.system.reservoirs.superconducting else 1)
        self._refuse_large("the density of states", 1)
        return np.concatenate(
            [self.prepared.at(self.energies[r]).density_of_states()[:, :sites] for r in self._ranges()]
        )

    @cached_property
    def injectivity(self) -> Floats:
        """The part of the density of states that each terminal fills."""
        count = self.system.n_terminals
        self._refuse_large(f"the injectivity of {count} terminals", count)
        found = np.empty((len(self.energies), len(self.system.weight), count))
        for range_ in self._ranges():
            conductance = self.prepared.at(self.energies[range_])
            for terminal, filled in enumerate(np.eye(count)):
                f = np.broadcast_to(filled, (len(conductance.energies), count))
                found[range_, :, terminal] = conductance.density(f)
        return found

    @cached_property
    def local_audits(self) -> Mapping[str, float]:
        """The states that terminals fill are those of the Green function."""
        off = [self.prepared.at(self.energies[r]).local_sum_rule().max(initial=0.0) for r in self._ranges()]
        return {"local_sum_rule": float(np.max(off, initial=0.0))}

    @property
    def spectral_current(self) -> Floats:
        """Of each terminal in the steady state of full transport, the condensate last."""
        current = self._spectral
        if not self.system.reservoirs.superconducting:
            return current
        return np.append(current, 0.0 - current.sum(axis=1, keepdims=True), axis=1)

    @property
    def spectral_audits(self) -> Mapping[str, float]:
        """Those of the steady state."""
        return self._steady.audits

    @cached_property
    def _steady(self) -> SteadyTransport:
        """What flows: levels and distributions of full transport."""
        options = {name: value for name, value in self.request.options.items() if name == "method"}
        found = transport.solve(replace(self.request, options=options, grids={}))
        assert isinstance(found, SteadyTransport)  # without an order
        return found

    @cached_property
    def _spectral(self) -> Floats:
        """Currents of the declared terminals, (n_E, n_terminals)."""
        point = self._steady.point
        reservoirs, prepared = point.system.reservoirs, point.grid.prepared
        elastic = self.elastic[reservoirs.terminal]
        centre = point.problem.mu, point.problem.T
        mu, T = map(reservoirs.of_terminals, point.distributions, centre)
        found = []
        for range_ in prepared.batches(len(self.energies)):
            conductance = prepared.at(self.energies[range_])
            f = occupied(conductance.energies[:, None] - reservoirs.sign * mu, T)
            current = conductance.current(completed(conductance, f, elastic))
            found.append(point.by_terminal(reservoirs.sign * current))
        return np.concatenate(found)

    def _refuse_large(self, what: str, arrays: int) -> None:
        entries = len(self.energies) * len(self.system.weight) * arrays
        if entries > LARGEST:
            raise ModelError(
                f"{what} of {len(self.system.weight)} sites at {len(self.energies)} energies has "
                f"{entries:.1e} entries, more than {LARGEST:.0e}",
                hint="sweep E over fewer points",
            )

    def _ranges(self) -> Iterator[slice]:
        """Energies that are treated at once, of the device at the reference."""
        raise_all(gates_at_work(self.request.device, "transmission is taken at the reference"))
        return self.prepared.batches(len(self.energies))


def check(request: Request) -> Iterator[ModelError]:
    """Say what of a request ``transmission`` cannot treat."""
    yield from request.unknown_options(OPTIONS)
    yield from request.open_chain("transmission")


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
        request,
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
