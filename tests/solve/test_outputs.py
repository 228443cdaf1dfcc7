"""Outputs, reductions and audits: registered, of the right shape, and loud when they fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import modelkit.results.reductions
import modelkit.results.response_outputs  # noqa: F401  (their import enters them)
from modelkit.compile.open_system import Levels
from modelkit.errors import NotConverged
from modelkit.registry import outputs, reductions, verbs
from modelkit.results import audit
from modelkit.results.outputs import output, read
from modelkit.solve import response, transmission, transport
from modelkit.solve.coefficients import following
from modelkit.solve.junction import finite_temperature, newton
from modelkit.solve.request import Request
from tests.solve.devices import DENSE, DenseConductance, DenseConductor, Lead, chain, device, wire

SIZES = {
    "region": 0,
    "terminal": 7,
    "terminal_from": 7,
    "terminal_from_2": 7,
    "site": 6,
    "bond": 5,
    "energy": 3,
}
SIZES |= {"of": 2, "by": 2, "by_2": 2}


def devices() -> Any:
    terminals = wire(6).terminals
    found = device(chain(6), [Lead("L", [0], 1.05), Lead("R", [5], 0.95)])
    extra = device(chain(6), [Lead("P", [2], elastic=True)]).terminals[0]
    return replace(found, terminals=(*terminals, replace(extra, first=6)))


def undriven() -> Any:
    """The same with probes that take no current."""
    found = devices()
    groups = tuple(
        replace(
            g,
            conditions=tuple(replace(c, constant=0 * c.constant, slope=0 * c.slope) for c in g.conditions),
        )
        for g in found.terminals
    )
    return replace(found, terminals=groups)


def test_each_output_has_the_shape_of_its_dimensions() -> None:
    solved = {
        "transport": transport.solve(Request(devices(), {"order": 1})),
        "transmission": transmission.solve(Request(devices(), {}, {"E": np.array([0.1, 0.5, 1.0])})),
        "response": response.solve(Request(undriven(), {})),
    }
    mine = [entry for entry in outputs.values() if entry.verbs[0] in solved]
    mine.remove(outputs["characteristic_potential"])  # without screening there is none
    assert {entry.name for entry in mine} >= {
        "current",
        "chemical_potential",
        "temperature",
        "dissipated_heat",
        "bond_current",
        "density_change",
        "transmission",
        "effective_transmission",
        "dos",
        "injectivity",
        "spectral_current",
    }
    for entry in mine:
        for verb in (one for one in entry.verbs if one in solved):
            assert verb in verbs
            values = np.asarray(entry.evaluate(solved[verb]))
            assert values.shape == tuple(SIZES[dim] for dim in entry.dims), entry.name
            assert entry.meaning, entry.name


def test_an_output_is_added_in_one_place() -> None:
    with outputs.extended("placeholder", outputs["current"]):
        pass
    name = "conductance_of_the_bias"
    try:

        @output(
            name, None, ("terminal",), "1", "current over the difference of the first two", ("transport",)
        )
        def per_bias(found: Any) -> Any:
            mu = found.chemical_potential
            return found.current / (mu[0] - mu[1])

        found = transport.solve(Request(device(chain(2), [Lead("L", [0], 1.05), Lead("R", [1], 0.95)])
                                        , {"order": 1}))  # fmt: skip
        assert outputs[name].evaluate(found) == pytest.approx(np.array([1, -1]) / (2 * np.pi), rel=1e-12)
    finally:
        del outputs._entries[name]


def test_the_dissipated_heat_is_the_power_of_all_terminals() -> None:
    """Pairwise sum over T against what the terminals put in."""
    found = transport.solve(Request(wire(8), {"order": 1}))
    t = DenseConductance(found.system, np.array([1.0])).t[0]
    x = found.chemical_potential
    pairs = (t * (x[:, None] - x[None, :]) ** 2).sum(axis=1) / (4 * np.pi)
    assert outputs["dissipated_heat"].evaluate(found) == pytest.approx(pairs, rel=1e-11)
    assert float(found.heat.sum()) == pytest.approx(float(found.current @ x), rel=1e-11)
    assert found.heat_audits["energy_balance"] < 1e-12


# --- reductions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rectification", [0.5, 0.0, 1.0, np.nan]),
        ("nonreciprocity", [-2.0, 0.0, 0.0, np.nan]),
        ("relative_nonreciprocity", [-1.0, 0.0, 0.0, np.nan]),
        ("offset", [-2.0, 0.0, -4.0, np.nan]),
    ],
)
def test_reductions_take_numbers_and_arrays_alike(name: str, expected: list[float]) -> None:
    F, B = np.array([3.0, 0.0, 2.0, np.nan]), np.array([-1.0, 0.0, 2.0, 1.0])
    evaluate = reductions[name].evaluate
    assert np.array_equal(evaluate(F, B), expected, equal_nan=True)
    assert [evaluate(float(f), float(b)) for f, b in zip(F[:3], B[:3], strict=True)] == expected[:3]
    labelled = evaluate(xr.DataArray(F, dims="x"), xr.DataArray(B, dims="x"))
    assert labelled.dims == ("x",)
    assert np.array_equal(labelled.values, expected, equal_nan=True)


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_a_reversed_current_of_equal_size_is_reciprocal(F: float, B: float) -> None:
    assert reductions["rectification"].evaluate(F, -F) == 0
    assert reductions["nonreciprocity"].evaluate(F, -F) == 0
    assert abs(reductions["rectification"].evaluate(F, B)) <= 1 + 1e-12
    assert abs(reductions["relative_nonreciprocity"].evaluate(F, B)) <= 2 + 1e-12


# --- audits ---------------------------------------------------------------------------------------


def test_an_exceeded_audit_names_itself() -> None:
    audit.demand({"particle_balance": 1e-10})
    with pytest.raises(
        NotConverged, match="'particle_balance' failed: the terminal currents do not add up"
    ) as e:
        audit.demand({"conditions": 0.0, "particle_balance": 2e-9})
    assert e.value.residual == 2e-9
    with pytest.raises(NotConverged, match="second_law"):
        audit.demand({"second_law": float("nan")})


def test_nothing_of_nothing_is_zero() -> None:
    assert audit.relative(0.0, 0.0) == 0.0
    assert audit.relative(1.0, 0.0) == np.inf


class Leaking(DenseConductance):
    """A wrong conductor: one transmission is not what unitarity wants."""

    def __init__(self, system: Any, energies: Any) -> None:
        super().__init__(system, energies)
        self.t = self.t.copy()
        self.t[:, 0, 1] *= 1 + 1e-6


class Crossed(DenseConductance):
    """A wrong conductor: bond currents of another device."""

    def bond_current(self, f: Any) -> Any:
        return super().bond_current(f) * (1 + 1e-6 * np.arange(len(self.system.bond_source)))


class Dim(DenseConductance):
    """A wrong conductor: part of the states is missing."""

    def density(self, f: Any) -> Any:
        return super().density(f) * (1 - 1e-6)


class Warm(DenseConductance):
    """A wrong conductor: heat out of nothing."""

    def heat(self, f: Any) -> Any:
        return super().heat(f) * (1 + 1e-6)


@pytest.mark.parametrize(("n", "leak"), [(30, 1e-7), (1000, 1e-7), (20_000, 1e-7)])
def test_a_small_leak_among_many_voltage_probes_is_caught(
    n: int, leak: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is allowed for the rounding of many probes: currents are formed from differences."""
    found = transport.solve(Request(wire(n, ratio=0.0), {"order": 1, "method": "ladder"}))
    conductance = type(found.solution.prepared.at(found.solution.energies))
    exact = conductance.current

    def leaking(self: Any, f: Any) -> Any:
        current = exact(self, f).copy()
        current[:, 0] *= 1 + leak
        return current

    monkeypatch.setattr(conductance, "current", leaking)
    with pytest.raises(NotConverged, match="audit 'particle_balance' failed"):
        transport.solve(Request(wire(n, ratio=0.0), {"order": 1, "method": "ladder"}))


class Backwards(DenseConductance):
    """A wrong conductor: currents flow uphill."""

    def current(self, f: Any) -> Any:
        return -super().current(f)


class Biased(DenseConductance):
    """A wrong conductor: its probes are not where no current flows."""

    def balance(self, f: Any, unknown: Any, *rest: Any, **named: Any) -> Any:
        found = super().balance(f, unknown, *rest, **named)
        return found + 1e-6 * unknown


class Circling(DenseConductance):
    """A wrong conductor: more goes round one way than the other, with all sums kept."""

    def transmission(self) -> Any:
        n = self.t.shape[1]
        return self.t * (n < 3) + (n >= 3) * (self.t + 1e-6 * np.roll(np.eye(n), 1, axis=0))


class Stiff(DenseConductance):
    """A wrong conductor: nothing changes as its levels move."""

    def current_change(self, f: Any, change: Levels) -> Any:
        return 0 * f


CAUGHT: list[tuple[type[DenseConductance], str, str]] = [
    (Leaking, "particle_balance", "current"),
    (Crossed, "continuity", "bond_current"),
    (Warm, "energy_balance", "dissipated_heat"),
    (Backwards, "second_law", "current"),
    (Biased, "conditions", "current"),
    (DenseConductance, "integration", "current"),
    (Leaking, "sum_rule", "transmission"),
    (Dim, "local_sum_rule", "dos"),
    (Dim, "local_sum_rule", "bond_current"),
    (Circling, "onsager", "conductance"),
    (Stiff, "gauge", "conductance_2"),
]


def rising(problem: Any, system: Any, direction: Any, followed: Any) -> Levels:
    """All levels follow the first terminal."""
    rise = float(direction[0, 0])
    return Levels(np.full(len(system.weight), rise), np.full(system.n_terminals, rise))


ELSEWHERE = ("gauge_shift", "characteristic_sum", "forbidden")  # tests of screening and of verdicts in tasks


@pytest.mark.parametrize("name", [name for name in audit.MEANINGS if name not in ELSEWHERE])
def test_every_audit_catches_something(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An audit that nobody can trip is none."""
    cases = [(wrong, of) for wrong, caught, of in CAUGHT if caught == name]
    assert cases
    T = 0.3 if name == "integration" else 0.0
    if name == "integration":
        monkeypatch.setattr(finite_temperature, "INTEGRATION", 1.0)  # a solver that is content too early
    probes = name == "conditions"
    if probes:  # what the wrong conductor gives is corrected, by a solver that is content too early
        monkeypatch.setattr(newton, "ACCURACY", np.inf)
        monkeypatch.setattr(newton, "SETTLED", np.inf)
    middle = Lead("M", [2], current=1e-3) if probes else Lead("M", [2], 1.02, T=T)
    leads = [Lead("L", [0], 1.05, T=T), Lead("R", [4], 0.95, T=T), middle]
    for wrong, of in cases:
        monkeypatch.setattr(DenseConductor, "at", lambda self, energies, of=wrong: of(self.system, energies))
        verb = verbs[outputs[of].verbs[0]]
        if name == "gauge":
            monkeypatch.setattr(following, "levels_of", rising)
            monkeypatch.setattr(response, "levels_of", rising)
        options: dict[str, Any] = {"method": DENSE.name}
        options |= {"order": 1} if verb.name == "transport" else {}
        with pytest.raises(NotConverged, match=f"audit '{name}' failed"):
            read(of, verb.solve(Request(device(chain(5), leads, T=T), options)))
