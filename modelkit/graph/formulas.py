"""Formulas on arrays of index values, and a memory of what was evaluated for which values."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.errors import ModelError, Span
from modelkit.numerics.evaluate import evaluate, first_fault, mending

Values = Mapping[str, float | complex | int]
Arrays = Mapping[str, NDArray[Any]]
Made = TypeVar("Made")

NOTHING: Arrays = {}
PROXY = "(cells)"  # no name of the language: of how many cells is a ring that stands for an infinite one


def names_in(formulas: Iterable[Any]) -> frozenset[str]:
    """Names of the symbols in some formulas or conditions."""
    return frozenset(str(symbol.name) for formula in formulas for symbol in formula.free_symbols)


def key_of(names: Iterable[str], values: Values) -> tuple[tuple[str, float | complex | int], ...]:
    """The values of these names, as far as they have one: what a remembered result hangs on.

    Whatever the names are, a ring that stands for an infinite one is another one with other cells.
    """
    return tuple((name, values[name]) for name in sorted({*names, PROXY}) if name in values)


def evaluated(
    formula: Any, values: Values, index: Arrays = NOTHING, span: Span | None = None
) -> NDArray[Any]:
    """A formula's values: shape of the index arrays it uses, plus (d, d) for a matrix.

    An index wins over a parameter of the same name.  Values that are not numbers (nan, infinite)
    are returned as they are: only the caller knows what they stand for.
    """
    given: dict[str, Any] = {}
    for name in names_in([formula]):
        if name in index:
            given[name] = index[name]
        elif name in values:
            given[name] = values[name]
        else:
            raise ModelError(f"'{name}' has no value", span, hint="give it a 'for', or declare it as a param")
    return np.asarray(evaluate(formula, given))


def real_number(formula: sp.Expr, values: Values, what: str, span: Span | None) -> float:
    """A formula of parameters as a finite real number; ``what`` names it in the message."""
    found = evaluated(formula, values, span=span)
    fault = first_fault(found, real=True)
    if fault is not None:
        raise ModelError(f"{what} is {fault.reason}", span, hint=mending(fault.reason))
    return float(found.real)


def shown(number: complex | float) -> str:
    """A number for a message, in the language's spelling."""
    number = complex(number)
    if number.imag == 0:
        return f"{number.real:.6g}"
    return f"{number.real:.6g}{number.imag:+.6g}i" if number.real else f"{number.imag:.6g}i"


class Memory:
    """What was made for which key: the last few of each name, with a count of how many were made.

    Parameters
    ----------
    size : int
        How many results of one name are kept.
    """

    def __init__(self, size: int = 2) -> None:
        self.size = size
        self.counts: Counter[str] = Counter()
        self._kept: dict[Hashable, OrderedDict[Hashable, Any]] = {}

    def get(self, kind: str, name: Hashable, key: Hashable, make: Callable[[], Made]) -> Made:
        """The result of ``make`` for this key; ``counts[kind]`` counts the calls of ``make``."""
        kept = self._kept.setdefault((kind, name), OrderedDict())
        if key in kept:
            kept.move_to_end(key)
        else:
            self.counts[kind] += 1
            kept[key] = make()
            while len(kept) > self.size:
                kept.popitem(last=False)
        result: Made = kept[key]
        return result
