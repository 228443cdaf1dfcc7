"""What flows into each site by bonds and terminals adds up to nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelkit.compile.open_system import OpenSystem

Floats = NDArray[np.float64]


def continuity(system: OpenSystem, bonds: Floats, current: Floats) -> float:
    """The largest sum of currents into a site; ``bonds`` (n_bonds,), ``current`` (n_reservoirs,).

    Of a reservoir on several sites only the sum over them is known, so they are left out.
    """
    (terminal, site), n = system.contacts.touched, len(system.weight)
    out = np.bincount(system.bond_source, bonds, n)
    into = np.bincount(system.bond_target, bonds, n)
    touched = np.bincount(terminal, minlength=system.n_terminals)
    alone = np.ones(n, dtype=bool)
    alone[site[touched[terminal] > 1]] = False
    single = touched[terminal] == 1
    fed = np.bincount(site[single], current[terminal[single]], n)
    return float(np.abs(fed + into - out)[alone].max(initial=0.0))
