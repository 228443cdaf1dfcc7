"""``sweep``: the values over which a task runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from modelkit.elements.binder import Binder
from modelkit.elements.cases import check_target, overridden
from modelkit.elements.indices import Listed, Range, Ring
from modelkit.elements.lattices import Lattice
from modelkit.elements.loops import bind_over
from modelkit.elements.parameters import Parameter
from modelkit.elements.quantities import check_quantity
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.registry import Verb, outputs, result_dims, running_unit

MOST_POINTS = 1_000_000
MOMENTUM = "momentum"


@dataclass(frozen=True)
class Grid:
    """``from start to stop points n``, both ends included."""

    start: sp.Expr
    stop: sp.Expr
    points: int


@dataclass(frozen=True)
class Sweep:
    """Values of a parameter, of a field (``L.T``) or of a ``running`` variable of the verb (``E``)."""

    name: str
    over: Range | Listed | Grid
    span: Span | None = None
    running: bool = False


def bind_sweep(line: nodes.Statement, verb: Verb, binder: Binder) -> Sweep:
    """The sweep of a task's line.

    Raises
    ------
    ModelError
        Unknown names, lets, and values that the parameter cannot have.
    """
    assert isinstance(line.head, nodes.Listing)  # the form has been checked
    item = line.head.items[0]
    if len(line.head.items) > 1 or item.value is not None:
        message, hint = "one sweep a line; several sweeps give their product", "write: sweep x in {1, 2}"
        raise ModelError(message, line.head.span, hint=hint)
    over = _over(line, binder)
    running_ones = running_variables(verb, binder.section("elements"))
    if isinstance(item.target, nodes.Name) and item.target.id in running_ones:
        for node in _written(line):
            check_quantity(node, running_unit(item.target.id), f"'{item.target.id}'", binder)
        return Sweep(item.target.id, over, line.span, running=True)
    if isinstance(item.target, nodes.Name):
        if _runs_elsewhere(item.target.id) and item.target.id not in binder.section("parameters"):
            raise ModelError(
                f"'{verb.name}' has no running variable '{item.target.id}'",
                item.target.span,
                hint=f"its running variables: {', '.join(running_ones) or 'none'}",
            )
        _check_dimension(item.target)
    name = overridden(item.target, binder)
    parameter = binder.section("parameters").get(name)
    if parameter is not None:
        _check_values(parameter, over, line)
    for node in _written(line):
        check_target(name, node, binder)
    return Sweep(name, over, line.span)


def running_variables(verb: Verb, elements: Mapping[str, object]) -> tuple[str, ...]:
    """The names that a verb evaluates on a grid: its own, and ``k_j`` of ``for j in ring(cells)``."""
    momenta: dict[str, None] = {}
    for lattice in elements.values():
        if verb.momenta and isinstance(lattice, Lattice):
            indices = (index for family in lattice.sites for index in family.indices)
            rings = (index.name for index in indices if isinstance(index.over, Ring))
            momenta |= {f"{result_dims[MOMENTUM].prefix}{name}": None for name in rings}
    return (*verb.grids, *momenta)


def _runs_elsewhere(name: str) -> bool:
    """Whether it is a running variable of some verb or of some ring."""
    return name in ("E", "time") or name.startswith(result_dims[MOMENTUM].prefix)


def _written(line: nodes.Statement) -> tuple[nodes.Expr, ...]:
    """The values as they stand in the text."""
    match line.clauses[0].items:
        case (nodes.ListedSet(values=values),):
            return values
        case (nodes.RangeSet(start=start, stop=stop),):
            return start, stop
        case items:
            return items  # type: ignore[return-value]


def _over(line: nodes.Statement, binder: Binder) -> Range | Listed | Grid:
    words = [clause.word for clause in line.clauses]
    first = line.clauses[0] if line.clauses else None
    if words == ["in"] and first is not None:
        over = bind_over(first.items[0], binder, binder.scope)  # type: ignore[arg-type]
        if isinstance(over, Ring):
            hint = "write: in 1..N"
            raise ModelError("a sweep runs over 1..N or over listed values", first.span, hint=hint)
        return over
    if words == ["from", "points"] and first is not None:
        start, stop = (binder.formula(part) for part in first.items)  # type: ignore[arg-type]
        written, advice = line.clauses[1].items[0], "write a number: points 101"
        points = binder.constant(written, "the number of points", advice)  # type: ignore[arg-type]
        if not (points.is_integer and 1 <= points <= MOST_POINTS):
            hint = "write: from 0 to 1 points 101"
            raise ModelError(f"a sweep has 1 to {MOST_POINTS} points", line.clauses[1].span, hint=hint)
        return Grid(start, stop, int(points))
    raise ModelError(
        "a sweep needs its values",
        line.noun.span,
        hint="write: from 0 to 1 points 11, in 4..20 step 2, or in {0.1, 0.3}",
    )


def _check_dimension(name: nodes.Name) -> None:
    """A sweep gives its name to a dimension, which must be free."""
    taken = {"case", "branch", *(dim for output in outputs.values() for dim in output.all_dims)}
    if name.id in taken:
        raise ModelError(f"'{name.id}' is a dimension of the results", name.span, hint="rename the parameter")


def _check_values(parameter: Parameter, over: Range | Listed | Grid, line: nodes.Statement) -> None:
    """Constant values must be allowed; formulas are checked when they have values."""
    span = line.clauses[0].span
    if parameter.integer and isinstance(over, Grid):
        raise ModelError(
            f"'{parameter.name}' is an integer", span, hint=f"write: sweep {parameter.name} in 4..20 step 2"
        )
    match over:
        case Listed(values=values):
            ends = values
        case Range(start=start, stop=stop) | Grid(start=start, stop=stop):
            ends = (start, stop)
    for value in ends:
        checked = value.is_number and (parameter.choices is None or isinstance(over, Listed))
        reason = parameter.refuses(value) if checked else None
        if reason:
            place = f" (line {parameter.span.line})" if parameter.span is not None else ""
            message = f"the parameter '{parameter.name}'{place} {reason}"
            raise ModelError(message, span, hint=parameter.advice)
