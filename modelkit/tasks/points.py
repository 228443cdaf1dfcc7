"""One point of a run: device, solution, arrays.  Points know nothing of one another."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkit.elements.declarations import Declarations
from modelkit.elements.initial import Initial
from modelkit.elements.sites import AXES
from modelkit.elements.tasks import OutputRequest, Quantity
from modelkit.errors import ModelError, NotConverged, Span
from modelkit.graph.device import Device
from modelkit.graph.expand import Expansion
from modelkit.graph.values import values_of
from modelkit.registry import Found, Output, Verb, outputs, result_dims, running_dim
from modelkit.results.dataset import Labelled, Point
from modelkit.results.frames import AXIS, Frame
from modelkit.results.outputs import read_labelled
from modelkit.solve.request import Effort, Request
from modelkit.tasks.beginnings import beginning
from modelkit.tasks.cases import Setting
from modelkit.units import UnitSystem

PROXY = 8  # cells that stand for an infinite ring at first; who needs more asks for them


@dataclass(frozen=True)
class Job:
    """A place in the product of the axes, and what differs from the declaration there.

    ``sampled``: whether audits that need a second solution are made.
    """

    place: tuple[int, ...]
    setting: Setting
    sampled: bool = True


@dataclass(frozen=True)
class Solved:
    """A finished point.

    ``error`` is why it has no arrays; ``values`` are the values of all parameters and lets;
    ``facts`` is what the method says about itself (method, why, conventions); ``effort`` is what it took.
    """

    job: Job
    point: Point | None
    values: Mapping[str, Any]
    facts: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    error: ModelError | NotConverged | None = None
    effort: int = 0


@dataclass(frozen=True)
class Work:
    """All that the points of a run share; calling it does one job.

    ``scaled`` names outputs whose gross flow travels with them.
    ``memory`` keeps what can be used again (conductors of equal devices, labels): it changes no result.
    """

    declarations: Declarations
    expansion: Expansion
    verb: Verb
    options: Mapping[str, Any]
    grids: Mapping[str, Any]
    single: tuple[str, ...]
    requests: tuple[OutputRequest, ...]
    spans: Mapping[str, Span] = field(default_factory=dict)
    scaled: frozenset[str] = frozenset()
    memory: dict[Hashable, Any] = field(default_factory=dict)
    initial: Initial | None = None

    def __call__(self, job: Job) -> Solved:
        """Solve a point; what can go wrong with its values is told, not raised."""
        values: Mapping[str, Any] = {}
        effort = Effort()
        try:
            values = values_of(self.declarations, job.setting.parameters)
            with np.errstate(over="raise"):
                request = replace(self.request(job, values), sampled=job.sampled, effort=effort)
                found = self.verb.solve(request)
                point = self._point(job, found, self._frame(request.device), values)
                return Solved(job, point, values, *_told(found))
        except (ModelError, NotConverged) as error:
            return Solved(job, None, values, error=error, effort=effort.spent)
        except (FloatingPointError, OverflowError):
            return Solved(job, None, values, error=NotConverged(_beyond(values)))
        except MemoryError:
            large = ModelError("this point needs more memory than there is", hint="make the device smaller")
            return Solved(job, None, values, error=large)

    def request(self, job: Job, values: Mapping[str, Any]) -> Request:
        """What the verb is asked for at a point with these values of parameters and lets."""
        found = posed(
            self.verb, self.expansion, values, job.setting.fields,
            options=self.options, grids=self.grids, memory=self.memory, spans=self.spans,
            asked=frozenset(self._asked()),
        )  # fmt: skip
        if self.initial is None:
            return found
        return replace(found, initial=beginning(self.initial, values, found.device))

    def _asked(self) -> Iterator[str]:
        for request in self.requests:
            if request.formula is None:
                yield request.name
            yield from (quantity.output for quantity in request.quantities.values())

    def converges(self, job: Job, parameters: Mapping[str, Any], effort: Effort) -> bool:
        """Whether a solution with other values of some parameters is found from the last one.

        Raises
        ------
        Exhausted
            The effort that is granted ends first.
        """
        try:
            values = values_of(self.declarations, {**job.setting.parameters, **parameters})
            request = replace(self.request(job, values), effort=effort, hasty=True, sampled=False)
            self.verb.solve(request)
        except (ModelError, NotConverged, FloatingPointError, OverflowError):
            return False
        return True

    def _frame(self, device: Any) -> Frame:
        """The labels of the device, those of an earlier point if they are the same."""
        kept: Frame | None = self.memory.get("frame")
        if kept is None or not kept.describes(device):
            kept = self.memory["frame"] = Frame(device)
        return kept

    def _point(self, job: Job, found: Found, frame: Frame, values: Mapping[str, Any]) -> Point:
        arrays: dict[str, Labelled] = {}
        known: dict[str, Labelled] = {}
        audits = dict(found.audits)
        units = self.declarations.units

        def output(name: str) -> Labelled:
            if name not in known:
                entry = outputs[name].of(self.verb.name)
                array, own = read_labelled(name, found, self.verb.name)
                for audit, value in own.items():
                    audits[audit] = max(value, audits.get(audit, 0.0))
                factor = scale_of(entry, units)
                plain = not isinstance(factor, np.ndarray) and factor == 1
                known[name] = self._reduced(array if plain else Labelled(array.dims, array.values * factor))
            return known[name]

        for position, request in enumerate(self.requests):
            if request.formula is None:
                arrays[request.name] = output(request.name)
            for number, quantity in enumerate(request.quantities.values()):
                picked = pick(
                    quantity, output(quantity.output), partial(_labels, found=found, frame=frame), values
                )
                if picked is not None:
                    arrays[reference(position, number)] = picked
        for name in self.scaled:
            arrays[gross(name)] = gross_flow(outputs[name].of(self.verb.name), found, units)
        arrays |= {f"audit_{name}": Labelled((), np.asarray(value)) for name, value in audits.items()}
        dims = dict.fromkeys(dim for array in arrays.values() for dim in array.dims)
        labels = {dim: _labels(dim, found=found, frame=frame) for dim in dims}
        own = getattr(found, "labels", {})
        coordinates = {
            name: array for dim in dims if dim not in own for name, array in frame.coordinates(dim).items()
        }
        placed = [array.values.shape[1] for array in coordinates.values() if AXIS in array.dims]
        if placed:
            labels[AXIS] = np.array(AXES[: placed[0]])
        return Point(job.place, arrays, labels, coordinates)

    def _reduced(self, array: Labelled) -> Labelled:
        """Without the dimension of a running variable that was given as a single value."""
        for name in self.single:
            dim = running_dim(name)
            if dim is not None and dim in array.dims:
                along = array.dims.index(dim)
                values = np.take(array.values, 0, axis=along)
                array = Labelled(array.dims[:along] + array.dims[along + 1 :], values)
        return array


def posed(
    verb: Verb, expansion: Expansion, values: Mapping[str, Any], fields: Mapping[str, Any], **more: Any
) -> Request:
    """The request at these values; a verb with momenta gets the device with rings that may be infinite."""
    if not verb.momenta:
        return Request(expansion.device(values, fields), **more)

    def proxy(cells: int) -> Device:
        return expansion.device(values, fields, cells=cells)

    return Request(proxy(PROXY), proxy=proxy, **more)


def scale_of(entry: Output, units: UnitSystem) -> float | NDArray[np.float64]:
    """Numbers of the model for 1 of the device; an array where the unit hangs on words."""
    if not entry.units or units.natural:
        return units.scale(entry.unit)
    words = [result_dims[dim].words for dim in entry.dims[: len(next(iter(entry.units)))]]
    scales = np.array([units.scale(entry.units[choice]) for choice in itertools.product(*words)])
    return scales.reshape([*map(len, words), *(1,) * (len(entry.dims) - len(words))])


def gross_flow(entry: Output, found: Found, units: UnitSystem) -> Labelled:
    """What rounding of an output is counted against: a number, or one for each choice of its words."""
    flow, factor = np.asarray((entry.scale or _unknown)(found)), scale_of(entry, units)
    if not flow.ndim:
        return Labelled((), flow * np.max(factor))
    by_words = factor.reshape(flow.shape) if isinstance(factor, np.ndarray) else factor
    return Labelled(entry.dims[: flow.ndim], flow * by_words)


def reference(position: int, number: int) -> str:
    """The private name under which a result reference of a formula travels."""
    return f"\N{SECTION SIGN}{position}.{number}"


def gross(output: str) -> str:
    """The private name under which the gross flow of an output travels."""
    return f"\N{SECTION SIGN}{output}"


def _unknown(found: Found) -> float:
    """The gross flow of an output that has none declared."""
    return np.nan


def pick(
    quantity: Quantity, array: Labelled, labels: Callable[[str], Any], values: Mapping[str, Any]
) -> Labelled | None:
    """The element ``I[L]`` of an output at this point; None where there is no such label.

    Labels fill the labelled dimensions (terminal, site, bond, ...) in their order; ``labels(dim)`` are all
    of one.
    """
    picked, dims = array.values, list(array.dims)
    _check_labels(quantity, array)
    labelled = [dim for dim in array.dims if result_dims[dim].labelled]
    for dim, label in zip(labelled, quantity.labels, strict=False):
        at = np.flatnonzero(labels(dim) == label.text(values))
        if not len(at):
            return None
        picked = np.take(picked, int(at[0]), axis=dims.index(dim))
        dims.remove(dim)
    return Labelled(tuple(dims), picked)


def _check_labels(quantity: Quantity, array: Labelled) -> None:
    """Refuse labels of a dimension that the method does not give: ``n[c[1]]`` of occupations by momentum."""
    own = [dim for dim in array.dims if result_dims[dim].labelled]
    if len(quantity.labels) > len(own):
        written = f"{quantity.output}[{', '.join(map(str, quantity.labels))}]"
        message = f"'{written}' has no value: here '{quantity.output}' runs over {', '.join(array.dims)}"
        raise ModelError(message, hint="leave out the label, or ask another method")


def _labels(dim: str, *, found: Any, frame: Frame) -> np.ndarray[Any, Any]:
    """Labels along a dimension, those of what was found first, or the numbers of a grid."""
    own = getattr(found, "labels", {})
    if dim in own:
        return np.array(own[dim], dtype=np.str_)
    return frame.labels(dim) if result_dims[dim].labelled else np.asarray(found.grids[dim])


def _beyond(values: Mapping[str, Any]) -> str:
    """Why a product of numbers that are fine by themselves is beyond all numbers."""
    sizes = {abs(value): name for name, value in values.items() if 0 < abs(value) < np.inf}
    ends = (sizes[end(sizes)] for end in (min, max)) if len(sizes) > 1 else ()
    said = " to ".join(f"{name} = {values[name]:.6g}" for name in ends)
    return "the numbers of this point lie too far apart to be computed with" + (said and f": from {said}")


def _told(found: Found) -> tuple[dict[str, str], dict[str, int]]:
    facts = {"method": found.method, "why": found.why} | dict(found.attributes)
    return facts, dict(found.counts)
