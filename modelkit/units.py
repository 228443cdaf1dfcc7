"""Units at the edges: from what an author writes to bare numbers in the units of the model.

A model computes with bare numbers.  In natural units hbar = e = k_B = 1.  In physical units the author
chooses the units of some of energy, length, temperature, current and time; charge is counted in e, so
that a current in nA is also a number of electrons per time, and one volt is one eV.  The unit of time
follows from ``current`` (e per unit of current) or, without one, from hbar = 1.  Everything else
(mass, magnetic field, voltage, ...) is measured in products of powers of these.

Devices and solvers know one unit only, that of energy, with hbar = e = k_B = 1; ``UnitSystem.scale``
is the one factor between their numbers and those of the model.
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

from modelkit.dimensions import (
    BASES,
    DIMENSIONS,
    Exponents,
    Power,
    Unit,
    UnitFactor,
    dimension_of,
    dimension_text,
    product_of,
    unit_text,
)
from modelkit.errors import ModelError, Span

CHOICES = ("energy", "length", "temperature", "current", "time")
CONSTANTS = ("hbar", "h", "e", "k_B", "m_e", "mu_B")
COMMON = (
    *("eV", "meV", "ueV", "keV", "J", "angstrom", "nm", "um", "mm", "cm", "m", "K", "mK", "A", "mA", "uA"),
    *("nA", "pA", "s", "ms", "us", "ns", "ps", "fs", "V", "mV", "uV", "T", "mT", "C", "kg", "g", "ohm"),
    *("kohm", "S", "Hz", "kHz", "MHz", "GHz", "THz", "F", "fF", "aF", "W", "rad", "degree"),
)


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
            A unit of the dimension that the value must have (with e = 1: a mV is a meV).
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
        if like is not None and self.reduced(measure(like)[1]) != self.reduced(exponents):
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

    def scale(self, dimension: str) -> float:
        """Number that stands in the model for 1 in the device, where hbar = e = k_B = 1.

        Parameters
        ----------
        dimension : str
            ``temperature``, ``current``, ``energy/time``, ...

        Raises
        ------
        ModelError
            The model has a unit of temperature, current or time but none of energy.
        """
        if self.natural:
            return 1.0
        _, _, time, _, temperature = dimension_of(dimension)
        factor = 1.0
        if time and ("current" in self.chosen or "time" in self.chosen):
            factor *= self._constant("hbar", "current" if "current" in self.chosen else "time") ** time
        if temperature and "temperature" in self.chosen:
            factor /= self._constant("k_B", "temperature") ** temperature
        return factor

    def label(self, dimension: str) -> str:
        """What numbers of the model with this dimension are in: ``nA``, ``1/eV``, ``meV/hbar``, ``nW``.

        Where no unit was chosen the words ``energy`` and ``length`` stand for it.
        """
        return self.label_of(dimension_of(dimension))

    def label_of(self, exponents: Exponents) -> str:
        """The same for exponents of the bases; ``1`` for a pure number.  The charge is counted in e = 1."""
        energy, length, time, _, temperature = exponents
        parts: list[tuple[Unit, Power]] = []
        if (energy, length, time) == (1, 0, -1) and {"energy", "current"} <= set(self.chosen):
            size = self._size(DIMENSIONS["power"])
            watts = [name for power, name in _WATTS.items() if size == sp.Integer(10) ** power]
            if watts and (not temperature or "temperature" in self.chosen):
                parts = [((UnitFactor(watts[0], 1),), 1)]
                if temperature:
                    parts.append((self.chosen["temperature"], temperature))
                return unit_text(product_of(parts))
        if "current" in self.chosen:
            parts.append((self.chosen["current"], -time))
        elif "time" in self.chosen:
            parts.append((self.chosen["time"], time))
        else:
            energy -= time
            parts.append(((UnitFactor("hbar", 1),), time))
        if "temperature" in self.chosen:
            parts.append((self.chosen["temperature"], temperature))
        else:
            energy += temperature
        parts.insert(0, (self.chosen.get("energy", (UnitFactor("energy", 1),)), energy))
        parts.append((self.chosen.get("length", (UnitFactor("length", 1),)), length))
        return unit_text(product_of(parts))

    def shown(self, dimension: str, number: float, digits: int = 6) -> str:
        """A number of the device as the author counts it, for messages: ``300 K``."""
        value = f"{number * self.scale(dimension):.{digits}g}"
        return value if self.natural else f"{value} {self.label(dimension)}"

    def reduced(self, exponents: Exponents) -> Exponents:
        """Exponents with what cannot be told apart in this model made equal: e = 1, perhaps hbar, k_B."""
        energy, length, time, _, temperature = exponents
        if "current" not in self.chosen and "time" not in self.chosen:
            energy, time = energy - time, 0
        if "temperature" not in self.chosen:
            energy, temperature = energy + temperature, 0
        return energy, length, time, 0, temperature

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

    def _constant(self, name: str, quantity: str) -> float:
        """``hbar`` or ``k_B``, which the conversion of a quantity needs."""
        if name not in self.constants:
            raise ModelError(
                f"the model has a unit of {quantity} but none of energy",
                self.chosen[quantity][0].span,
                hint=f"add one to 'units {{ ... }}', for example energy = {_EXAMPLE['energy']}",
            )
        return float(self.constants[name])

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
        if exponents != DIMENSIONS[name]:
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


_WATTS = {0: "W", -3: "mW", -6: "uW", -9: "nW", -12: "pW", -15: "fW", -18: "aW"}
_ELEMENTARY_CHARGE = sp.Rational(1602176634, 10**28)  # C, exact (SI 2019)
_PLANCK = sp.Rational(662607015, 10**42)  # J s, exact
_BOLTZMANN = sp.Rational(1380649, 10**29)  # J/K, exact
_ELECTRON_MASS = sp.Rational(91093837139, 10**41)  # kg, CODATA 2022

_EXAMPLE = {"energy": "eV", "length": "nm", "temperature": "K", "current": "nA", "time": "ns"}


def constant_dimension(name: str) -> Exponents | None:
    """The dimension of ``hbar``, ``k_B``, ...; None for other names."""
    return _constants()[name][1] if name in CONSTANTS else None


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
