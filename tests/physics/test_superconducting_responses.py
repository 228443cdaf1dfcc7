"""Linear response with leads that pair: phases and fluxes reversed it is the transposed one."""

from __future__ import annotations

import numpy as np
import pytest

import modelkit as mk
from modelkit.compile.open_system import Levels, open_system
from modelkit.solve.methods.lattice.blocks import BlockConductor
from modelkit.solve.methods.lattice.sparse import SparseConductor
from tests.physics.junctions import JUNCTION

INTERFEROMETER = """\
model interferometer
param phase = 0; param U = 0
reference { mu = 0; T = 0.1 }
lattice wire {
  internal spin
  site c[l] for l in 1..6 at (l, 0)
  onsite c[l] : -0.1
  onsite c[l] where l == 2 : 0.7
  hop c[l] -> c[l+1] : -1
  pair c[l] - c[l] where l < 2 : 0.2*[0, 1 | -1, 0]
  pair c[l] - c[l] where l > 4 : 0.2*exp(1i*phase)*[0, 1 | -1, 0]
}
potential on wire { U = U }
bath R on wire.left { self_energy = lead; mu = 0; T = 0.1; bands = local }
bath L on wire.c[2] { self_energy = -0.1i; mu = 0; T = 0.1 }
bath M on wire.c[4] { self_energy = -0.2i; mu = 0; T = 0.1 }
bath S on wire.right { self_energy = lead; mu = 0; T = 0.1; bands = local }
task go = response { output response_1 }
"""


@pytest.mark.parametrize("U", [0.0, 0.25])
def test_reversed_phases_transpose_the_response(U: float) -> None:
    model = mk.loads(INTERFEROMETER)
    one, other = (model.run("go", phase=phase, U=U) for phase in (1.0, -1.0))
    normal, T = ["L", "M"], 0.1
    first, second = (found.response_1.sel(terminal=normal, terminal_from=normal) for found in (one, other))
    charge = first.sel(of="I", by="V").values
    assert abs(charge[0, 1] - charge[1, 0]) > 1e-4
    np.testing.assert_allclose(charge, second.sel(of="I", by="V").values.T, atol=1e-9)
    heated = first.sel(of="I", by="T").values
    assert np.abs(heated).max() > 1e-3
    np.testing.assert_allclose(heated, second.sel(of="J", by="V").values.T / T, atol=1e-8)
    whole = [found.response_1.sel(of="J", by="T").values[:4, :4] for found in (one, other)]  # of leads too
    np.testing.assert_allclose(whole[0], whole[1].T, atol=1e-9)
    assert float(one.audit_onsager) < 1e-10


def test_leads_whose_gaps_differ_by_a_phase_have_the_same_edges() -> None:
    edges = [open_system(mk.loads(INTERFEROMETER).device(phase=x)).contacts.edges for x in (0.0, 1.0, 2.3)]
    for found in edges:
        assert len(found) == len(edges[0])
        np.testing.assert_allclose(found, edges[0], atol=1e-13)


@pytest.mark.parametrize("method", [SparseConductor, BlockConductor])
def test_the_charge_that_is_taken_as_a_power_series(method) -> None:
    """Levels and bands of the other terminals move; coefficients from systems that have moved."""
    text = JUNCTION.replace("ENERGIES", "0").replace(
        "MORE", "bath M on wire.c[1] { self_energy = chain(1, 0.7); mu = 0 }"
    )
    system = open_system(mk.loads(text).device(N=5, phase=0.4))
    energies = np.array([0.17, 0.63])
    potential = np.array([0.3, -0.2, 0.5, 0.1, -0.4])
    first, second = (Levels(potential * size, np.array([0.4, 0.0, 0.6]) * size**2) for size in (1.0, 0.7))

    def moved(s: float) -> np.ndarray:
        there = system.moved(Levels(s * first.potential, s * first.bands))
        return method(there).at(energies).transmission()

    nodes = 0.02 * np.cos(np.pi * (np.arange(10) + 0.5) / 10)
    values = np.stack([moved(s) for s in nodes])
    fitted = np.linalg.solve(np.vander(nodes / 0.02, 10, increasing=True), values.reshape(10, -1)).reshape(
        values.shape
    )
    through, _ = method(system).at(energies).series([first, second, first], 3)
    off = ~np.eye(system.n_terminals, dtype=bool)
    meters = system.reservoirs.meters
    for k in range(4):
        size = max(1.0, np.abs(fitted[k] / 0.02**k).max())
        assert np.abs((through[0, k] - fitted[k] / 0.02**k)[:, off]).max() < 10.0 ** (-9 + 2 * k) * size
        assert np.abs(through[0, k][:, meters]).max() > 1e-3
        np.testing.assert_allclose(through[2, k], k * through[0, k], atol=1e-10 * size)
    f = np.array([[0.7, 0.0, 0.3, 0.2, 0.0, 0.9]] * 2)
    change = method(system).at(energies).current_change(f, second)
    x = f[:, :, None] - f[:, None, :]
    np.testing.assert_allclose(np.einsum("eab,eab->ea", through[1, 1], x) / (2 * np.pi), change, atol=1e-10)
