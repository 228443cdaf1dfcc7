"""Linear relations between the currents of one case or two, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelkit.graph.device import Device, TerminalGroup
from modelkit.symmetry.parts import prescribed

Floats = NDArray[np.float64]

FIXED = {"I": "I", "J": "J", "i(E)": "IJ"}  # currents that a condition fixes
ZERO = 1e-9  # of a unit vector
EQUAL = 1e-12  # relative: chemical potentials no farther apart are one


@dataclass(frozen=True)
class Current:
    """``of`` (I or J) of the terminal ``terminal`` in a case, numbered 0 or 1."""

    of: str
    terminal: int
    case: int = 0


Combination = Mapping[Current, float]


class Currents:
    """Relations ``combination + constant = 0`` between particle and heat currents into the conductor.

    A superconductor's condensate is the last terminal; its heat current is none of them.  Without the
    ``condensate`` the currents of the others are taken to cancel.
    """

    def __init__(self, *cases: Device, condensate: bool = True) -> None:
        self._numbers: dict[Current, int] = {}
        self._rows: list[tuple[Combination, float]] = []
        for case, device in enumerate(cases):
            terminals = range(device.n_terminals + device.superconducting)
            for of in "IJ":
                for terminal in terminals:
                    self._numbers[Current(of, terminal, case)] = len(self._numbers)
            counted = terminals if condensate else range(device.n_terminals)
            self.add({Current("I", terminal, case): 1.0 for terminal in counted})
            self._prescribed(device, case)
            if not device.superconducting and _without_work(device):
                self.add({Current("J", terminal, case): 1.0 for terminal in terminals})

    def add(self, combination: Combination, constant: float = 0.0) -> None:
        """One more relation."""
        self._rows.append((combination, constant))

    def image(self, terminal: Iterable[int], *, opposing: bool, case: int = 0, to: int = 0) -> None:
        """An operation takes currents of a case to those of another; particles may become holes."""
        for a, image in enumerate(terminal):
            for of, sign in (("I", -1.0 if opposing else 1.0), ("J", 1.0)):
                one, other = Current(of, a, case), Current(of, int(image), to)
                if one != other:
                    self.add({other: 1.0, one: -sign})
                elif sign < 0:
                    self.add({one: 1.0})

    def heat_is_conserved(self, device: Device, case: int) -> None:
        """Energy is, and no terminal gives work: what flows in as heat flows out as heat."""
        self.add({Current("J", terminal, case): 1.0 for terminal in range(device.n_terminals)})

    def vanishes(self, combination: Combination, constant: float = 0.0) -> bool:
        """Whether the relations say that a combination is zero."""
        rows = np.array([self._row(*each) for each in self._rows])
        wanted = self._row(combination, constant)
        off = wanted - rows.T @ np.linalg.lstsq(rows.T, wanted, rcond=None)[0]
        return bool(np.abs(off).max() < ZERO * max(1.0, float(np.abs(wanted).max())))

    def _row(self, combination: Combination, constant: float) -> Floats:
        found = np.zeros(len(self._numbers) + 1)
        for current, factor in combination.items():
            found[self._numbers[current]] += factor
        found[-1] = constant
        return found

    def _prescribed(self, device: Device, case: int) -> None:
        """Currents that conditions fix."""
        for group in device.terminals:
            for of, values in _fixed(group):
                for member in np.flatnonzero(np.isfinite(values)).tolist():
                    self.add({Current(of, group.first + member, case): 1.0}, -float(values[member]))


def _without_work(device: Device) -> bool:
    """Whether all that carry a current have one chemical potential: then heat alone goes in and out."""
    drawing = [group for group in device.terminals if not _draws_nothing(group)]
    if any("mu" not in group.given for group in drawing):
        return False
    mu = np.concatenate([np.zeros(0), *(np.broadcast_to(g.given["mu"], g.count) for g in drawing)])
    return bool(np.ptp(mu) <= ZERO * np.abs(mu).max()) if len(mu) else True


def _draws_nothing(group: TerminalGroup) -> bool:
    return any(of == "I" and np.all(values == 0) for of, values in _fixed(group))


def fixed_currents(group: TerminalGroup) -> str:
    """``I``, ``J`` or both: which currents of all members are fixed whatever the unknowns are."""
    return "".join(of for of, values in _fixed(group) if np.isfinite(values).all())


def held(group: TerminalGroup) -> set[str]:
    """Which of mu and T are given and not solved for."""
    return ({"mu", "T"} & set(group.given)) - {condition.unknown for condition in group.conditions}


def is_without_bias(device: Device) -> bool:
    """Whether all terminals that take charge have one mu: that of the condensate, where there is one."""
    known = [np.zeros(1)] if device.superconducting else []
    for group in device.terminals:
        if "mu" in held(group):
            known.append(np.broadcast_to(group.given["mu"], group.count))
        elif not any(of == "I" and np.all(values == 0) for of, values in _fixed(group)):
            return False
    values = np.concatenate([np.zeros(0), *known])
    return not len(values) or float(np.ptp(values)) <= EQUAL * float(np.abs(values).max())


def is_at_rest(device: Device) -> bool:
    """Whether nothing is driven but by the mu and T of terminals whose mu is given."""
    if "mu" not in device.reference:
        return False
    T = device.reference.get("T", 0.0)
    for group in device.terminals:
        if any(np.any(condition.constant != 0) for condition in group.conditions):
            return False
        if held(group) == {"T"} and np.any(group.given["T"] != T):
            return False
    return all(each.potential == 0 for group in device.screening for each in group.electrodes)


def _fixed(group: TerminalGroup) -> Iterator[tuple[str, Floats]]:
    """Currents that conditions fix: values (count,), NaN where they hang on the unknown."""
    for condition in group.conditions:
        values = np.concatenate(prescribed(condition, group.count, 0.0))
        same = np.ptp(values, axis=0) == 0
        for of in FIXED.get(condition.quantity, ""):
            yield of, np.where(same, values[0], np.nan)
