"""One device in several systems of units, and in natural units with numbers converted by hand."""

from __future__ import annotations

import json
import math
from typing import Any

import matplotlib as mpl
import numpy as np
import pint
import pytest
import xarray as xr
from scipy import constants

import modelkit as mk
from modelkit.errors import ModelError, NotConverged
from modelkit.view.tables import summary

EV = constants.e  # J
KB = constants.k / constants.e  # eV/K
AMPERE = constants.e**2 / constants.hbar  # of one eV/hbar
WATT = EV**2 / constants.hbar  # of one eV^2/hbar

DEVICE = """\
model device "probes, a load, a hot end"
{units}
param kT = {kT} "temperature"
param dT = {dT}
param V = {V} "bias"
param I0 = {I0}
param r = {r} "load"
param g = {g}
param t = {t} "hopping"
param a = {a}
reference {{ mu = {mu}; T = kT }}
lattice wire {{
  site c[l] for l in 1..7 at (l*a, 0)
  onsite c[4] : t/5
  hop c[l] -> c[l+1] : -t
}}
bath L on wire.c[1] {{ self_energy = chain(hopping = t, coupling = t); mu = {mu} + V/2; T = kT + dT }}
bath R on wire.c[7] {{ self_energy = chain(hopping = t, coupling = t); mu = {mu} - V/2; T = kT }}
probe S on wire.c[3] {{ self_energy = chain(hopping = t, coupling = g); T = kT; solve mu such that I == I0 }}
probe M on wire.c[5] {{ self_energy = wide_band(g/2); T = kT; solve mu such that I == -mu/r }}
case forward {{ V = V }}
case backward {{ V = -V }}
task main = transport(order = 1) {{
  output current, chemical_potential, temperature, dissipated_heat, bond_current, density_change,
    G = I[L]/V, twice = 2*I[L], pull = mu[L] - mu[R], power = I[L]*mu[L], squared = I[L]^2
}}
task spectrum = transmission {{ sweep E from -t to t points 9; output transmission, dos }}
task compare = transport(order = 1) {{
  cases forward, backward
  sweep kT in {{{kT}, 2*{kT}}}
  output current, n = nonreciprocity(I[L]), ratio = rectification(I[L]), x = I[L]@forward - 3*I[R]@backward
}}
plot main {{ draw current against site }}
plot compare {{ draw current against terminal by kT }}
"""

# values in eV, K, nA, angstrom
KELVIN, WARMER, BIAS, DRIVEN, LOAD = 300.0, 2.0, 1e-3, 5.0, 0.004
COUPLING, HOPPING, MU, STEP = 0.4, 1.3, 0.2, 2.5


def electronvolts() -> mk.Model:
    units = "units { energy = eV; length = angstrom; temperature = K; current = nA }"
    return mk.loads(
        DEVICE.format(
            units=units, kT="300 [K]", dT="2 [K]", V="0.001 [eV]", I0="5 [nA]", r="0.004 [eV/nA]",
            g="0.4 [eV]", t="1.3 [eV]", mu="0.2 [eV]", a="2.5 [angstrom]",
        )
    )  # fmt: skip


def millielectronvolts() -> mk.Model:
    units = "units { energy = meV; length = nm; temperature = K; current = uA }"
    return mk.loads(
        DEVICE.format(
            units=units, kT="0.3e3 [K]", dT="2000 [mK]", V="1 [mV]", I0="5e-3 [uA]", r="4 [meV/nA]",
            g="400 [meV]", t="1.3 [eV]", mu="200 [meV]", a="0.25 [nm]",
        )
    )  # fmt: skip


def natural() -> mk.Model:
    """In units of one eV, everything converted by hand."""
    nano = 1e-9 / AMPERE
    return mk.loads(
        DEVICE.format(
            units="units natural", kT=KELVIN * KB, dT=WARMER * KB, V=BIAS, I0=repr(DRIVEN * nano),
            r=repr(LOAD / nano), g=COUPLING, t=HOPPING, mu=MU, a=STEP,
        )
    )  # fmt: skip


MODELS = {"eV": electronvolts, "meV": millielectronvolts}
FACTORS = {  # number in the model of one natural one (eV)
    "eV": {"energy": 1.0, "current": AMPERE * 1e9, "temperature": 1 / KB, "power": WATT * 1e9},
    "meV": {"energy": 1e3, "current": AMPERE * 1e6, "temperature": 1 / KB, "power": WATT * 1e9},
}


@pytest.mark.parametrize("name", MODELS)
def test_all_results_are_those_of_natural_units_converted_by_hand(name: str) -> None:
    found, expected, factor = MODELS[name]().run("main"), natural().run("main"), FACTORS[name]
    kinds = {
        "current": "current", "chemical_potential": "energy", "temperature": "temperature",
        "dissipated_heat": "power", "bond_current": "current", "twice": "current", "pull": "energy",
    }  # fmt: skip
    for variable, kind in kinds.items():
        np.testing.assert_allclose(found[variable], expected[variable] * factor[kind], rtol=1e-12)
    np.testing.assert_allclose(found.density_change, expected.density_change, rtol=1e-11)
    np.testing.assert_allclose(found.G, expected.G * factor["current"] / factor["energy"], rtol=1e-12)
    assert found.temperature.values == pytest.approx([302, 300, 300, 300], rel=1e-12)
    assert float(found.current.sel(terminal="S")) == pytest.approx({"eV": 5, "meV": 5e-3}[name], rel=1e-12)
    load = {"eV": 0.004, "meV": 4e3}[name]
    probe = found.sel(terminal="M")
    assert float(probe.current) == pytest.approx(-float(probe.chemical_potential) / load, rel=1e-9)
    assert abs(float(expected.temperature[0]) / float(expected.temperature[1]) - 302 / 300) < 1e-12


@pytest.mark.parametrize("name", MODELS)
def test_spectra_are_those_of_natural_units(name: str) -> None:
    found, expected, factor = MODELS[name]().run("spectrum"), natural().run("spectrum"), FACTORS[name]
    np.testing.assert_allclose(found.energy, expected.energy * factor["energy"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.transmission, expected.transmission, rtol=1e-11)
    np.testing.assert_allclose(found.dos, expected.dos / factor["energy"], rtol=1e-11)


# --- numbers that everybody knows ------------------------------------------------------------------

CHAIN = """\
model chain
units { energy = %s; temperature = K; current = %s }
param kT = %s [K]
param V = 0.2 [meV]
reference { mu = 0; T = kT }
lattice wire { site c[l] for l in 1..4; hop c[l] -> c[l+1] : -1 [eV] }
bath L on wire.c[1] { self_energy = chain(hopping = 1 [eV], coupling = 1 [eV]); mu = V; T = kT }
bath R on wire.c[4] { self_energy = chain(hopping = 1 [eV], coupling = 1 [eV]); mu = 0; T = kT }
task t = transport(order = 1) { output current }
task wide = transport(order = 1) { L.T = kT + 1 [K]; V = 0; output current }
"""


@pytest.mark.parametrize(
    ("energy", "current", "unit"), [("eV", "nA", 1e-9), ("meV", "uA", 1e-6), ("J", "A", 1)]
)
def test_a_perfect_chain_has_the_conductance_quantum(energy: str, current: str, unit: float) -> None:
    found = float(mk.loads(CHAIN % (energy, current, "0")).run().current[0])
    quantum = constants.e**2 / constants.h
    assert quantum == pytest.approx(38.740e-6, rel=1e-4)  # S
    assert found * unit == pytest.approx(quantum * 0.2e-3, rel=1e-12)


def test_a_threshold_is_broadened_by_k_B_T() -> None:
    text = """\
model threshold
units { energy = meV; temperature = K; current = nA }
param kT = 300 [K]
param top = 0 [meV]
reference { mu = 0; T = kT }
lattice dot { site d }
bath L on dot.d { self_energy = wide_band(1e6); mu = 1 [meV]; T = kT }
bath R on dot.d { self_energy = -5e5i*(E > top); mu = 0; T = kT }
task t = transport(order = 1) { output current }
"""
    model = mk.loads(text)
    ratio = np.array([float(model.run(top=f"{at} [meV]").current[0]) for at in (25.852, 2 * 25.852)])
    whole = constants.e**2 / constants.h * 1e-3 * 1e9
    # the lattice's levels are far narrower than its contacts: what is above the threshold goes through
    assert ratio / whole == pytest.approx(1 / (1 + np.exp([1.0, 2.0])), rel=2e-3)
    assert model.device().reference["T"] == pytest.approx(25.852, rel=1e-5)  # meV
    assert model.device(kT=1).terminals[0].given["T"][0] == pytest.approx(0.08617333262, rel=1e-9)


def test_a_difference_of_temperatures_drives_what_mott_says() -> None:
    found = mk.loads(CHAIN % ("meV", "nA", "300")).run("wide").current
    assert abs(float(found[0])) < 1e-9, "an even band at its middle has no thermopower"
    tilted = (CHAIN % ("meV", "nA", "40")).replace("1..4;", "1..4; onsite c[2] : 1 [eV];")
    current = float(mk.loads(tilted).run("wide").current[0])
    task = "task s = transmission { sweep E in {-0.001 [eV], 0.001 [eV]}; output transmission }"
    spectrum = mk.loads(tilted + task)
    low, high = spectrum.run("s").transmission.sel(terminal="L", terminal_from="R").values
    slope = (high - low) / (0.002 * EV)
    sommerfeld = constants.e / constants.h * math.pi**2 / 3 * constants.k**2 * 40 * slope  # A/K
    assert current == pytest.approx(sommerfeld * 1e9, rel=1e-3)


# --- labels ----------------------------------------------------------------------------------------


def unit(dataset: xr.Dataset, name: str) -> Any:
    return dataset[name].attrs.get("units")


def test_every_variable_says_its_unit() -> None:
    found = electronvolts().run("main")
    expected = {
        "current": "nA", "bond_current": "nA", "chemical_potential": "eV", "temperature": "K",
        "dissipated_heat": "nW", "density_change": "1", "position": "angstrom", "G": "nA/eV", "twice": "nA",
        "pull": "eV", "power": "nW", "squared": "nA^2", "audit_particle_balance": "1",
    }  # fmt: skip
    assert {name: unit(found, name) for name in expected} == expected
    assert unit(millielectronvolts().run("main"), "dissipated_heat") == "nW"  # meV/e times uA
    spectrum = electronvolts().run("spectrum")
    assert [unit(spectrum, name) for name in ("energy", "dos", "transmission")] == ["eV", "1/eV", "1"]
    assert unit(natural().run("main"), "dissipated_heat") == "energy^2/hbar"
    assert unit(natural().run("main"), "G") == "1"  # a current over an energy
    compared = electronvolts().run("compare")
    assert [unit(compared, name) for name in ("n", "ratio", "x", "kT")] == ["nA", "1", "nA", "K"]
    assert compared.kT.values.tolist() == [300, 600]


def test_positions_and_grids_are_in_the_units_of_the_model() -> None:
    found = millielectronvolts().run("main")
    assert found.position.sel(axis="x").values == pytest.approx(0.25 * np.arange(1, 8), rel=1e-12)


def test_the_values_in_the_attributes_can_be_given_again() -> None:
    model = millielectronvolts()
    found = model.run("main", {"V": "2 [meV]", "L.T": 77})
    values = json.loads(found.attrs["parameters"])
    assert values["V"] == "2 [mV]", "in the unit of the declaration"
    assert values["r"] == "4.0 [meV/nA]"
    assert json.loads(found.attrs["fields"]) == {"L.T": "77 [K]"}
    again = model.run("main", {**values, **json.loads(found.attrs["fields"])})
    np.testing.assert_allclose(again.current, found.current, rtol=1e-13)
    assert "T = 300 K" in found.attrs["bias_reference"]
    assert json.loads(natural().run("main").attrs["parameters"])["V"] == BIAS


def test_figures_and_tables_show_the_units() -> None:
    mpl.use("Agg")
    model = electronvolts()
    found = model.run("main")
    shown = str(summary(found))
    assert all(word in shown for word in ("nA", "eV", "nW", " K"))
    axes = model.figure("main", found).axes[0]
    assert "(nA)" in axes.get_ylabel()
    compared = model.figure("compare", model.run("compare")).axes[0]
    words = [text.get_text() for text in compared.get_legend().get_texts()]
    assert any("= 300" in word and word.endswith("K") for word in words)


# --- values from outside ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    ["77 [K]", 77, "77", "0.077e3 [K]", pint.UnitRegistry().Quantity(77, "K"), "77e3 [mK]"],
    ids=str,
)  # fmt: skip
def test_a_temperature_may_be_given_in_many_ways(value: Any) -> None:
    model = electronvolts()
    assert model.device(kT=value).reference["T"] == pytest.approx(77 * KB, rel=1e-12)
    assert model.with_values(kT=value).device().reference["T"] == pytest.approx(77 * KB, rel=1e-12)
    assert model.device({"R.T": value}).terminals[1].given["T"][0] == pytest.approx(77 * KB, rel=1e-12)


def test_a_constant_of_nature_makes_a_unit() -> None:
    model = electronvolts()
    expected = model.device(V=77 * KB).terminals[0].given["mu"]
    for given in ("k_B*77 [K]", "h*1 [THz]"):
        value = model.device(V=given).values["V"]
        assert model.with_values(V=given).device().values["V"] == pytest.approx(value, rel=1e-12)
    assert model.device(V="k_B*77 [K]").terminals[0].given["mu"] == pytest.approx(expected, rel=1e-12)
    assert model.device(V="h*1 [THz]").values["V"] == pytest.approx(4.135667696e-3, rel=1e-9)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kT": "77 [meV]"}, "the value of 'kT' has a unit of energy, not of temperature"),
        ({"kT": "k_B*77"}, "not of temperature"),
        ({"V": "77 [K]"}, "not of energy"),
        ({"V": "1 [eV] + 1 [nm]"}, "they cannot be added"),
        ({"V": "k_B*77"}, "not of energy"),
        ({"V": pint.UnitRegistry().Quantity(1, "nm")}, "is a unit of length, not of energy"),
        ({"V": pint.UnitRegistry().Quantity(1, "degC")}, "modelkit cannot count in"),
        ({"L.T": "1 [meV]"}, "not of temperature"),
        ({"L.mu": "1 [K]"}, "not of energy"),
        ({"I0": "1 [meV]"}, "not of current"),
        ({"V": "1 [mol]"}, "modelkit cannot count in"),
    ],
    ids=str,
)
def test_a_wrong_dimension_is_refused(given: dict[str, Any], message: str) -> None:
    for act in (electronvolts().run, electronvolts().with_values):
        with pytest.raises(ModelError, match=message.replace("[", r"\[")):
            act("main", given) if act.__name__ == "run" else act(given)


# --- formulas --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kT = 300 [K]", "kT = 25 [meV]", "'T' is of the dimension temperature, this is of energy"),
        ("T = kT + dT", "T = 2*k_B*kT", "'T' is of the dimension temperature, this is of energy"),
        ("I == I0", "I == 2*V", "'I' is of the dimension current, this is of energy"),
        ("I == I0", "I == I0/e*V", "'I' is of the dimension current, this is of power"),
        ("mu = 0.2 [eV] + V/2", "mu = a + V/2*a/g", "'mu' is of the dimension energy, this is of length"),
        ("forward { V = V", "forward { V = kT", "'V' is of the dimension energy, this is of temperature"),
        ("forward { V = V", "forward { L.T = V", "'L.T' is of the dimension temperature"),
        ('0.001 [eV] "bias"', '0.001 [eV] from 0 to 1 [nA] "bias"', "'V' is of the dimension energy"),
        ("sweep kT in {300 [K]", "sweep kT in {300 [meV]", "'kT' is of the dimension temperature"),
        ("sweep E from -t to t", "sweep E from 1 [nm] to t", "'E' is of the dimension energy"),
        ("temperature = K; ", "", "the model has no unit of temperature"),
    ],
)  # fmt: skip
def test_formulas_of_another_dimension_are_refused(old: str, new: str, message: str) -> None:
    text = electronvolts().to_source()
    assert old in text
    with pytest.raises(ModelError) as caught:
        mk.loads(text.replace(old, new)).declarations  # noqa: B018
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("T = kT + dT", "T = (V + k_B*302 [K] - V)/k_B"),
        ("T = kT + dT", "T = 302"),  # a bare number is in the unit of the model
        ("I == I0", "I == 5*V/(0.001 [eV/nA])"),
        ("I == I0", "I == (h*I0/e)*V/(V*h)"),
        ("mu = 0.2 [eV] + V/2", "mu = 0.2 + sqrt(V^2)/2"),
        ("mu = 0.2 [eV] + V/2", "mu = 0.2 [eV] + 0.5 [mV]"),  # e = 1
    ],
)
def test_formulas_of_the_right_dimension_are_not(old: str, new: str) -> None:
    model = electronvolts()
    changed = mk.loads(model.to_source().replace(old, new))
    np.testing.assert_allclose(changed.run("main").current, model.run("main").current, rtol=1e-9)


def test_without_a_unit_of_temperature_k_B_is_one() -> None:
    text = electronvolts().to_source().replace("temperature = K; ", "").replace("300 [K]", "25 [meV]")
    model = mk.loads(text.replace("2 [K]", "1 [meV]"))
    assert model.device().reference["T"] == pytest.approx(0.025)
    found = model.run("main")
    assert found.temperature.values == pytest.approx([0.026, 0.025, 0.025, 0.025])
    assert unit(found, "temperature") == "eV"
    assert model.device({"L.T": "30 [meV]"}).terminals[0].given["T"][0] == pytest.approx(0.03)
    with pytest.raises(ModelError, match="the model has no unit of temperature"):
        model.run("main", kT="300 [K]")


def test_without_a_unit_of_current_hbar_is_one() -> None:
    model = mk.loads((CHAIN % ("meV", "nA", "0")).replace("; current = nA", ""))
    found = model.run()
    assert float(found.current[0]) == pytest.approx(0.2 / (2 * math.pi), rel=1e-12)
    assert unit(found, "current") == "meV/hbar"


def test_with_a_unit_of_time_particles_are_counted() -> None:
    model = mk.loads((CHAIN % ("meV", "nA", "0")).replace("current = nA", "time = ps"))
    found = model.run()
    assert unit(found, "current") == "1/ps"
    rate = 0.2e-3 * EV / constants.h * 1e-12
    assert float(found.current[0]) == pytest.approx(rate, rel=1e-12)


@pytest.mark.parametrize("chosen", ["temperature = K", "current = nA", "time = ps"])
def test_a_conversion_needs_the_unit_of_energy(chosen: str) -> None:
    text = f"""\
model m
units {{ {chosen} }}
reference {{ mu = 0; T = 1 }}
lattice w {{ site d }}
bath L on w.d {{ self_energy = wide_band(1); mu = 0; T = 1 }}
task t = transport(order = 1) {{ output current, temperature }}
"""
    with pytest.raises(ModelError, match="but none of energy") as caught:
        mk.loads(text).run()
    assert caught.value.hint is not None
    assert "energy = eV" in caught.value.hint


def test_what_is_not_reached_is_told_in_the_units_of_the_model() -> None:
    with pytest.raises(NotConverged, match=r"T = 300 K\), so I == 5 nA cannot be reached"):
        electronvolts().run("main", g="0 [eV]")
