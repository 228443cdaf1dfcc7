"""Formulas over results that stand in a ``check``."""

from __future__ import annotations

import sympy as sp

from modelkit.elements.binder import Binder, free_names, subexpressions
from modelkit.elements.loops import clauses_of
from modelkit.elements.quantities import check_dimension, quantity_of
from modelkit.elements.result_formulas import OutputRequest, bind_formula, by_word
from modelkit.elements.tasks import Task
from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.printer import expression_text
from modelkit.registry import reductions

RELATIONS = ("==", "<", "<=", ">", ">=")
VALUE = "check value : I[L] + I[R] == 0 within 1e-10 on TASK"


def claim_of(
    node: nodes.Expr, statement: nodes.Statement, binder: Binder
) -> tuple[OutputRequest, tuple[str, ...], str | None]:
    """The formula, its cases, the task behind ``on``.

    The cases are those of that task, else of the first task with two, else the first two of all.
    """
    task = _task(statement, binder)
    cases = task.cases if task is not None else _two_cases(binder)
    compared = _compared(node)
    if compared is not None and len(cases) != 2:
        where = f"the task '{task.name}'" if task is not None else "the model"
        hint = "name a task that has 'cases FIRST, SECOND'" if task is not None else "declare two cases"
        message = f"'{compared}' compares two cases, {where} has {len(cases) or 'none'}"
        raise ModelError(message, node.span, hint=hint)
    name = nodes.Name("check", span=statement.noun.span)
    claim = bind_formula(name, node, _verb(node), cases, binder)
    if not claim.quantities:
        hint = "write a formula over results: rectification(I[L]), G2[L, L, L]"
        raise ModelError(f"'{expression_text(node)}' holds no result", node.span, hint=hint)
    return claim, cases, task.name if task is not None else None


def value_of(
    node: nodes.Expr, statement: nodes.Statement, binder: Binder
) -> tuple[OutputRequest, str, sp.Expr, Task]:
    """Left less right side of a comparison of results, how they compare, the tolerance, the task."""
    task = _task(statement, binder) or next(iter(binder.section("tasks").values()), None)
    if task is None:
        hint = "name one with a right 'task' statement: on TASK"
        raise ModelError("'check value' is about the results of a task", statement.noun.span, hint=hint)
    match node:
        case nodes.Operation(operands=(left, right), operators=(relation,)) if relation in RELATIONS:
            difference = nodes.Operation((left, right), ("-",), span=node.span)
        case _:
            raise ModelError("'check value' compares two values", node.span, hint=f"write: {VALUE}")
    if relation == "==" and not clauses_of(statement, "within"):
        hint = f"write: {VALUE}"
        raise ModelError("computed numbers are equal within a tolerance only", node.span, hint=hint)
    name = nodes.Name("check", span=statement.noun.span)
    claim = bind_formula(name, difference, task.verb, task.cases, binder)
    if not claim.quantities:
        raise ModelError(f"'{expression_text(node)}' holds no result", node.span, hint=f"write: {VALUE}")
    return claim, relation, _within(claim, statement, binder), task


def _within(claim: OutputRequest, statement: nodes.Statement, binder: Binder) -> sp.Expr:
    for clause in clauses_of(statement, "within"):
        (node,) = clause.items
        others = nodes.Arrow | nodes.Iteration | nodes.RangeSet | nodes.ListedSet | nodes.Text
        assert not isinstance(node, others)  # the grammar has an expression here
        within = binder.constant(node, "the tolerance")
        if not (within.is_real and within.is_nonnegative):
            hint = "write: within 1e-10"
            raise ModelError("a tolerance is a number that is not negative", clause.span, hint=hint)
        if claim.dimension is not None:
            check_dimension(quantity_of(node, binder), claim.dimension, "the tolerance", node, binder)
        return within
    return sp.S.Zero


def _task(statement: nodes.Statement, binder: Binder) -> Task | None:
    for clause in clauses_of(statement, "on"):
        name = clause.items[0]
        if not isinstance(name, nodes.Name) or len(clause.items) > 1:
            raise ModelError(
                "'on' names a task", clause.span, hint="leave it out for the first one that fits"
            )
        return binder.find(name, "task", "tasks", Task)
    return None


def _two_cases(binder: Binder) -> tuple[str, ...]:
    tasks: dict[str, Task] = binder.section("tasks")
    two = next((task.cases for task in tasks.values() if len(task.cases) == 2), None)
    return two or tuple(binder.section("cases"))[:2]


def _compared(node: nodes.Expr) -> str | None:
    """The first two-case quantity of a formula."""
    called = (
        part.of.id
        for part in subexpressions(node)
        if isinstance(part, nodes.Call) and isinstance(part.of, nodes.Name)
    )
    return next((word for word in called if word in reductions), None)


def _verb(node: nodes.Expr) -> str:
    """A verb that gives all its results: ``transport`` where it does."""
    indexed = [part for part in subexpressions(node) if isinstance(part, nodes.Index)]
    labels = {id(name) for part in indexed for at in part.at for name in subexpressions(at)}
    names = [name.id for name in free_names(node) if id(name) not in labels]
    known = [one.verbs for one in map(by_word, names) if one is not None]
    common = [verb for verb in (known[0] if known else ()) if all(verb in verbs for verbs in known)]
    return "transport" if "transport" in common or not common else common[0]
