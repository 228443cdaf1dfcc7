"""The declared graph as a table: things, then relations, in the author's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelkit.view.tables import Table, one_line

if TYPE_CHECKING:
    import networkx as nx

WIDTH = 96


def graph_table(graph: nx.MultiDiGraph, title: str = "") -> Table:
    """Nodes of the declared graph, then its edges in the order of the text.

    A row has the kind, what it is called or joins, and the statement as it was written.
    """
    things = [
        (_kind(data), str(data.get("label", node)), _words(data)) for node, data in graph.nodes(data=True)
    ]
    edges = sorted(graph.edges(data=True), key=lambda edge: edge[2].get("order", -1))
    relations = [
        (str(data["kind"]), f"{start} -> {end}" if start != end else str(start), _words(data))
        for start, end, data in edges
        if data["kind"] != "contains"
    ]
    return Table(title, ("kind", "name", "as written"), tuple(things + relations))


def _kind(data: dict[str, Any]) -> str:
    return str(data.get("noun", data["kind"]))


def _words(data: dict[str, Any]) -> str:
    """The text of the statement on one line; a block of many lines is cut."""
    span = data.get("span")
    return one_line(span.text, WIDTH) if span is not None else ""
