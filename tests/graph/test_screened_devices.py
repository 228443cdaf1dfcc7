"""The matrices of screening on devices: capacitances, neutrality, Poisson, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import modelkit as mk
from modelkit.elements.screening_laws import Couplings, Layout, capacitors, laws
from modelkit.graph.labels import region_labels, site_labels
from modelkit.graph.screening import rigid_leads
from modelkit.view.manual import manual
from tests.graph.wires import CAPACITORS, GATED, PARTS, WIRE, device, refusal


def test_capacitances_are_maxwells_matrix() -> None:
    (group,) = device(GATED + CAPACITORS).screening
    assert (group.names, group.count, group.membership.tolist()) == (("a", "b"), 2, [0, 0, 1, 1, 1, 1, -1])
    assert group.matrix.toarray().tolist() == [[2.5, -2], [-2, 9]]
    columns = {one.label: group.couplings.toarray()[:, k] for k, one in enumerate(group.electrodes)}
    assert {name: column.tolist() for name, column in columns.items()} == {
        "R": [0, -4],
        "G": [-0.5, 0],
        "ground": [0, -3],
    }
    kinds = {one.label: (one.kind, one.potential, one.terminal) for one in group.electrodes}
    assert kinds == {
        "R": ("terminal", 0, 1),
        "G": ("gate", pytest.approx(0.3), -1),
        "ground": ("ground", 0, -1),
    }
    # raising everything alike moves no charge
    total = group.matrix.sum(axis=1) + group.couplings.sum(axis=1)
    assert np.allclose(total, 0)


def test_neutrality_has_no_matrix_and_labels_follow_the_unknowns() -> None:
    each = device("screening on wire.c { solve U such that charge == 0 }\n")
    (group,) = each.screening
    assert (group.count, group.matrix.nnz, group.electrodes) == (6, 0, ())
    assert region_labels(each, np.array(site_labels(each))) == [f"c[{number}]" for number in range(1, 7)]
    whole = device("screening on wire { solve U[wire] such that charge == 0 }\n")
    assert whole.screening[0].membership.tolist() == [0] * 7
    assert region_labels(whole, np.array(site_labels(whole))) == ["wire"]
    named = device(PARTS)
    assert region_labels(named, np.array(site_labels(named))) == ["a", "b"]


def test_poisson_is_the_graph_laplacian_with_terminals_as_neighbours() -> None:
    more = "probe D on wire.c[2] { self_energy = wide_band(1); solve f such that i(E) == 0 }\n"
    text = WIRE.replace("hop c[2] -> dot", "hop c[1] -> c[2] : 0.1\n  hop c[2] -> dot")
    (group,) = device(
        more + "screening on wire { solve U such that charge == poisson(epsilon = 2) }\n", text
    ).screening
    laplacian = np.zeros((7, 7))
    for one, other in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (1, 6)]:
        laplacian[[one, other], [one, other]] += 2
        laplacian[[one, other], [other, one]] -= 2
    laplacian[[0, 5], [0, 5]] += 2
    assert np.array_equal(group.matrix.toarray(), laplacian)
    assert [one.label for one in group.electrodes] == ["L", "R"]  # a dephasing probe has no potential
    assert group.couplings.toarray().tolist() == [[-2, 0], *[[0, 0]] * 4, [0, -2], [0, 0]]
    coarse = PARTS + "screening on wire.c { solve U[a, b] such that charge == poisson(epsilon = 2) }\n"
    (lumped,) = device(coarse).screening
    assert lumped.matrix.toarray().tolist() == [[4, -2], [-2, 4]]


@pytest.mark.parametrize(
    ("more", "message", "at"),
    [
        (
            "region a on wire.c where l < 3\nregion b on wire.c where l > 1\n"
            "screening on wire { solve U[a, b] such that charge == 0 }\n",
            "'c[2]' lies in 'a' and in 'b'",
            "b",
        ),
        (
            "region a on wire.c where l < 3\n"
            "screening on wire.c[1], wire.dot { solve U[a] such that charge == 0 }\n",
            "'c[2]' of 'a' is not among the sites that are screened",
            "a",
        ),
        (
            "region a on wire.c where l < 3\n"
            "screening on wire { solve U[a] such that charge == poisson(epsilon = V) }\n",
            "'c[3]' has no potential, but poisson needs one everywhere",
            "poisson(epsilon = V)",
        ),
        (
            "screening on wire { solve U such that charge == poisson(epsilon = -V) }\n",
            "the epsilon of poisson is positive",
            "poisson(epsilon = -V)",
        ),
        (
            "screening on wire { capacitance wire - ground : -V\n "
            "solve U[wire] such that charge == capacitance }\n",
            "this capacitance comes out as -0.1",
            "capacitance wire - ground : -V",
        ),
        (
            "bath S[l] for l in 2..3 on wire.c[l] { self_energy = wide_band(1); mu = 0 }\n"
            "screening on wire { capacitance wire - S[4] : 1\n "
            "solve U[wire] such that charge == capacitance }\n",
            "there is no 'S[4]' at these values",
            "S[4]",
        ),
    ],
)
def test_what_values_make_wrong_is_told_at_its_line(more: str, message: str, at: str) -> None:
    found, hint, text = refusal(more)
    assert (found, text) == (message, at)
    assert hint


def test_a_site_has_one_potential() -> None:
    one = "screening on wire { solve U such that charge == 0 }\n"
    message, hint, _ = refusal(one + one.replace("on wire", "on wire.dot"))
    assert (message, hint) == (
        "the potential of 'dot' is solved by the screening in line 15 already",
        "each site stands in one screening",
    )
    # a prescribed potential and screening on the same sites add
    assert device(one + "potential on wire { U = V }\n").potential[0] == 0.1


def test_fixed_bands_are_refused_with_screening() -> None:
    screened = "screening on wire { solve U such that charge == 0 }\n"
    rigid = WIRE.replace("coupling = 1); mu", "coupling = 1); bands = rigid; mu")
    (error,) = rigid_leads(device(screened, rigid))
    assert error.message.startswith("the bands of 'R' are fixed")
    assert error.span is not None
    assert error.span.text == "bands = rigid"
    assert not list(rigid_leads(device(screened)))
    assert not list(rigid_leads(device("", rigid)))
    flat = WIRE.replace("wide_band(1); mu", "wide_band(1); bands = rigid; mu")
    assert not list(rigid_leads(device(screened, flat)))
    formula = WIRE.replace("wide_band(1); mu", "1/(E + 1i); bands = rigid; mu")
    assert len(list(rigid_leads(device(screened, formula)))) == 1
    assert not list(rigid_leads(device(screened, formula.replace("1/(E + 1i)", "-1i"))))


def test_a_law_of_screening_is_one_class() -> None:
    class Chain(laws["poisson"]):  # type: ignore[misc]
        """Every unknown beside the next."""

        whole = False

        @staticmethod
        def couplings(layout: Layout, **arguments: float) -> Couplings:
            count = layout.membership.max() + 1
            run = np.arange(count - 1)
            return capacitors(run, run + 1, np.full(count - 1, arguments["epsilon"]))

    text = PARTS + "screening on wire { solve U[a, b] such that charge == beads(epsilon = 3) }\n"
    with pytest.raises(mk.ModelError, match="there is no law of screening 'beads'"):
        mk.loads(WIRE + text)
    with laws.extended("beads", Chain):
        assert "Every unknown beside the next" in manual()
        assert device(text).screening[0].matrix.toarray().tolist() == [[3, -3], [-3, 3]]
    assert "beads" not in manual()
