"""What is certified for all values, what at given ones, and what is known by numbers alone."""

from __future__ import annotations

import pytest

import modelkit as mk
from modelkit.graph.expand import Expansion
from modelkit.symmetry import exact
from modelkit.symmetry.exact import Certainty, certainties
from modelkit.symmetry.operations import generators
from modelkit.symmetry.parts import examined
from modelkit.symmetry.structure import CHIRAL, PARTICLE_HOLE, TIME_REVERSAL, UNITARY
from modelkit.symmetry.subject import Subject

ENDS = """bath L on t.c[1] { self_energy = wide_band(g); mu = 0 }
bath R on t.c[N] { self_energy = wide_band(g); mu = 0 }
"""


def found(lines: str, ends: str = ENDS, head: str = "", **given):
    """Certainty by sort and by whether sites are moved."""
    text = f"""model t "t"
param N = 4
param e = 0.3
param f = 0.3
param g = 1
{head}
reference {{ mu = 0; T = 0.1 }}
lattice t {{
{lines}
}}
{ends}"""
    subject = Subject(Expansion(mk.loads(text).graph()), given)
    device = examined(subject.device(), driven=False)
    operations = generators(device)
    sure = certainties(operations, device, subject)
    return {
        (operation.sort, bool((operation.site != range(device.size)).any())): each
        for operation, each in zip(operations, sure, strict=True)
    }


CHAIN = "site c[l] for l in 1..N\nhop c[l] -> c[l+1] : -1\n"
MOVED, STILL = True, False


def test_formulas_that_agree_do_so_for_all_values():
    sure = found(CHAIN + "onsite c[l] : e*(l - (N + 1)/2)^2")
    assert sure[UNITARY, MOVED] is Certainty.ALWAYS
    assert sure[TIME_REVERSAL, STILL] is Certainty.ALWAYS


def test_parameters_that_happen_to_agree_do_so_at_their_values():
    sure = found(CHAIN + "onsite c[1] : e; onsite c[N] : f")
    assert sure[UNITARY, MOVED] is Certainty.GIVEN
    assert sure[TIME_REVERSAL, STILL] is Certainty.ALWAYS


def test_numbers_that_agree_up_to_rounding_are_not_called_exact():
    sure = found(CHAIN + "onsite c[1] : e; onsite c[N] : e + 0.00000000000000011")
    assert sure[UNITARY, MOVED] is Certainty.NUMBERS
    assert sure[TIME_REVERSAL, STILL] is Certainty.ALWAYS


def test_a_gauge_drops_out_of_loops_and_a_flux_does_not():
    ring = "site c[l] for l in ring(N)\nhop c[l] -> c[l+1] : -exp(1i*{})\n"
    ends = "bath L on t.c[1] { self_energy = chain(hopping = 2, coupling = g); mu = 0 }\n"
    open_chain = found(CHAIN.replace(": -1", ": -exp(1i*e*l)"))
    assert open_chain[TIME_REVERSAL, STILL] is Certainty.ALWAYS
    assert open_chain[UNITARY, MOVED] is Certainty.ALWAYS
    turned = found(ring.format("e"), ends)
    assert (TIME_REVERSAL, STILL) not in turned
    assert turned[TIME_REVERSAL, MOVED] is Certainty.ALWAYS
    half = found(ring.format("pi/4"), ends)  # the flux is pi: its own opposite
    assert half[TIME_REVERSAL, STILL] is Certainty.ALWAYS


def test_spins_are_turned_exactly():
    spins = "internal spin\nsite c[l] for l in 1..N\nhop c[l] -> c[l+1] : -1 + 1i*e*sigma_y\n"
    sure = found(spins + "onsite c[l] : f*sigma_x")
    assert sure[UNITARY, MOVED] is Certainty.ALWAYS
    assert sure[TIME_REVERSAL, STILL] is Certainty.ALWAYS
    with_mu = found(spins, head="param mu0 = 0.2")
    assert with_mu[PARTICLE_HOLE, STILL] is Certainty.ALWAYS
    assert with_mu[CHIRAL, STILL] is Certainty.ALWAYS


def test_an_axis_that_depends_on_values_is_known_by_numbers():
    spins = "internal spin\nsite c[l] for l in 1..N\nhop c[l] -> c[l+1] : -1\n"
    sure = found(spins + "onsite c[1] : 0.6*sigma_x + 0.8*sigma_z; onsite c[N] : sigma_y", "")
    assert sure[UNITARY, MOVED] is Certainty.NUMBERS


def test_leads_and_disorder_are_known_by_numbers():
    leads = (
        "bath L on t.left { self_energy = lead; mu = 0 }\nbath R on t.right { self_energy = lead; mu = 0 }\n"
    )
    assert found(CHAIN, leads)[TIME_REVERSAL, STILL] is Certainty.NUMBERS
    disorder = found(CHAIN + "disorder onsite c[l] : uniform(-e, e, seed = 1)")
    assert disorder[TIME_REVERSAL, STILL] is Certainty.NUMBERS


def test_terminals_and_conditions_are_compared_as_formulas():
    ends = ENDS.replace("t.c[N] { self_energy = wide_band(g)", "t.c[N] { self_energy = wide_band({})")
    assert found(CHAIN, ends.replace("{}", "f/e"), g=1)[UNITARY, MOVED] is Certainty.GIVEN
    probes = (
        "probe P[l] for l in {2, N-1} on t.c[l] { self_energy = wide_band(e); solve mu such that I == 0 }\n"
    )
    assert found(CHAIN, ENDS + probes)[UNITARY, MOVED] is Certainty.ALWAYS


def test_a_long_chain_costs_few_comparisons(monkeypatch):
    monkeypatch.setattr(exact, "MOST", 8)
    sure = found(CHAIN + "onsite c[l] : e", N=500)
    assert sure[UNITARY, MOVED] is Certainty.ALWAYS
    many = found(CHAIN + "onsite c[l] : e*(l - (N + 1)/2)^2", N=60)
    assert many[UNITARY, MOVED] is Certainty.NUMBERS


@pytest.mark.parametrize(("given", "sure"), [({}, Certainty.GIVEN), ({"e": 0.5, "f": 0.5}, Certainty.GIVEN)])
def test_values_from_outside_count(given, sure):
    assert found(CHAIN + "onsite c[1] : e; onsite c[N] : f", **given)[UNITARY, MOVED] is sure
    assert (UNITARY, MOVED) not in found(CHAIN + "onsite c[1] : e; onsite c[N] : f", e=0.4)
