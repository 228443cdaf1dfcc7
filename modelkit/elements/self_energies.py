"""The kinds of self-energies, by name: ``chain(hopping, coupling)``, ``wide_band(Gamma)``.

A kind is one class, entered with ``@self_energies.register("name")``, with

``arguments``
    argument name to :class:`Argument`;
``sigma(E, **arguments)``
    the retarded self-energy, evaluated elementwise with numpy broadcasting; everywhere
    ``Gamma = i (Sigma - Sigma†)`` and ``Im Sigma <= 0``;
``edges(**arguments)``
    a tuple of arrays: the energies at which Sigma or its derivative jumps;
``refuses(**arguments)``
    why these values have no meaning, or None;
``constant``
    optional: True where Sigma is the same at all energies.

and, where it has them,

``analytic = True``, ``taylor(E, n, **arguments)``
    sigma takes complex energies above the axis, and its n-th derivative by the energy over n!, n >= 1: what
    densities and moving bands need;
``continues = True``
    the self-energy is that of the lattice itself, continued beyond an end; nothing else is asked of the kind.

Arguments that may be matrices have two more axes at the end, and the caller gives ``E`` the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelkit.registry import Registry

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Argument:
    """An argument of a kind: its meaning, its default (None: must be given), its shape, its dimension."""

    meaning: str
    default: float | None = None
    matrix: bool = False
    dimension: str = "energy"


class SelfEnergy(Protocol):
    """What a kind supplies; see the head of this file."""

    arguments: ClassVar[Mapping[str, Argument]]

    @staticmethod
    def sigma(E: ArrayLike, **arguments: ArrayLike) -> Complexes:
        """Retarded self-energy, (broadcast shape of E and the arguments)."""

    @staticmethod
    def edges(**arguments: ArrayLike) -> tuple[Floats, ...]:
        """Energies at which Sigma or its derivative jumps."""

    @staticmethod
    def refuses(**arguments: ArrayLike) -> str | None:
        """Why these values have no meaning, or None."""


self_energies: Registry[type[SelfEnergy]] = Registry("self-energy", "self-energies")

HERMITIAN = 1e-12  # relative to the largest element


def described_as(kind: str) -> str:
    """What the arguments of a kind are, as a hint: ``wide_band(Gamma) has Gamma = rate of escape, ...``."""
    described = self_energies[kind].arguments
    told = ", ".join(f"{name} = {one.meaning}" for name, one in described.items())
    return f"{kind}({', '.join(described)}) has {told}"


@self_energies.register("chain")
class Chain:
    """A semi-infinite chain: ``Sigma = coupling^2/(2 hopping^2) (E - i sqrt(4 hopping^2 - E^2))``."""

    analytic: ClassVar[bool] = True
    arguments: ClassVar[Mapping[str, Argument]] = {
        "hopping": Argument("hopping inside the chain; its band reaches from -2 to 2 hoppings"),
        "coupling": Argument("hopping from the first site of the chain to the site"),
    }

    @staticmethod
    def sigma(E: ArrayLike, **arguments: ArrayLike) -> Complexes:
        """Retarded self-energy of a semi-infinite chain at one of its ends.

        Outside the band it is real and decays as ``coupling^2/E``.  Written as
        ``2 coupling^2/(E + root)``, which loses no digits there and equals (B14) of arXiv:2409.12510 for
        ``hopping = 1``.
        """
        energy = np.asarray(E)
        found = 2 * np.abs(arguments["coupling"]) ** 2 / (energy + _root(energy, arguments["hopping"]))
        return np.asarray(found, dtype=complex)

    @staticmethod
    def taylor(E: ArrayLike, n: int, **arguments: ArrayLike) -> Complexes:
        """``-Sigma/root`` to first order; infinite at the band edges.

        Further ones from ``E g = 1 + hopping^2 g^2``, order by order.
        """
        energy, strength = np.asarray(E), np.abs(arguments["coupling"]) ** 2
        square = np.abs(arguments["hopping"]) ** 2
        with np.errstate(all="ignore"):
            root = _root(energy, arguments["hopping"])
            found = [2 / (energy + root)]
            for k in range(1, n + 1):
                mixed = sum(found[j] * found[k - j] for j in range(1, k))
                found.append((square * mixed - found[k - 1]) / root)
            return np.asarray(strength * found[n], dtype=complex)

    @staticmethod
    def edges(**arguments: ArrayLike) -> tuple[Floats, ...]:
        """The two band edges."""
        edge = 2 * np.abs(np.asarray(arguments["hopping"]))
        return (-edge, edge)

    @staticmethod
    def refuses(**arguments: ArrayLike) -> str | None:
        """A chain without hopping has no band."""
        if np.any(np.asarray(arguments["hopping"]) == 0):
            return "the hopping of a chain must not be zero"
        return None


@self_energies.register("wide_band")
class WideBand:
    """A band without structure: ``Sigma = -i Gamma/2`` at every energy."""

    analytic: ClassVar[bool] = True
    arguments: ClassVar[Mapping[str, Argument]] = {
        "Gamma": Argument("rate of escape, full width; a number or a Hermitian matrix", matrix=True),
    }
    constant: ClassVar[bool] = True

    @staticmethod
    def sigma(E: ArrayLike, **arguments: ArrayLike) -> Complexes:
        """``-i Gamma/2``, with the shape of E and Gamma broadcast."""
        return -0.5j * np.asarray(arguments["Gamma"]) + np.zeros(np.shape(E))

    @staticmethod
    def taylor(E: ArrayLike, n: int, **arguments: ArrayLike) -> Complexes:
        """Zero."""
        return np.zeros(np.broadcast_shapes(np.shape(E), np.shape(arguments["Gamma"])), dtype=complex)

    @staticmethod
    def edges(**arguments: ArrayLike) -> tuple[Floats, ...]:
        """None."""
        return ()

    @staticmethod
    def refuses(**arguments: ArrayLike) -> str | None:
        """A number Gamma must be real and not negative, a matrix Hermitian (its sign: Im Sigma <= 0)."""
        gamma = np.asarray(arguments["Gamma"])
        if gamma.ndim < 2:
            wrong = np.any(np.imag(gamma) != 0) or np.any(np.real(gamma) < 0)
            return "Gamma of a wide band is a rate: real and not negative" if wrong else None
        adjoint = np.conj(np.swapaxes(gamma, -1, -2))
        largest = np.max(np.abs(gamma), axis=(-2, -1), keepdims=True, initial=0)
        if np.any(np.abs(gamma - adjoint) > HERMITIAN * largest):
            return "Gamma of a wide band is a Hermitian matrix: it equals its adjoint"
        return None


@self_energies.register("lead")
class Lead:
    """The lattice itself, continued beyond the end of the terminal; where that pairs, `mu = 0`."""

    continues: ClassVar[bool] = True
    analytic: ClassVar[bool] = True
    arguments: ClassVar[Mapping[str, Argument]] = {}

    @staticmethod
    def sigma(E: ArrayLike, **arguments: ArrayLike) -> Complexes:
        """Not a function of numbers: it follows from the matrices of the lattice."""
        raise NotImplementedError

    @staticmethod
    def edges(**arguments: ArrayLike) -> tuple[Floats, ...]:
        """They follow from the matrices of the lattice as well."""
        return ()

    @staticmethod
    def refuses(**arguments: ArrayLike) -> str | None:
        """There are no arguments."""
        return None


def continues(kind: str) -> bool:
    """Whether a self-energy of this name is that of the lattice continued beyond an end."""
    return kind in self_energies and bool(getattr(self_energies[kind], "continues", False))


def _root(energy: NDArray[np.float64] | Complexes, hopping: ArrayLike) -> Complexes:
    """``sqrt(E^2 - 4 hopping^2)``, analytic above the axis, i times positive inside the band."""
    edge = 2 * np.abs(np.asarray(hopping))
    if np.iscomplexobj(energy):
        return np.asarray(np.sqrt(energy - edge) * np.sqrt(energy + edge))
    square = energy**2 - edge**2
    inside = 1j * np.sqrt(np.maximum(-square, 0))
    return np.asarray(inside + np.sign(energy) * np.sqrt(np.maximum(square, 0)))
