"""Contacts: the self-energies of all terminals, evaluated together and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.edges import edges_of, poles_of
from modelkit.elements.self_energies import self_energies
from modelkit.errors import ModelError, Span
from modelkit.graph.device import Device, TerminalGroup

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

ROUNDING = 1e-12  # relative to the largest |Sigma|: a positive Im Sigma below it is rounding


@dataclass(frozen=True)
class Contacts:
    """Where the terminals touch.

    ``terminal[k]``, ``site[k]`` of contact k.  ``sigma(E)`` gives the retarded self-energies:
    shape (n_E, n_contacts) when every self-energy is a multiple of the identity on its site
    (``scalar`` is True), otherwise a list of arrays (n_E, d_k, d_k), one a contact.
    ``edges`` are the energies at which a self-energy or its derivative jumps, ``poles`` the complex
    ones near which it is large.
    """

    terminal: Integers
    site: Integers
    scalar: bool
    sigma: Callable[[Floats], Complexes | list[Complexes]]
    edges: Floats
    poles: Complexes = field(default_factory=lambda: np.zeros(0, dtype=complex))

    def moved(self, bands: Floats) -> Contacts:
        """With the self-energy of each terminal raised in energy by ``bands`` (n_terminals,)."""
        shifts = np.unique(bands[self.terminal])
        if not shifts.any():
            return self
        own = np.searchsorted(shifts, bands[self.terminal])

        def sigma(E: Floats) -> Complexes | list[Complexes]:
            energies = np.atleast_1d(np.asarray(E))
            parts = [self.sigma(energies - shift) for shift in shifts]
            if self.scalar:
                arrays = [np.asarray(part) for part in parts]
                return np.stack([arrays[which][:, k] for k, which in enumerate(own)], axis=1)
            return [parts[which][k] for k, which in enumerate(own)]

        edges = np.unique((self.edges[:, None] + shifts).ravel())
        poles = np.unique((self.poles[:, None] + shifts).ravel())
        return replace(self, sigma=sigma, edges=edges, poles=poles)


def contacts_of(device: Device, orbitals: Integers | None = None) -> Contacts:
    """Collect the contacts of a device, group by group in the order of its terminals.

    ``orbitals`` (n_sites,) are those of each site that a self-energy acts on, if not all of them.

    Raises
    ------
    ModelError
        A matrix self-energy does not fit its site; and, whenever ``sigma`` is called, an imaginary
        part is positive or a value not finite.
    """
    groups = device.terminals
    orbitals = np.diff(device.offset) if orbitals is None else orbitals
    for group in groups:
        _fits(group, orbitals)
    scalar = not any(_is_matrix(group) for group in groups)

    def sigma(E: Floats) -> Complexes | list[Complexes]:
        energies = np.atleast_1d(np.asarray(E, dtype=float))
        parts = [_sigma(group, energies)[:, group.member] for group in groups]
        if scalar:
            return np.concatenate(parts, axis=1) if parts else np.zeros((len(energies), 0), complex)
        return [
            _block(part[:, k], int(orbitals[site]))
            for group, part in zip(groups, parts, strict=True)
            for k, site in enumerate(group.site)
        ]

    none = np.zeros(0, dtype=np.intp)
    return Contacts(
        terminal=np.concatenate([none, *(group.first + group.member for group in groups)]),
        site=np.concatenate([none, *(group.site for group in groups)]),
        scalar=scalar,
        sigma=sigma,
        edges=edges_of(groups),
        poles=poles_of(groups),
    )


def field_span(group: TerminalGroup, field: str) -> Span | None:
    """Where a field of a terminal is written, or the terminal as a whole."""
    return group.terminal.spans.get(field, group.terminal.span)


def _is_matrix(group: TerminalGroup) -> bool:
    """Whether the values are matrices: asked of the value itself, so that no kind is known here."""
    return _raw(group, np.zeros(1)).ndim == 4


def _raw(group: TerminalGroup, energies: Floats) -> Complexes:
    """Shape (n_E, count) or (n_E, count, d, d), as the kind gives it."""
    with np.errstate(all="ignore"):
        arguments = {
            name: value(energies) if callable(value) else np.asarray(value)
            for name, value in group.arguments.items()
        }
        if group.terminal.self_energy.is_formula:
            value = np.asarray(arguments["sigma"], dtype=complex)
        else:
            value = _of_kind(group, energies, arguments)
    if value.ndim > 2:
        return np.broadcast_to(value, (len(energies), group.count, *value.shape[-2:]))
    return np.broadcast_to(value, (len(energies), group.count))


def _of_kind(group: TerminalGroup, energies: Floats, arguments: Mapping[str, NDArray[Any]]) -> Complexes:
    """Matrix arguments have two more axes, and then the energies and all others have them too."""
    trailing = (1, 1) if any(value.ndim > 2 for value in arguments.values()) else ()
    shaped = {
        name: value if value.ndim > 2 else value.reshape((*value.shape, *trailing))
        for name, value in arguments.items()
    }
    kind = self_energies[group.terminal.self_energy.kind]
    return np.asarray(kind.sigma(energies.reshape(-1, 1, *trailing), **shaped), dtype=complex)


def _sigma(group: TerminalGroup, energies: Floats) -> Complexes:
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
