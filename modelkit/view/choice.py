"""Which drawings suit the results at hand: those of the model's ``plot``, fitted to values from outside.

A value given from outside replaces a sweep together with its dimension, so that a drawing against it
has nothing to run along.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelkit.elements.sweeps import RUNNING
from modelkit.view.figures import default_drawings

if TYPE_CHECKING:
    import xarray as xr

    from modelkit.elements.declarations import Declarations
    from modelkit.elements.plots import Drawing


@dataclass(frozen=True)
class Choice:
    """What is drawn, and in ``notes`` what is drawn in another way than the plot says, or not at all."""

    drawings: tuple[Drawing, ...]
    notes: tuple[str, ...] = ()


def choose_drawings(declarations: Declarations, task: str, dataset: xr.Dataset) -> Choice:
    """The drawings of a task's plot that its results allow, else what suits the results.

    A sweep that was given a single value is no axis: what is drawn against it and by something else
    is drawn against that, what is drawn against it alone is left out.
    """
    declared = [drawing for plot in declarations.plots if plot.task == task for drawing in plot.drawings]
    swept = {RUNNING.get(sweep.name, sweep.name): sweep.name for sweep in declarations.tasks[task].sweeps}
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
    return Choice(tuple(dict.fromkeys(drawings)) or default_drawings(dataset), tuple(dict.fromkeys(notes)))
