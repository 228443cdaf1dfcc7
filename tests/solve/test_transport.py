"""Order 1 against closed forms, against a dense conductor, and against what must hold."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import modelkit as mk
from modelkit.errors import ModelError, NotConverged
from modelkit.registry import outputs
from modelkit.results.outputs import read
from modelkit.solve import transport
from modelkit.solve.request import Request
from modelkit.solve.transport import LinearTransport
from tests.physics.closed_forms import FourSites, dimer_green, dimer_offset
from tests.solve.devices import INJECTED, METHODS, Lead, biased, chain, coupled, device, dimer, solve, wire

method = pytest.mark.parametrize("method", METHODS)


@method
@pytest.mark.parametrize("g", [0.05, 0.5, 1.0])
@pytest.mark.parametrize("mu", [0.0, 1.0, 1.52])
def test_four_sites_are_those_of_the_closed_form(method: str, g: float, mu: float) -> None:
    exact = FourSites(mu, g)
    for bias in (0.1, -0.1, 0.0):
        found = solve(wire(4, mu, g, bias), method)
        deviation = exact.deviation(INJECTED, bias)
        assert found.chemical_potential[2:] == pytest.approx([mu + deviation, mu - deviation], abs=1e-12)
        left = exact.conductance * bias - exact.offset * INJECTED
        assert found.current == pytest.approx([left, -left, INJECTED, -INJECTED], abs=1e-14)
        assert found.bond_current == pytest.approx([left, left + INJECTED, left], abs=1e-14)


@method
@pytest.mark.parametrize("n", [5, 6, 7, 12])
def test_a_single_dimer_is_that_of_the_closed_form(method: str, n: int) -> None:
    both = [solve(dimer(n, bias), method).current[0] for bias in (0.1, -0.1)]
    assert -sum(both) / INJECTED == pytest.approx(dimer_offset(n, 1.0, 0.5), abs=1e-12)
    xi, determinant = dimer_green(n, 1.0, 0.5)
    g2, w = 0.25, 3.0
    delta = (2 * np.pi * determinant * INJECTED / (w * g2) + (xi - 1) * 0.1 / 2) / (xi + 1 + 2 * g2)
    assert solve(dimer(n), method).chemical_potential[2:] == pytest.approx([1 + delta, 1 - delta], abs=1e-12)


def test_order_one_is_one_solve_and_no_newton_step() -> None:
    memory: dict[Any, Any] = {}
    found = wire(30)
    first = solve(found, memory=memory)
    assert first.counts == {
        "newton_steps": 0,
        "linear_solves": 1,
        "energies": 1,
        "factorisations": 1,
        "iterations": 0,
    }
    backward = solve(biased(found, ("L", 0.95), ("R", 1.05)), memory=memory)
    assert backward.counts["factorisations"] == 0, "the conductor of an equal device is used again"
    alone = solve(biased(found, ("L", 0.95), ("R", 1.05)))
    assert np.array_equal(alone.current, backward.current)
    assert solve(replace(found, fingerprint="another"), memory=memory).counts["factorisations"] == 1


# --- what must hold -------------------------------------------------------------------------------


@st.composite
def random_devices(draw: st.DrawFn) -> Any:
    """Random Hermitian lattices with given, driven, voltage and dephasing terminals."""
    n = draw(st.integers(2, 6))
    seed = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    h = seed.normal(size=(n, n)) + 1j * seed.normal(size=(n, n))
    h = h + h.conj().T
    if draw(st.booleans()):  # a tree: the ladder takes it
        parent = [int(seed.integers(0, k)) for k in range(1, n)]
        mask = np.eye(n)
        for child, up in enumerate(parent, start=1):
            mask[child, up] = mask[up, child] = 1
        h = h * mask
    T = draw(st.sampled_from([0.0, 0.3]))

    def wide() -> dict[str, Any]:
        return {"kind": "wide_band", "arguments": {"Gamma": np.array(seed.uniform(0.2, 2.0))}}

    mu = seed.normal() * 0.5
    leads = [Lead("A", [0], mu + 0.2, T, **wide()), Lead("B", [n - 1], mu - 0.1, T, **wide())]
    leads.append(Lead("C", [int(seed.integers(n))], T=T, current=float(seed.normal() * 0.02), **wide()))
    if draw(st.booleans()):
        leads.append(Lead("P", [int(seed.integers(n))], elastic=True, **wide()))
    if draw(st.booleans()):
        leads.append(Lead("V", [0, n - 1], T=T, current=0.0, together=True, **wide()))
    return device(h, leads, mu, T, degeneracy=draw(st.sampled_from([1.0, 2.0])))


@given(random_devices())
@settings(max_examples=40, deadline=None)
def test_random_devices_conserve_and_agree_with_the_dense_formulas(found: Any) -> None:
    dense, chosen = solve(found, "dense"), solve(found)
    scale = float(np.abs(dense.current).max())
    assert chosen.current == pytest.approx(dense.current, abs=1e-9 * scale)
    assert chosen.chemical_potential == pytest.approx(dense.chemical_potential, abs=1e-8, nan_ok=True)
    audits = dict(chosen.audits)
    for name in ("bond_current", "dissipated_heat", "density_change"):
        one, own = read(name, chosen)
        other, _ = read(name, dense)
        audits |= own
        assert one == pytest.approx(other, abs=1e-8 * (1 + scale), nan_ok=True), name
    assert abs(chosen.current.sum()) < 1e-12 * (1 + scale)
    assert np.all(chosen.heat >= 0)
    assert chosen.current[2] == pytest.approx(found.terminals[2].conditions[0].constant[0], rel=1e-8)
    assert set(audits) >= {
        "conditions",
        "particle_balance",
        "second_law",
        "energy_balance",
        "continuity",
    }
    assert max(audits.values()) <= 1e-9


@given(st.floats(-3, 3), st.sampled_from([0.0, 0.05]), st.sampled_from(METHODS))
@settings(max_examples=15, deadline=None)
def test_a_constant_added_to_all_energies_changes_nothing(shift: float, T: float, method: str) -> None:
    """With leads that do not know energies (wide bands): the gauge."""

    def at(zero: float) -> LinearTransport:
        wide = {"kind": "wide_band", "arguments": {"Gamma": np.array(1.0)}}
        leads = [
            Lead("L", [0], zero + 0.1, T, **wide),
            Lead("R", [3], zero - 0.1, T, **wide),
            Lead("V", [1], T=T, current=0.01, load=-0.3, **wide),
        ]
        return solve(device(chain(4) + sparse.diags_array(np.full(4, zero)), leads, zero, T), method)

    assert at(shift).current == pytest.approx(at(0.0).current, abs=1e-13)
    assert at(shift).chemical_potential - shift == pytest.approx(at(0.0).chemical_potential, abs=1e-12)


@method
def test_equal_potentials_away_from_the_reference_carry_exactly_nothing(method: str) -> None:
    leads = [Lead("L", [0], 1.07), Lead("R", [3], 1.07), Lead("V", [1, 2], current=0.0)]
    found = solve(device(chain(4), leads), method)
    assert np.array_equal(found.current, np.zeros(4))
    assert np.array_equal(found.heat, np.zeros(4))
    assert found.chemical_potential == pytest.approx(1.07, abs=1e-15)


@method
def test_unbalanced_injection_leaves_through_the_ends(method: str) -> None:
    leads = [Lead("L", [0], 1.0), Lead("R", [5], 1.0), Lead("S", [1, 3], current=[0.01, 0.02])]
    found = solve(device(chain(6), leads), method)
    assert found.current[2:] == pytest.approx([0.01, 0.02], abs=1e-15)
    assert found.current[:2].sum() == pytest.approx(-0.03, abs=1e-15)
    assert np.all(found.current[:2] < 0)


@method
@pytest.mark.parametrize("T", [0.0, 0.05])
def test_a_load_draws_what_its_potential_drives_through_it(method: str, T: float) -> None:
    """I == I_0 - (mu - mu_ref)/load, from the reference on although the baths lie elsewhere."""
    leads = [
        Lead("L", [0], 1.3, T),
        Lead("R", [3], 1.1, T),
        Lead("M", [1], T=T, current=0.003, load=-1 / 5.0, arguments=coupled(0.7)),
    ]
    found = solve(device(chain(4), leads, 1.0, T), method)
    assert found.current[2] == pytest.approx(0.003 - (found.chemical_potential[2] - 1.0) / 5.0, rel=1e-12)
    assert abs(found.current.sum()) < 1e-15


@method
def test_free_sites_have_no_density_change_and_no_potential(method: str) -> None:
    found = solve(dimer(6), method)
    change = outputs["density_change"].evaluate(found)
    assert np.isnan(change).tolist() == [False, False, True, True, False, False]
    gamma = math.sqrt(3) * np.array([1.0, 0.25, 0.25, 1.0])
    own = found.current[[0, 2, 3, 1]]
    assert change[[0, 1, 4, 5]] == pytest.approx(-own / gamma, abs=1e-15), (
        "one terminal on its own site: -I/Gamma"
    )


# --- what cannot be done, and is said -------------------------------------------------------------


@method
@pytest.mark.parametrize("T", [0.0, 0.001])
def test_a_reference_outside_the_band_names_the_probe_and_its_line(method: str, T: float) -> None:
    with pytest.raises(NotConverged, match=r"probe 'S\[2\]' \(line 4\) lets nothing through at .*2\.5"):
        solve(wire(6, mu=2.5, T=T), method)


@method
def test_a_reference_outside_the_band_without_probes_carries_nothing(method: str) -> None:
    found = solve(device(chain(3), [Lead("L", [0], 2.6), Lead("R", [2], 2.4)], 2.5), method)
    assert np.array_equal(found.current, np.zeros(2))


@method
def test_no_coupling_cannot_carry_a_prescribed_current(method: str) -> None:
    with pytest.raises(NotConverged, match=r"'S\[2\]'.*its coupling is zero"):
        solve(wire(6, g=0.0), method)


@method
@pytest.mark.parametrize("T", [0.0, 0.1])
def test_a_probe_that_nothing_given_reaches_is_named(method: str, T: float) -> None:
    h = chain(6).toarray()
    h[3, 4] = h[4, 3] = 0
    leads = [Lead("L", [0], 1.05, T), Lead("R", [3], 0.95, T), Lead("V", [5], T=T, current=0.0)]
    with pytest.raises(
        NotConverged, match=r"probe 'V' \(line 4\) is not determined: no terminal with a given"
    ):
        solve(device(h, leads, 1.0, T), method)
    grounded = [*leads[:2], Lead("V", [5], T=T, current=0.1, load=-1.0)]
    assert solve(device(h, grounded, 1.0, T), method).chemical_potential[2] == pytest.approx(1.1, abs=1e-12)


@method
@pytest.mark.parametrize("T", [0.0, 0.2])
def test_dephasing_without_influence_is_no_error(method: str, T: float) -> None:
    """On an island (whose levels are not the reference), and with a band narrower than the window."""
    h = chain(6).toarray()
    h[3, 4] = h[4, 3] = 0
    given_ = [Lead("L", [0], 1.05, T), Lead("R", [3], 0.95, T)]
    narrow = Lead("P", [1], elastic=True, arguments=coupled(0.5, 0.55))
    with_island = solve(device(h, [*given_, narrow, Lead("Q", [5], elastic=True)], 0.9, T), method)
    without = solve(device(h, [*given_, narrow], 0.9, T), method)
    assert with_island.current == pytest.approx([*without.current, 0.0], abs=1e-13)
    assert np.isnan(with_island.chemical_potential[2:]).all()
    assert np.isnan(with_island.temperature[2:]).all()


def test_a_potential_above_the_band_top_is_warned_of() -> None:
    """arXiv:2409.12510, Fig. 5: at g = 0.1 mu_2 lies above 2; at g = 0.2 it does not."""
    assert "warnings" not in solve(wire(4, g=0.2)).attributes
    found = solve(wire(4, g=0.1))
    assert found.chemical_potential[2] > 2
    assert "probe 'S' (line 4) is at mu = 2.507" in found.attributes["warnings"]
    assert "void" in found.attributes["warnings"]
    assert "'D'" not in found.attributes["warnings"], "the drain is still in the band"


@pytest.mark.parametrize("order", [0, -1, 1.5, "high"])
def test_an_order_that_is_none_is_refused(order: Any) -> None:
    (error,) = transport.check(Request(wire(4), {"order": order}))
    assert "whole number" in error.message


def test_an_unknown_option_or_method_is_never_ignored() -> None:
    (error,) = transport.check(Request(wire(4), {"order": 1, "metod": "ladder"}))
    assert error.hint == "did you mean 'method'?"
    with pytest.raises(ModelError, match="no method 'lader'"):
        solve(wire(4), "lader")


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [0.3, 0.0])
def test_a_million_probes_keep_their_conditions(ratio: float) -> None:
    found = solve(wire(10**6, ratio=ratio))
    assert found.method == "ladder"
    assert found.audits["conditions"] < 1e-10
    assert abs(found.bond_current[0] - found.current[0]) < 1e-12
    assert abs(found.current.sum()) < 1e-17, "a million voltage probes add up to nothing"
    assert found.heat.sum() == pytest.approx(found.flows.power.sum(), rel=1e-9)
    audits = found.audits | found.heat_audits | found.bond_audits
    assert max(audits.values()) <= 1e-9
    assert len(audits) == 6


def test_a_temperature_below_zero_is_no_result() -> None:
    """Linear response far from the reference: void, and told so."""
    text = """model neg "too much heat"
reference { mu = 0; T = 0.1 }
lattice w { site c[l] for l in 1..3; hop c[l] -> c[l+1] : -1 }
bath L on w.c[1] { self_energy = wide_band(1); mu = 0; T = 0.1 }
bath R on w.c[3] { self_energy = wide_band(1); mu = 0; T = 0.1 }
probe P on w.c[2] { self_energy = wide_band(0.5); solve mu, T such that I == 0, J == -0.5 }
task lin = transport(order = 1) { output temperature }
"""
    with pytest.raises(NotConverged, match=r"probe 'P' \(line 6\) the temperature -37.* below zero"):
        mk.loads(text).run()
