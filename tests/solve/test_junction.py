"""Which terminals are given and which are solved, and conditions that are registered elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from modelkit.dimensions import UnitFactor
from modelkit.elements.conditions import conditions
from modelkit.errors import ModelError
from modelkit.graph.device import ConditionValues, Device
from modelkit.solve import transport
from modelkit.solve.junction.junction import junction
from modelkit.solve.request import Request
from modelkit.units import physical
from tests.solve.devices import Lead, chain, coupled, device, wire


def test_deviations_are_counted_from_the_first_given_terminal() -> None:
    problem = junction(wire(6, mu=1.0, bias=0.2, T=0.1))
    assert (problem.mu, problem.T, problem.origin) == (1.0, 0.1, pytest.approx(0.1))
    assert problem.x == pytest.approx([0, -0.2, 0, 0, 0, 0])
    assert problem.unknown.tolist() == [False, False, True, True, True, True]
    assert [block.terminal for block in problem.blocks] == [slice(2, 4), slice(4, 6)]


def test_driving_by_temperature_is_odd_in_the_energy() -> None:
    found = junction(device(chain(2), [Lead("L", [0], 1.0, 0.12), Lead("R", [1], 1.0, 0.1)], 1.0, 0.1))
    driving = found.driving(np.array([-0.3, 0.0, 0.3]))
    assert driving[:, 0] == pytest.approx([-0.06, 0, 0.06])
    assert np.array_equal(driving[:, 1], np.zeros(3))


def test_nothing_guesses_the_reference() -> None:
    with pytest.raises(ModelError, match="nothing guesses it") as caught:
        junction(device(chain(2), [Lead("L", [0], 1.0)], mu=None))
    assert caught.value.hint is not None
    assert "reference {" in caught.value.hint


@pytest.mark.parametrize(("at_reference", "at_terminal"), [(0.0, 0.1), (0.1, 0.0)])
def test_zero_and_finite_temperature_do_not_mix(at_reference: float, at_terminal: float) -> None:
    leads = [Lead("L", [0], 1.0, at_terminal), Lead("R", [1], 1.0, at_reference)]
    with pytest.raises(ModelError, match=r"'L' has T = .* but the reference has T = ") as caught:
        junction(device(chain(2), leads, 1.0, at_reference))
    assert caught.value.span is not None


def test_temperatures_are_told_in_the_unit_of_the_model() -> None:
    kelvin = physical({"energy": (UnitFactor("meV", 1),), "temperature": (UnitFactor("K", 1),)})
    T = 300 / kelvin.scale("temperature")
    leads = [Lead("L", [0], 1.0, T), Lead("R", [1], 1.0, 0.0)]
    with pytest.raises(ModelError, match="'L' has T = 300 K but the reference has T = 0 K: "):
        junction(replace(device(chain(2), leads, 1.0, 0.0), units=kelvin))
    with pytest.raises(ModelError, match="temperature of 'L' is negative: -300 K"):
        junction(replace(device(chain(2), [Lead("L", [0], 1.0, -T)], 1.0, T), units=kelvin))
    with pytest.raises(ModelError, match="temperature of the reference is negative: -300 K"):
        junction(replace(device(chain(2), [Lead("L", [0], 1.0, T)], 1.0, -T), units=kelvin))


def test_a_negative_temperature_is_refused() -> None:
    with pytest.raises(ModelError, match="temperature of 'L' is negative: -1"):
        junction(device(chain(2), [Lead("L", [0], 1.0, -1.0)], 1.0, 0.1))
    with pytest.raises(ModelError, match="temperature of the reference is negative"):
        junction(device(chain(2), [Lead("L", [0], 1.0, 0.1)], 1.0, -0.1))


def test_a_dephasing_probe_draws_nothing_at_any_energy() -> None:
    with pytest.raises(ModelError, match=r"only i\(E\) == 0"):
        junction(device(chain(2), [Lead("L", [0], 1.0), Lead("P", [1], elastic=True, current=0.1)]))


class EnergyMoment:
    """A condition that modelkit does not ship: the current weighted with the energy."""

    unit: ClassVar[str] = "energy/time"
    unknown: ClassVar[str] = "mu"
    meaning: ClassVar[str] = "the current weighted with one plus the energy"
    elastic: ClassVar[bool] = False

    @staticmethod
    def weight(energy: Any, T: Any) -> Any:
        return 1 + energy + 0 * T


@pytest.mark.parametrize("T", [0.0, 0.2])
@pytest.mark.parametrize("method", ["ladder", "dense"])
def test_a_condition_registered_in_one_place_is_solved(T: float, method: str) -> None:
    leads = [
        Lead("L", [0], 0.55, T),
        Lead("R", [3], 0.45, T),
        Lead("W", [2], T=T, current=0.002, condition="M", arguments=coupled(0.6)),
    ]
    with conditions.extended("M", EnergyMoment):
        found = transport.solve(Request(device(chain(4), leads, 0.5, T), {"order": 1, "method": method}))
        energies = found.solution.energies
        moment = found.average(lambda g, y: (1 + g.energies - 0.5)[:, None] * g.current(y))
    assert moment[2] == pytest.approx(0.002, rel=1e-12)
    assert (found.current[2] == pytest.approx(0.002, rel=1e-6)) == (T == 0), (
        "weight one at the reference only"
    )
    assert len(energies) > 1 or T == 0


class NoHeat:
    """A thermometer's second condition: no energy above mu."""

    unit: ClassVar[str] = "energy/time"
    unknown: ClassVar[str] = "T"
    meaning: ClassVar[str] = "the heat current"
    elastic: ClassVar[bool] = False

    @staticmethod
    def weight(energy: Any, T: Any) -> Any:
        return energy + 0 * T


def thermometer(T: float) -> Device:
    leads = [Lead("L", [0], 0.5, 1.1 * T), Lead("R", [3], 0.5, T), Lead("P", [1], T=T, current=0.0)]
    found = device(chain(4), leads, 0.5, T)
    probe = found.terminals[2]
    zero = np.zeros(1)
    both = (*probe.conditions, ConditionValues("T", "Q", zero, zero))
    terminals = (*found.terminals[:2], replace(probe, given={}, conditions=both))
    return replace(found, terminals=terminals)


def test_two_unknowns_of_one_probe_are_solved_together() -> None:
    with conditions.extended("Q", NoHeat):
        found = transport.solve(Request(thermometer(0.2), {"order": 1}))
        heat = found.average(lambda g, y: (g.energies - 0.5)[:, None] * g.current(y))
    assert abs(found.current[2]) < 1e-12 * abs(heat[0])
    assert abs(heat[2]) < 1e-12 * abs(heat[0])
    assert 0.2 < found.temperature[2] < 0.22, "between those of its neighbours"


def test_a_condition_that_fixes_nothing_at_zero_temperature_is_refused() -> None:
    leads = [Lead("L", [0], 0.5), Lead("W", [1], current=0.0, condition="Q")]
    with conditions.extended("Q", NoHeat), pytest.raises(ModelError, match="at T = 0 the condition on Q"):
        junction(device(chain(2), leads, 0.5))
