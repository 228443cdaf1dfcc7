"""Regions and prescribed potentials on devices, and what is declared of all surroundings."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelkit as mk
from modelkit.compile.open_system import open_system
from modelkit.graph.expand import Expansion
from modelkit.graph.hamiltonian import hamiltonian
from modelkit.graph.link import link
from modelkit.graph.potentials import on_orbitals
from modelkit.graph.values import values_of
from modelkit.registry import Output, outputs
from tests.graph.wires import CAPACITORS, GATED, PARTS, WIRE, device, refusal


def test_a_region_is_its_sites_in_their_order() -> None:
    found = device(
        "region a on wire where l < 3\nregion b on wire.dot, wire.c[5], wire.right\nregion c on wire\n"
    ).regions
    assert [(one.name, one.site.tolist()) for one in found] == [
        ("a", [0, 1]),
        ("b", [4, 5, 6]),
        ("c", list(range(7))),
    ]


def test_a_region_without_sites_is_refused_where_something_stands_on_it() -> None:
    empty = "region a on wire where l > N\n"
    unknown = "screening on wire { solve U[a] such that charge == 0 }\n"
    assert refusal(empty + unknown)[0] == "the region 'a' has no sites at these values"
    for use in ("potential on a { U = 1 }\n", "screening on a { solve U such that charge == 0 }\n"):
        assert "no site" in refusal(empty + use)[0]
    left = "region b on wire where l == 1\n"
    assert [one.name for one in device(empty + left).regions] == ["b"]
    assert refusal("region a on wire.c[N+1]\n")[0] == "there is no site 'c[N + 1]'"
    ring = WIRE.replace("l in 1..N", "l in ring(N)")
    assert refusal("region a on wire.left\n", ring)[0] == "a ring has no 'left' end"


def test_potentials_add_site_by_site() -> None:
    text = """region a on wire where l < 3
    potential on wire.c { U = V*(l - 1)/(N - 1) }
    potential on a { U = 1 }
    potential on wire.dot, wire.right { U = -V }
    """
    expected = np.append(0.1 * np.arange(6) / 5, -0.1) + np.array([1, 1, 0, 0, 0, -0.1, 0])
    assert device(text).potential == pytest.approx(expected)
    assert device("").potential.tolist() == [0.0] * 7
    # a site that is named twice in one statement is one site
    assert device("potential on wire, wire.c[1] { U = 2 }\n").potential.tolist() == [2.0] * 7


def test_a_potential_says_which_site_is_wrong() -> None:
    message, hint, at = refusal("potential on wire.c { U = V/(l - 3) }\n")
    assert message.startswith("the potential of 'c[3]' is ")
    assert (hint, at) == ("exclude the site with 'where'", "V/(l - 3)")
    message, hint, at = refusal("potential on wire { U = V*l }\n")
    assert (message, at) == ("the sites of 'dot' have no index 'l'", "V*l")
    assert hint == "name the sites that have it: potential on wire.SITE"
    assert "on no site" in refusal("potential on wire where l > N { U = V }\n")[0]


ENERGIES = st.floats(-2, 2).map(lambda value: round(value, 3))


@settings(max_examples=15, deadline=None)
@given(ENERGIES, ENERGIES, st.integers(3, 6), st.booleans())
def test_a_potential_is_an_onsite_energy_by_two_roads(a: float, b: float, cut: int, spin: bool) -> None:
    text = WIRE.replace("lattice wire {", "lattice wire {\n internal spin") if spin else WIRE
    onsite = text.replace(
        "hop c[l] ->", f"onsite c[l] where l < {cut} : ({a})*l\n  onsite dot : {b}\n  hop c[l] ->"
    )
    more = f"region r on wire where l < {cut}\npotential on r {{ U = ({a})*l }}\n"
    more += f"potential on wire.dot {{ U = {b} }}\n"
    one, other = mk.loads(text + more), mk.loads(onsite)
    assert one.device().onsite.value.any() == 0
    matrices = [hamiltonian(model.device()).toarray() for model in (one, other)]
    assert np.array_equal(*matrices)
    compiled = [open_system(model.device()).hamiltonian.toarray() for model in (one, other)]
    assert np.array_equal(compiled[0], matrices[0])
    for task, method in (("spec", "sparse"), ("spec", "ladder"), ("go", None)):
        results = [model.run(task, method=method) for model in (one, other)]
        name = "current" if task == "go" else "transmission"
        assert results[0][name].values == pytest.approx(results[1][name].values, rel=1e-10, abs=1e-13)


def test_the_potential_of_holes_is_minus_that_of_electrons() -> None:
    for spaces, signs in (
        ("nambu", [1, -1]),
        ("spin * nambu", [1, -1, 1, -1]),
        ("nambu * orbital(3)", [1, 1, 1, -1, -1, -1]),
        ("orbital(3) * nambu * spin", [1, 1, -1, -1] * 3),
        ("spin * orbital(2)", [1] * 4),
    ):
        text = f"model m\nlattice wire {{ internal {spaces}; site c[l] for l in 1..2 }}\n"
        made = mk.loads(text + "potential on wire { U = l }\n").device()
        assert on_orbitals(made, made.potential).tolist() == [*signs, *(2 * sign for sign in signs)]
        plain = mk.loads(text.replace("l in 1..2 }", "l in 1..2; onsite c[l] : l }")).device()
        assert np.array_equal(hamiltonian(made).toarray(), hamiltonian(plain).toarray())


def test_a_new_potential_evaluates_one_formula_and_no_structure() -> None:
    text = """param W = 1
    region a on wire where l < 3
    potential on a { U = W*l }
    potential on wire { U = V }
    screening on wire { solve U such that charge == poisson(epsilon = 2) }
    """
    declarations = mk.loads(WIRE + text).declarations
    expansion = Expansion(link(declarations))
    first = expansion.device(values_of(declarations, {}))
    before = Counter(expansion.counts)
    second = expansion.device(values_of(declarations, {"W": 3}))
    assert dict(expansion.counts - before) == {"potentials": 1}
    assert first.fingerprint != second.fingerprint
    assert second.potential - first.potential == pytest.approx([2, 4, 0, 0, 0, 0, 0])
    before = Counter(expansion.counts)
    assert expansion.device(values_of(declarations, {"W": 3})).fingerprint == second.fingerprint
    assert dict(expansion.counts - before) == {}


def test_results_run_over_the_unknown_potentials() -> None:
    def sums(found: Any) -> np.ndarray:
        return np.arange(1.0, 3.0)

    new = Output("part", None, ("region",), "1", "a number for each region", ("transport",), sums)
    with outputs.extended("part", new):
        text = WIRE.replace("output current", "output part, second = part[b]")
        found = mk.loads(text + PARTS).run("go")
        assert found.part.sel(region="b").item() == found.second.item() == 2.0
        assert found.region.values.tolist() == ["a", "b"]
        with pytest.raises(mk.ModelError, match="there is no site 'z'"):
            mk.loads(text.replace("part[b]", "part[z]") + PARTS)


def test_statements_built_in_python_are_those_of_the_text() -> None:
    built = (
        mk.loads(WIRE)
        .gate("G", U="3*V")
        .region("a", on="wire", where="l < 3")
        .region("b", on="wire.c", where="l >= 3")
        .screening(
            on="wire",
            capacitance=["a - b : 2", "a - G : 0.5", "b - ground : 3", "b - R : 4"],
            solve="U[a, b] such that charge == capacitance",
        )
        .potential(on=["a", "wire.dot"], U="V")
    )
    text = WIRE + GATED + CAPACITORS + "potential on a, wire.dot { U = V }\n"
    assert built == mk.loads(text)
    assert mk.loads(built.to_source()) == built


@pytest.mark.parametrize(
    "lines",
    [
        "screening on wire { solve U such that charge == poisson(epsilon = 1) }",
        """screening on wire {
          capacitance left_part - right_part : C12; capacitance right_part - ground : C3
          solve U[left_part, right_part] such that charge == capacitance
        }""",
    ],
)
def test_the_forms_of_the_language_page_are_declared(lines: str) -> None:
    text = """param C12 = 1
    param C3 = 2
    region left_part on wire where l < 4                       # named part of a lattice
    region right_part on wire where l >= 4
    potential on wire { U = V/2 }
    """
    model = mk.loads(WIRE + text + lines)
    model.check()
    assert mk.loads(model.to_source()) == model
    assert model.device().screening


def test_the_graphs_show_regions_potentials_and_gates() -> None:
    model = mk.loads(WIRE + GATED + CAPACITORS + "potential on a { U = V*l }\n")
    graph = model.graph()
    kinds = {node: data["kind"] for node, data in graph.nodes(data=True)}
    assert kinds["a"] == "region"
    assert kinds["G"] == "gate"
    assert kinds["potential 1"] == "potential"
    assert kinds["screening 1"] == "screening"
    assert kinds["(ground)"] == "ground"
    edges = {(one, other, data["kind"]) for one, other, data in graph.edges(data=True)}
    assert {
        ("a", "wire", "part"),
        ("b", "wire.c", "part"),
        ("a", "G", "capacitance"),
        ("b", "(ground)", "capacitance"),
        ("potential 1", "wire", "potential"),
        ("screening 1", "wire", "screening"),
    } <= edges
    assert all(data["span"] is not None for _, data in graph.nodes(data=True))
    site = model.device().graph().nodes["c[2]"]
    assert (site["potential"], site["regions"]) == (0.2, ("a",))
    shown = model.device().graph()
    assert shown.nodes["G"]["kind"] == "gate"
    assert {to for _, to, data in shown.edges("G", data=True) if data["kind"] == "capacitance"} == {
        "c[1]",
        "c[2]",
    }
    assert r"l < 3}}^{N} V l \, c_{l}^\dagger c_{l}" in model.latex()
