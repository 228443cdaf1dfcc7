"""Lattices by name: ``lattice flake = honeycomb(cells_x = 4, cells_y = 3) { more lines }``.

A kind is one function, entered with ``@lattice_kinds.register("chain")``: its keyword arguments are
texts (formulas of the language, as the author wrote them; a default makes one optional) and it
returns the lines of the lattice's block, in the language.  Names in these lines are ordinary: the
author can attach terminals to the sites and add relations.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

from modelkit.elements.calls import arguments_of, called_name
from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.parser import parse
from modelkit.language.printer import expression_text
from modelkit.registry import Registry, suggestion

LatticeKind = Callable[..., str]
lattice_kinds: Registry[LatticeKind] = Registry("lattice kind")


@lattice_kinds.register("chain")
def chain(*, sites: str, hopping: str = "1") -> str:
    """``c[l]``, l in 1..sites, joined by -hopping."""
    return f"site c[l] for l in 1..({sites}) at (l, 0)\nhop c[l] -> c[l+1] : -({hopping})"


@lattice_kinds.register("square")
def square(*, columns: str, rows: str, hopping: str = "1") -> str:
    """``c[x, y]``, x in 1..columns, y in 1..rows, joined to the four neighbours by -hopping."""
    return (
        f"site c[x, y] for x in 1..({columns}), y in 1..({rows}) at (x, y)\n"
        f"hop c[x, y] -> c[x+1, y] : -({hopping})\n"
        f"hop c[x, y] -> c[x, y+1] : -({hopping})"
    )


@lattice_kinds.register("honeycomb")
def honeycomb(*, cells_x: str, cells_y: str, hopping: str = "1") -> str:
    """``a[x, y]`` and ``b[x, y]`` of each cell; every site has three neighbours, at distance 1.

    Zigzag rows run along x.  A step in y is one of ``(sqrt(3)/2, 3/2)``, so that left and right are zigzag
    edges at 60 degrees to x; bottom and top are bearded, their sites have one neighbour.
    """
    cells = f"x in 1..({cells_x}), y in 1..({cells_y})"
    return (
        f"site a[x, y] for {cells} at (sqrt(3)*(x + y/2), 3*y/2)\n"
        f"site b[x, y] for {cells} at (sqrt(3)*(x + y/2), 3*y/2 + 1)\n"
        f"hop a[x, y] -> b[x, y] : -({hopping})\n"
        f"hop b[x, y] -> a[x, y+1] : -({hopping})\n"
        f"hop b[x, y] -> a[x-1, y+1] : -({hopping})"
    )


def block_of_kind(written: nodes.Expr) -> nodes.Block:
    """The lines that ``honeycomb(cells_x = 4, ...)`` stands for.

    Raises
    ------
    ModelError
        Unknown kind or wrong arguments.
    """
    name = called_name(written)
    if name is None:
        hint = suggestion("", lattice_kinds, lattice_kinds.plural)
        raise ModelError("behind '=' stands a kind of lattice", written.span, hint=hint)
    kind = lattice_kinds.look_up(name.id, name.span)
    parameters = inspect.signature(kind).parameters
    optional = [word for word, one in parameters.items() if one.default is not inspect.Parameter.empty]
    arguments = arguments_of(written, list(parameters), optional)
    text = kind(**{word: expression_text(value) for word, value in arguments.items()})
    return parse(text, f"<{name.id}>")
