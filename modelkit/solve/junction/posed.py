"""The problem at given unknowns, before any condition: distributions, their weights on a grid, levels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import Levels, OpenSystem
from modelkit.solve.energies.expansion import added, expanded, expanded_parts
from modelkit.solve.energies.filling import Filled, filled
from modelkit.solve.energies.grid import Grid
from modelkit.solve.junction.charges import FilledSea, Sea
from modelkit.solve.junction.powers import Flow, flows, lowered, of_both_rules
from modelkit.solve.junction.screening import moving
from modelkit.solve.junction.steady import Steady
from modelkit.solve.request import Prepared

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Posed:
    """The problem at one set of unknowns, on one grid.

    ``x`` (size,), ``scale`` from 0 to 1 as in :class:`~modelkit.solve.junction.steady.Steady`.
    ``tail`` (size,) is what x cannot hold: where terminals are strongly coupled to one another and weakly to
    the others, rounding of their chemical potentials drives larger currents than the bias does.
    """

    problem: Steady
    grid: Grid
    x: Floats
    scale: float = 1.0
    at_levels: Callable[[Levels], Prepared] | None = None
    sea: Sea | None = None
    tail: Floats | None = None

    @cached_property
    def distributions(self) -> tuple[Floats, Floats]:
        """Chemical potentials and temperatures, (n_terminals,) each."""
        return self.problem.distributions(self.x, self.scale)

    @property
    def _of_reservoirs(self) -> tuple[Floats, Floats]:
        """The same by reservoir, (n_reservoirs,) each."""
        of_terminals, (mu, T) = self.system.reservoirs.of_terminals, self.distributions
        return of_terminals(mu, self.problem.mu), of_terminals(T, self.problem.T)

    @cached_property
    def weights(self) -> Filled:
        """Filled weights by reservoir, with derivatives by mu and T of the terminal."""
        return self.fill()

    def fill(self, *, difference: bool = False, centre: bool = False) -> Filled:
        """Filled weights, or those of the error estimate.

        Counted from one of the terminals, or with ``centre`` (always in an expansion) from equilibrium
        there.
        """
        problem, sign = self.problem, self.system.reservoirs.sign
        if problem.order is not None:
            found = added(self.degrees(difference=difference))
        elif centre:
            whole = self._counted if not difference else self._with_centre(difference=True)
            return Filled(whole.value[:, :-1], whole.by_mu[:, :-1], whole.by_temperature[:, :-1])
        else:
            mu, T = self._of_reservoirs
            found = filled(self.grid.panels, sign * mu, T, problem.first, difference=difference)
        return replace(found, by_mu=found.by_mu * sign)

    def degrees(self, *, difference: bool = False) -> list[Filled]:
        """Filled weights of an expansion degree by degree; derivatives by the reservoirs' own mu and T."""
        problem, (mu, T) = self.problem, self._of_reservoirs
        x, theta = self.system.reservoirs.sign * (mu - problem.mu) - self.raised, T - problem.T
        at = problem.mu, problem.T, x, theta, problem.order or 0
        return expanded_parts(self.grid.panels, *at, difference=difference)

    @cached_property
    def _counted(self) -> Filled:
        return self._with_centre()

    def _with_centre(self, *, difference: bool = False) -> Filled:
        """Filled weights counted from the centre, which is the last reservoir."""
        problem, reservoirs = self.problem, self.system.reservoirs
        mu, T = self._of_reservoirs
        mu, T = np.append(reservoirs.sign * mu, problem.mu), np.append(T, problem.T)
        return filled(self.grid.panels, mu, T, len(mu) - 1, difference=difference)

    @property
    def centre_by_mu(self) -> Floats:
        """How the filling of the centre itself changes with its mu, (n_E,)."""
        return self._counted.by_mu[:, -1]

    @cached_property
    def densities(self) -> Callable[[Levels], Floats]:
        """Electrons of each site that the bias fills beside the sea, as levels move; (n_sites,)."""
        return self.grid.density_change(self.fill(centre=True).value)

    @cached_property
    def linear(self) -> Filled:
        """Filled weights to first order in an expansion."""
        return self.first_order()

    def first_order(self, *, difference: bool = False) -> Filled:
        """The same, or those of the error estimate."""
        problem, panels = self.problem, self.grid.panels
        x, theta = self.distributions[0] - problem.mu, self.distributions[1] - problem.T
        return expanded(panels, problem.mu, problem.T, x, theta, 1, difference=difference)

    @cached_property
    def local_states(self) -> Floats:
        """States of each unknown potential's sites per energy at the reference, (count,)."""
        screened = self.problem.screened
        assert screened is not None
        return screened.of_regions(self.grid.density(self.linear.by_mu))

    @property
    def system(self) -> OpenSystem:
        return self.grid.prepared.system

    @cached_property
    def both_rules(self) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
        """Currents and electrons where levels move in an expansion, with how far the embedded rule is off."""
        return of_both_rules(self)

    @property
    def levels_move(self) -> bool:
        """Whether levels move in an expansion, so that currents depend on where they are."""
        return self.problem.levels_move

    @cached_property
    def powers(self) -> Flow:
        """What flows where levels move in an expansion."""
        return flows(self, (), self.problem.counted)[0]

    @cached_property
    def change(self) -> Levels:
        """By how much levels are displaced from the reference in an expansion; bands by terminal."""
        problem = self.problem
        return problem.moved(self.distributions[0] - problem.mu, self.x[problem.charges])

    @cached_property
    def raised(self) -> float:
        """By how much all levels are raised alike in an expansion."""
        return self.common(self.change) if self.levels_move else 0.0

    @cached_property
    def displaced(self) -> Levels:
        """The rest of the displacement in an expansion."""
        return lowered(self.change, self.raised)

    def common(self, change: Levels) -> float:
        """The part of a displacement that counts as raising all levels: the mean of the bands that move.

        None with a condensate, from which levels are measured.
        """
        banded = moving(self.problem.device) & (not self.problem.device.superconducting)
        return float(change.bands[banded].mean()) if banded.any() else 0.0

    @cached_property
    def filled_sea(self) -> FilledSea:
        """The sea at these levels."""
        assert self.sea is not None
        return self.sea.at(self.grid.prepared)

    def by_terminal(self, values: Floats) -> Floats:
        """Sum over the reservoirs of each terminal, (..., n_reservoirs) to (..., n_terminals)."""
        reservoirs = self.system.reservoirs
        count = len(self.problem.given_mu)
        if len(reservoirs.terminal) == count and reservoirs.share == 1.0:
            return values
        found = np.zeros((count, *values.shape[:-1]))
        np.add.at(found, reservoirs.terminal, np.moveaxis(values, -1, 0))
        return np.moveaxis(found, 0, -1) * reservoirs.share
