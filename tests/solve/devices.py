"""Devices built by hand, and a dense conductor written down directly: the second road of these tests."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import sympy as sp
from scipy import sparse

from modelkit.compile.open_system import OpenSystem
from modelkit.elements.indices import Index, Range
from modelkit.elements.lattices import SiteFamily
from modelkit.elements.terminals import Condition, SelfEnergyCall, Terminal
from modelkit.errors import Source, Span
from modelkit.graph.device import Bonds, ConditionValues, Device, Entries, SiteGroup, TerminalGroup
from modelkit.solve import transport
from modelkit.solve.conductor import Method
from modelkit.solve.request import Request
from modelkit.solve.transport import LinearTransport

TEXT = Source("by_hand.model", "".join(f"# line {n}\n" for n in range(1, 40)))
NUMBERS = itertools.count()
METHODS = ("ladder", "blocks", "sparse", "dense")
INJECTED = 0.3 * 0.1 / (2 * math.pi)


@dataclass(frozen=True)
class Lead:
    """A terminal by hand: the numbers of its sites, one member each unless ``together``."""

    name: str
    sites: Sequence[int]
    mu: Any = None
    T: Any = 0.0
    kind: str = "chain"
    arguments: Mapping[str, Any] = field(default_factory=lambda: {"hopping": 1.0, "coupling": 1.0})
    current: Any = None
    load: Any = 0.0
    elastic: bool = False
    together: bool = False
    condition: str = "I"


def coupled(coupling: Any, hopping: Any = 1.0) -> dict[str, Any]:
    return {"hopping": np.asarray(hopping, dtype=float), "coupling": np.asarray(coupling, dtype=float)}


def group(lead: Lead, first: int) -> TerminalGroup:
    count = 1 if lead.together else len(lead.sites)
    span = Span(TEXT, 9 * 3, 9 * 3 + 8)
    solved = lead.elastic or lead.current is not None
    index = sp.Symbol("l", integer=True)
    quantity, unknown = ("i(E)", "f") if lead.elastic else (lead.condition, "mu")
    values: tuple[ConditionValues, ...] = ()
    if solved:
        constant = np.broadcast_to(np.asarray(lead.current or 0.0, dtype=float), (count,))
        slope = np.broadcast_to(np.asarray(lead.load, dtype=float), (count,))
        values = (ConditionValues(unknown, quantity, constant, slope),)
    given: dict[str, Any] = (
        {} if solved else {"mu": np.broadcast_to(np.asarray(lead.mu, dtype=float), (count,))}
    )
    if not lead.elastic:
        given["T"] = np.broadcast_to(np.asarray(lead.T, dtype=float), (count,))
    family = not lead.together and len(lead.sites) > 1
    terminal = Terminal(
        noun="probe" if solved else "bath",
        name=lead.name,
        indices=(Index(index, Range(sp.Integer(1), sp.Integer(count))),) if family else (),
        where=sp.true,
        attachments=(),
        self_energy=SelfEnergyCall(lead.kind, {}),
        given={},
        unknowns=(unknown,) if solved else (),
        conditions=(Condition(quantity, sp.Integer(0), span),) if solved else (),
        span=span,
        spans={"self_energy": span, "T": span},
    )
    return TerminalGroup(
        terminal=terminal,
        first=first,
        count=count,
        index={"l": np.asarray(lead.sites) + 1} if family else {},
        given=given,
        arguments=lead.arguments,
        conditions=values,
        site=np.asarray(lead.sites, dtype=np.intp),
        member=np.zeros(len(lead.sites), dtype=np.intp) if lead.together else np.arange(count, dtype=np.intp),
    )


def device(
    hamiltonian: Any,
    leads: Sequence[Lead],
    mu: float | None = 1.0,
    T: float = 0.0,
    *,
    orbitals: int = 1,
    degeneracy: float = 1.0,
    spaces: tuple[str, ...] = (),
) -> Device:
    """A device from a Hermitian matrix (dense or sparse); bonds are its blocks, from low to high sites."""
    h = sparse.coo_array(hamiltonian)
    n = h.shape[0] // orbitals
    row, column, value = h.row.astype(np.intp), h.col.astype(np.intp), h.data.astype(complex)
    source, target = column // orbitals, row // orbitals
    on, hop = source == target, target > source
    pairs, bond = np.unique(source[hop] * n + target[hop], return_inverse=True)
    groups, first = [], 0
    for lead in leads:
        groups.append(group(lead, first))
        first += groups[-1].count
    empty = np.zeros(0, dtype=np.intp)
    family = SiteFamily("wire", "c", (), span=Span(TEXT, 0, 8))
    return Device(
        values={},
        sites=(SiteGroup(family, 0, n, {"l": np.arange(1, n + 1)}, None, orbitals, degeneracy, spaces),),
        offset=np.arange(n + 1, dtype=np.intp) * orbitals,
        onsite=Entries(row[on], column[on], value[on], np.full(on.sum(), -1)),
        hops=Entries(row[hop], column[hop], value[hop], bond.astype(np.intp)),
        pairs=Entries(empty, empty, np.zeros(0, dtype=complex), empty),
        bonds=Bonds(pairs // n, pairs % n),
        terminals=tuple(groups),
        reference={} if mu is None else {"mu": mu, "T": T},
        fingerprint=next(NUMBERS),
    )


def chain(n: int, hopping: complex = -1.0) -> Any:
    below = np.full(n - 1, hopping)
    return sparse.diags_array([below, below.conj()], offsets=[-1, 1])


def wire(
    n: int,
    mu: float = 1.0,
    g: float = 0.5,
    bias: float = 0.1,
    ratio: float = 0.3,
    T: float = 0.0,
    contact: float = 1.0,
) -> Device:
    """S D S D ... between two ends, as in the gallery's wire; terminals in the order L, R, S.., D.. ."""
    injected = ratio * 0.1 / (2 * math.pi)
    leads = [
        Lead("L", [0], mu + bias / 2, T, arguments=coupled(contact)),
        Lead("R", [n - 1], mu - bias / 2, T, arguments=coupled(contact)),
        Lead("S", range(1, n - 2, 2), T=T, arguments=coupled(g), current=injected),
        Lead("D", range(2, n - 1, 2), T=T, arguments=coupled(g), current=-injected),
    ]
    return device(chain(n), leads, mu, T)


def solve(found: Any, method: str | None = None, **more: Any) -> LinearTransport:
    options = {"order": 1} | ({"method": method} if method else {})
    return transport.solve(Request(found, options, **more))


def dimer(n: int, bias: float = 0.1, T: float = 0.0, g: float = 0.5, mu: float = 1.0) -> Any:
    leads = [
        Lead("L", [0], mu + bias / 2, T),
        Lead("R", [n - 1], mu - bias / 2, T),
        Lead("S", [1], T=T, arguments=coupled(g), current=INJECTED),
        Lead("D", [n - 2], T=T, arguments=coupled(g), current=-INJECTED),
    ]
    return device(chain(n), leads, mu, T)


def biased(found: Device, *names_and_mu: tuple[str, float]) -> Device:
    """The same device with other given potentials: an equal fingerprint."""
    new = dict(names_and_mu)
    groups = tuple(
        replace(g, given={**g.given, "mu": np.full(g.count, new[g.terminal.name])})
        if g.terminal.name in new
        else g
        for g in found.terminals
    )
    return replace(found, terminals=groups)


class DenseConductance:
    """The formulas of the conductor's contract with the whole Green function at hand."""

    def __init__(self, system: OpenSystem, energies: np.ndarray) -> None:
        self.system, self.energies = system, np.asarray(energies, dtype=float)
        sigma, h = system.contacts.sigma(self.energies), system.hamiltonian.toarray()
        shape = (len(self.energies), *h.shape)
        self.gamma = np.zeros((system.n_terminals, *shape), dtype=complex)
        inverse = self.energies[:, None, None] * np.eye(len(h)) - h
        for k, (terminal, site) in enumerate(
            zip(system.contacts.terminal, system.contacts.site, strict=True)
        ):
            at = slice(system.offset[site], system.offset[site + 1])
            block = (
                sigma[k] if isinstance(sigma, list) else sigma[:, k, None, None] * np.eye(at.stop - at.start)
            )
            inverse[:, at, at] = inverse[:, at, at] - block
            self.gamma[terminal][:, at, at] += 1j * (block - block.conj().swapaxes(1, 2))
        self.green = np.linalg.inv(inverse)
        self.weight = float(system.weight[0])
        # filled[b] = G Gamma_b G†: what terminal b fills
        self.filled = self.green @ self.gamma @ self.green.conj().swapaxes(1, 2)
        self.t = self.weight * np.einsum("aeij,beji->eab", self.gamma, self.filled, optimize=True).real

    def transmission(self) -> np.ndarray:
        return self.t

    def current(self, f: np.ndarray) -> np.ndarray:
        return np.einsum("eab,eab->ea", self.t, f[:, :, None] - f[:, None, :]) / (2 * np.pi)

    def heat(self, f: np.ndarray) -> np.ndarray:
        return np.einsum("eab,eab->ea", self.t, (f[:, :, None] - f[:, None, :]) ** 2) / (4 * np.pi)

    def balance(self, f: Any, unknown: Any, constant: Any, slope: Any, *, fill: bool = False) -> np.ndarray:
        found = np.array(f, dtype=float)
        laplacian = -self.t + np.einsum("ea,ab->eab", self.t.sum(axis=2), np.eye(self.t.shape[1]))
        u, k = np.flatnonzero(unknown), np.flatnonzero(~unknown)
        left = laplacian[:, u[:, None], u] / (2 * np.pi) - slope[:, u, None] * np.eye(len(u))
        right = constant[:, u] - np.einsum("euk,ek->eu", laplacian[:, u[:, None], k], found[:, k]) / (
            2 * np.pi
        )
        inverse = np.linalg.pinv(left, rcond=1e-13) if fill else np.linalg.inv(left)
        found[:, u] = np.einsum("euv,ev->eu", inverse, right)
        return found

    def density(self, f: np.ndarray) -> np.ndarray:
        local = np.einsum("aeii,ea->ei", self.filled, f).real
        return self.weight * np.add.reduceat(local, self.system.offset[:-1], axis=1) / (2 * np.pi)

    def density_of_states(self) -> np.ndarray:
        local = -np.einsum("eii->ei", self.green).imag / np.pi
        return self.weight * np.add.reduceat(local, self.system.offset[:-1], axis=1)

    def local_sum_rule(self) -> np.ndarray:
        everything, spectral = self.density(np.ones(self.t.shape[:2])), self.density_of_states()
        return np.abs(everything - spectral).max(axis=1) / (1e-100 + spectral.max(axis=1))

    def bond_current(self, f: np.ndarray) -> np.ndarray:
        """``2 Im(H_ts (G^n)_st)/(2 pi)`` with the lesser correlations of the deviations."""
        lesser = np.einsum("aeil,ea->eil", self.filled, f)
        bond, row, column, value = self.system.bond_entries
        found = np.zeros((len(self.energies), len(self.system.bond_source)))
        for b, to, source, hop in zip(bond, row, column, value, strict=True):
            found[:, b] += self.weight * 2 * (hop * lesser[:, source, to]).imag / (2 * np.pi)
        return found


class DenseConductor:
    def __init__(self, system: OpenSystem) -> None:
        self.system = system

    def at(self, energies: np.ndarray) -> DenseConductance:
        return DenseConductance(self.system, energies)


DENSE = Method("dense", "is written down directly", lambda system: None, DenseConductor)
