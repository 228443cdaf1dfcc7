"""What a notebook shows: tables as HTML, formulas as LaTeX."""

from __future__ import annotations

from html import escape

from modelkit.view.tables import Table

CELL = "text-align: left; padding: 0.15em 1em 0.15em 0; vertical-align: top"


def table_html(table: Table) -> str:
    """A table as HTML; every word of it is escaped."""
    parts = [f"<p><strong>{escape(table.title)}</strong></p>"] if table.title else []
    parts.append("<table>")
    if any(table.columns):
        parts.append(_row("th", table.columns))
    parts += [_row("td", row) for row in table.rows]
    parts.append("</table>")
    parts += [f"<p>{escape(note)}</p>" for note in table.notes]
    return "\n".join(parts)


def formula_html(latex: str) -> str:
    r"""A displayed formula for the notebook's mathematics: ``$$ ... $$``."""
    return f"<div>$$\n{escape(latex, quote=False)}\n$$</div>"


def _row(tag: str, cells: tuple[str, ...]) -> str:
    inside = "".join(f'<{tag} style="{CELL}">{escape(cell)}</{tag}>' for cell in cells)
    return f"<tr>{inside}</tr>"
