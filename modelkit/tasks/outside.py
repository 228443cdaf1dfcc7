"""Values from outside, for parameters and fields: numbers, texts of the language, quantities, lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.elements.declarations import Declarations
from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.outside import exact_value
from modelkit.language.parser import parse_expression
from modelkit.registry import suggestion
from modelkit.tasks.written import written


def numbers_of(
    declarations: Declarations, given: Mapping[str, Any], running: Sequence[str] = ()
) -> dict[str, Any]:
    """Numbers, or one-dimensional arrays where a list was given, by name.

    Parameters
    ----------
    given : mapping
        By name of a parameter, of a field (``L.T``) or of a running variable (``E``).  A bare number
        is in the unit of the declaration, a text is a constant formula of the language.
    running : sequence of str
        The running variables that may be given.

    Raises
    ------
    ModelError
        A name that cannot be set, or a value that is no number.
    """
    found: dict[str, Any] = {}
    for name, value in given.items():
        unit = _settable(declarations, name, running)
        if _is_list(value):
            members = [_number(declarations, name, one, unit) for one in _members(value)]
            found[name] = np.array(members)
        else:
            found[name] = _number(declarations, name, value, unit)
    return found


def default_expressions(declarations: Declarations, given: Mapping[str, Any]) -> dict[str, nodes.Expr]:
    """The same values as formulas for the text of a model; lists are refused."""
    found = {}
    for name, value in given.items():
        unit = _settable(declarations, name, ())
        if _is_list(value):
            raise ModelError(
                f"'{name}' needs a single value here", hint="a list is a sweep: give it to 'run'"
            )
        _number(declarations, name, value, unit)
        found[name] = _expression(name, value, unit)
    return found


def in_unit(declarations: Declarations, values: NDArray[Any], unit: str) -> NDArray[Any]:
    """Numbers of the model in the unit of a declaration, as their author would write them."""
    factor = float(exact_value(1, "1", declarations.units, unit or None))
    if factor == 1:
        return values
    return np.array([float(f"{value:.15g}") for value in (values / factor).tolist()])


def _settable(declarations: Declarations, name: str, running: Sequence[str]) -> str | None:
    """The unit of a name that may be set; raises for all others."""
    if name in declarations.parameters:
        return declarations.parameters[name].unit
    owner = name.rpartition(".")[0].partition("[")[0]
    if name in running or owner in declarations.elements:
        return None
    if name in declarations.lets:
        raise ModelError(
            f"'{name}' cannot be set: it is derived",
            declarations.lets[name].span,
            hint="set the parameters that it follows",
        )
    known = (*declarations.parameters, *running)
    hint = suggestion(name, known, "parameters") or "the model has no parameters"
    raise ModelError(f"there is no parameter '{name}'", hint=hint)


def _is_list(value: Any) -> bool:
    if isinstance(value, str | sp.Basic | Mapping):
        return False
    return bool(np.ndim(getattr(value, "magnitude", value)))


def _members(value: Any) -> list[Any]:
    if np.ndim(getattr(value, "magnitude", value)) > 1:
        raise ModelError("a sweep is a list of numbers, not a table")
    return list(value)


def _number(declarations: Declarations, name: str, value: Any, unit: str | None) -> int | float | complex:
    """The value in the units of the model; whole numbers stay whole."""
    exact = exact_value(value, name, declarations.units, unit)
    if isinstance(exact, sp.Integer):
        return int(exact)
    if exact.is_infinite:
        return float("inf") if exact == sp.oo else float("-inf")
    if exact.is_extended_real:
        return float(exact)
    real, imaginary = exact.as_real_imag()  # sympy's own complex() is off in the last digit
    return complex(float(real), float(imaginary))


def _expression(name: str, value: Any, unit: str | None) -> nodes.Expr:
    """The value as a formula of the language, with the declared unit where it has none."""
    text = written(value)
    node = parse_expression(text, f"<{name}>")
    if unit is None or _has_unit(node):
        return node
    plain = isinstance(node, nodes.Number) or (
        isinstance(node, nodes.Unary) and isinstance(node.of, nodes.Number)
    )
    return parse_expression(f"{text} [{unit}]" if plain else f"({text})*1 [{unit}]", f"<{name}>")


def _has_unit(node: Any) -> bool:
    """Whether a formula holds a number with a unit."""
    if isinstance(node, nodes.Number):
        return node.unit is not None
    if isinstance(node, tuple):
        return any(_has_unit(part) for part in node)
    return isinstance(node, nodes.Node) and any(_has_unit(part) for part in vars(node).values())
