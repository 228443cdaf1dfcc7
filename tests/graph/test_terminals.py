"""Terminals on devices: members, contacts, fields and conditions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from modelkit.elements.conditions import unknown_symbol
from modelkit.elements.terminals import SelfEnergyCall, Terminal
from modelkit.errors import ModelError
from modelkit.graph.device import Device, TerminalGroup
from modelkit.graph.labels import site_labels, terminal_labels, terminal_sites
from modelkit.graph.terminals import EnergyFunction
from tests.graph.written import (
    Equilibrium,
    N,
    bath,
    chain,
    expansion,
    j,
    l,
    lattice,
    line,
    on,
    over,
    probe,
    ref,
    ring,
    site,
    x,
    y,
)

load = sp.Symbol("load")
mu = unknown_symbol("mu")
PLANE = (over(x, 1, 4), over(y, 1, 3))


def groups(
    *elements: Any, fields: Any = None, reference: Any = None, **values: Any
) -> tuple[TerminalGroup, ...]:
    return expansion(*elements, reference=reference).device({"N": 6, "t": 1.0, **values}, fields).terminals


def refusal(*elements: Any, **more: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        groups(*elements, **more)
    return caught.value


def touched(device: Device) -> list[str]:
    found: list[str] = terminal_sites(device, np.array(site_labels(device))).tolist()
    return found


def test_members_of_a_family_are_attached_one_by_one() -> None:
    family = probe("S", on("c", l + 1), indices=(over(l, 2, N - 2, 2),), right=0.1 * l, T=0.5)
    device = expansion(chain(), bath("L", on("c", 1)), family, bath("R", on("c", N))).device({"N": 8, "t": 1})
    one = device.terminals[1]
    assert (one.first, one.count) == (1, 3)
    assert one.site.tolist() == [2, 4, 6]
    assert one.member.tolist() == [0, 1, 2]
    np.testing.assert_allclose(one.conditions[0].constant, [0.2, 0.4, 0.6])
    np.testing.assert_allclose(one.conditions[0].slope, 0)
    assert one.given["T"].tolist() == [0.5] * 3
    assert "mu" not in one.given
    assert terminal_labels(device) == ["L", "S[2]", "S[4]", "S[6]", "R"]
    assert touched(device) == ["c[1]", "c[3]", "c[5]", "c[7]", "c[8]"]
    assert device.n_terminals == 5


def test_the_temperature_is_zero_if_not_given() -> None:
    assert groups(chain(), bath("L", on("c", 1), mu=2))[0].given["T"].tolist() == [0.0]


@pytest.mark.parametrize(
    ("end", "sites"),
    [("left", [0, 1, 2]), ("right", [9, 10, 11]), ("bottom", [0, 3, 6, 9]), ("top", [2, 5, 8, 11])],
)
def test_ends_are_extreme_values_of_an_index(end: str, sites: list[int]) -> None:
    assert groups(lattice(site("d", *PLANE)), bath("B", on(None, end=end)))[0].site.tolist() == sites


def test_an_end_is_that_of_the_whole_lattice() -> None:
    both = lattice(site("a", over(l, 1, 3)), site("b", over(l, 1, 4)))
    assert groups(both, bath("B", on(None, end="right")))[0].site.tolist() == [6]
    assert groups(both, bath("B", on(None, end="left")))[0].site.tolist() == [0, 3]


def test_where_behind_on_chooses_sites_by_their_own_indices() -> None:
    one = groups(lattice(site("d", *PLANE)), bath("Q", on("d", None, where=sp.Eq(x + y, 4))))[0]
    assert one.site.tolist() == [2, 4, 6]
    assert one.member.tolist() == [0, 0, 0]


def test_members_may_choose_sites_by_their_own_index_too() -> None:
    family = bath("Q", on("d", None, where=sp.Eq(y, j)), indices=(over(j, 1, 3),))
    one = groups(lattice(site("d", *PLANE)), family)[0]
    assert one.member.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert one.site.tolist() == [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]
    assert touched(expansion(lattice(site("d", *PLANE)), family).device({})) == ["", "", ""]


def test_several_targets_touch_a_common_site_once() -> None:
    corner = bath("Q", on(None, end="left"), on(None, end="bottom"))
    assert groups(lattice(site("d", *PLANE)), corner)[0].site.tolist() == [0, 1, 2, 3, 6, 9]


def test_a_missing_site_an_empty_contact_and_the_end_of_a_ring_are_refused() -> None:
    error = refusal(chain(), probe("S", on("c", l), indices=(over(l, 5, 7),)))
    assert error.message == "'S[7]' is attached to 'c[l]', which does not exist there"
    assert error.hint == "the sites run from 'c[1]' to 'c[6]'"
    assert error.span == line(6)
    assert refusal(chain(), bath("L", on("c", None, where=l > 9))).message == "'L' is attached to no site"
    closed = lattice(site("a", ring(j, 4)))
    assert refusal(closed, bath("L", on(None, end="left"))).message == "a ring has no 'left' end"
    assert (
        refusal(chain(), bath("L", on(None, end="top"))).message == "'wire' has no index that has a 'top' end"
    )


def test_where_with_subscripts_is_a_condition_on_the_members() -> None:
    two = probe("S", on("c", l, where=l < 4), on("c", l + 1, where=l > 2), indices=(over(l, 1, N),))
    error = refusal(chain(), two)
    assert error.message == "'S[6]' is attached to 'c[l + 1]', which does not exist there"
    one = groups(chain(stop=9), two)[0]
    assert list(zip(one.member.tolist(), one.site.tolist(), strict=True)) == [
        (0, 0), (1, 1), (2, 2), (2, 3), (3, 4), (4, 5), (5, 6)
    ]  # fmt: skip


def test_where_needs_an_index_that_the_sites_have() -> None:
    mixed = lattice(site("c", over(l, 1, 3)), site("d", over(x, 1, 3)), site("dot"))
    assert groups(mixed, bath("B", on("c", None, where=l > 1)))[0].site.tolist() == [1, 2]
    error = refusal(mixed, bath("B", on(None, end="left", where=l > 0)))
    assert error.message == "the sites of 'd' have no index 'l'"


def test_an_empty_family_is_no_error_so_that_short_wires_can_be_swept() -> None:
    assert groups(chain(), probe("S", on("c", l), indices=(over(l, 9, N),)))[0].count == 0


def test_a_load_gives_value_and_slope_at_the_reference() -> None:
    meter = probe("M", on("c", N), right=-mu / load)
    condition = groups(chain(), meter, reference=Equilibrium(sp.Rational(3, 2), sp.Integer(0)), load=5)[
        0
    ].conditions[0]
    np.testing.assert_allclose([condition.constant[0], condition.slope[0]], [-0.3, -0.2])
    curved = probe("M", on("c", N), right=mu**2)
    condition = groups(chain(), curved, reference=Equilibrium(sp.Integer(3), sp.Integer(0)))[0].conditions[0]
    np.testing.assert_allclose([condition.constant[0], condition.slope[0]], [9, 6])
    right = groups(chain(), meter, load=5)[0].conditions[0].right
    assert right is not None
    value, slopes = right({"mu": np.array([2.5]), "T": np.zeros(1)})
    np.testing.assert_allclose([value[0], slopes["mu"][0]], [-0.5, -0.2])
    curved_right = condition.right
    assert curved_right is not None
    expansion = curved_right.expanded(1, {"mu": 3.0, "T": 0.0})
    np.testing.assert_allclose(expansion({"mu": np.array([4.0])})[0], 9 + 6)


def test_fields_are_overridden_by_name_and_by_label() -> None:
    family = bath("S", on("c", l), indices=(over(l, 1, 3),), mu=l, T=0)
    given = {"S[2].mu": 9, "S.T": 0.5, "S[3].T": np.float64(0.25)}
    one = groups(chain(), family, fields=given)[0]
    assert one.given["mu"].tolist() == [1, 9, 3]
    assert one.given["T"].tolist() == [0.5, 0.5, 0.25]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"X.T": 1}, "'X.T' is no field: there is no terminal 'X'"),
        ({"S[9].T": 1}, "'S[9].T' is no field: there is no 'S[9]' at these values"),
        ({"S[2].mu": 1}, "'S[2].mu' cannot be given: it is solved"),
        ({"S.Gamma": 1}, "'S.Gamma' is no field that can be given from outside"),
        ({"S.T": 1j}, "'S.T' must be a real number, not 1j"),
        ({"S.T": "hot"}, "the value of 'S.T' is no number that modelkit can use"),
        ({"S[2].T": -1}, "the temperature of 'S[2]' is negative"),
    ],
)
def test_wrong_overrides_are_refused(fields: Any, message: str) -> None:
    family = probe("S", on("c", l), indices=(over(l, 1, 3),))
    assert refusal(chain(), family, fields=fields).message == message


def test_a_field_that_is_no_real_number_names_the_member() -> None:
    family = bath("S", on("c", l), indices=(over(l, 1, 3),), mu=1 / (l - 2))
    assert refusal(chain(), family).message == "'S[2].mu' is infinite"


def test_arguments_of_self_energies_have_a_value_a_member_or_one_for_all() -> None:
    family = bath("S", on("c", l), indices=(over(l, 1, 3),), Gamma=l**2)
    np.testing.assert_allclose(groups(chain(), family)[0].arguments["Gamma"], [1, 4, 9])
    assert np.shape(groups(chain(), bath("L", on("c", 1), Gamma=2))[0].arguments["Gamma"]) == ()


def test_an_expression_is_a_function_of_the_energies() -> None:
    E = sp.Symbol("E")
    for formula, expected in (
        (l / (E + sp.I), lambda e: np.arange(1, 4) / (e + 1j)),
        (-sp.I / 2, lambda e: -0.5j + 0 * e),
    ):
        call = SelfEnergyCall("expression", {"sigma": formula}, line(7))
        family = Terminal("bath", "S", (over(l, 1, 3),), sp.true, (on("c", l),), call, {"mu": sp.Integer(0)})
        sigma = groups(chain(), family)[0].arguments["sigma"]
        assert isinstance(sigma, EnergyFunction)
        energies = np.linspace(-1, 1, 5)
        found = sigma(energies)
        assert found.shape == (5, 3)
        np.testing.assert_allclose(found, np.broadcast_to(expected(energies[:, None]), (5, 3)))
        np.testing.assert_allclose(sigma(energies[:, None]), found)


def test_a_matrix_expression_keeps_its_axes_at_the_end() -> None:
    E = sp.Symbol("E")
    matrix = sp.ImmutableDenseMatrix([[E, 0], [l, -sp.I]])
    call = SelfEnergyCall("expression", {"sigma": matrix}, line(7))
    family = Terminal("bath", "S", (over(l, 1, 3),), sp.true, (on("c", l),), call, {"mu": sp.Integer(0)})
    found = groups(chain(), family)[0].arguments["sigma"](np.array([2.0, 3.0]))  # type: ignore[operator]
    assert found.shape == (2, 3, 2, 2)
    np.testing.assert_allclose(found[1, 2], [[3, 0], [3, -1j]])


def test_terminals_on_wrapped_and_single_sites() -> None:
    mixed = lattice(site("a", ring(j, 4)), site("dot"))
    assert groups(mixed, bath("L", on("a", 6)))[0].site.tolist() == [1]
    assert groups(mixed, bath("L", on("dot")))[0].site.tolist() == [4]
    assert ref("dot").at == ()
