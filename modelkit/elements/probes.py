"""The noun ``probe``: a terminal with something to solve."""

from __future__ import annotations

from collections.abc import Sequence

from modelkit.elements.binder import Binder
from modelkit.elements.conditions import SCREENED, conditions, unknown_symbol
from modelkit.elements.nouns import fields_of, nouns
from modelkit.elements.quantities import check_quantity
from modelkit.elements.result_formulas import no_results, parameter_prefix
from modelkit.elements.terminals import SOLVE, Condition, Places, TerminalNoun, terminal_form
from modelkit.errors import ModelError
from modelkit.language import nodes
from modelkit.language.printer import expression_text
from modelkit.language.scope import Meaning, Scope
from modelkit.registry import suggestion


@nouns.register("probe")
class ProbeNoun(TerminalNoun):
    """A reservoir with unknowns and as many conditions."""

    doc = "a reservoir with something to solve, attached to sites"
    form = terminal_form(
        "probe NAME[l] for l in ... on LATTICE.SITE { self_energy = ...; solve mu such that I == 0 }"
    )

    def solved(
        self, statement: nodes.Statement, lines: list[nodes.Statement], places: Places, binder: Binder
    ) -> list[tuple[str, Condition]]:
        """Unknowns and conditions, counted where they are written."""
        if not lines:
            raise ModelError(
                f"a probe has something to solve, but '{places.name.id}' has not",
                statement.noun.span,
                hint=f"write: {SOLVE.pattern}, or call it a bath: bath {places.name.id} on ...",
            )
        found: list[tuple[str, Condition]] = []
        for line in lines:
            for unknown, condition in _solve_line(line, places, binder):
                if unknown in {known for known, _ in found}:
                    raise ModelError(
                        f"'{unknown}' is solved twice", line.noun.span, hint="keep one condition"
                    )
                found.append((unknown, condition))
        return found

    def check_given(self, unknowns: Sequence[str], statement: nodes.Statement, places: Places) -> None:
        """What is solved is not given; where mu is not solved it is given, unless f is the unknown."""
        fields = fields_of(statement.block)
        for unknown in unknowns:
            if unknown in fields:
                raise ModelError(
                    f"'{unknown}' of '{places.name.id}' is given and solved",
                    fields[unknown].target.span,
                    hint=f"leave out '{unknown} = ...', or call it a bath",
                )
        if "f" in unknowns:
            for name in ("mu", "T"):
                if name in fields:
                    raise ModelError(
                        f"'{name}' has no meaning where the distribution f is solved",
                        fields[name].target.span,
                        hint=f"leave out '{name} = ...'",
                    )
        elif "mu" not in unknowns and "mu" not in fields:
            raise ModelError(f"the probe '{places.name.id}' has no mu", places.name.span, hint=SOLVE.pattern)


def _solve_line(line: nodes.Statement, places: Places, binder: Binder) -> list[tuple[str, Condition]]:
    assert isinstance(line.head, nodes.Listing)  # the form has been checked
    unknowns = [_unknown(item) for item in line.head.items]
    written = [item for clause in line.clauses for item in clause.items]
    if len(unknowns) != len(written):
        raise ModelError(
            f"{_counted(len(unknowns), 'unknown')}, but {_counted(len(written), 'condition')}",
            line.noun.span,
            hint="give one condition for each unknown, separated by commas",
        )
    scope = _scope_of_conditions(unknowns, places.scope)
    found = [_condition(item, scope, binder) for item in written]  # type: ignore[arg-type]
    pairs = []
    for unknown, condition in zip(unknowns, found, strict=True):
        needed = conditions[condition.quantity].unknown
        if needed != unknown:
            raise ModelError(
                f"'{condition.quantity}' determines '{needed}', not '{unknown}'",
                condition.span,
                hint=f"write: solve {needed} such that {condition.quantity} == ...",
            )
        pairs.append((unknown, condition))
    return pairs


def _unknown(item: nodes.Item) -> str:
    known = list(dict.fromkeys(condition.unknown for condition in conditions.values()))
    name = item.target.id if isinstance(item.target, nodes.Name) else expression_text(item.target)
    if item.value is not None:
        raise ModelError("an unknown has no value", item.value.span, hint=f"write: {SOLVE.pattern}")
    if name not in known and name.split("[")[0] in SCREENED:
        raise _screened(name, item.target)
    if name not in known:
        near = suggestion(name, known, "unknowns")
        raise ModelError(f"a probe cannot solve for '{name}'", item.target.span, hint=near)
    return name


def _condition(node: nodes.Expr, scope: Scope, binder: Binder) -> Condition:
    usage = f"write: {SOLVE.pattern}"
    if not isinstance(node, nodes.Operation) or node.operators != ("==",):
        raise ModelError("a condition is an equation", node.span, hint=usage)
    left, right = node.operands
    word = expression_text(left).replace(" ", "")
    if word not in conditions and word in SCREENED:
        raise _screened(word, left)
    if word not in conditions:
        hint = suggestion(word, conditions, conditions.plural)
        if word in {one.unknown for one in conditions.values()} - {"f"}:
            hint = f"a given {word} is a field: {word} = {expression_text(right)}"
        raise ModelError(f"a probe has no condition on '{word}'", left.span, hint=hint)
    value = binder.formula(right, scope)
    if value.is_extended_real is False:
        raise ModelError("what is prescribed must be real", right.span, hint=f"write: {word} == 0")
    check_quantity(right, conditions[word].unit, f"'{word}'", binder, scope)
    return Condition(word, value, node.span)


def _screened(word: str, node: nodes.Expr) -> ModelError:
    """The potential of sites is no matter of one terminal."""
    hint = "write: screening on LATTICE { solve U such that charge == 0 }"
    return ModelError(f"'{word}' belongs to a screening, not to a probe", node.span, hint=hint)


def _scope_of_conditions(unknowns: Sequence[str], scope: Scope) -> Scope:
    """The unknowns win over parameters of the same name, which are then written ``param.mu``."""
    meanings = {name: Meaning("unknown", unknown_symbol(name)) for name in unknowns if name != "f"}
    special = scope.with_special(parameter_prefix(scope)).with_special(no_results(scope, tuple(meanings)))
    return special.with_names(meanings)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
