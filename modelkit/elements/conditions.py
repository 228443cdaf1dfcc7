"""The conditions that a probe can obey, by the words left of ``==``: ``I``, ``i(E)``.

A condition is one class, entered with ``@conditions.register("I")``: which moment of the terminal's
spectral current ``i(E)`` it prescribes, and the unknown that it belongs to.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.registry import Registry

Floats = NDArray[np.float64]


class ProbeCondition(Protocol):
    """What a condition supplies.

    ``unit`` is the dimension of what it prescribes in words (``current``, ``energy/time``), ``unknown``
    the word that is solved for, ``meaning`` a sentence for the language page; ``elastic`` conditions
    hold at each energy by itself.
    """

    unit: ClassVar[str]
    unknown: ClassVar[str]
    meaning: ClassVar[str]
    elastic: ClassVar[bool]

    @staticmethod
    def weight(energy: Floats, T: Floats) -> Floats:
        """Weight of the spectral current at ``energy`` (counted from the terminal's mu)."""


def unknown_symbol(unknown: str) -> sp.Symbol:
    """The symbol of an unknown on a right side; no parameter or index can have its name."""
    return sp.Symbol(f"_{unknown}", real=True)


conditions: Registry[type[ProbeCondition]] = Registry("condition")

SCREENED = ("U", "charge")  # the unknown and the condition of a screening


@conditions.register("I")
class Current:
    """``solve mu such that I == ...``: the particle current into the conductor."""

    unit: ClassVar[str] = "current"
    unknown: ClassVar[str] = "mu"
    meaning: ClassVar[str] = "the particle current of the terminal, positive into the conductor"
    elastic: ClassVar[bool] = False

    @staticmethod
    def weight(energy: Floats, T: Floats) -> Floats:
        """One: every particle counts the same."""
        return np.ones_like(energy + T)


@conditions.register("J")
class HeatCurrent:
    """``solve T such that J == ...``: the energy current less mu times the particle current."""

    unit: ClassVar[str] = "energy/time"
    unknown: ClassVar[str] = "T"
    meaning: ClassVar[str] = "the heat current of the terminal, positive into the conductor"
    elastic: ClassVar[bool] = False

    @staticmethod
    def weight(energy: Floats, T: Floats) -> Floats:
        """The energy from mu on."""
        return energy + 0 * T


@conditions.register("i(E)")
class SpectralCurrent:
    """``solve f such that i(E) == 0``: the current at each energy by itself (dephasing)."""

    unit: ClassVar[str] = "current/energy"
    unknown: ClassVar[str] = "f"
    meaning: ClassVar[str] = "the current at each energy by itself: scattering that keeps the energy"
    elastic: ClassVar[bool] = True

    @staticmethod
    def weight(energy: Floats, T: Floats) -> Floats:
        """One."""
        return np.ones_like(energy + T)
