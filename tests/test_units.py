"""Physical units are converted at the edges, exactly."""

import subprocess
import sys
from pathlib import Path

import pytest
import sympy as sp
from scipy import constants

from modelkit.dimensions import dimension_text, unit_text
from modelkit.errors import ModelError
from modelkit.language.expressions import translate
from modelkit.language.parser import parse_expression
from modelkit.language.scope import Scope
from modelkit.language.unit_expressions import unit_of
from modelkit.units import NATURAL, UnitSystem, measure, physical


def unit(text):
    return unit_of(parse_expression(text))


def system(**chosen):
    return physical({name: unit(text) for name, text in chosen.items()})


PHYSICAL = system(energy="eV", length="angstrom", temperature="K", current="nA")


def value(text, units=PHYSICAL):
    return translate(parse_expression(text), Scope(units=units))


def refusal(text, units=PHYSICAL):
    with pytest.raises(ModelError) as caught:
        value(text, units)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.2 [meV]", sp.Rational(2, 10000)),
        ("3.85 [eV*angstrom]", sp.Rational(385, 100)),
        ("2 [nm]", sp.Integer(20)),
        ("1e-3 [1/angstrom]", sp.Rational(1, 1000)),
        ("1 [1/nm^2]", sp.Rational(1, 100)),
        ("1 [nm^-2]", sp.Rational(1, 100)),
        ("5 [uA]", sp.Integer(5000)),
        ("20 [mK]", sp.Rational(2, 100)),
        ("1 [V]", sp.Integer(1)),  # charge is counted in e
        ("-0.2 [meV] + 1", sp.Rational(9998, 10000)),
    ],
)
def test_literals_are_converted_exactly(text, expected):
    assert value(text) == expected


def test_the_constants_are_those_of_the_chosen_units():
    known = {name: float(number) for name, number in PHYSICAL.constants.items()}
    e, nano = constants.e, 1e-9
    time = e / nano
    assert known["e"] == 1
    assert known["hbar"] == pytest.approx(constants.hbar / (e * time), rel=1e-12)
    assert known["h"] == pytest.approx(constants.h / (e * time), rel=1e-12)
    assert known["k_B"] == pytest.approx(constants.k / e, rel=1e-12)
    assert known["hbar"] ** 2 / (2 * known["m_e"]) == pytest.approx(3.809982, rel=1e-6)  # eV angstrom^2
    tesla = float(value("1 [T]"))
    assert known["mu_B"] * tesla == pytest.approx(5.7883818e-5, rel=1e-7)  # eV
    assert float(value("hbar^2/(2*m_e)")) == pytest.approx(3.809982, rel=1e-6)


def test_a_channel_at_one_volt_carries_e_squared_over_h():
    energy = value("1 [mV]")  # times e = 1
    current = energy / PHYSICAL.constants["h"]  # e/h per energy, e = 1
    assert float(current) == pytest.approx(38.7404586, rel=1e-8)  # nA


def test_without_a_current_the_unit_of_time_makes_hbar_one():
    units = system(energy="meV", length="nm")
    assert units.constants["hbar"] == 1
    assert "k_B" not in units.constants
    assert "temperature" in refusal("k_B*1", units).hint
    assert float(value("1 [ps]", units)) == pytest.approx(1.519267447, rel=1e-9)


def test_a_unit_of_time_may_be_chosen():
    units = system(energy="meV", time="ps")
    assert float(units.constants["hbar"]) == pytest.approx(0.6582119569, rel=1e-9)
    assert float(value("1 [nA]", units)) == pytest.approx(1e-9 * 1e-12 / constants.e, rel=1e-12)


def test_natural_units_know_no_units_and_no_constants():
    assert NATURAL.natural
    assert UnitSystem().natural
    assert not NATURAL.constants
    error = refusal("0.2 [meV]", NATURAL)
    assert error.message == "a unit in a model of natural units"
    assert (error.span.start, error.span.end) == (5, 8)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("1 [ev]", "there is no unit 'ev'", "did you mean 'eV'?"),
        ("1 [Angstrom]", "there is no unit 'Angstrom'", "did you mean 'angstrom'?"),
        ("1 [foo]", "there is no unit 'foo'", None),
        ("1 [degC]", "modelkit cannot count in 'degC'", None),
        ("1 [dB]", "modelkit cannot count in 'dB'", None),
        ("1 [mol]", "modelkit cannot count in 'mol'", None),
        ("1 [2*eV]", "this is not a unit", None),
        ("1 [eV + nm]", "this is not a unit", None),
        ("1 [eV^0.5]", "the power of a unit is a small integer", None),
        ("1 [eV^x]", "the power of a unit is a small integer", None),
        ("1 [nm^99]", "this unit is too long", None),
        ("1 [sin(eV)]", "this is not a unit", None),
    ],
)
def test_what_is_no_unit_is_refused(text, message, hint):
    error = refusal(text)
    assert error.message == message
    if hint:
        assert error.hint == hint
    assert error.span is not None


def test_a_dimension_without_a_unit_in_the_model_is_refused():
    error = refusal("1 [1/nm]", system(energy="eV"))
    assert error.message == "[1/nm] is a unit of 1/length, but the model has no unit of length"
    assert "length = nm" in error.hint


def test_a_wrong_dimension_is_told_with_the_right_one():
    with pytest.raises(ModelError) as caught:
        PHYSICAL.convert(sp.Integer(1), unit("nA"), like=unit("eV*angstrom"))
    assert caught.value.message == "[nA] is a unit of current, not of energy*length"
    assert caught.value.hint == "give it in [eV*angstrom]"
    assert PHYSICAL.convert(sp.Integer(1), unit("meV*nm"), like=unit("eV*angstrom")) == sp.Rational(1, 100)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"energy": "nA"}, "[nA] is a unit of current, not of energy"),
        ({"enrgy": "eV"}, "'enrgy' has no unit of its own"),
        ({"mass": "kg"}, "'mass' has no unit of its own"),
        ({"energy": "eV", "current": "nA", "time": "s"}, "the units of current and time give one another"),
        ({"energy": "foo"}, "there is no unit 'foo'"),
        ({}, "physical units without a unit"),
    ],
)
def test_unit_systems_that_contradict_themselves_are_refused(chosen, message):
    with pytest.raises(ModelError) as caught:
        system(**chosen)
    assert caught.value.message.startswith(message)


def test_units_are_shown_as_they_are_written():
    assert unit_text(unit("meV*nm/T^2")) == "meV*nm/T^2"
    assert unit_text(unit("1/(nm*K)")) == "1/nm/K"
    assert PHYSICAL.text("energy") == "eV"
    assert PHYSICAL.text("time") == ""
    assert dimension_text(measure(unit("T"))[1]) == "magnetic field"
    assert dimension_text(measure(unit("eV/nm"))[1]) == "energy/length"


def test_pint_is_not_imported_without_a_physical_unit():
    code = (
        "import sys; from modelkit.language.expressions import translate; "
        "from modelkit.language.scope import Scope; from modelkit.language.parser import parse_expression; "
        "translate(parse_expression('0.1 + pi'), Scope()); assert 'pint' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
