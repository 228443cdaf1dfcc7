"""The lattices of leads, with their surface functions, which equal leads of all devices share."""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkit.numerics.band_edges import band_edges
from modelkit.numerics.surface import HalfSpaces, Surface

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Energies = NDArray[Any]  # real, or complex above the axis

KEEP = 2**28  # bytes of surface functions that are remembered
BULKS = 16  # leads that are remembered

_bulks: OrderedDict[tuple[bytes, bytes], Bulk] = OrderedDict()


class Bulk:
    """A periodic lattice whose surface functions are remembered energy by energy, for both directions.

    Whoever asks for some energies anew, together with whichever others, pays for those that nobody asked for.
    """

    def __init__(self, onsite: Complexes, hop: Complexes) -> None:
        self.onsite, self.hop = onsite, hop
        self.solved = 0  # energies, for tests
        self.forget()

    def forget(self) -> None:
        """Let all surface functions go."""
        self._known: Complexes = np.zeros(0, dtype=complex)  # ascending
        self._place: Integers = np.zeros(0, dtype=np.intp)  # of each among all that were solved
        self._first: Integers = np.zeros(1, dtype=np.intp)  # place at which each part begins, and the end
        self._parts: list[Surface] = []

    @property
    def bytes(self) -> int:
        """Of what is remembered."""
        return sum(part.right.nbytes + part.left.nbytes for part in self._parts)

    def surface(self, energies: Energies) -> Surface:
        """Both half spaces at these energies."""
        z = np.asarray(energies, dtype=complex) + 0  # no negative zeros
        place, known = self._find(z)
        if not known.all():
            self._solve(np.unique(z[~known]))
            place, known = self._find(z)
            if not known.all():  # no room for all that is known and what is new
                self._solve(np.unique(z))
                place, _ = self._find(z)
        return self._gathered(place)

    @cached_property
    def spaces(self) -> HalfSpaces:
        """The lattice in sectors, ready for energies."""
        return HalfSpaces(self.onsite, self.hop)

    @property
    def scale(self) -> float:
        """The largest matrix element."""
        return float(max(np.abs(self.onsite).max(initial=0.0), np.abs(self.hop).max(initial=0.0)))

    @cached_property
    def edges(self) -> Floats:
        """Energies at which a mode opens or closes."""
        return band_edges(self.onsite, self.hop)

    def _find(self, z: Complexes) -> tuple[Integers, NDArray[np.bool_]]:
        """Where energies are among those that were solved, and whether they are."""
        if not len(self._known):
            return np.zeros(len(z), dtype=np.intp), np.zeros(len(z), dtype=np.bool_)
        at = np.minimum(np.searchsorted(self._known, z), len(self._known) - 1)
        return self._place[at], np.asarray(self._known[at] == z)

    def _solve(self, z: Complexes) -> None:
        self.solved += len(z)
        found = self.spaces.at(z)
        _make_room(self, found.right.nbytes + found.left.nbytes)
        new = self._first[-1] + np.arange(len(z))
        known, place = np.concatenate([self._known, z]), np.concatenate([self._place, new])
        order = np.argsort(known)
        self._known, self._place = known[order], place[order]
        self._first = np.append(self._first, self._first[-1] + len(z))
        self._parts.append(found)

    def _gathered(self, place: Integers) -> Surface:
        count, m = len(place), len(self.onsite)
        right, left = np.empty((2, count, m, m), dtype=complex)
        opened, error = np.empty(count, dtype=np.intp), np.empty(count)
        part = np.searchsorted(self._first, place, side="right") - 1
        for k in np.unique(part):
            here, row = part == k, place[part == k] - self._first[k]
            found = self._parts[k]
            right[here], left[here] = found.right[row], found.left[row]
            opened[here], error[here] = found.open[row], found.error[row]
        return Surface(right, left, opened, error)


def bulk_of(onsite: Complexes, hop: Complexes) -> tuple[Bulk, bool]:
    """The remembered lattice with these cells, and whether it was met in the other direction."""
    cell, forward, backward = ((part + 0.0).tobytes() for part in (onsite, hop, np.conj(hop.T)))
    for key, flipped in (((cell, forward), False), ((cell, backward), True)):
        if key in _bulks:
            _bulks.move_to_end(key)
            return _bulks[key], flipped
    _bulks[cell, forward] = Bulk(onsite, hop)
    while len(_bulks) > BULKS:
        _bulks.popitem(last=False)
    return _bulks[cell, forward], False


def _make_room(wanting: Bulk, more: int) -> None:
    """Forget the lattices that were asked for least recently, and this one at last."""
    for bulk in [*(one for one in _bulks.values() if one is not wanting), wanting]:
        if sum(one.bytes for one in {*_bulks.values(), wanting}) + more <= KEEP:
            break
        bulk.forget()
