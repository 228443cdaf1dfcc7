"""How far parameters of a condition go before nothing solves it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import modelkit as mk
from modelkit.solve.junction.balance import Point
from modelkit.solve.junction.nonlinear import Grids
from modelkit.solve.request import Effort
from modelkit.tasks import limits

TEXT = """model injected
param V = 0.1
param drive = 0.5 "injected current"
param extra = 0
reference { mu = 0; T = 0 }
lattice w { site c[l] for l in 1..3; hop c[l] -> c[l+1] : -1 }
bath L on w.c[1] { self_energy = wide_band(Gamma = 1); mu = V/2; T = 0 }
bath R on w.c[3] { self_energy = wide_band(Gamma = 1); mu = -V/2; T = 0 }
probe S on w.c[2] { self_energy = chain(hopping = 0.2, coupling = 0.4); T = 0; solve mu such that I == GIVEN }
task full = transport { output current, chemical_potential }
task some = transport { sweep drive in {0, 0.5}; output current }
"""


def largest() -> float:
    """What S injects when its whole band is filled, above what L and R fill: by hand."""
    energies, weights = np.polynomial.legendre.leggauss(400)
    angle = np.pi / 2 * energies  # E = 0.4 sin(angle) takes the square roots at the edges
    e, w = 0.4 * np.sin(angle), 0.4 * np.cos(angle) * np.pi / 2 * weights
    sigma = 0.4**2 / (2 * 0.2**2) * (e - 1j * np.sqrt(0.16 - e**2))
    h = np.array([[0, -1, 0], [-1, 0, -1], [0, -1, 0]])
    z = e[:, None, None] * np.eye(3) - h + np.zeros((len(e), 3, 3), dtype=complex)
    z[:, 0, 0] += 0.5j
    z[:, 2, 2] += 0.5j
    z[:, 1, 1] -= sigma
    green = np.linalg.inv(z)
    gamma = -2 * sigma.imag
    total = 0.0
    for end, mu in ((0, 0.05), (2, -0.05)):
        total += float(w @ (gamma * np.abs(green[:, end, 1]) ** 2 * (e > mu))) / (2 * np.pi)
    return total


def test_the_limit_is_the_current_of_a_full_band() -> None:
    with pytest.raises(mk.NotConverged) as caught:
        mk.loads(TEXT.replace("GIVEN", "drive")).run("full")
    error = caught.value
    assert error.condition == ("S", "I")
    assert set(error.limit) == {"drive"}
    assert error.limit["drive"] == pytest.approx(largest(), rel=1e-3)  # steps of the band's filling at mu
    assert error.residual is not None
    assert error.residual > 0.1
    assert error.best["chemical_potential"].shape == (3,)
    assert f"there is a solution up to drive = {error.limit['drive']:.7g}" in str(error)
    found = mk.loads(TEXT.replace("GIVEN", "drive")).run("full", drive=error.limit["drive"])
    assert float(found.current.sel(terminal="S")) == pytest.approx(error.limit["drive"], rel=1e-9)


def test_what_is_scaled_is_said() -> None:
    with pytest.raises(mk.NotConverged, match="the bias and the prescribed currents end at 0"):
        mk.loads(TEXT.replace("GIVEN", "drive")).run("full")
    with pytest.raises(mk.NotConverged, match="equilibrium, the prescribed currents end at 0"):
        mk.loads(TEXT.replace("GIVEN", "drive")).run("full", V=0)


def test_a_number_in_the_condition_has_no_limit_and_the_message_says_so() -> None:
    with pytest.raises(mk.NotConverged, match="no parameter enters that condition") as caught:
        mk.loads(TEXT.replace("GIVEN", "0.5")).run("full")
    assert caught.value.limit == {}


def test_a_failed_point_of_a_sweep_says_why() -> None:
    found = mk.loads(TEXT.replace("GIVEN", "drive")).run("some")
    assert found.failed.values[0] == ""
    assert "the prescribed currents end at" in str(found.failed.values[1])


WARM = """model warm
param drive = 0.5
reference { mu = 0; T = 0.05 }
lattice w { site c[l] for l in 1..3; hop c[l] -> c[l+1] : -1 }
bath L on w.c[1] { self_energy = wide_band(Gamma = 1); mu = 0.05; T = 0.05 }
bath R on w.c[3] { self_energy = wide_band(Gamma = 1); mu = -0.05; T = 0.05 }
probe S on w.c[2] {
  self_energy = chain(hopping = 0.2, coupling = 0.4); T = 0.05; solve mu such that I == drive
}
task full = transport { output current }
"""


def counted(monkeypatch: pytest.MonkeyPatch) -> dict[bool, int]:
    """Energies that were posed, those of the solution that fails and those of its limits apart."""
    spent = {False: 0, True: 0}
    plain = Grids.point

    def point(self: Grids, x: np.ndarray, scale: float) -> Point:
        found = plain(self, x, scale)
        spent[self.request.hasty] += found.grid.used
        return found

    monkeypatch.setattr(Grids, "point", point)
    return spent


@pytest.mark.parametrize("text", [TEXT.replace("GIVEN", "drive"), WARM])
def test_a_limit_takes_no_more_than_three_failures(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    spent = counted(monkeypatch)
    with pytest.raises(mk.NotConverged):
        mk.loads(text).run("full")
    assert 0 < spent[True] < 3.1 * spent[False]


def test_where_it_would_take_more_both_ends_of_what_was_found_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = mk.loads(TEXT.replace("GIVEN", "drive"))
    with pytest.raises(mk.NotConverged) as whole:
        model.run("full")
    monkeypatch.setattr(limits, "MORE", 0.2)
    spent = counted(monkeypatch)
    with pytest.raises(mk.NotConverged) as caught:
        model.run("full")
    assert spent[True] < 0.3 * spent[False]
    assert caught.value.limit == {}
    low, high = caught.value.between["drive"]
    assert 0 <= low < whole.value.limit["drive"] < high < 0.5
    assert f"solutions end at drive between {low:.7g} and {high:.7g}" in str(caught.value)
    assert whole.value.between == {}


def test_a_value_that_failed_from_far_off_is_tried_again_from_close_by() -> None:
    """A solver that reaches no farther than 0.02 from its last solution, and none beyond 0.7."""
    at = [0.0]

    class Shy:
        def converges(self, job: object, parameters: dict[str, float], effort: Effort) -> bool:
            effort.spend(1)
            (value,) = parameters.values()
            found = value <= 0.7 and abs(value - at[0]) <= 0.02
            at[0] = value if found else at[0]
            return found

    declared = mk.loads(TEXT.replace("GIVEN", "drive")).declarations.parameters["drive"]
    failed = SimpleNamespace(values={"drive": 1.0}, job=None)
    found = limits._bracket(Shy(), failed, declared, Effort())  # type: ignore[arg-type]
    assert found is not None
    assert found == pytest.approx((0.7, 0.7), rel=1e-6)
