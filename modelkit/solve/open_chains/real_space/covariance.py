"""The covariance equation of fermions with jump operators: where it closes, and its matrices.

``G_ij = <c_j† c_i>``, index order (to, from), so that ``Tr(h G)`` is the energy.  With
``l = sum r conj(v) v^T`` of losses ``v.c`` and ``g = sum r u u†`` of gains ``u.c†``

    dG/dt = -i [h, G] - 1/2 {l + g, G} + g + sum_m r_m (W_m G W_m† - 1/2 {W_m† W_m, G})
          = X G + G X† + S(G) + P,        X = -ih - (l + g)/2 - sum r W†W/2,   P = g.

Linear operators close for any H.  For bilinear ones ``D†(c† a c)`` has a four-point part, for every
one-body a the commutator of ``1 (x) a - a (x) 1`` with ``T = sum_m r_m W_m† (x) W_m``, on antisymmetric
pairs.  It vanishes for all a if T is symmetric under exchange of its factors, and for three or more modes
only then (the linear map from the antisymmetric part of T has no null space).  T is symmetric exactly where
the family is equivalent to Hermitian operators: dephasing, and pairs ``{W, W†}`` at equal rates.  The
Hartree term of the general one-body rule cancels by the same symmetry.

Members that mix ``c`` and ``c†`` couple G to ``<c c>``.  Then all is written for ``Psi = (c, c†)``:
``C_ab = <Psi_b† Psi_a>``, h becomes diag(h, -h*), W diag(W, -W^T), l the matrix of ``L = w.Psi`` and g its
image under exchange of particles and holes; the equation is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from modelkit.compile.lindbladian import JumpFamily, Lindbladian
from modelkit.graph.device import Complexes, Floats, Integers

CLOSED = 1e-12
"""By how much, relative, sum r W† (x) W may lack the symmetry under exchange."""


@dataclass(frozen=True, eq=False)
class Bilinears:
    """All bilinear jump operators; row ``member[k] * n + a`` of the stacked W is row a of member m.

    ``stack`` csr (rows, n): rows of all W that are not zero; ``orbital`` (rows,) which a each is; ``rate``
    (rows,) that of its member.
    """

    stack: sparse.csr_array
    orbital: Integers
    member: Integers
    rate: Floats

    def gram(self, left: sparse.csr_array) -> sparse.csr_array:
        """``sum_m r_m Y_m† W_m`` with Y_m of the stack ``left``."""
        return sparse.csr_array(left.conj().T @ _scaled(self.stack, self.rate))

    @cached_property
    def damping(self) -> sparse.csr_array:
        """``sum_m r_m W_m† W_m``."""
        return self.gram(self.stack)


@dataclass(frozen=True, eq=False)
class Sandwich:
    """``S(G) = sum_m r_m W_m G W_m†`` through the few elements of G that it reads.

    ``S(G)[out[:, 0], out[:, 1]] = matrix @ G[read[:, 0], read[:, 1]]``.
    """

    out: Integers
    read: Integers
    matrix: sparse.csr_array

    def reads(self, covariance: Complexes) -> Complexes:
        """The elements that it reads, (q,)."""
        return np.asarray(covariance[self.read[:, 0], self.read[:, 1]])

    def spread(self, values: Complexes, size: int) -> Complexes:
        """S(G) for given read elements, (n, n)."""
        found = np.zeros((size, size), dtype=np.complex128)
        found[self.out[:, 0], self.out[:, 1]] = self.matrix @ values
        return found


@dataclass(frozen=True, eq=False)
class Covariance:
    """``dG/dt = X G + G X† + S(G) + P``.

    Attributes
    ----------
    hamiltonian, drift, source, decay : csr (n, n)
        h, X, P and ``l + g``; n is twice the number of orbitals if ``doubled``.
    jumps : tuple of JumpFamily
        Whose equation it is.
    sandwich : Sandwich or None
        None without bilinear operators.
    """

    hamiltonian: sparse.csr_array
    drift: sparse.csr_array
    source: sparse.csr_array
    decay: sparse.csr_array
    jumps: tuple[JumpFamily, ...]
    bilinears: Bilinears
    sandwich: Sandwich | None
    doubled: bool

    @property
    def size(self) -> int:
        return int(self.drift.shape[0])

    @cached_property
    def families(self) -> tuple[tuple[sparse.csr_array, sparse.csr_array], ...]:
        """``l + g`` and P of each jump family by itself."""
        return tuple(_linear([family], self.doubled) for family in self.jumps)

    def rate(self, covariance: Complexes) -> Complexes:
        """dG/dt of a Hermitian G."""
        moved = self.drift @ covariance
        found = moved + moved.conj().T + self.source.toarray()
        if self.sandwich is not None:
            values = self.sandwich.matrix @ self.sandwich.reads(covariance)
            found[self.sandwich.out[:, 0], self.sandwich.out[:, 1]] += values
        return np.asarray(found)


def covariance_equation(lindbladian: Lindbladian) -> Covariance:
    """The matrices of the covariance equation of a chain where it closes (see :func:`unclosed`)."""
    doubled = any(mixes(family).any() for family in lindbladian.jumps)
    h = sparse.csr_array(lindbladian.hamiltonian.astype(np.complex128))
    if doubled:
        h = sparse.block_diag([h, -h.conj()], format="csr")
    acting = [family for family in lindbladian.jumps if family.loss.nnz or family.gain.nnz]
    zero = sparse.csr_array(h.shape, dtype=np.complex128)
    decay, source = _linear(acting, doubled) if acting else (zero, zero)
    operators = bilinears(lindbladian.jumps, lindbladian.size, doubled)
    drift = sparse.csr_array(-1j * h - decay / 2 - operators.damping / 2)
    sandwich = _sandwich(operators) if operators.stack.nnz else None
    return Covariance(h, drift, source, decay, lindbladian.jumps, operators, sandwich, doubled)


def unclosed(families: Iterable[JumpFamily], size: int) -> JumpFamily | None:
    """A family whose bilinear operators couple G to four-point functions; None where all close together."""
    families = tuple(families)
    if _symmetric(bilinears(families, size)):
        return None
    alone = (family for family in families if not _symmetric(bilinears((family,), size)))
    return next(alone, None)


def mixes(family: JumpFamily) -> np.ndarray:
    """(count,) of bool: members that are sums of c and c†."""
    found = [np.abs(matrix).sum(axis=1) > 0 for matrix in (family.loss, family.gain)]
    return np.asarray(found[0] & found[1] & (family.rate > 0))


def bilinears(families: Iterable[JumpFamily], size: int, doubled: bool = False) -> Bilinears:
    """All bilinear operators of some families, those of rate zero left out."""
    member, row, column, value, rate = [], [], [], [], [np.zeros(0)]
    first = 0
    for family in families:
        products = family.bilinear
        if len(products.value):
            acts = (family.rate[products.member] > 0) & (products.value != 0)
            member.append(products.member[acts] + first)
            row.append(products.orbital[acts, 0])
            column.append(products.orbital[acts, 1])
            value.append(products.value[acts])
        rate.append(family.rate)
        first += family.count
    whole = [np.concatenate(part) if part else np.zeros(0) for part in (member, row, column, value)]
    at = [part.astype(np.intp) for part in whole[:3]]
    number, values = np.concatenate(rate), whole[3].astype(np.complex128)
    if doubled:  # -W^T acts on the holes
        at = [np.tile(at[0], 2), np.append(at[1], at[2] + size), np.append(at[2], at[1] + size)]
        values, size = np.append(values, -values), 2 * size
    keys, place = np.unique(at[0] * size + at[1], return_inverse=True)
    stack = sparse.coo_array((values, (place, at[2])), shape=(len(keys), size)).tocsr()
    return Bilinears(stack, keys % size, keys // size, number[keys // size])


def _linear(families: Sequence[JumpFamily], doubled: bool) -> tuple[sparse.csr_array, sparse.csr_array]:
    """``l + g`` and P = g of some families."""
    loss, gain = (_stacked([getattr(family, name) for family in families]) for name in ("loss", "gain"))
    rate = np.concatenate([family.rate for family in families])
    if doubled:
        half = loss.shape[1]
        decay = _weighted(sparse.hstack([loss, gain], format="csr"), rate)
        swap = np.r_[half : 2 * half, :half]
        source = sparse.csr_array(decay.T)[swap][:, swap]
    else:
        decay, source = _weighted(loss, rate), _weighted(gain.conj(), rate)
    return (sparse.csr_array(decay + source) if source.nnz else decay), source


def _stacked(parts: Sequence[sparse.csr_array]) -> sparse.csr_array:
    return parts[0] if len(parts) == 1 else sparse.vstack(parts, format="csr")


def _weighted(vectors: sparse.csr_array, rate: Floats) -> sparse.csr_array:
    """``sum_m r_m conj(v_m) v_m^T``."""
    size = vectors.shape[1]
    if not vectors.nnz:
        return sparse.csr_array((size, size), dtype=np.complex128)
    return sparse.csr_array(vectors.conj().T @ _scaled(vectors, rate))


def _scaled(matrix: sparse.csr_array, factor: Floats) -> sparse.csr_array:
    """Each row times its factor."""
    data = matrix.data * np.repeat(factor, np.diff(matrix.indptr))
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _vectors(operators: Bilinears) -> tuple[Integers, Integers, sparse.csr_array]:
    """Rows and columns that occur, and sqrt(r) W of each member as a vector over them."""
    size = operators.stack.shape[1]
    entries = operators.stack.tocoo()
    at, column = entries.coords
    pairs, place = np.unique(operators.orbital[at] * size + column, return_inverse=True)
    _, member = np.unique(operators.member[at], return_inverse=True)
    values = entries.data * np.sqrt(operators.rate[at])
    shape = (int(member.max(initial=-1)) + 1, len(pairs))
    return pairs // size, pairs % size, sparse.coo_array((values, (member, place)), shape=shape).tocsr()


def _sandwich(operators: Bilinears) -> Sandwich:
    size = operators.stack.shape[1]
    row, column, vectors = _vectors(operators)
    products = sparse.coo_array(vectors.T @ vectors.conj())  # sum r W_ij conj(W_kl)
    one, two = products.coords
    out, at_out = np.unique(row[one] * size + row[two], return_inverse=True)
    read, at_read = np.unique(column[one] * size + column[two], return_inverse=True)
    matrix = sparse.coo_array((products.data, (at_out, at_read)), shape=(len(out), len(read))).tocsr()
    return Sandwich(
        np.stack([out // size, out % size], axis=1), np.stack([read // size, read % size], axis=1), matrix
    )


def _symmetric(operators: Bilinears) -> bool:
    """Whether ``sum r W†_ij W_kl`` is symmetric under exchange of (ij) and (kl)."""
    if not operators.stack.nnz:
        return True
    size = operators.stack.shape[1]
    row, column, vectors = _vectors(operators)
    forward, backward = row * size + column, column * size + row
    pairs = np.union1d(forward, backward)
    here = sparse.csr_array(_placed(vectors, np.searchsorted(pairs, forward), len(pairs)))
    adjoint = sparse.csr_array(_placed(vectors.conj(), np.searchsorted(pairs, backward), len(pairs)))
    products = sparse.csr_array(adjoint.T @ here)
    return bool(abs(products - products.T).max() <= CLOSED * abs(products).max())


def _placed(vectors: sparse.csr_array, place: Integers, size: int) -> sparse.csr_array:
    """The columns of a matrix, at their places among more."""
    shape = (vectors.shape[0], size)
    return sparse.csr_array((vectors.data, place[vectors.indices], vectors.indptr), shape=shape)
