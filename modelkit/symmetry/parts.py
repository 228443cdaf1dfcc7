"""What the parts of a compiled device add to its structure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.contacts import Contacts
from modelkit.compile.open_system import OpenSystem, open_system
from modelkit.elements.conditions import conditions
from modelkit.elements.nouns import nouns
from modelkit.graph.device import ConditionValues, Device, Electrode, TerminalGroup
from modelkit.graph.screening import bands_of
from modelkit.registry import Registry
from modelkit.symmetry.builder import Builder, word
from modelkit.symmetry.structure import Structure

Integers = NDArray[np.intp]
Adds = Callable[[Builder, Device, NDArray[np.intp], NDArray[np.intp]], None]
Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """What nouns belong to that name it as their ``part``.

    ``add(builder, device, sites, terminals)`` adds vertices and ties to those of the sites and the terminals,
    None for what is examined in any case.
    """

    doc: str
    add: Adds | None = None


def undeclared(nouns_used: Iterable[str]) -> list[str]:
    """Nouns that have not said how they transform."""
    classes = {word: nouns[word] for word in nouns_used if word in nouns}
    return sorted(word for word, noun in classes.items() if noun.part not in parts)


parts: Registry[Part] = Registry("part of a device", "parts of a device")
for _name, _doc in (
    ("none", "no part of a device: values, cases, tasks"),
    ("conductor", "sites, what joins them, prescribed potentials"),
    ("terminals", "reservoirs, their self-energies, what drives them and what they prescribe"),
    ("screening", "unknown potentials, what couples them, electrodes"),
    ("open chain", "jump operators and what they keep; examined with the cell they stand in"),
):
    parts.add(_name, Part(_doc))

SCALAR_SAMPLES = 24  # pairs of energies at which scalar self-energies are compared
NOTHING = 1e-14  # of the largest block: none at all
NEAR = 1e-12  # weights no farther apart are the same
MATRIX_SAMPLES = 2  # those of leads
PRESCRIBED = np.array([0.0, 0.31, 1.7])  # values of an unknown at which what is prescribed is compared


@dataclass(frozen=True, eq=False)
class Examined:
    """The structure of a device and where its terminals are: ``terminal`` (n_reservoirs,) vertex numbers.

    The first vertices are the device's ``sites``, ``size`` of them; ``owner`` is the reservoir that a vertex
    belongs to, or -1.
    """

    device: Device
    structure: Structure
    terminal: Integers
    owner: Integers
    sites: Integers

    @property
    def size(self) -> int:
        """Number of sites."""
        return len(self.sites)


@dataclass(frozen=True)
class Origin:
    """From where energies are counted: the reference, and a common ``shift`` of whatever does not follow."""

    mu: float
    shift: float


def examined(device: Device, *, driven: bool, shift: float = 0.0) -> Examined:
    """The structure of a device; ``driven``: what drives it (mu, T, gates) belongs to it, too.

    A common ``shift`` of all energies and chemical potentials is taken out first.  Unknown potentials
    follow by themselves, and so do bands that are tied to them or to a chemical potential.
    """
    system = open_system(device)
    builder = Builder()
    origin = Origin(float(device.reference.get("mu", 0.0)), shift)
    sites = _sites(builder, device, system, origin)
    terminals = _terminals(builder, device, system, origin, driven)
    _contacts(builder, device, system, sites, terminals, origin)
    _screening(builder, device, sites, terminals, origin, driven)
    for part in parts.values():
        if part.add is not None:
            part.add(builder, device, sites, terminals)
    structure = builder.structure()
    owner = np.full(structure.n, -1, dtype=np.intp)
    owner[terminals] = np.arange(len(terminals))
    of = np.flatnonzero((structure.tie_kind == word("of")) & np.isin(structure.tie_column, terminals))
    owner[structure.tie_row[of]] = owner[structure.tie_column[of]]
    return Examined(device, structure, terminals, owner, np.arange(device.size))


def conductor(device: Device, lattice: str | None = None) -> Examined:
    """The sites of a device, or of one of its lattices, and their Hamiltonian alone."""
    builder = Builder()
    system = open_system(replace(device, terminals=()))
    _sites(builder, device, system, Origin(float(device.reference.get("mu", 0.0)), 0.0))
    structure, sites = builder.structure(), np.arange(device.size)
    if lattice is not None:
        own = [g.first + np.arange(g.count) for g in device.sites if g.family.lattice == lattice]
        sites = np.concatenate(own)
        doubled = [sites, *([sites + device.size] if structure.n > device.size else [])]
        structure = structure.part(np.concatenate(doubled))
    none = np.zeros(0, dtype=np.intp)
    return Examined(device, structure, none, np.full(structure.n, -1, dtype=np.intp), sites)


def screened(device: Device) -> Flags:
    """Which sites have an unknown potential."""
    return np.any(
        [group.membership >= 0 for group in device.screening] or [np.zeros(device.size, bool)], axis=0
    )


def _sites(builder: Builder, device: Device, system: OpenSystem, origin: Origin) -> Integers:
    size, n = np.diff(system.offset), device.size
    holes = len(size) > n
    sites = builder.vertices(n, "site", size=size[:n], even=system.weight[None, :n])
    if holes:
        opposite = builder.vertices(n, "holes of a site", size=size[n:], even=system.weight[None, n:])
        builder.tie(sites, opposite, "holes")
        sites = np.concatenate([sites, opposite])
    kind = builder.kind("H")
    matrix = system.hamiltonian.tocoo()
    site = np.repeat(np.arange(len(size)), size)
    (row, column), value = matrix.coords, matrix.data
    if not holes:
        level = origin.mu + origin.shift * ~screened(device)
        own = np.arange(len(site))  # of sites without an energy of their own, too
        row, column = np.concatenate([row, own]), np.concatenate([column, own])
        value = np.concatenate([value, -level[site]])
    place = site[row] * len(size) + site[column]
    places, at = np.unique(place, return_inverse=True)
    block = np.zeros((len(places), int(size.max(initial=1)), int(size.max(initial=1))), complex)
    np.add.at(block, (at, row - system.offset[site[row]], column - system.offset[site[column]]), value)
    largest = np.abs(block).max(axis=(1, 2), initial=0.0)
    there = largest > NOTHING * largest.max(initial=0.0)
    places, block = places[there], block[there]
    builder.add(sites[places // len(size)], sites[places % len(size)], kind, block)
    return sites


def _terminals(
    builder: Builder, device: Device, system: OpenSystem, origin: Origin, driven: bool
) -> Integers:
    found = [np.zeros(0, dtype=np.intp)]
    for group in device.terminals:
        even, odd = _driving(group, origin.mu + origin.shift) if driven else ([], [])
        for condition in group.conditions:
            above, below = prescribed(condition, group.count, origin.mu + origin.shift)
            sign = -parity(condition.quantity)
            even.extend(above + sign * below)
            odd.extend(above - sign * below)
            if not sign:  # holes obey another condition than particles
                odd.append(np.ones(group.count))
        words = tuple((condition.unknown, condition.quantity) for condition in group.conditions)
        values = [np.array([np.broadcast_to(v, group.count) for v in part]) for part in (even, odd)]
        found.append(
            builder.vertices(
                group.count,
                "terminal",
                bands_of(device, group.terminal),
                words,
                even=values[0],
                odd=values[1],
            )
        )
    terminals = np.concatenate(found)
    if system.reservoirs.superconducting:
        holes = builder.vertices(len(terminals), "holes of a terminal")
        builder.tie(terminals, holes, "holes")
        terminals = np.concatenate([terminals, holes])
    return terminals


def _driving(group: TerminalGroup, middle: float) -> tuple[list[Floats], list[Floats]]:
    """What is even and odd under the exchange of particles and holes of the given fields."""
    even = [value for name, value in group.given.items() if name == "T"]
    return even, [value - middle for name, value in group.given.items() if name == "mu"]


def parity(quantity: str) -> float:
    """Whether a condition weighs energies above and below mu alike (1), oppositely (-1), or neither (0)."""
    above, T = np.linspace(0.05, 3.0, 40)[None], np.array([[0.1], [0.7]])
    weigh = conditions[quantity].weight
    one, other = np.broadcast_arrays(weigh(above + 0 * T, T + 0 * above), weigh(0 * T - above, T + 0 * above))
    return next((sign for sign in (1.0, -1.0) if np.allclose(one, sign * other, NEAR, NEAR)), 0.0)


def prescribed(condition: ConditionValues, count: int, middle: float) -> Floats:
    """The right side of a condition at values of its unknown above and below the middle, (2, k, count)."""
    found = np.empty((2, len(PRESCRIBED), count))
    for side, k in np.ndindex(2, len(PRESCRIBED)):
        x = PRESCRIBED[k] * (-1 if side else 1)
        if condition.right is None:
            found[side, k] = condition.constant + condition.slope * x
            continue
        at = np.full(count, middle + x if condition.unknown == "mu" else PRESCRIBED[k])
        found[side, k] = condition.right({condition.unknown: at})[0]
    return found


def _contacts(
    builder: Builder, device: Device, system: OpenSystem, sites: Integers, terminals: Integers, origin: Origin
) -> None:
    contacts, count = system.contacts, max(device.n_terminals, 1)
    middle: Floats = np.where(_following(device), origin.mu, origin.mu + origin.shift)
    scale = float(np.abs(system.hamiltonian.data).max(initial=0.0)) or 1.0
    away = scale * np.random.default_rng(1).uniform(0.02, 2.5, SCALAR_SAMPLES)
    few = np.concatenate([away[:MATRIX_SAMPLES], -away[:MATRIX_SAMPLES]])
    if contacts.scalar:
        above, below = (_scalars(contacts, middle[contacts.terminal % count], s * away) for s in (1, -1))
        even = np.concatenate([above.real - below.real, above.imag + below.imag], axis=1)
        odd = np.concatenate([above.real + below.real, above.imag - below.imag], axis=1)
        found = builder.vertices(len(above), "contact", even=even.T, odd=odd.T)
        builder.tie(found, sites[contacts.site], "at")
        builder.tie(found, terminals[contacts.terminal], "of")
    else:
        for k, (terminal, site) in enumerate(zip(contacts.terminal, contacts.site, strict=True)):
            sigma = np.asarray(contacts.sigma(middle[terminal % count] + few)[k])
            _matrix(builder, sites[[site]], terminals[terminal], sigma, [sigma.shape[1]])
    for lead in contacts.leads:
        size = np.diff(system.offset)[lead.sites].tolist()
        sigma = lead.sigma(middle[lead.terminal % count] + few)
        _matrix(builder, sites[lead.sites], terminals[lead.terminal], sigma, size)


def _following(device: Device) -> Flags:
    """Which terminals have bands that follow a common shift by themselves, (n_terminals,)."""
    ways = [bands_of(device, group.terminal) for group in device.terminals]
    follows = [way == "own" or (way == "local" and bool(device.screening)) for way in ways]
    return np.repeat(np.array(follows, bool), [group.count for group in device.terminals])


def _scalars(contacts: Contacts, middle: Floats, away: Floats) -> Complexes:
    """Self-energies at energies counted from a middle of each contact, (n_contacts, n_E)."""
    found = np.zeros((len(middle), len(away)), dtype=complex)
    for each in np.unique(middle):
        values = np.asarray(contacts.sigma(each + away))
        found[middle == each] = values.T[middle == each]
    return found


def _matrix(builder: Builder, sites: Integers, terminal: int, sigma: Complexes, size: list[int]) -> None:
    """A self-energy (2 * samples, k, k) over all orbitals of some sites."""
    contacts = builder.vertices(len(sites), "contact", size=size)
    builder.tie(contacts, sites, "at")
    builder.tie(contacts, np.full(len(sites), terminal), "of")
    same = builder.kind("the same space", energy=False)
    for d in sorted(set(size)):
        here = np.flatnonzero(np.asarray(size) == d)
        eye = np.broadcast_to(np.eye(d, dtype=complex), (len(here), d, d))
        builder.add(contacts[here], sites[here], same, eye)
        builder.add(sites[here], contacts[here], same, eye)
    ends = np.concatenate([[0], np.cumsum(size)])
    D = max(size)
    blocks = np.zeros((len(sigma), len(size), len(size), D, D), dtype=complex)
    for i, j in np.ndindex(len(size), len(size)):
        blocks[:, i, j, : size[i], : size[j]] = sigma[:, ends[i] : ends[i + 1], ends[j] : ends[j + 1]]
    row, column = np.indices((len(size), len(size))).reshape(2, -1)
    scale = float(np.abs(blocks).max(initial=0.0))
    for k, values in enumerate(blocks):
        other = (k + len(blocks) // 2) % len(blocks)
        flat = values.reshape(-1, D, D)
        kept = np.abs(flat).max(axis=(1, 2)) > 1e-12 * scale
        r, c = contacts[row[kept]], contacts[column[kept]]
        builder.add(r, c, builder.kind(f"self-energy {k}", f"self-energy {other}"), flat[kept])
        adjoint = builder.kind(f"its adjoint {k}", f"its adjoint {other}")
        builder.add(c, r, adjoint, flat[kept].conj().swapaxes(1, 2))


def _screening(
    builder: Builder, device: Device, sites: Integers, terminals: Integers, origin: Origin, driven: bool
) -> None:
    for group in device.screening:
        unknowns = builder.vertices(group.count, "potential")
        inside = np.flatnonzero(group.membership >= 0)
        builder.tie(unknowns[group.membership[inside]], sites[inside], "of")
        matrix = group.matrix.tocoo()
        row, column = matrix.coords
        builder.tie(unknowns[row], unknowns[column], "capacitance", value=matrix.data)
        couplings = group.couplings.tocoo()
        at, to = couplings.coords
        electrodes = [_electrode(builder, each, terminals, origin, driven) for each in group.electrodes]
        builder.tie(unknowns[at], np.array(electrodes, np.intp)[to], "coupling", value=couplings.data)


def _electrode(
    builder: Builder, electrode: Electrode, terminals: Integers, origin: Origin, driven: bool
) -> int:
    if electrode.kind == "terminal":
        return int(terminals[electrode.terminal])
    odd = [[electrode.potential - origin.shift]] if driven else ()
    return int(builder.vertices(1, electrode.kind, odd=odd)[0])
