"""Rates of baths between modes: kernels ``f(e_to - e_from)`` as short sums of products.

``exp(-beta (e_to - e_from)/2)`` is a product.  Another kernel is interpolated in both energies on the range
of the bands, and the singular values of that leave as few products as its sharpness needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from modelkit.compile.lindbladian import ModeBath
from modelkit.compile.modes import Floats, ring_momenta
from modelkit.compile.unit_cell import UnitCell
from modelkit.errors import ModelError

LARGEST = 700.0  # exponent that numbers hold
SCAN = 512  # momenta at which the range of the bands is looked for
MARGIN = 0.01  # of that range, for extrema between them
DEGREES = (16, 32, 64, 128, 256, 512)  # of interpolations, one after the other
CONTENT = 1e-10  # relative error at which no further one is tried
ALLOWED = 1e-9
PRODUCTS = 128
SINGULAR = 1e-12  # relative: singular values that are kept
ROUNDING = 1e-15
NEAR = 1e-3  # of 1/beta: where a kernel is looked at that is not defined at 0, such as E/(exp(beta E) - 1)
CHUNK = 1 << 14  # modes at a time


@dataclass(frozen=True, eq=False)
class Separable:
    """``K(b -> a) = sum_d into[d, a] out_of[d, b]``, both (D, n_modes)."""

    into: Floats
    out_of: Floats
    error: float = 0.0


@dataclass(frozen=True, eq=False)
class Fit:
    """``f(x - y) = exp(-tilt (x - y)) sum_r p_r(x) q_r(y)`` for ``|x - middle|, |y - middle| <= half``.

    ``to``, ``source`` (degree, R) are the Chebyshev coefficients of p and q; ``error`` is the largest of
    f on a finer grid, relative to the rate there or back, whichever is larger, or to the largest geometric
    mean of both.
    """

    to: Floats
    source: Floats
    tilt: float
    middle: float
    half: float
    error: float

    def at(self, energy: Floats) -> tuple[Floats, Floats]:
        """Factors of energies as those to which and from which, (R, n) each."""
        x, y = np.empty((2, self.to.shape[1], len(energy)))
        coefficients = np.concatenate([self.to, self.source], axis=1)
        for start in range(0, len(energy), CHUNK):
            part = slice(start, start + CHUNK)
            scaled = np.clip((energy[part] - self.middle) / self.half, -1, 1)
            both = np.polynomial.chebyshev.chebvander(scaled, len(coefficients) - 1) @ coefficients
            x[:, part], y[:, part] = both.T[: len(x)], both.T[len(x) :]
        if self.tilt:
            slope = self.tilt * (energy - self.middle)
            x *= np.exp(-slope)
            y *= np.exp(slope)
        return x, y


def bath_rates(bath: ModeBath, cell: UnitCell, energy: Floats) -> Separable:
    """``rate f(e_a - e_b)`` between modes of these energies, (n_modes,).

    Raises
    ------
    ModelError
        Rates that no numbers hold; a kernel that is no rate, or too sharp.
    """
    low, high = band_range(cell)
    middle = (low + high) / 2
    if not bath.separable:
        fit = fitted(bath, middle, (high - low) / 2)
        into, out_of = fit.at(energy)
        return Separable(bath.rate * into, out_of, fit.error)
    exponent = abs(bath.beta) * (high - low) / 2
    if (exponent + np.log(bath.rate)) / 2 > LARGEST:  # of either factor: their products are not formed
        raise ModelError(
            f"rates of '{bath.name}' span exp({exponent:.4g}) both ways, which no numbers hold",
            bath.span,
            hint="raise its temperature, or give it a kernel that does not grow without bound",
        )
    # energies from the middle: either factor takes half of the exponent
    slope = bath.beta * (energy - middle) / 2
    root = np.sqrt(bath.rate)
    return Separable(root * np.exp(-slope)[None], root * np.exp(slope)[None])


def band_range(cell: UnitCell) -> tuple[float, float]:
    """Energies between which all bands lie; it does not depend on any choice of momenta."""
    reach = max(map(abs, cell.hopping), default=0)
    count = max(SCAN, 16 * reach)
    energy = np.linalg.eigvalsh(cell.hamiltonian(ring_momenta(count)))
    low, high = float(energy.min()), float(energy.max())
    return low - MARGIN * (high - low), high + MARGIN * (high - low)


@lru_cache(maxsize=16)
def fitted(bath: ModeBath, middle: float, half: float) -> Fit:
    """The kernel of a bath as a short sum of products.

    With ``exp(-beta E/2)`` taken out rates there and back are as accurate as each other.  Where bands are
    many temperatures wide what is left is too small beside its largest values; the kernel is fitted as it
    is there, and the slower of two rates is only as accurate as the faster.

    Raises
    ------
    ModelError
        A kernel that is negative or infinite, or too sharp.
    """
    half = max(half, NEAR / (abs(bath.beta) or 1.0))
    found: list[Fit] = []
    for tilt in (bath.beta / 2, 0.0):
        if 2 * abs(tilt) * half > LARGEST:
            continue
        for degree in DEGREES:
            found.append(_interpolated(bath, tilt, middle, half, degree))
            if found[-1].error <= CONTENT:
                return found[-1]
        best = min(found, key=lambda fit: fit.error)
        if best.error <= ALLOWED:
            return best
    raise ModelError(
        f"the kernel of '{bath.name}' is too sharp within the bands: "
        f"{PRODUCTS} products meet it to {best.error:.0e} only",
        bath.span,
        hint="a kernel that is smooth in the energy, or method = exact",
    )


def _interpolated(bath: ModeBath, tilt: float, middle: float, half: float, degree: int) -> Fit:
    nodes = _nodes(degree)
    energy = half * (nodes[:, None] - nodes)
    values = _values(bath, energy)
    tilted = values * np.exp(tilt * energy)
    # discrete orthogonality of Chebyshev polynomials at their nodes
    transform = 2 / degree * np.polynomial.chebyshev.chebvander(nodes, degree - 1).T
    transform[0] /= 2
    u, size, v = np.linalg.svd(transform @ tilted @ transform.T)
    kept = max(SINGULAR * np.exp(-2 * abs(tilt) * half), ROUNDING)
    rank = min(int(np.sum(size > kept * size[0])), PRODUCTS)
    root = np.sqrt(size[:rank])
    to, source = u[:, :rank] * root, (root[:, None] * v[:rank]).T
    finer = _nodes(2 * degree + 3)
    basis = np.polynomial.chebyshev.chebvander(finer, degree - 1)
    energy = half * (finer[:, None] - finer)
    wanted = _values(bath, energy)
    off = np.exp(-tilt * energy) * ((basis @ to) @ (basis @ source).T) - wanted
    scale = np.maximum(np.maximum(wanted, wanted.T), np.sqrt(wanted * wanted.T).max())
    error = float(np.max(np.abs(off) / np.where(scale > 0, scale, 1.0)))
    return Fit(to, source, tilt, middle, half, error)


def _nodes(degree: int) -> Floats:
    return np.asarray(np.cos(np.pi * (np.arange(degree) + 0.5) / degree))


def _values(bath: ModeBath, energy: Floats) -> Floats:
    """The kernel, with its limit at E = 0 where the formula has none.

    Raises
    ------
    ModelError
        A value that is no rate.
    """
    with np.errstate(all="ignore"):
        found = np.array(np.broadcast_to(bath.kernel(energy), energy.shape), dtype=float)
        home = (energy == 0) & ~np.isfinite(found)
        if home.any():
            found[home] = _limit(bath.kernel, NEAR / (abs(bath.beta) or 1.0))
    wrong = ~(found >= -ROUNDING * np.abs(found).max(initial=0.0)) | ~np.isfinite(found)
    if wrong.any():
        at = np.unravel_index(int(np.argmax(wrong)), found.shape)
        raise ModelError(
            f"the kernel of '{bath.name}' is {found[at]:.6g} at an energy difference of {energy[at]:.6g}",
            bath.span,
            hint="rates are finite and not negative",
        )
    return found


def _limit(kernel: Callable[[Floats], Floats], step: float) -> float:
    """Of a smooth kernel at 0, from both sides, to the fourth order of the step."""
    near = np.array([-2.0, -1.0, 1.0, 2.0]) * step
    weights = np.array([-1.0, 4.0, 4.0, -1.0]) / 6
    return float(weights @ kernel(near))
