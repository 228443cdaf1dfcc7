"""What is forbidden vanishes: each verdict on random devices beside numbers of the full solver."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelkit as mk
from modelkit.errors import ModelError, NotConverged
from modelkit.symmetry.operations import generators
from modelkit.symmetry.parts import examined
from modelkit.symmetry.relations import Current
from modelkit.symmetry.responses import Coefficient, Coefficients
from modelkit.symmetry.tensors import Tensors
from modelkit.symmetry.two_cases import TwoCases
from tests.symmetry.devices import diode
from tests.symmetry.test_tensors import component

VANISHING = 1e-10  # of the largest current


def confirmed(seed: int) -> list[str]:
    """The verdicts of a random device; those that forbid are compared with the nonlinear solver."""
    model = mk.loads(diode(seed))
    cases = TwoCases(model.device(V=1), model.device(V=-1))
    verdicts = {
        sign: cases.verdict({Current("I", 0, 0): 1.0, Current("I", 0, 1): sign}) for sign in (1.0, -1.0)
    }
    forbidden = [sign for sign, each in verdicts.items() if each.word.value == "forbidden"]
    if forbidden:
        try:
            current = model.run("iv").current.values
        except NotConverged:  # the solver gives no number where a screened device fails its audits
            assert model.device(V=1).screening
            return []
        for sign in forbidden:
            off = abs(current[0, 0] + sign * current[1, 0])
            assert off < VANISHING * np.abs(current).max(), verdicts[sign]
    return [str(each) for each in verdicts.values()]


@settings(max_examples=4, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_forbidden_currents_vanish(seed):
    confirmed(seed)


@pytest.mark.slow
def test_forbidden_currents_of_many_devices_vanish():
    words = {word for seed in range(100) for word in confirmed(seed)}
    assert {"not forbidden", "forbidden: two-terminal unitarity", "forbidden: elastic probe"} <= words
    assert any(word.startswith("forbidden: exchange of sites") for word in words)


@settings(max_examples=4, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_forbidden_coefficients_vanish(seed):
    model = mk.loads(diode(seed))
    device = model.device(V=0)
    operations = generators(examined(device, driven=False))
    try:
        found = model.run("start", V=0)
    except ModelError:  # a device driven at its reference has no coefficients
        return
    first, second = found.conductance.values, found.conductance_2.values
    scale = np.nanmax(np.abs(first))
    for order, numbers in ((1, first), (2, second)):
        known = Coefficients(order, (0, 1))
        known.kept(operations)
        for place in itertools.product((0, 1), repeat=order + 1):
            by = tuple(sorted(("V", b) for b in place[1:]))
            if known.forbidden(Coefficient("I", place[0], by)):
                assert abs(numbers[place]) < VANISHING * scale


def tensors_confirmed(seed: int) -> tuple[int, int]:
    """How many components of the response of a random device are forbidden, and of how many."""
    model = mk.loads(diode(seed) + "task all = response { output G1, G2, response_1, response_2 }\n")
    try:
        found = model.run("all", V=0)
    except (ModelError, NotConverged):  # driven at its reference, or no number that passes its audits
        return 0, 0
    followed = Tensors(model.device(V=0))._gauge_invariant
    if followed and "warnings" in found.attrs:  # levels below all bands are filled by no terminal
        return 0, 0
    forbidden, of = 0, 0
    for order in (1, 2):
        tensors = Tensors(model.device(V=0))
        names = [tensors.name(each) for each in tensors.tensor(order).all]
        numbers = {each: component(found, each) for each in names}
        scale = max(map(abs, numbers.values()), default=0.0)
        for each in tensors.forbidden(order):
            assert abs(numbers[each]) < VANISHING * scale, (seed, each)
        forbidden, of = forbidden + len(tensors.forbidden(order)), of + len(names)
    return forbidden, of


@settings(max_examples=4, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_components_of_tensors_that_are_forbidden_vanish(seed):
    tensors_confirmed(seed)


@pytest.mark.slow
def test_components_of_tensors_of_many_devices_vanish():
    counts = [tensors_confirmed(seed) for seed in range(60)]
    assert sum(some > 0 for some, _ in counts) > 10  # planted symmetries are among them
    assert sum(some < of for some, of in counts) > 30
