"""Contacts to leads: shapes, what is shared, derivatives, complex energies."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import modelkit as mk
from modelkit.compile import bulks as module
from modelkit.compile.bulks import bulk_of
from modelkit.compile.contacts import Contacts, contacts_of
from modelkit.compile.open_system import open_system
from modelkit.elements.self_energies import WideBand, self_energies
from modelkit.errors import ModelError
from modelkit.numerics.surface import surface

STRIP = """\
model m
param phi = 0.1
param U = 0
lattice bar {
  internal spin
  site s[x, y] for x in 1..6, y in 1..3 at (x, y)
  onsite s[x, y] where x == 3 : U
  hop s[x, y] -> s[x+1, y] : exp(1i*phi*y)*(-1 - 0.2i*sigma_y)
  hop s[x, y] -> s[x, y+1] : -1 + 0.2i*sigma_x
}
bath L on bar.left { self_energy = lead; mu = 0 }
bath B on bar.s[3, 3] { self_energy = wide_band(0.3); mu = 0 }
bath R on bar.right { self_energy = lead; mu = 0 }
"""
CHAIN = """\
model m
lattice wire {
  site c[l] for l in 1..5
  onsite c[l] : 0.3
  hop c[l] -> c[l+1] : -1
}
bath L on wire.left { self_energy = lead; mu = 0 }
bath B on wire.c[2] { self_energy = SIGMA; mu = 0 }
bath R on wire.right { self_energy = lead; mu = 0 }
"""


def contacts(text: str, **values: float) -> Contacts:
    return contacts_of(mk.loads(text).device(**values))


def chain(sigma: str) -> Contacts:
    return contacts(CHAIN.replace("SIGMA", sigma))


def test_leads_stand_beside_the_contacts_at_single_sites() -> None:
    found = contacts(STRIP)
    assert found.scalar
    assert found.terminal.tolist() == [1]
    assert [lead.terminal for lead in found.leads] == [0, 2]
    left, right = found.leads
    assert left.sites.tolist() == [0, 1, 2]
    assert left.orbitals.tolist() == [0, 1, 2, 3, 4, 5]
    assert right.orbitals.tolist() == [30, 31, 32, 33, 34, 35]
    terminal, site = found.touched
    assert list(zip(terminal.tolist(), site.tolist(), strict=True)) == [
        (0, 0), (0, 1), (0, 2), (1, 8), (2, 15), (2, 16), (2, 17),
    ]  # fmt: skip


def test_channels_are_the_broadening_of_as_many_modes_as_are_open() -> None:
    (lead, _) = contacts(STRIP).leads
    energies = np.linspace(-4.2, 4.2, 31)
    sigma, w = lead.parts(energies)
    assert np.abs(1j * (sigma - sigma.conj().swapaxes(1, 2)) - w @ w.conj().swapaxes(1, 2)).max() < 1e-13
    columns = (np.abs(w).max(axis=1) > 0).sum(axis=1)
    edges = lead.edges()
    assert columns[0] == columns[-1] == 0
    assert columns.max() == 6
    for below, above, e, f in zip(columns, columns[1:], energies, energies[1:], strict=False):
        assert below == above or ((edges > e) & (edges < f)).any()
    alone = np.concatenate([lead.sigma(energies[k : k + 1]) for k in range(3)])
    assert np.abs(alone - sigma[:3]).max() < 1e-13


def test_equal_leads_are_solved_once_whatever_else_changes() -> None:
    module._bulks.clear()
    energies = np.linspace(-1, 1, 7)
    model = mk.loads(STRIP)
    for U in (0.0, 0.5, 1.0):
        for lead in contacts_of(model.device(U=U)).leads:
            lead.sigma(energies)
    (bulk,) = module._bulks.values()
    assert bulk.solved == 7
    contacts_of(model.device(phi=0.2)).leads[0].sigma(energies)
    assert len(module._bulks) == 2


def test_only_so_many_leads_are_remembered() -> None:
    for k in range(module.BULKS + 3):
        bulk, _ = bulk_of(np.array([[k + 0j]]), np.array([[1 + 0j]]))
        bulk.surface(np.zeros(1))
    assert len(module._bulks) == module.BULKS


def test_an_energy_is_solved_once_in_whatever_company(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw = np.random.default_rng(5)
    onsite, hop = draw.normal(size=(2, 3, 3)) + 1j * draw.normal(size=(2, 3, 3))
    bulk, _ = bulk_of(onsite + onsite.conj().T, hop)
    energies = np.linspace(-1, 1, 9)
    found = bulk.surface(energies)
    mixed = np.array([0.25, 0.3, 0.3, -1.0, 1.0])
    again = bulk.surface(mixed)
    assert bulk.solved == 10
    alone = surface(mixed, bulk.onsite, bulk.hop)
    for name in ("right", "left", "open", "error"):
        assert np.allclose(getattr(again, name), getattr(alone, name), atol=1e-12)
        assert np.array_equal(getattr(again, name)[[0, 3, 4]], getattr(found, name)[[5, 0, 8]])
    monkeypatch.setattr(module, "KEEP", 1)  # then only the last energies stay
    assert np.array_equal(bulk.surface(energies + 0.01).right[3], bulk.surface(energies[3:4] + 0.01).right[0])
    assert np.array_equal(bulk.surface(np.append(energies, 0.01)).right[:9], found.right)
    assert bulk.bytes == 10 * 2 * 9 * 16


def test_a_lead_on_one_orbital_is_a_contact_like_any_other() -> None:
    found = chain("1/2")  # a level shift
    assert not found.leads
    assert found.terminal.tolist() == [0, 1, 2]
    assert found.site.tolist() == [0, 1, 4]
    energies = np.linspace(-3, 3, 13)
    expected = chain("chain(hopping = 1, coupling = 1)").sigma(energies - 0.3)[:, 1]  # type: ignore[call-overload]
    sigma = found.sigma(energies)
    assert np.abs(sigma[:, 0] - expected).max() < 1e-13  # type: ignore[call-overload]
    assert np.abs(sigma[:, 2] - expected).max() < 1e-13  # type: ignore[call-overload]
    assert found.edges == pytest.approx([-1.7, 2.3])


@pytest.mark.parametrize(
    "sigma",
    [
        "chain(hopping = 1, coupling = 0.7)",
        "wide_band(0.4)",
        "0.2/(E + 1i)",
        "-0.1i*exp(-E^2)",
        "-1i*(E > 0.1)*E",
    ],
)
def test_slopes_are_derivatives(sigma: str) -> None:
    found, energies, h = chain(sigma), np.array([-1.1, 0.4, 1.3]), 1e-4
    for n, of in enumerate((found.sigma, *(partial(found.taylor, n=n) for n in (1, 2, 3))), start=1):
        values = [np.asarray(of(energies + k * h)) for k in (-2, -1, 1, 2)]
        numeric = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
        assert n * np.asarray(found.taylor(energies, n)) == pytest.approx(numeric, abs=1e-7)


SECTORS = STRIP.replace("exp(1i*phi*y)*(-1 - 0.2i*sigma_y)", "-1").replace("-1 + 0.2i*sigma_x", "-0.8")
PAIRS = STRIP.replace("  onsite", "  pair s[x, y] - s[x, y] : 0.3*exp(0.7i)*[0, 1 | -1, 0]\n  onsite")


@pytest.mark.parametrize("text", [STRIP, SECTORS, PAIRS])
@pytest.mark.parametrize("conjugated", [False, True])
def test_slopes_of_leads_are_derivatives(text: str, conjugated: bool) -> None:
    """Of lattices that mix all orbitals, in sectors, with pairs; those of reversed fluxes as well."""
    energies, h = np.array([-1.1, 0.43, 1.3]), 1e-4
    for lead in open_system(mk.loads(text).device()).contacts.leads:
        lead = lead.conjugated() if conjugated else lead
        for n, of in enumerate((lead.sigma, *(partial(lead.taylor, n=n) for n in (1, 2, 3))), start=1):
            values = [of(energies + k * h) for k in (-2, -1, 1, 2)]
            numeric = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
            size = max(1.0, np.abs(numeric).max())
            assert np.abs(n * lead.taylor(energies, n) - numeric).max() < 1e-6 * size


@pytest.mark.parametrize("sigma", ["chain(hopping = 1, coupling = 0.7)", "wide_band(0.4)", "0.2/(E + 1i)"])
def test_above_the_axis_they_are_continued(sigma: str) -> None:
    found = chain(sigma)
    assert found.analytic
    # Cauchy-Riemann: the derivative along the imaginary axis is i times that along the real one
    z, h = np.array([-1.1 + 0.2j, 0.4 + 1.5j, 2.6 + 0.01j]), 1e-4
    along = (np.asarray(found.sigma(z + 1j * h)) - np.asarray(found.sigma(z - 1j * h))) / (2j * h)
    assert np.asarray(found.taylor(z, 1)) == pytest.approx(along, abs=1e-4)
    near = np.asarray(found.sigma(np.array([0.5, -2.7]) + 1e-10j))
    assert near == pytest.approx(np.asarray(found.sigma(np.array([0.5, -2.7]))), abs=1e-8)


@pytest.mark.parametrize("sigma", ["-0.1i*(E > 0)", "-0.1i*abs(E)", "-1i*sqrt(4 - E^2)*(E^2 < 4)"])
def test_what_is_no_fraction_of_polynomials_stays_on_the_axis(sigma: str) -> None:
    assert not chain(sigma).analytic


class Bare(WideBand):
    """A kind that tells nothing but what it must."""

    analytic = False
    taylor = None  # type: ignore[assignment]


def test_a_kind_without_a_derivative_says_so() -> None:
    with self_energies.extended("bare", Bare):
        found = chain("bare(0.1)")
        assert not found.analytic
        with pytest.raises(ModelError, match="the self-energy of 'B' does not tell its derivative") as caught:
            found.taylor(np.zeros(1), 1)
    assert caught.value.hint


def test_levels_are_raised_and_holes_are_mirrored() -> None:
    lead = contacts(STRIP).leads[0]
    energies = np.array([-1.2, 0.3])
    moved = lead.raised(0.25)
    assert np.abs(moved.sigma(energies) - lead.sigma(energies - 0.25)).max() == 0
    assert moved.edges() == pytest.approx(lead.edges() + 0.25)
    holes = lead.of_holes(3, 18, 36)
    sigma, w = holes.parts(energies)
    assert np.abs(sigma + lead.sigma(-energies).conj()).max() == 0
    assert np.abs(1j * (sigma - sigma.conj().swapaxes(1, 2)) - w @ w.conj().swapaxes(1, 2)).max() < 1e-13
    assert holes.orbitals[0] == 36


def test_a_level_of_the_lead_that_does_not_couple_is_no_obstacle() -> None:
    # armchair ribbons of graphene have a band without width at E = 1
    ribbon = """\
model m
lattice g = honeycomb(cells_x = 3, cells_y = 6)
bath L on g.left { self_energy = lead; mu = 0 }
"""
    (lead,) = contacts(ribbon).leads
    at, near = lead.sigma(np.array([1.0])), lead.sigma(np.array([1 + 3e-6]))
    assert np.abs(at - near).max() < 1e-4
    # a chain whose lead has a bound state at its end: what follows is that of the next energy
    ssh = (
        CHAIN.replace("SIGMA", "0")
        .replace("onsite c[l] : 0.3\n", "")
        .replace(": -1\n", ": -(1 + 0.2*(-1)^l)\n")
    )
    sigma = np.abs(np.asarray(contacts(ssh).sigma(np.array([0.0]))))
    assert sigma.max() > 1e5


def test_a_lead_that_pairs_is_one_contact_of_electrons_and_holes() -> None:
    text = CHAIN.replace("SIGMA", "0").replace("  hop", "  pair c[l] - c[l+1] : 0.1\n  hop")
    found = open_system(mk.loads(text).device())
    left, right = (one for one in found.contacts.leads if one.meter is not None)
    assert (left.sites.tolist(), right.sites.tolist()) == ([0, 5], [4, 9])
    assert (left.orbitals.tolist(), right.orbitals.tolist()) == ([0, 5], [4, 9])
    assert found.reservoirs.sign.tolist() == [0, 1, 0, 1, -1, 1]
    assert found.reservoirs.meters.tolist() == [left.meter, right.meter] == [3, 5]
    inside = text.replace("pair c[l] - c[l+1]", "pair c[l] - c[l+1] where l > 1 and l < 4")
    assert not open_system(mk.loads(inside).device()).reservoirs.meters.size
