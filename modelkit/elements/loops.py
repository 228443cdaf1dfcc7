"""From ``for l in 1..N`` to indices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from modelkit.elements.binder import Binder
from modelkit.elements.indices import Index, Listed, Over, Range, Ring
from modelkit.elements.names import check_name
from modelkit.elements.quantities import check_quantity
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.scope import Meaning, Scope


def clauses_of(statement: nodes.Statement, word: str) -> list[nodes.Clause]:
    """The clauses with this word, in the order of the text."""
    return [clause for clause in (*statement.clauses, *statement.after) if clause.word == word]


def bind_loops(statement: nodes.Statement, binder: Binder, scope: Scope) -> tuple[list[Index], Scope]:
    """The indices of the ``for`` clause and the scope in which they are known.

    A range may use the indices before it.
    """
    found: list[Index] = []
    for clause in clauses_of(statement, "for"):
        for item in clause.items:
            assert isinstance(item, nodes.Iteration)  # what a `for` holds
            check_index_name(item.name, binder)
            if item.name.id in {index.name for index in found}:
                raise ModelError(
                    f"the index '{item.name.id}' has two ranges",
                    item.name.span,
                    hint="give each index a name of its own",
                )
            over = bind_over(item.over, binder, scope)
            index = make_index(item.name.id, over, item.span)
            found.append(index)
            scope = with_indices(scope, [index])
    return found, scope


def with_indices(scope: Scope, indices: Sequence[Index]) -> Scope:
    """A scope in which the indices are known; they hide declared names."""
    return scope.with_names({index.name: Meaning("index", index.symbol, index.span) for index in indices})


def make_index(name: str, over: Over, span: Span | None) -> Index:
    """An integer symbol, or a real one where a listed value is no integer."""
    if isinstance(over, Listed) and not all(value.is_integer for value in over.values):
        return Index(sp.Symbol(name, real=True), over, span)
    return Index(sp.Symbol(name, integer=True), over, span)


def check_index_name(name: nodes.Name, binder: Binder) -> None:
    """An index may hide a declared name, but not one that a function uses out of sight."""
    check_name(name)
    if name.id not in binder.declared("device"):
        return
    for function in binder.section("functions").values():
        if name.id in {str(symbol.name) for symbol in function.body.free_symbols}:
            known = binder.declared("device")[name.id]
            raise ModelError(
                f"the index '{name.id}' hides the {known.noun}{known.place}, "
                f"which the function '{function.name}' uses",
                name.span,
                hint="give the index another name",
            )


def bind_over(written: nodes.SetExpr, binder: Binder, scope: Scope) -> Over:
    """A set behind ``in``."""
    match written:
        case nodes.RangeSet():
            return _range(written, binder, scope)
        case nodes.ListedSet(values=values):
            return Listed(tuple(binder.formula(value, scope) for value in values))
        case nodes.Call(of=nodes.Name(id="ring"), arguments=arguments):
            if len(arguments) != 1 or isinstance(arguments[0], nodes.Keyword):
                raise ModelError("a ring has one number of cells", written.span, hint="write: ring(N)")
            return Ring(_whole(arguments[0], binder, scope))
        case nodes.Name(id="infinite"):
            return Ring(sp.oo)
    raise ModelError("this is not a set", written.span, hint="write 1..N, {2, 3, 5} or ring(N)")


def replaced(over: Over, values: Mapping[sp.Symbol, sp.Expr]) -> Over:
    """The set with other formulas for the indices that its bounds use."""
    match over:
        case Range(start=start, stop=stop, step=step):
            return Range(start.xreplace(values), stop.xreplace(values), step.xreplace(values))
        case Ring(cells=cells):
            return Ring(cells.xreplace(values))
        case Listed(values=listed):
            return Listed(tuple(value.xreplace(values) for value in listed))


def _range(written: nodes.RangeSet, binder: Binder, scope: Scope) -> Range:
    start, stop = (_whole(part, binder, scope) for part in (written.start, written.stop))
    if written.step is None:
        return Range(start, stop)
    step = _whole(written.step, binder, scope)
    if step.is_positive is False:
        hint = "write: 1..N step 2"
        raise ModelError("the step of a range is a positive integer", written.step.span, hint=hint)
    return Range(start, stop, step)


def _whole(node: nodes.Expr, binder: Binder, scope: Scope) -> sp.Expr:
    value = binder.formula(node, scope)
    if value.is_integer is False and value != sp.oo:
        raise ModelError("this must be an integer", node.span, hint="real values are listed: in {0.1, 0.3}")
    check_quantity(node, "1", "a bound of a range", binder, scope)
    return value
