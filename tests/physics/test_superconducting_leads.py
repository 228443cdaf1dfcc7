"""Leads that pair: junctions of normal and superconducting half spaces, matched mode by mode by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad

import modelkit as mk
from modelkit.compile.open_system import Levels, open_system
from modelkit.errors import ModelError
from modelkit.solve.methods.lattice.sparse import SparseConductor
from modelkit.solve.request import Request, prepare
from tests.physics.junctions import ENERGIES, JUNCTION, NORMAL, matched, run


def test_andreev_reflection_and_transmission_are_those_of_matched_modes() -> None:
    found = run("spectrum")
    for k, E in enumerate(ENERGIES):
        one = matched(E, **NORMAL)
        assert sum(one.values()) == pytest.approx(1, abs=1e-9)
        to_hole = float(found.andreev_transmission.sel(terminal="L", terminal_from="L")[k])
        through = float(found.transmission.sel(terminal="S", terminal_from="L")[k])
        assert to_hole == pytest.approx(2 * one["A"], abs=1e-8)  # of both spins
        assert through == pytest.approx(2 * one["T"], abs=1e-8)
        if abs(E) < 0.4:
            assert through == 0


def test_the_probabilities_of_an_electron_are_its_modes() -> None:
    """``1 - B = T_eh + T_NS``: with B of the matched modes this is the sum rule of the junction."""
    energies = [-0.7, 0.2, 0.9]
    found = run("spectrum", energies=energies)
    lost = found.andreev_transmission.sel(terminal="L", terminal_from="L") + found.transmission.sel(
        terminal="S", terminal_from="L"
    )
    expected = [2 * (1 - matched(E, **NORMAL)["B"]) for E in energies]
    assert lost.values == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("barrier", [0.0, 0.4, 1.5])
def test_a_small_gap_in_the_middle_of_a_band_is_the_interface_of_btk(barrier: float) -> None:
    """G. E. Blonder et al., PRB 25, 4515 (1982), table II, with Z = barrier/(hbar v)."""
    Delta, Z = 1e-4, barrier / 2
    energies = Delta * np.array([0.0, 0.3, 0.8, 0.99, 1.2, 3.0])
    found = run("spectrum", energies=energies, Delta=Delta, mu_w=0, barrier=barrier)
    for k, E in enumerate(energies):
        if k < 4:  # below the gap
            a, c = Delta**2 / (E**2 + (Delta**2 - E**2) * (1 + 2 * Z**2) ** 2), 0.0
        else:
            u2 = 0.5 * (1 + math.sqrt(E**2 - Delta**2) / E)
            gamma2 = (u2 + Z**2 * (2 * u2 - 1)) ** 2
            a = u2 * (1 - u2) / gamma2
            b = (2 * u2 - 1) ** 2 * Z**2 * (1 + Z**2) / gamma2
            c = 1 - a - b
        assert float(found.andreev_transmission[k, 0, 0]) == pytest.approx(2 * a, abs=1e-3)
        assert float(found.transmission[k, 1, 0]) == pytest.approx(2 * c, abs=1e-3)


def test_at_the_gap_itself_every_electron_returns_as_a_hole() -> None:
    """Whatever the barrier; the surface function is infinite there."""
    found = run("spectrum", energies=[-0.4, 0.4], barrier=1.1, mu_w=0)
    holes = found.andreev_transmission.sel(terminal="L", terminal_from="L").values
    expected = [2 * matched(E * (1 - 1e-13), 0.0, 1.1, 0.4)["A"] for E in (-0.4, 0.4)]
    assert holes == pytest.approx(expected, abs=1e-5)
    assert found.transmission.sel(terminal="S", terminal_from="L").values == pytest.approx([0, 0], abs=1e-5)


def fermi(x: float, T: float) -> float:
    return float(x < 0) if T == 0 else 0.5 * (1 - math.tanh(x / (2 * T)))


def by_hand(V: float, left: float, right: float, **device: float) -> tuple[float, float]:
    """Current and energy current of both spins by quad over the matched modes."""
    top = 2 - device["mu_w"] - 1e-9
    reach = (m + s * k for m in (0.0, V) for s in (1, -1) for k in (36 * left, 36 * right, 0))
    ends = {s * min(abs(e), top) for e in (0.4, *reach) for s in (1, -1)}

    def current(E: float) -> float:
        one = matched(E, **device)
        return (1 - one["B"] + one["A"]) * (fermi(E - V, left) - fermi(E, right)) / math.pi

    def energy(E: float) -> float:
        # holes of the other spin are the same electrons at -E: both are counted, half each
        one, other = matched(E, **device), matched(-E, **device)
        out = one["T"] * E * (fermi(E - V, left) - fermi(E, right))
        return (out - other["T"] * E * (fermi(-E - V, left) - fermi(-E, right))) / (2 * math.pi)

    return tuple(  # type: ignore[return-value]
        sum(
            quad(f, a, b, epsabs=1e-11, epsrel=1e-9, limit=200)[0]
            for a, b in itertools.pairwise(sorted(ends))
        )
        for f in (current, energy)
    )


@pytest.mark.parametrize(("V", "kT", "hot"), [(0.3, 0.0, 0.0), (0.55, 0.0, 0.0), (0.3, 0.03, 0.02)])
def test_currents_are_integrals_over_matched_modes(V: float, kT: float, hot: float) -> None:
    found = run("iv", V=V, kT=kT, hot=hot)
    current, energy = by_hand(V, kT + hot, kT, **NORMAL)
    assert float(found.current.sel(terminal="L")) == pytest.approx(current, abs=1e-8)
    assert float(found.heat_current.sel(terminal="L")) == pytest.approx(energy - V * current, abs=1e-8)
    assert float(found.heat_current.sel(terminal="S")) == pytest.approx(-energy, abs=1e-8)
    assert float(found.current.sum()) == pytest.approx(0, abs=1e-13)
    assert found.chemical_potential.sel(terminal=["S", "condensate"]).values.tolist() == [0, 0]


def test_heat_does_not_pass_the_gap() -> None:
    """The heat conductance of the junction falls as exp(-Delta/T) while its conductance stays."""
    found = {kT: run("linear", kT=kT, V=0, hot=1e-3) for kT in (0.02, 0.04)}
    nodes, weights = np.polynomial.legendre.leggauss(60)
    for kT, one in found.items():
        # E = Delta cosh(u) takes the root at the gap; to the edge of the band, or 30 T above the gap
        last = math.acosh(min(0.4 + 30 * kT, 1.7) / 0.4)
        whole = 0.0
        for u, weight in zip(last * (nodes + 1) / 2, weights * last / 2, strict=True):
            E, step = 0.4 * math.cosh(u), 0.4 * math.sinh(u) * weight
            through = matched(E, **NORMAL)["T"] + matched(-E, **NORMAL)["T"]
            whole += step * through * E**2 / kT / (4 * kT * math.cosh(E / (2 * kT)) ** 2) / math.pi * 1e-3
        assert float(one.heat_current.sel(terminal="L")) == pytest.approx(whole, rel=2e-6)
        assert float(one.heat_current.sel(terminal="S")) == pytest.approx(-whole, rel=2e-6)
    ratio = float(found[0.02].heat_current[0] / found[0.04].heat_current[0])
    assert ratio < 1e-3


def test_a_long_superconductor_is_its_lead() -> None:
    """One that is ended by its lead, whatever its length."""
    short, longer = (run("spectrum", N=N) for N in (4, 13))
    for name in ("transmission", "andreev_transmission"):
        np.testing.assert_allclose(longer[name][:, :2, 0], short[name][:, :2, 0], atol=1e-9)
    np.testing.assert_allclose(longer.dos[:, :4], short.dos, atol=1e-8)


def absorbing(E: float, onsite: np.ndarray, hop: np.ndarray, sites: int = 12_000) -> np.ndarray:
    """The first cell of many, in which quasi-particles are absorbed ever more strongly."""
    g = np.zeros_like(onsite)
    for n in range(sites, 0, -1):
        absorption = 0.5 * (n / sites) ** 4
        g = np.linalg.inv((E + 1j * absorption) * np.eye(len(onsite)) - onsite - hop @ g @ hop.conj().T)
    return g


@pytest.mark.parametrize("E", [0.3, 0.55, -1.3])
def test_a_lead_is_a_long_superconductor_with_an_absorber(E: float) -> None:
    """And what it does to electrons is to holes at minus the energy, conjugated."""
    tau, swap = np.diag([1.0, 1, -1, -1]), np.array([[0, 1.0], [-1, 0]])
    pairs = 0.4 * np.exp(-0.9j) * -swap  # D[down, up] = conj(Delta)
    onsite = np.block([[-0.3 * np.eye(2), pairs], [-pairs.conj(), 0.3 * np.eye(2)]])
    device = mk.loads(JUNCTION.replace("ENERGIES", "0").replace("MORE", "")).device(phase=0.9)
    lead = next(one for one in open_system(device).contacts.leads if one.meter is not None)
    sigma = lead.sigma(np.array([E, -E]))
    hop = -tau.astype(complex)
    assert np.abs(sigma[0] - hop @ absorbing(E, onsite, hop) @ hop.conj().T).max() < 1e-6
    mirror = np.block([[np.zeros((2, 2)), np.eye(2)], [np.eye(2), np.zeros((2, 2))]])
    assert np.abs(sigma[1] + mirror @ sigma[0].conj() @ mirror).max() < 1e-10
    w = lead.parts(np.array([E]))[1]
    assert np.count_nonzero(np.abs(w[0]).max(axis=0)) == (0 if abs(E) < 0.4 else 4)


def test_a_lead_takes_what_crosses_its_end() -> None:
    """All of the current where the lead alone pairs; else the rest is that of the pairs on the device."""
    alone = JUNCTION.replace("where l > 3 :", "where l > N :")
    second = "bath M on wire.c[1] { self_energy = -0.2i; mu = -0.1; T = kT }"
    for kT in (0.0, 0.05):
        found = run("iv", text=alone, more=second, kT=kT, V=0.55, phase=0.4).current
        normal = float(found.sel(terminal=["L", "M"]).sum())
        assert abs(normal) > 1e-3
        assert float(found.sel(terminal="S")) == pytest.approx(-normal, abs=1e-11)
        assert float(found.sel(terminal="condensate")) == pytest.approx(0, abs=1e-11)
    short, longer = (run("iv", N=N).current for N in (6, 40))
    assert float(longer.sel(terminal="L")) == pytest.approx(float(short.sel(terminal="L")), abs=1e-9)
    whole = float(short.sel(terminal=["S", "condensate"]).sum())
    assert float(longer.sel(terminal="condensate")) == pytest.approx(whole, abs=1e-4)


@pytest.mark.parametrize("E", [0.1, 0.62])
def test_the_charge_that_a_lead_takes_is_the_current_of_the_bond_before_it(E: float) -> None:
    """Of the electrons, for those of L: with the next site as a part of the device, by its Green function."""
    text = JUNCTION.replace("ENERGIES", "0").replace("MORE", "")
    short, longer = (mk.loads(text).device(N=N, phase=0.7) for N in (5, 6))
    prepared = prepare(Request(short, {}))
    meter = int(prepared.system.reservoirs.meters[0])
    taken = prepared.at(np.array([E])).transmission()[0, meter, 0]
    system = open_system(longer)
    green = E * np.eye(system.hamiltonian.shape[0], dtype=complex) - system.hamiltonian.toarray()
    gamma = np.zeros_like(green)
    for lead in system.contacts.leads:
        sigma = lead.sigma(np.array([E]))[0]
        green[np.ix_(lead.orbitals, lead.orbitals)] -= sigma
        if lead.terminal == 0:
            gamma[np.ix_(lead.orbitals, lead.orbitals)] = 1j * (sigma - sigma.conj().T)
    green = np.linalg.inv(green)
    filled = green @ gamma @ green.conj().T
    h = system.hamiltonian.toarray()
    n = len(h) // 2
    before, behind = np.arange(8, 10), np.arange(10, 12)  # sites 5 and 6, both spins
    flows = [
        2 * np.imag(h[np.ix_(b, a)] * filled[np.ix_(a, b)].T).sum()
        for a, b in ((before, behind), (before + n, behind + n))
    ]
    assert taken == pytest.approx(flows[0] - flows[1], abs=1e-10)


KITAEV = """
model kitaev
param Delta = 0.5; param mu_w = 0.4; param g = 0.3; param V = 0.01; param kT = 0; param phase = 0
reference { mu = 0; T = kT }
lattice wire {
  site c[l] for l in 1..4 at (l, 0)
  onsite c[l] : -mu_w
  hop c[l] -> c[l+1] : -1
  pair c[l] - c[l+1] : Delta
}
bath L on wire.c[1] { self_energy = chain(hopping = 1, coupling = g); mu = V; T = kT }
bath S on wire.right { self_energy = lead; mu = 0; T = kT }
task linear = transport(order = 1) { output current, G = 2*pi*I[L]/V }
task iv = transport { output current }
task spectrum = transmission { sweep E in {0, 0.3, 0.9, 1.5}; output transmission, andreev_transmission }
"""


@pytest.mark.parametrize("g", [0.1, 0.5, 1.0])
def test_a_majorana_end_of_a_half_infinite_wire_conducts_two_quanta(g: float) -> None:
    assert float(mk.loads(KITAEV).run("linear", g=g).G) == pytest.approx(2, abs=1e-7)
    assert float(mk.loads(KITAEV).run("linear", g=g, mu_w=2.5).G) == pytest.approx(0, abs=1e-9)


def test_a_lead_of_flat_bands_is_no_obstacle() -> None:
    """At Delta = hop and mu_w = 0 the bulk has flat bands at 2 and each site binds with the next alone."""
    assert float(mk.loads(KITAEV).run("linear", Delta=1, mu_w=0).G) == pytest.approx(2, abs=1e-7)


@pytest.mark.parametrize("method", ["blocks", "sparse"])
def test_a_nambu_space_and_pairs_are_the_same_lead(method: str) -> None:
    explicit = (
        KITAEV.replace("lattice wire {", "lattice wire {\n  internal nambu")
        .replace("c[l] : -mu_w", "c[l] : -mu_w*tau_z")
        .replace("c[l+1] : -1", "c[l+1] : -tau_z")
    )
    one, other = (mk.loads(text).run("spectrum", method=method) for text in (KITAEV, explicit))
    for name in ("transmission", "andreev_transmission"):
        np.testing.assert_allclose(one[name], other[name], atol=1e-12)
    assert float(one.transmission.sel(terminal="S", terminal_from="L")[3]) > 1e-3


@pytest.mark.parametrize("E", [0.2, 0.6])
def test_blocks_and_amplitudes_take_the_same_charge(E: float) -> None:
    text = JUNCTION.replace("ENERGIES", "0").replace(
        "MORE", "bath M on wire.c[1] { self_energy = -0.2i; mu = 0.1 }"
    )
    found = []
    for method in ("blocks", "sparse"):
        prepared = prepare(Request(mk.loads(text).device(N=7), {"method": method}))
        found.append(prepared.at(np.array([E])).transmission())
    np.testing.assert_allclose(found[0], found[1], atol=1e-12)


def test_the_charge_that_is_taken_changes_with_levels_as_its_differences() -> None:
    """A potential on the device, and the band of another terminal."""
    text = JUNCTION.replace("ENERGIES", "0").replace(
        "MORE", "bath M on wire.c[1] { self_energy = chain(1, 0.7); mu = 0 }"
    )
    system = open_system(mk.loads(text).device(N=5, phase=0.4))
    energies, f = np.array([0.17, 0.63]), np.array([[0.7, 0.0, 0.3, 0.2, 0.0, 0.9]] * 2)
    potential, bands = np.array([0.3, -0.2, 0.5, 0.1, -0.4]), np.array([0.0, 0.0, 0.6])
    conductor = SparseConductor(system)
    exact = conductor.at(energies).current_change(f, Levels(potential, bands))
    step = 1e-5
    sides = [
        SparseConductor(system.moved(Levels(s * step * potential, s * step * bands))).at(energies).current(f)
        for s in (1, -1)
    ]
    np.testing.assert_allclose(exact, (sides[0] - sides[1]) / (2 * step), atol=1e-8)
    assert np.abs(exact[:, system.reservoirs.meters]).max() > 1e-3


@pytest.mark.slow
def test_orders_and_coefficients_are_those_of_full_transport() -> None:
    """The condensate's potential is never driven; temperatures of superconducting leads are."""
    kT, small = 0.2, 1e-3
    coefficients = run("coefficients", kT=kT, V=0)
    one = coefficients.response_1.values  # [of, by, a, b]
    assert np.isnan(one[:, 0, :, 1:]).all()
    assert np.isfinite(one[:, 0, :, 0]).all()
    assert np.isfinite(one[:, 1, :, :2]).all()
    sides = [run("iv", kT=kT, V=s * small) for s in (1, -1)]
    slope = (sides[0] - sides[1]) / (2 * small)
    np.testing.assert_allclose(slope.current, one[0, 0, :, 0], atol=3e-6)
    np.testing.assert_allclose(slope.heat_current[:2], -one[1, 0, :2, 0], atol=3e-6)
    curvature = (sides[0].current + sides[1].current) / 2 / small**2
    np.testing.assert_allclose(-curvature, coefficients.response_2.values[0, 0, 0, :, 0, 0], atol=1e-4)
    second = run("second", kT=kT, V=0.05)
    full = run("iv", kT=kT, V=0.05)
    assert np.abs(second.current - full.current).max() < 1e-4
    warmer = [run("iv", kT=kT, V=0, hot=s * small) for s in (1, -1)]
    slope = (warmer[0] - warmer[1]) / (2 * small)
    np.testing.assert_allclose(slope.heat_current[:2], one[1, 1, :2, 0], atol=1e-6)


def test_a_superconducting_lead_finds_its_temperature() -> None:
    """One that takes no heat: as warm as the only other terminal, or in between."""
    text = JUNCTION.replace("bath S on wire.right { self_energy = lead; mu = 0; T = kT }", "PROBE").replace(
        "PROBE", "probe S on wire.right { self_energy = lead; mu = 0; solve T such that J == 0 }"
    )
    found = run("iv", text=text, kT=0.2, V=0)
    assert float(found.temperature.sel(terminal="S")) == pytest.approx(0.2, abs=1e-9)
    more = "bath M on wire.c[1] { self_energy = -0.2i; mu = 0; T = 0.1 }"
    found = run("iv", text=text, more=more, kT=0.2, V=0.1)
    assert float(found.heat_current.sel(terminal="S")) == pytest.approx(0, abs=1e-9)
    assert 0.1 < float(found.temperature.sel(terminal="S")) < 0.25


def test_bands_that_follow_a_potential_shift_electrons_and_holes_of_the_lead() -> None:
    """A potential on all sites with local bands is a shift of the levels, beyond the end too."""
    ours = JUNCTION.replace("MORE", "potential on wire { U = U }\nMORE")
    ours = ours.replace("{ self_energy = lead;", "{ self_energy = lead; bands = local;")
    one, other = run("spectrum", text=ours, U=0.35), run("spectrum", mu_w=0.3 - 0.35)
    for name in ("transmission", "andreev_transmission"):
        np.testing.assert_allclose(one[name], other[name], atol=1e-10)


def test_between_two_superconductors_the_phase_is_seen_by_a_normal_terminal() -> None:
    """An interferometer: the conductance depends on the phase, and nothing flows without a bias."""
    text = JUNCTION.replace(
        "bath L on wire.left { self_energy = lead;", "bath L on wire.c[3] { self_energy = -0.1i;"
    )
    text = text.replace(
        "pair c[l] - c[l] where l > 3",
        "pair c[l] - c[l] where l < 2 : Delta/2*[0, 1 | -1, 0]\n  pair c[l] - c[l] where l > 3",
    )
    second = "bath R on wire.left { self_energy = lead; mu = 0; T = kT }"
    current = {
        phase: run("linear", text=text, more=second, phase=phase, V=0.01, mu_w=0, barrier=0).current
        for phase in (0.0, 1.0, 2 * math.pi)
    }
    assert abs(float(current[0.0].sel(terminal="L") - current[1.0].sel(terminal="L"))) > 1e-5
    np.testing.assert_allclose(current[0.0], current[2 * math.pi], atol=1e-12)
    still = run("iv", text=text, more=second, phase=1.0, V=0, kT=0.1)
    assert np.all(still.current == 0)
    assert np.all(still.heat_current == 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "bath S on wire.right { self_energy = lead; mu = 0.1; T = kT }",
            "its mu is that of the condensate, 0",
        ),
        (
            "probe S on wire.right { self_energy = lead; T = kT; solve mu such that I == 0 }",
            "it cannot solve mu such that I has a value",
        ),
        (
            "probe S on wire.right { self_energy = lead; solve f such that i(E) == 0 }",
            r"it cannot solve f such that i\(E\) has a value",
        ),
    ],
)
@pytest.mark.parametrize("task", ["iv", "linear", "coefficients"])
def test_a_lead_whose_phase_would_run_is_refused(given: str, message: str, task: str) -> None:
    text = JUNCTION.replace("bath S on wire.right { self_energy = lead; mu = 0; T = kT }", given)
    with pytest.raises(ModelError, match="the lead of 'S' is a superconductor") as error:
        run(task, text=text, kT=0.1)
    assert error.match(message)
    assert error.value.hint


def test_a_bias_of_a_superconducting_lead_in_a_case_is_refused_too() -> None:
    text = JUNCTION + "case other { S.mu = 0.2 }\ntask biased = transport { cases other; output current }"
    with pytest.raises(ModelError, match=r"its mu is that of the condensate, 0, not 0\.2"):
        run("biased", text=text)


@pytest.mark.slow
@pytest.mark.parametrize("phase", [0.0, 0.7, 2.5])
def test_two_superconductors_exchange_heat_and_what_a_supercurrent_changes(phase: float) -> None:
    """Where the leads alone pair all is conserved, counted from equilibrium at one temperature."""
    text = JUNCTION.replace(
        "pair c[l] - c[l] where l > 3 :",
        "pair c[l] - c[l] where l < 1 : 0.2*[0, 1 | -1, 0]\n  pair c[l] - c[l] where l > N :",
    ).replace("mu = V;", "mu = 0;")
    more = "bath M on wire.c[3] { self_energy = -0.05i; mu = 0; T = kT }"
    found = run("iv", text=text, more=more, phase=phase, kT=0.15, hot=0.05)
    currents = found.current.sel(terminal=["L", "S", "M"])
    assert float(currents.sum()) == pytest.approx(0, abs=1e-11)
    assert float(found.current.sel(terminal="condensate")) == pytest.approx(0, abs=1e-11)
    assert (abs(float(currents.sel(terminal="S"))) > 1e-4) == (phase > 0)
    assert float(found.heat_current.sel(terminal="L")) > 1e-4
    assert float(found.heat_current.sum()) == pytest.approx(0, abs=1e-11)
    linear = run("linear", text=text, more=more, phase=phase, kT=0.15, hot=1e-4).current
    full = run("iv", text=text, more=more, phase=phase, kT=0.15, hot=1e-4).current
    np.testing.assert_allclose(full, linear, atol=2e-9)
    assert float(linear.sel(terminal="condensate")) == pytest.approx(0, abs=1e-13)
