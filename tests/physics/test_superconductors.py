"""Superconducting wires: the Kitaev wire with sources and drains, Andreev reflection."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr

import modelkit as mk
from tests.physics.test_gain_loss import agrees, run, settings


@cache
def profile(name: str) -> xr.Dataset:
    return run(name)


def test_a_palindrome_on_a_kitaev_wire_is_not_reciprocal() -> None:
    found = run("kitaev_sdds", **settings("kitaev-palindrome")).current
    forward, backward = found.sel(case="forward"), found.sel(case="backward")
    ours = [forward.sel(terminal="L"), forward.sel(terminal="R"), backward.sel(terminal="L")]
    agrees(np.array(ours), "kitaev-palindrome")
    # sources and drains are balanced: the condensate carries the difference, the same in both directions
    offset = -float(forward.sel(terminal="L") + backward.sel(terminal="L"))
    assert found.sel(terminal="condensate").values == pytest.approx([offset, offset], abs=1e-15)
    assert offset == pytest.approx(-1.2e-5, abs=1e-7)


def test_an_alternating_pattern_on_a_kitaev_wire_has_its_symmetric_offset() -> None:
    found = profile("kitaev")
    left = found.current.sel(terminal="L")
    assert abs(float(left.sum())) / 2 == pytest.approx(2.3e-5, abs=1e-6)
    assert found.dI == pytest.approx(float(np.abs(left[1]) - np.abs(left[0])), abs=1e-18)
    assert np.all(found.chemical_potential.sel(terminal="condensate") == 0)


@pytest.mark.parametrize("name", ["kitaev", "kitaev_sdds"])
def test_a_kitaev_wire_without_pairing_strength_is_the_normal_wire(name: str) -> None:
    plain = run({"kitaev": "wire", "kitaev_sdds": "sdds"}[name], N=14, mu0=0, gamma=0.3, ratio=0.05)
    ours = run(name, N=14, Delta=0, mu_w=0)
    for output in ("current", "chemical_potential"):
        expected = plain[output].values
        assert ours[output].sel(terminal=plain.terminal).values == pytest.approx(expected, abs=1e-12)


def test_the_average_over_energies_tends_to_zero_temperature() -> None:
    cold = profile("kitaev").current
    off = [float(np.abs(run("kitaev", kT=kT).current - cold).max()) for kT in (0.002, 0.001)]
    assert 3.5 < off[0] / off[1] < 4.5  # (kT)^2, Sommerfeld


KITAEV = """
model end_of_a_wire
param N = 120; param mu_w = 0.4; param g = 0.3
reference { mu = 0; T = 0 }
lattice wire {
  site c[l] for l in 1..N
  onsite c[l] : -mu_w
  hop c[l] -> c[l+1] : -1
  pair c[l] - c[l+1] : 0.3
}
bath L on wire.c[1] { self_energy = chain(hopping = 1, coupling = g); mu = 0.01 }
bath R on wire.c[N] { self_energy = wide_band(1); mu = 0 }
task current = transport(order = 1) { output G = 2*pi*I[L]/0.01 }
"""


@pytest.mark.parametrize("g", [0.1, 0.5, 1.0])
def test_a_majorana_end_conducts_two_quanta_whatever_its_coupling(g: float) -> None:
    """A single mode is reflected as a hole with certainty: K. T. Law et al., arXiv:0907.1909."""
    assert float(mk.loads(KITAEV).run("current", g=g).G) == pytest.approx(2, abs=1e-6)


def test_a_trivial_end_conducts_nothing_in_the_gap() -> None:
    assert float(mk.loads(KITAEV).run("current", mu_w=2.5).G) == pytest.approx(0, abs=1e-12)


INTERFACE = """
model interface
param N = 240; param Delta = 0.2
reference { mu = 0; T = 0 }
lattice wire {
  internal spin
  site c[l] for l in 1..N
  hop c[l] -> c[l+1] : -1
  pair c[l] - c[l] for l in 1..N : Delta*(1 + tanh((l - 80)/16))/4*[0, 1 | -1, 0]
}
bath L on wire.c[1] { self_energy = chain(hopping = 1, coupling = 1); mu = 0.01 }
task current = transport(order = 1) { output G = 2*pi*I[L]/0.01 }
task spectrum = transmission { sweep E in {0, 0.05, 0.1, 0.15}; output andreev_transmission, transmission }
"""


def test_a_smooth_interface_doubles_the_conductance_below_the_gap() -> None:
    """Transparent contact of a normal wire with a long superconductor: G. E. Blonder et al., PRB 25, 4515."""
    found = mk.loads(INTERFACE).run("spectrum").andreev_transmission.sel(terminal="L", terminal_from="L")
    assert found.values == pytest.approx([2.0] * 4, abs=1e-6)  # one hole for each electron, of both spins
    assert float(mk.loads(INTERFACE).run("current").G) == pytest.approx(4, abs=1e-6)  # 2 G0 for each spin


def test_the_phase_of_a_condensate_has_no_meaning_but_its_gradient_has() -> None:
    text = KITAEV.replace("pair c[l] - c[l+1] : 0.3", "pair c[l] - c[l+1] : 0.3*exp(1i*(chi + turn*l))")
    text = text.replace("param N = 120", "param chi = 0; param turn = 0; param N = 8")

    def conductance(**values: Any) -> float:
        return float(mk.loads(text).run("current", mu_w=1.9, **values).G)

    assert conductance(chi=1.1) == pytest.approx(conductance(), abs=1e-12)
    assert abs(conductance(turn=0.2) - conductance()) > 1e-3
