"""Which method solves a system, and why."""

from __future__ import annotations

from modelkit.compile.open_system import OpenSystem
from modelkit.errors import ModelError
from modelkit.registry import methods
from modelkit.solve.conductor import Method
from modelkit.solve.methods.ladder import ladder
from modelkit.solve.methods.lattice import blocks, sparse

__all__ = ["blocks", "choose", "ladder", "sparse"]  # their import enters the methods

ORDER = ("ladder", "blocks", "sparse")  # the cheapest first; others come after them


def choose(system: OpenSystem, name: str | None = None, *, responding: bool = False) -> tuple[Method, str]:
    """Give the method called ``name``, or the first that fits, with the reason.

    With ``responding`` only methods that tell how a conductor changes as its levels move.

    Raises
    ------
    ModelError
        There is no such method, it refuses the system, or none accepts it.
    """
    if name is not None:
        return _named(system, name, responding=responding)
    refusals: list[str] = []
    possible: list[Method] = []
    for method in _conductor_methods():
        reason = _refusal(method, system, responding=responding)
        if reason is None:
            possible.append(method)
            reason = method.unsuited(system)
        if reason is None:
            return method, "; ".join([*refusals, _why(method, system)])
        refusals.append(f"{method.name} does not fit: {reason}")
    if possible:
        return possible[0], _why(possible[0], system)
    raise ModelError(
        "no method can treat this system: " + "; ".join(refusals),
        hint="look at the reasons one by one: some part of the device has to change",
    )


def _named(system: OpenSystem, name: str, *, responding: bool) -> tuple[Method, str]:
    method = methods.look_up(name)
    others = [other for other in _conductor_methods() if not _refusal(other, system, responding=responding)]
    fitting = [other.name for other in others]
    reason = "it is not made for lattices"
    if isinstance(method, Method):
        reason = _refusal(method, system, responding=responding) or ""
    if reason or not isinstance(method, Method):
        hint = f"use {' or '.join(fitting)}, or no method at all" if fitting else "ask for no method at all"
        raise ModelError(f"the method '{name}' cannot treat this system: {reason}", hint=hint)
    return method, f"{name} was asked for and {_why(method, system, named=True)}"


def _refusal(method: Method, system: OpenSystem, *, responding: bool) -> str | None:
    if responding and not method.responds:
        return "it does not tell how currents change with potentials that are unknown or follow the bias"
    return method.refuses(system)


def _why(method: Method, system: OpenSystem, *, named: bool = False) -> str:
    details = method.details(system)
    text = method.why + (f" ({details})" if details else "")
    return text if named else f"{method.name} {text}"


def _conductor_methods() -> list[Method]:
    found = [method for method in methods.values() if isinstance(method, Method)]
    return sorted(found, key=lambda m: ORDER.index(m.name) if m.name in ORDER else len(ORDER))
