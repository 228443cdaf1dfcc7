"""The numeric problem of a superconducting device: every site twice, for electrons and for holes.

With n sites, site s of the device is the sites s (electrons, operators ``c``) and n + s (holes, ``c†``) of
the open system, each with the orbitals of its particle block:

    H = 1/2 Psi† H_BdG Psi,   H_BdG = [[h, D], [D†, -conj(h)]],   D = -D^T,

where ``Delta c_a c_b + h.c.`` adds ``conj(Delta)`` to ``D[b, a]`` and ``-conj(Delta)`` to ``D[a, b]``.
Terminal a is the reservoirs a (electrons) and n_terminals + a (holes), whose self-energy is
``-conj(Sigma(-E))``.  One lattice that pairs doubles all of them.  A potential U on a site, or a shift U of
a band, is U for its electrons and -U for its holes.

A superconducting lead is one reservoir a of quasi-particles, which have no charge of their own (sign 0).
The charge that it takes, pairs included, is counted by the reservoir n_terminals + a: it emits nothing and
carries no energy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from modelkit.compile.contacts import Complexes, Contacts, Energies, Integers, contacts_of
from modelkit.compile.open_system import Levels, OpenSystem, Reservoirs, local_bands
from modelkit.elements.condensate import CONDENSATE
from modelkit.errors import ModelError
from modelkit.graph.device import Device, Entries, TerminalGroup


def doubled_system(device: Device) -> OpenSystem:
    """Compile a superconducting device, in O(sites + hops).

    Raises
    ------
    ModelError
        A terminal is called as the condensate; a self-energy does not fit the particles of its site.
    """
    _refuse_own_condensate(device)
    orbitals = _orbitals(device)
    weight = np.concatenate([np.zeros(0), *(np.full(g.count, float(g.degeneracy)) for g in device.sites)])
    terminals = np.arange(device.n_terminals)
    electrons, holes = np.ones((2, device.n_terminals))
    contacts = contacts_of(device, np.diff(orbitals.offset))
    joined = [lead for lead in contacts.leads if lead.meter is not None]
    electrons[[lead.terminal for lead in joined]] = 0.0
    holes[[lead.terminal for lead in joined]] = -1.0
    system = OpenSystem(
        hamiltonian=_hamiltonian(device, orbitals),
        offset=np.concatenate([orbitals.offset, orbitals.offset[1:] + orbitals.count]),
        weight=np.concatenate([weight, weight]),
        contacts=_doubled_contacts(contacts, device, orbitals.count),
        n_terminals=2 * device.n_terminals,
        bond_source=device.bonds.source,
        bond_target=device.bonds.target,
        bond_entries=_electron_bonds(device.hops, orbitals),
        reservoirs=Reservoirs(
            np.concatenate([terminals, terminals]),
            np.concatenate([electrons, -holes]),
            share=0.5,
            meters=np.array([lead.meter for lead in joined], dtype=np.intp),
        ),
    )
    return system.moved(Levels(device.potential, local_bands(device)))


def check_potentials(device: Device) -> None:
    """Refuse potentials that do not fit the condensate's, from which all others are measured.

    Raises
    ------
    ModelError
        The device is superconducting and the reference has another mu than 0; a superconducting lead has,
        or solves for it, so that its phase would run.
    """
    mu = float(device.reference.get("mu", 0.0))
    if device.superconducting and mu != 0:
        raise ModelError(
            "potentials are measured from the condensate: the reference of a superconducting device is "
            f"mu = 0, not {device.units.shown('energy', mu)}",
            hint="write reference { mu = 0; T = ... } and shift the energies of the sites instead",
        )
    for group in device.terminals:
        for member in (member for member, lead in group.leads if lead.superconducting):
            _check_condensed(device, group, member)


def _check_condensed(device: Device, group: TerminalGroup, member: int) -> None:
    what = f"the lead of '{group.label(member)}' is a superconductor"
    for number, condition in enumerate(group.conditions):
        if (condition.unknown, condition.quantity) != ("T", "J"):
            raise ModelError(
                f"{what} at the potential of the condensate: it cannot solve {condition.unknown} such that "
                f"{condition.quantity} has a value",
                group.terminal.conditions[number].span or group.terminal.span,
                hint="write mu = 0; only T can be solved for, such that J == 0",
            )
    mu = np.broadcast_to(group.given.get("mu", 0.0), group.count)[member]
    if mu != 0:
        raise ModelError(
            f"{what}: its mu is that of the condensate, 0, not {device.units.shown('energy', float(mu))}, "
            "at which its phase would run",
            group.terminal.spans.get("mu", group.terminal.span),
            hint="write mu = 0 and bias the normal terminals instead",
        )


@dataclass(frozen=True)
class _Orbitals:
    """Where the orbitals of the device go.

    ``particle[o]`` is the number among the particles, ``hole[o]`` whether it is a hole of a nambu space,
    ``explicit[o]`` whether its lattice has one; ``offset`` (n_sites + 1,) and ``count`` count particles.
    """

    particle: Integers
    hole: Integers
    explicit: np.ndarray[tuple[int], np.dtype[np.bool_]]
    offset: Integers
    count: int


def _orbitals(device: Device) -> _Orbitals:
    particle, hole, explicit, sizes, first = [], [], [], [], 0
    for group in device.sites:
        nambu = "nambu" in group.spaces
        within = np.arange(group.orbitals)
        kind = np.zeros_like(within)
        size = group.orbitals
        if nambu:
            size //= 2
            after = group.after_nambu
            before, kind, inner = np.unravel_index(within, (size // after, 2, after))
            within = before * after + inner
        starts = first + size * np.arange(group.count)
        particle.append((starts[:, None] + within).ravel())
        hole.append(np.tile(kind, group.count))
        explicit.append(np.full(group.count * group.orbitals, nambu))
        sizes.append(np.full(group.count, size))
        first += size * group.count
    offset = np.concatenate([[0], np.cumsum(np.concatenate(sizes))])
    return _Orbitals(
        np.concatenate(particle), np.concatenate(hole), np.concatenate(explicit), offset, int(offset[-1])
    )


def _hamiltonian(device: Device, orbitals: _Orbitals) -> sparse.csr_array:
    """Entries that reach the same place add; what is normal brings its holes."""
    onsite, hops = device.onsite, device.hops
    row = np.concatenate([onsite.row, hops.row, hops.column])
    column = np.concatenate([onsite.column, hops.column, hops.row])
    value = np.concatenate([onsite.value, hops.value, hops.value.conj()]).astype(complex)
    n = orbitals.count
    at = orbitals.particle + n * orbitals.hole
    plain = ~orbitals.explicit[row]
    pair = orbitals.particle[device.pairs.row], orbitals.particle[device.pairs.column]
    delta = device.pairs.value.astype(complex)
    rows = [at[row], at[row[plain]] + n, pair[1], pair[0], pair[0] + n, pair[1] + n]
    columns = [at[column], at[column[plain]] + n, pair[0] + n, pair[1] + n, pair[1], pair[0]]
    values = [value, -value[plain].conj(), delta.conj(), -delta.conj(), delta, -delta]
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    matrix = sparse.coo_array(entries, shape=(2 * n, 2 * n)).tocsr()
    matrix.sum_duplicates()
    return matrix


def _electron_bonds(hops: Entries, orbitals: _Orbitals) -> tuple[Integers, Integers, Integers, Complexes]:
    electrons = (orbitals.hole[hops.row] == 0) & (orbitals.hole[hops.column] == 0)
    on = np.flatnonzero((hops.bond >= 0) & electrons)
    return hops.bond[on], orbitals.particle[hops.row[on]], orbitals.particle[hops.column[on]], hops.value[on]


def _doubled_contacts(contacts: Contacts, device: Device, orbitals: int) -> Contacts:
    """Those of the electrons, then those of the holes: ``-conj(Sigma(-conj(E)))``."""

    def sigma(E: Energies) -> Complexes | list[Complexes]:
        return _joined(contacts.sigma(E), contacts.sigma(-np.conj(E)), -1.0)

    def taylor(E: Energies, n: int) -> Complexes | list[Complexes]:
        return _joined(contacts.taylor(E, n), contacts.taylor(-np.conj(E), n), -((-1.0) ** n))

    n = device.n_terminals
    normal = (lead for lead in contacts.leads if lead.meter is None)
    holes = tuple(lead.of_holes(lead.terminal + n, device.size, orbitals) for lead in normal)
    return Contacts(
        terminal=np.concatenate([contacts.terminal, contacts.terminal + n]),
        site=np.concatenate([contacts.site, contacts.site + device.size]),
        scalar=contacts.scalar,
        sigma=sigma,
        fixed_edges=np.unique(np.concatenate([contacts.fixed_edges, -contacts.fixed_edges])),
        poles=np.unique(np.concatenate([contacts.poles, -contacts.poles.conj()])),
        leads=(*contacts.leads, *holes),
        analytic=contacts.analytic,
        taylor=taylor,
    )


def _joined(
    electrons: Complexes | list[Complexes], mirrored: Complexes | list[Complexes], sign: float
) -> Complexes | list[Complexes]:
    if isinstance(electrons, list):
        return [*electrons, *(np.asarray(sign * np.conj(part), dtype=complex) for part in mirrored)]
    return np.concatenate([electrons, sign * np.conj(mirrored)], axis=1)


def _refuse_own_condensate(device: Device) -> None:
    for group in device.terminals:
        if group.terminal.name == CONDENSATE:
            raise ModelError(
                f"'{CONDENSATE}' is the terminal that every superconducting device has by itself",
                group.terminal.span,
                hint=f"give this {group.terminal.noun} another name",
            )
