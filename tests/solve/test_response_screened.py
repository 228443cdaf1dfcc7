"""Responses of devices whose potentials follow: against differences of the full solution."""

from __future__ import annotations

import numpy as np
import pytest

import modelkit as mk

RING = """model ring "three terminals, a flux and levels that follow"
param x_A = 0; param x_B = 0; param x_C = 0; param theta = 0
param mu0 = -0.4; param kT = 0.05
reference {{ mu = mu0; T = kT }}
lattice ring {{
  site c[l] for l in ring(6)
  onsite c[l] : 0.1*cos(2*l) - 0.15*sin(l)
  hop c[l] -> c[l+1] : -exp(0.3i)
}}
bath A on ring.c[1] {{
  self_energy = chain(hopping = 1.3, coupling = 0.9); mu = mu0 + x_A; T = kT + theta; bands = {bands}
}}
bath B on ring.c[3] {{
  self_energy = chain(hopping = 1.5, coupling = 0.8); mu = mu0 + x_B; T = kT; bands = {bands}
}}
bath C on ring.c[4] {{
  self_energy = chain(hopping = 1.7, coupling = 0.7); mu = mu0 + x_C; T = kT; bands = {bands}
}}
{probe}
screening on ring {{ {solve} }}
task full = transport {{ output current }}
task coefficients = response(order = 2) {{ output G1, G2, response_1, response_2, characteristic_potential }}
"""
PROBE = "probe P on ring.c[6] { self_energy = wide_band(0.4); T = kT; solve mu such that I == 0 }"
SITES, WHOLE = "solve U such that charge == 0", "solve U[ring] such that charge == 0"
POISSON = "solve U such that charge == poisson(epsilon = 0.3)"
STEP = 0.02


def second_difference(model: mk.Model, **direction: float) -> np.ndarray:
    """``d2I/dh2`` along a direction, extrapolated from two steps."""

    def curvature(step: float) -> np.ndarray:
        moved = [
            model.run("full", {name: sign * step * part for name, part in direction.items()}).current.values
            for sign in (1, -1)
        ]
        return (moved[0] + moved[1]) / step**2

    return (4 * curvature(STEP / 2) - curvature(STEP)) / 3


@pytest.mark.parametrize(
    ("bands", "solve", "probe"),
    [("local", SITES, ""), ("own", SITES, ""), ("local", WHOLE, PROBE), ("local", POISSON, PROBE)],
    ids=["sites", "own", "whole", "poisson"],
)
def test_the_second_order_is_that_of_the_full_solution(bands: str, solve: str, probe: str) -> None:
    model = mk.loads(RING.format(bands=bands, solve=solve, probe=probe))
    found = model.run("coefficients")
    two = found.conductance_2.sel(terminal_from=["A", "B", "C"], terminal_from_2=["A", "B", "C"]).values
    scale = np.abs(two).max()
    for direction in ({"x_A": 1.0}, {"x_A": 1.0, "x_B": -0.7}, {"x_C": 1.0, "x_B": 0.4}):
        v = -np.array([direction.get(name, 0.0) for name in ("x_A", "x_B", "x_C")])
        expected = -second_difference(model, **direction)  # conventional current
        np.testing.assert_allclose(2 * np.einsum("abc,b,c->a", two, v, v), expected, atol=1e-5 * scale)
    by_heat = found.response_2.sel(
        of="I", by="T", by_2="T", terminal_from="A", terminal_from_2="A"
    ).values  # coefficient of theta^2
    np.testing.assert_allclose(
        2 * by_heat, -second_difference(model, theta=1.0), atol=1e-3 * np.abs(by_heat).max()
    )


@pytest.mark.parametrize("bands", ["local", "own"])
def test_a_common_shift_of_all_voltages_changes_nothing(bands: str) -> None:
    found = mk.loads(RING.format(bands=bands, solve=SITES, probe="")).run("coefficients")
    two = found.conductance_2.values
    assert np.abs(two + two.swapaxes(1, 2)).sum() > 0.1
    np.testing.assert_allclose(two.sum(axis=2), 0, atol=1e-10 * np.abs(two).max())
    np.testing.assert_allclose(found.characteristic_potential.sum("terminal"), 1, atol=1e-9)
    assert float(found.audit_gauge) < 1e-9
    assert float(found.audit_characteristic_sum) < 1e-9
    assert "warnings" not in found.attrs


def test_the_local_response_of_charge_is_the_density_of_states() -> None:
    """With the capacitors of Poisson's equation: (matrix + dos) u = injectivity + capacitors to terminals."""
    text = RING.format(bands="local", solve=f"{POISSON}; response = thomas_fermi", probe="")
    text = text.replace("T = kT", "T = 0").replace("+ theta", "")
    model = mk.loads(text + "task local = transmission { output injectivity }")
    u = model.run("coefficients").characteristic_potential.values
    (group,) = model.device().screening
    injected = model.run("local", E=-0.4).injectivity.values
    matrix = group.matrix.toarray() + np.diag(injected.sum(axis=1))
    np.testing.assert_allclose(u, np.linalg.solve(matrix, injected - group.couplings.toarray()), atol=1e-9)
    np.testing.assert_allclose(u.sum(axis=1), 1, atol=1e-9)


def test_the_local_response_follows_terminals_that_move() -> None:
    found = mk.loads(RING.format(bands="own", solve=f"{POISSON}; response = thomas_fermi", probe=""))
    np.testing.assert_allclose(
        found.run("coefficients").characteristic_potential.sum("terminal"), 1, atol=1e-9
    )


CLEAN = """model clean "a wire without reflection, or with a little"
param mu0 = 0.3; param kT = 0.05; param V = 0; param c = 1
reference {{ mu = mu0; T = kT }}
lattice s {{
  site c[l] for l in 1..3
  hop c[l] -> c[l+1] : -1
}}
bath L on s.left {{ self_energy = {lead}; mu = mu0 + V; T = kT; bands = {bands} }}
bath R on s.right {{ self_energy = {lead}; mu = mu0; T = kT; bands = {bands} }}
{screening}
task two = response {{ output G1, G2 }}
task full = transport {{ output current }}
task order_2 = transport(order = 2) {{ output current }}
"""
CHAIN, SCREENED = "chain(hopping = 1, coupling = c)", f"screening on s {{ {SITES} }}"


@pytest.mark.parametrize("lead", ["lead", CHAIN])
@pytest.mark.parametrize(("bands", "screening"), [("own", ""), ("local", SCREENED)])
def test_a_second_order_that_vanishes_identically_is_known(lead: str, bands: str, screening: str) -> None:
    found = mk.loads(CLEAN.format(lead=lead, bands=bands, screening=screening)).run("two")
    np.testing.assert_allclose(found.conductance[0, 0], 1 / (2 * np.pi), rtol=1e-12)
    np.testing.assert_allclose(found.conductance_2, 0, atol=1e-12)


@pytest.mark.parametrize(("bands", "screening", "c"), [("own", "", 0.9), ("local", SCREENED, 1)])
def test_a_second_order_near_the_edge_of_a_band(bands: str, screening: str, c: float) -> None:
    model = mk.loads(CLEAN.format(lead=CHAIN, bands=bands, screening=screening))
    near = {"mu0": -1.8, "kT": 0.1, "c": c}
    two = float(model.run("two", near).conductance_2[0, 0, 0])
    h = 1e-3
    up, down = (float(model.run("full", near | {"V": sign * h}).current[0]) for sign in (1, -1))
    assert -(up + down) / 2 / h**2 == pytest.approx(two, abs=1e-3)
    if screening:
        assert abs(two) < 1e-12  # both ends are alike


def test_bands_that_open_at_once_and_move_apart_have_no_second_order() -> None:
    model = mk.loads(CLEAN.format(lead=CHAIN, bands="own", screening=""))
    near = {"mu0": -1.8, "kT": 0.1}
    h = 1e-3
    currents = [float(model.run("full", near | {"V": v}).current[0]) for v in (h, 2 * h, -h, -2 * h)]
    up, down = (
        np.diff(np.divide(pair, np.array([h, 2 * h])))[0] / h for pair in np.split(np.array(currents), 2)
    )
    assert up * down < 0
    assert abs(up - down) > 0.1, "the current has a kink"
    for task in ("two", "order_2"):
        with pytest.raises(mk.ModelError, match="opens without reflection at the energy -2"):
            model.run(task, near)
