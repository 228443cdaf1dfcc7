"""Normal order of jump operators, against matrices of Jordan-Wigner fermions."""

from __future__ import annotations

import itertools
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.compile.normal_order import JumpFamily, normal_ordered
from modelkit.graph.device import DissipatorGroup, Products

M = 4


def annihilators(size):
    """c_i of so many modes, (size, 2^size, 2^size)."""
    one, z, a = np.eye(2), np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [0.0, 0.0]])
    return np.array([reduce(np.kron, [z] * i + [a] + [one] * (size - i - 1)) for i in range(size)])


C = annihilators(M)


def operators(products, count):
    """Sum of the products of each member, (count, 2^M, 2^M)."""
    found = np.zeros((count, 2**M, 2**M), dtype=complex)
    for part in products:
        for m, orbitals, value in zip(part.member, part.orbital, part.value, strict=True):
            factors = [C[o].T if up else C[o] for o, up in zip(orbitals, part.dagger, strict=True)]
            found[m] += value * reduce(np.matmul, factors, np.eye(2**M))
    return found


def resummed(family: JumpFamily):
    loss, gain = family.loss.toarray(), family.gain.toarray()
    found = np.einsum("mi,iab->mab", loss, C) + np.einsum("mi,iba->mab", gain, C)
    found += family.constant[:, None, None] * np.eye(2**M)
    return found + operators([family.bilinear, *family.higher], family.count)


def group(products, count):
    return DissipatorGroup("d", tuple(f"d[{m}]" for m in range(count)), np.ones(count), tuple(products))


def random_products(seed, count=3):
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(rng.integers(1, 5)):
        degree, n = rng.integers(0, 5), rng.integers(0, 8)
        value = rng.normal(size=n) + 1j * rng.normal(size=n)
        dagger = tuple(bool(x) for x in rng.integers(0, 2, degree))
        found.append(Products(rng.integers(0, count, n), rng.integers(0, M, (n, degree)), dagger, value))
    return found


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_normal_order_is_the_same_operator(seed):
    products = random_products(seed)
    family = normal_ordered(group(products, 3), M)
    assert np.abs(resummed(family) - operators(products, 3)).max() < 1e-12


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_products_are_in_normal_order_and_there_once(seed):
    family = normal_ordered(group(random_products(seed), 3), M)
    assert family.bilinear.dagger == (True, False)
    for part in (family.bilinear, *family.higher):
        created = sum(part.dagger)
        assert part.dagger == (True,) * created + (False,) * (len(part.dagger) - created)
        for block in (part.orbital[:, :created], part.orbital[:, created:]):
            assert (np.diff(block, axis=1) > 0).all()
        rows = {(m, *o) for m, o in zip(part.member.tolist(), part.orbital.tolist(), strict=True)}
        assert len(rows) == len(part.value) > 0 or part is family.bilinear
    assert not {(), (True,), (False,), (True, False)} & {part.dagger for part in family.higher}


def products(*terms):
    """(value, "0' 1 ...") of member 0."""
    return [
        Products(
            np.zeros(1, dtype=int),
            np.array([[int(x.rstrip("'")) for x in text.split()]], dtype=int),
            tuple(x.endswith("'") for x in text.split()),
            np.array([value], dtype=complex),
        )
        for value, text in terms
    ]


def test_the_square_of_a_number_is_a_number():
    family = normal_ordered(group(products((1, "2' 2 2' 2")), 1), M)
    assert family.higher == ()
    assert family.bilinear.orbital.tolist() == [[2, 2]]
    assert family.bilinear.value.tolist() == [1]


def test_an_anticommutator_is_a_constant():
    family = normal_ordered(group(products((0.3, "1 1'"), (0.3, "1' 1")), 1), M)
    assert len(family.bilinear.value) == 0
    assert family.constant.tolist() == [0.3]


def test_pairs_and_products_of_numbers_are_neither_linear_nor_bilinear():
    family = normal_ordered(group(products((1, "0 1"), (2, "1' 1 2' 2"), (1, "3")), 1), M)
    assert [(p.dagger, p.orbital.tolist(), p.value.tolist()) for p in family.higher] == [
        ((False, False), [[0, 1]], [1]),
        ((True, True, False, False), [[1, 2, 1, 2]], [-2]),
    ]
    assert family.loss.toarray().tolist() == [[0, 0, 0, 1]]


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_the_order_of_all_operators_on_other_orbitals_is_a_sign(degree):
    for order in itertools.permutations(range(degree)):
        sign = np.linalg.det(np.eye(degree)[list(order)])
        text = " ".join(f"{o}'" for o in order)
        (part,) = normal_ordered(group(products((1, text)), 1), M).higher
        assert part.orbital.tolist() == [list(range(degree))]
        assert part.value[0] == pytest.approx(sign)


def test_a_family_without_products_is_empty():
    family = normal_ordered(group([], 2), M)
    assert family.loss.shape == family.gain.shape == (2, M)
    assert family.constant.tolist() == [0, 0]
    assert len(family.bilinear.value) == 0
