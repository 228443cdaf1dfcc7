"""Kinetic level of an open chain: what the rates between modes, phases forgotten, say about its current.

As the coupling goes to zero the occupations obey
``dn_a/dtau = (1 - n_a) (sum_b R(b -> a) n_b + gain_a) - n_a (sum_b R(a -> b) (1 - n_b) + loss_a)``.
A permutation pi of the modes that keeps this equation while ``v_{pi a} = -v_a`` forbids the current (P); one
that exchanges particles and holes while ``v_{pi a} = v_a`` does at half filling (PH); so for every flow that
is a sum over modes, v being what a mode contributes.  Bands are functions of a continuous k, and all
conditions are compared at generic k.  A ring has its own momenta only: permutations must map them to each
other, and bands that touch at one of them are not determined.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.modes import ring_momenta
from modelkit.errors import ModelError
from modelkit.symmetry.chains.bands import TOUCHING, Bands, Modes, Rates
from modelkit.symmetry.chains.observables import expectations, particle_current
from modelkit.symmetry.chains.open_chain import Blocks, OpenChain

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

SAME = 1e-8  # of the largest: rates, energies and velocities that agree
GENERIC = 7  # momenta at which conditions are compared
MOST_PERMUTATIONS = 5000  # of bands with their centres
MOST_MODES = 2000  # of a ring


@dataclass(frozen=True)
class ModePermutation:
    """``k -> +-k + centre[band]``, ``band -> image[band]``.

    ``holes`` says that it exchanges particles and holes (PH), otherwise it is a P.
    """

    holes: bool
    reflected: bool
    image: tuple[int, ...]
    centre: tuple[float, ...]

    def __str__(self) -> str:
        """``particles to holes with k -> -k + pi, bands exchanged``."""
        words = []
        k = "-k" if self.reflected else "k"
        shifts = [_angle(c) for c in self.centre]
        words.append(
            "k -> " + (k + shifts[0] if len(set(shifts)) == 1 else " or ".join(k + c for c in shifts))
        )
        if self.image != tuple(range(len(self.image))):
            words.append("bands exchanged")
        return ("particles to holes with " if self.holes else "") + ", ".join(words)


def determined(chain: OpenChain) -> bool:
    """Whether the bands are single, so that they have occupations of their own.

    On a ring at each of its momenta, otherwise at almost all k.
    """
    if chain.cells is None or chain.d == 1:
        return not Bands(chain).degenerate
    energy = np.linalg.eigvalsh(chain.bloch(ring_momenta(chain.cells)))
    return bool(np.diff(energy, axis=1).min() > TOUCHING * max(float(np.ptp(energy)), TOUCHING))


def permutations(chain: OpenChain, observable: Blocks | None = None) -> tuple[ModePermutation, ...]:
    """The first P and the first PH of a chain, in this order, if there are any.

    Tried are ``k -> +-k + k0`` with k0 = 0 or pi, or with a centre of each band's own, and all permutations
    of the bands, numbered by energy or followed through their crossings.  ``observable`` is the flow that
    shall vanish, the particle current if None.
    """
    if not determined(chain):
        return ()
    flow = particle_current(chain) if observable is None else observable
    found = []
    for holes in (False, True):
        candidates = (
            (bands, candidate)
            for bands in _labellings(chain)
            for candidate in itertools.islice(_candidates(bands, holes), MOST_PERMUTATIONS)
            if _on_momenta(candidate, chain.cells)
        )
        kept = next((candidate for bands, candidate in candidates if _keeps(bands, candidate, flow)), None)
        if kept is not None:
            found.append(kept)
    return tuple(found)


def _on_momenta(candidate: ModePermutation, cells: int | None) -> bool:
    """Whether it takes momenta of a ring to momenta of the ring."""
    if cells is None:
        return True
    steps = np.array(candidate.centre) * cells / (2 * np.pi)
    return bool(np.abs(steps - np.round(steps)).max() <= SAME * cells)


def _labellings(chain: OpenChain) -> Iterator[Bands]:
    yield Bands(chain, followed=False)
    followed = Bands(chain)
    if chain.d > 1 and followed.closed:
        yield followed


def _candidates(bands: Bands, holes: bool) -> Iterator[ModePermutation]:
    d = bands.chain.d
    harmonics = np.fft.fft(bands.energy, axis=0) / len(bands.k)
    for reflected, image in itertools.product((True, False), itertools.permutations(range(d))):
        yield from (ModePermutation(holes, reflected, image, (c,) * d) for c in (0.0, np.pi))
        if bands.followed or d == 1:
            sign = 1 if reflected != holes else -1  # energies are kept or reversed, up to a constant
            own = [_centres(harmonics[:, b], harmonics[:, image[b]], reflected, sign) for b in range(d)]
            yield from (ModePermutation(holes, reflected, image, each) for each in itertools.product(*own))


def _centres(
    one: NDArray[np.complex128], other: NDArray[np.complex128], reflected: bool, sign: int
) -> list[float]:
    """All c with ``e'(+-k + c) = sign e(k) + const``, by the lowest harmonic; 0 and pi for flat bands.

    Harmonics are those on a grid that begins half a step after -pi.
    """
    n = len(one)
    order = np.fft.fftfreq(n, 1 / n)
    shift = np.exp(-1j * order * (-np.pi + np.pi / n))
    E, F = one * shift, other * shift
    large = np.flatnonzero((np.abs(E) > SAME * np.abs(E).max()) & (order > 0))
    if not len(large):
        return [0.0, np.pi]
    lowest = int(large[0])
    if abs(abs(F[lowest]) - abs(E[lowest])) > SAME * abs(E[lowest]):
        return []
    # F_{-m} exp(-imc) = sign E_m where reflected, F_m exp(imc) = sign E_m where not
    angle = np.angle(sign * E[lowest] / (F[-lowest] if reflected else F[lowest]))
    angle = -angle if reflected else angle
    return [float((angle + 2 * np.pi * turn) / lowest) for turn in range(lowest)]


def _keeps(bands: Bands, candidate: ModePermutation, flow: Blocks) -> bool:
    """Whether rates and what modes carry at generic momenta are as the permutation wants them."""
    one = _sample(bands)
    band = np.tile(np.arange(bands.chain.d), GENERIC)
    k = (-one.k if candidate.reflected else one.k) + np.array(candidate.centre)[band]
    other = bands.at(k, np.array(candidate.image)[band])
    carried = [expectations(flow, modes.k, modes.vector) for modes in (one, other)]
    if not _same(carried[1], carried[0] if candidate.holes else -carried[0]):
        return False
    rates = Rates(bands.chain)
    loss, gain = rates.linear(one)
    if candidate.holes:
        loss, gain = gain, loss
    pairs = zip(rates.linear(other), (loss, gain), strict=True)
    if not all(_same(*pair) for pair in pairs):
        return False
    jumps = zip(rates.between(other, other), rates.between(one, one), strict=True)
    return all(_same(image, R.T if candidate.holes else R) for image, R in jumps)


def _sample(bands: Bands) -> Modes:
    """All bands at generic momenta."""
    k = np.random.default_rng(5).uniform(-np.pi, np.pi, GENERIC)
    return bands.at(np.repeat(k, bands.chain.d), np.tile(np.arange(bands.chain.d), GENERIC))


def _same(one: Floats, other: Floats) -> bool:
    scale = max(float(np.abs(part).max(initial=0.0)) for part in (one, other))
    return bool(np.abs(one - other).max(initial=0.0) <= SAME * scale)


def _angle(c: float) -> str:
    c = float(np.mod(c + np.pi - 1e-9, 2 * np.pi) - np.pi + 1e-9)  # in (-pi, pi]
    if abs(c) < 1e-7:
        return ""
    return " + pi" if abs(c - np.pi) < 1e-7 else f" {'+' if c > 0 else '-'} {abs(c):.6g}"


def energy_only(chain: OpenChain) -> bool:
    """Whether the occupation is a function of energy only in each band: the current is a closed integral.

    All rates to and from modes of the same energy in the same band are compared.  The sum over the momenta
    of a ring is no such integral.
    """
    if chain.cells is not None or not determined(chain):
        return False
    return any(_energy_only(bands) for bands in _labellings(chain))


def _energy_only(bands: Bands) -> bool:
    rates = Rates(bands.chain)
    reference = _sample(bands)
    for band in range(bands.chain.d):
        for k in np.random.default_rng(6).uniform(-np.pi, np.pi, 3):
            at = _same_energy(bands, band, float(k))
            modes = bands.at(at, np.full(len(at), band))
            rows = [*rates.between(modes, reference), *(R.T for R in rates.between(reference, modes))]
            rows += [each[:, None] for each in rates.linear(modes)]
            if not all(_same(each, np.broadcast_to(each[:1], each.shape)) for each in rows):
                return False
    return True


def _same_energy(bands: Bands, band: int, k: float) -> Floats:
    """All momenta of the same energy as k in the band, k first; k alone where the band is flat."""
    from scipy.optimize import brentq

    energy = float(bands.at(np.array([k]), np.array([band])).energy[0])

    def off(q: float) -> float:
        return float(bands.at(np.array([q]), np.array([band])).energy[0]) - energy

    grid = np.append(bands.k, bands.k[0] + 2 * np.pi)
    values = np.append(bands.energy[:, band], bands.energy[0, band]) - energy
    if np.ptp(values) <= SAME * max(1.0, float(np.abs(bands.energy).max())):
        return np.array([k])
    crossing = np.flatnonzero(values[:-1] * values[1:] < 0)
    found = [brentq(off, grid[i], grid[i + 1], xtol=1e-14, rtol=1e-14) for i in crossing]
    return np.array([k, *found])


def unital(chain: OpenChain) -> bool:
    """Whether equal occupation of all modes is steady: no bath, no loss or gain, ``sum r [W, W^+]`` = 0.

    Compared are the rates into and out of each mode.
    """
    if chain.baths or chain.linear or not determined(chain):
        return False
    into, out = Rates(chain).totals(_sample(Bands(chain)))
    return _same(into, out)


def classes(chain: OpenChain, cells: int) -> int:
    """Number of conserved charges of the rate equation on a ring: sets of modes that no rate joins.

    Modes of one momentum and one energy count as joined; sets with a loss or a gain conserve nothing.

    Raises
    ------
    ModelError
        A ring too long to be counted.
    """
    from scipy.sparse import csgraph

    if cells > MOST_MODES // chain.d:
        raise ModelError(
            f"sets of modes are not counted on {cells} cells", hint=f"at most {MOST_MODES // chain.d} cells"
        )
    k = np.repeat(ring_momenta(cells), chain.d)
    modes = Bands(chain, followed=False).at(k, np.tile(np.arange(chain.d), cells))
    rates = Rates(chain)
    moved, thermal = rates.between(modes, modes)
    R = moved + thermal
    same = (k[:, None] == k) & (
        np.abs(modes.energy[:, None] - modes.energy) <= SAME * np.abs(modes.energy).max()
    )
    least = SAME * R.max(initial=0.0)
    count, part = csgraph.connected_components(same | (least < R), directed=False)
    loss, gain = rates.linear(modes)
    open_ones = part[loss + gain > SAME * np.max(loss + gain)]
    return int(count) - len(np.unique(open_ones))
