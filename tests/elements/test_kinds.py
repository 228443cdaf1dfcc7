"""Self-energies, conditions and distributions: every registered kind keeps its promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelkit.elements.conditions import conditions
from modelkit.elements.disorder import distributions
from modelkit.elements.lattice_kinds import lattice_kinds
from modelkit.elements.self_energies import Argument, continues, self_energies
from modelkit.language.parser import parse
from tests.elements.reading import read

ENERGIES = np.linspace(-5, 5, 401)
positive = st.floats(0.05, 3)


def example(arguments: dict[str, Argument]) -> dict[str, float]:
    return {name: 0.5 + 0.25 * place for place, name in enumerate(arguments)}


@pytest.mark.parametrize("kind", [kind for kind in self_energies if not continues(kind)])
def test_a_self_energy_is_retarded_and_smooth_between_its_edges(kind: str) -> None:
    described = self_energies[kind]
    arguments = example(dict(described.arguments))
    assert described.refuses(**arguments) is None
    sigma = described.sigma(ENERGIES, **arguments)
    assert sigma.shape == ENERGIES.shape
    assert np.all(sigma.imag <= 0)
    edges = np.array([float(edge) for edge in described.edges(**arguments)])
    inside = np.ones(len(ENERGIES) - 1, dtype=bool)
    for edge in edges:
        inside &= (ENERGIES[:-1] - edge) * (ENERGIES[1:] - edge) > 0
    assert np.all(np.abs(np.diff(sigma))[inside] < 0.2)


@given(positive, positive, st.floats(-6, 6))
def test_a_chain_solves_its_own_recursion(hopping: float, coupling: float, energy: float) -> None:
    # the end of a semi-infinite chain sees a semi-infinite chain: g = 1/(E - hopping^2 g)
    chain = self_energies["chain"]
    g = chain.sigma(energy, hopping=hopping, coupling=1.0)
    assert g * (energy - hopping**2 * g) == pytest.approx(1, abs=1e-9)
    assert chain.sigma(energy, hopping=hopping, coupling=coupling) == pytest.approx(coupling**2 * g)
    assert abs(g) <= 1 / hopping + 1e-12  # the decaying root outside the band


def test_a_chain_has_the_self_energy_of_the_paper() -> None:
    # arXiv:2409.12510, (B14): Sigma = (g^2/2)(w - i sqrt(4 - w^2)), Gamma = g^2 sqrt(4 - w^2)
    w, g = np.linspace(-1.9, 1.9, 7), 0.7
    sigma = self_energies["chain"].sigma(w, hopping=1.0, coupling=g)
    assert sigma == pytest.approx(g**2 / 2 * (w - 1j * np.sqrt(4 - w**2)))
    outside = self_energies["chain"].sigma(np.array([-3.0, 3.0]), hopping=1.0, coupling=g)
    assert outside == pytest.approx(g**2 / 2 * np.array([-3 + np.sqrt(5), 3 - np.sqrt(5)]))
    assert np.all(outside.imag == 0)
    far = self_energies["chain"].sigma(1e9, hopping=1.0, coupling=g)
    assert far == pytest.approx(g**2 / 1e9, rel=1e-12)


def test_arguments_broadcast_against_energies() -> None:
    sigma = self_energies["chain"].sigma(ENERGIES[:, None], hopping=1.0, coupling=np.array([0.1, 0.2, 0.3]))
    assert sigma.shape == (401, 3)
    matrix = self_energies["wide_band"].sigma(ENERGIES.reshape(-1, 1, 1, 1), Gamma=np.eye(2)[None])
    assert matrix.shape == (401, 1, 2, 2)
    assert matrix[7, 0] == pytest.approx(-0.5j * np.eye(2))


def test_values_without_meaning_are_refused() -> None:
    assert self_energies["chain"].refuses(hopping=np.array([1.0, 0.0]), coupling=1.0)
    assert self_energies["wide_band"].refuses(Gamma=-1.0)
    assert self_energies["wide_band"].refuses(Gamma=1j)


@pytest.mark.parametrize("word", conditions)
def test_a_condition_weighs_every_energy(word: str) -> None:
    weight = conditions[word].weight(ENERGIES, np.full(401, 0.1))
    assert weight.shape == ENERGIES.shape
    assert conditions[word].meaning


@pytest.mark.parametrize("word", distributions)
def test_a_distribution_is_the_inverse_of_a_growing_probability(word: str) -> None:
    described = distributions[word]
    arguments = {name: np.float64(place + 1) for place, name in enumerate(described.arguments)}
    uniform = np.linspace(0.001, 0.999, 999)
    values = described.values(uniform, **arguments)
    assert values.shape == uniform.shape
    assert np.all(np.diff(values) > 0)


def test_distributions_have_the_moments_they_are_called_after() -> None:
    uniform = (np.arange(100_000) + 0.5) / 100_000
    flat = distributions["uniform"].values(uniform, low=np.float64(-1), high=np.float64(3))
    assert (flat.min(), flat.max(), flat.mean()) == pytest.approx((-1, 3, 1), abs=1e-4)
    bell = distributions["normal"].values(uniform, mean=np.float64(2), deviation=np.float64(0.5))
    assert (bell.mean(), bell.std()) == pytest.approx((2, 0.5), abs=1e-3)


@pytest.mark.parametrize("kind", lattice_kinds)
def test_a_kind_of_lattice_is_a_lattice_of_the_language(kind: str) -> None:
    import inspect

    needed = [
        name
        for name, one in inspect.signature(lattice_kinds[kind]).parameters.items()
        if one.default is inspect.Parameter.empty
    ]
    text = lattice_kinds[kind](**dict.fromkeys(needed, "n + 1"))
    assert len(parse(text).statements) >= 2
    arguments = ", ".join(f"{name} = n + 1" for name in needed)
    found = read(f"model m\nparam n = 3\nlattice a = {kind}({arguments})")
    assert found.parameters["n"].integer
