"""Disorder depends on the indices of a site and on the seed, and on nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from modelkit.errors import ModelError
from modelkit.graph.disorder import uniform_numbers
from modelkit.graph.labels import site_labels
from tests.graph.written import N, expansion, hop, l, lattice, onsite, over, ref, site, x, y

W = sp.Symbol("W")
PINNED = [0.6330920569209023, 0.5920018431314115, 0.52473131900794]


def energies(*sites: Any, run: Any, at: Any, seed: int = 7, **values: float) -> dict[str, float]:
    term = onsite(at, *run, value=(-W / 2, W / 2, seed), kind="uniform")
    device = expansion(lattice(*sites, terms=[term])).device({"W": 2.0, **values})
    return dict(zip(site_labels(device), device.onsite.value.real.tolist(), strict=True))


def test_a_longer_wire_keeps_the_disorder_of_the_shorter_one() -> None:
    run = (over(l, 1, N),)
    short = energies(site("c", *run), run=run, at=ref("c", l), N=10)
    long = energies(site("c", *run), run=run, at=ref("c", l), N=1000)
    assert short.items() <= long.items()
    assert len(set(long.values())) == 1000


def test_neither_the_order_of_building_nor_the_family_matters() -> None:
    run = (over(x, 1, 4), over(y, 1, 5))
    turned = (run[1], run[0])
    one = energies(site("d", *run), run=run, at=ref("d", x, y))
    other = energies(site("a"), site("d", *run), run=turned, at=ref("d", x, y))
    assert {name: other[name] for name in one} == one
    renamed = energies(site("e", *run), run=run, at=ref("e", x, y))
    assert list(renamed.values()) == list(one.values())
    assert one["d[1,2]"] != one["d[2,1]"]


def test_another_seed_gives_other_values_and_the_width_only_scales_them() -> None:
    run = (over(l, 1, 50),)
    one, other = (energies(site("c", *run), run=run, at=ref("c", l), seed=seed) for seed in (7, 8))
    wide = energies(site("c", *run), run=run, at=ref("c", l), W=6.0)
    assert not set(one.values()) & set(other.values())
    np.testing.assert_allclose(list(wide.values()), 3 * np.array(list(one.values())))


def test_these_very_numbers_stay_the_same_in_all_versions() -> None:
    found = uniform_numbers([np.array([1, 2, 3]), np.array([0.5, -0.0, 0.0])], 3, 7)
    np.testing.assert_array_equal(found, PINNED)


def test_hops_are_disordered_by_the_indices_of_both_ends() -> None:
    run = over(l, 1, N)
    terms = [
        hop(ref("c", l), ref("c", l + 1), run, value=-1),
        hop(ref("c", l), ref("c", l + 1), run, value=(0, 1, 3), kind="uniform"),
        hop(ref("c", l), ref("c", l + 2), run, value=(0, 1, 3), kind="uniform"),
    ]
    short, long = (expansion(lattice(site("c", run), terms=terms)).device({"N": size}) for size in (5, 9))
    assert (long.hops.value[:4] == short.hops.value[:4]).all()
    values = long.hops.value.real
    assert len(set(np.concatenate([values[:8] + 1, values[8:]]).tolist())) == 15


@given(st.integers(), st.integers(-(2**40), 2**40))
def test_numbers_lie_strictly_between_zero_and_one(seed: int, start: int) -> None:
    found = uniform_numbers([start + np.arange(200)], 200, seed)
    assert ((found > 0) & (found < 1)).all()
    assert len(np.unique(found)) == 200


def test_numbers_are_uniform_and_uncorrelated() -> None:
    count = 200_000
    plane = [np.repeat(np.arange(400), 500), np.tile(np.arange(500), 400)]
    found = uniform_numbers(plane, count, 1)
    expected = np.full(20, count / 20)
    chi = ((np.histogram(found, 20, (0, 1))[0] - expected) ** 2 / expected).sum()
    assert chi < 45  # 19 degrees of freedom, about one in a thousand
    shifted = found.reshape(400, 500) - 0.5
    for other in (np.roll(shifted, 1, 0), np.roll(shifted, 1, 1)):
        assert abs((shifted * other).mean() * 12) < 5 / np.sqrt(count)
    next_seed = uniform_numbers(plane, count, 2).reshape(400, 500) - 0.5
    assert abs((shifted * next_seed).mean() * 12) < 5 / np.sqrt(count)


def test_the_seed_is_one_integer() -> None:
    run = (over(l, 1, 3),)
    for seed in (l, sp.Rational(1, 2), 1 / sp.Symbol("z")):
        with pytest.raises(ModelError, match="one integer"):
            energies(site("c", *run), run=run, at=ref("c", l), seed=seed, z=0)  # type: ignore[arg-type]


def test_an_unknown_distribution_lists_the_known_ones() -> None:
    term = onsite(ref("c", 1), value=(0, 1, 7), kind="unifrom")
    with pytest.raises(ModelError) as caught:
        expansion(lattice(site("c", over(l, 1, 3)), terms=[term])).device({})
    assert caught.value.hint == "did you mean 'uniform'?"
