"""What holds for every model: conservation, the second law, gauge and Onsager relations, responses.

Everything goes from text to results; :mod:`tests.physics.random_models` draws the texts.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, Phase, assume, given, settings
from numpy.typing import NDArray

from modelkit.elements.conditions import conditions
from modelkit.elements.screening_laws import laws
from modelkit.elements.self_energies import self_energies
from modelkit.errors import ModelError, NotConverged
from tests.physics.random_models import FORMULAS, Sample, models, sample

Floats = NDArray[np.float64]

CONSERVED = 1e-9  # of the largest current
NOTHING = 1e-13  # a current below it is rounding
UNDRIVEN = {"j": 0.0, "g": 0.0}  # what a response is not to
STEP = 0.04
# What cannot be had of every device, each with tests of its own
NOT_THERE = (
    "no solution was found",
    "the average over energies is uncertain",
    "no expansion of order 2",
    "no second order is formed",
)


@contextmanager
def passed_over() -> Iterator[None]:
    try:
        yield
    except (ModelError, NotConverged) as error:
        assume(not any(words in str(error) for words in NOT_THERE))
        raise


def largest(found: xr.Dataset) -> float:
    """Of the currents, of heat by kT too: between baths at different T heat may flow alone."""
    T = max(float(found.temperature.max()), NOTHING)
    return float(max(np.abs(found.current).max(), np.abs(found.heat_current).max() / T, NOTHING))


def charge_is_conserved(found: xr.Dataset) -> None:
    assert abs(float(found.current.sum())) <= CONSERVED * largest(found)


def energy_is_conserved(found: xr.Dataset) -> None:
    """Dephasing probes, which have no mu, exchange none at any energy."""
    energy = found.heat_current + found.chemical_potential.fillna(0) * found.current
    assert abs(float(energy.sum())) <= CONSERVED * max(largest(found), float(np.abs(energy).max()))


def entropy_is_produced(found: xr.Dataset) -> None:
    """At T = 0, where any entropy would be infinite, terminals take heat up."""
    there = np.isfinite(found.temperature.values)
    T, heat = found.temperature.values[there], -found.heat_current.values[there]
    rounding = CONSERVED * max(largest(found), float(np.abs(heat).max()))
    if np.all(T > 0):
        assert (heat / T).sum() >= -rounding / T.min()
    else:
        assert heat[T == 0].min() >= -rounding


def onsager_holds(sample: Sample) -> None:
    """Flows by forces, against those of the device with its fluxes reversed, transposed."""
    one, other = (kernel(sample, flip) for flip in (1.0, -1.0))
    np.testing.assert_allclose(one, other.T, atol=1e-10 * max(np.abs(one).max(initial=0.0), 1e-3))


def kernel(sample: Sample, flip: float) -> Floats:
    """I by V and T times I by T, J by V and T times J by T: of what drives alone."""
    response = sample.run("linear", **UNDRIVEN, flip=flip).response_1.values
    response[:, 1] *= sample.T or 1.0
    n = response.shape[2]
    rows = np.transpose(response, (0, 2, 1, 3)).reshape(2 * n, 2 * n)
    driven = ~np.isnan(rows).all(axis=0)
    return np.asarray(rows[np.ix_(driven, driven)])


def responses_are_derivatives(sample: Sample, first: float = 1e-7, second: float = 1e-5) -> None:
    """Both orders against differences of the full solution along the bias, currents and heat currents."""
    coefficients = solved(sample, "start", **UNDRIVEN)
    one, two = coefficients.response_1.values, coefficients.response_2.values
    z, odd, even = differences(sample)
    z = np.where(np.isnan(one).all(axis=(0, 2)), 0.0, z)  # what is solved does not drive
    conventional = np.array([-1.0, 1.0])[:, None]  # -I and J
    found = np.einsum("oyab,yb->oa", np.nan_to_num(one), z) * conventional
    curved = np.einsum("oyzabc,yb,zc->oa", np.nan_to_num(two), z, z) * conventional
    scale = max(float(np.abs(odd).max()), 1e-6)
    np.testing.assert_allclose(found, odd, atol=first * scale)
    np.testing.assert_allclose(curved, even, atol=second * max(scale, float(np.abs(even).max())))


def differences(sample: Sample) -> tuple[Floats, Floats, Floats]:
    """What drives, V and T (2, n), and first and second coefficients of I and J along it, (2, n)."""

    def run(s: float) -> Floats:
        found = solved(sample, **UNDRIVEN, s=s)
        names = ("current", "heat_current", "chemical_potential", "temperature")
        return np.stack([found[name].values for name in names])

    steps = (STEP, STEP / 2, STEP / 4)
    sides = [(run(step), run(-step)) for step in steps]
    odd = richardson([(up - down) / (2 * step) for step, (up, down) in zip(steps, sides, strict=True)])
    even = richardson(
        [(up + down)[:2] / (2 * step**2) for step, (up, down) in zip(steps, sides, strict=True)]
    )
    return np.nan_to_num(odd[2:]) * np.array([-1.0, 1.0])[:, None], odd[:2], even


def richardson(values: list[Floats]) -> Floats:
    """The limit of three steps, each half the one before, of what is off by even powers."""
    finer = [(4 * b - a) / 3 for a, b in itertools.pairwise(values)]
    return np.asarray((16 * finer[1] - finer[0]) / 15)


def solved(sample: Sample, task: str = "full", **values: float) -> xr.Dataset:
    """A steady state; what asks for more than there is to give is passed over."""
    with passed_over():
        return sample.run(task, **values)


def conserves(sample: Sample) -> None:
    found = solved(sample)
    charge_is_conserved(found)
    energy_is_conserved(found)
    entropy_is_produced(found)


def follows_a_shift(sample: Sample) -> None:
    assume(not sample.anchored)
    one, other = solved(sample), solved(sample, rise=0.23)
    np.testing.assert_allclose(other.current, one.current, atol=1e-10 * largest(one))


def expands(sample: Sample) -> None:
    """Orders 1 and 2 conserve charge; order 1 heat, and it produces entropy."""
    first = solved(sample, "first")
    charge_is_conserved(first)
    scale = CONSERVED * max(largest(first), float(np.abs(first.heat_current).max()))
    assert abs(float(first.heat_current.sum())) <= scale
    x, theta = first.chemical_potential - sample.mu, first.temperature - sample.T
    produced = first.current * x.fillna(0) + first.heat_current * theta.fillna(0) / (sample.T or 1.0)
    assert float(produced.sum()) >= -CONSERVED * float(np.abs(produced).sum()) - CONSERVED * NOTHING
    charge_is_conserved(solved(sample, "second"))


SMOOTH = {"smooth": True, "bias": 0.2}
LAWS: dict[str, tuple[Callable[[Sample], None], dict[str, Any], int]] = {
    "conservation and entropy": (conserves, {"screening": False, "cold_heat": True}, 10),
    "conservation and entropy with screening": (conserves, {"screening": True}, 2),
    "gauge shift": (follows_a_shift, {"screening": True, "probes": 1}, 2),
    "onsager": (onsager_holds, {"screening": False}, 6),
    "expansions": (expands, SMOOTH | {"screening": False}, 6),
    "responses": (
        responses_are_derivatives,
        {"screening": False, "smooth": True, "probes": 2, "bias": 0.2},
        2,
    ),
}
SCREENED = {"screening": True, "smooth": True, "probes": 1, "bias": 0.2, "warm": True}


@pytest.mark.parametrize("name", LAWS)
def test_laws_hold_for_random_models(name: str) -> None:
    law, limits, count = LAWS[name]
    check(law, limits, count)


@pytest.mark.slow
@pytest.mark.parametrize("name", LAWS)
def test_laws_hold_for_many_random_models(name: str) -> None:
    law, limits, count = LAWS[name]
    check(law, limits, 3 * count)


@pytest.mark.slow
def test_responses_with_screening_are_derivatives() -> None:
    check(responses_are_derivatives, SCREENED, 5)


def check(law: Callable[[Sample], None], limits: dict[str, Any], count: int) -> None:
    quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much]

    # a seed has no smaller one
    @settings(max_examples=count, suppress_health_check=quiet, phases=[Phase.generate])
    @given(models(**limits))
    def holds(sample: Sample) -> None:
        with passed_over():
            law(sample)

    holds()


# --- the generator --------------------------------------------------------------------------------


def drawn(count: int = 150) -> set[str]:
    return set().union(*(sample(Random(seed)).drawn for seed in range(count)))


def test_every_registered_kind_is_drawn() -> None:
    found = drawn()
    assert found >= {*self_energies, *FORMULAS, *conditions, *(f"charge == {law}" for law in laws)}


def test_a_new_kind_is_drawn_from_then_on() -> None:
    """By what its entry says of itself."""
    with (
        self_energies.extended("contact", self_energies["wide_band"]),
        laws.extended("glue", laws["poisson"]),
        conditions.extended("K", conditions["J"]),
    ):
        assert drawn() >= {"contact", "charge == glue", "K"}
        for seed in range(20):
            sample(Random(seed)).model.device()


def test_a_model_that_breaks_a_law_is_noticed() -> None:
    values = {
        "current": [1.0, -1.0 + 1e-6],
        "heat_current": [0.1, 0.2],
        "chemical_potential": [0.1, 0.1],
        "temperature": [0.3, 0.3],
    }
    wrong = xr.Dataset({name: ("terminal", value) for name, value in values.items()})
    for law in (charge_is_conserved, energy_is_conserved, entropy_is_produced):
        with pytest.raises(AssertionError):
            law(wrong)
