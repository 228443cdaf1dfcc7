"""Order 1 at finite temperature against direct integration, and its cost."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import integrate, special

import modelkit as mk
from modelkit.solve import request
from modelkit.solve.energies.resonances import Resonances, narrow_resonances
from modelkit.solve.energies.thermal_rule import first_panels, thermal_weights
from modelkit.solve.junction.junction import junction
from tests.solve.devices import INJECTED, METHODS, Lead, biased, chain, coupled, device, dimer, solve, wire

method = pytest.mark.parametrize("method", METHODS)


def thermal(T: float, mu: float, quantity: Any, low: float, high: float) -> float:
    def integrand(E: float) -> float:
        return float(quantity(E) / (4 * T * math.cosh((E - mu) / (2 * T)) ** 2))

    low, high = max(low, mu - 40 * T), min(high, mu + 40 * T)
    return float(integrate.quad(integrand, low, high, epsabs=1e-14, epsrel=1e-12, limit=400, points=[mu])[0])


@method
@pytest.mark.parametrize(("T", "mu"), [(0.01, 0.3), (0.3, 0.3), (0.2, 1.9), (0.1, 2.6)])
def test_two_sites_conduct_the_thermal_average(method: str, T: float, mu: float) -> None:
    """Also with band edges inside the window, and with mu in the gap above the band."""

    def transmitted(E: float) -> float:
        sigma = 0.32 * (E - 1j * math.sqrt(4 - E * E))  # coupling 0.8
        z = np.array([[E - sigma, 1], [1, E - 0.4 - sigma]])
        return float((-2 * sigma.imag) ** 2 * abs(np.linalg.inv(z)[0, 1]) ** 2)

    h = chain(2).toarray() + np.diag([0, 0.4])
    leads = [
        Lead("L", [0], mu + 0.05, T, arguments=coupled(0.8)),
        Lead("R", [1], mu - 0.05, T, arguments=coupled(0.8)),
    ]
    found = solve(device(h, leads, mu, T), method)
    exact = 0.1 * thermal(T, mu, transmitted, -2, 2) / (2 * math.pi)
    assert found.current == pytest.approx([exact, -exact], rel=1e-10)
    assert found.audits["integration"] < 1e-9
    hot = device(h, [replace(leads[0], mu=mu, T=1.1 * T), replace(leads[1], mu=mu)], mu, T)
    driven = 0.1 * thermal(T, mu, lambda E: (E - mu) * transmitted(E), -2, 2) / (2 * math.pi)
    assert solve(hot, method).current == pytest.approx([driven, -driven], rel=1e-9)


@method
def test_the_zero_of_the_dimer_is_lifted_by_temperature(method: str) -> None:
    """Independent values, thermal average of T (tests/expected: thermal-zero)."""
    expected = {0: 0.0, 0.02: 0.0025445824385887323, 0.05: 0.015265649529397502, 0.1: 0.053064593436195955}
    for T, value in expected.items():
        both = [solve(dimer(6, bias, T), method).current[0] for bias in (0.1, -0.1)]
        assert -sum(both) / INJECTED == pytest.approx(value, abs=1e-11)


@method
def test_low_temperature_goes_over_into_none(method: str) -> None:
    cold = solve(wire(12), method).chemical_potential
    previous = np.inf
    for T in (0.04, 0.02, 0.01):
        off = float(np.abs(solve(wire(12, T=T), method).chemical_potential - cold).max())
        assert off < 0.3 * previous, "the Sommerfeld correction is of order T^2"
        previous = off
    assert solve(wire(12, T=1e-7), method).chemical_potential == pytest.approx(cold, abs=1e-11)


def test_many_probes_at_finite_temperature_need_few_iterations() -> None:
    found = solve(wire(1000, T=0.02), "ladder")
    assert found.counts["iterations"] <= 8
    assert found.counts["linear_solves"] == 1
    assert found.audits["conditions"] < 1e-12
    assert found.current[2:4] == pytest.approx(INJECTED, rel=1e-12)


def test_a_narrow_resonance_in_a_wide_window_is_found() -> None:
    """A level of width 1e-4 off the centre of a thermal window a thousand times wider."""
    wide = {"kind": "wide_band", "arguments": {"Gamma": np.array(1e-4)}}
    level, T = 0.137, 0.1
    leads = [Lead("L", [0], 0.05, T, **wide), Lead("R", [0], -0.05, T, **wide)]
    found = solve(device(np.array([[level]]), leads, 0.0, T))
    exact = integrate.quad(
        lambda a: 1e-4 / T * math.prod(special.expit([z := (level + 1e-4 * math.tan(a)) / T, -z])),
        -math.pi / 2,
        math.pi / 2,
        epsabs=1e-17,
        epsrel=1e-12,
        limit=500,
    )[0]
    assert found.current[0] == pytest.approx(0.1 * exact / (2 * math.pi), rel=1e-6)


def test_a_level_that_no_node_meets_beside_an_open_channel_is_found() -> None:
    """A side level cuts an antiresonance of width 1e-7 into a window of 0.1: 1e-6 of the current."""
    side, level, T = 3e-4, 0.0371, 0.1
    wide = {"kind": "wide_band", "arguments": {"Gamma": np.array(1.0)}}
    h = np.array([[0, side], [side, level]])
    found = solve(device(h, [Lead("L", [0], 0.05, T, **wide), Lead("R", [0], -0.05, T, **wide)], 0.0, T))

    def missing(offset: float) -> float:
        """What the side level takes from the Lorentzian of width one, times the thermal weight."""
        E = level + offset
        closed = 1 / (E**2 + 1) - 1 / ((E - side**2 / offset) ** 2 + 1)
        return float(closed * special.expit(E / T) * special.expit(-E / T) / T)

    plain = thermal(T, 0.0, lambda E: 1 / (E**2 + 1), -4, 4)
    ends = [1e-12, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-3, 1e-1, 4]
    taken = sum(
        integrate.quad(lambda a, s=sign: missing(s * a), low, high, epsrel=1e-10, epsabs=0, limit=200)[0]
        for sign in (-1, 1)
        for low, high in itertools.pairwise(ends)
    )
    assert taken / plain > 3e-7
    assert found.current[0] == pytest.approx(0.1 * (plain - taken) / (2 * math.pi), rel=3e-10)


@pytest.mark.parametrize(("kept", "batch"), [(0, 1), (20_000, 5_000), (2**30, 5_000)])
def test_bounded_memory_changes_no_number(kept: int, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = solve(wire(10, T=0.05))
    monkeypatch.setattr(request, "KEPT", kept)
    monkeypatch.setattr(request, "BATCH", batch)
    memory: dict[Any, Any] = {}
    parts = solve(wire(10, T=0.05), memory=memory)
    assert parts.current == pytest.approx(whole.current, abs=1e-16)
    (prepared,) = memory["conductors"].values()
    assert prepared.size <= max(kept, 2 * prepared.bytes_per_energy), "one energy and the system always stay"
    assert (parts.counts["factorisations"] > whole.counts["factorisations"]) == (kept < 2**30)


def test_very_many_different_edges_do_not_make_very_many_panels() -> None:
    n = 2002
    hopping = np.linspace(0.9, 1.1, n - 2)
    leads = [
        Lead("L", [0], 1.85, 0.05, kind="wide_band", arguments={"Gamma": np.array(1.0)}),
        Lead("R", [n - 1], 1.75, 0.05, kind="wide_band", arguments={"Gamma": np.array(1.0)}),
        Lead("V", range(1, n - 1), T=0.05, current=0.0, arguments=coupled(0.02, hopping)),
    ]
    problem = junction(device(chain(n), leads, 1.8, 0.05))
    edges = np.unique(np.concatenate([-2 * hopping, 2 * hopping]))
    panels, _ = first_panels(problem.mu, problem.T, edges, 0.0, Resonances(np.zeros(0), np.zeros(0)))
    assert panels.nodes.size < 21 * 250
    weights, _ = thermal_weights(panels, problem.mu, problem.T)
    assert weights.sum() == pytest.approx(1.0, abs=1e-13)


def test_reservoirs_with_edges_inside_the_window_stay_exact_and_cheap() -> None:
    found = solve(wire(6, mu=1.95, T=0.05), "dense")
    assert found.counts["energies"] < 500
    direct = solve(wire(6, mu=1.95, T=0.05), "ladder")
    assert found.current == pytest.approx(direct.current, rel=1e-10)


def test_a_sweep_of_the_temperature_uses_each_rule_again_for_the_next_bias() -> None:
    memory: dict[Any, Any] = {}
    found = wire(10, T=0.05)
    first = solve(found, memory=memory)
    second = solve(biased(found, ("L", 0.95), ("R", 1.05)), memory=memory)
    assert first.counts["factorisations"] > 100
    assert second.counts["factorisations"] == 0
    assert second.counts["energies"] == first.counts["energies"]


@pytest.mark.parametrize("method", ["ladder", "blocks", "sparse"])
def test_a_probe_that_nothing_reaches_at_the_reference_is_solved_by_what_reaches_it_above(
    method: str,
) -> None:
    """A filter opens at 0.25, the reference is 0.2: both baths alike give the probe their mean."""
    model = mk.loads("""
        model by_hand
        reference { mu = 0.2; T = 0.05 }
        lattice w { site d }
        bath L on w.d { self_energy = -0.5i*(E > 0.25); mu = 0.21; T = 0.05 }
        bath R on w.d { self_energy = -0.5i*(E > 0.25); mu = 0.2; T = 0.05 }
        probe P on w.d { self_energy = wide_band(0.1); solve mu such that I == 0; T = 0.05 }
        task t = transport(order = 1) { output current, mu }
    """)
    found = model.run("t", method=method)
    assert found["chemical_potential"].values == pytest.approx([0.21, 0.2, 0.205], abs=1e-13)
    # with the probe at the mean, T_LR + T_LP/2 = T_LR (1 + 0.1/2) carries the bias
    direct = thermal(0.05, 0.2, lambda E: 1 / (E**2 + 1.05**2), 0.25, 10)
    assert found["current"].values[:2] == pytest.approx(
        np.array([1, -1]) * 0.01 * 1.05 * direct / (2 * math.pi), rel=1e-9
    )


@pytest.mark.parametrize("method", ["ladder", "blocks", "sparse"])
def test_probes_that_no_single_energy_determines_together_are_solved(method: str) -> None:
    """Two filters that are never open together, each with its own probe on its own site."""
    model = mk.loads("""
        model by_hand
        reference { mu = 0; T = 0.1 }
        lattice w { site c[l] for l in 1..2 }
        bath L on w.c[1] { self_energy = -0.5i*(E > 0.05); mu = 0.01; T = 0.1 }
        probe P on w.c[1] { self_energy = -0.2i*(E > 0.1); solve mu such that I == 1e-4; T = 0.1 }
        bath R on w.c[2] { self_energy = -0.5i*(E < -0.05); mu = -0.01; T = 0.1 }
        probe Q on w.c[2] { self_energy = -0.2i*(E < -0.1); solve mu such that I == -1e-4; T = 0.1 }
        task t = transport(order = 1) { output current, mu }
    """)
    found = model.run("t", method=method)
    # each pair by itself; Q and R are L and P seen from below
    conductance = 0.4 * thermal(0.1, 0.0, lambda E: 1 / (E**2 + 0.7**2), 0.1, 10) / (2 * math.pi)
    assert found["current"].values == pytest.approx([-1e-4, 1e-4, 1e-4, -1e-4], rel=1e-9)
    potentials = dict(zip(found["terminal"].values.tolist(), found["chemical_potential"].values, strict=True))
    assert potentials["P"] == pytest.approx(0.01 + 1e-4 / conductance, rel=1e-9)
    assert potentials["Q"] == pytest.approx(-0.01 - 1e-4 / conductance, rel=1e-9)


def test_a_round_of_refinement_factorises_the_new_energies_alone() -> None:
    found = solve(wire(6, mu=1.95, T=0.05), "ladder")
    panels = found.solution.panels
    assert panels is not None
    assert len(panels.begins) > 1, "it was refined"
    searched = narrow_resonances(found.system, 1.95, 0.05).solved
    # besides the energy of the preconditioner
    assert found.counts["factorisations"] == found.counts["energies"] + searched + 1
