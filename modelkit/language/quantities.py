"""The dimension of a formula, as far as its text tells: from units, and from names whose unit is known.

A bare number that multiplies is a pure number; one that stands alone is in the unit that its place
asks for.  A parameter without a unit may be anything.  What is not known for certain is None, and
only what is certainly wrong is refused: lengths added to energies, the logarithm of a length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from modelkit.dimensions import DIMENSIONS, PURE, Exponents, dimension_text, times
from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.numbers import NODES
from modelkit.language.printer import expression_text
from modelkit.language.unit_expressions import unit_of
from modelkit.units import UnitSystem, measure

Known = Callable[[nodes.Expr], Exponents | None]

ALIKE = frozenset(("abs", "conj", "re", "im", "min", "max", "mod"))  # of the dimension of their arguments
PLAIN = frozenset(  # pure numbers of pure numbers
    ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "floor")
)
RATIOS = frozenset(("atan2", "sign"))  # pure numbers of arguments of one dimension
CURRENT: Exponents = (0, 0, -1, 0, 0)  # with e = 1, a frequency too
DEEPEST = 120  # formulas within formulas; beyond, nothing is said about the dimension
_LONGEST = 40  # characters of a formula in a message


def dimension(node: nodes.Expr, units: UnitSystem, known: Known) -> Exponents | None:
    """Exponents of energy, length, time, charge, temperature, in which e = 1 (and perhaps hbar, k_B).

    Parameters
    ----------
    node : Expr
        A formula that has a meaning already.
    units : UnitSystem
        Physical ones.
    known : callable
        The dimension of a name, an index, a member, a result or a call of a function that is not
        of the language; None where it is not known.

    Raises
    ------
    ModelError
        A sum, a comparison or a matrix of quantities that are certainly different, a function of
        pure numbers of a quantity, a power of a quantity that is no rational number.
    """
    return Reading(units, known).of(node)


class Reading:
    """One walk over a formula and what it is made of; ``known`` may come back for the parts."""

    def __init__(self, units: UnitSystem, known: Known) -> None:
        self.units = units
        self.known = known
        self._steps = 0
        self._depth = 0

    def of(self, node: nodes.Expr) -> Exponents | None:
        """See :func:`dimension`; None also where the formula is too large to be followed."""
        self._steps += 1
        if self._steps > NODES or self._depth > DEEPEST:
            return None
        self._depth += 1
        try:
            return self._of(node)
        finally:
            self._depth -= 1

    def _of(self, node: nodes.Expr) -> Exponents | None:
        match node:
            case nodes.Number(unit=unit):
                return PURE if unit is None else self.units.reduced(measure(unit_of(unit))[1])
            case nodes.Group(of=of):
                return self.of(of)
            case nodes.Unary(operator=operator, of=of):
                found = self.of(of)
                return PURE if operator == "not" else found
            case nodes.Power():
                return self._power(node)
            case nodes.Operation():
                return self._operation(node)
            case nodes.Matrix(rows=rows):
                return self._common([entry for row in rows for entry in row], "in one matrix")
            case nodes.Call(of=nodes.Name(id=word), arguments=arguments):
                written = [one for one in arguments if not isinstance(one, nodes.Keyword)]
                if word in _OF_THE_LANGUAGE:
                    return self._call(word, written)
        found = self.known(node)
        if found is None and isinstance(node, nodes.Adjoint):
            return self.of(node.of)
        return self.units.reduced(found) if found is not None else None

    def _operation(self, node: nodes.Operation) -> Exponents | None:
        first = node.operators[0]
        if first in ("+", "-"):
            return self._common(node.operands, "added")
        if first in ("*", "/"):
            return self._product(node)
        if first in ("and", "or"):
            for operand in node.operands:
                self.of(operand)
        else:
            self._common(node.operands, "compared")
        return PURE

    def _call(self, word: str, arguments: Sequence[nodes.Expr]) -> Exponents | None:
        if word == "if":
            self.of(arguments[0])
            return self._common(arguments[1:], "values of one 'if'")
        if word == "sqrt":
            return _times(self.of(arguments[0]), Fraction(1, 2))
        if word in PLAIN:
            found = self.of(arguments[0])
            if found is not None and found != PURE:
                message = f"{_is(arguments[0], found)}: {word} needs a pure number"
                hint = _hint(found) or f"divide it by {_a_quantity(arguments[0], found)}"
                raise ModelError(message, arguments[0].span, hint=hint)
            return PURE
        found = self._common(arguments, f"arguments of one '{word}'")
        return PURE if word in RATIOS else found

    def _common(self, parts: Sequence[nodes.Expr], joined: str) -> Exponents | None:
        """Of a sum: that of its terms which are not bare numbers; they must agree."""
        found = [(part, self.of(part)) for part in parts]
        definite = [(part, one) for part, one in found if one is not None and one != PURE]
        for part, one in definite[1:]:
            first, other = definite[0]
            if one != other:
                message = f"{_is(first, other)}, {_is(part, one, '')}: they cannot be {joined}"
                hint = _hint(times(other, one, -1)) or f"make it {_a_quantity(first, other)} too"
                raise ModelError(message, part.span, hint=hint)
        if definite:
            return definite[0][1]
        return PURE if all(one == PURE for _, one in found) else None

    def _product(self, node: nodes.Operation) -> Exponents | None:
        total: Exponents | None = PURE
        for sign, part in zip(("*", *node.operators), node.operands, strict=True):
            found = self.of(part)
            if total is not None:
                total = None if found is None else times(total, found, 1 if sign == "*" else -1)
        return total

    def _power(self, node: nodes.Power) -> Exponents | None:
        base, exponent = self.of(node.base), self.of(node.exponent)
        if exponent is not None and exponent != PURE:
            message = f"{_is(node.exponent, exponent)}: an exponent is a pure number"
            hint = f"divide it by {_a_quantity(node.exponent, exponent)}"
            raise ModelError(message, node.exponent.span, hint=hint)
        if base is None or base == PURE:
            return base
        power = _rational(node.exponent)
        if power is None:
            message = f"{_is(node.base, base)}: '{_shown(node.exponent)}' cannot be its power"
            hint = f"divide it by {_a_quantity(node.base, base)} first, or write a plain number"
            raise ModelError(message, node.exponent.span, hint=hint)
        return times(PURE, base, power)


def spoken(found: Exponents, node: nodes.Expr | None = None) -> str:
    """The dimension in words, where e = 1; of a single literal as it was written: a voltage, a time."""
    while isinstance(node, nodes.Group | nodes.Unary):
        node = node.of
    if isinstance(node, nodes.Number) and node.unit is not None:
        return dimension_text(measure(unit_of(node.unit))[1])
    return "current" if found == CURRENT else dimension_text(found)


def has_unit(node: object) -> bool:
    """Whether a formula holds a number with a unit."""
    if isinstance(node, nodes.Number):
        return node.unit is not None
    if isinstance(node, tuple):
        return any(has_unit(part) for part in node)
    return isinstance(node, nodes.Node) and any(has_unit(part) for part in vars(node).values())


def _is(node: nodes.Expr, found: Exponents, verb: str = " is") -> str:
    """``'5 [nm]' is a length``, ``'lam' is of energy*length``."""
    word = spoken(found, node)
    return f"'{_shown(node)}'{verb} {_article(word) if word in DIMENSIONS else 'of'} {word}"


def _a_quantity(node: nodes.Expr, found: Exponents) -> str:
    word = spoken(found, node)
    return f"{_article(word)} {word}" if word in DIMENSIONS else f"a quantity of {word}"


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _shown(node: nodes.Expr) -> str:
    """The text of a formula, cut where it is long."""
    text = expression_text(node)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _hint(ratio: Exponents) -> str | None:
    """What could be meant where two quantities differ by an energy per temperature."""
    per_degree = times(DIMENSIONS["energy"], DIMENSIONS["temperature"], -1)
    alike = ratio in (per_degree, times(PURE, per_degree, -1))
    return "k_B times a temperature is an energy" if alike else None


def _times(of: Exponents | None, power: Fraction) -> Exponents | None:
    return None if of is None else times(PURE, of, power)


def _rational(node: nodes.Expr) -> Fraction | None:
    """The value of ``2``, ``-1/2``, ``0.5``; None for other formulas."""
    match node:
        case nodes.Group(of=of):
            return _rational(of)
        case nodes.Unary(operator=operator, of=of):
            found = _rational(of)
            return -found if found is not None and operator == "-" else found
        case nodes.Operation(operands=(left, right), operators=("/",)):
            above, below = _rational(left), _rational(right)
            return above / below if above is not None and below else None
        case nodes.Number(text=text, unit=None) if len(text) < 8 and not {"e", "E", "i"} & set(text):
            return Fraction(text)
    return None


_OF_THE_LANGUAGE = ALIKE | PLAIN | RATIOS | {"if", "sqrt"}
