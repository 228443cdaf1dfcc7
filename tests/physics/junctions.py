"""A junction of a normal and a superconducting chain, and its modes matched by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr

import modelkit as mk

JUNCTION = """
model junction
param V = 0.3; param kT = 0; param hot = 0; param Delta = 0.4; param mu_w = 0.3; param barrier = 0.7
param N = 5; param U = 0; param phase = 0
reference { mu = 0; T = kT }
lattice wire {
  internal spin
  site c[l] for l in 1..N at (l, 0)
  onsite c[l] : -mu_w
  onsite c[l] where l == 2 : barrier
  hop c[l] -> c[l+1] : -1
  pair c[l] - c[l] where l > 3 : Delta*exp(1i*phase)/2*[0, 1 | -1, 0]
}
bath L on wire.left { self_energy = lead; mu = V; T = kT + hot }
bath S on wire.right { self_energy = lead; mu = 0; T = kT }
MORE
task iv = transport { output current, heat_current, chemical_potential, temperature }
task linear = transport(order = 1) { output current, heat_current }
task second = transport(order = 2) { output current }
task coefficients = response { output response_1, response_2 }
task spectrum = transmission { sweep E in {ENERGIES}; output transmission, andreev_transmission, dos }
"""
ENERGIES = (-0.55, -0.3, 0.0, 0.1, 0.35, 0.39999, 0.40001, 0.45, 0.8, 1.2)
NORMAL = {"mu_w": 0.3, "barrier": 0.7, "Delta": 0.4}


def run(
    task: str, *, energies: Any = ENERGIES, more: str = "", text: str = JUNCTION, **values: Any
) -> xr.Dataset:
    text = text.replace("ENERGIES", ", ".join(repr(float(e)) for e in energies)).replace("MORE", more)
    return mk.loads(text).run(task, **values)


def half_space(E: float, onsite: np.ndarray, hop: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Modes ``psi_n = lambda^n v`` that leave to the right: (lambda, v, velocity), (d,), (d, d), (d,)."""
    d = len(onsite)
    inverse = np.linalg.inv(hop)
    step = np.block(
        [[inverse @ (E * np.eye(d) - onsite), -inverse @ hop.conj().T], [np.eye(d), np.zeros((d, d))]]
    )
    ratio, vectors = np.linalg.eig(step)
    v = vectors[d:] / np.linalg.norm(vectors[d:], axis=0)
    velocity = -2 * np.einsum("ik,ij,jk->k", v.conj(), hop, v * ratio).imag
    running = np.abs(np.abs(ratio) - 1) < 1e-7
    leaves = np.where(running, velocity > 0, np.abs(ratio) < 1)
    assert leaves.sum() == d
    return ratio[leaves], v[:, leaves], np.where(running, velocity, 0.0)[leaves]


def matched(E: float, mu_w: float, barrier: float, Delta: float, sites: int = 3) -> dict[str, float]:
    """One electron of one spin from the left: probabilities of what comes back, and of what is transmitted.

    Electrons of spin up and holes of spin down; sites 1 to 3 are normal, with the barrier on the second.
    """
    tau = np.diag([1.0, -1.0])
    hop, bulk = -tau.astype(complex), -mu_w * tau - Delta * np.array([[0, 1], [1, 0]])
    electron, hole = -(E + mu_w) / 2, (E - mu_w) / 2  # cosines of the momenta
    assert abs(electron) < 1
    wave = np.exp(1j * math.acos(electron))  # moves right: velocity 2 sin k > 0
    # a hole leaves to the left, where its velocity -2 sin k is negative; or it decays
    back = hole + 1j * np.sqrt(1 - hole**2 + 0j)
    if abs(back) < 1 - 1e-12:
        back = 1 / back
    ratio, v, velocity = half_space(E, bulk, hop)
    # unknown: r_e, r_h, the sites 1 .. sites, amplitudes of two modes from site sites + 1 on
    size = 2 + 2 * sites + 2
    matrix, right = np.zeros((size, size), dtype=complex), np.zeros(size, dtype=complex)

    def psi(site: int) -> tuple[np.ndarray, np.ndarray]:
        """The wave there: (2, size) of the unknowns, and what comes in."""
        rows, source = np.zeros((2, size), dtype=complex), np.zeros(2, dtype=complex)
        if site < 1:
            rows[0, 0], rows[1, 1], source[0] = wave ** (-site), back**site, wave**site
        elif site <= sites:
            rows[0, 2 * site], rows[1, 2 * site + 1] = 1, 1
        else:
            rows[:, -2:] = v * ratio ** (site - sites - 1)
        return rows, source

    for row, site in enumerate(range(sites + 2)):
        level = bulk if site > sites else -mu_w * tau + (barrier * tau if site == 2 else 0)
        for block, at in ((E * np.eye(2) - level, site), (-hop, site + 1), (-hop.conj().T, site - 1)):
            rows, source = psi(at)
            matrix[2 * row : 2 * row + 2] += block @ rows
            right[2 * row : 2 * row + 2] -= block @ source
    found = np.linalg.solve(matrix, right)
    speed = 2 * math.sqrt(1 - electron**2)
    other = 2 * math.sqrt(max(1 - hole**2, 0.0))
    return {
        "B": float(abs(found[0]) ** 2),
        "A": float(abs(found[1]) ** 2 * other / speed),
        "T": float((np.abs(found[-2:]) ** 2 * velocity).sum() / speed),
    }
