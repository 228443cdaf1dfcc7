"""Screening on a device: which sites share a potential, and the matrix of the law between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from modelkit.elements.indices import spelled
from modelkit.elements.screening import End, Screening
from modelkit.elements.screening_laws import Couplings, Layout, laws
from modelkit.elements.self_energies import self_energies
from modelkit.elements.terminals import Terminal
from modelkit.errors import ModelError
from modelkit.graph.device import Device, Electrode, Floats, Integers, RegionSites, ScreeningGroup
from modelkit.graph.formulas import Values, evaluated, key_of, names_in, real_number
from modelkit.graph.labels import site_label, terminal_labels

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ENERGY = "E"


@dataclass(frozen=True, eq=False)
class Ground:
    """What the screening of a device stands on; ``gates`` are potential energies by name."""

    device: Device
    regions: tuple[RegionSites, ...]
    gates: Mapping[str, float]

    def sites(self, name: str) -> Integers:
        """The sites of a region or of a whole lattice."""
        for region in self.regions:
            if region.name == name:
                return region.site
        groups = [group for group in self.device.sites if group.family.lattice == name]
        runs = [np.arange(group.first, group.first + group.count) for group in groups]
        return np.concatenate([np.zeros(0, dtype=np.intp), *runs])

    @cached_property
    def electrodes(self) -> list[Electrode]:
        """All there are: terminals, gates, the ground; the order in which laws number them."""
        labels = terminal_labels(self.device)
        terminals = [Electrode("terminal", label, terminal=number) for number, label in enumerate(labels)]
        gates = [Electrode("gate", name, potential) for name, potential in self.gates.items()]
        return [*terminals, *gates, Electrode("ground", "ground")]


def membership_of(screening: Screening, inside: Integers, ground: Ground) -> Integers:
    """The unknown of each site, (n_sites,), -1 for those without one.

    Raises
    ------
    ModelError
        A region that reaches out of what is screened, a site in two of them, no sites at all; a site
        without a potential where the law needs one everywhere.
    """
    device, member = ground.device, np.full(ground.device.size, -1, dtype=np.intp)
    if not len(inside):
        hint = "loosen the 'where' of its regions"
        raise ModelError("this screening stands on no site at these values", screening.span, hint=hint)
    if not screening.unknowns:
        member[inside] = np.arange(len(inside))
        return member
    within = np.zeros(device.size, dtype=bool)
    within[inside] = True
    for number, name in enumerate(screening.unknowns):
        here, span = ground.sites(name), screening.spans.get(name, screening.span)
        out = here[~within[here]]
        if len(out):
            message = (
                f"'{site_label(device, int(out[0]))}' of '{name}' is not among the sites that are screened"
            )
            raise ModelError(message, span, hint=f"name what is screened: screening on {name}")
        shared = here[member[here] >= 0]
        if len(shared):
            other = screening.unknowns[int(member[shared[0]])]
            message = f"'{site_label(device, int(shared[0]))}' lies in '{other}' and in '{name}'"
            raise ModelError(message, span, hint="regions of a screening do not overlap")
        member[here] = number
    bare = inside[member[inside] < 0]
    if laws[screening.law.name].whole and len(bare):
        label, law = site_label(device, int(bare[0])), screening.law.name
        message = f"'{label}' has no potential, but {law} needs one everywhere"
        hint = "add a region that holds it, or write: solve U"
        raise ModelError(message, screening.law.span or screening.span, hint=hint)
    return member


def refuse_shared(
    screening: Screening, member: Integers, others: Sequence[ScreeningGroup], device: Device
) -> None:
    """A site has one potential."""
    for other in others:
        both = np.flatnonzero((member >= 0) & (other.membership >= 0))
        if len(both):
            span = other.screening.span
            place = f" in line {span.line}" if span is not None else ""
            label = site_label(device, int(both[0]))
            message = f"the potential of '{label}' is solved by the screening{place} already"
            raise ModelError(message, screening.span, hint="each site stands in one screening")


def law_key(screening: Screening, values: Values) -> tuple[object, ...]:
    """What the matrix of a screening hangs on, besides sites, terminals and gates."""
    at = [formula for line in screening.capacitances for end in line.ends for formula in end.at]
    lines = [line.value for line in screening.capacitances]
    return key_of(names_in([*screening.law.arguments.values(), *lines, *at]), values)


def couplings_of(
    screening: Screening, member: Integers, ground: Ground, values: Values
) -> tuple[csr_array, csr_array, tuple[Electrode, ...]]:
    """The law's matrix between the unknowns, its couplings to electrodes, and these (coupled ones only).

    Raises
    ------
    ModelError
        An argument or a capacitance that is no finite number or has no meaning.
    """
    from scipy.sparse import coo_array

    law, call = laws[screening.law.name], screening.law
    span = call.span or screening.span
    arguments = {
        name: real_number(formula, values, f"'{name}' of {call.name}", span)
        for name, formula in call.arguments.items()
    }
    reason = law.refuses(**arguments)
    if reason:
        raise ModelError(reason, span, hint=f"change the value of {call.name}")
    count = int(member.max()) + 1
    found: Couplings = law.couplings(_layout(screening, member, count, ground, values), **arguments)
    shape = (count + len(ground.electrodes), count + len(ground.electrodes))
    whole = coo_array((found.value, (found.row, found.column)), shape=shape).tocsr()[:count]
    coupled = np.unique(whole[:, count:].nonzero()[1])
    electrodes = tuple(ground.electrodes[number] for number in coupled)
    return whole[:, :count].tocsr(), whole[:, count + coupled].tocsr(), electrodes


def rigid_leads(device: Device) -> Iterator[ModelError]:
    """What a nonlinear request with screening refuses: fixed bands of self-energies that hang on the energy.

    With potentials that follow the voltages such a lead would make the currents depend on the zero of
    energy.
    """
    if not device.screening:
        return
    for group in device.terminals:
        terminal = group.terminal
        if terminal.bands == "rigid" and not is_flat(terminal):
            yield ModelError(
                f"the bands of '{terminal.name}' are fixed while the potentials follow the voltages: "
                "the currents would depend on the zero of energy",
                terminal.spans.get("bands", terminal.span),
                hint="write bands = local or bands = own, or leave 'bands' out",
            )


def is_flat(terminal: Terminal) -> bool:
    """Whether a self-energy is the same at all energies, so that it has no bands to move."""
    call = terminal.self_energy
    kind = self_energies.get(call.kind)
    constant = bool(getattr(kind, "constant", False)) or kind is None
    return constant and ENERGY not in names_in(call.arguments.values())


def bands_of(device: Device, terminal: Terminal) -> str:
    """What its bands are tied to: as written, else ``local`` with screening and ``rigid`` without."""
    return terminal.bands or ("local" if device.screening else "rigid")


def local_average(device: Device) -> csr_array:
    """Bands from the potentials of the sites, (n_terminals, n_sites): means where bands are ``local``.

    Rows of self-energies that are the same at all energies are empty.
    """
    from scipy.sparse import coo_array

    rows, columns, values = [np.zeros(0, dtype=np.intp)], [np.zeros(0, dtype=np.intp)], [np.zeros(0)]
    for group in device.terminals:
        if bands_of(device, group.terminal) == "local" and not is_flat(group.terminal):
            touched = np.bincount(group.member, minlength=group.count)
            rows.append(group.first + group.member)
            columns.append(group.site)
            values.append(1 / touched[group.member])
    shape = (device.n_terminals, device.size)
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return coo_array(entries, shape=shape).tocsr()


def _layout(screening: Screening, member: Integers, count: int, ground: Ground, values: Values) -> Layout:
    device = ground.device
    known = [group for group in device.terminals if "f" not in group.terminal.unknowns]
    none = np.zeros(0, dtype=np.intp)
    ends = [
        [_node(end, screening, count, ground, values) for end in line.ends] for line in screening.capacitances
    ]
    one, other = np.array(ends, dtype=np.intp).reshape(-1, 2).T
    return Layout(
        membership=member,
        source=device.bonds.source,
        target=device.bonds.target,
        electrode=count + np.concatenate([none, *(group.first + group.member for group in known)]),
        beside=np.concatenate([none, *(group.site for group in known)]),
        one=one,
        other=other,
        capacitance=_capacitances(screening, values),
    )


def _node(end: End, screening: Screening, count: int, ground: Ground, values: Values) -> int:
    """The number of an end: an unknown, or an electrode behind them."""
    if end.kind in ("region", "lattice"):
        return screening.unknowns.index(end.name)
    label = spelled(end.name, [evaluated(formula, values, span=end.span).real.item() for formula in end.at])
    for number, electrode in enumerate(ground.electrodes):
        if (electrode.kind, electrode.label) == (end.kind, label):
            return count + number
    raise ModelError(f"there is no '{label}' at these values", end.span, hint="name another member")


def _capacitances(screening: Screening, values: Values) -> Floats:
    found = []
    for line in screening.capacitances:
        number = real_number(line.value, values, "this capacitance", line.span)
        if number < 0:
            hint = "charge_a = C (U_a - U_b) counts electrons: C is positive"
            raise ModelError(f"this capacitance comes out as {number:.6g}", line.span, hint=hint)
        found.append(number)
    return np.array(found, dtype=np.float64)
