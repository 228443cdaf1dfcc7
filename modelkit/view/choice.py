"""Which drawings suit the results at hand: those of the model's ``plot``, fitted to values from outside.

A value given from outside replaces a sweep together with its dimension, so that a drawing against it
has nothing to run along.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelkit.registry import running_dim
from modelkit.view.figures import default_drawings, possible_drawings

if TYPE_CHECKING:
    import xarray as xr

    from modelkit.elements.declarations import Declarations
    from modelkit.elements.plots import Drawing
    from modelkit.elements.sweeps import Sweep


@dataclass(frozen=True)
class Choice:
    """What is drawn.

    ``notes`` say what is drawn in another way than the plot says, or not at all; ``undeclared`` what is
    drawn without a plot, and how to draw something else.
    """

    drawings: tuple[Drawing, ...]
    notes: tuple[str, ...] = ()
    undeclared: str = ""


def choose_drawings(declarations: Declarations, task: str, dataset: xr.Dataset) -> Choice:
    """The drawings of a task's plot that its results allow, else what suits the results.

    A sweep that was given a single value is no axis: what is drawn against it and by something else
    is drawn against that, what is drawn against it alone is left out.
    """
    declared = [drawing for plot in declarations.plots if plot.task == task for drawing in plot.drawings]
    chosen = declarations.tasks[task]
    swept = {_dim(sweep): sweep.name for sweep in chosen.sweeps}
    single = {dim: name for dim, name in swept.items() if dim not in dataset.dims}
    drawings: list[Drawing] = []
    notes: list[str] = []
    for drawing in declared:
        fixed = [name for name in (drawing.against, drawing.by) if name in single]
        if not fixed:
            drawings.append(drawing)
            continue
        left = [name for name in (drawing.against, drawing.by) if name and name not in single]
        names = " and ".join(f"'{single[name]}'" for name in fixed if name)
        values = f"{names} {'has a single value' if len(fixed) == 1 else 'have single values'}"
        if left:
            drawings.append(replace(drawing, kind="draw", against=left[0], by=None, span=None))
            notes.append(f"{values}: '{drawing.quantity}' is drawn against '{left[0]}' alone")
        else:
            notes.append(f"{values}: '{drawing.quantity}' is not drawn")
    said = tuple(dict.fromkeys(notes))
    if drawings:
        return Choice(tuple(dict.fromkeys(drawings)), said)
    return Choice(default_drawings(dataset), said, _undeclared(task, dataset))


def _dim(sweep: Sweep) -> str:
    """The dimension of results that a sweep gives."""
    return (running_dim(sweep.name) if sweep.running else None) or sweep.name


def _undeclared(task: str, dataset: xr.Dataset) -> str:
    """The line of the text that gives the figure, and the one that gives the next result."""
    possible = list(possible_drawings(dataset))
    lines = [
        f"{one.kind} {one.quantity} against {one.against}" + (f" by {one.by}" if one.by else "")
        for one in possible
    ]
    if possible and possible[0].most is not None:
        return f"{lines[0]}, the largest alone; for all declare: plot {task} {{ {lines[0]} }}"
    if len(lines) < 2:
        return lines[0] if lines else ""
    return f"{lines[0]}; for other results declare: plot {task} {{ {lines[1]} }}"
