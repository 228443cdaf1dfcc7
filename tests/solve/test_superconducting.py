"""Superconducting devices of order 1 against Bogoliubov-de Gennes matrices written down by hand."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import modelkit as mk
from modelkit.errors import ModelError, NotConverged

WIRE = """
model random
param N = 5; param a = 0.7; param w = 0.5; param phi = 0.4; param Delta = 0.3; param chi = 0.2
param g = 0.6; param x = 0.1; param y = -0.04; param kT = 0; param hot = 0
param load = 0.3; param drawn = 0.01
reference { mu = 0; T = kT }
lattice wire {
  site c[l] for l in 1..N
  onsite c[l] : w*cos(a*l)
  hop c[l] -> c[l+1] : -(1 + a*l/10)*exp(1i*phi*l)
  pair c[l] - c[l+1] : Delta*exp(1i*chi*l)
}
bath L on wire.c[1] { self_energy = -1i*g; mu = x; T = kT + hot }
bath R on wire.c[N] { self_energy = 0.3*E - 1i*g/2; mu = y; T = kT }
PROBES
task profile = transport(order = 1) { output current, chemical_potential }
task spectrum = transmission { sweep E from -1 to 1 points 5; output transmission, andreev_transmission, dos }
"""
PROBE = {
    "": "",
    "voltage": "probe P on wire.c[2] { self_energy = -0.2i; T = kT; solve mu such that I == 0 }",
    "source": "probe P on wire.c[2] { self_energy = -0.2i; T = kT; solve mu such that I == drawn }",
    "load": "probe P on wire.c[2] { self_energy = -0.2i; T = kT; solve mu such that I == -load*mu }",
    "dephasing": "probe P on wire.c[2] { self_energy = -0.2i; solve f such that i(E) == 0 }",
}
DEFAULTS = {"N": 5, "a": 0.7, "w": 0.5, "phi": 0.4, "Delta": 0.3, "chi": 0.2, "g": 0.6}
DEFAULTS |= {"x": 0.1, "y": -0.04, "kT": 0.0, "hot": 0.0, "load": 0.3, "drawn": 0.01}


@dataclass
class ByHand:
    """The wire of ``WIRE`` as dense matrices: electrons first, then holes."""

    values: dict[str, float]
    probe: str

    @property
    def size(self) -> int:
        return int(self.values["N"])

    def pairing(self) -> np.ndarray:
        n, v = self.size, self.values
        d = np.zeros((n, n), dtype=complex)
        for l in range(1, n):  # noqa: E741  (the index of the model)
            delta = v["Delta"] * cmath.exp(1j * v["chi"] * l)
            d[l, l - 1] += delta.conjugate()  # Delta c_l c_{l+1} + h.c. = conj(Delta) c†_{l+1} c†_l + ...
            d[l - 1, l] -= delta.conjugate()
        return d

    def bdg(self) -> np.ndarray:
        n, v = self.size, self.values
        h = np.diag([v["w"] * math.cos(v["a"] * l) for l in range(1, n + 1)]).astype(complex)  # noqa: E741
        for l in range(1, n):  # noqa: E741
            h[l, l - 1] = -(1 + v["a"] * l / 10) * cmath.exp(1j * v["phi"] * l)
            h[l - 1, l] = h[l, l - 1].conjugate()
        d = self.pairing()
        return np.block([[h, d], [d.conj().T, -h.conj()]])

    def sigmas(self, energy: float) -> np.ndarray:
        """(reservoir, orbital, orbital): electrons of L, R(, P), then their holes."""
        n, v = self.size, self.values
        found = []
        for holes in (False, True):
            e = -energy if holes else energy
            places = [(0, -1j * v["g"]), (n - 1, 0.3 * e - 0.5j * v["g"])] + [(1, -0.2j)] * bool(self.probe)
            for site, value in places:
                matrix = np.zeros((2 * n, 2 * n), dtype=complex)
                at = site + n * holes
                matrix[at, at] = -np.conj(value) if holes else value
                found.append(matrix)
        return np.array(found)

    def green(self, energy: float) -> tuple[np.ndarray, np.ndarray]:
        sigma = self.sigmas(energy)
        green = np.linalg.inv(energy * np.eye(2 * self.size) - self.bdg() - sigma.sum(axis=0))
        return green, 1j * (sigma - sigma.conj().swapaxes(1, 2))

    def transmission(self, energy: float) -> np.ndarray:
        green, gamma = self.green(energy)
        middle = np.einsum("ij,bjk,lk->bil", green, gamma, green.conj())
        return np.einsum("aij,bji->ab", gamma, middle).real

    def laws(self, energy: float) -> np.ndarray:
        """``i = L y/(2 pi)`` of electrons and holes, a dephasing probe eliminated (rows and columns cut)."""
        t = self.transmission(energy)
        laws = np.diag(t.sum(axis=1)) - t
        if self.probe != "dephasing":
            return laws
        p, k = [2, 5], [0, 1, 3, 4]
        inner = np.linalg.solve(laws[np.ix_(p, p)], laws[np.ix_(p, k)])
        return laws[np.ix_(k, k)] - laws[np.ix_(k, p)] @ inner

    def currents(self) -> np.ndarray:
        """Of L, R(, P) and the condensate."""
        v = self.values
        terminals = 3 if self.probe in ("voltage", "source", "load") else 2
        conductance, thermal = np.zeros((terminals, terminals)), np.zeros(terminals)
        z, weights = np.polynomial.legendre.leggauss(600 if v["kT"] else 1)
        z, weights = (40 * z, 40 * weights / (4 * np.cosh(20 * z) ** 2)) if v["kT"] else (z, np.ones(1))
        warm = np.array([v["hot"], 0.0, 0.0])[:terminals]
        for excess, weight in zip(z, weights, strict=True):
            laws = self.laws(excess * v["kT"]) * weight / (4 * math.pi)
            ee, eh = laws[:terminals, :terminals], laws[:terminals, terminals:]
            he, hh = laws[terminals:, :terminals], laws[terminals:, terminals:]
            conductance += ee - eh - he + hh
            thermal += (ee + eh - he - hh) @ warm * excess
        x = np.array([v["x"], v["y"]])
        if terminals == 3:
            slope = -v["load"] if self.probe == "load" else 0.0
            asked = v["drawn"] if self.probe == "source" else 0.0
            known = conductance[2, :2] @ x + thermal[2]
            x = np.append(x, (asked - known) / (conductance[2, 2] - slope))
        found = conductance @ x + thermal
        current = np.append(found, -found.sum())
        return np.insert(current, 2, 0.0) if self.probe == "dephasing" else current

    def pair_source(self) -> float:
        """``2 Im sum D_ij <c†_i c†_j>`` of the deviations at T = 0: what the condensate feeds."""
        n, v = self.size, self.values
        green, gamma = self.green(0.0)
        y = np.array([v["x"], v["y"], -v["x"], -v["y"]])
        lesser = np.einsum("ij,bjk,lk,b->il", green, gamma, green.conj(), y) / (2 * math.pi)
        return float(2 * np.sum(self.pairing() * lesser[n:, :n].T).imag)


def run(task: str, probe: str = "", **values: Any) -> xr.Dataset:
    return mk.loads(WIRE.replace("PROBES", PROBE[probe])).run(task, **values)


chosen = st.fixed_dictionaries(
    {
        "N": st.integers(2, 6),
        "a": st.floats(-1.5, 1.5),
        "w": st.floats(-2, 2),
        "phi": st.floats(-3, 3),
        "Delta": st.floats(0.05, 1.5),
        "chi": st.floats(-3, 3),
        "g": st.floats(0.1, 2),
    }
)


@settings(max_examples=8, deadline=None)
@given(chosen, st.sampled_from(list(PROBE)))
def test_currents_at_zero_temperature_are_those_of_the_matrix_by_hand(
    values: dict[str, float], probe: str
) -> None:
    found = run("profile", probe, **values).current
    assert found.terminal.values.tolist() == ["L", "R", *["P"] * bool(probe), "condensate"]
    np.testing.assert_allclose(found.values, ByHand(DEFAULTS | values, probe).currents(), atol=1e-12)


@pytest.mark.parametrize("probe", PROBE)
def test_currents_at_finite_temperature_and_with_a_warm_terminal(probe: str) -> None:
    values = {"kT": 0.15, "hot": 0.02, "w": 0.8}
    found = run("profile", probe, **values)
    np.testing.assert_allclose(found.current.values, ByHand(DEFAULTS | values, probe).currents(), atol=1e-10)
    assert float(found.audit_integration) < 1e-9


@settings(max_examples=8, deadline=None)
@given(chosen)
def test_the_condensate_takes_what_the_pairs_feed(values: dict[str, float]) -> None:
    found = run("profile", **values).current
    expected = ByHand(DEFAULTS | values, "").pair_source()
    assert float(found.sel(terminal="condensate")) == pytest.approx(expected, abs=1e-12)


def test_transmissions_are_those_of_electrons_and_holes() -> None:
    found = run("spectrum", "voltage")
    for k, energy in enumerate(found.energy.values):
        whole = ByHand(DEFAULTS, "voltage").transmission(energy)
        ours = found.transmission.values[k], found.andreev_transmission.values[k]
        np.testing.assert_allclose(ours[0][:3, :3], whole[:3, :3], atol=1e-12)
        np.testing.assert_allclose(ours[1][:3, :3], whole[3:, :3], atol=1e-12)
        assert all(np.isnan(part[3]).all() and np.isnan(part[:, 3]).all() for part in ours)
        green = ByHand(DEFAULTS, "voltage").green(energy)[0]
        np.testing.assert_allclose(found.dos.values[k], -np.diag(green)[:5].imag / math.pi, atol=1e-12)


def test_all_that_comes_in_goes_out_as_an_electron_or_a_hole() -> None:
    """With one channel a reservoir the squares of the scattering matrix are 1 in every row and column."""
    found = run("spectrum")
    for k, energy in enumerate(found.energy.values):
        t, andreev = (found[name].values[k] for name in ("transmission", "andreev_transmission"))
        green, gamma = ByHand(DEFAULTS, "").green(energy)
        reflected = np.abs(1 - 1j * np.diag(green)[[0, 4]] * np.einsum("aii->a", gamma).real[:2]) ** 2
        into_others = np.array([t[1, 0], t[0, 1]]) + andreev[:2, :2].sum(axis=0)
        np.testing.assert_allclose(reflected + into_others, 1.0, atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(chosen, st.floats(-2, 2))
def test_electrons_at_an_energy_are_holes_at_the_opposite_one(values: dict[str, float], E: float) -> None:
    system = mk.loads(WIRE.replace("PROBES", PROBE["voltage"])).with_values(**values).compile().system
    from modelkit.solve.methods.lattice.sparse import SparseConductor

    one, other = SparseConductor(system).at(np.array([E, -E])).transmission()
    np.testing.assert_allclose(one[:3, :3], other[3:, 3:], atol=1e-10)
    np.testing.assert_allclose(one[3:, :3], other[:3, 3:], atol=1e-10)


@pytest.mark.parametrize("kT", [0, 0.1])
def test_without_pairing_strength_it_is_the_normal_wire(kT: float) -> None:
    text = WIRE.replace("PROBES", PROBE["load"])
    normal = "\n".join(line for line in text.splitlines() if "pair" not in line).replace(
        ", andreev_transmission", ""
    )
    for task in ("profile", "spectrum"):
        ours, plain = mk.loads(text).run(task, Delta=0, kT=kT), mk.loads(normal).run(task, kT=kT)
        for name in plain.data_vars:
            if not str(name).startswith("audit"):
                cut = {dim: plain[dim] for dim in plain[name].dims}
                np.testing.assert_allclose(ours[name].sel(cut), plain[name], atol=1e-12)
    assert abs(mk.loads(text).run("profile", Delta=0, kT=kT).current.values[-1]) < 1e-15


SINGLET = """
model singlet
param N = 6; param Delta = 0.4; param B = 0.15; param so = 0.2
reference { mu = 0; T = 0 }
lattice wire {
  internal SPACES
  site c[l] for l in 1..N
  onsite c[l] : 0.3 - 0.1*l
  onsite c[l] : B*(sigma_x + sigma_y/2)
  hop c[l] -> c[l+1] : -sigma_0 + 1i*so*sigma_y
  PAIR
}
bath L on wire.c[1] { self_energy = wide_band(0.5*sigma_0 + 0.2*sigma_z); mu = 0.1 }
bath R on wire.c[N], wire.c[N-1] { self_energy = chain(hopping = 1, coupling = 0.8); mu = -0.03 }
task profile = transport(order = 1) { output current }
task spectrum = transmission { sweep E from -1 to 1 points 4; output transmission, andreev_transmission, dos }
"""


def test_a_singlet_is_the_same_in_all_ways_to_write_it() -> None:
    ways = [
        ("spin", "pair c[l] - c[l] for l in 1..N : [0, Delta/2 | -Delta/2, 0]"),
        ("nambu * spin", "pair c[l] - c[l] for l in 1..N : [0, Delta/2 | -Delta/2, 0]"),
        ("spin * nambu", "pair c[l] - c[l] for l in 1..N : [0, Delta/2 | -Delta/2, 0]"),
        ("nambu * spin", "onsite c[l] : Delta*tau_y*sigma_y"),
        ("spin * nambu", "onsite c[l] : Delta*tau_y*sigma_y"),
    ]
    models = [mk.loads(SINGLET.replace("SPACES", spaces).replace("PAIR", pair)) for spaces, pair in ways]
    first = [models[0].run(task) for task in ("profile", "spectrum")]
    assert float(first[1].andreev_transmission.max()) > 0.01
    for model in models[1:]:
        for task, expected in zip(("profile", "spectrum"), first, strict=True):
            found = model.run(task)
            for name in expected.data_vars:
                if not str(name).startswith("audit"):
                    np.testing.assert_allclose(found[name], expected[name], atol=1e-12)


def test_a_spinful_singlet_is_two_independent_pairs_of_electron_and_hole() -> None:
    """Without a field, spin up pairs with down: two 2 x 2 blocks [[h, Delta], [Delta, -h]] by hand."""
    values = {"Delta": 0.4, "B": 0, "so": 0}
    text = SINGLET.replace("SPACES", "nambu * spin").replace("PAIR", "onsite c[l] : Delta*tau_y*sigma_y")
    text = text.replace(" + 0.2*sigma_z", "").replace(", wire.c[N-1]", "")
    found = mk.loads(text).run("profile", **values).current.values
    n = 6
    h = np.diag(0.3 - 0.1 * np.arange(1, n + 1)) - np.eye(n, k=1) - np.eye(n, k=-1)
    sigma = np.zeros((4, 2 * n, 2 * n), dtype=complex)
    for r, (at, value) in enumerate([(0, -0.25j), (n - 1, -0.64j), (n, -0.25j), (2 * n - 1, -0.64j)]):
        sigma[r, at, at] = value
    bdg = np.block([[h, 0.4 * np.eye(n)], [0.4 * np.eye(n), -h]])
    green = np.linalg.inv(-bdg - sigma.sum(axis=0))
    gamma = 1j * (sigma - sigma.conj().swapaxes(1, 2))
    t = np.einsum("aij,jk,bkl,il->ab", gamma, green, gamma, green.conj()).real
    x = np.array([0.1, -0.03])
    ee, he = t[:2, :2], t[2:, :2]
    current = (ee.sum(axis=1) * x - ee @ x + he.sum(axis=1) * x + he @ x) * 2 / (2 * math.pi)
    np.testing.assert_allclose(found, np.append(current, -current.sum()), atol=1e-12)


def test_a_degenerate_lattice_counts_twice() -> None:
    once = run("profile").current.values
    twice = mk.loads(WIRE.replace("PROBES", "").replace("lattice wire {", "lattice wire {\n  degeneracy = 2"))
    np.testing.assert_allclose(twice.run("profile").current.values, 2 * once, rtol=1e-12)


@pytest.mark.parametrize("probe", PROBE)
def test_trees_of_electrons_and_holes_may_be_climbed(probe: str) -> None:
    """One pair of sites: the doubled orbitals are two chains, and both methods agree."""
    text = WIRE.replace("PROBES", PROBE[probe]).replace("(1 + a*l/10)", "0").replace("-0*", "0*")
    found = [mk.loads(text).run("profile", N=2, method=method) for method in ("sparse", "ladder")]
    np.testing.assert_allclose(found[0].current, found[1].current, atol=1e-13)


def test_chemical_potential_and_label_of_the_condensate() -> None:
    found = run("profile", "dephasing")
    assert found.chemical_potential.values[[0, 1, 3]] == pytest.approx([0.1, -0.04, 0.0])
    assert np.isnan(found.chemical_potential.values[2])
    assert found.terminal_site.values[-1] == ""
    formula = "output current, c = I[condensate] + I[L] + I[R]"
    text = WIRE.replace("PROBES", "").replace("output current", formula)
    assert float(mk.loads(text).run("profile").c) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("name", ["dissipated_heat", "density_change", "bond_current"])
def test_what_has_no_meaning_with_a_condensate_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match=f"a superconducting device has no '{name}'") as error:
        mk.loads(WIRE.replace("PROBES", "").replace("output current", f"output {name}")).run("profile")
    assert error.value.hint


def test_effective_transmission_is_refused_with_a_condensate() -> None:
    text = WIRE.replace("PROBES", "").replace("output transmission", "output effective_transmission")
    with pytest.raises(ModelError, match="has no 'effective_transmission'"):
        mk.loads(text).run("spectrum")


def test_the_reference_is_the_condensate() -> None:
    text = WIRE.replace("PROBES", "").replace("mu = 0;", "mu = 0.2;")
    with pytest.raises(ModelError, match="potentials are measured from the condensate") as error:
        mk.loads(text).run("profile")
    assert "reference { mu = 0" in (error.value.hint or "")


def test_no_terminal_of_a_superconductor_is_called_condensate() -> None:
    with pytest.raises(
        ModelError, match="'condensate' is the terminal that every superconducting device has"
    ):
        mk.loads(WIRE.replace("PROBES", "").replace("bath L", "bath condensate")).run("profile")
    normal = "\n".join(line for line in WIRE.replace("PROBES", "").splitlines() if "pair" not in line)
    found = mk.loads(normal.replace("bath L", "bath condensate").replace(", andreev_transmission", ""))
    assert found.run("profile").terminal.values.tolist() == ["condensate", "R"]


def test_a_normal_device_has_no_condensate_in_formulas() -> None:
    normal = "\n".join(line for line in WIRE.replace("PROBES", "").splitlines() if "pair" not in line)
    with pytest.raises(ModelError, match="there is no terminal 'condensate'"):
        mk.loads(normal.replace("output current", "output c = I[condensate]"))


def test_an_undetermined_probe_is_named() -> None:
    alone = "lattice far { site d[l] for l in 1..2; hop d[l] -> d[l+1] : -1 }\n"
    probe = "probe P on far.d[1] { self_energy = -0.2i; T = kT; solve mu such that I == 0 }"
    with pytest.raises(NotConverged, match="probe 'P'"):
        mk.loads(WIRE.replace("PROBES", alone + probe)).run("profile")


FAR = """lattice far {
  site d[l] for l in 1..60
  hop d[l] -> d[l+1] : -1
  pair d[l] - d[l+1] : 0.5
  onsite d[l] : far
}
probe P on far.d[1] { self_energy = -0.2i; T = kT; solve mu such that I == 0.02 }
"""


def test_the_condensate_determines_a_probe_on_its_own() -> None:
    """A Majorana state at the end of a wire returns every electron as a hole: G = 2 G0."""
    found = mk.loads(WIRE.replace("PROBES", FAR.replace("far\n}", "0.3\n}"))).run("profile")
    assert float(found.current.sel(terminal="P")) == pytest.approx(0.02)
    assert float(found.chemical_potential.sel(terminal="P")) == pytest.approx(0.02 * math.pi, abs=1e-9)


def test_a_probe_that_only_a_gap_faces_is_not_determined() -> None:
    """Without the Majorana state nothing is let in at E = 0."""
    with pytest.raises(NotConverged, match=r"probe 'P'.* lets nothing through"):
        mk.loads(WIRE.replace("PROBES", FAR.replace("far\n}", "3\n}"))).run("profile")
