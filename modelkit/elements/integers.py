"""Which names are integers: those that stand in a range, a ring, an index or a seed."""

from __future__ import annotations

from collections.abc import Iterator

from modelkit.elements.binder import subexpressions
from modelkit.language import nodes

COUNTED_WITHIN = ("ring", "mod", "min", "max", "abs")  # functions that keep integers integer


def integer_names(block: nodes.Block) -> frozenset[str]:
    """Names that a ``for``, a ``ring(...)``, the index of a site or a seed makes integer.

    Not among them are loop indices (they hide a parameter of the same name), names inside another
    function, as in ``1..floor(length/a)``, and names of sweeps and choices.
    """
    found: set[str] = set()
    for line in block.statements:
        if isinstance(line, nodes.Statement):
            found.update(set(_in_statement(line)) - set(_loops(line)))
    return frozenset(found)


def _loops(line: nodes.Statement) -> Iterator[str]:
    for clause in (*line.clauses, *line.after):
        yield from (item.name.id for item in clause.items if isinstance(item, nodes.Iteration))
    for inner in line.block.statements if line.block is not None else ():
        if isinstance(inner, nodes.Statement):
            yield from _loops(inner)


def _in_statement(line: nodes.Statement) -> Iterator[str]:
    for clause in (*line.clauses, *line.after):
        for item in clause.items:
            if isinstance(item, nodes.Iteration):
                yield from _in_set(item.over)
            elif clause.word == "on":
                yield from _in_indices(item)
    for target in _targets(line.head):
        yield from _in_indices(target)
    if isinstance(line.value, nodes.Call):
        for argument in line.value.arguments:
            if isinstance(argument, nodes.Keyword) and argument.name.id == "seed":
                yield from _counted(argument.value)
    for inner in line.block.statements if line.block is not None else ():
        if isinstance(inner, nodes.Statement):
            yield from _in_statement(inner)
        else:  # of fields, jump operators alone have indices
            for part in subexpressions(inner.value):
                yield from _in_indices(part)


def _targets(head: nodes.Head | None) -> list[nodes.Expr]:
    match head:
        case nodes.Path(ends=ends):
            return list(ends)
        case nodes.Kind(target=target):
            return [target]
        case nodes.Listing(items=items):
            return [item.target for item in items]
    return []


def _in_set(over: nodes.SetExpr) -> Iterator[str]:
    match over:
        case nodes.RangeSet(start=start, stop=stop, step=step):
            for part in (start, stop, *([step] if step is not None else [])):
                yield from _counted(part)
        case nodes.ListedSet():
            return
        case _:
            yield from _counted(over)


def _in_indices(target: object) -> Iterator[str]:
    match target:
        case nodes.Index(at=at):
            for subscript in at:
                if not isinstance(subscript, nodes.Arrow):
                    yield from _counted(subscript)


def _counted(node: nodes.Expr) -> Iterator[str]:
    """Names of a formula that can only be integers where it must be one."""
    match node:
        case nodes.Name(id=name):
            yield name
        case nodes.Group(of=of) | nodes.Unary(of=of):
            yield from _counted(of)
        case nodes.Operation(operands=operands):
            for operand in operands:
                yield from _counted(operand)
        case nodes.Power(base=base, exponent=exponent):
            yield from _counted(base)
            yield from _counted(exponent)
        case nodes.Call(of=nodes.Name(id=function), arguments=arguments) if function in COUNTED_WITHIN:
            for argument in arguments:
                if not isinstance(argument, nodes.Keyword):
                    yield from _counted(argument)
