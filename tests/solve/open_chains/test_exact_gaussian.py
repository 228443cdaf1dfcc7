"""Density matrices against covariances where these close: all outputs of both methods."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelkit as mk
from modelkit.compile.unit_cell import CellJump
from modelkit.solve.open_chains.exact.exact import Exact
from modelkit.solve.open_chains.gaussian.gaussian import Gaussian
from modelkit.solve.open_chains.problem import OpenProblem
from tests.solve.open_chains.exact_chains import cell, chain, family, real_space

SHARED = ("current", "jump_current", "energy_current", "occupation", "loss_rate")
few = settings(max_examples=4, deadline=None, derandomize=True)
DRIVEN = """
model driven
lattice chain {
  internal spin
  site c[j] for j in 1..3
  hop c[j] -> c[j+1] : -1 - 0.3i*sigma_y + 0.2i*sigma_z
  onsite c[j] : 0.4*sigma_z
}
dissipator left on chain { jump = c[1, up]' + 0.3i*c[1, down]'; rate = 0.4 }
dissipator right on chain { jump = c[3, up] - c[3, down]; rate = 0.7 }
dissipator leak[j] on chain { jump = c[j, down] + 1i*c[j+1, up]; rate = 0.1 }
dissipator dephase[j] on chain { jump = c[j, up]'*c[j, up]; rate = 0.5 }
task end = steady_state {
  output current, current_by_spin, energy_current, bond_current, occupation, loss_rate
}
"""


def complex_normal(random, *shape):
    return random.normal(size=shape) + 1j * random.normal(size=shape)


def driven(seed, size=4):
    random = np.random.default_rng(seed)
    h = complex_normal(random, size, size)
    number = [(m, (m, m), 1.0) for m in range(2)]
    jumps = [
        family("loss", size, random.random(2), loss=complex_normal(random, 2, size)),
        family("gain", size, [0.3], gain=complex_normal(random, 1, size)),
        family("dephase", size, random.random(2), bilinear=number),
    ]
    return OpenProblem(chain(h + h.conj().T, jumps))


@few
@given(st.integers(0, 2**31))
def test_steady_states(seed):
    problem = driven(seed)
    one, other = Exact().steady(problem), Gaussian().steady(problem)
    for name in SHARED:
        ours, theirs = getattr(one, name), getattr(other, name)
        assert ours.dims == theirs.dims
        np.testing.assert_allclose(ours.values, theirs.values, atol=1e-9, err_msg=name)


@few
@given(st.integers(0, 2**31))
def test_evolutions(seed):
    problem, times = driven(seed, 3), np.array([0.0, 0.2, 0.4, 1.5])
    initial = {"occupation": np.random.default_rng(seed).random(3)}
    one, other = (method.evolve(problem, times, initial) for method in (Exact(), Gaussian()))
    for name in SHARED:
        ours, theirs = getattr(one, name), getattr(other, name)
        assert ours.dims == theirs.dims
        np.testing.assert_allclose(ours.values, theirs.values, atol=1e-8, err_msg=name)


def test_rings_of_two_orbitals():
    """Momentum blocks against real space: currents by spin, jumps and losses per cell."""
    random = np.random.default_rng(5)
    hop, W = complex_normal(random, 2, 2), complex_normal(random, 2, 2)
    onsite = complex_normal(random, 2, 2)
    hermitian = W + W.conj().T
    jumps = [
        CellJump("loss", 0.4, {}, {0: complex_normal(random, 2), 1: complex_normal(random, 2)}, {}),
        CellJump("gain", 0.3, {}, {}, {0: complex_normal(random, 2)}),
        CellJump("swap", 0.2, {(0, 0): hermitian}, {}, {}),
    ]
    blocks = {0: onsite + onsite.conj().T, 1: hop, -1: hop.conj().T}
    unit = cell(blocks, 3, jumps, spin=(0, 1))
    k = 2 * np.pi * np.arange(3) / 3
    one = Exact().steady(OpenProblem(real_space(unit), unit, momenta=k))
    other = Gaussian().steady(OpenProblem(cell=unit, momenta=k))
    for name in ("current", "current_by_spin", "energy_current", "jump_current", "occupation", "loss_rate"):
        ours, theirs = getattr(one, name), getattr(other, name)
        np.testing.assert_allclose(ours.values, theirs.values, atol=1e-9, err_msg=name)


def test_a_spinful_chain_from_its_text():
    model = mk.loads(DRIVEN)
    one, other = model.run("end", method="exact"), model.run("end", method="gaussian")
    shared = {name for name in other.data_vars if not name.startswith("audit_")}
    assert {"current_by_spin", "bond_current", "loss_rate"} <= shared <= set(one.data_vars)
    for name in sorted(shared):
        np.testing.assert_allclose(one[name].values, other[name].values, atol=1e-9, err_msg=name)
    assert one["current_by_spin"].sum() == pytest.approx(float(one["current"]))
