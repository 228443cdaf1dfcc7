"""Charges of regions: the filled sea at the reference, and what the bias fills beside it.

``n_s = sea_s + window_s``: the sea is filled with the distribution of the reference, by the Green function
above the real axis (:mod:`modelkit.numerics.sea`), the window with what the terminals' distributions differ
from it.  Both move with the levels, and both derivatives are exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.contacts import field_span, is_analytic
from modelkit.compile.open_system import Levels, OpenSystem
from modelkit.elements.self_energies import continues
from modelkit.errors import ModelError, NotConverged
from modelkit.numerics.sea import FINEST, SeaRule, sea_rule
from modelkit.solve.conductor import GreenFunction, ResponsiveConductor

if TYPE_CHECKING:
    from modelkit.graph.device import Device
    from modelkit.solve.request import Prepared

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]

ACCURACY = 1e-11  # of the electrons of a site, between two levels of the rule
TOGETHER = 2**27  # bytes of Green functions at once


@dataclass(frozen=True, eq=False)
class Sea:
    """How filled states are counted, and how many there are at the reference, (n_sites,)."""

    device: Device
    mu: float
    T: float
    scale: float
    level: int
    reference: Floats

    @property
    def rule(self) -> SeaRule:
        """Heights and weights."""
        return sea_rule(self.T, self.scale, self.level)

    def at(self, prepared: Prepared) -> FilledSea:
        """With the levels of a conductor."""
        return FilledSea(self, prepared)


class FilledSea:
    """The sea of one conductor; Green functions are kept for derivatives."""

    def __init__(self, sea: Sea, prepared: Prepared) -> None:
        rule = sea.rule
        self._system, self._weight = prepared.system, rule.weight
        conductor = cast(ResponsiveConductor, prepared.conductor)
        z = np.asarray(sea.mu + 1j * rule.height, dtype=np.complex128)
        size = 32 * max(1, prepared.system.hamiltonian.shape[0])
        step = max(1, TOGETHER // size)
        self._parts = [slice(first, min(first + step, len(z))) for first in range(0, len(z), step)]
        self._green: list[GreenFunction] = [conductor.green(z[part]) for part in self._parts]

    def density(self) -> Floats:
        """Electrons of each site, (n_sites,)."""
        half = np.diff(self._system.offset) * self._system.weight / 2
        return np.asarray(half + self._summed(green.diagonal() for green in self._green))

    def change(self, change: Levels) -> Floats:
        """Its derivative as the levels move, (n_sites,)."""
        return self._summed(green.diagonal_change(change) for green in self._green)

    def along(self, directions: Sequence[Levels], order: int) -> Floats:
        """What it gains as the levels move along the first direction, to an order; (n_directions, n_sites).

        With the derivatives by further directions.
        """
        series = (green.diagonal_series(directions, order)[:, 1:] for green in self._green)
        found = np.zeros((len(directions), len(self._system.weight)))
        for part, one in zip(self._parts, series, strict=True):
            found += np.einsum("z,vkzs->vs", self._weight[part], one.real)
        return found

    def stiffness(self) -> Floats:
        """Electrons that leave each site as all levels are raised, per energy; (n_sites,)."""
        system = self._system
        everything = Levels(np.ones(len(system.weight)), np.ones(system.n_terminals))
        return -self.change(everything)

    def _summed(self, diagonals: Iterator[Complexes]) -> Floats:
        found = np.zeros(len(self._system.weight))
        for part, diagonal in zip(self._parts, diagonals, strict=True):
            found += self._weight[part] @ diagonal.real
        return found


def sea_of(device: Device, prepared: Prepared, mu: float, T: float) -> Sea:
    """Choose the rule such that the electrons of a conductor are known to 1e-11 each.

    Raises
    ------
    ModelError
        A self-energy is not known above the real axis.
    NotConverged
        The finest rule does not count them.
    """
    check_analytic(device, prepared.system)
    scale = _scale(prepared.system, mu)
    return settled(Sea(device, mu, T, scale, 0, np.zeros(0)), prepared)


def settled(sea: Sea, prepared: Prepared) -> Sea:
    """The first level, from the one that there is on, which the next one confirms; with its electrons."""
    before = sea.at(prepared).density()
    for level in range(sea.level, FINEST):
        finer = replace(sea, level=level + 1)
        after = finer.at(prepared).density()
        if uncertainty(before, after) <= ACCURACY:
            return replace(sea, level=level, reference=before)
        before = after
    raise NotConverged(
        "the electrons below the reference are not counted to 1e-11: at T = 0 its mu lies on a level, or on "
        "a band edge; give it a temperature"
    )


def uncertainty(one: Floats, other: Floats) -> float:
    """The largest difference of two counts, relative to one electron."""
    return float(np.max(np.abs(one - other) / np.maximum(1.0, np.abs(other)), initial=0.0))


def check_analytic(device: Device, system: OpenSystem) -> None:
    """Electrons are counted above the real axis; refuse, at its terminal, what is not known there."""
    if system.contacts.analytic:
        return
    for group in device.terminals:
        if not continues(group.terminal.self_energy.kind) and not is_analytic(group):
            raise ModelError(
                f"the self-energy of '{group.terminal.name}' is not known off the real axis, where filled "
                "states are counted",
                field_span(group, "self_energy"),
                hint="use a kind, or a fraction in E without abs, roots and comparisons",
            )


def _scale(system: OpenSystem, mu: float) -> float:
    """Above all levels, as seen from mu."""
    norm = float(abs(system.hamiltonian).sum(axis=1).max()) if system.hamiltonian.nnz else 0.0
    sigma = system.contacts.sigma(np.array([mu + 1e-3j * (norm or 1.0)]))
    strongest = max((float(np.abs(value).max(initial=0.0)) for value in sigma), default=0.0)
    edges = system.contacts.edges
    far = float(np.abs(edges - mu).max(initial=0.0))
    return max(norm + abs(mu) + strongest, far) or 1.0
