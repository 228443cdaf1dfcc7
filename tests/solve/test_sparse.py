"""The method for any lattice: rings, matrices, degenerate orbitals, dense against sparse."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.errors import ModelError
from modelkit.registry import methods
from modelkit.solve import choose as _choose  # noqa: F401  (enters the methods)
from modelkit.solve.methods.lattice import amplitudes, columns
from tests.solve.systems import chain_matrix, constant, half_chain, system

SPARSE = methods["sparse"]


def ring(n=6, flux=0.7):
    """A ring with a flux and three terminals, one of them on two sites."""
    hop = -np.exp(1j * flux / n)
    h = chain_matrix(n, hop).toarray()
    h[0, n - 1], h[n - 1, 0] = hop, np.conj(hop)
    return system(h, [0, 1, 2, 2], [0, 2, 3, 4], constant([-0.5j, -0.2j, -0.3j, 0.1 - 0.1j]))


def strip(rng, width=3, length=5):
    """A disordered strip of sites with ``width`` orbitals and matrix self-energies at three sites."""
    n = width * length
    h = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    owner = np.arange(n) // width
    h[np.abs(owner[:, None] - owner) > 1] = 0
    h = h + h.conj().T
    root = rng.normal(size=(3, width, width)) + 1j * rng.normal(size=(3, width, width))
    level = rng.normal(size=(3, width, width))
    sigmas = level + level.swapaxes(1, 2) - 0.2j * root @ root.conj().swapaxes(1, 2)

    def sigma(energies):
        return [np.broadcast_to(value, (len(energies), width, width)) for value in sigmas]

    return system(h, [0, 1, 2], [0, length - 1, 2], sigma, scalar=False, offset=np.arange(0, n + 1, width))


def definition(open_system, energy):
    """T_ab and all of the Green function from their definitions."""
    n, contacts = open_system.hamiltonian.shape[0], open_system.contacts
    sigmas = contacts.sigma(np.array([energy]))
    whole = []
    for k, site in enumerate(contacts.site):
        first, last = open_system.offset[site : site + 2]
        value = np.zeros((n, n), dtype=complex)
        value[first:last, first:last] = (
            sigmas[0, k] * np.eye(last - first) if contacts.scalar else sigmas[k][0]
        )
        whole.append(value)
    green = np.linalg.inv(energy * np.eye(n) - open_system.hamiltonian.toarray() - sum(whole))
    gamma = [np.zeros((n, n), dtype=complex) for _ in range(open_system.n_terminals)]
    for k, terminal in enumerate(contacts.terminal):
        gamma[terminal] += 1j * (whole[k] - whole[k].conj().T)
    t = np.array([[np.trace(a @ green @ b @ green.conj().T).real for b in gamma] for a in gamma])
    return green, gamma, t


@pytest.mark.parametrize("build", [ring, lambda: strip(np.random.default_rng(5))])
@pytest.mark.parametrize("dense", [True, False])
def test_transmission_and_local_quantities_are_those_of_the_definitions(build, dense, monkeypatch):
    if not dense:
        monkeypatch.setattr(columns, "DENSE_UP_TO", 0)
    open_system = build()
    energies = np.array([0.3, -0.8])
    found = SPARSE.build(open_system).at(energies)
    f = np.array([[0.9, 0.2, 0.5], [0.1, 0.3, 0.2]])
    bond, row, column, value = open_system.bond_entries
    for e, energy in enumerate(energies):
        green, gamma, t = definition(open_system, energy)
        assert np.abs(found.transmission()[e] - t).max() < 1e-12 * max(1, t.max())
        inflow = green @ sum(g * occupied for g, occupied in zip(gamma, f[e], strict=True)) @ green.conj().T
        sums = np.add.reduceat(np.diag(inflow).real, open_system.offset[:-1])
        assert np.allclose(found.density(f)[e], sums / (2 * np.pi), atol=1e-12)
        sums = np.add.reduceat(-np.diag(green).imag, open_system.offset[:-1])
        assert np.allclose(found.density_of_states()[e], sums / np.pi, atol=1e-12)
    inflow = green @ sum(g * occupied for g, occupied in zip(gamma, f[1], strict=True)) @ green.conj().T
    flow = np.zeros(len(open_system.bond_source))
    np.add.at(flow, bond, 2 * (value * inflow[column, row]).imag / (2 * np.pi))
    assert np.allclose(found.bond_current(f)[1], flow, atol=1e-12)


def test_the_flux_through_a_ring_breaks_reciprocity():
    energy = np.array([0.4])
    found, turned = (SPARSE.build(ring(flux=flux)).at(energy).transmission()[0] for flux in (0.7, -0.7))
    assert abs(found[0, 1] - found[1, 0]) > 1e-3
    assert np.allclose(found, turned.T, atol=1e-14)


def test_amplitudes_that_are_not_kept_are_computed_again(monkeypatch):
    f, energies = np.array([[0.9, 0.2, 0.5]] * 7), np.linspace(-1, 1, 7)
    kept = SPARSE.build(ring()).at(energies)
    monkeypatch.setattr(amplitudes, "KEEP", 0)
    monkeypatch.setattr(amplitudes, "CHUNK", 3000)
    again = SPARSE.build(ring()).at(energies)
    assert np.allclose(kept.density(f), again.density(f), rtol=1e-13)
    assert np.allclose(kept.bond_current(f), again.bond_current(f), rtol=1e-12, atol=1e-15)


def test_degeneracy_multiplies_currents_and_densities():
    one = ring()
    two = replace(one, weight=2 * one.weight)
    f, energies = np.array([[0.9, 0.2, 0.5]]), np.array([0.3])
    single, double = (SPARSE.build(s).at(energies) for s in (one, two))
    for name in ("current", "heat", "density", "bond_current"):
        assert np.allclose(getattr(double, name)(f), 2 * getattr(single, name)(f), rtol=1e-13)
    assert np.allclose(double.transmission(), 2 * single.transmission(), rtol=1e-13)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_unitarity_holds_for_matrix_self_energies(seed):
    open_system = strip(np.random.default_rng(seed))
    t = SPARSE.build(open_system).at(np.array([0.2])).transmission()[0]
    leaving, arriving = t.sum(axis=0) - np.diag(t), t.sum(axis=1) - np.diag(t)
    assert np.allclose(leaving, arriving, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("method", ["blocks", "sparse"])
def test_a_level_that_no_terminal_reaches_is_no_trouble_unless_it_is_joined(method):
    h = np.zeros((3, 3))
    h[0, 1] = h[1, 0] = -1
    apart = system(h, [0, 1], [0, 1], half_chain([1.0, 1.0]))
    assert methods[method].build(apart).at(np.array([0.0])).transmission()[0, 0, 1] == pytest.approx(1.0)
    outside = system(h[:2, :2] * 0 + np.diag([2.5, 0.0]), [0, 1], [0, 1], constant([0, -1j]))
    found = methods[method].build(outside).at(np.array([2.5]))
    assert found.density_of_states()[0, 0] == 0, "a delta peak is not in it"
    assert found.density_of_states()[0, 1] == pytest.approx(2 / (2 * np.pi) / (2.5**2 + 1), rel=1e-10)


def test_a_hop_between_different_degeneracies_is_refused():
    one = ring()
    mixed = replace(one, weight=np.array([1.0, 1, 1, 2, 2, 2]))
    with pytest.raises(ModelError, match="different degeneracy"):
        SPARSE.build(mixed)
