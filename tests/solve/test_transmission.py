"""T(E), with and without elastic probes, against closed forms, symmetry and the dense formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from modelkit.errors import ModelError
from modelkit.solve import transmission, transport
from modelkit.solve.request import Request
from modelkit.solve.transmission import Spectrum
from tests.physics.closed_forms import FourSites
from tests.solve.devices import DenseConductance, Lead, chain, coupled, device, wire

METHODS = ("ladder", "blocks", "sparse", "dense")
method = pytest.mark.parametrize("method", METHODS)


def solve(found: Any, energies: Any = None, method: str | None = None) -> Spectrum:
    options = {"method": method} if method else {}
    grids = {} if energies is None else {"E": np.asarray(energies, dtype=float)}
    return transmission.solve(Request(found, options, grids))


@method
def test_four_sites_transmit_as_the_closed_form_says(method: str) -> None:
    energies = [-1.9, -0.3, 0.0, 1.0, 1.52]
    found = solve(wire(4), energies, method)
    order = [1, 4, 2, 3]  # terminals are L, R, S, D
    for e, energy in enumerate(energies):
        for (to, source), value in FourSites(energy, 0.5).transmissions.items():
            a, b = order.index(to), order.index(source)
            assert found.transmission[e, a, b] == pytest.approx(value, rel=1e-12)
            assert found.transmission[e, b, a] == pytest.approx(value, rel=1e-12)
    assert found.transmission_audits["sum_rule"] < 1e-12
    assert np.array_equal(found.grids["energy"], energies)


@method
def test_nothing_passes_outside_the_band(method: str) -> None:
    assert np.array_equal(solve(wire(4), [-2.5, 2.5], method).transmission, np.zeros((2, 4, 4)))


@given(st.integers(0, 2**32 - 1), st.integers(3, 5))
@settings(max_examples=15, deadline=None)
def test_reversing_the_field_exchanges_to_and_from(seed: int, n: int) -> None:
    """Onsager: T(B) = T(-B)^T, on a ring with a flux, for complex hops of any phase."""
    random = np.random.default_rng(seed)
    phases = random.uniform(-math.pi, math.pi, n)
    ring = np.diag(random.normal(size=n)).astype(complex)
    for k, phase in enumerate(phases):
        ring[(k + 1) % n, k] += np.exp(1j * phase)
        ring[k, (k + 1) % n] += np.exp(-1j * phase)
    leads = [
        Lead(name, [k], 0.0, kind="wide_band", arguments={"Gamma": np.array(random.uniform(0.3, 2))})
        for k, name in enumerate("ABC")
    ]
    one, other = (solve(device(h, leads), [0.1, 0.7]).transmission for h in (ring, ring.conj()))
    assert one == pytest.approx(other.swapaxes(1, 2), abs=1e-12)
    assert one == pytest.approx(DenseConductance(solve(device(ring, leads)).system, [0.1, 0.7]).t, abs=1e-12)
    assert one.sum(axis=1) == pytest.approx(one.sum(axis=2), abs=1e-12)


@method
def test_an_elastic_probe_is_eliminated_at_each_energy(method: str) -> None:
    """Incoherent plus coherent: T_12 + T_1p T_p2/(T_1p + T_p2), which is also what transport carries."""
    leads = [
        Lead("L", [0], 1.05),
        Lead("P", [2], elastic=True, arguments=coupled(0.6)),
        Lead("R", [4], 0.95, arguments=coupled(0.8)),
    ]
    found = solve(device(chain(5), leads), [-1.0, 1.0, 2.5], method)
    t, effective = found.transmission, found.effective_transmission
    direct = t[:2, 0, 2] + t[:2, 0, 1] * t[:2, 1, 2] / (t[:2, 1, 0] + t[:2, 1, 2])
    assert effective[:2, 0, 2] == pytest.approx(direct, rel=1e-12)
    assert effective[:2, 2, 0] == pytest.approx(direct, rel=1e-12)
    assert np.isnan(effective[:, 1, :]).all()
    assert np.isnan(effective[:, :, 1]).all()
    assert effective[2, 0, 2] == 0, "a closed probe takes part in nothing"
    kept = [0, 2]
    rows = effective[:, kept][:, :, kept].sum(axis=2)
    assert rows[:2] == pytest.approx(t[:2, kept].sum(axis=2), rel=1e-12), "what enters still leaves"
    carried = transport.solve(Request(device(chain(5), leads), {"order": 1, "method": method})).current
    assert carried[0] == pytest.approx(0.1 * effective[1, 0, 2] / (2 * math.pi), rel=1e-12)


def test_without_elastic_probes_the_effective_transmission_is_the_bare_one() -> None:
    found = solve(wire(4), [0.3])
    assert np.array_equal(found.effective_transmission, found.transmission)


@method
def test_the_density_of_states_holds_one_state_a_site(method: str) -> None:
    leads = [
        Lead("L", [0], 0.0, kind="wide_band", arguments={"Gamma": np.array(1.0)}),
        Lead("R", [1], 0.0, kind="wide_band", arguments={"Gamma": np.array(0.5)}),
    ]
    two = device(chain(2), leads)

    def at(angle: float) -> float:
        return float(solve(two, [math.tan(angle)], method).dos[0].sum() / math.cos(angle) ** 2)

    states = integrate.quad(at, -math.pi / 2 + 1e-9, math.pi / 2 - 1e-9, epsabs=1e-9)[0]
    assert states == pytest.approx(2.0, abs=1e-6)


def test_without_a_sweep_the_grid_holds_every_level() -> None:
    chosen = solve(wire(4)).energies
    assert (len(chosen), chosen[0], chosen[-1]) == (401, pytest.approx(-2), pytest.approx(2))
    wide = {"kind": "wide_band", "arguments": {"Gamma": np.array(3.0)}}
    dot = solve(device(np.array([[0.5]]), [Lead("L", [0], 0.0, **wide)])).energies
    assert (dot[0], dot[-1]) == (pytest.approx(-2.5), pytest.approx(3.5)), "as wide as its broadening"
    h = np.diag([-4.0, 0.0, 5.0]) + chain(3).toarray()
    levels = np.linalg.eigvalsh(h)
    grid = solve(device(h, [Lead("L", [0], 0.0)])).energies
    assert grid[0] <= levels[0]
    assert grid[-1] >= levels[-1]


def test_degenerate_lattices_transmit_each_level_so_many_times() -> None:
    leads = [Lead("L", [0], 1.0), Lead("R", [2], 1.0)]
    once, twice = (solve(device(chain(3), leads, degeneracy=d), [0.4]) for d in (1.0, 2.0))
    assert twice.transmission == pytest.approx(2 * once.transmission)
    assert twice.dos == pytest.approx(2 * once.dos)


def test_a_transmission_too_large_to_hold_is_refused_before_it_is_made() -> None:
    found = solve(wire(20_000))
    with pytest.raises(ModelError, match=r"20000 terminals at 401 energies has 1\.6e\+11 entries"):
        _ = found.transmission
    assert solve(wire(20_000), [0.5]).dos.shape == (1, 20_000)


def test_transmission_has_no_order() -> None:
    (error,) = transmission.check(Request(wire(4), {"order": 1}))
    assert "no option 'order'" in error.message


@pytest.mark.parametrize("method", ["ladder", "blocks", "sparse"])
def test_elastic_probes_that_meet_only_one_another_have_no_influence(method: str) -> None:
    """As in transport: a pair of probes on a piece of its own, next to a conductor with a probe."""
    h = np.zeros((5, 5))
    for a, b in ((0, 1), (1, 2), (3, 4)):
        h[a, b] = h[b, a] = -1.0
    leads = [Lead("L", [0], 1.0), Lead("P", [1], elastic=True), Lead("R", [2], 0.9)]
    alone = solve(device(h[:3, :3], leads), [0.3, 0.7], method).effective_transmission
    pair = Lead("D", [3, 4], elastic=True)
    found = solve(device(h, [*leads, pair]), [0.3, 0.7], method).effective_transmission
    assert found[:, :3, :3] == pytest.approx(alone, rel=1e-12, nan_ok=True)
    assert np.isnan(found[:, 3:, :]).all()
    assert alone[0, 0, 2] > 0.1
