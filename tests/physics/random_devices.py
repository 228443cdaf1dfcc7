"""Random devices of every kind that transport knows: for invariants that hold whatever the device is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from modelkit.compile.leads import bogoliubov
from modelkit.graph.device import ConditionValues, Device, Entries
from modelkit.graph.device import Lead as Continued
from modelkit.numerics.band_edges import band_edges
from tests.solve.devices import Lead, device

PROBES = ("voltage", "source", "load", "thermal", "warm", "dephasing")
COLD = ("voltage", "source", "load", "dephasing")  # those that may be at T = 0


@st.composite
def devices(
    draw: st.DrawFn,
    *,
    probes: Sequence[str] = PROBES,
    superconducting: bool | None = None,
    reference: bool = False,
    bias: float = 0.5,
) -> Device:
    """1 to 4 baths and 0 to 3 probes on a random lattice of 2 to 5 sites.

    With ``superconducting`` (None: either) random pairs, and 0 to 2 leads that pair; with ``reference`` one
    at the T of the baths, which are then all cold or all warm, and a bias of the order of ``bias``.
    """
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(2, 5))
    paired = draw(st.booleans()) if superconducting is None else superconducting
    warm = draw(st.sampled_from([(0.0,), (0.3,)] if reference else [(0.0,), (0.3,), (0.1, 0.4)]))
    leads = [
        Lead(
            f"B{k}",
            [int(random.integers(n))],
            float(random.normal() * bias),
            warm[k % len(warm)],
            **_wide(random),
        )
        for k in range(draw(st.integers(1, 4)))
    ]
    kinds = draw(st.lists(st.sampled_from([p for p in probes if warm[0] or p in COLD]), max_size=3))
    for number, kind in enumerate(kinds):
        leads.append(_probe(f"P{number}", kind, int(random.integers(n)), warm[0], bias, random))
    joined = draw(st.integers(0, 2)) if paired else 0
    leads += [
        Lead(f"S{k}", [int(random.integers(n))], 0.0, warm[-1 - k % len(warm)], "lead", {})
        for k in range(joined)
    ]
    mu = (0.0 if paired else 0.1) if reference else None
    found = device(_hermitian(n, random), leads, mu, warm[0])
    groups = list(found.terminals)
    for number, kind in enumerate(kinds, start=len(leads) - len(kinds) - joined):
        groups[number] = _with_heat(groups[number], kind)
    for number in range(len(leads) - joined, len(leads)):
        groups[number] = replace(groups[number], leads=((0, _continued(groups[number].site, random)),))
    found = replace(found, terminals=tuple(groups))
    return _paired(found, n, random) if paired else found


def _hermitian(n: int, random: np.random.Generator) -> Any:
    h = random.normal(size=(n, n)) + 1j * random.normal(size=(n, n))
    return (h + h.conj().T) / 2


def _continued(site: Any, random: np.random.Generator) -> Continued:
    """Chain of one or two orbitals a cell, pairs within and between its cells, with no edge near E = 0."""
    m = int(random.integers(1, 3))

    def matrix(rows: int) -> Any:
        return random.normal(size=(rows, m)) + 1j * random.normal(size=(rows, m))

    while True:
        pairs = matrix(m)
        onsite, within = _hermitian(m, random), (pairs - pairs.T) / 2
        parts = onsite, matrix(m), matrix(1), within, matrix(m) / 3, matrix(1) / 3
        found = Continued(site, *parts, hole=np.zeros(1, dtype=np.bool_))
        if np.abs(band_edges(*bogoliubov(found)[:2])).min() > 0.2:
            return found


def _wide(random: np.random.Generator) -> dict[str, Any]:
    return {"kind": "wide_band", "arguments": {"Gamma": np.array(float(random.uniform(0.2, 2.0)))}}


def _probe(name: str, kind: str, site: int, T: float, bias: float, random: np.random.Generator) -> Lead:
    coupling = _wide(random)
    if kind == "dephasing":
        return Lead(name, [site], elastic=True, **coupling)
    if kind == "warm":
        return Lead(name, [site], float(random.normal() * bias), T, **coupling)
    if kind == "source":
        return Lead(name, [site], T=T, current=float(random.normal() * 0.02 * bias), **coupling)
    load = -0.1 if kind == "load" else 0.0
    return Lead(name, [site], T=T, current=0.0, load=load, **coupling)


def _with_heat(group: Any, kind: str) -> Any:
    """A thermal probe solves for mu and T, a warm one for T alone."""
    if kind not in ("thermal", "warm"):
        return group
    zero = np.zeros(1)
    given = {"mu": group.given["mu"]} if kind == "warm" else {}
    return replace(group, given=given, conditions=(*group.conditions, ConditionValues("T", "J", zero, zero)))


def _paired(found: Device, n: int, random: np.random.Generator) -> Device:
    """Pairs between all neighbours by number, once each."""
    row, column = np.arange(n - 1, dtype=np.intp), np.arange(1, n, dtype=np.intp)
    value = random.normal(size=n - 1) + 1j * random.normal(size=n - 1)
    return replace(found, pairs=Entries(row, column, value, np.full(n - 1, -1)), pairing=True)
