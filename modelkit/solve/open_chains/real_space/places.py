"""Where the orbitals of a chain are: what currents in real space are counted by.

The place of an orbital is the first index of its site.  A hop from one place to another crosses their
difference in cells, on a ring of L cells the shortest of all that are equal modulo L.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelkit.compile.ring_places import short_way
from modelkit.errors import ModelError
from modelkit.graph.device import Complexes, Floats, Integers
from modelkit.graph.labels import orbital_labels, site_labels, spins

if TYPE_CHECKING:
    from modelkit.compile.lindbladian import Lindbladian
    from modelkit.graph.device import Device

UNEQUAL = -1


@dataclass(frozen=True, eq=False)
class Places:
    """Sites, bonds and cells.

    Attributes
    ----------
    offset : (n_sites + 1,)
        First orbital of each site.
    bond, row, column : (n_elements,)
        Elements of h on declared bonds, (to, from) along the arrow; ``n_bonds`` bonds.
    value : (n_elements,)
    cell : (n_orbitals,) or None
        Place of each orbital; None where a site has no index.
    ring : int
        Cells that the first index wraps round, 0 on an open chain, ``UNEQUAL`` where lattices differ.
    cells : int
        Their number.
    spin : (n_orbitals,)
        0 for up, 1 for down, -1 without spin.
    """

    offset: Integers
    bond: Integers
    row: Integers
    column: Integers
    value: Complexes
    n_bonds: int
    cell: Floats | None
    ring: int
    cells: int
    spin: Integers

    def crossed(self, row: Integers, column: Integers) -> Floats:
        """Cells from the orbitals ``column`` to the orbitals ``row``, positive towards larger j.

        Raises
        ------
        ModelError
            A site has no index, or lattices wrap round different numbers of cells.
        """
        if self.ring == UNEQUAL:
            raise ModelError(
                "a current along the chain needs lattices that are all open, or rings of one length",
                hint="ask for bond_current",
            )
        if self.cell is None:
            raise ModelError(
                "a current along the chain needs an index on every site, and one has none",
                hint="write a family of sites, 'site c[j] for j in 1..N', or ask for bond_current",
            )
        step = self.cell[row] - self.cell[column]
        return short_way(step, self.ring) if self.ring else step

    def by_site(self, by_orbital: Floats) -> Floats:
        """Sums over the orbitals of each site."""
        return np.add.reduceat(by_orbital, self.offset[:-1])


def orbital_names(chain: Lindbladian) -> list[str]:
    """Labels of the orbitals, ``c[3] up``; without a device ``c[1], c[2], ...``."""
    if chain.device is None:
        return [f"c[{orbital + 1}]" for orbital in range(chain.size)]
    sites = np.array(site_labels(chain.device), dtype=np.str_)
    return [str(label) for label in orbital_labels(chain.device, sites)]


def places(chain: Lindbladian) -> Places:
    """Places of the device of a chain; without a device every orbital is a site ``c[1], c[2], ...``."""
    device = chain.device
    if device is None:
        none = np.zeros(0, dtype=np.intp)
        number = np.arange(chain.size + 1)
        spin = np.full(chain.size, -1)
        one = (none, none, none, np.zeros(0, dtype=np.complex128), 0)
        return Places(number, *one, number[1:].astype(float), 0, chain.size, spin)
    hops = device.hops
    at = np.flatnonzero(hops.bond >= 0)
    elements = hops.bond[at], hops.row[at], hops.column[at], hops.value[at]
    cell = _cells(device)
    rings = {group.rings[0] if group.rings else 0 for group in device.sites}
    ring = rings.pop() if len(rings) == 1 else UNEQUAL
    cells = 0 if cell is None else len(np.unique(cell))
    spin = np.concatenate([np.tile(spins(group), group.count) for group in device.sites])
    return Places(
        device.offset, *elements, len(device.bonds.source), cell, ring, ring if ring > 0 else cells, spin
    )


def _cells(device: Device) -> Floats | None:
    """The first index of each orbital's site."""
    found = []
    for group in device.sites:
        if not group.family.indices:
            return None
        index = group.index[group.family.indices[0].name]
        found.append(np.repeat(np.asarray(index, dtype=float), group.orbitals))
    return np.concatenate(found)
