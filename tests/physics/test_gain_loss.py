"""The wire with gain and loss, through its model files, against independent numbers.

``tests/expected/gain_loss.json`` holds what independent implementations found; the closed forms of
``closed_forms.py`` are a second road to the same numbers.
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

import modelkit as mk
from tests.physics.closed_forms import FourSites, LongWire, dimer_offset

ROOT = Path(__file__).parents[2]
CASES = {
    case["id"]: case for case in json.loads((ROOT / "tests/expected/gain_loss.json").read_text())["cases"]
}


@cache
def model(name: str) -> mk.Model:
    return mk.load(ROOT / "models/gain_loss" / f"{name}.model")


def run(name: str, task: str = "profile", /, **values: Any) -> xr.Dataset:
    return model(name).run(task, **values)


def agrees(found: Any, case: str, part: slice = slice(None)) -> None:
    """Compare with the expected values at their tolerance: absolute, times max(1, |value|)."""
    expected = np.atleast_1d(np.asarray(CASES[case]["value"], dtype=float))[part]
    allowed = CASES[case]["tolerance"] * np.maximum(1, np.abs(expected))
    deviation = np.abs(np.ravel(found) - expected)
    assert deviation.shape == expected.shape
    assert np.all(deviation <= allowed), f"{case}: {np.ravel(found)} instead of {expected}"


def settings(case: str) -> dict[str, Any]:
    return dict(CASES[case]["set"])


def injected(ratio: float, bias: float = 0.1) -> float:
    return ratio * bias / (2 * math.pi)


def mu(found: xr.Dataset, case: str, *labels: str) -> np.ndarray:
    return found.chemical_potential.sel(case=case, terminal=list(labels)).values


def test_four_sites_profile_in_both_directions_and_without_injection() -> None:
    found = run("wire", **settings("fig2b"))
    plain = run("wire", **(settings("fig2b") | {"ratio": 0}))
    values = [mu(data, case, "S[2]", "D[3]") for data in (found, plain) for case in ("forward", "backward")]
    agrees(np.concatenate(values), "fig2b")
    exact = FourSites(mu=1, g=0.5).deviation(injected(0.3), 0.1)
    assert mu(found, "forward", "S[2]", "D[3]") == pytest.approx([1 + exact, 1 - exact], abs=1e-12)


def test_relative_nonreciprocity_is_linear_in_the_injection() -> None:
    for case in ("fig2c-g0.5", "fig2c-g0.7"):
        both = run("wire", **settings(case), ratio=[0.1, 0.3, 0.5, 1.0]).current.sel(terminal="L")
        forward, backward = np.abs(both.sel(case="forward")), np.abs(both.sel(case="backward"))
        agrees((2 * (backward - forward) / (backward + forward)).values, case, slice(0, 4))


def test_source_potential_against_coupling() -> None:
    found = run("wire", **settings("fig5"), gamma=[0.2, 0.5, 1.0])
    agrees(mu(found, "forward", "S[2]"), "fig5")


def test_offset_has_the_classical_value_at_the_critical_coupling() -> None:
    critical = [FourSites.critical_coupling(value) for value in (1, 0.4, 1.6)]
    agrees([*critical, FourSites(1, critical[0]).offset], "N4-gammac")
    current = run("wire", N=4, gamma=1.0).current.sel(terminal="L")
    offset = -(current.sel(case="forward") + current.sel(case="backward"))
    assert float(offset) / (2 * injected(0.3)) == pytest.approx(1 / 3, abs=1e-10)


def test_thirty_sites_profile_and_its_long_wire_form() -> None:
    labels = ("S[2]", "D[15]", "S[16]", "D[29]")
    found = run("wire", **settings("fig3a"))
    wire = LongWire(mu=1, g=0.5)
    closed = [wire.chemical_potential(site, 30, injected(0.3), 0.1) for site in (15, 16)]
    agrees(np.concatenate([mu(found, "forward", *labels), mu(found, "backward", *labels), closed]), "fig3a")
    assert mu(found, "forward", "D[15]", "S[16]") == pytest.approx(closed, abs=1e-4)


def test_middle_of_wires_of_several_lengths() -> None:
    values = []
    for sites in (12, 26, 100):
        names = [f"{'S' if site % 2 == 0 else 'D'}[{site}]" for site in (sites // 2, sites // 2 + 1)]
        values.append(mu(run("wire", **settings("fig7"), N=sites), "forward", *names))
    agrees(np.concatenate(values), "fig7")


def test_constants_of_the_long_wire() -> None:
    wire = LongWire(mu=1, g=0.5)
    found = [wire.alpha.real, wire.alpha.imag, wire.length, wire.conductivity, wire.zigzag]
    agrees(found, "long-constants")


def test_nonreciprocity_grows_to_the_injected_current_with_length() -> None:
    found = run("wire", "length", **settings("fig3b-g0.5"), N=[4, 10, 30, 100])
    assert found.dI.dims == ("N",)
    wire = LongWire(mu=1, g=0.5)
    closed = [wire.nonreciprocity(sites) for sites in (30, 100)]
    agrees(np.concatenate([found.dI.values / injected(0.05), closed]), "fig3b-g0.5")


@pytest.mark.parametrize(("gamma", "position"), [(0.3, 0), (0.5, 1)])
def test_length_at_which_the_forward_current_changes_sign(gamma: float, position: int) -> None:
    around = round(CASES["fig3b-signchange"]["value"][position])
    sizes = list(range(around - 8, around + 10, 2))
    current = run("wire", **settings("fig3b-signchange"), gamma=gamma, N=sizes).current
    forward = current.sel(case="forward", terminal="L").values
    assert np.all(np.diff(np.sign(forward)) <= 0), "one change of sign in the window"
    agrees([sizes[int(np.argmax(forward <= 0))]], "fig3b-signchange", slice(position, position + 1))


def test_single_dimer_oscillates_with_length() -> None:
    found = run("dimer", **settings("fig3c"), N=[4, 5, 6, 7, 8, 9])
    values = found.dI.values / injected(0.1)
    agrees(values, "fig3c")
    assert values == pytest.approx([dimer_offset(sites, 1, 0.5) for sites in range(4, 10)], abs=1e-10)


def test_temperature_lifts_the_zero_of_the_dimer() -> None:
    offsets = []
    for temperature in (0, 0.02, 0.05, 0.1):
        current = run("dimer", **settings("thermal-zero"), kT=temperature).current.sel(terminal="L")
        offsets.append(float(-(current.sel(case="forward") + current.sel(case="backward"))) / injected(0.3))
    agrees(offsets, "thermal-zero")


def test_contact_scattering_at_four_sites() -> None:
    found = run("wire", **settings("fig8"), contact=[0.7, 0.9, 1.0, 1.1, 1.3])
    agrees(found.dI.values / injected(0.1), "fig8")


def test_contact_scattering_against_length() -> None:
    values = [run("wire", **settings("fig9"), contact=c, N=[4, 10, 30, 100]).dI.values for c in (0.8, 1.2)]
    agrees(np.concatenate(values) / injected(0.05), "fig9")


def test_spaced_sources_and_drains_against_the_chemical_potential() -> None:
    found = run("spaced", **settings("fig10"), mu0=[0, 0.5, 0.9, 1.0, 1.1, 1.5])
    agrees(found.dI.values / injected(0.1), "fig10")


def test_density_changes_by_current_over_coupling() -> None:
    found = run("wire", **settings("density")).sel(case="forward")
    agrees(found.density_change.sel(site=["c[100]", "c[101]"]).values, "density")
    broadening = 0.5**2 * math.sqrt(4 - 1)  # gamma^2 sqrt(4 - mu^2), Eq. (B14)
    change = -float(found.current.sel(terminal="S[100]")) / broadening
    assert float(found.density_change.sel(site="c[100]")) == pytest.approx(change, abs=1e-13)


def test_heat_of_a_source_and_of_all_terminals() -> None:
    found = run("wire", **settings("heat")).sel(case="forward")
    closed = LongWire(mu=1, g=0.5).heat(200, injected(0.3), 0.1)
    source, total = found.dissipated_heat.sel(terminal="S[100]"), found.dissipated_heat.sum()
    agrees([float(source), closed, float(total)], "heat")
    power = float((found.current * found.chemical_potential).sum())
    assert float(total) == pytest.approx(power, rel=1e-10)


def test_dimerisation_tunes_and_reverses_the_nonreciprocity() -> None:
    """Dense matrices give 1.2844, -0.0978, 0.5419 at delta = 0.2, -0.2, 0 (N = 30, mu = 1, gamma = 0.3)."""
    found = run("ssh", gamma=0.3, delta=[0.2, -0.2, 0.0]).current.sel(terminal="L")
    offset = -(found.sel(case="forward") + found.sel(case="backward")).values / injected(0.3)
    assert offset == pytest.approx([1.2844, -0.0978, 0.5419], abs=5e-5)


def test_long_range_hopping_enhances_the_nonreciprocity() -> None:
    """Dense matrices: 0.7705 with hopping 1/d^2 (N = 30, mu = 1, gamma = 0.3)."""
    found = run("long_range", gamma=0.3).current.sel(terminal="L")
    offset = -(found.sel(case="forward") + found.sel(case="backward"))
    assert float(offset) / injected(0.3) == pytest.approx(0.7705, abs=5e-5)


def test_a_palindrome_is_reciprocal() -> None:
    current = run("sdds", mu0=0.3, gamma=0.4).current.sel(terminal="L")
    forward, backward = (float(current.sel(case=case)) for case in ("forward", "backward"))
    assert forward == pytest.approx(-backward, abs=1e-15)


def test_broken_parity_without_a_dipole_moment_is_nonreciprocal_in_the_quantum_wire() -> None:
    """Dense matrices: SDDSDSSD gives 0.02574 I_g (N = 10, mu = 0.3, gamma = 0.4); classically zero."""
    current = run("sddsdssd", mu0=0.3, gamma=0.4).current.sel(terminal="L")
    offset = -(current.sel(case="forward") + current.sel(case="backward"))
    assert float(offset) / injected(0.3) == pytest.approx(0.02574, abs=5e-6)


@pytest.mark.slow
def test_a_million_sites_with_all_probes_conserve_charge() -> None:
    found = run("wire", N=10**6).sel(case="forward")
    assert abs(float(found.current.sum())) < 1e-9 * float(np.abs(found.current).sum())
    wire, sites = LongWire(mu=1, g=0.5), 10**6
    ohmic = wire.conductivity / (wire.length + sites - 3) * 0.1
    exact = ohmic - wire.nonreciprocity(sites) * injected(0.3) / 2
    assert float(found.current.sel(terminal="L")) == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("case", ["fig2c-g0.5", "fig2c-g0.7"])
@pytest.mark.parametrize(("task", "part"), [("third", slice(4, 8)), ("full", slice(8, 12))])
def test_relative_nonreciprocity_beyond_linear_response(case: str, task: str, part: slice) -> None:
    both = run("wire", task, **settings(case), ratio=[0.1, 0.3, 0.5, 1.0]).current.sel(terminal="L")
    forward, backward = np.abs(both.sel(case="forward")), np.abs(both.sel(case="backward"))
    agrees((2 * (backward - forward) / (backward + forward)).values, case, part)


def test_third_order_departs_from_the_full_solution() -> None:
    found = [
        mu(run("wire", task, **settings("fig6-g0.5")), "forward", "S[2]", "D[3]")
        for task in ("third", "full")
    ]
    agrees(np.concatenate(found), "fig6-g0.5")


def test_full_transport_says_that_its_solution_is_unique() -> None:
    found = run("wire", "full", N=4)
    assert found.attrs["uniqueness"] == "unique: the Jacobian is an M-matrix"
    assert found.attrs["condition"].startswith("1.")
    assert "symmetrically about the reference" in found.attrs["bias_reference"]
    assert "warnings" not in found.attrs


@pytest.mark.slow
@pytest.mark.parametrize(("gamma", "position"), [(0.3, 0), (0.5, 1)])
def test_injection_that_the_band_cannot_carry_has_a_limit(gamma: float, position: int) -> None:
    with pytest.raises(mk.NotConverged) as caught:
        run("wire", "full", **settings("injection-limit"), gamma=gamma, ratio=2.0)
    agrees([caught.value.limit["ratio"]], "injection-limit", slice(position, position + 1))
    assert "probe 'S[2]' (line" in str(caught.value)
    assert "ratio = " in str(caught.value)
    assert set(caught.value.limit) == {"ratio", "bias"}


@pytest.mark.parametrize("task", ["third", "full"])
def test_a_palindrome_is_reciprocal_at_finite_bias(task: str) -> None:
    text = (ROOT / "models/gain_loss/sdds.model").read_text(encoding="utf-8")
    order = "(order = 3)" if task == "third" else ""
    more = f"task {task} = transport{order} {{ cases forward, backward; output current }}\n"
    current = (
        mk.loads(text + more).run(task, mu0=0.3, gamma=0.4, bias=0.8, ratio=0.1).current.sel(terminal="L")
    )
    forward, backward = (float(current.sel(case=case)) for case in ("forward", "backward"))
    assert abs(forward) > 0.01
    assert forward == pytest.approx(-backward, abs=1e-14)
