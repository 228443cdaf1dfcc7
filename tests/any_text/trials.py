"""What is done with any text: check it, run its tasks, draw them; only modelkit's own errors may escape."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import modelkit as mk
from modelkit.elements.sweeps import running_variables
from modelkit.model.devices import device_at
from modelkit.registry import outputs, verbs
from modelkit.tasks.sweeps import plan

ROOT = Path(__file__).parents[2]
FEW = 3000  # sites: what is larger is right, but not for a quick test
KNOWN = frozenset(outputs) - {"lagrange_multiplier"}  # which is infinite where a mode is empty or full


def try_text(text: str, *, figures: bool = False) -> mk.Model | None:
    """The model, if the text is one; its tasks end in results or in errors that lie in the text."""
    try:
        model = mk.loads(text)
        if sites_of(model) > FEW:
            return None
        model.check()
        assert mk.loads(model.to_source()) == model
    except mk.ModelError as error:
        assert_told(error, text)
        return None
    for task in model.tasks:
        try_task(model, task, text, figures=figures)
    return model


def try_task(model: mk.Model, task: str, text: str, *, figures: bool = False) -> None:
    """Run a task at the first and last of its points."""
    declared = model.declarations.tasks[task]
    try:
        running = running_variables(verbs[declared.verb], model.declarations.elements)
        planned = plan(model.declarations, declared, running, {})
        few = {name: _ends(values) for name, values in {**planned.axes, **planned.grids}.items()}
        dataset = model.run(task, few)
    except mk.ModelError as error:
        assert_told(error, text)
        return
    except mk.NotConverged:
        return
    assert_result(dataset)
    if figures:
        _drawn(model, task, dataset)


def try_values(model: mk.Model, task: str | None, values: Mapping[str, Any]) -> None:
    """Values from outside give results or errors."""
    try:
        if sites_of(model, values) > FEW:
            return
        assert_result(model.run(task, values))
    except mk.ModelError as error:
        assert_told(error, None)
    except mk.NotConverged:
        return


def sites_of(model: mk.Model, values: Mapping[str, Any] | None = None) -> int:
    """Number of sites, once an expansion has told that they are not too many to be counted."""
    single = {
        name: value
        for name, value in (values or {}).items()
        if not isinstance(value, list | tuple | np.ndarray)
    }
    return device_at(model.declarations, model._expansion, single, shown=True).size


def assert_told(error: mk.ModelError, text: str | None) -> None:
    """Every error has words, suggests what to do and lies inside the text that was read."""
    assert error.errors
    for one in error.errors:
        assert one.message
        assert one.hint, one.message
        assert str(one)
        assert one.record()["message"]
        assert one.span is None or 0 <= one.span.start <= one.span.end <= len(one.span.source.text)
        if one.span is not None and text is not None:
            source = one.span.source
            assert source.text == text.removeprefix("\ufeff") or (
                source.name.startswith("<") and source.name != "<text>"
            )


def assert_result(dataset: Any) -> None:
    """A result says how it was found, and no number of it is infinite."""
    assert dataset.attrs["method"]
    for name, array in dataset.data_vars.items():
        if array.dtype.kind in "fc" and name in KNOWN:
            assert not np.isinf(array.values).any(), name


def _ends(values: np.ndarray) -> list[Any]:
    return [*dict.fromkeys((values[0].item(), values[-1].item()))]


def _drawn(model: mk.Model, task: str, dataset: Any) -> None:
    import matplotlib.pyplot as plt

    try:
        figure = model.figure(task, dataset)
    except mk.ModelError as error:  # single numbers, a matrix of one element
        assert_told(error, None)
        return
    figure.canvas.draw()
    plt.close(figure)
