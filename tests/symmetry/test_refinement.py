"""Refinement against a naive one, and what each vertex then sees."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.symmetry.refinement import Adjacency, Partition

SEEDS = st.integers(0, 10**9)


def arrows(seed, n):
    random = np.random.default_rng(seed)
    count = int(random.integers(0, 3 * n + 1))
    source, target = random.integers(n, size=(2, count))
    return source, target, random.integers(2, size=count)


def naive(n, colour, source, target, label):
    """Rounds over all vertices until nothing splits."""
    colour = colour.tolist()
    while True:
        seen = [Counter() for _ in range(n)]
        for a, b, word in zip(source.tolist(), target.tolist(), label.tolist(), strict=True):
            seen[b][word, colour[a]] += 1
        keys = [(colour[v], frozenset(seen[v].items())) for v in range(n)]
        numbers = {key: k for k, key in enumerate(dict.fromkeys(keys))}
        if len(numbers) == len(set(colour)):
            return colour
        colour = [numbers[key] for key in keys]


def cells(colour):
    found = {}
    for v, each in enumerate(colour):
        found.setdefault(int(each), []).append(v)
    return sorted(found.values())


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.integers(1, 14))
def test_the_coarsest_equitable_partition_is_found(seed, n):
    source, target, label = arrows(seed, n)
    start = np.unique(np.random.default_rng(seed + 1).integers(3, size=n), return_inverse=True)[1]
    partition = Partition.of(start)
    partition.refine(Adjacency.of(n, source, target, label))
    assert cells(partition.colour) == cells(naive(n, start, source, target, label))
    assert partition.size == np.bincount(partition.colour).tolist()


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.integers(2, 14))
def test_a_change_is_refined_as_from_the_start(seed, n):
    source, target, label = arrows(seed, n)
    adjacency = Adjacency.of(n, source, target, label)
    partition = Partition.of(np.zeros(n, dtype=np.intp))
    partition.refine(adjacency)
    before = partition.copy()
    changed = np.array([seed % n])
    if partition.size[partition.colour[changed[0]]] > 1:
        partition.single(changed)
    again = partition.colour.copy()
    partition.refine(adjacency, changed)
    assert cells(partition.colour) == cells(naive(n, again, source, target, label))
    assert cells(before.colour) == cells(naive(n, np.zeros(n, int), source, target, label))


def test_a_structure_without_arrows_stays_as_it_is():
    partition = Partition.of(np.array([0, 0, 1]))
    none = np.zeros(0, dtype=np.intp)
    partition.refine(Adjacency.of(3, none, none, none))
    assert partition.colour.tolist() == [0, 0, 1]


def test_only_what_was_split_is_looked_at_again():
    """A path of n vertices needs n/2 rounds; each vertex is active about once, not once a round."""
    looked = []
    for n in (100, 400):
        source = np.concatenate([np.arange(n - 1), np.arange(1, n)])
        target = np.concatenate([np.arange(1, n), np.arange(n - 1)])
        adjacency = Adjacency.of(n, source, target, np.zeros(len(source), dtype=np.intp))
        partition = Partition.of(np.zeros(n, dtype=np.intp))
        partition.refine(adjacency)
        assert len(partition.size) == n // 2
        looked.append(adjacency.counts["arrows"] / len(source))
    assert max(looked) < 2.5
