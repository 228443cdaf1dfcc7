"""A problem's chain in the basis that keeps most of its sectors apart."""

from __future__ import annotations

from modelkit.errors import ModelError
from modelkit.solve.open_chains.exact.basis import of_energies, of_momenta, of_orbitals
from modelkit.solve.open_chains.exact.chain import Chain
from modelkit.solve.open_chains.exact.charges import charges_of
from modelkit.solve.open_chains.exact.fock import MOST_MODES
from modelkit.solve.open_chains.exact.operators import bath_jumps, jumps_of
from modelkit.solve.open_chains.exact.translations import Along, ring_of
from modelkit.solve.open_chains.places import places
from modelkit.solve.open_chains.problem import OpenProblem


def set_up(problem: OpenProblem, turned: bool = True) -> Chain:
    """Momentum modes on a ring, modes of H for baths of modes, orbitals otherwise.

    ``turned``: whether states may be counted in other modes than the orbitals.
    """
    lindbladian = problem.lindbladian
    assert lindbladian is not None
    if lindbladian.size > MOST_MODES:
        raise ModelError(
            f"{lindbladian.size} modes have too many states to be counted (at most {MOST_MODES} modes)",
            problem.place("method"),
            hint="ask for method = gaussian or gge, or for fewer cells",
        )
    charges = charges_of(lindbladian)
    found = places(lindbladian)
    ring = ring_of(lindbladian, problem.cell) if turned else None
    baths = [bath for bath in lindbladian.baths if bath.rate]
    if ring is not None and problem.cell is not None:
        modes = basis = of_momenta(problem.cell, ring, charges)
    else:
        modes = of_energies(lindbladian, charges) if baths else of_orbitals(lindbladian.size)
        basis = modes if turned else of_orbitals(lindbladian.size)
    along: Along | None = ring or (found if found.cell is not None else None)
    cells = ring.cells if ring is not None else found.cells or 1
    jumps = [jumps_of(family, basis, along) for family in lindbladian.jumps]
    jumps += [bath_jumps(bath, modes, cells, basis) for bath in baths]
    return Chain(lindbladian, charges, basis, tuple(jumps), cells, ring, problem.cell if ring else None)
