"""Self-consistent potentials: a dense solution of its own, limits, sum rules, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import root

import modelkit as mk

Floats = NDArray[np.float64]

ONSITE = np.array([0.1, -0.2, 0.35, -0.05, 0.25, -0.3])
SITES, HOPPING, COUPLING = [0, 2, 3], np.array([1.3, 1.5, 1.7]), np.array([0.9, 0.8, 0.7])
MU, T, FLUX = -0.4, 0.04, 0.3
NEUTRAL = "screening on ring { solve U such that charge == 0 }\n"
UNIFORM = "screening on ring { solve U[ring] such that charge == 0 }\n"
POISSON = "screening on ring { solve U such that charge == poisson(epsilon = 0.8) }\n"
CAPACITORS = """gate G { U = 0.3*V }
region left on ring.s where l < 3
region right on ring.s where l >= 3
screening on ring {
  solve U[left, right] such that charge == capacitance
  capacitance left - G : 0.4
  capacitance left - right : 0.7
  capacitance right - b : 0.2
}
"""


def ring(screening: str, bands: str = "local", terminals: int = 3, **changed: str) -> str:
    mus = ["MU + V/2", "MU - V/2", "MU + V/7"]
    baths = "".join(
        f"bath {name} on ring.s[{site}] {{ self_energy = {changed.get('kind', f'chain({t}, {c})')}; "
        f"mu = {mu}; T = kT; bands = {bands} }}\n"
        for name, site, t, c, mu in zip("abc", SITES, HOPPING, COUPLING, mus, strict=True)
    )
    onsite = "".join(f"  onsite s[{site}] : {value}\n" for site, value in enumerate(ONSITE))
    outputs = "current, potential, density"
    return (
        f"model ring\nparam V = 0.3\nparam kT = {T}\nparam MU = {MU}\nreference {{ mu = MU; T = kT }}\n"
        f"lattice ring {{\n  site s[l] for l in 0..5\n{onsite}"
        f"  hop s[l] -> s[l+1] for l in 0..4 : -exp(2*pi*1i*{FLUX}/6)\n"
        f"  hop s[5] -> s[0] : -exp(2*pi*1i*{FLUX}/6)\n}}\n{baths}{screening}"
        f"task full = transport {{ output {outputs} }}\n"
        f"task first = transport(order = 1) {{ output {outputs}, characteristic_potential }}\n"
        f"task second = transport(order = 2) {{ output {outputs} }}\n"
    )


class Dense:
    """The ring by full inverses on one grid of energies: densities from minus infinity, one plain sum."""

    def __init__(self, bands: str = "local", law: str = "neutral") -> None:
        self.bands, self.law = bands, law
        hop = -np.exp(2j * np.pi * FLUX / 6)
        h = np.diag(ONSITE).astype(complex)
        for site in range(6):
            h[(site + 1) % 6, site] += hop
            h[site, (site + 1) % 6] += np.conj(hop)
        self.hamiltonian = h

    def energies(self, shifts: Floats) -> tuple[Floats, Floats]:
        """Gauss panels between all band edges, mapped such that square roots are smooth."""
        edges = np.concatenate([-2 * HOPPING + shifts, 2 * HOPPING + shifts])
        fine = MU + np.arange(-20, 21) * 1.5 * T
        ends = np.unique(np.concatenate([edges, fine]))
        ends = ends[ends < MU + 32 * T]
        node, weight = np.polynomial.legendre.leggauss(48)
        t, half = (1 + node) / 2, np.diff(ends)[:, None]
        x, slope = t**2 * (3 - 2 * t), 6 * t * (1 - t)
        return (ends[:-1, None] + half * x).ravel(), (half * slope * weight / 2).ravel()

    def flows(self, mu: Floats, potential: Floats) -> tuple[Floats, Floats]:
        """Currents and electrons; nothing is counted from anything."""
        shifts = {"local": potential[SITES], "own": mu - MU, "rigid": np.zeros(3)}[self.bands]
        energy, weight = self.energies(shifts)
        x = energy[:, None] - shifts
        root_ = np.where(
            np.abs(x) < 2 * HOPPING,
            -1j * np.sqrt(np.abs(4 * HOPPING**2 - x**2)),
            -np.sign(x) * np.sqrt(np.abs(x**2 - 4 * HOPPING**2)),
        )
        sigma = COUPLING**2 / (2 * HOPPING**2) * (x + root_)
        matrix = energy[:, None, None] * np.eye(6) - self.hamiltonian - np.diag(potential)
        matrix[:, SITES, SITES] -= sigma
        green, gamma = np.linalg.inv(matrix), -2 * sigma.imag
        f = 1 / (1 + np.exp((energy[:, None] - mu) / T))
        t = gamma[:, :, None] * gamma[:, None, :] * np.abs(green[:, SITES][:, :, SITES]) ** 2
        flow = np.einsum("eab,eab->ea", t, f[:, :, None] - f[:, None, :])
        held = np.einsum("exa,ea,ea->ex", np.abs(green[:, :, SITES]) ** 2, gamma, f)
        return weight @ flow / (2 * np.pi), weight @ held / (2 * np.pi)

    def solve(self, mu: Floats) -> tuple[Floats, Floats, Floats]:
        """Currents, unknown potentials and electrons."""
        reference = self.flows(np.full(3, MU), np.zeros(6))[1]
        spread, matrix, induced = self.laws(mu)

        def off(U: Floats) -> Floats:
            return spread.T @ (self.flows(mu, spread @ U)[1] - reference) - matrix @ U - induced

        found = root(off, np.zeros(spread.shape[1]), tol=1e-13)
        return (*self.flows(mu, spread @ found.x)[:1], found.x, self.flows(mu, spread @ found.x)[1])

    def laws(self, mu: Floats) -> tuple[Floats, Floats, Floats]:
        v = mu - MU
        if self.law == "uniform":
            return np.ones((6, 1)), np.zeros((1, 1)), np.zeros(1)
        if self.law == "poisson":
            matrix = 2 * np.eye(6) - np.roll(np.eye(6), 1, axis=0) - np.roll(np.eye(6), -1, axis=0)
            matrix[SITES, SITES] += 1
            return np.eye(6), 0.8 * matrix, -0.8 * np.bincount(SITES, v, 6)
        if self.law == "capacitance":
            spread = np.repeat(np.eye(2), 3, axis=0)
            gate = 0.3 * (mu[0] - mu[1])
            return spread, np.array([[1.1, -0.7], [-0.7, 0.9]]), np.array([-0.4 * gate, -0.2 * v[1]])
        return np.eye(6), np.zeros((6, 6)), np.zeros(6)


LAWS = {"neutral": NEUTRAL, "uniform": UNIFORM, "poisson": POISSON, "capacitance": CAPACITORS}


def applied(V: float) -> Floats:
    return MU + V * np.array([0.5, -0.5, 1 / 7])


def run(text: str, task: str = "full", **values: Any) -> Any:
    return mk.loads(text).run(task, **values)


@pytest.mark.parametrize("law", list(LAWS))
@pytest.mark.parametrize("bands", ["local", "own"])
def test_a_ring_agrees_with_full_inverses(law: str, bands: str) -> None:
    found = run(ring(LAWS[law], bands))
    current, potential, density = Dense(bands, law).solve(applied(0.3))
    assert np.abs(found.potential.values - potential).max() < 2e-9
    assert np.abs(found.current.values - current).max() < 2e-10
    assert np.abs(found.density.values - density).max() < 1e-9
    assert found.audit_gauge_shift < 1e-10
