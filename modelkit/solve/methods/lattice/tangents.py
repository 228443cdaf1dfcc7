"""Exact derivatives of currents and densities as levels move; f is held.

With ``M = d(H + Sigma)``: ``dG = G M G``, so ``dY = G M Y``.  Where the band of a reservoir moves its
``Gamma`` changes too, ``dGamma = i (D - D†)`` with ``D = dSigma``: that takes the columns X of G at the
orbitals of its contacts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.errors import NotConverged
from modelkit.solve.methods.lattice.channels import Channels
from modelkit.solve.methods.lattice.columns import Columns
from modelkit.solve.methods.lattice.dark_levels import probe
from modelkit.solve.methods.lattice.moves import Moves

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

DARK = 1e-7  # rounding, relative, above which an energy lies on a level that no terminal reaches


@dataclass(frozen=True)
class Tangent:
    """``dY`` (n_E, n, n_channels), and X (n_E, n, n_moved) at the orbitals ``contacts`` of moved contacts."""

    amplitude: Complexes
    columns: Complexes
    contacts: Integers


def tangent(columns: Columns, part: slice, amplitude: Complexes, moves: Moves) -> Tangent:
    """Solve for the derivative of the amplitudes of a chunk of energies.

    Raises
    ------
    NotConverged
        An energy lies on a level that no terminal reaches: there the derivative is not determined.
    """
    n_energies, n, width = amplitude.shape
    reached, contacts = columns.reached, moves.contacts
    found = np.zeros((n_energies, n, width + len(contacts)), dtype=complex)
    if len(reached) and width:
        right = np.zeros((n_energies, n, width + len(contacts) + 1), dtype=complex)
        right[:, :, :width] = moves.times(amplitude)
        right[:, contacts, width + np.arange(len(contacts))] = 1.0
        right[:, reached, -1] = probe(len(reached))
        solved = columns.solve(part, right[:, reached])
        check_determined(columns.scale[part], solved[:, :, -1])
        found[:, reached] = solved[:, :, :-1]
    return Tangent(found[:, :, :width], found[:, :, width:], contacts)


def check_determined(scale: Floats, seen: Complexes) -> None:
    """Refuse energies on a level that no terminal reaches; ``seen`` (n_E, n) is G on a random column."""
    rough = np.finfo(float).eps * scale * np.linalg.norm(seen, axis=1)
    if not np.all(rough < DARK):
        raise NotConverged(
            "an energy lies on a level that no terminal reaches, and there nothing determines how the "
            "currents change with a potential; move the energy a little"
        )


def current_tangent(
    channels: Channels, part: slice, amplitude: Complexes, moved: Tangent, moves: Moves, f: Floats
) -> Floats:
    """Derivative of ``i_a = (1/2pi) sum_b T_ab (f_a - f_b)``, (n_E, n_terminals); f (n_E, n_terminals)."""
    count = f.shape[1]
    member = members(channels.terminal, count)
    scattering, turned = channels.outgoing(part, amplitude), channels.outgoing(part, moved.amplitude)
    change = 2 * (scattering.conj() * turned).real * channels.weight
    found = channels.between_terminals(change, count)
    to, inward = _emitted(moves, moved.contacts, amplitude[:, moved.contacts].conj().swapaxes(1, 2))
    found += members(to, count) @ inward.swapaxes(1, 2) @ (channels.weight * member).T
    start, outward = _emitted(moves, moved.contacts, channels.outgoing(part, moved.columns))
    found += (member * channels.weight) @ outward @ members(start, count).T
    for charge in channels.charges:  # of leads that do not move themselves
        strength = charge.strength[part]
        scattering, turned = charge.outgoing(part, amplitude), charge.outgoing(part, moved.amplitude)
        change = 2 * np.einsum("ei,eik->ek", strength, (scattering.conj() * turned).real)
        change += charge.emitted(part, moved.amplitude, channels.terminal)
        outward = _emitted(moves, moved.contacts, charge.outgoing(part, moved.columns))[1]
        outward = np.einsum("ei,eiu->eu", strength, outward)
        found[:, charge.meter] = change @ member.T + outward @ members(start, count).T
    return np.asarray(np.einsum("eab,eab->ea", found, f[:, :, None] - f[:, None, :]) / (2 * np.pi))


def density_tangent(
    channels: Channels, amplitude: Complexes, moved: Tangent, moves: Moves, f: Floats
) -> Floats:
    """Derivative of ``sum_b [G Gamma_b G†]_ii f_b`` of each orbital i, (n_E, n)."""
    pair = 2 * (moved.amplitude * amplitude.conj()).real
    found = np.einsum("eik,ek->ei", pair, f[:, channels.terminal])
    start, emitted = _emitted(moves, moved.contacts, moved.columns)
    return np.asarray(found + np.einsum("eiu,eu->ei", emitted, f[:, start]))


def members(group: Integers, count: int) -> Floats:
    """Ones where a member (column) belongs to a group (row); (count, n)."""
    ones = np.ones(len(group))
    return np.asarray(
        sparse.csr_array((ones, (group, np.arange(len(group)))), shape=(count, len(group))).toarray()
    )


def _emitted(moves: Moves, contacts: Integers, rows: Complexes) -> tuple[Integers, Floats]:
    """``(r dGamma r†)`` of each row r for each contact that moves, with the reservoirs of these.

    ``rows`` (n_E, m, n_moved) run over the orbitals ``contacts``; the result is (n_E, m, n_units).
    """
    place = np.searchsorted(contacts, moves.orbital)
    parts = [-2 * moves.value.imag[:, None, :] * np.abs(rows[:, :, place]) ** 2]
    for block in moves.blocks:
        own = rows[:, :, np.searchsorted(contacts, block.orbitals)]
        parts.append(-2 * np.sum(own @ block.value * own.conj(), axis=2, keepdims=True).imag)
    terminal = np.array([*moves.terminal, *(block.terminal for block in moves.blocks)], dtype=np.intp)
    return terminal, np.concatenate(parts, axis=2)
