"""Index domains: all combinations of some loop indices, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.elements.indices import Index, Listed, Over, Ring
from modelkit.errors import ModelError, Span
from modelkit.graph.formulas import PROXY, Values, evaluated, names_in, shown
from modelkit.numerics.evaluate import EXACT

LIMIT = 10**7

Numbers = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Domain:
    """Combinations of index values, the last index fastest; ``index[name]`` has shape (count,)."""

    count: int
    index: Mapping[str, Numbers]


ONE = Domain(1, {})


@dataclass(frozen=True)
class Bounds:
    """How many combinations may be formed, and what they are called when there are too many."""

    limit: int
    what: str
    span: Span | None


def domain(indices: Sequence[Index], values: Values, bounds: Bounds, start: Domain = ONE) -> Domain:
    """All combinations of the indices, whose ranges may depend on parameters and earlier indices.

    Raises
    ------
    ModelError
        Bounds that are no integers, an infinite ring, more combinations than the limit (said
        before anything of that size is allocated).
    """
    found = start
    for index in indices:
        found = _extended(found, index, values, bounds)
    return found


def filtered(found: Domain, where: sp.Basic, values: Values, span: Span | None) -> Domain:
    """The combinations for which the condition holds."""
    if where is sp.true:
        return found
    answer = evaluated(where, values, found.index, span)
    if answer.dtype.kind in "fc" and not np.isfinite(answer).all():
        message = "the condition behind 'where' has no value for some of the indices"
        raise ModelError(message, span, hint="look for a division by zero in it")
    holds = np.broadcast_to(answer.astype(bool), (found.count,))
    return found if holds.all() else taken(found, np.flatnonzero(holds))


def taken(found: Domain, rows: NDArray[np.intp]) -> Domain:
    """The given combinations, in the given order."""
    return Domain(len(rows), {name: column[rows] for name, column in found.index.items()})


def cells(ring: Ring, values: Values, name: str, span: Span | None) -> int:
    """Number of cells of a ring; of an infinite one those of the ring that stands for it, if there is one."""
    if PROXY in values and is_infinite(ring, values, span):
        return int(values[PROXY].real)
    return int(_whole(ring.cells, values, {}, f"the number of cells of '{name}'", span)[()])


def is_infinite(ring: Ring, values: Values, span: Span | None = None) -> bool:
    """Whether a ring has infinitely many cells."""
    return bool(np.isposinf(evaluated(ring.cells, values, span=span).real).any())


def formulas_of(over: Over) -> list[sp.Basic]:
    """The formulas in a set."""
    parts = vars(over).values()
    return [formula for part in parts for formula in (part if isinstance(part, tuple) else (part,))]


def _extended(found: Domain, index: Index, values: Values, bounds: Bounds) -> Domain:
    over, name, span = index.over, index.name, index.span or bounds.span
    if name in names_in(formulas_of(over)) and name not in {*found.index, *values}:
        raise ModelError(f"the range of '{name}' depends on '{name}' itself", span, hint="give it a 'for'")
    if isinstance(over, Listed):
        return _listed(found, index, over, values, bounds)
    if isinstance(over, Ring):
        first, step, last = np.asarray(1), np.asarray(1), np.asarray(cells(over, values, name, span))
    else:
        first, last, step = (
            _whole(formula, values, found.index, f"the {place} of '{name}'", span)
            for formula, place in ((over.start, "start"), (over.stop, "end"), (over.step, "step"))
        )
    if (step == 0).any():
        raise ModelError(f"the step of '{name}' is zero", span, hint="a step is a positive integer")
    counts = np.maximum((last - first) // step + 1, 0)
    total = int(counts.sum(dtype=np.float64)) if counts.ndim else found.count * int(counts)
    _refuse_too_many(total, bounds)
    if counts.ndim == 0:
        run = np.arange(int(counts), dtype=np.intp)
        if first.ndim == step.ndim == 0:
            fresh = np.tile(first + step * run, found.count)
        else:
            fresh = (first[..., None] + step[..., None] * run).reshape(-1)
        return _repeated(found, int(counts), name, fresh)
    before = np.repeat(np.cumsum(counts) - counts, counts)
    run = np.arange(total, dtype=np.intp) - before
    starts, steps = (np.repeat(array, counts) if array.ndim else array for array in (first, step))
    return _repeated(found, counts, name, starts + steps * run)


def _repeated(found: Domain, counts: int | Numbers, name: str, fresh: Numbers) -> Domain:
    columns = {old: np.repeat(column, counts) for old, column in found.index.items()}
    return Domain(len(fresh), {**columns, name: fresh})


def _listed(found: Domain, index: Index, over: Listed, values: Values, bounds: Bounds) -> Domain:
    _refuse_too_many(found.count * len(over.values), bounds)
    columns = [
        np.broadcast_to(evaluated(value, values, found.index, index.span), (found.count,))
        for value in over.values
    ]
    table = np.stack(columns, axis=-1) if columns else np.zeros((found.count, 0))
    if np.iscomplexobj(table) or not np.isfinite(table).all():
        message = f"a value of '{index.name}' is not a real number"
        raise ModelError(message, index.span or bounds.span, hint="list real values, such as {0.1, 0.3}")
    fresh = np.asarray(table, dtype=np.float64).reshape(-1)
    if (fresh == np.rint(fresh)).all() and (np.abs(fresh) <= EXACT).all():
        fresh = fresh.astype(np.intp)
    return _repeated(found, len(over.values), index.name, fresh)


def _whole(
    formula: sp.Expr, values: Values, index: Mapping[str, Numbers], what: str, span: Span | None
) -> Numbers:
    """Integer values of a bound."""
    if isinstance(formula, sp.Integer) and abs(int(formula)) <= EXACT:
        return np.asarray(int(formula), dtype=np.intp)
    if isinstance(formula, sp.Symbol) and formula.name in index:
        return np.asarray(index[formula.name], dtype=np.intp)
    found = evaluated(formula, values, index, span)
    if np.isposinf(found.real).any():
        raise _infinite(formula, what, span)
    whole = np.rint(found.real)
    with np.errstate(all="ignore"):
        odd = ~((np.abs(found - whole) <= 1e-9) & (np.abs(whole) <= EXACT))
    if odd.any():
        value = shown(complex(found[odd].reshape(-1)[0]))
        hint = "floor(x) is the integer below x"
        raise ModelError(f"{what} comes out as {value}, not as an integer", span, hint=hint)
    return whole.astype(np.intp)


def _infinite(formula: sp.Expr, what: str, span: Span | None) -> ModelError:
    names = sorted(names_in([formula]))
    given = f"give {names[0]} = 6" if names else "give the number of cells"
    return ModelError(
        f"{what} is infinite: only a finite device has sites that can be listed", span, hint=given
    )


def _refuse_too_many(total: int, bounds: Bounds) -> None:
    if total > bounds.limit:
        raise ModelError(
            f"{bounds.what} would need at least {total:.3g} combinations of its indices; "
            f"the limit is {bounds.limit:.3g}",
            bounds.span,
            hint="let ranges start at an earlier index (m in l+1..N) or make the device smaller",
        )
