"""CPU of the search for all operations of a device: how it grows, and against a matcher of graphs."""

import time

import networkx as nx
import numpy as np
from networkx.algorithms.isomorphism import GraphMatcher

import modelkit as mk
from modelkit.symmetry.matching import Pair
from modelkit.symmetry.operations import generators
from modelkit.symmetry.parts import examined
from tests.symmetry.test_counts import STRIP
from tests.symmetry.test_search import of_graph


def seconds(function, rounds=3):
    """Least CPU seconds of some runs, and what the last gives."""
    least = np.inf
    for _ in range(rounds):
        begin = time.process_time()
        found = function()
        least = min(least, time.process_time() - begin)
    return least, found


def test_a_strip_of_ten_thousand_sites(smoke):
    """From a wire of 60 sites on: structure, permutations and internal unitaries, of all four sorts."""
    model = mk.loads(STRIP)
    sizes = [(6, 1), (6, 6)] if smoke else [(60, 1), (30, 30), (100, 100)]
    used = []
    for x, y in sizes:
        device = model.device(Lx=x, Ly=y)
        used.append(seconds(lambda d=device: generators(examined(d, driven=False)), 1 if smoke else 2)[0])
        print(f"\n{x} x {y}: {used[-1]:.3f} s", end="")
    if not smoke:
        exponent = np.log(used[2] / used[1]) / np.log(sizes[2][0] ** 2 / sizes[1][0] ** 2)
        print(f"\nfrom {sizes[1]} to {sizes[2]}: N^{exponent:.2f}")
        assert exponent < 1.35


def test_against_a_matcher_of_graphs(smoke):
    """All automorphisms of a spinless square, 4 of them and 8: both find as many."""
    for width in (4,) if smoke else (10, 20):
        graph = nx.convert_node_labels_to_integers(nx.grid_graph((width, width)))
        nx.set_node_attributes(graph, 0, "level")
        nx.set_edge_attributes(graph, 1.0, "weight")
        structure = of_graph(graph)
        mine, found = seconds(lambda s=structure: Pair(s, s).generators())
        matcher, images = seconds(lambda g=graph: list(GraphMatcher(g, g).isomorphisms_iter()), 1)
        assert len(images) == 8
        assert 1 <= len(found) <= 3
        print(
            f"\n{width} x {width}: matcher {matcher:.2f} s, search {mine:.4f} s, ratio {matcher / mine:.0f}"
        )
    if not smoke:
        assert matcher / mine > 10
