"""Where all given terminals are alike nothing flows, and probes are as they are."""

from __future__ import annotations

import numpy as np
import pytest

import modelkit as mk

TEXT = """model still
reference {{ mu = 0; T = {reference} }}
lattice w {{ site c[l] for l in 1..3; hop c[l] -> c[l+1] : -1 }}
bath L on w.c[1] {{ self_energy = wide_band(Gamma = 1); mu = 0.3; T = {T} }}
probe S on w.c[2] {{ self_energy = {contact}; {condition} }}
probe P on w.c[3] {{ self_energy = wide_band(Gamma = 0.5); {condition} }}
task full = transport {{ output current, heat_current, chemical_potential, temperature }}
"""
BOTH, HEAT = "solve mu, T such that I == 0, J == 0", "mu = 0.3; solve T such that J == 0"


@pytest.mark.parametrize("reference", ["0", "0.1"])
@pytest.mark.parametrize("T", [0, 1e-3, 0.2])
@pytest.mark.parametrize("contact", ["wide_band(Gamma = 1e-6)", "chain(hopping = 1, coupling = 0.4)"])
@pytest.mark.parametrize("condition", [BOTH, HEAT])
def test_probes_of_one_bath_take_its_potential_and_temperature(
    reference: str, T: float, contact: str, condition: str
) -> None:
    text = TEXT.format(reference=reference, T=T, contact=contact, condition=condition)
    found = mk.loads(text).run("full")
    np.testing.assert_allclose(found.chemical_potential, 0.3, rtol=1e-9)
    np.testing.assert_allclose(found.temperature, T, rtol=1e-9, atol=0)
    assert np.abs(found.current).max() < 1e-12


def test_a_cold_bath_warms_up_a_probe_that_is_held_elsewhere() -> None:
    text = TEXT.format(reference=0, T=0, contact="wide_band(Gamma = 1)", condition=HEAT)
    text = text.replace("probe P", "bath P").replace(f"(Gamma = 0.5); {HEAT}", "(Gamma = 0.5); mu = 0; T = 0")
    found = mk.loads(text).run("full")
    assert float(found.temperature.sel(terminal="S")) > 0.01
    assert abs(float(found.heat_current.sel(terminal="S"))) < 1e-12
