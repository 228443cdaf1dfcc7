"""Where the covariance equation closes, against the adjoint Liouvillian on all states."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.solve.open_chains.real_space.covariance import unclosed
from tests.solve.open_chains.fermions import annihilators, bilinear, family, random_complex, random_hermitian

MODES = 3
SEEDS = st.integers(0, 2**32 - 1)


def beyond_one_body(rates, operators):
    """How far D†(c_j† c_i) is from sums of one and of products of two operators, over all i and j."""
    c = annihilators(MODES)
    pairs = [a.T @ b for a in c for b in c]
    basis = np.array([np.eye(2**MODES), *pairs]).reshape(len(pairs) + 1, -1).T
    worst = 0.0
    for observable in pairs:
        found = np.zeros_like(observable, dtype=complex)
        for rate, matrix in zip(rates, operators, strict=True):
            L = bilinear(matrix)
            both = L.conj().T @ L
            found += rate * (L.conj().T @ observable @ L - (both @ observable + observable @ both) / 2)
        inside = np.linalg.lstsq(basis, found.ravel(), rcond=None)[0]
        worst = max(worst, np.abs(found.ravel() - basis @ inside).max())
    return worst


def closes(rates, operators):
    return unclosed((family(rates, bilinear=np.array(operators)),), MODES) is None


def unitary(rng, size):
    return np.linalg.qr(random_complex(rng, size, size))[0]


@settings(max_examples=10)
@given(SEEDS)
def test_mixtures_of_hermitian_operators_close(seed):
    """No member is Hermitian or has its adjoint, but together they are equivalent to Hermitian ones."""
    rng = np.random.default_rng(seed)
    hermitian = np.array([random_hermitian(rng, MODES) for _ in range(3)])
    mixed = np.einsum("mn,nij->mij", unitary(rng, 3), hermitian)
    assert closes(np.ones(3), mixed)
    assert beyond_one_body(np.ones(3), mixed) < 1e-11


@settings(max_examples=10)
@given(SEEDS)
def test_random_operators_do_not(seed):
    rng = np.random.default_rng(seed)
    operators = random_complex(rng, 2, MODES, MODES)
    assert not closes([0.4, 0.9], operators)
    assert beyond_one_body([0.4, 0.9], operators) > 1e-3


@pytest.mark.parametrize(("other", "whether"), [(0.7, True), (0.6, False), (0.0, False)])
def test_an_operator_and_its_adjoint(other, whether):
    hop = np.zeros((2, MODES, MODES))
    hop[0, 1, 0] = hop[1, 0, 1] = 1
    assert closes([0.7, other], hop) == whether
    assert (beyond_one_body([0.7, other], hop) < 1e-12) == whether


@pytest.mark.parametrize(("phases", "whether"), [((1, 1, 1), True), ((1, 1j, 0), False), ((1j, 1j, 0), True)])
def test_normal_operators_close_only_with_equal_phases(phases, whether):
    """For three modes; two of different phases measure a current of phases that a third one sees."""
    matrix = np.diag(phases)[None]
    assert closes([0.5], matrix) == whether
    assert (beyond_one_body([0.5], matrix) < 1e-12) == whether


def test_families_may_complete_each_other():
    hop = np.zeros((1, MODES, MODES), complex)
    hop[0, 2, 1] = 1j
    there = family(0.3, bilinear=hop, name="there")
    back = family(0.3, bilinear=-hop.transpose(0, 2, 1), name="back")
    assert unclosed((there, back), MODES) is None
    assert unclosed((there,), MODES).name == "there"


@pytest.mark.parametrize("modes", [3, 4])
def test_the_condition_is_necessary(modes):
    """No antisymmetric part of T but zero commutes, on antisymmetric pairs, with all ``1 (x) a - a (x) 1``.

    T - T' maps antisymmetric pairs to symmetric ones by any complex matrix R, and back by -R†.
    """
    size = modes**2
    swap = np.eye(size).reshape(modes, modes, size).transpose(1, 0, 2).reshape(size, size)
    value, vector = np.linalg.eigh(swap)
    symmetric, odd = vector[:, value > 0], vector[:, value < 0]
    columns = []
    for place in np.ndindex(symmetric.shape[1], odd.shape[1]):
        for factor in (1, 1j):
            R = np.zeros((symmetric.shape[1], odd.shape[1]), complex)
            R[place] = factor
            rows = []
            for a in hermitian_basis(modes):
                D = symmetric.T @ (np.kron(np.eye(modes), a) - np.kron(a, np.eye(modes))) @ odd
                rows.append((D.conj().T @ R + R.conj().T @ D).ravel())
            whole = np.concatenate(rows)
            columns.append(np.concatenate([whole.real, whole.imag]))
    singular = np.linalg.svd(np.array(columns).T, compute_uv=False)
    assert len(singular) == len(columns)
    assert singular[-1] > 0.1


def hermitian_basis(modes):
    for i, j in np.ndindex(modes, modes):
        a = np.zeros((modes, modes), complex)
        a[i, j] += 1 if i <= j else 1j
        a[j, i] += 1 if i <= j else -1j
        yield a
