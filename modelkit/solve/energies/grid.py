"""Panels of energies on a conductor, and what flows for weights that are given at their nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.open_system import Levels
from modelkit.numerics.quadrature import Panels, errors
from modelkit.numerics.series import Series, coefficient, mapped, places, product, zeros
from modelkit.solve.conductor import Conductance, ResponsiveConductance, net_current
from modelkit.solve.energies.elastic import completed, refilled
from modelkit.solve.memory import refuse_large
from modelkit.solve.request import Prepared

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

Measure = Callable[[Conductance, Floats], Floats]


@dataclass
class Grid:
    """A conductor with the panels on which its transmissions are interpolated.

    ``elastic`` (n_reservoirs,) are eliminated at each energy; ``blind`` says what the error estimate
    cannot see, or nothing.
    """

    prepared: Prepared
    panels: Panels
    elastic: Flags
    blind: str = ""
    error: float = field(default=np.inf)

    @property
    def energies(self) -> Floats:
        """(n_E,), those of split panels too."""
        return self.panels.nodes.ravel()

    @property
    def used(self) -> int:
        """Energies of panels that are not split."""
        return self.panels.count * int(np.count_nonzero(~self.panels.split))

    def parts(self, *weights: Floats) -> Iterator[tuple[Conductance, list[Floats], slice]]:
        """Conductance, weights with the elastic reservoirs completed, and range of energies, in batches.

        Ranges in which nothing is filled, as counted from the origin, are left out.
        """
        energies = self.energies
        for range_ in self.prepared.batches(len(energies), self.panels.batch_starts):
            here = [each[range_] for each in weights]
            if not any(np.any(each) for each in here):
                continue
            conductance = self.prepared.at(energies[range_])
            yield conductance, [completed(conductance, each, self.elastic) for each in here], range_

    def spectral(self, weights: Floats) -> Floats:
        """Weighted currents at the nodes, (n_E, n_reservoirs)."""
        found = np.zeros_like(weights)
        for conductance, (here,), range_ in self.parts(weights):
            found[range_] = conductance.current(here)
        return found

    def spectral_change(self, weights: Floats, change: Levels) -> Floats:
        """Derivative of ``spectral`` as the levels move; the conductor must respond.  (n_E, n_reservoirs)."""
        found = np.zeros_like(weights)
        for conductance, (here,), range_ in self.parts(weights):
            found[range_] = responsive(conductance).current_change(here, change)
            filling = refilled(conductance, found[range_], self.elastic)
            if filling is not None:
                found[range_] += conductance.current(filling)
        return found

    def series(
        self, fillings: Series, directions: Sequence[Levels], sites: sparse.csr_array | None = None
    ) -> tuple[Floats, Floats]:
        """Weighted currents at the nodes degree by degree, while levels move along the first direction.

        ``fillings[v][k]`` (n_E, n_reservoirs) are the weights of degree k + 1, with v > 0 their change where
        the direction gains ``directions[v]``.  Gives currents (n_directions, n_degrees, n_E, n_reservoirs)
        and what is filled of the rows of ``sites``, (n_directions, n_degrees, n_E, n_rows).
        """
        shape, energies = (len(fillings), len(fillings[0]), len(self.energies)), self.energies
        rows = 0 if sites is None else sites.shape[0]
        flows, filled = np.zeros((*shape, fillings[0][0].shape[1])), np.zeros((*shape, rows))
        for range_ in self.prepared.batches(len(energies), self.panels.batch_starts):
            here = mapped(fillings, itemgetter(range_))
            if not any(np.any(part) for row in here for part in row):
                continue
            conductance = self.prepared.at(energies[range_])
            order = shape[1] - 1
            through, local = responsive(conductance).series(directions, order, sites)
            flows[:, :, range_], done = self._along(conductance, [list(part) for part in through], here)
            if rows:
                held = product([list(part) for part in local], done, _filled)
                filled[:, :, range_] = np.array(held)
        return flows, filled

    def _along(self, conductance: Conductance, through: Series, fillings: Series) -> tuple[Floats, Series]:
        """Currents of a batch, and the fillings with those of the elastic reservoirs."""
        variations, order = len(fillings) - 1, len(fillings[0]) - 1
        flows, done = zeros(variations, order), zeros(variations, order)
        for v, k in places(variations, order):
            known = coefficient(through, done, v, k, net_current, 1)
            f = completed(conductance, fillings[v][k], self.elastic)
            gained = None if known is None else refilled(conductance, known, self.elastic)
            done[v][k] = f if gained is None else f + gained
            flows[v][k] = conductance.current(done[v][k]) + (0.0 if known is None else known)
        return np.array(flows), done

    def density(self, weights: Floats) -> Floats:
        """Filled states of each site, (n_sites,)."""
        found = self.total(weights, lambda conductance, f: conductance.density(f))
        return found if found.shape else np.zeros(len(self.prepared.system.weight))

    def density_change(self, weights: Floats) -> Callable[[Levels], Floats]:
        """Derivative of ``density`` as the levels move, (n_sites,); of a small lattice as one matrix."""
        system = self.prepared.system
        by_site = None if self.elastic.any() else self._by_site(weights)
        if by_site is None:
            return lambda change: self._density_change(weights, change)
        still = np.zeros(len(system.weight))
        each = [self._density_change(weights, Levels(still, band)) for band in np.eye(system.n_terminals)]
        by_band = np.stack(each, axis=1)

        def changed(change: Levels) -> Floats:
            levels = system.spread(change)
            return np.asarray(by_site @ levels.potential + by_band @ levels.bands)

        return changed

    def _by_site(self, weights: Floats) -> Floats | None:
        """By the potential of each site, (n_sites, n_sites), None where that is too much to hold."""
        n = len(self.prepared.system.weight)
        found = np.zeros((n, n))
        for conductance, (here,), _ in self.parts(weights):
            part = responsive(conductance).density_matrix(here)
            if part is None:
                return None
            found += part
        return found

    def _density_change(self, weights: Floats, change: Levels) -> Floats:
        found = np.zeros(len(self.prepared.system.weight))
        for conductance, (here,), _ in self.parts(weights):
            found += responsive(conductance).density_response(here, change).sum(axis=0)
            if self.elastic.any():
                off = responsive(conductance).current_change(here, change)
                filling = refilled(conductance, off, self.elastic)
                found += conductance.density(filling).sum(axis=0) if filling is not None else 0.0
        return found

    def total(self, weights: Floats, measure: Measure) -> Floats:
        """The sum over the nodes of what is linear in the weights."""
        total: Floats = np.zeros(())
        for conductance, (here,), _ in self.parts(weights):
            total = total + measure(conductance, here).sum(axis=0)
        return total

    def uncertainty(
        self, weights: Floats, difference: Floats, measure: Measure, rounding: Floats | None = None
    ) -> tuple[Floats, Floats]:
        """Estimated error on each panel and gross sum of each element; (n_panels, m) and (m,).

        ``difference`` are the weights less those of the embedded rule; what ``rounding`` of the weights
        makes is no error.
        """
        panels = len(self.panels.lower)
        change: Floats = np.zeros((panels, 0))
        size: Floats = np.zeros((panels, 0))
        noise: Floats = np.zeros((panels, 0))
        for conductance, (here, off), range_ in self.parts(weights, difference):
            values = measure(conductance, here)
            if not change.size:
                refuse_large(
                    6 * 8 * panels * values.shape[1],
                    f"the error estimate of {values.shape[1]} flows on {panels} panels of energies",
                    "take fewer terminals",
                )
                change, size, noise = np.zeros((3, panels, values.shape[1]))
            panel = np.arange(range_.start, range_.stop) // self.panels.count
            np.add.at(change, panel, measure(conductance, off))
            np.add.at(size, panel, np.abs(values))
            if rounding is not None:
                np.add.at(noise, panel, np.abs(measure(conductance, rounding[range_])))
        change = np.maximum(np.abs(change) - noise, 0.0)
        return errors(change, size), size.sum(axis=0)

    def by_panel(self, values: Floats, off: Floats, noise: Floats | None = None) -> tuple[Floats, Floats]:
        """The same from what flows at the nodes for both rules, (n_E, m) each."""
        panel = np.repeat(np.arange(len(self.panels.lower)), self.panels.count)
        change, size, rounding = np.zeros((3, len(self.panels.lower), values.shape[1]))
        np.add.at(change, panel, off)
        np.add.at(size, panel, np.abs(values))
        if noise is not None:
            np.add.at(rounding, panel, np.abs(noise))
        return errors(np.maximum(np.abs(change) - rounding, 0.0), size), size.sum(axis=0)


def _filled(local: Floats, f: Floats) -> Floats:
    return np.asarray(np.einsum("era,ea->er", local, f))


def responsive(conductance: Conductance) -> ResponsiveConductance:
    """The same; whoever asks has chosen a method that responds."""
    return cast(ResponsiveConductance, conductance)
