"""What follows from the columns of the Green function at the contacts, however these are found.

With ``Gamma = W W†`` at the contacts, ``Y = G W`` has one column for each channel.  Then
``T_ab = sum |W_a† Y_b|^2``, ``G^n = Y f Y†`` and the spectral function is ``A = Y Y†``; nothing else
of the Green function is needed.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from functools import cached_property
from operator import methodcaller

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.open_system import Levels, OpenSystem
from modelkit.errors import NotConverged
from modelkit.numerics.series import mapped
from modelkit.solve.conductor import Flags, Floats, net_current
from modelkit.solve.memory import refuse_large, refuse_large_transmission
from modelkit.solve.methods.lattice.columns import DENSE_UP_TO, Columns
from modelkit.solve.methods.lattice.dark_levels import probe, settled
from modelkit.solve.methods.lattice.expansion import ends_of, expansion
from modelkit.solve.methods.lattice.moves import Moves, moves_along, moves_of
from modelkit.solve.methods.lattice.tangents import (
    Tangent,
    current_tangent,
    density_tangent,
    members,
    tangent,
)
from modelkit.solve.methods.lattice.terminal_matrix import balanced, dissipated
from modelkit.solve.methods.orbitals import site_of_orbital

Complexes = NDArray[np.complex128]
Integers = NDArray[np.intp]

CHUNK = 2**26  # bytes of the matrices inverted together
KEEP = 2**28  # bytes of amplitudes kept for local quantities
COPIES = 4  # of the columns of a series, in its products


class AmplitudeConductance:
    """Amplitudes at given energies; see :class:`~modelkit.solve.conductor.ResponsiveConductance`."""

    def __init__(self, system: OpenSystem, energies: Floats, columns: Columns, *, loops: bool = True) -> None:
        refuse_large_transmission(len(energies), system.n_terminals)
        self.energies = energies
        self._system = system
        self._loops = loops
        self._columns = columns
        self._channels = columns.channels
        self._off = np.zeros(len(energies))
        self._parts: list[tuple[slice, Complexes]] | None = None
        self._checked = False
        self._bases: tuple[Hashable, dict[int, list[Complexes]]] = (None, {})

    @property
    def held(self) -> int:
        """Bytes held at present; amplitudes only once a local quantity was asked for."""
        arrays = [self._channels.sigma, self._channels.value, *(part for _, part in self._parts or [])]
        between = [self._t] if "_t" in vars(self) else []
        return sum(array.nbytes for array in [*arrays, *between]) + self._columns.held

    def transmission(self) -> Floats:
        """See the protocol; (n_E, to, from)."""
        return self._t.copy()

    def current(self, f: Floats) -> Floats:
        """See the protocol."""
        return net_current(self._t, f)

    def heat(self, f: Floats) -> Floats:
        """See the protocol."""
        return dissipated(self._t, f)

    def balance(
        self, f: Floats, unknown: Flags, constant: Floats, slope: Floats, *, fill: bool = False
    ) -> Floats:
        """See the protocol."""
        return balanced(self._t, self.energies, f, unknown, constant, slope, fill=fill)

    def density(self, f: Floats) -> Floats:
        """See the protocol."""
        return self._by_site(np.asarray(f, dtype=float)) / (2 * np.pi)

    def density_of_states(self) -> Floats:
        """See the protocol; states that no terminal reaches (delta peaks) are not in it."""
        return self._by_site(np.ones((len(self.energies), self._system.n_terminals))) / (2 * np.pi)

    def local_sum_rule(self) -> Floats:
        """See the protocol; at all sites at once, by a random superposition of them."""
        if not self._checked:
            for _ in self._amplitudes():
                pass
        return self._off.copy()

    def bond_current(self, f: Floats) -> Floats:
        """See the protocol: ``2 Im(H_ts G^n_st)/(2 pi)`` summed over the bond's matrix elements."""
        system = self._system
        bond, row, column, value = system.bond_entries
        f = np.asarray(f, dtype=float)
        x = f if self._loops else f - f[:, :1]  # without loops equal distributions carry no current
        found = np.zeros((len(self.energies), len(system.bond_source)))
        scale = system.weight[system.bond_source[bond]] / np.pi
        for part, amplitude in self._amplitudes():
            flow = np.zeros((len(amplitude), len(bond)))
            for k, terminal in enumerate(self._channels.terminal):
                pair = value * amplitude[:, column, k] * amplitude[:, row, k].conj()
                flow += pair.imag * x[part, terminal, None]
            found[part] = _grouped(flow * scale, bond, found.shape[1])
        return found

    def current_change(self, f: Floats, change: Levels) -> Floats:
        """See the protocol; ``dY = G dH Y`` is one more solve for each channel."""
        found = np.zeros((len(self.energies), self._system.n_terminals))
        for part, amplitude, moves, moved in self._tangents(change):
            found[part] = current_tangent(
                self._channels, part, amplitude, moved, moves, np.asarray(f, dtype=float)[part]
            )
        return found

    def density_response(self, f: Floats, change: Levels) -> Floats:
        """See the protocol."""
        system = self._system
        found = np.zeros((len(self.energies), len(system.weight)))
        for part, amplitude, moves, moved in self._tangents(change):
            filled = np.asarray(f, dtype=float)[part]
            local = density_tangent(self._channels, amplitude, moved, moves, filled)
            found[part] = _grouped(local, site_of_orbital(system), found.shape[1]) * system.weight
        return found / (2 * np.pi)

    def density_matrix(self, f: Floats) -> Floats | None:
        """See the protocol: ``2 Re G_ij (Y f Y†)_ji`` from whole inverses, where these are cheap."""
        reached = self._columns.reached
        if len(reached) > DENSE_UP_TO:
            return None
        system, filled = self._system, np.asarray(f, dtype=float)[:, self._channels.terminal]
        pairs = np.zeros((len(reached), len(reached)))
        for part, amplitude in self._amplitudes():
            green = self._columns.inverse(part)
            y = amplitude[:, reached]
            states = (y * filled[part, None, :]) @ y.conj().swapaxes(1, 2)
            pairs += (green * states.swapaxes(1, 2)).real.sum(axis=0)
        found = np.zeros((system.hamiltonian.shape[0],) * 2)
        found[np.ix_(reached, reached)] = pairs / np.pi
        site = site_of_orbital(system)
        grouped = _grouped(_grouped(found, site, len(system.weight)).T, site, len(system.weight)).T
        return np.asarray(grouped * system.weight[:, None])

    def series(
        self, directions: Sequence[Levels], order: int, sites: sparse.csr_array | None = None
    ) -> tuple[Floats, Floats]:
        """See the protocol; columns of G at all contacts, order by order."""
        system, count, n = self._system, self._system.n_terminals, self._system.hamiltonian.shape[0]
        moves, ends = moves_along(system, self.energies, directions, order), ends_of(system)
        rows = 0 if sites is None else sites.shape[0]
        by_orbital = None if sites is None else _by_orbital(system, sites)
        width = 2 * (order + 1) * (len(ends.orbital) + 1)  # whatever is followed: chunks stay the same
        each = COPIES * 16 * n * width + self._columns.bytes_per_energy(width)
        refuse_large(
            each,
            f"an expansion of order {order + 1} of {n} orbitals, {len(ends.orbital)} of them at contacts",
            "take a lower order, or a smaller lattice",
        )
        shape = (len(directions), order + 1, len(self.energies))
        found = np.empty((*shape, count, count)), np.empty((*shape, rows, count))
        size = max(1, CHUNK // each)
        key = directions[0].potential.tobytes(), directions[0].bands.tobytes(), order
        if self._bases[0] != key:
            self._bases = key, {}
        for first in range(0, len(self.energies), size):
            part = slice(first, min(first + size, len(self.energies)))
            here = mapped(moves, methodcaller("at", part))
            known = self._bases[1].get(first)
            one = expansion(self._columns, part, ends, here, n, order, known)
            if 16 * len(self.energies) * n * len(ends.orbital) * (order + 1) <= KEEP:
                self._bases[1][first] = one.green[0]
            found[0][:, :, part] = one.transmission(count)
            if by_orbital is not None:
                found[1][:, :, part] = one.injectivity(by_orbital, count)
        return found

    @cached_property
    def _t(self) -> Floats:
        found = np.empty((len(self.energies), self._system.n_terminals, self._system.n_terminals))
        for part, amplitude in self._amplitudes():
            found[part] = self._terminals(self._channels.outgoing(part, amplitude))
            for charge in self._channels.charges:
                size = np.abs(charge.outgoing(part, amplitude)) ** 2
                taken = np.einsum("ei,eik->ek", charge.strength[part], size)
                taken += charge.emitted(part, amplitude, self._channels.terminal)
                found[part, charge.meter] = taken @ self._member.T
        return found

    @cached_property
    def _member(self) -> Floats:
        """Ones where a channel (column) belongs to a terminal (row)."""
        return members(self._channels.terminal, self._system.n_terminals)

    def _tangents(self, change: Levels) -> Iterator[tuple[slice, Complexes, Moves, Tangent]]:
        moves = moves_of(self._system, self.energies, change)
        for part, amplitude in self._amplitudes():
            here = moves.at(part)
            yield part, amplitude, here, tangent(self._columns, part, amplitude, here)

    def _by_site(self, f: Floats) -> Floats:
        system = self._system
        found = np.empty((len(self.energies), len(system.weight)))
        site = site_of_orbital(system)
        for part, amplitude in self._amplitudes():
            local = np.einsum("esk,ek->es", np.abs(amplitude) ** 2, f[part][:, self._channels.terminal])
            found[part] = _grouped(local, site, found.shape[1]) * system.weight
        return found

    def _terminals(self, scattering: Complexes) -> Floats:
        """T between terminals from ``W† G W`` of a chunk of energies."""
        strength = np.abs(scattering) ** 2 * self._channels.weight
        return self._channels.between_terminals(strength, self._system.n_terminals)

    def _amplitudes(self) -> Iterator[tuple[slice, Complexes]]:
        """``Y`` of chunks of energies; kept from the first time on where there is room."""
        if self._parts is not None:
            yield from self._parts
            return
        total, width = self._system.hamiltonian.shape[0], len(self._channels.terminal)
        kept: list[tuple[slice, Complexes]] = []
        for part, amplitude in self._solved():
            if 16 * len(self.energies) * total * width <= KEEP:
                kept.append((part, amplitude))
            yield part, amplitude
        self._checked = True
        if 16 * len(self.energies) * total * width <= KEEP:
            self._parts = kept

    def _solved(self) -> Iterator[tuple[slice, Complexes]]:
        """Chunks of energies with ``Y = G W``, shape (chunk, n_orbitals, n_channels)."""
        orbitals, total = self._columns.reached, self._system.hamiltonian.shape[0]
        width = len(self._channels.terminal)
        size = max(1, CHUNK // max(1, self._columns.bytes_per_energy(width)))
        for first in range(0, len(self.energies), size):
            part = slice(first, min(first + size, len(self.energies)))
            amplitude = np.zeros((part.stop - part.start, total, width), dtype=complex)
            if len(orbitals) and width:
                amplitude[:, orbitals] = self._settled(part)
            yield part, amplitude

    def _settled(self, part: slice) -> Complexes:
        """``Y`` on the reached orbitals, as a limit where an energy lies on a level that nothing reaches."""

        def at(number: int, shift: float) -> Complexes:
            e = part.start + number
            return solve(slice(e, e + 1), shift)[0]

        def solve(some: slice, shift: float) -> Complexes:
            return self._columns.solve(some, self._sources(some), shift)

        scale = self._columns.scale[part]
        column = probe(len(self._columns.reached))
        found, self._off[part], lost = settled(solve(part, 0.0), at, scale, column)
        if lost is not None:
            raise _unreached_state(self.energies[part][lost : lost + 1])
        return found

    def _sources(self, part: slice) -> Complexes:
        """Channels, and in the last column what sees every level; (chunk, n_reached, n_channels + 1)."""
        orbitals, n = self._columns.reached, self._system.hamiltonian.shape[0]
        place = np.zeros(n, dtype=np.intp)
        place[orbitals] = np.arange(len(orbitals))
        found = np.zeros(
            (part.stop - part.start, len(orbitals), len(self._channels.terminal) + 1), dtype=complex
        )
        found[:, place[self._channels.orbital], self._channels.channel] = self._channels.value[part]
        found[:, :, -1] = probe(len(orbitals))
        return found


def _by_orbital(system: OpenSystem, sites: sparse.csr_array) -> sparse.csr_array:
    """Sums of sites as sums of orbitals, with the degeneracy."""
    weighted = sparse.csr_array(sites @ sparse.diags_array(system.weight))
    return sparse.csr_array(weighted[:, site_of_orbital(system)])


def _grouped(values: Floats, group: Integers, count: int) -> Floats:
    """Sum the columns of ``values`` (n_E, m) by group, shape (n_E, count)."""
    number = np.arange(len(group))
    member = sparse.csr_array((np.ones(len(group)), (group, number)), shape=(count, len(group)))
    return np.asarray((member @ values.T).T)


def _unreached_state(energies: Floats) -> NotConverged:
    return NotConverged(
        f"between energies {energies[0]:g} and {energies[-1]:g} one lies exactly on a level that no terminal "
        "reaches; move the energy a little"
    )
