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
from modelkit.numerics.surface import Surface, band_edges, surface, taylor

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Energies = NDArray[Any]  # real, or complex above the axis

LARGEST_ERROR = 1e-6  # of a surface function, relative: beyond, the energy lies on a level of the lead
ASIDE = 1e-6  # of the largest element: from both sides of a level that does not couple Sigma is the same
BESIDE = 1e-8  # of the largest element: by how much an infinite Sigma, at a level of the surface, is missed
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
    beyond the open modes are zero (at complex energies all).  ``taylor(E, n)`` is the n-th derivative of
    Sigma by the energy over n!, n >= 1; ``edges()`` the energies at which a mode opens or closes.
    """

    terminal: int
    sites: Integers
    orbitals: Integers
    parts: Callable[[Energies], tuple[Complexes, Complexes]]
    taylor: Callable[[Energies, int], Complexes]
    edges: Callable[[], Floats]

    def slope(self, E: Energies) -> Complexes:
        """dSigma/dE, (n_E, k, k)."""
        return self.taylor(E, 1)

    def sigma(self, E: Energies) -> Complexes:
        """Retarded self-energy, (n_E, k, k); complex energies above the axis too."""
        return self.parts(E)[0]

    def raised(self, band: float) -> LeadContact:
        """With all its levels raised by so much, ``Sigma(E - band)``."""
        if band == 0:
            return self
        return replace(
            self,
            parts=lambda E: self.parts(np.asarray(E) - band),
            taylor=lambda E, n: self.taylor(np.asarray(E) - band, n),
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
            lambda E, n: -((-1.0) ** n) * self.taylor(-np.conj(E), n).conj(),
            lambda: np.sort(-self.edges()),
        )


def lead_contacts(device: Device, orbitals: Integers | None = None) -> tuple[LeadContact, ...]:
    """The leads of a device, in the order of its terminals.

    ``orbitals`` (n_sites,) are those of each site that a self-energy acts on, if not all of them: then the
    leads are those of the particles, which must not pair.

    Raises
    ------
    ModelError
        A lead that pairs (its electrons and holes are no reservoirs of their own).
    """
    size = np.diff(device.offset) if orbitals is None else orbitals
    return tuple(
        _contact(group, member, lead, size) for group in device.terminals for member, lead in group.leads
    )


def _particles(lead: Lead, label: str, span: Span | None) -> tuple[Complexes, Complexes, Complexes]:
    """Onsite, hop and coupling of the particles; all of it on a lattice without nambu."""
    found, mixed = [], [lead.onsite_pairs, lead.hop_pairs, lead.coupling_pairs]
    for part in (lead.onsite, lead.hop, lead.coupling):
        row, column = (np.tile(lead.hole, size // len(lead.hole)) for size in part.shape)
        mixed.append(part[row[:, None] != column])
        found.append(part[np.ix_(~row, ~column)])
    if any(part.any() for part in mixed):
        raise ModelError(
            f"the lead of '{label}' is a superconductor: electrons and holes are no reservoirs of their own",
            span,
            hint="let pairs end inside the device, for example by 'where'",
        )
    onsite, hop, coupling = found
    return onsite, hop, coupling


def _contact(group: TerminalGroup, member: int, lead: Lead, size: Integers) -> LeadContact:
    span = group.terminal.spans.get("self_energy", group.terminal.span)
    label = group.label(member)
    onsite, hop, coupling = _particles(lead, label, span)
    bulk, flipped = bulk_of(onsite, hop)
    last: list[tuple[tuple[str, bytes], tuple[Complexes, Complexes]]] = []
    slopes: OrderedDict[tuple[str, bytes, int], Complexes] = OrderedDict()

    def raw(energies: Energies) -> tuple[Complexes, Integers, NDArray[np.bool_]]:
        found = bulk.surface(energies)
        with np.errstate(all="ignore"):
            sigma = np.asarray(coupling @ (found.left if flipped else found.right) @ coupling.conj().T)
        wrong = ~(found.error < LARGEST_ERROR) | ~np.isfinite(sigma).all(axis=(1, 2))
        return sigma, found.open, wrong

    def parts(E: Energies) -> tuple[Complexes, Complexes]:
        energies = np.atleast_1d(np.asarray(E))
        key = (energies.dtype.kind, energies.tobytes())
        if not last or last[0][0] != key:
            sigma, count = _settled(energies, raw, bulk.scale)
            bad = ~np.isfinite(sigma).all(axis=(1, 2))
            if bad.any():
                raise _on_a_level(energies[int(np.argmax(bad))].real, label, span)
            last[:] = [(key, _with_channels(sigma, count, real=not np.iscomplexobj(energies)))]
        return last[0][1]

    def change(E: Energies, n: int) -> Complexes:
        energies = np.atleast_1d(np.asarray(E))
        key = (energies.dtype.kind, energies.tobytes(), n)
        if key not in slopes:
            for k, found in enumerate(derivatives(energies, n), start=1):
                slopes[(*key[:2], k)] = found
            while len(slopes) > max(SLOPES, n):
                slopes.popitem(last=False)
        return slopes[key]

    def derivatives(energies: Energies, n: int) -> list[Complexes]:
        found = bulk.surface(energies)
        g = found.left if flipped else found.right
        hop = bulk.hop.conj().T if flipped else bulk.hop
        return [coupling @ part @ coupling.conj().T for part in taylor(energies, g, bulk.onsite, hop, n)]

    offset, touched = np.concatenate([[0], np.cumsum(size)])[lead.site], size[lead.site]
    orbitals = np.repeat(offset - np.cumsum(touched) + touched, touched) + np.arange(int(touched.sum()))
    return LeadContact(group.first + member, lead.site, orbitals, parts, change, lambda: bulk.edges)


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


def _with_channels(sigma: Complexes, count: Integers, *, real: bool) -> tuple[Complexes, Complexes]:
    """Sigma with exactly the broadening of its open modes, and W.

    Eigenvalues of ``i(Sigma - Sigma†)`` beyond the number of open modes are rounding.
    """
    adjoint = sigma.conj().swapaxes(1, 2)
    if not real:
        return sigma, np.zeros_like(sigma)
    strength, vectors = np.linalg.eigh(1j * (sigma - adjoint))
    strength, vectors = strength[:, ::-1], vectors[:, :, ::-1]
    kept = np.arange(sigma.shape[-1]) < count[:, None]
    w = np.asarray(vectors * np.sqrt(np.where(kept, np.maximum(strength, 0.0), 0.0))[:, None, :])
    return (sigma + adjoint) / 2 - 0.5j * (w @ w.conj().swapaxes(1, 2)), w


Raw = Callable[[Energies], tuple[Complexes, Integers, NDArray[np.bool_]]]


def _settled(energies: Energies, raw: Raw, scale: float) -> tuple[Complexes, Integers]:
    """Sigma and the number of open modes; on levels of the lead itself as limits, NaN where there is none.

    A flat band, or a level that does not couple, leaves Sigma as it is on both sides.  At a bound state of
    the surface Sigma is infinite, while all that follows from it is finite: the next energy stands for it.
    """
    sigma, count, wrong = raw(energies)
    rows = np.flatnonzero(wrong)
    if not len(rows):
        return sigma, count
    above, below = (raw(energies[rows] + move * ASIDE * scale) for move in (1, -1))
    middle, off = (above[0] + below[0]) / 2, np.abs(above[0] - below[0]).max(axis=(1, 2))
    smooth = (off < 1e3 * ASIDE * np.abs(middle).max(axis=(1, 2))) & ~above[2] & ~below[2]
    beside = raw(energies[rows] + BESIDE * scale)
    sigma, count = sigma.copy(), count.copy()
    sigma[rows] = np.where(smooth[:, None, None], middle, beside[0])
    count[rows] = np.where(smooth, np.minimum(above[1], below[1]), beside[1])
    sigma[rows[~smooth & beside[2]]] = np.nan
    return sigma, count


def _on_a_level(energy: float, label: str, span: Span | None) -> ModelError:
    return ModelError(
        f"the self-energy of the lead of '{label}' cannot be told at E = {energy:.6g}",
        span,
        hint="move the energy a little",
    )
