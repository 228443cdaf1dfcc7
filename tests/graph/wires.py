"""A wire with a dot beside it, and what else may stand on it."""

from __future__ import annotations

import pytest

import modelkit as mk
from modelkit.graph.device import Device
from tests.golden import assert_spans_lie_in

WIRE = """model wire
param N = 6
param V = 0.1
reference { mu = 0; T = 0.05 }
lattice wire {
  site c[l] for l in 1..N at (l, 0)
  site dot
  hop c[l] -> c[l+1] : -1
  hop c[2] -> dot : 0.4
}
bath L on wire.c[1] { self_energy = wide_band(1); mu = V/2; T = 0.05 }
bath R on wire.c[N] { self_energy = chain(hopping = 1, coupling = 1); mu = -V/2; T = 0.05 }
task go = transport(order = 1) { output current }
task spec = transmission { sweep E from -1 to 1 points 3; output transmission, dos }
"""
PARTS = "region a on wire where l < 3\nregion b on wire.c where l >= 3\n"
GATED = "gate G { U = 3*V }\n" + PARTS
CAPACITORS = """screening on wire {
  capacitance a - b : 2; capacitance a - G : 0.5; capacitance b - ground : 3; capacitance b - R : 4
  solve U[a, b] such that charge == capacitance
}
"""


def device(more: str, text: str = WIRE) -> Device:
    return mk.loads(text + more).device()


def refusal(more: str, text: str = WIRE) -> tuple[str, str | None, str]:
    """Message, hint and the marked text of the one error of expanding the model."""
    with pytest.raises(mk.ModelError) as caught:
        mk.loads(text + more).device()
    (error,) = caught.value.errors
    assert_spans_lie_in(error, text + more)
    assert error.span is not None
    return error.message, error.hint, error.span.text
