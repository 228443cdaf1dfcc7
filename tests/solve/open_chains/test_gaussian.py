"""The covariance equation against Liouvillians on all 2^M states."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.numerics.lyapunov import Lyapunov
from modelkit.solve.open_chains.gaussian import evolution as covariance_evolution
from modelkit.solve.open_chains.gaussian import steady as covariance_steady
from modelkit.solve.open_chains.gaussian.gaussian import Gaussian
from modelkit.solve.open_chains.problem import OpenProblem
from modelkit.solve.open_chains.real_space.covariance import covariance_equation
from tests.solve.open_chains.fermions import Fock, chain, family, random_complex, random_hermitian

SEEDS = st.integers(0, 2**32 - 1)
FOUND = 1e-10


class Random:
    """A random chain, as a Lindbladian and on all states.

    ``mixed`` operators are sums of c and c†; bilinear ones are Hermitian, or a pair {W, W†}.
    """

    def __init__(self, seed, modes, *, mixed=False, linear=True, hermitian=True, pair=True):
        rng = np.random.default_rng(seed)
        h = random_hermitian(rng, modes)
        loss, gain = random_complex(rng, 2, 2, modes) / 2
        none = np.zeros((2, modes))
        families, jumps = [], []
        rates = rng.uniform(0.2, 1, 4)
        if linear:
            parts = [(loss, gain)] if mixed else [(loss, none), (none, gain)]
            for lost, gained in parts:
                families.append(family(rates[:2], loss=lost, gain=gained, name=f"linear{len(families)}"))
                jumps += [
                    (r, *pair_, np.zeros_like(h)) for r, *pair_ in zip(rates, lost, gained, strict=False)
                ]
        operators = [random_hermitian(rng, modes)] if hermitian else []
        if pair:
            one = random_complex(rng, modes, modes)
            operators += [one, one.conj().T]
        if operators:
            rate = np.r_[rates[2:3][: int(hermitian)], [rates[3]] * (2 * int(pair))]
            families.append(family(rate, bilinear=np.array(operators), name="bilinear"))
            jumps += [(r, none[0], none[0], W) for r, W in zip(rate, operators, strict=True)]
        self.chain, self.fock = chain(h, *families), Fock(h, jumps)
        self.problem = OpenProblem(lindbladian=self.chain)


KINDS = {
    "loss and gain": {"hermitian": False, "pair": False},
    "Hermitian": {"pair": False},
    "pairs": {},
    "c and c† in one": {"mixed": True, "hermitian": False, "pair": False},
    "everything": {"mixed": True},
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=4)
@given(seed=SEEDS)
def test_steady_states(kind, seed):
    model = Random(seed, 3, **KINDS[kind])
    found = Gaussian().steady(model.problem)
    expected = model.fock.steady()
    assert np.abs(found.occupation.values - expected.diagonal().real).max() < FOUND
    assert max(found.audits.values()) < 1e-11


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_steady_states_of_five_modes(kind):
    model = Random(11, 5, **KINDS[kind])
    found = Gaussian().steady(model.problem)
    assert np.abs(found.occupation.values - model.fock.steady().diagonal().real).max() < FOUND


@pytest.mark.parametrize("kind", [*KINDS, "conserving"])
@pytest.mark.parametrize("small", [True, False])
@settings(max_examples=2)
@given(seed=SEEDS)
def test_evolutions(kind, small, seed):
    """By eigenvectors, and by exponentials as matrices or by their action."""
    model = Random(seed, 3, **KINDS.get(kind, {"linear": False}))
    times = np.array([0.0, 0.3, 0.6, 2.7])
    start = np.random.default_rng(seed).uniform(size=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(covariance_evolution, "SMALL", 10**6 if small else 0)
        found = Gaussian().evolve(model.problem, times, {"occupation": start})
    expected = model.fock.evolved(start, times)
    assert found.occupation.dims == ("time", "site")
    assert np.abs(found.occupation.values - expected.diagonal(axis1=1, axis2=2).real).max() < FOUND
    assert found.audits["positivity"] < 1e-11


def test_an_evolution_ends_in_the_steady_state():
    model = Random(5, 3)
    late = Gaussian().evolve(model.problem, np.array([200.0]), {"filling": 0.9})
    steady = Gaussian().steady(model.problem)
    for name in ("current", "bond_current", "occupation", "loss_rate", "energy_current", "jump_current"):
        values = getattr(steady, name).values
        assert getattr(late, name).values[0] == pytest.approx(values, abs=1e-11)


@settings(max_examples=4)
@given(seed=SEEDS)
def test_rates_of_particles_are_those_of_the_evolution(seed):
    """``loss_rate`` is minus dN/dt, the operators with c and c† included; by a difference in time."""
    model = Random(seed, 3, mixed=True)
    step = 1e-4
    times = np.array([0.4 - step, 0.4, 0.4 + step])
    found = Gaussian().evolve(model.problem, times, {"filling": 0.3})
    change = np.diff(found.occupation.values.sum(axis=1)[[0, 2]])[0] / (2 * step)
    assert found.loss_rate.values[1].sum() == pytest.approx(-change, abs=1e-6)


@pytest.mark.parametrize("kind", ["Hermitian", "everything"])
def test_iterations_find_what_the_small_system_gives(kind, monkeypatch):
    model = Random(3, 5, **KINDS[kind])
    expected = Gaussian().steady(model.problem).occupation.values
    monkeypatch.setattr(covariance_steady, "CHEAP", 0)
    found = Gaussian().steady(model.problem)
    assert found.counts["iterations"] > 0
    assert np.abs(found.occupation.values - expected).max() < 1e-12


@pytest.mark.parametrize("dephasing", [0.0, 0.3])
def test_an_exceptional_point(dephasing):
    """Two sites whose decay differs by 4 |h|: eigenvectors of X coincide; only the triangular form holds."""
    h = np.array([[0, 1], [1, 0]], complex)
    loss, gain, W = np.diag([np.sqrt(4 + 0.25 + dephasing), 0]), np.diag([0, 0.5]), np.diag([0.0, 1.0])
    families = family(1.0, loss=loss[:1]), family(1.0, gain=gain[1:]), family(dephasing, bilinear=W[None])
    problem = OpenProblem(lindbladian=chain(h, *families))
    nothing, none = np.zeros(2), np.zeros((2, 2))
    jumps = [(1.0, loss[0], nothing, none), (1.0, nothing, gain[1], none), (dephasing, nothing, nothing, W)]
    assert Lyapunov(covariance_equation(problem.lindbladian).drift.toarray()).vectors is None
    fock = Fock(h, jumps)
    found = Gaussian().steady(problem).occupation.values
    assert np.abs(found - fock.steady().diagonal().real).max() < FOUND
    later = Gaussian().evolve(problem, np.array([0.7]), {"filling": 1}).occupation.values[0]
    assert np.abs(later - fock.evolved([1, 1], [0.7])[0].diagonal().real).max() < FOUND
