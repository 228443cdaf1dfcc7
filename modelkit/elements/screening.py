"""The noun ``screening``: potentials as unknowns, and the law that determines them from the charge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sympy as sp

from modelkit.elements.binder import Binder, ConsequentError
from modelkit.elements.calls import subscripts_of
from modelkit.elements.gates import Gate
from modelkit.elements.lattices import Lattice
from modelkit.elements.nouns import Form, Noun, fields_of, nouns
from modelkit.elements.places import bind_places
from modelkit.elements.potentials import unnamed
from modelkit.elements.quantities import check_quantity
from modelkit.elements.regions import Region
from modelkit.elements.screened_charge import CHARGE, LawCall, bind_charge
from modelkit.elements.screening_laws import laws
from modelkit.elements.targets import Attachment
from modelkit.elements.terminals import Terminal
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.printer import expression_text
from modelkit.registry import suggestion

GROUND = "ground"
UNKNOWN = "U"
RESPONSES = {
    "exact": "the nonlocal response of the conductor",
    "thomas_fermi": "the local density of states in its place",
}
PARTNERS = {Region: "region", Lattice: "lattice", Gate: "gate", Terminal: "terminal"}


@dataclass(frozen=True)
class End:
    """One end of a capacitance.

    ``kind`` is region, lattice, gate, terminal or ground; ``at`` are formulas of a terminal's indices.
    """

    kind: str
    name: str
    at: tuple[sp.Expr, ...] = ()
    span: Span | None = None


@dataclass(frozen=True)
class CapacitanceLine:
    """``capacitance left - G : C``: electrons on the one end per energy between both."""

    ends: tuple[End, End]
    value: sp.Expr
    span: Span | None = None


@dataclass(frozen=True)
class Screening:
    """Potentials of some sites as unknowns.

    ``unknowns`` are the names of regions and lattices with one potential each; empty: one for each site.
    ``law`` is registered in ``laws``; ``response`` is that of the linear response.
    """

    name: str
    places: tuple[Attachment, ...]
    unknowns: tuple[str, ...]
    law: LawCall
    capacitances: tuple[CapacitanceLine, ...] = ()
    response: str = "exact"
    span: Span | None = None
    spans: Mapping[str, Span] = field(default_factory=dict, compare=False)  # of the unknowns


SOLVE = Form(
    pattern="solve U[a, b] such that charge == 0",
    head=(nodes.Listing,),
    clauses=("such that",),
    needs=("such that",),
    doc="`solve U`: a potential for each site; `solve U[a, b]`: one for each of these regions; "
    "`solve U[wire]`: one for the whole lattice; the condition holds for each of them",
)
CAPACITANCE = Form(
    pattern="capacitance a - b : FORMULA",
    head=(nodes.Path,),
    value=True,
    doc="a capacitor between regions, gates, terminals (which follow their mu) and `ground`, in electrons "
    "per energy; for `charge == capacitance`",
)


@nouns.register("screening")
class ScreeningNoun(Noun):
    """Potentials that follow the charge."""

    doc = "potentials as unknowns of the charge, which is counted from the reference"
    form = Form(
        pattern="screening on LATTICE { solve U such that charge == 0 }",
        clauses=("on",),
        needs=("on",),
        block="must",
        fields={"response": "in linear response: exact (if not given) or thomas_fermi (local)"},
        lines={"solve": SOLVE, "capacitance": CAPACITANCE},
    )
    stage = 46
    part = "screening"

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """Places, unknowns, law and capacitances; each line's error by itself."""
        _check_reference(statement, binder)
        places: tuple[Attachment, ...] | None = None
        with binder.catching():
            places = bind_places(statement, binder)
        lines = [line for line in statement.block.statements if isinstance(line, nodes.Statement)]  # type: ignore[union-attr]
        capacitances: list[CapacitanceLine] = []
        for line in lines:
            if line.noun.id == "capacitance":
                with binder.catching():
                    capacitances.append(_capacitance(line, capacitances, binder))
        response = "exact"
        with binder.catching():
            response = _response(statement)
        solve = _solve_line(statement, lines)
        unknowns: dict[str, Span | None] | None = None
        with binder.catching():
            unknowns = _unknowns(solve, places, binder)
        law = bind_charge(solve, binder)
        binder.record(_wrong_lines(law, lines, capacitances, unknowns, solve))
        name = unnamed("screening", binder)
        screening = Screening(
            name,
            places or (),
            tuple(unknowns or ()),
            law,
            tuple(capacitances),
            response,
            statement.span,
            {word: span for word, span in (unknowns or {}).items() if span is not None},
        )
        binder.store("elements", name, screening)


def _check_reference(statement: nodes.Statement, binder: Binder) -> None:
    if not binder.section("reference") and ("reference",) not in binder.broken:
        raise ModelError(
            "the charge is counted from the reference, and the model has none",
            statement.noun.span,
            hint="add: reference { mu = ...; T = ... }",
        )


def _response(statement: nodes.Statement) -> str:
    written = fields_of(statement.block).get("response")
    if written is None:
        return "exact"
    word = expression_text(written.value)
    if word not in RESPONSES:
        hint = suggestion(word, RESPONSES, "responses")
        raise ModelError(f"the response of a screening cannot be '{word}'", written.value.span, hint=hint)
    return word


def _solve_line(statement: nodes.Statement, lines: Sequence[nodes.Statement]) -> nodes.Statement:
    found = [line for line in lines if line.noun.id == "solve"]
    if not found:
        raise ModelError(
            "a screening has something to solve, and this one has not",
            statement.noun.span,
            hint=f"write: {SOLVE.pattern}; what is given is a potential on ... {{ U = ... }}",
        )
    if len(found) > 1:
        hint = "one line solves for all: solve U[a, b] such that charge == ..."
        raise ModelError("a screening has one 'solve'", found[1].noun.span, hint=hint)
    return found[0]


def _unknowns(
    line: nodes.Statement, places: tuple[Attachment, ...] | None, binder: Binder
) -> dict[str, Span | None]:
    """Names of regions and lattices with their spans; empty for one unknown a site."""
    assert isinstance(line.head, nodes.Listing)  # the form has been checked
    item = line.head.items[0]
    of = item.target.of if isinstance(item.target, nodes.Index) else item.target
    if not isinstance(of, nodes.Name) or of.id != UNKNOWN:
        shown = expression_text(of)
        hint = f"write: {SOLVE.pattern}"
        raise ModelError(f"a screening solves for U, not for '{shown}'", item.target.span, hint=hint)
    if len(line.head.items) > 1 or item.value is not None:
        hint = "write the regions into one pair of brackets: solve U[a, b] such that charge == ..."
        raise ModelError("a screening solves for U once", line.head.span, hint=hint)
    found: dict[str, Span | None] = {}
    for part in subscripts_of(item.target) if isinstance(item.target, nodes.Index) else ():
        with binder.catching():
            word = _part(part, places, binder)
            if word in found:
                raise ModelError(f"'{word}' is solved twice", part.span, hint="leave one of them out")
            found[word] = part.span
    return found


def _part(node: nodes.Expr, places: tuple[Attachment, ...] | None, binder: Binder) -> str:
    """A region, or a lattice that is screened as a whole."""
    things = binder.section("elements")
    known = [name for name, one in things.items() if isinstance(one, Region | Lattice)]
    if not isinstance(node, nodes.Name):
        hint = "declare a region for it: region NAME on LATTICE where CONDITION"
        raise ModelError(
            "an unknown potential belongs to a region or to a whole lattice", node.span, hint=hint
        )
    if node.id not in known:
        raise _no_partner(node, known, "region or lattice", binder)
    if places is None:
        raise ConsequentError("it is not known what is screened", node.span)
    found = things[node.id]
    lattice = found.lattice if isinstance(found, Region) else found.name
    if lattice not in {place.lattice for place in places}:
        shown = ", ".join(dict.fromkeys(f"'{place.lattice}'" for place in places))
        raise ModelError(
            f"'{node.id}' is no part of {shown}",
            node.span,
            hint=f"name what is screened: screening on {node.id}",
        )
    return node.id


def _no_partner(name: nodes.Name, known: Sequence[str], what: str, binder: Binder) -> ModelError:
    if (name.id,) in binder.broken:
        return ConsequentError(f"'{name.id}' is wrong itself", name.span)
    declared = binder.declared("device").get(name.id)
    hint = suggestion(name.id, known) or "declare it: region NAME on LATTICE where CONDITION"
    if declared is not None:
        return ModelError(
            f"'{name.id}' is a {declared.noun}{declared.place}, no {what}", name.span, hint=hint
        )
    return ModelError(f"there is no {what} '{name.id}'", name.span, hint=hint)


def _capacitance(line: nodes.Statement, others: Sequence[CapacitanceLine], binder: Binder) -> CapacitanceLine:
    assert isinstance(line.head, nodes.Path)  # the form has been checked
    assert line.value is not None
    if line.head.joint != "-" or len(line.head.ends) != 2:
        raise ModelError("a capacitance joins two", line.head.span, hint=f"write: {CAPACITANCE.pattern}")
    one, other = (_end(end, binder) for end in line.head.ends)
    if (one.name, one.at) == (other.name, other.at):
        raise ModelError(
            f"'{one.name}' has no capacitance to itself", line.head.span, hint="name another end"
        )
    pair = {(one.name, one.at), (other.name, other.at)}
    for before in others:
        if {(end.name, end.at) for end in before.ends} == pair:
            place = f" in line {before.span.line}" if before.span is not None else ""
            raise ModelError(
                f"this capacitance is given already{place}", line.head.span, hint="keep one of them"
            )
    value = binder.formula(line.value)
    if value.is_extended_real is False or value.is_negative:
        word = "negative" if value.is_negative else "complex"
        hint = "charge_a = C (U_a - U_b) counts electrons: C is positive"
        raise ModelError(f"a capacitance is not {word}", line.value.span, hint=hint)
    check_quantity(line.value, "capacitance", "a capacitance", binder)
    return CapacitanceLine((one, other), value, line.span)


def _partners(binder: Binder) -> list[str]:
    """Names that a capacitance may have, those of statements included that are wrong themselves."""
    known = ("region", "lattice", "gate", "bath", "probe")
    return [name for name, declared in binder.declared("device").items() if declared.noun in known]


def _end(node: nodes.Expr, binder: Binder) -> End:
    name, at = (node.of, subscripts_of(node)) if isinstance(node, nodes.Index) else (node, ())
    things = {key: one for key, one in binder.section("elements").items() if type(one) in PARTNERS}
    if not isinstance(name, nodes.Name):
        hint = "declare a region for it: region NAME on LATTICE where CONDITION"
        raise ModelError("a capacitance joins regions, gates, terminals and ground", node.span, hint=hint)
    if name.id == GROUND:
        if GROUND in things:
            place = binder.declared("device")[GROUND].place
            message = f"'{GROUND}' is declared{place}, but in a capacitance it is the ground"
            raise ModelError(message, name.span, hint="rename what is declared")
        return End(GROUND, GROUND, (), node.span)
    if name.id not in things:
        raise _no_partner(name, [*_partners(binder), GROUND], "region, lattice, gate or terminal", binder)
    found = things[name.id]
    count = len(found.indices) if isinstance(found, Terminal) else 0
    if len(at) != count:
        shown = "no index" if count == 0 else f"{count} index" if count == 1 else f"{count} indices"
        hint = f"name one of its members: {name.id}[2]" if count else f"write {name.id}"
        raise ModelError(f"'{name.id}' has {shown}, {len(at)} given", node.span, hint=hint)
    if isinstance(found, Terminal) and "f" in found.unknowns:
        hint = "join a bath or a voltage probe"
        raise ModelError(f"'{name.id}' has no mu, so it is no electrode", node.span, hint=hint)
    return End(PARTNERS[type(found)], name.id, tuple(binder.formula(part) for part in at), node.span)


def _wrong_lines(
    law: LawCall,
    lines: Sequence[nodes.Statement],
    capacitances: Sequence[CapacitanceLine],
    unknowns: Mapping[str, Span | None] | None,
    solve: nodes.Statement,
) -> list[ModelError]:
    """Capacitances without their law, a law without them, and ends without an unknown."""
    written = [line for line in lines if line.noun.id == "capacitance"]
    if not laws[law.name].lines:
        hint = f"write: such that {CHARGE} == capacitance"
        message = f"capacitances have no meaning for '{CHARGE} == {law.name}'"
        return [ModelError(message, line.noun.span, hint=hint) for line in written]
    if not written:
        message = f"'{CHARGE} == {law.name}' needs capacitances"
        return [ModelError(message, law.span or solve.span, hint=f"add: {CAPACITANCE.pattern}")]
    if unknowns is None:
        return []
    found: list[ModelError] = []
    for line in capacitances:
        conducting = [end for end in line.ends if end.name in unknowns]
        missing = [end for end in line.ends if end.name not in unknowns and end.kind in ("region", "lattice")]
        found += [_no_unknown(end, unknowns) for end in missing]
        if not conducting and not missing:
            message = "both ends of this capacitance are electrodes: nothing follows from it"
            found.append(ModelError(message, line.span, hint="join an electrode with a region"))
    return found


def _no_unknown(end: End, unknowns: Mapping[str, Span | None]) -> ModelError:
    names = ", ".join([*unknowns, end.name])
    message = f"'{end.name}' has a capacitance, but no potential of its own is solved for it"
    return ModelError(
        message, end.span, hint=f"write: solve {UNKNOWN}[{names}] such that {CHARGE} == capacitance"
    )
