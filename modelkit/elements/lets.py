"""The noun ``let``: a quantity that follows the parameters and is never overridden."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import sympy as sp

from modelkit.elements.binder import Binder
from modelkit.elements.names import check_name
from modelkit.elements.nouns import Form, Noun, nouns
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.scope import Meaning


@dataclass(frozen=True)
class Let:
    """``let name = expression``; other formulas hold its symbol, not its expression."""

    name: str
    symbol: sp.Symbol
    expression: sp.Expr
    span: Span | None = None


@nouns.register("let")
class LetNoun(Noun):
    """A derived number."""

    doc = "a number that follows the parameters; it is never overridden"
    form = Form(pattern="let NAME = FORMULA", head=(nodes.Listing,))
    space = "device"
    stage = 30
    part = "none"

    def prepare(self, statement: nodes.Statement, binder: Binder) -> None:
        """The symbol; lets may be used before they stand."""
        for name in self.names(statement):
            binder.mean(name.id, Meaning("let", _symbol(name.id, binder), name.span))

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """The formula; cycles are refused once all lets are known."""
        assert isinstance(statement.head, nodes.Listing)  # the form has been checked
        item = statement.head.items[0]
        if len(statement.head.items) > 1 or item.value is None or not isinstance(item.target, nodes.Name):
            raise ModelError(
                "a let is one name and its formula", statement.span, hint=f"write: {self.form.pattern}"
            )
        check_name(item.target)
        symbol = _symbol(item.target.id, binder)
        expression = binder.formula(item.value)
        binder.store("lets", item.target.id, Let(item.target.id, symbol, expression, statement.span))


def _symbol(name: str, binder: Binder) -> sp.Symbol:
    return sp.Symbol(name, integer=True) if name in binder.integers else sp.Symbol(name)


def in_dependency_order(lets: dict[str, Let]) -> dict[str, Let]:
    """The lets, each behind those that it uses.

    Raises
    ------
    ModelError
        For lets that follow one another in a circle, which is named.
    """
    graph = nx.DiGraph()
    graph.add_nodes_from(lets)
    for let in lets.values():
        used = sorted(str(symbol) for symbol in let.expression.free_symbols)
        graph.add_edges_from((name, let.name) for name in used if name in lets)
    try:
        return {name: lets[name] for name in nx.lexicographical_topological_sort(graph, list(lets).index)}
    except nx.NetworkXUnfeasible:
        circle = [edge[1] for edge in reversed(nx.find_cycle(graph))]
        start = min(range(len(circle)), key=lambda k: list(lets).index(circle[k]))
        shown = [*circle[start:], *circle[: start + 1]]
        raise ModelError(
            f"'{shown[0]}' follows from itself: {' needs '.join(shown)}",
            lets[shown[0]].span,
            hint="make one of them a param",
        ) from None
