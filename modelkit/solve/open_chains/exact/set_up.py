"""A problem's chain in the basis that keeps most of its sectors apart."""

from __future__ import annotations

from dataclasses import replace

from modelkit.compile.cells import unit_cell
from modelkit.compile.lindbladian import Lindbladian
from modelkit.compile.unit_cell import UnitCell
from modelkit.errors import ModelError
from modelkit.solve.open_chains.exact.basis import of_energies, of_momenta, of_orbitals
from modelkit.solve.open_chains.exact.chain import Chain
from modelkit.solve.open_chains.exact.charges import charges_of
from modelkit.solve.open_chains.exact.fock import MOST_MODES
from modelkit.solve.open_chains.exact.operators import Jumps, bath_jumps, jumps_of
from modelkit.solve.open_chains.exact.translations import Along, translations_of
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.real_space.places import places
from modelkit.solve.open_chains.real_space.rings import ring_of


def in_real_space(problem: OpenProblem) -> Lindbladian | None:
    """The chain of a problem, that of its cell where no other is given; None of an infinite one."""
    if problem.lindbladian is not None or problem.cell is None or problem.cell.cells is None:
        return problem.lindbladian
    return ring_of(problem.cell, problem.cell.cells)


def set_up(
    problem: OpenProblem, lindbladian: Lindbladian, turned: bool = True, cells: int | None = None
) -> Chain:
    """Momentum modes on a ring, modes of H for baths of modes, orbitals otherwise.

    ``turned``: whether states may be counted in other modes than the orbitals; ``cells``: their number, where
    the device does not tell.
    """
    if lindbladian.size > MOST_MODES:
        raise ModelError(
            f"{lindbladian.size} modes have too many states to be counted (at most {MOST_MODES} modes)",
            problem.place("method"),
            hint="ask method = gaussian or gge, or for fewer cells",
        )
    charges = charges_of(lindbladian)
    found = places(lindbladian)
    cell = _cell(problem, lindbladian) if turned else None
    ring = translations_of(lindbladian, cell)
    baths = [bath for bath in lindbladian.baths if bath.rate]
    if ring is not None and cell is not None:
        modes = basis = of_momenta(cell, ring, charges)
    else:
        modes = of_energies(lindbladian, charges) if baths else of_orbitals(lindbladian.size)
        basis = modes if turned else of_orbitals(lindbladian.size)
    along: Along | None = ring or (found if found.cell is not None else None)
    cells = cells or (ring.cells if ring is not None else found.cells or 1)
    jumps = [jumps_of(family, basis, along) for family in lindbladian.jumps]
    jumps += [
        bath_jumps(bath, modes, cells, basis) if bath.rate else Jumps(bath.name, ())
        for bath in lindbladian.baths
    ]
    if lindbladian.device is not None:  # in the order of their declaration
        names = [group.name for group in lindbladian.device.dissipators]
        jumps.sort(key=lambda one: names.index(one.name))
    return Chain(lindbladian, charges, basis, tuple(jumps), cells, ring, cell if ring else None)


def _cell(problem: OpenProblem, lindbladian: Lindbladian) -> UnitCell | None:
    """The cell of a ring, with its hops alone; None where these differ, or where there is no ring."""
    if problem.cell is not None or lindbladian.device is None:
        return problem.cell
    try:
        return unit_cell(replace(lindbladian.device, dissipators=(), interaction=None))
    except ModelError:
        return None
