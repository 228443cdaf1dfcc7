"""Transmissions and injectivities as power series while levels move along a direction.

With ``V(s) = H + Sigma`` less what they are at s = 0, ``G(s) = G + G V(s) G(s)`` gives the columns of G at
the orbitals of all contacts order by order, each with one more solution of the same equations.  With them

    T_ab(s) = Tr Gamma_a(s) G(s) Gamma_b(s) G(s)†,     D_sb(s) = [G(s) Gamma_b(s) G(s)†]_ss / 2pi

are products of series.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.open_system import OpenSystem
from modelkit.numerics.series import Series, added, mapped, product, resolved
from modelkit.solve.methods.lattice.channels import Channels, Charge
from modelkit.solve.methods.lattice.columns import Columns
from modelkit.solve.methods.lattice.dark_levels import probe
from modelkit.solve.methods.lattice.moves import Moves
from modelkit.solve.methods.lattice.partition import contact_groups
from modelkit.solve.methods.lattice.tangents import check_determined, members
from modelkit.solve.methods.orbitals import touching

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class Ends:
    """The orbitals of all contacts, one contact after the other, as :class:`Channels` has them.

    ``orbital``, ``terminal``, ``weight`` (n,); ``row``, ``column`` (m,) are the places of the entries of the
    self-energies among them; ``first`` where those of each contact over several orbitals begin.
    """

    orbital: Integers
    terminal: Integers
    weight: Floats
    row: Integers
    column: Integers
    first: Integers

    @cached_property
    def flat(self) -> bool:
        """Whether no contact is a matrix."""
        return bool(np.array_equal(self.row, self.column))

    def gamma(self, sigma: Complexes) -> Complexes:
        """``i (Sigma - Sigma†)`` from entries (n_E, m): (n_E, n) where flat, else (n_E, n, n)."""
        if self.flat:
            return np.asarray(-2 * sigma.imag + 0j)
        found = np.zeros((len(sigma), len(self.orbital), len(self.orbital)), dtype=complex)
        found[:, self.row, self.column] = sigma
        return 1j * (found - found.conj().swapaxes(1, 2))

    def moved(self, moves: Moves) -> Complexes | None:
        """What a term of a series adds to the broadenings."""
        if not len(moves.number) and not moves.blocks:
            return None
        sigma = np.zeros((len(moves.value), len(self.row)), dtype=complex)
        sigma[:, moves.number] = moves.value
        for block in moves.blocks:
            flat = block.value.reshape(len(sigma), -1)
            first = self.first[block.number]
            sigma[:, first : first + flat.shape[1]] = flat
        return self.gamma(sigma)

    def before(self, gamma: Complexes, columns: Complexes) -> Complexes:
        """``Gamma x``."""
        return gamma[:, :, None] * columns if self.flat else gamma @ columns

    def behind(self, columns: Complexes, gamma: Complexes) -> Complexes:
        """``x Gamma``."""
        return columns * gamma[:, None, :] if self.flat else columns @ gamma


def ends_of(system: OpenSystem) -> Ends:
    """Lay out the contacts of a system."""
    contacts, touched = system.contacts, touching(system)
    groups = contact_groups(system)
    owners = [(lead.terminal, lead.sites[0]) for lead in contacts.leads]
    if not contacts.scalar:
        owners = [*zip(contacts.terminal, contacts.site, strict=True), *owners]
    single = len(touched.orbital) if contacts.scalar else 0
    sizes = np.array([len(group) for group in groups], dtype=np.intp)
    begin = single + np.cumsum(sizes) - sizes
    squares = [np.divmod(np.arange(size**2), size) for size in sizes]
    rows, columns = ([b + part[k] for b, part in zip(begin, squares, strict=True)] for k in (0, 1))
    terminals = np.repeat(np.array([a for a, _ in owners], dtype=np.intp), sizes)
    weights = np.repeat(system.weight[np.array([s for _, s in owners], dtype=np.intp)], sizes)
    alone = np.arange(single)
    return Ends(
        np.concatenate([touched.orbital[:single], *groups]),
        np.concatenate([touched.terminal[:single], terminals]),
        np.concatenate([touched.weight[:single], weights]),
        np.concatenate([alone, *rows]),
        np.concatenate([alone, *columns]),
        single + np.cumsum(sizes**2) - sizes**2,
    )


@dataclass(frozen=True)
class Expansion:
    """G at the contacts, ``green`` a series of (chunk, n_orbitals, n_ends), and the broadenings ``gamma``.

    ``charges``: of superconducting leads, which do not move, with what they take, (chunk, m, m).
    """

    ends: Ends
    green: Series
    gamma: Series
    charges: tuple[tuple[Charge, Complexes], ...] = ()

    def transmission(self, count: int) -> Floats:
        """(variations + 1, order + 1, chunk, n, n) of ``count`` reservoirs."""
        ends = self.ends
        between = mapped(self.green, lambda g: g[:, ends.orbital])
        through = product(product(self.gamma, between, ends.before), self.gamma, ends.behind)
        strength = product(through, between, lambda x, g: (x * g.conj()).real)
        member = members(ends.terminal, count)
        found = mapped(strength, lambda x: member @ (x * ends.weight) @ member.T)
        whole = _stacked(found, (len(self.green[0][0]), count, count))
        for charge, taken in self.charges:
            parts = mapped(self._charged(charge, taken), lambda x: x @ member.T)
            whole[..., charge.meter, :] = _stacked(parts, (len(taken), count))
        return whole

    def _charged(self, charge: Charge, taken: Complexes) -> Series:
        """What a superconducting lead takes of the charge from each end, (chunk, n_ends); see there."""
        own = np.flatnonzero(self.ends.terminal == charge.owner)
        sign = np.repeat([1.0, -1.0], len(own) // 2) * self.ends.weight[own]
        here = mapped(self.green, lambda g: g[:, charge.orbitals])
        turned = product(here, self.gamma, self.ends.behind)
        flux = product(mapped(turned, taken.__matmul__), here, lambda x, g: (x * g.conj()).real.sum(axis=1))

        def emitted(x: Complexes) -> Floats:
            found = np.zeros((len(x), x.shape[2]))
            found[:, own] = 2 * sign * np.diagonal(x[:, :, own], axis1=1, axis2=2).imag
            return found

        return added(flux, mapped(turned, emitted))

    def injectivity(self, sites: sparse.csr_array, count: int) -> Floats:
        """(variations + 1, order + 1, chunk, n_rows, n): ``sites`` (n_rows, n_orbitals) adds orbitals up."""
        ends = self.ends
        filled = product(product(self.green, self.gamma, ends.behind), self.green, _local)
        member = members(ends.terminal, count).T / (2 * np.pi)

        def summed(local: Floats) -> Floats:
            turned = (local @ member).swapaxes(0, 1)
            flat = sites @ turned.reshape(len(turned), -1)
            return np.asarray(flat).reshape(-1, *turned.shape[1:]).swapaxes(0, 1)

        return _stacked(mapped(filled, summed), (len(self.green[0][0]), sites.shape[0], count))


def expansion(
    columns: Columns,
    part: slice,
    ends: Ends,
    moves: Series,
    n: int,
    order: int,
    known: list[Complexes] | None = None,
) -> Expansion:
    """Solve for a chunk of energies; ``moves`` are those of the chunk, ``n`` the number of orbitals.

    ``known`` is ``green[0]`` of an expansion along the same direction.

    Raises
    ------
    NotConverged
        An energy lies on a level that no terminal reaches.
    """
    channels: Channels = columns.channels
    count = part.stop - part.start

    def solve(right: Complexes) -> Complexes:
        found = np.zeros((count, n, right.shape[2]), dtype=complex)
        if len(columns.reached):
            found[:, columns.reached] = columns.solve(part, right[:, columns.reached])
        return found

    if known is None:
        unit = np.zeros((count, n, len(ends.orbital) + 1), dtype=complex)
        unit[:, ends.orbital, np.arange(len(ends.orbital))] = 1.0
        unit[:, columns.reached, -1] = probe(len(columns.reached))
        start = solve(unit)
        check_determined(columns.scale[part], start[:, :, -1])
        known = [start[:, :, :-1]]
    green = resolved(known, moves, solve, lambda move, g: move.times(g), order)
    gamma = mapped(moves, ends.moved)
    gamma[0][0] = ends.gamma(channels.sigma[part])
    return Expansion(ends, green, gamma, tuple((one, one.taken(part)) for one in channels.charges))


def _local(one: Complexes, other: Complexes) -> Floats:
    return np.asarray((one * other.conj()).real)


def _stacked(series: Series, shape: tuple[int, ...]) -> Floats:
    still = np.zeros(shape)
    return np.array([[still if term is None else term for term in row] for row in series])
