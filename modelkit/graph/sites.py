"""Sites of the declared families, and the sites that a relation's subscripts mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.elements.indices import Index, Ring, spelled
from modelkit.elements.lattices import SiteFamily
from modelkit.errors import ModelError, Span
from modelkit.graph.device import Floats, Integers
from modelkit.graph.domains import Bounds, Domain, cells, domain, filtered, formulas_of, is_infinite
from modelkit.graph.formulas import Values, evaluated, names_in, shown
from modelkit.graph.lookup import Lookup, lookup
from modelkit.numerics.evaluate import EXACT, first_fault

Numbers = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Sites:
    """The sites of one family, numbered from ``first``.

    ``rings[k]`` is the number of cells when index k runs over a ring, otherwise 0.  ``key`` is what
    the index arrays depend on: equal keys, equal sites.
    """

    family: SiteFamily
    first: int
    domain: Domain
    rings: tuple[int, ...]
    lookup: Lookup
    key: Any
    infinite: bool = False  # a ring stands for an infinite one

    @property
    def count(self) -> int:
        return self.domain.count

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(index.name for index in self.family.indices)

    def label(self, site: int) -> str:
        """``c[3]`` of a site given by its number in the device."""
        row = site - self.first
        return spelled(self.family.name, [self.domain.index[name][row] for name in self.names])


@dataclass(frozen=True, eq=False)
class Found:
    """Site numbers (-1: none) of a subscript, and how often each ring was gone round to get there.

    ``turns`` has shape (count, number of subscripts), or is None when nothing was wrapped.
    """

    site: Integers
    turns: Integers | None


def family_names(family: SiteFamily) -> frozenset[str]:
    """Names on which the sites of a family depend."""
    return names_in(_formulas(family.indices)) | names_in([family.where])


def domain_names(indices: Sequence[Index]) -> frozenset[str]:
    """Names on which a domain of indices depends."""
    return names_in(_formulas(indices))


def family_sites(
    family: SiteFamily, values: Values, limit: int
) -> tuple[Domain, tuple[int, ...], Lookup, bool]:
    """Index values, ring lengths and lookup of a family, and whether a ring of it is an infinite one.

    Raises
    ------
    ModelError
        An infinite ring, a range without integers, too many sites, a site declared twice.
    """
    bounds = Bounds(limit, f"the site '{family.name}'", family.span)
    found = filtered(domain(family.indices, values, bounds), family.where, values, family.span)
    rings = tuple(
        cells(index.over, values, index.name, index.span or family.span)
        if isinstance(index.over, Ring)
        else 0
        for index in family.indices
    )
    columns = [found.index[index.name] for index in family.indices]
    table = lookup(columns, found.count)
    if table.repeated is not None:
        label = spelled(family.name, [column[table.repeated] for column in columns])
        raise ModelError(f"the site '{label}' is declared twice", family.span, hint="list each index once")
    over = [index.over for index in family.indices]
    infinite = any(is_infinite(one, values, family.span) for one in over if isinstance(one, Ring))
    return found, rings, table, infinite


def positions(sites: Sites, values: Values) -> Floats:
    """Coordinates of the sites, (count, d).

    Raises
    ------
    ModelError
        A coordinate that is no finite real number.
    """
    family = sites.family
    columns = []
    for formula in family.position or ():
        found = evaluated(formula, values, sites.domain.index, family.span)
        fault = first_fault(found, real=True) if sites.count else None
        if fault is not None:
            label = sites.label(sites.first + (fault.index[0] if fault.index else 0))
            message = f"the position of '{label}' is {fault.reason}"
            raise ModelError(message, family.span, hint="coordinates are finite real numbers: at (x, y)")
        columns.append(np.broadcast_to(found.real.astype(np.float64), (sites.count,)))
    return np.stack(columns, axis=-1) if columns else np.zeros((sites.count, 0))


def own_indices(sites: Sites, at: Sequence[sp.Expr], indices: Sequence[Index]) -> Mapping[str, str] | None:
    """When the subscripts are the leading loop indices over the family's own ranges: their names.

    The mapping goes from the relation's names to the family's.
    """
    own = sites.family.indices
    if len(at) != len(own) or len(indices) < len(own):
        return None
    renamed = {mine.symbol: theirs.symbol for mine, theirs in zip(indices, own, strict=False)}
    for subscript, mine, theirs in zip(at, indices, own, strict=False):
        if subscript != mine.symbol or _renamed(mine, renamed) != _renamed(theirs, {}):
            return None
    return {mine.name: theirs.name for mine, theirs in zip(indices, own, strict=False)}


def relation_domain(
    sites: Sites, at: Sequence[sp.Expr], indices: Sequence[Index], values: Values, bounds: Bounds
) -> tuple[Domain, bool]:
    """The domain of a relation's indices; True when it starts as the list of the sites themselves."""
    names = own_indices(sites, at, indices)
    if not names:
        return domain(indices, values, bounds), False
    start = Domain(sites.count, {mine: sites.domain.index[theirs] for mine, theirs in names.items()})
    rest = indices[len(names) :]
    return domain(rest, values, bounds, start), not rest


def located(sites: Sites, at: Sequence[sp.Expr], found: Domain, values: Values, span: Span | None) -> Found:
    """The sites that subscripts mean, ring indices wrapped."""
    if len(at) != len(sites.family.indices):
        raise ModelError(
            f"'{sites.family.name}' has {len(sites.family.indices)} indices, here are {len(at)}",
            span,
            hint=f"write {sites.family.pattern}",
        )
    columns: list[Numbers] = []
    turns: list[Numbers] = []
    for subscript, name, ring in zip(at, sites.names, sites.rings, strict=True):
        whole = sites.domain.index[name].dtype.kind == "i"
        column = _subscript(subscript, found, values, whole, span)
        turn = (column - 1) // ring if ring else np.zeros((), dtype=np.intp)
        columns.append(column - ring * turn if ring and turn.any() else column)
        turns.append(np.broadcast_to(turn, (found.count,)))
    number = sites.lookup.find(columns, found.count)
    site = np.where(number >= 0, number + sites.first, -1) if sites.first else number
    wrapped = any(turn.any() for turn in turns)
    return Found(site, np.stack(turns, axis=-1) if wrapped else None)


def _formulas(indices: Sequence[Index]) -> list[sp.Basic]:
    return [formula for index in indices for formula in formulas_of(index.over)]


def _renamed(index: Index, names: Mapping[sp.Symbol, sp.Symbol]) -> tuple[Any, ...]:
    parts = (
        tuple(item.xreplace(names) for item in part) if isinstance(part, tuple) else part.xreplace(names)
        for part in vars(index.over).values()
    )
    return (type(index.over), *parts)


def _subscript(subscript: sp.Expr, found: Domain, values: Values, whole: bool, span: Span | None) -> Numbers:
    if isinstance(subscript, sp.Symbol) and subscript.name in found.index:
        column = found.index[subscript.name]
        if not whole or column.dtype.kind == "i":
            return column
    column = np.broadcast_to(evaluated(subscript, values, found.index, span), (found.count,))
    if not whole:
        return np.asarray(column.real, dtype=np.float64)
    rounded = np.rint(column.real)
    with np.errstate(all="ignore"):
        odd = ~((np.abs(column - rounded) <= 1e-9) & (np.abs(rounded) <= EXACT))
    if odd.any():
        row = int(np.flatnonzero(odd)[0])
        at = ", ".join(f"{name} = {shown(array[row])}" for name, array in found.index.items())
        place = f" at {at}" if at else ""
        raise ModelError(
            f"the index '{subscript}' comes out as {shown(column[row])}{place}, not as an integer",
            span,
            hint="leave these out with 'where'" if at else "floor(x) is the integer below x",
        )
    return rounded.astype(np.intp)
