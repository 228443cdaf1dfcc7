"""Finished points become the Dataset of a task: variables, derived quantities, attributes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkit.elements.declarations import Declarations
from modelkit.elements.sweeps import running_variables
from modelkit.elements.tasks import OutputRequest, Task
from modelkit.errors import ModelError
from modelkit.graph.values import values_of
from modelkit.language.printer import to_text
from modelkit.registry import (
    DIRECTION,
    ONE_SIDED,
    Output,
    outputs,
    result_dims,
    running_dim,
    running_unit,
    verbs,
)
from modelkit.results.alike import kinds_of
from modelkit.results.dataset import Axis, assemble
from modelkit.results.frames import AXIS
from modelkit.tasks.cases import Setting
from modelkit.tasks.derived import Ingredients, derive, used_names
from modelkit.tasks.forbidden import Told, audit
from modelkit.tasks.outside import in_unit, unit_of_name
from modelkit.tasks.points import Job, Solved, reference
from modelkit.units import UnitSystem
from modelkit.version import __version__

if TYPE_CHECKING:
    import xarray as xr

INTERRUPTED = "interrupted"
SAID = 3  # different words of the points about themselves that the Dataset repeats
LINES = ("warnings", "notes")  # attributes that are shown line by line


@dataclass(frozen=True)
class Run:
    """A task in the making: its axes (sweeps, then case), all jobs, and what holds at all of them.

    ``told`` are the verdicts on what is asked for, decided at the first point.
    """

    declarations: Declarations
    task: Task
    axes: tuple[Axis, ...]
    jobs: tuple[Job, ...]
    requests: tuple[OutputRequest, ...]
    base: Setting
    told: tuple[Told, ...] = ()


def collect(run: Run, finished: Sequence[Solved], *, interrupted: bool = False) -> xr.Dataset:
    """The Dataset of the points that are finished.

    ``failed`` (the reason, ``""`` where all is well) is there when the task sweeps or was interrupted.
    """
    found = assemble(run.axes, [solved.point for solved in finished if solved.point is not None])
    _check_labels(run, found)
    variables: dict[str, Any] = {}
    ingredients = None
    for position, request in enumerate(run.requests):
        if request.formula is None:
            variables[request.name] = found[request.name].assign_attrs(_attributes(request, run))
        else:
            ingredients = ingredients or _parameters(run, finished)
            derived = derive(request, _ingredients(run, request, position, found, ingredients))
            variables[request.name] = derived.assign_attrs(_attributes(request, run))
    binding = [] if interrupted else _binding(run, finished)
    if binding:
        variables["audit_forbidden"] = _forbidden(run, binding, finished, found)
    audits = [name for name in found.data_vars if str(name).startswith("audit_")]
    variables |= {str(name): found[name].assign_attrs(_audit_words(str(name))) for name in audits}
    kept = {dim for variable in variables.values() for dim in variable.dims}
    coordinates = {
        name: values
        for name, values in found.coords.items()
        if set(values.dims) <= kept | {AXIS} and values.dims
    }
    dataset = found.coords.to_dataset()[[]].assign_coords(coordinates).assign(variables)
    units = run.declarations.units
    for name, values in dataset.coords.items():
        if AXIS in values.dims and name != AXIS and units.text("length"):
            values.attrs["units"] = units.text("length")
    running = {
        running_dim(name): name for name in running_variables(verbs[run.task.verb], run.declarations.elements)
    }
    for name, dim in result_dims.items():
        if name in running and name in dataset.coords and name not in {axis.name for axis in run.axes}:
            symbol = running[name] if dim.prefix and running[name].startswith(dim.prefix) else dim.symbol
            unit = units.label(running_unit(running[name]))
            dataset[name].attrs.update({"long_name": name, "symbol": symbol, "units": unit})
    if interrupted or len(run.axes) > bool(run.task.cases):
        dataset["failed"] = (tuple(axis.name for axis in run.axes), _reasons(run, finished))
        dataset["failed"].attrs["long_name"] = "why a point has no result"
    return dataset.assign_attrs(_facts(run, finished))


def _binding(run: Run, finished: Sequence[Solved]) -> list[Told]:
    """Verdicts whose numbers must vanish, by the methods that gave them."""
    used = {one.facts["method"] for one in finished if "method" in one.facts}
    return [each for each in run.told if all(each.binds(method) for method in used) and each.forbidden]


def _forbidden(
    run: Run, verdicts: Sequence[Told], finished: Sequence[Solved], found: xr.Dataset
) -> xr.DataArray:
    """The audit of what symmetry forbids, at the first point, where that was decided: a single number."""
    import xarray as xr

    swept = [axis.name for axis in run.axes if axis.name != "case"]
    first = [one for one in finished if not any(one.job.place[: len(swept)])]
    first.sort(key=lambda one: one.job.place)
    off = audit(
        verdicts,
        found.isel(dict.fromkeys(swept, 0)),
        run.task.cases,
        [one.values if one.point is not None else None for one in first],
    )
    return xr.DataArray(off, attrs=_audit_words("audit_forbidden"))


def _check_labels(run: Run, found: xr.Dataset) -> None:
    """A reference that no point of the run could follow is an error of the text."""
    for position, request in enumerate(run.requests):
        for number, quantity in enumerate(request.quantities.values()):
            if reference(position, number) not in found:
                written = f"{quantity.output}[{', '.join(map(str, quantity.labels))}]"
                hint = (
                    "a bond has the arrow of its 'hop'"
                    if "->" in written
                    else "name a label that exists at some point"
                )
                message = f"the device has no '{written}' at any point of the task"
                raise ModelError(message, request.span, hint=hint)


def _parameters(run: Run, finished: Sequence[Solved]) -> dict[str, xr.DataArray]:
    """Parameters and lets that formulas use, over the axes; equal ones in all cases have no case."""
    import xarray as xr

    names = used_names(run.requests)
    shape = tuple(len(axis.values) for axis in run.axes)
    dims = tuple(axis.name for axis in run.axes)
    found: dict[str, xr.DataArray] = {}
    for name in names:
        known = {one.job.place: one.values[name] for one in finished if name in one.values}
        whole = np.full(shape, np.nan, dtype=np.result_type(float, *known.values()))
        for place, value in known.items():
            whole[place] = value
        array = xr.DataArray(whole, dims=dims)
        if run.task.cases and _same_in_all_cases(whole):
            array = array.isel(case=0)
        found[name] = array
    return found


def _same_in_all_cases(whole: np.ndarray[Any, Any]) -> bool:
    return bool(np.array_equal(whole, np.broadcast_to(whole[..., :1], whole.shape), equal_nan=True))


def _ingredients(
    run: Run, request: OutputRequest, position: int, found: xr.Dataset, parameters: Mapping[str, xr.DataArray]
) -> Ingredients:
    results = {}
    for number, (symbol, quantity) in enumerate(request.quantities.items()):
        array = found[reference(position, number)].reset_coords(drop=True)
        if quantity.case is not None:
            array = array.isel(case=run.task.cases.index(quantity.case), drop=True)
        results[symbol] = array
    return Ingredients(
        results, parameters, run.task.cases, {axis.name: len(axis.values) for axis in run.axes}
    )


def _attributes(request: OutputRequest, run: Run) -> dict[str, str]:
    """What stands on axes: words, symbol and unit; a derived one has its formula, and a unit if known."""
    if request.formula is not None:
        return _derived_attributes(request, run.declarations.units)
    entry = outputs[request.name].of(request.verb)
    words = {
        "long_name": entry.name.replace("_", " "),
        "units": _label(entry, run.declarations.units),
        "meaning": entry.meaning,
    }
    return words | ({"symbol": entry.short} if entry.short else {})


def _derived_attributes(request: OutputRequest, units: UnitSystem) -> dict[str, str]:
    """``latex`` is the formula in print; a single element of an output has the output's words instead."""
    text = request.span.text if request.span is not None else str(request.formula)
    words = request.single.name.replace("_", " ") if request.single is not None else request.name
    found = {"long_name": words, "symbol": request.name, "formula": text}
    if request.latex and request.single is None:
        found["latex"] = request.latex
    if request.dimension is not None:
        found["units"] = units.label_of(request.dimension)
    return found


def _label(entry: Output, units: UnitSystem) -> str:
    """The unit of an output; those of all choices of words where it hangs on them."""
    if not entry.units or units.natural:
        return units.label(entry.unit)
    return "; ".join(f"[{', '.join(words)}]: {units.label(unit)}" for words, unit in entry.units.items())


def _audit_words(name: str) -> dict[str, str]:
    return {"long_name": name.removeprefix("audit_").replace("_", " "), "units": "1"}


def _reasons(run: Run, finished: Sequence[Solved]) -> np.ndarray[Any, Any]:
    """Why points have no result; points that were not reached are interrupted."""
    reasons = np.full(tuple(len(axis.values) for axis in run.axes), INTERRUPTED, dtype=object)
    for solved in finished:
        reasons[solved.job.place] = solved.error.message if solved.error is not None else ""
    return reasons.astype(np.str_)


def _facts(run: Run, finished: Sequence[Solved]) -> dict[str, str]:
    """Attributes of the Dataset: all of them words, so that any file format keeps them."""
    declarations, task = run.declarations, run.task
    facts = {
        "title": declarations.title or declarations.name,
        "model": declarations.name,
        "task": task.name,
        "verb": task.verb,
        "units": _system(declarations),
        "source": to_text(declarations.block),
        "parameters": json.dumps(_base_values(run)),
        "fields": json.dumps({name: _given(run, name, value) for name, value in run.base.fields.items()}),
        "cases": json.dumps({name: _overrides(run, name) for name in task.cases}),
        "versions": json.dumps(_versions()),
    }
    points = [solved.facts for solved in finished]
    for name in dict.fromkeys(name for point in points for name in point):
        if name not in (ONE_SIDED, DIRECTION):
            said = _different(name, points)
            facts[name] = one_of_each_kind(said) if name in LINES else _said(said)
    if _turned({point.get(DIRECTION, "") for point in points}):
        one_sided = _said(_different(ONE_SIDED, points))
        facts["warnings"] = "\n".join(filter(None, [one_sided, facts.get("warnings", "")]))
    counted = dict.fromkeys(name for solved in finished for name in solved.counts)
    counts = {name: sum(solved.counts.get(name, 0) for solved in finished) for name in counted}
    if run.told:
        facts["verdicts"] = "\n".join(map(str, run.told))
    return facts | {"counts": json.dumps(counts)}


def _different(name: str, points: Sequence[Mapping[str, str]]) -> list[str]:
    """What the points say, different words once."""
    return list(dict.fromkeys(point[name] for point in points if name in point))


def _said(words: Sequence[str]) -> str:
    more = f"; and {len(words) - SAID} more" if len(words) > SAID else ""
    return "; ".join(words[:SAID]) + more


def one_of_each_kind(said: Sequence[str]) -> str:
    """A line for each kind of warning: of those that differ in numbers only the first, and how many."""
    lines = (line for words in said for line in words.splitlines())
    return "\n".join(
        kind[0] + (f" ({len(kind) - 1} more of this kind)" if len(kind) > 1 else "")
        for kind in kinds_of(lines)
    )


def _turned(directions: Set[str]) -> bool:
    """Whether two of the points are biased in opposite directions."""
    opposite = str.maketrans("+-", "-+")
    return any(one and one.translate(opposite) in directions for one in directions)


def _system(declarations: Declarations) -> str:
    """``natural``, or the chosen units."""
    units = declarations.units
    return "natural" if units.natural else "; ".join(f"{name} = {units.text(name)}" for name in units.chosen)


def _base_values(run: Run) -> dict[str, Any]:
    """Parameters that hold at all points; swept ones stand in their coordinates."""
    swept = {axis.name for axis in run.axes}
    values = values_of(run.declarations, run.base.parameters)
    names = [name for name in run.declarations.parameters if name not in swept]
    return {name: _given(run, name, values[name]) for name in names}


def _overrides(run: Run, case: str) -> dict[str, str]:
    return {override.target: str(override.value) for override in run.declarations.cases[case].overrides}


def _given(run: Run, name: str, value: Any) -> Any:
    """A value as it may be given to a run again: a number, with its unit a text."""
    unit = unit_of_name(run.declarations, name)
    if unit is None or np.isinf(value):
        return _plain(value)
    return f"{_plain(in_unit(run.declarations, np.array([value]), unit)[0].item())} [{unit}]"


def _plain(value: Any) -> Any:
    """A number for JSON: complex ones as in the language, infinite as a word."""
    number = complex(value)
    if number.imag:
        return f"{number.real!r}{number.imag:+}i"
    if math.isinf(number.real):
        return "infinite" if number.real > 0 else "-infinite"
    return int(number.real) if isinstance(value, (int, np.integer)) else number.real


def _versions() -> dict[str, str]:
    import scipy
    import sympy

    return {
        "modelkit": __version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "sympy": sympy.__version__,
    }
