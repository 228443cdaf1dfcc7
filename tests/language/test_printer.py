"""Canonical text: it says the same, it is stable, and it keeps what the author wrote."""

from __future__ import annotations

import dataclasses
import random
import re
from collections import Counter
from pathlib import Path

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.errors import ModelError
from modelkit.language import nodes, parser, printer
from tests.language import strategies

ROOT = Path(__file__).parents[2]
TEXTS = sorted([*Path(__file__).parent.glob("page/*.model"), *ROOT.glob("models/**/*.model")])


def comments_of(block: nodes.Block) -> Counter[str]:
    found: Counter[str] = Counter(block.closing)
    found.update([block.behind] if block.behind else [])
    for statement in block.statements:
        layout = statement.layout
        found.update(layout.before)
        found.update([layout.after] if layout.after else [])
        found.update(note for _, note in layout.inside)
        if isinstance(statement, nodes.Statement) and statement.block is not None:
            found.update(comments_of(statement.block))
    del found[""]
    return found


@settings(max_examples=60, deadline=None)
@given(strategies.models)
def test_reading_what_was_written_gives_the_same_model(model):
    text = printer.to_text(model)
    again = parser.parse(text)
    assert again == model
    assert printer.to_text(again) == text


@settings(max_examples=60, deadline=None)
@given(strategies.models)
def test_no_comment_is_lost_or_made_up(model):
    assert comments_of(parser.parse(printer.to_text(model))) == comments_of(model)


@settings(deadline=None)
@given(strategies.values)
def test_reading_a_written_expression_gives_the_same_expression(expression):
    assert parser.parse_expression(printer.expression_text(expression)) == expression


@settings(max_examples=60, deadline=None)
@given(strategies.lines)
def test_reading_a_written_statement_gives_the_same_statement(line):
    text = printer.statement_text(line)
    assert parser.parse(text) == nodes.Block((line,))
    if isinstance(line, nodes.Statement):
        assert parser.parse_statement(text) == line


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_a_formatted_file_says_the_same_and_stays_as_it_is(path):
    model = parser.parse(path.read_text())
    text = printer.to_text(model)
    assert parser.parse(text) == model
    assert printer.to_text(parser.parse(text)) == text


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_formatting_changes_nothing_but_runs_of_blanks(path):
    def narrow(text: str) -> list[str]:
        return [re.sub(r"(?<=\S) +", " ", line).rstrip() for line in text.splitlines()]

    text = path.read_text()
    assert narrow(printer.to_text(parser.parse(text))) == narrow(text)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_comments_at_the_end_of_any_line_survive_formatting(path, seed):
    chance = random.Random(seed)
    lines = []
    for number, line in enumerate(path.read_text().splitlines()):
        lines.append(f"{line}  # note {number}" if chance.random() < 0.5 and "#" not in line else line)
        if chance.random() < 0.2:
            lines.append(f"# above {number}")
    text = "\n".join(lines)
    once = printer.to_text(parser.parse(text))
    notes = re.compile(r"# (?:note|above) \d+")
    assert sorted(notes.findall(once)) == sorted(notes.findall(text))
    assert parser.parse(once) == parser.parse(text)
    assert printer.to_text(parser.parse(once)) == once


def test_comments_inside_a_broken_line_stay_where_they_are():
    text = (
        "output current,  # in units of 1/h\n"
        "    dI = nonreciprocity(  # the difference\n"
        "    # of both cases\n"
        "    I[L])  # and no more\n"
    )
    assert printer.to_text(parser.parse(text)) == text


def test_comments_behind_both_braces_and_before_the_last_stay_where_they_are():
    text = (
        "# a header\n\n# and more\nlattice wire {  # tight binding\n"
        "  site dot\n\n  # nothing else\n}  # the end\n\n# bye\n"
    )
    assert printer.to_text(parser.parse(text)) == text


def test_the_spacing_is_ours_and_the_lines_are_the_authors():
    text = (
        "let a=b+c*( d-1 )\n\n\n\nhop c[l]->c[l + 1]:-t ; site c[l] for l in 1 .. N - 2 step 2 at(l,0)\n"
        "x{a=1;b=[1,2|3,4]}"
    )
    assert printer.to_text(parser.parse(text)) == (
        "let a = b + c*(d - 1)\n\n"
        "hop c[l] -> c[l+1] : -t; site c[l] for l in 1..N-2 step 2 at (l, 0)\n"
        "x { a = 1; b = [1, 2 | 3, 4] }\n"
    )


def test_carriage_returns_and_tabs_become_plain_lines():
    text = printer.to_text(parser.parse("lattice w {\r\n\tsite dot\r\n}\r\n"))
    assert text == "lattice w {\n  site dot\n}\n"


def test_nodes_that_bind_too_loosely_get_their_parentheses():
    total = nodes.Operation((nodes.Name("a"), nodes.Name("b")), ("+",))
    product = nodes.Operation((total, nodes.Name("c")), ("*",))
    assert printer.expression_text(product) == "(a + b)*c"
    assert printer.expression_text(nodes.Power(nodes.Unary("-", nodes.Name("a")), total)) == "(-a)^(a + b)"


@pytest.mark.parametrize(
    "wrong",
    [
        nodes.Name("a = 1; b"),
        nodes.Name("lambda"),
        nodes.Number("1; b"),
        nodes.Operation((nodes.Name("a"), nodes.Name("b")), (";",)),
        nodes.Operation((nodes.Name("a"),), ()),
        nodes.Unary("~", nodes.Name("a")),
    ],
)
def test_what_no_text_can_say_is_refused_and_never_written(wrong):
    with pytest.raises(ModelError):
        printer.expression_text(wrong)


def test_texts_with_quotes_and_deep_nodes_are_refused():
    with pytest.raises(ModelError):
        printer.statement_text(nodes.Statement(nodes.Name("model"), title=nodes.Text('a "b"')))
    deep: nodes.Expr = nodes.Name("a")
    for _ in range(5000):
        deep = nodes.Group(deep)
    with pytest.raises(ModelError, match="nested"):
        printer.expression_text(deep)


def test_comments_built_in_python_cannot_become_statements():
    layout = nodes.Layout(before=("a = 2",), after="b = 3\nc = 4")
    line = nodes.Assignment(nodes.Name("x"), nodes.Number("1"), layout)
    assert parser.parse(printer.to_text(nodes.Block((line,)))) == nodes.Block((line,))


# --- sympy to nodes ------------------------------------------------------------------------------

x, y, t = sp.symbols("x y t")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (-0.1, "-0.1"),
        (1e-5, "1e-05"),
        (2.5 - 1j, "2.5 - 1.0i"),
        (sp.Rational(1, 3), "1/3"),
        (sp.Rational(-1, 8), "-0.125"),
        (sp.oo, "infinite"),
        (-sp.oo, "-infinite"),
        (float("inf"), "infinite"),
        (sp.I, "1i"),
        (1 + sp.I / 2, "1 + 0.5i"),
        (sp.pi / 4, "0.25*pi"),
        (x - y, "x - y"),
        (-(x**2), "-x^2"),
        ((-x) ** y, "(-x)^y"),
        (x / (y * t), "x/t/y"),
        (1 / sp.sqrt(x), "1/sqrt(x)"),
        (x ** (y**t), "x^y^t"),
        ((x**y) ** t, "(x^y)^t"),
        (2 * (x + y) / 3, "2*x/3 + 2*y/3"),
        (sp.exp(-x) * sp.Abs(y), "abs(y)*exp(-x)"),
        (sp.Mod(x, 3), "mod(x, 3)"),
        (sp.Matrix([[1, x], [-x, sp.I]]), "[1, x | -x, 1i]"),
        (sp.Piecewise((x, x > 0), (y, True)), "if(x > 0, x, y)"),
        (sp.And(x > 0, sp.Or(y < 1, t >= 2)), "x > 0 and (t >= 2 or y < 1)"),
    ],
)
def test_values_of_sympy_and_python_are_written_in_the_language(value, text):
    node = printer.from_sympy(value)
    assert printer.expression_text(node) == text
    assert parser.parse_expression(printer.expression_text(node)) == node


@settings(deadline=None)
@given(st.floats(allow_nan=False))
def test_a_float_is_written_with_all_its_digits(value):
    node = printer.from_sympy(value)
    negative = isinstance(node, nodes.Unary)
    literal = node.of if isinstance(node, nodes.Unary) else node
    number = float("inf") if literal == nodes.Name("infinite") else float(literal.text)
    assert (-number if negative else number) == value
    assert parser.parse_expression(printer.expression_text(node)) == node


@settings(deadline=None)
@given(st.integers(-(10**30), 10**30), st.integers(1, 10**20))
def test_a_rational_is_written_exactly(numerator, denominator):
    value = sp.Rational(numerator, denominator)
    match printer.from_sympy(value):
        case nodes.Operation(operands=(above, nodes.Number(text=below)), operators=("/",)):
            assert sp.Rational(printer.expression_text(above)) / sp.Rational(below) == value
        case literal:
            assert sp.Rational(printer.expression_text(literal)) == value


@pytest.mark.parametrize(
    "wrong", [sp.zoo, sp.nan, float("nan"), sp.Symbol("a b"), "a", None, sp.Integer(2) ** 9999]
)
def test_values_that_the_language_cannot_say_are_refused(wrong):
    with pytest.raises(ModelError):
        printer.from_sympy(wrong)


def test_layout_is_never_part_of_a_meaning():
    plain = parser.parse("a = 1\nb = 2")
    other = parser.parse("# x\n\na = 1; b = 2  # y\n# z")
    assert plain == other
    fields = {field.name: field.compare for field in dataclasses.fields(nodes.Block)}
    assert [name for name, compared in fields.items() if compared] == ["statements"]
