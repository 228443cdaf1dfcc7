"""The one interface behind which every conductor stands.

What a new method must implement: ``Conductor.at(energies)``, which factorises the conductor at a
batch of energies, and on its result the methods below.  All arrays run over the energies first and
are otherwise indexed (to, from).  Distribution functions ``f`` have shape (n_E, n_terminals); since
all laws are linear in them the Junction uses the same methods for deviations from the reference.
Currents are spectral, positive into the conductor, and contain the factor 1/(2 pi).
A method says what it can treat by ``Method.refuses(system)``: a reason, or None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modelkit.compile.open_system import Levels, OpenSystem

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Conductance(Protocol):
    """A conductor factorised at given energies."""

    @property
    def energies(self) -> Floats:
        """(n_E,)"""

    def current(self, f: Floats) -> Floats:
        """``i_a(E) = (1/2pi) sum_b T_ab(E) (f_a - f_b)``, shape (n_E, n_terminals).

        Formed from differences, so that equal distributions give exactly zero.
        """

    def balance(
        self, f: Floats, unknown: Flags, constant: Floats, slope: Floats, *, fill: bool = False
    ) -> Floats:
        """Distributions of the unknown terminals such that ``i_a = constant_a + slope_a f_a``.

        Each energy by itself.  ``f`` holds the given terminals; ``unknown`` has shape
        (n_terminals,), ``constant`` and ``slope`` (n_E, n_terminals).  Returns the completed f.
        Raises NotConverged when an unknown is not determined (a probe that nothing reaches).  With
        ``fill`` an undetermined unknown from which no current is asked takes the value that f holds
        in its place (of one of its group): no current depends on it.
        """

    def heat(self, f: Floats) -> Floats:
        """``(1/4pi) sum_b T_ab (f_a - f_b)^2``, shape (n_E, n_terminals)."""

    def bond_current(self, f: Floats) -> Floats:
        """Spectral current of each declared bond along its arrow, shape (n_E, n_bonds).

        Around loops with flux equal distributions carry one too, the persistent current; elsewhere they
        give exactly zero.
        """

    def density(self, f: Floats) -> Floats:
        """``(1/2pi) sum_b [G Gamma_b G†]_ss f_b``, traced over the orbitals, shape (n_E, n_sites)."""

    def density_of_states(self) -> Floats:
        """``-Im Tr G_ss / pi``, shape (n_E, n_sites)."""

    def local_sum_rule(self) -> Floats:
        """How far ``-2 Im G_ss`` is from ``sum_b [G Gamma_b G†]_ss``, relative to absolute terms; (n_E,)."""

    def transmission(self) -> Floats:
        """``T[E, to, from] = Tr Gamma_to G Gamma_from G†``; the diagonal is the same formula."""


class ResponsiveConductance(Conductance, Protocol):
    """One that also tells how it changes as levels move (potentials on sites, bands of reservoirs)."""

    def current_change(self, f: Floats, change: Levels) -> Floats:
        """Derivative of ``current(f)`` as the levels move in the direction ``change``, (n_E, n_terminals).

        f is held.
        """

    def density_response(self, f: Floats, change: Levels) -> Floats:
        """Derivative of ``density(f)`` as the levels move in the direction ``change``, (n_E, n_sites)."""

    def density_matrix(self, f: Floats) -> Floats | None:
        """That by the potential of each site, summed over the energies, (n_sites, n_sites).

        None where the lattice is so large that it is not formed.
        """

    def series(
        self, directions: Sequence[Levels], order: int, sites: sparse.csr_array | None = None
    ) -> tuple[Floats, Floats]:
        """Coefficients of powers of s as the levels move by s in the first direction, up to an order.

        Transmissions, ``[0, k, E, to, from]``, and their first derivatives by the other directions,
        ``[v, k, ...]``; likewise what each reservoir fills of groups of sites, ``density`` for its f = 1,
        (..., n_rows, n_terminals), where ``sites`` (n_rows, n_sites) adds them up (else no rows).
        """


class GreenFunction(Protocol):
    """The retarded Green function at complex energies, above the real axis: what a filled sea needs."""

    def diagonal(self) -> Complexes:
        """``weight_s Tr G_ss``, (n_z, n_sites)."""

    def diagonal_change(self, change: Levels) -> Complexes:
        """Derivative of ``diagonal`` as the levels move in the direction ``change``, (n_z, n_sites)."""

    def diagonal_series(self, directions: Sequence[Levels], order: int) -> Complexes:
        """``diagonal`` as a power series, (n_directions, order + 1, n_z, n_sites), as ``series`` above."""


class Conductor(Protocol):
    """A conductor at given values.

    It keeps nothing of the energies it has seen: that is done in one place, ``request.Prepared``.
    """

    def at(self, energies: Floats) -> Conductance:
        """Factorise at these energies."""


class ResponsiveConductor(Conductor, Protocol):
    """One whose conductances respond, and that knows its Green function off the real axis."""

    def at(self, energies: Floats) -> ResponsiveConductance:
        """Factorise at these energies."""

    def green(self, z: Complexes) -> GreenFunction:
        """The Green function at energies with ``Im z > 0``, shape (n_z,)."""


@dataclass(frozen=True)
class Method:
    """A way to solve a conductor.

    ``refuses(system)`` gives the reason why it cannot treat a system, or None; ``why`` says in a
    phrase when it is the right one; ``build(system)`` gives the conductor.  The compiler takes the
    first registered method that does not refuse.  ``size(system)`` is about what one factorised energy
    holds, in bytes: it bounds how many energies are treated, and kept, at once.  ``responds``: whether it
    builds a ResponsiveConductor, which unknown potentials and bands that follow need.  ``unsuited(system)``
    is the reason why another method costs less, or None: it counts only where no method is asked for.
    ``details(system)`` adds to ``why`` what is particular to a system; ``verbs`` can ask for it.
    """

    name: str
    why: str
    refuses: Callable[[OpenSystem], str | None]
    build: Callable[[OpenSystem], Conductor]
    size: Callable[[OpenSystem], int] = lambda system: 200 * len(system.weight)
    responds: bool = False
    unsuited: Callable[[OpenSystem], str | None] = lambda system: None
    details: Callable[[OpenSystem], str] = lambda system: ""
    verbs: tuple[str, ...] = ("transport", "response", "transmission")


def reference_of(f: Floats, unknown: Flags | None = None) -> Floats:
    """(n_E, 1): the distribution of the first given terminal, 0 without one.

    Deviations from it are exactly zero when all distributions are equal.
    """
    given = np.arange(f.shape[1]) if unknown is None else np.flatnonzero(~unknown)
    return f[:, given[:1]] if len(given) else np.zeros((len(f), 1))


def net_current(t: Floats, f: Floats) -> Floats:
    """``i_a = (1/2pi) sum_b T_ab (f_a - f_b)``; ``t`` (n_E, n, n), ``f`` and result (n_E, n)."""
    difference = f[:, :, None] - f[:, None, :]
    return np.asarray(np.einsum("eab,eab->ea", t, difference) / (2 * np.pi))
