"""Extrema of the bands of a periodic lattice, to rounding: integrals end their panels there.

A band ``E_n(k)`` of ``onsite + e^{ik} hop + h.c.`` has the velocity ``<n|H'|n>``, and its curvature follows
from the other bands at the same momentum.  Intervals of momenta in which a velocity changes its sign hold an
extremum; others are halved where the cubic through both ends has one.  An extremum is then found by Newton
steps that stay within their interval.  Where two bands cross, the lower one seems to have a maximum: nothing
opens or closes there, and it is left out.  What a crossing may hide nearby is found by Newton steps from the
grid, which follow the state, not the number of its band.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelkit.numerics.sectors import sectors

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Flags = NDArray[np.bool_]

POINTS = 48  # momenta at first
ASIDE = 0.1234  # of the first momentum: bands cross where k is 0 or pi
HALVINGS = 10  # of an interval that may hide extrema
HIDDEN = 0.5  # of the velocities at the ends: a cubic that comes so close to rest may hide extrema
FLAT = 1e-12  # of the largest energy: a band that varies less is flat
EXACT = 1e-15  # of the largest energy: error of an extremum
CROSSED = 1e-12  # of the largest energy: bands that come so close cross
NEWTON = 8  # steps from a momentum of the grid
REACH = 0.6  # of the distance of the grid: how far they go
STEPS = 60  # of the search for an extremum
SAME = 0.3  # of the difference of two velocities: so well the other one continues the band
NEAR = 0.05  # width of an interval in which bands may be said to cross
MERGED = 1e-12  # of the largest energy: extrema closer than this are one
CHEAP = 5e8  # extrema times the cube of the orbitals: what is more is left as it is on the grid


def band_edges(onsite: Complexes, hop: Complexes) -> Floats:
    """Extrema of the bands, ascending: the energies at which modes open or close, and flat bands.

    Of cells with hundreds of orbitals they are only as good as cubics between 48 momenta.
    """
    parts = [np.zeros(0)]
    for vectors in sectors(onsite, hop):
        lattice = _Lattice(*(vectors.conj().T @ matrix @ vectors for matrix in (onsite, hop)))
        parts.append(lattice.chain if vectors.shape[1] == 1 else _extrema(lattice))
    found = np.sort(np.concatenate(parts))
    scale = float(np.max(np.abs(found), initial=0.0))
    return np.asarray(found[np.diff(found, prepend=-np.inf) > MERGED * scale])


@dataclass(frozen=True)
class _States:
    """All bands at some momenta: energies ascending, velocities, curvatures (n, m).

    ``vectors`` and ``joined = <n|H'|m>`` (n, m, m).
    """

    energy: Floats
    velocity: Floats
    curvature: Floats
    vectors: Complexes
    joined: Floats


@dataclass(frozen=True)
class _Lattice:
    """``onsite + e^{ik} hop + h.c.``"""

    onsite: Complexes
    hop: Complexes

    @property
    def chain(self) -> Floats:
        """Both edges of a single band."""
        level, strength = self.onsite[0].real, 2 * np.abs(self.hop[0])
        return np.concatenate([level - strength, level + strength])

    def at(self, k: Floats) -> _States:
        """Diagonalise."""
        forward = np.exp(1j * k)[:, None, None] * self.hop
        back = forward.conj().swapaxes(1, 2)
        energy, vectors = np.linalg.eigh(self.onsite + forward + back)
        adjoint = vectors.conj().swapaxes(1, 2)
        slope = adjoint @ (1j * (forward - back)) @ vectors
        bend = -np.einsum("eji,eji->ei", vectors.conj(), (forward + back) @ vectors).real
        joined = np.abs(slope)
        with np.errstate(all="ignore"):
            pushed = 2 * joined**2 / (energy[:, :, None] - energy[:, None, :])
        bend += np.where(np.isfinite(pushed), pushed, 0.0).sum(axis=2)
        return _States(energy, np.einsum("eii->ei", slope).real, bend, vectors, joined)


@dataclass
class _Intervals:
    """Ends in momentum, and the energies and velocities of all bands there; (n,) and (n, m)."""

    low: Floats
    high: Floats
    e_low: Floats
    e_high: Floats
    v_low: Floats
    v_high: Floats

    def __getitem__(self, chosen: Flags) -> _Intervals:
        return _Intervals(*(part[chosen] for part in vars(self).values()))

    def halves(self, lattice: _Lattice) -> _Intervals:
        """Both halves of each."""
        middle = (self.low + self.high) / 2
        found = lattice.at(middle)
        e, v = found.energy, found.velocity
        return _joined(
            _Intervals(self.low, middle, self.e_low, e, self.v_low, v),
            _Intervals(middle, self.high, e, self.e_high, v, self.v_high),
        )

    def cubic(self) -> tuple[Floats, Floats]:
        """``b, c`` of the slope ``v_low + b t + c t^2`` of the cubics, t from 0 to 1; (n, m)."""
        mean = (self.e_high - self.e_low) / (self.high - self.low)[:, None]
        c = 3 * (self.v_low + self.v_high) - 6 * mean
        return self.v_high - self.v_low - c, c

    def turns(self) -> Flags:
        """Whether the velocity of a band changes its sign; (n, m)."""
        return np.asarray(np.sign(self.v_low) * np.sign(self.v_high) <= 0)

    def hides(self, scale: float) -> Flags:
        """Whether a band may have two extrema within; (n,)."""
        b, c = self.cubic()
        with np.errstate(all="ignore"):
            place = -b / (2 * c)
            slowest = self.v_low + b * place / 2
        least = HIDDEN * np.minimum(np.abs(self.v_low), np.abs(self.v_high))
        near = (place > 0) & (place < 1) & (np.sign(self.v_low) * slowest < least)
        fastest = np.maximum(np.abs(self.v_low), np.abs(self.v_high)) * (self.high - self.low)[:, None]
        return np.asarray(np.any(near & ~self.turns() & (fastest > FLAT * scale), axis=1))


def _joined(one: _Intervals, other: _Intervals) -> _Intervals:
    return _Intervals(*map(np.concatenate, zip(vars(one).values(), vars(other).values(), strict=True)))


def _extrema(lattice: _Lattice) -> Floats:
    k = ASIDE + 2 * np.pi * np.arange(POINTS + 1) / POINTS
    grid = lattice.at(k)
    e, v = grid.energy, grid.velocity
    scale = float(np.max(np.abs(e), initial=0.0))
    asked = _Intervals(k[:-1], k[1:], e[:-1], e[1:], v[:-1], v[1:])
    found = asked[np.zeros(POINTS, dtype=np.bool_)]
    for _ in range(HALVINGS):
        hides = asked.hides(scale)
        found = _joined(found, asked[~hides])
        asked = asked[hides].halves(lattice)
        if not len(asked.low):
            break
    found = _joined(found, asked)
    if np.count_nonzero(found.turns()) * float(len(lattice.onsite)) ** 3 > CHEAP:
        return _by_cubics(found)
    return np.concatenate([_polished(found, lattice, scale), _from_grid(k, grid, lattice, scale)])


def _by_cubics(found: _Intervals) -> Floats:
    """Where the cubics are at rest."""
    place, band = np.nonzero(found.turns())
    b, c = (part[place, band] for part in found.cubic())
    v, e = found.v_low[place, band], found.e_low[place, band]
    with np.errstate(all="ignore"):
        root = np.sqrt(np.maximum(b * b - 4 * c * v, 0.0))
        t = -2 * v / (b + np.where(b < 0, -root, root))
    t = np.where((t >= 0) & (t <= 1), t, 0.5)
    return np.asarray(e + (found.high - found.low)[place] * t * (v + t * (b / 2 + t * c / 3)))


def _polished(found: _Intervals, lattice: _Lattice, scale: float) -> Floats:
    """The extrema within intervals in which a velocity changes its sign."""
    place, band = np.nonzero(found.turns())
    low, high = found.low[place], found.high[place]
    e_low, e_high, v_low, v_high = (
        part[place, band] for part in (found.e_low, found.e_high, found.v_low, found.v_high)
    )
    edges, at = [np.zeros(0)], (low + high) / 2
    for step in range(STEPS):
        states, mine = lattice.at(at), (np.arange(len(at)), band)
        e, v, curvature = states.energy[mine], states.velocity[mine], states.curvature[mine]
        below = np.sign(v) == np.sign(v_low)
        crosses = _crosses(states, mine, high - low, np.where(below, v_high, v_low), scale)
        low, e_low, v_low = np.where(below, (at, e, v), (low, e_low, v_low))
        high, e_high, v_high = np.where(below, (high, e_high, v_high), (at, e, v))
        with np.errstate(all="ignore"):
            newton = at - v / curvature
            met = (e_high - e_low + v_low * low - v_high * high) / (v_low - v_high)  # of both tangents
        rests = _rests(v, curvature, scale)
        edges.append(e[rests])
        left = ~(rests | crosses | (high - low <= 4 * np.finfo(float).eps * np.abs(high)))
        if not left.any():
            break
        at = (low + high) / 2
        for better in (met, newton)[: 2 * (step % 4 < 3)]:
            at = np.where((better > low) & (better < high), better, at)
        low, high, e_low, e_high, v_low, v_high, at = (
            part[left] for part in (low, high, e_low, e_high, v_low, v_high, at)
        )
        band = band[left]
    return np.concatenate(edges)


def _rests(velocity: Floats, curvature: Floats, scale: float) -> Flags:
    """Whether an extremum is so near that the energy is the same."""
    return np.asarray(
        (velocity**2 <= EXACT * scale * np.abs(curvature)) | (np.abs(velocity) <= EXACT * scale)
    )


def _crosses(
    states: _States, mine: tuple[Integers, Integers], width: Floats, beyond: Floats, scale: float
) -> Flags:
    """Whether a band crosses another one nearby, which continues it: it has the velocity ``beyond`` there.

    Two bands at the distance d whose velocities differ by w and are joined by ``x = <n|H'|m>`` come no closer
    than ``2 d x/w``.
    """
    apart = np.abs(states.energy - states.energy[mine][:, None])
    faster = np.abs(states.velocity - states.velocity[mine][:, None])
    joined = states.joined[mine[0], :, mine[1]]
    found = (apart < faster * width[:, None]) & (joined * apart <= CROSSED * scale * faster)
    found &= (np.abs(states.velocity - beyond[:, None]) < SAME * faster) & (width[:, None] < NEAR)
    return np.asarray(found.any(axis=1))


def _from_grid(k: Floats, states: _States, lattice: _Lattice, scale: float) -> Floats:
    """Extrema next to the momenta of the grid, of bands that cross any others."""
    space, edges = k[1] - k[0], [np.zeros(0)]
    band = np.tile(np.arange(states.energy.shape[1]), len(k))
    place = np.repeat(np.arange(len(k)), states.energy.shape[1])
    start = at = k[place]
    for _ in range(NEWTON):
        e, v, curvature = (part[place, band] for part in (states.energy, states.velocity, states.curvature))
        rests = _rests(v, curvature, scale)
        edges.append(e[rests])
        with np.errstate(all="ignore"):
            at = at - v / curvature
        near = (np.abs(at - start) < REACH * space) & ~rests
        if not near.any():
            break
        own = states.vectors[place, :, band][near]
        at, start, place = at[near], start[near], np.arange(np.count_nonzero(near))
        states = lattice.at(at)
        band = np.argmax(np.abs(np.einsum("eij,ei->ej", states.vectors.conj(), own)), axis=1)
    return np.concatenate(edges)
