"""Full transport and expansions of any order: limits, conservation, what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelkit as mk
from modelkit.errors import ModelError, NotConverged
from modelkit.graph.device import ConditionValues, Device
from modelkit.results.outputs import outputs, read
from modelkit.solve import transport
from modelkit.solve.request import Request
from tests.solve.devices import Lead, chain, coupled, device, solve, wire


def full(found: Device, order: int | None = None, method: str | None = None) -> Any:
    options = ({} if order is None else {"order": order}) | ({"method": method} if method else {})
    return transport.solve(Request(found, options))


def wide(gamma: float) -> dict[str, Any]:
    return {"kind": "wide_band", "arguments": {"Gamma": np.array(gamma)}}


def thermal(found: Device, number: int) -> Device:
    """The probe of that number solves for its temperature too."""
    probe, zero = found.terminals[number], np.zeros(1)
    both = replace(probe, given={}, conditions=(*probe.conditions, ConditionValues("T", "J", zero, zero)))
    return replace(found, terminals=(*found.terminals[:number], both, *found.terminals[number + 1 :]))


def bands(found: Device, word: str) -> Device:
    groups = tuple(replace(g, terminal=replace(g.terminal, bands=word)) for g in found.terminals)
    return replace(found, terminals=groups)


@pytest.mark.parametrize("T", [0.0, 0.03])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_an_order_is_off_by_the_next_power_of_the_bias(T: float, order: int) -> None:
    """Probes too: bias and prescribed currents go down together."""
    off = []
    for scale in (1.0, 0.5):
        found = wire(5, mu=0.7, bias=0.2 * scale, ratio=0.5 * scale, T=T)
        off.append(np.abs(full(found, order).current - full(found).current)[:2].max())
    assert off[0] / off[1] > 1.6 ** (order + 1)
    assert off[0] < 0.02


@pytest.mark.parametrize("T", [0.0, 0.1])
def test_order_one_by_the_general_way_is_the_direct_one(T: float) -> None:
    from modelkit.solve.junction.nonlinear import Grids, solve_steady
    from modelkit.solve.junction.steady import steady

    found = wire(7, T=T)
    general = solve_steady(Grids(Request(found, {}), steady(found, 1)), unique=False).point
    assert general.current == pytest.approx(solve(found).current, abs=1e-15)


def test_full_transport_of_many_probes_goes_by_krylov_steps() -> None:
    found = full(wire(40))
    assert found.counts["iterations"] > 0
    assert found.audits["conditions"] < 1e-12
    assert found.current == pytest.approx(full(wire(40), method="sparse").current, abs=1e-13)


@pytest.mark.parametrize("T", [0.0, 0.05])
def test_small_bias_is_linear_response(T: float) -> None:
    """Relative to it, the difference is the bias."""
    found = wire(5, bias=1e-5, ratio=3e-5, T=T)
    assert full(found).current == pytest.approx(solve(found).current, rel=3e-5)


def test_no_reference_is_needed_in_full() -> None:
    leads = [Lead("L", [0], 1.1), Lead("R", [3], 0.9), Lead("V", [1], current=0.0)]
    with_, without = (full(device(chain(4), leads, mu)) for mu in (1.0, None))
    assert without.current == pytest.approx(with_.current, abs=1e-13)
    assert "about their mean" in without.attributes["bias_reference"]
    with pytest.raises(ModelError, match="nothing guesses it"):
        full(device(chain(4), leads, None), 2)


def test_equal_potentials_carry_exactly_nothing() -> None:
    leads = [Lead("L", [0], 1.07, 0.1), Lead("R", [3], 1.07, 0.1), Lead("V", [1], T=0.1, current=0.0)]
    found = full(device(chain(4), leads, 1.0, 0.1))
    assert np.abs(found.current).max() < 1e-16
    assert found.chemical_potential == pytest.approx(1.07, abs=1e-13)


def test_cold_and_warm_terminals_meet() -> None:
    leads = [Lead("L", [0], 0.1, 0.0, **wide(0.7)), Lead("R", [3], -0.1, 0.2, **wide(0.5))]
    cold = [replace(leads[0], T=1e-7), leads[1]]
    found, near = (full(device(chain(4), one, None)) for one in (leads, cold))
    assert found.current == pytest.approx(near.current, abs=1e-9)
    assert found.heat[0] > 0, "what is at T = 0 takes up heat"


def test_a_thermalised_probe_warms_up_between_cold_baths() -> None:
    leads = [
        Lead("L", [0], 0.3, **wide(0.7)),
        Lead("R", [3], -0.3, **wide(0.5)),
        Lead("P", [1], current=0.0, **wide(1.0)),
    ]
    found = full(thermal(device(chain(4), leads, 0.0), 2))
    assert 0.05 < found.temperature[2] < 0.3
    assert abs(found.heat_current[2]) < 1e-12
    assert found.heat.sum() == pytest.approx(float(found.current @ found.chemical_potential), rel=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_thermalisation_at_each_order_approaches_the_full_one(order: int) -> None:
    def at(scale: float, n: int | None) -> Any:
        leads = [
            Lead("L", [0], 0.2 * scale, 0.2 + 0.05 * scale, **wide(0.7)),
            Lead("R", [3], -0.1 * scale, 0.2, **wide(0.5)),
            Lead("P", [1], current=0.0, **wide(1.0)),
        ]
        return full(thermal(device(chain(4), leads, 0.0, 0.2), 2), n).temperature[2]

    off = [abs(at(scale, order) - at(scale, None)) for scale in (0.5, 0.25)]
    assert off[0] / off[1] > 1.6 ** (order + 1)


def test_bands_of_probes_that_follow_their_own_mu() -> None:
    """A probe on a narrow chain whose band follows it: against bands moved by hand."""
    leads = [Lead("L", [0], 0.4, 0.1, **wide(0.7)), Lead("R", [3], -0.2, 0.1, **wide(0.5))]
    leads.append(Lead("P", [1], T=0.1, current=0.0, arguments=coupled(0.6, 0.5)))
    free = device(chain(4), leads, 0.0, 0.1)
    found = full(bands(free, "own"))
    mu = found.chemical_potential[2]
    energies = np.linspace(-6, 6, 60001)
    h = chain(4).toarray().astype(complex)
    x = energies - mu
    root = np.where(
        np.abs(x) < 1, 1j * np.sqrt(np.maximum(0, 1 - x**2)), np.sign(x) * np.sqrt(np.maximum(0, x**2 - 1))
    )
    sigma = 2 * 0.36 / (x + root)
    z = energies[:, None, None] * np.eye(4) - h
    z[:, 0, 0] += 0.35j
    z[:, 3, 3] += 0.25j
    z[:, 1, 1] -= sigma
    green = np.linalg.inv(z)
    gamma = np.stack([np.full_like(x, 0.7), np.full_like(x, 0.5), -2 * sigma.imag], axis=1)
    at = [0, 3, 1]
    t = gamma[:, :, None] * gamma[:, None, :] * np.abs(green[:, at][:, :, at]) ** 2
    f = 1 / (1 + np.exp((energies[:, None] - found.chemical_potential) / 0.1))
    flow = np.einsum("eab,eab->ea", t, f[:, :, None] - f[:, None, :]).sum(axis=0) * (
        energies[1] - energies[0]
    )
    assert found.current == pytest.approx(flow / (2 * np.pi), abs=3e-7)
    assert abs(found.current[2]) < 1e-10
    assert found.attributes["uniqueness"] == "not known"


def test_own_bands_need_a_reference() -> None:
    leads = [Lead("L", [0], 0.4), Lead("R", [3], -0.2)]
    with pytest.raises(ModelError, match="from the reference on, and there is none"):
        full(bands(device(chain(4), leads, None), "own"))


@pytest.mark.parametrize("T", [0.0, 0.05])
def test_own_bands_to_second_order_are_off_by_the_third_power(T: float) -> None:
    off = []
    for scale in (1.0, 0.5):
        leads = [
            Lead("L", [0], 0.2 * scale, T, arguments=coupled(0.9)),
            Lead("R", [3], -0.1 * scale, T, **wide(0.7)),
        ]
        leads.append(Lead("V", [1], T=T, current=0.0, arguments=coupled(0.5)))
        found = bands(device(chain(4), leads, 0.0, T), "own")
        off.append(np.abs(full(found, 2).current - full(found).current)[:2].max())
    assert off[0] / off[1] > 1.6**3
    assert 1e-7 < off[0] < 1e-3
    linear = solve(device(chain(4), leads, 0.0, T)).current
    assert full(bands(device(chain(4), leads, 0.0, T), "own"), 1).current == pytest.approx(linear, abs=1e-15)


def test_a_common_shift_of_everything_changes_nothing_with_bands_that_follow() -> None:
    leads = [Lead("L", [0], 0.4, 0.05), Lead("R", [3], -0.2, 0.05)]
    first = device(chain(4), leads, 0.0, 0.05)
    moved = device(chain(4), [replace(lead, mu=lead.mu + 0.3) for lead in leads], 0.0, 0.05)
    moved = replace(moved, potential=np.full(4, 0.3))
    for word in ("own", "local"):
        found = [full(bands(one, word)).current for one in (first, moved)]
        assert found[0] == pytest.approx(found[1], abs=1e-13)
    rigid = [full(one).current for one in (first, moved)]
    assert abs(rigid[0] - rigid[1]).max() > 1e-4


@pytest.mark.parametrize(
    ("levels", "gamma", "left", "right", "expected"),
    [
        ([0.8, -0.3, 0.2], (0.3, 1.2), 0.5, -0.5, (0.1328431190545313, -0.3726110186652838)),
        ([0.4, 0.1, 0.4], (0.8, 0.8), 1.0, 0.0, (0.5889689560823905, -0.5889689560823905)),
    ],
)
def test_a_prescribed_potential_follows_half_of_the_bias(
    levels: list[float], gamma: tuple[float, float], left: float, right: float, expected: tuple[float, float]
) -> None:
    """Golden devices 9 and 10, by hand."""
    found = []
    for sign in (1, -1):
        leads = [
            Lead("L", [0], sign * left, 0.1, **wide(gamma[0])),
            Lead("R", [2], sign * right, 0.1, **wide(gamma[1])),
        ]
        one = device(chain(3).toarray() + np.diag(levels), leads, 0.0, 0.1)
        found.append(full(replace(one, potential=np.full(3, sign / 2))).current[0] * 2 * np.pi)
    assert found == pytest.approx(expected, abs=1e-9)


def test_a_load_may_bend() -> None:
    text = """model m
reference {{ mu = 0; T = 0.1 }}
lattice w {{ site c[l] for l in 1..3 at (l, 0); hop c[l] -> c[l+1] : -1 }}
bath L on w.c[1] {{ self_energy = wide_band(1); mu = 1; T = 0.1 }}
probe M on w.c[3] {{ self_energy = wide_band(1); T = 0.1; solve mu such that I == -0.1*mu - mu^3 }}
task t = transport{order} {{ output current, chemical_potential }}
"""
    found = mk.loads(text.format(order="")).run()
    mu, current = (float(found[name].sel(terminal="M")) for name in ("chemical_potential", "current"))
    assert mu > 0.1
    assert current == pytest.approx(-0.1 * mu - mu**3, abs=1e-12)
    second = mk.loads(text.format(order="(order = 2)")).run()
    mu, current = (float(second[name].sel(terminal="M")) for name in ("chemical_potential", "current"))
    assert current == pytest.approx(-0.1 * mu, abs=1e-12), "to second order"


def test_a_current_that_no_bias_drives_is_refused_by_name() -> None:
    with pytest.raises(
        NotConverged, match=r"the condition of probe 'S' \(line 4\) is not met, I is off"
    ) as caught:
        full(wire(4, mu=1.52, g=0.3, ratio=1.0))
    assert caught.value.condition == ("S", "I")
    assert caught.value.residual is not None
    assert len(caught.value.best["chemical_potential"]) == 4


@pytest.mark.parametrize("T", [0.0, 0.1])
def test_persistent_currents_are_counted_from_the_reference(T: float) -> None:
    """A ring with flux: bonds carry the change; raising all terminals changes it."""
    h = chain(3).toarray().astype(complex)
    h[0, 2], h[2, 0] = -0.7 * np.exp(0.9j), -0.7 * np.exp(-0.9j)
    leads = [Lead("L", [0], 0.0, T, **wide(0.5)), Lead("R", [1], 0.0, T, **wide(0.7))]
    still = full(device(h, leads, 0.0, T))
    assert np.abs(outputs["bond_current"].evaluate(still)).max() < 1e-14
    raised = device(h, [replace(lead, mu=1e-4) for lead in leads], 0.0, T)
    found = outputs["bond_current"].evaluate(full(raised))
    assert found == pytest.approx(outputs["bond_current"].evaluate(solve(raised)), rel=1e-3)
    assert np.abs(found).max() > 1e-7


@st.composite
def random_devices(draw: st.DrawFn) -> Device:
    """Random lattices with 1-4 baths and 0-3 probes of each kind."""
    n = draw(st.integers(2, 5))
    seed = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    h = seed.normal(size=(n, n)) + 1j * seed.normal(size=(n, n))
    h = h + h.conj().T
    warm = draw(st.sampled_from([(0.0,), (0.3,), (0.1, 0.4)]))

    def place() -> list[int]:
        return [int(seed.integers(n))]

    def coupling() -> dict[str, Any]:
        return wide(float(seed.uniform(0.2, 2.0)))

    leads = [
        Lead(f"B{k}", place(), float(seed.normal() * 0.5), warm[k % len(warm)], **coupling())
        for k in range(draw(st.integers(1, 4)))
    ]
    T = warm[0]
    leads += [
        Lead(f"V{k}", place(), T=T, current=float(seed.normal() * 0.02), **coupling())
        for k in range(draw(st.integers(0, 3)))
    ]
    leads += [Lead(f"P{k}", place(), elastic=True, **coupling()) for k in range(draw(st.integers(0, 2)))]
    hot = draw(st.integers(0, 3)) if T > 0 else 0
    first = len(leads)
    leads += [Lead(f"J{k}", place(), current=0.0, **coupling()) for k in range(hot)]
    found = device(h, leads, None)
    for number in range(first, len(leads)):
        found = thermal(found, number)
    return found


@given(random_devices())
@settings(max_examples=25, deadline=None)
def test_random_devices_conserve_and_never_lose_entropy(found: Device) -> None:
    result = full(found)
    there = np.isfinite(result.chemical_potential)
    mu, T = result.chemical_potential[there], result.temperature[there]
    current, heat = result.current, result.heat_current
    scale = max(float(result.gross), 1e-12)
    assert abs(current.sum()) <= 1e-9 * scale
    # elastic probes take no energy, their mu has no meaning
    assert abs(heat[there].sum() + mu @ current[there]) <= 1e-9 * scale * (1 + np.abs(mu).max() + T.max())
    assert np.abs(current[~there]).max(initial=0) <= 1e-12
    if T.min() > 0:
        assert -(heat[there] / T).sum() >= -1e-9 * scale
    else:
        assert mu @ current[there] >= -1e-9 * scale
    for name in ("dissipated_heat", "bond_current", "density_change"):
        read(name, result)  # with its audits
    assert max(result.audits.values()) <= 1e-9
