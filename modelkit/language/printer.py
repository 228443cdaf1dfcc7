"""Nodes to canonical text: the author's words, line breaks and comments, our spacing.

Two blanks of indentation; blanks around ``=``, ``->``, comparisons and sums, but none in sums inside
an index or a range (``c[l+1]``, ``2..N-2``); none around ``*``, ``/``, ``^`` and ``..``.
"""

from __future__ import annotations

from modelkit.errors import raise_all
from modelkit.language import nodes, rules
from modelkit.language.sentences import expression_words, statement_words
from modelkit.language.written import from_sympy

__all__ = ["expression_text", "from_sympy", "statement_text", "to_text"]

INDENT = "  "
CONTINUED = "    "


def to_text(block: nodes.Block) -> str:
    """Canonical text of a whole model; parsing it gives an equal block.

    Raises
    ------
    ModelError
        Nodes that were built in Python and that no text can say: a name with a blank in it.
    """
    raise_all(rules.objections(block))
    page = _Page()
    page.statements(block, "")
    return page.text()


def statement_text(statement: nodes.Statement | nodes.Assignment) -> str:
    """Canonical text of a statement with its comments, without an end of line; raises as to_text."""
    raise_all(rules.objections(statement))
    page = _Page()
    page.statement(statement, "")
    return page.text().removesuffix("\n")


def expression_text(expression: nodes.Expr) -> str:
    """Canonical text of an expression, on one line; raises as to_text."""
    raise_all(rules.objections(expression))
    return "".join(f"{' ' * said.spaced}{said.text}" for said in expression_words(expression)).lstrip()


class _Page:
    """Lines that grow word by word."""

    def __init__(self) -> None:
        self._rows: list[str] = []

    def text(self) -> str:
        return "".join(f"{row.rstrip()}\n" for row in self._rows)

    def statements(self, block: nodes.Block, indent: str) -> None:
        """The statements of a block that has lines of its own, and the comments at its end."""
        closed = True  # nothing can be added to the last line
        for number, statement in enumerate(block.statements):
            layout = statement.layout
            above = _above(statement)
            if layout.semicolon and not closed and not above:
                self._put("; ")
            else:
                if layout.blank and number:
                    self._rows.append("")
                self._comments(above, indent, first=not number)
                self._rows.append(indent)
            self.statement_line(statement, indent)
            closed = self._ends_in_comment(statement)
        self._comments(block.closing, indent, first=not block.statements)

    def statement(self, statement: nodes.Statement | nodes.Assignment, indent: str) -> None:
        """A statement on a line of its own, with the comments above it."""
        self._comments(_above(statement), indent, first=True)
        self._rows.append(indent)
        self.statement_line(statement, indent)

    def statement_line(self, statement: nodes.Statement | nodes.Assignment, indent: str) -> None:
        """A statement at the end of the last line."""
        self._words(statement, indent)
        block = statement.block if isinstance(statement, nodes.Statement) else None
        comment = _comment(statement.layout.after)
        if block is None or _fits_one_line(block):
            if block is not None:
                self._inline(block, indent)
            self._put(comment)
            return
        self._put(" {" + comment)
        self.statements(block, indent + INDENT)
        self._rows.append(indent + "}" + _comment(block.behind))

    def _inline(self, block: nodes.Block, indent: str) -> None:
        self._put(" {")
        for number, statement in enumerate(block.statements):
            self._put("; " if number else " ")
            self.statement_line(statement, indent)
        self._put(" }")

    def _words(self, statement: nodes.Statement | nodes.Assignment, indent: str) -> None:
        """The statement's own words; a line is broken where the author did, if it can be."""
        notes: dict[int, list[str]] = {}
        for number, note in statement.layout.inside:
            notes.setdefault(number, []).append(note)
        breaks = notes.keys() | set(statement.layout.breaks)
        broken = True
        for number, said in enumerate(statement_words(statement)):
            self._put(" " * (said.spaced and not broken) + said.text)
            broken = said.may_break and number in breaks
            if broken:
                for line, note in enumerate(notes.get(number, ())):
                    if line:
                        self._rows.append(indent + CONTINUED)
                    self._put(_comment(note) if not line else _comment(note).lstrip())
                self._rows.append(indent + CONTINUED)

    def _comments(self, lines: tuple[str, ...], indent: str, first: bool) -> None:
        for line in lines:
            if line:
                self._rows.append(indent + _comment(line).lstrip())
                first = False
            elif not first and self._rows[-1] != "":
                self._rows.append("")

    def _ends_in_comment(self, statement: nodes.Statement | nodes.Assignment) -> bool:
        block = statement.block if isinstance(statement, nodes.Statement) else None
        if block is None or _fits_one_line(block):
            return bool(statement.layout.after)
        return bool(block.behind)

    def _put(self, text: str) -> None:
        self._rows[-1] += text


def _fits_one_line(block: nodes.Block) -> bool:
    """Whether the author wrote a block on one line and no comment has come into it since."""
    return (
        block.inline
        and not (block.closing or block.behind)
        and all(_is_plain(part) for part in block.statements)
    )


def _is_plain(statement: nodes.Statement | nodes.Assignment) -> bool:
    layout = statement.layout
    if layout.before or layout.after or layout.inside:
        return False
    block = statement.block if isinstance(statement, nodes.Statement) else None
    return block is None or _fits_one_line(block)


def _above(statement: nodes.Statement | nodes.Assignment) -> tuple[str, ...]:
    """The comments above a statement, with those inside that stand where no line can end."""
    layout = statement.layout
    if not layout.inside:
        return layout.before
    words = statement_words(statement)
    lost = [
        note for number, note in layout.inside if not 0 <= number < len(words) or not words[number].may_break
    ]
    return (*layout.before, *lost)


def _comment(text: str | None) -> str:
    """A comment behind a word."""
    if not text:
        return ""
    line = " ".join(text.split("\n"))
    return f"  {line}" if line.startswith("#") else f"  # {line}"
