"""Which method solves a system, and why."""

from __future__ import annotations

from modelkit.compile.open_system import OpenSystem
from modelkit.errors import ModelError
from modelkit.registry import methods
from modelkit.solve import ladder, sparse  # noqa: F401  (their import enters the methods, the fastest first)
from modelkit.solve.conductor import Method


def choose(system: OpenSystem, name: str | None = None) -> tuple[Method, str]:
    """Give the method called ``name``, or the first that does not refuse, with the reason.

    Raises
    ------
    ModelError
        There is no such method, it refuses the system, or none accepts it.
    """
    if name is not None:
        return _named(system, name)
    refusals: list[str] = []
    for method in _conductor_methods():
        reason = method.refuses(system)
        if reason is None:
            return method, "; ".join([*refusals, f"{method.name} {method.why}"])
        refusals.append(f"{method.name} does not fit: {reason}")
    raise ModelError(
        "no method can treat this system: " + "; ".join(refusals), hint="change what the methods refuse"
    )


def _named(system: OpenSystem, name: str) -> tuple[Method, str]:
    method = methods.look_up(name)
    fitting = [other.name for other in _conductor_methods() if other.refuses(system) is None]
    reason = method.refuses(system) if isinstance(method, Method) else "it is not made for lattices"
    if reason is not None:
        hint = f"use {' or '.join(fitting)}, or no method at all" if fitting else "change what it refuses"
        raise ModelError(f"the method '{name}' cannot treat this system: {reason}", hint=hint)
    return method, f"{name} was asked for and {method.why}"


def _conductor_methods() -> list[Method]:
    return [method for method in methods.values() if isinstance(method, Method)]
