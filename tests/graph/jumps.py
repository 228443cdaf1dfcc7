"""Random jump operators, each as a text and as matrices on all states: the second road of tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelkit.graph.device import Products

Matrix = NDArray[np.complex128]
DELTA = 0.7 - 0.4j
FACTORS = 6  # operators in a product, as the language has it


class Outside(Exception):
    """A member reaches over an open end."""


def annihilators(modes: int) -> list[Matrix]:
    """``c_i`` on all 2^modes states, with the signs of Jordan and Wigner."""
    lower, sign, one = np.array([[0, 1], [0, 0]]), np.diag([1.0, -1.0]), np.eye(2)
    found = []
    for mode in range(modes):
        whole = np.eye(1)
        for factor in [sign] * mode + [lower] + [one] * (modes - mode - 1):
            whole = np.kron(whole, factor)
        found.append(whole.astype(complex))
    return found


def matrix_of(products: tuple[Products, ...], member: int, modes: int) -> Matrix:
    """The operator of one member, from the arrays of a device."""
    c = annihilators(modes)
    total = np.zeros((2**modes, 2**modes), dtype=complex)
    for part in products:
        for row in np.flatnonzero(part.member == member):
            one = np.eye(2**modes, dtype=complex)
            for orbital, dagger in zip(part.orbital[row], part.dagger, strict=True):
                one = one @ (c[orbital].conj().T if dagger else c[orbital])
            total += part.value[row] * one
    return total


@dataclass(frozen=True)
class Part:
    """A formula: its text, its matrix for each j, how many operators are multiplied at most, its parity."""

    text: str
    at: Callable[[int], Matrix]
    factors: int
    odd: bool


class Jumps:
    """Random formulas on a chain of some sites, a ring or open, with or without spin."""

    def __init__(self, seed: int, sites: int, *, ring: bool, spin: bool) -> None:
        self.random = np.random.default_rng(seed)
        self.sites, self.ring, self.spin = sites, ring, spin
        self.c = annihilators(self.modes)

    @property
    def modes(self) -> int:
        return self.sites * (2 if self.spin else 1)

    @property
    def model(self) -> str:
        """Everything but the dissipator."""
        over = f"ring({self.sites})" if self.ring else f"1..{self.sites}"
        return (
            'model m "m"\nparam delta = 0.7 - 0.4i\nparam a = 0.3\nlet b = 2*delta\n'
            "function f(x) = a*x^2 - 1i\n"
            f"lattice chain {{ {'internal spin; ' * self.spin}site c[j] for j in {over} }}\n"
        )

    def site(self, site: int, component: int = 0) -> Matrix:
        """``c`` on a site counted from 1."""
        if self.ring:
            site = (site - 1) % self.sites + 1
        if not 1 <= site <= self.sites:
            raise Outside
        return self.c[(site - 1) * (2 if self.spin else 1) + component]

    def operator(self, *, odd: bool, depth: int = 3) -> Part:
        """A sum of products with an odd or an even number of operators each."""
        part = self._sum(depth, odd)
        return part if part.factors else self._product(self._atom(), self._adjoint(self._atom()))

    def _sum(self, depth: int, odd: bool) -> Part:
        if depth == 0:
            return self._atom() if odd else self._number()
        match self.random.integers(6):
            case 0:
                return self._plus(self._sum(depth - 1, odd), self._sum(depth - 1, odd))
            case 1 | 2:
                first = bool(self.random.integers(2))
                left, right = self._sum(depth - 1, first), self._sum(depth - 1, first ^ odd)
                return self._product(left, right) if left.factors + right.factors <= FACTORS else left
            case 3:
                return self._adjoint(self._sum(depth - 1, odd))
            case 4 if self.spin and not odd:
                return self._sandwich()
            case 5 if odd:
                return self._product(self._number(), self._sum(depth - 1, odd))
        one = self._sum(depth - 1, odd)
        return Part(f"-({one.text})/2", lambda j: -one.at(j) / 2, one.factors, odd)

    def _plus(self, left: Part, right: Part) -> Part:
        sign = "+" if self.random.integers(2) else "-"
        factor = 1 if sign == "+" else -1
        return Part(
            f"({left.text}) {sign} ({right.text})",
            lambda j: left.at(j) + factor * right.at(j),
            max(left.factors, right.factors),
            left.odd,
        )

    def _product(self, left: Part, right: Part) -> Part:
        return Part(
            f"({left.text})*({right.text})",
            lambda j: left.at(j) @ right.at(j),
            left.factors + right.factors,
            left.odd ^ right.odd,
        )

    def _adjoint(self, one: Part) -> Part:
        return Part(f"({one.text})'", lambda j: one.at(j).conj().T, one.factors, one.odd)

    def _number(self) -> Part:
        text, value = self._value()
        one = np.eye(2**self.modes)
        return Part(text, lambda j: value(j) * one, 0, False)

    def _value(self) -> tuple[str, Callable[[int], complex]]:
        x = int(self.random.integers(1, 9))
        choices: list[tuple[str, Callable[[int], complex]]] = [
            (f"0.{x}i", lambda j: 0.1j * x),
            ("delta", lambda j: DELTA),
            ("conj(b)", lambda j: 2 * DELTA.conjugate()),
            (f"f(j + {x})", lambda j: 0.3 * (j + x) ** 2 - 1j),
            (f"(1 + delta)^2/{x}", lambda j: (1 + DELTA) ** 2 / x),
        ]
        return choices[self.random.integers(len(choices))]

    def _atom(self) -> Part:
        place, site = self._place()
        dagger = bool(self.random.integers(2))
        component = int(self.random.integers(2)) if self.spin else 0
        label = f", {('up', 'down')[component]}" if self.spin else ""

        def at(j: int) -> Matrix:
            found = self.site(site(j), component)
            return found.conj().T if dagger else found

        return Part(f"c[{place}{label}]" + "'" * dagger, at, 1, True)

    def _place(self) -> tuple[str, Callable[[int], int]]:
        places: list[tuple[str, Callable[[int], int]]] = [
            ("j", lambda j: j),
            ("j", lambda j: j),
            ("j+1", lambda j: j + 1),
            ("j-1", lambda j: j - 1),
            ("2", lambda j: 2),
        ]
        return places[self.random.integers(len(places))]

    def _sandwich(self) -> Part:
        """``c[j]'*M*c[j+1]``: a row, a matrix and a column over the spin."""
        (left, one), (right, other) = self._place(), self._place()
        text, value = self._value()
        matrix = f"({text}*sigma_x + [1, 2i | 0.5, {text}])"

        def at(j: int) -> Matrix:
            number = value(j)
            M = number * np.array([[0, 1], [1, 0]]) + np.array([[1, 2j], [0.5, number]])
            rows = [self.site(one(j), a).conj().T for a in (0, 1)]
            columns = [self.site(other(j), b) for b in (0, 1)]
            return np.asarray(sum(M[a, b] * rows[a] @ columns[b] for a in (0, 1) for b in (0, 1)))

        return Part(f"c[{left}]'*{matrix}*c[{right}]", at, 2, False)
