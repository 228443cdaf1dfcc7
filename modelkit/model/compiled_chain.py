"""What a model with dissipators is compiled to, for those who want the operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import sparse

from modelkit.compile.lindbladian import Lindbladian, lindbladian
from modelkit.graph.device import Device
from modelkit.solve.open_chains.choose import Chain, choose
from modelkit.solve.request import Request

if TYPE_CHECKING:
    from modelkit.solve.open_chains.exact.qobj import QutipChain


@dataclass(frozen=True, repr=False)
class CompiledChain:
    """An open chain as matrices, and the method that suits it.

    Parameters
    ----------
    device : Device
        The expanded device.
    system : Lindbladian
        Hamiltonian and normal-ordered jump operators.
    method, why : str
        The chosen method and the reason.
    """

    device: Device
    system: Lindbladian
    method: str
    why: str

    def hamiltonian(self) -> sparse.csr_array:
        """H of ``H = sum h_ij c_i† c_j``: Hermitian, shape (n_orbitals, n_orbitals), indices (to, from)."""
        return self.system.hamiltonian.copy()

    def qutip(self) -> QutipChain:
        """Objects of QuTiP on all states of the chain, for scripts of one's own.

        Energies and rates are in the model's unit of energy, hbar = 1.

        Returns
        -------
        QutipChain
            ``hamiltonian``, ``collapse`` (a list of ``sqrt(rate) L``), ``numbers`` and ``annihilators`` by
            the label of the orbital.

        Raises
        ------
        ModelError
            There are too many orbitals.

        Examples
        --------
        ::

            chain = model.compile(cells=4).qutip()
            rho = qutip.steadystate(chain.hamiltonian, chain.collapse)
            qutip.expect(chain.numbers["c[1]"], rho)
        """
        from modelkit.solve.open_chains.exact.qobj import qutip_chain

        return qutip_chain(self.system)

    def __repr__(self) -> str:
        jumps = sum(family.count for family in self.system.jumps)
        baths = f", {len(self.system.baths)} baths of modes" if self.system.baths else ""
        return f"{self.system.size} orbitals, {jumps} jump operators{baths}; method {self.method}: {self.why}"


def compiled_chain(device: Device, method: str | None) -> CompiledChain:
    """Compile a device with dissipators; raises ModelError when no method can treat it."""
    request = Request(device, {} if method is None else {"method": method})
    chosen, _problem, why = choose(Chain(request, "steady_state"))
    return CompiledChain(device, lindbladian(device), chosen.name, why)
