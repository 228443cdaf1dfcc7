"""What the verbs of open chains found: a state with the method that gave it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkit.errors import ModelError
from modelkit.graph.device import Device
from modelkit.results.audit import demand
from modelkit.results.dataset import Labelled
from modelkit.solve.open_chains.method import OpenMethod, open_methods
from modelkit.solve.open_chains.state import OpenState
from modelkit.solve.request import Request

OPTIONS: Mapping[str, str] = {"method": "the method instead of the compiler's choice"}


if TYPE_CHECKING:
    from modelkit.solve.open_chains.choose import Chain


@dataclass(frozen=True)
class OpenFound:
    """A state of an open chain; see :class:`modelkit.registry.Found`."""

    state: OpenState
    method: str
    why: str
    grids: Mapping[str, Any]
    labels: Mapping[str, Any]
    gross: float = 0.0  # the particle current per cell that all hops together could carry
    gross_jumps: float = 0.0  # the same of all jumps

    @property
    def counts(self) -> Mapping[str, int]:
        """Those of the method."""
        return self.state.counts

    @property
    def attributes(self) -> Mapping[str, str]:
        """Notes of the method, each under its name, and all together as lines that are shown."""
        notes = self.state.attributes
        lines = "\n".join(f"{name.replace('_', ' ')}: {text}" for name, text in notes.items())
        return {**notes, "notes": lines} if notes else {}

    @property
    def audits(self) -> Mapping[str, float]:
        """Those of the method."""
        return self.state.audits

    def give(self, name: str) -> Labelled:
        """An output; ModelError where the method does not give it, naming one that does."""
        array: Labelled | None = getattr(self.state, name)
        if array is None:
            others = [
                one.name for one in open_methods.values() if name in one.gives and one.name != self.method
            ]
            hint = f"ask method = {' or '.join(others)}" if others else f"leave out '{name}'"
            raise ModelError(f"the method '{self.method}' does not give '{name}' here", hint=hint)
        return array


def check(request: Request, verb: str) -> Iterator[ModelError]:
    """Say what of a request the verbs of open chains cannot treat."""
    yield from request.unknown_options(OPTIONS)
    device = request.device
    for group in device.terminals[:1]:
        name = group.terminal.name
        message = f"'{verb}' is of chains whose environment is dissipators, and '{name}' is a terminal"
        yield ModelError(message, request.place(""), hint="ask transport, or leave out the terminals")
    if not device.terminals and not device.dissipators:
        message = (
            f"the model has no dissipator: nothing leads to a steady state, and '{verb}' has nothing to do"
        )
        hint = "write: dissipator loss[j] on chain { jump = c[j]; rate = kappa }"
        yield ModelError(message, request.place(""), hint=hint)


def found(chain: Chain, method: OpenMethod, state: OpenState, why: str) -> OpenFound:
    """The result, its audits demanded; dissipators that the method left out lose nothing."""
    demand(state.audits)
    names = [group.name for group in chain.request.device.dissipators]
    if state.loss_rate is not None:
        own = list(state.labels.get("dissipator", names))
        state = replace(
            state, loss_rate=_spread(state.loss_rate, [own.index(n) if n in own else -1 for n in names])
        )
    times = {"time": chain.request.grids["time"]} if "time" in chain.request.grids else {}
    labels = {**state.labels, "dissipator": tuple(names)}
    device = chain.request.device
    cells = max((group.count for group in device.sites), default=1)
    hops, jumps = float(np.abs(device.hops.value).sum()) / cells, _jumps(device) / cells
    return OpenFound(state, method.name, why, {**state.grids, **times}, labels, hops, jumps)


def _jumps(device: Device) -> float:
    """At most so many jumps happen in a time: rates times the squares of the sums of coefficients."""
    total = 0.0
    for group in device.dissipators:
        amplitude = np.zeros(len(group.rate))
        for products in group.products:
            np.add.at(amplitude, products.member, np.abs(products.value))
        total += float(group.rate @ amplitude**2)
    return total


def _spread(array: Labelled, places: list[int]) -> Labelled:
    """With zeros where a place is -1, along ``dissipator``, the last dimension."""
    taken = np.take(array.values, [max(place, 0) for place in places], axis=-1)
    return Labelled(array.dims, np.where(np.array(places) < 0, 0.0, taken))
