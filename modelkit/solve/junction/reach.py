"""Which terminals let anything through, and whether every unknown is reached by something given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.edges import has_hidden_edges
from modelkit.compile.open_system import OpenSystem
from modelkit.elements.conditions import conditions
from modelkit.errors import ModelError, NotConverged
from modelkit.graph.device import Device, TerminalGroup
from modelkit.solve.energies.broadening import broadening
from modelkit.solve.energies.thermal_rule import SMOOTH

if TYPE_CHECKING:
    from scipy import sparse

    from modelkit.solve.junction.steady import Steady
    from modelkit.solve.request import Request

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

APART = "join it to a part of the device that a bath touches, with states at the energies of that bath"
SAMPLES = 1_000_000  # self-energies evaluated at once
CLOSE = 1e-9  # T: sides of an edge
JUMP = 1e-3  # of a self-energy, between both sides: more than a square root makes of it


class Block(Protocol):
    """Unknowns of a group of terminals."""

    @property
    def terminal(self) -> slice:
        """Their numbers."""

    @property
    def slope(self) -> Floats:
        """How what is prescribed changes with them, at the reference."""


class Problem(Protocol):
    """What is asked of the terminals, near ``mu`` and ``T``."""

    @property
    def mu(self) -> float: ...

    @property
    def T(self) -> float: ...

    @property
    def unknown(self) -> Flags: ...

    @property
    def elastic(self) -> Flags: ...

    @property
    def blocks(self) -> Sequence[Block]: ...


def check_smooth(request: Request, problem: Steady, system: OpenSystem) -> None:
    """Refuse expansions in bands that move while what they carry bends, or jumps, within the thermal window.

    Sigma has n - 1 derivatives in an expansion of order n.  At T = 0 only mu itself counts.

    Raises
    ------
    ModelError
        A band edge is too close to the reference, or somewhere unknown.
    """
    if not problem.levels_move or problem.T == 0:
        return
    moving = tuple(lead for lead in system.contacts.leads if lead.meter is None)  # not with a condensate
    contacts = replace(system.contacts, leads=moving)
    edges = contacts.edges[np.abs(contacts.edges - problem.mu) < SMOOTH * problem.T]
    if problem.order == 2 and len(edges):
        step = CLOSE * problem.T
        sides = [contacts.sigma(edges + sign * step) for sign in (-1, 1)]
        pairs = zip(*sides, strict=True) if not contacts.scalar else [sides]
        jumps = any(np.any(np.abs(b - a) > JUMP * np.abs(a + b)) for a, b in map(np.asarray, pairs))
        edges = edges if jumps else edges[:0]
    for group in problem.device.terminals:
        if has_hidden_edges(group):
            edges = np.append(edges, problem.mu)
    if len(edges):
        nearest = edges[np.argmin(np.abs(edges - problem.mu))]
        shown = problem.device.units.shown("energy", float(nearest))
        raise ModelError(
            f"a self-energy is not smooth near E = {shown}, within reach of the reference: where bands move, "
            f"currents have no expansion of order {problem.order}",
            request.place("order"),
            hint="write no order for full transport, or take a lower temperature, or a lower order",
        )


def check_reached(device: Device, system: OpenSystem, problem: Problem, energies: Floats) -> None:
    """Every probe must be reached by a terminal whose potential is given, at one of the energies.

    Elastic terminals are not asked: where nothing reaches them, they have no influence.

    Raises
    ------
    NotConverged
        Names the first probe whose chemical potential is not determined, and says why.
    """
    asked = problem.unknown & ~problem.elastic
    if not asked.any():
        return
    owner, sign = system.reservoirs.terminal, system.reservoirs.sign
    opened = np.zeros(len(owner), dtype=np.bool_)
    step = max(1, SAMPLES // len(owner))
    for first in range(0, len(energies), step):
        opened |= np.any(broadening(system, energies[first : first + step]) > 0, axis=0)
        if opened.all():
            break
    held = ~problem.unknown
    for block in problem.blocks:
        held[block.terminal] |= block.slope != 0
    closed = asked & ~_any(opened, owner)
    if np.any(closed):
        _refuse_closed(device, int(np.argmax(closed)), problem)
    part = _parts(system, opened)
    holds = np.zeros(part.max() + 1, dtype=bool)
    holds[part[held[owner] & opened]] = True
    # where electrons and holes are joined the condensate holds them
    holds |= np.isin(
        np.arange(len(holds)), np.intersect1d(part[opened & (sign > 0)], part[opened & (sign < 0)])
    )
    adrift = asked & ~_any(holds[part] & opened, owner)
    if np.any(adrift):
        _refuse_adrift(device, int(np.argmax(adrift)))


def _any(flags: Flags, owner: Integers) -> Flags:
    """Whether it holds for any reservoir of a terminal, (n_terminals,)."""
    return np.bincount(owner, flags, int(owner.max()) + 1) > 0


def outside_band(device: Device, system: OpenSystem, mu: Floats, reference: float, T: float) -> list[str]:
    """Warnings for terminals whose potential left the band that they have at the reference.

    Linear response is void there: a prescribed current was too large for the coupling, or a bias too
    large for the band (arXiv:2409.12510, Fig. 5); also where transport is activated over a gap and a
    deviation exceeds T.  ``mu`` (n_terminals,) absolute, NaN where unknown.  One warning a group, for
    its worst member.
    """
    edges, known = system.contacts.edges, mu[~np.isnan(mu)]
    if not len(known) or not len(edges):
        return []
    low, high = min(reference, known.min()), max(reference, known.max())
    inside = edges.min() < reference < edges.max()
    if inside and not np.any((edges >= low) & (edges <= high)):
        return []
    found = []
    advice = (
        "linear response is void there; take a smaller bias or prescribed current, or a stronger coupling"
    )
    at_reference = broadening(system, np.array([reference]))[0]
    for group in device.terminals:
        members = mu[group.first : group.first + group.count]
        if group.count == 0 or np.isnan(members).all():
            continue
        worst = group.first + int(np.nanargmax(np.abs(members - reference)))
        closed = broadening(system, mu[worst : worst + 1])[0, worst] <= 0
        name, line, _, _ = place(device, worst)
        at = f"{name}{line} is at mu = {device.units.shown('energy', mu[worst])}"
        if closed and at_reference[worst] > 0:
            found.append(f"{at}, outside the band of its self-energy: {advice}")
        elif at_reference[worst] <= 0 and abs(mu[worst] - reference) > T > 0:
            found.append(f"{at}, more than T from the reference, which lies in a gap: {advice}")
    return found


def place(device: Device, terminal: int) -> tuple[str, str, TerminalGroup, int]:
    """``probe 'S[2]'``, ``(line 20)``, group and member of a terminal's number."""
    for group in device.terminals:
        if group.first <= terminal < group.first + group.count:
            span = group.terminal.span
            name = f"{group.terminal.noun} '{group.label(terminal - group.first)}'"
            return name, f" (line {span.line})" if span else "", group, terminal - group.first
    raise IndexError(terminal)


def _refuse_closed(device: Device, terminal: int, problem: Problem) -> None:
    name, line, group, member = place(device, terminal)
    units = device.units
    asked = [
        f"{c.quantity} == {units.shown(conditions[c.quantity].unit, c.constant[member], 4)}"
        for c in group.conditions
    ]
    near = f"E = {units.shown('energy', problem.mu)}"
    if problem.T > 0:
        near = f"any energy near {near[4:]} (T = {units.shown('temperature', problem.T)})"
    raise NotConverged(
        f"{name}{line} lets nothing through at {near}, so {' and '.join(asked)} cannot be reached and its "
        "chemical potential is not determined: the energy lies outside its band, or its coupling is zero",
        hint=APART,
    )


def _refuse_adrift(device: Device, terminal: int) -> None:
    name, line, _, _ = place(device, terminal)
    raise NotConverged(
        f"the chemical potential of {name}{line} is not determined: no terminal with a given chemical "
        "potential is connected to it",
        hint=APART,
    )


def _parts(system: OpenSystem, opened: Flags) -> Integers:
    """Find the connected part of each terminal, where H and open contacts connect; (n_terminals,).

    A superconducting lead joins electrons and holes in its gap too.
    """
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    orbitals = int(system.offset[-1])
    graph: sparse.coo_array = system.hamiltonian.tocoo()
    present = graph.data != 0
    contacts = system.contacts
    used = opened[contacts.terminal]
    first = system.offset[contacts.site[used]]
    widths = system.offset[contacts.site[used] + 1] - first
    leads = [lead for lead in contacts.leads if opened[lead.terminal] or lead.meter is not None]
    by_lead = [np.full(len(lead.orbitals), lead.terminal) for lead in leads]
    terminal = np.concatenate([np.repeat(contacts.terminal[used], widths), *by_lead]) + orbitals
    orbital = np.repeat(first - np.cumsum(widths) + widths, widths) + np.arange(int(widths.sum()))
    orbital = np.concatenate([orbital, *(lead.orbitals for lead in leads)])
    row = np.concatenate([graph.row[present], terminal])
    column = np.concatenate([graph.col[present], orbital])
    size = orbitals + system.n_terminals
    whole = sparse.coo_array((np.ones(len(row), dtype=np.int8), (row, column)), shape=(size, size))
    labels = connected_components(whole.tocsr(), directed=False)[1]
    found: Integers = labels[orbitals:]
    return found
