"""Leads as matrices: what of a lattice goes on beyond an end, in which gauge, and why it may not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelkit as mk
from modelkit.errors import ModelError
from modelkit.graph.device import Lead


def text(lattice: str, *terminals: str, more: str = "") -> str:
    lines = [f"bath T{k} on {one} {{ self_energy = lead; mu = 0 }}" for k, one in enumerate(terminals)]
    return "\n".join(["model m", more, f"lattice w {{\n{lattice}\n}}", *lines])


def leads(lattice: str, *terminals: str, more: str = "") -> list[Lead]:
    device = mk.loads(text(lattice, *terminals, more=more)).device()
    return [lead for group in device.terminals for _, lead in group.leads]


def refusal(lattice: str, *terminals: str) -> str:
    with pytest.raises(ModelError) as caught:
        leads(lattice, *terminals)
    assert caught.value.hint
    return str(caught.value)


CHAIN = "site c[l] for l in 1..6\n"
SQUARE = "site c[x, y] for x in 1..5, y in 1..4\n"


def test_the_formulas_go_on_without_disorder() -> None:
    lattice = CHAIN + (
        "onsite c[l] : 0.3\nonsite c[l] where l == 3 : 5\ndisorder onsite c[l] : uniform(-1, 1, seed = 2)\n"
        "hop c[l] -> c[l+1] : -1.5i"
    )
    left, right = leads(lattice, "w.left", "w.right")
    assert left.site.tolist() == [0]
    assert right.site.tolist() == [5]
    for lead, hop in ((left, 1.5j), (right, -1.5j)):  # matrix elements from the outer to the inner site
        assert lead.onsite == pytest.approx(np.array([[0.3]]))
        assert lead.coupling == pytest.approx(np.array([[-hop]]))
        assert lead.hop == pytest.approx(np.array([[-hop]]))


def test_each_end_continues_along_its_index() -> None:
    lattice = (
        SQUARE
        + "onsite c[x, y] : 0.1*(x - x) + 1\nhop c[x, y] -> c[x+1, y] : -1\nhop c[x, y] -> c[x, y+1] : -2"
    )
    left, right, bottom, top = leads(lattice, "w.left", "w.right", "w.bottom", "w.top")
    assert left.onsite.shape == right.onsite.shape == (4, 4)
    assert bottom.onsite.shape == top.onsite.shape == (5, 5)
    for lead, across, along in ((left, -2, -1), (right, -2, -1), (bottom, -1, -2), (top, -1, -2)):
        size = len(lead.onsite)
        assert lead.onsite == pytest.approx(np.eye(size) + across * (np.eye(size, k=1) + np.eye(size, k=-1)))
        assert lead.hop == pytest.approx(along * np.eye(size))
        assert lead.coupling == pytest.approx(lead.hop)
    assert top.site.tolist() == [3, 7, 11, 15, 19]


def test_parts_of_an_end_are_cut_from_the_rest() -> None:
    lattice = (
        SQUARE
        + "hop c[x, y] -> c[x+1, y] : -1\nhop c[x, y] -> c[x, y+1] : -1\nhop c[x, y] -> c[x+1, y+1] : -0.1"
    )
    first, second = leads(lattice, "w.top where x <= 2", "w.top where x >= 3 and y == 4")
    assert first.site.tolist() == [3, 7]
    assert second.site.tolist() == [11, 15, 19]
    assert first.onsite == pytest.approx(-(np.eye(2, k=1) + np.eye(2, k=-1)))
    # from c[x+1, 5] back to c[x, 4], inside the part alone
    assert first.hop == pytest.approx(-np.eye(2) - 0.1 * np.eye(2, k=1))
    assert second.hop == pytest.approx(-np.eye(3) - 0.1 * np.eye(3, k=1))


@settings(max_examples=20)
@given(st.floats(-3, 3).map(lambda x: round(x, 3)), st.sampled_from([0.0, 0.25, 1.0]))
def test_in_every_landau_gauge_the_cells_are_the_same_up_to_phases(field: float, share: float) -> None:
    lattice = SQUARE + (
        f"hop c[x, y] -> c[x+1, y] : -exp(1i*({share!r})*({field!r})*y)\n"
        f"hop c[x, y] -> c[x, y+1] : -exp(-1i*({1 - share!r})*({field!r})*x)"
    )
    for end in ("w.right", "w.top"):
        (lead,) = leads(lattice, end)
        assert np.abs(lead.hop) == pytest.approx(np.eye(len(lead.hop)), abs=1e-12)
        for a in range(len(lead.hop) - 1):
            # flux through the plaquette of two neighbours and the next cell
            loop = (
                lead.hop[a, a]
                * lead.onsite[a, a + 1]
                * np.conj(lead.hop[a + 1, a + 1])
                * lead.onsite[a + 1, a]
            )
            turn = np.exp(-1j * field) if end == "w.right" else np.exp(1j * field)
            assert loop == pytest.approx(turn, abs=1e-9) or loop == pytest.approx(np.conj(turn), abs=1e-9)


def test_the_period_is_what_hops_and_formulas_need() -> None:
    (far,) = leads(CHAIN + "hop c[l] -> c[l+1] : -1\nhop c[l] -> c[l+2] : -0.5", "w.right")
    assert far.onsite == pytest.approx(-(np.eye(2, k=1) + np.eye(2, k=-1)))
    assert np.count_nonzero(far.hop) == 3
    assert sorted(far.site.tolist()) == [4, 5]
    (two,) = leads(CHAIN + "hop c[l] -> c[l+1] : -(1 + 0.2*(-1)^l)", "w.right")
    assert len(two.onsite) == 2
    assert two.site.tolist() == [5]
    # beyond c[6] follow hops of 1.2, 0.8, 1.2, ...
    assert two.coupling.sum() == pytest.approx(-1.2)
    assert two.onsite[0, 1] == pytest.approx(-0.8)
    (three,) = leads(CHAIN + "onsite c[l] : cos(2*pi*l/3)\nhop c[l] -> c[l+1] : -1", "w.left")
    assert len(three.onsite) == 3
    (checkers,) = leads(
        "site c[x, y] for x in 1..6, y in 1..3 where mod(x + y, 2) == 0\n"
        "hop c[x, y] -> c[x+1, y+1] : -1\nhop c[x, y] -> c[x+1, y-1] : -1",
        "w.right",
    )
    assert len(checkers.onsite) == 3


def test_ranges_of_their_own_go_on_where_they_reach_the_end() -> None:
    lattice = CHAIN + (
        "hop c[l] -> c[l+1] for l in 1..5 : -1\nonsite c[l] for l in 2..3 : 7\n"
        "onsite c[l] for l in 5..6 : 0.5\nonsite c[6] : 2"
    )
    left, right = leads(lattice, "w.left", "w.right")
    assert left.onsite == pytest.approx(np.zeros((1, 1)))
    assert right.onsite == pytest.approx(np.array([[0.5]]))
    assert left.hop == right.hop == pytest.approx(np.array([[-1]]))


def test_components_come_along() -> None:
    (lead,) = leads(
        "internal nambu * spin\n"
        + CHAIN
        + "onsite c[l] : 0.3*sigma_z\nhop c[l] -> c[l+1] : -1 - 0.2i*sigma_y\n"
        "pair c[l] - c[l] where l > 2 : 0.4i*sigma_y",
        "w.right",
    )
    assert lead.hole.tolist() == [False, False, True, True]
    assert lead.onsite[:2, :2] == pytest.approx(np.diag([0.3, -0.3]))
    assert lead.onsite[2:, 2:] == pytest.approx(np.diag([-0.3, 0.3]))
    assert np.abs(lead.onsite[:2, 2:]).max() == pytest.approx(0.8)
    assert lead.hop[:2, :2] == pytest.approx(-np.eye(2) + 0.2 * np.array([[0, -1], [1, 0]]).T, abs=1e-12)
    (raw,) = leads(CHAIN + "hop c[l] -> c[l+1] : -1\npair c[l] - c[l+1] : 0.4i", "w.right")
    assert abs(raw.hop_pairs[0, 0]) == pytest.approx(0.4)
    (free,) = leads(CHAIN + "hop c[l] -> c[l+1] : -1\npair c[l] - c[l+1] where l < 5 : 0.4i", "w.right")
    assert not free.hop_pairs.any()
    assert not free.coupling_pairs.any()


def test_a_condensate_that_moves_uniformly_is_at_rest_in_another_gauge() -> None:
    lattice = (
        "internal nambu\n"
        + CHAIN
        + "onsite c[l] : 0.2\nhop c[l] -> c[l+1] : -1\npair c[l] - c[l+1] : 0.4*exp(0.6i*l)"
    )
    (lead,) = leads(lattice, "w.right")
    assert lead.hop[0, 0] == pytest.approx(-np.exp(-0.3j)) or lead.hop[0, 0] == pytest.approx(np.exp(-0.3j))
    uneven = lattice.replace("0.6i*l", "0.6i*l^2")
    assert "no gauge makes its cells equal" in refusal(uneven, "w.right")


def test_one_cell_is_enough() -> None:
    left, right = leads(
        "site c[l] for l in 1..1\nonsite c[l] : 0.2\nhop c[l] -> c[l+1] : -1", "w.left", "w.right"
    )
    assert left.site.tolist() == right.site.tolist() == [0]
    assert left.hop == right.hop == pytest.approx(np.array([[-1]]))


def test_new_values_that_do_not_enter_a_lead_leave_it_alone() -> None:
    lattice = CHAIN + "hop c[l] -> c[l+1] : -t"
    model = mk.loads(
        text(lattice, "w.left", more="param t = 1\nparam W = 1")
        + "\nbath B on w.c[3] { self_energy = wide_band(W); mu = 0 }"
    )
    first, second, third = (model.device(**given) for given in ({"W": 1}, {"W": 2}, {"t": 2}))
    lead = [device.terminals[0].leads[0][1] for device in (first, second, third)]
    assert lead[0] is lead[1]
    assert lead[2].hop == pytest.approx(np.array([[-2]]))


@pytest.mark.parametrize(
    ("lattice", "end", "why"),
    [
        (
            CHAIN + "onsite c[l] : 0.1*l\nhop c[l] -> c[l+1] : -1",
            "w.right",
            "the energies of 'c[7]' and 'c[8]' beyond it differ",
        ),
        (CHAIN + "hop c[l] -> c[l+1] : -l", "w.right", "the hops between 'c["),
        (CHAIN + "hop c[l] -> c[l+1] where l < 6 : -1", "w.right", "no hop leads on from there"),
        (
            CHAIN + "hop c[l] -> c[l+1] : -1\nhop c[l] -> c[l+2] where l < 5 : -0.1",
            "w.right",
            "has no counterpart across the end",
        ),
        (
            CHAIN + "hop c[l] -> c[m] for m in 1..6 where m > l : -1/(m-l)^2",
            "w.right",
            "any number of slices",
        ),
        (
            "site c[l] for l in 1..1\nhop c[l] -> c[l+1] : -1\nhop c[l] -> c[l+2] : -1",
            "w.left",
            "its hops reach over 2 slices, but the lattice has 1",
        ),
        (
            SQUARE + "hop c[x, y] -> c[x+1, y] : -1\nhop c[x, y] -> c[x, y+1] : -exp(1i*x^2)",
            "w.right",
            "no gauge",
        ),
        (
            "site c[x, y] for x in 1..4, y in ring(5)\nhop c[x, y] -> c[x+1, y] : -1\n"
            "hop c[x, y] -> c[x, y+1] : -exp(0.1i*x)",
            "w.right",
            "no gauge",
        ),
        (
            "site c[x, y] for x in -3..3, y in -3..3 where x^2 + y^2 <= 9\nhop c[x, y] -> c[x+1, y] : -1\n"
            "hop c[x, y] -> c[x, y+1] : -1",
            "w.right",
            "its last slices have 1 and 5 sites",
        ),
        ("site c[l] for l in {1, 2, 3}\nhop c[l] -> c[l+1] : -1", "w.right", "runs over listed values"),
        ("site c[l] for l in ring(5)\nhop c[l] -> c[l+1] : -1", "w.right", "a ring has no 'right' end"),
        (CHAIN + "hop c[l] -> c[l+1] : -1", "w.right where l < 3", "attached to no site"),
    ],
)
def test_what_does_not_continue_is_told(lattice: str, end: str, why: str) -> None:
    assert why in refusal(lattice, end)


def test_a_lead_on_a_site_is_refused_when_the_text_is_read() -> None:
    with pytest.raises(ModelError, match="a lead continues the lattice beyond an end") as caught:
        mk.loads(text(CHAIN + "hop c[l] -> c[l+1] : -1", "w.c[1]"))
    assert "w.left" in str(caught.value.hint)
    with pytest.raises(ModelError, match="'lead' has no arguments"):
        mk.loads(text(CHAIN + "hop c[l] -> c[l+1] : -1", "w.left").replace("= lead", "= lead(1)"))
