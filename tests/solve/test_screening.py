"""Self-consistent potentials: a dense solution of its own, limits, sum rules, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import root

import modelkit as mk

Floats = NDArray[np.float64]

ONSITE = np.array([0.1, -0.2, 0.35, -0.05, 0.25, -0.3])
SITES, HOPPING, COUPLING = [0, 2, 3], np.array([1.3, 1.5, 1.7]), np.array([0.9, 0.8, 0.7])
MU, T, FLUX = -0.4, 0.04, 0.3
NEUTRAL = "screening on ring { solve U such that charge == 0 }\n"
UNIFORM = "screening on ring { solve U[ring] such that charge == 0 }\n"
POISSON = "screening on ring { solve U such that charge == poisson(epsilon = 0.8) }\n"
CAPACITORS = """gate G { U = 0.3*V }
region left on ring.s where l < 3
region right on ring.s where l >= 3
screening on ring {
  solve U[left, right] such that charge == capacitance
  capacitance left - G : 0.4
  capacitance left - right : 0.7
  capacitance right - b : 0.2
}
"""


def ring(screening: str, bands: str = "local", terminals: int = 3, **changed: str) -> str:
    mus = ["MU + V/2", "MU - V/2", "MU + V/7"]
    baths = "".join(
        f"bath {name} on ring.s[{site}] {{ self_energy = {changed.get('kind', f'chain({t}, {c})')}; "
        f"mu = {mu}; T = kT; bands = {bands} }}\n"
        for name, site, t, c, mu in zip("abc", SITES, HOPPING, COUPLING, mus, strict=True)
    )
    onsite = "".join(f"  onsite s[{site}] : {value}\n" for site, value in enumerate(ONSITE))
    outputs = "current, potential, density"
    return (
        f"model ring\nparam V = 0.3\nparam kT = {T}\nparam MU = {MU}\nreference {{ mu = MU; T = kT }}\n"
        f"lattice ring {{\n  site s[l] for l in 0..5\n{onsite}"
        f"  hop s[l] -> s[l+1] for l in 0..4 : -exp(2*pi*1i*{FLUX}/6)\n"
        f"  hop s[5] -> s[0] : -exp(2*pi*1i*{FLUX}/6)\n}}\n{baths}{screening}"
        f"task full = transport {{ output {outputs} }}\n"
        f"task first = transport(order = 1) {{ output {outputs}, characteristic_potential }}\n"
        f"task second = transport(order = 2) {{ output {outputs} }}\n"
    )


class Dense:
    """The ring by full inverses on one grid of energies: densities from minus infinity, one plain sum."""

    def __init__(self, bands: str = "local", law: str = "neutral") -> None:
        self.bands, self.law = bands, law
        hop = -np.exp(2j * np.pi * FLUX / 6)
        h = np.diag(ONSITE).astype(complex)
        for site in range(6):
            h[(site + 1) % 6, site] += hop
            h[site, (site + 1) % 6] += np.conj(hop)
        self.hamiltonian = h

    def energies(self, shifts: Floats) -> tuple[Floats, Floats]:
        """Gauss panels between all band edges, mapped such that square roots are smooth."""
        edges = np.concatenate([-2 * HOPPING + shifts, 2 * HOPPING + shifts])
        fine = MU + np.arange(-20, 21) * 1.5 * T
        ends = np.unique(np.concatenate([edges, fine]))
        ends = ends[ends < MU + 32 * T]
        node, weight = np.polynomial.legendre.leggauss(48)
        t, half = (1 + node) / 2, np.diff(ends)[:, None]
        x, slope = t**2 * (3 - 2 * t), 6 * t * (1 - t)
        return (ends[:-1, None] + half * x).ravel(), (half * slope * weight / 2).ravel()

    def flows(self, mu: Floats, potential: Floats) -> tuple[Floats, Floats]:
        """Currents and electrons; nothing is counted from anything."""
        shifts = {"local": potential[SITES], "own": mu - MU, "rigid": np.zeros(3)}[self.bands]
        energy, weight = self.energies(shifts)
        x = energy[:, None] - shifts
        root_ = np.where(
            np.abs(x) < 2 * HOPPING,
            -1j * np.sqrt(np.abs(4 * HOPPING**2 - x**2)),
            -np.sign(x) * np.sqrt(np.abs(x**2 - 4 * HOPPING**2)),
        )
        sigma = COUPLING**2 / (2 * HOPPING**2) * (x + root_)
        matrix = energy[:, None, None] * np.eye(6) - self.hamiltonian - np.diag(potential)
        matrix[:, SITES, SITES] -= sigma
        green, gamma = np.linalg.inv(matrix), -2 * sigma.imag
        f = 1 / (1 + np.exp((energy[:, None] - mu) / T))
        t = gamma[:, :, None] * gamma[:, None, :] * np.abs(green[:, SITES][:, :, SITES]) ** 2
        flow = np.einsum("eab,eab->ea", t, f[:, :, None] - f[:, None, :])
        held = np.einsum("exa,ea,ea->ex", np.abs(green[:, :, SITES]) ** 2, gamma, f)
        return weight @ flow / (2 * np.pi), weight @ held / (2 * np.pi)

    def solve(self, mu: Floats) -> tuple[Floats, Floats, Floats]:
        """Currents, unknown potentials and electrons."""
        reference = self.flows(np.full(3, MU), np.zeros(6))[1]
        spread, matrix, induced = self.laws(mu)

        def off(U: Floats) -> Floats:
            return spread.T @ (self.flows(mu, spread @ U)[1] - reference) - matrix @ U - induced

        found = root(off, np.zeros(spread.shape[1]), tol=1e-13)
        return (*self.flows(mu, spread @ found.x)[:1], found.x, self.flows(mu, spread @ found.x)[1])

    def laws(self, mu: Floats) -> tuple[Floats, Floats, Floats]:
        v = mu - MU
        if self.law == "uniform":
            return np.ones((6, 1)), np.zeros((1, 1)), np.zeros(1)
        if self.law == "poisson":
            matrix = 2 * np.eye(6) - np.roll(np.eye(6), 1, axis=0) - np.roll(np.eye(6), -1, axis=0)
            matrix[SITES, SITES] += 1
            return np.eye(6), 0.8 * matrix, -0.8 * np.bincount(SITES, v, 6)
        if self.law == "capacitance":
            spread = np.repeat(np.eye(2), 3, axis=0)
            gate = 0.3 * (mu[0] - mu[1])
            return spread, np.array([[1.1, -0.7], [-0.7, 0.9]]), np.array([-0.4 * gate, -0.2 * v[1]])
        return np.eye(6), np.zeros((6, 6)), np.zeros(6)


LAWS = {"neutral": NEUTRAL, "uniform": UNIFORM, "poisson": POISSON, "capacitance": CAPACITORS}


def applied(V: float) -> Floats:
    return MU + V * np.array([0.5, -0.5, 1 / 7])


def run(text: str, task: str = "full", **values: Any) -> Any:
    return mk.loads(text).run(task, **values)


@pytest.mark.parametrize("law", list(LAWS))
@pytest.mark.parametrize("bands", ["local", "own"])
def test_a_ring_agrees_with_full_inverses(law: str, bands: str) -> None:
    found = run(ring(LAWS[law], bands))
    current, potential, density = Dense(bands, law).solve(applied(0.3))
    assert np.abs(found.potential.values - potential).max() < 2e-9
    assert np.abs(found.current.values - current).max() < 2e-10
    assert np.abs(found.density.values - density).max() < 1e-9
    assert found.audit_gauge_shift < 1e-10


WIRE = """model wire
param N = 5
param V = 0.05
param kT = 0.026
param mu0 = -0.05
param tilt = 0
reference { mu = mu0; T = kT }
lattice wire {
  site c[x] for x in 1..N
  internal spin
  onsite c[x] : 1.045 - 0.162*sigma_x - 0.078*sigma_y + if(abs(x - N/2) < 2, tilt*x, 0)
  hop c[x] -> c[x+1] : -1/2 - 0.27i*sigma_y
}
bath L on wire.left { self_energy = lead; mu = mu0 + V/2; T = kT }
bath R on wire.right { self_energy = lead; mu = mu0 - V/2; T = kT }
screening on wire { solve U such that charge == 0 }
task full = transport { output current, potential }
task first = transport(order = 1) { output current, potential, characteristic_potential }
"""


@pytest.mark.parametrize("kT", [0.0, 0.026])
def test_a_uniform_wire_has_one_potential(kT: float) -> None:
    """Site by site and as a whole, in few Newton steps although band edges lie in the window and move."""
    sites = run(WIRE, kT=kT)
    whole = run(WIRE.replace("solve U such", "solve U[wire] such"), kT=kT)
    assert np.ptp(sites.potential.values) < 1e-11
    assert sites.potential.values == pytest.approx(whole.potential.values[0], abs=1e-11)
    assert sites.current.values == pytest.approx(whole.current.values, rel=1e-9)
    assert abs(whole.potential.values[0]) > 0.005
    assert int(sites.attrs["counts"].split('"newton_steps": ')[1].split(",")[0]) <= 10


@pytest.mark.parametrize("law", list(LAWS))
@pytest.mark.parametrize("bands", ["local", "own"])
def test_differences_of_the_full_solution_give_the_characteristic_potentials(law: str, bands: str) -> None:
    text, step = ring(LAWS[law], bands), 2e-3
    u = run(text, "first", V=0).characteristic_potential

    def potential(V: float) -> Floats:
        return np.asarray(run(text, V=V).potential)

    found = (8 * (potential(step) - potential(-step)) - potential(2 * step) + potential(-2 * step)) / (
        12 * step
    )
    expected = u.values @ np.array([0.5, -0.5, 1 / 7])
    if law == "capacitance":  # the gate moves as well, and all together sum to 1
        expected = expected + 0.3 * (1 - u.values.sum(axis=1))
    else:
        assert u.values.sum(axis=1) == pytest.approx(1, abs=1e-9)
    assert np.abs(found - expected).max() < 1e-7


@pytest.mark.parametrize("law", list(LAWS))
def test_order_two_is_off_by_the_third_power(law: str) -> None:
    off = []
    for V in (0.04, 0.02):
        second, full, first = (
            run(ring(LAWS[law]), task, V=V).current.values for task in ("second", "full", "first")
        )
        off.append(np.abs(second - full).max())
    assert off[0] / off[1] > 1.7**3
    assert 10 * off[1] < np.abs(first - full).max()


def test_the_local_response_is_exact_for_a_uniform_potential_and_wide_bands() -> None:
    """Elsewhere the form of Thomas and Fermi is an approximation."""
    local = "screening on ring { solve U such that charge == 0; response = thomas_fermi }\n"
    flat = ring(local, kind="wide_band(0.7)")
    exact, simple = (run(text, "first").characteristic_potential for text in (ring(NEUTRAL), ring(local)))
    assert np.abs(exact - simple).max() > 0.01
    assert simple.values.sum(axis=1) == pytest.approx(1, abs=1e-9)
    wide = run(flat, "first").characteristic_potential
    assert wide.values.sum(axis=1) == pytest.approx(1, abs=1e-9)
    wire = WIRE.replace(
        "solve U such that charge == 0", "solve U such that charge == 0; response = thomas_fermi"
    )
    one, other = (run(text, "first").potential.values for text in (WIRE, wire))
    assert one == pytest.approx(other, abs=1e-9)


def test_a_long_chain_by_krylov_steps_is_the_dense_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    from modelkit.solve.found import characteristic
    from modelkit.solve.junction import newton

    values = {"N": 12, "tilt": 0.01, "V": 0.1}
    dense = [run(WIRE, task, **values) for task in ("first", "full")]
    monkeypatch.setattr(characteristic, "DENSE_UP_TO", 3)
    monkeypatch.setattr(newton, "DENSE_UP_TO", 3)
    krylov = [run(WIRE, task, method="blocks", **values) for task in ("first", "full")]
    one, other = (found[0].characteristic_potential.values for found in (dense, krylov))
    assert one == pytest.approx(other, abs=1e-9)
    one, other = (found[1].potential.values for found in (dense, krylov))
    assert one == pytest.approx(other, abs=1e-9)
    assert dense[1].current.values == pytest.approx(krylov[1].current.values, rel=1e-8)


@pytest.mark.parametrize("law", ["solve U[wire]", "solve U"])
@pytest.mark.parametrize("level", [0.3, 0.0])
def test_a_symmetric_screened_device_does_not_rectify(law: str, level: float) -> None:
    text = f"""model dots
param V = 0.4
reference {{ mu = 0.1; T = 0.1 }}
lattice wire {{
  site c[x] for x in 1..3
  onsite c[1] : {level}
  hop c[x] -> c[x+1] : -0.4
}}
bath L on wire.c[1] {{ self_energy = wide_band(0.5); mu = 0.1 + V; T = 0.1 }}
bath R on wire.c[3] {{ self_energy = wide_band(0.5); mu = 0.1; T = 0.1 }}
screening on wire {{ {law} such that charge == 0 }}
case forward {{ V = V }}
case backward {{ V = -V }}
task iv = transport {{ cases forward, backward; output current, potential, r = rectification(I[L]) }}
"""
    found = run(text, "iv")
    assert "warnings" not in found.attrs
    if level:
        assert abs(float(found.r)) > 1e-3
    else:
        assert abs(float(found.r)) < 1e-12


def test_probes_and_potentials_are_found_together() -> None:
    text = (
        ring(NEUTRAL)
        .replace("bath b", "probe b")
        .replace("mu = MU - V/2; T = kT", "T = kT; solve mu such that I == 0")
    )
    found = run(text.replace("density }", "density, chemical_potential }"))
    assert abs(float(found.current.sel(terminal="b"))) < 1e-12
    mu = found.chemical_potential.values
    current, potential, _ = Dense().solve(mu)
    assert found.current.values == pytest.approx(current, abs=1e-9)
    assert found.potential.values == pytest.approx(potential, abs=1e-8)


def test_dephasing_probes_and_potentials() -> None:
    text = (
        ring(NEUTRAL)
        .replace("bath b", "probe b")
        .replace("mu = MU - V/2; T = kT", "solve f such that i(E) == 0")
    )
    text = text.replace("V/7", "V/2*(-1)")
    full = [run(text, V=V) for V in (2e-3, -2e-3)]
    first = run(text, "first", V=2e-3)
    slope = (full[0].potential.values - full[1].potential.values) / 2
    assert slope == pytest.approx(first.potential.values, abs=1e-8)
    u = first.characteristic_potential
    assert np.isnan(u.sel(terminal="b")).all()
    assert u.sel(terminal=["a", "c"]).values.sum(axis=1) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("T", [0.0, 0.05])
def test_electrons_without_screening_are_those_of_the_filled_bands(T: float) -> None:
    """A finite flake with weak terminals holds the electrons of its levels, at any bias that reaches none."""
    text = f"""model flake
reference {{ mu = 0.2; T = {T} }}
lattice wire {{
  site c[x] for x in 1..4
  hop c[x] -> c[x+1] : -1
}}
bath L on wire.c[1] {{ self_energy = wide_band(1e-7); mu = 0.21; T = {T} }}
bath R on wire.c[4] {{ self_energy = wide_band(1e-7); mu = 0.19; T = {T} }}
task full = transport {{ output density }}
task first = transport(order = 1) {{ output density }}
"""
    levels, states = np.linalg.eigh(-np.eye(4, k=1) - np.eye(4, k=-1))
    filled = 1 / (1 + np.exp((levels - 0.2) / T)) if T else (levels < 0.2).astype(float)
    expected = np.abs(states) ** 2 @ filled
    for task in ("full", "first"):
        assert run(text, task).density.values == pytest.approx(expected, abs=2e-4 if T else 1e-6)


def refusal(text: str, task: str = "full", **values: Any) -> mk.ModelError:
    with pytest.raises(mk.ModelError) as caught:
        run(text, task, **values)
    error = caught.value.errors[0]
    assert error.hint
    return error


def test_what_cannot_be_solved_is_refused() -> None:
    assert "the bands of 'a' are fixed" in refusal(ring(NEUTRAL, "rigid")).message
    rigid = run(ring(NEUTRAL, "rigid"), "first")
    assert "the bands of 'a' are fixed" in rigid.attrs["warnings"]
    assert "audit_gauge_shift" not in rigid
    jump = ring(NEUTRAL, kind="-1i*if(E > -1, 1, 0.5)")
    assert "is not known off the real axis" in refusal(jump).message
    outputs = ring(NEUTRAL).replace(
        "full = transport { output current", "full = transport { output characteristic_potential"
    )
    assert "belong to the reference" in refusal(outputs).message
    assert "without screening no potential follows" in refusal(ring(""), "first").message
    ladder = refusal(ring(NEUTRAL), method="ladder")
    assert "'ladder' cannot treat this system" in ladder.message


def test_sites_without_a_potential_are_told() -> None:
    part = "region some on ring.s where l < 3\nscreening on ring { solve U[some] such that charge == 0 }\n"
    found = run(ring(part))
    assert "'s[3]' and 2 more has no potential that follows" in found.attrs["warnings"]
    assert "audit_gauge_shift" not in found
    assert found.potential.region.values.tolist() == ["some"]


def test_audits_catch_what_does_not_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    from modelkit.errors import NotConverged
    from modelkit.solve.junction.screening import Screened

    part = "region some on ring.s where l < 3\nscreening on ring { solve U[some] such that charge == 0 }\n"
    monkeypatch.setattr(Screened, "uncovered", "")
    with pytest.raises(NotConverged, match="'gauge_shift' failed"):
        run(ring(part))
    first = ring(part).replace("output current, potential, density, characteristic", "output characteristic")
    monkeypatch.setattr("modelkit.solve.found.steady_transport.gauge_shift", lambda *_: None)
    with pytest.raises(NotConverged, match="'characteristic_sum' failed"):
        run(first, "first")


def test_maps_audit_the_shift_at_some_points() -> None:
    text = ring(UNIFORM).replace(
        "full = transport {", "full = transport { sweep V from 0.05 to 0.4 points 8;"
    )
    found = run(text)
    assert int(np.isfinite(found.audit_gauge_shift).sum()) == 4
    assert float(found.audit_gauge_shift.max()) < 1e-10
