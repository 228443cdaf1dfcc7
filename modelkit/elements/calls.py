"""Arguments of what is called by name: self-energies, distributions, lattice kinds."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.registry import suggestion


def called_name(node: nodes.Expr) -> nodes.Name | None:
    """``chain`` of ``chain`` and of ``chain(hopping = 1)``."""
    match node:
        case nodes.Name():
            return node
        case nodes.Call(of=nodes.Name() as name):
            return name
    return None


def subscripts_of(node: nodes.Index) -> tuple[nodes.Expr, ...]:
    """The formulas in the brackets of a site or a terminal.

    Raises
    ------
    ModelError
        The arrow of a bond, which has a meaning in results only.
    """
    found = []
    for part in node.at:
        if isinstance(part, nodes.Arrow):
            hint = "bonds stand in results: bond_current[c[1] -> c[2]]"
            raise ModelError("an index is a formula, not a bond", part.span, hint=hint)
        found.append(part)
    return tuple(found)


def arguments_of(
    node: nodes.Expr, names: Sequence[str], optional: Collection[str] = ()
) -> dict[str, nodes.Expr]:
    """The arguments of a call by name; those without one take the names in order.

    Raises
    ------
    ModelError
        An unknown argument, one given twice, too many of them, or a missing one.
    """
    called = called_name(node)
    word = called.id if called else ""
    usage = f"write: {word}({', '.join(f'{name} = ...' for name in names)})" if names else f"write: {word}"
    found: dict[str, nodes.Expr] = {}
    named = False
    for place, argument in enumerate(node.arguments if isinstance(node, nodes.Call) else ()):
        if isinstance(argument, nodes.Keyword):
            name, value, span, named = argument.name.id, argument.value, argument.name.span, True
        elif named:
            message = "an argument without a name stands behind one with a name"
            raise ModelError(message, argument.span, hint=usage)
        elif place >= len(names):
            count = "one argument" if len(names) == 1 else f"{len(names)} arguments"
            only = f"only {count}" if names else "no arguments"
            raise ModelError(f"'{word}' has {only}", argument.span, hint=usage)
        else:
            name, value, span = names[place], argument, argument.span
        if name not in names:
            hint = suggestion(name, names, "arguments") or usage
            raise ModelError(f"'{word}' has no argument '{name}'", span, hint=hint)
        if name in found:
            raise ModelError(f"the argument '{name}' is given twice", span, hint=usage)
        found[name] = value
    missing = [name for name in names if name not in found and name not in optional]
    if missing:
        shown = ", ".join(f"'{name}'" for name in missing)
        raise ModelError(f"'{word}' needs {shown}", node.span, hint=usage)
    return found
