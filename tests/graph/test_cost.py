"""What a device costs, counted: what is made again, and that nothing loops over sites."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from typing import Any

import sympy as sp

from modelkit.graph.expand import Expansion
from tests.graph.written import (
    N,
    bath,
    chain,
    expansion,
    hop,
    l,
    lattice,
    on,
    onsite,
    over,
    probe,
    ref,
    site,
    t,
    x,
    y,
)

W, cut, g = sp.symbols("W cut g")
RUN = over(l, 1, N)


def wire() -> Expansion:
    barrier = onsite(ref("c", l), RUN, value=W * l, where=l > cut)
    ends = (
        bath("L", on("c", 1), mu=sp.Symbol("mu_L"), Gamma=g),
        probe("S", on("c", l), indices=(over(l, 2, N - 1),)),
    )
    return expansion(chain(barrier), *ends)


VALUES = {"N": 20, "t": 1.0, "W": 0.1, "cut": 5, "g": 1.0, "mu_L": 0.5}


def made_by(change: dict[str, float]) -> dict[str, int]:
    one = wire()
    one.device(VALUES)
    before = Counter(one.counts)
    one.device({**VALUES, **change})
    return dict(one.counts - before)


def test_a_new_onsite_value_evaluates_one_formula_and_no_structure() -> None:
    assert made_by({"W": 0.3}) == {"formulas": 1, "matrices": 1}


def test_a_new_hopping_evaluates_one_formula_and_no_structure() -> None:
    assert made_by({"t": 2.0}) == {"formulas": 1, "matrices": 1}


def test_fields_and_self_energies_leave_the_matrices_alone() -> None:
    assert made_by({"mu_L": 1.0}) == made_by({"g": 2.0}) == made_by({}) == {}


def test_a_new_condition_makes_its_own_term_again() -> None:
    assert made_by({"cut": 6}) == {"terms": 1, "formulas": 1, "matrices": 1}


def test_a_new_length_makes_everything_again() -> None:
    assert made_by({"N": 21}) == {
        "sites": 1, "terms": 2, "bonds": 1, "formulas": 2, "matrices": 1, "contacts": 2
    }  # fmt: skip


def test_sites_without_terms_count_among_what_the_matrices_hang_on() -> None:
    terms = [onsite(ref("c", 1), value=W)]
    one = expansion(lattice(site("c", over(l, 1, 2)), site("d", RUN), terms=terms))
    for size in (3, 1, 5):
        device = one.device({"N": size, "W": 0.5})
        assert (len(device.onsite.row), device.offset[-1]) == (2 + size, 2 + size)


def test_values_seen_before_are_remembered() -> None:
    one = wire()
    for direction in (1, -1):
        one.device({**VALUES, "W": direction})
    before = Counter(one.counts)
    for direction in (1, -1):
        one.device({**VALUES, "W": direction})
    assert one.counts == before


def test_arrays_that_did_not_change_are_the_same_objects() -> None:
    one = wire()
    first, second = one.device(VALUES), one.device({**VALUES, "mu_L": 3.0})
    assert first.hops.value is second.hops.value
    assert first.bonds.source is second.bonds.source


def test_fingerprints_tell_apart_what_changes_the_conductor() -> None:
    one = wire()
    same = one.device(VALUES).fingerprint
    assert hash(one.device({**VALUES, "mu_L": 2.0}).fingerprint) == hash(same)
    assert one.device({**VALUES, "mu_L": 2.0}).fingerprint == same
    assert one.device(VALUES, {"L.T": 0.4}).fingerprint == same
    assert wire().device(VALUES).fingerprint == same
    for name in ("N", "t", "W", "g"):
        assert one.device({**VALUES, name: 7}).fingerprint != same
    other = expansion(chain(onsite(ref("c", l), RUN, value=W * l**2, where=l > cut)))
    assert other.device(VALUES).fingerprint != same


def calls(work: Any) -> int:
    """Functions called while some work is done.

    The garbage collector would call those of others in between: callbacks of weak references, and
    its own (hypothesis has one).
    """
    count = 0

    def see(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    gc.collect()
    gc.disable()
    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def test_a_million_sites_take_as_many_calls_as_a_hundred() -> None:
    plane = (over(x, 1, N), over(y, 1, N))
    terms = [
        onsite(ref("d", x, y), *plane, value=W * sp.cos(x) * y, where=x + y > 3),
        onsite(ref("d", x, y), *plane, value=(0, 1, 7), kind="uniform"),
        hop(ref("d", x, y), ref("d", x + 1, y), *plane, value=-t),
        hop(ref("d", x, y), ref("d", x, y + 1), *plane, value=-t * sp.exp(sp.I * x)),
    ]
    declared = lattice(site("d", *plane, where=(x - y) ** 2 < 10**7, position=(x, y)), terms=terms)
    ends = bath("L", on(None, end="left")), probe("P", on("d", x, 2), indices=(over(x, 1, N),))

    def build(size: int) -> int:
        one = expansion(declared, *ends)
        return calls(lambda: one.device({"N": size, "t": 1.0, "W": 0.1}))

    build(10)  # formulas are compiled once
    assert build(1000) == build(10)
