"""What stands behind ``self_energy =``: a registered kind, or a formula in ``E``."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import sympy as sp

from modelkit.elements.binder import Binder
from modelkit.elements.calls import arguments_of, called_name
from modelkit.elements.lattices import Formula
from modelkit.elements.quantities import check_quantity
from modelkit.elements.self_energies import SelfEnergy, described_as, self_energies
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.functions import functions
from modelkit.language.scope import Meaning, Scope
from modelkit.language.spaces import acts_on_holes, matrices, without_nambu
from modelkit.numerics.evaluate import evaluate
from modelkit.registry import suggestion

ENERGY = sp.Symbol("E", real=True)
EXPRESSION = "expression"  # a formula in E, no registered kind: its value is a function of the energies


@dataclass(frozen=True)
class SelfEnergyCall:
    """``chain(hopping = 1, coupling = gamma)`` or, with kind ``expression``, a formula in ``E``.

    ``arguments`` maps the registered kind's argument names to formulas; the kind ``expression`` has
    the one argument ``sigma``, which contains the symbol ``E``.  On a lattice with nambu all of
    them are those of the particles.
    """

    kind: str
    arguments: Mapping[str, Formula]
    span: Span | None = None

    @property
    def is_formula(self) -> bool:
        """Whether it is a formula in ``E``, not a registered kind."""
        return self.kind == EXPRESSION


def bind_self_energy(node: nodes.Expr, scope: Scope, binder: Binder) -> SelfEnergyCall:
    """The call or the formula; ``scope`` holds the terminal's indices and the lattice's spaces.

    Raises
    ------
    ModelError
        An unknown kind, wrong arguments, values without meaning, or a gain (Im Sigma > 0).
    """
    if acts_on_holes(scope.spaces):
        scope = scope.with_spaces(without_nambu(scope.spaces))
    name = called_name(node)
    if name is not None and name.id in self_energies and not _is_function(name.id, binder):
        return _call(name.id, self_energies[name.id], node, scope, binder)
    if name is not None and _misspelt(name.id, node, scope):
        hint = suggestion(name.id, self_energies, self_energies.plural)
        raise ModelError(f"there is no self-energy '{name.id}'", name.span, hint=hint)
    scope = scope.with_names({"E": Meaning("energy", ENERGY)})
    sigma = binder.formula_or_matrix(node, scope)
    check_quantity(node, "energy", "a self-energy", binder, scope)
    if isinstance(sigma, sp.Expr) and sigma.is_number and sp.im(sigma).is_positive:
        hint = "a retarded self-energy has Im Sigma <= 0: write -1i*..."
        raise ModelError("this self-energy describes a gain", node.span, hint=hint)
    return SelfEnergyCall(EXPRESSION, {"sigma": sigma}, node.span)


def _call(
    word: str, kind: type[SelfEnergy], node: nodes.Expr, scope: Scope, binder: Binder
) -> SelfEnergyCall:
    described = kind.arguments
    optional = [name for name, one in described.items() if one.default is not None]
    written = arguments_of(node, list(described), optional)
    values: dict[str, Formula] = {
        name: sp.nsimplify(one.default, rational=True)
        for name, one in described.items()
        if one.default is not None
    }
    for name, value in written.items():
        if described[name].matrix:
            values[name] = binder.formula_or_matrix(value, scope)
        else:
            values[name] = binder.formula(value, scope)
        check_quantity(value, described[name].dimension, f"'{name}'", binder, scope)
    if not any(value.free_symbols for value in values.values()):
        reason = kind.refuses(**{name: np.asarray(evaluate(value, {})) for name, value in values.items()})
        if reason:
            raise ModelError(reason, node.span, hint=described_as(word))
    return SelfEnergyCall(word, {name: values[name] for name in described}, node.span)


def _is_function(word: str, binder: Binder) -> bool:
    """Whether the author declared a function of that name, which then hides the kind."""
    return word in binder.meanings and binder.meanings[word].what == "function"


def _misspelt(word: str, node: nodes.Expr, scope: Scope) -> bool:
    """Whether only a kind can be meant: a call of nothing known, or a name nearest to that of a kind."""
    if word in functions or word in scope.names or word in scope.constants or word in matrices:
        return False
    if isinstance(node, nodes.Call):
        return True
    near = difflib.get_close_matches(word, [*self_energies, *scope.names], n=1, cutoff=0.7)
    return bool(near) and near[0] in self_energies
