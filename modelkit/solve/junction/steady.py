"""The Junction beyond first order: which terminals are given, which are unknown, under what conditions.

The unknowns ``x`` are one vector: the chemical potentials and temperatures that are solved for, block by
block, and behind them the potentials of a screening (``charges``), whose conditions are those of
:mod:`modelkit.solve.junction.charge_balance`.  ``scale`` runs from 0, equilibrium at the centre, to 1: bias,
differences of temperature, gates and prescribed currents grow together, so that the solution which is
continued from equilibrium can be followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.contacts import field_span
from modelkit.compile.nambu import check_potentials
from modelkit.compile.open_system import Levels, OpenSystem
from modelkit.elements.conditions import conditions
from modelkit.errors import ModelError, Span
from modelkit.graph.device import ConditionValues, Device, TerminalGroup
from modelkit.solve.junction.screening import Screened, screened

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SOLVABLE = ("mu", "T")
START = 0.2  # of the spread of the chemical potentials: a first temperature where all given ones are zero
LUKEWARM = 1e-3  # that spread, where it is zero as well


@dataclass(frozen=True)
class Wanted:
    """One unknown of each member of a group and the condition that determines it.

    ``terminal`` are the numbers of the members, ``place`` those of their unknowns in x.
    """

    group: TerminalGroup
    terminal: slice
    place: slice
    condition: ConditionValues
    span: Span | None

    @property
    def unknown(self) -> str:
        return self.condition.unknown

    @property
    def quantity(self) -> str:
        return self.condition.quantity

    @property
    def slope(self) -> Floats:
        """(count,): derivative of the right side at the reference, by its own unknown."""
        return self.condition.slope

    def weight(self, excess: Floats, T: Floats) -> Floats:
        """The moment of the spectral current that is prescribed, at ``E - mu``."""
        return conditions[self.quantity].weight(excess, T)

    def right(
        self, unknowns: Mapping[str, Floats], reference: Mapping[str, float]
    ) -> tuple[Floats, Mapping[str, Floats]]:
        """What is prescribed at values of mu and T, and its derivatives; (count,) each."""
        if self.condition.right is not None:
            return self.condition.right(unknowns)
        away = unknowns[self.unknown] - reference.get(self.unknown, 0.0)
        return self.condition.constant + self.slope * away, {self.unknown: self.slope}


@dataclass(frozen=True)
class Steady:
    """What is given and what is asked.

    Parameters
    ----------
    given_mu, given_temperature : (n_terminals,)
        NaN where they are unknown, or have no meaning (elastic terminals).
    elastic : (n_terminals,)
        Terminals whose current vanishes at each energy.
    blocks : tuple of Wanted
    mu, T : float
        The centre: equilibrium, from which solutions are continued.  The reference where there is one.
    order : int or None
        Of the expansion about the reference, None for none.
    own : (n_terminals,)
        Terminals whose bands follow their chemical potential.
    condensed : (n_terminals,)
        Superconducting leads, whose chemical potential is the condensate's.
    screened : Screened or None
        The unknown potentials.
    """

    device: Device
    given_mu: Floats
    given_temperature: Floats
    elastic: Flags
    blocks: tuple[Wanted, ...]
    mu: float
    T: float
    order: int | None
    own: Flags
    condensed: Flags
    screened: Screened | None = None

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return self.charges.stop

    @cached_property
    def charges(self) -> slice:
        """The places of the unknown potentials in x: the last ones."""
        first = sum(block.place.stop - block.place.start for block in self.blocks)
        return slice(first, first + (self.screened.count if self.screened is not None else 0))

    @cached_property
    def follows(self) -> bool:
        """Whether levels move with the unknowns."""
        moving = self.order is None and bool(np.any(self.own & self.unknown))
        return self.screened is not None or moving

    @cached_property
    def responds(self) -> bool:
        """Whether a conductor has to tell how it changes with its levels."""
        return self.screened is not None or bool(self.order is not None and self.order > 1 and self.own.any())

    @property
    def levels_move(self) -> bool:
        """Whether levels move in an expansion, so that currents depend on where they are."""
        return self.responds and self.order not in (None, 1)

    @cached_property
    def counted(self) -> sparse.csr_array | None:
        """Sites of each unknown potential, (count, n_sites), where electrons are counted beyond order 1."""
        if self.order in (None, 1) or self.screened is None or self.screened.simple.all():
            return None
        return sparse.csr_array(self.screened.spread.T)

    @cached_property
    def unknown(self) -> Flags:
        """(n_terminals,): what is not given, elastic terminals included."""
        found = self.elastic.copy()
        for block in self.blocks:
            found[block.terminal] = True
        return found

    @cached_property
    def of_temperature(self) -> Flags:
        """(size,): which unknowns are temperatures."""
        found = np.zeros(self.size, dtype=np.bool_)
        for block in self.blocks:
            found[block.place] = block.unknown == "T"
        return found

    @property
    def first(self) -> int:
        """The terminal from whose distribution the others are counted: the first that has one."""
        return int(np.argmax(~self.elastic))

    def start(self) -> Floats:
        """The unknowns in equilibrium; a temperature of zero could not be left, so a first one is found."""
        return self.equilibrium(self.T or START * (self.spread or LUKEWARM))

    def equilibrium(self, T: float) -> Floats:
        """The unknowns in equilibrium, with these temperatures."""
        found = np.where(self.of_temperature, T, self.mu)
        found[self.charges] = 0.0
        return found

    def common(self) -> Floats | None:
        """The unknowns where all terminals are as the given ones, if these are all alike; (size,)."""
        given = (np.unique(part[np.isfinite(part)]) for part in (self.given_mu, self.given_temperature))
        mu, T = (part if len(part) else [at] for part, at in zip(given, (self.mu, self.T), strict=True))
        if len(mu) > 1 or len(T) > 1:
            return None
        found = np.where(self.of_temperature, T[0], mu[0])
        found[self.charges] = 0.0
        return found

    @property
    def driven(self) -> str:
        """What ``scale`` scales, in words."""
        words = {
            "the bias": np.any(np.abs(self.given_mu - self.mu) > 0),
            "the differences of temperature": np.any(np.abs(self.given_temperature - self.T) > 0),
            "the prescribed currents": np.any(self.right(self.equilibrium(self.T), 1.0)[0] != 0),
            "the gates": self.screened is not None and np.any(self.screened.potential != 0),
        }
        return " and ".join(word for word, there in words.items() if there) or "the given values"

    @property
    def spread(self) -> float:
        """The largest difference of given chemical potentials."""
        known = self.given_mu[np.isfinite(self.given_mu)]
        return float(np.ptp(np.append(known, self.mu)))

    def distributions(self, x: Floats, scale: float = 1.0) -> tuple[Floats, Floats]:
        """Chemical potentials and temperatures of all terminals; of elastic ones those of the first."""
        mu = self.mu + scale * (self.given_mu - self.mu)
        T = self.T + scale * (self.given_temperature - self.T)
        for block in self.blocks:
            (T if block.unknown == "T" else mu)[block.terminal] = x[block.place]
        mu[self.elastic], T[self.elastic] = mu[self.first], T[self.first]
        return mu, T

    def right(self, x: Floats, scale: float) -> tuple[Floats, list[Mapping[str, Floats]]]:
        """What is prescribed, (size,), and for each block its derivatives by mu and T of the terminal."""
        mu, T = self.distributions(x, scale)
        found = np.zeros(self.size)
        slopes: list[Mapping[str, Floats]] = []
        for block in self.blocks:
            unknowns = {"mu": mu[block.terminal], "T": T[block.terminal]}
            value, slope = block.right(unknowns, self.device.reference)
            found[block.place] = scale * value
            slopes.append({name: scale * np.asarray(part) for name, part in slope.items()})
        return found, slopes

    def levels(self, system: OpenSystem, x: Floats, scale: float = 1.0) -> Levels:
        """Where potentials and bands are; in an expansion they stay where they are at the reference."""
        if self.order is not None:
            return self._at(system, np.zeros(len(self.own)), np.zeros(x[self.charges].shape))
        away = self.distributions(x, scale)[0] - self.device.reference.get("mu", 0.0)
        return self._at(system, away, x[self.charges])

    def moved(self, mu: Floats, potential: Floats) -> Levels:
        """The change of all levels with chemical potentials (n_terminals,) and unknown potentials."""
        bands = np.where(self.own, mu, 0.0)
        if self.screened is None:
            return Levels(np.zeros(self.device.size), bands)
        sites = self.screened.spread @ potential
        return Levels(sites, bands + self.screened.local @ sites)

    def _at(self, system: OpenSystem, away: Floats, potential: Floats) -> Levels:
        if not self.own.any() and self.screened is None:
            return system.levels
        owner = system.reservoirs.terminal
        sign = system.reservoirs.sign
        if self.screened is None:
            bands = np.where(self.own[owner], sign * away[owner], system.levels.bands)
            return Levels(system.levels.potential, bands)
        change = self.moved(away, potential)
        fixed = self.screened.local @ self.device.potential
        return Levels(self.device.potential + change.potential, (fixed + change.bands)[owner])


def steady(device: Device, order: int | None = None) -> Steady:
    """Read the problem off a device.

    Raises
    ------
    ModelError
        Terminals or conditions that cannot be treated.
    """
    n = device.n_terminals
    mu, T, elastic = np.full(n, np.nan), np.full(n, np.nan), np.zeros(n, dtype=np.bool_)
    own, condensed = np.zeros((2, n), dtype=np.bool_)
    blocks, place = [], 0
    for group in device.terminals:
        members = slice(group.first, group.first + group.count)
        own[members] = group.terminal.bands == "own"
        condensed[[group.first + member for member, lead in group.leads if lead.superconducting]] = True
        elastic[members] = any(conditions[c.quantity].elastic for c in group.conditions)
        for name, array in (("mu", mu), ("T", T)):
            if name in group.given and name not in {c.unknown for c in group.conditions}:
                array[members] = group.given[name]
        for condition in group.conditions:
            if _is_integral(group, condition):
                block = _wanted(device, group, condition, order, place)
                blocks.append(block)
                place = block.place.stop
    _check_bands(device)
    check_potentials(device)
    # a condensate is in equilibrium with nothing but terminals at its own mu
    middle = 0.0 if device.superconducting else _mean(mu)
    centre = device.reference.get("mu", middle), device.reference.get("T", _mean(T))
    return Steady(device, mu, T, elastic, tuple(blocks), *centre, order, own, condensed, screened(device))


def is_unique(problem: Steady) -> bool:
    """Whether the conditions have at most one solution.

    The unknowns are chemical potentials, the conditions particle currents whose right sides do not grow with
    them, nothing moves and every T_ab is at least 0: then the Jacobian is an M-matrix and the map is
    injective (D. Gale and H. Nikaido, Math. Ann. 159, 81 (1965)).  With a condensate, electrons that turn
    into holes make elements outside the diagonal positive; its columns are dominated by the diagonal still,
    since all that leaves a reservoir arrives in some other one.
    """
    if problem.order is not None or problem.follows:
        return False
    return all(
        block.unknown == "mu" and block.quantity == "I" and _falls(block, problem) for block in problem.blocks
    )


def is_linear(block: Wanted) -> bool:
    """Whether the weight of a condition is linear in the energy."""
    found = block.weight(np.array([-1.0, 0.0, 1.0]), np.ones(3))
    return bool(found[0] - 2 * found[1] + found[2] == 0)


def moves(block: Wanted) -> bool:
    """Whether the weight of a condition depends on the energy."""
    return steepness(block) != 0


def steepness(block: Wanted) -> float:
    """The derivative of a weight that is linear in the energy."""
    found = block.weight(np.array([0.0, 1.0]), np.ones(2))
    return float(found[1] - found[0])


def mixes(block: Wanted, device: Device) -> bool:
    """Whether a right side holds another unknown than its own."""
    at = {name: np.full(block.group.count, device.reference.get(name, 1.0)) for name in SOLVABLE}
    return any(
        name != block.unknown and np.any(slope)
        for name, slope in block.right(at, device.reference)[1].items()
    )


def _falls(block: Wanted, problem: Steady) -> bool:
    """Whether a right side is affine in mu and does not grow: looked at in three places."""
    slopes = []
    for mu in (problem.mu, problem.mu + np.e / 2, problem.mu - np.pi / 2):
        at = {"mu": np.full(block.group.count, mu), "T": np.full(block.group.count, problem.T)}
        found = block.right(at, problem.device.reference)[1]
        if np.any(found.get("T", 0.0)):
            return False
        slopes.append(np.asarray(found.get("mu", 0.0)) + np.zeros(block.group.count))
    return all(np.allclose(slopes[0], slope, rtol=1e-12, atol=0) for slope in slopes) and bool(
        np.all(slopes[0] <= 0)
    )


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else 0.0


def _is_integral(group: TerminalGroup, condition: ConditionValues) -> bool:
    """Whether a condition is one number a terminal; elastic ones hold at each energy instead."""
    name, span = group.terminal.name, written(group, condition)
    if conditions[condition.quantity].elastic:
        if np.any(condition.constant) or np.any(condition.slope):
            hint = f"write: solve f such that {condition.quantity} == 0"
            message = f"at each energy only {condition.quantity} == 0 can be asked of '{name}'"
            raise ModelError(message, span, hint=hint)
        return False
    if condition.unknown not in SOLVABLE:
        hint = f"a terminal has the unknowns {' and '.join(SOLVABLE)}"
        raise ModelError(f"transport cannot solve for '{condition.unknown}' of '{name}'", span, hint=hint)
    return True


def _wanted(
    device: Device, group: TerminalGroup, condition: ConditionValues, order: int | None, place: int
) -> Wanted:
    members = slice(group.first, group.first + group.count)
    if order is not None and condition.right is not None:
        right = condition.right.expanded(order, device.reference)
        condition = ConditionValues(
            condition.unknown, condition.quantity, condition.constant, condition.slope, right
        )
    return Wanted(group, members, slice(place, place + group.count), condition, written(group, condition))


def written(group: TerminalGroup, condition: ConditionValues) -> Span | None:
    """Where a condition stands in the text, or the terminal."""
    for declared in group.terminal.conditions:
        if declared.quantity == condition.quantity:
            return declared.span
    return group.terminal.span


def _check_bands(device: Device) -> None:
    for group in device.terminals:
        if group.terminal.bands == "own" and "mu" not in device.reference:
            raise ModelError(
                f"the bands of '{group.terminal.name}' follow its own mu from the reference on, and there "
                "is none",
                field_span(group, "bands"),
                hint="write reference { mu = ...; T = ... }",
            )
        if group.terminal.bands == "own" and any(conditions[c.quantity].elastic for c in group.conditions):
            raise ModelError(
                f"'{group.terminal.name}' has no chemical potential that its bands could follow",
                field_span(group, "bands"),
                hint="write bands = rigid or local",
            )
