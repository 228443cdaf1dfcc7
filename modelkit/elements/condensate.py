"""The condensate: the terminal that every superconducting device has without declaring it."""

from __future__ import annotations

from modelkit.elements.binder import Binder
from modelkit.elements.lattices import Lattice
from modelkit.language import nodes
from modelkit.language.spaces import acts_on_holes

CONDENSATE = "condensate"


def is_condensate(node: nodes.Expr | nodes.Arrow, binder: Binder) -> bool:
    """Whether a label is that of the condensate: by its name, where a lattice pairs or has a nambu space."""
    if not isinstance(node, nodes.Name) or node.id != CONDENSATE:
        return False
    lattices = [one for one in binder.section("elements").values() if isinstance(one, Lattice)]
    return any(
        acts_on_holes(one.spaces) or any(term.part == "pairs" for term in one.terms) for one in lattices
    )
