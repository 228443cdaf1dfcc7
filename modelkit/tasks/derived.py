"""Derived results: formulas over the results of a task, with the values of parameters at each point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy as sp
from sympy.core.function import AppliedUndef

from modelkit.elements.tasks import OutputRequest
from modelkit.numerics.evaluate import Formula
from modelkit.registry import reductions

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Ingredients:
    """What a formula may use.

    ``results`` maps the symbols of the result references, ``parameters`` the names of parameters
    and lets, to arrays over the axes of the run (and what dimensions the results have left);
    ``cases`` are the task's cases in their order, ``axes`` the lengths of all axes of the run.
    """

    results: Mapping[sp.Symbol, xr.DataArray]
    parameters: Mapping[str, xr.DataArray]
    cases: tuple[str, ...]
    axes: Mapping[str, int]


def derive(request: OutputRequest, ingredients: Ingredients) -> xr.DataArray:
    """The values of ``name = formula``: all sweeps, the case where it still matters, what is left.

    A two-case quantity takes the first and the second case of the task and has no case dimension.
    """
    assert request.formula is not None  # plain outputs need nothing of this
    found = _evaluate(request.formula, ingredients)
    missing = {axis: n for axis, n in ingredients.axes.items() if axis != "case" and axis not in found.dims}
    found = found.expand_dims(missing)
    order = [axis for axis in ingredients.axes if axis in found.dims]
    return found.transpose(*order, ...)


def _evaluate(formula: sp.Expr, ingredients: Ingredients) -> xr.DataArray:
    """Two-case quantities from the inside out, then the formula around them."""
    bound: dict[sp.Symbol, xr.DataArray] = {}
    for applied in _outermost(formula):
        symbol = sp.Dummy()
        bound[symbol] = _two_cases(applied, ingredients)
        formula = formula.xreplace({applied: symbol})
    return _plain(formula, bound, ingredients)


def _outermost(formula: sp.Basic) -> list[AppliedUndef]:
    """Two-case quantities that stand in no other one."""
    if isinstance(formula, AppliedUndef) and formula.func.__name__ in reductions:
        return [formula]
    return list(dict.fromkeys(found for part in formula.args for found in _outermost(part)))


def _two_cases(applied: AppliedUndef, ingredients: Ingredients) -> xr.DataArray:
    """The value of ``nonreciprocity(X)``; the declarations have checked that there are two cases."""
    name = applied.func.__name__
    of = _evaluate(applied.args[0], ingredients)
    first, second = (
        of.sel(case=case, drop=True) if "case" in of.dims else of for case in ingredients.cases[:2]
    )
    result: xr.DataArray = reductions[name].evaluate(first, second)
    return result


def _plain(
    formula: sp.Expr, bound: Mapping[sp.Symbol, xr.DataArray], ingredients: Ingredients
) -> xr.DataArray:
    """A formula without two-case quantities, element by element over the union of the dimensions."""
    import xarray as xr

    symbols = sorted(formula.free_symbols, key=lambda symbol: (str(symbol), symbol.sort_key()))
    arrays = [_meaning(symbol, bound, ingredients) for symbol in symbols]
    names = [f"x{position}" for position in range(len(symbols))]
    renamed = formula.xreplace({symbol: sp.Symbol(name) for symbol, name in zip(symbols, names, strict=True)})
    compiled = Formula(renamed, tuple(names))
    if not arrays:
        return xr.DataArray(compiled())

    def call(*values: object) -> object:
        return compiled(**dict(zip(names, values, strict=True)))

    found: xr.DataArray = xr.apply_ufunc(call, *arrays, join="exact")
    return found


def _meaning(
    symbol: sp.Symbol, bound: Mapping[sp.Symbol, xr.DataArray], ingredients: Ingredients
) -> xr.DataArray:
    if symbol in bound:
        return bound[symbol]
    if symbol in ingredients.results:
        return ingredients.results[symbol]
    return ingredients.parameters[str(symbol)]


def used_names(requests: Sequence[OutputRequest]) -> set[str]:
    """Names of parameters and lets that the formulas use."""
    found: set[str] = set()
    for request in requests:
        if request.formula is not None:
            found |= {str(symbol) for symbol in request.formula.free_symbols - set(request.quantities)}
    return found
