"""The thermal average over energies: exact where smooth, fast at the square roots of band edges."""

import numpy as np
import pytest

from modelkit.numerics.quadrature import errors
from modelkit.solve.energies.resonances import Resonances
from modelkit.solve.energies.thermal_rule import first_panels, thermal_weights

mpmath = pytest.importorskip("mpmath")


def averaged(function, mu, T, edges, tolerance=1e-12):
    """Average with ``-f0'``, bisecting the worst panels; value, estimate and number of energies used."""
    none = Resonances(np.zeros(0), np.zeros(0))
    panels, _ = first_panels(mu, T, np.array(edges, dtype=float), 0.0, none)
    used = 0
    for _ in range(30):
        whole, difference = thermal_weights(panels, mu, T)
        values = function(panels.nodes)
        used += values.size
        size = (np.abs(whole) * np.abs(values)).sum(axis=1)
        estimate = errors(np.abs((difference * values).sum(axis=1)), size)
        bad = (estimate > tolerance / len(estimate)) & panels.divisible
        if not bad.any():
            break
        panels = panels.bisected(bad)
    return (whole * values).sum(), estimate.sum(), used


def test_a_polynomial_has_the_sommerfeld_average():
    mu, T = 0.3, 0.05
    found, estimate, _ = averaged(lambda E: 1 + E + E**2, mu, T, [])
    assert found == pytest.approx(1 + mu + mu**2 + np.pi**2 * T**2 / 3, rel=1e-12)
    assert estimate < 1e-11


@pytest.mark.parametrize(("mu", "T"), [(1.0, 0.1), (1.95, 0.1), (2.0, 0.01), (0.0, 2.0)])
def test_band_edges_cost_few_energies(mu, T):
    def band(E):
        return np.sqrt(np.maximum(4 - E**2, 0))

    def exact(E):
        z = (E - mu) / T
        return mpmath.sqrt(4 - E**2) / (4 * T * mpmath.cosh(z / 2) ** 2)

    marks = sorted({-2.0, *(m for s in (-40, -10, -3, 0, 3, 10, 40) if abs(m := mu + s * T) < 2), 2.0})
    with mpmath.workdps(25):
        expected = float(mpmath.quad(exact, marks))
    found, estimate, used = averaged(band, mu, T, [-2.0, 2.0])
    assert abs(found - expected) < 1e-12
    assert estimate < 1e-11
    assert used < 2000
