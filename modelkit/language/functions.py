"""The functions of the language, by name.

A new function is one entry here and, if sympy has no class for it, one in ``numerics/operations``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from modelkit.errors import ModelError, Span
from modelkit.language.arithmetic import conjugate, is_matrix, require_finite, require_real
from modelkit.registry import Registry


@dataclass(frozen=True)
class Function:
    """A function of formulas.

    Parameters
    ----------
    name : str
        The word of the language.
    arguments : tuple of str
        Their names, for messages and the language page; a last ``"..."`` means any number more.
    meaning : str
        One sentence for the language page.
    apply : callable
        ``apply(*arguments) -> expression`` for formulas that are no matrices.
    raw : callable, optional
        The same as a tree that sympy leaves alone, for a first look at constants in double
        precision; None where ``apply`` computes nothing.
    real : bool
        Whether the arguments must be real.
    conditions : int
        How many of the first arguments are conditions.
    """

    name: str
    arguments: tuple[str, ...]
    meaning: str
    apply: Callable[..., sp.Expr]
    raw: Callable[..., sp.Expr] | None = None
    real: bool = False
    conditions: int = 0

    @property
    def usage(self) -> str:
        """``atan2(y, x)``, for hints."""
        return f"{self.name}({', '.join(self.arguments)})"

    def call(self, arguments: tuple[sp.Basic, ...], span: Span | None) -> sp.Expr:
        """Apply, with checks.

        Raises
        ------
        ModelError
            A matrix, a complex number where a real one is needed, or a value that is not finite.
        """
        numbers = arguments[self.conditions :]
        for number in numbers:
            if is_matrix(number):
                raise ModelError(
                    f"{self.name} of a matrix", span, hint="functions of matrices are written out"
                )
            if self.real:
                require_real(number, self.name, span)
        if self.raw is not None and all(number.is_number for number in numbers):
            require_finite(self.raw(*numbers), span)
        return self.apply(*arguments)

    def check_count(self, given: int, span: Span | None) -> None:
        """Refuse a wrong number of arguments."""
        many = self.arguments[-1] == "..."
        needed = len(self.arguments) - many
        if given == needed or (many and given > needed):
            return
        raise wrong_count(self.name, self.arguments, given, span)


def wrong_count(name: str, arguments: tuple[str, ...], given: int, span: Span | None) -> ModelError:
    """The error for a call with too few or too many arguments."""
    many = bool(arguments) and arguments[-1] == "..."
    needed = len(arguments) - many
    word = "argument" if needed == 1 else "arguments"
    message = f"'{name}' takes {'at least ' if many else ''}{needed} {word}, not {given}"
    return ModelError(message, span, hint=f"write {name}({', '.join(arguments)})")


functions: Registry[Function] = Registry("function")


def _define(name: str, arguments: str, meaning: str, apply: Callable[..., sp.Expr], **options: Any) -> None:
    functions.add(name, Function(name, tuple(arguments.split()), meaning, apply, **options))


def _analytic(name: str, meaning: str, function: Any) -> None:
    """A function that sympy knows; it works exact values such as ``sin(pi/6)`` out."""
    _define(name, "x", meaning, function, raw=lambda x: function(x, evaluate=False))


def _exact(
    name: str, arguments: str, meaning: str, exact: Callable[..., sp.Expr], raw: Any, **options: Any
) -> None:
    """A function that is worked out for rational numbers only, as sympy takes long on long formulas."""

    def unevaluated(*values: sp.Expr) -> sp.Expr:
        return raw(*values, evaluate=False)

    def apply(*values: sp.Expr) -> sp.Expr:
        return exact(*values) if all(value.is_Rational for value in values) else unevaluated(*values)

    _define(name, arguments, meaning, apply, raw=unevaluated, **options)


def _parts(value: sp.Expr) -> tuple[sp.Expr, sp.Expr] | None:
    """Real and imaginary part of an exact number ``a + b i`` or of a real name."""
    if value.is_Rational or (value.is_Symbol and value.is_extended_real):
        return value, sp.Integer(0)
    real, imaginary = sp.Integer(0), sp.Integer(0)
    for term in sp.Add.make_args(value):
        coefficient, rest = term.as_coeff_Mul()
        if rest is sp.I:
            imaginary += coefficient
        elif term.is_Rational:
            real += term
        else:
            return None
    return real, imaginary


def _real_part(value: sp.Expr) -> sp.Expr:
    parts = _parts(value)
    return sp.re(value, evaluate=False) if parts is None else parts[0]


def _imaginary_part(value: sp.Expr) -> sp.Expr:
    parts = _parts(value)
    return sp.im(value, evaluate=False) if parts is None else parts[1]


def _modulus(value: sp.Expr) -> sp.Expr:
    parts = None if value.is_Symbol else _parts(value)
    return sp.Abs(value, evaluate=False) if parts is None else sp.sqrt(parts[0] ** 2 + parts[1] ** 2)


def _logarithm(value: sp.Expr) -> sp.Expr:
    simple = value.is_Rational or not value.is_number
    return sp.log(value) if simple else sp.log(value, evaluate=False)


def _choice(condition: sp.Basic, then: sp.Expr, otherwise: sp.Expr) -> sp.Expr:
    if condition in (sp.true, sp.false):
        return then if condition == sp.true else otherwise
    return sp.Piecewise((then, condition), (otherwise, True), evaluate=False)


def _unevaluated_root(value: sp.Expr) -> sp.Expr:
    return sp.Pow(value, sp.Rational(1, 2), evaluate=False)


def _unevaluated_logarithm(value: sp.Expr) -> sp.Expr:
    return sp.log(value, evaluate=False)


_define("sqrt", "x", "square root; of a negative number imaginary", sp.sqrt, raw=_unevaluated_root)
_analytic("exp", "exponential function", sp.exp)
_define("log", "x", "natural logarithm", _logarithm, raw=_unevaluated_logarithm)
_analytic("sin", "sine", sp.sin)
_analytic("cos", "cosine", sp.cos)
_analytic("tan", "tangent", sp.tan)
_analytic("sinh", "hyperbolic sine", sp.sinh)
_analytic("cosh", "hyperbolic cosine", sp.cosh)
_analytic("tanh", "hyperbolic tangent", sp.tanh)
_exact("asin", "x", "inverse sine", sp.asin, sp.asin)
_exact("acos", "x", "inverse cosine", sp.acos, sp.acos)
_exact("atan", "x", "inverse tangent", sp.atan, sp.atan)
_exact("atan2", "y x", "angle of the point (x, y), from -pi to pi", sp.atan2, sp.atan2, real=True)
_define("abs", "x", "absolute value, modulus", _modulus)
_exact("sign", "x", "-1, 0 or 1", sp.sign, sp.sign, real=True)
_define("conj", "z", "complex conjugate", conjugate)
_define("re", "z", "real part", _real_part)
_define("im", "z", "imaginary part", _imaginary_part)
_exact("min", "x ...", "the least of the arguments", sp.Min, sp.Min, real=True)
_exact("max", "x ...", "the greatest of the arguments", sp.Max, sp.Max, real=True)
_exact("mod", "x y", "remainder of x/y, with the sign of y", sp.Mod, sp.Mod, real=True)
_exact("floor", "x", "the greatest integer that is not above x", sp.floor, sp.floor, real=True)
_define("if", "condition a b", "a where the condition holds, otherwise b", _choice, conditions=1)
