"""Superconducting devices beyond linear response, against integrals of matrices written down by hand."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.integrate import quad

import modelkit as mk
from modelkit.errors import NotConverged
from modelkit.solve.junction.nonlinear import Grids
from modelkit.solve.junction.steady import steady
from modelkit.solve.request import Request
from tests.solve.test_superconducting import DEFAULTS, PROBE, WIRE, ByHand

FULL = WIRE.replace("transport(order = 1)", "transport").replace(
    "output current, chemical_potential", "output current, chemical_potential, temperature, heat_current"
)
BIASED = {"x": 0.45, "y": -0.2, "Delta": 0.3, "w": 0.8}
THERMAL = "probe P on wire.c[2] { self_energy = -0.2i; solve mu such that I == 0; solve T such that J == 0 }"


def run(probe: str = "", order: int | None = None, *, text: str = FULL, **values: Any) -> xr.Dataset:
    text = text if order is None else text.replace("= transport {", f"= transport(order = {order}) {{")
    return mk.loads(text.replace("PROBES", PROBE.get(probe, probe))).run("profile", **values)


def fermi(energy: float, mu: float, T: float) -> float:
    return float(energy < mu) if T == 0 else 0.5 * (1 - math.tanh((energy - mu) / (2 * T)))


def by_hand(values: dict[str, float], mu: list[float], T: list[float], probe: str = "") -> Any:
    """Particle and energy currents of the terminals by quad over the spectral currents."""
    wire = ByHand(DEFAULTS | values, probe)
    n = len(mu)
    ends = sorted({s * m + k * t for m, t in zip(mu, T, strict=True) for s in (1, -1) for k in (-36, 0, 36)})

    def spectral(energy: float) -> np.ndarray:
        t = wire.transmission(energy)
        f = np.array([fermi(energy, s * m, k) for s in (1, -1) for m, k in zip(mu, T, strict=True)])
        i = (t * (f[:, None] - f[None, :])).sum(axis=1) / (2 * math.pi)
        return np.concatenate([i[:n] - i[n:], energy * (i[:n] + i[n:])]) / 2

    found = [
        sum(
            quad(lambda e, k=k: spectral(e)[k], low, high, epsabs=1e-12, epsrel=1e-11, limit=200)[0]
            for low, high in itertools.pairwise(ends)
        )
        for k in range(2 * n)
    ]
    return np.array(found[:n]), np.array(found[n:])


@pytest.mark.parametrize(("kT", "hot"), [(0.0, 0.0), (0.05, 0.04)])
def test_currents_of_particles_and_heat_are_integrals_of_the_matrix_by_hand(kT: float, hot: float) -> None:
    values = BIASED | {"kT": kT, "hot": hot, "N": 3}
    found = run(**values)
    mu = [values["x"], values["y"]]
    current, energy = by_hand(values, mu, [kT + hot, kT])
    np.testing.assert_allclose(found.current.values, [*current, -current.sum()], atol=1e-10)
    np.testing.assert_allclose(found.heat_current.values, [*(energy - mu * current), 0.0], atol=1e-10)
    assert energy.sum() == pytest.approx(0, abs=1e-10), "pairs at mu = 0 carry no energy"


BTK = """
model junction
param V = 0.3; param kT = 0.02; param Delta = 0.4; param barrier = 0.7; param N = 60
lattice wire {
  internal spin
  site c[l] for l in 1..N at (l, 0)
  onsite c[l] where l == 2 : barrier
  hop c[l] -> c[l+1] : -1
  pair c[l] - c[l] for l in 1..N where l > 3 : Delta/2*[0, 1 | -1, 0]
}
bath L on wire.left { self_energy = lead; mu = V; T = kT }
bath S on wire.c[N] { self_energy = wide_band(0.1); mu = 0; T = kT }
task iv = transport { output current }
task spectrum = transmission { sweep E in {-0.3, 0.1, 0.35, 0.6}; output transmission, andreev_transmission }
"""


def junction_by_hand(energy: float, N: int, Delta: float, barrier: float) -> tuple[float, float, float]:
    """``T^he_LL``, and ``T^ee`` and ``T^he`` from L to S, of one spin: [[h, Delta], [Delta, -h]]."""
    h = -np.eye(N, k=1) - np.eye(N, k=-1) + 0j
    h[1, 1] = barrier
    pairs = np.diag(np.where(np.arange(1, N + 1) > 3, Delta, 0.0))

    def lead(e: float) -> complex:
        return e / 2 - 1j * math.sqrt(1 - e**2 / 4)

    sigma = np.zeros((4, 2 * N, 2 * N), dtype=complex)
    places = [(0, lead(energy)), (N - 1, -0.05j), (N, -np.conj(lead(-energy))), (2 * N - 1, -0.05j)]
    for r, (at, value) in enumerate(places):
        sigma[r, at, at] = value
    bdg = np.block([[h, pairs], [pairs, -h]])
    green = np.linalg.inv(energy * np.eye(2 * N) - bdg - sigma.sum(axis=0))
    gamma = -2 * np.array([sigma[r, at, at].imag for r, (at, _) in enumerate(places)])
    at = [place for place, _ in places]
    t = np.abs(green[np.ix_(at, at)]) ** 2 * gamma[:, None] * gamma[None, :]
    return t[2, 0], t[1, 0], t[3, 0]


@pytest.mark.parametrize("kT", [0.0, 0.02])
@pytest.mark.parametrize("barrier", [0.0, 1.5])
def test_a_lead_on_the_normal_part_of_a_superconductor_is_the_junction_of_btk(
    kT: float, barrier: float
) -> None:
    """``I = 2/(2 pi) int [f(E - V) - f(E)] [T^ee_SL + T^he_SL + 2 T^he_LL]`` of both spins.

    G. E. Blonder et al., PRB 25, 4515 (1982): the holes are folded onto the electrons.
    """
    V, Delta, N = 0.55, 0.4, 12
    found = mk.loads(BTK).run("iv", V=V, kT=kT, barrier=barrier, N=N, Delta=Delta)

    def integrand(e: float) -> float:
        andreev, through, crossed = junction_by_hand(e, N, Delta, barrier)
        up, down = fermi(e, V, kT), fermi(e, -V, kT)
        still = fermi(e, 0.0, kT)
        return andreev * (up - down) + (through + crossed) * (up - still)

    ends = [-V - 40 * kT, -V, -Delta, 0.0, Delta, V, V + 40 * kT]
    expected = sum(
        quad(integrand, low, high, epsabs=1e-11, limit=400)[0]
        for low, high in itertools.pairwise(ends)
        if high > low
    )
    assert float(found.current.sel(terminal="L")) == pytest.approx(2 * expected / (2 * math.pi), abs=1e-9)


def test_below_the_gap_a_clear_junction_conducts_twice_and_a_barrier_nothing() -> None:
    """Without a barrier Andreev reflection is almost certain; two quanta for each spin."""
    clear, shut = (
        float(mk.loads(BTK).run("iv", V=0.1, kT=0, barrier=barrier, N=40).current[0]) * 2 * math.pi / 0.1
        for barrier in (0.0, 8.0)
    )
    assert clear > 3.5
    assert shut < 0.01


@pytest.mark.parametrize("probe", ["", "voltage", "source", "load", "dephasing"])
@pytest.mark.parametrize("kT", [0.0, 0.1])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_an_order_is_off_by_the_next_power_of_the_bias(order: int, kT: float, probe: str) -> None:
    off = []
    for scale in (1.0, 0.5):
        values = {"x": 0.12 * scale, "y": -0.05 * scale, "kT": kT, "hot": 0.04 * scale if kT else 0}
        values |= {"drawn": 0.004 * scale, "w": 0.8, "N": 4}
        off.append(np.abs(run(probe, order, **values).current - run(probe, **values).current).max())
    assert off[0] / off[1] > 1.6 ** (order + 1)
    assert off[0] < 0.02


@pytest.mark.parametrize("kT", [0.0, 0.08])
def test_a_thermal_probe_takes_neither_particles_nor_heat(kT: float) -> None:
    values = BIASED | {"kT": kT, "N": 3}
    found = run(THERMAL, **values)
    mu, T = found.chemical_potential.values[:3], found.temperature.values[:3]
    current, energy = by_hand(values, list(mu), list(T), "voltage")
    np.testing.assert_allclose(found.current.values[:3], current, atol=1e-10)
    assert np.abs([current[2], energy[2]]).max() < 1e-10
    assert T[2] > kT, "it warms up"
    assert np.isnan(found.temperature.values[3])


def test_a_thermal_probe_to_first_order_is_the_limit_of_small_differences() -> None:
    values = {"kT": 0.1, "N": 4, "w": 0.8}
    small = {"x": 1e-5, "y": -4e-6, "hot": 1e-5}
    found, full = run(THERMAL, 1, **values, **small), run(THERMAL, **values, **small)
    for name in ("current", "chemical_potential", "temperature", "heat_current"):
        np.testing.assert_allclose(found[name], full[name], atol=3e-9)
    assert abs(float(found.temperature[2]) - 0.1) > 1e-6


def test_one_channel_that_only_reflects_conducts_alike_in_both_directions() -> None:
    """``|r_he(E)| = |r_he(-E)|`` by particle-hole symmetry and unitarity: even orders vanish."""
    text = FULL.replace("PROBES", "").replace("bath R", "# bath R")
    values = {"x": 0.2, "kT": 0.05, "w": 0.8}
    forward, backward = (run(text=text, **values | {"x": x}).current.values for x in (0.2, -0.2))
    np.testing.assert_allclose(forward, -backward, atol=1e-12)
    one, two, three = (run("", order, text=text, **values).current.values for order in (1, 2, 3))
    np.testing.assert_allclose(two, one, atol=1e-13)
    assert np.abs(three - one).max() > 1e-6


KITAEV = """
model end_of_a_wire
param g = 0.01; param V = 1e-4; param kT = 0
reference { mu = 0; T = kT }
lattice wire {
  site c[l] for l in 1..60
  onsite c[l] : -0.4
  hop c[l] -> c[l+1] : -1
  pair c[l] - c[l+1] : 0.3
}
bath L on wire.c[1] { self_energy = wide_band(g); mu = V; T = kT }
bath R on wire.c[60] { self_energy = wide_band(1); mu = 0; T = kT }
task current = transport(order = ORDER) { output current }
task full = transport { output current }
"""


def test_orders_see_a_majorana_state_that_is_narrower_than_any_window() -> None:
    """``G(E)`` is a Lorentzian of two quanta: ``2 pi I = 2 w atan(V/w)``, w set by the coupling."""
    model = {order: mk.loads(KITAEV.replace("ORDER", str(order))) for order in (1, 3)}
    at = {order: float(one.run("current").current[0]) for order, one in model.items()}
    full = float(model[1].run("full").current[0])
    assert at[1] == pytest.approx(2 * 1e-4 / (2 * math.pi), rel=1e-9)
    width = 1e-4 / math.sqrt(3 * (1 - at[3] / at[1]))
    assert 1e-3 < width < 1e-2
    assert full * 2 * math.pi == pytest.approx(2 * width * math.atan(1e-4 / width), rel=1e-6)


POTENTIAL = """
model follows
param shift = 0.2; param x = 0.3
reference { mu = 0; T = 0 }
lattice wire {
  site c[l] for l in 1..4 at (l, 0)
  onsite c[l] : BASE
  hop c[l] -> c[l+1] : -1
  pair c[l] - c[l+1] : 0.4
}
BESIDE
bath L on wire.c[1] { self_energy = chain(hopping = 1, coupling = 0.7); mu = x; BANDS }
task iv = transport { output current }
"""


def test_a_prescribed_potential_lifts_electrons_and_lowers_holes() -> None:
    by_hand = POTENTIAL.replace("BASE", "0.1*l + shift").replace("BESIDE", "").replace("BANDS", "")
    potential = POTENTIAL.replace("BASE", "0.1*l").replace("BESIDE", "potential on wire { U = shift }")
    rigid, local, own = (potential.replace("BANDS", f"bands = {word}") for word in ("rigid", "local", "own"))
    expected = mk.loads(by_hand).run("iv").current.values
    np.testing.assert_allclose(mk.loads(rigid).run("iv").current.values, expected, atol=1e-13)
    followed = by_hand.replace("chain(hopping = 1, coupling = 0.7)", "FORMULA")

    def raised(by: str) -> np.ndarray:
        e = f"(E - {by})"
        formula = f"0.49/2*({e} - 1i*sqrt(4 - {e}^2))"  # inside its band, where all of the window is
        return np.asarray(mk.loads(followed.replace("FORMULA", formula)).run("iv").current.values)

    np.testing.assert_allclose(mk.loads(local).run("iv").current.values, raised("shift"), atol=1e-10)
    np.testing.assert_allclose(mk.loads(own).run("iv").current.values, raised("x"), atol=1e-10)
    assert np.abs(raised("x") - expected).max() > 1e-4


FAR = """lattice far {
  site d[l] for l in 1..60
  hop d[l] -> d[l+1] : -1
  pair d[l] - d[l+1] : 0.5
  onsite d[l] : 3
}
probe P on far.d[1] { self_energy = -0.2i; T = kT; solve mu such that I == 0 }
"""


def test_a_probe_in_the_gap_is_not_determined_in_full_either() -> None:
    with pytest.raises(NotConverged, match=r"probe 'P'.* lets nothing through, so its chemical potential"):
        run(FAR)
    with pytest.raises(NotConverged, match="lets nothing through"):
        run(FAR, 2)


def test_a_current_that_the_gap_does_not_let_in_names_its_condition() -> None:
    with pytest.raises(NotConverged, match="probe 'P'"):
        run(FAR.replace("I == 0", "I == 5"))


def test_the_temperature_of_a_probe_that_only_reflects_holes_is_not_determined() -> None:
    """A Majorana state takes particles and no energy."""
    text = FAR.replace(": 3\n", ": 0.3\n").replace(
        "T = kT; solve mu such that I == 0", "solve mu such that I == 0; solve T such that J == 0"
    )
    with pytest.raises(NotConverged, match="probe 'P'"):
        run(text, x=0.05, y=0.0)


def test_without_a_reference_the_centre_is_the_condensate() -> None:
    text = FULL.replace("reference { mu = 0; T = kT }", "")
    np.testing.assert_allclose(run(text=text, **BIASED).current, run(**BIASED).current, atol=1e-13)


def test_the_jacobian_knows_how_bands_of_a_probe_follow() -> None:
    """The derivative of the conductor against differences of moved bands."""
    band = PROBE["source"].replace("-0.2i", "chain(hopping = 1, coupling = 0.7); bands = own")
    device = mk.loads(FULL.replace("PROBES", band)).device(**BIASED)
    problem = steady(device)
    exact = Grids(Request(device), problem).point(np.array([0.2]), 1.0)
    other = replace(exact, grid=replace(exact.grid, prepared=replace(exact.grid.prepared, responds=False)))
    assert exact.followers is None
    assert other.followers is not None
    assert abs(other.followers).max() > 1e-4
    np.testing.assert_allclose(exact.jacobian, other.jacobian, atol=1e-7)
