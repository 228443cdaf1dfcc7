"""The device: the declared graph expanded for given values, as index and value arrays.

Sites are numbered in the order of declaration, the last index fastest.  The orbitals of site ``s``
are ``offset[s] .. offset[s+1]-1``.  ``Entries`` are coordinates of orbital matrices, index order
(to, from).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from modelkit.elements.lattices import SiteFamily
from modelkit.elements.screening import Screening
from modelkit.elements.terminals import Terminal
from modelkit.errors import Span
from modelkit.units import NATURAL, UnitSystem

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


@dataclass(frozen=True)
class SiteGroup:
    """All sites of one family: numbers ``first .. first+count-1``.

    ``index[name]`` has shape (count,); ``position`` shape (count, d) or None; ``orbitals`` per site;
    ``spaces`` are the names of the internal spaces (``spin``, ``nambu``, ``orbital``) in their order.
    """

    family: SiteFamily
    first: int
    count: int
    index: Mapping[str, NDArray[np.float64] | Integers]
    position: Floats | None
    orbitals: int
    degeneracy: float
    spaces: tuple[str, ...] = ()
    after_nambu: int = 1  # dimension of the spaces that vary faster than nambu
    rings: tuple[int, ...] = ()  # cells that each index wraps round, 0 where it does not
    infinite: bool = False  # a ring stands for an infinite chain, of any cells beyond all reaches


@dataclass(frozen=True)
class Entries:
    """Matrix elements ``value[k]`` at (``row[k]``, ``column[k]``); ``bond[k]`` is -1 off the bonds."""

    row: Integers
    column: Integers
    value: Complexes
    bond: Integers


@dataclass(frozen=True)
class Bonds:
    """Declared hops after expansion: an arrow from ``source`` to ``target`` (site numbers)."""

    source: Integers
    target: Integers


class RightSide(Protocol):
    """What a condition prescribes, as a function of the unknowns; all in the device's energies."""

    def __call__(self, unknowns: Mapping[str, Floats]) -> tuple[Floats, Mapping[str, Floats]]:
        """Value and derivative by each unknown that it holds, (count,) each, at values of mu and T."""

    def expanded(self, order: int, reference: Mapping[str, float]) -> RightSide:
        """Its Taylor polynomial of some order in the deviations from the reference."""


@dataclass(frozen=True)
class ConditionValues:
    """``quantity == constant + slope * (unknown - reference)`` for each member of a group.

    ``constant`` is the right side at the reference value of the unknown (mu of ``reference``),
    ``slope`` its derivative there; both have shape (count,).  That is the first order of the right
    side; ``right`` is the whole of it (None where there is no more).
    """

    unknown: str
    quantity: str
    constant: Floats
    slope: Floats
    right: RightSide | None = None


@dataclass(frozen=True)
class TerminalGroup:
    """All members of one declared terminal: numbers ``first .. first+count-1``.

    ``given`` holds ``mu`` and ``T`` (shape (count,)) as far as they are given; ``arguments`` the
    evaluated arguments of the self-energy, each of shape (count,), () or, for matrices,
    (count or 1, d, d); for the kind ``expression`` the value is a function of the energies instead.
    ``site`` and ``member`` list the attachments: member ``member[k]`` of the group touches ``site[k]``.
    ``leads`` holds what continues the lattice, with the member it belongs to; its matrices then are the
    self-energy, instead of arguments.
    """

    terminal: Terminal
    first: int
    count: int
    index: Mapping[str, NDArray[np.float64] | Integers]
    given: Mapping[str, Floats]
    arguments: Mapping[str, object]
    conditions: tuple[ConditionValues, ...]
    site: Integers
    member: Integers
    leads: tuple[tuple[int, Lead], ...] = ()

    def label(self, member: int) -> str:
        """``L``, ``S[2]`` of a member."""
        return self.terminal.label(self.index, member)


@dataclass(frozen=True, eq=False)
class Lead:
    """A lattice continued beyond an end, in a gauge in which all its cells are equal.

    ``onsite`` (m, m) of a cell and ``hop`` (m, m) to it from the next one outside; ``coupling`` (k, m) from
    the first cell to the device, whose rows are the orbitals of ``site``, site by site.  The ``_pairs`` are
    the anomalous blocks ``D`` of pair terms on lattices without nambu at the same places:
    ``Delta c_a c_b + h.c.`` adds ``conj(Delta)`` to D[b, a] and ``-conj(Delta)`` to D[a, b].  ``hole`` (d,)
    tells which orbitals of each site are holes of a nambu space.
    """

    site: Integers
    onsite: Complexes
    hop: Complexes
    coupling: Complexes
    onsite_pairs: Complexes
    hop_pairs: Complexes
    coupling_pairs: Complexes
    hole: NDArray[np.bool_]

    @property
    def superconducting(self) -> bool:
        """Whether its particles pair, among themselves or with those of the device."""
        if any(part.any() for part in (self.onsite_pairs, self.hop_pairs, self.coupling_pairs)):
            return True
        return any(
            part[self.holes(len(part))[:, None] != self.holes(part.shape[1])].any()
            for part in (self.onsite, self.hop, self.coupling)
        )

    def conjugated(self) -> Lead:
        """With the complex conjugates of all matrices."""
        matrices = {name: value.conj() for name, value in vars(self).items() if np.iscomplexobj(value)}
        return replace(self, **matrices)

    def holes(self, size: int) -> NDArray[np.bool_]:
        """Which of so many orbitals, site by site, are holes of a nambu space."""
        return np.tile(self.hole, size // len(self.hole))


@dataclass(frozen=True)
class RegionSites:
    """A declared region: the numbers of its sites, ascending, shape (count,)."""

    name: str
    site: Integers


@dataclass(frozen=True)
class Electrode:
    """What screening charges can be induced by.

    ``kind`` is ``gate`` (with the potential energy ``potential``), ``terminal`` (with the number
    ``terminal``; its potential is mu minus that of the reference), or ``ground`` (0).
    """

    kind: str
    label: str
    potential: float = 0.0
    terminal: int = -1


@dataclass(frozen=True, eq=False)
class ScreeningGroup:
    """The unknowns of one declared screening, numbers ``first .. first+count-1`` on the device.

    ``names`` are those of regions and lattices with one potential each; empty: one for each site, in the
    order of the sites.  ``membership`` (n_sites,): the unknown of each site (counted from 0), or -1.
    The condition, in electrons counted from the reference, is ``charge == matrix @ U + couplings @ V``
    with U of the unknowns and V of the electrodes; ``matrix`` (count, count) and ``couplings``
    (count, n_electrodes) are csr, in electrons per energy.
    """

    screening: Screening
    first: int
    count: int
    names: tuple[str, ...]
    membership: Integers
    matrix: csr_array
    couplings: csr_array
    electrodes: tuple[Electrode, ...]


@dataclass(frozen=True, eq=False)
class Products:
    """Products of operators with one pattern of daggers: what of them a family of jumps is a sum of.

    Attributes
    ----------
    member : (n,)
        Which jump operator of the family a product belongs to.
    orbital : (n, degree)
        On which orbitals its operators act, from left to right.
    dagger : (degree,) of bool
        Which of them create.
    value : (n,)
        Its coefficient.
    span : Span or None
        Where it was declared.
    """

    member: Integers
    orbital: Integers
    dagger: tuple[bool, ...]
    value: Complexes
    span: Span | None = None

    @classmethod
    def joined(cls, dagger: tuple[bool, ...], parts: Sequence[Products] = ()) -> Products:
        """Products of one pattern, one after the other; none where there are no parts."""
        orbitals = [part.orbital.reshape(len(part.member), len(dagger)) for part in parts]
        return cls(
            np.concatenate([np.zeros(0, dtype=np.intp), *(part.member for part in parts)]),
            np.concatenate([np.zeros((0, len(dagger)), dtype=np.intp), *orbitals]),
            dagger,
            np.concatenate([np.zeros(0, dtype=complex), *(part.value for part in parts)]),
        )


@dataclass(frozen=True, eq=False)
class DissipatorGroup:
    """All members of one declared dissipator.

    ``rate`` (count,) in energy/hbar; the jump operators are the sums of ``products``, as written, not yet
    normal-ordered.  For a bath of modes ``products`` is empty, ``beta`` its inverse temperature and
    ``kernel`` a function of ``e_to - e_from`` or None for ``exp(-beta (e_to - e_from)/2)``.  ``left_out``:
    members that would reach over an open end.
    """

    name: str
    labels: tuple[str, ...]
    rate: Floats
    products: tuple[Products, ...]
    beta: float | None = None
    kernel: Callable[[Floats], Floats] | None = None
    left_out: int = 0
    span: Span | None = None


@dataclass(frozen=True)
class Device:
    """Index and value arrays of a model at given values.

    All physics is in the model's unit of energy, with hbar = e = k_B = 1: temperatures are k_B T,
    prescribed currents are counted in energy/hbar.  Positions and ``values`` are in the model's own
    units; ``units`` leads back to them.
    """

    values: Mapping[str, float | complex | int]
    sites: tuple[SiteGroup, ...]
    offset: Integers  # (n_sites + 1,) first orbital of each site
    onsite: Entries  # complete Hermitian blocks
    hops: Entries  # one direction; the Hermitian partner is implied
    pairs: Entries  # one order; the partner is implied
    bonds: Bonds
    terminals: tuple[TerminalGroup, ...]
    reference: Mapping[str, float]  # "mu", "T"; empty without a reference
    fingerprint: Hashable  # equal for devices that differ in fields, conditions and screening only
    units: UnitSystem = NATURAL
    pairing: bool = False  # whether a pair term is declared, be its strength zero
    potential: Floats = field(default_factory=lambda: np.zeros(0))  # (n_sites,), prescribed; not in `onsite`
    regions: tuple[RegionSites, ...] = ()
    screening: tuple[ScreeningGroup, ...] = ()
    dissipators: tuple[DissipatorGroup, ...] = ()
    filling: Mapping[str, float] = field(default_factory=dict)  # particles per mode, by lattice
    interaction: Products | None = None  # V n_i n_j = V c_i† c_i c_j† c_j, i != j, orbital by orbital

    def __post_init__(self) -> None:
        """Without a prescribed potential it is zero everywhere."""
        if not len(self.potential):
            object.__setattr__(self, "potential", np.zeros(self.size))

    @property
    def size(self) -> int:
        """Number of sites."""
        return len(self.offset) - 1

    @property
    def n_terminals(self) -> int:
        """Number of declared terminals, without the condensate."""
        return sum(group.count for group in self.terminals)

    @property
    def superconducting(self) -> bool:
        """Whether anything is declared to pair: then there is a condensate."""
        declared = self.pairing or len(self.pairs.value) > 0
        return declared or any("nambu" in group.spaces for group in self.sites)

    def graph(self) -> nx.MultiDiGraph:
        """Sites, hops and terminals as a networkx graph; see :mod:`modelkit.graph.picture`."""
        from modelkit.graph.picture import device_graph

        return device_graph(self)
