"""Steady states: vectors that a generator annihilates, and how many there are.

Small generators have their null space from a singular value decomposition.  Large ones are solved by GMRES
for ``G (x0 - y) = 0`` from positive ``x0``, divided by what happens between jumps in the eigenstates of H:
the spectrum of the quotient lies in a disc about 1, however weak the jumps are.  Two different ``x0`` end in
one vector if and only if the steady state is unique.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from modelkit.errors import NotConverged
from modelkit.graph.device import Complexes
from modelkit.solve.open_chains.exact.liouvillian import Cells, Generator

DENSE = 420  # unknowns
MOST_SEARCHED = 6  # steady states that are looked for
TIGHT, LOOSE = 1e-13, 1e-9  # residuals relative to the rates: aimed at, allowed
ALIKE = 1e-6  # of density matrices
IDLE = 0.1  # of the mean rate: keeps states that never jump away from a division by zero


@dataclass(frozen=True, eq=False)
class Steady:
    """``states`` (n_found, unknowns), Hermitian with trace one if there is only one.

    ``all_found``: whether there may be more than these.
    """

    states: Complexes
    residual: float
    all_found: bool = True

    @property
    def count(self) -> int:
        return len(self.states)


def steady_states(generator: Generator) -> Steady:
    """All of them where they are few.

    Raises
    ------
    NotConverged
        The iteration stops above its tolerance.
    """
    if generator.cells.unknowns <= DENSE:
        return _dense(generator)
    return _iterated(generator)


def residual(generator: Generator, rho: Complexes) -> float:
    """``|G rho|`` relative to ``|rho|`` and the fastest rate."""
    scale = max(generator.fastest, np.finfo(float).tiny) * float(np.linalg.norm(rho))
    return float(np.linalg.norm(generator.matrix @ rho)) / scale


def normalised(cells: Cells, rho: Complexes) -> Complexes:
    """Hermitian with trace one."""
    trace = rho[cells.diagonal()].sum()
    return _hermitian(cells, rho / trace)


def _hermitian(cells: Cells, rho: Complexes) -> Complexes:
    row, column = cells.elements()
    return np.asarray((rho + rho[cells.number(column, row)].conj()) / 2)


def _dense(generator: Generator) -> Steady:
    _left, strength, right = np.linalg.svd(generator.matrix.toarray())
    tolerance = 10 * np.finfo(float).eps * len(strength) * strength.max(initial=0.0)
    null = right[strength <= tolerance].conj()
    if not len(null):  # one there is always
        null = right[-1:].conj()
    if len(null) == 1:
        null = normalised(generator.cells, null[0])[None]
    return Steady(null, max(residual(generator, rho) for rho in null))


def _iterated(generator: Generator) -> Steady:
    divide = _between_jumps(generator)
    found: list[Complexes] = []
    worst = 0.0
    for seed in range(MOST_SEARCHED):
        rho, left = _relaxed(generator, divide, _start(generator.cells, seed))
        worst = max(worst, left)
        new = np.array([*found, rho])
        strength = np.linalg.svd(new / np.linalg.norm(new, axis=1)[:, None], compute_uv=False)
        if strength[-1] <= ALIKE:
            return Steady(np.array(found), worst)
        found.append(rho)
    return Steady(np.array(found), worst, all_found=False)


def _start(cells: Cells, seed: int) -> Complexes:
    """A positive matrix: the unit matrix first, then random ones."""
    random = np.random.default_rng(seed)
    blocks = []
    for width in cells.width.tolist():
        if not seed:
            blocks.append(np.eye(width, dtype=complex).ravel())
            continue
        root = random.normal(size=(width, width)) + 1j * random.normal(size=(width, width))
        blocks.append((random.random() * root @ root.conj().T / width).ravel())
    rho = np.concatenate(blocks)
    return np.asarray(rho / rho[cells.diagonal()].sum())


def _relaxed(
    generator: Generator, divide: Callable[[Complexes], Complexes], rho: Complexes
) -> tuple[Complexes, float]:
    """The steady state that is left of a start, and its residual."""
    from scipy.sparse.linalg import LinearOperator, gmres

    matrix = generator.matrix
    quotient = LinearOperator(matrix.shape, matvec=lambda x: divide(matrix @ x.ravel()), dtype=complex)
    left = residual(generator, rho)
    for _round in range(6):
        if left <= TIGHT:
            break
        step, _failed = gmres(quotient, quotient @ rho, rtol=1e-12, restart=60, maxiter=8)
        better = normalised(generator.cells, rho - step)
        after = residual(generator, better)
        if after > left / 2:
            break
        rho, left = better, after
    if left > LOOSE:
        raise NotConverged(
            f"the steady state leaves {left:.0e} of the fastest rate",
            residual=left,
            hint="fewer cells, or jumps of more equal rates, converge",
        )
    return rho, left


def _between_jumps(generator: Generator) -> Callable[[Complexes], Complexes]:
    """Divide by ``-i [H, .] - (Gamma_a + Gamma_b)/2 - idle`` in the eigenstates of H."""
    cells = generator.cells
    idle = IDLE * max(float(np.mean(generator.rates)), np.finfo(float).tiny)
    h = generator.hamiltonian
    turned: list[Complexes | None] = []
    divisors = []
    for states in cells.states():
        block = h[states][:, states].toarray()
        rates = generator.rates[states]
        energy = np.real(np.diagonal(block))
        vectors = None
        if np.abs(block - np.diag(energy)).max() > 0:
            energy, vectors = np.linalg.eigh(block)
            rates = np.real(np.einsum("ia,i,ia->a", vectors.conj(), rates, vectors))
        turned.append(vectors)
        divisors.append(-1j * np.subtract.outer(energy, energy) - 0.5 * np.add.outer(rates, rates) - idle)

    def divide(rho: Complexes) -> Complexes:
        parts = []
        for block, vectors, divisor in zip(cells.blocks(rho), turned, divisors, strict=True):
            if vectors is None:
                parts.append((block / divisor).ravel())
            else:
                inner = (vectors.conj().T @ block @ vectors) / divisor
                parts.append((vectors @ inner @ vectors.conj().T).ravel())
        return np.concatenate(parts)

    return divide
