"""What the names of a formula mean at the place where it stands."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import sympy as sp

from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.numbers import Value
from modelkit.language.spaces import Space
from modelkit.registry import outputs
from modelkit.units import CONSTANTS, NATURAL, UnitSystem


@dataclass(frozen=True)
class Meaning:
    """What a name stands for.

    Parameters
    ----------
    what : str
        Its kind in messages, without article: ``"parameter"``, ``"let"``, ``"bath"``, ``"index"``.
    value : sympy number, symbol, expression or matrix, or UserFunction, optional
        None for what exists but is no number (a lattice, a terminal).
    span : Span, optional
        Where it was declared.
    """

    what: str
    value: Value | UserFunction | None = None
    span: Span | None = None

    def __str__(self) -> str:
        """``parameter, line 3``, for hints."""
        return f"{self.what}, line {self.span.line}" if self.span else self.what


@dataclass(frozen=True, eq=False)
class UserFunction:
    """``function eps(j) = 0.3*t*cos(2*pi*j/N)``; the body is expanded where it is called.

    The body sees its arguments and the names of ``scope``, which may be a mapping that is still being
    filled when the function is made, so that functions can call one another in any order.
    """

    name: str
    arguments: tuple[str, ...]
    body: nodes.Expr
    scope: Scope = field(repr=False)


Special: TypeAlias = Callable[[nodes.Expr, "Scope"], sp.Basic | None]


@dataclass(frozen=True)
class Scope:
    """The names that a formula may use.

    Parameters
    ----------
    names : mapping of str to Meaning
        Declared names, loop indices, and ``E`` where the energy has a meaning.  They win over the
        constants and functions of the language.
    spaces : tuple of Space
        Internal spaces in declared order; matrices are lifted to their product.
    special : callable, optional
        Tried first on names, indices, members, calls, adjoints and ``@``: gives the value of a node
        that has a meaning of its own here (``I[L]``, ``c[j]'``) or None.
    units : UnitSystem
        What ``[meV]`` means, and the physical constants.
    advice : str
        What to do about a name that means nothing here; by default it can be declared.
    """

    names: Mapping[str, Meaning] = field(default_factory=dict)
    spaces: tuple[Space, ...] = ()
    special: Special | None = None
    units: UnitSystem = NATURAL
    advice: str = ""

    def with_advice(self, advice: str) -> Scope:
        """The same names with this advice about others."""
        return replace(self, advice=advice)

    def with_names(self, names: Mapping[str, Meaning]) -> Scope:
        """These names in addition; they hide older ones."""
        return replace(self, names={**self.names, **names})

    def with_spaces(self, spaces: tuple[Space, ...]) -> Scope:
        """The same names with these internal spaces."""
        return replace(self, spaces=tuple(spaces))

    def with_special(self, special: Special) -> Scope:
        """The same names with this special meaning, tried before the present one."""
        before = self.special
        if before is None:
            return replace(self, special=special)

        def either(node: nodes.Expr, scope: Scope) -> sp.Basic | None:
            found = special(node, scope)
            return before(node, scope) if found is None else found

        return replace(self, special=either)

    @property
    def constants(self) -> Mapping[str, sp.Expr]:
        """``pi``, and the physical constants where the units are physical."""
        return {"pi": sp.pi, **self.units.constants}

    def undeclared(self, name: nodes.Name) -> ModelError:
        """The error for a name that means nothing here, with the nearest that does."""
        return ModelError(f"there is no '{name.id}' here", name.span, hint=self._advice(name.id))

    def _advice(self, word: str) -> str:
        if word in CONSTANTS and not self.units.natural:
            return f"'{word}' needs more of 'units {{ energy = eV; length = nm; temperature = K }}'"
        if word in ("hbar", "h", "e", "k_B"):
            return (
                "in natural units hbar = e = k_B = 1: leave it out, or declare 'units { energy = eV; ... }'"
            )
        known = {**dict.fromkeys(self.constants, Meaning("constant")), **self.names}
        near = [name for name in known if name.lower() == word.lower()]
        near = near or difflib.get_close_matches(word, known, n=2, cutoff=0.7)
        if near:
            return "did you mean " + " or ".join(f"'{name}' ({known[name]})" for name in near) + "?"
        if any(word in (one.name, one.short) for one in outputs.values()):
            return f"'{word}' is a result and stands in outputs; what is given is a parameter or a let"
        return self.advice or f"declare it, for example with 'param {word} = 1'"
