"""``initial``: the state in which an evolution begins."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from modelkit.elements.binder import Binder
from modelkit.elements.nouns import Form, fields_of
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.registry import Verb, verbs

FIELDS = {
    "lagrange": "ln((1-n)/n) of every mode; 0 is infinite temperature at half filling",
    "occupation": "n of every mode, from 0 to 1",
    "filling": "particles per mode, all modes alike",
}
INITIAL = Form(
    pattern="initial { lagrange = 0 }, initial { filling = 1/2 }, initial { occupation = n0 }",
    block="must",
    fields=FIELDS,
    doc="the state in which an evolution begins; it fixes the filling",
)


@dataclass(frozen=True)
class Initial:
    """A declared initial state: the word of its one field and the formula of its value."""

    field: str
    value: sp.Expr
    span: Span | None = None


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
    return Initial(word, binder.formula(line.value), line.span or lines[0].span)
