"""Known laws of long chains: diffusion under dephasing, ballistic flow, losses that rectify."""

import numpy as np
import pytest

from modelkit.compile.unit_cell import CellJump, UnitCell
from modelkit.errors import NotConverged
from modelkit.solve.open_chains.gaussian import steady as covariance_steady
from modelkit.solve.open_chains.gaussian.gaussian import Gaussian
from modelkit.solve.open_chains.problem import OpenProblem
from tests.solve.open_chains.fermions import chain, family, hopping


def driven(size, drive=1.3, dephasing=0.0, levels=0.0, hopping_noise=0.0, bulk_loss=0.0):
    """Gain on the first site and loss on the last one, both at the rate ``drive``."""
    ends = np.eye(size)[[0, -1]]
    families = [family(drive, gain=ends[:1], name="in"), family(drive, loss=ends[1:], name="out")]
    if dephasing:
        families.append(family(dephasing, bilinear=projectors(size)))
    if hopping_noise:
        noise = np.zeros((size - 1, size, size))
        left = np.arange(size - 1)
        noise[left, left, left + 1] = noise[left, left + 1, left] = 1
        families.append(family(hopping_noise, bilinear=noise))
    if bulk_loss:
        families.append(family(bulk_loss, loss=np.eye(size), name="bulk"))
    h = hopping(size) + np.diag(levels * np.random.default_rng(1).normal(size=size))
    return OpenProblem(lindbladian=chain(h, *families))


def projectors(size):
    found = np.zeros((size, size, size))
    every = np.arange(size)
    found[every, every, every] = 1
    return found


def through(state, size):
    """The current of a bond, where it is the same of all: N - 1 bonds over N cells."""
    return float(state.current.values) * size / (size - 1)


@pytest.mark.parametrize("size", [2, 7, 60])
@pytest.mark.parametrize("dephasing", [0.0, 0.4])
@pytest.mark.parametrize("drive", [0.3, 2.0])
def test_a_driven_chain_with_dephasing(size, dephasing, drive):
    """Fick's law, exactly.  M. Znidaric, J. Stat. Mech. L05002 (2010).

    Neighbours are coherent as ``G_{j,j+1} = i J (n_{j+1} - n_j)/gamma``, others not at all; the bonds at the
    ends decohere at ``gamma + drive/2``.  With ``1 - n_1 = n_N = I/drive`` at the ends
    ``1/I = 2/drive + (drive + (N - 1) gamma)/(2 J^2)``: ballistic without dephasing, else I ~ 1/N.
    """
    found = Gaussian().steady(driven(size, drive, dephasing))
    expected = 1 / (2 / drive + (drive + (size - 1) * dephasing) / 2)
    assert through(found, size) == pytest.approx(expected, abs=1e-13)
    assert found.occupation.values[[0, -1]] == pytest.approx(
        [1 - expected / drive, expected / drive], abs=1e-12
    )
    assert found.loss_rate.values[:2] == pytest.approx([-expected, expected], abs=1e-12)


def test_noisy_hopping_moves_particles_by_itself():
    """Without H they hop at the rate r either way: ``dn_j = r (n_{j+1} - 2 n_j + n_{j-1})``."""
    size, rate, drive = 8, 0.7, 1.1
    problem = driven(size, drive, hopping_noise=rate)
    problem.lindbladian.hamiltonian.data[:] = 0
    found = Gaussian().steady(problem)
    expected = 1 / (2 / drive + (size - 1) / rate)
    assert float(found.jump_current.values) == pytest.approx(expected * (size - 1) / size, abs=1e-13)
    assert float(found.current.values) == 0


def test_hopping_and_its_noise_carry_one_current():
    """What the bonds and the jumps carry together is the same everywhere, what either does is not."""
    size = 9
    found = Gaussian().steady(driven(size, hopping_noise=0.3, levels=1.0))
    total = float(found.current.values + found.jump_current.values) * size / (size - 1)
    assert found.loss_rate.values[:2] == pytest.approx([-total, total], abs=1e-13)


def test_disorder_localises_and_dephasing_helps():
    size = 60
    currents = [
        through(Gaussian().steady(driven(size, 1.0, dephasing, levels=2.0)), size)
        for dephasing in (0.01, 0.3)
    ]
    assert 0 < currents[0] < currents[1]


def test_a_chain_that_is_localised_to_rounding_is_told():
    """The ends decay by exp(-N/xi) into the middle: no number is made up for what they never reach."""
    from modelkit.errors import ModelError

    with pytest.raises((ModelError, NotConverged), match=r"not unique|up to"):
        Gaussian().steady(driven(300, 1.0, levels=20.0))


@pytest.mark.parametrize("cells", [None, 24, 25, 1000])
def test_loss_over_two_cells_rectifies(cells):
    """Loss c_j + a c_{j+1} and gain g: n = g/(g + |1 + a e^{ik}|^2), density 3/8 and I = 3/10 here."""
    a, g = 0.4 + 0.8j, 0.6
    k = np.linspace(-np.pi, np.pi, 9)
    found = Gaussian().steady(OpenProblem(cell=lossy(a, g, cells), momenta=k))
    expected = g / (g + np.abs(1 + a * np.exp(1j * k)) ** 2)
    assert found.occupation.values[:, 0] == pytest.approx(expected, abs=1e-14)
    assert found.lagrange_multiplier.values[:, 0] == pytest.approx(np.log(1 / expected - 1), abs=1e-13)
    close = 1e-12 if cells in (None, 1000) else 1e-5  # rings converge exponentially in their length
    assert float(found.current.values) == pytest.approx(0.3, abs=close)
    assert found.loss_rate.values == pytest.approx([0.375, -0.375], abs=close)  # (1 - n) g in, as much out


def lossy(a, g, cells):
    one = np.ones(1, complex)
    hop = -np.ones((1, 1), complex)
    jumps = CellJump("loss", 1.0, {}, {0: one, 1: a * one}, {}), CellJump("gain", g, {}, {}, {0: one})
    return UnitCell({1: hop, -1: hop}, jumps, (), cells, "k_j", ("c",), np.array([-1]))


def test_iterations_converge_for_long_chains(monkeypatch):
    monkeypatch.setattr(covariance_steady, "CHEAP", 0)
    size = 150
    found = Gaussian().steady(driven(size, 1.0, 0.5))
    assert through(found, size) == pytest.approx(1 / (2 + (1 + (size - 1) * 0.5) / 2), rel=1e-11)
    assert 0 < found.counts["iterations"] < 400


def test_losses_everywhere_leave_a_profile():
    """Deep in a lossy chain nothing flows, and how density falls from the gain knows no length."""
    long, short = (
        Gaussian().steady(driven(size, 1.0, bulk_loss=0.4)).occupation.values for size in (300, 80)
    )
    assert long[:30] == pytest.approx(short[:30], abs=1e-10)
    assert np.all(long >= -1e-15)
    assert long[-1] < 1e-12


@pytest.mark.slow
def test_two_thousand_sites():
    size = 2000
    found = Gaussian().steady(driven(size, 1.0, levels=0.3, bulk_loss=0.01))
    assert max(found.audits.values()) < 1e-11
    gained, lost, bulk = found.loss_rate.values
    assert gained + lost + bulk == pytest.approx(0, abs=1e-12)
    assert bulk == pytest.approx(0.01 * found.occupation.values.sum(), rel=1e-10)
