"""Energies at which a self-energy, or its derivative, jumps, and its poles beside the axis.

There the panels of an average are split.  Edges only make averages cheap: one that is not found here is
found by bisection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from sympy.core.relational import Relational

from modelkit.elements.self_energies import self_energies
from modelkit.graph.device import TerminalGroup
from modelkit.graph.formulas import evaluated

Complexes = NDArray[np.complex128]
Floats = NDArray[np.float64]

HIGHEST = 2  # degree in E of what is solved for an edge


def edges_of(groups: tuple[TerminalGroup, ...]) -> Floats:
    """All edges of all terminals, ascending, each once."""
    found = [edge for group in groups for edge in _of_group(group)]
    return np.unique(np.concatenate([np.zeros(0), *found]))


def has_hidden_edges(group: TerminalGroup) -> bool:
    """Whether a formula may jump, or bend, at energies that are not found here."""
    formulas: list[Any] = [value for value in group.arguments.values() if callable(value)]
    return any(_is_hidden(one.formula) for one in formulas)


def _is_hidden(formula: Any) -> bool:
    elements = list(formula) if isinstance(formula, sp.MatrixBase) else [formula]
    parts = [part for element in elements for part in _switches(element)]
    steps = [node for element in elements for node in element.atoms(sp.floor, sp.ceiling, sp.Mod)]
    energies = {s for part in (*parts, *steps) for s in part.free_symbols if s.name == "E"}
    if any(energies & step.free_symbols for step in steps):
        return True
    hung = [(part, *(energies & part.free_symbols)) for part in parts if energies & part.free_symbols]
    return any(not part.is_polynomial(E) or sp.degree(part, E) > HIGHEST for part, E in hung)


def poles_of(groups: tuple[TerminalGroup, ...]) -> Complexes:
    """Zeros of what the formulas of self-energies divide by, off the real axis."""
    formulas = [value for group in groups for value in group.arguments.values() if callable(value)]
    found = [roots for formula in formulas for roots in _roots(formula, _denominators)]
    poles = np.unique(np.concatenate([np.zeros(0, dtype=complex), *found]))
    return poles[poles.imag != 0]


def _of_group(group: TerminalGroup) -> Iterator[Floats]:
    formulas = [value for value in group.arguments.values() if callable(value)]
    for formula in formulas:
        yield from _of_formula(formula)
    if not formulas:
        kind = self_energies[group.terminal.self_energy.kind]
        arguments: dict[str, Any] = dict(group.arguments)
        for edge in kind.edges(**arguments):
            yield np.ravel(np.real(edge))


def _of_formula(function: Any) -> Iterator[Floats]:
    """Real roots, in E, of what a formula compares with zero or takes the root of."""
    for roots in _roots(function, _switches):
        yield roots[np.abs(roots.imag) <= 1e-12 * np.abs(roots)].real


def _roots(function: Any, parts_of: Callable[[sp.Basic], Iterator[sp.Expr]]) -> Iterator[Complexes]:
    """Roots in E of parts of a formula, as far as these are polynomials of low degree."""
    matrix = isinstance(function.formula, sp.MatrixBase)
    elements = list(function.formula) if matrix else [function.formula]
    for part in dict.fromkeys(found for element in elements for found in parts_of(element)):
        energy = next((symbol for symbol in part.free_symbols if symbol.name == "E"), None)
        if energy is None or not part.is_polynomial(energy):
            continue
        coefficients = sp.Poly(part, energy).all_coeffs()
        if len(coefficients) - 1 > HIGHEST:
            continue
        values = [np.ravel(evaluated(c, function.values, function.index)) for c in coefficients]
        yield _finite_roots(*values)


def _switches(formula: sp.Basic) -> Iterator[sp.Expr]:
    for node in sp.preorder_traversal(formula):
        if isinstance(node, Relational):
            yield node.lhs - node.rhs
        elif isinstance(node, (sp.Abs, sp.sign)):
            yield node.args[0]
        elif isinstance(node, (sp.Min, sp.Max)):
            yield from (node.args[0] - other for other in node.args[1:])
        elif isinstance(node, sp.Pow) and node.exp.is_Rational and not node.exp.is_Integer:
            yield node.base


def _denominators(formula: sp.Basic) -> Iterator[sp.Expr]:
    for node in sp.preorder_traversal(formula):
        if isinstance(node, sp.Pow) and node.exp.is_Integer and node.exp.is_negative:
            yield node.base


def _finite_roots(*coefficients: NDArray[Any]) -> Complexes:
    """Of ``a E + b`` or ``a E^2 + b E + c``, elementwise."""
    arrays = np.broadcast_arrays(*(np.asarray(c, dtype=complex) for c in coefficients))
    with np.errstate(all="ignore"):
        if len(arrays) == 2:
            roots = -arrays[1] / arrays[0]
        else:
            a, b, c = arrays
            root = np.sqrt(b * b - 4 * a * c)
            roots = np.concatenate([(-b - root) / (2 * a), (-b + root) / (2 * a)])
    return np.asarray(roots[np.isfinite(roots)])
