"""One model, two ways to write it: a text, and statements in Python."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import modelkit as mk
from modelkit.elements.nouns import Form, Noun, nouns
from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.parser import parse
from modelkit.language.printer import to_text
from modelkit.tasks.written import written

WIRE = Path(__file__).parents[1] / "models" / "gain_loss" / "wire.model"


def wire() -> mk.Model:
    """``wire.model``, statement by statement."""
    lead = {"self_energy": "chain(hopping = 1, coupling = contact)"}
    injector = {"self_energy": "chain(hopping = 1, coupling = gamma)", "T": "kT"}
    currents = ["current", "chemical_potential", "bond_current", "density_change", "dissipated_heat"]
    beyond = currents[:2]
    both, dI = ["forward", "backward"], "dI = nonreciprocity(I[L])"
    return (
        mk.Model("wire", "quantum wire with sources and drains")
        .param("N", 30, doc="number of sites")
        .param("gamma", 0.5, doc="coupling of sources and drains")
        .param("contact", 1, doc="coupling of the two ends")
        .param("mu0", 1, doc="average chemical potential")
        .param("bias", 0.1, doc="difference of the end potentials")
        .param("direction", 1, doc="+1: left end high, -1: right end high")
        .param("ratio", Fraction(3, 10), doc="injected current in units of bias/(2 pi)")
        .param("kT", 0, doc="temperature")
        .let("dmu", "direction*bias")
        .let("I_g", "ratio*bias/(2*pi)")
        .reference(mu="mu0", T="kT")
        .lattice("wire", "site c[l] for l in 1..N at (l, 0)", "hop c[l] -> c[l+1] : -1")
        .bath("L", on="wire.c[1]", **lead, mu="mu0 + dmu/2", T="kT")
        .bath("R", on="wire.c[N]", **lead, mu="mu0 - dmu/2", T="kT")
        .probe("S[l] for l in 2..N-2 step 2", on="wire.c[l]", **injector, solve="mu such that I == I_g")
        .probe("D[l]", for_="l in 3..N-1 step 2", on="wire.c[l]", **injector, solve="mu such that I == -I_g")
        .case("forward", direction="+1")
        .case("backward", direction=-1)
        .task("profile", "transport(order = 1)", cases=both, output=[*currents, dI])
        .task("third", "transport(order = 3)", cases=both, output=[*beyond, dI])
        .task("full", "transport", cases=both, output=[*beyond, dI])
        .task(
            "length",
            "transport(order = 1)",
            cases=both,
            sweep=["N in 4..100 step 2", "gamma in {0.1, 0.3, 0.5}"],
            output=dI,
        )
        .declare("plot", "profile", draw="chemical_potential against site by case")
        .declare("plot", "length", draw="dI against N by gamma")
        .declare("plot", "third", draw="chemical_potential against site by case")
        .declare("plot", "full", draw="chemical_potential against site by case")
    )


# --- building -------------------------------------------------------------------------------------


def test_text_and_python_make_the_same_model() -> None:
    ratio = wire().with_values(ratio=0.3)  # the fraction 3/10 is another way to write 0.3
    assert ratio == mk.load(WIRE)
    assert mk.loads(ratio.to_source()) == ratio
    assert hash(ratio) == hash(mk.load(WIRE))
    assert wire() != ratio


def test_text_and_python_give_the_same_numbers() -> None:
    ours, theirs = wire().run("profile", N=8), mk.load(WIRE).run("profile", N=8)
    xr.testing.assert_equal(ours, theirs)
    assert float(ours.current.sel(case="forward", terminal="S[4]")) == pytest.approx(0.3 * 0.1 / (2 * np.pi))


def test_a_model_never_changes() -> None:
    start = mk.Model("wire")
    more = start.param("N", 3)
    assert start.to_source() == "model wire\n"
    assert "param N = 3" in more.to_source()
    with pytest.raises(AttributeError, match="never changes"):
        start.title = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (("param", "g", 0.5, {"from_": (0, 2), "doc": "coupling"}), 'param g = 0.5 from 0 to 2 "coupling"'),
        (("param", "k", 1, {"in_": [1, 2, 3]}), "param k = 1 in {1, 2, 3}"),
        (("param", "z", 1 - 0.5j, {}), "param z = 1 - 0.5i"),
        (("param", "x", 1e-7, {}), "param x = 1e-07"),
        (("param", "cells", float("inf"), {}), "param cells = infinite"),
        (("param", "s", sp.sqrt(2) / 3, {}), "param s = sqrt(2)/3"),
        (("param", "n", np.int64(4), {}), "param n = 4"),
        (("param", "V", "0.2 [meV]", {}), "param V = 0.2 [meV]"),
        (("let", "y", "2*x + 1", {}), "let y = 2*x + 1"),
        (("function", "eps(j)", "0.3*cos(2*pi*j)", {}), "function eps(j) = 0.3*cos(2*pi*j)"),
        (("reference", {"mu": 1, "T": 0.25}), "reference { mu = 1; T = 0.25 }"),
        (("units", {"energy": "eV"}), "units { energy = eV }"),
        (("case", "hot", {"L.T": "kT + 1"}, {"V": -0.1}), "case hot { L.T = kT + 1; V = -0.1 }"),
        (
            ("bath", "R", {"on": "bar.top", "where": "x < 4", "mu": 0}),
            "bath R on bar.top where x < 4 { mu = 0 }",
        ),
        (
            ("task", "t", "transport", {"cases": ["a", "b"], "output": ["current", "d = I[L]"]}),
            "task t = transport { cases a, b; output current, d = I[L] }",
        ),
        (
            ("lattice", "flake", "honeycomb(cells_x = 4, cells_y = 3)", {}),
            "lattice flake = honeycomb(cells_x = 4, cells_y = 3)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_call_says_what_its_statement_says(call: tuple[Any, ...], text: str) -> None:
    noun, *parts, named = call
    if noun == "case":
        parts = [*parts]
    made = getattr(mk.Model("x"), noun)(*parts, **named)
    assert made.block == parse(f"model x\n{text}")
    assert made.to_source() == to_text(parse(f"model x\n{text}"))


@given(
    st.one_of(
        st.integers(-(10**20), 10**20),
        st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x == 0 or 1e-290 < abs(x) < 1e290),
        st.complex_numbers(allow_nan=False, allow_infinity=False, min_magnitude=1e-200, max_magnitude=1e200),
        st.fractions(),
    )
)
def test_numbers_of_python_are_written_exactly(value: Any) -> None:
    if isinstance(value, complex) and any(0 < abs(part) < 1e-280 for part in (value.real, value.imag)):
        return
    model = mk.Model("x").param("p", value)
    default = model.parameters["p"].default
    real, imaginary = default.as_real_imag()
    found = complex(float(real), float(imaginary)) if isinstance(value, complex) else type(value)(default)
    assert found == value
    assert mk.loads(model.to_source()).parameters["p"].default == default


def test_what_the_language_cannot_say_is_refused() -> None:
    for value in (float("nan"), object(), None, {1: 2}):
        with pytest.raises(ModelError):
            written(value)
    with pytest.raises(ModelError, match="one line"):
        mk.Model("x").param("p", 1, doc='a "word"')
    with pytest.raises(ModelError):
        mk.Model("x").param("p", "1 }\nparam q = 2")
    with pytest.raises(ModelError):
        mk.Model("x").lattice("wire", "site c[l] for l in 1..")


def test_unknown_nouns_and_methods_suggest_the_right_ones() -> None:
    with pytest.raises(ModelError) as caught:
        mk.Model("x").declare("latice", "wire")
    assert caught.value.hint == "did you mean 'lattice'?"
    with pytest.raises(AttributeError, match="did you mean 'lattice'"):
        _ = mk.Model("x").latice


def test_a_new_noun_is_a_method_by_itself() -> None:
    class Note(Noun):
        """A remark."""

        doc = "a remark"
        form = Form("note NAME", (nodes.Listing,), title=True)

        def bind(self, statement: nodes.Statement, binder: Any) -> None:
            binder.store("notes", "note", statement)

    assert "note" not in dir(mk.Model("x"))
    with nouns.extended("note", Note):
        assert "note" in dir(mk.Model("x"))
        assert mk.Model("x").note("here", doc="a remark") == mk.loads('model x\nnote here "a remark"')


# --- meaning, values ------------------------------------------------------------------------------


def test_a_text_is_checked_at_once_and_a_chain_of_calls_on_use() -> None:
    with pytest.raises(ModelError):
        mk.loads("model x\nlet y = 2t")
    with pytest.raises(ModelError) as caught:
        mk.loads("model x\nlet y = z\nlet w = v")
    assert len(caught.value.errors) == 2
    model = mk.Model("x").let("y", "z")  # statements come in any order
    with pytest.raises(ModelError, match="there is no 'z'"):
        model.check()
    assert model.param("z", 1).check() is None
    assert mk.load(WIRE).check() is None


def test_check_also_looks_at_the_device() -> None:
    empty = mk.load(WIRE).with_values(N=0)
    with pytest.raises(ModelError, match="no sites"):
        empty.check()


def test_other_values_are_written_into_the_text_and_nothing_else_is() -> None:
    model = mk.load(WIRE)
    other = model.with_values(gamma=0.25, N=12)
    assert other.to_source() == model.to_source().replace("= 0.5 ", "= 0.25 ").replace("= 30 ", "= 12 ")
    assert other.with_values(gamma=0.5, N=30) == model
    xr.testing.assert_equal(other.run("profile"), model.run("profile", gamma=0.25, N=12))
    assert model.with_values({"L.T": 0.5}).device().terminals[0].given["T"].tolist() == [0.5]
    assert model.with_values() == model


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"gama": 1}, "no parameter 'gama'"),
        ({"dmu": 1}, "derived"),
        ({"N": [1, 2]}, "single value"),
        ({"S[2].T": 1}, "written"),
    ],
)
def test_values_that_cannot_be_defaults_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        mk.load(WIRE).with_values(values)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("d.x", "set a field such as|the fields that can be set are .*L.T"),
        ("l.T", "did you mean 'L.T'"),
        ("wire.T", "set a field such as|the fields that can be set are .*L.T"),
        ("LL.mu", "did you mean 'L.mu'"),
    ],
)
def test_what_is_no_field_of_a_terminal_is_told_what_can_be_set(name: str, hint: str) -> None:
    for use in (mk.load(WIRE).device, mk.load(WIRE).with_values):
        with pytest.raises(ModelError, match="fields of terminals can") as caught:
            use({name: 1})
        assert re.search(hint, caught.value.hint or "")


def test_without_terminals_no_field_can_be_set() -> None:
    with pytest.raises(ModelError, match="fields of terminals can") as caught:
        mk.loads("model bare\nparam d = 1\nlattice l { site c }").device({"d.x": 1})
    assert caught.value.hint == "the model has no such field: set a parameter by its plain name"


PHYSICAL = """\
model quantities
units { energy = meV; length = angstrom; temperature = K; current = nA }
param lam = 3.85 [meV*angstrom] "strength"
param V = 0.2 [meV]
"""


def test_a_bare_number_is_in_the_unit_of_the_declaration() -> None:
    model = mk.loads(PHYSICAL.replace("energy = meV", "energy = eV"))
    assert float(model.parameters["V"].default) == pytest.approx(0.0002)
    other = model.with_values(V=0.5, lam="2 [eV*angstrom]")
    assert float(other.parameters["V"].default) == pytest.approx(0.0005)
    assert float(other.parameters["lam"].default) == pytest.approx(2)
    assert "0.5 [meV]" in other.to_source()
    with pytest.raises(ModelError, match="unit of"):
        model.with_values(V="2 [angstrom]")


# --- matrices, words ------------------------------------------------------------------------------


def test_matrices_of_the_compiled_model() -> None:
    compiled = mk.load(WIRE).compile(N=6)
    H = compiled.hamiltonian().toarray()
    np.testing.assert_array_equal(H, -np.eye(6, k=1) - np.eye(6, k=-1))
    E = np.array([0.3, 1.0])
    expected = 0.5 * (E - 1j * np.sqrt(4 - E**2))
    assert compiled.self_energy("L", E)[:, 0, 0] == pytest.approx(expected)
    assert compiled.self_energy("S[2]", 1.0) == pytest.approx(np.array([[0.25 * expected[1]]]))
    assert compiled.method == "ladder"
    assert "ladder" in repr(compiled)
    assert mk.load(WIRE).compile(N=6, method="sparse").method == "sparse"
    with pytest.raises(ModelError, match="no terminal 'X'"):
        compiled.self_energy("X", 1.0)


def test_an_object_shows_what_it_is() -> None:
    model = mk.load(WIRE)
    shown = repr(model).splitlines()
    assert shown[0] == "model wire: quantum wire with sources and drains"
    assert any("gamma = 0.5" in line and "coupling of sources and drains" in line for line in shown)
    assert any(line.split()[:2] == ["bath", "L"] for line in shown)
    assert any("length = transport(order = 1)" in line for line in shown)
    assert max(map(len, shown)) < 120
    assert "<table>" in model._repr_html_()
    assert repr(mk.Model("x").let("y", "z")) == "model x"  # also while it is wrong
    assert model.latex().startswith("H = ")


def test_figures_come_from_the_declared_plots() -> None:
    figure = mk.load(WIRE).plot("profile", N=6)
    assert len(figure.axes) == 1
    assert len(mk.load(WIRE).draw(N=6).axes) >= 1


def test_a_model_travels() -> None:
    model = mk.load(WIRE)
    model.check()
    assert pickle.loads(pickle.dumps(mk.load(WIRE))) == model


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        mk.load(tmp_path / "nothing.model")
    (tmp_path / "latin.model").write_bytes(b'model x "\xe9"')
    with pytest.raises(ModelError, match="UTF-8"):
        mk.load(tmp_path / "latin.model")
    (tmp_path / "bom.model").write_bytes(b"\xef\xbb\xbfmodel x")
    assert mk.load(tmp_path / "bom.model").name == "x"


def test_the_graph_is_a_copy() -> None:
    model = mk.load(WIRE)
    model.graph().clear()
    assert model.graph().number_of_nodes() > 0


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: mk.Model("x y"), "cannot name a model"),
        (lambda: mk.Model(""), "cannot name a model"),
        (lambda: mk.Model("q").param("a", 1, low=0), "block in braces"),
        (lambda: mk.Model("q").bath("L", on="w.c[1]", self_enery="wide_band(1)"), "no field 'self_enery'"),
    ],
)
def test_a_call_that_no_statement_could_say_is_refused_at_once(
    build: Callable[[], mk.Model], told: str
) -> None:
    with pytest.raises(ModelError, match=told):
        build()


def test_a_model_is_a_text() -> None:
    with pytest.raises(ModelError, match="a model is a text"):
        mk.loads(b"model x")  # type: ignore[arg-type]
