"""Levels that no terminal reaches, hit exactly: amplitudes and local quantities are the limit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modelkit.errors import NotConverged
from modelkit.registry import methods
from modelkit.solve import transmission, transport
from modelkit.solve.methods.lattice import columns
from modelkit.solve.methods.lattice.dark_levels import settled
from modelkit.solve.request import Request
from tests.solve.devices import Lead, device
from tests.solve.systems import chain_matrix, constant, system

WIDE: dict[str, Any] = {"kind": "wide_band", "arguments": {"Gamma": np.array(0.7)}}


def ring(n: int = 6, hop: float = -1.0) -> Any:
    """Levels 2 hop cos(k); terminals on opposite sites touch only half of the degenerate pairs."""
    h = chain_matrix(n, hop).toarray()
    h[0, -1] = h[-1, 0] = hop
    return h


def solved(mu: float, n: int = 6, method: str = "sparse") -> transport.LinearTransport:
    leads = [Lead("L", [1], mu + 0.1, **WIDE), Lead("R", [1 + n // 2], mu - 0.1, **WIDE)]
    return transport.solve(Request(device(ring(n), leads, mu=mu), {"order": 1, "method": method}))


@pytest.mark.parametrize("mu", [1.0, -1.0, 1 + 1e-12, 1 - 1e-10, 1 + 1e-7])
@pytest.mark.parametrize("dense_up_to", [300, 0])
@pytest.mark.parametrize("method", ["blocks", "sparse"])
def test_both_arms_of_a_ring_carry_half_of_the_current(
    mu: float, method: str, dense_up_to: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "DENSE_UP_TO", dense_up_to)
    found = solved(mu, method=method)
    current = abs(found.current[0])
    assert current > 1e-3
    assert np.abs(found.bond_current) == pytest.approx(np.full(6, current / 2), rel=1e-9)
    assert found.bond_audits["local_sum_rule"] < 1e-9


@pytest.mark.parametrize("method", ["blocks", "sparse"])
def test_the_density_of_states_is_smooth_through_a_dark_level(method: str) -> None:
    leads = [Lead("L", [1], 0.0, **WIDE), Lead("R", [4], 0.0, **WIDE)]
    energies = np.array([1 - 1e-5, 1.0, 1 + 1e-5])
    found = transmission.solve(Request(device(ring(), leads), {"method": method}, {"E": energies}))
    below, at, above = found.dos
    assert at == pytest.approx((below + above) / 2, rel=1e-8)
    assert found.local_audits["local_sum_rule"] < 1e-9


@pytest.mark.parametrize("method", ["blocks", "sparse"])
def test_a_weakly_coupled_level_is_no_dark_one(method: str) -> None:
    """A level of width 1e-8 next to a wide one: its density of states is a Lorentzian also in its flank."""
    width = 1e-8
    found = system(np.zeros((2, 2)), [0, 1], [0, 1], constant([-0.5j, -0.5j * width]))
    energies = np.array([0.0, 1e-8, 1e-7, 1e-6])
    dos = methods[method].build(found).at(energies).density_of_states()[:, 1]
    assert dos == pytest.approx(width / (2 * np.pi) / (energies**2 + width**2 / 4), rel=1e-6)


def test_amplitudes_that_have_no_limit_are_refused() -> None:
    singular = np.full((1, 2, 3), np.nan, dtype=complex)
    wild = np.random.default_rng(0)
    _, _, lost = settled(
        singular, lambda e, shift: wild.normal(size=(2, 3)) + 0j, np.ones(1), np.ones(2) + 0j
    )
    assert lost == 0


@pytest.mark.parametrize("method", ["blocks", "sparse"])
def test_an_energy_without_a_limit_names_itself(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelkit.solve.methods.lattice.dark_levels.STEPS", ())
    with pytest.raises(NotConverged, match="exactly on a level that no terminal reaches"):
        solved(1.0, method=method)
