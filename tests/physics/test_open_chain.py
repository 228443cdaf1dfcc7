"""Open chains through their model files, against independent numbers.

``tests/expected/open_chain.json`` holds what independent implementations and closed forms give for
K. Yamamoto, Y. Ashida, N. Kawakami, Rectification in Nonequilibrium Steady States of Open Many-Body Systems,
Phys. Rev. Research 2, 043343 (2020).
"""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import brentq, minimize_scalar

import modelkit as mk

ROOT = Path(__file__).parents[2]
CASES = {
    case["id"]: case for case in json.loads((ROOT / "tests/expected/open_chain.json").read_text())["cases"]
}
HALF = math.pi / 2


@cache
def model(name: str) -> mk.Model:
    return mk.load(ROOT / "models/open_chain" / f"{name}.model")


def run(case: str, /, **values: Any) -> xr.Dataset:
    """The task of a case at its settings, values given here on top."""
    known = CASES[case]
    return model(Path(known["model"]).stem).run(known["task"], **(known["set"] | values))


def agrees(found: Any, case: str) -> None:
    """Compare with the expected values at their tolerance: absolute, times max(1, |value|)."""
    expected = np.atleast_1d(np.asarray(CASES[case]["value"], dtype=float))
    allowed = CASES[case]["tolerance"] * np.maximum(1, np.abs(expected))
    deviation = np.abs(np.ravel(found) - expected)
    assert deviation.shape == expected.shape
    assert np.all(deviation <= allowed), f"{case}: {np.ravel(found)} instead of {expected}"


def currents(found: xr.Dataset) -> list[float]:
    """In total, of up, of down."""
    return [float(found.current), *found.current_by_spin.sel(spin=["up", "down"]).values.tolist()]


def rashba(equilibrium_share: float, **values: Any) -> float:
    """The current at a share of the bath, infinite chain."""
    found = model("rashba").run("ness", g_neq=1 - equilibrium_share, k_j=0.0, **values)
    return float(found.current)


def test_relaxation_to_the_gibbs_state() -> None:
    found = run("fig2_lambda_q0", time=[10, 50, 100, 200], k_j=0.0).lagrange_multiplier
    agrees(found.values, "fig2_lambda_q0")
    at_rest = run("fig2_gibbs", k_j=[0.0, HALF, math.pi]).lagrange_multiplier
    agrees(at_rest.values, "fig2_gibbs")


@pytest.mark.parametrize("case", ["fig3a_lambda", "fig3a_lambda_1"])
def test_multipliers_at_asked_momenta_are_not_interpolated(case: str) -> None:
    agrees(run(case, k_j=[-math.pi, -HALF, 0.0, HALF]).lagrange_multiplier.values, case)


@pytest.mark.parametrize(
    "case", ["fig3b_I_0.1", "fig3b_I_0.9", "fig3b_I_0", "eq14_sym", "ph_dd", "ph_ddstar"]
)
def test_current_of_the_nonreciprocal_pump(case: str) -> None:
    agrees(run(case).current.values, case)


def test_the_pump_alone_has_the_occupations_of_its_closed_form() -> None:
    """``n = a/(a + r b)`` with one r for all momenta."""
    found = run("fig3b_I_1", k_j=np.linspace(-3, 3, 7))
    k, delta, deltap = found.momentum.values, 1 + 1j, 1 + 0.5j
    put = 1 + abs(delta) ** 2 + 2 * (delta * np.exp(-1j * k)).real
    taken = 1 + abs(deltap) ** 2 - 2 * (deltap * np.exp(1j * k)).real
    ratio = np.exp(found.lagrange_multiplier.values[:, 0]) * put / taken
    assert ratio == pytest.approx(ratio[0], abs=1e-9)
    agrees([float(found.current), ratio[0]], "fig3b_I_1")


@pytest.mark.parametrize("case", ["fig5a_0.9", "fig5a_0.98", "fig5_eq_spin", "fig6a_0.9"])
def test_currents_of_the_rashba_chain(case: str) -> None:
    agrees(currents(run(case)), case)


@pytest.mark.parametrize("case", ["fig5c_n", "fig6b_n"])
def test_occupations_of_the_rashba_chain(case: str) -> None:
    found = run(case, k_j=[-HALF, 0.0, HALF]).occupation
    agrees(found.isel(band=[1, 0]).transpose("band", "momentum").values, case)


def test_the_rashba_chain_needs_its_field_and_both_couplings() -> None:
    agrees([float(run("zeros", **{name: 0}).current) for name in ("h", "alpha_y", "alpha_z")], "zeros")


def test_equal_dephasing_rectifies_away_from_half_filling_only() -> None:
    """0.0209791 at quarter filling by an independent solution of the rate equations."""
    both = {"share_up": 0.5, "share_down": 0.5, "g_neq": 0.9}
    half, quarter = (
        float(model("rashba").run("ness", filling=filling, k_j=0.0, **both).current)
        for filling in (0.5, 0.25)
    )
    assert half == pytest.approx(0, abs=1e-12)
    assert quarter == pytest.approx(0.0209791, abs=5e-8)


def test_peak_of_the_current() -> None:
    peak = minimize_scalar(
        lambda share: -rashba(share), bounds=(0.005, 0.03), method="bounded", options={"xatol": 1e-8}
    )
    agrees([-peak.fun, peak.x], "fig5a_peak")


def test_change_of_sign_of_the_current() -> None:
    agrees([brentq(rashba, 3e-4, 6e-4, xtol=1e-12)], "fig5a_zero")


def test_square_root_law_of_dark_modes() -> None:
    """Near g_neq = 1 the current is ``c x + d x^2 + ...`` in ``x = sqrt(1 - g_neq)``."""
    shares = np.array([1e-6, 1e-8, 1e-10])
    slopes = [rashba(share) / math.sqrt(share) for share in shares]
    fit = np.polynomial.Polynomial.fit(np.sqrt(shares), slopes, 2, domain=[-1, 1], window=[-1, 1])
    agrees([fit(0.0)], "fig5a_sqrt")


def test_slope_at_equilibrium() -> None:
    steps = np.array([1e-3, 2e-3])
    slopes = [
        (float(model("rashba").run("ness", g_neq=step, k_j=0.0).current)) / step
        for step in (0.5e-3, 1e-3, 2e-3)
    ]
    fit = np.polynomial.Polynomial.fit([0.5e-3, *steps], slopes, 2, domain=[-1, 1], window=[-1, 1])
    agrees([fit(0.0)], "fig5a_slope")


def test_small_ring_by_four_methods() -> None:
    methods = ("gge", "populations", "projected", "exact")
    ring = model("nonreciprocal")
    settings = CASES["exact_m1_L6"]["set"]
    agrees([float(ring.run("exact", **settings, method=one).current) for one in methods], "exact_m1_L6")


def test_small_rashba_ring_by_three_methods() -> None:
    methods = ("gge", "projected", "exact")
    ring = model("rashba")
    settings = CASES["exact_m2_L4"]["set"]
    agrees([float(ring.run("exact", **settings, method=one).current) for one in methods], "exact_m2_L4")


def test_first_order_in_the_length() -> None:
    """At a fixed number; a binomial mixture of numbers adds half the variance times the curvature."""
    found = model("nonreciprocal").run("ness", g_neq=0.5, k_j=0.0)
    step = 0.02
    fillings = [0.5 + shift * step for shift in (-2, -1, 0, 1, 2)]
    near = model("nonreciprocal").run("ness", g_neq=0.5, k_j=0.0, filling=fillings).current.values
    curvature = float(near @ [-1, 16, -30, 16, -1]) / (12 * step**2)
    order = float(found.order_1_over_L)
    agrees([order, order + 0.25 / 2 * curvature], "vk_m1")


def test_loss_and_gain_by_three_methods_against_a_closed_form() -> None:
    """``n = g/(g + |1 + a e^ik|^2)``, any rate: density 3/8 and current 3/10 for a = 0.4 + 0.8i, g = 0.6."""
    chain = model("loss_gain")
    for method in ("gaussian", "gge"):
        found = chain.run("ness", method=method, kappa=0.7, k_j=[-1.0, 0.5, 2.0])
        amplitude = np.abs(1 + (0.4 + 0.8j) * np.exp(1j * found.momentum.values)) ** 2
        assert found.occupation.values[:, 0] == pytest.approx(0.6 / (0.6 + amplitude), abs=1e-10)
        assert float(found.current) == pytest.approx(0.3, abs=1e-10)
        assert found.loss_rate.values == pytest.approx([0.7 * 0.375, -0.7 * 0.375], abs=1e-10)
    ring = [
        float(chain.run("ring", gain=0.6, cells=4, method=one).current)
        for one in ("gaussian", "exact", "gge")
    ]
    assert ring == pytest.approx([ring[0]] * 3, abs=1e-9)


def test_exclusion_moves_particles_by_jumps_alone() -> None:
    """``eps n (1 - n)`` at infinite length; 3/10 eps with three particles on six cells."""
    chain = model("asep")
    found = chain.run("flow", filling=[0.2, 0.5])
    assert found.jump_current.values == pytest.approx([0.05 * 0.16, 0.05 * 0.25], abs=1e-12)
    assert found.current.values == pytest.approx([0, 0], abs=1e-12)
    few = chain.run("exact")
    assert float(few.jump_current) == pytest.approx(0.05 * 0.3, abs=1e-10)


def test_a_driven_chain_by_two_methods_and_its_balance() -> None:
    chain = model("boundary_driven")
    settings = {"N": 5, "W": 0.8, "leak": 0.05}
    one, other = (chain.run("profile", method=method, **settings) for method in ("gaussian", "exact"))
    for name in ("occupation", "bond_current", "loss_rate"):
        assert one[name].values == pytest.approx(other[name].values, abs=1e-9)
    whole = chain.run("profile")
    leak = 0.01 * np.cumsum(whole.occupation.values)
    source = -float(whole.loss_rate.sel(dissipator="source"))
    assert whole.bond_current.values == pytest.approx(source - leak[:-1], abs=1e-10)
    assert float(whole.loss_rate.sum()) == pytest.approx(0, abs=1e-10)


def test_a_filled_chain_reaches_its_profile() -> None:
    chain = model("boundary_driven")
    late = chain.run("filling_up", N=8, time=[0.0, 2000.0]).occupation
    assert late.isel(time=0).values == pytest.approx(np.zeros(8), abs=1e-12)
    assert late.isel(time=1).values == pytest.approx(chain.run("profile", N=8).occupation.values, abs=1e-8)


def test_a_pump_with_real_amplitudes_carries_no_current_of_the_hamiltonian() -> None:
    """The rates are then the same for opposite momenta; with complex ones the orbitals share the current."""
    pump = model("rice_mele_pump")
    assert float(pump.run("cycle", phase=0.7, twist=0.6).current) == pytest.approx(0, abs=1e-12)
    found = pump.run("ness", k_j=0.0)
    assert float(found.current) != pytest.approx(0, abs=1e-3)
    assert float(found.current_by_orbital.sum()) == pytest.approx(float(found.current), abs=1e-12)
