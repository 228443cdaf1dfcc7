"""No text and no value from outside provokes anything but the errors of modelkit, each told at its place."""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
import time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import modelkit as mk
from modelkit.cli import main
from tests.any_text.mutations import KINDS, VOCABULARY, WORD, mutated
from tests.any_text.trials import ROOT, try_text, try_values

WRITTEN = [
    path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests/any_text/models").glob("*.model"))
]
GALLERY = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "models").rglob("*.model"))]
PAGES = [
    block
    for path in (*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md")
    for block in re.findall(r"```model\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
]
GOLDEN = [path.read_bytes().decode() for path in sorted((ROOT / "tests").rglob("golden/*.model"))]
TEXTS = [*WRITTEN * 8, *GALLERY, *PAGES * 4, *(text for text in GOLDEN if WORD.search(text))]

changes = st.tuples(st.sampled_from([*KINDS, "replace"]), st.integers(0, 9999), st.integers(0, 9999))
texts = st.tuples(st.sampled_from(TEXTS), st.lists(changes, min_size=1, max_size=3))

SMALL = """model small
param N = 2
param x = 0.5 from -10 to 1e6
param z = 1 + 1i
param kind = 1 in {1, 2, 3}
param energy_x = 1
let y = x^2
reference { mu = 0; T = 0.1 }
lattice l { site c[j] for j in 1..N; onsite c[j] : x + kind; hop c[j] -> c[j+1] : -z }
bath L on l.c[1] { self_energy = wide_band(energy_x); mu = 0.1; T = 0.1 }
probe S[j] for j in 2..N on l.c[j] { self_energy = wide_band(1); T = 0.1; solve mu such that I == -0.1 }
task main = transport(order = 1) { sweep x in {0, 1}; output current, r = I[L]/param.z }
task spec = transmission { sweep E from -1 to 1 points 2; output transmission }
"""
NAMES = (
    "N",
    "x",
    "z",
    "kind",
    "energy_x",
    "y",
    "E",
    "L.T",
    "L.mu",
    "S.T",
    "S[2].T",
    "S[9].T",
    "S.mu",
    "L.",
    "",
    "no",
    "l.c",
)
ODD = (
    None,
    True,
    np.bool_(True),
    b"1",
    object(),
    len,
    Ellipsis,
    {},
    {"a": 1},
    {1},
    set(),
    slice(1),
    iter([1]),
    float("nan"),
    float("inf"),
    float("-inf"),
    1e300,
    -1e300,
    5e-324,
    10**400,
    -(10**400),
    10**5000,
    1e-320,
    1 + 2j,
    complex("nan"),
    complex("inf+1j"),
    np.float32(0.1),
    np.int8(2),
    np.complex64(1j),
    np.float16("inf"),
    np.longdouble(1),
    np.datetime64("2020-01-01"),
    Decimal("1.5"),
    Decimal("nan"),
    Fraction(1, 3),
    sp.pi,
    sp.Symbol("y"),
    sp.nan,
    sp.oo,
    -sp.oo,
    sp.zoo,
    sp.I,
    sp.zeta(3),
    sp.true,
    sp.Matrix([1]),
    sp.Float("1e500"),
    [],
    [1, 2],
    (1,),
    [1, "2"],
    ["1", "infinite"],
    [None],
    [[1]],
    [[1], [1, 2]],
    [10**400],
    [1j],
    [float("nan")],
    range(3),
    range(10**9),
    [0] * 1_500_000,
    np.array(1),
    np.array([1.5]),
    np.array([]),
    np.array(["a", "1"]),
    np.array([None]),
    np.zeros((2, 2)),
    np.arange(3),
    np.ma.array([1, 2], mask=[0, 1]),
    "",
    " ",
    "garbage",
    "x",
    "infinite",
    "-infinite",
    "infinite + 1",
    "1 [meV]",
    "1+0.5i",
    "1/0",
    "1e300*1e300",
    "(1",
    "[1, 2]",
    "a" * 9999,
    "(" * 9999,
    "1" * 9999,
    "9^9^9^9",
    "\x00",
    "\ud800",
    "\N{GREEK SMALL LETTER MU}",
    "1; 2",
    "# 1",
    "1\n2",
)

MORE = ([], ["main"], ["spec"], ["nothing"], ["--all"], ["--json"], ["--method", ""])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(texts)
def test_a_changed_text_is_a_model_with_results_or_is_refused_at_its_place(drawn) -> None:
    text, several = drawn
    for kind, place, other in several:
        if WORD.search(text):
            text = mutated(text, kind, place, other)
    try_text(text)


@pytest.mark.slow
@settings(max_examples=4_000, deadline=None)
@given(texts, st.integers(0, 30))
def test_very_many_changed_texts_have_results_and_figures_or_are_refused(drawn, luck: int) -> None:
    text, several = drawn
    for kind, place, other in several:
        if WORD.search(text):
            text = mutated(text, kind, place, other)
    try_text(text, figures=luck == 0)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=30).map(" ".join))
def test_words_in_any_order_are_a_text(text: str) -> None:
    try_text(text)
    try_text("model m\n" + text)


@pytest.mark.parametrize("text", WRITTEN[:1] + PAGES)
def test_the_texts_that_are_changed_are_models(text: str) -> None:
    assert try_text(text) is not None


def test_a_probe_may_be_all_that_drives_a_warm_device() -> None:
    found = mk.loads(SMALL).run("main")
    np.testing.assert_allclose(found.current.values, [[0.1, -0.1], [0.1, -0.1]], rtol=1e-9)


def test_most_of_the_written_models_run() -> None:
    refused = [text.split("\n")[0] for text in WRITTEN if try_text(text) is None]
    assert refused == ['model later "what the contract promises and this version refuses by name"']


@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
def test_any_value_from_outside_gives_results_or_an_error(value: object) -> None:
    model = mk.loads(SMALL)
    for name in NAMES:
        for task in model.tasks if name in ("x", "E", "L.T") else model.tasks[:1]:
            try_values(model, task, {name: value})
        with contextlib.suppress(mk.ModelError):
            model.with_values({name: value}).check()


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    st.sampled_from(["check", "run", "show", "plot", "format"]),
    st.lists(st.sampled_from(NAMES), max_size=2),
    st.lists(st.sampled_from([value for value in ODD if isinstance(value, str)]), min_size=2, max_size=2),
    st.sampled_from(MORE),
    changes,
)
def test_any_command_ends_with_a_message_and_a_code(command, names, values, more, change) -> None:
    given_values = [word for pair in zip(names, values, strict=False) for word in ("--set", "=".join(pair))]
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("m.model").write_text(mutated(SMALL, *change), encoding="utf-8")
        ended = CliRunner().invoke(main, [command, "m.model", *more, *given_values])
    assert ended.exit_code in (0, 1, 2, 3), ended.output
    assert ended.exception is None or isinstance(ended.exception, SystemExit)
    if more == ["--json"] and ended.exit_code in (0, 1) and command in ("check", "run"):
        assert json.loads(ended.stdout)["errors"] is not None


HUGE = {
    "sites": ("N = 2", "N = 1e9"),
    "far more sites": ("N = 2", "N = 1e300"),
    "a plane": ("site c[j] for", "site d[x, y] for x in 1..1e5, y in 1..1e5; site c[j] for"),
    "a ring": ("c[j] for j in 1..N", "c[j] for j in ring(1e12)"),
    "orbitals": ("lattice l {", "lattice l { internal orbital(1e9);"),
    "members": ("j in 2..N on", "j in 2..1e9 on"),
    "points": ("x in {0, 1}", "x from 0 to 1 points 1e9"),
    "a range of points": ("x in {0, 1}", "N in 1..1e9"),
    "products of sweeps": ("x in {0, 1}", "x from 0 to 1 points 1e5; sweep L.T from 0 to 1 points 1e5"),
    "energies": ("points 2", "points 1e9"),
    "energies that are no numbers": ("E from -1 to 1 points 2", "E in {1i, 1}"),
    "a power": ("y = x^2", "y = 9^9^9^9"),
    "a number": ("x = 0.5", "x = 1e300*1e300"),
    "a complex number": ("x = 0.5", "x = 1 + 1i"),
}


def long_texts(length: int) -> dict[str, tuple[str, str]]:
    """What grows with the text."""
    few = length // 10
    return {
        "digits": ("x^2", "1" * length),
        "brackets": ("x^2", "(" * length + "x" + ")" * length),
        "signs": ("x^2", "-" * length + "x"),
        "primes": ("x^2", "x" + "'" * length),
        "subscripts": ("x^2", "x" + "[1]" * length),
        "powers": ("x^2", "^".join(["x"] * length)),
        "a sum": ("x^2", "+".join(["x"] * length)),
        "a product": ("x^2", "*".join(f"(x+{k})" for k in range(few))),
        "wrong names": ("let y = x^2", "".join(f"let y{k} = zz{k}\n" for k in range(few))),
        "calls": ("let y = x^2", "".join(f"function f{k}(a) = f{k + 1}(a)\n" for k in range(few))),
        "wrong outputs": ("output current, r", "output " + "I, " * length + "r"),
        "braces": ("let y = x^2", "lattice a { " * few),
        "quotes": ("let y = x^2", '"' * length),
        "terms": ("onsite c[j] : x + kind", "; ".join(["onsite c[j] : 1"] * few)),
    }


def ended(small: str, large: str) -> str:
    """What is told of a text that is too large, ``""`` where it is not."""
    assert small in SMALL
    begun = time.monotonic()
    told = ""
    try:
        model = mk.loads(SMALL.replace(small, large))
        model.check()
        for task in model.tasks:
            model.run(task)
    except (mk.ModelError, mk.NotConverged) as error:
        told = str(error)
    assert time.monotonic() - begun < 60
    assert len(told) < 200_000
    return told


@pytest.mark.parametrize("change", HUGE.values(), ids=HUGE)
def test_what_is_too_large_is_refused_before_it_is_made(change: tuple[str, str]) -> None:
    assert ended(*change)


@pytest.mark.parametrize("kind", long_texts(1))
def test_a_long_text_ends_soon(kind: str) -> None:
    ended(*long_texts(3_000)[kind])


@pytest.mark.slow
@pytest.mark.parametrize("kind", long_texts(1))
def test_a_very_long_text_ends_soon(kind: str) -> None:
    ended(*long_texts(30_000)[kind])
