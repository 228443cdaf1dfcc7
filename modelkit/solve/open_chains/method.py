"""What a method for open chains is: what it can do, and a solver that is loaded when it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from modelkit.registry import Registry, methods

if TYPE_CHECKING:
    from modelkit.errors import ModelError
    from modelkit.graph.device import Floats
    from modelkit.solve.open_chains.problem import OpenProblem
    from modelkit.solve.open_chains.state import OpenState


class Solver(Protocol):
    """One way to find the steady state of an open chain, or its evolution."""

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


@dataclass(frozen=True)
class OpenMethod:
    """What a method is for; its solver is loaded when it is first asked.

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
    load : callable
        ``load() -> Solver``.
    translation_invariant : bool
        It takes the cell of a ring or of an infinite chain, else all of the chain.
    limits : tuple of str
        Limits that its numbers are those of, if any: ``weak coupling``, ``rate equation``.
    """

    name: str
    meaning: str
    verbs: tuple[str, ...]
    gives: tuple[str, ...]
    load: Callable[[], Solver]
    translation_invariant: bool = False
    limits: tuple[str, ...] = ()

    @cached_property
    def solver(self) -> Solver:
        """What does the work."""
        return self.load()


open_methods: Registry[OpenMethod] = Registry("method of open chains", "methods of open chains")


def enter(method: OpenMethod) -> OpenMethod:
    """Enter among the methods of open chains, and among all methods."""
    open_methods.add(method.name, method)
    methods.add(method.name, method)
    return method
