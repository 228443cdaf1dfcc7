"""Text to nodes: what is read, what is refused, and that nothing else ever happens."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkit.errors import ModelError
from modelkit.language import nodes, parser, printer
from modelkit.language.nodes import Call, Group, Index, Keyword, Member, Name, Number, Operation, Power, Unary
from tests.golden import assert_spans_lie_in
from tests.language import strategies

ROOT = Path(__file__).parents[2]
TEXTS = sorted([*Path(__file__).parent.glob("page/*.model"), *ROOT.glob("models/**/*.model")])
a, b, c, x = map(Name, "abcx")


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("-x^2", Unary("-", Power(x, Number("2")))),
        ("2^-1", Power(Number("2"), Unary("-", Number("1")))),
        ("a^b^c", Power(a, Power(b, c))),
        ("-a*b", Operation((Unary("-", a), b), ("*",))),
        ("a*-b", Operation((a, Unary("-", b)), ("*",))),
        ("a - b + c", Operation((a, b, c), ("-", "+"))),
        ("a*b/c", Operation((a, b, c), ("*", "/"))),
        ("a + b*c", Operation((a, Operation((b, c), ("*",))), ("+",))),
        ("(a + b)*c", Operation((Group(Operation((a, b), ("+",))), c), ("*",))),
        ("2 < x <= c", Operation((Number("2"), x, c), ("<", "<="))),
        ("not a == b", Unary("not", Operation((a, b), ("==",)))),
        ("not a and b or c", Operation((Operation((Unary("not", a), b), ("and",)), c), ("or",))),
        ("a + b < c", Operation((Operation((a, b), ("+",)), c), ("<",))),
        ("a'^2", Power(nodes.Adjoint(a), Number("2"))),
        ("(a)'", nodes.Adjoint(Group(a))),
        ("0.5i", Number("0.5i")),
        ("2e-3i", Number("2e-3i")),
        ("0.2 [meV]", Number("0.2", Name("meV"))),
        ("3 [1/b]*a", Operation((Number("3", Operation((Number("1"), b), ("/",))), a), ("*",))),
        ("c[a, b]'*x", Operation((nodes.Adjoint(Index(c, (a, b))), x), ("*",))),
        ("a.b[c].x", Member(Index(Member(a, b), (c,)), x)),
        ("a[x]@b", nodes.AtCase(Index(a, (x,)), b)),
        ("a()", Call(a, ())),
        ("a(b, x = 7)", Call(a, (b, Keyword(x, Number("7"))))),
        ("[a, b | c, x]", nodes.Matrix(((a, b), (c, x)))),
        ("[a]", nodes.Matrix(((a,),))),
        ("if(a > b, c, x)", Call(Name("if"), (Operation((a, b), (">",)), c, x))),
        ("infinite", Name("infinite")),
        ("1i*E", Operation((Number("1i"), Name("E")), ("*",))),
    ],
)
def test_expressions_bind_as_on_paper(text, node):
    assert parser.parse_expression(text) == node


def test_a_statement_has_its_parts_in_order():
    text = 'check value on x : a == b within 1e-10 on c "title" { mu = 1 }'
    assert parser.parse_statement(text) == nodes.Statement(
        Name("check"),
        head=nodes.Listing((nodes.Item(Name("value")),)),
        clauses=(nodes.Clause("on", (x,)),),
        value=Operation((a, b), ("==",)),
        after=(nodes.Clause("within", (Number("1e-10"),)), nodes.Clause("on", (c,))),
        title=nodes.Text("title"),
        block=nodes.Block((nodes.Assignment(Name("mu"), Number("1")),)),
    )


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("n a", nodes.Listing((nodes.Item(a),))),
        ("n a, b = c, x", nodes.Listing((nodes.Item(a), nodes.Item(b, c), nodes.Item(x)))),
        ("n a -> b", nodes.Path("->", (a, b))),
        ("n a - b - c", nodes.Path("-", (a, b, c))),
        ("n a * b", nodes.Path("*", (a, b))),
        ("n a b[c]", nodes.Kind(a, Index(b, (c,)))),
        ("n not a", nodes.Negation(a)),
        ("n f(a) = b", nodes.Listing((nodes.Item(Call(Name("f"), (a,)), b),))),
        ("n", None),
    ],
)
def test_heads_have_seven_forms(text, head):
    assert parser.parse_statement(text) == nodes.Statement(Name("n"), head=head)


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("for a in 1..b, c in {a, b}", [("a", (Number("1"), b)), ("c", (a, b))]),
    ],
)
def test_loops_run_over_ranges_and_sets(text, clause):
    statement = parser.parse_statement(f"n x {text}")
    found = statement.clauses[0]
    assert found.word == "for"
    assert [item.name.id for item in found.items] == [name for name, _ in clause]
    ranges = [item.over for item in found.items]
    assert ranges == [nodes.RangeSet(*clause[0][1]), nodes.ListedSet(clause[1][1])]


def test_a_range_may_have_a_step_and_a_clause_behind_it():
    statement = parser.parse_statement("n x for a in 2..b-2 step 2 where a > c at (a, 0)")
    assert [clause.word for clause in statement.clauses] == ["for", "where", "at"]
    over = statement.clauses[0].items[0].over
    assert over == nodes.RangeSet(Number("2"), Operation((b, Number("2")), ("-",)), Number("2"))
    assert statement.clauses[2].items == (a, Number("0"))


@pytest.mark.parametrize("joint", ["(", "[", "{", ",", ":", "=", "..", "->", "+", "*", "==", "and", "not"])
def test_a_line_goes_on_after_an_open_bracket_or_an_operator(joint):
    text = {
        "(": "p a = (@b + c)",
        "[": "p a = [@b, c]",
        "{": "p a in {@b, c}",
        ",": "p a, @b",
        ":": "p a : @b",
        "=": "p a = @b",
        "..": "p a for b in 1..@c",
        "->": "p a -> @b",
        "+": "p a = b + @c",
        "*": "p a = b*@c",
        "==": "p a where b == @c",
        "and": "p a where b and @c",
        "not": "p a where not @b",
    }[joint]
    whole = parser.parse(text.replace("@", ""))
    for end in ("\n", "\r\n", "\n\n", "  # why\n", "\n# why\n\n"):
        broken = parser.parse(text.replace("@", end))
        assert broken == whole
        assert len(broken.statements[0].layout.breaks) == 1
    assert len(parser.parse("p a\nb = 1").statements) == 2


def test_spans_are_the_places_of_the_text_even_behind_a_byte_order_mark():
    block = parser.parse("\ufeffparam N = 30 [meV]\r\nlet a = f(N, b = 2)")
    second = block.statements[1]
    assert second.span is not None
    assert (second.span.line, second.span.column, second.span.text) == (2, 1, "let a = f(N, b = 2)")
    call = second.head.items[0].value
    assert call.span.text == "f(N, b = 2)"
    assert call.arguments[1].name.span.text == "b"
    assert block.statements[0].head.items[0].value.span.text == "30 [meV]"


def test_layout_is_kept():
    text = "# top\n\nmodel x  # title\n\n\na = 1; b = 2\nw {\n  # in\n  c = 3\n  # last\n}  # out\n# end\n"
    block = parser.parse(text)
    model, first, second, last = (statement.layout for statement in block.statements)
    assert model.before == ("# top", "")
    assert model.after == "# title"
    assert (first.blank, first.semicolon, second.semicolon) == (2, False, True)
    assert block.closing == ("# end",)
    inner = block.statements[3].block
    assert inner.statements[0].layout.before == ("# in",)
    assert (inner.closing, inner.behind, inner.inline, last.after) == (("# last",), "# out", False, None)


def test_values_from_outside_are_single_expressions_and_statements():
    assert parser.parse_expression(" 1+0.5i \n") == Operation((Number("1"), Number("0.5i")), ("+",))
    assert parser.parse_statement("\n hop c[l] -> c[l+1] : -t ;").noun == Name("hop")
    for text in ("", "a = 1", "1 2", "1; 2", "__import__"):
        with pytest.raises(ModelError):
            parser.parse_expression(text)
    for text in ("", "hop a -> b\nhop b -> c", "hop a -> b; c = 1"):
        with pytest.raises(ModelError):
            parser.parse_statement(text)


@pytest.mark.parametrize("text", ["", "\n", " \t", ";", "\n;;\n", "\ufeff", "\r\n", "# only this"])
def test_an_empty_text_is_a_model_without_statements(text):
    block = parser.parse(text)
    assert block == nodes.Block(())
    assert block.closing == (("# only this",) if "#" in text else ())


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("a = x^2 [meV]", "2 [meV]"),
        ("a = x^-2 [meV]", "-2 [meV]"),
        ("a = 1/2 [meV]", "2 [meV]"),
        ("a = 1/-2 [meV]^2", "-2 [meV]^2"),
        ("param lambda = 1", "lambda"),
        ("a = 2*class", "class"),
        ("param step = 1", "step"),
        ("a = to", "to"),
        ("site c[at] for x in 1..2", "at"),
        ("param points = 4", "points"),
        ("f(None = 2) = 1", "None"),
        ("for a in 1..2", "for"),
    ],
)
def test_forms_that_the_language_forbids_are_refused_where_they_stand(text, span):
    with pytest.raises(ModelError) as caught:
        parser.parse(text)
    assert len(caught.value.errors) == 1
    error = caught.value.errors[0]
    assert error.span is not None
    assert error.span.text == span
    assert error.hint


def test_forbidden_forms_are_told_all_at_once():
    with pytest.raises(ModelError) as caught:
        parser.parse("param lambda = 1\nlet y = 1/2 [meV]\nlet z = x^2 [meV]")
    assert [error.span.line for error in caught.value.errors] == [1, 2, 3]


@pytest.mark.parametrize(
    "text", ["param E = 1", "param i = 2", "param to_ = 1", "param match = 2", "x = if(a, b)"]
)
def test_names_that_only_the_elements_can_judge_are_read(text):
    assert parser.parse(text).statements


def test_a_step_may_be_a_statement():
    assert parser.parse("x { site a for b in 1..2; step r[x] -> r[x+1] : 1\n step a -> b }").statements


@pytest.mark.parametrize(
    "deep",
    [
        lambda n: "a = " + "(" * n + "b" + ")" * n,
        lambda n: "a = " + "f(" * n + "b" + ")" * n,
        lambda n: "a = " + "[" * n + "b" + "]" * n,
        lambda n: "a = " + "c[" * n + "b" + "]" * n,
        lambda n: "a = " + "-" * n + "b",
        lambda n: "a = " + "not " * n + "b",
        lambda n: "a = " + "b^" * n + "b",
        lambda n: "a = b" + "'" * n,
        lambda n: "a = b" + ".b" * n,
        lambda n: "a = b" + "[1]" * n,
        lambda n: "a = " + "(-" * (n // 2) + "b" + ")" * (n // 2),
        lambda n: "a { " * n + "}" * n,
    ],
)
def test_nesting_is_read_to_sixty_and_refused_beyond_whatever_its_form(deep):
    block = parser.parse(deep(60))
    assert parser.parse(printer.to_text(block)) == block
    for depth in (62, 5_000):
        with pytest.raises(ModelError, match="more than 60 deep") as caught:
            parser.parse(deep(depth))
        assert_spans_lie_in(caught.value, deep(depth))


def test_long_sums_are_not_deep():
    block = parser.parse("a = " + " + ".join(["b*c"] * 1000))
    assert parser.parse(printer.to_text(block)) == block


def test_texts_without_end_are_refused_before_they_are_read():
    with pytest.raises(ModelError, match="characters"):
        parser.parse("a" * (parser.LARGEST_TEXT + 1))


def test_a_text_of_too_many_words_is_refused(monkeypatch):
    monkeypatch.setattr(parser, "MOST_WORDS", 100)
    assert parser.parse("a = 1\n" * 33).statements
    with pytest.raises(ModelError, match="100 words"):
        parser.parse("a = 1\n" * 34)


def calls_of(text: str) -> int:
    """Calls of Python functions that reading a text takes."""
    count = 0

    def note(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    parser.grammar()
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        parser.parse(text)
    finally:
        sys.setprofile(before)
    return count


LINE = "bath L on wire.c[1] { self_energy = chain(hopping = 1, coupling = g); mu = mu0 + dmu/2 }  # left\n"


def test_reading_takes_work_in_proportion_to_the_text():
    few, many = calls_of(LINE * 20), calls_of(LINE * 160)
    assert 7.5 < many / few < 8.1


@pytest.mark.slow
def test_ten_thousand_statements_are_read_with_linear_work():
    few, many = calls_of('param N = 30 "sites"\n' * 1000), calls_of('param N = 30 "sites"\n' * 10_000)
    assert many / few < 10.1


# --- any text at all -----------------------------------------------------------------------------


def read(text: str) -> nodes.Block | None:
    """A block, or None for a ModelError whose spans lie in the text; anything else is a bug."""
    try:
        block = parser.parse(text)
    except ModelError as error:
        assert_spans_lie_in(error, text)
        return None
    assert parser.parse(printer.to_text(block)) == block
    return block


@given(st.text(max_size=60))
@settings(deadline=None)
def test_any_text_at_all(text):
    read(text)


PIECES = """a b N 1 2.5 3i .5 5. " ' "t" ( ) [ ] { } = == < -> - + * / ^ ** .. . , ; : | @ # for in from to
    points step where at on such that when with within against by extends and or not infinite E i γ − ²"""
pieces = st.sampled_from((*PIECES.split(), "\n", "\t", "\r\n"))


@given(st.lists(pieces, max_size=25), st.sampled_from(("", " ")))
@settings(max_examples=200, deadline=None)
def test_any_row_of_words(row, between):
    read(between.join(row))


WORDS = re.compile(r"#[^\n]*|\"[^\"\n]*\"|[A-Za-z_]\w*|\d+(?:\.\d+)?|\.\.|->|==|<=|>=|[^\w\s]|\n")


def mutated(text: str, seed: int) -> str:
    """A text with one word dropped, doubled, swapped with another, or misspelt."""
    chance = random.Random(seed)
    found = list(WORDS.finditer(text))
    word = chance.choice(found)
    start, end = word.span()
    other = chance.choice(found).group()
    letters = list(word.group())
    chance.shuffle(letters)
    new = chance.choice(["", word.group() * 2, f"{word.group()} {word.group()}", other, "".join(letters)])
    return text[:start] + new + text[end:]


@given(st.sampled_from(TEXTS), st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_any_valid_model_with_one_wrong_word(path, seed):
    read(mutated(path.read_text(), seed))


@given(strategies.lines, st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_any_statement_with_one_wrong_word(line, seed):
    read(mutated(printer.statement_text(line), seed))


def test_mutations_are_often_wrong_and_sometimes_right():
    text = (ROOT / "models/gain_loss/wire.model").read_text()
    valid = sum(read(mutated(text, seed)) is not None for seed in range(60))
    assert 3 < valid < 57
