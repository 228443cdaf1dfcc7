"""Responses against differences of full transport, sum rules, what is refused."""

from __future__ import annotations

import pytest

import modelkit as mk
from tests.solve.responses import bath, compare, load, probe

CHAIN = "chain(hopping = 1, coupling = 0.9)"
WARM = {
    "two terminals": [bath("L", 1), bath("R", 3, CHAIN)],
    "three, one follows": [bath("L", 1, CHAIN, "bands = own"), bath("R", 3, CHAIN), bath("S", 2)],
    "all follow": [bath("L", 1, CHAIN, "bands = own"), bath("R", 3, CHAIN, "bands = own")],
    "voltage probe": [bath("L", 1), bath("R", 3), probe("P", 2, "mu such that I == 0", more="T = 0.1")],
    "thermalisation": [
        bath("L", 1),
        bath("R", 3, "wide_band(0.9)", "bands = own"),
        probe("P", 2, "mu, T such that I == 0, J == 0", CHAIN),
    ],
    "dephasing": [
        bath("L", 1, CHAIN, "bands = own"),
        bath("R", 3),
        probe("D", 2, "f such that i(E) == 0"),
        probe("P", 4, "mu such that I == 0", more="T = 0.1"),
    ],
    "load": [
        bath("L", 1),
        bath("R", 3),
        probe("P", 2, "mu such that I == -(mu - 0.1)/20 - 0.2*(exp(mu - 0.1) - 1)", more="T = 0.1"),
    ],
    "load of heat": [
        bath("L", 1),
        bath("R", 3),
        probe("P", 2, "mu, T such that I == 0, J == -0.01*(T^2 - 0.01)/2 + 0.1*(mu - 0.1)*T"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", WARM)
def test_response_is_the_derivative_of_transport(name: str) -> None:
    compare(load(*WARM[name]))


COLD = {
    "two terminals": [bath("L", 1, T=0), bath("R", 3, CHAIN, T=0)],
    "all follow": [bath("L", 1, CHAIN, "bands = own", T=0), bath("R", 3, CHAIN, "bands = own", T=0)],
    "voltage probe": [bath("L", 1, T=0), bath("R", 3, T=0), probe("P", 2, "mu such that I == 0")],
    "probe that follows": [
        bath("L", 1, CHAIN, "bands = own", T=0),
        bath("R", 3, T=0),
        probe("P", 2, "mu such that I == -sin(mu - 0.1)/20 + (mu - 0.1)^2", CHAIN, "bands = own"),
        probe("D", 4, "f such that i(E) == 0"),
    ],
}


@pytest.mark.parametrize("name", COLD)
def test_at_zero_temperature_too(name: str) -> None:
    compare(load(*COLD[name], T=0))


STRIP = """\
model strip
reference { mu = 0.1; T = 0.06 }
lattice d {
  site c[x, y] for x in 1..3, y in 1..2 at (x, y)
  onsite c[x, y] : 0.3*(x == 2)*y
  hop c[x, y] -> c[x+1, y] : -exp(0.4i*y)
  hop c[x, y] -> c[x, y+1] : -0.8
}
bath L on d.left { self_energy = lead; mu = 0.1; T = 0.06; bands = own }
bath R on d.right { self_energy = lead; mu = 0.1; T = 0.06 }
probe P on d.c[2, 1] { self_energy = wide_band(0.4); T = 0.06; solve mu such that I == 0 }
task go = response { output G1 }
"""

SHORT = """\
model short "pairs in the middle"
reference { mu = 0; T = 0.1 }
lattice d {
  site c[l] for l in 1..3
  onsite c[l] : -0.3
  hop c[l] -> c[l+1] : -1
  pair c[l] - c[l+1] : 0.4
}
bath L on d.c[1] { self_energy = wide_band(0.7); mu = 0; T = 0.1 }
bath R on d.c[3] { self_energy = wide_band(0.4); mu = 0; T = 0.1 }
probe P on d.c[2] { self_energy = wide_band(0.4); T = 0.1; solve mu such that I == 0 }
task go = response { output G1 }
"""


@pytest.mark.parametrize("model", [STRIP, SHORT], ids=["leads that follow", "superconductor"])
def test_leads_and_superconductors_too(model: str) -> None:
    compare(mk.loads(model), 1)


@pytest.mark.parametrize("output", ["G1", "G2", "response_2"])
def test_where_nothing_can_be_driven_there_is_no_response(output: str) -> None:
    text = f"""model still
reference {{ mu = 0; T = 0 }}
lattice wire {{
  internal nambu; site c[l] for l in 1..3; onsite c[l] : -0.4; hop c[l] -> c[l+1] : -1
  pair c[l] - c[l+1] : 0.3
}}
bath S on wire.right {{ self_energy = lead; mu = 0; T = 0 }}
task r = response {{ output {output} }}
"""
    with pytest.raises(mk.ModelError, match="nothing to respond to"):
        mk.loads(text).run()
