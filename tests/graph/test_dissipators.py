"""Dissipators on devices: against matrices on all states, at open ends, in what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelkit.elements.declarations import declare
from modelkit.errors import ModelError
from modelkit.graph.device import Device, DissipatorGroup
from modelkit.graph.expand import Expansion
from modelkit.graph.link import link
from modelkit.graph.values import values_of
from modelkit.language.parser import parse
from tests.graph.jumps import Jumps, Outside, annihilators, matrix_of

seeds = st.integers(0, 10**6)


def expansion(text: str) -> Expansion:
    return Expansion(link(declare(parse(text, "m.model"))))


def device(text: str, cells: int | None = None, **values: Any) -> Device:
    expanded = expansion(text)
    return expanded.device(values_of(expanded.graph.graph["declarations"], values), cells=cells)


def refusal(text: str, **values: Any) -> str:
    with pytest.raises(ModelError) as caught:
        device(text, **values)
    assert caught.value.span is not None
    return caught.value.message


def group_or_reason(text: str) -> DissipatorGroup | str:
    try:
        return device(text).dissipators[0]
    except ModelError as error:
        return error.message


def written(chain: str, *more: str, head: str = "") -> str:
    declared = ['model m "m"', "param kappa = 0.2", "param cells = infinite", head]
    return "\n".join([*declared, f"lattice wire {{ {chain} }}", *more, ""])


OPEN, RING = "site c[j] for j in 1..4", "site c[j] for j in ring(4)"
LOSS = "dissipator loss[j] on wire { jump = c[j]; rate = kappa }"


@given(seeds, st.booleans(), st.booleans())
def test_a_jump_is_the_operator_that_is_written(seed: int, ring: bool, spin: bool) -> None:
    jumps = Jumps(seed, 3, ring=ring, spin=spin)
    jump = jumps.operator(odd=bool(seed % 2))
    text = f"dissipator d[j] for j in 1..3 on chain {{ jump = {jump.text}; rate = 1 + j }}\n"
    there = {}
    for j in (1, 2, 3):
        try:
            there[j] = jump.at(j)
        except Outside:
            continue
    group = group_or_reason(jumps.model + text)
    if isinstance(group, str):  # nothing is left of it, or of its members
        assert any(word in group for word in ("vanishes", "holds no operator", "no member"))
        one = np.eye(2**jumps.modes)
        assert all(np.allclose(found, found[0, 0] * one) for found in there.values())
        return
    assert group.labels == tuple(f"d[{j}]" for j in there)
    assert group.left_out == 3 - len(there)
    np.testing.assert_array_equal(group.rate, [1 + j for j in there])
    for member, expected in enumerate(there.values()):
        found = matrix_of(group.products, member, jumps.modes)
        np.testing.assert_allclose(found, expected, atol=1e-12 * max(1, np.abs(expected).max()))


def test_a_free_index_runs_over_the_sites_that_there_are() -> None:
    (group,) = device(written("site c[j] for j in 1..6 where j != 3", LOSS)).dissipators
    assert group.labels == ("loss[1]", "loss[2]", "loss[4]", "loss[5]", "loss[6]")
    assert group.left_out == 0
    (part,) = group.products
    np.testing.assert_array_equal(part.orbital[:, 0], range(5))


def test_a_free_index_may_have_any_name_and_run_over_two_dimensions() -> None:
    (group,) = device(
        written(
            "site c[x, y] for x in 1..3, y in 1..x",
            "dissipator d[v, u] on wire { jump = c[u, v] - c[u+1, v]; rate = 1 }",
        )
    ).dissipators
    assert group.labels == ("d[1,1]", "d[1,2]", "d[2,2]")
    assert group.left_out == 3


def test_what_reaches_over_an_open_end_is_left_out_whole() -> None:
    hop = "dissipator d[j] on wire { jump = c[j]' * (c[j-1] + c[j+1]); rate = kappa }"
    (group,) = device(written(OPEN, hop)).dissipators
    assert (group.labels, group.left_out) == (("d[2]", "d[3]"), 2)
    (group,) = device(written(RING, hop)).dissipators
    assert (len(group.labels), group.left_out) == (4, 0)


def test_some_members_of_a_lattice() -> None:
    loss = "dissipator d[j] for j in 1..4 step 2 where j != 1 on wire { jump = c[j]; rate = kappa }"
    thinned = "dissipator e[j] where mod(j, 2) == 0 on wire { jump = c[j] + c[j+1]; rate = kappa }"
    one, two = device(written(OPEN, loss, thinned)).dissipators
    assert (one.labels, one.left_out) == (("d[3]",), 0)
    assert (two.labels, two.left_out) == (("e[2]",), 1)


def test_indices_wrap_round_a_ring() -> None:
    (group,) = device(
        written(RING, "dissipator d[j] on wire { jump = c[j+1]'*c[j]; rate = kappa }")
    ).dissipators
    np.testing.assert_array_equal(group.products[0].orbital, [[1, 0], [2, 1], [3, 2], [0, 3]])


def test_operators_of_several_lattices() -> None:
    text = """model m "m"
lattice left { site c[j] for j in 1..3; site d }
lattice right { internal orbital(2); site c[j] for j in 1..2 }
dissipator a on left, right { jump = left.c[3]'*right.c[1, 2] + d*right.c[2, 1]'; rate = 1 }
"""
    (group,) = device(text).dissipators
    found = {part.dagger: part.orbital.tolist() for part in group.products}
    assert found == {(True, False): [[2, 5]], (False, True): [[3, 6]]}
    assert group.labels == ("a",)


def test_parameters_and_indices_in_coefficients_and_rates() -> None:
    text = written(
        OPEN,
        "dissipator d[j] on wire { jump = exp(1i*q*j)*c[j]/w; rate = g(j)*kappa }",
        head="param q = 0.3\nlet w = 1 + 1i\nfunction g(x) = x^2",
    )
    (group,) = device(text, kappa=0.5).dissipators
    j = np.arange(1, 5)
    np.testing.assert_allclose(group.products[0].value, np.exp(0.3j * j) / (1 + 1j))
    np.testing.assert_allclose(group.rate, 0.5 * j**2)


def test_a_parameter_in_a_subscript_is_an_integer() -> None:
    text = written(OPEN, "dissipator d on wire { jump = c[n+1]; rate = 1 }", head="param n = 2")
    declarations = declare(parse(text))
    assert declarations.parameters["n"].integer
    (group,) = device(text).dissipators
    assert group.products[0].orbital.tolist() == [[2]]


def test_an_index_hides_a_site_and_a_site_hides_a_parameter() -> None:
    text = written(
        "site c[j] for j in 1..2; site d",
        "dissipator one[d] for d in 1..2 on wire { jump = d*c[d]; rate = 1 }",
        "dissipator two on wire { jump = c*d; rate = c }",
        head="param c = 3",
    )
    one, two = device(text).dissipators
    np.testing.assert_allclose(one.products[0].value, [1, 2])
    assert two.products[0].orbital.tolist() == [[2]]
    np.testing.assert_allclose(two.products[0].value, [3])


def test_a_bath_of_modes() -> None:
    text = written(
        RING,
        "dissipator cold on wire { jump = detailed_balance(beta = 2); rate = kappa }",
        "dissipator ohmic on wire {\n  jump = detailed_balance(3, kernel = exp(-3*E/2)/cosh(E)); rate = 1\n}",
    )
    cold, ohmic = device(text).dissipators
    assert (cold.beta, cold.kernel, cold.products, cold.rate.tolist()) == (2.0, None, (), [0.2])
    assert ohmic.beta == 3.0
    assert ohmic.kernel is not None
    E = np.array([[-1.0, 0.5], [0.0, 2.0]])
    np.testing.assert_allclose(ohmic.kernel(E), np.exp(-1.5 * E) / np.cosh(E))


def test_fillings() -> None:
    found = device(written(RING, LOSS, "filling wire = 1/4 + kappa"), kappa=0.1)
    assert found.filling == {"wire": 0.35}


def test_an_infinite_ring_is_stood_for_by_finite_ones() -> None:
    text = written(
        "site c[j] for j in ring(cells); hop c[j] -> c[j+1] : -exp(1i*kappa/cells)",
        "dissipator d[j] on wire { jump = c[j] - c[j+1]; rate = 1 + 1/cells }",
    )
    expanded = expansion(text)
    values = values_of(expanded.graph.graph["declarations"], {})
    for cells in (5, 7, 5):
        found = expanded.device(values, cells=cells)
        (group,) = found.dissipators
        assert found.size == len(group.labels) == len(found.hops.row) == cells
        assert found.sites[0].rings == (cells,)
        assert found.sites[0].infinite
        np.testing.assert_array_equal(found.hops.value, -1)  # in the limit of many cells
        np.testing.assert_array_equal(group.rate, 1)
        assert found.values == values
    assert expanded.counts["sites"] == 2
    finite = expanded.device({**values, "cells": 5}, cells=9)
    assert finite.size == 5
    assert not finite.sites[0].infinite
    assert "infinite" in refusal(text)


def test_structure_is_made_once_in_a_sweep() -> None:
    text = written(
        OPEN, "dissipator d[j] on wire { jump = delta*c[j]; rate = kappa }", head="param delta = 1"
    )
    expanded = expansion(text)
    declarations = expanded.graph.graph["declarations"]
    prints = set()
    for delta, kappa in ((1, 0.1), (1, 0.2), (2, 0.2), (2, 0.3)):
        found = expanded.device(values_of(declarations, {"delta": delta, "kappa": kappa}))
        assert found.dissipators[0].products[0].value.tolist() == [delta] * 4
        assert found.dissipators[0].rate.tolist() == [kappa] * 4
        prints.add(found.fingerprint)
    assert (expanded.counts["members"], expanded.counts["products"]) == (1, 2)
    assert len(prints) == 4


@pytest.mark.parametrize(
    ("jump", "message"),
    [
        ("c[1] + 1", "this jump operator adds even and odd numbers of fermion operators"),
        ("c[1] - c[1]", "this jump operator vanishes"),
        ("(c[1] - c[1])*c[2] + kappa", "this jump operator holds no operator"),
        ("1/c[1]", "division by an operator"),
        ("exp(c[1])", "'exp' of an operator"),
        ("2^c[1]", "an operator cannot be an exponent"),
        ("c[1]^0.5", "the power 1/2 of an operator"),
        ("(c[1]'*c[1])^4", "a product of 8 fermion operators"),
        ("[c[1], c[2]]", "a matrix with operators in it"),
        ("c[1] == c[2]", "operators are added and multiplied, nothing else"),
        ("c", "the site 'c[j]' has 1 index, 0 given"),
        ("c[1, up]", "the site 'c[j]' has 1 index, 2 given"),
        ("d[1]", "there is no operator 'd' here"),
        ("wire.d[1]", "the lattice 'wire' has no site 'd'"),
        ("c[7]", "there is no site 'c[7]'"),
        ("infinite*c[1]", "'infinite' stands alone"),
        (
            "(c[1] + c[2] + c[3] + c[4] + c[1]')^6",
            "this jump operator has more than 4096 products when written out",
        ),
        ("detailed_balance(1) + c[1]", "'detailed_balance' is the whole of a jump"),
    ],
)
def test_jumps_that_are_none(jump: str, message: str) -> None:
    text = written(OPEN, f"dissipator a on wire {{ jump = {jump}; rate = 1 }}")
    assert refusal(text) == message


def test_three_operators_are_a_jump() -> None:
    (group,) = device(written(OPEN, "dissipator a on wire { jump = c[1]'*c[2]*c[3]; rate = 1 }")).dissipators
    assert group.products[0].dagger == (True, False, False)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("a[j] on wire { jump = c[j]; rate = kappa - 0.1*j }", "the rate of 'a[3]' is -0.1, negative"),
        ("a[j] on wire { jump = c[j]; rate = 1/(j - 2) }", "the rate of 'a[2]' is infinite"),
        (
            "a[j] on wire { jump = c[j]/(j - 2); rate = 1 }",
            "a coefficient in the jump operator of 'a[2]' is ",
        ),
        ("a[j] for j in 5..9 on wire { jump = c[j]; rate = 1 }", "no member of 'a' has all its sites"),
        ("a[j] for j in {1, 1} on wire { jump = c[j]; rate = 1 }", "'a[1]' is declared twice"),
        (
            "a on wire { jump = c[1]; rate = 1 }\nfilling wire = 3*kappa/0.6",
            "the filling of 'wire' is 1, it ",
        ),
        ("a on wire { jump = detailed_balance(1, exp(-E)); rate = 1 }", "the kernel of 'a' has no detailed "),
        ("a on wire { jump = detailed_balance(1, -exp(-E/2)); rate = 1 }", "the kernel is negative at E = 0"),
        ("a on wire { jump = detailed_balance(1/(kappa - 0.2)); rate = 1 }", "the beta of 'a' is "),
    ],
)
def test_values_without_a_meaning(more: str, message: str) -> None:
    assert refusal(written(OPEN, f"dissipator {more}")).startswith(message)


def test_interactions_are_products_of_densities() -> None:
    text = written(
        "internal spin; site c[j] for j in ring(3)\n"
        "interaction c[j] - c[j+1] : 0.5*j\n"
        "interaction c[j, up] - c[j, down] : 3\n"
        "interaction c[1, up] - c[2] : kappa",
        "dissipator loss[j] on wire { jump = c[j, up]; rate = 1 }",
    )
    found = device(text).interaction
    assert found is not None
    c = annihilators(6)
    n = [one.conj().T @ one for one in c]
    site = [n[2 * j] + n[2 * j + 1] for j in range(3)]
    expected = sum(
        0.5 * (j + 1) * site[j] @ site[(j + 1) % 3] + 3 * n[2 * j] @ n[2 * j + 1] for j in range(3)
    )
    expected = expected + 0.2 * n[0] @ site[1]
    np.testing.assert_allclose(matrix_of((found,), 0, 6), expected)


def test_an_interaction_on_a_site_counts_each_pair_once() -> None:
    text = written("internal orbital(3); site c; interaction c - c : 2")
    found = device(text).interaction
    assert found is not None
    assert sorted(found.orbital[:, [0, 2]].tolist()) == [[0, 1], [0, 2], [1, 2]]


@pytest.mark.parametrize(
    ("interaction", "message"),
    [
        ("interaction c[j] - c[j] : 1", "the interaction on 'c[1]' joins an orbital with itself: n n = n"),
        (
            "interaction c[j] - c[m] for m in 1..4 where m != j : 1",
            "the interaction 'c[2] - c[1]' is declared in ",
        ),
        ("interaction c[j] - c[j+1] : 1i", "the interaction 'c[1] - c[2]' is complex"),
    ],
)
def test_interactions_that_are_none(interaction: str, message: str) -> None:
    assert refusal(written(f"{OPEN}; {interaction}")).startswith(message)


def test_a_model_without_dissipators_has_none() -> None:
    found = device(written(OPEN))
    assert (found.dissipators, found.filling, found.interaction) == ((), {}, None)
