"""The initial state of a task at given values: a number, one for each site, or a function of the momentum."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkit.elements.initial import Initial
from modelkit.errors import ModelError
from modelkit.graph.device import Device
from modelkit.graph.formulas import evaluated, names_in, real_number
from modelkit.numerics.evaluate import first_fault, mending

Floats = NDArray[np.float64]


def beginning(initial: Initial, values: Mapping[str, Any], device: Device) -> dict[str, Any]:
    """The state by the word of its field.

    A float; an array (n_sites,) where the formula holds indices of sites; a function of momenta (n_k,) that
    gives an array (n_k, 1) where it holds the momentum.

    Raises
    ------
    ModelError
        A value is no finite real number, or a site lacks an index.
    """
    what = f"the initial {initial.field}"
    names = names_in([initial.value])
    if initial.momenta & names:
        return {initial.field: _of_momentum(initial, values, *initial.momenta & names)}
    if not initial.indices & names:
        return {initial.field: real_number(initial.value, values, what, initial.span)}
    parts = []
    for group in device.sites:
        missing = sorted((initial.indices & names) - set(group.index))
        if missing:
            message = f"{what} holds the index '{missing[0]}', which '{group.family.pattern}' has not"
            hint = "write a formula that has a value on every site"
            raise ModelError(message, initial.span, hint=hint)
        found = _real(evaluated(initial.value, values, group.index, initial.span), initial)
        parts.append(np.broadcast_to(found, (group.count,)))
    return {initial.field: np.concatenate(parts)}


def _of_momentum(initial: Initial, values: Mapping[str, Any], name: str) -> Callable[[Floats], Floats]:
    def at(k: Floats) -> Floats:
        found = _real(evaluated(initial.value, values, {name: k}, initial.span), initial)
        return np.broadcast_to(found, k.shape)[:, None]

    return at


def _real(found: NDArray[Any], initial: Initial) -> Floats:
    fault = first_fault(found, real=True)
    if fault is not None:
        message = f"the initial {initial.field} is {fault.reason}"
        raise ModelError(message, initial.span, hint=mending(fault.reason))
    return np.asarray(found.real, dtype=float)
