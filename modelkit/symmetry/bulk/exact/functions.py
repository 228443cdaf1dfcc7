"""Coefficient functions: sums of ``x^p exp(P(x))`` with monomials ``x^p``, polynomials P, exact numbers.

Variables are momenta and parameters alike, all real.  Functions of different (p, P) are linearly
independent, so that equations for sums of them hold for each one by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import sympy as sp

from modelkit.errors import ModelError
from modelkit.symmetry.bulk.exact.surds import ONE, Surd, integer, surd

Powers = tuple[int, ...]
Polynomial = Mapping[Powers, Surd]
K = TypeVar("K")


@dataclass(frozen=True)
class Key:
    """``x^powers exp(sum_q wave[q] x^q)``; the wave has no constant part."""

    powers: Powers
    wave: frozenset[tuple[Powers, Surd]] = frozenset()

    @cached_property
    def _hash(self) -> int:
        return hash((self.powers, self.wave))

    def __hash__(self) -> int:
        return self._hash

    def moves(self, momenta: int) -> bool:
        """Whether it depends on any of the first variables."""
        return any(any(powers[:momenta]) for powers in (self.powers, *(powers for powers, _ in self.wave)))

    def times(self, other: Key) -> Key:
        """The product of both."""
        powers = tuple(p + q for p, q in zip(self.powers, other.powers, strict=True))
        if not other.wave or not self.wave:
            return Key(powers, self.wave or other.wave)
        return Key(powers, frozenset(added(dict(self.wave), dict(other.wave)).items()))


Function = Mapping[Key, Surd]


def added(one: Mapping[K, Surd], other: Mapping[K, Surd], factor: Surd = ONE) -> dict[K, Surd]:
    """``one + factor * other`` without zeros."""
    found = dict(one)
    for key, value in other.items():
        total = found[key] + value * factor if key in found else value * factor
        if total:
            found[key] = total
        else:
            found.pop(key, None)
    return found


def product(one: Function, other: Function) -> Function:
    """The product of two functions."""
    found: Function = {}
    for a, x in one.items():
        found = added(found, {a.times(b): x * y for b, y in other.items()})
    return found


@dataclass(frozen=True, eq=False)
class Variables:
    """Symbols in a fixed order, the first ``momenta`` of them momenta."""

    symbols: tuple[sp.Symbol, ...]
    momenta: int
    _known: dict[sp.Expr, Function] = field(default_factory=dict)

    @property
    def constant(self) -> Key:
        return Key((0,) * len(self.symbols))

    def function(self, expression: sp.Expr) -> Function:
        """An expression of sympy, expanded; ModelError where it is none of these functions."""
        found = self._known.get(expression)
        if found is None:
            found = self._known[expression] = self._converted(expression)
        return found

    def _converted(self, expression: sp.Expr) -> Function:
        if not expression.free_symbols:
            number = surd(expression)
            return {self.constant: number} if number else {}
        if expression.is_Symbol:
            return {self._monomial(expression, 1): ONE}
        if expression.is_Add:
            found: Function = {}
            for part in expression.args:
                found = added(found, self.function(part))
            return found
        if expression.is_Mul:
            found = {self.constant: ONE}
            for part in expression.args:
                found = product(found, self.function(part))
            return found
        if isinstance(expression, sp.exp):
            return self._exponential(sp.expand(expression.exp))
        if expression.is_Pow:
            return self._power(expression)
        if isinstance(expression, sp.conjugate):
            return self.conjugate(self.function(expression.args[0]))
        other = expression.rewrite(sp.exp)
        if other == expression:
            raise _refused(expression)
        return self.function(other)

    def _monomial(self, symbol: sp.Symbol, power: int) -> Key:
        place = self.symbols.index(symbol)
        return Key(tuple(power if k == place else 0 for k in range(len(self.symbols))))

    def _power(self, expression: sp.Expr) -> Function:
        base, exponent = expression.base, expression.exp
        if not exponent.is_Integer:
            raise _refused(expression)
        one = self.function(base)
        if exponent < 0:
            one = self._one_over(one, expression)
        found: Function = {self.constant: ONE}
        for _ in range(abs(int(exponent))):
            found = product(found, one)
        return found

    def _one_over(self, function: Function, expression: sp.Expr) -> Function:
        if len(function) != 1:
            raise _refused(expression)
        ((key, value),) = function.items()
        if any(key.powers[: self.momenta]):
            raise _refused(expression)
        wave = frozenset((powers, -factor) for powers, factor in key.wave)
        return {Key(tuple(-p for p in key.powers), wave): value.inverse()}

    def _exponential(self, exponent: sp.Expr) -> Function:
        constant, rest = exponent.as_independent(*self.symbols, as_Add=True)
        wave = self.function(rest)
        if any(key.wave or min(key.powers, default=0) < 0 for key in wave):
            raise _refused(sp.exp(exponent))
        key = Key(self.constant.powers, frozenset((key.powers, value) for key, value in wave.items()))
        return {key: surd(sp.exp(constant))}

    @staticmethod
    def conjugate(function: Function) -> Function:
        """Its complex conjugate, all variables being real."""
        return {conjugated(key): value.conjugate() for key, value in function.items()}

    def sympy(self, function: Function) -> sp.Expr:
        """As an expression of sympy, waves as cosines and sines."""
        terms = []
        for key, value in function.items():
            waves = []
            for moving in (True, False):  # phases that do not depend on momenta apart
                exponent = sp.Add(
                    *(
                        factor.sympy() * self._product(powers)
                        for powers, factor in key.wave
                        if any(powers[: self.momenta]) == moving
                    )
                )
                wave = sp.exp(exponent)
                waves.append(wave.rewrite(sp.cos) if exponent.has(sp.I) else wave)
            terms.append(value.sympy() * self._product(key.powers) * sp.Mul(*waves))
        return sp.factor_terms(sp.expand(sp.Add(*terms)))

    def _product(self, powers: Powers) -> sp.Expr:
        return sp.Mul(*(symbol**p for symbol, p in zip(self.symbols, powers, strict=True)))


def conjugated(key: Key) -> Key:
    """The complex conjugate of a key."""
    if not key.wave:
        return key
    return Key(key.powers, frozenset((powers, value.conjugate()) for powers, value in key.wave))


@dataclass(frozen=True, eq=False)
class Linear:
    """``f(k, p) -> f(M k, +-p)``: rows of M (d, d); parameters (by place) that change their sign."""

    rows: tuple[tuple[Surd, ...], ...]
    flips: frozenset[int] = frozenset()
    _known: dict[Powers, dict[Powers, Surd]] = field(default_factory=dict)

    def image(self, key: Key) -> Function:
        """A key behind the map, as a function."""
        wave: dict[Powers, Surd] = {}
        for powers, factor in key.wave:
            wave = added(wave, self._monomial(powers), factor)
        kept = frozenset(wave.items())
        return {Key(powers, kept): factor for powers, factor in self._monomial(key.powers).items()}

    def _monomial(self, powers: Powers) -> dict[Powers, Surd]:
        found = self._known.get(powers)
        if found is None:
            found = self._known[powers] = self._expanded(powers)
        return found

    def _expanded(self, powers: Powers) -> dict[Powers, Surd]:
        d = len(self.rows)
        odd = sum(powers[place] for place in self.flips) % 2
        found = {(0,) * d + powers[d:]: integer(-1) if odd else ONE}
        for row, power in zip(self.rows, powers[:d], strict=True):
            for _ in range(power):
                found = _times_form(found, row)
        return found


def _times_form(polynomial: Polynomial, row: Sequence[Surd]) -> dict[Powers, Surd]:
    found: dict[Powers, Surd] = {}
    for place, factor in enumerate(row):
        if factor:
            moved = {(*p[:place], p[place] + 1, *p[place + 1 :]): x for p, x in polynomial.items()}
            found = added(found, moved, factor)
    return found


def derivative(key: Key, place: int) -> Function:
    """Of a key by a variable."""

    def lowered(powers: Powers) -> Powers:
        return (*powers[:place], powers[place] - 1, *powers[place + 1 :])

    found: Function = {}
    if key.powers[place]:
        found = {Key(lowered(key.powers), key.wave): integer(key.powers[place])}
    for powers, factor in key.wave:
        if powers[place]:
            inner = Key(lowered(powers)).times(key)
            found = added(found, {inner: factor * integer(powers[place])})
    return found


def _refused(expression: sp.Expr) -> ModelError:
    return ModelError(
        f'"{expression}" is no polynomial, exponential or trigonometric function of its symbols',
        hint="name what does not depend on the momenta by a symbol of its own",
    )
