"""Contacts to leads: matrices over all orbitals that a continued lattice touches."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkit.errors import ModelError, Span
from modelkit.graph.device import Device, Lead, TerminalGroup
from modelkit.numerics.surface import Surface, band_edges, slope, surface

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Energies = NDArray[Any]  # real, or complex above the axis

LARGEST_ERROR = 1e-6  # of a surface function, relative: beyond, the energy lies on a level of the lead
ASIDE = 1e-6  # of the largest element: from both sides of a level that does not couple Sigma is the same
BESIDE = 1e-8  # of the largest element: by how much an infinite Sigma, at a level of the surface, is missed
CLOSE = 1e-3  # of what follows from Sigma at that distance, by how much it may differ
LARGEST = 1e6  # of Sigma, in units of the largest element: beyond, sums with it lose too many digits
KEEP = 2**28  # bytes of surface functions that are remembered
SLOPES = 32  # batches of energies at which the derivative of a self-energy is remembered
BULKS = 16  # leads that are remembered


_numbers = itertools.count()


class Bulk:
    """A periodic lattice whose surface functions are remembered by their energies, for both directions."""

    def __init__(self, onsite: Complexes, hop: Complexes) -> None:
        self.onsite, self.hop = onsite, hop
        self.solved = 0  # energies, for tests
        self.number = next(_numbers)  # never given twice, unlike the address of an object

    def surface(self, energies: Energies) -> Surface:
        """Both half spaces at these energies."""
        key = (self.number, energies.dtype.kind, energies.tobytes())
        found = _surfaces.get(key)
        if found is None:
            self.solved += len(energies)
            found = surface(energies, self.onsite, self.hop)
            _remember(key, found)
        else:
            _surfaces.move_to_end(key)
        return found

    @property
    def scale(self) -> float:
        """The largest matrix element."""
        return float(max(np.abs(self.onsite).max(initial=0.0), np.abs(self.hop).max(initial=0.0)))

    @cached_property
    def edges(self) -> Floats:
        """Energies at which a mode opens or closes."""
        return band_edges(self.onsite, self.hop)


_surfaces: OrderedDict[Hashable, Surface] = OrderedDict()
_bulks: OrderedDict[Hashable, Bulk] = OrderedDict()


@dataclass(frozen=True, eq=False)
class LeadContact:
    """One matrix self-energy over the orbitals that a lead touches.

    ``sites`` and ``orbitals`` are numbers in the open system, the orbitals in the order of the rows of the
    matrices.  ``parts(E)`` gives Sigma (n_E, k, k) and W (n_E, k, k) with ``Gamma = W W†``, whose columns
    beyond the open modes are zero (at complex energies all).  ``slope(E)`` is dSigma/dE; ``edges()`` the
    energies at which a mode opens or closes.

    A superconducting lead has ``meter``, the number of the reservoir that counts the charge which it takes,
    and tells by ``lifted(U)`` what it is with the potential energy of its electrons raised.
    """

    terminal: int
    sites: Integers
    orbitals: Integers
    parts: Callable[[Energies], tuple[Complexes, Complexes]]
    slope: Callable[[Energies], Complexes]
    edges: Callable[[], Floats]
    meter: int | None = None
    lifted: Callable[[float], LeadContact] | None = None

    def sigma(self, E: Energies) -> Complexes:
        """Retarded self-energy, (n_E, k, k); complex energies above the axis too."""
        return self.parts(E)[0]

    def raised(self, band: float) -> LeadContact:
        """With all its levels raised by so much, ``Sigma(E - band)``; those of holes are lowered."""
        if band == 0:
            return self
        if self.lifted is not None:
            return self.lifted(band)
        return replace(
            self,
            parts=lambda E: self.parts(np.asarray(E) - band),
            slope=lambda E: self.slope(np.asarray(E) - band),
            edges=lambda: self.edges() + band,
        )

    def of_holes(self, terminal: int, sites: int, orbitals: int) -> LeadContact:
        """The reservoir of its holes, ``-conj(Sigma(-E))``; numbers of sites and orbitals grow by these."""

        def parts(E: Energies) -> tuple[Complexes, Complexes]:
            sigma, w = self.parts(-np.conj(E))
            return -sigma.conj(), w.conj()

        return LeadContact(
            terminal,
            self.sites + sites,
            self.orbitals + orbitals,
            parts,
            lambda E: self.slope(-np.conj(E)).conj(),
            lambda: np.sort(-self.edges()),
        )


def lead_contacts(device: Device, orbitals: Integers | None = None) -> tuple[LeadContact, ...]:
    """The leads of a device, in the order of its terminals.

    ``orbitals`` (n_sites,) are those of each site that a self-energy acts on, if not all of them: then the
    leads are those of the particles, except where these pair.  Such a lead is one contact with the electrons
    and with the holes, whose sites and orbitals are numbered behind all those of the electrons.
    """
    size = np.diff(device.offset) if orbitals is None else orbitals
    return tuple(
        _contact(group, member, lead, size, device.n_terminals)
        for group in device.terminals
        for member, lead in group.leads
    )


def _contact(
    group: TerminalGroup, member: int, lead: Lead, size: Integers, terminals: int, raised: float = 0.0
) -> LeadContact:
    """``raised`` is the potential energy of the electrons of a superconducting lead."""
    terminal, span = group.first + member, group.terminal.spans.get("self_energy", group.terminal.span)
    offset, touched = np.concatenate([[0], np.cumsum(size)])[lead.site], size[lead.site]
    orbitals = np.repeat(offset - np.cumsum(touched) + touched, touched) + np.arange(int(touched.sum()))
    if not lead.superconducting:
        onsite, hop, coupling = (_electrons(lead, part) for part in (lead.onsite, lead.hop, lead.coupling))
        sigma = _SelfEnergy(onsite, hop, coupling, group.label(member), span)
        return _touching(terminal, lead.site, orbitals, sigma)
    onsite, hop, coupling = bogoliubov(lead)
    charge = np.repeat([1.0, -1.0], len(onsite) // 2)
    sigma = _SelfEnergy(onsite + np.diag(raised * charge), hop, coupling, group.label(member), span)
    sites = np.concatenate([lead.site, lead.site + len(size)])
    both = np.concatenate([orbitals, orbitals + int(size.sum())])
    return replace(
        _touching(terminal, sites, both, sigma),
        meter=terminal + terminals,
        lifted=lambda band: _contact(group, member, lead, size, terminals, raised + band),
    )


def _touching(terminal: int, sites: Integers, orbitals: Integers, found: _SelfEnergy) -> LeadContact:
    return LeadContact(terminal, sites, orbitals, found.parts, found.slope, lambda: found.bulk.edges)


def _electrons(lead: Lead, part: Complexes) -> Complexes:
    """Those of a lattice with nambu, all of it on one without."""
    return part[np.ix_(*(~lead.holes(size) for size in part.shape))]


def bogoliubov(lead: Lead) -> tuple[Complexes, Complexes, Complexes]:
    """Onsite, hop and coupling of electrons and holes, ``[[h, D], [-conj(D), -conj(h)]]``."""
    pairs = lead.onsite_pairs, lead.hop_pairs, lead.coupling_pairs
    found = []
    for h, d in zip((lead.onsite, lead.hop, lead.coupling), pairs, strict=True):
        if lead.hole.any():
            order = (np.argsort(lead.holes(size), kind="stable") for size in h.shape)
            found.append(h[np.ix_(*order)])
        else:
            found.append(np.block([[h, d], [-d.conj(), -h.conj()]]))
    onsite, hop, coupling = found
    return onsite, hop, coupling


class _SelfEnergy:
    """``Sigma = coupling g coupling†`` of a periodic half space, remembered at the last energies."""

    def __init__(
        self, onsite: Complexes, hop: Complexes, coupling: Complexes, label: str, span: Span | None
    ) -> None:
        self.bulk, self._flipped = bulk_of(onsite, hop)
        self._coupling, self._label, self._span = coupling, label, span
        self._last: tuple[Hashable, tuple[Complexes, Complexes]] | None = None
        self._slopes: OrderedDict[Hashable, Complexes] = OrderedDict()

    def parts(self, E: Energies) -> tuple[Complexes, Complexes]:
        """Sigma and W, see :class:`LeadContact`."""
        energies, key = _keyed(E)
        if self._last is None or self._last[0] != key:
            sigma, count = _settled(energies, self._raw, self.bulk.scale)
            bad = ~np.isfinite(sigma).all(axis=(1, 2))
            if bad.any():
                raise _on_a_level(energies[int(np.argmax(bad))].real, self._label, self._span)
            most = LARGEST * (self.bulk.scale or 1.0)
            self._last = key, _with_channels(sigma, count, most, real=not np.iscomplexobj(energies))
        return self._last[1]

    def slope(self, E: Energies) -> Complexes:
        """dSigma/dE."""
        energies, key = _keyed(E)
        if key not in self._slopes:
            self._slopes[key] = self._derivative(energies)
            while len(self._slopes) > SLOPES:
                self._slopes.popitem(last=False)
        return self._slopes[key]

    def _raw(self, energies: Energies) -> tuple[Complexes, Integers, NDArray[np.bool_]]:
        found = self.bulk.surface(energies)
        with np.errstate(all="ignore"):
            sigma = self._between(found.left if self._flipped else found.right)
            large = np.maximum(np.abs(sigma).max(axis=(1, 2)) / (self.bulk.scale or 1.0), 1.0)
        # an error of what is large matters less for what follows from it, by its inverse
        wrong = ~(found.error < LARGEST_ERROR * large) | ~np.isfinite(sigma).all(axis=(1, 2))
        return sigma, found.open, wrong

    def _derivative(self, energies: Energies) -> Complexes:
        found = self.bulk.surface(energies)
        g = found.left if self._flipped else found.right
        hop = self.bulk.hop.conj().T if self._flipped else self.bulk.hop
        return self._between(slope(energies, g, self.bulk.onsite, hop))

    def _between(self, g: Complexes) -> Complexes:
        return np.asarray(self._coupling @ g @ self._coupling.conj().T)


def _keyed(E: Energies) -> tuple[Energies, Hashable]:
    energies = np.atleast_1d(np.asarray(E))
    return energies, (energies.dtype.kind, energies.tobytes())


def bulk_of(onsite: Complexes, hop: Complexes) -> tuple[Bulk, bool]:
    """The remembered lattice with these cells, and whether it was met in the other direction."""
    cell, forward, backward = ((part + 0.0).tobytes() for part in (onsite, hop, np.conj(hop.T)))
    for key, flipped in (((cell, forward), False), ((cell, backward), True)):
        if key in _bulks:
            _bulks.move_to_end(key)
            return _bulks[key], flipped
    _bulks[cell, forward] = Bulk(onsite, hop)
    while len(_bulks) > BULKS:
        _forget(_bulks.popitem(last=False)[1])
    return _bulks[cell, forward], False


def _forget(bulk: Bulk) -> None:
    for key in [key for key in _surfaces if isinstance(key, tuple) and key[0] == bulk.number]:
        del _surfaces[key]


def _remember(key: Hashable, found: Surface) -> None:
    _surfaces[key] = found
    total = sum(one.right.nbytes + one.left.nbytes for one in _surfaces.values())
    while total > KEEP and len(_surfaces) > 1:
        old = _surfaces.popitem(last=False)[1]
        total -= old.right.nbytes + old.left.nbytes


def _with_channels(
    sigma: Complexes, count: Integers, most: float, *, real: bool
) -> tuple[Complexes, Complexes]:
    """Sigma with exactly the broadening of its open modes, and W.

    Eigenvalues of ``i(Sigma - Sigma†)`` beyond the number of open modes are rounding; what is larger than
    ``most`` counts as infinite, and is that.
    """
    adjoint = sigma.conj().swapaxes(1, 2)
    if not real:
        return sigma, np.zeros_like(sigma)
    strength, vectors = np.linalg.eigh(1j * (sigma - adjoint))
    strength, vectors = np.minimum(strength[:, ::-1], most), vectors[:, :, ::-1]
    kept = np.arange(sigma.shape[-1]) < count[:, None]
    w = np.asarray(vectors * np.sqrt(np.where(kept, np.maximum(strength, 0.0), 0.0))[:, None, :])
    shift = (sigma + adjoint) / 2
    large = np.abs(shift).max(axis=(1, 2), initial=0.0) > most
    if large.any():
        levels, frame = np.linalg.eigh(shift[large])
        shift[large] = (frame * np.clip(levels, -most, most)[:, None, :]) @ frame.conj().swapaxes(1, 2)
    return shift - 0.5j * (w @ w.conj().swapaxes(1, 2)), w


Raw = Callable[[Energies], tuple[Complexes, Integers, NDArray[np.bool_]]]


def _settled(energies: Energies, raw: Raw, scale: float) -> tuple[Complexes, Integers]:
    """Sigma and the number of open modes; on levels of the lead itself as limits, NaN where there is none.

    A flat band, or a level that does not couple, leaves Sigma as it is on both sides.  At a bound state of
    the surface, or at the gap of a superconductor, Sigma is infinite, while all that follows from it is
    finite.  What was found stays if it is larger than beside and the same follows from both; otherwise the
    next energy that can be told stands for it.
    """
    sigma, count, wrong = raw(energies)
    rows = np.flatnonzero(wrong)
    if not len(rows):
        return sigma, count
    above, below = (raw(energies[rows] + move * ASIDE * scale) for move in (1, -1))
    middle, off = (above[0] + below[0]) / 2, np.abs(above[0] - below[0]).max(axis=(1, 2))
    smooth = (off < 1e3 * ASIDE * np.abs(middle).max(axis=(1, 2))) & ~above[2] & ~below[2]
    near, near_count, far = raw(energies[rows] + BESIDE * scale)
    beside = np.where(far[:, None, None], above[0], near)
    same = np.abs(_bounded(sigma[rows], scale) - _bounded(beside, scale)).max(axis=(1, 2)) < CLOSE
    same &= np.abs(sigma[rows]).max(axis=(1, 2)) >= np.abs(beside).max(axis=(1, 2))
    beside[far & above[2]] = np.nan
    sigma, count = sigma.copy(), count.copy()
    found = np.where(same[:, None, None], sigma[rows], beside)
    found_count = np.where(same, count[rows], np.where(far, above[1], near_count))
    sigma[rows] = np.where(smooth[:, None, None], middle, found)
    count[rows] = np.where(smooth, np.minimum(above[1], below[1]), found_count)
    return sigma, count


def _bounded(sigma: Complexes, scale: float) -> Complexes:
    """``scale/(i scale - Sigma)``, at most 1: as all that follows from Sigma; NaN where it is not finite."""
    found = np.full_like(sigma, np.nan)
    finite = np.isfinite(sigma).all(axis=(1, 2))
    found[finite] = np.linalg.inv(1j * np.eye(sigma.shape[1]) - sigma[finite] / (scale or 1.0))
    return found


def _on_a_level(energy: float, label: str, span: Span | None) -> ModelError:
    return ModelError(
        f"the self-energy of the lead of '{label}' cannot be told at E = {energy:.6g}",
        span,
        hint="move the energy a little",
    )
