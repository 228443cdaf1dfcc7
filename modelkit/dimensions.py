"""Dimensions and units as products of powers, in words: ``energy/time``, ``meV*nm``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from modelkit.errors import ModelError, Span

BASES = ("energy", "length", "time", "charge", "temperature")

Power = int | Fraction
Exponents = tuple[Power, Power, Power, Power, Power]  # of the bases

DIMENSIONS: Mapping[str, Exponents] = {  # energy, length, time, charge, temperature
    "energy": (1, 0, 0, 0, 0),
    "length": (0, 1, 0, 0, 0),
    "time": (0, 0, 1, 0, 0),
    "charge": (0, 0, 0, 1, 0),
    "temperature": (0, 0, 0, 0, 1),
    "current": (0, 0, -1, 1, 0),
    "voltage": (1, 0, 0, -1, 0),
    "mass": (1, -2, 2, 0, 0),
    "magnetic field": (1, -2, 1, -1, 0),
    "resistance": (1, 0, 1, -2, 0),
    "conductance": (-1, 0, -1, 2, 0),
    "capacitance": (-1, 0, 0, 2, 0),
    "frequency": (0, 0, -1, 0, 0),
    "power": (1, 0, -1, 0, 0),
    "pure number": (0, 0, 0, 0, 0),
}
PURE: Exponents = (0, 0, 0, 0, 0)


@dataclass(frozen=True)
class UnitFactor:
    """``angstrom^-1`` in a unit."""

    name: str
    power: Power
    span: Span | None = field(default=None, compare=False)


Unit = tuple[UnitFactor, ...]  # the product of its factors


@lru_cache(maxsize=256)
def dimension_of(text: str) -> Exponents:
    """Exponents of a dimension in words: ``energy/time``, ``1/energy``, ``energy^2/time``, ``1``.

    Raises
    ------
    ModelError
        Another word than those that dimensions have.
    """
    total = PURE
    for sign, part in re.findall(r"(^|[*/])([^*/]*)", text):
        word, _, power = part.partition("^")
        known = PURE if word == "1" else DIMENSIONS.get(word)
        if known is None or not re.fullmatch(r"(-?\d)?", power):
            hint = f"build it from {', '.join(BASES)} and current, as in energy/time; 1 is a pure number"
            raise ModelError(f"there is no dimension '{text}'", hint=hint)
        total = times(total, known, int(power or 1) * (-1 if sign == "/" else 1))
    return total


def times(one: Exponents, other: Exponents, power: Power = 1) -> Exponents:
    """Exponents of ``one * other^power``."""
    return tuple(a + power * b for a, b in zip(one, other, strict=True))  # type: ignore[return-value]


def product_of(parts: Iterable[tuple[Unit, Power]]) -> Unit:
    """The product of powers of units, each name once."""
    powers: dict[str, Power] = {}
    for unit, power in parts:
        for factor in unit:
            powers[factor.name] = powers.get(factor.name, 0) + power * factor.power
    return tuple(UnitFactor(name, power) for name, power in powers.items() if power)


def unit_text(unit: Unit) -> str:
    """``eV*angstrom``, ``1/angstrom^2``."""
    above = [_power_text(factor.name, factor.power) for factor in unit if factor.power > 0]
    below = [_power_text(factor.name, -factor.power) for factor in unit if factor.power < 0]
    return "/".join(["*".join(above) or "1", *below])


def dimension_text(exponents: Exponents) -> str:
    """``energy*length`` or, where there is one, the word for it: ``magnetic field``."""
    for name, known in DIMENSIONS.items():
        if known == exponents:
            return name
    return unit_text(tuple(UnitFactor(name, power) for name, power in zip(BASES, exponents, strict=True)))


def _power_text(name: str, power: Power) -> str:
    if power == 1:
        return name
    return f"{name}^{power}" if power == int(power) else f"{name}^({power})"
