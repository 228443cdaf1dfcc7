"""What a verb is asked for, and the conductor that it works with."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import Levels, OpenSystem, open_system
from modelkit.elements.tasks import CALL
from modelkit.errors import ModelError, Span
from modelkit.graph.device import Device
from modelkit.graph.interactions import untreated
from modelkit.registry import suggestion
from modelkit.solve.choose import choose
from modelkit.solve.conductor import Conductance, Conductor
from modelkit.solve.memory import refuse_large

Floats = NDArray[np.float64]

KEPT = 2**30  # bytes of factorised energies kept for later points of a run
DISTRIBUTIONS = 16  # arrays over terminals that one energy needs while it is solved
BATCH = 2**28  # bytes of energies factorised at once


class Exhausted(Exception):
    """More effort than was granted; who grants it catches it."""


@dataclass
class Effort:
    """How many energies were posed, once for each trial of the unknowns, and how many may be."""

    most: float = math.inf
    spent: int = 0

    def spend(self, energies: int) -> None:
        """Count; raises Exhausted beyond what is granted."""
        self.spent += energies
        if self.spent > self.most:
            raise Exhausted


@dataclass(frozen=True)
class Request:
    """One device and what is to be done with it.

    ``options`` are those of the verb (``order``, ``method``), ``spans`` their places in the text and,
    under ``CALL``, that of the verb itself;
    ``grids`` are its running variables (``E``), shape (n,) each.  ``memory`` is shared by the
    points of one run: conductors of equal devices are found there again.  ``hasty``: from the last
    solution, a failure is wanted soon, without a second attempt.  ``sampled``: whether audits that need a
    second solution are made.  ``effort`` counts the work of nonlinear conditions, and may bound it.
    ``proxy(cells)`` is the device with so many cells on rings that are infinite, for verbs with momenta,
    ``initial`` the state in which an evolution begins; ``asked`` the outputs that will be read, None: any.
    """

    device: Device
    options: Mapping[str, Any] = field(default_factory=dict)
    grids: Mapping[str, Floats] = field(default_factory=dict)
    memory: dict[Hashable, Any] = field(default_factory=dict)
    spans: Mapping[str, Span] = field(default_factory=dict)
    hasty: bool = False
    sampled: bool = True
    effort: Effort = field(default_factory=Effort)
    proxy: Callable[[int], Device] | None = None
    initial: Mapping[str, Any] = field(default_factory=dict)
    asked: frozenset[str] | None = None

    def place(self, option: str) -> Span | None:
        """Where an option is written, or the verb that it is missing at."""
        return self.spans.get(option, self.spans.get(CALL))

    def unknown_options(self, known: Mapping[str, str]) -> Iterator[ModelError]:
        """Refuse options that the verb does not have; none is ever ignored."""
        for name in self.options:
            if name not in known:
                hint = suggestion(name, known, "options") or "leave it out"
                yield ModelError(f"there is no option '{name}' here", self.place(name), hint=hint)

    def open_chain(self, verb: str) -> Iterator[ModelError]:
        """Refuse what only open chains have: jump operators, interactions, no terminals at all."""
        for group in self.device.dissipators[:1]:
            message = f"'{verb}' is of what flows between terminals, and '{group.name}' is a dissipator"
            yield ModelError(message, self.place(CALL), hint="ask steady_state or evolution")
        if self.device.interaction is not None:
            yield untreated("interaction", self.device.interaction.span)
        elif not self.device.terminals and not self.device.dissipators:
            message = f"'{verb}' is of what flows between terminals, this model has none"
            hint = "attach one: bath L on LATTICE.left { self_energy = wide_band(1); mu = 0 }"
            yield ModelError(message, self.place(CALL), hint=hint)


@dataclass
class Prepared:
    """A conductor ready for use, with the energies at which it is factorised already."""

    system: OpenSystem
    conductor: Conductor
    method: str
    why: str
    bytes_per_energy: int
    responds: bool = False
    rules: dict[Hashable, Any] = field(default_factory=dict)
    factorisations: int = 0
    _kept: dict[bytes, Conductance] = field(default_factory=dict)
    _recent: set[bytes] = field(default_factory=set)
    _last: tuple[bytes, Conductance] | None = None

    def begin(self) -> None:
        """Start a new problem: what it does not use may be dropped to make room."""
        self._recent.clear()

    def at(self, energies: Floats) -> Conductance:
        """Give the conductance at these energies, factorised when it is not at hand.

        Where not all energies of a problem have room (``KEPT``), the first ones stay; of the others the
        last batch is at hand, and what is not is factorised again at each use: memory stays bounded, and
        nothing is thrown out in a circle.
        """
        key = energies.tobytes()
        self._recent.add(key)
        self._shrink(key)
        if key in self._kept:
            return self._kept[key]
        if self._last is not None and self._last[0] == key:
            return self._last[1]
        self.factorisations += len(energies)
        found = self.conductor.at(energies)
        wanted = self._held(found)
        for old in [old for old in self._kept if old not in self._recent]:
            if self.size + wanted <= KEPT:
                break
            del self._kept[old]
        if not self._kept or self.size + wanted <= KEPT:
            self._kept[key] = found
        else:
            self._last = key, found
        return found

    @property
    def size(self) -> int:
        """About the bytes held, with one energy for the system itself."""
        return sum(map(self._held, self._kept.values())) + self.bytes_per_energy

    def _held(self, conductance: Conductance) -> int:
        """What one holds now, if it tells; the estimate is for the time while it is made."""
        return int(getattr(conductance, "held", len(conductance.energies) * self.bytes_per_energy))

    def _shrink(self, asked: bytes) -> None:
        """Let the newest but the first go where what was asked of them has made them too large together."""
        for key in [key for key in [*self._kept][:0:-1] if key != asked]:
            if self.size <= KEPT:
                return
            del self._kept[key]

    def batches(self, count: int, begins: Sequence[int] = (0,)) -> Iterator[slice]:
        """Ranges of so many energies that are treated at once; none goes over one of the beginnings."""
        step = max(1, BATCH // self.bytes_per_energy)
        for begin, end in itertools.pairwise([*begins, count]):
            for first in range(begin, end, step):
                yield slice(first, min(first + step, end))


def prepare(
    request: Request, levels: Levels | None = None, *, responding: bool = False, keep: bool = True
) -> Prepared:
    """Build the conductor of a device, or take it from the memory of the run when an equal one was there.

    ``levels`` are those of potentials and self-energies, of the device itself if not given.  With
    ``responding`` the conductor tells how it changes with them; without ``keep`` it is not remembered.

    Raises
    ------
    ModelError
        What the device holds cannot be treated, or not by the method that was asked for.
    """
    device, name = request.device, request.options.get("method")
    known: dict[Hashable, Prepared] = request.memory.setdefault("conductors", {})
    fixed = device.potential.tobytes() if device.potential.any() else b""
    key = (device.fingerprint, name, fixed, _moved(levels), responding)
    if key in known:
        known[key] = known.pop(key)  # newest last
        return known[key]
    system = open_system(device)
    if levels is not None:
        system = system.moved(levels)
    try:
        method, why = choose(system, name, responding=responding)
    except ModelError as error:
        raise ModelError(error.message, error.span or request.spans.get("method"), hint=error.hint) from None
    bytes_per_energy = method.size(system) + DISTRIBUTIONS * 8 * (system.n_terminals + 1)
    refuse_large(bytes_per_energy, f"one energy of {system.n_terminals} terminals", "take fewer terminals")
    found = Prepared(system, method.build(system), method.name, why, bytes_per_energy, method.responds)
    if not keep:
        return found
    while known and sum(kept.size for kept in known.values()) + 2 * bytes_per_energy > KEPT:
        del known[next(iter(known))]
    known[key] = found
    return found


def _moved(levels: Levels | None) -> bytes:
    if levels is None or not (levels.bands.any() or levels.potential.any()):
        return b""
    return levels.potential.tobytes() + b"|" + levels.bands.tobytes()
