"""Values as the command line gives them: texts of the language, several of them as a set."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from modelkit.elements.sweeps import MOST_POINTS
from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.outside import exact_value
from modelkit.language.parser import parse_statement
from modelkit.language.printer import expression_text

OPENING, CLOSING = "([{", ")]}"


def setting_of(name: str, text: str) -> str | list[str]:
    """One value as it was written, or the values of a set: ``{0.1, 0.2}``, ``4..20 step 2``.

    Raises
    ------
    ModelError
        Several values in another form; a range without end, without members or of too many.
    """
    if text.startswith("{") or ".." in text:
        return list(_members(name, text))
    if text.startswith("from "):
        raise ModelError(
            f"'{text}' is no set of values", hint=f"write '{name}={{0.1, 0.2}}' or '{name}=4..20 step 2'"
        )
    listed = text.startswith("[") and text.endswith("]")
    if listed or "," in _outside_brackets(text):
        inside = text[1:-1] if listed else text
        raise ModelError(
            f"'{text}' is no single value of '{name}'",
            hint=f"several values are a set: '{name}={{{inside}}}'",
        )
    return text


def _members(name: str, text: str) -> Iterator[str]:
    """The values of a set of the language, each as a text."""
    statement = parse_statement(f"sweep values in {text}", f"<{name}>")
    match [clause.items for clause in statement.clauses]:
        case [(nodes.ListedSet(values=values),)]:
            yield from map(expression_text, values)
        case [(nodes.RangeSet() as over,)]:
            yield from _range(name, over)
        case _:
            raise ModelError(
                f"'{text}' is no set of values", hint=f"write '{name}={{0.1, 0.2}}' or '{name}=4..20 step 2'"
            )


def _range(name: str, over: nodes.RangeSet) -> Iterator[str]:
    """Exact values from the start to the stop, both ends included."""
    written = (over.start, over.stop, over.step)
    start, stop, step = (exact_value(expression_text(one) if one is not None else 1, name) for one in written)
    if not (start.is_rational and stop.is_rational and step.is_rational and step):
        raise ModelError(f"the range of '{name}' needs plain numbers", hint=f"write '{name}=4..20 step 2'")
    steps = sp.floor((stop - start) / step)
    if steps < 0:
        raise ModelError(f"the range of '{name}' is empty", hint="the step leads from the start to the stop")
    if steps >= MOST_POINTS:
        raise ModelError(
            f"the range of '{name}' has more than {MOST_POINTS} values", hint="sweep fewer values"
        )
    for k in range(int(steps) + 1):
        yield str(start + k * step)


def _outside_brackets(text: str) -> str:
    """The text without what stands in brackets."""
    depth, kept = 0, []
    for letter in text:
        depth += (letter in OPENING) - (letter in CLOSING)
        if depth == 0:
            kept.append(letter)
    return "".join(kept)
