"""The covariance equation of declared devices: real space against cells, bonds, spins, continuity."""

from dataclasses import replace

import numpy as np
import pytest

import modelkit
from modelkit.compile.cells import unit_cell
from modelkit.compile.lindbladian import lindbladian
from modelkit.errors import ModelError
from modelkit.solve.open_chains.gaussian.gaussian import Gaussian
from modelkit.solve.open_chains.problem import OpenProblem

RING = """
model ring "spins on a ring: random-looking matrices, jumps over two cells, dephasing of hops"
param cells = 9
lattice wire {
  internal spin
  site c[j] for j in ring(cells)
  hop c[j] -> c[j+1] : -1*sigma_0 + 0.3i*sigma_y + 0.2*sigma_z
  hop c[j] -> c[j+2] : 0.25i*sigma_x
  onsite c[j] : 0.4*sigma_z + 0.1*sigma_x
}
dissipator loss[j] on wire { jump = c[j, up] + (0.3 + 0.5i)*c[j+1, down]; rate = 0.4 }
dissipator gain[j] on wire { jump = c[j, down]' - 0.7i*c[j-1, up]'; rate = 0.3 }
dissipator noise[j] on wire { jump = 1i*c[j, up]'*c[j+1, down] - 1i*c[j+1, down]'*c[j, up]; rate = 0.6 }
"""

OPEN = """
model open "two sublattices with open ends, hops over one and two cells, disorder"
param N = 6
lattice ladder {
  site a[l] for l in 1..N
  site b[l] for l in 1..N
  hop a[l] -> a[l+1] : -1
  hop b[l+1] -> b[l] : 0.4i
  hop a[l] -> b[l] : 0.7
  hop b[l] -> a[l+2] : 0.2
  disorder onsite a[l] : uniform(-1, 1, seed = 3)
}
dissipator left on ladder { jump = a[1]'; rate = 0.8 }
dissipator right on ladder { jump = b[N] - 0.4i*a[N]; rate = 0.6 }
dissipator phase[l] on ladder { jump = a[l]'*a[l]; rate = 0.3 }
dissipator noise[l] on ladder { jump = a[l]'*b[l+1] + b[l+1]'*a[l]; rate = 0.2 }
"""


def problem(text, **values):
    return OpenProblem(lindbladian=lindbladian(modelkit.loads(text).device(**values)))


def cell(text, **values):
    return OpenProblem(cell=unit_cell(modelkit.loads(text).device(**values)))


@pytest.fixture(scope="module")
def ring():
    return Gaussian().steady(problem(RING))


@pytest.fixture(scope="module")
def opened():
    return Gaussian().steady(problem(OPEN))


@pytest.mark.parametrize(
    "output", ["current", "current_by_spin", "jump_current", "energy_current", "loss_rate"]
)
def test_a_ring_and_its_cell(ring, output):
    """Lyapunov equations of 18 orbitals and of 2 at each momentum, joined by the noise."""
    by_momentum = Gaussian().steady(cell(RING))
    expected = getattr(by_momentum, output).values
    assert np.abs(expected).max() > 1e-3
    assert getattr(ring, output).values == pytest.approx(expected, abs=1e-13)


def test_a_ring_and_its_modes(ring):
    by_momentum = Gaussian().steady(cell(RING))
    assert by_momentum.occupation.values.shape == (9, 2)
    assert ring.occupation.values == pytest.approx(2 * by_momentum.occupation.values.mean(), abs=1e-13)
    assert by_momentum.current_by_orbital.values.sum() == pytest.approx(float(ring.current.values), abs=1e-13)


def test_lagrange_multipliers_are_of_modes():
    both = replace(problem(RING), cell=cell(RING).cell, asked=frozenset({"lagrange_multiplier"}))
    found = Gaussian().steady(both)
    n = found.occupation.values
    assert found.lagrange_multiplier.dims == ("momentum", "band")
    assert found.lagrange_multiplier.values == pytest.approx(np.log((1 - n) / n), abs=1e-12)


def test_the_infinite_chain_is_the_limit_of_rings(ring):
    whole = cell(RING)

    infinite = Gaussian().steady(OpenProblem(cell=replace(whole.cell, cells=None)))
    long = Gaussian().steady(cell(RING, cells=60))
    assert float(infinite.current.values) == pytest.approx(float(long.current.values), abs=1e-11)
    assert abs(float(ring.current.values - infinite.current.values)) > 1e-9
    assert infinite.audits["correlations"] < 1e-12


def test_bonds_carry_what_ends_and_noise_leave(opened):
    """Continuity over declared bonds alone: hops in and out, plus ends, plus what the noise exchanges."""
    device = modelkit.loads(OPEN).device()
    net = np.zeros(device.size)
    np.add.at(net, device.bonds.target, opened.bond_current.values)
    np.add.at(net, device.bonds.source, -opened.bond_current.values)
    n = opened.occupation.values
    a, b = n[:6], n[6:]
    exchanged = 0.2 * (b[1:] - a[:-1])  # noise between a[l] and b[l+1]: equal rates both ways
    net[:5] += exchanged
    net[7:] -= exchanged
    net[0] += 0.8 * (1 - n[0])
    assert net[[1, 2, 3, 4, 6, 7, 8, 9, 10]] == pytest.approx(0, abs=1e-13)
    assert net[[5, 11]].sum() == pytest.approx(opened.loss_rate.values[1], abs=1e-13)
    assert net[0] == pytest.approx(0, abs=1e-13)


def test_the_current_counts_cells(opened):
    device = modelkit.loads(OPEN).device()
    index = np.concatenate([group.index["l"] for group in device.sites])
    crossed = index[device.bonds.target] - index[device.bonds.source]
    assert set(crossed) == {-1, 0, 1, 2}
    expected = np.sum(crossed * opened.bond_current.values) / 6
    assert float(opened.current.values) == pytest.approx(expected, abs=1e-14)


def test_the_number_of_particles_moves_as_the_current_says():
    """d<x>/dt of a closed chain, x the index: by a difference in time, the noise included."""
    text = OPEN.replace("rate = 0.8", "rate = 0").replace("rate = 0.6", "rate = 0")
    start = np.linspace(0.9, 0.2, 12)
    step = 1e-4
    found = Gaussian().evolve(problem(text), np.array([0.5 - step, 0.5, 0.5 + step]), {"occupation": start})
    index = np.tile(np.arange(1, 7), 2)
    moved = np.diff((found.occupation.values @ index)[[0, 2]])[0] / (2 * step)
    told = float(found.current.values[1] + found.jump_current.values[1]) * 6
    assert told == pytest.approx(moved, abs=1e-6)
    assert abs(float(found.jump_current.values[1])) > 1e-3


def test_sites_without_an_index_have_no_current_along_the_chain():
    text = """
    model dots "two dots"
    lattice dots { site a; site b; hop a -> b : -1 }
    dissipator left on dots { jump = a'; rate = 0.8 }
    dissipator right on dots { jump = b; rate = 0.6 }
    """
    found = Gaussian().steady(problem(text))
    assert found.current is None
    flow = 1 / (1 / 0.8 + 1 / 0.6 + (0.8 + 0.6) / 4)  # ends at 0.8 and 0.6, the bond decoheres at 0.7
    assert found.bond_current.values == pytest.approx([flow], abs=1e-14)
    asked = problem(text)
    with pytest.raises(ModelError, match="needs an index on every site"):
        Gaussian().steady(OpenProblem(lindbladian=asked.lindbladian, asked=frozenset({"current"})))


def test_rings_of_different_lengths_have_no_common_current():
    text = """
    model unequal "a ring beside a chain"
    lattice wheel { site a[j] for j in ring(5); hop a[j] -> a[j+1] : -1 }
    lattice wire { site b[j] for j in 1..4; hop b[j] -> b[j+1] : -1 }
    dissipator left[j] on wheel { jump = a[j]'; rate = 0.8 }
    dissipator right[j] on wire { jump = b[j]; rate = 0.6 }
    """
    found = Gaussian().steady(problem(text))
    assert found.current is None
    assert found.occupation.values == pytest.approx([1] * 5 + [0] * 4)
    with pytest.raises(ModelError, match="rings of one length"):
        Gaussian().steady(replace(problem(text), asked=frozenset({"current"})))


def test_there_is_no_current_of_spins_without_spin():
    asked = OpenProblem(lindbladian=problem(OPEN).lindbladian, asked=frozenset({"current_by_spin"}))
    with pytest.raises(ModelError, match="no spin"):
        Gaussian().steady(asked)


def test_what_is_left_out_is_told():
    found = Gaussian().steady(problem(OPEN))
    assert found.attributes["left_out"].startswith("1 of noise")
    assert found.labels["dissipator"] == ("left", "right", "phase", "noise")


def test_energy_is_carried_along_by_particles():
    """One band, G a function of k: ``(1/L) sum e v n``, from the modes of the cell."""
    text = """
    model lossy "loss over two cells"
    param cells = 12
    lattice chain { site c[j] for j in ring(cells); hop c[j] -> c[j+1] : -1; onsite c[j] : 0.3 }
    dissipator loss[j] on chain { jump = c[j] + (0.4 + 0.8i)*c[j+1]; rate = 1 }
    dissipator gain[j] on chain { jump = c[j]'; rate = 0.6 }
    """
    k = 2 * np.pi * np.arange(12) / 12
    n = 0.6 / (0.6 + np.abs(1 + (0.4 + 0.8j) * np.exp(1j * k)) ** 2)
    energy, velocity = 0.3 - 2 * np.cos(k), 2 * np.sin(k)
    for found in (Gaussian().steady(problem(text)), Gaussian().steady(cell(text))):
        assert float(found.energy_current.values) == pytest.approx(np.mean(energy * velocity * n), abs=1e-14)
        assert float(found.current.values) == pytest.approx(np.mean(velocity * n), abs=1e-14)
        assert float(found.jump_current.values) == 0


@pytest.mark.parametrize("noise", ["0.6", "0"])
def test_evolutions_of_a_ring_and_of_its_cell(noise):
    """All orbitals at once; each momentum by itself, or joined by the noise."""
    text = RING.replace("rate = 0.6", f"rate = {noise}")
    times = np.array([0.0, 0.4, 0.8, 3.0])
    whole = Gaussian().evolve(problem(text), times, {"lagrange": 0.7})
    blocks = Gaussian().evolve(cell(text), times, {"lagrange": 0.7})
    for output in ("current", "current_by_spin", "jump_current", "energy_current"):
        assert getattr(whole, output).values == pytest.approx(getattr(blocks, output).values, abs=1e-9)
    lost = blocks.loss_rate.values  # a cell has no jumps of rate zero
    assert whole.loss_rate.values[:, : lost.shape[1]] == pytest.approx(lost, abs=1e-9)
    assert blocks.occupation.dims == ("time", "momentum", "band")
    assert whole.occupation.values.mean(axis=1) / 2 == pytest.approx(
        blocks.occupation.values.mean(axis=(1, 2)), abs=1e-9
    )
    assert blocks.lagrange_multiplier.values[0] == pytest.approx(0.7)


def test_an_infinite_chain_relaxes():
    """``dn/dt = g - (g + |v|^2) n`` for each momentum of one band; the initial state may depend on it."""
    text = """
    model lossy "loss over two cells"
    param cells = 40
    lattice chain { site c[j] for j in ring(cells); hop c[j] -> c[j+1] : -1 }
    dissipator loss[j] on chain { jump = c[j] + 0.5i*c[j+1]; rate = 0.2 }
    dissipator gain[j] on chain { jump = c[j]'; rate = 0.1 }
    """
    infinite = replace(cell(text).cell, cells=None)
    k, times = np.array([-1.0, 0.3, 2.0]), np.array([0.0, 1.5, 20.0])
    start = lambda k: 0.5 + 0.3 * np.cos(k)[:, None]  # noqa: E731
    found = Gaussian().evolve(OpenProblem(cell=infinite, momenta=k), times, {"occupation": start})
    decay = 0.1 + 0.2 * np.abs(1 + 0.5j * np.exp(1j * k)) ** 2
    expected = 0.1 / decay + (start(k)[:, 0] - 0.1 / decay) * np.exp(-np.outer(times, decay))
    assert found.occupation.values[:, :, 0] == pytest.approx(expected, abs=1e-12)
    assert float(found.current.values[0]) == pytest.approx(0, abs=1e-12)
    assert found.audits["correlations"] < 1e-10


@pytest.mark.parametrize(("cells", "methods"), [(2, ("exact", "gaussian")), (4, ("gaussian",))])
def test_what_goes_half_way_round_a_ring_goes_neither_way(cells, methods):
    """By cells as in real space: a hop or a jump half way round adds nothing to any current."""
    model = modelkit.loads(
        RING.replace("hop c[j] -> c[j+2] :", "hop c[j] -> c[j+2] where cells > 2 :")
        + "dissipator far[j] on wire { jump = c[j, up]'*c[j+2, up] + c[j+2, up]'*c[j, up]; rate = 0.2 }\n"
        "task a = steady_state { output jump_current, current_by_spin, current }\n"
        "task b = steady_state {\n  sweep k_j in {0}\n"
        "  output occupation, jump_current, current_by_spin, current\n}"
    )
    by_cells = model.run("b", cells=cells, method="gaussian")
    for method in methods:
        whole = model.run("a", cells=cells, method=method)
        for name in ("jump_current", "current_by_spin", "current"):
            np.testing.assert_allclose(by_cells[name].values, whole[name].values, atol=1e-10, err_msg=name)
    if cells == 2:
        assert np.abs(by_cells.current_by_spin.values).max() < 1e-12


def test_bands_are_counted_from_zero_by_all_methods():
    text = RING.split("dissipator")[0] + (
        "dissipator noise[j] on wire { jump = c[j, up]'*c[j, up]; rate = 0.1 }\nfilling wire = 1/2\n"
        "task b = steady_state { sweep k_j in {2*pi/3}; output occupation }"
    )
    for method in ("gaussian", "gge", "exact"):
        found = modelkit.loads(text).run("b", cells=3, method=method)
        assert found.band.values.tolist() == [0, 1]


DIMERS = """\
model dimers
lattice chain {
  site a[j] for j in ring(infinite)
  site b[j] for j in ring(infinite)
  hop a[j] -> b[j] : -1
  hop b[j] -> a[j+1] : -0.6
}
dissipator loss[j] on chain { jump = a[j] + 0.7i*b[j]; rate = 1e-6 }
dissipator gain_a[j] on chain { jump = a[j]'; rate = 1e-6 }
dissipator gain_b[j] on chain { jump = b[j]'; rate = 1e-6 }
task t = steady_state { sweep k_j from -2 to 2 points 5; output occupation }
"""


@pytest.mark.parametrize("method", ["gaussian", "gge"])
def test_the_lowest_band_is_number_zero(method):
    found = modelkit.loads(DIMERS).run("t", method=method).occupation
    phase = -np.angle(1 + 0.6 * np.exp(-1j * found.momentum.values))  # of b in the lower band, a being real
    for band, sign in ((0, 1), (1, -1)):
        lost = np.abs(1 + 0.7j * sign * np.exp(1j * phase)) ** 2 / 2
        assert found.sel(band=band).values == pytest.approx(1 / (1 + lost), abs=1e-5)
