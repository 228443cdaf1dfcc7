"""A verb that solves nothing: its results say which values, labels and cases a point was given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelkit.errors import ModelError, NotConverged
from modelkit.registry import Output, Verb, outputs, verbs
from modelkit.solve.request import Request

TEXT = """\
model wire "a test"
param N = 4 "number of sites"
param V = 0.1 from -5 to 5 "bias"
param a = 1
param kT = 0.5
let twice = 2*V
reference { mu = 0; T = kT }
lattice wire {
  site c[l] for l in 1..N at (l, 0)
  hop c[l] -> c[l+1] : -1
}
bath L on wire.c[1] { self_energy = wide_band(abs(a)); mu = V/2; T = kT }
bath R on wire.c[N] { self_energy = wide_band(abs(a)); mu = -V/2; T = kT }
probe S[l] for l in 2..N-1 on wire.c[l] { self_energy = wide_band(abs(a)); T = kT; solve mu such that I == 0 }
case forward { V = abs(V) }
case backward { V = -abs(V) }
case plus { a = abs(a) }
case minus { a = -abs(a) }
case hot { L.T = kT + 1; kT = 0.25 }
case swapped { a = V; V = a }
"""


@dataclass
class Echo:
    device: Any
    energies: np.ndarray
    method: str = "echo"
    why: str = "there is nothing to solve"
    audits: dict[str, float] = field(default_factory=lambda: {"nothing": 0.0})
    counts: dict[str, int] = field(default_factory=lambda: {"solves": 1})
    attributes: dict[str, str] = field(default_factory=lambda: {"bias_reference": "none"})

    @property
    def grids(self) -> dict[str, np.ndarray]:
        return {"energy": self.energies}


def solve(request: Request) -> Echo:
    if request.device.values["V"] > 2:
        raise NotConverged(f"V = {request.device.values['V']} is too large")
    if request.device.values["V"] == -4:
        raise KeyboardInterrupt
    return Echo(request.device, np.asarray(request.grids.get("E", [0.0, 1.0, 2.0])))


def touched(found: Echo) -> np.ndarray:
    """100 times the site that each terminal touches, plus V: no two numbers are equal."""
    sites = np.concatenate([group.site for group in found.device.terminals])
    return 100.0 * (sites + 1) + found.device.values["V"]


def temperatures(found: Echo) -> np.ndarray:
    return np.concatenate([group.given["T"] for group in found.device.terminals])


def spectrum(found: Echo) -> np.ndarray:
    return found.energies[:, None] * 10 + np.arange(found.device.size)


def arrows(found: Echo) -> np.ndarray:
    return 100.0 * (found.device.bonds.source + 1) + found.device.bonds.target + 1


OUTPUTS = {
    "touched": ("X", ("terminal",), touched),
    "temperatures": (None, ("terminal",), temperatures),
    "spectrum": (None, ("energy", "site"), spectrum),
    "arrows": (None, ("bond",), arrows),
    "level": (None, (), lambda found: np.float64(found.device.values["V"] + 10 * found.device.values["a"])),
}


@contextmanager
def echoing() -> Iterator[None]:
    def check(request: Request) -> Iterator[ModelError]:
        yield from ()

    with ExitStack() as stack:
        verb = Verb("echo", {"method": "any"}, ("E",), "says what it was given", check, solve)
        stack.enter_context(verbs.extended("echo", verb))
        for name, (short, dims, evaluate) in OUTPUTS.items():
            output = Output(name, short, dims, "energy", "for tests", ("echo",), evaluate)
            stack.enter_context(outputs.extended(name, output))
        yield
