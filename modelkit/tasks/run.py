"""A task from its declaration to its Dataset."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkit.compile.open_system import open_system
from modelkit.elements.cases import Case
from modelkit.elements.declarations import Declarations
from modelkit.elements.sweeps import running_variables
from modelkit.elements.tasks import CALL, Task
from modelkit.errors import ModelError, NotConverged, raise_all
from modelkit.graph.expand import Expansion
from modelkit.graph.values import values_of
from modelkit.registry import check_method, suggestion, verbs
from modelkit.results import store
from modelkit.results.dataset import Axis
from modelkit.solve.request import Request, prepare
from modelkit.tasks.cases import Setting, setting
from modelkit.tasks.collect import Run, collect
from modelkit.tasks.forbidden import told
from modelkit.tasks.limits import with_limit
from modelkit.tasks.outside import in_unit, numbers_of, unit_of_name
from modelkit.tasks.points import Job, Solved, Work
from modelkit.tasks.sweeps import Plan, plan
from modelkit.tasks.value_checks import value_checks, violated

if TYPE_CHECKING:
    import xarray as xr

Mapper = Callable[[Callable[[Job], Solved], Iterable[Job]], Iterable[Solved]]
Progress = Callable[[int, int], None]

LEAST_SAMPLED = 4  # points of a task at which the audits are made that need a second solution
LARGEST = 10**9  # numbers in the results of a task
PAUSE = 5.0  # seconds between two writings of the finished points


class Interrupted(KeyboardInterrupt):
    """A run was stopped by hand; ``partial`` is the Dataset of the finished points, or None."""

    def __init__(self, partial: xr.Dataset | None) -> None:
        super().__init__("interrupted")
        self.partial = partial


@dataclass(frozen=True)
class Manner:
    """How a task is run; none of it changes a number but ``method``.

    Parameters
    ----------
    method : str or None
        The method instead of the chosen one.
    progress : callable or None
        ``progress(finished, all)`` after each point.
    path : Path or None
        Where the Dataset is written; while the run lasts, finished points stand in ``PATH.part``.
    mapper : callable
        Does the points: ``map`` or the ``map`` of a ``concurrent.futures.Executor``.
    """

    method: str | None = None
    progress: Progress | None = None
    path: Path | None = None
    mapper: Mapper = map


PLAIN = Manner()


def find_task(declarations: Declarations, name: str | None) -> Task:
    """The named task, or the first one."""
    if not declarations.tasks:
        raise ModelError(
            "the model has no task", hint="write: task NAME = transport(order = 1) { output current }"
        )
    if name is None:
        return next(iter(declarations.tasks.values()))
    if name not in declarations.tasks:
        raise ModelError(f"there is no task '{name}'", hint=suggestion(name, declarations.tasks, "tasks"))
    return declarations.tasks[name]


def given_to(declarations: Declarations, task: Task, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values from outside as numbers of the model; running variables of the task's verb may be among them."""
    running = running_variables(verbs[task.verb], declarations.elements)
    return numbers_of(declarations, values, running=running)


def objections(declarations: Declarations, expansion: Expansion) -> Iterator[ModelError]:
    """What the tasks cannot do, as far as it is found without solving, each error at its line.

    A task is tried where its run begins.  One that sweeps is tried where it ends as well, and refused
    only when both fail: a point of a sweep may fail.
    """
    for task in declarations.tasks.values():
        try:
            planned = plan(declarations, task, running_variables(verbs[task.verb], declarations.elements), {})
            found = [
                _refused(expansion, task, planned.grids, job) for job in _ends(declarations, task, planned)
            ]
        except ModelError as error:
            found = [list(error.errors)]
        for one in found[0] if all(found) else ():
            yield ModelError(one.message, one.span or task.span, hint=one.hint)


def _ends(declarations: Declarations, task: Task, planned: Plan) -> Iterator[Job]:
    """The first point, and the last value of each sweep."""
    yield next(_jobs(declarations, task, planned))
    if planned.axes:
        last = {name: values[-1:] for name, values in planned.axes.items()}
        yield next(_jobs(declarations, task, replace(planned, axes=last)))


def _refused(expansion: Expansion, task: Task, grids: Mapping[str, Any], job: Job) -> list[ModelError]:
    """What is refused at one point: by the verb, by the device, by the method that was asked for."""
    try:
        declarations, verb = expansion.graph.graph["declarations"], verbs[task.verb]
        values = values_of(declarations, job.setting.parameters)
        request = Work(
            declarations, expansion, verb, task.options, grids, (), task.outputs, task.spans,
            initial=task.initial,
        ).request(job, values)  # fmt: skip
        errors = list(verb.check(request))
        if not errors and not verb.momenta:
            _try_contacts(request)
    except ModelError as error:
        errors = list(error.errors)
    return errors


def _try_contacts(request: Request) -> None:
    """Self-energies at a few energies of the run.

    A method is tried only where one was asked for: otherwise one always fits, and finding it loads more
    than all the rest of a check.
    """
    device = request.device
    system = prepare(request).system if "method" in request.options else open_system(device)
    energies = [*(end for grid in request.grids.values() for end in (grid[0], grid[-1]))]
    if not energies and "mu" in device.reference:
        half = device.reference.get("T", 0.0) / 2
        energies = [device.reference["mu"] - half, device.reference["mu"] + half]
    if energies:
        system.contacts.sigma(np.array(energies))


def run_task(
    declarations: Declarations,
    expansion: Expansion,
    task: Task,
    outside: Mapping[str, Any],
    manner: Manner = PLAIN,
) -> xr.Dataset:
    """Run a task.

    Parameters
    ----------
    declarations, expansion
        The model and its expansion (whose cache is reused).
    task : Task
        One of its tasks.
    outside : mapping
        Numbers or one-dimensional arrays by name of parameter, field (``L.T``) or running variable.
    manner : Manner
        How it is run.

    Returns
    -------
    xarray.Dataset
        Dimensions: the sweeps in the order of the text, ``case`` if the task has cases, then those of
        the outputs.  A point that fails is NaN, with the reason in ``failed``.

    Raises
    ------
    ModelError, NotConverged
        The values are not allowed; all points fail; a task without sweeps fails in one of its cases; what
        symmetry forbids does not vanish; a ``check value`` does not hold (the Dataset is written then).
    Interrupted
        By the keyboard, with the finished points.
    """
    verb = verbs[task.verb]
    planned = plan(declarations, task, running_variables(verb, declarations.elements), outside)
    _check_values(declarations, planned)
    if manner.method is not None:
        check_method(manner.method, verb.name)
    chosen = {} if manner.method is None else {"method": manner.method}
    options = dict(task.options) | chosen
    written = {name: span for name, span in task.spans.items() if name not in chosen}
    verdicts = tuple(told(expansion, replace(task, options=options), outside))
    checked = value_checks(declarations, task)
    requests = (*task.outputs, *(each.request for each in checked))
    scaled = frozenset().union(*(each.outputs for each in verdicts if each.forbidden))
    work = Work(
        declarations, expansion, verb, options, planned.grids, planned.single, requests, written, scaled,
        initial=task.initial,
    )  # fmt: skip
    axes = _axes(declarations, task, planned)
    jobs = _sampled(list(_jobs(declarations, task, planned)))
    base = _base(declarations, task, planned)
    run = Run(declarations, task, axes, tuple(jobs), task.outputs, base, verdicts)
    finished, interrupted = _finish(work, run, manner)
    if interrupted:
        partial = collect(run, finished, interrupted=True) if any(one.point for one in finished) else None
        if partial is not None and manner.path is not None:
            _write(partial, manner.path)
        raise Interrupted(partial)
    _raise_if_lost(work, finished, bool(planned.axes))
    dataset = collect(run, finished)
    if manner.path is not None:
        _write(dataset, manner.path)
    if checked:
        raise_all(violated(checked, collect(replace(run, requests=requests), finished)))
    return dataset


def _check_values(declarations: Declarations, planned: Plan) -> None:
    """Every value from outside and of the sweeps by itself, before anything is run."""
    parameters = {name: value for name, value in planned.given.items() if "." not in name}
    values_of(declarations, parameters)
    for name, values in planned.axes.items():
        if "." not in name:
            for value in values.tolist():
                values_of(declarations, parameters | {name: value})


def _axes(declarations: Declarations, task: Task, planned: Plan) -> tuple[Axis, ...]:
    axes = []
    for name, values in planned.axes.items():
        parameter = declarations.parameters.get(name)
        unit = unit_of_name(declarations, name) or ""
        words = {"long_name": (parameter.doc if parameter else "") or name, "units": unit}
        axes.append(Axis(name, in_unit(declarations, values, unit), words))
    if task.cases:
        axes.append(Axis("case", np.array(task.cases)))
    return tuple(axes)


def _jobs(declarations: Declarations, task: Task, planned: Plan) -> Iterator[Job]:
    """All points, the case running fastest."""
    cases: list[Case | None] = [declarations.cases[name] for name in task.cases] or [None]
    lengths = [range(len(values)) for values in planned.axes.values()]
    lists = [values.tolist() for values in planned.axes.values()]
    for place in itertools.product(*lengths):
        swept = {name: values[at] for name, values, at in zip(planned.axes, lists, place, strict=True)}
        for position, case in enumerate(cases):
            chosen = setting(declarations, task.overrides, dict(planned.given) | swept, case)
            yield Job(place if case is None else (*place, position), chosen)


def _sampled(jobs: list[Job]) -> list[Job]:
    """Audits that need a second solution are made at one point in a hundred, at least four, evenly."""
    wanted = max(LEAST_SAMPLED, math.ceil(len(jobs) / 100))
    if len(jobs) <= wanted:
        return jobs
    chosen = set(np.linspace(0, len(jobs) - 1, wanted).round().astype(int).tolist())
    return [replace(job, sampled=number in chosen) for number, job in enumerate(jobs)]


def _base(declarations: Declarations, task: Task, planned: Plan) -> Setting:
    """What holds at all points as far as neither sweep nor case changes it."""
    return setting(declarations, task.overrides, planned.given, None)


def _finish(work: Work, run: Run, manner: Manner) -> tuple[list[Solved], bool]:
    """Do all jobs; True when the keyboard stopped them."""
    finished: list[Solved] = []
    part = manner.path.with_name(manner.path.name + ".part") if manner.path is not None else None
    due = time.monotonic() + PAUSE
    try:
        for solved in manner.mapper(work, run.jobs):
            _refuse_too_large(solved, len(run.jobs))
            finished.append(solved)
            if manner.progress is not None:
                manner.progress(len(finished), len(run.jobs))
            if part is not None and time.monotonic() > due and any(one.point for one in finished):
                started = time.monotonic()
                store.write(collect(run, finished, interrupted=True), part)
                due = time.monotonic() + PAUSE + 10 * (time.monotonic() - started)
    except KeyboardInterrupt:
        return finished, True
    return finished, False


def _refuse_too_large(solved: Solved, points: int) -> None:
    """A point that shows that all of them together do not fit is an error."""
    arrays = solved.point.arrays.values() if solved.point is not None else ()
    entries = points * sum(array.values.size for array in arrays)
    if entries > LARGEST:
        raise ModelError(
            f"the results of {points} points would have {entries:.1e} numbers, more than {LARGEST:.0e}",
            hint="sweep fewer values, or ask for fewer outputs",
        )


def _raise_if_lost(work: Work, finished: Sequence[Solved], swept: bool) -> None:
    """The first failure, when no point is left or there is one point only; with its limit."""
    failed = [one for one in finished if one.error is not None]
    if failed and (len(failed) == len(finished) or not swept):
        error = failed[0].error
        if isinstance(error, NotConverged):
            raise with_limit(work, failed[0])
        assert error is not None
        raise_all(_placed(one, work) for one in error.errors)


def _placed(error: ModelError, work: Work) -> ModelError:
    """The error; one that stands nowhere is shown at the task."""
    return ModelError(error.message, error.span or work.spans.get(CALL), hint=error.hint)


def _write(dataset: xr.Dataset, path: Path) -> None:
    store.write(dataset, path)
    path.with_name(path.name + ".part").unlink(missing_ok=True)
