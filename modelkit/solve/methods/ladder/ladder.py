"""Forests with scalar contacts in O(N): every tree of sites is a ladder of resistors.

Seen from a bond, the two parts of a tree are two reservoirs; their weights and distributions follow
from two sweeps through the tree, and each site is a star of positive conductances ``weight * A/(2 pi)``.
Unknown terminals are eliminated from the stars in two more sweeps (exact local Ohm's law: the
resistance between two sites may vanish or be negative, so it is never formed).

Arrays run over positions first, then over energies.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.open_system import OpenSystem
from modelkit.errors import NotConverged
from modelkit.registry import methods
from modelkit.solve.conductor import Conductance, Flags, Floats, Method, reference_of
from modelkit.solve.memory import refuse_large_transmission
from modelkit.solve.methods.ladder.cavities import (
    NUDGE,
    TINY,
    Norton,
    Seen,
    cavities,
    norton,
    norton_on_paths,
)
from modelkit.solve.methods.ladder.shared_terminals import balance_shared
from modelkit.solve.methods.ladder.star_contacts import StarContacts, star_contacts
from modelkit.solve.methods.ladder.tree import (
    Column,
    Forest,
    column,
    fall,
    forest,
    is_forest,
    linear_others,
    matrix,
    rise,
)
from modelkit.solve.methods.ladder.tree_heat import star_spread
from modelkit.solve.methods.orbitals import site_of_orbital
from modelkit.solve.methods.pattern import check_degeneracy, pattern_of, without_zeros

Complexes = NDArray[np.complex128]
Integers = NDArray[np.intp]

GROUND = 1e-290  # conductance, relative to the contact's, of a group that nothing reaches
UNREACHED = 1e-270
BENIGN = 32.0  # ratio up to which a bond is treated by its resistance: five bits are lost at most
SENSIBLE = 1e90  # a larger distribution means that a current was asked of a terminal that reaches nothing


class LadderConductor:
    """A forest with scalar contacts; its structure is found once."""

    def __init__(self, system: OpenSystem) -> None:
        check_degeneracy(system)
        hamiltonian = without_zeros(system.hamiltonian)
        self.system = system
        self.forest = forest(pattern_of(hamiltonian))
        self.contacts = star_contacts(system, self.forest)
        self.level = hamiltonian.diagonal().real[self.forest.orbital][:, None]
        self.coupling = _couplings(hamiltonian, self.forest)
        self.coupling_list: list[complex] = self.coupling[:, 0].astype(complex).tolist()

    @cached_property
    def bonds(self) -> tuple[Integers, Integers, Floats]:
        """(bond, child position, share) of each bond's matrix elements; share < 0 runs down the tree."""
        bond, row, col, _ = self.system.bond_entries
        to, start = self.forest.position[row], self.forest.position[col]
        upward = self.forest.parent[start] == to
        share = _shares(self.system) * np.where(upward, 1.0, -1.0)
        joined = upward | (self.forest.parent[to] == start)
        child = np.where(upward, start, to)
        return bond[joined], child[joined], share[joined]

    def at(self, energies: Floats) -> Conductance:
        """Factorise."""
        return LadderConductance(self, np.asarray(energies, dtype=float))


class LadderConductance:
    """The stars of all sites at given energies; see :class:`~modelkit.solve.conductor.Conductance`.

    Attributes
    ----------
    gamma : (n_contacts, n_E) coupling of each orbital contact
    below, above : (n, n_E) weight of all that comes from contacts and children, and from the parent
    greens : (n, n_E) ``|G_jj|^2``
    """

    def __init__(self, conductor: LadderConductor, energies: Floats) -> None:
        self.energies = energies
        self._conductor = conductor
        self.contacts: StarContacts = conductor.contacts
        self.forest: Forest = conductor.forest
        sigma = self.contacts.self_energy(energies)
        self.gamma = np.maximum(-2 * sigma.imag, 0.0)
        z = energies - conductor.level - self.contacts.at_stars(sigma)
        g, h = (matrix(found, z) for found in cavities(column(z), conductor.coupling_list, self.forest))
        self.rising, self.falling = (conductor.coupling / _squared(inverse + NUDGE) for inverse in (g, h))
        self.greens = 1 / _squared(g - conductor.coupling / (h + NUDGE) + NUDGE)
        self.below, self.others = np.maximum(2 * g.imag, 0.0), np.maximum(2 * h.imag, 0.0)
        self.above = self.falling * self.others
        self.total = self.below + self.above
        self._spectral = self.greens * self.total

    def current(self, f: Floats) -> Floats:
        """See the protocol."""
        f = np.asarray(f, dtype=float)
        x = (f - reference_of(f)).T[self.contacts.terminal]
        local, rising, falling = self._about_local(x)
        arriving = self.brought(self.rising * rising) + falling
        weight = self.brought(self.rising * self.below) + self.above
        star = self.contacts.position
        outward = weight[star] * (x - local[star]) - arriving[star]
        flow = self.greens[star] * (outward + self.contacts.exchange(self.gamma, x))
        return self.contacts.to_terminals(self.gamma * flow) / (2 * np.pi)

    def balance(
        self, f: Floats, unknown: Flags, constant: Floats, slope: Floats, *, fill: bool = False
    ) -> Floats:
        """See the protocol."""
        f = np.array(f, dtype=float)
        unknown = np.asarray(unknown, dtype=np.bool_)
        if not unknown.any():
            return f
        if np.any(unknown & self.contacts.shared):
            return balance_shared(self, f, unknown, constant, slope, fill=fill)
        reference = reference_of(f, unknown)
        free = unknown[self.contacts.terminal]
        weight = self.contacts.weight[:, None]
        source = 2 * np.pi * (constant + slope * reference).T[self.contacts.terminal] / weight
        load = -2 * np.pi * slope.T[self.contacts.terminal] / weight
        held = (f - reference).T[self.contacts.terminal]
        found = self._eliminated(held, free, source, load, fill=fill)
        f[:, unknown] = np.nan
        f[:, self.contacts.terminal[free]] = (found + reference.T)[free].T
        if np.isnan(f).any():
            raise NotConverged("an unknown terminal touches no site, so its condition does not determine it")
        return f

    def heat(self, f: Floats) -> Floats:
        """See the protocol."""
        x = (f - reference_of(f)).T[self.contacts.terminal]
        rising, falling = self._reservoirs(x)
        local = _ratio(rising + falling, self.total)
        star = self.contacts.position
        spread = star_spread(self, x, rising, falling)
        found = self.greens[star] * (spread[star] + self.total[star] * (local[star] - x) ** 2)
        return self.contacts.to_terminals(self.gamma * found) / (4 * np.pi)

    def bond_current(self, f: Floats) -> Floats:
        """See the protocol; from the two reservoirs on either side of the bond."""
        f = np.asarray(f, dtype=float)
        local, rising, falling = self._about_local((f - reference_of(f)).T[self.contacts.terminal])
        rising = rising - self.below * self._steps(local)
        upward = self.greens * (self.above * rising - self.below * falling) / (2 * np.pi)
        system = self._conductor.system
        bond, child, share = self._conductor.bonds
        flow = upward[child] * (share * system.weight[system.bond_source[bond]])[:, None]
        return _summed(flow, bond, len(system.bond_source)).T

    def density(self, f: Floats) -> Floats:
        """See the protocol."""
        rising, falling = self._reservoirs(np.asarray(f, dtype=float).T[self.contacts.terminal])
        return self._by_site(self.greens * (rising + falling))

    def density_of_states(self) -> Floats:
        """See the protocol; states that no terminal reaches (delta peaks) are not in it."""
        return self._by_site(self._spectral)

    def local_sum_rule(self) -> Floats:
        """See the protocol; -2 Im G from the cavities, the sum over terminals from the sweeps."""
        everything = self.density(np.ones((len(self.energies), self._conductor.system.n_terminals)))
        spectral = self.density_of_states()
        off, most = np.abs(everything - spectral).max(axis=1), spectral.max(axis=1)
        return np.divide(off, most, out=np.zeros_like(off), where=off != 0)

    def transmission(self) -> Floats:
        """See the protocol; O(N) for each terminal and energy."""
        n_energies, n_terminals = len(self.energies), self._conductor.system.n_terminals
        refuse_large_transmission(n_energies, n_terminals)
        found = np.empty((n_energies, n_terminals, n_terminals))
        for terminal in range(n_terminals):
            x = np.broadcast_to((self.contacts.terminal == terminal)[:, None] * 1.0, self.gamma.shape)
            rising, falling = self._reservoirs(x)
            local = self.greens * (rising + falling)
            found[:, :, terminal] = self.contacts.to_terminals(self.gamma * local[self.contacts.position])
        return found

    @cached_property
    def _factors(self) -> tuple[Column, Column]:
        return column(self.rising), column(self.falling)

    @cached_property
    def seen(self) -> tuple[Seen, Seen]:
        """Each branch as seen from its parent, and the rest as seen from the branch."""
        parent, up = self.forest.parent, self._ratios
        down = self.rising * _ratio(self.total, self.total[parent])
        return (
            Seen(column(up * self.below * self._spectral), column(up)),
            Seen(column(down * self.others * self._spectral[parent]), column(down)),
        )

    @cached_property
    def _ratios(self) -> Floats:
        """A current moves the distribution at the parent so much more than at its own star; (n, n_E)."""
        return self.falling * _ratio(self.total[self.forest.parent], self.total)

    @cached_property
    def _resistance(self) -> Column | None:
        """Resistance of each bond, where this form of the local Ohm's law keeps its digits."""
        if self.forest.tops:
            return None
        inner = ~self.forest.top[:, None]
        bond = self._ratios * self.below * self._spectral
        if np.any(inner & ((self._ratios > BENIGN) | (self._ratios * BENIGN < 1) | (bond < TINY))):
            return None
        return column(np.divide(1 - self._ratios, bond, out=np.full_like(bond, np.inf), where=inner))

    def _totals(self, k: Floats, d: Floats, i: Floats) -> tuple[Floats, Floats]:
        """Conductance and injected current of the star of each contact, from those of the contacts."""
        ks, js = self.contacts.at_stars(k), self.contacts.at_stars(i)
        if self._resistance is None:
            stars = Norton(column(ks + TINY), column(self.contacts.at_stars(d)), column(js))
            totals = norton(stars, *self.seen, self.forest)
        else:
            totals = norton_on_paths(column(ks + TINY), column(js), self._resistance)
        star = self.contacts.position
        (k_below, k_above), (i_below, i_above) = ((matrix(part, ks) for part in parts) for parts in totals)
        return (k_below + k_above)[star], (i_below + i_above)[star]

    def _eliminated(self, held: Floats, free: Flags, source: Floats, load: Floats, *, fill: bool) -> Floats:
        """Distributions at the contacts; ``source``, ``load`` (n_contacts, n_E) in units of 1/(2 pi)."""
        star = self.contacts.position
        unknown = free[:, None]
        reach = self.gamma * self._spectral[star]
        both = reach + load * unknown
        coupled = unknown & (both != 0)
        kept = np.divide(reach, both, out=np.ones_like(both), where=coupled)
        k, d = np.where(unknown, load * kept, reach), np.where(unknown, reach * kept, 0.0)
        i = np.where(unknown, source * kept, reach * held)
        if fill:
            k, i = k + unknown * GROUND * reach, i + unknown * GROUND * reach * held
        k_total, i_total = self._totals(k, d, i)
        idle = unknown & ((both == 0) | (k_total <= UNREACHED * (self._spectral * self.total)[star]))
        self._refuse_idle(idle if not fill else idle & (source != 0) & (both == 0))
        local = i_total / k_total
        found = np.divide(reach * local + source, both, out=held.copy(), where=coupled)
        self._refuse_idle(~(np.abs(found) < SENSIBLE))
        return found

    def _refuse_idle(self, idle: Flags) -> None:
        if idle.any():
            energies = self.energies[idle.any(axis=0)]
            raise NotConverged(
                f"at energy {energies[0]:g} nothing reaches {int(idle.sum(axis=0).max())} of the unknown "
                "terminals, so the condition does not determine them"
            )

    def _reservoirs(self, x: Floats) -> tuple[Floats, Floats]:
        """Weight times mean of x below and above each position."""
        rising, others = self._sweeps(self.contacts.at_stars(self.gamma * x))
        return rising, self.falling * others

    def _sweeps(self, source: Floats) -> tuple[Floats, Floats]:
        """Weighted sums of what comes from below, and of the others at the parent."""
        up, down = self._factors
        rising, effective = rise(column(source), up, self.forest.tops)
        others = linear_others(column(source), rising, up, self.forest)
        return matrix(rising, source), matrix(fall(effective, down, self.forest, others), source)

    def _about_local(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Local distribution of each star, and what comes from below and above in differences from it.

        From below they are counted from the parent's local distribution.  Small differences of large
        distributions keep their digits, and the currents of all terminals add up however many there are.
        """
        low, high = self._reservoirs(x)
        local = _ratio(low + high, self.total)
        step = self._steps(local)
        own = self.contacts.at_stars(self.gamma * (x - local[self.contacts.position]))
        up, down = self._factors
        found, _ = rise(column(own + self.below * step), up, self.forest.tops)
        rising, source = matrix(found, own), own - self.above * step
        others = linear_others(column(source), found, up, self.forest)
        if self.forest.tops:
            top, parent = np.array(self.forest.tops).T
            source = source.copy()
            np.add.at(source, parent, (self.rising * rising)[top])
        falling = self.falling * matrix(fall(column(source), down, self.forest, others), own)
        return local, rising, falling - self.above * step

    def _steps(self, local: Floats) -> Floats:
        """Of the local distribution from each parent, 0 at roots."""
        parent = self.forest.parent
        return np.where(parent[:, None] >= 0, local - local[parent], 0.0)

    def brought(self, values: Floats) -> Floats:
        """Sum at each position the values of its children."""
        found = np.zeros_like(values)
        inner = self.forest.on_path
        found[inner + 1] = values[inner]
        if self.forest.tops:
            top, parent = np.array(self.forest.tops).T
            np.add.at(found, parent, values[top])
        return found

    def _by_site(self, values: Floats) -> Floats:
        system = self._conductor.system
        sites = _summed(values[self.forest.position], site_of_orbital(system), len(system.weight))
        return sites.T * (system.weight / (2 * np.pi))


def _squared(values: NDArray[Any]) -> Floats:
    return np.asarray(values.real**2 + values.imag**2)


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(below), where=below > 0)


def _summed(values: Floats, group: Integers, count: int) -> Floats:
    """Sum rows by group, (m, n_E) -> (count, n_E)."""
    number = np.arange(len(group))
    member = sparse.csr_array((np.ones(len(group)), (group, number)), shape=(count, len(group)))
    return np.asarray(member @ values)


def _couplings(hamiltonian: sparse.csr_array, forest: Forest) -> Floats:
    """``|H|^2`` between each position and its parent, 0 at roots; (n, 1)."""
    entries = hamiltonian.tocoo()
    row, col = (forest.position[place] for place in entries.coords)
    upward = forest.parent[row] == col
    found = np.zeros((len(forest.parent), 1))
    found[row[upward], 0] = _squared(entries.data[upward].astype(complex))
    return found


def _shares(system: OpenSystem) -> Floats:
    """Each bond element over the whole element of H, NaN where that is not a real number."""
    _, row, col, value = system.bond_entries
    whole = _elements(without_zeros(system.hamiltonian), row, col)
    share = np.divide(value, whole, out=np.where(value == 0, 0.0, np.nan).astype(complex), where=whole != 0)
    return np.where(np.abs(share.imag) <= 1e-12 * np.abs(share), share.real, np.nan)


def _elements(hamiltonian: sparse.csr_array, row: Integers, col: Integers) -> Complexes:
    """Matrix elements at given places, 0 where nothing is stored."""
    entries = hamiltonian.tocoo()
    n = hamiltonian.shape[0]
    keys = entries.coords[0].astype(np.intp) * n + entries.coords[1]
    order = np.argsort(keys)
    wanted = row.astype(np.intp) * n + col
    place = np.minimum(np.searchsorted(keys[order], wanted), max(len(keys) - 1, 0))
    if not len(keys):
        return np.zeros(len(wanted), dtype=complex)
    found = order[place]
    return np.where(keys[found] == wanted, entries.data[found], 0.0).astype(complex)


def _refuses(system: OpenSystem) -> str | None:
    if system.contacts.leads:
        return "a lead joins several orbitals"
    if not system.contacts.scalar:
        return "a self-energy is a matrix"
    if not is_forest(pattern_of(system.hamiltonian)):
        return "the hops close a loop"
    if len(system.bond_entries[0]) and np.isnan(_shares(system)).any():
        return "two hops of different phase join the same orbitals"
    return None


methods.add(
    "ladder",
    Method("ladder", "fits: the sites form trees without loops, which costs O(N)", _refuses, LadderConductor),
)
