"""Temperatures far above all bands and levels: every state carries alike, and nothing is stepped over."""

from __future__ import annotations

import numpy as np
import pytest

import modelkit as mk

HEAD = "model hot\nparam V = 0.4\nparam kT = 1\nreference { mu = 0.1; T = kT }\n"
TASKS = "task full = transport { output current }\ntask one = transport(order = 1) { output current }\n"


def baths(left: str, right: str, kind: str) -> str:
    return "".join(
        f"bath {name} on {at} {{ self_energy = {kind}; mu = 0.1 {sign} V/2; T = kT }}\n"
        for name, at, sign in (("L", left, "+"), ("R", right, "-"))
    )


@pytest.mark.parametrize("task", ["full", "one"])
@pytest.mark.parametrize("kT", [30.0, 1e3, 1e6, 1e9, 1e12])
def test_a_band_carries_its_width(task: str, kT: float) -> None:
    """A clean chain: T(E) = 1 from -2 to 2, filled as -f' = 1/(4 kT)."""
    chain = "lattice w { site c[l] for l in 1..5; hop c[l] -> c[l+1] : -1 }\n"
    text = HEAD + chain + baths("w.c[1]", "w.c[5]", "chain(hopping = 1, coupling = 1)") + TASKS
    found = mk.loads(text).run(task, kT=kT)
    expected = 0.4 * 4 / (2 * np.pi) / (4 * kT)
    assert found.current.values == pytest.approx([expected, -expected], rel=2e-9 + 0.4 / kT**2)


@pytest.mark.parametrize("task", ["full", "one"])
@pytest.mark.parametrize(("kT", "bystanders"), [(30.0, 0), (1e3, 0), (1e9, 0), (1e3, 310), (1e9, 310)])
def test_a_level_carries_its_rate(task: str, kT: float, bystanders: int) -> None:
    """Also among so many others that levels are not looked for one by one."""
    lattice = "lattice w { site d; onsite d : 0.2; site e[l] for l in 1..310 }\n"
    others = (
        "bath X[l] for l in 1..310 on w.e[l] { self_energy = wide_band(Gamma = 0.3); mu = 0.1; T = kT }\n"
    )
    text = HEAD + (lattice + others if bystanders else "lattice w { site d; onsite d : 0.2 }\n")
    found = mk.loads(text + baths("w.d", "w.d", "wide_band(Gamma = 0.3)") + TASKS).run(task, kT=kT)
    expected = 0.4 * 0.15 / (4 * kT)
    current = found.current.sel(terminal=["L", "R"]).values
    assert current == pytest.approx([expected, -expected], rel=2e-9 + 0.3 / kT)


@pytest.mark.parametrize("task", ["full", "one"])
def test_narrow_levels_are_seen_from_far_above(task: str) -> None:
    """Widths of 1e-6 under a window of 1e9."""
    lattice = "lattice w { site d; onsite d : 0.2 }\n"
    text = HEAD + lattice + baths("w.d", "w.d", "wide_band(Gamma = 1e-6)") + TASKS
    found = mk.loads(text).run(task, kT=1e9)
    assert found.current.values[0] == pytest.approx(0.4 * 5e-7 / 4e9, rel=1e-8)


def test_a_strip_between_leads_at_a_temperature_far_above_its_bands() -> None:
    """Two channels, each of width 4."""
    text = HEAD + (
        "lattice s { site c[l,m] for l in 1..4, m in 1..2 at (l, m); hop c[l,m] -> c[l+1,m] : -1; "
        "hop c[l,m] -> c[l,m+1] : -1 }\n"
    )
    found = mk.loads(text + baths("s.left", "s.right", "lead") + TASKS).run("full", kT=1e9)
    assert found.current.values[0] == pytest.approx(2 * 0.4 * 4 / (2 * np.pi) / 4e9, rel=1e-8)
