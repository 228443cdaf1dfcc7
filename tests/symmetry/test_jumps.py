"""Statements on open chains with jump operators, each beside a number of an independent small solver.

The solvers here share nothing with the package: exact density matrices of N particles on a ring, the rate
equation with rates from plain waves, and the equation of motion of the correlation matrix.
"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest

from modelkit.errors import ModelError
from modelkit.symmetry.conserved import conserved
from modelkit.symmetry.jump_report import JumpReport, forbids_current
from modelkit.symmetry.jumps import mapped, operations
from modelkit.symmetry.kinetic import classes, energy_only, permutations, unital
from modelkit.symmetry.open_chain import Bath, Motion, OneBody, OpenChain, gain, loss
from modelkit.symmetry.structure import TIME_REVERSAL, UNITARY

SX, SY, SZ = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])
UP, DOWN = np.diag([1, 0]), np.diag([0, 1])


def chain1(d, dp, g=0.5):
    """(c_j^+ + d c_{j+1}^+)(c_j - d' c_{j+1}) on a plain chain."""
    return OpenChain({1: -1}, (OneBody({(0, 0): 1, (0, 1): -dp, (1, 0): d, (1, 1): -d * dp}, g), Bath(2, 1 - g)))


def chain2(up=1.0, g=0.9, ay=1.1, az=0.9, h=1.0):
    """Dephasing of the spins on a chain with two Rashba terms and a field."""

    def bloch(k):
        return -2 * np.cos(k) * np.eye(2) + (2 * ay * np.sin(k) + h) * SZ - 2 * az * np.sin(k) * SY

    jumps = OneBody({(0, 0): UP}, g * up), OneBody({(0, 0): DOWN}, g * (1 - up)), Bath(2, 1 - g)
    return OpenChain.from_bloch(bloch, 1, jumps, spaces=("spin",))


# ---- exact: N particles on a ring -------------------------------------------------------------------------


def ring(blocks, L, d, cells):
    """Sum over the given cells j of c_{j+x}^+ W_xy c_{j+y}, (L d, L d)."""
    found = np.zeros((L, d, L, d), dtype=complex)
    for j, ((x, y), W) in itertools.product(cells, blocks.items()):
        found[(j + x) % L, :, (j + y) % L, :] += W
    return found.reshape(L * d, L * d)


@cache
def hops(M, N):
    """c_a^+ c_b for all a, b in the states of N particles, (M, M, D, D)."""
    states = [sum(1 << a for a in occupied) for occupied in itertools.combinations(range(M), N)]
    number = {state: i for i, state in enumerate(states)}
    found = np.zeros((M, M, len(states), len(states)))
    for state, a, b in itertools.product(states, range(M), range(M)):
        without = state & ~(1 << b)
        if state >> b & 1 and not without >> a & 1:
            between = bin(without >> (min(a, b) + 1) & ((1 << max(abs(a - b) - 1, 0)) - 1)).count("1")
            found[a, b, number[without | 1 << a], number[state]] = (-1) ** between
    return found


def exact(chain, L, N, eps):
    """Currents of the Hamiltonian and of the local jumps in the steady state, per cell."""
    d = chain.d
    second = hops(L * d, N)

    def many(matrix):
        return np.tensordot(matrix, second, axes=2)

    h = ring({(x, 0): b for (x,), b in chain.blocks.items()}, L, d, range(L))
    v = ring({(x, 0): -1j * x * b for (x,), b in chain.blocks.items()}, L, d, range(L))
    D = second.shape[-1]
    flow = np.zeros((D, D), dtype=complex)
    operators = []
    for jump, j in itertools.product(chain.one_body, range(L)):
        A = many(ring(jump.blocks, L, d, [j])) * np.sqrt(eps * jump.rate)
        X = many(ring({(x, x): x * np.eye(d) for x in range(-1, 3)}, L, d, [j]))
        AA = A.conj().T @ A
        flow += A.conj().T @ X @ A - (AA @ X + X @ AA) / 2
        operators.append(A)
    energy, modes = np.linalg.eigh(h)
    for bath, a, b in itertools.product(chain.baths, range(L * d), range(L * d)):
        factor = np.sqrt(eps * bath.rate / L) * np.exp(bath.beta * (energy[b] - energy[a]) / 4)
        operators.append(factor * many(np.outer(modes[:, a], modes[:, b].conj())))
    A = np.array(operators)
    S = np.tensordot(A, A.conj(), axes=(0, 0)).transpose(0, 2, 1, 3).reshape(D * D, D * D)
    K = 1j * many(h) + np.tensordot(A.conj(), A, axes=((0, 1), (0, 1))) / 2
    S = S - np.kron(K, np.eye(D)) - np.kron(np.eye(D), K.conj())
    S[0] = np.eye(D).ravel()  # the trace, in place of an equation that follows from the others
    rho = np.linalg.solve(S, np.eye(D * D)[0]).reshape(D, D)
    return np.trace(many(v) @ rho).real / L, np.trace(flow @ rho).real / L


# ---- the rate equation ------------------------------------------------------------------------------------


def rates(chain, L, half=True):
    """R(b -> a) as (a, b) from jump operators in the modes of a ring, the velocities and the momenta."""
    d = chain.d
    k = 2 * np.pi * (np.arange(L) + 0.5 * half) / L
    blocks = {x: b for (x,), b in chain.blocks.items()}
    h = sum(np.exp(-1j * x * k)[:, None, None] * b for x, b in blocks.items())
    slope = sum(-1j * x * np.exp(-1j * x * k)[:, None, None] * b for x, b in blocks.items())
    energy, u = np.linalg.eigh(h)
    v = np.einsum("ksa,kst,kta->ka", u.conj(), slope, u).real.ravel()
    e = energy.ravel()
    R = sum(bath.rate * np.exp(bath.beta * (e - e[:, None]) / 2) for bath in chain.baths) + np.zeros((L * d, L * d))
    for jump in chain.one_body:
        amplitude = 0
        for (x, y), W in jump.blocks.items():
            phase = np.exp(-1j * x * k)[:, None] * np.exp(1j * y * k)
            amplitude = amplitude + np.einsum("pq,psa,st,qtb->paqb", phase, u.conj(), W, u)
        R = R + jump.rate * np.abs(amplitude.reshape(L * d, L * d)) ** 2
    return R / L, v


def kinetic(chain, filling=0.5, L=64, half=True):
    """Current per cell in the steady state of the rate equation, by Newton's method."""
    R, v = rates(chain, L, half)
    M = len(v)
    n = np.full(M, filling)
    for _ in range(100):
        into, out = R @ n, R.T @ (1 - n)
        off = (1 - n) * into - n * out
        J = (1 - n)[:, None] * R + n[:, None] * R.T - np.diag(into + out)
        step = np.linalg.solve(J - np.ones((M, M)) / M, -off + np.mean(n - filling))
        limit = np.max(np.abs(step) / np.where(step > 0, 1 - n, n))
        n = n + step * min(1.0, 0.9 / limit)
        if np.abs(step).max() < 1e-15:
            break
    return float(v @ n / L)


# ---- what is found ----------------------------------------------------------------------------------------

FOUND = {  # reversing the current, all that is found
    "paper": (chain1(1 + 1j, 1 + 0.5j), set()),
    "real": (chain1(2, 0.7), {"time reversal"}),
    "one": (
        chain1(1, 1),
        {"inversion", "time reversal", "particle-hole x (-1)^j", "inversion x chiral x (-1)^j"},
    ),
    "same": (chain1(1 + 1j, 1 + 1j), {"particle-hole x (-1)^j"}),
    "inverse": (chain1(1 + 1j, 1 / (1 - 1j)), {"inversion x chiral x (-1)^j"}),
    "up": (chain2(), set()),
    "equal": (
        chain2(0.5),
        {"particle-hole x sigma_y x (-1)^j", "inversion x chiral x sigma_x x (-1)^j"},
    ),
    "ay = 0": (chain2(ay=0), {"inversion x sigma_z", "time reversal"}),
    "h = 0, equal": (
        chain2(0.5, h=0),
        {
            "inversion x sigma_x",
            "time reversal x sigma_y",
            "particle-hole x sigma_y x (-1)^j",
            "inversion x chiral x sigma_x x (-1)^j",
        },
    ),
    "h = 0": (chain2(h=0), set()),
    "az = 0": (chain2(az=0), set()),
}


@pytest.mark.parametrize("name", FOUND)
def test_operations_that_reverse_the_current_are_found_with_their_names(name):
    chain, wanted = FOUND[name]
    assert {str(each) for each in operations(chain) if each.reverses_current} == wanted


@pytest.mark.parametrize("name", FOUND)
def test_a_rate_equation_has_a_current_if_and_only_if_it_is_not_forbidden(name):
    chain = FOUND[name][0]
    for filling in (0.5, 0.3):
        current = kinetic(chain, filling)
        verdict = forbids_current(chain, half_filling=filling == 0.5)
        if str(verdict).startswith("forbidden: "):
            assert abs(current) < 1e-10
        else:
            assert str(verdict).startswith("not forbidden: ")
            assert abs(current) > 1e-3


@pytest.mark.parametrize(
    ("name", "L", "N", "eps"),
    [("one", 6, 2, 0.3), ("one", 6, 3, 1.0), ("ay = 0", 3, 2, 0.3), ("h = 0, equal", 3, 2, 0.3)],
)
def test_a_unitary_operation_leaves_no_current_at_any_coupling(name, L, N, eps):
    chain = FOUND[name][0]
    assert "at any coupling, any filling" in str(forbids_current(chain, any_coupling=True))
    assert abs(sum(exact(chain, L, N, eps))) < 1e-10


@pytest.mark.parametrize(("name", "N"), [("real", 2), ("same", 3), ("inverse", 3)])
def test_other_operations_leave_a_current_of_the_order_of_the_coupling(name, N):
    chain = FOUND[name][0]
    half = N == 3
    assert str(forbids_current(chain, half_filling=half)).startswith("forbidden: ")
    assert str(forbids_current(chain, half_filling=half, any_coupling=True)).startswith("not forbidden: ")
    one, other = (sum(exact(chain, 6, N, eps)) / eps for eps in (1e-3, 2e-3))
    assert abs(one) > 1e-3
    assert other == pytest.approx(one, rel=1e-2)


def test_currents_of_hamiltonian_and_jumps_under_time_reversal_are_the_known_ones():
    found = [each / 1e-3 for each in exact(chain1(2, 0.7), 6, 3, 1e-3)]
    assert found == pytest.approx([-0.0242, 0.319], abs=5e-4)


def test_particle_hole_exchange_forbids_at_half_filling_only_and_at_any_coupling_without_traces():
    chain = chain1(1j, 1j)  # Hermitian jump operators
    (reason,) = [each for each in operations(chain) if str(each) == "particle-hole x (-1)^j"]
    assert reason.any_coupling
    assert reason.half_filling
    assert "at half filling" in str(forbids_current(chain, half_filling=True, any_coupling=True))
    assert abs(sum(exact(chain, 6, 3, 0.3))) < 1e-10
    assert str(forbids_current(chain)).startswith("not forbidden: ")
    assert abs(exact(chain, 6, 2, 1e-4)[0]) > 1e-3
