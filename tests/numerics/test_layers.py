"""Layers of any graph, and the elimination over them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from modelkit.numerics.block_tridiagonal import Block, Elimination, in_blocks, inverses
from modelkit.numerics.layers import layers
from modelkit.numerics.stretches import Joined, plan


@st.composite
def graphs(draw):
    """Sparse Hermitian matrices, in several parts too, sets of starts, and nodes that stay together."""
    n = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    hops = draw(st.integers(0, 2 * n))
    reach = draw(st.sampled_from([1, 3, 40]))
    row = rng.integers(0, n, hops)
    column = np.clip(row + rng.integers(-reach, reach + 1, hops), 0, n - 1)
    values = rng.normal(size=hops) + 1j * rng.normal(size=hops)
    h = sparse.csr_array((values, (row, column)), shape=(n, n))
    h = sparse.csr_array(h + h.conj().T + sparse.diags_array(rng.normal(size=n)))
    starts = [rng.integers(0, n, rng.integers(1, 4)) for _ in range(draw(st.integers(0, 3)))]
    together = [np.unique(rng.integers(0, n, 3)) for _ in range(draw(st.integers(0, 2)))]
    return h, starts, together


@given(graphs())
@settings(max_examples=80, deadline=None)
def test_hops_join_equal_and_neighbouring_layers_only(drawn):
    h, starts, together = drawn
    n = h.shape[0]
    found = layers(abs(h), together, starts, lambda one: float((one.sizes**3).sum()))
    assert np.array_equal(np.sort(found.order), np.arange(n))
    assert np.all(found.sizes > 0)
    assert np.array_equal(found.order[found.position], np.arange(n))
    layer = np.repeat(np.arange(len(found.sizes)), found.sizes)[found.position]
    row, column = h.tocoo().coords
    assert np.abs(layer[row] - layer[column]).max(initial=0) <= 1
    for nodes in together:
        assert len(np.unique(layer[nodes])) == 1


@given(graphs(), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_the_elimination_solves(drawn, count):
    h, starts, together = drawn
    n = h.shape[0]
    z = np.linspace(-1, 1, count) + 0.3j
    matrix = in_blocks(h, layers(abs(h), together, starts, lambda one: float(len(one.sizes))))
    hops = [matrix.down(k) for k in range(len(matrix.hop))]
    found = Elimination(lambda k: matrix.bare(z, matrix.node[k]), hops, [hop.adjoint for hop in hops])
    unit = np.broadcast_to(np.eye(n), (count, n, n))
    parts = [unit[:, matrix.layers.nodes(k)] for k in range(len(matrix.node))]
    inverse = np.linalg.inv(z[:, None, None] * np.eye(n) - h.toarray())
    solution = np.concatenate(found.solve(parts), axis=1)
    assert np.allclose(solution, inverse[:, matrix.layers.order], atol=1e-11)
    ends = parts[-1][:, :, matrix.layers.nodes(len(parts) - 1)]
    last = [None] * (len(parts) - 1) + [ends]
    expected = inverse[:, matrix.layers.nodes(0)][:, :, matrix.layers.nodes(len(matrix.node) - 1)]
    assert np.allclose(found.solve(last)[0], expected, atol=1e-11)


@pytest.mark.parametrize("unit", [0, 1, 3, 5])
@pytest.mark.parametrize("period", [1, 2, 3])
def test_joined_slices_are_what_elimination_leaves(unit, period):
    rng = np.random.default_rng(period)
    m, length = 2, 81
    level = rng.normal(size=(period, m))
    hop = rng.normal(size=(period, m, m)) + 1j * rng.normal(size=(period, m, m))
    h = np.zeros((m * length, m * length), dtype=complex)
    for k in range(length):
        at = slice(m * k, m * k + m)
        h[at, at] = np.diag(level[k % period])
        if k:
            h[at, m * (k - 1) : m * k] = hop[k % period]
            h[m * (k - 1) : m * k, at] = hop[k % period].conj().T
    found = layers(abs(sparse.csr_array(h)), [], [np.arange(m)], lambda one: 0.0)
    matrix = in_blocks(sparse.csr_array(h), found)
    assert len(matrix.node) == length
    touched = np.zeros(length, dtype=bool)
    touched[[0, -1]] = True
    steps = plan(matrix, touched, unit)
    assert (steps.inverses < 30) == bool(unit)
    z = np.array([0.3, 0.9]) + 0.2j
    joined = Joined(matrix, steps, z)
    size = len(steps.kept)
    reduced = np.zeros((2, m * size, m * size), dtype=complex)
    for k, layer in enumerate(steps.kept):
        at = slice(m * k, m * k + m)
        reduced[:, at, at] += matrix.bare(z, matrix.node[layer])
        if k + 1 < size:
            step, after = joined.between[k], slice(m * k + m, m * k + 2 * m)
            dense = [part.matrix if isinstance(part, Block) else part for part in (step.down, step.up)]
            reduced[:, after, at], reduced[:, at, after] = dense
            if step.left is not None:
                reduced[:, at, at] += step.left
                reduced[:, after, after] += step.right
    whole = np.linalg.inv(z[:, None, None] * np.eye(m * length) - h)
    ends = np.r_[np.arange(m), m * length - m + np.arange(m)]
    some = np.r_[np.arange(m), m * size - m + np.arange(m)]
    assert np.allclose(inverses(reduced)[:, some[:, None], some], whole[:, ends[:, None], ends], atol=1e-11)


def test_wide_couplings_are_gathered_and_give_the_same():
    rng = np.random.default_rng(2)
    n = 130
    value = rng.normal(size=2 * n) + 1j * rng.normal(size=2 * n)
    row, column = np.tile(np.arange(n), 2), np.r_[np.arange(n), (np.arange(n) + 3) % n]
    block = Block((n, n), row, column, value)
    assert block._rows is not None
    x = rng.normal(size=(2, n, 5)) + 1j
    y = rng.normal(size=(2, 5, n)) + 1j
    assert np.allclose(block.left(x), block.matrix @ x)
    assert np.allclose(block.right(y), y @ block.matrix)
    assert np.allclose(block.adjoint.left(x), block.matrix.conj().T @ x)
    assert np.allclose(block.adjoint.right(y), y @ block.matrix.conj().T)


def test_a_singular_matrix_spoils_no_other():
    several = np.stack([np.eye(2), np.zeros((2, 2)), 2 * np.eye(2)])
    found = inverses(several)
    assert np.isnan(found[1]).all()
    assert np.array_equal(found[2], np.eye(2) / 2)
