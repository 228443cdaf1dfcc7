"""From the nodes of a formula to sympy, through explicit tables.

No text reaches sympy: numbers, names and functions are looked up, and everything is put together by
operators.  The value is exact; what it may cost is bounded (see ``numbers``).
"""

from __future__ import annotations

from typing import assert_never

import sympy as sp

from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.arithmetic import (
    adjoint,
    compare,
    indicator,
    is_matrix,
    is_truth,
    not_finite,
    power,
    product,
    reciprocal,
    total,
)
from modelkit.language.functions import Function, functions, wrong_count
from modelkit.language.numbers import DEPTH, Budget, Value, literal
from modelkit.language.scope import Meaning, Scope, UserFunction
from modelkit.language.spaces import explicit_matrix, matrices, named_matrix
from modelkit.language.unit_expressions import unit_of
from modelkit.registry import suggestion

_COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))


def translate(node: nodes.Expr, scope: Scope) -> Value:
    """The value of a formula: a sympy expression or an immutable matrix.

    Parameters
    ----------
    node : nodes.Expr
        As parsed.
    scope : Scope
        What its names mean.

    Returns
    -------
    sympy expression or ImmutableDenseMatrix
        Exact; ``infinite`` by itself is ``sp.oo``; a comparison is 1 or 0.

    Raises
    ------
    ModelError
        At the place that is wrong.
    """
    bare = _without_groups(node)
    if isinstance(bare, nodes.Name) and bare.id == "infinite":
        return sp.oo
    return _Translation(Budget()).value(node, scope)


def translate_condition(node: nodes.Expr, scope: Scope) -> sp.Basic:
    """The condition that a formula states: a sympy Boolean.

    Raises
    ------
    ModelError
        Also where the formula is a number.
    """
    return _Translation(Budget()).condition(node, scope)


class _Translation:
    """One walk over a formula and the functions it calls."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.depth = 0
        self.nested = 0
        self.active: list[str] = []  # functions being expanded

    def value(self, node: nodes.Expr, scope: Scope) -> Value:
        """A number or matrix; what is true or false becomes 1 or 0."""
        found = self.meaning(node, scope)
        return indicator(found) if is_truth(found) else found

    def condition(self, node: nodes.Expr, scope: Scope) -> sp.Basic:
        """What is true or false."""
        found = self.meaning(node, scope)
        if is_truth(found):
            return found
        what = "a matrix" if is_matrix(found) else "a number"
        raise ModelError(f"this is {what}, not a condition", node.span, hint="compare it: ... == 1, ... > 0")

    def meaning(self, node: nodes.Expr, scope: Scope) -> sp.Basic:
        self.budget.spend(1, node.span)
        counted = not isinstance(node, nodes.Operation)
        self.depth += 1
        self.nested += counted
        if self.nested > DEPTH or self.depth > 3 * DEPTH:
            raise ModelError(
                f"this formula is nested more than {DEPTH} levels deep",
                node.span,
                hint="name its parts with 'let'",
            )
        found = self._special(node, scope)
        if found is None:
            found = self._usual(node, scope)
        self.depth -= 1
        self.nested -= counted
        return found

    def _special(self, node: nodes.Expr, scope: Scope) -> sp.Basic | None:
        if scope.special is None or not isinstance(node, _MAY_BE_SPECIAL):
            return None
        return scope.special(node, scope)

    def _usual(self, node: nodes.Expr, scope: Scope) -> sp.Basic:
        match node:
            case nodes.Number():
                return self._number(node, scope)
            case nodes.Name():
                return self._name(node, scope)
            case nodes.Group(of=of):
                return self.meaning(of, scope)
            case nodes.Unary():
                return self._unary(node, scope)
            case nodes.Power():
                return self._power(node, scope)
            case nodes.Operation():
                return self._operation(node, scope)
            case nodes.Call():
                return self._call(node, scope)
            case nodes.Matrix():
                return self._matrix(node, scope)
            case nodes.Adjoint():
                return self._kept(adjoint(self.value(node.of, scope)), node.span)
            case nodes.Index() | nodes.Member() | nodes.AtCase():
                raise _meaningless(node, scope)
            case _:
                assert_never(node)

    def _kept(self, value: Value, span: Span | None) -> Value:
        """The value, if it is finite and within the bounds."""
        entries = value.flat() if is_matrix(value) else (value,)
        if any(entry in _NOT_FINITE for entry in entries):
            raise not_finite(span)
        self.budget.check(value, span)
        return value

    def _number(self, node: nodes.Number, scope: Scope) -> sp.Expr:
        number = literal(node.text, node.span)
        if node.unit is None:
            return number
        return scope.units.convert(number, unit_of(node.unit), span=node.span)

    def _name(self, node: nodes.Name, scope: Scope) -> Value:
        meaning = scope.names.get(node.id)
        if meaning is not None:
            return _number_of(meaning, node)
        if node.id in scope.constants:
            return scope.constants[node.id]
        if node.id in matrices:
            return named_matrix(node.id, scope.spaces, node.span)
        if node.id in functions:
            usage = functions[node.id].usage
            raise ModelError(f"'{node.id}' is a function", node.span, hint=f"write {usage}")
        if node.id == "i":
            raise ModelError("'i' is not a name", node.span, hint="write 1i for the imaginary unit")
        if node.id == "E":
            raise ModelError("the energy E has no meaning here", node.span, hint="it stands in self-energies")
        if node.id == "infinite":
            raise ModelError("'infinite' stands alone", node.span, hint="no formula can contain it")
        raise scope.undeclared(node)

    def _unary(self, node: nodes.Unary, scope: Scope) -> sp.Basic:
        if node.operator == "not":
            return sp.Not(self.condition(node.of, scope), evaluate=False)
        value = self.value(node.of, scope)
        return value if node.operator == "+" else _negative(value)

    def _power(self, node: nodes.Power, scope: Scope) -> Value:
        base = self.value(node.base, scope)
        exponent = self.value(node.exponent, scope)
        return self._kept(power(base, exponent, node.span, self.budget), node.span)

    def _operation(self, node: nodes.Operation, scope: Scope) -> sp.Basic:
        operators = set(node.operators)
        if operators <= {"and", "or"}:
            parts = [self.condition(operand, scope) for operand in node.operands]
            return (sp.And if operators == {"and"} else sp.Or)(*parts, evaluate=False)
        values = [self.value(operand, scope) for operand in node.operands]
        if operators <= _COMPARISONS:
            relations = [
                compare(operator, left, right, node.span, self.budget)
                for operator, left, right in zip(node.operators, values[:-1], values[1:], strict=True)
            ]
            return relations[0] if len(relations) == 1 else sp.And(*relations, evaluate=False)
        if operators <= {"+", "-"}:
            signs = ("+", *node.operators)
            terms = [
                value if sign == "+" else _negative(value) for sign, value in zip(signs, values, strict=True)
            ]
            return self._kept(total(terms, node.span), node.span)
        factors = [values[0]]
        for operator, operand, value in zip(node.operators, node.operands[1:], values[1:], strict=True):
            if operator == "/":
                value = reciprocal(value, operand.span)
            factors.append(value)
        return self._kept(product(factors, node.span, self.budget), node.span)

    def _matrix(self, node: nodes.Matrix, scope: Scope) -> Value:
        width = len(node.rows[0])
        for row in node.rows:
            if len(row) != width:
                raise ModelError(
                    f"a row of this matrix has {len(row)} entries, the first has {width}",
                    row[0].span.to(row[-1].span) if row and row[0].span and row[-1].span else node.span,
                    hint="write as many entries in each row: [a, b | c, d]",
                )
        entries = [self.value(entry, scope) for row in node.rows for entry in row]
        for entry, written in zip(entries, (entry for row in node.rows for entry in row), strict=True):
            if is_matrix(entry):
                raise ModelError(
                    "the entries of a matrix are numbers", written.span, hint="multiply it by sigma_x, ..."
                )
        written_out = sp.ImmutableDenseMatrix(len(node.rows), width, entries)
        return self._kept(explicit_matrix(written_out, scope.spaces, node.span), node.span)

    def _call(self, node: nodes.Call, scope: Scope) -> sp.Basic:
        if not isinstance(node.of, nodes.Name):
            raise _meaningless(node, scope)
        positional = [argument for argument in node.arguments if not isinstance(argument, nodes.Keyword)]
        for argument in node.arguments:
            if isinstance(argument, nodes.Keyword):
                raise ModelError(
                    f"'{node.of.id}' takes no argument by name", argument.span, hint="write the value alone"
                )
        meaning = scope.names.get(node.of.id)
        if meaning is not None and isinstance(meaning.value, UserFunction):
            return self._expand(meaning.value, positional, node, scope)
        if meaning is not None or node.of.id in scope.constants:
            what = meaning.what if meaning else "constant"
            raise ModelError(
                f"'{node.of.id}' is {_one(what)}, not a function", node.of.span, hint="a product needs '*'"
            )
        function = _built_in(node.of, scope)
        function.check_count(len(positional), node.span)
        arguments = tuple(
            self.condition(argument, scope) if k < function.conditions else self.value(argument, scope)
            for k, argument in enumerate(positional)
        )
        return self._kept(function.call(arguments, node.span), node.span)

    def _expand(
        self, function: UserFunction, written: list[nodes.Expr], node: nodes.Call, scope: Scope
    ) -> Value:
        """The body of a declared function with its arguments put in."""
        if len(written) != len(function.arguments):
            raise wrong_count(function.name, function.arguments, len(written), node.span)
        if function.name in self.active:
            raise ModelError(
                f"the function '{function.name}' calls itself",
                node.span,
                hint="functions are formulas, not loops",
            )
        values = [self.value(argument, scope) for argument in written]
        names = {
            name: Meaning("argument", value) for name, value in zip(function.arguments, values, strict=True)
        }
        self.active.append(function.name)
        found = self.value(function.body, function.scope.with_names(names))
        self.active.pop()
        return found


_MAY_BE_SPECIAL = (nodes.Name, nodes.Index, nodes.Call, nodes.Member, nodes.Adjoint, nodes.AtCase)
_NOT_FINITE = (sp.zoo, sp.nan, sp.oo, -sp.oo)


def _without_groups(node: nodes.Expr) -> nodes.Expr:
    while isinstance(node, nodes.Group):
        node = node.of
    return node


def _number_of(meaning: Meaning, node: nodes.Name) -> Value:
    """The value of a declared name."""
    if isinstance(meaning.value, UserFunction):
        usage = f"{node.id}({', '.join(meaning.value.arguments)})"
        raise ModelError(f"'{node.id}' is a function", node.span, hint=f"write {usage}")
    if meaning.value is None:
        place = f" (line {meaning.span.line})" if meaning.span else ""
        message = f"'{node.id}' is {_one(meaning.what)}{place}, not a number"
        raise ModelError(message, node.span, hint="a formula holds numbers, parameters, lets and indices")
    return meaning.value


def _built_in(name: nodes.Name, scope: Scope) -> Function:
    """The function of the language, or an error that knows the declared ones too."""
    if name.id in functions:
        return functions[name.id]
    declared = [word for word, meaning in scope.names.items() if isinstance(meaning.value, UserFunction)]
    hint = suggestion(name.id, [*declared, *functions], "functions")
    raise ModelError(f"there is no function '{name.id}'", name.span, hint=hint)


def _meaningless(node: nodes.Index | nodes.Member | nodes.Call | nodes.AtCase, scope: Scope) -> ModelError:
    """The error for ``x[1]``, ``x.y``, ``x[1](2)``, ``x@case`` where they mean nothing."""
    if isinstance(node.of, nodes.Name):
        meaning = scope.names.get(node.of.id)
        if meaning is None and node.of.id not in scope.constants:
            return scope.undeclared(node.of)
        kind = meaning.what if meaning else "constant"
        hint = f"write {node.of.id} * (...)" if isinstance(node, nodes.Call) else f"write {node.of.id} alone"
        if meaning is not None and meaning.value is None:
            hint = "a formula holds numbers, parameters, lets and indices"
            if isinstance(node, nodes.Member):
                name = f"{node.name.id}_{node.of.id}"
                hint = f"give the number a name, let {name} = ..., and write {name} in both places"
        return ModelError(f"'{node.of.id}' is {_one(kind)}{_LACKS[type(node)]}", node.span, hint=hint)
    return ModelError(
        "this is not a number", node.span, hint="an index or a bracket of arguments stands behind a name"
    )


_LACKS = {
    nodes.Index: " and has no index in a formula",
    nodes.Member: "; what belongs to it cannot stand in a formula",
    nodes.Call: ", not a function",
    nodes.AtCase: "; only results of a task have cases",
}


def _one(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _negative(value: Value) -> Value:
    return value.applyfunc(lambda entry: -entry) if is_matrix(value) else sp.Mul(-1, value)
