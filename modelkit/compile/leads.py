"""Contacts to leads: matrices over all orbitals that a continued lattice touches."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.bulks import bulk_of
from modelkit.errors import ModelError, Span
from modelkit.graph.device import Device, Lead, TerminalGroup

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Energies = NDArray[Any]  # real, or complex above the axis

LARGEST_ERROR = 1e-6  # of a surface function, relative: beyond, the energy lies on a level of the lead
ASIDE = 1e-6  # of the largest element: from both sides of a level that does not couple Sigma is the same
BESIDE = 1e-8  # of the largest element: by how much an infinite Sigma, at a level of the surface, is missed
CLOSE = 1e-3  # of what follows from Sigma at that distance, by how much it may differ
LARGEST = 1e6  # of Sigma, in units of the largest element: beyond, sums with it lose too many digits
DERIVATIVES = 32  # of a self-energy that are remembered, each at a batch of energies


@dataclass(frozen=True, eq=False)
class LeadContact:
    """One matrix self-energy over the orbitals that a lead touches.

    ``sites`` and ``orbitals`` are numbers in the open system, the orbitals in the order of the rows of the
    matrices.  ``parts(E)`` gives Sigma (n_E, k, k) and W (n_E, k, k) with ``Gamma = W W†``, whose columns
    beyond the open modes are zero (at complex energies all).  ``taylor(E, n)`` is the n-th derivative of
    Sigma by the energy over n!, n >= 1; ``edges()`` the energies at which a mode opens or closes.
    ``conjugated()`` is the lead whose matrices are the complex conjugates: that of the device with all fluxes
    reversed.

    A superconducting lead has ``meter``, the number of the reservoir that counts the charge which it takes,
    and tells by ``lifted(U)`` what it is with the potential energy of its electrons raised.
    """

    terminal: int
    sites: Integers
    orbitals: Integers
    parts: Callable[[Energies], tuple[Complexes, Complexes]]
    taylor: Callable[[Energies, int], Complexes]
    edges: Callable[[], Floats]
    conjugated: Callable[[], LeadContact]
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
            taylor=lambda E, n: self.taylor(np.asarray(E) - band, n),
            edges=lambda: self.edges() + band,
            conjugated=lambda: self.conjugated().raised(band),
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
            lambda E, n: -((-1.0) ** n) * self.taylor(-np.conj(E), n).conj(),
            lambda: np.sort(-self.edges()),
            lambda: self.conjugated().of_holes(terminal, sites, orbitals),
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
    span = group.terminal.spans.get("self_energy", group.terminal.span)
    offset, touched = np.concatenate([[0], np.cumsum(size)])[lead.site], size[lead.site]
    orbitals = np.repeat(offset - np.cumsum(touched) + touched, touched) + np.arange(int(touched.sum()))
    pairs = lead.superconducting
    matrices = bogoliubov(lead, raised) if pairs else _electrons(lead)
    found = _SelfEnergy(*matrices, group.label(member), span)
    contact = LeadContact(
        group.first + member,
        lead.site,
        orbitals,
        found.parts,
        found.taylor,
        lambda: found.bulk.edges,
        lambda: _contact(group, member, lead.conjugated(), size, terminals, raised),
    )
    if not pairs:
        return contact
    return replace(
        contact,
        sites=np.concatenate([lead.site, lead.site + len(size)]),
        orbitals=np.concatenate([orbitals, orbitals + int(size.sum())]),
        meter=contact.terminal + terminals,
        lifted=lambda band: _contact(group, member, lead, size, terminals, raised + band),
    )


def _electrons(lead: Lead) -> tuple[Complexes, Complexes, Complexes]:
    """Onsite, hop and coupling: of the electrons on a lattice with nambu, all of it on one without."""
    onsite, hop, coupling = (
        part[np.ix_(*(~lead.holes(size) for size in part.shape))]
        for part in (lead.onsite, lead.hop, lead.coupling)
    )
    return onsite, hop, coupling


def bogoliubov(lead: Lead, raised: float = 0.0) -> tuple[Complexes, Complexes, Complexes]:
    """Onsite, hop and coupling of electrons and holes, ``[[h, D], [-conj(D), -conj(h)]]``.

    The potential energy of the electrons is ``raised``.
    """
    pairs = lead.onsite_pairs, lead.hop_pairs, lead.coupling_pairs
    found = []
    for h, d in zip((lead.onsite, lead.hop, lead.coupling), pairs, strict=True):
        if lead.hole.any():
            order = (np.argsort(lead.holes(size), kind="stable") for size in h.shape)
            found.append(h[np.ix_(*order)])
        else:
            found.append(np.block([[h, d], [-d.conj(), -h.conj()]]))
    onsite, hop, coupling = found
    charge = np.repeat([1.0, -1.0], len(onsite) // 2)
    return onsite + np.diag(raised * charge), hop, coupling


class _SelfEnergy:
    """``Sigma = coupling g coupling†`` of a periodic half space, remembered at the last energies."""

    def __init__(
        self, onsite: Complexes, hop: Complexes, coupling: Complexes, label: str, span: Span | None
    ) -> None:
        self.bulk, self._flipped = bulk_of(onsite, hop)
        self._coupling, self._label, self._span = coupling, label, span
        self._last: tuple[Hashable, tuple[Complexes, Complexes]] | None = None
        self._derivatives: OrderedDict[Hashable, list[Complexes]] = OrderedDict()

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

    def taylor(self, E: Energies, n: int) -> Complexes:
        """The n-th derivative by the energy over n!; lower ones are found on the way."""
        energies, key = _keyed(E)
        known = self._derivatives.get(key, [])
        if len(known) < n:
            known = self._derivatives[key] = self._solved(energies, n)
            while sum(map(len, self._derivatives.values())) > max(DERIVATIVES, n):
                self._derivatives.popitem(last=False)
        return known[n - 1]

    def _raw(self, energies: Energies) -> tuple[Complexes, Integers, NDArray[np.bool_]]:
        found = self.bulk.surface(energies)
        with np.errstate(all="ignore"):
            sigma = self._between(found.left if self._flipped else found.right)
            large = np.maximum(np.abs(sigma).max(axis=(1, 2)) / (self.bulk.scale or 1.0), 1.0)
        # an error of what is large matters less for what follows from it, by its inverse
        wrong = ~(found.error < LARGEST_ERROR * large) | ~np.isfinite(sigma).all(axis=(1, 2))
        return sigma, found.open, wrong

    def _solved(self, energies: Energies, n: int) -> list[Complexes]:
        found, spaces = self.bulk.surface(energies), self.bulk.spaces
        spaces, g = (spaces.reversed, found.left) if self._flipped else (spaces, found.right)
        return [self._between(part) for part in spaces.taylor(energies, g, n)]

    def _between(self, g: Complexes) -> Complexes:
        return np.asarray(self._coupling @ g @ self._coupling.conj().T)


def _keyed(E: Energies) -> tuple[Energies, Hashable]:
    energies = np.atleast_1d(np.asarray(E))
    return energies, (energies.dtype.kind, energies.tobytes())


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
