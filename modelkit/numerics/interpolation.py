"""Polynomials through the nodes of a panel: values, derivatives and integrals up to any point.

``l_e`` is the polynomial that is 1 at node e and 0 at the others.  With integrals of ``l_e`` times a
weight (product integration) a panel is integrated exactly in the weight, however it jumps.  The embedded
rule interpolates through the ten Gauss nodes alone; differences between the two estimate the error.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from modelkit.numerics.quadrature import NODES, rule

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

HIGHEST = NODES - 1  # degree of the polynomials


def values(place: Floats, *, difference: bool = False) -> Floats:
    """``l_e`` at places from -1 to 1, shape (*place.shape, 21); those of the embedded rule taken off."""
    return np.asarray(legendre.legvander(place, HIGHEST) @ _coefficients(difference))


def derivatives(place: Floats, order: int, *, difference: bool = False) -> Floats:
    """The derivative of some order of ``l_e`` by the place, shape (*place.shape, 21)."""
    found = legendre.legder(_coefficients(difference), order, axis=0) if order else _coefficients(difference)
    return np.asarray(legendre.legvander(place, len(found) - 1) @ found)


def integrals(place: Floats, edge: Integers, *, difference: bool = False) -> Floats:
    """Integrals of ``l_e`` from the lower end of a panel of width 1 to a place on it; (n, 21).

    ``place``, ``edge`` (n,): the end at which the panel is mapped by a square, see ``Panels``.
    """
    powers = legendre.legvander(place, HIGHEST + 2)
    found = np.empty((len(place), NODES))
    for kind in (-1, 0, 1):
        chosen = edge == kind
        if chosen.any():
            found[chosen] = powers[chosen] @ _antiderivatives(kind, difference)
    return found


@cache
def _coefficients(difference: bool) -> Floats:
    """Legendre coefficients of ``l_e``, shape (21 degrees, 21 nodes)."""
    node = rule()[0]
    found = np.linalg.inv(legendre.legvander(node, HIGHEST))
    if difference:
        gauss = node[1::2]
        found[: len(gauss), 1::2] -= np.linalg.inv(legendre.legvander(gauss, len(gauss) - 1))
    return np.asarray(found)


@cache
def _antiderivatives(edge: int, difference: bool) -> Floats:
    """Of ``l_e`` times the derivative of the panel's map, zero at -1; (23, 21)."""
    found = np.zeros((HIGHEST + 3, NODES))
    for e, column in enumerate(_coefficients(difference).T):
        integrand = (
            column / 2 if not edge else legendre.legadd(column / 2, -edge * legendre.legmulx(column) / 2)
        )
        whole = legendre.legint(integrand, lbnd=-1)
        found[: len(whole), e] = whole
    return found
