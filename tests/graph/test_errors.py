"""What is refused when a device is expanded, in which words, and at which line."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from modelkit.elements.lattices import Lattice
from modelkit.errors import ModelError
from tests.graph.written import (
    NAMBU,
    SPIN,
    N,
    bath,
    chain,
    expansion,
    hop,
    j,
    l,
    lattice,
    line,
    m,
    on,
    onsite,
    over,
    pair,
    ref,
    ring,
    site,
    x,
    y,
)

RUN = over(l, 1, N)


def refusal(*elements: Any, limit: int = 10**7, **values: float) -> ModelError:
    with pytest.raises(ModelError) as caught:
        expansion(*elements, limit=limit).device({"N": 6, "t": 1.0, **values})
    return caught.value


def with_hops(*terms: Any) -> Lattice:
    return lattice(site("c", RUN), terms=terms)


def test_a_bond_in_both_directions_is_refused_at_the_second_declaration() -> None:
    there, back = (
        hop(ref("c", l), ref("c", l + 1), RUN, at=10),
        hop(ref("c", l), ref("c", l - 1), RUN, at=20),
    )
    error = refusal(with_hops(there, back))
    assert error.span == line(20)
    expected = (
        "the hop 'c[2] -> c[1]' is declared in both directions: 'c[1] -> c[2]' is already there, in line 10"
    )
    assert error.message == expected
    assert error.hint == "the Hermitian partner is implied"


def test_a_ring_in_both_directions_is_refused_also_across_its_seam() -> None:
    run = ring(j, 6)
    only_seam = hop(ref("a", 1), ref("a", 6), at=20)
    terms = [hop(ref("a", j), ref("a", j + 1), run, at=10), only_seam]
    device = expansion(lattice(site("a", run), terms=terms)).device({})
    assert len(device.bonds.source) == 7  # a[1] -> a[6] does not go round the ring: another bond
    seam = hop(ref("a", 1), ref("a", 0), at=20)
    error = refusal(lattice(site("a", run), terms=[terms[0], seam]))
    assert "'a[1] -> a[6]' is declared in both directions" in error.message


def test_a_long_range_hop_without_condition_is_told_to_keep_one_order() -> None:
    term = hop(ref("c", l), ref("c", m), RUN, over(m, 1, N), where=sp.Ne(l, m), at=10)
    error = refusal(with_hops(term))
    assert "by the same line" in error.message
    assert "'where m > l'" in str(error.hint)


def test_a_hop_onto_its_own_site_is_refused() -> None:
    error = refusal(with_hops(hop(ref("c", l), ref("c", m), RUN, over(m, l, N))))
    assert error.message == "this hop goes from 'c[1]' onto itself"


def test_components_of_one_bond_may_be_declared_from_either_end() -> None:
    up_down = sp.ImmutableDenseMatrix([[0, 0], [1, 0]])
    terms = [
        hop(ref("c", l), ref("c", l + 1), RUN, value=up_down, at=10),
        hop(ref("c", l + 1), ref("c", l), RUN, value=up_down, at=20),
    ]
    device = expansion(lattice(site("c", RUN), terms=terms, spaces=(SPIN,))).device({"N": 3})
    assert len(device.bonds.source) == 4
    clash = [terms[0], hop(ref("c", l + 1), ref("c", l), RUN, value=up_down.T, at=20)]
    assert refusal(lattice(site("c", RUN), terms=clash, spaces=(SPIN,))).span == line(20)


def test_a_pair_in_both_orders_is_refused() -> None:
    terms = [
        pair(ref("c", l), ref("c", l + 1), RUN, value=1, at=10),
        pair(ref("c", l + 1), ref("c", l), RUN, value=1, at=20),
    ]
    error = refusal(with_hops(*terms))
    assert "in both orders" in error.message
    assert error.span == line(20)


def test_a_scalar_pair_on_one_site_vanishes() -> None:
    error = refusal(with_hops(pair(ref("c", l), ref("c", l), RUN, value=1)))
    assert "c c = 0" in error.message


def test_a_fixed_site_that_does_not_exist_is_refused_and_an_open_end_is_not() -> None:
    error = refusal(with_hops(onsite(ref("c", 99), value=1)))
    assert error.message == "there is no site 'c[99]'"
    assert error.hint == "the sites run from 'c[1]' to 'c[6]'"
    assert (
        refusal(with_hops(onsite(ref("c", N), value=1)), N=-1).message
        == "the lattice 'wire' has no sites at these values"
    )
    assert "'c[7]'" in refusal(with_hops(hop(ref("c", l), ref("c", N + 1), RUN))).message
    device = expansion(with_hops(hop(ref("c", l), ref("c", l + 1), RUN))).device({"N": 1})
    assert len(device.bonds.source) == 0


def test_a_row_of_sites_that_does_not_exist_is_refused() -> None:
    plane = (over(x, 1, 3), over(y, 1, 2))
    term = hop(ref("d", x, 5), ref("d", x + 1, 5), *plane[:1])
    error = refusal(lattice(site("d", *plane), terms=[term]))
    assert error.message == "there is no site 'd[x,5]'"
    assert error.hint == "in 'd' the indices run over x from 1 to 3, y from 1 to 2"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1 / (l - 3), "the on-site energy of 'c[3]' is infinite"),
        (sp.sqrt(l - 2), "the on-site energy of 'c[1]' is complex"),
        (sp.sin(1 / (l - 2)), "the on-site energy of 'c[2]' is not a number"),
    ],
)
def test_an_onsite_energy_that_is_no_real_number_names_its_site(value: sp.Expr, reason: str) -> None:
    error = refusal(with_hops(onsite(ref("c", l), RUN, value=value)))
    assert error.message.startswith(reason)
    assert error.span == line(3)


def test_a_hop_that_is_no_number_names_its_bond() -> None:
    error = refusal(with_hops(hop(ref("c", l), ref("c", l + 1), RUN, value=1 / (l - 3))))
    assert error.message == "the hop 'c[3] -> c[4]' is infinite"


def test_an_onsite_matrix_must_be_hermitian() -> None:
    matrix = sp.ImmutableDenseMatrix([[1, l - 2], [0, 1]])
    error = refusal(lattice(site("c", RUN), terms=[onsite(ref("c", l), RUN, value=matrix)], spaces=(SPIN,)))
    assert error.message == "the matrix of the on-site energy of 'c[1]' is not Hermitian"


def test_a_matrix_of_the_wrong_size_is_refused() -> None:
    matrix = sp.ImmutableDenseMatrix(sp.eye(3))
    error = refusal(lattice(site("c", RUN), terms=[onsite(ref("c", l), RUN, value=matrix)], spaces=(SPIN,)))
    assert error.message == "this onsite is a 3 x 3 matrix, but a site here has 2 components"


def test_a_full_nambu_matrix_must_be_particle_hole_symmetric() -> None:
    wrong = onsite(ref("c", l), RUN, value=sp.ImmutableDenseMatrix([[1, 0], [0, 1]]))
    error = refusal(lattice(site("c", RUN), terms=[wrong], spaces=(NAMBU,)))
    assert error.message == "the matrix of the on-site energy of 'c[1]' is not particle-hole symmetric"


def test_a_device_beyond_the_limit_is_refused_with_its_size_before_it_is_made() -> None:
    plane = (over(x, 1, N), over(y, 1, N))
    error = refusal(lattice(site("d", *plane)), N=10**6)
    assert (
        error.message
        == "the site 'd' would need at least 1e+12 combinations of its indices; the limit is 1e+07"
    )
    far = hop(ref("c", l), ref("c", m), RUN, over(m, 1, N), where=m > l)
    error = refusal(with_hops(far), N=10**5)
    assert "this hop would need at least 1e+10" in error.message
    assert "m in l+1..N" in str(error.hint)


def test_sites_and_bonds_are_counted_together() -> None:
    terms = [hop(ref("c", l), ref("c", l + k), RUN) for k in (1, 2)]
    assert "would have 17 bonds" in refusal(with_hops(*terms), limit=12, N=10).message
    both = lattice(site("c", RUN), site("d", RUN))
    assert refusal(both, limit=12, N=10).message == "the device would have 20 sites; the limit is 12"


def test_an_infinite_ring_is_told_to_become_finite() -> None:
    cells = sp.Symbol("cells")
    error = refusal(lattice(site("a", ring(j, cells))), cells=float("inf"))
    assert error.message.startswith("the number of cells of 'j' is infinite")
    assert error.hint == "give cells = 6"


def test_bounds_steps_and_subscripts_are_integers() -> None:
    assert (
        "comes out as 1.5, not as an integer" in refusal(lattice(site("c", over(l, 1, N / 2))), N=3).message
    )
    assert (
        refusal(lattice(site("c", over(l, 1, N, sp.Symbol("s")))), s=0).message == "the step of 'l' is zero"
    )
    error = refusal(with_hops(hop(ref("c", l), ref("c", l / 2), RUN)))
    assert error.message == "the index 'l/2' comes out as 0.5 at l = 1, not as an integer"


def test_a_site_declared_twice_is_refused() -> None:
    from tests.graph.written import listed

    assert refusal(lattice(site("c", listed(l, 2, 3, 2)))).message == "the site 'c[2]' is declared twice"


def test_an_interaction_is_refused_by_name() -> None:
    from modelkit.elements.lattices import Term

    term = Term("interaction", (ref("c", l), ref("c", l + 1)), (RUN,), sp.true, sp.Integer(1), span=line(9))
    error = refusal(with_hops(term), bath("L", on("c", 1)))
    assert error.message.startswith("'interaction' is treated by exact methods of open chains only")
    assert error.span == line(9)


def test_all_errors_of_a_device_are_found_at_once() -> None:
    terms = [onsite(ref("c", 99), value=1), hop(ref("c", l), ref("c", l + 1), RUN, value=1 / (l - 3))]
    error = refusal(with_hops(*terms), bath("L", on("c", 77)))
    assert len(error.errors) == 3


def test_what_is_not_declared_is_refused_when_the_graph_is_linked() -> None:
    with pytest.raises(ModelError) as caught:
        expansion(chain(), bath("L", on("d", 1)))
    assert caught.value.message == "there is no 'wire.d'"
    assert "wire.c" in str(caught.value.hint)


def test_a_range_that_depends_on_its_own_index_is_refused() -> None:
    term = onsite(ref("c", l), over(l, l - 1, N), value=1)
    assert refusal(with_hops(term)).message == "the range of 'l' depends on 'l' itself"
