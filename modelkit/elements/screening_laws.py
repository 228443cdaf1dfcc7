"""The laws of screening: how the charge hangs on the potentials, by the words right of ``charge ==``.

A law is one class, entered with ``@laws.register("poisson")``, with

``arguments``
    argument name to :class:`Argument`;
``lines``
    it reads ``capacitance`` lines, and needs one;
``whole``
    every site of the screened part must have an unknown;
``couplings(layout, **arguments)``
    the matrix of the law, as coordinates;
``refuses(**arguments)``
    why these values have no meaning, or None.

Nodes are numbered: first the unknowns, then all terminals, then all gates, last the ground.  With
their potential energies V (of unknowns U, of terminals mu - mu of the reference, of the ground 0)
``charge_r = sum_n K[r, n] V_n`` is the number of electrons on unknown r, counted from the reference;
K[r, r] is positive, and for anything that capacitors can be the rows add up to zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from modelkit.elements.self_energies import Argument
from modelkit.registry import Registry

Integers = NDArray[np.intp]
Floats = NDArray[np.float64]

NONE = np.zeros(0, dtype=np.intp)


@dataclass(frozen=True, eq=False)
class Layout:
    """What a law may look at.

    ``membership`` (n_sites,): the unknown of each site, -1 without one.  ``source``, ``target``
    (n_bonds,): the sites of each bond.  ``electrode``, ``beside``: node numbers of terminals with a
    chemical potential and the sites that they touch.  ``one``, ``other``, ``capacitance``: the
    ``capacitance`` lines, nodes and values.
    """

    membership: Integers
    source: Integers
    target: Integers
    electrode: Integers
    beside: Integers
    one: Integers
    other: Integers
    capacitance: Floats


@dataclass(frozen=True, eq=False)
class Couplings:
    """Coordinates of K; what stands twice adds, rows of electrodes are left out by the reader."""

    row: Integers
    column: Integers
    value: Floats


class Law(Protocol):
    """What a law supplies; see the head of this file."""

    arguments: ClassVar[Mapping[str, Argument]]
    lines: ClassVar[bool]
    whole: ClassVar[bool]

    @staticmethod
    def couplings(layout: Layout, **arguments: float) -> Couplings:
        """The matrix of the law."""

    @staticmethod
    def refuses(**arguments: float) -> str | None:
        """Why these values have no meaning, or None."""


laws: Registry[type[Law]] = Registry("law of screening", "laws of screening")


def capacitors(one: Integers, other: Integers, capacitance: Floats) -> Couplings:
    """The matrix of capacitors between nodes: ``charge_a = sum_b C_ab (V_a - V_b)`` (Maxwell)."""
    return Couplings(
        np.concatenate([one, one, other, other]),
        np.concatenate([one, other, other, one]),
        np.concatenate([capacitance, -capacitance, capacitance, -capacitance]),
    )


@laws.register("0")
class Neutrality:
    """Local neutrality: each unknown keeps its charge, the limit of small capacitances."""

    arguments: ClassVar[Mapping[str, Argument]] = {}
    lines: ClassVar[bool] = False
    whole: ClassVar[bool] = False

    @staticmethod
    def couplings(layout: Layout, **arguments: float) -> Couplings:
        """No charge for any potentials."""
        return Couplings(NONE, NONE, np.zeros(0))

    @staticmethod
    def refuses(**arguments: float) -> str | None:
        """Nothing."""
        return None


@laws.register("capacitance")
class Capacitance:
    """The capacitors of the `capacitance` lines; an unknown without one stays neutral."""

    arguments: ClassVar[Mapping[str, Argument]] = {}
    lines: ClassVar[bool] = True
    whole: ClassVar[bool] = False

    @staticmethod
    def couplings(layout: Layout, **arguments: float) -> Couplings:
        """Maxwell's matrix of the lines."""
        return capacitors(layout.one, layout.other, layout.capacitance)

    @staticmethod
    def refuses(**arguments: float) -> str | None:
        """Nothing; values of lines are checked where they are written."""
        return None


@laws.register("poisson")
class Poisson:
    """Poisson's equation on the sites: a capacitor along each bond, and to each terminal that touches."""

    arguments: ClassVar[Mapping[str, Argument]] = {
        "epsilon": Argument("electrons per energy on each bond", dimension="capacitance")
    }
    lines: ClassVar[bool] = False
    whole: ClassVar[bool] = True

    @staticmethod
    def couplings(layout: Layout, **arguments: float) -> Couplings:
        """``charge_s = epsilon sum_s' (U_s - U_s')`` over neighbours, terminals among them.

        Neighbours are the sites joined by a bond, however many hops it has.  Terminals without a
        chemical potential (dephasing probes) are no electrodes.
        """
        ends = np.sort(np.stack([layout.source, layout.target]), axis=0)
        ends = ends[:, (layout.membership[ends] >= 0).all(axis=0) & (ends[0] != ends[1])]
        pairs = np.unique(ends[0] * len(layout.membership) + ends[1])
        inner = layout.membership[np.stack(np.divmod(pairs, max(1, len(layout.membership))))]
        inner = inner[:, inner[0] != inner[1]]
        touched = layout.membership[layout.beside]
        one = np.concatenate([inner[0], touched[touched >= 0]])
        other = np.concatenate([inner[1], layout.electrode[touched >= 0]])
        return capacitors(one, other, np.full(len(one), arguments["epsilon"]))

    @staticmethod
    def refuses(**arguments: float) -> str | None:
        """A permittivity is positive."""
        return None if arguments["epsilon"] > 0 else "the epsilon of poisson is positive"
