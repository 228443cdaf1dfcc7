"""Planted operations are found, whatever hides them; what is found holds; nothing more is there."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networkx.algorithms.isomorphism import GraphMatcher
from sympy.combinatorics import Permutation, PermutationGroup

from modelkit.symmetry.builder import Builder
from modelkit.symmetry.labels import colours_of
from modelkit.symmetry.lift import lift
from modelkit.symmetry.matching import Pair
from modelkit.symmetry.structure import SORTS, TIME_REVERSAL, UNITARY, Structure
from tests.symmetry.planted import planted, worst

SEEDS = st.integers(0, 10**9)
NEAR = 1e-7  # far below what breaks anything here


def group_of(structure: Structure) -> PermutationGroup:
    """What the generators give, each checked block by block."""
    found = [np.arange(structure.n)]
    for permutation, lifted in Pair(structure, structure).generators():
        assert worst(structure, UNITARY, permutation, lifted.unitary) < NEAR
        found.append(permutation)
    return PermutationGroup([Permutation(each.tolist()) for each in found])


def sorts_of(structure: Structure) -> dict:
    """One operation of each sort, each checked block by block."""
    found = {}
    for sort in SORTS:
        one = Pair(structure.under(sort), structure).found()
        if one is not None:
            assert worst(structure, sort, one[0], one[1].unitary) < NEAR
            found[sort] = one[0]
    return found


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.sampled_from(SORTS))
def test_a_planted_operation_is_found(seed, sort):
    plant = planted(seed, sort)
    assert worst(plant.structure, sort, plant.permutation, plant.unitary) < NEAR
    first = sorts_of(plant.structure)[sort]
    rest = np.argsort(first)[plant.permutation]
    assert group_of(plant.structure).contains(Permutation(rest.tolist()))


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.sampled_from(SORTS))
def test_numbers_and_bases_of_the_sites_do_not_matter(seed, sort):
    one, other = (planted(seed, sort, hiding=k).structure for k in (1, 2))
    assert group_of(one).order() == group_of(other).order()
    assert set(sorts_of(one)) == set(sorts_of(other))
    found = Pair(one, other).found()  # the same structure
    assert found is not None


@settings(max_examples=12, deadline=None)
@given(SEEDS, st.sampled_from(SORTS), st.sampled_from([1e-6, 1e-2, 1.0]))
def test_what_a_broken_structure_keeps_is_kept_indeed(seed, sort, strength):
    structure = planted(seed, sort, most=5).structure
    own = np.flatnonzero(structure.row == structure.column)
    if len(own):
        changed = structure.block.copy()
        k = own[seed % len(own)]
        changed[k] *= 1 + strength
        if structure.kind[k] == 0:
            structure = replace(structure, block=changed)
    group_of(structure)
    sorts_of(structure)


@settings(max_examples=8, deadline=None)
@given(SEEDS)
def test_all_permutations_that_have_internal_unitaries_are_generated(seed):
    structure = planted(seed, UNITARY, most=4).structure
    group = group_of(structure)
    colour = colours_of(structure, structure)[: structure.n]
    cells = [np.flatnonzero(colour == c).tolist() for c in range(colour.max() + 1)]
    assume(math.prod(math.factorial(len(cell)) for cell in cells) <= 500)
    count = sum(lift(structure, structure, permutation) is not None for permutation in _within(cells))
    assert count == group.order()


def _within(cells):
    """All permutations of the members of cells among themselves."""
    for choice in itertools.product(*(itertools.permutations(cell) for cell in cells)):
        permutation = np.empty(sum(map(len, cells)), dtype=np.intp)
        for cell, image in zip(cells, choice, strict=True):
            permutation[cell] = image
        yield permutation


def of_graph(graph: nx.Graph, phases=None) -> Structure:
    """Sites without internal spaces, coloured by ``level``; edges by ``weight``."""
    builder, n = Builder(), len(graph)
    sites = builder.vertices(n, "site", size=1)
    kind = builder.kind("H")
    for v, level in graph.nodes(data="level"):
        builder.add(sites[[v]], sites[[v]], kind, np.full((1, 1, 1), 1.0 + level, complex))
    for a, b, weight in graph.edges(data="weight"):
        phase = 1.0 if phases is None else np.exp(1j * phases[a, b])
        for pair, value in (((a, b), weight * phase), ((b, a), weight * np.conj(phase))):
            builder.add(sites[[pair[0]]], sites[[pair[1]]], kind, np.full((1, 1, 1), value, complex))
    return builder.structure()


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(1, 7), st.integers(1, 2), st.integers(1, 2))
def test_a_matcher_of_graphs_agrees_where_there_is_no_flux(seed, n, levels, weights):
    random = np.random.default_rng(seed)
    graph = nx.gnp_random_graph(n, random.uniform(0.2, 0.9), seed=seed)
    nx.set_node_attributes(graph, {v: int(random.integers(levels)) for v in graph}, "level")
    nx.set_edge_attributes(graph, {e: 1.0 + random.integers(weights) for e in graph.edges}, "weight")
    matcher = GraphMatcher(
        graph,
        graph,
        node_match=lambda a, b: a["level"] == b["level"],
        edge_match=lambda a, b: a["weight"] == b["weight"],
    )
    images = [each for each, _ in zip(matcher.isomorphisms_iter(), range(6000), strict=False)]
    # real hops of one sign: bipartite or not, absolute values decide, signs being all alike
    group = group_of(of_graph(graph))
    assert group.order() == len(images)
    orbits = {frozenset(orbit) for orbit in group.orbits()}
    assert {frozenset(each[v] for each in images) for v in graph} == orbits | {
        frozenset([v]) for v in graph if not any(v in orbit for orbit in orbits)
    }


@pytest.mark.parametrize("graph", [nx.petersen_graph(), nx.cycle_graph(11), nx.complete_graph(6)])
def test_well_known_graphs(graph):
    nx.set_node_attributes(graph, 0, "level")
    nx.set_edge_attributes(graph, 1.0, "weight")
    expected = {10: 120, 11: 22, 6: 720}[len(graph)]
    assert group_of(of_graph(graph)).order() == expected


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(3, 9))
def test_gauges_do_not_matter_and_a_flux_does(seed, n):
    random = np.random.default_rng(seed)
    ring = nx.cycle_graph(n)
    nx.set_node_attributes(ring, 0, "level")
    nx.set_edge_attributes(ring, 1.0, "weight")
    gauge = random.uniform(-3, 3, n)
    for flux in (0.0, np.pi, 1.0):
        phases = {(a, b): gauge[b] - gauge[a] + (flux if (a, b) == (0, 1) else 0.0) for a, b in ring.edges}
        structure = of_graph(ring, phases)
        turns = n if flux == 1.0 else 2 * n  # a flux orients the ring
        assert group_of(structure).order() == turns
        found = Pair(structure.under(TIME_REVERSAL), structure).found()
        assert found is not None  # with a reflection where there is a flux
        assert np.array_equal(found[0], np.arange(n)) or flux == 1.0
