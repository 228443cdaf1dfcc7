"""What the formulas of a model are quantities of, where units tell: formulas and fields are checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelkit.dimensions import PURE, Exponents, dimension_of
from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.quantities import Known, Reading, spoken
from modelkit.language.scope import Meaning, Scope, UserFunction
from modelkit.language.spaces import matrices
from modelkit.registry import reductions
from modelkit.units import UnitSystem, constant_dimension

if TYPE_CHECKING:
    from modelkit.elements.binder import Binder


@dataclass(frozen=True)
class Place:
    """A formula that stands where a quantity of a known dimension is wanted."""

    node: nodes.Expr
    expected: Exponents
    scope: Scope


VARIABLES = {"E": "energy", "mu": "energy", "T": "temperature"}  # the energy, and unknowns of probes


def quantity_of(
    node: nodes.Expr, binder: Binder, scope: Scope | None = None, results: Known | None = None
) -> Exponents | None:
    """The dimension of a formula, with e = 1; None in natural units and where it is not known.

    Parameters
    ----------
    node : Expr
        A formula that has a meaning.
    scope : Scope, optional
        Where it stands, if loop indices may hide constants.
    results : callable, optional
        The dimensions of results, which win over parameters of the same name.

    Raises
    ------
    ModelError
        A formula without a dimension: a length and an energy added, the logarithm of a length.
    """
    if binder.units.natural:
        return None
    return _Reader(binder, scope or binder.scope, results).read(node)


def natural_quantity(
    node: nodes.Expr, binder: Binder, units: UnitSystem, scope: Scope, results: Known | None = None
) -> Exponents | None:
    """The same in natural units, as far as ``binder.quantities`` tells; nothing is refused there.

    ``units`` say what is 1: hbar, k_B and e, or e alone.
    """
    try:
        return _Reader(binder, scope, results, units).read(node)
    except ModelError:  # a number added to an energy, the logarithm of one: all units are 1
        return None


def check_quantity(
    node: nodes.Expr, expected: str, what: str, binder: Binder, scope: Scope | None = None
) -> None:
    """Refuse a formula that is certainly of another dimension than ``expected`` (``temperature``).

    Raises
    ------
    ModelError
        At the formula, with the unit that the model has for such a quantity.
    """
    if binder.units.natural:
        binder.places.append(Place(node, dimension_of(expected), scope or binder.scope))
        return
    check_dimension(quantity_of(node, binder, scope), dimension_of(expected), what, node, binder)


def check_same(node: nodes.Expr, other: nodes.Expr, what: str, binder: Binder) -> None:
    """Refuse a formula that is certainly of another dimension than a second one, the declared value."""
    expected = quantity_of(other, binder)
    if expected is not None and expected != PURE:
        check_dimension(quantity_of(node, binder), expected, what, node, binder)


def check_dimension(
    found: Exponents | None, expected: Exponents, what: str, node: nodes.Expr, binder: Binder
) -> None:
    """Bare numbers are in the unit of their place; others must be of its dimension."""
    units = binder.units
    if units.natural or found is None or found in (PURE, units.reduced(expected)):
        return
    if units.reduced(expected) == PURE:
        message = f"{what} is a pure number, this is of {spoken(found, node)}"
        raise ModelError(message, node.span, hint=f"divide it by a quantity in [{units.label_of(found)}]")
    message = f"{what} is of the dimension {spoken(expected)}, this is of {spoken(found, node)}"
    hint = f"it is counted in [{units.label_of(expected)}]{_way_to(expected, found, node)}"
    raise ModelError(message, node.span, hint=hint)


def _way_to(expected: Exponents, found: Exponents, node: nodes.Expr) -> str:
    """What could be meant."""
    energy, temperature = dimension_of("energy"), dimension_of("temperature")
    if (expected, found) == (temperature, energy):
        return ": divide by k_B"
    if (expected, found) == (energy, temperature):
        return ": multiply by k_B"
    if expected == energy and spoken(found, node) == "time":
        return ": hbar divided by a time is an energy"
    product = isinstance(node, nodes.Operation) and node.operators[0] in ("*", "/")
    return "; a bare factor is a pure number, give it its unit" if product else ""


def _keeps_unit(reduction: str) -> bool:
    """Whether a two-case quantity has the unit of its argument: whether it doubles with it."""
    evaluate = reductions[reduction].evaluate
    return bool(evaluate(6.0, 4.0) == 2 * evaluate(3.0, 2.0))


class _Reader:
    """Looks names up: results, parameters and lets by their text, arguments of functions, constants."""

    def __init__(
        self, binder: Binder, scope: Scope, results: Known | None, units: UnitSystem | None = None
    ) -> None:
        self.binder = binder
        self.scope = scope
        self.results = results
        self.arguments: dict[str, Exponents | None] = {}
        self.following: list[str] = []
        self.reading = Reading(units or binder.units, self._known)

    def read(self, node: nodes.Expr) -> Exponents | None:
        return self.reading.of(node)

    def _known(self, node: nodes.Expr) -> Exponents | None:
        found = self.results(node) if self.results is not None else None
        if found is not None:
            return found
        match node:
            case nodes.Call(of=nodes.Name(id=word), arguments=(of,)) if word in reductions:
                assert not isinstance(of, nodes.Keyword)  # the formula has been translated
                return self.read(of) if _keeps_unit(word) else PURE
            case nodes.Call(of=nodes.Name(id=word)):
                meaning = self.scope.names.get(word)
                function = meaning.value if meaning is not None else None
                return self._called(function, node) if isinstance(function, UserFunction) else None
            case nodes.Member(of=nodes.Name(id="param"), name=name):
                return self._declared(name.id)
            case nodes.Name(id=word) if word in self.scope.names:
                return self._named(word, self.scope.names[word])
            case nodes.Name(id=word):
                return PURE if word == "pi" or word in matrices else constant_dimension(word)
        return None

    def _named(self, word: str, meaning: Meaning) -> Exponents | None:
        if meaning.what in ("parameter", "let"):
            return self._declared(word)
        if meaning.what == "argument":
            return self.arguments.get(word)
        if meaning.what in ("energy", "unknown") and word in VARIABLES:
            return dimension_of(VARIABLES[word])
        whole = meaning.what == "index" and getattr(meaning.value, "is_integer", False)
        return PURE if whole else None  # listed values of an index may have units

    def _declared(self, word: str) -> Exponents | None:
        """Of the formula behind ``param`` or ``let``; a bare number may be anything."""
        if word in self.binder.integers:
            return PURE
        known = self.binder.declared("device").get(word)
        head = known.statement.head if known is not None else None
        if not isinstance(head, nodes.Listing) or word in self.following:
            return None
        if word not in self.binder.quantities:
            before = self.scope, self.results, self.arguments
            self.scope, self.results, self.arguments = self.binder.scope, None, {}
            self.following.append(word)
            found = None
            for item in head.items:
                if item.target == nodes.Name(word) and item.value is not None:
                    found = self._followed(item.value)
            self.following.pop()
            self.scope, self.results, self.arguments = before
            self.binder.quantities[word] = None if found == PURE else found
        return self.binder.quantities[word]

    def _followed(self, node: nodes.Expr) -> Exponents | None:
        """Of a formula that is checked where it stands: here its error would be told twice."""
        try:
            return self.read(node)
        except ModelError:
            return None

    def _called(self, function: UserFunction, node: nodes.Call) -> Exponents | None:
        """Of the body for these arguments."""
        given = [self.read(one) for one in node.arguments if not isinstance(one, nodes.Keyword)]
        if function.name in self.following or (function.name,) in self.binder.broken:
            return None
        before = self.scope, self.results, self.arguments
        names = {name: Meaning("argument") for name in function.arguments}
        self.scope, self.results = function.scope.with_names(names), None
        self.arguments = dict(zip(function.arguments, given, strict=False))
        self.following.append(function.name)
        try:
            return self.read(function.body)
        except ModelError as error:
            message = f"in '{function.name}' for these arguments: {error.message}"
            raise ModelError(message, node.span, hint=error.hint) from None
        finally:
            self.following.pop()
            self.scope, self.results, self.arguments = before
