"""The device of a model at given values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelkit.elements.declarations import Declarations
from modelkit.graph.device import Device
from modelkit.graph.expand import Expansion
from modelkit.graph.values import values_of
from modelkit.tasks.outside import numbers_of
from modelkit.tasks.points import PROXY


def device_at(
    declarations: Declarations, expansion: Expansion, given: Mapping[str, Any], *, shown: bool = False
) -> Device:
    """The device; with ``shown`` some cells stand for rings that are infinite, which else are refused."""
    known = numbers_of(declarations, given)
    parameters = {name: value for name, value in known.items() if "." not in name}
    fields = {name: value for name, value in known.items() if "." in name}
    values = values_of(declarations, parameters)
    return expansion.device(values, fields, cells=PROXY if shown else None)
