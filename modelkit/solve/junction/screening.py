"""Unknown potentials of a device: how they act on the sites, and the law that binds their charges.

``charge_r == sum_q matrix[r, q] U_q + sum_n couplings[r, n] V_n``, electrons on the sites of unknown r,
counted from the reference; V of electrodes as :class:`~modelkit.graph.device.Electrode` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.errors import ModelError
from modelkit.graph.device import Device
from modelkit.graph.screening import bands_of, is_flat, local_average, rigid_leads

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]

THOMAS_FERMI = "thomas_fermi"
BALANCED = 1e-12  # of the largest capacitance: rows that add up to zero


@dataclass(frozen=True, eq=False)
class Screened:
    """All screenings of a device together.

    Attributes
    ----------
    member : (n_sites,) the unknown of each site, -1 without one
    matrix, couplings : csr, (count, count) and (count, n_electrodes)
    potential : (n_electrodes,) of gates, 0 for others
    terminal : (n_electrodes,) the terminal that an electrode is, or -1
    local : csr (n_terminals, n_sites), bands from potentials
    simple : (count,) whose linear response is taken as local (Thomas-Fermi)
    """

    device: Device
    member: Integers
    matrix: sparse.csr_array
    couplings: sparse.csr_array
    potential: Floats
    terminal: Integers
    local: sparse.csr_array
    simple: NDArray[np.bool_]

    @property
    def count(self) -> int:
        """Number of unknown potentials."""
        return self.matrix.shape[0]

    @cached_property
    def spread(self) -> sparse.csr_array:
        """Potentials of the sites from the unknowns, (n_sites, count); transposed it adds charges up."""
        site = np.flatnonzero(self.member >= 0)
        entries = (np.ones(len(site)), (site, self.member[site]))
        return sparse.csr_array(entries, shape=(len(self.member), self.count))

    def of_regions(self, values: Floats) -> Floats:
        """Sum over the sites of each unknown, (..., n_sites) to (..., count)."""
        return np.asarray((self.spread.T @ values.T).T)

    def voltages(self, away: Floats, scale: float = 1.0) -> Floats:
        """(n_electrodes,): ``away`` (n_terminals,) are mu minus that of the reference."""
        return np.where(self.terminal >= 0, np.append(away, 0.0)[self.terminal], scale * self.potential)

    @cached_property
    def by_terminal(self) -> sparse.csr_array:
        """Couplings to the chemical potentials, (count, n_terminals)."""
        at = np.flatnonzero(self.terminal >= 0)
        entries = (np.ones(len(at)), (at, self.terminal[at]))
        shape = (len(self.terminal), self.device.n_terminals)
        return sparse.csr_array(self.couplings @ sparse.csr_array(entries, shape=shape))

    @cached_property
    def uncovered(self) -> str:
        """Why a common shift of all potentials changes currents, or nothing."""
        groups = self.device.terminals
        fixed = [g.terminal for g in groups if bands_of(self.device, g.terminal) == "rigid"]
        names = [terminal.name for terminal in fixed if not is_flat(terminal)]
        if names:
            return f"the bands of '{names[0]}' are fixed"
        bare = np.flatnonzero(self.member < 0)
        if len(bare):
            from modelkit.graph.labels import site_label

            more = f" and {len(bare) - 1} more" if len(bare) > 1 else ""
            return f"'{site_label(self.device, int(bare[0]))}'{more} has no potential that follows"
        rows = np.abs(np.asarray(self.matrix.sum(axis=1)) + np.asarray(self.couplings.sum(axis=1)))
        largest = float(abs(self.matrix).max()) if self.matrix.nnz else 0.0
        return "the capacitances do not balance" if np.any(rows > BALANCED * largest) else ""


def screened(device: Device) -> Screened | None:
    """Unknown potentials of a device, None without any.

    Raises
    ------
    ModelError
        There is no reference, or the device is a superconductor.
    """
    if not device.screening:
        return None
    first = device.screening[0].screening
    if "mu" not in device.reference:
        message = "the charge is counted from the reference, and the model has none"
        raise ModelError(message, first.span, hint="add: reference { mu = ...; T = ... }")
    if device.superconducting:
        raise ModelError(
            "the potentials of a superconductor are not solved for: its condensate takes charge",
            first.span,
            hint="prescribe them: potential on LATTICE { U = ... }",
        )
    member = np.full(device.size, -1, dtype=np.intp)
    matrices, couplings, electrodes = [], [], []
    for group in device.screening:
        inside = group.membership >= 0
        member[inside] = group.first + group.membership[inside]
        matrices.append(group.matrix)
        couplings.append(group.couplings)
        electrodes += list(group.electrodes)
    return Screened(
        device,
        member,
        sparse.csr_array(sparse.block_diag(matrices, format="csr")),
        sparse.csr_array(sparse.block_diag(couplings, format="csr")),
        np.array([one.potential for one in electrodes], dtype=float),
        np.array([one.terminal for one in electrodes], dtype=np.intp),
        local_average(device),
        np.concatenate([np.full(g.count, g.screening.response == THOMAS_FERMI) for g in device.screening]),
    )


def refusals(device: Device, order: int | None) -> Iterator[ModelError]:
    """What transport with unknown potentials cannot treat."""
    if not device.screening:
        return
    local = [g.screening.span for g in device.screening if g.screening.response == THOMAS_FERMI]
    if order is not None and order > 2 and local:
        message = f"a response that is taken as local is linear: it has no expansion of order {order}"
        yield ModelError(message, local[0], hint="leave out response = thomas_fermi, or write order = 2")
    if order != 1:
        yield from rigid_leads(device)


def gates_at_work(device: Device, why: str) -> Iterator[ModelError]:
    """Gates with U != 0, for verbs that look at the reference; ``why`` says so."""
    for group in device.screening:
        ends = [end for line in group.screening.capacitances for end in line.ends]
        for gate in group.electrodes:
            if gate.kind == "gate" and gate.potential != 0:
                span = next((end.span for end in ends if end.name == gate.label), group.screening.span)
                shown = device.units.shown("energy", gate.potential, 6)
                message = f"the gate '{gate.label}' has U = {shown}, but {why}, where gates are at 0"
                yield ModelError(message, span, hint="take transport, or U = 0 of this gate in this task")


def no_potentials() -> ModelError:
    """What is said where an output needs unknown potentials."""
    hint = "write: screening on LATTICE { solve U such that charge == 0 }"
    return ModelError("without screening no potential follows those of the terminals", hint=hint)


def moving(device: Device) -> NDArray[np.bool_]:
    """(n_terminals,): terminals with bands, that is self-energies which depend on the energy."""
    found = np.zeros(device.n_terminals, dtype=np.bool_)
    for group in device.terminals:
        found[group.first : group.first + group.count] = not is_flat(group.terminal)
    return found
