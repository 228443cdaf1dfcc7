"""Terminals that are coupled to some strongly and to others hardly at all: against their closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

import modelkit as mk
from modelkit.errors import NotConverged

MU, V, GAMMA, PROBE = 0.3, 0.4, 0.8, 0.5
COUPLINGS = [1e-2, 1e-4, 1e-6, 1e-8, 1e-11, 1e-14]
HEAD = f"model weak\nparam w = 1e-3\nparam kT = 0\nreference {{ mu = {MU}; T = kT }}\n"
TASKS = "".join(
    f"task {name} = transport{order} {{ output current, chemical_potential }}\n"
    for name, order in (("full", ""), ("one", "(order = 1)"), ("three", "(order = 3)"))
)


def bath(name: str, site: str, sign: str) -> str:
    at = f"mu = {MU} {sign} {V / 2}; T = kT"
    return f"bath {name} on wire.{site} {{ self_energy = wide_band(Gamma = {GAMMA}); {at} }}\n"


def probe(site: str, condition: str = "T = kT; solve mu such that I == 0") -> str:
    return f"probe P on wire.{site} {{ self_energy = wide_band(Gamma = {PROBE}); {condition} }}\n"


HANGING = (
    HEAD + "lattice wire { site c[l] for l in 1..3; site p; hop c[l] -> c[l+1] : -1; hop c[2] -> p : w }\n"
    f"{bath('L', 'c[1]', '+')}{bath('R', 'c[3]', '-')}{probe('p')}{TASKS}"
)


def broken(site: int) -> str:
    """Two halves of a wire joined by w, a probe on one of them."""
    hops = "hop c[1] -> c[2] : -1; hop c[2] -> c[3] : w; hop c[3] -> c[4] : -1"
    return (
        f"{HEAD}lattice wire {{ site c[l] for l in 1..4; {hops} }}\n"
        f"{bath('L', 'c[1]', '+')}{bath('R', 'c[4]', '-')}{probe(f'c[{site}]')}{TASKS}"
    )


def fermi(energy: float, mu: float, kT: float) -> float:
    return float(energy < mu) if kT == 0 else float(1 / (1 + np.exp((energy - mu) / kT)))


def hanging_at(kT: float) -> float:
    """mu of a probe that hangs on a vanishing hop: what the middle of the wire offers its level."""

    def offered(energy: float) -> float:
        h = np.diag([-1.0, -1.0], 1) + np.diag([-1.0, -1.0], -1)
        z = energy * np.eye(3) - h
        green = np.linalg.inv(z + 0.5j * GAMMA * np.diag([1, 0, 1]))
        return float(GAMMA * abs(green[1, 0]) ** 2 / (energy**2 + PROBE**2 / 4))

    def taken(mu: float) -> float:
        def integrand(energy: float) -> float:
            given = fermi(energy, MU + V / 2, kT) + fermi(energy, MU - V / 2, kT)
            return offered(energy) * (2 * fermi(energy, mu, kT) - given)

        ends = MU - V / 2 - 40 * kT, MU + V / 2 + 40 * kT
        points = sorted({MU - V / 2, mu, MU + V / 2})
        return quad(integrand, *ends, points=points, epsabs=1e-14, epsrel=1e-13, limit=400)[0]

    return float(brentq(taken, MU - V / 2, MU + V / 2, xtol=1e-13))


@pytest.mark.parametrize("method", ["ladder", "sparse"])
@pytest.mark.parametrize("kT", [0.0, 0.05])
def test_a_probe_on_a_weak_hop_is_where_its_surroundings_put_it(kT: float, method: str) -> None:
    model, expected = mk.loads(HANGING), hanging_at(kT)
    for w in COUPLINGS:
        found = model.run("full", w=w, kT=kT, method=method)
        mu = float(found.chemical_potential.sel(terminal="P"))
        assert mu == pytest.approx(expected, abs=3e-10 + w**2), w
        assert abs(mu - MU) > 0.05, "it is not where the search began"


@pytest.mark.parametrize("kT", [0.0, 0.05])
def test_linear_response_puts_it_into_the_middle(kT: float) -> None:
    """The ends are alike; so does the third order up to what it is off by."""
    model = mk.loads(HANGING)
    for w in COUPLINGS:
        mu = model.run("one", w=w, kT=kT).chemical_potential.sel(terminal="P")
        assert float(mu) == pytest.approx(MU, abs=1e-12), w
    third = [model.run("three", w=w, kT=kT).chemical_potential.sel(terminal="P") for w in COUPLINGS]
    assert np.array(third) == pytest.approx(float(third[-1]), abs=1e-5)
    assert float(third[-1]) == pytest.approx(hanging_at(kT), abs=5e-3)


def tunnelling() -> tuple[float, float, float]:
    """At T = 0, per w^2: the current through the broken wire, full and linear, and how far P is from L."""

    def half(energy: float) -> tuple[float, float, float]:
        """States on the near site that L fills, that P fills; transmission from L to P."""
        z = np.array([[energy + 0.5j * GAMMA, 1], [1, energy + 0.5j * PROBE]])
        green = np.linalg.inv(z)
        from_l, from_p = GAMMA * abs(green[1, 0]) ** 2, PROBE * abs(green[1, 1]) ** 2
        return float(from_l), float(from_p), float(GAMMA * PROBE * abs(green[0, 1]) ** 2)

    def bare(energy: float) -> float:
        green = np.linalg.inv(np.array([[energy + 0.5j * GAMMA, 1], [1, energy]]))
        return float(GAMMA * abs(green[1, 0]) ** 2)

    def total(energy: float) -> float:
        return sum(half(energy)[:2]) * bare(energy) / (2 * np.pi)

    def drawn(energy: float) -> float:
        return half(energy)[1] * bare(energy)

    low, high = MU - V / 2, MU + V / 2
    full = quad(total, low, high, epsabs=0, epsrel=1e-13)[0]
    shift = quad(drawn, low, high, epsabs=0, epsrel=1e-13)[0] / half(high)[2]
    return full, total(MU) * V, shift


def within(w: float) -> float:
    """How well currents through a weak link are known: below 1e-26 rounding of rounding shows."""
    return 1e-7 + 10 * w**2 + 2e-32 / w**2


@pytest.mark.parametrize("site", [2, 3])
@pytest.mark.parametrize("method", ["ladder", "sparse"])
def test_a_tunnel_current_past_a_probe_that_is_pinned(site: int, method: str) -> None:
    """Rounding of mu drives more between the probe and its bath than flows through the weak link."""
    full, linear, shift = tunnelling()
    model, near, far = mk.loads(broken(site)), "LR"[site - 2], "RL"[site - 2]
    sign = 1 if near == "L" else -1
    for w in COUPLINGS:
        for task, expected in (("full", full), ("one", linear)):
            found = model.run(task, w=w, method=method)
            current, off = found.current / w**2, within(w)
            assert float(current.sel(terminal=near)) == pytest.approx(sign * expected, rel=off)
            assert float(current.sel(terminal=far)) == pytest.approx(-sign * expected, rel=off)
            assert abs(float(current.sel(terminal="P"))) < off
    mu = model.run("full", w=1e-4, method=method).chemical_potential.sel(terminal="P")
    if near == "L":
        assert MU + V / 2 - float(mu) == pytest.approx(shift * 1e-8, rel=1e-5)


@pytest.mark.parametrize("task", ["full", "one", "three"])
def test_a_warm_broken_wire_carries_what_the_square_of_its_link_lets_through(task: str) -> None:
    for site in (2, 3):
        model = mk.loads(broken(site))
        found = [model.run(task, w=w, kT=0.05) for w in COUPLINGS[1:]]
        first = found[0].current.values / COUPLINGS[1] ** 2
        for one, w in zip(found, COUPLINGS[1:], strict=True):
            assert one.current.values / w**2 == pytest.approx(first, rel=within(w), abs=within(w))
        assert np.abs(first[:2]).min() > 0.03
        if task == "full":
            assert "by rounding of distributions" in found[-1].attrs["warnings"]


THERMAL = HANGING.replace("T = kT; solve mu such that I == 0", "mu = 0.35; solve T such that J == 0")


def test_a_thermometer_on_a_weak_hop_shows_the_same_temperature() -> None:
    model = mk.loads(THERMAL.replace("chemical_potential", "temperature"))
    for task, kT in (("full", 0.0), ("full", 0.05), ("one", 0.05)):
        found = [model.run(task, w=w, kT=kT).temperature.sel(terminal="P") for w in COUPLINGS]
        assert np.array(found[1:]) == pytest.approx(float(found[-1]), rel=1e-7)
        assert float(found[0]) == pytest.approx(float(found[-1]), rel=1e-3)
        assert abs(float(found[-1]) - kT) > 1e-4, "it is not where the search began"


PAIR = (
    f"{HEAD}lattice wire {{ site c[l] for l in 1..4; hop c[1] -> c[2] : w; hop c[2] -> c[3] : -1; "
    f"hop c[3] -> c[4] : 2*w }}\n{bath('L', 'c[1]', '+')}{bath('R', 'c[4]', '-')}"
    f"probe P[l] for l in 2..3 on wire.c[l] {{ self_energy = wide_band(Gamma = {PROBE}); T = kT; "
    f"solve mu such that I == 0 }}\n{TASKS}"
)


@pytest.mark.parametrize("kT", [0.0, 0.05])
@pytest.mark.parametrize("method", ["ladder", "sparse"])
def test_a_pair_of_probes_floats_until_rounding_is_what_binds_it(kT: float, method: str) -> None:
    """Conductances 1 to 4 to either side put it at a fifth; below rounding nothing is made up."""
    model = mk.loads(PAIR)
    for w in (1e-4, 1e-6):
        found = model.run("one", w=w, kT=kT, method=method)
        mu = found.chemical_potential.sel(terminal=["P[2]", "P[3]"])
        assert np.array(mu) == pytest.approx(MU - 0.3 * V, abs=1e-7)
        full = model.run("full", w=w, kT=kT, method=method)
        assert float(abs(full.current.sum())) < 1e-9 * float(abs(full.current).max())
    for w in (1e-8, 1e-14):
        for task in ("one", "full"):
            with pytest.raises(NotConverged, match="do not determine"):
                model.run(task, w=w, kT=kT, method=method)


COLD = """model cold
param mu0 = 0
param V = 0.4
lattice wire { site c[l] for l in 1..4; hop c[l] -> c[l+1] : -1 }
bath L on wire.c[1] { self_energy = wide_band(Gamma = 0.8); mu = mu0 + V/2; T = 0 }
bath R on wire.c[4] { self_energy = wide_band(Gamma = 0.8); mu = mu0 - V/2; T = 0 }
"""
COLD += "probe P on wire.c[2] { self_energy = wide_band(Gamma = 0.5); CONDITION }\n"
COLD += "task full = transport { output current, chemical_potential, temperature }\n"
COLD += "task iv = transport { sweep V from -0.3 to 0.3 points 7; output temperature }\n"
CONDITIONS = ["mu = mu0; solve T such that J == 0", "solve mu, T such that I == 0, J == 0"]


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("mu0", [0.0, 0.3])
def test_a_thermometer_between_cold_baths_shows_zero_without_a_bias(condition: str, mu0: float) -> None:
    found = mk.loads(COLD.replace("CONDITION", condition)).run("full", V=0, mu0=mu0)
    assert float(found.temperature.sel(terminal="P")) == 0
    assert not found.current.any()


@pytest.mark.parametrize("condition", CONDITIONS)
def test_it_warms_up_with_the_bias_from_the_first_bit_on(condition: str) -> None:
    """Where transmissions do not change energies count in units of the bias."""
    model = mk.loads(COLD.replace("CONDITION", condition))
    biases = (1e-3, 1e-6, 1e-9, 1e-12, 1e-15)
    per_bias = [float(model.run("full", V=V).temperature.sel(terminal="P")) / V for V in biases]
    assert per_bias == pytest.approx([per_bias[-1]] * 5, rel=1e-6)
    if condition == CONDITIONS[0]:  # pi^2/6 T^2 of heat out for V^2/8 in: sqrt(3)/(2 pi), but for L and R
        assert per_bias[-1] == pytest.approx(np.sqrt(3) / (2 * np.pi), rel=1e-9)
    near = float(model.run("full", V=1e-9, mu0=0.3).temperature.sel(terminal="P")) / 1e-9
    assert near == pytest.approx(float(model.run("full", V=1e-5, mu0=0.3).temperature[2]) / 1e-5, rel=1e-5)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_sweep_of_the_bias_goes_through_zero(condition: str) -> None:
    found = mk.loads(COLD.replace("CONDITION", condition)).run("iv")
    T = found.temperature.sel(terminal="P").values
    assert "failed" not in found or not any(found.failed.values)
    assert T[3] == 0
    assert np.all(T[[0, 1, 2, 4, 5, 6]] > 0.009)


def test_a_bias_within_rounding_of_the_energies_says_so() -> None:
    model = mk.loads(COLD.replace("CONDITION", CONDITIONS[0]))
    with pytest.raises(NotConverged, match=r"rounding of energies about 0\.3"):
        model.run("full", mu0=0.3, V=1e-15)
