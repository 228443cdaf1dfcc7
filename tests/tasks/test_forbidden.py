"""Verdicts beside the numbers that a task asks for, and the audit that holds one against the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import modelkit as mk
from modelkit.symmetry.verdict import Verdict, Word
from modelkit.tasks import forbidden, symmetries

DIODES = Path(__file__).parents[2] / "models/diodes"
CHAIN = """model chain
param V = 1; param a = 0; param N = 3
reference { mu = 0; T = 0.1 }
lattice dot {
  site c[l] for l in 1..N at (l, 0)
  onsite c[1] : a
  hop c[l] -> c[l+1] : -1
}
bath L on dot.c[1] { self_energy = wide_band(1); mu = V/2; T = 0.1 }
bath R on dot.c[N] { self_energy = wide_band(1); mu = -V/2; T = 0.1 }
probe P on dot.c[2] { self_energy = wide_band(0.6); T = 0.1; solve mu such that I == 0 }
case forward { V = V }; case backward { V = -V }
task iv = transport { cases forward, backward; output r = rectification(I[L]) }
task swept = transport { cases forward, backward; sweep a in {0, 0.5}; output r = rectification(I[L]) }
task plain = transport { cases forward, backward; output current, x = I[L]/V, y = I[L]@forward/V }
task second = response(order = 2) { output a = G2[L, L, R], b = G2[L, L, L] }
"""


@pytest.mark.parametrize(
    ("number", "verdict"),
    [
        (1, "forbidden: inversion"),
        (5, "forbidden: elastic probe"),
        (6, "not forbidden"),
        (2, "warning: bias"),
    ],
)
def test_the_verdict_stands_beside_the_number_and_is_held_against_it(number: int, verdict: str) -> None:
    found = mk.load(DIODES / f"golden_{number}.model").run("iv")
    assert found.attrs["verdicts"].startswith(f"D = I[L]@forward + I[L]@backward: {verdict}")
    off = abs(float(found.D)) / float(np.abs(found.current).max())
    if verdict.startswith("forbidden"):
        assert float(found.audit_forbidden) < 1e-9
        assert off < 1e-9
    else:
        assert "audit_forbidden" not in found
        assert off > 1e-3


@pytest.mark.parametrize("quantity", ["rectification(I[L])", "offset(I[L])", "nonreciprocity(2*I[L] - I[R])"])
def test_a_forbidden_number_that_does_not_vanish_is_an_error(
    quantity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = CHAIN.replace("output r = rectification(I[L]) }", f"output r = {quantity} }}").replace(
        "param a = 0;", "param a = 0.5;"
    )
    model = mk.loads(text)
    assert model.run("iv").attrs["verdicts"].startswith(f"r = {quantity}: not forbidden")
    lie = Verdict(Word.FORBIDDEN, "so it is said")
    monkeypatch.setattr(symmetries, "verdict_on", lambda *_, **__: lie)
    with pytest.raises(mk.NotConverged, match="'forbidden' failed: what the symmetry"):
        model.run("iv")


def test_what_is_decided_at_the_first_point_is_held_against_that_point_alone() -> None:
    found = mk.loads(CHAIN).run("swept")
    assert found.attrs["verdicts"].startswith("r = rectification(I[L]) at a = 0: forbidden: inversion")
    assert float(found.audit_forbidden) < 1e-9
    assert abs(float(found.r[0])) < 1e-9 < 1e-3 < abs(float(found.r[1]))
    other = mk.loads(CHAIN).run("swept", a=[0.5, 0])
    assert "at a = 0.5: not forbidden" in other.attrs["verdicts"]
    assert "audit_forbidden" not in other
    given = mk.loads(CHAIN).run("swept", a=0)
    assert given.attrs["verdicts"].startswith("r = rectification(I[L]): forbidden: inversion")


def test_a_task_that_asks_for_nothing_of_the_kind_pays_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> Verdict:
        raise AssertionError("a verdict was made")

    monkeypatch.setattr(symmetries, "verdict_on", never)
    found = mk.loads(CHAIN).run("plain")
    assert "audit_forbidden" not in found


def test_a_large_device_is_examined_on_demand_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forbidden, "LARGEST", 2)
    told = mk.loads(CHAIN).run("iv").attrs["verdicts"]
    assert "not decided: a device with more than 2 sites" in told


def test_second_order_coefficients_are_told_and_audited() -> None:
    text = CHAIN.replace("param a = 0;", "param a = 0.5;")
    for source, word in ((CHAIN, "forbidden: "), (text, "not forbidden")):
        found = mk.loads(source + "screening on dot { solve U such that charge == 0 }\n").run("second")
        assert f"b = G2[L, L, L]: {word}" in found.attrs["verdicts"]
        assert (abs(float(found.b)) < 1e-9) == (word == "forbidden: ")


HEAT = """\
model heat
UNITS
param kT = KT
reference { mu = 0; T = kT }
lattice dot {
  site c[l] for l in 1..3 at (l, 0)
  hop c[l] -> c[l+1] : -1ENERGY; onsite c[1] : EPS; onsite c[3] : -EPS
}
bath L on dot.c[1] { self_energy = wide_band(0.8ENERGY); mu = 0; T = kT }
bath R on dot.c[3] { self_energy = wide_band(0.5ENERGY); mu = 0; T = kT }
bath N on dot.c[2] { self_energy = wide_band(0.3ENERGY); mu = 0; T = kT }
task go = response(order = 2) {
  output a = response_1[J, V, L, R], b = response_1[I, T, L, L],
         c = response_2[J, T, V, L, L, L], d = response_1[J, T, L, R]
}
"""


@pytest.mark.parametrize(
    ("units", "energy", "kT"),
    [("", "", "0.2"), ("units { energy = meV; temperature = K; current = nA }", " [meV]", "2 [K]")],
)
@pytest.mark.parametrize("eps", ["0", "0.3"])
def test_coefficients_of_heat_are_held_against_their_verdicts(
    units: str, energy: str, kT: str, eps: str
) -> None:
    """Holes carry as much heat as particles; the scale of each kind of coefficient is its own."""
    text = HEAT.replace("UNITS", units).replace("KT", kT).replace("EPS", eps + energy)
    found = mk.loads(text.replace("ENERGY", energy)).run("go")
    words = [line.split(": ")[1] for line in found.attrs["verdicts"].splitlines()]
    kept = ["forbidden"] * 3 if eps == "0" else ["not forbidden", "not forbidden", "warning"]
    assert words == [*kept, "not forbidden"]
    assert ("audit_forbidden" in found) == (eps == "0")
    claimed = str(mk.loads(text.replace("ENERGY", energy)).forbids("response_1[J, V, L, R]"))
    assert claimed.startswith(kept[0])
    if eps == "0":
        assert float(found.audit_forbidden) < 1e-12
    else:
        assert min(abs(float(found[name])) for name in "abc") > 1e-6 * abs(float(found.d))
