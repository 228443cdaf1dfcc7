"""Texts of the language as devices: the road that every user takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import modelkit as mk
from modelkit.elements.declarations import declare
from modelkit.errors import ModelError
from modelkit.graph.device import Device
from modelkit.graph.expand import Expansion
from modelkit.graph.hamiltonian import hamiltonian, latex
from modelkit.graph.labels import bond_labels, site_labels, terminal_labels
from modelkit.graph.link import link
from modelkit.graph.values import values_of
from modelkit.language.parser import parse

HEAD = """model m "m"
param N = 6
param mu = 2
param cells = infinite
param V = 0.5
let half = V/2
reference { mu = mu; T = 0 }
"""


def device(text: str, fields: Any = None, **given: float) -> Device:
    declarations = declare(parse(HEAD + text, "m.model"))
    return Expansion(link(declarations)).device(values_of(declarations, given), fields)


def refusal(text: str, **given: float) -> ModelError:
    with pytest.raises(ModelError) as caught:
        device(text, **given)
    return caught.value


WIRE = """lattice wire {
  site c[l] for l in 1..N at (l, 0)
  onsite c[l] where l == 4 : V
  hop c[l] -> c[l+1] : -1
  hop c[l] -> c[m] for m in 1..N where m > l + 1 : -half/abs(l - m)^2
}
"""


def test_a_long_range_wire_with_a_barrier() -> None:
    found = hamiltonian(device(WIRE, V=1.0)).toarray()
    distance = np.abs(np.subtract.outer(np.arange(6), np.arange(6))).astype(float)
    expected = np.zeros((6, 6))
    expected[distance == 1] = -1
    expected[distance > 1] = -0.5 / distance[distance > 1] ** 2
    expected[3, 3] = 1
    np.testing.assert_allclose(found, expected)


def test_a_disc_of_sites_keeps_its_bonds_inside() -> None:
    text = """lattice disc {
      site d[x, y] for x in -N..N, y in -N..N where x^2 + y^2 < 5
      hop d[x, y] -> d[x+1, y] : -1
      hop d[x, y] -> d[x, y+1] : -1i
    }"""
    found = device(text)
    inside = [(x, y) for x in range(-6, 7) for y in range(-6, 7) if x * x + y * y < 5]
    assert site_labels(found) == [f"d[{x},{y}]" for x, y in inside]
    bonds = {f"d[{x},{y}]->d[{x + 1},{y}]" for x, y in inside if (x + 1, y) in inside}
    bonds |= {f"d[{x},{y}]->d[{x},{y + 1}]" for x, y in inside if (x, y + 1) in inside}
    assert sorted(bond_labels(found, np.array(site_labels(found))).tolist()) == sorted(bonds)


def test_terminals_with_families_conditions_and_loads() -> None:
    text = (
        WIRE
        + """
    bath L on wire.left { self_energy = wide_band(1); mu = mu + half; T = 0.1 }
    probe S[l] for l in 2..N-1 step 2 on wire.c[l] {
      self_energy = wide_band(l); solve mu such that I == -mu/4 + param.mu
    }
    """
    )
    found = device(text, {"L.T": 0.2})
    assert terminal_labels(found) == ["L", "S[2]", "S[4]"]
    assert {name: value.tolist() for name, value in found.terminals[0].given.items()} == {
        "mu": [2.25],
        "T": [0.2],
    }
    condition = found.terminals[1].conditions[0]
    np.testing.assert_allclose(condition.constant, [1.5, 1.5])
    np.testing.assert_allclose(condition.slope, [-0.25, -0.25])
    np.testing.assert_allclose(found.terminals[1].arguments["Gamma"], [2, 4])  # type: ignore[arg-type]


@pytest.mark.parametrize("step", [1, -1, 3])
def test_on_the_smallest_rings_hops_add_as_they_are_declared(step: int) -> None:
    text = f"""lattice circle {{
      site a[j] for j in ring(N)
      onsite a[j] : V
      hop a[j] -> a[j+({step})] : j*exp(1i*half)
    }}"""
    one, two = device(text, N=1), device(text, N=2)
    np.testing.assert_allclose(hamiltonian(one).toarray(), [[0.5 + 2 * np.cos(0.25)]])  # t + conj(t)
    joined = 2 * np.exp(0.25j) + np.exp(-0.25j)  # from 2 to 1 with t = 2, from 1 to 2 with t = 1
    np.testing.assert_allclose(hamiltonian(two).toarray(), [[0.5, joined], [np.conj(joined), 0.5]])
    assert len(one.bonds.source) == 0
    assert sorted(zip(two.bonds.source, two.bonds.target, strict=True)) == [(0, 1), (1, 0)]


def test_an_infinite_ring_needs_a_number_of_cells() -> None:
    text = "lattice circle { site a[j] for j in ring(cells); hop a[j] -> a[j+1] : -1 }"
    assert refusal(text).hint == "give cells = 6"
    assert device(text, cells=6).size == 6


def test_nambu_and_spin_from_text_are_a_hermitian_particle_hole_symmetric_matrix() -> None:
    text = """lattice wire {
      internal nambu * spin
      site c[l] for l in 1..N
      onsite c[l] : mu + V*sigma_x + l*sigma_y
      onsite c[l] : half*tau_x*sigma_y
      hop c[l] -> c[l+1] : exp(1i*l) + 1i*V*sigma_y
      pair c[l] - c[l+1] : V*sigma_z + 0.3i
    }"""
    found = hamiltonian(device(text)).toarray()
    np.testing.assert_allclose(found, found.conj().T)
    flip = np.kron(np.eye(6), np.kron([[0, 1], [1, 0]], np.eye(2)))
    np.testing.assert_allclose(found, -flip @ found.conj() @ flip, atol=1e-15)
    pairing = found[0:2, 6:8]  # particles of site 1, holes of site 2
    np.testing.assert_allclose(pairing, -np.conj(np.diag([0.5 + 0.3j, -0.5 + 0.3j])))


def test_disorder_from_text_depends_on_seed_and_place() -> None:
    text = "lattice wire { site c[l] for l in 1..N; disorder onsite c[l] : normal(V, 1, seed = %d) }"
    one, longer, other = device(text % 7), device(text % 7, N=9), device(text % 8)
    assert (one.onsite.value == longer.onsite.value[:6]).all()
    assert not (one.onsite.value == other.onsite.value).any()


def test_errors_of_values_stand_at_the_line_of_their_term() -> None:
    error = refusal("lattice wire {\n site c[l] for l in 1..N\n onsite c[l] : 1/(l - V)\n}", V=3)
    assert error.message == "the on-site energy of 'c[3]' is infinite"
    assert error.span is not None
    assert error.span.line == 10


def test_names_of_letters_are_letters_in_latex() -> None:
    text = """model d
    param eps = 0.1; param gamma = 0.2; param phi = 0.1
    lattice d { site a[l] for l in 1..4; onsite a[l] : eps
    hop a[l] -> a[l+1] where l > gamma : -gamma*phi }"""
    shown = mk.loads(text).latex()
    assert r"\varepsilon \, a_{l}^\dagger a_{l}" in shown
    assert r"l > \gamma" in shown
    assert r"\gamma \varphi" in shown
    assert "eps" not in shown.replace("varepsilon", "")


def test_the_hamiltonian_of_a_text_in_latex() -> None:
    graph = link(declare(parse(HEAD + WIRE, "m.model")))
    assert latex(graph).splitlines()[1].startswith("  + \\sum_{l=1}^{N - 1} \\left(-c_{l + 1}^\\dagger c_{l}")


def test_a_rate_that_is_hermitian_only_at_some_values_is_refused_at_the_others() -> None:
    text = (
        "lattice w { internal spin; site d }\n"
        "bath L on w.d { self_energy = wide_band([1, V | half, 1]); mu = 0 }"
    )
    assert "'L': Gamma of a wide band is a Hermitian matrix" in refusal(text).message
    device(text, V=0)


def test_a_single_site_that_is_no_integer_is_not_told_to_filter_a_family() -> None:
    text = (
        "lattice w { site c[l] for l in 1..N }\nbath L on w.c[N/2+1] { self_energy = wide_band(1); mu = 0 }"
    )
    error = refusal(text, N=5)
    assert "comes out as 3.5" in error.message
    assert error.hint == "floor(x) is the integer below x"
    family = text.replace("L on w.c[N/2+1]", "L[k] for k in 1..2 on w.c[k/2]")
    assert refusal(family).hint == "leave these out with 'where'"


def test_what_is_declared_to_pair_is_a_superconductor_whatever_the_strength() -> None:
    chain = "lattice w {{\n  {internal}\n  site c[l] for l in 1..N\n  {pair}\n}}"
    pairs = {
        "": "pair c[l] - c[l+1] : 0",
        "internal spin": "pair c[l] - c[l] for l in 1..N : 0*[0, 1 | -1, 0]",
        "internal nambu": "",
    }
    for internal, pair in pairs.items():
        assert device(chain.format(internal=internal, pair=pair)).superconducting
    assert not device(chain.format(internal="internal spin", pair="")).superconducting
