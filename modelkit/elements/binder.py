"""The workplace of the second pass: names, meanings of formulas, errors, finished objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import sympy as sp

from modelkit.dimensions import Exponents
from modelkit.elements.quantities import Place, quantity_of
from modelkit.errors import MOST_ERRORS, ModelError, Span, raise_all
from modelkit.language import nodes
from modelkit.language.expressions import translate, translate_condition
from modelkit.language.scope import Meaning, Scope
from modelkit.registry import suggestion
from modelkit.units import NATURAL, UnitSystem

Thing = TypeVar("Thing")
Formula: TypeAlias = sp.Expr | sp.ImmutableDenseMatrix


class ConsequentError(ModelError):
    """Follows from an error that is recorded already; never shown."""


@dataclass(frozen=True)
class Declared:
    """A declared name, what the noun calls it (``parameter``), and where."""

    name: str
    noun: str
    span: Span | None
    statement: nodes.Statement

    @property
    def place(self) -> str:
        """``in line 3``, or nothing for models that were built in Python."""
        return f" in line {self.span.line}" if self.span is not None else ""


@dataclass
class Binder:
    """Collects what the nouns make of their statements.

    ``names[space][name]`` are the declared names, ``sections[section][name]`` the finished objects,
    ``meanings`` the names that formulas of the device may use; ``integers`` are those that stand in
    ranges, rings and indices; ``broken`` holds the paths of what is missing because of an error;
    ``quantities`` are the dimensions of parameters and lets as far as they were asked for; in natural
    units ``places`` tell them.
    """

    integers: frozenset[str] = frozenset()
    units: UnitSystem = NATURAL
    meanings: dict[str, Meaning] = field(default_factory=dict)
    names: dict[str, dict[str, Declared]] = field(default_factory=dict)
    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    broken: set[tuple[str, ...]] = field(default_factory=set)
    errors: list[ModelError] = field(default_factory=list)
    quantities: dict[str, Exponents | None] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)

    @property
    def scope(self) -> Scope:
        """The formulas of the device; a view of ``meanings``, which may grow."""
        return Scope(names=self.meanings, units=self.units)

    @property
    def constants(self) -> Scope:
        """Formulas without declared names."""
        return Scope(units=self.units)

    @contextmanager
    def catching(self, *broken: str) -> Iterator[None]:
        """Record errors of the ``with`` block instead of raising; ``broken`` names what then lacks."""
        try:
            yield
        except ModelError as error:
            if broken:
                self.broken.add(broken)
            self.errors.extend(one for one in error.errors if not isinstance(one, ConsequentError))
            if len(self.errors) > 2 * MOST_ERRORS:  # each looks for the nearest of all names
                raise_all(self.errors)

    def record(self, errors: Iterable[ModelError]) -> bool:
        """Record errors; True when there was one."""
        found = list(errors)
        self.errors.extend(found)
        return bool(found)

    def store(self, section: str, name: str, thing: Any) -> None:
        """Keep a finished object."""
        self.sections.setdefault(section, {})[name] = thing

    def section(self, section: str) -> dict[str, Any]:
        """The finished objects of a section, in the order in which they were bound."""
        return self.sections.get(section, {})

    def declared(self, space: str) -> dict[str, Declared]:
        """The names of a name space, those of broken statements included."""
        return self.names.get(space, {})

    def mean(self, name: str, meaning: Meaning) -> None:
        """Give a name its meaning in the formulas of the device."""
        self.meanings[name] = meaning

    def formula(self, node: nodes.Expr, scope: Scope | None = None) -> sp.Expr:
        """A formula that is a number, not a matrix."""
        found = self.formula_or_matrix(node, scope or self.scope)
        if isinstance(found, sp.MatrixBase):
            raise ModelError(
                "this must be a number, it is a matrix",
                node.span,
                hint="name one component, such as c[l, up]",
            )
        return found

    def formula_or_matrix(self, node: nodes.Expr, scope: Scope) -> Formula:
        """A formula that may be a matrix of the scope's internal spaces."""
        found = translate(node, scope)
        self._check_quantities(node, scope)
        return found

    def condition(self, node: nodes.Expr, scope: Scope) -> sp.Basic:
        """A condition behind ``where``."""
        found = translate_condition(node, scope)
        self._check_quantities(node, scope)
        return found

    def _check_quantities(self, node: nodes.Expr, scope: Scope) -> None:
        """A length and an energy are not added; who gives names a special meaning checks by himself."""
        if scope.special is None:
            quantity_of(node, self, scope)

    def constant(
        self, node: nodes.Expr, what: str, hint: str = "a quantity that follows others is a 'let'"
    ) -> sp.Expr:
        """A formula without declared names; ``what`` names it in the message."""
        for name in free_names(node):
            if name.id in self.declared("device"):
                known = self.declared("device")[name.id]
                raise ModelError(
                    f"{what} is a constant, '{name.id}' is a {known.noun}{known.place}",
                    name.span,
                    hint=hint,
                )
        return self.formula(node, self.constants)

    def find(self, name: nodes.Name, noun: str, section: str, kind: type[Thing]) -> Thing:
        """A finished object by its name, or an error that suggests the right names.

        Raises ConsequentError when the statement that declares it is wrong itself.
        """
        things = {known: thing for known, thing in self.section(section).items() if isinstance(thing, kind)}
        if name.id in things:
            return things[name.id]
        hint = suggestion(name.id, things, _plural(noun)) or f"this model declares no {noun}"
        known = next((names[name.id] for names in self.names.values() if name.id in names), None)
        if known is None:
            raise ModelError(f"there is no {noun} '{name.id}'", name.span, hint=hint)
        if known.noun == noun:
            raise ConsequentError(f"'{name.id}' is wrong itself", name.span)
        raise ModelError(f"'{name.id}' is a {known.noun}{known.place}, not a {noun}", name.span, hint=hint)


def _plural(noun: str) -> str:
    return f"{noun}s"


def subexpressions(
    node: nodes.Expr | nodes.Keyword | nodes.Arrow,
) -> Iterator[nodes.Expr | nodes.Keyword | nodes.Arrow]:
    """A formula and all its parts from left to right, without the names of functions that are called.

    The members of ``a.b`` and the names of keyword arguments are not among them.
    """
    waiting: list[nodes.Expr | nodes.Keyword | nodes.Arrow] = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(reversed(parts_of(current)))


def free_names(node: nodes.Expr | nodes.Keyword) -> Iterator[nodes.Name]:
    """The names among the parts of a formula."""
    return (part for part in subexpressions(node) if isinstance(part, nodes.Name))


def parts_of(
    node: nodes.Expr | nodes.Keyword | nodes.Arrow,
) -> Sequence[nodes.Expr | nodes.Keyword | nodes.Arrow]:
    """What a formula is directly made of, from left to right, as for ``subexpressions``."""
    match node:
        case nodes.Arrow(left=left, right=right):
            return [left, right]
        case nodes.Keyword(value=value):
            return [value]
        case nodes.Index(of=of, at=at):
            return [of, *at]
        case nodes.Call(of=of, arguments=arguments):
            return [*([] if isinstance(of, nodes.Name) else [of]), *arguments]
        case nodes.Power(base=base, exponent=exponent):
            return [base, exponent]
        case nodes.Operation(operands=operands):
            return list(operands)
        case nodes.Matrix(rows=rows):
            return [entry for row in rows for entry in row]
        case (
            nodes.Member(of=of)
            | nodes.Adjoint(of=of)
            | nodes.AtCase(of=of)
            | nodes.Unary(of=of)
            | nodes.Group(of=of)
        ):
            return [of]
    return []
