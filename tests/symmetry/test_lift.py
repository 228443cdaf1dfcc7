"""Internal unitaries where it is hard: singular hops, weak ones, many parts, several dimensions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import modelkit as mk
from modelkit.symmetry import matching, roots
from modelkit.symmetry.builder import Builder
from modelkit.symmetry.lift import lift
from modelkit.symmetry.matching import Pair
from modelkit.symmetry.relations import Current
from modelkit.symmetry.roots import Undecided
from modelkit.symmetry.structure import CHIRAL, PARTICLE_HOLE, TIME_REVERSAL, UNITARY
from modelkit.symmetry.two_cases import TwoCases
from tests.symmetry.planted import haar, worst

X, Y, Z = (np.array(m, complex) for m in ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]))


def built(size, blocks):
    """Sites of these dimensions; blocks {(row, column): matrix} of H, adjoints implied."""
    builder = Builder()
    sites = builder.vertices(len(size), "site", size=size)
    kind = builder.kind("H")
    for (row, column), matrix in blocks.items():
        builder.add(sites[[row]], sites[[column]], kind, np.array([matrix], complex))
        if row != column:
            builder.add(
                sites[[column]], sites[[row]], kind, np.array([matrix], complex).conj().swapaxes(1, 2)
            )
    return builder.structure()


def turned(structure, seed=0):
    """The same in other bases."""
    random = np.random.default_rng(seed)
    u = np.zeros((structure.n, *structure.block.shape[1:]), complex)
    for v, d in enumerate(structure.size):
        u[v, :d, :d] = haar(random, d)
    return replace(
        structure, block=u[structure.row] @ structure.block @ u[structure.column].conj().swapaxes(1, 2)
    )


def checked(structure, sort, permutation):
    found = lift(structure.under(sort), structure, np.array(permutation))
    if found is not None:
        assert worst(structure, sort, np.array(permutation), found.unitary) < 1e-7
    return found


def wilson(n, mass):
    """A chain whose hops are projectors: a lattice Dirac fermion."""
    blocks = {(j, j): mass * Z for j in range(n)}
    return built([2] * n, blocks | {(j + 1, j): (Z + 1j * X) / 2 for j in range(n - 1)})


@pytest.mark.parametrize("mass", [0.7, 0.0])
def test_hops_that_are_projectors(mass):
    chain = turned(wilson(8, mass))
    reversal = np.arange(8)[::-1]
    assert checked(chain, UNITARY, reversal) is not None
    for sort in (TIME_REVERSAL, PARTICLE_HOLE, CHIRAL):
        assert checked(chain, sort, np.arange(8)) is not None
    broken = built([2] * 8, {(j, j): mass * Z + 0.1 * (j == 2) * Z for j in range(8)})
    assert checked(broken, UNITARY, reversal) is None


def test_a_long_chain_of_projectors_needs_few_roots(monkeypatch):
    monkeypatch.setattr(roots, "MOST", 8)
    assert checked(turned(wilson(200, 0.7)), UNITARY, np.arange(200)[::-1]) is not None


def test_too_many_roots_are_no_answer(monkeypatch):
    monkeypatch.setattr(roots, "MOST", 8)
    blocks = {(j + 1, j): np.diag([1, 0]) if j % 2 else np.diag([0, 1]) for j in range(9)}
    with pytest.raises(Undecided, match="depend on one another"):
        lift(built([2] * 10, blocks), turned(built([2] * 10, blocks)), np.arange(10))


def test_sites_of_one_and_two_dimensions_are_not_confused():
    """A matrix cut to a smaller space is no unitary: the flux of the small sites must count."""
    ring = {(1, 0): [[1.0]], (2, 1): [[1.0]], (0, 2): [[np.exp(0.7j)]]}
    blocks = ring | {(3, 3): Y, (3, 4): Z}
    structure = built([1, 1, 1, 2, 2], blocks)
    assert checked(structure, TIME_REVERSAL, np.arange(5)) is None
    assert checked(structure, TIME_REVERSAL, [1, 0, 2, 3, 4]) is not None
    assert checked(structure, UNITARY, [1, 0, 2, 3, 4]) is None


def test_parts_that_hang_on_nothing_find_their_own_unitaries():
    """Each part needs another matrix; one of them has none."""
    good = built([2, 2, 2, 2], {(0, 0): X, (1, 0): 1j * np.eye(2), (2, 2): Y, (3, 2): Z + np.eye(2)})
    assert checked(turned(good), TIME_REVERSAL, np.arange(4)) is not None
    vector = built(
        [2] * 4, {(0, 0): X, (1, 1): Y, (2, 2): Z, (1, 0): np.eye(2), (2, 0): np.eye(2), (3, 3): X}
    )
    assert checked(turned(vector), TIME_REVERSAL, np.arange(4)) is None
    assert checked(turned(vector), PARTICLE_HOLE, np.arange(4)) is not None


@pytest.mark.parametrize("weak", [1e-3, 1e-8, 1e-10])
def test_weak_blocks_count_as_strong_ones_do(weak):
    """A flux that only a weak hop closes, a splitting that only a weak level has."""
    ring = {(1, 0): [[1.0]], (2, 1): [[1.0]], (0, 2): [[weak * np.exp(0.7j)]]}
    assert checked(built([1] * 3, ring), TIME_REVERSAL, np.arange(3)) is None
    assert checked(built([1] * 3, ring), TIME_REVERSAL, [2, 1, 0]) is not None
    spins = {(j, j): weak * m for j, m in enumerate((X, Y, Z))}
    spins |= {(1, 0): np.eye(2), (2, 1): np.eye(2)}
    structure = turned(built([2] * 3, spins))
    assert checked(structure, TIME_REVERSAL, np.arange(3)) is None
    assert checked(structure, CHIRAL, np.arange(3)) is None
    assert checked(structure, PARTICLE_HOLE, np.arange(3)) is not None
    spins[2, 2] = weak * X
    assert checked(turned(built([2] * 3, spins)), TIME_REVERSAL, np.arange(3)) is not None


def test_levels_that_nearly_coincide_are_told_apart():
    split = np.diag([1.0, 1.0 + 1e-7])
    blocks = {(0, 0): split, (1, 1): split, (1, 0): np.diag([1.0, 1.0 + 1e-7])}
    structure = turned(built([2, 2], blocks))
    assert checked(structure, UNITARY, [1, 0]) is not None
    blocks[1, 0] = X + 0.3 * np.eye(2)
    assert checked(turned(built([2, 2], blocks)), UNITARY, [1, 0]) is not None


def test_rounding_that_a_sum_leaves_demands_nothing():
    noise = 1e-15 * np.random.default_rng(0).normal(size=(2, 2))
    blocks = {(0, 0): Z, (1, 1): Z, (1, 0): np.eye(2), (2, 0): noise, (2, 1): noise.T, (2, 2): X}
    assert checked(built([2] * 3, blocks), UNITARY, [1, 0, 2]) is not None


def test_a_degenerate_kernel_still_holds_a_unitary():
    """Nothing but an isolated pair of equal hops: the solutions are all matrices."""
    structure = turned(built([3, 3, 3], {(1, 0): np.diag([1, 1, 0]), (2, 1): np.diag([0, 1, 1])}))
    assert checked(structure, UNITARY, [2, 1, 0]) is not None
    for sort in (TIME_REVERSAL, PARTICLE_HOLE, CHIRAL):
        assert checked(structure, sort, np.arange(3)) is not None


def wheel(n, fluxes):
    """A hub, a rim, and a flux in each triangle."""
    spokes = {(1 + j, 0): [[1.0]] for j in range(n)}
    rim = {(1 + (j + 1) % n, 1 + j): [[np.exp(1j * fluxes[j])]] for j in range(n)}
    return built([1] * (n + 1), spokes | rim)


def test_wrong_fluxes_are_refuted_one_by_one():
    """Colours see no flux: all images of the rim look possible, few permutations are tried."""
    n = 12
    generic = wheel(n, np.random.default_rng(1).uniform(-3, 3, n))
    pair = Pair(generic, generic)
    assert list(pair.generators()) == []
    assert pair.verified < 12 * n
    found = Pair(wheel(n, np.full(n, 0.3)), wheel(n, np.full(n, 0.3)))
    assert len(list(found.generators())) == 1  # turns, no reflection


def test_a_search_that_is_given_up_is_told(monkeypatch):
    monkeypatch.setattr(matching, "TRIED", 1)
    n = 12
    structure = wheel(n, np.random.default_rng(1).uniform(-3, 3, n))
    with pytest.raises(Undecided, match="permutations"):
        list(Pair(structure, structure).generators())


def test_a_verdict_without_a_finished_search_is_not_decided(monkeypatch):
    text = """model ring "fluxes"
param V = 1
reference { mu = 0; T = 0.1 }
lattice ring {
  site h; site c[l] for l in ring(6)
  hop c[l] -> c[l+1] : exp(1i*sin(l))
  hop h -> c[l] : -1
}
bath L on ring.h { self_energy = wide_band(1); mu = V/2 }
bath R on ring.h { self_energy = wide_band(1); mu = -V/2 }
bath G on ring.h { self_energy = wide_band(1); mu = 0 }
"""
    model = mk.loads(text)
    cases = TwoCases(model.device(V=1), model.device(V=-1))
    claim = {Current("I", 2, 0): 1.0, Current("I", 2, 1): 1.0}
    assert cases.verdict(claim).word.value != "not decided"
    monkeypatch.setattr(matching, "TRIED", 0)
    assert str(TwoCases(model.device(V=1), model.device(V=-1)).verdict(claim)).startswith("not decided: ")
