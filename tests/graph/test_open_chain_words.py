"""Dissipators in the declared graph, in pictures and print, and built in Python."""

from __future__ import annotations

import modelkit as mk
from modelkit.graph.jump_latex import jumps_latex
from modelkit.graph.link import link

TEXT = """model rings "two rings"
param kappa = 0.2
param delta = 1 + 1i
lattice up { internal spin; site c[j] for j in ring(3); hop c[j] -> c[j+1] : -1 }
lattice low { site d[j] for j in ring(3) }
dissipator pump[j] on up, low {
  jump = (c[j, up]' + delta*d[j+1]')*c[j, down]; rate = kappa/j
}
dissipator thermal on up, low { jump = detailed_balance(beta = 2); rate = kappa }
filling up = 1/2
filling low = kappa
"""


def test_dissipators_are_nodes_and_edges_of_the_declared_graph() -> None:
    graph = link(mk.loads(TEXT).declarations)
    assert [n for n, data in graph.nodes(data=True) if data["kind"] == "dissipator"] == ["pump", "thermal"]
    kinds = ("jump", "filling")
    edges = [(a, b, data["kind"]) for a, b, data in graph.edges(data=True) if data["kind"] in kinds]
    assert edges == [
        ("pump", "up.c", "jump"),
        ("pump", "low.d", "jump"),
        ("thermal", "up", "jump"),
        ("thermal", "low", "jump"),
        ("filling up", "up", "filling"),
        ("filling low", "low", "filling"),
    ]
    (pump,) = graph.get_edge_data("pump", "low.d").values()
    assert [str(at) for at in pump["at"]] == ["j + 1"]
    assert graph.nodes["thermal"]["bath"].beta == 2


def test_jump_operators_in_print() -> None:
    shown = jumps_latex(link(mk.loads(TEXT).declarations))
    up, down = (rf"c_{{\mathrm{{up}};j,\mathrm{{{spin}}}}}" for spin in ("up", "down"))
    raised = r"d_{\mathrm{low};j + 1}^\dagger"
    assert rf"L_{{\mathrm{{pump}},j}} &= {up}^\dagger {down} + \delta \, {raised} {down}" in shown
    assert r"k(E) = e^{- E}" in shown
    assert "pump" in mk.loads(TEXT)._repr_html_()


def test_interactions_in_print() -> None:
    lattice = "lattice a {{ internal spin; site c[j] for j in 1..3; interaction {} }}"
    plain, labelled = (
        mk.loads("model m\n" + lattice.format(text)).latex()
        for text in ("c[j] - c[j+1] : 2", "c[j, up] - c[j, down] : 2")
    )
    assert plain.endswith(r"2 \, c_{j}^\dagger c_{j} c_{j + 1}^\dagger c_{j + 1}")
    assert labelled.endswith(
        r"n^\mathsf{T}_{c_{j}} \left[\begin{matrix}0 & 2\\0 & 0\end{matrix}\right] \, n_{c_{j}}"
    )


def test_what_is_written_comes_back() -> None:
    model = mk.loads(TEXT)
    again = mk.loads(model.to_source())
    assert again.to_source() == model.to_source()
    assert list(again.declarations.elements) == list(model.declarations.elements)
    pumps = [one.declarations.elements["pump"] for one in (again, model)]
    assert pumps[0].jump == pumps[1].jump


def test_a_model_built_in_python() -> None:
    model = (
        mk.Model("chain")
        .param("kappa", 0.2)
        .lattice("wire", site="c[j] for j in 1..4", hop="c[j] -> c[j+1] : -1")
        .dissipator("loss[j]", on="wire", jump="c[j] + 1i*c[j+1]", rate="kappa")
        .filling("wire", 0.5)
    )
    device = model.device(kappa=0.3)
    (group,) = device.dissipators
    assert group.labels == ("loss[1]", "loss[2]", "loss[3]")
    assert group.rate.tolist() == [0.3] * 3
    assert device.filling == {"wire": 0.5}
    assert device.graph().number_of_nodes() == 4


def test_the_picture_of_an_open_chain_shows_its_sites() -> None:
    import matplotlib.pyplot as plt

    figure = mk.loads(TEXT).draw()
    assert figure.axes
    plt.close(figure)
