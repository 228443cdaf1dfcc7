"""Self-consistent potentials at a strong bias: folds, and biases of several Fermi energies."""

from __future__ import annotations

import numpy as np
import pytest

import modelkit as mk
from modelkit.solve.junction.nonlinear import Grids, solve_steady
from modelkit.solve.junction.steady import steady
from modelkit.solve.request import Request

ENGINE = """model engine "a dot between hot and cold whose charge moves its levels: a branch that folds"
param scale = 1
reference { mu = 0; T = 0.4 }
lattice dot {
  site d[l] for l in 1..2 at (l, 0)
  onsite d[l] : 1.8
  hop d[1] -> d[2] : -0.3
}
bath H on dot.d[1] { self_energy = wide_band(0.1); mu = 0; T = 0.4 + 0.6*scale }
probe C on dot.d[2] { self_energy = wide_band(0.1); T = 0.4; solve mu such that I == -mu/50 }
screening on dot { solve U such that charge == 0 }
task t = transport { output current, chemical_potential, potential }
"""


@pytest.mark.slow
def test_where_the_branch_from_equilibrium_ends_others_are_not_denied() -> None:
    model = mk.loads(ENGINE)
    request = Request(model.device(), {}, {})
    problem = steady(request.device)
    with pytest.raises(mk.NotConverged, match="others, not connected with equilibrium, may exist"):
        solve_steady(Grids(request, problem), unique=False)
    other = solve_steady(Grids(request, problem), unique=False, start=np.array([0.015, 2.03, 0.04]))
    assert np.abs(other.point.left).max() < 1e-10 * other.point.gross.max(), "the conditions hold on it"
    assert other.point.x[1] > 2


STRONG = """model strong
param V = 1.5
param W = 0.3
param shift = 0
reference { mu = -1.5; T = 0.01 }
lattice w { site c[l] for l in 1..6; hop c[l] -> c[l+1] : -1; onsite c[3] : W }
bath L on w.c[1] {
  self_energy = chain(hopping = 1, coupling = 1); bands = local; mu = -1.5 + shift + V/2; T = 0.01
}
bath R on w.c[6] {
  self_energy = chain(hopping = 1, coupling = 1); bands = local; mu = -1.5 + shift - V/2; T = 0.01
}
screening on w { solve U such that charge == 0 }
task full = transport { output current, potential }
"""


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0, -0.75])
def test_a_bias_of_three_fermi_energies_over_an_impurity(shift: float) -> None:
    """Mirrored, the device and its bias are the same with the current reversed; raised, all stays."""
    found = mk.loads(STRONG).run("full", shift=shift)
    mirrored = mk.loads(STRONG.replace("onsite c[3]", "onsite c[4]")).run("full", V=-1.5)
    assert float(found.current[0]) == pytest.approx(-float(mirrored.current[0]), rel=1e-8)
    assert found.potential.values - shift == pytest.approx(mirrored.potential.values[::-1], abs=1e-7)
