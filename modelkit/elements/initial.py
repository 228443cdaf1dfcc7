"""``initial``: the state in which an evolution begins."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from modelkit.elements.binder import Binder
from modelkit.elements.indices import Index, Listed
from modelkit.elements.lattices import Lattice
from modelkit.elements.loops import with_indices
from modelkit.elements.nouns import Form, fields_of
from modelkit.elements.sweeps import running_variables
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.registry import Verb, verbs

FIELDS = {
    "lagrange": "ln((1-n)/n) of every mode; 0 is infinite temperature at half filling",
    "occupation": "n of every mode, 0 to 1; it may hold indices of sites, or the momentum of a ring",
    "filling": "particles per mode, all modes alike",
}
INITIAL = Form(
    pattern="initial { lagrange = 0 }, initial { filling = 1/2 }, initial { occupation = (j <= 10) }",
    block="must",
    fields=FIELDS,
    doc="the state in which an evolution begins; it fixes the filling",
)


@dataclass(frozen=True)
class Initial:
    """A declared initial state: the word of its one field and the formula of its value.

    The formula may hold ``indices`` of sites, or one of the ``momenta`` of rings.
    """

    field: str
    value: sp.Expr
    span: Span | None = None
    indices: frozenset[str] = frozenset()
    momenta: frozenset[str] = frozenset()


def bind_initial(
    lines: list[nodes.Statement], verb: Verb, call: Span | None, binder: Binder
) -> Initial | None:
    """The initial state of a task.

    Raises
    ------
    ModelError
        It is missing where the verb begins with it, or there where it does not; not one value.
    """
    if not verb.initial:
        if lines:
            known = " or ".join(f"'{name}'" for name, one in verbs.items() if one.initial)
            message = f"'{verb.name}' has no initial state"
            raise ModelError(message, lines[0].span, hint=f"leave it out, or ask {known}")
        return None
    if not lines:
        message = f"'{verb.name}' needs the state in which it begins"
        raise ModelError(message, call, hint="write: initial { lagrange = 0 }")
    fields = [field for line in lines for field in fields_of(line.block).items()]
    if len(fields) != 1:
        message = f"an initial state is given by one value, not by {len(fields) or 'none'}"
        raise ModelError(message, lines[-1].span, hint=f"one of: {INITIAL.pattern}")
    word, line = fields[0]
    elements = binder.section("elements")
    lattices = [one for one in elements.values() if isinstance(one, Lattice)]
    indices = [index for one in lattices for family in one.sites for index in family.indices]
    names = [name for name in running_variables(verb, elements) if name not in verb.grids]
    momenta = [Index(sp.Symbol(name, real=True), Listed(())) for name in names]
    scope = binder.scope if word == "filling" else with_indices(binder.scope, [*indices, *momenta])
    value = binder.formula(line.value, scope)
    used = {str(symbol) for symbol in value.free_symbols}
    found = frozenset(used & {index.name for index in indices}), frozenset(used & set(names))
    if all(found) or len(found[1]) > 1:
        message = "an initial state is one of sites or one of the momenta of one ring"
        raise ModelError(message, line.value.span, hint="write it with site indices or with one momentum")
    return Initial(word, value, line.span or lines[0].span, *found)
