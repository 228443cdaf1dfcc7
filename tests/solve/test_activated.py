"""Currents far below the flow of an open channel are integrated as well as any other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import integrate

from modelkit.solve import transport
from modelkit.solve.request import Request
from tests.solve.devices import Lead, coupled, device

T = 0.05
BIAS = 1e-3


def exact(hop: float, level: float, mu: float) -> float:
    """Through one level between half-infinite chains of hopping 1, in the angle of the band."""

    def integrand(angle: float) -> float:
        energy = -2 * np.cos(angle)
        real, gamma = hop**2 * energy, 2 * hop**2 * np.sin(angle)  # of both contacts; of one
        t = gamma**2 / ((energy - level - real) ** 2 + gamma**2)
        x = (energy - mu) / T
        return float(t * np.exp(-x) / (1 + np.exp(-x)) ** 2 / T * 2 * np.sin(angle))

    near = float(np.arccos(-level / (2 * (1 - hop**2) if abs(level) < 1.9 else 2)))
    width = hop**2
    points = sorted({near + s * width * k for k in (1, 5, 30, 200) for s in (-1, 1)} | {near, 0.0, np.pi})
    points = [p for p in points if 0 <= p <= np.pi]
    found = 0.0
    for a, b in itertools.pairwise(points):
        found += integrate.quad(integrand, a, b, epsabs=0, epsrel=1e-11, limit=300)[0]
    return BIAS * found / (2 * np.pi)


@pytest.mark.parametrize("method", ["ladder", "blocks", "sparse"])
@pytest.mark.parametrize("hop", [0.3, 0.05, 0.01])
@pytest.mark.parametrize("below", [5, 35, 50])
@pytest.mark.parametrize("level", [-1.8, -1.0])
def test_an_activated_current_through_a_weakly_coupled_dot(
    method: str, hop: float, below: float, level: float
) -> None:
    mu = -2 - below * T
    leads = [
        Lead("L", [0], mu + BIAS / 2, T=T, arguments=coupled(hop)),
        Lead("R", [0], mu - BIAS / 2, T=T, arguments=coupled(hop)),
    ]
    asked = device(np.array([[level]]), leads, mu=mu, T=T)
    found = transport.solve(Request(asked, {"order": 1, "method": method}))
    assert found.current[0] == pytest.approx(exact(hop, level, mu), rel=1e-8, abs=0)
    assert found.audits["integration"] < 1e-9
