"""Any lattice: columns of the Green function at the contacts, from LAPACK or a sparse factorisation.

With ``Gamma = W W†`` at the contacts, ``Y = G W`` has one column for each channel.  Then
``T_ab = sum |W_a† Y_b|^2``, ``G^n = Y f Y†`` and the spectral function is ``A = Y Y†``; nothing else
of the Green function is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.open_system import OpenSystem
from modelkit.errors import NotConverged
from modelkit.registry import methods
from modelkit.solve.channels import channels
from modelkit.solve.conductor import Conductance, Flags, Floats, Method
from modelkit.solve.dark_levels import probe, settled
from modelkit.solve.memory import refuse_large
from modelkit.solve.terminal_matrix import balanced, dissipated, net_current
from modelkit.solve.touching import (
    check_degeneracy,
    closes_loops,
    pattern_of,
    refuse_large_transmission,
    site_of_orbital,
)

Complexes = NDArray[np.complex128]
Integers = NDArray[np.intp]

DENSE_UP_TO = 300  # orbitals; beyond, a sparse factorisation an energy
CHUNK = 2**26  # bytes of the matrices inverted together
COPIES = 4  # of the amplitudes of one energy, while they are solved for
KEEP = 2**28  # bytes of amplitudes kept for local quantities


class SparseConductor:
    """Any lattice with scalar or matrix self-energies."""

    def __init__(self, system: OpenSystem) -> None:
        check_degeneracy(system)
        refuse_large(
            _size(system),
            f"one energy of {int(system.offset[-1])} orbitals with {_width(system)} at contacts",
            "take a smaller lattice or contacts on fewer sites; without loops the method 'ladder' needs O(N)",
        )
        self.system = system
        self.loops = closes_loops(system)
        self._last: SparseConductance | None = None

    def at(self, energies: Floats) -> Conductance:
        """Factorise; the last batch of energies is kept."""
        energies = np.asarray(energies, dtype=float)
        if self._last is None or not np.array_equal(self._last.energies, energies):
            self._last = SparseConductance(self.system, energies, loops=self.loops)
        return self._last


class SparseConductance:
    """Green-function columns at given energies; see :class:`~modelkit.solve.conductor.Conductance`."""

    def __init__(self, system: OpenSystem, energies: Floats, *, loops: bool = True) -> None:
        refuse_large_transmission(len(energies), system.n_terminals)
        self.energies = energies
        self._system = system
        self._loops = loops
        self._channels = channels(system, energies)
        self._kept: list[tuple[slice, Complexes]] = []
        keep = 16 * len(energies) * system.hamiltonian.shape[0] * len(self._channels.terminal) <= KEEP
        self._t = np.empty((len(energies), system.n_terminals, system.n_terminals))
        self._off = np.zeros(len(energies))
        for part, amplitude in self._solved():
            self._t[part] = self._terminals(part, amplitude)
            if keep:
                self._kept.append((part, amplitude))
        self._complete = keep

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

    def _by_site(self, f: Floats) -> Floats:
        system = self._system
        found = np.empty((len(self.energies), len(system.weight)))
        site = site_of_orbital(system)
        for part, amplitude in self._amplitudes():
            local = np.einsum("esk,ek->es", np.abs(amplitude) ** 2, f[part][:, self._channels.terminal])
            found[part] = _grouped(local, site, found.shape[1]) * system.weight
        return found

    def _terminals(self, part: slice, amplitude: Complexes) -> Floats:
        """T between terminals from the amplitudes of a chunk of energies."""
        system, found = self._system, self._channels
        scattering = found.outgoing(part, amplitude)
        strength = np.abs(scattering) ** 2
        strength = strength * found.weight
        member = sparse.csr_array(
            (np.ones(len(found.terminal)), (found.terminal, np.arange(len(found.terminal)))),
            shape=(system.n_terminals, len(found.terminal)),
        ).toarray()
        return np.asarray(member @ strength @ member.T)

    def _amplitudes(self) -> Iterator[tuple[slice, Complexes]]:
        return iter(self._kept) if self._complete else self._solved()

    def _solved(self) -> Iterator[tuple[slice, Complexes]]:
        """Chunks of energies with ``Y = G W``, shape (chunk, n_orbitals, n_channels)."""
        orbitals, total = self._reached, self._system.hamiltonian.shape[0]
        n, width = len(orbitals), len(self._channels.terminal)
        dense = n <= DENSE_UP_TO
        size = max(1, CHUNK // (16 * max(1, n * (n + width) if dense else total * width)))
        solve = self._dense if dense else self._factorised
        for first in range(0, len(self.energies), size):
            part = slice(first, min(first + size, len(self.energies)))
            amplitude = np.zeros((part.stop - part.start, total, width), dtype=complex)
            if n and width:
                amplitude[:, orbitals] = self._settled(part, solve)
            yield part, amplitude

    def _settled(self, part: slice, solve: Callable[[slice, float], Complexes]) -> Complexes:
        """``Y`` on the reached orbitals, as a limit where an energy lies on a level that nothing reaches."""

        def at(number: int, shift: float) -> Complexes:
            e = part.start + number
            return solve(slice(e, e + 1), shift)[0]

        sigma = np.abs(self._channels.sigma[part]).max(axis=1, initial=0.0)
        scale = float(abs(self._system.hamiltonian).sum(axis=1).max()) + np.abs(self.energies[part]) + sigma
        found, self._off[part], lost = settled(solve(part, 0.0), at, scale, probe(len(self._reached)))
        if lost is not None:
            raise _unreached_state(self.energies[part][lost : lost + 1])
        return found

    @cached_property
    def _reached(self) -> Integers:
        """Orbitals connected with some contact; the others would only make the matrix singular."""
        from scipy.sparse.csgraph import connected_components

        count, tree = connected_components(pattern_of(self._system.hamiltonian), directed=False)
        touched = np.zeros(count, dtype=np.bool_)
        touched[tree[self._channels.orbital]] = True
        return np.flatnonzero(touched[tree])

    def _dense(self, part: slice, shift: float) -> Complexes:
        """``Z^-1 (W, v)`` for a chunk by LAPACK, on the reached orbitals; NaN where Z is singular."""
        orbitals, found = self._reached, self._channels
        place = np.zeros(self._system.hamiltonian.shape[0], dtype=np.intp)
        place[orbitals] = np.arange(len(orbitals))
        hamiltonian = self._system.hamiltonian[orbitals][:, orbitals].toarray()
        z = (self.energies[part, None, None] + shift) * np.eye(len(orbitals)) - hamiltonian
        chunk = np.arange(len(z))[:, None]
        np.add.at(z, (chunk, place[found.sigma_row], place[found.sigma_column]), -found.sigma[part])
        w = np.stack([self._columns(e) for e in range(part.start, part.stop)])
        try:
            return np.asarray(np.linalg.solve(z, w))
        except np.linalg.LinAlgError:
            if len(z) == 1:
                return np.full_like(w, np.nan)
        return np.concatenate([self._dense(slice(e, e + 1), shift) for e in range(part.start, part.stop)])

    def _factorised(self, part: slice, shift: float) -> Complexes:
        """``Z^-1 (W, v)`` for a chunk, one sparse factorisation an energy; NaN where Z is singular."""
        from scipy.sparse.linalg import splu

        orbitals, found = self._reached, self._channels
        n = self._system.hamiltonian.shape[0]
        results = []
        for e in range(part.start, part.stop):
            sigma = sparse.csr_array((found.sigma[e], (found.sigma_row, found.sigma_column)), shape=(n, n))
            z = (self.energies[e] + shift) * sparse.eye_array(n) - self._system.hamiltonian - sigma
            w = self._columns(e)
            try:
                results.append(splu(sparse.csc_array(z.tocsr()[orbitals][:, orbitals])).solve(w))
            except RuntimeError:
                results.append(np.full_like(w, np.nan))
        return np.stack(results)

    def _columns(self, energy: int) -> Complexes:
        """Channels, and in the last column what sees every level; (n_reached, n_channels + 1)."""
        w = self._channels.incoming(energy, self._system.hamiltonian.shape[0])[self._reached]
        return np.column_stack([w, probe(len(self._reached))])


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


def _width(system: OpenSystem) -> int:
    """Number of channels: the orbitals of all contacts."""
    leads = sum(len(lead.orbitals) for lead in system.contacts.leads)
    return int(np.diff(system.offset)[system.contacts.site].sum()) + leads


def _size(system: OpenSystem) -> int:
    """Bytes of one energy: amplitudes and their right sides, what passes between channels, terminals."""
    width = _width(system)
    columns = COPIES * 16 * int(system.offset[-1]) * (width + 1)
    return columns + 2 * 16 * width**2 + 8 * system.n_terminals * (system.n_terminals + width)


def _refuses(system: OpenSystem) -> str | None:
    return None


methods.add(
    "sparse",
    Method(
        "sparse",
        "treats any lattice: one factorisation for each energy",
        _refuses,
        SparseConductor,
        size=_size,
    ),
)
