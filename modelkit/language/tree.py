"""From the parser's tree to nodes, without recursion: a text may be nested as deeply as it likes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from modelkit.errors import Source, Span
from modelkit.language import nodes
from modelkit.language.layout import Placement


class Branch(Protocol):
    """What is read of the parser's tree: a rule, its parts (branches and words), its place."""

    data: str
    children: list[Any]
    meta: Any


def to_nodes(tree: Branch, source: Source, placement: Placement) -> Any:
    """The node of a whole tree; every node gets its span, every statement its layout."""
    order: list[Branch] = []
    waiting = [tree]
    while waiting:
        branch = waiting.pop()
        order.append(branch)
        waiting.extend(child for child in branch.children if hasattr(child, "data"))
    builder = _Builder(source, placement)
    built: dict[int, Any] = {}
    for branch in reversed(order):  # parts before wholes
        parts = [built.pop(id(part)) if hasattr(part, "data") else part for part in branch.children]
        built[id(branch)] = builder.build(branch, parts)
    return built[id(tree)]


class _Builder:
    """One method a rule of the grammar, named after it; words are strings with their offsets."""

    def __init__(self, source: Source, placement: Placement) -> None:
        self.source = source
        self.placement = placement

    def build(self, branch: Branch, parts: list[Any]) -> Any:
        meta = branch.meta
        span = None if meta.empty else Span(self.source, meta.start_pos, meta.end_pos)
        return _RULES[branch.data](self, branch, parts, span)

    def name_of(self, word: Any) -> nodes.Name:
        return nodes.Name(str(word), span=Span(self.source, word.start_pos, word.end_pos))

    # --- texts and statements --------------------------------------------------------------------

    def text(self, _: Branch, parts: list[Any], _span: Span | None) -> nodes.Block:
        whole = Span(self.source, 0, len(self.source.text))
        return nodes.Block(tuple(parts), closing=self.placement.closing(None), span=whole)

    def only(self, _: Branch, parts: list[Any], _span: Span | None) -> Any:
        return parts[0]

    def block(self, _: Branch, parts: list[Any], span: Span) -> nodes.Block:
        starts = [part.span.start for part in parts]
        inline = self.placement.is_inline(span.start, span.end, starts)
        return nodes.Block(
            tuple(parts),
            inline=inline,
            closing=() if inline else self.placement.closing(span.end),
            behind=None if inline else self.placement.behind(span.end),
            span=span,
        )

    def assignment(self, _: Branch, parts: list[Any], span: Span) -> nodes.Assignment:
        layout = self.placement.statement(span.start, span.end, None, inline=False)
        return nodes.Assignment(parts[0], parts[1], layout, span=span)

    def statement(self, branch: Branch, parts: list[Any], span: Span) -> nodes.Statement:
        found: dict[str, Any] = {}
        clauses: list[nodes.Clause] = []
        for part, node in zip(branch.children[1:], parts[1:], strict=True):
            if part.data == "clause":
                clauses.append(node)
            else:
                found["head" if part.data in _HEADS else str(part.data)] = node
        block = found.get("block")
        brace = block.span.start if block else None
        layout = self.placement.statement(span.start, span.end, brace, inline=bool(block and block.inline))
        return nodes.Statement(
            self.name_of(parts[0]), clauses=tuple(clauses), layout=layout, span=span, **found
        )

    def clauses(self, _: Branch, parts: list[Any], _span: Span | None) -> tuple[nodes.Clause, ...]:
        return tuple(parts)

    def title(self, _: Branch, parts: list[Any], span: Span) -> nodes.Text:
        return nodes.Text(str(parts[0])[1:-1], span=span)

    # --- heads and clauses -----------------------------------------------------------------------

    def listing(self, _: Branch, parts: list[Any], span: Span) -> nodes.Listing:
        return nodes.Listing(tuple(parts), span=span)

    def item(self, _: Branch, parts: list[Any], span: Span) -> nodes.Item:
        return nodes.Item(*parts, span=span)

    def path(self, _: Branch, parts: list[Any], span: Span) -> nodes.Path:
        return nodes.Path(str(parts[1]), tuple(parts[::2]), span=span)

    def kind(self, _: Branch, parts: list[Any], span: Span) -> nodes.Kind:
        return nodes.Kind(self.name_of(parts[0]), parts[1], span=span)

    def negation(self, _: Branch, parts: list[Any], span: Span) -> nodes.Negation:
        return nodes.Negation(parts[1], span=span)

    def clause(self, _: Branch, parts: list[Any], span: Span) -> nodes.Clause:
        word = "such that" if parts[0] == "such" else str(parts[0])
        return nodes.Clause(word, tuple(parts[1:]), span=span)

    def iteration(self, _: Branch, parts: list[Any], span: Span) -> nodes.Iteration:
        return nodes.Iteration(self.name_of(parts[0]), parts[2], span=span)

    def arrow(self, _: Branch, parts: list[Any], span: Span) -> nodes.Arrow:
        return nodes.Arrow(parts[0], parts[2], span=span)

    def range(self, _: Branch, parts: list[Any], span: Span) -> nodes.RangeSet:
        return nodes.RangeSet(*parts, span=span)

    def listed(self, _: Branch, parts: list[Any], span: Span) -> nodes.ListedSet:
        return nodes.ListedSet(tuple(parts), span=span)

    # --- expressions -----------------------------------------------------------------------------

    def name(self, _: Branch, parts: list[Any], _span: Span) -> nodes.Name:
        return self.name_of(parts[0])

    def number(self, _: Branch, parts: list[Any], span: Span) -> nodes.Number:
        return nodes.Number(str(parts[0]), parts[1] if len(parts) > 1 else None, span=span)

    def operation(self, _: Branch, parts: list[Any], span: Span) -> nodes.Operation:
        return nodes.Operation(tuple(parts[::2]), tuple(str(word) for word in parts[1::2]), span=span)

    def unary(self, _: Branch, parts: list[Any], span: Span) -> nodes.Unary:
        return nodes.Unary(str(parts[0]), parts[1], span=span)

    def power(self, _: Branch, parts: list[Any], span: Span) -> nodes.Power:
        return nodes.Power(parts[0], parts[1], span=span)

    def group(self, _: Branch, parts: list[Any], span: Span) -> nodes.Group:
        return nodes.Group(parts[0], span=span)

    def matrix(self, _: Branch, parts: list[Any], span: Span) -> nodes.Matrix:
        return nodes.Matrix(tuple(parts), span=span)

    def row(self, _: Branch, parts: list[Any], _span: Span) -> tuple[nodes.Expr, ...]:
        return tuple(parts)

    def adjoint(self, _: Branch, parts: list[Any], span: Span) -> nodes.Adjoint:
        return nodes.Adjoint(parts[0], span=span)

    def at_case(self, _: Branch, parts: list[Any], span: Span) -> nodes.AtCase:
        return nodes.AtCase(parts[0], self.name_of(parts[1]), span=span)

    def member(self, _: Branch, parts: list[Any], span: Span) -> nodes.Member:
        return nodes.Member(parts[0], self.name_of(parts[1]), span=span)

    def index(self, _: Branch, parts: list[Any], span: Span) -> nodes.Index:
        return nodes.Index(parts[0], tuple(parts[1:]), span=span)

    def call(self, _: Branch, parts: list[Any], span: Span) -> nodes.Call:
        return nodes.Call(parts[0], tuple(parts[1:]), span=span)

    def keyword(self, _: Branch, parts: list[Any], span: Span) -> nodes.Keyword:
        return nodes.Keyword(self.name_of(parts[0]), parts[1], span=span)


_HEADS = ("listing", "path", "kind", "negation")
_SAME: Sequence[str] = [
    "text",
    "block",
    "assignment",
    "statement",
    "title",
    "listing",
    "item",
    "path",
    "kind",
    "negation",
    "clause",
    "iteration",
    "arrow",
    "range",
    "listed",
    "name",
    "number",
    "operation",
    "unary",
    "power",
    "group",
    "matrix",
    "row",
    "adjoint",
    "at_case",
    "member",
    "index",
    "call",
    "keyword",
]
_RULES = {
    **{rule: getattr(_Builder, rule) for rule in _SAME},
    "single": _Builder.only,
    "formula": _Builder.only,
    "value": _Builder.only,
    "after": _Builder.clauses,
}
