"""The language page, written from the registries: ``python -m modelkit.view.manual > docs/language.md``.

The prose stands in ``manual.md`` beside this file; each ``<!-- name -->`` of it is replaced by a table.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import modelkit.results.open_outputs
import modelkit.results.outputs
import modelkit.results.reductions
import modelkit.results.response_outputs
import modelkit.solve.bands
import modelkit.solve.choose
import modelkit.solve.evolution
import modelkit.solve.open_chains.methods
import modelkit.solve.response
import modelkit.solve.steady_state
import modelkit.solve.transmission
import modelkit.solve.transport  # noqa: F401  these imports fill the registries
from modelkit.elements.checks import check_kinds, operation_words
from modelkit.elements.conditions import conditions
from modelkit.elements.declarations import nouns
from modelkit.elements.disorder import distributions
from modelkit.elements.lattice_kinds import lattice_kinds
from modelkit.elements.nouns import Form
from modelkit.elements.screening_laws import laws
from modelkit.elements.self_energies import Argument, self_energies
from modelkit.language.functions import functions
from modelkit.language.scope import Scope
from modelkit.language.spaces import make_space, matrices, spaces
from modelkit.registry import Output, Registry, methods, outputs, reductions, verbs
from modelkit.solve.choose import ORDER
from modelkit.units import CONSTANTS

PROSE = Path(__file__).with_suffix(".md")
MARK = re.compile(r"<!-- (\w+) -->")

sections: Registry[Callable[[], str]] = Registry(
    "section of the language page", "sections of the language page"
)


def manual() -> str:
    """The language page as markdown."""
    return MARK.sub(lambda mark: sections[mark.group(1)](), PROSE.read_text(encoding="utf-8"))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a markdown table; bars inside of cells are escaped."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    """Text as code."""
    return f"`{text}`"


@sections.register("nouns")
def _nouns() -> str:
    """A statement each, then what stands in the braces of each; the lines of a lattice have a section."""
    ordered = sorted(nouns, key=lambda name: (nouns[name].stage, name))  # as they are bound, never by import
    rows = ((code(name), code(_form(name).pattern), nouns[name].doc) for name in ordered)
    parts = [table(("noun", "written", "meaning"), rows)]
    for name in ordered:
        if name != "lattice":
            parts += _inside(name, _form(name))
    return "\n\n".join(parts)


@sections.register("lines")
def _lines() -> str:
    return "\n\n".join(_inside("lattice", _form("lattice")))


@sections.register("lattice_kinds")
def _kinds() -> str:
    def usage(name: str) -> str:
        signature = inspect.signature(lattice_kinds[name]).parameters
        words = [
            argument if one.default is inspect.Parameter.empty else f"{argument} = {one.default}"
            for argument, one in signature.items()
        ]
        return f"{name}({', '.join(words)})"

    return table(
        ("kind", "meaning"), ((code(usage(name)), _sentence(kind)) for name, kind in lattice_kinds.items())
    )


@sections.register("distributions")
def _distributions() -> str:
    rows = (
        (
            code(f"{name}({', '.join(one.arguments)}, seed = 1)"),
            _sentence(one),
            "; ".join(f"{code(word)}: {meaning}" for word, meaning in one.arguments.items()),
        )
        for name, one in distributions.items()
    )
    return table(("distribution", "meaning", "arguments"), rows)


@sections.register("spaces")
def _spaces() -> str:
    rows = []
    for name in spaces:
        sized = name == "orbital"  # the one whose components are counted
        space = make_space(name, 2 if sized else None)
        acting = [code(word) for word, one in matrices.items() if one.space == name]
        rows.append(
            (
                code("orbital(n)" if sized else name),
                "1 to n" if sized else ", ".join(space.labels),
                ", ".join(acting),
            )
        )
    return table(("space", "components", "matrices"), rows)


@sections.register("constants")
def _constants() -> str:
    """What has a meaning without a declaration."""
    always = ", ".join(map(code, Scope().constants))
    return f"{always}; in physical units also {', '.join(map(code, CONSTANTS))}"


@sections.register("functions")
def _functions() -> str:
    return table(("function", "meaning"), ((code(one.usage), one.meaning) for one in functions.values()))


@sections.register("self_energies")
def _self_energies() -> str:
    rows = []
    for name, kind in self_energies.items():
        arguments = "; ".join(_argument(word, one) for word, one in kind.arguments.items())
        usage = f"{name}({', '.join(kind.arguments)})" if kind.arguments else name
        rows.append((code(usage), _sentence(kind), arguments))
    return table(("self-energy", "meaning", "arguments"), rows)


@sections.register("conditions")
def _conditions() -> str:
    rows = (
        (code(f"solve {one.unknown} such that {name} == ..."), one.meaning)
        for name, one in conditions.items()
    )
    return table(("condition", "what is prescribed"), rows)


@sections.register("laws")
def _laws() -> str:
    rows = []
    for name, law in laws.items():
        arguments = "; ".join(_argument(word, one) for word, one in law.arguments.items())
        usage = f"{name}({', '.join(law.arguments)})" if law.arguments else name
        rows.append((code(f"charge == {usage}"), _sentence(law), arguments))
    return table(("law", "meaning", "arguments"), rows)


@sections.register("verbs")
def _verbs() -> str:
    rows = []
    for name, verb in sorted(verbs.items()):
        options = "; ".join(f"{code(word)}: {meaning}" for word, meaning in verb.options.items())
        rows.append((code(name), verb.meaning, options, ", ".join(map(code, verb.grids))))
    return table(("verb", "meaning", "options", "grids"), rows)


@sections.register("methods")
def _methods() -> str:
    known = sorted(methods, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    rows = ((code(name), ", ".join(methods[name].verbs), _said_of(methods[name])) for name in known)
    return table(("method", "of", "meaning"), rows)


def _said_of(method: Any) -> str:
    """Why a method is chosen, or what it does."""
    return str(getattr(method, "meaning", "")) or f"chosen because it {method.why}"


@sections.register("outputs")
def _outputs() -> str:
    rows = (
        (
            code(one.short) if one.short else "",
            code(name),
            ", ".join(one.dims),
            "; ".join(f"{'.'.join(words)}: {unit}" for words, unit in one.units.items()) or one.unit,
            ", ".join(one.verbs),
            one.meaning,
        )
        for name, entry in outputs.items()
        for one in _ways(entry)
    )
    return table(("short", "long", "runs over", "unit", "of", "meaning"), rows)


def _ways(entry: Output) -> list[Output]:
    """The ways in which verbs give an output, each with its verbs."""
    first = replace(entry, verbs=tuple(verb for verb in entry.verbs if verb not in entry.variants))
    return [first, *{id(one): one for one in entry.variants.values()}.values()]


@sections.register("check_kinds")
def _check_kinds() -> str:
    return table(("written", "meaning"), ((code(one.pattern), one.meaning) for one in check_kinds.values()))


@sections.register("operations")
def _operations() -> str:
    return ", ".join(map(code, operation_words))


@sections.register("reductions")
def _reductions() -> str:
    rows = ((code(f"{name}(X)"), one.meaning) for name, one in reductions.items())
    return table(("quantity", "meaning (F: first case, B: second case of the task)"), rows)


def _form(name: str) -> Form:
    return nouns[name]().current_form()


def _inside(name: str, form: Form) -> list[str]:
    """Fields and lines of a block, as one table."""
    rows = [(code(f"{field} = ..."), meaning) for field, meaning in (form.fields or {}).items()]
    rows += [(code(line.pattern), line.doc) for line in form.lines.values()]
    return [f"In the braces of `{name}`:", table(("written", "meaning"), rows)] if rows else []


def _argument(word: str, one: Argument) -> str:
    default = "" if one.default is None else f" (default {one.default:g})"
    return f"{code(word)}: {one.meaning}{default}"


def _sentence(of: object) -> str:
    """The first line of a docstring, as it stands in a table."""
    return (inspect.getdoc(of) or "").partition("\n")[0].replace("``", "`").rstrip(".")


if __name__ == "__main__":
    sys.stdout.write(manual())
