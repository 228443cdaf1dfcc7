"""Rational combinations of square roots of integers, ``sqrt(-1)`` among them: a field with exact zeros."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import gcd, isqrt, sqrt
from typing import Any

import sympy as sp
from sympy import QQ
from sympy.core.numbers import Float

from modelkit.errors import ModelError


class Surd:
    """``sum_d parts[d] sqrt(d)`` over square-free integers d; ``sqrt(-d) = i sqrt(d)``.  Immutable."""

    __slots__ = ("_hash", "parts")

    def __init__(self, parts: Mapping[int, Any]) -> None:
        self.parts = parts
        self._hash: int | None = None

    def __add__(self, other: Surd) -> Surd:
        found = dict(self.parts)
        for d, x in other.parts.items():
            y = found.get(d, 0) + x
            if y:
                found[d] = y
            else:
                del found[d]
        return Surd(found)

    def __neg__(self) -> Surd:
        return Surd({d: -x for d, x in self.parts.items()})

    def __sub__(self, other: Surd) -> Surd:
        return self + -other

    def __mul__(self, other: Surd) -> Surd:
        if other is ONE:
            return self
        if self is ONE:
            return other
        found: dict[int, Any] = {}
        for a, x in self.parts.items():
            for b, y in other.parts.items():
                d, factor = _product(a, b)
                found[d] = found.get(d, 0) + (x * y if factor == 1 else x * y * factor)
        return Surd({d: x for d, x in found.items() if x})

    def inverse(self) -> Surd:
        """One over it, by its algebraic conjugates; ZeroDivisionError for zero."""
        if len(self.parts) == 1:
            ((d, x),) = self.parts.items()
            return Surd({d: 1 / (x * d)})
        if not self.parts:
            raise ZeroDivisionError
        other = self._other(next(_first_prime(d) for d in self.parts if d != 1))
        return other * (self * other).inverse()

    def conjugate(self) -> Surd:
        """The complex conjugate."""
        if all(d > 0 for d in self.parts):
            return self
        return self._other(-1)

    def _other(self, prime: int) -> Surd:
        """With ``sqrt(prime) -> -sqrt(prime)``."""
        odd = {d for d in self.parts if (d < 0 if prime == -1 else d % prime == 0)}
        return Surd({d: -x if d in odd else x for d, x in self.parts.items()})

    @property
    def rational(self) -> Any | None:
        """Its value where it is rational, else None."""
        if not self.parts:
            return QQ(0)
        return self.parts.get(1) if len(self.parts) == 1 else None

    def __bool__(self) -> bool:
        return bool(self.parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Surd) and self.parts == other.parts

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.parts.items()))
        return self._hash

    def __complex__(self) -> complex:
        return sum((float(x) * _root(d) for d, x in self.parts.items()), 0j)

    def sympy(self) -> sp.Expr:
        """As a sympy number."""
        return sp.Add(*(QQ.to_sympy(x) * sp.sqrt(d) for d, x in sorted(self.parts.items())))

    def __repr__(self) -> str:
        return f"Surd({self.sympy()})"


ZERO, ONE = Surd({}), Surd({1: QQ(1)})
IMAGINARY = Surd({-1: QQ(1)})


def integer(n: int) -> Surd:
    """A whole number."""
    return Surd({1: QQ(n)}) if n else ZERO


def square_root(value: Any) -> Surd:
    """The root of a rational number, on the positive real or imaginary axis."""
    if not value:
        return ZERO
    p, q = int(value.numerator), int(value.denominator)
    free, outside = _square_free(p * q)
    return Surd({free: QQ(outside, q)})


def surd(number: sp.Expr) -> Surd:
    """A number of sympy, exactly; floats are the decimals that are written."""
    if number.is_Rational:
        return Surd({1: QQ(number.p, number.q)}) if number else ZERO
    if isinstance(number, Float):
        return surd(sp.Rational(str(number)))
    if number is sp.I:
        return IMAGINARY
    if number.is_Add:
        return sum((surd(part) for part in number.args), ZERO)
    if number.is_Mul:
        found = ONE
        for part in number.args:
            found = found * surd(part)
        return found
    if number.is_Pow and number.exp.is_Integer:
        return _power(surd(number.base), int(number.exp))
    if number.is_Pow and number.base.is_Rational and (2 * number.exp).is_Integer:
        return _power(square_root(QQ(number.base.p, number.base.q)), int(2 * number.exp))
    return _rewritten(number)


def _power(base: Surd, exponent: int) -> Surd:
    found = ONE
    for _ in range(abs(exponent)):
        found = found * base
    return found if exponent > 0 else found.inverse()


def _rewritten(number: sp.Expr) -> Surd:
    """Powers and exponentials of numbers in real and imaginary part."""
    other = sp.expand(sp.expand_complex(number))
    if other != number:
        return surd(other)
    raise ModelError(
        f'"{number}" is no combination of square roots of whole numbers',
        hint="give it as a symbol: the symmetries are then those of all its values",
    )


@lru_cache(maxsize=4096)
def _product(a: int, b: int) -> tuple[int, int]:
    """``sqrt(a) sqrt(b)`` as (d, factor of sqrt(d))."""
    common = gcd(a, b)
    return a * b // common**2, -common if a < 0 and b < 0 else common


@lru_cache(maxsize=1024)
def _root(d: int) -> complex:
    return complex(sqrt(d)) if d > 0 else 1j * sqrt(-d)


@lru_cache(maxsize=1024)
def _first_prime(d: int) -> int:
    return -1 if d < 0 else int(min(sp.primefactors(d)))


def _square_free(n: int) -> tuple[int, int]:
    """``n = free * outside**2``."""
    outside = isqrt(abs(n))
    if outside**2 == abs(n):
        return (1 if n > 0 else -1), outside
    free, outside = (1 if n > 0 else -1), 1
    for prime, power in sp.factorint(abs(n)).items():
        free *= int(prime) ** (power % 2)
        outside *= int(prime) ** (power // 2)
    return free, outside
