"""Currents to first order in the bias: linear in what drives them, with coefficients that are related."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from modelkit.graph.device import Device
from modelkit.symmetry.names import name_of
from modelkit.symmetry.operations import Operation, nearest
from modelkit.symmetry.parts import examined
from modelkit.symmetry.relations import Combination, held, is_at_rest
from modelkit.symmetry.responses import Coefficient, Coefficients
from modelkit.symmetry.structure import SORTS
from modelkit.symmetry.tensors import Tensors


def linear_rule(first: Device, second: Device, combination: Combination) -> tuple[str, ...] | None:
    """What makes a combination of the currents of two cases vanish to first order; None if nothing does.

    Both devices must be at rest without their bias, and one must be the image of the other: by the
    operation that is named, unless they are the same.
    """
    tensors = Tensors(first)
    if not (is_at_rest(first) and is_at_rest(second)) or first.reference != second.reference:
        return None
    if not {current.terminal for current in combination} <= set(tensors.driven):
        return None
    known = tensors.tensor(1)
    one, other = examined(first, driven=False), examined(second, driven=False)
    for sort in SORTS:
        operation = nearest(one, other, sort)
        if operation is None:
            continue
        sums: dict[Coefficient, float] = defaultdict(float)
        images = _images(known, operation)
        for current, factor in combination.items():
            device = (first, second)[current.case]
            for (kind, terminal), deviation in _deviations(device).items():
                each = Coefficient(current.of, current.terminal, ((kind, terminal),))
                own, sign = images[each] if current.case else (each, 1.0)
                sums[own] += factor * sign * deviation
        if known.equal(sums):
            return tuple(name for name in [name_of(operation, one)] if name != "identity")
    return None


def _images(known: Coefficients, operation: Operation) -> dict[Coefficient, tuple[Coefficient, float]]:
    """For each coefficient of the image the one of the device that it is, and its sign."""
    found = {}
    for each in known.all:
        image, sign = known.image(each, operation)
        found[image] = each, sign
    return found


def _deviations(device: Device) -> dict[tuple[str, int], float]:
    """By which mu, and T in units of the reference's, a terminal is driven: what is not zero."""
    mu, T = device.reference["mu"], device.reference.get("T", 0.0)
    found: dict[tuple[str, int], float] = {}
    for group in device.terminals:
        for kind, name, middle, unit in (("V", "mu", mu, 1.0), ("T", "T", T, T or 1.0)):
            if "mu" in held(group) and name in held(group):
                values = (np.broadcast_to(group.given[name], group.count) - middle) / unit
                found |= {(kind, group.first + k): float(x) for k, x in enumerate(values) if x}
    return found
