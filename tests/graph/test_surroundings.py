"""Regions, prescribed potentials, gates and the matrices of screening on devices."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelkit as mk
from modelkit.compile.open_system import open_system
from modelkit.elements.screening_laws import Couplings, Layout, capacitors, laws
from modelkit.graph.device import Device
from modelkit.graph.expand import Expansion
from modelkit.graph.hamiltonian import hamiltonian
from modelkit.graph.labels import region_labels, site_labels
from modelkit.graph.link import link
from modelkit.graph.potentials import on_orbitals
from modelkit.graph.screening import rigid_leads
from modelkit.graph.values import values_of
from modelkit.registry import Output, outputs
from modelkit.view.manual import manual
from tests.golden import assert_spans_lie_in

WIRE = """model wire
param N = 6
param V = 0.1
reference { mu = 0; T = 0.05 }
lattice wire {
  site c[l] for l in 1..N at (l, 0)
  site dot
  hop c[l] -> c[l+1] : -1
  hop c[2] -> dot : 0.4
}
bath L on wire.c[1] { self_energy = wide_band(1); mu = V/2; T = 0.05 }
bath R on wire.c[N] { self_energy = chain(hopping = 1, coupling = 1); mu = -V/2; T = 0.05 }
task go = transport(order = 1) { output current }
task spec = transmission { sweep E from -1 to 1 points 3; output transmission, dos }
"""


def device(more: str, text: str = WIRE) -> Device:
    return mk.loads(text + more).device()


def refusal(more: str, text: str = WIRE) -> tuple[str, str | None, str]:
    """Message, hint and the marked text of the one error of expanding the model."""
    with pytest.raises(mk.ModelError) as caught:
        mk.loads(text + more).device()
    (error,) = caught.value.errors
    assert_spans_lie_in(error, text + more)
    assert error.span is not None
    return error.message, error.hint, error.span.text


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


PARTS = "region a on wire where l < 3\nregion b on wire.c where l >= 3\n"
GATED = "gate G { U = 3*V }\n" + PARTS
CAPACITORS = """screening on wire {
  capacitance a - b : 2; capacitance a - G : 0.5; capacitance b - ground : 3; capacitance b - R : 4
  solve U[a, b] such that charge == capacitance
}
"""


def test_capacitances_are_maxwells_matrix() -> None:
    (group,) = device(GATED + CAPACITORS).screening
    assert (group.names, group.count, group.membership.tolist()) == (("a", "b"), 2, [0, 0, 1, 1, 1, 1, -1])
    assert group.matrix.toarray().tolist() == [[2.5, -2], [-2, 9]]
    columns = {one.label: group.couplings.toarray()[:, k] for k, one in enumerate(group.electrodes)}
    assert {name: column.tolist() for name, column in columns.items()} == {
        "R": [0, -4],
        "G": [-0.5, 0],
        "ground": [0, -3],
    }
    kinds = {one.label: (one.kind, one.potential, one.terminal) for one in group.electrodes}
    assert kinds == {
        "R": ("terminal", 0, 1),
        "G": ("gate", pytest.approx(0.3), -1),
        "ground": ("ground", 0, -1),
    }
    # raising everything alike moves no charge
    total = group.matrix.sum(axis=1) + group.couplings.sum(axis=1)
    assert np.allclose(total, 0)


def test_neutrality_has_no_matrix_and_labels_follow_the_unknowns() -> None:
    each = device("screening on wire.c { solve U such that charge == 0 }\n")
    (group,) = each.screening
    assert (group.count, group.matrix.nnz, group.electrodes) == (6, 0, ())
    assert region_labels(each, np.array(site_labels(each))) == [f"c[{number}]" for number in range(1, 7)]
    whole = device("screening on wire { solve U[wire] such that charge == 0 }\n")
    assert whole.screening[0].membership.tolist() == [0] * 7
    assert region_labels(whole, np.array(site_labels(whole))) == ["wire"]
    named = device(PARTS)
    assert region_labels(named, np.array(site_labels(named))) == ["a", "b"]


def test_poisson_is_the_graph_laplacian_with_terminals_as_neighbours() -> None:
    more = "probe D on wire.c[2] { self_energy = wide_band(1); solve f such that i(E) == 0 }\n"
    text = WIRE.replace("hop c[2] -> dot", "hop c[1] -> c[2] : 0.1\n  hop c[2] -> dot")
    (group,) = device(
        more + "screening on wire { solve U such that charge == poisson(epsilon = 2) }\n", text
    ).screening
    laplacian = np.zeros((7, 7))
    for one, other in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (1, 6)]:
        laplacian[[one, other], [one, other]] += 2
        laplacian[[one, other], [other, one]] -= 2
    laplacian[[0, 5], [0, 5]] += 2
    assert np.array_equal(group.matrix.toarray(), laplacian)
    assert [one.label for one in group.electrodes] == ["L", "R"]  # a dephasing probe has no potential
    assert group.couplings.toarray().tolist() == [[-2, 0], *[[0, 0]] * 4, [0, -2], [0, 0]]
    coarse = PARTS + "screening on wire.c { solve U[a, b] such that charge == poisson(epsilon = 2) }\n"
    (lumped,) = device(coarse).screening
    assert lumped.matrix.toarray().tolist() == [[4, -2], [-2, 4]]


@pytest.mark.parametrize(
    ("more", "message", "at"),
    [
        (
            "region a on wire.c where l < 3\nregion b on wire.c where l > 1\n"
            "screening on wire { solve U[a, b] such that charge == 0 }\n",
            "'c[2]' lies in 'a' and in 'b'",
            "b",
        ),
        (
            "region a on wire.c where l < 3\n"
            "screening on wire.c[1], wire.dot { solve U[a] such that charge == 0 }\n",
            "'c[2]' of 'a' is not among the sites that are screened",
            "a",
        ),
        (
            "region a on wire.c where l < 3\n"
            "screening on wire { solve U[a] such that charge == poisson(epsilon = V) }\n",
            "'c[3]' has no potential, but poisson needs one everywhere",
            "poisson(epsilon = V)",
        ),
        (
            "screening on wire { solve U such that charge == poisson(epsilon = -V) }\n",
            "the epsilon of poisson is positive",
            "poisson(epsilon = -V)",
        ),
        (
            "screening on wire { capacitance wire - ground : -V\n "
            "solve U[wire] such that charge == capacitance }\n",
            "this capacitance comes out as -0.1",
            "capacitance wire - ground : -V",
        ),
        (
            "bath S[l] for l in 2..3 on wire.c[l] { self_energy = wide_band(1); mu = 0 }\n"
            "screening on wire { capacitance wire - S[4] : 1\n "
            "solve U[wire] such that charge == capacitance }\n",
            "there is no 'S[4]' at these values",
            "S[4]",
        ),
    ],
)
def test_what_values_make_wrong_is_told_at_its_line(more: str, message: str, at: str) -> None:
    found, hint, text = refusal(more)
    assert (found, text) == (message, at)
    assert hint


def test_a_site_has_one_potential() -> None:
    one = "screening on wire { solve U such that charge == 0 }\n"
    message, hint, _ = refusal(one + one.replace("on wire", "on wire.dot"))
    assert (message, hint) == (
        "the potential of 'dot' is solved by the screening in line 15 already",
        "each site stands in one screening",
    )
    # a prescribed potential and screening on the same sites add
    assert device(one + "potential on wire { U = V }\n").potential[0] == 0.1


def test_fixed_bands_are_refused_with_screening() -> None:
    screened = "screening on wire { solve U such that charge == 0 }\n"
    rigid = WIRE.replace("coupling = 1); mu", "coupling = 1); bands = rigid; mu")
    (error,) = rigid_leads(device(screened, rigid))
    assert error.message.startswith("the bands of 'R' are fixed")
    assert error.span is not None
    assert error.span.text == "bands = rigid"
    assert not list(rigid_leads(device(screened)))
    assert not list(rigid_leads(device("", rigid)))
    flat = WIRE.replace("wide_band(1); mu", "wide_band(1); bands = rigid; mu")
    assert not list(rigid_leads(device(screened, flat)))
    formula = WIRE.replace("wide_band(1); mu", "1/(E + 1i); bands = rigid; mu")
    assert len(list(rigid_leads(device(screened, formula)))) == 1
    assert not list(rigid_leads(device(screened, formula.replace("1/(E + 1i)", "-1i"))))


def test_a_law_of_screening_is_one_class() -> None:
    class Chain(laws["poisson"]):  # type: ignore[misc]
        """Every unknown beside the next."""

        whole = False

        @staticmethod
        def couplings(layout: Layout, **arguments: float) -> Couplings:
            count = layout.membership.max() + 1
            run = np.arange(count - 1)
            return capacitors(run, run + 1, np.full(count - 1, arguments["epsilon"]))

    text = PARTS + "screening on wire { solve U[a, b] such that charge == beads(epsilon = 3) }\n"
    with pytest.raises(mk.ModelError, match="there is no law of screening 'beads'"):
        mk.loads(WIRE + text)
    with laws.extended("beads", Chain):
        assert "Every unknown beside the next" in manual()
        assert device(text).screening[0].matrix.toarray().tolist() == [[3, -3], [-3, 3]]
    assert "beads" not in manual()


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
