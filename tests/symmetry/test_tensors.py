"""Forbidden components and identities of response tensors, each beside the numbers of ``response``."""

from __future__ import annotations

import time

import numpy as np
import pytest
import sympy as sp
import xarray as xr

import modelkit as mk
from modelkit.graph.expand import Expansion
from modelkit.symmetry.claims import Situation
from modelkit.symmetry.subject import Subject
from modelkit.symmetry.tensors import Tensors
from modelkit.symmetry.verdict import Verdict

T = 0.2
CROSS = """\
model cross
reference { mu = 0.1; T = 0.2 }
lattice dot {
  site c[x, y] for x in 1..3, y in 1..3 at (x, y)
  onsite c[x, y] : 0.3
  hop c[x, y] -> c[x+1, y] : -1
  hop c[x, y] -> c[x, y+1] : -0.6
}
bath W on dot.c[1, 2] { self_energy = wide_band(0.7); mu = 0.1; T = 0.2 }
bath O on dot.c[3, 2] { self_energy = wide_band(0.7); mu = 0.1; T = 0.2 }
bath S on dot.c[2, 1] { self_energy = wide_band(0.4); mu = 0.1; T = 0.2 }
bath N on dot.c[2, 3] { self_energy = wide_band(0.4); mu = 0.1; T = 0.2 }
task r = response { output G1, G2, response_1, response_2 }
"""
LEVEL = "onsite c[x, y] : 0.3"
PROBE = "probe P on dot.c[2, 2] { self_energy = wide_band(0.5); "
SCREENED = CROSS + "screening on dot { solve U such that charge == 0 }\n"
FLUX = f"{LEVEL}\n  hop c[x, y] -> c[x+1, y+1] : -0.3*exp(0.4i)"
DEVICES = {
    "two mirrors": CROSS,
    "one mirror": CROSS.replace(
        "3, 2] { self_energy = wide_band(0.7)", "3, 2] { self_energy = wide_band(0.9)"
    ),
    "voltage probe": f"{CROSS}{PROBE}T = 0.2; solve mu such that I == 0 }}\n",
    "thermalisation": f"{CROSS}{PROBE}solve mu such that I == 0; solve T such that J == 0 }}\n",
    "dephasing": f"{CROSS}{PROBE}solve f such that i(E) == 0 }}\n",
    "screened": SCREENED,
    "flux": CROSS.replace(LEVEL, FLUX),
    "flux, screened": SCREENED.replace(LEVEL, FLUX),
    "particle-hole": CROSS.replace(LEVEL, "onsite c[x, y] : 0.1"),
}
TENSORS = {"G1": "conductance", "G2": "conductance_2"}


def component(found: xr.Dataset, text: str) -> float:
    """``-response_1[J, V, R, L]/T`` of a dataset."""
    factor = 1.0
    for ending, times in (("*T", T), ("/T", 1 / T)):
        if text.endswith(ending):
            text, factor = text.removesuffix(ending), factor * times
    if text.startswith("-"):
        text, factor = text[1:], -factor
    if "*" in text:
        number, text = text.split("*")
        factor *= float(sp.sympify(number))
    name, labels = text.rstrip("]").split("[")
    array = found[TENSORS.get(name, name)]
    at = dict(zip(array.dims, labels.split(", "), strict=True))
    return factor * float(array.sel(at))


@pytest.mark.parametrize("name", DEVICES)
def test_what_vanishes_and_what_coincides_is_what_numbers_say(name: str) -> None:
    """All of it, and nothing else: every component that is left has a number that does not vanish."""
    model = mk.loads(DEVICES[name])
    tensors, found = Tensors(model.device()), model.run("r")
    for order in (1, 2):
        forbidden = set(tensors.forbidden(order))
        names = [tensors.name(each) for each in tensors.tensor(order).all]
        numbers = {each: component(found, each) for each in names}
        scale = max(map(abs, numbers.values()))
        for each, number in numbers.items():
            assert (abs(number) < 1e-10 * scale) == (each in forbidden), each
        for line in tensors.identities(order):
            values = [component(found, part) for part in line.split(" = ")]
            assert np.ptp(values) < 1e-10 * scale, line


def verdict_of(text: str, claim: str) -> Verdict:
    model = mk.loads(f"{text}task claim = response {{ output claim = {claim} }}\n")
    declared = Subject(Expansion(model.graph()))
    (request,) = model.declarations.tasks["claim"].outputs
    return Situation({"": declared.device()}, (declared,)).verdict(request)


def test_the_nonlinear_hall_tensor_names_its_mirror() -> None:
    """A current along x drives, at second order, a current along y unless the mirror y is kept."""
    hall = "G2[N, W, W] - G2[S, W, W]"
    assert str(verdict_of(SCREENED, hall)) == "forbidden: mirror y"
    broken = SCREENED.replace("2, 3] { self_energy = wide_band(0.4)", "2, 3] { self_energy = wide_band(0.5)")
    verdict = str(verdict_of(broken, hall))
    line = "bath S (self_energy = wide_band(0.4), line 11), bath N (self_energy = wide_band(0.5), line 12)"
    assert verdict.startswith(f"not forbidden: mirror y is broken by {line}")


def test_a_rigid_potential_rectifies_falsely() -> None:
    """Two equal sides: G2[L, L, L] is there only as long as the levels do not follow."""
    chain = """\
model chain
reference { mu = 0; T = 0.2 }
lattice dot { site c[l] for l in 1..3 at (l, 0); onsite c[l] : 0.4; hop c[l] -> c[l+1] : -1 }
bath L on dot.c[1] { self_energy = wide_band(0.7); mu = 0; T = 0.2 }
bath R on dot.c[3] { self_energy = wide_band(0.7); mu = 0; T = 0.2 }
"""
    claim = "G2[L, L, L]"
    task = "task r = response { output G2 }\n"
    assert str(verdict_of(chain, claim)) == "warning: bias convention"
    assert abs(float(mk.loads(chain + task).run("r").conductance_2.sel(terminal="L")[0, 0])) > 1e-3
    screened = chain + "screening on dot { solve U such that charge == 0 }\n"
    assert str(verdict_of(screened, claim)) == "forbidden: inversion, gauge-invariant"
    numbers = mk.loads(screened + task).run("r").conductance_2.values
    assert np.abs(numbers).max() < 1e-10
    one_sided = screened.replace("1] { self_energy = wide_band(0.7)", "1] { self_energy = wide_band(0.9)")
    assert str(verdict_of(one_sided, claim)).startswith("not forbidden: inversion is broken by bath L (")


def test_six_terminals_take_no_time() -> None:
    ends = ["1, 1", "3, 1", "1, 3", "3, 3"]
    more = "".join(
        f"bath X{k} on dot.c[{at}] {{ self_energy = wide_band(0.3); mu = 0.1; T = 0.2 }}\n"
        for k, at in enumerate(ends[:2])
    )
    tensors = Tensors(mk.loads(SCREENED + more).device())
    started = time.process_time()
    assert tensors.identities(2)
    assert time.process_time() - started < 3.0
