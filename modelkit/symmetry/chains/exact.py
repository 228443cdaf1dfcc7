"""Operations of an open chain and permutations of its modes in exact numbers, as Gaussian fractions."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from modelkit.symmetry.chains.jumps import ChainOperation
from modelkit.symmetry.chains.kinetic import ModePermutation
from modelkit.symmetry.chains.open_chain import OpenChain

Objects = NDArray[np.object_]

NEAR = 1e-8
LARGEST = 10**6  # denominators of numbers that were written


@dataclass(frozen=True, eq=False)
class Gaussian:
    """An array of complex fractions."""

    re: Objects
    im: Objects

    def __add__(self, other: Gaussian) -> Gaussian:
        return Gaussian(self.re + other.re, self.im + other.im)

    def scaled(self, factor: Fraction) -> Gaussian:
        return Gaussian(self.re * factor, self.im * factor)

    def conj(self) -> Gaussian:
        return Gaussian(self.re, -self.im)

    def outer(self, other: Gaussian) -> Gaussian:
        re = np.multiply.outer(self.re, other.re) - np.multiply.outer(self.im, other.im)
        im = np.multiply.outer(self.re, other.im) + np.multiply.outer(self.im, other.re)
        return Gaussian(re, im)

    def turned(self, axis: int, U: Gaussian) -> Gaussian:
        """``sum_b U[a, b] x[.., b, ..]``."""

        def dot(one: Objects, other: Objects) -> Objects:
            return np.moveaxis(np.tensordot(one, other, axes=(1, axis)), 0, axis)

        return Gaussian(dot(U.re, self.re) - dot(U.im, self.im), dot(U.re, self.im) + dot(U.im, self.re))

    @property
    def nothing(self) -> bool:
        return not any(self.re.ravel()) and not any(self.im.ravel())


Parts = dict[tuple[int, ...], Gaussian]


def is_exact(operation: ChainOperation, chain: OpenChain) -> bool:
    """Whether an operation that numbers have found holds in exact arithmetic, all numbers being fractions."""
    U = _units(operation.unitary)
    if U is None:
        return False
    image = chain.image(operation.motion)
    pairs = zip(_forms(image), _forms(chain), strict=True)
    return all(_same(_all_turned(one, U, pattern), other) for (one, pattern), (other, _) in pairs)


def _forms(chain: OpenChain) -> list[tuple[Parts, str]]:
    """What is to be mapped, and how each index transforms: by U (``u``) or by its conjugate (``c``)."""
    h = {cells: _exact(block) for cells, block in chain.blocks.items()}
    linear: tuple[Parts, Parts] = ({}, {})
    for jump in chain.linear:
        for ((x,), v), ((y,), w) in itertools.product(jump.blocks.items(), repeat=2):
            _add(linear[jump.gains], (x - y,), _exact(v).outer(_exact(w).conj()).scaled(_fraction(jump.rate)))
    tensor: Parts = {}
    for moves in chain.one_body:
        for ((x, y), V), ((p, q), W) in itertools.product(moves.blocks.items(), repeat=2):
            block = _exact(V).outer(_exact(W).conj()).scaled(_fraction(moves.rate))
            _add(tensor, (y - x, p - x, q - x), block)
    return [(h, "uc"), (linear[0], "uc"), (linear[1], "uc"), (tensor, "uccu")]


def _add(parts: Parts, cells: tuple[int, ...], block: Gaussian) -> None:
    parts[cells] = parts[cells] + block if cells in parts else block


def _all_turned(parts: Parts, U: Gaussian, pattern: str) -> Parts:
    found = {}
    for cells, block in parts.items():
        for axis, letter in enumerate(pattern):
            block = block.turned(axis, U if letter == "u" else U.conj())
        found[cells] = block
    return found


def _same(one: Parts, other: Parts) -> bool:
    for cells in one.keys() | other.keys():
        present = [one[cells]] if cells in one else []
        present += [other[cells].scaled(Fraction(-1))] if cells in other else []
        rest = present[0] + present[1] if len(present) > 1 else present[0]
        if not rest.nothing:
            return False
    return True


def _units(matrix: NDArray[np.complex128]) -> Gaussian | None:
    """A unitary of elements 0, 1, -1, 1i and -1i, up to a common phase."""
    large = matrix.ravel()[int(np.argmax(np.abs(matrix)))]
    turned = matrix * np.abs(large) / large
    rounded = np.round(turned)
    if np.abs(turned - rounded).max() > NEAR:
        return None
    return _exact(rounded)


def _exact(block: NDArray[np.complex128]) -> Gaussian:
    return Gaussian(_fractions(block.real), _fractions(block.imag))


def _fractions(values: NDArray[np.float64]) -> Objects:
    found = np.empty(values.shape, dtype=object)
    for at, value in np.ndenumerate(values):
        found[at] = _fraction(float(value))
    return found


def _fraction(value: float) -> Fraction:
    """The number that was written: 0.3 is 3/10; the one of the machine where none was."""
    simple = Fraction(value).limit_denominator(LARGEST)
    return simple if float(simple) == value else Fraction(value)


def is_exact_for_rates(permutation: ModePermutation, chain: OpenChain) -> bool:
    """Whether a permutation of modes that numbers have found keeps the rates in exact arithmetic.

    Known for one band and shifts by 0 and pi: rates ``R(k -> p) = sum C_mn exp(-ipm + ikn)`` then are exact
    sums, ``C_mn = sum r W_{x, y} W*_{x - m, y - n}``, and a permutation moves their coefficients.
    """
    c = permutation.centre[0]
    if chain.d != 1 or min(abs(c), abs(abs(c) - np.pi)) > NEAR:
        return False
    sign, alternating = (-1 if permutation.reflected else 1), abs(c) > 1
    holes = permutation.holes
    loss, gain, jumps = _autocorrelations(chain)
    velocity: Parts = {(x,): _exact(-1j * x * h) for (x,), h in chain.blocks.items()}
    energy: Parts = {(x,): _exact(h) for (x,), h in chain.blocks.items() if x}
    factor = Fraction(1 if holes else -1)
    pairs = [
        (_moved(velocity, sign, alternating), _scaled(velocity, factor)),
        (_moved(gain if holes else loss, sign, alternating), loss),
        (_moved(loss if holes else gain, sign, alternating), gain),
        (_moved(jumps, sign, alternating, exchanged=holes), jumps),
    ]
    if chain.baths:
        pairs.append((_moved(energy, sign, alternating), _scaled(energy, -factor)))
    return all(_same(one, other) for one, other in pairs)


def _autocorrelations(chain: OpenChain) -> tuple[Parts, Parts, Parts]:
    """Coefficients of loss, gain and jump rates of one band: of ``exp(ikn)``, and ``C_mn`` by (m, n)."""
    linear: tuple[Parts, Parts] = ({}, {})
    for jump in chain.linear:
        for ((x,), v), ((y,), w) in itertools.product(jump.blocks.items(), repeat=2):
            block = _exact(v).outer(_exact(w).conj()).scaled(_fraction(jump.rate))
            _add(linear[jump.gains], (x - y,), block)
    rates: Parts = {}
    for moves in chain.one_body:
        for ((x, y), V), ((p, q), W) in itertools.product(moves.blocks.items(), repeat=2):
            block = _exact(V).outer(_exact(W).conj()).scaled(_fraction(moves.rate))
            _add(rates, (x - p, y - q), block)
    return linear[0], linear[1], rates


def _moved(sums: Parts, sign: int, alternating: bool, *, exchanged: bool = False) -> Parts:
    """Coefficients of the function at ``k -> sign k (+ pi)``; from and to exchanged with a minus sign."""
    found: Parts = {}
    for cells, value in sums.items():
        odd = alternating and sum(cells) % 2
        at = tuple(sign * n for n in cells)
        place = tuple(-n for n in reversed(at)) if exchanged else at
        _add(found, place, value.scaled(Fraction(-1 if odd else 1)))
    return found


def _scaled(sums: Parts, factor: Fraction) -> Parts:
    return {cells: value.scaled(factor) for cells, value in sums.items()}
