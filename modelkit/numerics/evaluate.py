"""Numbers from formulas: sympy trees of the translator evaluated over numpy arrays.

A formula becomes a flat list of numpy calls, one for each distinct subexpression, rather than the
source code of ``lambdify``: a model has many tiny formulas, and making 30 of them takes 1 ms instead
of 15 (90 at the first use).  A call costs 10 us instead of 2, arrays of 10^5 run at the same speed, no
code is generated, and branch cuts and integers can be treated as said below.

Conventions: integers are computed in double precision, exact up to 2^53, and come back as integers
where the formula keeps integers; roots, logarithms and powers of negative numbers are complex (the
branch of ``numpy.emath``), and the whole array is then complex; comparisons are booleans, 0 and 1 in
sums and products.  Where a number does not exist (``1/0``, ``floor(1i)``) the element is ``inf`` or
``nan``, without a warning: :func:`evaluate_finite` turns it into an error of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanAtom, BooleanFunction

from modelkit.errors import ModelError, Span
from modelkit.numerics.operations import CLOSED, INTEGRAL, operation

Number = int | float | complex
EXACT = 2.0**53  # beyond it doubles are no longer all the integers


class Formula:
    """A formula ready to be evaluated.

    Parameters
    ----------
    expression : sympy expression, Boolean or matrix
        As made by the translator.
    arguments : tuple of str, optional
        The order for positional calls; by default the names in the formula, sorted.
    """

    def __init__(self, expression: sp.Basic, arguments: tuple[str, ...] | None = None) -> None:
        self.expression = expression
        self.names = _names(expression)
        self.arguments = tuple(sorted(self.names)) if arguments is None else tuple(arguments)

    def __call__(self, *values: Any, **named: Any) -> Any:
        """Value for numbers or arrays, which broadcast; see :func:`evaluate`."""
        given = dict(zip(self.arguments, values, strict=False))
        return evaluate(self.expression, {**given, **named})

    def __repr__(self) -> str:
        return f"Formula({self.expression}, {self.arguments})"


def evaluate(expression: sp.Basic, values: Mapping[str, Any]) -> Any:
    """Value of a formula.

    Parameters
    ----------
    expression : sympy expression, Boolean or matrix
        As made by the translator.
    values : mapping of str to number or array
        A value for each name in the formula; more are ignored.

    Returns
    -------
    number or ndarray
        A Python number if all values used are numbers; otherwise an array of their common shape.
        A (d, e) matrix gives shape (..., d, e).  bool for a Boolean, int where the formula keeps
        integers, complex where a value or an intermediate result is complex, otherwise float.

    Raises
    ------
    KeyError
        A name has no value.
    """
    if isinstance(expression, sp.MatrixBase):
        entries = [np.asarray(evaluate(entry, values)) for entry in expression.flat()]
        stacked = np.stack(np.broadcast_arrays(*entries), axis=-1)
        return stacked.reshape(*stacked.shape[:-1], *expression.shape)
    return _compiled(expression).run(values)


def evaluate_finite(
    expression: sp.Basic,
    values: Mapping[str, Any],
    *,
    span: Span | None = None,
    what: str = "this formula",
    real: bool = False,
    infinite: bool = False,
) -> Any:
    """As :func:`evaluate`, but an element that is no finite number is an error of the model.

    Parameters
    ----------
    expression, values
        As for :func:`evaluate`.
    span : Span, optional
        Where the formula stands.
    what : str
        Subject of the message: ``"this hopping"``.
    real : bool
        Whether the value must be real; it then comes back as real numbers.
    infinite : bool
        Whether infinite values are fine (``nan`` never is).

    Raises
    ------
    ModelError
        With the values at the first offending element: "this hopping is infinite at l = 3".
    """
    result = evaluate(expression, values)
    fault = first_fault(result, real=real, infinite=infinite, axes=2 * isinstance(expression, sp.MatrixBase))
    if fault is not None:
        place = _place(expression, values, fault.index, np.shape(result))
        raise ModelError(f"{what} is {fault.reason}{place}", span, hint=mending(fault.reason))
    if real and np.iscomplexobj(result):
        return result.real
    return result


@dataclass(frozen=True)
class Fault:
    """The first element of an array that is not the number it should be.

    ``index`` leaves the matrix axes out; ``reason`` is "infinite", "not a number" or "complex".
    """

    index: tuple[int, ...]
    value: Number
    reason: str


def mending(reason: str) -> str:
    """A hint for the reason of a :class:`Fault`."""
    if reason.startswith("complex"):
        return "re(...), im(...) or abs(...) are real"
    return "look for a division by zero, or for a number beyond 1e308"


def first_fault(values: Any, *, real: bool = False, infinite: bool = False, axes: int = 0) -> Fault | None:
    """The first element that is nan, infinite (unless allowed) or, where ``real`` is asked, complex.

    ``axes`` trailing axes are those of a matrix.  An imaginary part below 1e-12 of the modulus is
    rounding, not a complex number.
    """
    array = np.asarray(values)
    if array.dtype.kind in "biu":
        return None
    wrong = np.isnan(array) if infinite else ~np.isfinite(array)
    if real and array.dtype.kind == "c":
        with np.errstate(all="ignore"):
            wrong = wrong | (np.abs(array.imag) > 1e-12 * np.abs(array))
    if not wrong.any():
        return None
    index = tuple(int(k) for k in np.argwhere(wrong)[0])
    value = array[index].item()
    if np.isnan(value):
        reason = "not a number"
    else:
        reason = "infinite" if np.isinf(value) else f"complex ({value:.6g})"
    return Fault(index[: len(index) - axes] if axes else index, value, reason)


def _place(expression: sp.Basic, values: Mapping[str, Any], index: tuple[int, ...], shape: Any) -> str:
    """`` at l = 3``: the values that the formula saw there."""
    seen = []
    for name in sorted(_names(expression)):
        value = np.asarray(values[name])
        if index and value.ndim:
            value = np.broadcast_to(value, shape[: len(index)])[index]
        if np.ndim(value) == 0:
            seen.append(f"{name} = {np.asarray(value).item():.6g}")
    return f" at {', '.join(seen)}" if seen else ""


def _names(expression: sp.Basic) -> frozenset[str]:
    return frozenset(str(symbol.name) for symbol in expression.free_symbols)


@dataclass(frozen=True)
class _Program:
    """Instructions in the order of evaluation; the last one gives the result.

    ``constants`` and ``inputs`` fill the first registers; an instruction calls ``function`` on
    registers.  ``settled`` tells of the constants and instructions whether they are integers
    by themselves, ``closed`` whether an instruction keeps integers.
    """

    constants: tuple[tuple[int, Any, bool], ...]
    inputs: tuple[tuple[int, str], ...]
    steps: tuple[tuple[int, Callable[..., Any], tuple[int, ...], bool, bool], ...]
    length: int
    boolean: bool
    complex_constants: bool

    def run(self, values: Mapping[str, Any]) -> Any:
        registers: list[Any] = [None] * self.length
        whole = [False] * self.length
        scalar, real = True, not self.complex_constants
        for register, constant, integral in self.constants:
            registers[register], whole[register] = constant, integral
        for register, name in self.inputs:
            array = np.asarray(values[name])
            whole[register] = array.dtype.kind in "biu"
            scalar = scalar and array.ndim == 0
            real = real and array.dtype.kind != "c"
            registers[register] = array.astype(complex if array.dtype.kind == "c" else float, copy=False)[()]
        with np.errstate(all="ignore"):
            for register, function, sources, closed, integral in self.steps:
                registers[register] = function(*(registers[source] for source in sources))
                whole[register] = integral or (closed and all(whole[source] for source in sources))
        result = registers[-1] if self.steps else np.array(registers[-1])  # never the caller's own array
        return self._finished(result, whole[-1], scalar, real)

    def _finished(self, result: Any, whole: bool, scalar: bool, real: bool) -> Any:
        result = np.asarray(result)
        if self.boolean:
            if not np.isnan(result).any():  # a comparison of complex numbers stays nan
                result = result.astype(bool)
        elif result.dtype.kind == "b":
            result = result.astype(int)
        elif result.dtype.kind == "c":
            # complex only on the way (a root in a branch that was not taken)
            if real and not np.any(result.imag):
                result = result.real
        elif whole and np.all(np.abs(result) <= EXACT):
            result = result.astype(np.int64)
        return result.item() if scalar else result


@lru_cache(maxsize=4096)
def _compiled(expression: sp.Basic) -> _Program:
    """The program of a formula: every distinct subexpression once, operands first."""
    place: dict[sp.Basic, int] = {}
    constants: list[tuple[int, Any, bool]] = []
    inputs: list[tuple[int, str]] = []
    steps: list[tuple[int, Callable[..., Any], tuple[int, ...], bool, bool]] = []
    waiting: list[tuple[sp.Basic, bool]] = [(expression, False)]
    while waiting:
        node, ready = waiting.pop()
        if node in place:
            continue
        if isinstance(node, sp.Symbol):
            inputs.append((len(place), str(node.name)))
        elif isinstance(node, (sp.Number, sp.NumberSymbol, sp.core.numbers.ImaginaryUnit, BooleanAtom)):
            whole = isinstance(node, (sp.Integer, BooleanAtom))
            constants.append((len(place), _constant(node), whole))
        elif not ready:
            waiting.append((node, True))
            waiting.extend((operand, False) for operand in operation(node)[1])
            continue
        else:
            function, operands = operation(node)
            sources = tuple(place[operand] for operand in operands)
            whole = isinstance(node, (*INTEGRAL, Relational, BooleanFunction))
            steps.append((len(place), function, sources, _is_closed(node), whole))
        place[node] = len(place)
    return _Program(
        tuple(constants),
        tuple(inputs),
        tuple(steps),
        len(place),
        isinstance(expression, (Relational, BooleanFunction, BooleanAtom)),
        any(isinstance(constant, complex) for _, constant, _ in constants),
    )


def _is_closed(node: sp.Basic) -> bool:
    """Whether integers give integers."""
    if isinstance(node, sp.Mul):
        return all(not isinstance(f, sp.Rational) or f.is_Integer for f in node.args) and not any(
            isinstance(f, sp.Pow) and not _is_natural(f.exp) for f in node.args
        )
    if isinstance(node, sp.Pow):
        return _is_natural(node.exp)
    return isinstance(node, CLOSED)


def _is_natural(exponent: sp.Basic) -> bool:
    return isinstance(exponent, sp.Integer) and exponent >= 0


def _constant(node: sp.Basic) -> Any:
    if isinstance(node, BooleanAtom):
        return bool(node)
    if node is sp.I:
        return 1j
    try:
        return float(node)
    except OverflowError:  # an exact number beyond the doubles
        return float("inf") if node > 0 else float("-inf")
