"""How much a search looks at: counted, not timed."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import modelkit as mk
from modelkit.symmetry.matching import Pair
from modelkit.symmetry.parts import examined
from modelkit.symmetry.structure import SORTS, UNITARY
from tests.symmetry.test_search import group_of, of_graph

STRIP = """model strip "spin and orbit"
param Lx = 4
param Ly = 3
reference { mu = 0; T = 0.1 }
lattice strip {
  internal spin
  site c[x, y] for x in 1..Lx, y in 1..Ly at (x, y)
  onsite c[x, y] : 0.2*sigma_z
  hop c[x, y] -> c[x+1, y] : -1 + 0.2i*sigma_y
  hop c[x, y] -> c[x, y+1] : -1 - 0.2i*sigma_x
}
bath L on strip.left { self_energy = wide_band(1); mu = 0 }
bath R on strip.right { self_energy = wide_band(1); mu = 0 }
"""


def work(structure):
    """Arrows looked at and permutations verified, for all sorts, over n log n."""
    arrows = verified = 0
    for sort in SORTS:
        pair = Pair(structure.under(sort), structure)
        found = list(pair.generators()) if sort == UNITARY else [pair.found()]
        assert found
        arrows += pair.adjacency.counts["arrows"]
        verified += pair.verified
    return arrows / (structure.n * np.log2(structure.n)), verified


@pytest.mark.parametrize(
    "sizes", [((60, 1), (15, 30)), pytest.param(((60, 1), (100, 100)), marks=pytest.mark.slow)]
)
def test_work_grows_no_faster_than_n_log_n(sizes):
    model = mk.loads(STRIP)
    found = [work(examined(model.device(Lx=x, Ly=y), driven=False).structure) for x, y in sizes]
    assert found[1][0] < 4 * found[0][0]  # a strip has twice the arrows of a wire
    assert max(verified for _, verified in found) <= 12


def test_a_million_automorphisms_take_a_generator_each():
    """A ring of 20 whose sites carry two equal leaves: 40 * 2^20 automorphisms."""
    ring = nx.cycle_graph(20)
    for v in range(20):
        ring.add_edges_from([(v, 20 + 2 * v), (v, 21 + 2 * v)])
    nx.set_node_attributes(ring, 0, "level")
    nx.set_edge_attributes(ring, 1.0, "weight")
    pair = Pair(of_graph(ring), of_graph(ring))
    found = list(pair.generators())
    assert pair.verified == len(found) <= 30
    assert group_of(of_graph(ring)).order() == 40 * 2**20


def test_equal_leaves_of_a_ring_with_fluxes_do_not_hide_that_no_turn_is_kept():
    """The wrong images of the ring are refuted without going through the leaves."""
    ring = nx.cycle_graph(20)
    for v in range(20):
        ring.add_edges_from([(v, 20 + 2 * v), (v, 21 + 2 * v)])
        ring.add_edge(v, (v + 2) % 20)
    nx.set_node_attributes(ring, 0, "level")
    nx.set_edge_attributes(ring, 1.0, "weight")
    random = np.random.default_rng(0)
    phases = {tuple(edge): random.uniform(-3, 3) for edge in ring.edges}
    structure = of_graph(ring, phases)
    pair = Pair(structure, structure)
    found = list(pair.generators())
    assert len(found) == 20  # the leaves alone
    assert pair.verified < 1500
