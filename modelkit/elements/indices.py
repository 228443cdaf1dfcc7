"""Loop indices and the sets they run over, as formulas of the parameters."""

from __future__ import annotations

from dataclasses import dataclass

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
