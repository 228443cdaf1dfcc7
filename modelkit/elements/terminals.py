"""What baths and probes have in common: attachments, self-energies, conditions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from modelkit.elements.binder import Binder, ConsequentError, free_names
from modelkit.elements.indices import Index, Ring, spelled
from modelkit.elements.loops import bind_loops, make_index, with_indices
from modelkit.elements.names import check_name
from modelkit.elements.nouns import Form, Noun, fields_of
from modelkit.elements.quantities import check_quantity
from modelkit.elements.self_energies import continues
from modelkit.elements.self_energy_calls import EXPRESSION, bind_self_energy
from modelkit.elements.self_energy_calls import SelfEnergyCall as SelfEnergyCall
from modelkit.elements.targets import Attachment as Attachment
from modelkit.elements.targets import Target, bind_targets, free_target_indices, written_targets
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.scope import Meaning, Scope
from modelkit.language.spaces import matrices
from modelkit.registry import suggestion

FIELDS = {
    "self_energy": "a registered self-energy, or any retarded expression in E",
    "mu": "chemical potential",
    "T": "temperature; 0 if not given",
    "bands": "what the band bottom is tied to: rigid (a fixed energy), own (its mu), local (the potential of "
    "its sites)",
}
DIMENSIONS = {"mu": "energy", "T": "temperature"}  # of the fields that are numbers
BANDS = ("rigid", "own", "local")


@dataclass(frozen=True)
class Condition:
    """``quantity == value`` behind ``such that``.

    The value may hold the unknown (a load), as ``conditions.unknown_symbol(unknown)``.
    """

    quantity: str  # as registered in `conditions`: "I", "i(E)"
    value: sp.Expr
    span: Span | None = None


@dataclass(frozen=True)
class Terminal:
    """A declared bath or probe, possibly a family.

    ``given`` maps ``mu``, ``T`` to formulas of parameters and of the family's indices; ``unknowns``
    and ``conditions`` correspond one to one (empty for a bath).
    """

    noun: str
    name: str
    indices: tuple[Index, ...]
    where: sp.Basic
    attachments: tuple[Attachment, ...]
    self_energy: SelfEnergyCall
    given: Mapping[str, sp.Expr]
    unknowns: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    bands: str | None = None
    span: Span | None = None
    spans: Mapping[str, Span] = field(default_factory=dict, compare=False)  # of the fields

    def label(self, index: Mapping[str, Any], member: int) -> str:
        """``L``, ``S[2]`` of a member; ``index`` holds the values of all members by index name."""
        return spelled(self.name, [index[one.name][member] for one in self.indices])


SOLVE = Form(
    pattern="solve mu such that I == 0",
    head=(nodes.Listing,),
    clauses=("such that",),
    needs=("such that",),
    doc="an unknown of a probe and the condition that determines it",
)


def terminal_form(pattern: str) -> Form:
    """The form that all terminals share, shown as ``pattern``."""
    return Form(
        pattern=pattern,
        head=(nodes.Listing,),
        clauses=("for", "where", "on", "where"),
        needs=("on",),
        block="must",
        fields=FIELDS,
        lines={"solve": SOLVE},
    )


class TerminalNoun(Noun):
    """What ``bath`` and ``probe`` share: everything but the unknowns."""

    space = "device"
    stage = 45
    part = "terminals"

    def prepare(self, statement: nodes.Statement, binder: Binder) -> None:
        """A terminal is no number."""
        for name in self.names(statement):
            binder.mean(name.id, Meaning(statement.noun.id, None, name.span))

    @abstractmethod
    def solved(
        self, statement: nodes.Statement, lines: list[nodes.Statement], places: Places, binder: Binder
    ) -> list[tuple[str, Condition]]:
        """Unknowns with their conditions; ``lines`` are the ``solve`` lines."""

    @abstractmethod
    def check_given(self, unknowns: Sequence[str], statement: nodes.Statement, places: Places) -> None:
        """Refuse fields that are missing or too many for these unknowns."""

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """The terminal, with ``T = 0`` where nothing else is said."""
        places = bind_places(statement, self.form, binder)
        self_energy, given, bands, spans = bind_fields(statement, places, binder)
        lines = [line for line in statement.block.statements if isinstance(line, nodes.Statement)]  # type: ignore[union-attr]
        if continues(self_energy.kind):
            binder.record(_beside_ends(places, self_energy.kind))
        solved = self.solved(statement, lines, places, binder)
        unknowns = tuple(unknown for unknown, _ in solved)
        self.check_given(unknowns, statement, places)
        if "f" not in unknowns:
            given.setdefault("T", sp.Integer(0))
        terminal = Terminal(
            noun=statement.noun.id,
            name=places.name.id,
            indices=places.indices,
            where=places.where,
            attachments=places.attachments,
            self_energy=self_energy,
            given=given,
            unknowns=unknowns,
            conditions=tuple(condition for _, condition in solved),
            bands=bands,
            span=statement.span,
            spans=spans,
        )
        binder.store("elements", places.name.id, terminal)


def _beside_ends(places: Places, kind: str) -> list[ModelError]:
    """A lead continues a lattice, which it can at its ends alone."""
    return [
        ModelError(
            f"a {kind} continues the lattice beyond an end",
            attachment.span,
            hint=f"write: on {attachment.lattice}.left (or .right, .bottom, .top)",
        )
        for attachment in places.attachments
        if attachment.end is None
    ]


@dataclass(frozen=True)
class Places:
    """Head and clauses of a terminal: its name, indices and where it is attached."""

    name: nodes.Name
    indices: tuple[Index, ...]
    where: sp.Basic
    targets: tuple[Target, ...]
    attachments: tuple[Attachment, ...]
    scope: Scope


def bind_places(statement: nodes.Statement, form: Form, binder: Binder) -> Places:
    """Name, indices and attachments of ``probe S[l] for l in ... where ... on ... where ...``.

    Errors of the attachments are recorded, so that those of the fields are found as well.
    """
    name, head = written_head(statement, form)
    loops, scope = bind_loops(statement, binder, binder.scope)
    check_carried(name, head, loops)
    targets: list[Target] = []
    indices = loops
    # where the targets are wrong, the ranges of their indices are not known, but their names are
    unranged = [make_index(one.id, Ring(sp.oo), one.span) for one in head]
    known = with_indices(scope, [*unranged, *loops])
    with binder.catching():
        targets = written_targets(statement, binder)
        ranged = {loop.name: loop for loop in loops}
        missing = [one for one in head if one.id not in ranged]
        ranged.update((index.name, index) for index in free_target_indices(missing, targets))
        indices = [ranged[one.id] for one in head]
        known = with_indices(scope, indices)
    where = sp.true
    for clause in clauses_before(statement, "on"):
        if clause.word == "where":
            where = binder.condition(clause.items[0], known)  # type: ignore[arg-type]
    attachments: tuple[Attachment, ...] = ()
    with binder.catching():
        attachments = bind_targets(statement, targets, indices, binder, known)
    return Places(name, tuple(indices), where, tuple(targets), attachments, known)


def clauses_before(statement: nodes.Statement, word: str) -> list[nodes.Clause]:
    """The clauses in front of the first one with this word."""
    words = [clause.word for clause in statement.clauses]
    return list(statement.clauses[: words.index(word)])


def check_carried(name: nodes.Name, head: Sequence[nodes.Name], loops: Sequence[Index]) -> None:
    """Every index of ``for`` stands in the head."""
    for index in loops:
        if index.name not in {one.id for one in head}:
            hint = f"write {name.id}[{', '.join(one.name for one in loops)}]"
            raise ModelError(f"'{name.id}' does not carry its index '{index.name}'", name.span, hint=hint)


def bind_fields(
    statement: nodes.Statement, places: Places, binder: Binder
) -> tuple[SelfEnergyCall, dict[str, sp.Expr], str | None, dict[str, Span]]:
    """Self-energy, given formulas, bands, and where the fields stand.

    Errors of single fields are recorded; raises when there is no self-energy.
    """
    fields = fields_of(statement.block)
    call: SelfEnergyCall | None = None
    given: dict[str, sp.Expr] = {}
    bands: str | None = None
    for name, one in fields.items():
        with binder.catching():
            if name == "self_energy":
                call = _self_energy(one.value, places, binder)
            elif name == "bands":
                bands = _bands(one.value)
            else:
                given[name] = _given(name, one.value, places.scope, binder)
    if "self_energy" not in fields:
        raise ModelError(
            f"'{places.name.id}' has no self-energy",
            places.name.span,
            hint="give one, for example: self_energy = wide_band(1)",
        )
    spans = {name: one.span or one.target.span for name, one in fields.items()}
    shown = {name: span for name, span in spans.items() if span is not None}
    return call or SelfEnergyCall(EXPRESSION, {}), given, bands, shown


def _self_energy(node: nodes.Expr, places: Places, binder: Binder) -> SelfEnergyCall:
    """With the internal spaces of the lattice; where it is not known, matrices are not looked at."""
    if not places.targets and any(name.id in matrices for name in free_names(node)):
        raise ConsequentError("the internal spaces are not known", node.span)
    spaces = places.targets[0].lattice.spaces if places.targets else ()
    return bind_self_energy(node, places.scope.with_spaces(spaces), binder)


def written_head(statement: nodes.Statement, form: Form) -> tuple[nodes.Name, Sequence[nodes.Name]]:
    """The name of a family that is declared, and the names of its indices: ``S[l]``."""
    assert isinstance(statement.head, nodes.Listing)  # the form has been checked
    usage = f"write: {form.pattern}"
    item = statement.head.items[0]
    if len(statement.head.items) > 1 or item.value is not None:
        raise ModelError(f"one '{statement.noun.id}' a statement", statement.head.span, hint=usage)
    match item.target:
        case nodes.Name() as name:
            check_name(name)
            return name, ()
        case nodes.Index(of=nodes.Name() as name, at=at):
            check_name(name)
            indices = [one for one in at if isinstance(one, nodes.Name)]
            if len(indices) != len(at):
                message = f"the indices of '{name.id}' are names"
                raise ModelError(message, item.target.span, hint=f"write: {name.id}[l] for l in {{2, 5}}")
            return name, indices
    raise ModelError(f"'{statement.noun.id}' is followed by its name", item.target.span, hint=usage)


def _given(name: str, node: nodes.Expr, scope: Scope, binder: Binder) -> sp.Expr:
    value = binder.formula(node, scope)
    if value.is_extended_real is False:
        hint = "leave out the imaginary part, or take re(...)"
        raise ModelError(f"'{name}' must be real", node.span, hint=hint)
    if name == "T" and value.is_negative:
        raise ModelError("a temperature is not negative", node.span, hint="write T = 0 or more")
    check_quantity(node, DIMENSIONS[name], f"'{name}'", binder, scope)
    return value


def _bands(node: nodes.Expr) -> str:
    word = node.id if isinstance(node, nodes.Name) else ""
    if word not in BANDS:
        raise ModelError(f"bands cannot be '{word}'", node.span, hint=suggestion(word, BANDS, "bands"))
    return word
