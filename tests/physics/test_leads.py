"""Conductors between leads: plateaus, edge states, gauges, disorder, each by a second road."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import modelkit as mk
from modelkit.compile.bulks import Bulk
from modelkit.compile.open_system import OpenSystem
from modelkit.numerics.surface import surface
from modelkit.solve.choose import choose

Floats = NDArray[np.float64]

PAIR = """
bath L on w.START { self_energy = lead; mu = 0.1 }
bath R on w.STOP { self_energy = lead; mu = 0 }
"""


def model(lattice: str, ends: tuple[str, str] = ("left", "right"), more: str = "") -> mk.Model:
    baths = PAIR.replace("START", ends[0]).replace("STOP", ends[1])
    return mk.loads(f"model m\nreference {{ mu = 0; T = 0 }}\nlattice w {{\n{lattice}\n}}\n{baths}{more}")


def transmission(
    lattice: str, energies: Floats, ends: tuple[str, str] = ("left", "right"), more: str = ""
) -> Floats:
    system = model(lattice, ends, more).compile().system
    return choose(system, "sparse")[0].build(system).at(np.asarray(energies)).transmission()


def open_modes(lattice: str, energies: Floats, ends: tuple[str, str] = ("left", "right")) -> Floats:
    """From the bands of the lead: how often they cross each energy upwards."""
    device = model(lattice, ends).device()
    lead = device.terminals[1].leads[0][1]
    k = np.linspace(-np.pi, np.pi, 8001)
    phase = np.exp(1j * k)[:, None, None]
    bands = np.linalg.eigvalsh(lead.onsite + phase * lead.hop + phase.conj() * lead.hop.conj().T)
    return np.array([np.count_nonzero((bands[:-1] < e) & (bands[1:] >= e)) for e in energies], dtype=float)


CHAIN = "site c[l] for l in 1..6\n"
RASHBA = (
    "internal spin\nsite s[x, y] for x in 1..5, y in 1..4\nonsite s[x, y] : 0.15*sigma_x\n"
    "hop s[x, y] -> s[x+1, y] : -1 - 0.3i*sigma_y\nhop s[x, y] -> s[x, y+1] : -1 + 0.3i*sigma_x\n"
)
HONEYCOMB = """\
site a[x, y] for x in 1..5, y in 1..5
site b[x, y] for x in 1..5, y in 1..5
hop a[x, y] -> b[x, y] : -1
hop b[x, y] -> a[x, y+1] : -1
hop b[x, y] -> a[x-1, y+1] : -1
"""
BRICKS = """\
site c[x, y] for x in 1..8, y in 1..5
hop c[x, y] -> c[x+1, y] : -1
hop c[x, y] -> c[x, y+1] where mod(x + y, 2) == 0 : -1
"""
UNIFORM = {
    "chain": (CHAIN + "hop c[l] -> c[l+1] : -1", ("left", "right")),
    "far hops": (
        CHAIN + "hop c[l] -> c[l+1] : -1\nhop c[l] -> c[l+2] : -0.6\nhop c[l] -> c[l+3] : 0.2i",
        ("left", "right"),
    ),
    "dimers": (CHAIN + "hop c[l] -> c[l+1] : -(1 + 0.3*(-1)^l)", ("left", "right")),
    "rashba": (RASHBA, ("left", "right")),
    "rashba across": (RASHBA, ("bottom", "top")),
    "zigzag or armchair": (HONEYCOMB, ("left", "right")),
    "the other direction": (HONEYCOMB, ("bottom", "top")),
    "bricks": (BRICKS, ("left", "right")),
    "orbitals": (
        "internal orbital(2)\nsite c[x, y] for x in 1..4, y in 1..3\n"
        "onsite c[x, y] : [0.4, 0.1i | -0.1i, -0.3]\n"
        "hop c[x, y] -> c[x+1, y] : [-1, 0.3 | 0.2i, 0.5]\nhop c[x, y] -> c[x, y+1] : [-0.7, 0 | 0.1, 0.2]",
        ("left", "right"),
    ),
    "tube with flux": (
        "site c[x, y] for x in 1..4, y in ring(5)\nhop c[x, y] -> c[x+1, y] : -1\n"
        "hop c[x, y] -> c[x, y+1] : -exp(0.2i)",
        ("left", "right"),
    ),
}


@pytest.mark.parametrize("name", UNIFORM)
def test_a_uniform_conductor_lets_every_open_mode_through(name: str) -> None:
    lattice, ends = UNIFORM[name]
    energies = np.array([-2.13, -1.37, -0.71, -0.22, 0.013, 0.41, 1.11, 1.83])
    t = transmission(lattice, energies, ends)
    expected = open_modes(lattice, energies, ends)
    assert expected.max() >= 1
    assert np.abs(t[:, 0, 1] - expected).max() < 1e-9
    assert np.abs(t[:, 1, 0] - expected).max() < 1e-9


def test_a_chain_of_its_own_lead_is_the_chain_of_the_text() -> None:
    terms = "onsite c[l] where l == 3 : 0.7\nhop c[l] -> c[l+1] : -1"
    task = "task go = transmission { sweep E from -2.5 to 2.5 points 26; output transmission, dos }"
    own = model(CHAIN + terms, more=task)
    written = own.to_source().replace("w.left", "w.c[1]").replace("w.right", "w.c[6]")
    written = written.replace("= lead", "= chain(hopping = 1, coupling = 1)")
    expected = mk.loads(written).run("go", method="ladder")
    for method in ("ladder", "sparse"):
        found = own.run("go", method=method)
        assert np.abs(found.transmission.values - expected.transmission.values).max() < 1e-12
        assert np.abs(found.dos.values - expected.dos.values).max() < 1e-12


def hall(field: float, share: float) -> str:
    """A strip in a field whose vector potential is shared between both directions."""
    return (
        "site c[x, y] for x in 1..5, y in 1..12\n"
        "onsite c[x, y] where x == 3 and y < 4 : 1.3\n"
        f"hop c[x, y] -> c[x+1, y] : -exp(1i*({share})*({field})*y)\n"
        f"hop c[x, y] -> c[x, y+1] : -exp(-1i*({round(1 - share, 6)})*({field})*x)"
    )


def test_the_gauge_makes_no_difference() -> None:
    energies = np.array([-3.3, -2.4, -1.1, 0.37])
    probe = "bath P on w.top where 2 <= x <= 4 { self_energy = lead; mu = 0 }"
    found = [transmission(hall(0.7, share), energies, more=probe) for share in (1.0, 0.0, 0.3)]
    assert found[0][:, 1, 0].max() > 0.5
    assert np.abs(found[0] - found[0].swapaxes(1, 2)).max() > 1e-3  # the field has a direction
    for other in found[1:]:
        assert np.abs(other - found[0]).max() < 1e-9


def test_edge_states_carry_whole_quanta_past_an_obstacle() -> None:
    energies = np.array([-3.0, -2.2])  # between the first two Landau levels and the next
    t = transmission(hall(0.9, 1.0), energies)[:, 1, 0]
    assert t == pytest.approx(np.rint(t), abs=2e-2)
    assert t[0] == pytest.approx(1, abs=1e-2)
    turned = transmission(hall(-0.9, 1.0), energies)[:, 1, 0]
    assert turned == pytest.approx(t, abs=1e-9)  # two terminals: Onsager


def test_at_a_band_edge_the_mode_that_opens_there_counts_as_closed() -> None:
    square = (
        "site c[x, y] for x in 1..4, y in 1..2\nhop c[x, y] -> c[x+1, y] : -1\nhop c[x, y] -> c[x, y+1] : -1"
    )
    assert transmission(square, np.array([-3.0, -1.0, 1.0, 3.0]))[:, 1, 0] == pytest.approx(
        [0, 1, 1, 0], abs=1e-9
    )
    system = model(RASHBA).compile().system
    for edge in system.contacts.edges:
        around = np.array([edge - 1e-9, edge, edge + 1e-9])
        t = choose(system, "sparse")[0].build(system).at(around).transmission()[:, 1, 0]
        assert np.abs(t - np.rint(t)).max() < 1e-4
        assert abs(t[2] - t[0]) == pytest.approx(1, abs=1e-4)
        assert t[1] == pytest.approx(min(t[0], t[2]), abs=1e-4)


def dense(system: OpenSystem, energy: float, eta: float) -> Floats:
    """Caroli's formula a little above the axis, with dense matrices."""
    h = system.hamiltonian.toarray()
    gammas, whole = [], (energy + 1j * eta) * np.eye(len(h)) - h
    for lead in system.contacts.leads:
        sigma = np.zeros_like(whole)
        sigma[np.ix_(lead.orbitals, lead.orbitals)] = lead.sigma(np.array([energy + 1j * eta]))[0]
        gammas.append(1j * (sigma - sigma.conj().T))
        whole = whole - sigma
    g = np.linalg.inv(whole)
    return np.array([[np.trace(a @ g @ b @ g.conj().T).real for b in gammas] for a in gammas])


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.floats(-2.5, 2.5), st.floats(0, 2))
def test_disorder_stays_inside(seed: int, energy: float, strength: float) -> None:
    lattice = RASHBA + f"disorder onsite s[x, y] : uniform(-{strength:.4f}, {strength:.4f}, seed = {seed})"
    system = model(lattice).compile().system
    clean = model(RASHBA).compile().system
    if np.abs(system.contacts.edges - energy).min() < 1e-3:
        return
    for ours, theirs in zip(system.contacts.leads, clean.contacts.leads, strict=True):
        assert np.array_equal(ours.sigma(np.array([energy])), theirs.sigma(np.array([energy])))
    found = choose(system, "sparse")[0].build(system).at(np.array([energy])).transmission()[0]
    modes = open_modes(RASHBA, np.array([energy]))[0]
    assert -1e-12 <= found[1, 0] <= modes + 1e-9
    table = [dense(system, energy, eta) for eta in (4e-6, 2e-6, 1e-6)]
    table = [2 * b - a for a, b in pairwise(table)]
    assert found == pytest.approx((4 * table[1] - table[0]) / 3, abs=1e-5)


def test_a_long_conductor_is_a_short_one_with_its_leads() -> None:
    # the same wire, cut at other places: barrier in the middle
    def wire(before: int, after: int) -> str:
        return (
            RASHBA.replace("x in 1..5", f"x in {-before}..{after}")
            + "onsite s[x, y] where x == 2 : 0.8 + 0.1*y"
        )

    energies = np.array([-1.7, -0.2, 0.9, 2.2])
    t = [transmission(wire(*ends), energies)[:, [0, 1], [1, 0]] for ends in ((1, 4), (-1, 3), (7, 9))]
    assert np.abs(t[0] - np.rint(t[0])).max() > 0.01
    assert np.abs(t[0] - t[2]).max() < 1e-10
    assert np.abs(t[1] - t[2]).max() < 1e-10


def test_transport_between_leads_is_audited() -> None:
    lattice = RASHBA + "onsite s[3, 2] : 0.6\n"
    probe = "probe P on w.top where 2 <= x <= 3 { self_energy = lead; T = TEMP; solve mu such that I == 0 }\n"
    task = (
        "task go = transport(order = 1) { output current, bond_current, chemical_potential, dissipated_heat }"
    )
    for T in ("0", "0.05"):
        text = model(lattice, more=probe.replace("TEMP", T) + task).to_source()
        text = text.replace("T = 0 }", f"T = {T} }}").replace("mu = 0.1 }", f"mu = 0.1; T = {T} }}")
        text = text.replace("{ self_energy = lead; mu = 0 }", f"{{ self_energy = lead; mu = 0; T = {T} }}")
        found = mk.loads(text).run("go")
        current = found.current
        assert abs(float(current.sum())) < 1e-12
        assert abs(float(current.sel(terminal="P"))) < 1e-12
        assert float(current.sel(terminal="L")) > 1e-3
        assert 0 < float(found.chemical_potential.sel(terminal="P")) < 0.1
        assert float(found.dissipated_heat.sum()) == pytest.approx(
            0.1 * float(current.sel(terminal="L")), rel=1e-6
        )


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 4), st.floats(-3, 3))
def test_any_cell_continues_itself_without_reflection(seed: int, size: int, energy: float) -> None:
    draw = np.random.default_rng(seed)
    onsite, hop = (draw.normal(size=(size, size)) + 1j * draw.normal(size=(size, size)) for _ in range(2))
    onsite = onsite + onsite.conj().T
    bulk = Bulk(onsite, hop)
    edges = bulk.edges
    if np.abs(edges - energy).min() < 1e-4:
        return
    found = surface(np.array([energy]), onsite, hop)
    right = hop @ found.right[0] @ hop.conj().T
    left = hop.conj().T @ found.left[0] @ hop
    g = np.linalg.inv(energy * np.eye(size) - onsite - right - left)
    gammas = [1j * (sigma - sigma.conj().T) for sigma in (left, right)]
    t = np.trace(gammas[1] @ g @ gammas[0] @ g.conj().T)
    assert t == pytest.approx(found.open[0], abs=1e-8)
