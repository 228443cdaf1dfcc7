"""New values in the text of a model: ``with_values``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from modelkit.errors import ModelError
from modelkit.language import nodes


def with_defaults(
    block: nodes.Block, defaults: Mapping[str, nodes.Expr], owners: Collection[str]
) -> nodes.Block:
    """The block with other defaults of parameters (``gamma``) and fields of terminals (``L.T``).

    ``owners`` are the nouns whose things have such fields.  Raises ModelError for the field of a
    single member of a family, which the text has no place for.
    """
    pending = dict(defaults)
    statements = tuple(_changed(statement, pending, owners) for statement in block.statements)
    for name in pending:
        raise ModelError(
            f"'{name}' cannot be written into the model", hint="give it to 'run' or 'device' instead"
        )
    return replace(block, statements=statements)


def _changed(
    statement: nodes.Statement | nodes.Assignment, pending: dict[str, nodes.Expr], owners: Collection[str]
) -> nodes.Statement | nodes.Assignment:
    if not isinstance(statement, nodes.Statement) or not isinstance(statement.head, nodes.Listing):
        return statement
    if statement.noun.id == "param":
        items = tuple(
            replace(item, value=pending.pop(item.target.id))
            if isinstance(item.target, nodes.Name) and item.target.id in pending
            else item
            for item in statement.head.items
        )
        return replace(statement, head=replace(statement.head, items=items))
    if statement.noun.id in owners:
        for name in [
            name for name in pending if "." in name and _declares(statement, name.partition(".")[0])
        ]:
            statement = _with_field(statement, name.partition(".")[2], pending.pop(name))
    return statement


def _declares(statement: nodes.Statement, name: str) -> bool:
    """Whether a statement with a block declares a single thing or a family of this name."""
    if statement.block is None or not isinstance(statement.head, nodes.Listing):
        return False
    targets = [item.target for item in statement.head.items]
    named = [target.of if isinstance(target, nodes.Index) else target for target in targets]
    return any(isinstance(target, nodes.Name) and target.id == name for target in named)


def _with_field(statement: nodes.Statement, field: str, value: nodes.Expr) -> nodes.Statement:
    assert statement.block is not None  # of _declares
    lines = list(statement.block.statements)
    for position, line in enumerate(lines):
        if isinstance(line, nodes.Assignment) and line.target == nodes.Name(field):
            lines[position] = replace(line, value=value)
            break
    else:
        layout = nodes.Layout(semicolon=statement.block.inline)
        lines.append(nodes.Assignment(nodes.Name(field), value, layout=layout))
    return replace(statement, block=replace(statement.block, statements=tuple(lines)))
