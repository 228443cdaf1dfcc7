"""Contacts: the self-energies of all terminals, evaluated together and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.edges import edges_of, poles_of
from modelkit.compile.leads import LeadContact, lead_contacts
from modelkit.elements.self_energies import continues, self_energies
from modelkit.errors import ModelError, Span
from modelkit.graph.device import Device, TerminalGroup
from modelkit.graph.terminals import EnergyFunction

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Energies = NDArray[Any]  # real, or complex above the axis

ROUNDING = 1e-12  # relative to the largest |Sigma|: a positive Im Sigma below it is rounding
SAME = 1e-14  # of the largest edge: edges of several leads that differ less are one, which rounding parts


def _no_taylor(E: Energies, n: int) -> Complexes | list[Complexes]:
    raise ModelError("these self-energies do not tell their derivative", hint="use chain, wide_band or lead")


@dataclass(frozen=True)
class Contacts:
    """Where the terminals touch.

    ``terminal[k]``, ``site[k]`` of contact k.  ``sigma(E)`` gives the retarded self-energies:
    shape (n_E, n_contacts) when every self-energy is a multiple of the identity on its site
    (``scalar`` is True), otherwise a list of arrays (n_E, d_k, d_k), one a contact.
    ``taylor(E, n)``, n >= 1, is its n-th derivative by the energy over n!, in the same shape.  ``leads`` are
    terminals on several orbitals at once; they are not among these contacts, unless they touch one orbital
    alone.
    ``fixed_edges`` are the energies at which a self-energy or its derivative jumps, without those of leads,
    ``poles`` the complex ones near which it is large.  Where ``analytic`` holds, ``sigma`` and ``taylor``
    take complex energies above the axis as well.
    """

    terminal: Integers
    site: Integers
    scalar: bool
    sigma: Callable[[Energies], Complexes | list[Complexes]]
    fixed_edges: Floats
    poles: Complexes = field(default_factory=lambda: np.zeros(0, dtype=complex))
    leads: tuple[LeadContact, ...] = ()
    analytic: bool = False
    taylor: Callable[[Energies, int], Complexes | list[Complexes]] = _no_taylor

    @cached_property
    def edges(self) -> Floats:
        """All energies at which a self-energy or its derivative jumps, ascending."""
        found = np.sort(np.concatenate([self.fixed_edges, *(lead.edges() for lead in self.leads)]))
        scale = float(np.max(np.abs(found), initial=0.0))
        return np.asarray(found[np.diff(found, prepend=-np.inf) > SAME * scale])

    @cached_property
    def touched(self) -> tuple[Integers, Integers]:
        """(terminal, site) of all pairs that touch, those of leads included."""
        terminals = [np.full(len(lead.sites), lead.terminal, dtype=np.intp) for lead in self.leads]
        sites = [lead.sites for lead in self.leads]
        pairs = np.stack([np.concatenate([self.terminal, *terminals]), np.concatenate([self.site, *sites])])
        terminal, site = np.unique(pairs, axis=1)
        return terminal, site

    def moved(self, bands: Floats) -> Contacts:
        """With the self-energy of each reservoir raised in energy by ``bands`` (n_reservoirs,)."""
        shifts = np.unique(bands)
        if not shifts.any():
            return self
        own = np.searchsorted(shifts, bands[self.terminal])

        def raised(
            values: Callable[..., Complexes | list[Complexes]],
        ) -> Callable[..., Complexes | list[Complexes]]:
            def at(E: Energies, *n: int) -> Complexes | list[Complexes]:
                energies = np.atleast_1d(np.asarray(E))
                parts = [values(energies - shift, *n) for shift in shifts]
                if not self.scalar:
                    return [parts[which][k] for k, which in enumerate(own)]
                whole = np.stack([np.asarray(part) for part in parts])
                return np.asarray(whole[own, :, np.arange(len(own))].T)

            return at

        return replace(
            self,
            sigma=raised(self.sigma),
            taylor=raised(self.taylor),
            fixed_edges=np.unique((self.fixed_edges[:, None] + shifts).ravel()),
            poles=np.unique((self.poles[:, None] + shifts).ravel()),
            leads=tuple(lead.raised(float(bands[lead.terminal])) for lead in self.leads),
        )

    def reversed(self) -> Contacts:
        """Those of the device with H conjugated: self-energies transposed, leads continued anew."""

        def transposed(
            values: Callable[..., Complexes | list[Complexes]],
        ) -> Callable[..., Complexes | list[Complexes]]:
            return lambda E, *n: [np.swapaxes(part, 1, 2) for part in values(E, *n)]

        leads = tuple(lead.conjugated() for lead in self.leads)
        if self.scalar:
            return replace(self, leads=leads)
        return replace(self, sigma=transposed(self.sigma), taylor=transposed(self.taylor), leads=leads)


def contacts_of(device: Device, orbitals: Integers | None = None) -> Contacts:
    """Collect the contacts of a device, group by group in the order of its terminals.

    ``orbitals`` (n_sites,) are those of each site that a self-energy acts on, if not all of them.

    Raises
    ------
    ModelError
        A matrix self-energy does not fit its site; and, whenever ``sigma`` is called, an imaginary
        part is positive or a value not finite.
    """
    size = np.diff(device.offset) if orbitals is None else orbitals
    leads = lead_contacts(device, size)
    groups = tuple(group for group in device.terminals if not continues(group.terminal.self_energy.kind))
    for group in groups:
        _fits(group, size)
    single = tuple(lead for lead in leads if len(lead.orbitals) == 1)
    parts = _Parts(groups, single, size, not any(_is_matrix(group) for group in groups))
    return Contacts(
        terminal=parts.terminal[parts.order],
        site=parts.site[parts.order],
        scalar=parts.scalar,
        sigma=lambda E: parts.gathered(E, _sigma, lambda lead, e: lead.sigma(e)),
        fixed_edges=np.unique(np.concatenate([edges_of(groups), *(lead.edges() for lead in single)])),
        poles=poles_of(groups),
        leads=tuple(lead for lead in leads if len(lead.orbitals) > 1),
        analytic=all(is_analytic(group) for group in groups),
        taylor=lambda E, n: parts.gathered(
            E, lambda group, e: taylor_of(group, e, n), lambda lead, e: lead.taylor(e, n)
        ),
    )


_NONE = np.zeros(0, dtype=np.intp)


@dataclass(frozen=True, eq=False)
class _Parts:
    """What the contacts at single sites consist of: groups of terminals, and leads on one orbital each."""

    groups: tuple[TerminalGroup, ...]
    leads: tuple[LeadContact, ...]
    size: Integers  # orbitals of each site
    scalar: bool

    @cached_property
    def terminal(self) -> Integers:
        """Those of the groups, then those of the leads."""
        ours = [group.first + group.member for group in self.groups]
        return np.concatenate([_NONE, *ours, [lead.terminal for lead in self.leads]]).astype(np.intp)

    @cached_property
    def site(self) -> Integers:
        """See ``terminal``."""
        parts = [*(group.site for group in self.groups), *(lead.sites for lead in self.leads)]
        return np.concatenate([_NONE, *parts])

    @cached_property
    def order(self) -> Integers:
        """That of the terminals."""
        return np.argsort(self.terminal, kind="stable")

    def gathered(
        self, E: Energies, of_group: Callable[..., Complexes], of_lead: Callable[..., Complexes]
    ) -> Complexes | list[Complexes]:
        """Values of all contacts in their order, in the shapes of ``Contacts.sigma``."""
        energies = np.atleast_1d(np.asarray(E))
        energies = energies.astype(complex if np.iscomplexobj(energies) else float)
        parts = [of_group(group, energies)[:, group.member] for group in self.groups]
        blocks = [of_lead(lead, energies) for lead in self.leads]
        if self.scalar:
            none = np.zeros((len(energies), 0), dtype=complex)
            return np.concatenate([none, *parts, *(block[:, :, 0] for block in blocks)], axis=1)[
                :, self.order
            ]
        lists = [
            _block(part[:, k], int(self.size[site]))
            for group, part in zip(self.groups, parts, strict=True)
            for k, site in enumerate(group.site)
        ]
        lists += blocks
        return [lists[k] for k in self.order]


def field_span(group: TerminalGroup, field: str) -> Span | None:
    """Where a field of a terminal is written, or the terminal as a whole."""
    return group.terminal.spans.get(field, group.terminal.span)


def _is_matrix(group: TerminalGroup) -> bool:
    """Whether the values are matrices: asked of the value itself, so that no kind is known here."""
    return _raw(group, np.zeros(1)).ndim == 4


def is_analytic(group: TerminalGroup) -> bool:
    """Whether a self-energy takes complex energies above the axis: kinds that say so, fractions in E."""
    formulas = [value for value in group.arguments.values() if isinstance(value, EnergyFunction)]
    if group.terminal.self_energy.is_formula:
        return all(one.rational for one in formulas)
    kind = self_energies[group.terminal.self_energy.kind]
    return not formulas and bool(getattr(kind, "analytic", False))


def taylor_of(group: TerminalGroup, energies: Energies, n: int) -> Complexes:
    """The n-th derivative of Sigma by the energy over n!, of a group, in the shape of :func:`_raw`.

    Raises
    ------
    ModelError
        The kind, or a formula, does not tell it.
    """
    name = group.terminal.self_energy.kind
    if group.terminal.self_energy.is_formula:
        formula = group.arguments["sigma"]
        assert isinstance(formula, EnergyFunction)
        with np.errstate(all="ignore"):
            value = formula.taylor(n)(energies)
    else:
        taylor = getattr(self_energies[name], "taylor", None)
        if taylor is None or any(callable(value) for value in group.arguments.values()):
            raise ModelError(
                f"the self-energy of '{group.terminal.name}' does not tell its derivative by the energy",
                field_span(group, "self_energy"),
                hint="write it as a formula in E",
            )
        known = {key: np.asarray(one) for key, one in group.arguments.items()}
        value = _of_kind(lambda E, **given: taylor(E, n, **given), energies, known)
    return _shaped(value, group, len(energies))


def _raw(group: TerminalGroup, energies: Energies) -> Complexes:
    """Shape (n_E, count) or (n_E, count, d, d), as the kind gives it."""
    with np.errstate(all="ignore"):
        arguments = {
            name: value(energies) if callable(value) else np.asarray(value)
            for name, value in group.arguments.items()
        }
        if group.terminal.self_energy.is_formula:
            value = np.asarray(arguments["sigma"], dtype=complex)
        else:
            value = _of_kind(self_energies[group.terminal.self_energy.kind].sigma, energies, arguments)
    return _shaped(value, group, len(energies))


def _shaped(value: Complexes, group: TerminalGroup, count: int) -> Complexes:
    if value.ndim > 2:
        return np.broadcast_to(value, (count, group.count, *value.shape[-2:]))
    return np.broadcast_to(value, (count, group.count))


def _of_kind(
    function: Callable[..., Any], energies: Energies, arguments: Mapping[str, NDArray[Any]]
) -> Complexes:
    """Matrix arguments have two more axes, and then the energies and all others have them too."""
    trailing = (1, 1) if any(value.ndim > 2 for value in arguments.values()) else ()
    shaped = {
        name: value if value.ndim > 2 else value.reshape((*value.shape, *trailing))
        for name, value in arguments.items()
    }
    return np.asarray(function(energies.reshape(-1, 1, *trailing), **shaped), dtype=complex)


def _sigma(group: TerminalGroup, energies: Energies) -> Complexes:
    value = _raw(group, energies)
    size = np.max(np.abs(value), initial=0.0)
    if not np.isfinite(size):
        e, k = np.argwhere(~np.isfinite(value))[0][:2]
        message = f"the self-energy of '{group.label(k)}' is not finite at E = {energies[e]:.6g}"
        raise ModelError(message, field_span(group, "self_energy"), hint="keep its poles off the real axis")
    if value.ndim == 4:
        broadening = np.linalg.eigvalsh(0.5j * (value - value.conj().swapaxes(-1, -2)))
        gain = -broadening[..., 0]
    else:
        gain = value.imag
    if np.max(gain, initial=0.0) > ROUNDING * size:
        _refuse_gain(group, energies, np.asarray(gain))
    if value.ndim == 4 or np.max(gain, initial=0.0) <= 0:
        return value
    return value.real + 1j * np.minimum(value.imag, 0.0)


def _refuse_gain(group: TerminalGroup, energies: Floats, gain: Floats) -> None:
    e, k = np.unravel_index(np.argmax(gain), gain.shape)
    raise ModelError(
        f"the self-energy of '{group.label(int(k))}' has the positive imaginary part "
        f"{gain[e, k]:.3g} at E = {energies[e]:.6g}: it would create particles",
        field_span(group, "self_energy"),
        hint="a retarded self-energy has Im Sigma <= 0, such as -1i*Gamma/2",
    )


def _fits(group: TerminalGroup, sizes: Integers) -> None:
    value = _raw(group, np.zeros(1))
    if value.ndim == 4:
        orbitals = sizes[group.site]
        wrong = orbitals[orbitals != value.shape[-1]]
        if len(wrong):
            d = value.shape[-1]
            message = f"this self-energy is a {d} x {d} matrix, but its site has {wrong[0]} orbitals"
            hint = f"write a {wrong[0]} x {wrong[0]} matrix, or a number for all orbitals"
            raise ModelError(message, field_span(group, "self_energy"), hint=hint)


def _block(value: Complexes, size: int) -> Complexes:
    """One contact's self-energy as matrices (n_E, d, d)."""
    if value.ndim == 3:
        return value
    return value[:, None, None] * np.eye(size)
