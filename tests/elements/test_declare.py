"""What statements become: parameters, lets, functions, lattices, terminals, cases, tasks."""

from __future__ import annotations

from itertools import permutations

import pytest
import sympy as sp

from modelkit.elements.conditions import unknown_symbol
from modelkit.elements.indices import Listed, Range, Ring
from modelkit.elements.lattices import Lattice, Term
from modelkit.elements.tasks import Grid
from modelkit.elements.terminals import Terminal
from modelkit.errors import ModelError
from tests.elements.reading import WIRE, errors, messages, read, read_wire


def lattice_of(lines: str, more: str = "") -> Lattice:
    found = read(f"model m\nparam N = 6\n{more}\nlattice a {{\n{lines}\n}}\n").elements["a"]
    assert isinstance(found, Lattice)
    return found


def term_of(line: str, sites: str = "site c[l] for l in 1..N", more: str = "") -> Term:
    return lattice_of(f"{sites}\n{line}", more).terms[0]


def terminal(more: str, name: str = "P") -> Terminal:
    found = read_wire(more).elements[name]
    assert isinstance(found, Terminal)
    return found


# --- parameters, lets, functions -----------------------------------------------------------------


def test_statements_may_stand_in_any_order() -> None:
    lines = ["let b = 2*a", "let a = x + 1", "param x = 3", "function f(y) = y*b", "let c = f(2)"]
    for order in permutations(lines):
        found = read("model m\n" + "\n".join(order))
        names = list(found.lets)
        assert names.index("a") < names.index("b") < names.index("c")
        assert found.lets["c"].expression == 2 * sp.Symbol("b")


def test_a_parameter_is_an_integer_where_it_counts_and_only_there() -> None:
    text = (
        "model m\nparam N = 4\nparam M = 3\nparam seed = 1\nparam length = 8\nparam U = 2\nparam P = 2\n"
        "lattice a {\n site c[l] for l in 1..N where l < U\n site b[j] for j in ring(M)\n"
        " site d[k] for k in 1..floor(length/2)\n onsite c[P] : 1\n"
        " disorder onsite c[l] : uniform(0, U, seed = seed)\n}\n"
    )
    integers = {name for name, one in read(text).parameters.items() if one.integer}
    assert integers == {"N", "M", "seed", "P"}


def test_a_parameter_of_a_lattice_kind_is_an_integer() -> None:
    assert read("model m\nparam N = 4\nlattice a = chain(sites = N)").parameters["N"].integer


def test_a_loop_index_hides_a_parameter_and_leaves_it_real() -> None:
    found = read(
        "model m\nparam l = 0.5\nparam N = 3\nlattice a {\n site c[l] for l in 1..N\n onsite c[l] : l\n}\n"
    )
    assert not found.parameters["l"].integer
    assert found.elements["a"].terms[0].value == sp.Symbol("l", integer=True)  # type: ignore[attr-defined]


def test_defaults_are_exact_and_types_follow_them() -> None:
    found = read(
        'model m\nparam a = 0.1 "one tenth"\nparam z = 1 + 0.5i\nparam n = infinite\nparam h = pi/2\n'
    ).parameters
    assert found["a"].default == sp.Rational(1, 10)
    assert found["a"].doc == "one tenth"
    assert found["z"].complex
    assert found["z"].default == 1 + sp.I / 2
    assert found["n"].default == sp.oo
    assert found["h"].default == sp.pi / 2


def test_intervals_and_choices_refuse_values() -> None:
    found = read("model m\nparam a = 1 from 0 to 2\nparam k = 2 in {1, 2}\nparam n = 3 in 1..5\n").parameters
    assert found["a"].refuses(sp.Integer(2)) is None
    assert found["a"].refuses(sp.Integer(3)) == "must lie from 0 to 2, not 3"
    assert found["a"].refuses(sp.I) == "is real, not 1i"
    assert found["k"].refuses(sp.Integer(3)) == "must be one of 1, 2, not 3"
    assert found["n"].choices == tuple(map(sp.Integer, range(1, 6)))


def test_physical_units_are_converted_and_remembered() -> None:
    found = read("model m\nunits { energy = meV; length = nm }\nparam V = 0.002 [eV]\n")
    assert found.parameters["V"].default == 2
    assert found.parameters["V"].unit == "eV"


def test_functions_are_expanded_with_their_arguments_alone() -> None:
    found = read("model m\nparam y = 2\nfunction g(x) = y*x\nfunction f(y) = g(y) + y\nlet a = f(3)\n")
    y = found.parameters["y"].symbol
    assert found.lets["a"].expression == 3 * y + 3
    (argument,) = found.functions["f"].arguments
    assert found.functions["f"].body == y * argument + argument


# --- lattices ------------------------------------------------------------------------------------


def test_a_free_index_runs_over_the_range_of_the_site_it_indexes() -> None:
    term = term_of("hop c[j] -> c[j+1] : -1/j", "site c[l] for l in 2..N step 2")
    (index,) = term.indices
    assert index.name == "j"
    assert index.over == Range(sp.Integer(2), sp.Symbol("N", integer=True), sp.Integer(2))
    assert term.ends[1].at == (index.symbol + 1,)
    assert term.value == -1 / index.symbol


def test_a_declared_name_in_a_subscript_is_a_value_unless_it_indexes_the_family() -> None:
    term = term_of("onsite c[M] : 1", more="param M = 3")
    assert term.indices == ()
    assert term.ends[0].at == (sp.Symbol("M", integer=True),)
    term = term_of("onsite c[l] : 1", more="param l = 3")
    assert [index.name for index in term.indices] == ["l"]


def test_an_index_of_for_wins_over_the_range_of_the_site() -> None:
    term = term_of("hop c[l] -> c[l+1] for l in 1..N-1 step 2 : -2")
    assert len(term.indices) == 1
    assert isinstance(term.indices[0].over, Range)
    assert term.indices[0].over.step == 2


def test_long_range_hops_have_a_second_index() -> None:
    term = term_of("hop c[l] -> c[m] for m in l+1..N where m - l < 4 : -1/abs(l - m)^2")
    assert [index.name for index in term.indices] == ["l", "m"]
    assert isinstance(term.indices[1].over, Range)
    assert term.indices[1].over.start == term.indices[0].symbol + 1
    assert term.where != sp.true


def test_ranges_that_depend_on_other_indices_follow_the_subscripts() -> None:
    term = term_of("onsite d[a, b] : 1", "site d[x, y] for x in 1..N, y in 1..x")
    assert [index.name for index in term.indices] == ["a", "b"]
    assert term.indices[1].over == Range(sp.Integer(1), term.indices[0].symbol)
    term = term_of("onsite d[3, b] : 1", "site d[x, y] for x in 1..N, y in 1..x")
    assert term.indices[0].over == Range(sp.Integer(1), sp.Integer(3))


def test_rings_listed_sites_and_single_sites() -> None:
    lattice = lattice_of(
        "site b[j] for j in ring(N)\nsite d[k] for k in {2, 5}\nsite dot at (0, 1)\nhop dot -> b[1] : 1"
    )
    assert lattice.sites[0].indices[0].over == Ring(sp.Symbol("N", integer=True))
    assert lattice.sites[1].indices[0].over == Listed((sp.Integer(2), sp.Integer(5)))
    assert lattice.sites[2].indices == ()
    assert lattice.sites[2].position == (0, 1)
    assert lattice.terms[0].indices == ()


def test_matrices_live_on_the_internal_spaces() -> None:
    lattice = lattice_of(
        "internal spin * orbital(3)\nsite c[l] for l in 1..N\n"
        "hop c[l] -> c[l+1] : -sigma_x\nonsite c[l] : 2\n"
        "onsite c[l, up, 2] : 7\nhop c[l, up] -> c[l+1, down] : N"
    )
    assert lattice.dimension == 6
    hop, plain, component, flip = (term.value for term in lattice.terms)
    assert hop.shape == (6, 6)
    assert hop[0, 3] == -1
    assert plain == 2
    assert [(k, component[k, k]) for k in range(6) if component[k, k] != 0] == [(1, 7)]
    assert flip[3, 0] == sp.Symbol("N", integer=True)  # row: to, down; column: from, up
    assert flip[0, 3] == 0


def test_with_nambu_a_formula_without_tau_is_the_particle_block() -> None:
    lattice = lattice_of(
        "internal nambu * spin\nsite c[l] for l in 1..N\nonsite c[l] : sigma_z\nonsite c[l] : tau_z\n"
        "pair c[l, up] - c[l, down] : 0.5"
    )
    particle, full, pair = (term.value for term in lattice.terms)
    assert particle.shape == (2, 2)
    assert full.shape == (4, 4)
    assert pair.shape == (2, 2)
    assert pair[0, 1] == sp.Rational(1, 2)
    assert pair[1, 0] == 0


def test_disorder_is_stored_with_its_arguments_in_order() -> None:
    term = term_of("disorder onsite c[l] : uniform(seed = 7, high = 2, low = -l)")
    assert term.distribution == "uniform"
    assert term.kind == "onsite"
    assert term.value == sp.Tuple(-term.indices[0].symbol, 2, 7)


def test_a_kind_of_lattice_is_the_lattice_it_stands_for() -> None:
    found = read(
        "model m\nparam n = 4\nlattice flake = honeycomb(cells_x = n, cells_y = 3) { onsite a[x, y] : 1 }\n"
    )
    flake = found.elements["flake"]
    assert isinstance(flake, Lattice)
    assert [family.name for family in flake.sites] == ["a", "b"]
    assert [term.kind for term in flake.terms] == ["hop", "hop", "hop", "onsite"]


@pytest.mark.parametrize("second", ["hop c[l+1] -> c[l] : 1", "hop c[j] -> c[j-1] : 1"])
def test_a_bond_in_both_directions_is_refused(second: str) -> None:
    text = f"model m\nlattice a {{\nsite c[l] for l in 1..9\nhop c[l] -> c[l+1] : 1\n{second}\n}}"
    assert messages(text) == ["this bond is declared in the other direction in line 4"]


# --- terminals -----------------------------------------------------------------------------------


def test_a_bath_has_temperature_zero_unless_it_says_otherwise() -> None:
    assert terminal("", "L").given == {"mu": sp.Symbol("V", real=True) / 2, "T": 0}


def test_targets_of_a_terminal() -> None:
    body = "{ self_energy = wide_band(1); solve mu such that I == 0 }"
    family = terminal(f"probe P on wire.c where l > 3 {body}").attachments[0]
    assert (family.family, family.at) == ("c", None)
    assert family.where == (sp.Symbol("l", integer=True) > 3)
    end = terminal(f"probe P on wire.right {body}").attachments[0]
    assert (end.family, end.end) == (None, "right")
    several = terminal(f"probe P on wire.c[2], wire.c[N-1] {body}").attachments
    assert [attachment.at for attachment in several] == [(2,), (sp.Symbol("N", integer=True) - 1,)]


def test_where_before_on_filters_the_family_and_behind_on_the_sites() -> None:
    body = "{ self_energy = wide_band(1); solve mu such that I == 0 }"
    found = terminal(f"probe P[j] for j in 2..N-1 where mod(j, 4) == 2 on wire.c[j] where l < 5 {body}")
    j = found.indices[0].symbol
    assert found.where == sp.Eq(sp.Mod(j, 4), 2)
    assert found.attachments[0].where == (j < 5)  # the site's own index l is j here


def test_an_index_of_a_terminal_without_for_runs_over_the_site() -> None:
    found = terminal("probe P[j] on wire.c[j] { self_energy = wide_band(1); solve f such that i(E) == 0 }")
    assert found.indices[0].over == Range(sp.Integer(1), sp.Symbol("N", integer=True))
    assert found.unknowns == ("f",)
    assert found.given == {}


def test_the_right_side_may_hold_the_unknown() -> None:
    found = terminal(
        "param mu = 3\n"
        "probe P on wire.c[2] { self_energy = wide_band(1); solve mu such that I == -mu/param.mu }"
    )
    (condition,) = found.conditions
    assert condition.quantity == "I"
    assert condition.value == -unknown_symbol("mu") / sp.Symbol("mu", real=True)


def test_self_energies_are_calls_or_formulas_in_the_energy() -> None:
    chain = terminal("bath P on wire.c[2] { self_energy = chain(1, coupling = V); mu = 0 }").self_energy
    assert (chain.kind, dict(chain.arguments)) == (
        "chain",
        {"hopping": 1, "coupling": sp.Symbol("V", real=True)},
    )
    formula = terminal("bath P on wire.c[2] { self_energy = V^2/(E + 1i); mu = 0 }").self_energy
    assert formula.kind == "expression"
    assert formula.arguments["sigma"].free_symbols == {sp.Symbol("E", real=True), sp.Symbol("V", real=True)}


def test_wrong_choices_are_found_in_sweeps_over_listed_values() -> None:
    text = "model m\nparam kind = 1 in {1, 2}\ntask go = transmission { sweep kind in %s\n output dos }\n"
    assert messages(text % "{1, 2}") == []
    assert messages(text % "{1, 3}") == ["the parameter 'kind' (line 2) must be one of 1, 2, not 3"]
    assert messages(text % "1..2") == []


def test_a_name_that_is_declared_twice_is_refused_whatever_declares_it() -> None:
    kinds = ["param x = 1", "let x = 2", "function x(y) = y", "lattice x { site c }"]
    for first, second in permutations(kinds, 2):
        (message,) = messages(f"model m\n{first}\n{second}\nlet z = 2\n")
        assert message.startswith("the name 'x' of this")


# --- cases and tasks -----------------------------------------------------------------------------


TASKS = """
probe S[l] for l in 2..N-1 on wire.c[l] { self_energy = wide_band(1); solve mu such that I == 0 }
param J = 2
reference { mu = 0 }
case a { V = -V; L.T = 0.5 }
case b { S[2].T = 1 }
"""


def task(block: str, verb: str = "transport(order = 1)") -> object:
    return read_wire(f"{TASKS}task go = {verb} {{ cases a, b\n {block} }}").tasks["go"]


def test_overrides_of_parameters_and_fields() -> None:
    cases = read_wire(TASKS).cases
    assert [(one.target, one.value) for one in cases["a"].overrides] == [
        ("V", -sp.Symbol("V", real=True)),
        ("L.T", sp.Rational(1, 2)),
    ]
    assert cases["b"].overrides[0].target == "S[2].T"


def test_sweeps_are_ranges_lists_and_grids() -> None:
    found = task("sweep N in 4..8 step 2; sweep J in {1, 2}; sweep R.T from 0 to 1 points 3\n output current")
    assert [sweep.name for sweep in found.sweeps] == ["N", "J", "R.T"]  # type: ignore[attr-defined]
    ranged, listed, grid = (sweep.over for sweep in found.sweeps)  # type: ignore[attr-defined]
    assert ranged == Range(sp.Integer(4), sp.Integer(8), sp.Integer(2))
    assert listed == Listed((sp.Integer(1), sp.Integer(2)))
    assert grid == Grid(sp.Integer(0), sp.Integer(1), 3)


def test_short_and_long_names_of_outputs_are_the_same() -> None:
    found = task("output I, mu")
    assert [request.name for request in found.outputs] == ["current", "chemical_potential"]  # type: ignore[attr-defined]


def test_labels_are_formulas_until_there_are_values() -> None:
    (request,) = task("output x = mu[S[N-1]]").outputs  # type: ignore[attr-defined]
    (quantity,) = request.quantities.values()
    assert quantity.output == "chemical_potential"
    assert quantity.labels[0].text({"N": 6}) == "S[5]"
    (request,) = task("output x = bond_current[c[2] -> c[3]]").outputs  # type: ignore[attr-defined]
    (quantity,) = request.quantities.values()
    assert quantity.labels[0].text({}) == "c[2]->c[3]"
    (request,) = task("output x = bond_current[c[N-2] -> c[N-1]] + mu[L]").outputs  # type: ignore[attr-defined]
    assert {str(one.labels[0]) for one in request.quantities.values()} == {"c[N-2]->c[N-1]", "L"}


def test_results_hide_parameters_which_are_then_written_with_param() -> None:
    (request,) = task("output x = nonreciprocity(I[L])/param.J + I[L]@a").outputs  # type: ignore[attr-defined]
    assert {(one.output, one.case) for one in request.quantities.values()} == {
        ("current", None),
        ("current", "a"),
    }
    assert sp.Symbol("J", real=True) in request.formula.free_symbols


def test_dimensions_of_derived_outputs() -> None:
    found = {
        one.name: one.dims for one in task("output x = I[L], y = nonreciprocity(I), z = I@a - mu").outputs
    }  # type: ignore[attr-defined]
    assert found == {"x": {"case"}, "y": {"terminal"}, "z": {"terminal", "case"}}


def test_options_are_words_and_numbers() -> None:
    found = task("output current", "transport(order = 1, method = ladder)")
    assert found.options == {"order": 1, "method": "ladder"}  # type: ignore[attr-defined]


def test_plots_know_what_can_be_drawn() -> None:
    text = f"{TASKS}task go = transport(order = 1) {{ cases a, b\n sweep N in 4..8\n output mu, x = I[L] }}\n"
    found = read_wire(text + "plot go { draw mu against site by case; map x against N by case }").plots[0]
    assert [(one.kind, one.quantity, one.against, one.by) for one in found.drawings] == [
        ("draw", "chemical_potential", "site", "case"),
        ("map", "x", "N", "case"),
    ]
    with pytest.raises(ModelError, match="'x' has no dimension 'terminal'"):
        read_wire(text + "plot go { draw x against terminal }")


def test_a_wrong_statement_is_not_blamed_again_where_it_is_used() -> None:
    text = (
        WIRE.replace("1..N at", "1..M at")
        + TASKS
        + "task go = transport(order = 1) { output x = mu[S[2]], y = n[c[2]] }\n"
    )
    told = ["there is no 'M' here", "'n' is no output of 'transport'"]
    assert [error.message for error in errors(text)] == told


def test_a_set_may_have_its_values_on_lines_of_their_own() -> None:
    sweep = task("sweep N in {\n    4,\n    6  # even ones\n  }\n  output I").sweeps[0]  # type: ignore[attr-defined]
    assert sweep.over.values == (4, 6)


def test_names_may_end_with_an_underscore() -> None:
    found = read_wire("param V_ = 2\nlet V__ = V_ + V\ncase up { V_ = 3 }\n")
    assert [*found.parameters] == ["N", "V", "V_"]
    assert found.lets["V__"].expression == found.parameters["V_"].symbol + found.parameters["V"].symbol
