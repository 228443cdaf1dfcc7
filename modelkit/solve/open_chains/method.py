"""What a method for open chains is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

from modelkit.errors import ModelError
from modelkit.registry import Registry, methods
from modelkit.solve.open_chains.problem import Floats, OpenProblem
from modelkit.solve.open_chains.state import OpenState


@runtime_checkable
class OpenMethod(Protocol):
    """One way to find the steady state of an open chain, or its evolution.

    Attributes
    ----------
    name : str
        The word of the language.
    meaning : str
        One sentence for the language page.
    verbs : tuple of str
        What it can be asked for: ``steady_state``, ``evolution``.
    gives : tuple of str
        Names of the outputs that it can give.
    translation_invariant : bool
        It takes the cell of a ring or of an infinite chain, else all of the chain.
    limits : tuple of str
        Limits that its numbers are those of, if any: ``weak coupling``, ``rate equation``.
    """

    name: str
    meaning: str
    verbs: tuple[str, ...]
    gives: tuple[str, ...]
    translation_invariant: bool
    limits: tuple[str, ...]

    def refuses(self, problem: OpenProblem) -> ModelError | None:
        """Why it does not fit, naming a method that does; None where it fits."""

    def steady(self, problem: OpenProblem) -> OpenState:
        """Find the steady state.

        Raises
        ------
        ModelError
            It is not determined by what is given.
        NotConverged
            It was not found.
        """

    def evolve(self, problem: OpenProblem, times: Floats, initial: Mapping[str, Any]) -> OpenState:
        """Find the state at ``times`` from ``initial`` at time 0, as in the problem; raises as ``steady``."""


Kind = TypeVar("Kind", bound=type)

open_methods: Registry[OpenMethod] = Registry("method of open chains", "methods of open chains")


def open_method(kind: Kind) -> Kind:
    """Enter a class under its ``name`` among the methods of open chains, and among all methods."""
    method: OpenMethod = kind()
    open_methods.add(method.name, method)
    methods.add(method.name, method)
    return kind
