from __future__ import annotations

from fractions import Fraction

import pytest

from modelkit.dimensions import PURE
from tests.elements.reading import read

DEVICE = """model wire
param N = 6; param mu0 = 0; param V = 0.1; param x = 2; param d = 1; param gamma = 1; param J0 = 1
let kT = V/2
let beta = 1/kT
reference {{ mu = mu0; T = kT }}
lattice wire {{
  site c[l] for l in 1..N at (l, 0)
  hop c[l] -> c[l+1] : -1*(1 + x)
  onsite c[N] : {onsite}
}}
bath L on wire.c[1] {{ self_energy = wide_band(gamma); mu = mu0 + V/2 }}
bath R on wire.c[N] {{ self_energy = wide_band(1); mu = mu0 + 0.1*d }}
probe P on wire.c[2] {{ self_energy = wide_band(1); solve mu such that I == J0 }}
case one {{ d = 1 }}
case two_ {{ d = -1 }}
task t = transport(order = 1) {{ cases one, two_; output current, found = {formula} }}
"""
ENERGY, CURRENT, POWER = (1, 0, 0, 0, 0), (0, 0, -1, 0, 0), (1, 0, -1, 0, 0)


def told(formula: str, onsite: str = "0") -> object:
    (task,) = read(DEVICE.format(formula=formula, onsite=onsite)).tasks.values()
    return task.outputs[1].dimension


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("rectification(I[L])", PURE),
        ("nonreciprocity(I[L])", CURRENT),
        ("-I[L]*mu[L]", POWER),
        ("I[L] + mu[L]", ENERGY),  # only with hbar = 1
        ("I[L]@one/I[R]@one", PURE),
        ("2*pi*I[L]/V", PURE),
        ("I[L]/mu0", PURE),
        ("I[L]/gamma", PURE),
        ("I[L]/J0", PURE),
        ("I[L]/kT", PURE),
        ("I[L]*beta", PURE),
        ("J[L]/V^2", PURE),
        ("sqrt(J[L]*gamma)/N", (1, 0, Fraction(-1, 2), 0, 0)),
        ("(mu[L] - mu0)/V", PURE),
        ("mu[L] - 0.1", ENERGY),
        ("I[L]/d", None),  # 0.1*d: the number may be the energy
        ("I[L]/x", None),
        ("exp(I[L])", None),  # not refused: all units are 1
    ],
)
def test_places_tell_what_formulas_are_quantities_of(formula: str, expected: object) -> None:
    assert told(formula) == expected


def test_a_name_that_is_told_different_things_is_not_known() -> None:
    assert told("I[L]/V", onsite="V*gamma") is None
    assert told("I[L]/V", onsite="V*N") == PURE
    assert told("I[L]/V", onsite="3*V") == PURE
    assert told("I[L]/V", onsite="V*V") is None
