"""The syntax tree: frozen nodes with spans, all that the rest of modelkit sees of a text.

The tree is a faithful picture of the text: parentheses are :class:`Group` nodes and numbers keep
their digits, so the printer's words are the text's words one by one.  Spans and layout do not take
part in comparisons: two texts that say the same have equal trees.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from modelkit.errors import Span


@dataclass(frozen=True)
class Node:
    """Anything in a text; ``span`` is None for nodes that were built in Python."""

    span: Span | None = field(default=None, compare=False, repr=False, kw_only=True)


# --- expressions ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Number(Node):
    """A literal as it was written: ``0.10``, ``2e-3i``; ``unit`` is the expression in ``[...]``."""

    text: str
    unit: Expr | None = None


@dataclass(frozen=True)
class Name(Node):
    """A name, also ``infinite``, ``E`` and ``i``."""

    id: str


@dataclass(frozen=True)
class Index(Node):
    """``c[l+1]``, ``c[j, up]``, ``bond_current[c[1] -> c[2]]``."""

    of: Expr
    at: tuple[Expr | Arrow, ...]


@dataclass(frozen=True)
class Member(Node):
    """``wire.c``, ``L.T``."""

    of: Expr
    name: Name


@dataclass(frozen=True)
class Keyword(Node):
    """``seed = 7`` in a call."""

    name: Name
    value: Expr


@dataclass(frozen=True)
class Call(Node):
    """``chain(hopping = 1, coupling = gamma)``; ``arguments`` in the order of the text."""

    of: Expr
    arguments: tuple[Expr | Keyword, ...]


@dataclass(frozen=True)
class Adjoint(Node):
    """``c[j]'``."""

    of: Expr


@dataclass(frozen=True)
class AtCase(Node):
    """``I[L]@forward``."""

    of: Expr
    case: Name


@dataclass(frozen=True)
class Unary(Node):
    """``-x``, ``+x`` or ``not x``."""

    operator: str
    of: Expr


@dataclass(frozen=True)
class Power(Node):
    """``base^exponent``; associates to the right."""

    base: Expr
    exponent: Expr


@dataclass(frozen=True)
class Operation(Node):
    """A flat run of operators of one level: ``a + b - c``, ``a*b/c``, ``a < b <= c``, ``a and b``.

    ``operators[k]`` stands between ``operands[k]`` and ``operands[k + 1]``.
    """

    operands: tuple[Expr, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True)
class Group(Node):
    """Parentheses, kept as written."""

    of: Expr


@dataclass(frozen=True)
class Matrix(Node):
    """``[a, b | c, d]``; a single row is also a list of numbers (``widths = [G1, G1]``)."""

    rows: tuple[tuple[Expr, ...], ...]


Expr = Number | Name | Index | Member | Call | Adjoint | AtCase | Unary | Power | Operation | Group | Matrix


# --- sets, after `in` ----------------------------------------------------------------------------


@dataclass(frozen=True)
class RangeSet(Node):
    """``start..stop step step``, both ends included."""

    start: Expr
    stop: Expr
    step: Expr | None = None


@dataclass(frozen=True)
class ListedSet(Node):
    """``{0.1, 0.3}``."""

    values: tuple[Expr, ...]


SetExpr = RangeSet | ListedSet | Expr  # an expression: ring(N), infinite


# --- clauses, heads, statements ------------------------------------------------------------------


@dataclass(frozen=True)
class Iteration(Node):
    """``l in 1..N`` of a ``for``."""

    name: Name
    over: SetExpr


@dataclass(frozen=True)
class Arrow(Node):
    """``B_y -> -B_y`` of a ``with``; the bond ``c[1] -> c[2]`` in the brackets of a result."""

    left: Expr
    right: Expr


@dataclass(frozen=True)
class Text(Node):
    """A string in double quotes, without them."""

    value: str


@dataclass(frozen=True)
class Clause(Node):
    """A reserved word and what it governs.

    ======================================================  ==========================================
    word                                                    items
    ======================================================  ==========================================
    ``for``                                                 one or more :class:`Iteration`
    ``in``                                                  one set
    ``from``                                                two expressions (``from a to b``)
    ``points step where when within against by``            one expression
    ``on at``                                               one or more expressions
    ``such that``                                           one or more expressions
    ``with``                                                one or more :class:`Arrow`
    ``extends``                                             one :class:`Text`
    ======================================================  ==========================================
    """

    word: str
    items: tuple[Expr | SetExpr | Iteration | Arrow | Text, ...]


@dataclass(frozen=True)
class Item(Node):
    """``target`` or ``target = value`` in the head of a statement."""

    target: Expr
    value: Expr | None = None


@dataclass(frozen=True)
class Listing(Node):
    """``a, b = x, c``: the commonest head, often with a single item."""

    items: tuple[Item, ...]


@dataclass(frozen=True)
class Path(Node):
    """``a -> b``, ``a - b - c`` or ``a * b``; ``joint`` is the operator."""

    joint: str
    ends: tuple[Expr, ...]


@dataclass(frozen=True)
class Kind(Node):
    """``onsite c[l]`` of ``disorder onsite c[l]``, ``probe P`` of ``remove probe P``."""

    kind: Name
    target: Expr


@dataclass(frozen=True)
class Negation(Node):
    """``not forbidden``."""

    target: Expr


Head = Listing | Path | Kind | Negation


@dataclass(frozen=True)
class Layout:
    """How a statement stood in the text; never part of its meaning.

    Parameters
    ----------
    semicolon : bool
        It follows the statement before it on the same line.
    blank : int
        Blank lines before it (the printer keeps at most one).
    before : tuple of str
        Comment lines above it, with their ``#``; an empty one is a blank line.
    after : str or None
        Comment at its end, or behind the ``{`` of a block of several lines.
    breaks : tuple of int
        The author broke the line behind these words (counted from 0 in the statement's own words,
        without those of its block).
    inside : tuple of (int, str)
        Comments at such breaks, each with the number of the word that it stands behind.
    """

    semicolon: bool = False
    blank: int = 0
    before: tuple[str, ...] = ()
    after: str | None = None
    breaks: tuple[int, ...] = ()
    inside: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Block(Node):
    """Statements in braces, or a whole file."""

    statements: tuple[Statement | Assignment, ...]
    inline: bool = field(default=False, compare=False)  # written on one line
    closing: tuple[str, ...] = field(default=(), compare=False)  # comments before its end
    behind: str | None = field(default=None, compare=False)  # comment behind its closing brace


@dataclass(frozen=True)
class Assignment(Node):
    """``mu = mu0 + dmu/2``: a field, an override, an option."""

    target: Expr
    value: Expr
    layout: Layout = field(default=Layout(), compare=False, repr=False)


@dataclass(frozen=True)
class Statement(Node):
    """``noun head clauses : value clauses "title" { block }``; all but the noun may be missing."""

    noun: Name
    head: Head | None = None
    clauses: tuple[Clause, ...] = ()
    value: Expr | None = None
    after: tuple[Clause, ...] = ()  # the clauses behind the value
    title: Text | None = None
    block: Block | None = None
    layout: Layout = field(default=Layout(), compare=False, repr=False)
