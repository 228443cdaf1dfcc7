"""What does not fit into the memory is refused with its size, before it is allocated."""

from __future__ import annotations

import os
import tracemalloc
from typing import Any

import numpy as np
import pytest

from modelkit.errors import ModelError
from modelkit.registry import methods
from modelkit.solve import choose as _choose  # noqa: F401  (enters the methods)
from modelkit.solve import memory, transport
from modelkit.solve.request import Request, prepare
from tests.solve.devices import Lead, chain, device
from tests.solve.systems import chain_matrix, constant, system


def wide(n: int, contacts: int) -> Any:
    sites = np.arange(contacts)
    return system(chain_matrix(n), np.zeros(contacts), sites, constant([-0.5j] * contacts))


def test_amplitudes_that_do_not_fit_are_refused_before_anything_is_allocated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda: 16 * 2**30)
    asked = wide(200_000, 2000)
    tracemalloc.start()
    with pytest.raises(
        ModelError, match=r"200000 orbitals with 2000 at contacts would take 2\d\.\d GB"
    ) as caught:
        methods["sparse"].build(asked)
    assert tracemalloc.get_traced_memory()[1] < 1e8
    tracemalloc.stop()
    assert "ladder" in str(caught.value.hint)


def test_the_estimate_holds_the_peak_of_one_energy() -> None:
    asked = wide(3000, 200)
    estimate = methods["sparse"].size(asked)
    conductor = methods["sparse"].build(asked)
    tracemalloc.start()
    conductor.at(np.array([0.3])).transmission()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.3 * estimate
    assert estimate < 4 * peak, "and does not refuse what would fit"


def test_many_members_on_one_site_are_taken_in_batches() -> None:
    n = 100_000
    leads = [Lead("L", [0] * n, 1.0)]
    prepared = prepare(Request(device(chain(1), leads, T=0.1), {"order": 1}))
    longest = max(part.stop - part.start for part in prepared.batches(10_000))
    assert 8 * n * longest < 2**28


def test_an_error_estimate_of_too_many_flows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    leads = [Lead("L", [0] * 200, 1.05, T=0.1), Lead("R", [0], 0.95, T=0.1)]
    asked = Request(device(chain(1), leads, T=0.1), {"order": 1})
    monkeypatch.setattr(memory, "free_bytes", lambda: 2 * 50_000)
    with pytest.raises(ModelError, match=r"the error estimate of 201 flows on \d+ panels"):
        transport.solve(asked)


def test_a_system_that_does_not_tell_its_memory_has_some(monkeypatch: pytest.MonkeyPatch) -> None:
    assert memory.free_bytes() > 2**26

    def silent(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr(os, "sysconf", silent)
    assert memory.free_bytes() == memory.UNKNOWN
