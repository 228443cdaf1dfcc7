"""Texts to declarations, with the verbs and outputs of this version registered."""

from __future__ import annotations

import modelkit.tasks.vocabulary  # noqa: F401 - importing registers
from modelkit.elements.declarations import Declarations, declare
from modelkit.errors import ModelError
from modelkit.language.parser import parse

WIRE = """model wire
param N = 6
param V = 0.1
lattice wire {
  site c[l] for l in 1..N at (l, 0)
  hop c[l] -> c[l+1] : -1
}
bath L on wire.c[1] { self_energy = wide_band(1); mu = V/2 }
bath R on wire.c[N] { self_energy = wide_band(1); mu = -V/2 }
"""


def read(text: str, name: str = "<text>") -> Declarations:
    """The declarations of a whole text."""
    return declare(parse(text, name))


def read_wire(more: str) -> Declarations:
    """The declarations of a wire with two baths and these statements."""
    return read(WIRE + more)


def errors(text: str) -> list[ModelError]:
    """All errors of a text, in order; empty when it is right."""
    try:
        read(text)
    except ModelError as error:
        return list(error.errors)
    return []


def messages(text: str) -> list[str]:
    """Their sentences."""
    return [error.message for error in errors(text)]
