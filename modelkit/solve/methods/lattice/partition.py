"""How a lattice is cut into layers, what is eliminated at once, and what that costs."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.open_system import OpenSystem
from modelkit.numerics.block_tridiagonal import Tridiagonal, in_blocks
from modelkit.numerics.layers import Layers, layers
from modelkit.numerics.stretches import Plan, plan
from modelkit.solve.methods.lattice.columns import reached_orbitals
from modelkit.solve.methods.orbitals import touching
from modelkit.solve.methods.pattern import pattern_of, without_zeros

Integers = NDArray[np.intp]
Flags = NDArray[np.bool_]

STARTS = 4  # terminals from which layers are tried
INVERSE = 8  # time of an inverse in products of the same size, about
PRODUCTS = 6  # of one join
UNITS = (1, 3, 5, 0)  # slices that are joined before they are doubled, in the order in which they are tried

_known: dict[tuple[int, bool], tuple[weakref.ref[OpenSystem], Partition]] = {}


@dataclass(frozen=True)
class Partition:
    """Layers of the orbitals that are treated, and the plan for what passes between the contacts.

    Attributes
    ----------
    orbitals : (n,) ascending; positions in ``matrix`` refer to them
    matrix : the Hamiltonian in layers
    touched : (n_layers,) whether a contact touches a layer
    plans : of what passes between the contacts: three that double, and the plain recursion
    """

    orbitals: Integers
    matrix: Tridiagonal
    touched: Flags
    plans: tuple[Plan, ...]

    @property
    def work(self) -> float:
        """Multiplications for what passes between the contacts at one energy, about."""
        return _work(self.matrix, self.plans[0]) if self.plans else 0.0

    @property
    def largest(self) -> int:
        """Orbitals of the largest layer."""
        return int(self.matrix.layers.sizes.max(initial=0))


def partition(system: OpenSystem, *, whole: bool = False) -> Partition:
    """Layers of what contacts reach, or of the whole lattice; found once for a system."""
    key = (id(system), whole)
    if key in _known and _known[key][0]() is system:
        return _known[key][1]
    for old in [k for k, (owner, _) in _known.items() if owner() is None]:
        del _known[old]
    found = _partition(system, whole=whole)
    _known[key] = (weakref.ref(system), found)
    return found


def contact_groups(system: OpenSystem) -> list[Integers]:
    """Orbitals of each contact whose self-energy is a matrix over them."""
    contacts = system.contacts
    found: list[Integers] = []
    if not contacts.scalar:
        found += [np.arange(system.offset[s], system.offset[s + 1]) for s in contacts.site]
    found += [np.asarray(lead.orbitals, dtype=np.intp) for lead in getattr(contacts, "leads", ())]
    return found


def terminal_orbitals(system: OpenSystem) -> list[Integers]:
    """Orbitals that each reservoir touches."""
    touched = touching(system)
    terminal, orbital = [touched.terminal], [touched.orbital]
    for lead in getattr(system.contacts, "leads", ()):
        orbital.append(np.asarray(lead.orbitals, dtype=np.intp))
        terminal.append(np.full(len(orbital[-1]), lead.terminal, dtype=np.intp))
    terminals, orbitals = np.concatenate(terminal), np.concatenate(orbital)
    order = np.argsort(terminals, kind="stable")
    ends = np.searchsorted(terminals[order], np.arange(1, system.n_terminals))
    return [np.unique(part) for part in np.split(orbitals[order], ends)]


def contact_orbitals(system: OpenSystem) -> Integers:
    """All orbitals that some contact touches, ascending."""
    return np.unique(np.concatenate([np.zeros(0, dtype=np.intp), *terminal_orbitals(system)]))


def contact_width(system: OpenSystem) -> int:
    """Number of channels: the orbitals of all contacts."""
    leads = sum(len(lead.orbitals) for lead in getattr(system.contacts, "leads", ()))
    return int(np.diff(system.offset)[system.contacts.site].sum()) + leads


def _partition(system: OpenSystem, *, whole: bool) -> Partition:
    touching_ = contact_orbitals(system)
    n = system.hamiltonian.shape[0]
    orbitals = np.arange(n) if whole else reached_orbitals(system, touching_)
    place = np.full(n, -1, dtype=np.intp)
    place[orbitals] = np.arange(len(orbitals))
    hamiltonian = sparse.csr_array(without_zeros(system.hamiltonian)[orbitals][:, orbitals])
    starts = sorted(terminal_orbitals(system), key=len, reverse=True)
    starts = [place[nodes] for nodes in starts if len(nodes)]
    chosen: dict[int, Partition] = {}

    def cost(found: Layers) -> float:
        matrix = in_blocks(hamiltonian, found)
        layer = np.repeat(np.arange(len(found.sizes)), found.sizes)
        touched = np.zeros(len(found.sizes), dtype=np.bool_)
        touched[layer[found.position[place[touching_]]]] = True
        plans = tuple(plan(matrix, touched, unit) for unit in UNITS) if len(touched) else ()
        chosen[id(found)] = Partition(orbitals, matrix, touched, plans)
        return chosen[id(found)].work

    together = [place[nodes] for nodes in contact_groups(system)]
    best = layers(pattern_of(hamiltonian), together, starts[:STARTS], cost)
    if not len(orbitals):
        cost(best)
    return chosen[id(best)]


def _work(matrix: Tridiagonal, steps: Plan) -> float:
    sizes = np.array([block.shape[0] for block in matrix.levels], dtype=float)
    joined = [step[1] for step in steps.steps if len(step) == 3]
    blocks = np.concatenate([np.asarray(joined, dtype=np.intp), matrix.node[steps.kept]])
    return float(np.sum(sizes[blocks] ** 3) * (INVERSE + PRODUCTS))
