"""Jump operators: formulas in ``c[j]`` and ``c[j]'`` as sums of products of fermion operators.

A formula is read as a small matrix of such sums: ``c[j]`` without a component is a column over the
internal space of its lattice, ``c[j]'`` a row, and everything without operators is a number or a matrix of
the language.  What comes out in the end is one operator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import sympy as sp

from modelkit.elements.binder import Binder, ConsequentError, parts_of
from modelkit.elements.lattices import Lattice
from modelkit.elements.operator_sums import (
    FACTORS,
    Block,
    Fermion,
    Terms,
    Word,
    added,
    adjoint,
    constant,
    multiplied,
    scaled,
)
from modelkit.elements.relations import Written, bind_ref, chosen_components, written_site
from modelkit.elements.sites import Grounds, SiteFamily
from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.printer import expression_text
from modelkit.language.scope import Scope
from modelkit.language.spaces import Space
from modelkit.registry import suggestion


@dataclass(frozen=True)
class Monomial:
    """A coefficient and the operators behind it, from left to right."""

    coefficient: sp.Expr
    operators: Word


class Operators:
    """Which names of a formula are operators: the sites of the lattices behind ``on``.

    Parameters
    ----------
    lattices : sequence of Lattice
        Their sites are called by their names, or ``wire.c`` where several have one.
    hidden : collection of str
        Names of indices, which win over sites without indices.
    """

    def __init__(self, lattices: Sequence[Lattice], hidden: Sequence[str], binder: Binder) -> None:
        self.lattices = {lattice.name: lattice for lattice in lattices}
        self.hidden = frozenset(hidden)
        self.binder = binder

    def written(self, node: nodes.Expr) -> Iterator[Written]:
        """The operators of a formula as they are written, from left to right."""
        return (self.site(part) for part in _parts(node) if self.is_operator(part))

    def is_operator(self, node: nodes.Node) -> bool:
        """Whether a part of a formula is an operator by itself; raises where it can be nothing else."""
        match node:
            case nodes.Index(of=nodes.Name() as name):
                return self._indexed(name)
            case nodes.Index(of=nodes.Member() as member) | (nodes.Member() as member):
                return isinstance(member.of, nodes.Name) and self._qualified(member, member.of)
            case nodes.Name(id=word) if word not in self.hidden:
                found = [family for _, family in self._called(word)]
                declared = word in self.binder.meanings or word in self.binder.scope.constants
                return any(not family.indices or not declared for family in found)
        return False

    def site(self, node: nodes.Expr) -> Written:
        """The site that an operator acts on.

        Raises
        ------
        ModelError
            Wrong subscripts, or a name that several lattices have.
        """
        of = node.of if isinstance(node, nodes.Index) else node
        if isinstance(of, nodes.Member) and isinstance(of.of, nodes.Name):
            lattice, name = self.lattices[of.of.id], of.name
        else:
            assert isinstance(of, nodes.Name)  # an operator
            owners, name = self._called(of.id), of
            if len(owners) > 1:
                where = " and ".join(f"'{one.name}'" for one, _ in owners)
                hint = f"write {' or '.join(f'{one.name}.{of.id}' for one, _ in owners)}"
                raise ModelError(f"the site '{of.id}' is in {where}", of.span, hint=hint)
            lattice = owners[0][0]
        families = {family.name: family for family in lattice.sites}
        plain: nodes.Expr = name
        if isinstance(node, nodes.Index):
            plain = nodes.Index(name, node.at, span=node.span)
        return written_site(plain, Grounds(lattice.name, lattice.spaces, families), self.binder)

    def spaces(self) -> tuple[Space, ...]:
        """The internal spaces on which matrices act; none where lattices have different ones."""
        found = {lattice.spaces for lattice in self.lattices.values() if lattice.spaces}
        return next(iter(found)) if len(found) == 1 else ()

    def _refuse_broken(self, name: nodes.Name, *lattices: str) -> None:
        """A site whose own line is wrong is not blamed again."""
        if any((lattice, name.id) in self.binder.broken for lattice in lattices):
            raise ConsequentError(f"'{name.id}' is wrong itself", name.span)

    def _called(self, word: str) -> list[tuple[Lattice, SiteFamily]]:
        return [
            (lattice, family)
            for lattice in self.lattices.values()
            for family in lattice.sites
            if family.name == word
        ]

    def _indexed(self, name: nodes.Name) -> bool:
        """Nothing but a site has an index in a jump operator."""
        if self._called(name.id):
            return True
        if name.id in self.binder.meanings:
            return False  # the formula says what it is instead
        self._refuse_broken(name, *self.lattices)
        patterns = [family.pattern for lattice in self.lattices.values() for family in lattice.sites]
        families = [family.name for lattice in self.lattices.values() for family in lattice.sites]
        near = suggestion(name.id, families, "sites")
        shown = near if near and near.startswith("did you mean") else f"the sites are {', '.join(patterns)}"
        raise ModelError(f"there is no operator '{name.id}' here", name.span, hint=shown)

    def _qualified(self, member: nodes.Member, lattice: nodes.Name) -> bool:
        if lattice.id in self.lattices:
            families = {family.name: family for family in self.lattices[lattice.id].sites}
            if member.name.id not in families:
                self._refuse_broken(member.name, lattice.id)
                hint = suggestion(member.name.id, families, "sites") or "declare it: site NAME"
                message = f"the lattice '{lattice.id}' has no site '{member.name.id}'"
                raise ModelError(message, member.name.span, hint=hint)
            return True
        if isinstance(self.binder.section("elements").get(lattice.id), Lattice):
            hint = f"write: on {', '.join([*self.lattices, lattice.id])}"
            raise ModelError(f"this dissipator is not on the lattice '{lattice.id}'", lattice.span, hint=hint)
        return False


def jump_operator(node: nodes.Expr, operators: Operators, scope: Scope) -> tuple[Monomial, ...]:
    """The products of which a jump operator is the sum, as written (not normal-ordered).

    Raises
    ------
    ModelError
        What is no sum of products of operators, has several components, mixes even and odd numbers of
        operators, vanishes, or is too large.
    """
    found = _Reader(node, operators, scope).read(node)
    if len(found.entries) != 1:
        many = f"a {found.rows} x {found.columns} matrix of operators"
        message = f"a jump is one operator, this is {many}"
        raise ModelError(message, node.span, hint=_one_of_them(node, operators))
    terms = found.entries[0]
    if not any(terms):
        what = "vanishes" if not terms else "holds no operator"
        hint = "write sites as operators, such as c[j] or c[j]'*c[j]"
        raise ModelError(f"this jump operator {what}", node.span, hint=hint)
    if len({len(word) % 2 for word in terms}) > 1:
        raise ModelError(
            "this jump operator adds even and odd numbers of fermion operators",
            node.span,
            hint="no bath does that: declare a dissipator for each of them",
        )
    return tuple(Monomial(coefficient, word) for word, coefficient in terms.items())


class _Reader:
    """One walk over a jump operator."""

    def __init__(self, whole: nodes.Expr, operators: Operators, scope: Scope) -> None:
        self.whole = whole
        self.operators = operators
        self.scope = scope.with_spaces(operators.spaces())

    def read(self, node: nodes.Expr) -> Block:
        if self.operators.is_operator(node):
            return self._operator(node)
        if not any(self.operators.is_operator(part) for part in _parts(node)):
            return self._constant(node)
        match node:
            case nodes.Group(of=of):
                return self.read(of)
            case nodes.Adjoint(of=of):
                return adjoint(self.read(of))
            case nodes.Unary(operator="+" | "-" as sign, of=of):
                return scaled(self.read(of), sp.Integer(1 if sign == "+" else -1))
            case nodes.Power():
                return self._power(node)
            case nodes.Operation(operators=("+" | "-", *_)):
                return self._sum(node)
            case nodes.Operation(operators=("*" | "/", *_)):
                return self._product(node)
        raise _refused(node)

    def _operator(self, node: nodes.Expr) -> Block:
        site = self.operators.site(node)
        spaces = self.operators.lattices[site.family.lattice].spaces
        ref = bind_ref(site, self.operators.binder, self.scope)
        entries: list[Terms] = []
        for number in chosen_components(site, spaces):
            fermion = Fermion(ref.lattice, ref.family, ref.at, number, False, node.span)
            entries.append({(fermion,): sp.Integer(1)})
        return Block(len(entries), 1, tuple(entries))

    def _constant(self, node: nodes.Expr) -> Block:
        value = self.operators.binder.formula_or_matrix(node, self.scope)
        if value == sp.oo:
            raise ModelError("'infinite' stands alone", node.span, hint="no jump operator can contain it")
        return constant(value)

    def _sum(self, node: nodes.Operation) -> Block:
        first = self.read(node.operands[0])
        found = [first]
        for sign, operand in zip(node.operators, node.operands[1:], strict=True):
            other = self.read(operand)
            if (first.rows, first.columns) != (other.rows, other.columns):
                message = f"{first.size} and {other.size} cannot be added"
                raise ModelError(message, operand.span, hint=_one_of_them(self.whole, self.operators))
            found.append(other if sign == "+" else scaled(other, sp.Integer(-1)))
        return added(found, node.span)

    def _product(self, node: nodes.Operation) -> Block:
        total = self.read(node.operands[0])
        for sign, operand in zip(node.operators, node.operands[1:], strict=True):
            if sign == "*":
                total = self._times(total, self.read(operand), operand)
                continue
            if any(self.operators.is_operator(part) for part in _parts(operand)):
                raise ModelError(
                    "division by an operator", operand.span, hint="a jump operator is a sum of products"
                )
            one = nodes.Operation((nodes.Number("1"), operand), ("/",), span=operand.span)
            total = self._times(total, self.read(one), operand)
        return total

    def _power(self, node: nodes.Power) -> Block:
        if any(self.operators.is_operator(part) for part in _parts(node.exponent)):
            raise ModelError("an operator cannot be an exponent", node.exponent.span, hint=_SUMS)
        exponent = self.operators.binder.formula(node.exponent, self.scope)
        if not isinstance(exponent, sp.Integer) or not 1 <= exponent <= FACTORS:
            message = f"the power {exponent} of an operator"
            raise ModelError(message, node.exponent.span, hint=f"operators have the powers 1 to {FACTORS}")
        base = self.read(node.base)
        total = base
        for _ in range(int(exponent) - 1):
            total = self._times(total, base, node)
        return total

    def _times(self, left: Block, right: Block, node: nodes.Expr) -> Block:
        total = multiplied(left, right, node.span)
        if total is None:
            message = f"{left.size} times {right.size}"
            raise ModelError(message, node.span, hint=_one_of_them(self.whole, self.operators))
        return total


def without_operators(node: nodes.Expr, operators: Operators) -> nodes.Expr:
    """The formula with 1 for each operator: for what quantity its coefficients are."""
    if isinstance(node, nodes.Adjoint):
        return without_operators(node.of, operators)
    if operators.is_operator(node):
        return nodes.Number("1", span=node.span)
    changed: dict[str, Any] = {}
    for one in fields(node):
        value = getattr(node, one.name)
        if isinstance(value, tuple) and any(isinstance(part, nodes.Node) for part in value):
            changed[one.name] = tuple(without_operators(part, operators) for part in value)
        elif isinstance(value, nodes.Node):
            changed[one.name] = without_operators(cast(nodes.Expr, value), operators)
    return replace(node, **changed) if changed else node


_SUMS = "a jump operator is a sum of products of operators and numbers"


def _parts(node: nodes.Expr) -> Iterator[nodes.Expr]:
    """A formula and its parts, without the names and subscripts of sites."""
    waiting: list[nodes.Expr | nodes.Keyword | nodes.Arrow] = [node]
    while waiting:
        current = waiting.pop()
        if not isinstance(current, nodes.Keyword | nodes.Arrow):
            yield current
        if not isinstance(current, nodes.Index | nodes.Member):
            waiting.extend(reversed(parts_of(current)))


def _refused(node: nodes.Expr) -> ModelError:
    if isinstance(node, nodes.Call):
        of = expression_text(node.of)
        return ModelError(f"'{of}' of an operator", node.span, hint=_SUMS)
    if isinstance(node, nodes.Matrix):
        return ModelError("a matrix with operators in it", node.span, hint=_SUMS)
    return ModelError("operators are added and multiplied, nothing else", node.span, hint=_SUMS)


def _one_of_them(node: nodes.Expr, operators: Operators) -> str:
    """How one component is named: ``c[j, up]``."""
    for site in operators.written(node):
        spaces = operators.lattices[site.family.lattice].spaces
        if spaces and not site.labels:
            at = [expression_text(subscript) for subscript in site.subscripts]
            label = f"{site.family.name}[{', '.join([*at, *(space.labels[0] for space in spaces)])}]"
            plain = f"{site.family.name}[{', '.join(at)}]" if at else site.family.name
            return f"name a component, such as {label}, or join them: {plain}'*{plain}"
    return "name a component of each operator, such as c[j, up]"
