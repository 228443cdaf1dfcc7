"""Surface Green functions of periodic half spaces, on the real axis without broadening.

Cells n of m orbitals with the block ``onsite`` in each and ``hop`` from cell n+1 to cell n,

    (E - onsite) psi_n = hop psi_{n+1} + hop† psi_{n-1}.

Of ``hop = A B†`` with r columns the modes ``psi_n = lambda^n psi_0`` are seen by ``u = A† psi_{n-1}``
and ``w = B† psi_n``.  With ``P = E - onsite - sigma hop - hop†/sigma`` at any number sigma that is no
lambda, they are the eigenvectors of a matrix of size 2 r,

    theta u = -(A†P^-1 B/sigma + 1)/sigma u + A†P^-1 A/sigma w
    theta w = -B†P^-1 B/sigma u + B†P^-1 A w,

``lambda = sigma + 1/theta``; singular hops need nothing else.  The half space of the cells 0, 1, 2, ... is
filled by the r modes that decay or carry a current away: ``s = B† g B`` maps their u to their w, and
``g = (E - onsite - A s A†)^-1``.  The other r modes give the half space on the other side.

A mode that neither decays nor carries a current (at a band edge) counts as closed.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkit.numerics.sectors import sectors
from modelkit.numerics.stein import stein

Complexes = NDArray[np.complex128]
Energies = NDArray[Any]  # real, or complex above the axis
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Flags = NDArray[np.bool_]

SHIFTS = (0.81 * np.exp(2.1j), 1.37 * np.exp(-1.2j), 0.55 * np.exp(0.37j))  # sigma; further ones on failure
RANK = 1e-14  # singular values of the hop below it, relative to the largest, are zeros
RUNNING = 1e-7  # flux of a mode of norm 1 below which it is at a band edge, up to rounding of E
CIRCLE = 1e-6  # log|lambda| below which a mode may run
PARALLEL = 1e-8  # ratio of the eigenvalues of a Gram matrix below which vectors are parallel
GROUP = 1e-8  # lambdas closer than this are one
POLISHED = 1e-10  # relative error beyond which another sigma and Newton steps are tried
STEPS = 3  # of Newton
CHUNK = 2**26  # bytes of matrices treated together


@dataclass(frozen=True)
class Surface:
    """Both half spaces at some energies.

    Attributes
    ----------
    right, left : (n_E, m, m)
        Green function of the first cell of the half spaces n >= 0 and n <= 0.
    open : (n_E,)
        Number of modes that carry a current in either direction.
    error : (n_E,)
        Estimate of the error of ``B† g B``, relative to its largest element: the residual of the fixed
        point over the smallest distance ``|1 - lambda_out/lambda_in|``.
    """

    right: Complexes
    left: Complexes
    open: Integers
    error: Floats


class HalfSpaces:
    """Both half spaces of a periodic lattice, sector by sector; single chains in closed form."""

    def __init__(self, onsite: Complexes, hop: Complexes) -> None:
        self._size = len(onsite)
        found = sectors(onsite, hop)
        chains = [vectors for vectors in found if vectors.shape[1] == 1]
        self._vectors = np.concatenate([np.zeros((self._size, 0), dtype=complex), *chains], axis=1)
        self._level, coupling = (
            np.einsum("ik,ij,jk->k", self._vectors.conj(), matrix, self._vectors) for matrix in (onsite, hop)
        )
        self._level, self._strength = self._level.real, np.abs(coupling)
        self._wide = [_Sector.of(vectors, onsite, hop) for vectors in found if vectors.shape[1] > 1]

    @cached_property
    def reversed(self) -> HalfSpaces:
        """The same lattice, met from the other side."""
        found = copy(self)
        found._wide = [sector.reversed() for sector in self._wide]
        return found

    def at(self, energies: Energies) -> Surface:
        """Surface Green functions at real energies or above the axis."""
        z = np.asarray(energies, dtype=complex)
        found = _of_chains(z, self._vectors, self._level, self._strength)
        for sector in self._wide:
            found = _together(found, sector.vectors, sector.at(z))
        return found

    def taylor(self, energies: Energies, g: Complexes, order: int) -> list[Complexes]:
        """Derivatives of the right surface function g(E) by the energy, from the first on, over n!.

        Each (n_E, m, m); infinite at band edges.
        """
        vectors, square = self._vectors, self._strength**2
        root = _root(np.asarray(energies, dtype=complex)[:, None] - self._level, self._strength)
        with np.errstate(all="ignore"):
            inner = [np.einsum("ik,nij,jk->nk", vectors.conj(), g, vectors, optimize=True)]
            for n in range(1, order + 1):
                mixed = sum(inner[j] * inner[n - j] for j in range(1, n))
                inner.append((square * mixed - inner[n - 1]) / root)
            found = [_rotated(vectors, part) for part in inner[1:]]
        for sector in self._wide:
            back = sector.vectors.conj().T
            parts = sector.taylor(back @ g @ sector.vectors, order)
            found = [one + sector.vectors @ part @ back for one, part in zip(found, parts, strict=True)]
        return found


def surface(energies: Energies, onsite: Complexes, hop: Complexes) -> Surface:
    """Surface Green functions at real energies or above the axis; see :class:`HalfSpaces`."""
    return HalfSpaces(onsite, hop).at(energies)


@dataclass(frozen=True)
class _Sector:
    """Orbitals that mix; ``hop = a b†`` with as few columns as it has rank."""

    vectors: Complexes
    onsite: Complexes
    hop: Complexes
    a: Complexes
    b: Complexes

    @classmethod
    def of(cls, vectors: Complexes, onsite: Complexes, hop: Complexes) -> _Sector:
        inner, across = (vectors.conj().T @ matrix @ vectors for matrix in (onsite, hop))
        inner = (inner + inner.conj().T) / 2
        return cls(vectors, inner, across, *_factors(across))

    def reversed(self) -> _Sector:
        return _Sector(self.vectors, self.onsite, self.hop.conj().T, self.b, self.a)

    def at(self, z: Complexes) -> Surface:
        r, m = self.a.shape[1], len(self.onsite)
        step = max(1, CHUNK // (16 * (8 * r * r + 4 * m * m)))
        parts = [
            _general(z[first : first + step], self.onsite, self.a, self.b)
            for first in range(0, max(len(z), 1), step)
        ]
        return Surface(*(np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS))

    def taylor(self, g: Complexes, order: int) -> list[Complexes]:
        """With ``g (E - onsite - hop g hop†) = 1``, order by order, solved on the image of the hop:
        ``g_n - g hop g_n hop† g = c g``, ``c = -g_{n-1} + sum_{0<j<n} g_j hop g_{n-j} hop†``.
        """
        a, b, back = self.b.conj().T @ g @ self.a, self.a.conj().T @ g @ self.b, self.hop.conj().T
        found = [g]
        for n in range(1, order + 1):
            mixed = sum((found[j] @ self.hop @ found[n - j] @ back for j in range(1, n)), -found[n - 1])
            free = mixed @ g
            inside = stein(a, b, self.b.conj().T @ free @ self.b)
            found.append(free + (g @ self.a) @ inside @ (self.a.conj().T @ g))
        return found[1:]


_FIELDS = ("right", "left", "open", "error")


def _together(found: Surface, vectors: Complexes, sector: Surface) -> Surface:
    """With what a further sector adds."""
    back = vectors.conj().T
    with np.errstate(all="ignore"):
        return Surface(
            found.right + vectors @ sector.right @ back,
            found.left + vectors @ sector.left @ back,
            found.open + sector.open,
            np.maximum(found.error, sector.error),
        )


def _root(x: Energies, strength: Floats) -> Complexes:
    """``sqrt(x^2 - 4 v^2)``, analytic above the axis and like x far away."""
    return np.asarray(np.sqrt(x - 2 * strength) * np.sqrt(x + 2 * strength))


def _of_chains(z: Complexes, vectors: Complexes, level: Floats, strength: Floats) -> Surface:
    """``g = (x - sqrt(x^2 - 4 v^2))/(2 v^2)`` of each chain, without cancellation."""
    x = z[:, None] - level
    with np.errstate(all="ignore"):
        values = 2 / (x + _root(x, strength))
        g = _rotated(vectors, values)
    count = np.count_nonzero((np.abs(x.real) < 2 * strength) & (z.imag[:, None] == 0), axis=1)
    error = np.where(np.isfinite(values).all(axis=1), np.finfo(float).eps, np.inf)
    return Surface(g, g, count, error)


def _rotated(vectors: Complexes, values: Complexes) -> Complexes:
    if vectors.shape == (1, 1):
        return np.asarray(values[:, :, None])
    return np.asarray((vectors * values[:, None, :]) @ vectors.conj().T)


def _factors(hop: Complexes) -> tuple[Complexes, Complexes]:
    """``hop = A B†`` with as few columns as it has rank."""
    u, size, v = np.linalg.svd(hop)
    rank = int(np.count_nonzero(size > RANK * np.max(size, initial=0.0)))
    root = np.sqrt(size[:rank])
    return np.asarray(u[:, :rank] * root), np.asarray(v[:rank].conj().T * root)


def _general(z: Complexes, onsite: Complexes, a: Complexes, b: Complexes) -> Surface:
    """By modes; energies whose error is too large again with another sigma, then by Newton steps."""
    found = _halves(z, onsite, a, b, SHIFTS[0])
    for shift in SHIFTS[1:]:
        poor = np.flatnonzero(~(found.error < POLISHED))
        if not len(poor):
            break
        again = _halves(z[poor], onsite, a, b, shift)
        better = ~(found.error[poor] <= again.error)
        for name in _FIELDS:
            getattr(found, name)[poor[better]] = getattr(again, name)[better]
    return found


def _halves(z: Complexes, onsite: Complexes, a: Complexes, b: Complexes, shift: complex) -> Surface:
    """Both half spaces from the modes at one sigma; an infinite error where a matrix is singular."""
    try:
        return _from_modes(z, onsite, a, b, shift)
    except np.linalg.LinAlgError:
        if len(z) == 1:
            lost = np.full((1, *onsite.shape), np.nan, dtype=complex)
            return Surface(lost, lost.copy(), np.zeros(1, dtype=np.intp), np.full(1, np.inf))
    parts = [_halves(one[None], onsite, a, b, shift) for one in z]
    return Surface(*(np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS))


def _from_modes(z: Complexes, onsite: Complexes, a: Complexes, b: Complexes, shift: complex) -> Surface:
    u, w, count, gap = _modes(z, onsite, a, b, shift)
    r = a.shape[1]
    sides = []
    for ours, theirs, near, far in ((u[..., :r], w[..., :r], a, b), (w[..., r:], u[..., r:], b, a)):
        sides.append(_half(z, onsite, ours, theirs, near, far, gap))
    (right, off), (left, off_left) = sides
    return Surface(right, left, count, np.fmax(off, off_left))


def _half(
    z: Complexes, onsite: Complexes, u: Complexes, w: Complexes, a: Complexes, b: Complexes, gap: Floats
) -> tuple[Complexes, Floats]:
    """G and its error from the modes of one half space; ``s u = w``."""
    r = a.shape[1]
    with np.errstate(all="ignore"):
        basis = np.linalg.qr(np.concatenate([u, w], axis=1))[0]
        s = _divided(basis[:, r:], basis[:, :r])
        g, s, error = _fixed(z, onsite, s, a, b, gap)
        for _ in range(STEPS):
            poor = np.flatnonzero(~(error < POLISHED) & np.isfinite(s).all(axis=(1, 2)))
            if not len(poor):
                break
            step = _newton(z[poor], onsite, g[poor], s[poor], a, b)
            changed = _fixed(z[poor], onsite, step, a, b, gap[poor])
            better = changed[2] < 0.5 * error[poor]
            if not better.any():
                break
            for kept, new in zip((g, s, error), changed, strict=True):
                kept[poor[better]] = new[better]
    return g, error


def _fixed(
    z: Complexes, onsite: Complexes, s: Complexes, a: Complexes, b: Complexes, gap: Floats
) -> tuple[Complexes, Complexes, Floats]:
    """``g = (E - onsite - A s A†)^-1``, then ``B† g B`` and the error of it.

    One step of the fixed point takes what the decaying modes were wrong by and leaves the others.
    """
    g = _inverse(z, onsite, s, a)
    again = b.conj().T @ g @ b
    off = np.max(np.abs(again - s), axis=(1, 2), initial=0.0)
    size = np.max(np.abs(again), axis=(1, 2), initial=np.finfo(float).tiny)
    g = _inverse(z, onsite, again, a)
    return g, again, np.asarray(off / size / gap)


def _newton(
    z: Complexes, onsite: Complexes, g: Complexes, s: Complexes, a: Complexes, b: Complexes
) -> Complexes:
    """One Newton step of ``s = B†(E - onsite - A s A†)^-1 B``."""
    g = _inverse(z, onsite, s, a)
    across, back = b.conj().T @ g, g @ b
    return s + stein(across @ a, a.conj().T @ back, across @ b - s)


def _inverse(z: Complexes, onsite: Complexes, s: Complexes, a: Complexes) -> Complexes:
    one = np.eye(len(onsite))
    return _divided(
        np.broadcast_to(one, (len(z), *one.shape)), z[:, None, None] * one - onsite - a @ s @ a.conj().T
    )


def _divided(numerator: Complexes, denominator: Complexes) -> Complexes:
    """``numerator denominator^-1`` for each energy; infinite where the denominator is singular."""
    try:
        return np.asarray(
            np.linalg.solve(denominator.swapaxes(1, 2), numerator.swapaxes(1, 2)).swapaxes(1, 2)
        )
    except np.linalg.LinAlgError:
        if len(numerator) == 1:
            return np.full_like(numerator, np.inf, dtype=complex)
    parts = [_divided(one[None], other[None]) for one, other in zip(numerator, denominator, strict=True)]
    return np.concatenate(parts)


def _modes(
    z: Complexes, onsite: Complexes, a: Complexes, b: Complexes, shift: complex
) -> tuple[Complexes, Complexes, Integers, Floats]:
    """u, w of all modes (n_E, r, 2 r): those of the right half space first; open modes, gap."""
    m, r = a.shape
    hop = a @ b.conj().T
    p = z[:, None, None] * np.eye(m) - onsite - shift * hop - hop.conj().T / shift
    inner = np.linalg.solve(p, np.broadcast_to(np.concatenate([b, a], axis=1), (len(z), m, 2 * r)))
    by_a, by_b = a.conj().T @ inner, b.conj().T @ inner
    matrix = np.empty((len(z), 2 * r, 2 * r), dtype=complex)
    matrix[:, :r, :r] = -by_a[..., :r] / shift - np.eye(r)
    matrix[:, :r, r:] = by_a[..., r:]
    matrix[:, :r] /= shift
    matrix[:, r:, :r] = -by_b[..., :r] / shift
    matrix[:, r:, r:] = by_b[..., r:]
    theta, vectors = np.linalg.eig(matrix)
    u, w = vectors[:, :r], vectors[:, r:]
    with np.errstate(all="ignore"):
        growth = np.log(np.abs(shift * theta + 1)) - np.log(np.abs(theta))
        ratio = shift + 1 / theta
    flux = -2 * np.einsum("eri,eri->ei", u.conj(), w).imag  # the vectors have norm 1
    running = np.abs(flux) > np.abs(growth)
    _separate(u, w, flux, running, np.abs(growth) < CIRCLE, ratio, inner, shift)
    order = np.argsort(np.where(running, -np.sign(flux) * 1e-15, growth), axis=1, kind="stable")
    count = np.count_nonzero(running & (flux > RUNNING), axis=1)
    u, w = (np.take_along_axis(part, order[:, None], axis=2) for part in (u, w))
    ratio = np.take_along_axis(ratio, order, axis=1)
    return u, w, count, _gap(ratio, r)


def _gap(ratio: Energies, r: int) -> Floats:
    """Smallest ``|1 - lambda_out/lambda_in|``: how well the half spaces are told apart; at most 1."""
    if not r:
        return np.ones(len(ratio))
    with np.errstate(all="ignore"):
        apart = np.abs(1 - ratio[:, :r, None] / ratio[:, None, r:])
    return np.maximum(np.nanmin(np.where(np.isnan(apart), 1.0, apart), axis=(1, 2), initial=1.0), 1e-16)


def _separate(
    u: Complexes,
    w: Complexes,
    flux: Floats,
    running: Flags,
    circle: Flags,
    ratio: Energies,
    inner: Energies,
    shift: complex,
) -> None:
    """Where modes of one lambda run both ways: combinations that each run one way, in place.

    They are the eigenvectors of the velocity among the orthonormal Bloch vectors of that lambda, as in the
    limit of a weak absorption.  Two modes of one Bloch vector are a band edge, and stay.
    """
    with np.errstate(all="ignore"):
        near = np.abs(ratio[:, :, None] - ratio[:, None, :]) < GROUP
    both = circle[:, :, None] & circle[:, None, :] & near
    r = u.shape[1]
    for e in np.flatnonzero((both.sum(axis=2) > 1).any(axis=1)):
        left = set(np.flatnonzero(both[e].sum(axis=1) > 1).tolist())
        while left:
            group = np.flatnonzero(both[e, min(left)])
            left -= {*group.tolist(), min(left)}
            ours, theirs = u[e][:, group], w[e][:, group]
            bloch = inner[e] @ np.concatenate([-ours / shift, theirs])
            metric, frame = np.linalg.eigh(bloch.conj().T @ bloch)
            if metric[0] < PARALLEL * metric[-1]:
                continue
            current = 1j * (ours.conj().T @ theirs)
            frame = frame / np.sqrt(metric)
            mixed = np.linalg.eigh(frame.conj().T @ (current + current.conj().T) @ frame)[1]
            turned = np.concatenate([ours, theirs]) @ frame @ mixed
            turned /= np.linalg.norm(turned, axis=0)
            u[e][:, group], w[e][:, group] = turned[:r], turned[r:]
            flux[e, group] = -2 * np.einsum("ri,ri->i", turned[:r].conj(), turned[r:]).imag
            running[e, group] = np.abs(flux[e, group]) > RUNNING
