"""Filled weights of an expansion: their Taylor polynomial in the deviations from the reference.

Of total degree n in ``x = mu_r - mu`` and ``theta = T_r - T``, for each reservoir.  The same equations and
the same solver as with the full distributions then give ``transport(order = n)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, factorial

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import NDArray

from modelkit.numerics.interpolation import derivatives
from modelkit.numerics.quadrature import NODES, Panels, Spot
from modelkit.solve.energies.filling import Filled, derivative, fermi

Floats = NDArray[np.float64]


def expanded(
    panels: Panels, mu: float, T: float, x: Floats, theta: Floats, order: int, *, difference: bool = False
) -> Filled:
    """Polynomials of degree ``order``, counted from the reference; by reservoir, see :class:`Filled`.

    ``mu``, ``T`` are those of the reference, ``x`` and ``theta`` (n_reservoirs,) the deviations, ``theta``
    zero where T is.  At T = 0 the panel that holds mu is not mapped; to first order a ``Spot`` is enough.
    """
    return added(expanded_parts(panels, mu, T, x, theta, order, difference=difference))


def expanded_parts(
    panels: Panels, mu: float, T: float, x: Floats, theta: Floats, order: int, *, difference: bool = False
) -> list[Filled]:
    """The same degree by degree, from 1 on (at least one, which is zero for order 0)."""
    if isinstance(panels, Spot):
        return [_on_spot(x, order, difference=difference)]
    if T == 0:
        return _cold(panels, mu, x, order, difference=difference)
    weights = panels.weights[1 if difference else 0].ravel()
    reduced = ((panels.nodes - mu) / T).ravel()
    found = [_nothing(len(reduced), len(x)) for _ in range(max(order, 1))]
    ratio = theta / T
    y = (x + np.outer(reduced, theta)) / T  # z = reduced - y/(1 + ratio), see below
    for m, slope in enumerate(_derivatives(reduced, order), start=1):
        # f(z) to order n: (z - reduced)^m = (-y)^m (1 + ratio)^-m, cut off in the powers of ratio
        head = weights * slope * ((-1) ** m / factorial(m))
        power = head[:, None] * y ** (m - 1)
        for j in range(order - m + 1):
            factor = comb(m + j - 1, j) * (-1) ** j
            tail = factor * ratio**j
            tail_slope = factor * j * ratio ** (j - 1) if j else np.zeros_like(x)
            part = found[m + j - 1]
            part.value[:] += power * y * tail
            part.by_mu[:] += m * power * tail / T
            part.by_temperature[:] += m * power * tail * reduced[:, None] / T + power * y * tail_slope / T
    return found


def added(parts: Sequence[Filled]) -> Filled:
    """The sum of the degrees."""
    return Filled(
        *(
            np.asarray(sum(getattr(part, name) for part in parts))
            for name in ("value", "by_mu", "by_temperature")
        )
    )


def _nothing(energies: int, reservoirs: int) -> Filled:
    return Filled(*np.zeros((3, energies, reservoirs)))


def _cold(panels: Panels, mu: float, x: Floats, order: int, *, difference: bool) -> list[Filled]:
    """Derivatives of the interpolating polynomials at mu."""
    found = [_nothing(len(panels.lower) * NODES, len(x)) for _ in range(max(order, 1))]
    at = np.flatnonzero(~panels.split & (panels.lower < mu) & (mu <= panels.upper))
    if len(at) and order:
        p = int(at[0])
        place = panels.place(at[:1], np.array([mu]))
        stretch = 2 / (panels.upper[p] - panels.lower[p])
        here = slice(p * NODES, (p + 1) * NODES)
        for j, part in enumerate(found):
            slope = derivatives(place, j, difference=difference)[0] * stretch**j
            part.by_mu[here] = np.outer(slope, x**j / factorial(j))
            part.value[here] = np.outer(slope, x ** (j + 1) / factorial(j + 1))
    return found


def _on_spot(x: Floats, order: int, *, difference: bool) -> Filled:
    """T = 0, up to first order: the deviations themselves, at mu."""
    found = _nothing(1, len(x))
    if order and not difference:
        found.value[0], found.by_mu[0] = x, 1.0
    return found


def _derivatives(z: Floats, order: int) -> list[Floats]:
    """The derivatives of the Fermi function from the first to the ``order``-th, (n,) each.

    ``f^(m) = f (1 - f) Q_m(f)`` with ``Q_1 = -1`` and ``Q_{m+1} = -(1 - 2f) Q_m - f (1 - f) Q_m'``.
    """
    f, bell = fermi(z), -derivative(z)
    found, q = [], np.array([-1.0])
    for _ in range(order):
        found.append(bell * polynomial.polyval(f, q))
        grown = polynomial.polymul([-1.0, 2.0], q)
        if len(q) > 1:
            grown = polynomial.polyadd(grown, polynomial.polymul([0.0, -1.0, 1.0], polynomial.polyder(q)))
        q = grown
    return found
