"""Verdicts on two cases, each beside the number of the full nonlinear solver."""

from __future__ import annotations

from pathlib import Path

import pytest

import modelkit as mk
from modelkit.graph.expand import Expansion
from modelkit.symmetry.relations import Combination, Current
from modelkit.symmetry.report import report
from modelkit.symmetry.subject import Subject
from modelkit.symmetry.two_cases import TwoCases
from modelkit.symmetry.verdict import Verdict, Word

ROOT = Path(__file__).parents[2]
GOLDEN = {
    1: "forbidden: inversion",
    2: "warning: bias convention",
    3: "forbidden: two-terminal unitarity",
    4: "forbidden: two-terminal unitarity",
    5: "forbidden: elastic probe",
    6: "not forbidden",
    7: "not forbidden",
    8: "forbidden: inversion",
    9: "not forbidden",
    10: "forbidden: inversion, gauge-invariant",
    11: "forbidden: two-terminal unitarity",
    12: "not forbidden",
    13: "forbidden: inversion",
}
RING = "hop c[3] -> c[1] : -0.7*exp(0.9i) (line 12)"
LEVELS = "inversion is broken by onsite c[1] : 0.8, onsite c[3] : 0.2 (line 10)"
WIDE = "bath L (self_energy = wide_band(0.3), line 14), bath R (self_energy = wide_band(1.2), line 15)"
BROKEN = {
    6: f"not forbidden: {LEVELS}, {RING}, {WIDE}; particle-hole about mu",
    7: f"not forbidden: {LEVELS}, {RING}, {WIDE}; particle-hole about mu",
    9: f"not forbidden (potential follows a lead): {LEVELS}, potential on dot {{ U = V/2 }} (line 13), "
    f"{WIDE}; particle-hole about mu",
    12: f"not forbidden: {LEVELS}, bath L (self_energy = chain(hopping = 1, coupling = 0.5), line 13), "
    "bath R (self_energy = chain(hopping = 1, coupling = 0.9), line 14); particle-hole about mu",
}
PROBES = (
    "not forbidden: inversion is broken by probe S (such that I == I_g, line {}), "
    "probe D (such that I == -I_g, line {}); restored by ratio = 0 or ratio -> -ratio"
)
PATTERNS = {
    "wire": PROBES.format(21, 24),
    "sdds": "forbidden: inversion",
    "sddsdssd": PROBES.format(22, 25),
    "dimer": PROBES.format(22, 25),
    "ssh": PROBES.format(24, 27),
    "kitaev": PROBES.format(27, 30),
    "kitaev_sdds": "not forbidden: inversion is kept, but the superconducting condensate takes up current",
}
FULL = "task everything = transport { cases forward, backward; output current }"


def verdict_of(model: mk.Model, **values: float) -> Verdict:
    """Of rectification of the first terminal, between a parameter and its opposite."""
    return verdict_on(model, {Current("I", 0, 0): 1.0, Current("I", 0, 1): 1.0}, **values)


def verdict_on(model: mk.Model, combination: Combination, **values: float) -> Verdict:
    expansion = Expansion(model.graph())
    opposite = {name: -value for name, value in values.items()}
    cases = Subject(expansion, values), Subject(expansion, opposite)
    return TwoCases(cases[0].device(), cases[1].device(), cases).verdict(combination)


@pytest.mark.parametrize("number", GOLDEN)
def test_golden_devices(number: int) -> None:
    model = mk.load(ROOT / f"models/diodes/golden_{number}.model")
    verdict = verdict_of(model, V=1)
    assert str(verdict).startswith(BROKEN.get(number, GOLDEN[number]))
    assert len(verdict.explanation.split()) > 20
    forward, backward = model.run("iv").current.sel(terminal="L").values
    off = abs(forward + backward) / abs(forward)
    assert off < 1e-10 if verdict.word.value == "forbidden" else off > 1e-3


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_of_sources_and_drains(name: str) -> None:
    text = (ROOT / f"models/gain_loss/{name}.model").read_text()
    model = mk.loads(text + FULL)
    verdict = verdict_of(model, direction=1)
    assert str(verdict).startswith(PATTERNS[name])
    forward, backward = model.run("everything").current.sel(terminal="L").values
    off = abs(forward + backward) / abs(forward)
    assert off < 1e-10 if verdict.word.value == "forbidden" else off > 1e-6


def test_eight_in_a_mirror_pattern_are_forbidden_at_any_bias() -> None:
    """S D D S S D D S: the full nonlinear solver at a large bias finds nothing either."""
    text = (ROOT / "models/gain_loss/sdds.model").read_text()
    model = mk.loads(text + FULL)
    assert {str(verdict_of(model, direction=1)) for model in (model, model.with_values(bias=0.9))} == {
        "forbidden: inversion"
    }
    forward, backward = model.with_values(bias=0.9).run("everything").current.sel(terminal="L").values
    assert abs(forward + backward) < 1e-10 * abs(forward)


@pytest.mark.parametrize(("name", "N"), [("SDDS", 6), ("SDDSSDDS", 10)])
def test_palindromes_of_sources_and_drains_by_name(name: str, N: int) -> None:
    """The order is read off the probes themselves; the verdict is that of the file, the number nonlinear."""
    model = mk.load(ROOT / "models/gain_loss/sdds.model").with_values(N=N, bias=0.9)
    probes = [group for group in model.device().terminals if group.conditions]
    at = {int(site): group.terminal.name for group in probes for site in group.site}
    assert "".join(at[site] for site in sorted(at)) == name
    assert str(model.forbids("nonreciprocity(I[L])", task="profile")) == "forbidden: inversion"
    found = mk.loads(model.to_source() + FULL).run("everything").current
    forward, backward = found.sel(terminal="L").values
    assert abs(forward) > 1e-3
    assert abs(forward + backward) < 1e-10 * abs(forward)


THERMAL = """\
model thermal
param dT = 0.1
reference { mu = 0; T = 0.2 }
lattice dot {
  site c[l] for l in 1..3 at (l, 0)
  onsite c[1] : EPS; onsite c[3] : -EPS
  hop c[l] -> c[l+1] : -1
}
bath L on dot.c[1] { self_energy = wide_band(0.5); mu = 0; T = 0.2 + dT }
bath R on dot.c[3] { self_energy = wide_band(0.5); mu = 0; T = 0.2 - dT }
probe P on dot.c[2] { self_energy = wide_band(0.4); solve mu such that I == 0; solve T such that J == 0 }
case forward { dT = dT }; case backward { dT = -dT }
task go = transport { cases forward, backward; output current, heat_current }
"""


def test_opposite_levels_make_a_bipolar_diode_of_heat() -> None:
    """Inversion times particle-hole: I^F = I^B, J^F[L] = J^B[R]; the currents themselves are there."""
    model = mk.loads(THERMAL.replace("EPS", "0.6"))
    found = model.run("go")
    forward, backward = found.current.sel(terminal="L").values
    assert abs(forward) > 1e-4
    assert abs(forward - backward) < 1e-10 * abs(forward)
    same = {Current("I", 0, 0): 1.0, Current("I", 0, 1): -1.0}
    assert str(verdict_on(model, same, dT=0.1)) == "forbidden: inversion x particle-hole about mu"
    verdict = verdict_of(model, dT=0.1)
    assert verdict.word is Word.NOT_FORBIDDEN
    assert "I[L] forward = I[L] backward (inversion x particle-hole about mu)" in verdict.explanation
    heat = {Current("J", 0, 0): 1.0, Current("J", 1, 1): -1.0}
    assert str(verdict_on(model, heat, dT=0.1)) == "forbidden: inversion x particle-hole about mu"
    hot, cold = found.heat_current.sel(case="forward").values, found.heat_current.sel(case="backward").values
    assert abs(hot[0] - cold[1]) < 1e-10 * abs(hot[0])


def test_equal_sides_exchange_opposite_heats_of_opposite_heating() -> None:
    """Inversion alone: the heat into L forward is that into R backward, so J^F = -J^B between two baths."""
    heated = THERMAL.replace("EPS", "0.6", 1).replace("-EPS", "0.6").split("probe P")[0]
    tasks = THERMAL[THERMAL.index("case forward") :]
    model = mk.loads(heated + tasks)
    opposite = {Current("J", 0, 0): 1.0, Current("J", 0, 1): 1.0}
    verdict = verdict_on(model, opposite, dT=0.1)
    assert verdict.word is Word.FORBIDDEN
    forward, backward = model.run("go").heat_current.sel(terminal="L").values
    assert abs(forward) > 1e-4
    assert abs(forward + backward) < 1e-10 * abs(forward)
    probed = mk.loads(THERMAL.replace("EPS", "0.6", 1).replace("-EPS", "0.6"))
    assert str(verdict_on(probed, opposite, dT=0.1)) == "forbidden: inversion"
    forward, backward = probed.run("go").heat_current.sel(terminal="L").values
    assert abs(forward + backward) < 1e-10 * abs(forward)
    uneven = mk.loads(THERMAL.replace("EPS", "0.6", 1).replace("-EPS", "0.1"))
    assert str(verdict_on(uneven, opposite, dT=0.1)).startswith("not forbidden: inversion is broken by")
    forward, backward = uneven.run("go").heat_current.sel(terminal="L").values
    assert abs(forward + backward) > 1e-4 * abs(forward)


def test_time_reversal_alone_does_not_forbid() -> None:
    """A screened asymmetric wire is kept by K, and rectifies."""
    text = (ROOT / "models/diodes/golden_3.model").read_text() + (
        "screening on dot { solve U such that charge == 0 }\n"
    )
    model = mk.loads(text)
    verdict = verdict_of(model, V=1)
    assert str(verdict).startswith("not forbidden: inversion is broken by onsite c[1] : 0.8")
    kept = {
        line.split(";")[-1].strip() for line in str(report(Subject(Expansion(model.graph())))).splitlines()
    }
    assert "a finite device may rectify all the same" in kept
    forward, backward = model.run("iv").current.sel(terminal="L").values
    assert abs(forward + backward) > 1e-3 * abs(forward)


SHORT = """\
model chain
param V = 1; param t = 0.3
reference { mu = 0; T = 0.1 }
lattice dot {
  site c[l] for l in 1..4 at (l, 0)
  hop c[l] -> c[l+1] : -1
  hop c[1] -> c[3] : -t
}
bath L on dot.c[1] { self_energy = wide_band(0.7); mu = V/2; T = 0.1 }
bath R on dot.c[4] { self_energy = wide_band(0.7); mu = -V/2; T = 0.1 }
"""
FILLED = "screening on dot { solve U such that charge == 0 }\n"
PROBE = "probe P on dot.c[2] { self_energy = wide_band(0.5); T = 0.1; solve mu such that I == 0 }\n"


def test_a_pattern_without_a_reversal_is_told_what_is_too_much() -> None:
    """A hop that has no image, a probe that has none, a contact that is wider than its image."""
    hop = "not forbidden: inversion is broken by hop c[1] -> c[3] : -t (line 7)"
    assert str(verdict_of(mk.loads(SHORT + FILLED), V=1)).startswith(
        f"{hop}; restored by t = 0; particle-hole"
    )
    told = str(verdict_of(mk.loads(SHORT + PROBE), V=1))
    assert told.startswith(f"{hop}, probe P (no counterpart, line 11); particle-hole about mu is broken by")
    wider = (SHORT + FILLED).replace("R on dot.c[4]", "R on dot.c[3], dot.c[4]")
    told = str(verdict_of(mk.loads(wider), V=1))
    assert told.startswith(f"{hop}, bath L (no counterpart, line 9), bath R (no counterpart, line 10)")
    assert str(verdict_of(mk.loads(SHORT + FILLED), V=1, t=0)).startswith("forbidden: inversion")
