"""Responses: closed forms, sum rules, gauge invariance, Onsager relations, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import constants
from scipy.integrate import quad

import modelkit as mk
from modelkit.compile import leads
from modelkit.compile.open_system import Levels
from modelkit.errors import ModelError, NotConverged
from modelkit.solve import response, transport
from modelkit.solve.coefficients import following
from modelkit.solve.request import Request
from tests.golden import assert_message, assert_spans_lie_in, texts
from tests.solve.responses import bath, load, probe, responding

KB = constants.k / constants.e
DOT = """\
model dot
{units}
param e0 = {e0}
param g = {g}
param T0 = {T}
reference {{ mu = 0; T = T0 }}
lattice d {{
  site dot
  onsite dot : e0
}}
bath L on d.dot {{ self_energy = wide_band(g); mu = 0; T = T0 }}
bath R on d.dot {{ self_energy = wide_band(2*g); mu = 0; T = T0 }}
task all = response {{
  output G1, response_1, response_2, seebeck, peltier, thermal_conductance, figure_of_merit,
    S = seebeck[L, R], a = response_1[I, T, L, R], b = response_2[J, V, T, L, L, R], c = G1[L, L]
}}
"""


def moments(e0: float, g: float, T: float) -> list[float]:
    """``int T(E) (E/T)^k (-f') dE/2pi`` of a level between wide bands of g and 2 g."""

    def integrand(z: float, k: int) -> float:
        return 2 * g**2 / ((T * z - e0) ** 2 + (1.5 * g) ** 2) * z**k / (4 * np.cosh(z / 2) ** 2)

    where = [e0 / T] if abs(e0) < 40 * T else None
    found = [quad(integrand, -40, 40, (k,), points=where, limit=500, epsabs=1e-13)[0] for k in range(3)]
    return [one / (2 * np.pi) for one in found]


@pytest.mark.parametrize(("e0", "g", "T"), [(0.3, 0.4, 0.1), (-0.2, 0.1, 0.3), (0.0, 1.0, 0.2)])
def test_a_level_between_wide_bands_follows_from_moments(e0: float, g: float, T: float) -> None:
    found = mk.loads(DOT.format(units="", e0=e0, g=g, T=T)).run("all")
    m = moments(e0, g, T)
    kappa = T * (m[2] - m[1] ** 2 / m[0])
    pair = {"terminal": "L", "terminal_from": "R"}
    assert float(found.c) == pytest.approx(m[0], rel=1e-9)
    assert float(found.seebeck.sel(pair)) == pytest.approx(-m[1] / m[0], rel=1e-8, abs=1e-12)
    assert float(found.peltier.sel(pair)) == pytest.approx(-T * m[1] / m[0], rel=1e-8, abs=1e-12)
    assert float(found.thermal_conductance.sel(pair)) == pytest.approx(kappa, rel=1e-8)
    merit = m[1] ** 2 / m[0] * T / kappa
    assert float(found.figure_of_merit.sel(pair)) == pytest.approx(merit, rel=1e-8, abs=1e-12)
    # the conventional current into L falls as R is heated where electrons flow: + m1 to L from R
    assert float(found.a) == pytest.approx(m[1], rel=1e-8, abs=1e-12)


def test_broad_levels_obey_wiedemann_and_franz_and_mott() -> None:
    e0, g, T = 1.0, 1.0, 1e-3
    found = mk.loads(DOT.format(units="", e0=e0, g=g, T=T)).run("all").sel(terminal="L", terminal_from="R")
    kappa = mk.loads(DOT.format(units="", e0=e0, g=g, T=T)).run("all").thermal_conductance[0, 1]
    assert float(kappa) / (float(found.c) * T) == pytest.approx(np.pi**2 / 3, rel=1e-4)
    slope = 2 * e0 / (e0**2 + (1.5 * g) ** 2)  # of ln T(E) at 0
    assert float(found.seebeck) == pytest.approx(-(np.pi**2) / 3 * T * slope, rel=1e-4)


def test_a_dot_at_300_kelvin_in_physical_units() -> None:
    """Mott's formula in eV/K, a conductance in nA/eV, heat in nW/K: by hand."""
    units = "units { energy = eV; temperature = K; current = nA }"
    e0, g, T = 2.0, 3.0, 300.0
    text = DOT.format(units=units, e0="2 [eV]", g="3 [eV]", T="300 [K]")
    whole = mk.loads(text).run("all")
    m, quantum = moments(e0, g, KB * T), constants.e / constants.hbar * 1e9 * constants.e
    found = whole.sel(terminal="L", terminal_from="R")
    assert float(whole.c) == pytest.approx(m[0] * quantum, rel=1e-8)
    assert whole.conductance.attrs["units"] == "nA/eV"
    assert float(found.seebeck) == pytest.approx(-KB * m[1] / m[0], rel=1e-7)
    mott = -(np.pi**2) / 3 * KB**2 * T * 2 * e0 / (e0**2 + (1.5 * g) ** 2)
    assert float(found.seebeck) == pytest.approx(mott, rel=1e-3)
    assert found.seebeck.attrs["units"] == "eV/K"
    kappa = KB * T * (m[2] - m[1] ** 2 / m[0]) * KB * quantum
    assert float(found.thermal_conductance) == pytest.approx(kappa, rel=1e-7)
    assert found.thermal_conductance.attrs["units"] == "nW/K"
    assert float(found.peltier) == pytest.approx(float(found.seebeck) * T, rel=1e-9)
    by_heat = whole.response_1.sel(of="J", by="T", terminal="L", terminal_from="L")
    assert float(by_heat) == pytest.approx(KB * T * m[2] * KB * quantum, rel=1e-7)
    assert "[J, T]: nW/K" in whole.response_1.attrs["units"]
    twice = whole.response_2.sel(
        of="J", by="T", by_2="T", terminal="L", terminal_from="L", terminal_from_2="L"
    )
    nature = mk.loads(DOT.format(units="", e0=e0, g=g, T=KB * T)).run("all").response_2
    same = nature.sel(of="J", by="T", by_2="T", terminal="L", terminal_from="L", terminal_from_2="L")
    assert float(twice) == pytest.approx(float(same) * KB**2 * quantum, rel=1e-9)
    assert whole.S.attrs["units"] == "eV/K"
    assert whole.a.attrs["units"] == "nA/K"


def test_what_is_undefined_is_nan() -> None:
    cold = mk.loads(DOT.format(units="", e0=0.1, g=1, T=0)).run("all")
    for name in ("seebeck", "peltier", "thermal_conductance", "figure_of_merit"):
        assert np.all(np.isnan(cold[name]))
    assert np.all(np.isnan(cold.response_1.sel(by="T")))
    assert np.all(np.isfinite(cold.response_1.sel(by="V")))
    warm = mk.loads(DOT.format(units="", e0=0.1, g=1, T=0.1)).run("all")
    assert np.all(np.isnan(np.diag(warm.seebeck)))


def test_small_bias_is_the_series() -> None:
    """transport(order = 2) solves the probes' polynomials; the rest is of third order."""
    model = load(bath("L", 1), bath("R", 3), probe("P", 2, "mu such that I == 0", more="T = 0.1"))
    found = responding(model)
    off = []
    for scale in (1e-2, 5e-3):
        away = {"L.mu": 0.1 + scale, "R.mu": 0.1 - 0.3 * scale, "L.T": 0.1 + 0.2 * scale}
        device = model.device(away)
        current = transport.solve(Request(device, {"order": 2})).current
        v, t = -np.array([scale, -0.3 * scale]), 0.2 * scale
        one, two = found.response_1[0], found.response_2[0]
        series = one[0][:, :2] @ v + one[1][:, 0] * t + np.einsum("abc,b,c->a", two[0, 0][:, :2, :2], v, v)
        series = series + two[1, 1][:, 0, 0] * t**2 + 2 * two[0, 1][:, :2, 0] @ v * t
        off.append(np.abs(-current - series).max())
    assert off[0] / off[1] > 6
    assert off[0] < 1e-6


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6))
def test_sum_rules_of_random_devices(seed: int) -> None:
    random = np.random.default_rng(seed)
    kinds = ["wide_band(0.6)", "chain(hopping = 1, coupling = 0.9)", "0.4/(E - 0.2 + 0.7i)"]

    def sigma() -> str:
        return kinds[random.integers(3)]

    T = float(random.choice([0.0, 0.1]))
    lines = [
        bath(name, 1 + k, sigma(), random.choice(["", "bands = own"]), T) for k, name in enumerate("LRS")
    ]
    lines = lines[: 2 + random.integers(2)]
    if random.integers(2):
        lines.append(probe("P", 4, "mu such that I == 0", sigma(), f"T = {T}"))
    if random.integers(2) and T:
        lines.append(probe("M", 2, "mu, T such that I == 0, J == 0", sigma()))
    if random.integers(2):
        lines.append(probe("D", 3, "f such that i(E) == 0", sigma()))
    found = responding(load(*lines, T=T))
    gross = np.nanmax(np.abs(found.conductance))
    assert np.all(np.diag(found.conductance)[:2] > 0)
    assert np.nansum(found.conductance, axis=0) == pytest.approx(0, abs=1e-10 * gross)
    baths = np.isfinite(found.conductance[0])
    assert found.conductance[:, baths].sum(axis=1) == pytest.approx(0, abs=1e-10 * gross)
    second = found.response_2[0]
    assert np.nansum(second, axis=2) == pytest.approx(0, abs=1e-8 * np.nanmax(np.abs(second)))
    assert found.audits["onsager"] < 1e-11
    assert "gauge" not in found.second_audits
    assert max(found.second_audits.values()) < 1e-9


def follows(weights: np.ndarray) -> Any:
    """A potential of the whole conductor, and of all bands, that is a mean of those of the terminals."""

    def levels(problem: Any, system: Any, direction: np.ndarray, followed: Any) -> Levels:
        rise = float(weights @ direction[0])
        return Levels(np.full(len(system.weight), rise), np.full(system.n_terminals, rise))

    return levels


@pytest.mark.parametrize("T", [0.0, 0.1])
def test_where_levels_follow_a_common_shift_changes_nothing(
    T: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sum rules of gauge invariance, and currents with the potential moved by hand."""
    chain = "chain(hopping = 1, coupling = 0.9)"
    weights = np.array([0.7, 0.3])
    monkeypatch.setattr(response, "levels_of", follows(weights))
    monkeypatch.setattr(following, "levels_of", follows(weights))
    lines = [bath("L", 1, chain, "bands = local", T), bath("R", 3, chain, "bands = local", T)]
    model = load(*lines, "param w = 0", "potential on d { U = w }", T=T)
    found = responding(model, method="sparse")
    two = found.conductance_2
    assert found.second_audits["gauge"] < 1e-9
    assert "warnings" not in found.attributes
    both = two[0, 0, 0] - 2 * two[0, 0, 1] + two[0, 1, 1]
    assert two[0, 0, 0] == pytest.approx(both / 4, rel=1e-8)
    h = 0.02

    def current(rise: float) -> float:
        away = {"L.mu": 0.1 + rise, "w": 0.7 * rise}
        return float(transport.solve(Request(model.device(away), {})).current[0])

    wide, narrow = ((current(s) + current(-s)) / (2 * s**2) for s in (h, h / 2))
    assert -two[0, 0, 0] == pytest.approx((4 * narrow - wide) / 3, rel=1e-4)


def test_the_reversed_device_has_another_response() -> None:
    """Only together with the reversal it is the transposed one."""
    lines = [bath("L", 1), bath("R", 3), bath("S", 2), probe("P", 4, "mu, T such that I == 0, J == 0")]
    one, other = (responding(load(*lines, f"param phi = {phi}")) for phi in (0, 1))
    assert other.audits["onsager"] < 1e-12
    assert np.nanmax(np.abs(one.conductance - one.conductance.T)) > 1e-3


SPIN_CHAIN = """
model wire
param flip = 1
reference { mu = -0.3; T = 0.1 }
lattice d {
  internal spin
  site c[x, y] for x in 1..3, y in 1..2
  onsite c[x, y] : 0.2*sigma_x + flip*0.3*sigma_y
  hop c[x, y] -> c[x+1, y] : -exp(1i*flip*0.4*y) + 0.3i*sigma_y
  hop c[x, y] -> c[x, y+1] : -0.8
}
bath L on d.left { self_energy = lead; mu = -0.3; T = 0.1 }
bath R on d.right { self_energy = lead; mu = -0.3; T = 0.1 }
bath S on d.c[2, 1] { self_energy = wide_band([0.8, flip*0.2i | -flip*0.2i, 0.4]); mu = -0.3; T = 0.1 }
task go = response(order = 1) { output G1 }
"""


def test_leads_and_matrices_are_reversed_with_the_flux() -> None:
    """The audit, and the text itself with all that is imaginary turned round."""
    one, other = (mk.loads(SPIN_CHAIN).run("go", flip=flip) for flip in (1, -1))
    assert np.abs(one.conductance.values - one.conductance.values.T).max() > 1e-4
    np.testing.assert_allclose(one.conductance, other.conductance.values.T, atol=1e-11)
    assert float(one.audit_onsager) < 1e-11


def test_a_lead_that_does_not_turn_with_the_flux_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = leads._with_channels

    def wrong(sigma: Any, count: Any, most: float, *, real: bool) -> Any:
        ahead = np.triu(np.ones(sigma.shape[1:]), 1)
        return right(sigma + 1e-6j * (ahead - ahead.T), count, most, real=real)

    monkeypatch.setattr(leads, "_with_channels", wrong)
    with pytest.raises(NotConverged, match="'onsager' failed"):
        mk.loads(SPIN_CHAIN).run("go")


@pytest.mark.parametrize(("T", "self_energy"), [(0.0, "wide_band(0.7)"), (0.086, "chain(1.42, 0.592)")])
def test_where_nothing_can_flow_no_audit_fails(T: float, self_energy: str) -> None:
    """One bath on a superconductor: what is left of the currents, or of heat, is rounding."""
    text = f"""
    model alone
    reference {{ mu = 0; T = {T} }}
    lattice d {{
      internal nambu
      site c[x, y] for x in 1..3, y in 1..2
      onsite c[x, y] : 0.029
      onsite c[1, 2] : -0.504
      hop c[x, y] -> c[x+1, y] : -0.788*exp(-0.534i*y)
      hop c[x, y] -> c[x, y+1] : -1.039*exp(0.743i)
      pair c[x, y] - c[x+1, y] : -0.483 + exp(0.4i)
    }}
    bath L on d.c[1, 2] {{ self_energy = {self_energy}; mu = 0; T = {T} }}
    task go = response {{ output response_1, response_2 }}
    """
    found = mk.loads(text).run("go").response_1.sel(terminal="L", terminal_from="L", of="J", by="V")
    assert abs(float(found)) < 1e-15


def test_dephasing_beyond_all_other_bands_has_no_influence() -> None:
    """Where levels follow, what is asked of a probe that nothing reaches is rounding, and is left out."""
    text = """
    model ring
    reference { mu = 0.3; T = 0.17 }
    lattice d {
      internal spin
      site c[x] for x in ring(3)
      onsite c[x] : 0.388*sigma_x - 0.145*sigma_y
      onsite c[1] : 0.331
      hop c[x] -> c[x+1] : -0.876*exp(0.232i) + 0.061i*sigma_y + 0.235*sigma_z
    }
    bath B on d.c[1], d.c[2] { self_energy = chain(1.4, 1.2); bands = own; mu = 0.36; T = 0.19 }
    probe P on d.c[2], d.c[3] {
      self_energy = chain(1, 0.7); bands = own; solve T, mu such that J == 0, I == 0
    }
    probe D on d.c[3], d.c[2] {
      self_energy = wide_band([1.37, -0.03 + 0.01i | -0.03 - 0.01i, 0.9]); solve f such that i(E) == 0
    }
    task full = transport { output chemical_potential, temperature }
    """
    found = mk.loads(text).run("full").sel(terminal="P")
    assert float(found.chemical_potential) == pytest.approx(0.36, abs=1e-9)
    assert float(found.temperature) == pytest.approx(0.19, abs=1e-9)


def test_a_filter_that_follows_its_mu_has_no_second_order() -> None:
    """A jump has no derivative; what leaves it out would be a wrong number."""
    lines = [bath("L", 1, "-0.5i*if(E > 0.2, 1, 0.3)", "bands = own"), bath("R", 3)]
    tasks = "task two = transport(order = 2) { output current }", "task G2 = response { output response_2 }"
    model = load(*lines, *tasks)
    for task in ("G2", "two"):
        with pytest.raises(ModelError, match="a self-energy is not smooth near E = ") as caught:
            model.run(task)
        assert caught.value.errors[0].hint
    assert np.all(np.isfinite(responding(model, 1).conductance))


def test_pairs_of_terminals_are_told_apart() -> None:
    """Three baths: that of L and R with S floating is from a device in which S is a thermalising probe."""
    others = [bath("L", 1), bath("R", 3)]
    three = responding(load(*others, bath("S", 2)))
    two = responding(load(*others, probe("S", 2, "mu, T such that I == 0, J == 0", "wide_band(0.6)")))
    for name in ("seebeck", "peltier", "thermal_conductance", "figure_of_merit"):
        a, b = (getattr(found.thermoelectric, name)[0, 1] for found in (three, two))
        assert a == pytest.approx(b, rel=1e-9)
        assert np.isnan(getattr(two.thermoelectric, name)[0, 2])


def test_a_matrix_without_a_sweep_is_drawn_as_a_map() -> None:
    model = load(bath("L", 1), bath("R", 3))
    drawn = model.figure("go", model.run("go"))
    assert drawn.axes[0].get_ylabel() == "to terminal"
    assert len(drawn.axes[0].child_axes) == 1, "a map with its colours"


def test_a_superconductor_has_the_condensate_as_a_terminal() -> None:
    text = """
    model short
    reference { mu = 0; T = 0.1 }
    lattice d {
      site c[l] for l in 1..3
      onsite c[l] : -0.3
      hop c[l] -> c[l+1] : -1
      pair c[l] - c[l+1] : 0.4
    }
    bath L on d.c[1] { self_energy = wide_band(0.7); mu = 0.01; T = 0.1 }
    bath R on d.c[3] { self_energy = wide_band(0.4); mu = -0.02; T = 0.1 }
    task go = response { output G1 }
    task one = transport(order = 1) { output current }
    """
    model = mk.loads(text)
    found = model.run("go").conductance
    assert list(found.terminal) == ["L", "R", "condensate"]
    current = -(found.values[:, :2] @ np.array([-0.01, 0.02]))
    assert current == pytest.approx(model.run("one").current.values, rel=1e-8)
    assert np.all(np.isnan(found.sel(terminal_from="condensate")))


REFUSED = {
    "nothing guesses it": ([bath("L", 1)], {"order": 2}, "reference"),
    "not part of response": ([bath("L", 1), bath("R", 3)], {"order": 1}, ""),
    "the orders 1 and 2, not 3": ([bath("L", 1), bath("R", 3)], {"order": 3}, ""),
    "no option 'depth'": ([bath("L", 1), bath("R", 3)], {"depth": 3}, ""),
    "is not zero at the reference, and": ([bath("L", 1), probe("P", 3, "mu such that I == 0.1")], {}, ""),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_answered_is_refused(message: str) -> None:
    lines, options, without = REFUSED[message]
    text = load(*lines).to_source()
    if without:
        text = "\n".join(line for line in text.splitlines() if not line.startswith(without))
    model = mk.loads(text)
    with pytest.raises(ModelError, match=message) as caught:
        _ = response.solve(Request(model.device(), options)).response_2
    assert caught.value.hint


def test_probes_that_nothing_determines_are_told() -> None:
    with pytest.raises(NotConverged, match="'P'"):
        responding(load(bath("L", 1), probe("P", 3, "mu such that I == 0", "wide_band(0)")))
    with pytest.raises(ModelError, match="does not determine"):
        responding(load(bath("L", 1, T=0), probe("P", 3, "mu, T such that I == 0, J == 0"), T=0))


@pytest.mark.parametrize("path", texts(Path(__file__).parent / "golden"), ids=lambda path: path.stem)
def test_a_wrong_task_is_told_what_is_wrong(path: Path) -> None:
    error = assert_message(path, lambda text, name: mk.loads(text, name).check())
    assert_spans_lie_in(error, path.read_text())
