"""Baths of modes: ``jump = detailed_balance(beta = ...)`` instead of an operator.

They jump between all ordered pairs of modes of the Hamiltonian, ``a = b`` included, from b to a at the
rate ``rate/L kernel(e_a - e_b)`` with L the number of cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from modelkit.elements.binder import Binder, subexpressions
from modelkit.elements.calls import arguments_of, called_name
from modelkit.elements.quantities import check_quantity
from modelkit.elements.self_energy_calls import ENERGY
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.scope import Meaning, Scope

WORD = "detailed_balance"
ARGUMENTS: Mapping[str, str] = {
    "beta": "the inverse temperature of the bath",
    "kernel": "a formula in E, the energy of the mode behind minus that of the mode before a jump, with "
    "kernel(E) = kernel(-E)*exp(-beta*E); exp(-beta*E/2) if not given",
}


@dataclass(frozen=True)
class ModeBath:
    """``detailed_balance(beta, kernel)``; without a kernel it is ``exp(-beta E/2)``, E = e_to - e_from."""

    beta: sp.Expr
    kernel: sp.Expr | None = None
    span: Span | None = None
    kernel_span: Span | None = None


def is_mode_bath(node: nodes.Expr) -> bool:
    """Whether a jump is a bath of modes.

    Raises
    ------
    ModelError
        It is one within a larger formula.
    """
    name = called_name(node)
    if name is not None and name.id == WORD:
        return True
    for part in subexpressions(node):
        if isinstance(part, nodes.Call) and part.of == nodes.Name(WORD):
            hint = "write it alone; its strength is 'rate', and other jumps are dissipators of their own"
            raise ModelError(f"'{WORD}' is the whole of a jump", part.span, hint=hint)
    return False


def bind_mode_bath(node: nodes.Expr, binder: Binder) -> ModeBath:
    """The bath of a call."""
    written = arguments_of(node, list(ARGUMENTS), ("kernel",))
    scope = binder.scope
    beta = _real(written["beta"], "an inverse temperature", scope, binder)
    check_quantity(written["beta"], "1/energy", "'beta'", binder, scope)
    if "kernel" not in written:
        return ModeBath(beta, None, node.span)
    scope = scope.with_names({"E": Meaning("energy", ENERGY)})
    kernel = _real(written["kernel"], "a kernel", scope, binder)
    check_quantity(written["kernel"], "1", "'kernel'", binder, scope)
    return ModeBath(beta, kernel, node.span, written["kernel"].span)


def _real(node: nodes.Expr, what: str, scope: Scope, binder: Binder) -> sp.Expr:
    value = binder.formula(node, scope)
    if value.is_extended_real is False:
        raise ModelError(f"{what} is real", node.span, hint="leave out the imaginary part, or take re(...)")
    return value
