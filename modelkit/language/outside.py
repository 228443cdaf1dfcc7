"""Values given from outside the text: numbers of Python, quantities, texts of the language."""

from __future__ import annotations

import cmath
import numbers
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from modelkit.dimensions import PURE, Exponents, Unit, UnitFactor, dimension_text, unit_text
from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.expressions import translate
from modelkit.language.numbers import BITS, bits
from modelkit.language.parser import parse_expression
from modelkit.language.quantities import dimension, has_unit
from modelkit.language.scope import Scope
from modelkit.language.unit_expressions import unit_of
from modelkit.numerics.evaluate import evaluate
from modelkit.units import NATURAL, UnitSystem, constant_dimension, measure


def exact_value(value: object, name: str, units: UnitSystem = NATURAL, unit: str | None = None) -> sp.Expr:
    """A value given for ``name`` as a number in the units of the model.

    Parameters
    ----------
    value : number, str, sympy number or quantity of pint
        A number of Python, numpy or sympy; a constant formula of the language (``"1+0.5i"``,
        ``"0.1 [eV]"``, ``"infinite"``); a quantity of pint.  Floats stand for the decimal number
        that Python prints, so 0.1 is one tenth.
    name : str
        What the value is for, in messages.
    units : UnitSystem
        Those of the model.
    unit : str, optional
        The unit of the declaration (``"eV*angstrom"``): bare numbers are in it, others must be of
        its dimension.

    Returns
    -------
    sympy number
        Exact; complex where the value is; ``sp.oo`` for infinite.

    Raises
    ------
    ModelError
        Anything that is no number, a wrong dimension, or an unknown unit.
    """
    declared = unit_of(parse_expression(unit, f"<{name}>")) if unit else None
    if isinstance(value, str):
        return _from_text(value, name, units, declared)
    if hasattr(value, "magnitude") and hasattr(value, "unit_items"):
        return _from_quantity(value, name, units, declared)
    return _in_declared(exact_number(value, name), units, declared)


def _from_text(text: str, name: str, units: UnitSystem, declared: Unit | None) -> sp.Expr:
    node = parse_expression(text, f"<{name}>")
    advice = f"'{name}' is set to a number, or to a formula of numbers such as '2*pi' or '0.1 [eV]'"
    value = translate(node, Scope(units=units, advice=advice))
    if not isinstance(value, sp.Expr) or isinstance(value, sp.MatrixBase):
        raise ModelError(
            f"the value of '{name}' is a single number", node.span, hint="write one number, not a matrix"
        )
    found = dimension(node, units, _of_constant)
    if declared is None or value.is_infinite:
        return value
    if is_bare(node, units):
        return _in_declared(value, units, declared)
    expected = measure(declared)[1]
    if found != units.reduced(expected):
        wrong = f"a unit of {dimension_text(found)}" if found is not None else "not one unit"
        message = f"the value of '{name}' has {wrong}, not of {dimension_text(expected)}"
        raise ModelError(message, node.span, hint=f"give it in [{unit_text(declared)}]")
    return value


def is_bare(node: nodes.Expr, units: UnitSystem) -> bool:
    """Whether a constant formula is a number without a unit, which is then that of the declaration."""
    return not has_unit(node) and dimension(node, units, _of_constant) == PURE


def _of_constant(node: nodes.Expr) -> Exponents | None:
    """The dimension of ``k_B``, ``pi``: texts from outside know no other names."""
    if isinstance(node, nodes.Name):
        return PURE if node.id == "pi" else constant_dimension(node.id)
    return None


def _from_quantity(quantity: Any, name: str, units: UnitSystem, declared: Unit | None) -> sp.Expr:
    factors = []
    for word, power in quantity.unit_items():
        if int(power) != power:
            message = f"the unit of '{name}' has a power that is no integer"
            raise ModelError(message, hint="give it in a unit such as meV or nm")
        factors.append(UnitFactor(str(word), int(power)))
    return units.convert(exact_number(quantity.magnitude, name), tuple(factors), like=declared)


def _in_declared(value: sp.Expr, units: UnitSystem, declared: Unit | None) -> sp.Expr:
    return value if declared is None or value == sp.oo else units.convert(value, declared)


def exact_number(value: object, name: str) -> sp.Expr:
    """A number of Python, numpy or sympy as the exact one that its author wrote: 0.1 is one tenth.

    Raises
    ------
    ModelError
        What is no number; text and quantities are read by :func:`exact_value`.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, np.generic):
        value = value.item()
    exact: sp.Expr | None = None
    if isinstance(value, bool):
        pass  # True is no number of a model
    elif isinstance(value, int):
        exact = sp.Integer(value) if value.bit_length() <= BITS else None
    elif isinstance(value, Fraction):
        exact = sp.Rational(value.numerator, value.denominator)
    elif isinstance(value, sp.Expr) and value.is_number:
        exact = _from_sympy(value)
    elif isinstance(value, numbers.Complex):
        exact = _decimal(complex(value))
    if exact is None or max(map(bits, exact.atoms(sp.Rational)), default=0) > BITS:
        raise ModelError(f"the value of '{name}' is no number that modelkit can use", hint=_HINT)
    return exact


_HINT = "give a number, or a text such as '0.3', '1+0.5i', '0.1 [eV]' or 'infinite'"


def _from_sympy(value: sp.Expr) -> sp.Expr | None:
    if value == sp.oo:
        return sp.oo
    try:
        if not cmath.isfinite(evaluate(value, {})):
            return None
    except TypeError:  # a constant that formulas do not have, such as zeta(3)
        return None
    floats = {one: _decimal(complex(float(one))) for one in value.atoms(sp.Float)}
    return None if None in floats.values() or sp.oo in floats.values() else value.xreplace(floats)


def _decimal(value: complex) -> sp.Expr | None:
    """Exactly the number that Python prints for a float; None for nan and -inf."""
    if value == float("inf"):
        return sp.oo
    if not cmath.isfinite(value):
        return None
    real, imaginary = (
        sp.Rational(*Fraction(repr(part)).as_integer_ratio()) for part in (value.real, value.imag)
    )
    return real + sp.I * imaginary
