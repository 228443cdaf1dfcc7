"""Hypothesis strategies: expressions, statements and whole models as nodes, each a valid text."""

from __future__ import annotations

import keyword
import string

from hypothesis import strategies as st

from modelkit.language import nodes
from modelkit.language.rules import LEVELS, RESERVED
from modelkit.language.sentences import AND, CLOSED, COMPARISON, NOT, OR, PRODUCT, SIGN, SUM, binding

_LETTERS = string.ascii_letters
_FAMILIAR = (
    "a",
    "N",
    "mu0",
    "c",
    "wire",
    "L",
    "I",
    "E",
    "i",
    "e",
    "infinite",
    "kT",
    "x_1",
    "case",
    "to_",
    "stepper",
)


def _is_free(name: str) -> bool:
    return name not in RESERVED and not keyword.iskeyword(name)


words = st.sampled_from(_FAMILIAR) | st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,5}", fullmatch=True).filter(
    _is_free
)
names = words.map(nodes.Name)
nouns = (words | st.just("step")).map(nodes.Name).filter(lambda noun: noun.id not in ("infinite", "E", "i"))
literals = st.from_regex(r"(0|[1-9][0-9]{0,3})(\.[0-9]{1,3})?(e[+-]?[0-9]{1,2})?i?", fullmatch=True)
numbers = literals.map(nodes.Number)
titles = st.text(st.characters(blacklist_characters='"\r\n', blacklist_categories=("Cs",)), max_size=12).map(
    nodes.Text
)


def fitting(node: nodes.Expr, least: int) -> nodes.Expr:
    """The node, in parentheses where it binds too loosely."""
    return nodes.Group(node) if binding(node) < least else node


def _several(parts, least=1, most=3):
    return st.lists(parts, min_size=least, max_size=most).map(tuple)


def _operations(parts):
    """Flat runs of operators of one level."""

    def of_level(pair):
        level, operators = pair
        operand = parts.map(lambda node: fitting(node, level + 1))
        return st.integers(2, 4).flatmap(
            lambda size: st.builds(
                nodes.Operation,
                st.tuples(*[operand] * size),
                st.tuples(*[st.sampled_from(operators)] * (size - 1)),
            )
        )

    return st.sampled_from(list(zip((OR, AND, COMPARISON, SUM, PRODUCT), LEVELS, strict=True))).flatmap(
        of_level
    )


def _behind(bases, parts):
    """What stands behind a name: members, indices, arguments, primes, cases."""
    arguments = parts | st.builds(nodes.Keyword, names, parts)
    subscripts = parts | st.builds(nodes.Arrow, parts, parts)
    return st.one_of(
        st.builds(nodes.Member, bases, names),
        st.builds(nodes.Index, bases, _several(subscripts)),
        st.builds(nodes.Call, bases, _several(arguments, 0)),
        st.builds(nodes.Adjoint, bases),
        st.builds(nodes.AtCase, bases, names),
    )


def _composed(parts):
    rows = st.integers(1, 3).flatmap(lambda width: _several(st.tuples(*[parts] * width)))
    closed = st.builds(nodes.Group, parts) | st.builds(nodes.Matrix, rows)
    return st.one_of(
        closed,
        st.builds(nodes.Adjoint, closed),
        _behind(names, parts),
        _behind(_behind(names, parts), parts),
        _operations(parts),
        st.builds(lambda sign, of: nodes.Unary(sign, fitting(of, SIGN)), st.sampled_from("+-"), parts),
        st.builds(lambda of: nodes.Unary("not", fitting(of, NOT)), parts),
        st.builds(lambda base, to: nodes.Power(fitting(base, CLOSED), fitting(to, SIGN)), parts, parts),
    )


expressions = st.recursive(names | numbers, _composed, max_leaves=6)
"""Any expression, with parentheses where they are needed and here and there where not."""

quantities = st.builds(nodes.Number, literals, st.recursive(names | numbers, _operations, max_leaves=3))
values = expressions | quantities
targets = names | _behind(names, expressions)
ranges = st.builds(nodes.RangeSet, expressions, expressions, st.none() | expressions)
sets = ranges | st.builds(nodes.ListedSet, _several(values)) | expressions


def _clause(word, items):
    return items.map(lambda found: nodes.Clause(word, found))


clauses = st.one_of(
    _clause("for", _several(st.builds(nodes.Iteration, names, sets), most=2)),
    _clause("in", st.tuples(sets)),
    _clause("from", st.tuples(values, values)),
    st.sampled_from(["points", "where", "when", "within", "against", "by"]).flatmap(
        lambda word: _clause(word, st.tuples(expressions))
    ),
    st.sampled_from(("on", "at", "such that")).flatmap(lambda word: _clause(word, _several(expressions))),
    _clause("with", _several(st.builds(nodes.Arrow, expressions, expressions), most=2)),
    _clause("extends", st.tuples(titles)),
)
heads = st.one_of(
    st.builds(nodes.Listing, _several(st.builds(nodes.Item, targets, st.none() | values))),
    st.builds(nodes.Path, st.just("->"), st.tuples(targets, targets)),
    st.builds(nodes.Path, st.sampled_from("-*"), _several(targets, 2)),
    st.builds(nodes.Kind, names, targets),
    st.builds(nodes.Negation, targets),
)

comments = st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=("Cs",)), max_size=8).map(
    lambda text: f"# {text}".rstrip()
)
layouts = st.builds(
    nodes.Layout,
    semicolon=st.booleans(),
    blank=st.integers(0, 2),
    before=st.lists(comments | st.just(""), max_size=2).map(tuple),
    after=st.none() | comments,
    breaks=st.lists(st.integers(0, 12), max_size=4).map(tuple),
    inside=st.lists(st.tuples(st.integers(0, 9), comments), max_size=2).map(tuple),
)
plain_layouts = st.just(nodes.Layout()) | layouts
assignments = st.builds(nodes.Assignment, targets, values, plain_layouts)


@st.composite
def _statements(draw, blocks):
    value = draw(st.none() | values)
    return nodes.Statement(
        draw(nouns),
        head=draw(st.none() | heads),
        clauses=draw(_several(clauses, 0, 2)),
        value=value,
        after=draw(_several(clauses, 0, 2)) if value else (),
        title=draw(st.none() | titles),
        block=draw(blocks),
        layout=draw(plain_layouts),
    )


def _blocks(parts):
    return st.builds(
        nodes.Block,
        _several(parts, 0),
        inline=st.booleans(),
        closing=st.lists(comments, max_size=1).map(tuple),
        behind=st.none() | comments,
    )


lines = st.recursive(
    assignments | _statements(st.none()), lambda parts: _statements(_blocks(parts)), max_leaves=4
)
"""Statements and assignments, with blocks and any layout."""

models = st.builds(nodes.Block, _several(lines, 0, 4), closing=st.lists(comments, max_size=2).map(tuple))
"""Whole texts."""
