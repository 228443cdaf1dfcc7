"""Sectors of cells: what a symmetry keeps apart, whatever basis it is hidden in."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from modelkit.numerics.sectors import sectors
from modelkit.numerics.surface import HalfSpaces, _factors, _general

Complexes = NDArray[np.complex128]


def hidden(sizes: tuple[int, ...], seed: int) -> tuple[Complexes, Complexes]:
    """Random blocks of these sizes, in a random basis."""
    draw = np.random.default_rng(seed)
    m = sum(sizes)
    onsite, hop = np.zeros((2, m, m), dtype=complex)
    begin = 0
    for size in sizes:
        here = slice(begin, begin + size)
        onsite[here, here], hop[here, here] = draw.normal(size=(2, size, size))
        begin += size
    turn = np.linalg.qr(draw.normal(size=(m, m)) + 1j * draw.normal(size=(m, m)))[0]
    onsite, hop = (turn @ matrix @ turn.conj().T for matrix in (onsite + onsite.T, 0.4 * hop))
    return onsite, hop


@pytest.mark.parametrize("sizes", [(1,), (4,), (1, 1, 1), (2, 3), (1, 4, 2, 1), (5, 5)])
def test_blocks_are_found_in_any_basis(sizes: tuple[int, ...]) -> None:
    onsite, hop = hidden(sizes, sum(sizes))
    found = sectors(onsite, hop)
    assert sorted(vectors.shape[1] for vectors in found) == sorted(sizes)
    basis = np.concatenate(found, axis=1)
    assert np.abs(basis.conj().T @ basis - np.eye(len(onsite))).max() < 1e-13
    for k, one in enumerate(found):
        for other in found[:k]:
            for matrix in (onsite, hop, hop.conj().T):
                assert np.abs(one.conj().T @ matrix @ other).max() < 1e-13


def test_equal_parts_that_do_not_touch_are_told_apart() -> None:
    onsite, hop = hidden((3,), 1)
    twice = (np.kron(np.eye(2), onsite), np.kron(np.eye(2), hop))
    assert [vectors.shape[1] for vectors in sectors(*twice)] == [3, 3]


@pytest.mark.parametrize("sizes", [(4, 3, 1), (2, 2)])
def test_surface_functions_of_sectors_are_those_of_the_whole(sizes: tuple[int, ...]) -> None:
    onsite, hop = hidden(sizes, 3)
    z = np.array([-1.2, 0.1, 0.7, 1.9, 0.3 + 0.2j])
    found, whole = HalfSpaces(onsite, hop).at(z), _general(z, onsite, *_factors(hop))
    assert np.array_equal(found.open, whole.open)
    assert np.abs(found.right - whole.right).max() < 1e-11 * np.abs(whole.right).max()
    assert np.abs(found.left - whole.left).max() < 1e-11 * np.abs(whole.left).max()
    back = HalfSpaces(onsite, hop).reversed.at(z)
    assert np.abs(back.right - found.left).max() < 1e-12 * np.abs(found.left).max()
