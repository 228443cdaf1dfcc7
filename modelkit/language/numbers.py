"""Exact numbers, and the bounds that keep every formula cheap.

What an author writes is exact (``0.1`` is one tenth), so it must be bounded before sympy forms it:
``9^9^9`` has 370 million digits.  Bounded are the digits of a literal, of every exact number that
arises, the degree of powers, and the size of the whole formula.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

import sympy as sp

from modelkit.errors import ModelError, Span

LITERAL_DIGITS = 40
SHOWN = 28  # characters of a literal in a message
LITERAL_EXPONENT = 330  # beyond all doubles
BITS = 4096  # of an exact number: 1200 digits
DEGREE = 64
NODES = 20_000  # translated, and in the resulting tree
DEPTH = 60  # of brackets, calls and signs

Value: TypeAlias = sp.Expr | sp.ImmutableDenseMatrix  # a number or a matrix, as a formula

_LITERAL = re.compile(r"(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?(i?)", re.ASCII)


def literal(text: str, span: Span | None = None) -> sp.Expr:
    """The exact number that a literal stands for: ``0.1`` is 1/10, ``2e-3i`` is i/500.

    Raises
    ------
    ModelError
        More than 40 digits, or an exponent beyond 330.
    """
    match = _LITERAL.fullmatch(text)
    if match is None:
        raise ModelError(f"'{text}' is not a number", span, hint="write 0.5, 2e-3 or 1i")
    whole, fraction, exponent, imaginary = match.groups()
    digits = (whole + (fraction or "")).lstrip("0") or "0"
    if len(digits) > LITERAL_DIGITS:
        raise ModelError(
            f"this number has {len(digits)} digits", span, hint=f"at most {LITERAL_DIGITS} digits are read"
        )
    if len(exponent or "") > 5 or abs(int(exponent or 0)) > LITERAL_EXPONENT or len(fraction or "") > 400:
        raise ModelError(
            f"the exponent of '{text if len(text) <= SHOWN else text[:SHOWN] + '...'}' is out of range",
            span,
            hint=f"exponents go from -{LITERAL_EXPONENT} to {LITERAL_EXPONENT}",
        )
    power = int(exponent or 0) - len(fraction or "")
    number = sp.Rational(int(digits) * 10 ** max(power, 0), 10 ** max(-power, 0))
    return sp.I * number if imaginary else number


def bits(number: sp.Expr) -> int:
    """Length of an exact real number in bits; 0 for anything else."""
    if isinstance(number, sp.Rational):
        return int(number.p).bit_length() + int(number.q).bit_length()
    return 0


def degree(value: sp.Expr) -> int:
    """The highest power in a formula, as far as powers of it would grow: 60 for ``(t + a)^60``.

    Functions count as variables.  Iterative and memoised: formulas share parts.
    """
    known: dict[sp.Basic, int] = {}
    waiting = [(value, False)]
    while waiting:
        node, ready = waiting.pop()
        if node in known:
            continue
        parts: tuple[sp.Basic, ...] = node.args if isinstance(node, (sp.Add, sp.Mul)) else ()
        if node.is_Pow:
            parts = (node.base,)
        if not ready:
            waiting.append((node, True))
            waiting.extend((part, False) for part in parts)
        elif isinstance(node, sp.Add):
            known[node] = max(known[part] for part in parts)
        elif isinstance(node, sp.Mul):
            known[node] = sum(known[part] for part in parts)
        elif node.is_Pow:
            known[node] = known[parts[0]] * max(1, _ceiling_of_modulus(node.exp))
        else:
            known[node] = 0 if node.is_Number else 1
    return known[value]


class Budget:
    """Counts what one formula costs: translated nodes, and the nodes of the resulting tree.

    A tree may share its parts, so its size can double with every step although the steps are few;
    whatever walks over it later pays for the size.
    """

    def __init__(self) -> None:
        self._spent = 0
        self._sizes: dict[sp.Basic, int] = {}

    def spend(self, steps: int, span: Span | None) -> None:
        """Count steps of work."""
        self._spent += steps
        if self._spent > NODES:
            raise _too_large(span)

    def check(self, value: sp.Basic, span: Span | None) -> None:
        """Refuse a formula or matrix that has grown too large."""
        entries = value.flat() if isinstance(value, sp.MatrixBase) else (value,)
        if sum(self._size(entry) for entry in entries) > NODES:
            raise _too_large(span)

    def _size(self, value: sp.Basic) -> int:
        waiting = [value]
        while waiting:
            node = waiting[-1]
            if node in self._sizes:
                waiting.pop()
                continue
            if bits(node) > BITS:
                return NODES + 1
            missing = [part for part in node.args if part not in self._sizes]
            if missing:
                waiting.extend(missing)
                continue
            self._sizes[node] = 1 + sum(self._sizes[part] for part in node.args)
            waiting.pop()
        return self._sizes[value]


def check_sum(terms: Iterable[sp.Expr], span: Span | None) -> None:
    """Refuse a sum whose common denominator could be too long to be formed quickly."""
    denominators = {
        term.as_coeff_Mul()[0].q for term in terms if isinstance(term.as_coeff_Mul()[0], sp.Rational)
    }
    if sum(int(denominator).bit_length() for denominator in denominators) > 5 * BITS:
        raise too_many_digits(span)


def check_product(factors: Iterable[sp.Expr], span: Span | None) -> None:
    """Refuse a product of numbers that could have too many digits to be formed quickly."""
    if sum(bits(factor) for factor in factors) > 5 * BITS:
        raise too_many_digits(span)


def too_many_digits(span: Span | None) -> ModelError:
    """The error for an exact number beyond the bound."""
    return ModelError(
        "the exact value of this formula has too many digits",
        span,
        hint="round the numbers, or make one of them a parameter",
    )


def _too_large(span: Span | None) -> ModelError:
    return ModelError(
        f"this formula is too large: more than {NODES} terms and factors when written out",
        span,
        hint="name its parts with 'let'",
    )


def _ceiling_of_modulus(exponent: sp.Expr) -> int:
    return abs(int(sp.ceiling(abs(exponent)))) if isinstance(exponent, sp.Rational) else 1
