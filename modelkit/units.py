"""Units at the edges: from what an author writes to bare numbers in the units of the model.

A model computes with bare numbers.  In natural units hbar = e = k_B = 1.  In physical units the author
chooses the units of some of energy, length, temperature, current and time; charge is counted in e, so
that a current in nA is also a number of electrons per time, and one volt is one eV.  The unit of time
follows from ``current`` (e per unit of current) or, without one, from hbar = 1.  Everything else
(mass, magnetic field, voltage, ...) is measured in products of powers of these.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

import sympy as sp

from modelkit.errors import ModelError, Span

BASES = ("energy", "length", "time", "charge", "temperature")
CHOICES = ("energy", "length", "temperature", "current", "time")
CONSTANTS = ("hbar", "h", "e", "k_B", "m_e", "mu_B")
COMMON = (
    *("eV", "meV", "ueV", "keV", "J", "angstrom", "nm", "um", "mm", "cm", "m", "K", "mK", "A", "mA", "uA"),
    *("nA", "pA", "s", "ms", "us", "ns", "ps", "fs", "V", "mV", "uV", "T", "mT", "C", "kg", "g", "ohm"),
    *("kohm", "S", "Hz", "kHz", "MHz", "GHz", "THz", "F", "fF", "aF", "W", "rad", "degree"),
)

Exponents = tuple[int, int, int, int, int]  # of the bases


@dataclass(frozen=True)
class UnitFactor:
    """``angstrom^-1`` in a unit."""

    name: str
    power: int
    span: Span | None = field(default=None, compare=False)


Unit = tuple[UnitFactor, ...]  # the product of its factors


@dataclass(frozen=True)
class UnitSystem:
    """``units natural`` (nothing chosen) or ``units { energy = eV; length = angstrom }``.

    Parameters
    ----------
    chosen : mapping of str to Unit
        Units of some of ``energy``, ``length``, ``temperature``, ``current``, ``time``; made by
        :func:`physical`, which checks them.
    """

    chosen: Mapping[str, Unit] = field(default_factory=dict)

    @property
    def natural(self) -> bool:
        return not self.chosen

    @cached_property
    def constants(self) -> Mapping[str, sp.Expr]:
        """``hbar h e k_B m_e mu_B`` as exact numbers in the units of the model; none in natural units.

        Those that need a unit which was not chosen are left out (``m_e`` without a length).
        """
        if self.natural:
            return MappingProxyType({})
        known = {}
        for name, (value, exponents) in _constants().items():
            if not self._missing(exponents):
                known[name] = value / self._size(exponents)
        return MappingProxyType(known)

    def convert(
        self, value: sp.Expr, unit: Unit, *, like: Unit | None = None, span: Span | None = None
    ) -> sp.Expr:
        """A value in ``unit`` as a bare number in the units of the model.

        Parameters
        ----------
        value : sympy number
            Exact values stay exact.
        unit : Unit
            What stood in the brackets.
        like : Unit, optional
            A unit of the dimension that the value must have.
        span : Span, optional
            Of the literal.

        Raises
        ------
        ModelError
            Natural units, an unknown unit, a dimension other than that of ``like``, or one for
            which the model has no unit.
        """
        if self.natural:
            raise ModelError(
                "a unit in a model of natural units",
                unit[0].span if unit and unit[0].span else span,
                hint="leave it out, or declare physical units: units { energy = meV }",
            )
        size, exponents = measure(unit)
        if like is not None and measure(like)[1] != exponents:
            raise ModelError(
                f"[{unit_text(unit)}] is a unit of {dimension_text(exponents)}, not of "
                f"{dimension_text(measure(like)[1])}",
                span,
                hint=f"give it in [{unit_text(like)}]",
            )
        missing = self._missing(exponents)
        if missing:
            raise ModelError(
                f"[{unit_text(unit)}] is a unit of {dimension_text(exponents)}, "
                f"but the model has no unit of {missing}",
                span,
                hint=f"add one to 'units {{ ... }}', for example {missing} = {_EXAMPLE[missing]}",
            )
        return value * size / self._size(exponents)

    def text(self, quantity: str) -> str:
        """The chosen unit of ``energy``, ``length``, ... as it was written; empty if there is none."""
        return unit_text(self.chosen[quantity]) if quantity in self.chosen else ""

    @cached_property
    def _bases(self) -> Mapping[str, sp.Expr]:
        """SI values of the units of the bases, as far as they are known."""
        bases = {name: measure(unit)[0] for name, unit in self.chosen.items()}
        current = bases.pop("current", None)
        bases["charge"] = _ELEMENTARY_CHARGE
        if current is not None:
            bases["time"] = _ELEMENTARY_CHARGE / current
        elif "time" not in bases and "energy" in bases:
            bases["time"] = _PLANCK / (2 * sp.pi) / bases["energy"]
        return bases

    def _missing(self, exponents: Exponents) -> str:
        """The first base that is needed and has no unit, or nothing."""
        for name, exponent in zip(BASES, exponents, strict=True):
            if exponent and name not in self._bases:
                return name
        return ""

    def _size(self, exponents: Exponents) -> sp.Expr:
        """The unit of a dimension in SI."""
        size = sp.Integer(1)
        for name, exponent in zip(BASES, exponents, strict=True):
            if exponent:
                size *= self._bases[name] ** exponent
        return size


NATURAL = UnitSystem()


def physical(chosen: Mapping[str, Unit], spans: Mapping[str, Span] | None = None) -> UnitSystem:
    """The unit system of ``units { energy = eV; length = angstrom }``.

    Parameters
    ----------
    chosen : mapping of str to Unit
        In the order of the text.
    spans : mapping of str to Span, optional
        Where each was written.

    Raises
    ------
    ModelError
        An unknown quantity or unit, a unit of another dimension, or both ``current`` and ``time``.
    """
    where = spans or {}
    for name, unit in chosen.items():
        if name not in CHOICES:
            hint = _nearest(name, CHOICES) or f"choose units of {', '.join(CHOICES)}"
            raise ModelError(f"'{name}' has no unit of its own", where.get(name), hint=hint)
        exponents = measure(unit)[1]
        if exponents != _DIMENSIONS[name]:
            raise ModelError(
                f"[{unit_text(unit)}] is a unit of {dimension_text(exponents)}, not of {name}",
                where.get(name),
                hint=f"for example {name} = {_EXAMPLE[name]}",
            )
    if "current" in chosen and "time" in chosen:
        raise ModelError(
            "the units of current and time give one another, as charge is counted in e",
            where.get("time"),
            hint="leave one of them out",
        )
    if not chosen:
        raise ModelError("physical units without a unit", hint="write units { energy = eV }")
    return UnitSystem(dict(chosen))


def measure(unit: Unit) -> tuple[sp.Expr, Exponents]:
    """SI value of a unit and its dimension as exponents of energy, length, time, charge, temperature.

    Raises
    ------
    ModelError
        For an unknown unit, at its place.
    """
    size, exponents = sp.Integer(1), (0, 0, 0, 0, 0)
    for factor in unit:
        one, own = _measured(factor.name, factor.span)
        size *= one**factor.power
        exponents = tuple(a + factor.power * b for a, b in zip(exponents, own, strict=True))  # type: ignore[assignment]
    return size, exponents


def unit_text(unit: Unit) -> str:
    """``eV*angstrom``, ``1/angstrom^2``."""
    above = [_power_text(factor.name, factor.power) for factor in unit if factor.power > 0]
    below = [_power_text(factor.name, -factor.power) for factor in unit if factor.power < 0]
    return "/".join(["*".join(above) or "1", *below])


def dimension_text(exponents: Exponents) -> str:
    """``energy*length`` or, where there is one, the word for it: ``magnetic field``."""
    for name, known in _DIMENSIONS.items():
        if known == exponents:
            return name
    return unit_text(tuple(UnitFactor(name, power) for name, power in zip(BASES, exponents, strict=True)))


_ELEMENTARY_CHARGE = sp.Rational(1602176634, 10**28)  # C, exact (SI 2019)
_PLANCK = sp.Rational(662607015, 10**42)  # J s, exact
_BOLTZMANN = sp.Rational(1380649, 10**29)  # J/K, exact
_ELECTRON_MASS = sp.Rational(91093837139, 10**41)  # kg, CODATA 2022

_EXAMPLE = {"energy": "eV", "length": "nm", "temperature": "K", "current": "nA", "time": "ns"}
_DIMENSIONS: Mapping[str, Exponents] = {  # energy, length, time, charge, temperature
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


@lru_cache(maxsize=1)
def _constants() -> Mapping[str, tuple[sp.Expr, Exponents]]:
    """SI values and dimensions of the constants."""
    hbar = _PLANCK / (2 * sp.pi)
    return {
        "hbar": (hbar, (1, 0, 1, 0, 0)),
        "h": (_PLANCK, (1, 0, 1, 0, 0)),
        "e": (_ELEMENTARY_CHARGE, (0, 0, 0, 1, 0)),
        "k_B": (_BOLTZMANN, (1, 0, 0, 0, -1)),
        "m_e": (_ELECTRON_MASS, (1, -2, 2, 0, 0)),
        "mu_B": (_ELEMENTARY_CHARGE * hbar / (2 * _ELECTRON_MASS), (0, 2, -1, 1, 0)),  # J/T
    }


def _measured(name: str, span: Span | None) -> tuple[sp.Expr, Exponents]:
    found = _from_pint(name)
    if isinstance(found, str):
        hint = _nearest(name, COMMON) or "units are written as in meV, nm, K, nA, T"
        raise ModelError(f"{found} '{name}'", span, hint=hint)
    return found


@lru_cache(maxsize=1024)
def _from_pint(name: str) -> tuple[sp.Expr, Exponents] | str:
    """SI value and dimension of a unit with its prefix, or what is wrong with it."""
    import pint

    registry = _registry()
    if len(name) > 40 or not (name.isidentifier() and name.isascii()):
        return "there is no unit"
    try:
        unit = registry.Unit(name)
    except (pint.PintError, AttributeError):
        return "there is no unit"
    factor, _ = registry.get_base_units(unit)
    try:
        registry.Quantity(1, unit) * registry.Quantity(1, "meter")
    except pint.PintError:
        return "modelkit cannot count in"  # degrees Celsius, decibels
    powers = {str(key): Fraction(power) for key, power in unit.dimensionality.items()}
    mass, length, time, current, temperature = (
        powers.pop(key, Fraction(0)) for key in ("[mass]", "[length]", "[time]", "[current]", "[temperature]")
    )
    exponents = (mass, length - 2 * mass, time + 2 * mass - current, current, temperature)
    if powers or any(power.denominator != 1 for power in exponents):
        return "modelkit cannot count in"  # moles, candela
    size = Fraction(factor)
    return sp.Rational(size.numerator, size.denominator), tuple(int(power) for power in exponents)  # type: ignore[return-value]


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(non_int_type=Fraction)


def _nearest(name: str, known: Iterable[str]) -> str | None:
    words = list(known)
    near = [word for word in words if word.lower() == name.lower()]
    near = near or difflib.get_close_matches(name, words, n=2, cutoff=0.7)
    return "did you mean " + " or ".join(f"'{word}'" for word in near) + "?" if near else None


def _power_text(name: str, power: int) -> str:
    return name if power == 1 else f"{name}^{power}"
