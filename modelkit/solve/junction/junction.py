"""The Junction of order 1: which terminals are given, which are unknown, and under what conditions.

Everything is counted from the ``reference``.  The deviation of a terminal's distribution is
``f_a - f_0 = -f_0'(E) y_a(E)`` with ``y_a = x_a + (E - mu)/T theta_a``, where ``x_a`` and ``theta_a`` are
the deviations of its chemical potential and temperature.  The laws are linear in ``y``, so the
currents and conditions are those of one linear problem; nothing is iterated by Newton's method.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.contacts import field_span
from modelkit.elements.conditions import conditions
from modelkit.errors import ModelError, Span
from modelkit.graph.device import ConditionValues, Device, TerminalGroup
from modelkit.units import UnitSystem

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# how an unknown shifts y at the energy E - mu = excess
SHAPES: Mapping[str, Callable[[Floats, float], Floats]] = {
    "mu": lambda excess, T: np.ones_like(excess),
    "T": lambda excess, T: excess / T,
}


@dataclass(frozen=True)
class Unknowns:
    """One unknown of each member of a group: ``quantity == constant + slope * unknown``.

    ``terminal``, ``constant``, ``slope`` have shape (count,); the unknown is a deviation from the
    reference (its chemical potential from ``Junction.origin`` on).
    """

    group: TerminalGroup
    terminal: slice
    unknown: str
    quantity: str
    constant: Floats
    slope: Floats

    def shape(self, excess: Floats, T: float) -> Floats:
        """(n_E,): the change of y per change of the unknown."""
        return SHAPES[self.unknown](excess, T)

    def weight(self, excess: Floats, T: float) -> Floats:
        """(n_E,): the moment of the spectral current that the condition prescribes."""
        return conditions[self.quantity].weight(excess, np.full_like(excess, T))


@dataclass(frozen=True)
class Junction:
    """What is given and what is asked.

    ``x``, ``theta`` (n_terminals,): deviations, zero where unknown; ``x`` is counted from
    ``mu + origin``.  The origin is the deviation of the first given terminal: equal potentials then
    give exactly no current.  ``elastic`` marks the terminals whose current vanishes at each energy.
    """

    mu: float
    T: float
    origin: float
    x: Floats
    theta: Floats
    elastic: Flags
    blocks: tuple[Unknowns, ...]

    @property
    def unknown(self) -> Flags:
        """(n_terminals,): what is not given, elastic terminals included."""
        found = self.elastic.copy()
        for block in self.blocks:
            found[block.terminal] = True
        return found

    def driving(self, excess: Floats) -> Floats:
        """Deviations y of what is given, (n_E, n_terminals); excess = E - mu, (n_E,)."""
        y = np.repeat(self.x[None, :], len(excess), axis=0)
        if np.any(self.theta):
            y += np.outer(excess / self.T, self.theta)
        return y


def junction(device: Device) -> Junction:
    """Read the problem off a device.

    Raises
    ------
    ModelError
        No reference; temperatures that linear response at the reference cannot treat; conditions
        that cannot be solved at order 1.
    """
    mu, T = reference_state(device)
    n = device.n_terminals
    x, theta, elastic = np.zeros(n), np.zeros(n), np.zeros(n, dtype=bool)
    fixed, blocks = np.zeros(n, dtype=bool), []
    for group in device.terminals:
        members = slice(group.first, group.first + group.count)
        unknowns = {condition.unknown for condition in group.conditions}
        elastic[members] = any(conditions[c.quantity].elastic for c in group.conditions)
        if "mu" in group.given and "mu" not in unknowns:
            x[members], fixed[members] = group.given["mu"] - mu, True
        if "T" not in unknowns and not elastic[members].any():
            theta[members] = _warming(group, T, device.units)
        blocks += [(group, members, c) for c in group.conditions if _is_integral(group, c, T)]
    origin = float(x[np.argmax(fixed)]) if fixed.any() else 0.0
    x[fixed] -= origin
    return Junction(mu, T, origin, x, theta, elastic, tuple(_unknowns(*block, origin) for block in blocks))


def reference_state(device: Device) -> tuple[float, float]:
    """The reference as mu and T; refuses a device that has none."""
    if "mu" not in device.reference:
        message = "linear response expands about a reference state, and nothing guesses it"
        raise ModelError(message, hint="write reference { mu = ...; T = ... }")
    mu, T = float(device.reference["mu"]), float(device.reference.get("T", 0.0))
    if T < 0:
        message = f"the temperature of the reference is negative: {device.units.shown('temperature', T)}"
        raise ModelError(message, hint="write T = 0 or more")
    return mu, T


def _warming(group: TerminalGroup, T: float, units: UnitSystem) -> Floats:
    """Deviations of the temperature, (count,); refuses what is not a small difference at T."""
    given = np.broadcast_to(np.asarray(group.given.get("T", 0.0), dtype=float), (group.count,))
    wrong = (given < 0) | ((given == 0) & (T > 0)) | ((given > 0) & (T == 0))
    if not wrong.any():
        return given - T
    member = int(np.argmax(wrong))
    name, value = group.label(member), units.shown("temperature", float(given[member]))
    if given[member] < 0:
        message, span = f"the temperature of '{name}' is negative: {value}", field_span(group, "T")
        raise ModelError(message, span, hint="write T = 0 or more")
    reference = units.shown("temperature", T)
    raise ModelError(
        f"'{name}' has T = {value} but the reference has T = {reference}: linear response takes small "
        "differences of temperature, and zero is not close to any other",
        field_span(group, "T"),
        hint="give the terminal and the reference the same T, such as T = kT",
    )


def _is_integral(group: TerminalGroup, condition: ConditionValues, T: float) -> bool:
    """Whether a condition is one number a terminal; elastic ones hold at each energy instead."""
    kind = conditions[condition.quantity]
    if kind.elastic:
        if np.any(condition.constant) or np.any(condition.slope):
            message = f"at each energy only {condition.quantity} == 0 can be asked of '{group.terminal.name}'"
            hint = f"write {condition.quantity} == 0, or prescribe I"
            raise ModelError(message, _written(group, condition), hint=hint)
        return False
    if condition.unknown not in SHAPES:
        message = f"transport cannot solve for '{condition.unknown}' of '{group.terminal.name}'"
        hint = f"solve for {' or '.join(SHAPES)}"
        raise ModelError(message, _written(group, condition), hint=hint)
    at_zero = float(kind.weight(np.zeros(1), np.full(1, T))[0])
    if T == 0 and (condition.unknown != "mu" or at_zero == 0):
        message = f"at T = 0 the condition on {condition.quantity} does not determine {condition.unknown} of "
        message += f"'{group.terminal.name}' in linear response"
        raise ModelError(message, _written(group, condition), hint="give the reference a temperature")
    return True


def _written(group: TerminalGroup, condition: ConditionValues) -> Span | None:
    for declared in group.terminal.conditions:
        if declared.quantity == condition.quantity:
            return declared.span
    return group.terminal.span


def _unknowns(group: TerminalGroup, members: slice, condition: ConditionValues, origin: float) -> Unknowns:
    """Conditions on chemical potentials are rewritten for deviations from the origin."""
    shift = origin if condition.unknown == "mu" else 0.0
    return Unknowns(
        group,
        members,
        condition.unknown,
        condition.quantity,
        constant=condition.constant + condition.slope * shift,
        slope=np.asarray(condition.slope, dtype=float),
    )
