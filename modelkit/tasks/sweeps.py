"""Sweeps: the axes of a run (each point a run of its own) and the grids that verbs evaluate on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.elements.declarations import Declarations
from modelkit.elements.indices import Listed, Range
from modelkit.elements.sweeps import MOST_POINTS, Grid, Sweep
from modelkit.elements.tasks import Task
from modelkit.errors import ModelError, Span
from modelkit.graph.values import values_of
from modelkit.tasks.cases import number, setting

Array = NDArray[Any]


@dataclass(frozen=True)
class Plan:
    """What is rerun and what is evaluated on a grid.

    ``axes`` maps swept names to their values, in the order of the text (new ones from outside last);
    ``grids`` maps running variables (``E``) to theirs; ``given`` are the single values from outside.
    ``single`` are the running variables that were given as one value: they have no dimension.
    """

    axes: Mapping[str, Array]
    grids: Mapping[str, Array]
    given: Mapping[str, Any]
    single: tuple[str, ...] = ()


def plan(declarations: Declarations, task: Task, running: Sequence[str], outside: Mapping[str, Any]) -> Plan:
    """Merge the task's sweeps with values from outside.

    Parameters
    ----------
    running : sequence of str
        Names that the verb evaluates on a grid.
    outside : mapping
        Numbers, or one-dimensional arrays for sweeps; either replaces the sweep of that name.

    Raises
    ------
    ModelError
        A set is empty, unbounded or too large, or depends on what varies itself.
    """
    lists = {name: np.asarray(value) for name, value in outside.items() if np.ndim(value)}
    given = {name: value for name, value in outside.items() if not np.ndim(value)}
    single = tuple(name for name in given if name in running)
    axes: dict[str, Array] = {}
    grids: dict[str, Array] = {name: np.array([given.pop(name)]) for name in single}
    varying = {sweep.name for sweep in task.sweeps if sweep.name not in outside} | set(lists)
    varying |= _set_by_cases(declarations, task, lists)
    values = _base_values(declarations, task, given)
    for sweep in task.sweeps:
        if sweep.name in given or sweep.name in single:
            continue
        found = lists.pop(sweep.name, None)
        if found is None:
            _check_fixed(sweep, declarations, varying - {sweep.name})
            found = _members(sweep, values)
        (grids if sweep.name in running else axes)[sweep.name] = found
    for name, found in lists.items():
        (grids if name in running else axes)[name] = found
    for name, found in (axes | grids).items():
        if found.ndim != 1 or not len(found):
            message = f"the values of '{name}' must be a list that is not empty"
            raise ModelError(message, hint="give a list such as [0.1, 0.2]")
    if np.prod([len(found) for found in axes.values()], dtype=float) > MOST_POINTS:
        raise ModelError(f"the sweeps have more than {MOST_POINTS} points", hint="sweep fewer values")
    spans = {sweep.name: sweep.span for sweep in task.sweeps if sweep.name not in outside}
    return Plan(
        axes, {name: _grid(name, found, spans.get(name)) for name, found in grids.items()}, given, single
    )


def _set_by_cases(declarations: Declarations, task: Task, swept: Collection[str]) -> set[str]:
    """What the cases of the task set; none of it may be swept from outside."""
    found: set[str] = set()
    for name in task.cases:
        for override in declarations.cases[name].overrides:
            if override.target in swept:
                message = f"'{override.target}' is swept, but the case '{name}' sets it"
                raise ModelError(message, override.span, hint="a case wins over a sweep")
            found.add(override.target)
    return found


def _base_values(declarations: Declarations, task: Task, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Values in which the bounds of sweeps are evaluated: the declared ones and those from outside."""
    fixed = [line for line in task.overrides if line.target not in {sweep.name for sweep in task.sweeps}]
    parameters = setting(declarations, fixed, given, None).parameters
    return values_of(declarations, parameters)


def _check_fixed(sweep: Sweep, declarations: Declarations, varying: set[str]) -> None:
    """The bounds of a sweep must be the same at all points."""
    used = {str(symbol) for formula in _formulas(sweep) for symbol in formula.free_symbols}
    pending = list(used)
    while pending:
        let = declarations.lets.get(pending.pop())
        new = {str(symbol) for symbol in let.expression.free_symbols} - used if let is not None else set()
        used |= new
        pending.extend(new)
    for name in sorted(used & varying):
        raise ModelError(
            f"the values of '{sweep.name}' depend on '{name}', which varies itself",
            sweep.span,
            hint="write the same values for all points",
        )


def _formulas(sweep: Sweep) -> tuple[sp.Expr, ...]:
    match sweep.over:
        case Range(start=start, stop=stop, step=step):
            return start, stop, step
        case Listed(values=values):
            return values
        case Grid(start=start, stop=stop):
            return start, stop


def _members(sweep: Sweep, values: Mapping[str, Any]) -> Array:
    """The swept values, shape (n,): integers where all are whole."""
    numbers = [number(formula, values, sweep.span, "a value of this sweep") for formula in _formulas(sweep)]
    match sweep.over:
        case Listed():
            return np.asarray(numbers)
        case Range():
            start, stop, step = _real(numbers, sweep.span)
            return _counted(start, stop, step, sweep.span)
        case Grid(points=points):
            start, stop = _real(numbers, sweep.span)
            return np.linspace(start, stop, points)


def _grid(name: str, found: Array, span: Span | None) -> Array:
    """Values of a running variable: finite real numbers, not too many."""
    if len(found) > MOST_POINTS:
        raise ModelError(f"'{name}' has more than {MOST_POINTS} values", span, hint="sweep fewer values")
    with np.errstate(all="ignore"):
        if np.iscomplexobj(found) or not np.isfinite(found).all():
            message = f"the values of '{name}' must be finite real numbers"
            raise ModelError(message, span, hint="write: from -1 to 1 points 101")
    return np.asarray(found, dtype=float)


def _real(numbers: Sequence[Any], span: Span | None) -> list[float]:
    for value in numbers:
        if isinstance(value, complex) or not np.isfinite(value):
            message = f"a sweep needs finite real bounds, not {value}"
            raise ModelError(message, span, hint="write: from 0 to 1 points 11")
    return list(numbers)


def _counted(start: float, stop: float, step: float, span: Span | None) -> Array:
    """``start..stop step step`` with both ends; rounding never loses the last one."""
    if step == 0 or (stop - start) / step < 0:
        raise ModelError("the sweep is empty", span, hint="the step leads from the start to the stop")
    steps = (stop - start) / step
    if steps > MOST_POINTS:
        raise ModelError(f"the sweep has more than {MOST_POINTS} points", span, hint="sweep fewer values")
    return start + step * np.arange(int(steps + 1e-9) + 1)
