"""Values of Python as text of the language."""

from __future__ import annotations

import numbers
from fractions import Fraction
from typing import Any

from modelkit.dimensions import UnitFactor, unit_text
from modelkit.errors import ModelError


def written(value: Any) -> str:
    """A value of Python as text of the language: text as it is, numbers exactly.

    Raises ModelError for what the language cannot say (``nan``, objects).
    """
    import sympy as sp

    if isinstance(value, str):
        return value
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, sp.Basic):
        from modelkit.language.printer import expression_text, from_sympy

        return expression_text(from_sympy(value))
    if isinstance(value, numbers.Integral | Fraction):
        return str(value)
    if isinstance(value, numbers.Real):
        return _real(float(value))
    if isinstance(value, numbers.Complex):
        number = complex(value)
        real, imaginary = _real(number.real), _real(abs(number.imag))
        sign = "-" if number.imag < 0 else "+"
        return f"{real} {sign} {imaginary}i"
    if isinstance(value, list | tuple):
        return f"[{', '.join(written(one) for one in value)}]"
    if hasattr(value, "magnitude") and hasattr(value, "units"):  # a quantity of pint
        return f"{written(value.magnitude)} [{_unit(value)}]"
    raise ModelError(
        f"{value!r} cannot be written in the language", hint="give a number or a formula in quotes"
    )


def _real(value: float) -> str:
    if value != value:
        raise ModelError("'nan' is no value of a model", hint="give a finite number, or infinite")
    if value in (float("inf"), float("-inf")):
        return "infinite" if value > 0 else "-infinite"
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _unit(quantity: Any) -> str:
    """Full names: the short ones are not all ASCII."""
    factors = tuple(UnitFactor(str(word), int(power)) for word, power in quantity.unit_items())
    return unit_text(factors) if factors else "1"
