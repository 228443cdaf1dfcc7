"""Cells of rings: compared with the whole device in real space, and refused where cells differ."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelkit as mk
from modelkit.compile.cells import infinite_cell, unit_cell
from modelkit.compile.lindbladian import lindbladian
from modelkit.compile.modes import modes
from modelkit.compile.rates import rates
from modelkit.compile.ring_places import ring_places
from modelkit.errors import ModelError
from modelkit.graph.device import Device, DissipatorGroup, Products
from modelkit.graph.values import values_of
from tests.compile.open_chains import matrix, random_cell, ring_modes, states

seeds = st.integers(0, 2**32)

PLAIN = """\
model m
param L = 6
lattice chain {
  site c[j] for j in ring(L)
  hop c[j] -> c[j+1] : -1 + 0.3i
  onsite c[j] : 0.4
}
"""
MANY = """\
model m
param L = 5
lattice chain {
  internal spin
  site c[j, m] for j in ring(L), m in {1, 3}
  hop c[j, 1] -> c[j+1, 3] : -1 - 0.2i*sigma_x
  hop c[j, 1] -> c[j, 3] : 0.5*sigma_z
}
lattice rail {
  site d[l] for l in ring(L)
  hop d[l] -> d[l+2] : 0.7i
}
"""


def device(text, dissipators=None, **values) -> Device:
    """As declared, or with dissipators that are not in the text."""
    found = mk.loads(text).device(**values)
    return found if dissipators is None else replace(found, dissipators=tuple(dissipators))


def family(members, rate=1.0, name="d", **more) -> DissipatorGroup:
    """From a list of members, each a list of (value, ((orbital, dagger), ...))."""
    parts: dict[tuple[bool, ...], list[tuple[int, tuple[int, ...], complex]]] = {}
    for m, terms in enumerate(members):
        for value, factors in terms:
            pattern = tuple(up for _, up in factors)
            parts.setdefault(pattern, []).append((m, tuple(o for o, _ in factors), value))
    products = tuple(
        Products(
            np.array([row[0] for row in rows]),
            np.array([row[1] for row in rows], dtype=int).reshape(len(rows), len(pattern)),
            pattern,
            np.array([row[2] for row in rows], dtype=complex),
        )
        for pattern, rows in parts.items()
    )
    rates_ = np.broadcast_to(np.asarray(rate, dtype=float), len(members)).copy()
    labels = tuple(f"{name}[{m + 1}]" for m in range(len(members)))
    return DissipatorGroup(name, labels, rates_, products, **more)


def bilinear(x, y, value=1.0):
    return (value, ((x, True), (y, False)))


def loss(x, value=1.0):
    return (value, ((x, False),))


# ---- Hamiltonians -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "L", "spread"),
    [(PLAIN, 6, 1), (PLAIN, 5, 1), (PLAIN, 2, 1), (PLAIN, 1, 1), (MANY, 5, 5), (MANY, 4, 5)],
)
def test_cells_have_the_energies_of_the_ring(text, L, spread):
    whole = device(text, L=L)
    cell = unit_cell(whole)
    assert cell.cells == L
    assert cell.dimension == spread
    energies = np.linalg.eigvalsh(lindbladian(whole).hamiltonian.toarray())
    assert np.sort(ring_modes(cell).energy, axis=None) == pytest.approx(energies, abs=1e-12)
    for x, block in cell.hopping.items():
        assert (cell.hopping[-x] == block.conj().T).all()


def test_orbitals_of_a_cell_have_the_authors_labels():
    cell = unit_cell(device(MANY))
    assert cell.orbitals == ("c[1] up", "c[1] down", "c[3] up", "c[3] down", "d")
    assert cell.spin.tolist() == [0, 1, 0, 1, -1]
    assert cell.momentum == "k_j"
    assert cell.spaces == ()
    assert unit_cell(device(PLAIN)).orbitals == ("c",)


def test_lattices_that_share_a_name_are_told_apart():
    text = PLAIN + "lattice other { site c[j] for j in ring(L) }"
    assert unit_cell(device(text)).orbitals == ("chain.c", "other.c")


def test_a_hop_over_half_the_ring_has_no_direction():
    text = PLAIN.replace("c[j+1] : -1 + 0.3i", "c[j+3] : 1")
    cell = unit_cell(device(text, L=6))
    found = ring_modes(cell)
    assert found.energy[:, 0] == pytest.approx(0.4 + 2 * (-1.0) ** np.arange(6))
    assert found.velocity == pytest.approx(np.zeros((6, 1)), abs=1e-12)


def test_the_filling_is_the_mean_over_all_modes():
    whole = device(MANY)
    assert unit_cell(whole).filling is None
    assert unit_cell(replace(whole, filling={"chain": 0.5, "rail": 0.25})).filling == pytest.approx(0.45)
    with pytest.raises(ModelError, match="'chain' has a filling, but 'rail' on the same ring has none"):
        unit_cell(replace(whole, filling={"chain": 0.5}))


# ---- jump operators ---------------------------------------------------------------------------------------


def ring_family(cell, jump):
    """The members of a jump operator of a cell on its ring, the orbitals numbered cell by cell."""
    L, d = cell.cells, cell.dimension
    members = []
    for j in range(L):
        terms = []
        for (x, y), block in jump.bilinear.items():
            for s, t in itertools.product(range(d), repeat=2):
                terms.append(bilinear((j + x) % L * d + s, (j + y) % L * d + t, block[s, t]))
        for dagger, part in ((False, jump.loss), (True, jump.gain)):
            for x, v in part.items():
                terms += [(v[s], (((j + x) % L * d + s, dagger),)) for s in range(d)]
        members.append(terms)
    return members


@settings(max_examples=12)
@given(seeds, st.sampled_from([5, 6, 9]))
def test_jump_operators_of_cells_have_the_rates_of_the_ring(seed, L):
    rng = np.random.default_rng(seed)
    planned = random_cell(rng, L, d=2)
    text = PLAIN.replace("chain {", "chain {\n  internal spin").replace("0.4", "0.4*sigma_x")
    groups = [
        family(ring_family(planned, jump), jump.rate, jump.name)
        for jump in planned.jumps
        if jump.bilinear or jump.loss or jump.gain
    ]
    cell = unit_cell(device(text, groups, L=L))
    planned = replace(planned, hopping=cell.hopping)
    found, wanted = (rates(one, ring_modes(one)) for one in (cell, planned))
    scale = 1 + np.abs(matrix(wanted)).max()
    assert np.abs(matrix(found) - matrix(wanted)).max() < 1e-12 * scale
    assert found.loss == pytest.approx(wanted.loss, rel=1e-11, abs=1e-12)
    assert found.gain == pytest.approx(wanted.gain, rel=1e-11, abs=1e-12)


def test_every_operator_of_a_cell_is_one_jump():
    """Dephasing of both spins in one family, at the sum of equal members' rates."""
    text = PLAIN.replace("chain {", "chain {\n  internal spin")
    members = [[bilinear(a, a)] for a in range(12)]
    cell = unit_cell(device(text, [family(members, 0.3), family(members + members, 0.2, "e")]))
    assert [(jump.name, jump.rate) for jump in cell.jumps] == [
        ("d", pytest.approx(0.3)),
        ("d", pytest.approx(0.3)),
        ("e", pytest.approx(0.4)),
        ("e", pytest.approx(0.4)),
    ]
    assert [jump.bilinear[0, 0].tolist() for jump in cell.jumps[:2]] == [[[1, 0], [0, 0]], [[0, 0], [0, 1]]]


def test_all_pairs_of_sites_are_one_jump_for_each_distance():
    members = [[bilinear(a, b)] for a in range(6) for b in range(6)]
    cell = unit_cell(device(PLAIN, [family(members)]))
    found = rates(cell, ring_modes(cell))
    assert [list(jump.bilinear) for jump in cell.jumps] == [[(0, b)] for b in (0, 1, 2, 3, -2, -1)]
    assert matrix(found) == pytest.approx(np.ones((6, 6)))


def test_rates_of_baths_and_rates_of_zero():
    groups = [
        family([[bilinear(a, a)] for a in range(6)], 0.0, "off"),
        DissipatorGroup("cold", ("cold",), np.zeros(1), (), beta=1.0),
        DissipatorGroup("warm", ("warm[1]", "warm[2]"), np.array([0.3, 0.4]), (), beta=2.0),
    ]
    cell = unit_cell(device(PLAIN, groups))
    assert cell.jumps == ()
    (bath,) = cell.baths
    assert (bath.name, bath.rate, bath.beta, bath.separable) == ("warm", pytest.approx(0.7), 2.0, True)
    assert bath.kernel(np.array([1.0])) == pytest.approx(np.exp([-1.0]))


DECLARED = (
    MANY
    + """\
dissipator pump[j] on chain {
  jump = 0.2 + (c[j, 1, up]' + (1 + 1i)*c[j+1, 3, down]')*(c[j, 1, down] - 0.5i*c[j-1, 3, up]); rate = 0.3
}
dissipator deph[j, m] on chain { jump = c[j, m, up]'*c[j, m, up]; rate = 0.2*m }
dissipator out[j] on rail { jump = d[j] + 0.3i*d[j+2]; rate = 0.7 }
dissipator feed[j] on chain { jump = c[j, 1, up]' - 1i*c[j+1, 3, up]'; rate = 0.6 }
"""
)


@pytest.mark.parametrize("L", [4, 5, 8])
def test_declared_operators_have_the_rates_of_all_their_members(L):
    """sum_m r_m |<a| L_m |b>|^2 with the members of the whole device, orbital by orbital."""
    whole = device(DECLARED, L=L)
    system, places, cell = lindbladian(whole), ring_places(whole), unit_cell(whole)
    found = ring_modes(cell)
    psi = states(found)[places.cell * cell.dimension + places.orbital]
    jump, loss_, gain = np.zeros((len(psi), len(psi))), np.zeros(len(psi)), np.zeros(len(psi))
    for one in system.jumps:
        W = np.zeros((one.count, len(psi), len(psi)), dtype=complex)
        W[one.bilinear.member, one.bilinear.orbital[:, 0], one.bilinear.orbital[:, 1]] = one.bilinear.value
        jump += np.tensordot(one.rate, np.abs(psi.conj().T @ W @ psi) ** 2, axes=1)
        loss_ += one.rate @ np.abs(one.loss @ psi) ** 2
        gain += one.rate @ np.abs(one.gain @ psi.conj()) ** 2
    given_ = rates(cell, found)
    assert matrix(given_) == pytest.approx(jump, rel=1e-11, abs=1e-13)
    assert given_.loss == pytest.approx(loss_, rel=1e-11, abs=1e-13)
    assert given_.gain == pytest.approx(gain, rel=1e-11, abs=1e-13)
    assert given_.names == ("pump", "deph", "out", "feed")
    assert system.jumps[0].constant.tolist() == [0.2] * L


def test_a_declared_kernel_may_be_mended_at_zero():
    """Ohmic bath with its limit at E = 0 written out."""
    bath = "detailed_balance(beta = 2, kernel = if(E == 0, 1/2, E/(exp(2*E) - 1)))"
    cell = unit_cell(device(f"{PLAIN}dissipator b on chain {{ jump = {bath}; rate = 0.3 }}"))
    found = ring_modes(cell)
    e = found.energy.ravel()
    difference = e[:, None] - e + 1e-7
    wanted = 0.3 / 6 * difference / np.expm1(2 * difference)
    assert matrix(rates(cell, found)) == pytest.approx(wanted, rel=1e-6)


# ---- refusals ---------------------------------------------------------------------------------------------


def shifted(members, m, terms):
    return [terms if number == m else one for number, one in enumerate(members)]


NUMBERS = [[bilinear(a, a)] for a in range(6)]


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        (lambda: device(PLAIN + "lattice x { site d }"), "no index of 'd' runs over a ring"),
        (lambda: device("model m\nlattice x { site d[a] for a in 1..4 }"), "no index of 'd' runs"),
        (
            lambda: device("model m\nlattice x { site d[a, b] for a in ring(3), b in ring(3) }"),
            "2 indices of 'd' run over rings",
        ),
        (
            lambda: device(PLAIN + "lattice x { site d[j] for j in ring(7) }"),
            "'c' has 6 cells, 'd' 7",
        ),
        (
            lambda: device(PLAIN.replace("onsite c[j]", "onsite c[j] where j == 4")),
            "the energy of 'c[4]' is not the same as in the other cells",
        ),
        (
            lambda: device(PLAIN.replace("onsite c[j]", "onsite c[j] where j > 1")),
            "the energy of 'c[1]' is not the same",
        ),
        (
            lambda: device(PLAIN.replace("hop c[j] -> c[j+1]", "hop c[j] -> c[j+1] where j < 6")),
            "the hop between 'c[1]' and 'c[6]' is not the same",
        ),
        (
            lambda: device(PLAIN.replace("-1 + 0.3i", "-1 + 0.3i*(j == 3)")),
            "the hop between 'c[3]' and 'c[4]' is not the same",
        ),
        (
            lambda: device(PLAIN, [family(NUMBERS, [1, 1, 1, 2, 1, 1])]),
            "the jump operators 'd[1]' and 'd[4]' or their rates differ",
        ),
        (
            lambda: device(PLAIN, [family(shifted(NUMBERS, 2, [bilinear(2, 3)]))]),
            "the jump operators 'd[1]' and 'd[3]' or their rates differ",
        ),
        (
            lambda: device(PLAIN, [family(NUMBERS[:-1])]),
            "there is no jump operator at 'c[6]' like 'd[1]'",
        ),
        (
            lambda: device(PLAIN, [family([[(1.0, ((a, False), ((a + 1) % 6, False)))] for a in range(6)])]),
            "'d[1]' has pairs of operators",
        ),
        (
            lambda: device(
                PLAIN,
                [family([[(1.0, ((a, True), ((a + 1) % 6, False), (a, False)))] for a in range(6)])],
            ),
            "'d[1]' has products of 3 operators",
        ),
        (
            lambda: replace(
                device(PLAIN),
                interaction=Products(
                    np.zeros(1, int), np.arange(4)[None] // 2, (True, False) * 2, np.ones(1)
                ),
            ),
            "particles that interact have no modes",
        ),
    ],
)
def test_what_has_no_cell_is_refused(whole, message):
    with pytest.raises(ModelError) as caught:
        unit_cell(whole())
    assert message in str(caught.value)
    assert "method = " in caught.value.hint


def test_gaps_in_a_ring_are_refused():
    whole = device(PLAIN.replace("ring(L)", "ring(L) where j < 6"))
    with pytest.raises(ModelError, match=r"there is 'c\[1\]', but no 'c\[6\]'"):
        unit_cell(whole)


# ---- infinite chains --------------------------------------------------------------------------------------


def pumped(reach):
    def make(L):
        members = [[bilinear(a, (a + reach) % L), loss((a + 1) % L, 0.2)] for a in range(L)]
        text = PLAIN.replace("c[j+1]", f"c[j+{reach}]")
        return device(text, [family(members)], L=L)

    return make


@pytest.mark.parametrize("reach", [1, 6, 7, 13, 30])
def test_infinite_chains_are_as_long_rings(reach):
    make = pumped(reach)
    cell, long = infinite_cell(make), unit_cell(make(101))
    assert cell.cells is None
    assert cell.hopping.keys() == long.hopping.keys() == {0, reach, -reach}
    for x, block in cell.hopping.items():
        assert block == pytest.approx(long.hopping[x])
    (one,), (other,) = cell.jumps, long.jumps
    assert one.bilinear == other.bilinear == {(0, reach): np.ones((1, 1))}
    assert one.loss[1].tolist() == other.loss[1].tolist() == [0.2]


def test_the_infinite_chain_of_a_text_is_its_long_ring():
    text = DECLARED.replace("param L = 5", "param L = infinite").replace("0.7i", "0.7*exp(1i*pi/L)")
    model = mk.loads(text)
    values = values_of(model.declarations, {})
    cell = infinite_cell(lambda cells: model._expansion.device(values, {}, cells=cells))
    long = unit_cell(device(text.replace("exp(1i*pi/L)", "1"), L=60))
    assert cell.cells is None
    k = np.linspace(-3, 3, 7)
    one, other = (modes(each, k, np.full(7, 1 / 7)) for each in (cell, long))
    assert one.energy == pytest.approx(other.energy)
    assert matrix(rates(cell, one)) == pytest.approx(matrix(rates(long, other)))


def test_a_ring_beside_an_infinite_chain_is_refused():
    text = PLAIN.replace("param L = 6", "param L = infinite") + "lattice x { site d[j] for j in ring(13) }"
    model = mk.loads(text)
    values = values_of(model.declarations, {})
    with pytest.raises(ModelError, match="'c' has infinitely many cells, 'd' 13"):
        infinite_cell(lambda cells: model._expansion.device(values, {}, cells=cells))


def test_operators_without_an_end_are_refused():
    text = PLAIN.replace("hop c[j] -> c[j+1] : -1 + 0.3i", "hop c[j] -> c[j+floor(L/3)] : 1")
    with pytest.raises(ModelError, match="as far as one looks"):
        infinite_cell(lambda L: device(text, L=L))
