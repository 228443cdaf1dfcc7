"""Operations that an open chain keeps, at the level of operators, and its strong symmetries.

An operation is a motion (see ``open_chain``) followed by a unitary U on the orbitals of a cell.  It is kept
where ``h -> h``, where ``sum_m r_m W_m (x) W_m*`` goes to itself, and where loss and gain forms go to
themselves (to each other with particle-hole exchange).  Linear equations for U come from h and from all
operators that can be made of the tensor; what they leave open is decided by the tensor itself.  Traces
need no care: on a chain longer than its operators equal tensors are the same as equal traceless parts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import ModelError
from modelkit.symmetry.chains.open_chain import Blocks, Motion, OpenChain
from modelkit.symmetry.lift import EXACT, INVERTIBLE
from modelkit.symmetry.names import matrix_text
from modelkit.symmetry.roots import simple_matrices
from modelkit.symmetry.structure import CHIRAL, PARTICLE_HOLE, SORTS, TIME_REVERSAL, UNITARY

Complexes = NDArray[np.complex128]

NULL = 1e-8  # of the largest singular value: a solution
ROUNDS = 3  # in which operators are made of the tensor
STARTS = 12  # of the search among the unitaries that linear equations leave open
MOST = 700  # modes of a ring whose commuting operators are counted

NAMES = {UNITARY: "", TIME_REVERSAL: "time reversal", PARTICLE_HOLE: "particle-hole", CHIRAL: "chiral"}
BACKWARD = "(H -> -H)"


@dataclass(frozen=True, eq=False)
class ChainOperation:
    """An operation that an open chain keeps.

    Attributes
    ----------
    motion
        What it does besides ``unitary``.
    unitary
        U on the orbitals of a cell, (d, d); one-body operators go to ``U f(X) U^+``.
    residual
        How far it is off, relative to the norm of what is mapped: h, losses, gains and the tensor, each.
    any_coupling
        Whether it is one of the whole Liouvillian: not for antiunitary ones (they reverse the Hamiltonian
        part relative to the dissipator) unless H goes to minus itself besides, nor for particle-hole
        ones where traces of jump operators shift H.
    half_filling
        Whether it maps a filling to one minus it, particles being conserved.
    spaces
        Names of the internal spaces.
    """

    motion: Motion
    unitary: Complexes
    residual: float
    any_coupling: bool
    half_filling: bool
    spaces: tuple[str, ...] = ()

    @property
    def reverses_current(self) -> bool:
        """Whether the particle current goes to minus itself."""
        return self.motion.reverses_current

    @property
    def moves_cells_whole(self) -> bool:
        """Whether all orbitals of a cell end in one: cells that a move crosses are counted alike."""
        return not any(self.motion.shift)

    def __str__(self) -> str:
        """``particle-hole x sigma_y x (-1)^j``."""
        motion = self.motion
        words = ["inversion" if motion.inverted else "", NAMES[motion.sort]]
        if np.abs(self.unitary - self.unitary[0, 0] * np.eye(len(self.unitary))).max() > INVERTIBLE:
            words.append(matrix_text(self.unitary, self.spaces))
        words.append("(-1)^j" if motion.alternating else "")
        words.append(BACKWARD if motion.backward else "")
        if any(motion.shift):
            words.append(f"orbitals moved by {', '.join(str(cells) for cells in motion.shift)} cells")
        return " x ".join(word for word in words if word) or "translation"


def operations(chain: OpenChain, onto: OpenChain | None = None) -> tuple[ChainOperation, ...]:
    """Operations that a chain keeps, or that make another chain of it: one for each sort, inversion and sign.

    Others are products with unitaries on the orbitals that keep it as well.  ``(-1)^j`` is tried on rings
    of even length only.  Unitaries on the orbitals alone that keep a chain are left out: they say nothing
    about its current.

    Parameters
    ----------
    chain
        The chain whose motions are tried.
    onto
        The chain that they shall end at, the same if None.  The current is the other's, or minus it where
        the operation ``reverses_current``; particle-hole exchange takes filling n to 1 - n.
    """
    other = chain if onto is None else onto
    even = all(each.cells is None or each.cells % 2 == 0 for each in (chain, other))
    found = []
    flags = (False, True)
    for backward, sort, inverted, signs in itertools.product(
        flags, SORTS, flags, flags if even else (False,)
    ):
        if onto is None and sort == UNITARY and not inverted and not signs and not backward:
            continue
        for shift in shifts(chain.d):
            operation = mapped(chain, other, Motion(sort, inverted, signs, shift, backward))
            if operation is not None:
                found.append(operation)
                break
    return tuple(found)


def mapped(chain: OpenChain, onto: OpenChain, motion: Motion) -> ChainOperation | None:
    """The operation of a motion that makes one chain of another, with the simplest unitary, or None.

    Raises
    ------
    ModelError
        Chains of different numbers of orbitals.
    """
    if chain.d != onto.d:
        raise ModelError(
            f"chains of {chain.d} and {onto.d} orbitals a cell",
            hint="an operation keeps the orbitals' number",
        )
    if not _same_baths(chain, onto) or (motion.backward and chain.baths):
        return None
    unitary, residual = _unitary(_Forms(chain.image(motion)), _Forms(onto))
    if unitary is None:
        return None
    opposing = motion.sort.opposing
    return ChainOperation(
        motion=motion,
        unitary=unitary,
        residual=residual,
        any_coupling=motion.keeps_all and not (opposing and _shifted_by_traces(chain)),
        half_filling=opposing and chain.conserves_number,
        spaces=chain.spaces,
    )


def keeps_everything_alike(chain: OpenChain) -> bool:
    """Whether ``sum r [L, L^+] = 0``: the state that knows nothing is steady, at each number of particles."""
    if chain.baths or chain.linear or not chain.one_body:
        return False
    total: Blocks = {}
    for jump in chain.one_body:
        for ((x, y), V), ((p, q), W) in itertools.product(jump.blocks.items(), repeat=2):
            if y == q:
                _add(total, (x - p,), jump.rate * V @ W.conj().T)
            if x == p:
                _add(total, (y - q,), -jump.rate * V.conj().T @ W)
    scale = max(jump.rate * np.abs(W).max() ** 2 for jump in chain.one_body for W in jump.blocks.values())
    return all(np.abs(block).max() <= EXACT * scale for block in total.values())


def _same_baths(one: OpenChain, other: OpenChain) -> bool:
    """Whether the baths are the same ones; they follow the Hamiltonian, so nothing else is to be compared."""
    total: dict[tuple[float, object], float] = {}
    for sign, chain in ((1, one), (-1, other)):
        for bath in chain.baths:
            kind = bath.beta, bath.kernel
            total[kind] = total.get(kind, 0.0) + sign * bath.rate
    most = max([bath.rate for chain in (one, other) for bath in chain.baths], default=0.0)
    return all(abs(rate) <= EXACT * most for rate in total.values())


def shifts(d: int) -> Iterator[tuple[int, ...]]:
    """Cells that orbitals are moved by, none first; a common shift changes nothing."""
    rest = sorted(itertools.product((-1, 0, 1), repeat=min(d, 3) - 1), key=lambda n: sum(map(abs, n)))
    yield from ((0, *each, *(0,) * (d - min(d, 3))) for each in rest)


def _shifted_by_traces(chain: OpenChain) -> bool:
    """Whether ``c^+ W c`` and its half-filled part differ by a Hermitian term of order of the coupling.

    ``L -> L - tr W/2`` goes with ``H -> H + (i/4) eps sum r (tr W W^+ - tr W* W)``, which no particle-hole
    operation keeps together with the rest.
    """
    total: Blocks = {}
    for jump in chain.one_body:
        trace = sum(np.trace(W) for (x, y), W in jump.blocks.items() if x == y)
        for (x, y), W in jump.blocks.items():
            _add(total, (x - y,), jump.rate * np.conj(trace) * W)
            _add(total, (y - x,), -jump.rate * trace * W.conj().T)
    scale = max(
        [jump.rate * np.abs(W).max() ** 2 for jump in chain.one_body for W in jump.blocks.values()] + [0]
    )
    return any(np.abs(block).max() > EXACT * scale for block in total.values())


@dataclass(frozen=True, eq=False)
class _Forms:
    """What of a chain a unitary on the orbitals has to map: matrices and the tensor, by cells."""

    chain: OpenChain

    @cached_property
    def linear(self) -> tuple[Blocks, Blocks]:
        """``sum r v_x v_y^+`` of losses and of gains, by (x - y,)."""
        found: tuple[Blocks, Blocks] = ({}, {})
        for jump in self.chain.linear:
            for ((x,), v), ((y,), w) in itertools.product(jump.blocks.items(), repeat=2):
                _add(found[jump.gains], (x - y,), jump.rate * _outer(v, w.conj()))
        return found

    @cached_property
    def tensor(self) -> Blocks:
        """``sum r W_st W*_s't'`` (s, t, s', t') by the cells of t, s', t' from that of s."""
        found: Blocks = {}
        for jump in self.chain.one_body:
            for ((x, y), V), ((p, q), W) in itertools.product(jump.blocks.items(), repeat=2):
                _add(found, (y - x, p - x, q - x), jump.rate * _outer(V, W.conj()))
        return found


def _outer(one: Complexes, other: Complexes) -> Complexes:
    return np.asarray(np.multiply.outer(one, other), dtype=np.complex128)


def _add(blocks: Blocks, cells: tuple[int, ...], block: Complexes) -> None:
    blocks[cells] = blocks.get(cells, np.zeros_like(block)) + block


def _beside(one: Blocks, other: Blocks, shape: tuple[int, ...]) -> Complexes:
    """Both in one order, (2, n, ...), in units of the larger norm."""
    cells = sorted(one.keys() | other.keys())
    zero = np.zeros(shape, dtype=complex)
    found = np.array([[part.get(at, zero) for at in cells] for part in (one, other)], dtype=complex)
    found = found.reshape(2, -1, *shape)
    return np.asarray(found / (max(float(np.linalg.norm(part)) for part in found) or 1.0))


def _unitary(image: _Forms, own: _Forms) -> tuple[Complexes | None, float]:
    """U that takes the image to what it should be, and how far it is off; each kind in units of its own."""
    d = own.chain.d
    h = _beside(image.chain.blocks, own.chain.blocks, (d, d))
    if not len(_intertwiners(*h)):
        return None, np.inf
    linear = [_beside(one, other, (d, d)) for one, other in zip(image.linear, own.linear, strict=True)]
    A, B = np.concatenate([h, *linear], axis=1)
    S, T = _beside(image.tensor, own.tensor, (d, d, d, d))
    for U in _candidates(_intertwiners(_with_made(A, S), _with_made(B, T)), S, T):
        differences = _turned(U, A) - B, _turned_tensor(U, S) - T
        off = max(float(np.abs(each).max(initial=0.0)) for each in differences)
        if off <= EXACT:
            return U, off
    return None, np.inf


def _with_made(matrices: Complexes, tensor: Complexes) -> Complexes:
    """Matrices with those that can be made of the tensor, such as ``sum r W^+ X W``."""
    found, T = matrices, tensor
    random = np.random.default_rng(1)
    X = np.eye(matrices.shape[1], dtype=complex)
    for _ in range(ROUNDS if len(T) else 0):
        # indices of U and of U* pair with each other: s, t' with t, s'
        made = [
            np.einsum("nstpq,ts->nqp", T, X),
            np.einsum("nstpq,ps->nqt", T, X),
            np.einsum("nstpq,tq->nsp", T, X),
            np.einsum("nstpq,pq->nst", T, X),
        ]
        found = np.concatenate([found, *made])
        weight = random.normal(size=(2, len(found)))
        X = np.tensordot(weight[0], found, axes=1)
        X = X @ np.tensordot(weight[1], found, axes=1)
    return found


def _intertwiners(image: Complexes, own: Complexes) -> Complexes:
    """All X with ``X image = own X``, (n, d, d)."""
    d = image.shape[1]
    one = np.eye(d)
    rows = np.einsum("ij,nlm->nimjl", one, image) - np.einsum("nij,lm->nimjl", own, one)
    rows = rows.reshape(-1, d * d)
    _, value, vector = np.linalg.svd(rows, full_matrices=False)
    return np.asarray(vector[value <= NULL * max(float(value[0]), 1.0)].conj().reshape(-1, d, d))


def _candidates(kernel: Complexes, image: Complexes, own: Complexes) -> Iterator[Complexes]:
    """Unitaries to be tried: simple ones, a generic solution, and what the tensor leaves of the others."""
    if not len(kernel):
        return
    d = kernel.shape[1]
    random = np.random.default_rng(0)
    generic = _combined(random.normal(size=(2, len(kernel))), kernel)
    if generic is None:  # all solutions are singular
        return
    yield from (U for U in simple_matrices(d) if _within(U, kernel))
    yield generic
    if len(kernel) > 1:
        yield from _searched(kernel, image, own, random)


def _combined(weight: NDArray[np.float64], kernel: Complexes) -> Complexes | None:
    """The unitary factor of a combination; None where it is singular."""
    u, s, vh = np.linalg.svd(np.tensordot(weight[0] + 1j * weight[1], kernel, axes=1))
    return None if s[-1] < INVERTIBLE * s[0] else np.asarray(u @ vh)


def _within(U: Complexes, kernel: Complexes) -> bool:
    flat = kernel.reshape(len(kernel), -1)
    return bool(np.abs(U.ravel() - flat.T @ (flat.conj() @ U.ravel())).max() < EXACT)


def _searched(
    kernel: Complexes, image: Complexes, own: Complexes, random: np.random.Generator
) -> Iterator[Complexes]:
    """Unitaries among the solutions of the linear equations that come closest to mapping the tensor.

    Beyond a few orbitals, where linear equations leave much open, this may miss an operation; what it finds
    is verified.
    """
    from scipy.optimize import least_squares

    n, d = len(kernel), kernel.shape[1]

    def off(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        X = np.tensordot(parameters[:n] + 1j * parameters[n:], kernel, axes=1)
        rest = np.concatenate(
            [(X.conj().T @ X - np.eye(d)).ravel(), (_turned_tensor(X, image) - own).ravel()]
        )
        return np.concatenate([rest.real, rest.imag])

    for _ in range(STARTS):
        start = random.normal(size=2 * n)
        parameters = least_squares(off, start, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=100).x
        found = _combined(parameters.reshape(2, n), kernel)
        if found is not None:
            yield found


def _turned(U: Complexes, matrices: Complexes) -> Complexes:
    return np.asarray(U @ matrices @ U.conj().T)


def _turned_tensor(U: Complexes, tensor: Complexes) -> Complexes:
    V = U.conj()
    return np.asarray(np.einsum("as,bt,cp,dq,nstpq->nabcd", U, V, V, U, tensor, optimize=True))
