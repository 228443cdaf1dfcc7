"""The two graphs, the labels and the symbolic Hamiltonian."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import sympy as sp

from modelkit.elements.lattices import Term
from modelkit.elements.result_formulas import Label
from modelkit.errors import ModelError
from modelkit.graph.hamiltonian import hamiltonian, latex
from modelkit.graph.labels import bond_labels, site_labels, terminal_sites
from modelkit.graph.link import REFERENCE, Edge, Links, link, links
from tests.graph.written import (
    NAMBU,
    SPIN,
    Declared,
    Equilibrium,
    N,
    bath,
    chain,
    expansion,
    hop,
    j,
    l,
    lattice,
    line,
    on,
    onsite,
    over,
    pair,
    probe,
    ref,
    ring,
    site,
    t,
    x,
    y,
)

RUN = over(l, 1, N)


def test_the_declared_graph_has_a_node_a_thing_and_an_edge_a_relation() -> None:
    # a terminal may stand before its lattice
    elements = [probe("S", on("c", l), indices=(over(l, 2, 4),)), chain(onsite(ref("c", l), RUN, value=l))]
    declared = Declared(
        {element.name: element for element in elements}, Equilibrium(sp.Integer(1), sp.Integer(0))
    )
    graph = link(declared)
    kinds = {node: data["kind"] for node, data in graph.nodes(data=True)}
    assert kinds == {REFERENCE: "reference", "S": "terminal", "wire": "lattice", "wire.c": "site"}
    edges = {data["kind"]: (source, target, data) for source, target, data in graph.edges(data=True)}
    assert {kind: edge[:2] for kind, edge in edges.items()} == {
        "contains": ("wire", "wire.c"),
        "hop": ("wire.c", "wire.c"),
        "onsite": ("wire.c", "wire.c"),
        "attachment": ("S", "wire.c"),
    }
    hopping = edges["hop"][2]
    assert (hopping["formula"], hopping["indices"], hopping["where"], hopping["span"]) == (
        -t,
        (RUN,),
        sp.true,
        line(4),
    )
    assert edges["attachment"][2]["at"] == (l,)
    assert graph.graph["declarations"] is declared


def test_the_graph_does_not_grow_with_the_wire() -> None:
    assert len(link(Declared({"wire": chain(stop=10)}))) == len(link(Declared({"wire": chain(stop=10**6)})))


def test_a_new_kind_of_element_enters_the_graph_in_one_place() -> None:
    @dataclass(frozen=True)
    class Camera:
        name: str

    @links.register(Camera)
    def _of_camera(camera: Camera) -> Links:
        node = {"kind": "camera", "element": camera, "label": camera.name, "span": None}
        edge = Edge(camera.name, "wire", {"kind": "looks at", "element": camera, "span": None})
        return Links({camera.name: node}, (edge,))

    graph = link(Declared({"eye": Camera("eye"), "wire": chain()}))
    assert graph.nodes["eye"]["kind"] == "camera"
    assert graph.get_edge_data("eye", "wire")[0]["kind"] == "looks at"


def test_the_device_graph_holds_sites_hops_and_terminals() -> None:
    plane = (over(x, 1, 2), over(y, 1, 2))
    matrix = sp.ImmutableDenseMatrix([[0, sp.I], [1, t]])
    terms = [
        hop(ref("d", x, y), ref("d", x + 1, y), *plane, value=matrix),
        onsite(ref("d", x, y), *plane, value=x),
    ]
    declared = lattice(site("d", *plane, position=(x, y / 2)), site("dot"), terms=terms, spaces=(SPIN,))
    device = expansion(declared, bath("L", on(None, end="left"), mu=3)).device({"t": 2.0})
    graph = device.graph()
    assert set(graph) == {"d[1,1]", "d[1,2]", "d[2,1]", "d[2,2]", "dot", "L"}
    corner = graph.nodes["d[2,1]"]
    assert corner["position"] == (2.0, 0.5)
    assert corner["index"] == {"x": 2, "y": 1}
    np.testing.assert_allclose(corner["onsite"], 2 * np.eye(2))
    bond = graph.get_edge_data("d[1,2]", "d[2,2]")[0]
    assert (bond["kind"], bond["label"]) == ("hop", "d[1,2]->d[2,2]")
    np.testing.assert_allclose(bond["matrix"], [[0, 1j], [1, 2]])
    assert graph.nodes["L"]["given"] == {"mu": 3.0, "T": 0.0}
    assert sorted(graph.successors("L")) == ["d[1,1]", "d[1,2]"]


def test_pairs_are_edges_of_the_device_graph() -> None:
    term = pair(ref("c", l), ref("c", l + 1), RUN, value=sp.I)
    plain = expansion(lattice(site("c", RUN), terms=[term])).device({"N": 2}).graph()
    assert plain.get_edge_data("c[1]", "c[2]")[0]["matrix"] == np.array([[1j]])
    nambu = expansion(lattice(site("c", RUN), terms=[term], spaces=(NAMBU,))).device({"N": 2}).graph()
    np.testing.assert_allclose(nambu.get_edge_data("c[1]", "c[2]")[0]["matrix"], [[0, -1j], [0, 0]])


def test_labels_carry_the_lattice_where_a_name_is_shared() -> None:
    one = lattice(site("c", over(l, 1, 2)), site("dot"))
    family = replace(site("c", over(l, 1, 1)), lattice="ring")
    other = replace(lattice(family), name="ring")
    device = expansion(one, other).device({})
    assert site_labels(device) == ["wire.c[1]", "wire.c[2]", "dot", "ring.c[1]"]


def test_large_indices_are_written_out() -> None:
    run = over(l, 10**7, 10**7 + 1)
    term = hop(ref("c", l), ref("c", l + 1), run)
    device = expansion(lattice(site("c", run), terms=[term]), bath("L", on("c", 10**7))).device({})
    sites = np.array(site_labels(device))
    assert bond_labels(device, sites).tolist() == ["c[10000000]->c[10000001]"]
    assert terminal_sites(device, sites).tolist() == ["c[10000000]"]
    family = probe("S", on("c", l), indices=(run,))
    assert expansion(lattice(site("c", run)), family).device({}).terminals[0].label(1) == "S[10000001]"
    assert Label((("S", (10**5 * N + 1,)), ("dot", ()))).text({"N": 100}) == "S[10000001]->dot"


def test_lattices_stand_one_behind_the_other() -> None:
    family = replace(site("e", over(l, 1, 2)), lattice="ring")
    term = Term(
        "hop", (replace(ref("e", 1), lattice="ring"), replace(ref("e", 2), lattice="ring")), (), sp.true, sp.I
    )
    other = replace(lattice(family, terms=[term], spaces=(SPIN,)), name="ring")
    device = expansion(chain(), other, bath("B", on("c", 3))).device({"N": 3, "t": 0.5})
    assert device.offset.tolist() == [0, 1, 2, 3, 5, 7]
    assert device.bonds.source.tolist() == [0, 1, 3]
    assert device.hops.bond.tolist() == [0, 1, 2, 2]
    expected = np.zeros((7, 7), complex)
    expected[[1, 2], [0, 1]] = -0.5
    expected[[5, 6], [3, 4]] = 1j
    np.testing.assert_allclose(hamiltonian(device).toarray(), expected + expected.conj().T)
    assert [group.orbitals for group in device.sites] == [1, 2]


def test_a_degeneracy_is_a_positive_number() -> None:
    declared = lattice(site("c", RUN), degeneracy=sp.Symbol("g"))
    assert expansion(declared).device({"N": 1, "g": 2}).sites[0].degeneracy == 2.0
    with pytest.raises(ModelError, match="the degeneracy of 'wire' is -1, not positive"):
        expansion(declared).device({"N": 1, "g": -1})


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (
            hop(ref("c", l), ref("c", l + 1), RUN, value=-t),
            r"\sum_{l=1}^{N - 1} \left(-t \, c_{l + 1}^\dagger c_{l} + \mathrm{h.c.}\right)",
        ),
        (
            hop(ref("c", l - 2), ref("c", l), RUN, value=1 + t),
            r"\sum_{l=3}^{N} \left(\left(t + 1\right) c_{l}^\dagger c_{l - 2} + \mathrm{h.c.}\right)",
        ),
        (
            onsite(ref("c", l), RUN, value=1, where=l > 3),
            r"\sum_{\substack{l=1 \\ l > 3}}^{N} c_{l}^\dagger c_{l}",
        ),
        (
            pair(ref("c", l), ref("c", l + 1), RUN, value=sp.Symbol("Delta")),
            r"\sum_{l=1}^{N - 1} \left(\Delta \, c_{l} c_{l + 1} + \mathrm{h.c.}\right)",
        ),
        (onsite(ref("c", 4), value=t), r"t \, c_{4}^\dagger c_{4}"),
        (
            hop(ref("a", j), ref("a", j + 1), ring(j, N)),
            r"\sum_{j \in \mathrm{ring}(N)} \left(-a_{j + 1}^\dagger a_{j} + \mathrm{h.c.}\right)",
        ),
    ],
)
def test_the_hamiltonian_is_written_as_sums_over_what_exists(term: Term, expected: str) -> None:
    declared = lattice(site("c", RUN), site("a", ring(j, N)), terms=[term])
    assert latex(link(Declared({"wire": declared}))) == f"H = {expected}"


def test_pairs_without_nambu_are_no_matrix() -> None:
    device = expansion(lattice(site("c", RUN), terms=[pair(ref("c", 1), ref("c", 2), value=1)])).device(
        {"N": 2}
    )
    with pytest.raises(ModelError, match="particles and holes"):
        hamiltonian(device)
