"""Hamiltonian and contacts from a device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import sympy as sp

import modelkit as mk
from modelkit.compile.open_system import open_system
from modelkit.elements.self_energies import self_energies
from modelkit.errors import ModelError
from modelkit.graph.device import Device, Entries
from tests.solve.devices import Lead, chain, coupled, device, wire


def with_arguments(found: Device, kind: str, **arguments: Any) -> Device:
    """The first terminal with another self-energy."""
    group = found.terminals[0]
    call = replace(group.terminal.self_energy, kind=kind)
    changed = replace(group, terminal=replace(group.terminal, self_energy=call), arguments=arguments)
    return replace(found, terminals=(changed, *found.terminals[1:]))


def test_the_hamiltonian_is_what_the_device_was_made_of() -> None:
    random = np.random.default_rng(1)
    h = random.normal(size=(6, 6)) + 1j * random.normal(size=(6, 6))
    h = h + h.conj().T
    system = open_system(device(h, [Lead("L", [0], 0.0)], orbitals=2))
    assert system.hamiltonian.toarray() == pytest.approx(h)
    assert system.offset.tolist() == [0, 2, 4, 6]
    bond, row, column, value = system.bond_entries
    assert value == pytest.approx(h[row, column])
    assert np.array_equal(row // 2, system.bond_target[bond])
    assert np.array_equal(column // 2, system.bond_source[bond])


def test_terms_on_one_place_add() -> None:
    found = device(chain(2), [Lead("L", [0], 0.0)])
    twice = Entries(*(np.concatenate([part, part]) for part in
                      (found.hops.row, found.hops.column, found.hops.value, found.hops.bond)))  # fmt: skip
    assert open_system(replace(found, hops=twice)).hamiltonian.toarray() == pytest.approx(
        2 * chain(2).toarray()
    )


def test_contacts_keep_the_order_of_the_terminals() -> None:
    leads = [Lead("A", [2], 0.0), Lead("B", [0, 1], current=0.0, arguments=coupled([0.5, 0.7]))]
    leads.append(Lead("Q", [0, 2], 0.0, together=True, kind="wide_band", arguments={"Gamma": np.array(0.4)}))
    contacts = open_system(device(chain(3), leads)).contacts
    assert contacts.terminal.tolist() == [0, 1, 2, 3, 3]
    assert contacts.site.tolist() == [2, 0, 1, 0, 2]
    assert contacts.scalar
    sigma = np.asarray(contacts.sigma(np.array([0.0, 1.0])))
    assert sigma.shape == (2, 5)
    chain_at_one = (1 - 1j * np.sqrt(3)) / 2
    assert sigma[1] == pytest.approx(
        [chain_at_one, 0.25 * chain_at_one, 0.49 * chain_at_one, -0.2j, -0.2j], abs=1e-15
    )
    assert contacts.edges.tolist() == [-2.0, 2.0]


def test_matrix_self_energies_come_contact_by_contact() -> None:
    gamma = np.array([[[0.4, 0.1j], [-0.1j, 0.2]]])
    leads = [Lead("A", [0], 0.0), Lead("B", [1], 0.0, kind="wide_band", arguments={"Gamma": gamma})]
    contacts = open_system(device(np.eye(4), leads, orbitals=2)).contacts
    assert not contacts.scalar
    one, other = contacts.sigma(np.array([0.5, 1.0, 1.5]))
    assert one.shape == other.shape == (3, 2, 2)
    assert one[1] == pytest.approx(np.eye(2) * (1 - 1j * np.sqrt(3)) / 2)
    assert other[0] == pytest.approx(-0.5j * gamma[0])


def test_a_matrix_that_does_not_fit_its_site_is_refused() -> None:
    leads = [Lead("B", [1], 0.0, kind="wide_band", arguments={"Gamma": np.eye(3)[None]})]
    with pytest.raises(ModelError, match="3 x 3 matrix, but its site has 2 orbitals") as caught:
        open_system(device(np.eye(4), leads, orbitals=2))
    assert caught.value.span is not None
    assert "2 x 2" in str(caught.value.hint)


@pytest.mark.parametrize(
    "gamma", [np.array([0.2, -0.1]), np.array([np.eye(1) * 0.2, -np.eye(1) * 0.1])], ids=["number", "matrix"]
)
def test_a_self_energy_that_creates_particles_is_refused_where_it_is_written(gamma: Any) -> None:
    leads = [Lead("S", [0, 1], current=0.0, kind="wide_band", arguments={"Gamma": gamma})]
    contacts = open_system(device(chain(2), leads)).contacts
    with pytest.raises(
        ModelError, match=r"self-energy of 'S\[2\]' has the positive imaginary part 0\.05"
    ) as e:
        contacts.sigma(np.array([0.0]))
    assert e.value.span is not None


def test_rounding_is_no_gain() -> None:
    gamma = np.array([1.0, -1e-16])
    leads = [Lead("S", [0, 1], current=0.0, kind="wide_band", arguments={"Gamma": gamma})]
    sigma = np.asarray(open_system(device(chain(2), leads)).contacts.sigma(np.array([0.0])))
    assert sigma.imag.max() <= 0


@dataclass(frozen=True)
class Formula:
    """A self-energy that is a formula in E, as the device carries it."""

    formula: Any
    values: dict[str, float]
    index: dict[str, Any]
    count: int

    def __call__(self, energies: Any) -> Any:
        from modelkit.graph.formulas import evaluated

        grid = {name: column[None, :] for name, column in self.index.items()}
        found = evaluated(self.formula, self.values, {**grid, "E": energies[:, None]})
        return np.broadcast_to(found.astype(complex), (len(energies), self.count))


def formula(text: Any, count: int = 1, **values: float) -> Formula:
    return Formula(text, values, {"l": np.arange(1, count + 1)}, count)


E, G, L = sp.Symbol("E"), sp.Symbol("g"), sp.Symbol("l")


def test_a_formula_is_evaluated_at_the_energies() -> None:
    found = device(chain(2), [Lead("S", [0, 1], current=0.0)])
    sigma = with_arguments(found, "expression", sigma=formula(G * L / (E + sp.I), 2, g=0.5))
    values = np.asarray(open_system(sigma).contacts.sigma(np.array([0.0, 1.0])))
    assert values == pytest.approx(0.5 * np.array([[-1j, -2j], [1 / (1 + 1j), 2 / (1 + 1j)]]))


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        (-sp.I * sp.Piecewise((1, E > G), (0, True)), [0.5]),
        (-sp.I * sp.Piecewise((1, sp.And(E > -G, 2 * E < 3)), (0, True)), [-0.5, 1.5]),
        (-sp.I * sp.sqrt(4 * G**2 - (E - 1) ** 2), [0.0, 2.0]),
        (-sp.I * sp.Abs(E - G * L), [0.5, 1.0]),
        (-sp.I / (1 + E**2), []),
        (-sp.I * sp.sqrt(E**2 + 1), []),
        (-sp.I * sp.Max(E, 0), [0.0]),
    ],
)
def test_edges_of_formulas_are_where_they_switch(text: Any, edges: list[float]) -> None:
    two = device(chain(2), [Lead("S", [0, 1], current=0.0)])
    found = with_arguments(two, "expression", sigma=formula(text, 2, g=0.5))
    assert open_system(found).contacts.edges == pytest.approx(edges)


def test_a_pole_on_the_real_axis_is_refused() -> None:
    found = with_arguments(device(chain(2), [Lead("S", [0, 1], current=0.0)]), "expression",
                           sigma=formula(G / (E - L), 2, g=0.5))  # fmt: skip
    contacts = open_system(found).contacts
    with pytest.raises(ModelError, match=r"self-energy of 'S\[2\]' is not finite at E = 2"):
        contacts.sigma(np.array([0.0, 2.0]))


def test_a_kind_registered_in_one_place_is_evaluated() -> None:
    class Lorentzian:
        """One level of its own."""

        arguments: ClassVar[dict[str, Any]] = {}

        @staticmethod
        def sigma(E: Any, **arguments: Any) -> Any:
            return arguments["strength"] / (E + 1j)

        @staticmethod
        def edges(**arguments: Any) -> Any:
            return (arguments["strength"] * 7,)

    with self_energies.extended("lorentzian", Lorentzian):
        lead = Lead("L", [1], 0.0, kind="lorentzian", arguments={"strength": np.array(0.3)})
        contacts = open_system(device(chain(2), [lead])).contacts
        assert np.asarray(contacts.sigma(np.array([1.0]))) == pytest.approx(0.3 / (1 + 1j))
        assert contacts.edges == pytest.approx([2.1])


def test_a_superconductor_has_every_site_for_electrons_and_for_holes() -> None:
    h = np.array([[0.1, -1 + 0.5j], [-1 - 0.5j, 0.2]])
    leads = [Lead("L", [0], 0.0), Lead("R", [1], 0.0, kind="wide_band", arguments={"Gamma": np.array(0.6)})]
    one = np.zeros(1, dtype=np.intp)
    pairs = Entries(one, one + 1, np.full(1, 0.3j), one)
    system = open_system(replace(device(h, leads, mu=0.0, degeneracy=2.0), pairs=pairs))
    d = np.array([[0, 0.3j], [-0.3j, 0]])  # conj(Delta) at [1, 0], and antisymmetric
    whole = np.block([[h, d], [d.conj().T, -h.conj()]])
    np.testing.assert_allclose(system.hamiltonian.toarray(), whole, atol=1e-15)
    assert system.offset.tolist() == [0, 1, 2, 3, 4]
    assert system.weight.tolist() == [2.0] * 4
    assert system.contacts.site.tolist() == [0, 1, 2, 3]
    assert system.contacts.terminal.tolist() == [0, 1, 2, 3]
    assert system.n_terminals == 4
    assert system.reservoirs.terminal.tolist() == [0, 1, 0, 1]
    assert system.reservoirs.sign.tolist() == [1, 1, -1, -1]
    assert system.reservoirs.share == 0.5
    at, opposite = (np.asarray(system.contacts.sigma(np.array([E])))[0] for E in (0.7, -0.7))
    np.testing.assert_allclose(at[2:], -opposite[:2].conj())
    assert system.contacts.edges.tolist() == [-2.0, 2.0]


@pytest.mark.parametrize("spaces", [("nambu", "spin"), ("spin", "nambu")])
def test_a_nambu_space_may_stand_at_any_place(spaces: tuple[str, str]) -> None:
    random = np.random.default_rng(3)
    h, d = (random.normal(size=(4, 4)) + 1j * random.normal(size=(4, 4)) for _ in range(2))
    h, d = h + h.conj().T, d - d.T
    whole = np.block([[h, d], [d.conj().T, -h.conj()]])
    # rows of H_BdG are (kind, site, spin); a site's orbitals are in the order of its spaces
    order = np.arange(8).reshape(2, 2, 2)
    order = order.transpose((1, 0, 2) if spaces[0] == "nambu" else (1, 2, 0)).ravel()
    found = device(whole[np.ix_(order, order)], [Lead("L", [0], 0.0)], mu=0.0, orbitals=4, spaces=spaces)
    after = 2 if spaces[0] == "nambu" else 1
    system = open_system(replace(found, sites=(replace(found.sites[0], after_nambu=after),)))
    np.testing.assert_allclose(system.hamiltonian.toarray(), whole, atol=1e-15)
    bond, row, column, value = system.bond_entries
    assert set(bond.tolist()) == {0}
    assert len(value) == 4
    np.testing.assert_allclose(value, h[row, column])


def test_labels_of_members_are_those_of_the_results() -> None:
    groups = wire(6).terminals
    assert [groups[2].label(k) for k in range(2)] == ["S[2]", "S[4]"]
    assert groups[0].label(0) == "L"


def test_degeneracy_is_a_weight_of_the_sites() -> None:
    assert open_system(device(chain(2), [], degeneracy=2.0)).weight.tolist() == [2.0, 2.0]


def test_the_poles_of_a_formula_are_where_it_divides_by_zero() -> None:
    model = mk.loads("""
        model by_hand
        param eta = 1e-7
        lattice w { site d }
        bath L on w.d { self_energy = 1e-4/(E - 0.3 + eta*1i) + 0.1/((E + 0.2)^2 + 1e-6 + 2i) - 1i; mu = 0 }
        bath R on w.d { self_energy = chain(1, 1); mu = 0 }
    """)
    poles = open_system(model.device()).contacts.poles
    assert np.sort_complex(poles[np.abs(poles.imag) < 1e-3]) == pytest.approx([0.3 - 1e-7j])
    assert len(poles) == 3
