"""What holds for every device: charge, energy and entropy, whatever its terminals, probes and pairs are.

Others may add what they solve: a verb and a device from :mod:`tests.physics.random_devices` are enough.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from modelkit.errors import NotConverged
from modelkit.graph.device import Device
from modelkit.solve import transmission, transport
from modelkit.solve.request import Request
from tests.physics.random_devices import devices

CONSERVED = 1e-9  # of the largest current
NOTHING = 1e-13  # a current below it is rounding
STEP = 0.001  # of all that drives: resonances may be narrow


def solved(device: Device, order: int | None = None) -> Any:
    """The steady state; devices without one (a current that no bias drives) are passed over."""
    try:
        return transport.solve(Request(device, {} if order is None else {"order": order}))
    except NotConverged as error:
        assume("no solution was found" not in error.message and "limit" not in error.message)
        raise


def charge_is_conserved(found: Any) -> None:
    """The condensate, where there is one, is the last terminal and takes what is missing."""
    current = found.current
    assert abs(current.sum()) <= CONSERVED * max(float(np.abs(current).max()), NOTHING)


def energy_is_conserved(found: Any, mu: Any = None) -> None:
    """Energy currents ``J + mu I``; dephasing probes exchange none at any energy."""
    mu = np.nan_to_num(found.chemical_potential if mu is None else mu)
    energy = found.heat_current + mu * found.current
    largest = max(float(np.abs(energy).max()), float(np.abs(found.current).max()), NOTHING)
    assert abs(energy.sum()) <= CONSERVED * largest


def entropy_is_produced(found: Any) -> None:
    """At T = 0, where any entropy would be infinite, terminals take heat up."""
    there = np.isfinite(found.temperature)
    T, heat = found.temperature[there], -found.heat_current[there]
    scale = CONSERVED * max(float(np.abs(found.current).max()), float(np.abs(heat).max(initial=0)), NOTHING)
    if np.all(T > 0):
        assert (heat / T).sum() >= -scale / T.min()
    else:
        assert heat[T == 0].min() >= -scale


@given(devices())
@settings(max_examples=60)
def test_full_transport_conserves_charge_and_energy_and_produces_entropy(device: Device) -> None:
    found = solved(device)
    charge_is_conserved(found)
    energy_is_conserved(found)
    entropy_is_produced(found)
    assert max(found.audits.values()) <= CONSERVED


@given(devices(reference=True, bias=0.1), st.integers(1, 3))
@settings(max_examples=40)
def test_every_order_conserves_charge_and_energy(device: Device, order: int) -> None:
    found = solved(device, order)
    charge_is_conserved(found)
    assert found.audits.get("energy_balance", 0.0) <= CONSERVED
    if order == 1:
        mu = np.full(len(found.current), device.reference["mu"])
        energy_is_conserved(found, mu)
        x, theta = found.chemical_potential - mu, found.temperature - device.reference["T"]
        x, theta = np.nan_to_num(x), np.nan_to_num(theta)
        produced = found.current @ x + found.heat_current @ theta / (device.reference["T"] or 1.0)
        assert produced >= -CONSERVED * np.abs(found.current).max() * max(1.0, np.abs(x).max())


@given(devices(reference=True, bias=0.1))
@settings(max_examples=15)
def test_full_transport_of_a_small_bias_is_its_first_order(device: Device) -> None:
    """Less what is even in all that drives, and extrapolated from two steps: off by the fifth power."""
    linear = solved(_scaled(device, STEP), 1).current
    size = np.abs(linear).max()
    assume(size > 1e-8)

    def odd(step: float) -> Any:
        return (solved(_scaled(device, step)).current - solved(_scaled(device, -step)).current) / 2

    np.testing.assert_allclose((8 * odd(STEP / 2) - odd(STEP)) / 3, linear, atol=1e-6 * size)


@given(devices(superconducting=False, bias=0.1), st.floats(-0.5, 0.5))
@settings(max_examples=15)
def test_a_common_shift_of_everything_changes_no_current(device: Device, shift: float) -> None:
    """Potentials, chemical potentials and the bands, which are wide here; a load is tied to zero."""
    loads = [c for g in device.terminals for c in g.conditions if np.any(c.slope)]
    assume(not loads)
    one, other = solved(device), solved(_shifted(device, shift))
    scale = max(float(np.abs(one.current).max()), NOTHING)
    np.testing.assert_allclose(other.current, one.current, atol=1e-9 * scale + 1e-13)


@given(devices(), st.floats(-1.0, 1.0))
@settings(max_examples=15)
def test_spectral_currents_conserve_particles_at_each_energy(device: Device, E: float) -> None:
    spectrum = transmission.solve(Request(device, {}, {"E": np.array([E])}))
    try:
        current = spectrum.spectral_current[0]
    except NotConverged as error:
        assume("no solution was found" not in error.message)
        raise
    assert abs(current.sum()) <= 1e-12
    elastic = np.flatnonzero(spectrum.elastic)
    assert np.abs(current[elastic]).max(initial=0.0) <= 1e-12


def test_a_device_that_breaks_an_invariant_is_noticed() -> None:
    class Leaky:
        current = np.array([1.0, -1.0 + 1e-6])
        heat_current = np.array([0.1, 0.2])
        chemical_potential = np.array([0.1, 0.1])
        temperature = np.array([0.3, 0.3])

    for law in (charge_is_conserved, energy_is_conserved, entropy_is_produced):
        with pytest.raises(AssertionError):
            law(Leaky)


def _scaled(device: Device, factor: float) -> Device:
    """All deviations from the reference, and prescribed currents, by a factor."""
    centre = {"mu": device.reference["mu"], "T": device.reference["T"]}
    groups = []
    for group in device.terminals:
        given = {name: centre[name] + factor * (value - centre[name]) for name, value in group.given.items()}
        # a load keeps its slope: it passes through zero, not through the reference
        conditions = tuple(
            replace(one, constant=factor * one.constant) if not np.any(one.slope) else one
            for one in group.conditions
        )
        groups.append(replace(group, given=given, conditions=conditions))
    return replace(device, terminals=tuple(groups))


def _shifted(device: Device, shift: float) -> Device:
    groups = [
        replace(g, given={k: v + shift if k == "mu" else v for k, v in g.given.items()})
        for g in device.terminals
    ]
    return replace(device, terminals=tuple(groups), potential=device.potential + shift)
