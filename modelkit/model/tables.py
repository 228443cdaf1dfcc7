"""A model at a glance: its statements as rows of a small table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.printer import statement_text
from modelkit.view.notebook import formula_html, table_html
from modelkit.view.tables import Table, one_line

if TYPE_CHECKING:
    from modelkit.model.model import Model

SILENT = ("model", "plot", "let", "function")  # what a glance can do without
WIDTH = 72


def declared(model: Model) -> Table:
    """Parameters, conductors, terminals, cases and tasks, in the author's words and order."""
    title = f"model {model.name}" + (f": {model.title}" if model.title else "")
    rows: list[tuple[str, str, str]] = []
    for statement in model.block.statements:
        if isinstance(statement, nodes.Statement) and statement.noun.id not in SILENT:
            noun = statement.noun.id
            shown = "" if rows and _noun(rows) == noun else noun
            rows.append((shown, *_row(statement)))
    return Table(title, ("", "", ""), tuple(rows))


def html(model: Model) -> str:
    """The table, the Hamiltonian and jump operators for a notebook; the table alone of a wrong model."""
    from modelkit.graph.jump_latex import jumps_latex
    from modelkit.graph.link import link

    shown = [table_html(declared(model))]

    try:
        formulas = (model.latex(), jumps_latex(link(model.declarations)))
        shown += [formula_html(text) for text in formulas if text]
    except ModelError:
        pass
    return "\n".join(shown)


def _noun(rows: list[tuple[str, str, str]]) -> str:
    return next(row[0] for row in reversed(rows) if row[0])


def _row(statement: nodes.Statement) -> tuple[str, str]:
    """The head, and what it is about: its title, its clauses, or what its block says."""
    bare = nodes.Statement(noun=statement.noun, head=statement.head, value=statement.value)
    head = statement_text(bare).removeprefix(statement.noun.id).strip()
    if statement.title is not None:
        return head, one_line(statement.title.value, WIDTH)
    clauses = nodes.Statement(noun=statement.noun, clauses=statement.clauses, after=statement.after)
    said = [statement_text(clauses).removeprefix(statement.noun.id).strip()] if statement.clauses else []
    if statement.block is not None:
        said += [_line(line) for line in statement.block.statements]
    return head, one_line("; ".join(part for part in said if part), WIDTH)


def _line(line: nodes.Statement | nodes.Assignment) -> str:
    from dataclasses import replace

    return statement_text(replace(line, layout=nodes.Layout()))
