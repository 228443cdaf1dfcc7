"""Injectivities and spectral currents: what they add up to, against dense formulas and full transport."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.integrate import quad

import modelkit as mk
from modelkit.errors import ModelError, NotConverged
from modelkit.graph.device import Device
from modelkit.results.outputs import outputs, read
from modelkit.solve import transmission, transport
from modelkit.solve.request import Request
from modelkit.solve.transmission import Spectrum
from tests.solve.devices import DenseConductance, DenseConductor, Lead, chain, coupled, device, wire
from tests.solve.test_steady import random_devices

METHODS = ("ladder", "blocks", "sparse", "dense")


def spectrum(found: Device, energies: Any, method: str | None = None) -> Spectrum:
    options = {"method": method} if method else {}
    return transmission.solve(Request(found, options, {"E": np.asarray(energies, dtype=float)}))


@pytest.mark.parametrize("method", METHODS)
def test_injectivities_are_what_each_terminal_fills_by_the_dense_formula(method: str) -> None:
    energies = np.array([-1.2, 0.3, 1.0])
    found = spectrum(wire(5), energies, method)
    dense = DenseConductance(found.system, energies)
    expected = np.einsum("aeii->eia", dense.filled).real / (2 * np.pi)
    assert read("injectivity", found)[0] == pytest.approx(expected, abs=1e-13)


@given(random_devices())
@settings(max_examples=15, deadline=None)
def test_injectivities_add_up_to_the_density_of_states(found: Device) -> None:
    spectra = spectrum(found, [-0.7, 0.2, 1.4])
    nu, audits = read("injectivity", spectra)
    dos = outputs["dos"].evaluate(spectra)
    assert nu.sum(axis=2) == pytest.approx(dos, abs=1e-10 * (1 + dos.max()))
    assert nu.min() >= 0
    assert set(audits) == {"local_sum_rule"}


def test_a_wrong_injectivity_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dim(DenseConductance):
        def density(self, f: Any) -> Any:
            return super().density(f) * (1 - 1e-6)

    monkeypatch.setattr(DenseConductor, "at", lambda self, energies: Dim(self.system, energies))
    with pytest.raises(NotConverged, match="local_sum_rule"):
        read("injectivity", spectrum(wire(5), [0.3], "dense"))


PROBED = [
    Lead("L", [0], 1.2, 0.1, arguments=coupled(0.8)),
    Lead("R", [4], 0.7, 0.05, arguments=coupled(0.9)),
    Lead("V", [1], T=0.08, current=0.01, arguments=coupled(0.5)),
    Lead("D", [2], elastic=True, arguments=coupled(0.6)),
]


@pytest.mark.parametrize("word", ["rigid", "own"])
@pytest.mark.parametrize("cold", [True, False])
def test_the_spectral_current_integrates_to_the_current_of_full_transport(cold: bool, word: str) -> None:
    leads = [replace(lead, T=0.0) if cold else lead for lead in PROBED]
    one = device(chain(5), leads, 1.0)
    if word == "own":
        one = replace(
            one,
            terminals=tuple(
                replace(g, terminal=replace(g.terminal, bands="own")) if g.terminal.name in "LR" else g
                for g in one.terminals
            ),
        )
    full = transport.solve(Request(one))
    mu = full.chemical_potential[:3]
    low, high = (mu.min(), mu.max()) if cold else (mu.min() - 4, mu.max() + 4)
    ends = np.unique(
        np.clip([low, *mu, *(s * 2.0 + x for s in (1, -1) for x in mu - 1), -2.0, 2.0, high], low, high)
    )
    node, weight = np.polynomial.legendre.leggauss(60)
    energies, weights = [], []
    for a, b in itertools.pairwise(ends):
        # square-root edges on either side
        theta = np.pi * (node + 1) / 2
        energies.append((a + b) / 2 - (b - a) / 2 * np.cos(theta))
        weights.append(weight * np.pi / 2 * (b - a) / 2 * np.sin(theta))
    found = spectrum(one, np.concatenate(energies))
    current, audits = read("spectral_current", found)
    assert np.concatenate(weights) @ current == pytest.approx(full.current, abs=2e-9)
    assert np.abs(current[:, 3]).max() < 1e-12, "nothing flows into a dephasing probe"
    assert np.abs(current.sum(axis=1)).max() < 1e-12
    assert set(audits) >= {"conditions", "integration", "particle_balance"}
    assert float(full.current[2]) == pytest.approx(0.01, abs=1e-10)


def test_the_spectral_current_of_a_superconductor_holds_the_condensate() -> None:
    from tests.solve.test_superconducting import PROBE, WIRE

    text = WIRE.replace("PROBES", PROBE["voltage"]).replace(
        "output transmission, andreev_transmission, dos", "output spectral_current"
    )
    text = text.replace("sweep E from -1 to 1 points 5;", "sweep E in GRID;")
    values = {"x": 0.5, "y": -0.2, "w": 0.8}
    full = mk.loads(text.replace("GRID", "{0}").replace("(order = 1)", "")).run("profile", **values)
    mu = np.sort(np.abs(full.chemical_potential.values))[::-1]
    ends = np.unique([*mu, *-mu])
    node, weight = np.polynomial.legendre.leggauss(12)
    middle, half = (ends[1:] + ends[:-1])[:, None] / 2, np.diff(ends)[:, None] / 2
    energies = (middle + half * node).ravel()
    grid = "{" + ", ".join(f"{e:.17g}" for e in energies) + "}"
    found = mk.loads(text.replace("GRID", grid)).run("spectrum", **values).spectral_current
    assert found.dims == ("energy", "terminal")
    assert (half * weight).ravel() @ found.values == pytest.approx(full.current.values, abs=1e-8)
    assert found.values[:, -1] == pytest.approx(-found.values[:, :-1].sum(axis=1))


def test_the_injectivity_of_a_superconductor_is_refused() -> None:
    from tests.solve.test_superconducting import WIRE

    text = WIRE.replace("PROBES", "").replace(
        "output transmission, andreev_transmission, dos", "output injectivity"
    )
    with pytest.raises(ModelError, match="has no 'injectivity'"):
        mk.loads(text).run("spectrum")


PHYSICAL = """
model dot
units { energy = meV; current = nA; temperature = K }
param V = 2 [meV]
reference { mu = 0; T = 0 }
lattice dot { site d; onsite d : 0.4 [meV] }
bath L on dot.d { self_energy = wide_band(1.5 [meV]); mu = V/2; T = 0 }
bath R on dot.d { self_energy = wide_band(0.5 [meV]); mu = -V/2; T = 0 }
task iv = transport { output current }
task spectrum = transmission {
  sweep E from -1 to 1 points 2001
  output spectral_current, injectivity, dos, G = injectivity[d, L]
}
"""


def test_units_of_spectra() -> None:
    """nA/meV and 1/meV; the trapezoidal rule over the window gives the current in nA."""
    found, iv = mk.loads(PHYSICAL).run("spectrum"), mk.loads(PHYSICAL).run("iv")
    assert found.spectral_current.attrs["units"] == "nA/meV"
    assert found.injectivity.attrs["units"] == "1/meV"
    inside = found.sel(energy=slice(-0.9999, 0.9999))
    total = float(inside.spectral_current.sel(terminal="L").integrate("energy"))
    assert total == pytest.approx(float(iv.current.sel(terminal="L")), rel=2e-3)
    nu = found.injectivity.sum("terminal")
    np.testing.assert_allclose(nu, found.dos, rtol=1e-12)
    np.testing.assert_allclose(found.G, found.injectivity.sel(site="d", terminal="L"))
    assert quad(lambda e: 2 / (2 * np.pi * ((e - 0.4) ** 2 + 1)), -np.inf, np.inf)[0] == pytest.approx(1)
    at = int(np.argmin(np.abs(found.energy.values - 0.4)))
    assert float(found.dos[at, 0]) == pytest.approx(1 / np.pi, rel=1e-6), "Gamma = 2 meV: 2/(pi Gamma)"
