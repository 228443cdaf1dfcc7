"""Numbers for the names of a model: parameters from outside, checked, and the lets that follow them."""

from __future__ import annotations

import cmath
from collections.abc import Mapping
from typing import Any, Protocol

import sympy as sp

from modelkit.errors import ModelError, raise_all
from modelkit.language.outside import exact_number
from modelkit.numerics.evaluate import EXACT, evaluate, evaluate_finite
from modelkit.registry import suggestion


class Named(Protocol):
    """What is needed of the declarations: parameters, and lets in the order of their dependence."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """By name, each with ``default``, ``refuses(value)`` and ``span``."""

    @property
    def lets(self) -> Mapping[str, Any]:
        """By name, each with ``expression`` and ``span``."""


def values_of(
    declarations: Named, given: Mapping[str, Any] | None = None
) -> dict[str, int | float | complex]:
    """Numbers of all parameters and lets.

    Parameters
    ----------
    declarations
        Of the model.
    given : mapping of str to number, optional
        Other values of parameters, as Python, numpy or exact sympy numbers in the units of the
        model; ``infinite`` is ``math.inf``.

    Returns
    -------
    dict
        Integers stay integers; ``infinite`` is ``math.inf``.

    Raises
    ------
    ModelError
        An unknown name or a let, a value outside its interval or choices (at the parameter's line),
        a let that has no value.
    """
    found: dict[str, int | float | complex] = {}
    errors = [_unknown(name, declarations) for name in given or {} if name not in declarations.parameters]
    for name, parameter in declarations.parameters.items():
        value = (given or {}).get(name, parameter.default)
        try:
            exact = value if value is parameter.default else exact_number(value, name)
            reason = parameter.refuses(exact)
            if reason:
                raise ModelError(f"the parameter '{name}' {reason}", parameter.span, hint=parameter.advice)
            found[name] = _number(exact, value)
            if not cmath.isfinite(found[name]) and exact is not sp.oo:
                message = f"the parameter '{name}' is too large to be computed"
                raise ModelError(message, parameter.span, hint="give a number below 1e300")
        except ModelError as error:
            errors.append(error)
    raise_all(errors)
    for name, let in declarations.lets.items():
        found[name] = evaluate_finite(let.expression, found, span=let.span, what=f"'{name}'", infinite=True)
    return found


def _number(exact: sp.Expr, value: Any) -> int | float | complex:
    """The number for the arrays; a number from outside keeps its own bits."""
    if isinstance(exact, sp.Integer):
        return int(exact) if abs(int(exact)) <= EXACT else float(exact)
    if exact is sp.oo:
        return float("inf")
    number = evaluate(exact, {}) if isinstance(value, sp.Expr) else complex(value)
    number = complex(number)
    return number if number.imag else number.real


def _unknown(name: str, declarations: Named) -> ModelError:
    if name in declarations.lets:
        let = declarations.lets[name]
        return ModelError(f"'{name}' is a let: it follows its parameters", let.span, hint="give a parameter")
    hint = suggestion(name, declarations.parameters, "parameters") or "the model has no parameters"
    return ModelError(f"there is no parameter '{name}'", hint=hint)
