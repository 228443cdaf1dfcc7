"""Loop indices, the sets they run over as formulas of the parameters, and how their values are written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from modelkit.errors import Span


@dataclass(frozen=True)
class Range:
    """``start..stop step step``, both ends included."""

    start: sp.Expr
    stop: sp.Expr
    step: sp.Expr = sp.S.One


@dataclass(frozen=True)
class Ring:
    """``ring(cells)``: 1..cells, indices wrap; ``cells`` may come out as infinite."""

    cells: sp.Expr


@dataclass(frozen=True)
class Listed:
    """``{a, b}``."""

    values: tuple[sp.Expr, ...]


Over = Range | Ring | Listed


@dataclass(frozen=True)
class Index:
    """A loop index: an integer symbol (a real one over listed values) and its set."""

    symbol: sp.Symbol
    over: Over
    span: Span | None = None

    @property
    def name(self) -> str:
        return str(self.symbol.name)


def spelled(name: str, index: Iterable[Any] = ()) -> str:
    """The label of a site or terminal with these index values: ``c[3]``, ``d[3,0.25]``, ``dot``."""
    values = ",".join(map(index_text, index))
    return f"{name}[{values}]" if values else name


def index_text(value: Any) -> str:
    """An index value in a label: ``3``, ``0.25``."""
    return str(int(value)) if float(value).is_integer() else f"{float(value):.10g}"
