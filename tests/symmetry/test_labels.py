"""Labels: the same for what unitaries can map, relative to each number's own size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.symmetry.builder import Builder, word
from modelkit.symmetry.labels import arrows_of, colours_of, ties_of, together
from tests.symmetry.planted import haar


def pair(onsite, hop):
    """Two sites with the same block each and one hop."""
    builder = Builder()
    sites = builder.vertices(2, "site", size=len(hop))
    kind = builder.kind("H")
    builder.add(sites, sites, kind, np.stack([onsite, onsite]))
    builder.add(sites[:1], sites[1:], kind, np.array([hop]))
    builder.add(sites[1:], sites[:1], kind, np.array([hop.conj().T]))
    return builder.structure()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 4), st.sampled_from([1.0, 1e-8]))
def test_labels_do_not_know_the_basis(seed, d, strength):
    random = np.random.default_rng(seed)
    m = random.normal(size=(4, d, d))
    onsite, hop = m[0] + m[0].T, strength * (m[2] + 1j * m[3])
    u = haar(random, d), haar(random, d)
    turned = pair(u[0] @ onsite @ u[0].conj().T, u[0] @ hop @ u[1].conj().T)
    colour = colours_of(pair(onsite + 0j, hop), turned)
    assert len(set(colour.tolist())) == 1
    label = arrows_of(pair(onsite + 0j, hop), turned)[2].reshape(2, -1)
    assert len(set(label[0].tolist())) == 1
    assert len(set(label[1].tolist())) == 1


@pytest.mark.parametrize("strength", [1.0, 1e-3, 1e-8])
def test_a_small_relative_change_of_a_weak_hop_is_seen(strength):
    onsite, hop = np.diag([1.0 + 0j, 2.0]), strength * np.array([[1.0, 0.5], [0.2, 1.0]], complex)
    one, other = pair(onsite, hop), pair(onsite, hop * (1 + 1e-5))
    label = arrows_of(one, other)[2].tolist()
    assert set(label[:2]) | set(label[4:6]) != set(label[2:4]) | set(label[6:8])
    assert label[0] != label[2]


def test_numbers_are_one_up_to_rounding_and_never_across_a_gap():
    values = np.array(
        [[1.0], [1.0 + 1e-14], [1.0 + 1e-6], [1e-8], [1.1e-8], [0.0], [1e-17], [np.inf], [np.inf]]
    )
    found = together(values).tolist()
    assert found[0] == found[1] != found[2]
    assert len({found[0], found[2], found[3], found[4], found[5]}) == 5
    assert found[5] == found[6]
    assert found[7] != found[0]


def test_ties_are_told_apart_by_kind_and_value():
    builder = Builder()
    v = builder.vertices(3, "site")
    builder.tie(v[:1], v[1:2], "a", value=1.0)
    builder.tie(v[1:2], v[2:], "a", value=1.0)
    builder.tie(v[2:], v[:1], "a", value=2.0)
    builder.tie(v[:1], v[1:2], "b", value=1.0)
    one = builder.structure()
    label = ties_of(one, one)
    assert label[:4].tolist() == label[4:].tolist()
    assert label[0] == label[1]
    assert len(set(label[:4].tolist())) == 3


def test_a_builder_pads_and_numbers():
    builder = Builder()
    first = builder.vertices(2, "site", size=[1, 3], even=[[0.5, 0.5]])
    second = builder.vertices(1, "terminal", odd=[[0.1]])
    kind = builder.kind("up", "down")
    builder.kind("down", "up", energy=False)
    builder.add(first[:1], first[1:], kind, np.ones((1, 1, 3), complex))
    structure = builder.structure()
    assert structure.block.shape == (1, 3, 3)
    assert structure.block[0].sum() == 3
    assert structure.opposite.tolist() == [1, 0]
    assert structure.energy.tolist() == [True, False]
    assert structure.size.tolist() == [1, 3, 0]
    assert second.tolist() == [2]
    assert structure.value.tolist() == [[0.5], [0.5], [0.1]]
    assert structure.odd.tolist() == [[False], [False], [True]]
    assert structure.colour[0] == word("site") != structure.colour[2]
    assert builder.vertices(0, "none").tolist() == []
