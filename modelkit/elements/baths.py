"""The noun ``bath``: a terminal with everything given."""

from __future__ import annotations

from collections.abc import Sequence

from modelkit.elements.binder import Binder
from modelkit.elements.nouns import fields_of, nouns
from modelkit.elements.terminals import Condition, Places, TerminalNoun, terminal_form
from modelkit.errors import ModelError
from modelkit.language import nodes


@nouns.register("bath")
class BathNoun(TerminalNoun):
    """A reservoir whose chemical potential and temperature are given."""

    doc = "a reservoir with everything given, attached to sites"
    form = terminal_form("bath NAME on LATTICE.SITE { self_energy = ...; mu = ...; T = ... }")

    def solved(
        self, statement: nodes.Statement, lines: list[nodes.Statement], places: Places, binder: Binder
    ) -> list[tuple[str, Condition]]:
        """Nothing; a bath that solves is a probe."""
        if lines:
            raise ModelError(
                f"a bath has nothing to solve, but '{places.name.id}' does",
                lines[0].noun.span,
                hint=f"call it a probe: probe {places.name.id} on ...",
            )
        return []

    def check_given(self, unknowns: Sequence[str], statement: nodes.Statement, places: Places) -> None:
        """A bath has its chemical potential."""
        if "mu" not in fields_of(statement.block):
            raise ModelError(
                f"the bath '{places.name.id}' has no mu",
                places.name.span,
                hint="give mu = ..., or call it a probe and solve for it",
            )
