"""Closed forms of the wire with gain and loss: the second road to its numbers.

Bag and Roy, arXiv:2409.12510; equation numbers are the paper's.  Natural units, hopping 1, unit
charge; ``mu`` is the average chemical potential, ``g`` the coupling of sources and drains.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass


@dataclass(frozen=True)
class FourSites:
    """N = 4 with one source (site 2) and one drain (site 3), Eqs. (B29)-(B34)."""

    mu: float
    g: float

    @property
    def determinant(self) -> float:
        mu2, g2 = self.mu**2, self.g**2
        return (2 + 2 * g2 + g2**2) ** 2 - (1 + 2 * g2 + 5 * g2**2 + 2 * g2**3) * mu2 + g2**2 * mu2**2

    @property
    def transmissions(self) -> dict[tuple[int, int], float]:
        """T[l, m] for l < m."""
        g2, mu2 = self.g**2, self.mu**2
        unit = 4 * (1 - mu2 / 4) / self.determinant
        near = unit * g2 * (1 + g2**2 - g2 * (mu2 - 2))
        far = {(1, 3): unit * g2, (2, 4): unit * g2, (2, 3): unit * g2**2, (1, 4): unit}
        return {(1, 2): near, (3, 4): near, **far}

    def deviation(self, injected: float, bias: float) -> float:
        """mu_2 - mu = mu - mu_3 for the injected current, Eq. (B31)."""
        g2, mu2 = self.g**2, self.mu**2
        numerator = math.pi * self.determinant * injected + g2**2 * (1 - mu2 / 4) * (g2 + 2 - mu2) * bias
        return numerator / (2 * g2 * (1 - mu2 / 4) * (2 + g2**2 + 4 * g2 - g2 * mu2))

    @property
    def conductance(self) -> float:
        """Eq. (B32)."""
        g2, mu2 = self.g**2, self.mu**2
        numerator = (4 - mu2) * (2 + g2**2 + 2 * g2 - g2 * mu2) * (g2 + 1) ** 2
        return numerator / (2 * math.pi * self.determinant * (2 + g2**2 + 4 * g2 - g2 * mu2))

    @property
    def offset(self) -> float:
        """Current at zero bias per injected current, with the sign of Eq. (B33): I_1 = G dmu - offset I_g."""
        g2, mu2 = self.g**2, self.mu**2
        return (g2**2 + 2 * g2 - g2 * mu2) / (2 + g2**2 + 4 * g2 - g2 * mu2)

    @staticmethod
    def critical_coupling(mu: float) -> float:
        """Coupling at which the offset has the classical value 1/3, Eq. (B34)."""
        excess = mu**2 - 1
        return math.sqrt((excess + math.sqrt(excess**2 + 4)) / 2)


@dataclass(frozen=True)
class LongWire:
    """The long wire S D S D ... of N sites, Eqs. (19)-(21), (B37)-(B54)."""

    mu: float
    g: float

    @property
    def alpha(self) -> complex:
        """2 cosh(alpha) = E - Sigma in the bulk; the branch with positive real and imaginary part."""
        cosh = (self.mu - self.g**2 / 2 * (self.mu - 1j * math.sqrt(4 - self.mu**2))) / 2
        alpha = cmath.acosh(cosh)
        return complex(abs(alpha.real), abs(alpha.imag))

    @property
    def length(self) -> float:
        """Scattering length l_c."""
        return 1 / self.alpha.real

    @property
    def conductivity(self) -> float:
        alpha = self.alpha
        return math.sin(alpha.imag) ** 2 / math.tanh(alpha.real) / (2 * math.pi * abs(cmath.sinh(alpha)) ** 2)

    @property
    def zigzag(self) -> float:
        """The paper's nabla."""
        return 1 / math.tanh(self.alpha.real) ** 2 / (2 * self.conductivity)

    def drop(self, sites: int, injected: float, bias: float) -> float:
        """The paper's phi."""
        extra = injected * self.length / (2 * self.conductivity)
        return (bias + extra) / (2 * (1 + (sites - 3) / self.length))

    def chemical_potential(self, site: int, sites: int, injected: float, bias: float) -> float:
        """Eq. (19)."""
        drop = self.drop(sites, injected, bias)
        step = (self.length / (2 * self.conductivity) + (-1) ** site * self.zigzag) * injected / 2
        return self.mu + bias / 2 - drop + step - 2 * drop / self.length * (site - 2)

    def nonreciprocity(self, sites: int) -> float:
        """Twice deltaJ per injected current, Eq. (21)."""
        return 1 - self.length / (self.length + sites - 3)

    def heat(self, sites: int, injected: float, bias: float) -> float:
        """Heat into a source or drain in the bulk, Eq. (B52)."""
        drop = self.drop(sites, injected, bias)
        return self.conductivity * (2 * drop / self.length) ** 2 + self.zigzag * injected**2 / 2


def dimer_green(sites: int, mu: float, g: float) -> tuple[float, float]:
    """(Xi, |det Z|^2) of a single source (site 2) and drain (site N-1), Eqs. (C1)-(C8)."""
    k = math.acos(mu / 2)
    a = cmath.exp(1j * k)
    twice_d = mu - g**2 / 2 * (mu - 1j * math.sqrt(4 - mu**2))

    def chain(n: int) -> float:
        return math.sin((n + 1) * k) / math.sin(k)

    outer = a * (twice_d * chain(sites - 4) - chain(sites - 5)) - chain(sites - 4)
    inner = a * (twice_d * chain(sites - 5) - chain(sites - 6)) - chain(sites - 5)
    determinant = (twice_d * a - 1) * outer - a * inner
    xi = abs((twice_d * a - 1) * math.sin((sites - 3) * k) - a * math.sin((sites - 4) * k)) ** 2
    return xi / math.sin(k) ** 2, abs(determinant) ** 2


def dimer_offset(sites: int, mu: float, g: float) -> float:
    """DeltaI per injected current of the single dimer, Eq. (C13)."""
    xi, _ = dimer_green(sites, mu, g)
    return 2 * (xi - 1) / (xi + 1 + 2 * g**2)
