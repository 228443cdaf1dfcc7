"""Where the messages of a verb point: at the option, or at the call where one is missing."""

from __future__ import annotations

import pytest

import modelkit as mk
from modelkit.errors import ModelError

TEXT = """model m
reference { mu = 0 }
lattice w { site d }
bath L on w.d { self_energy = wide_band(1); mu = 0.1 }
bath R on w.d { self_energy = wide_band(1); mu = 0 }
"""
TASK = "transport(order = 1, method = ladder)"


@pytest.mark.parametrize(
    ("call", "place"),
    [
        ("transport(order = 21)", "21"),
        ("transport(method = ladder, order = 30)", "30"),
    ],
)
def test_an_order_that_cannot_be_done_is_shown_where_it_is_written(call: str, place: str) -> None:
    model = mk.loads(f"{TEXT}task t = {call} {{ output current }}")
    with pytest.raises(ModelError, match="whole number from 1 to 20") as caught:
        model.run("t")
    span = caught.value.span
    assert span is not None
    assert span.source.text[span.start : span.end] == place
    assert span.line == 6


@pytest.mark.parametrize(("outside", "place"), [({}, "ladder"), ({"method": "ladder"}, TASK)])
def test_a_method_that_does_not_fit_is_shown_where_it_was_chosen(outside: dict, place: str) -> None:
    """One given from outside stands nowhere in the text: its task is shown."""
    ring = TEXT.replace("site d", "site d; site a; site b; hop d -> a : 1; hop a -> b : 1; hop b -> d : 1i")
    model = mk.loads(f"{ring}task t = {TASK} {{ output current }}")
    with pytest.raises(ModelError, match="'ladder' cannot treat this system") as caught:
        model.run("t", **outside)
    span = caught.value.span
    assert (span and span.source.text[span.start : span.end]) == place
