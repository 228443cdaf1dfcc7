"""What a model is compiled to, for those who want the matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from modelkit.compile.open_system import OpenSystem, open_system
from modelkit.errors import ModelError
from modelkit.graph.device import Device
from modelkit.graph.labels import terminal_labels
from modelkit.registry import suggestion
from modelkit.solve.choose import choose

if TYPE_CHECKING:
    from modelkit.model.compiled_chain import CompiledChain


@dataclass(frozen=True, repr=False)
class Compiled:
    """A device as matrices, and the method that suits it.

    Parameters
    ----------
    device : Device
        The expanded device.
    system : OpenSystem
        Hamiltonian, contacts, self-energies.
    method, why : str
        The chosen method and the reason.
    """

    device: Device
    system: OpenSystem
    method: str
    why: str

    def hamiltonian(self) -> sparse.csr_array:
        """H in the orbital basis: Hermitian, shape (n_orbitals, n_orbitals), indices (to, from)."""
        return self.system.hamiltonian.copy()

    def self_energy(self, terminal: str, E: ArrayLike) -> NDArray[np.complex128]:
        """Retarded self-energy of a terminal.

        Parameters
        ----------
        terminal : str
            Its label: ``"L"``, ``"S[2]"``.
        E : float or array, shape (n,)
            Energies.

        Returns
        -------
        ndarray, shape (d, d) or (n, d, d)
            On the d orbitals of the sites it touches, in the order of its attachments; block-diagonal
            in the sites, but for a lead.  ``Gamma = i(Sigma - Sigma†)``.
        """
        labels = list(terminal_labels(self.device))
        if terminal not in labels:
            hint = suggestion(terminal, labels, "terminals") or "declare a bath or a probe"
            raise ModelError(f"the device has no terminal '{terminal}'", hint=hint)
        contacts = self.system.contacts
        energies = np.atleast_1d(np.asarray(E, dtype=float))
        sigma = contacts.sigma(energies)
        touched = np.flatnonzero(contacts.terminal == labels.index(terminal))
        blocks = [self._block(sigma, contact, len(energies)) for contact in touched.tolist()]
        blocks += [one.sigma(energies) for one in contacts.leads if one.terminal == labels.index(terminal)]
        size = sum(block.shape[-1] for block in blocks)
        whole = np.zeros((len(energies), size, size), dtype=complex)
        first = 0
        for block in blocks:
            last = first + block.shape[-1]
            whole[:, first:last, first:last] = block
            first = last
        return whole if np.ndim(E) else whole[0]

    def _block(self, sigma: Any, contact: int, count: int) -> NDArray[np.complex128]:
        """Self-energy of one contact, shape (n, d, d)."""
        if not self.system.contacts.scalar:
            return np.asarray(sigma[contact])
        site = self.system.contacts.site[contact]
        size = int(self.system.offset[site + 1] - self.system.offset[site])
        return sigma[:, contact].reshape(count, 1, 1) * np.eye(size)

    def __repr__(self) -> str:
        size = self.system.hamiltonian.shape[0]
        return f"{size} orbitals, {self.device.n_terminals} terminals; method {self.method}: {self.why}"


def compiled(device: Device, method: str | None) -> Compiled | CompiledChain:
    """Compile a device; raises ModelError when no method, or not the one asked for, can treat it."""
    if device.dissipators:
        from modelkit.model.compiled_chain import compiled_chain

        return compiled_chain(device, method)
    system = open_system(device)
    chosen, why = choose(system, method)
    return Compiled(device, system, chosen.name, why)
