"""Values from outside, for parameters and fields: numbers, texts of the language, quantities, lists."""

from __future__ import annotations

import cmath
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.elements.cases import FIELDS
from modelkit.elements.declarations import Declarations
from modelkit.elements.gates import Gate
from modelkit.elements.sweeps import MOST_POINTS
from modelkit.elements.terminals import DIMENSIONS, Terminal
from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.outside import exact_value, is_bare
from modelkit.language.parser import parse_expression
from modelkit.numerics.evaluate import EXACT
from modelkit.registry import running_dim, running_unit, suggestion
from modelkit.tasks.written import written
from modelkit.units import UnitSystem


def numbers_of(
    declarations: Declarations, given: Mapping[str, Any], running: Sequence[str] = ()
) -> dict[str, Any]:
    """Numbers, or one-dimensional arrays where a list was given, by name.

    Parameters
    ----------
    given : mapping
        By name of a parameter, of a field (``L.T``) or of a running variable (``E``).  A bare number
        is in the unit of the declaration (of a field: that of the model), a text is a constant
        formula of the language.
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
            members = [_number(declarations, name, one, unit) for one in _members(value, name)]
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
        found[name] = _expression(name, value, unit, declarations.units)
    return found


def unit_of_name(declarations: Declarations, name: str) -> str | None:
    """The unit in which bare numbers for a parameter, a field or a running variable are, if it has one."""
    if name in declarations.parameters:
        return declarations.parameters[name].unit
    field = DIMENSIONS.get(name.rpartition(".")[2])
    dimension = running_unit(name) if running_dim(name) is not None else field
    units = declarations.units
    if dimension == "temperature" and "temperature" not in units.chosen:
        dimension = "energy"
    return units.text(dimension) or None if dimension is not None else None


def in_unit(declarations: Declarations, values: NDArray[Any], unit: str) -> NDArray[Any]:
    """Numbers of the model in the unit of a declaration, as their author would write them."""
    factor = float(exact_value(1, "1", declarations.units, unit or None))
    if factor == 1:
        return values
    return np.array([type(value)(f"{value:.15g}") for value in (values / factor).tolist()])


def _settable(declarations: Declarations, name: str, running: Sequence[str]) -> str | None:
    """The unit of a name that may be set; raises for all others."""
    if not isinstance(name, str):
        raise ModelError(
            f"values are given by name, and {name!r} is no text", hint="write the name in quotes: {'x': 0.3}"
        )
    owner = declarations.elements.get(name.rpartition(".")[0].partition("[")[0])
    if name in declarations.parameters or name in running or isinstance(owner, Terminal):
        return unit_of_name(declarations, name)
    if name in declarations.lets:
        raise ModelError(
            f"'{name}' cannot be set: it is derived",
            declarations.lets[name].span,
            hint="set the parameters that it follows",
        )
    if "." in name:
        raise _no_field(declarations, name)
    known = (*declarations.parameters, *running)
    hint = suggestion(name, known, "parameters") or "the model has no parameters"
    raise ModelError(f"there is no parameter '{name}'", hint=hint)


def _no_field(declarations: Declarations, name: str) -> ModelError:
    """The error for ``d.x`` where ``d`` is no terminal, with the nearest field that can be set."""
    known = [
        f"{owner}.{field}"
        for owner, terminal in declarations.elements.items()
        if isinstance(terminal, Terminal)
        for field in FIELDS
        if not {field, "f"} & set(terminal.unknowns)
    ]
    message = f"'{name}' cannot be set: only parameters and the fields of terminals can"
    gate = name.partition(".")[0]
    if isinstance(declarations.elements.get(gate), Gate):
        return ModelError(message, hint=f"give it a parameter, gate {gate} {{ U = U_{gate} }}, and set that")
    if not known:
        return ModelError(message, hint="the model has no such field: set a parameter by its plain name")
    near = suggestion(name, known, "fields that can be set") or ""
    few = len(known) <= _MOST_FIELDS or not near.startswith("the fields")
    return ModelError(message, hint=near if few else f"set a field such as '{known[-1]}'")


def _is_list(value: Any) -> bool:
    """Whether a value is a list or an array; nothing is copied, whatever its length."""
    bare = getattr(value, "magnitude", value)
    axes = getattr(bare, "ndim", None)
    if isinstance(axes, int):
        return axes > 0
    return isinstance(bare, Sequence) and not isinstance(
        bare, str | bytes | bytearray | memoryview | sp.Basic
    )


_MOST_FIELDS = 8
_ONE_AXIS = "give a list such as [0.1, 0.2]"


def _members(value: Any, name: str) -> list[Any]:
    if getattr(getattr(value, "magnitude", value), "ndim", 1) > 1:
        raise ModelError("a sweep is a list of numbers, not a table", hint=_ONE_AXIS)
    if len(value) > MOST_POINTS:
        raise ModelError(
            f"the list of '{name}' has more than {MOST_POINTS} values", hint="sweep fewer values"
        )
    members = list(value)
    if any(map(_is_list, members)):
        raise ModelError("a sweep is a list of numbers, not a table", hint=_ONE_AXIS)
    return members


def _number(declarations: Declarations, name: str, value: Any, unit: str | None) -> int | float | complex:
    """The value in the units of the model; whole numbers stay whole."""
    exact = exact_value(value, name, declarations.units, unit)
    if isinstance(exact, sp.Integer) and abs(int(exact)) <= EXACT:
        return int(exact)
    if exact.is_infinite:
        return float("inf") if exact == sp.oo else float("-inf")
    real, imaginary = exact.as_real_imag()  # sympy's own complex() is off in the last digit
    number = complex(float(real), float(imaginary))
    if not cmath.isfinite(number):
        message = f"the value of '{name}' is too large to be computed"
        raise ModelError(message, hint="give a number below 1e300")
    return number if number.imag else number.real


def _expression(name: str, value: Any, unit: str | None, units: UnitSystem) -> nodes.Expr:
    """The value as a formula of the language, with the declared unit where it has none."""
    text = written(value)
    node = parse_expression(text, f"<{name}>")
    if unit is None or not is_bare(node, units):
        return node
    plain = isinstance(node, nodes.Number) or (
        isinstance(node, nodes.Unary) and isinstance(node.of, nodes.Number)
    )
    return parse_expression(f"{text} [{unit}]" if plain else f"({text})*1 [{unit}]", f"<{name}>")
