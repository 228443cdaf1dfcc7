"""The noun ``check``: what must hold of the device, or of a task's results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import sympy as sp

from modelkit.elements.binder import Binder
from modelkit.elements.claims import claim_of, value_of
from modelkit.elements.lattices import Lattice
from modelkit.elements.loops import clauses_of
from modelkit.elements.nouns import Form, Noun, nouns
from modelkit.elements.result_formulas import OutputRequest
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.printer import expression_text
from modelkit.registry import Registry, suggestion

MOTIONS: Mapping[str, str] = {
    "inversion": "inversion",
    "mirror_x": "mirror x",
    "mirror_y": "mirror y",
    "mirror_z": "mirror z",
    "C2": "C2",
    "C3": "C3",
    "C4": "C4",
    "C6": "C6",
}
"""Words for what is done to the sites, and what it is called in reports."""
SORTS: Mapping[str, str] = {
    "time_reversal": "time reversal",
    "particle_hole": "particle-hole about mu",
    "chiral": "chiral",
}

operation_words: Registry[str] = Registry("operation")
for _word, _name in {**MOTIONS, **SORTS}.items():
    operation_words.add(_word, _name)


@dataclass(frozen=True)
class Check:
    """A claim about the device, or about results.

    ``kind`` is a word of ``check_kinds``.  ``symmetry`` and ``broken`` are about ``operations`` (names of
    the factors, sorted) of one conductor (``on``) or of the whole device; ``forbidden`` and
    ``not forbidden`` about the formula of ``claim`` in the ``cases`` (of the task ``on``, if one is named);
    ``value`` says that ``claim`` compares with zero as the ``relation`` says, ``within`` a tolerance, in
    the results of the task ``on``.  ``values`` are those of parameters behind ``when``, ``flips`` what
    parameters become behind ``with``.
    """

    kind: str
    text: str = ""
    operations: tuple[str, ...] = ()
    claim: OutputRequest | None = None
    cases: tuple[str, ...] = ()
    on: str | None = None
    values: Mapping[str, sp.Expr] = field(default_factory=dict)
    flips: Mapping[str, sp.Expr] = field(default_factory=dict)
    relation: str = ""
    within: sp.Expr = sp.S.Zero
    span: Span | None = None


@dataclass(frozen=True)
class CheckKind:
    """A kind of check: how it is written, the clauses that it takes, what it says."""

    pattern: str
    clauses: tuple[str, ...]
    meaning: str
    bind: Callable[[str, nodes.Expr, nodes.Statement, Binder], Check]


@nouns.register("check")
class CheckNoun(Noun):
    """What must hold, or must not."""

    doc = "what must hold: a symmetry of the device, what it forbids, or a value of results"
    form = Form(
        pattern="check KIND : WHAT on X when PARAMETER == VALUE",
        head=(nodes.Listing, nodes.Negation),
        value=True,
        after=("within", "on", "when", "with"),
    )
    stage = 85
    part = "none"

    def bind(self, statement: nodes.Statement, binder: Binder) -> None:
        """One claim, by its kind."""
        word, span = _kind_word(statement)
        if word not in check_kinds:
            hint = suggestion(word, check_kinds, check_kinds.plural)
            raise ModelError(f"there is no kind of check '{word}'", span, hint=hint)
        kind = check_kinds[word]
        for clause in statement.after:
            if clause.word not in kind.clauses:
                hint = f"write: {kind.pattern}"
                raise ModelError(f"'check {word}' has no '{clause.word}'", clause.span, hint=hint)
        assert statement.value is not None  # the form has been checked
        check = kind.bind(word, statement.value, statement, binder)
        binder.store("checks", str(len(binder.section("checks"))), check)


def _kind_word(statement: nodes.Statement) -> tuple[str, Span | None]:
    """``not forbidden`` of ``check not forbidden : ...`` and where it stands."""
    head = statement.head
    target = head.target if isinstance(head, nodes.Negation) else None
    if isinstance(head, nodes.Listing) and len(head.items) == 1 and head.items[0].value is None:
        target = head.items[0].target
    assert head is not None  # the form has been checked
    span = head.span or statement.noun.span
    if target is None:
        raise ModelError(
            "behind 'check' stands its kind", span, hint=f"the kinds are {', '.join(check_kinds)}"
        )
    word = f"{'not ' * isinstance(head, nodes.Negation)}{expression_text(target)}"
    return word, span


def _bind_symmetry(word: str, node: nodes.Expr, statement: nodes.Statement, binder: Binder) -> Check:
    return Check(
        word,
        expression_text(node),
        _factors(node),
        on=_lattice(statement, binder),
        values=_values(statement, binder),
        flips=_flips(statement, binder),
        span=statement.span,
    )


def _bind_claim(word: str, node: nodes.Expr, statement: nodes.Statement, binder: Binder) -> Check:
    claim, cases, task = claim_of(node, statement, binder)
    values, text = _values(statement, binder), expression_text(node)
    return Check(word, text, (), claim, cases, task, values, span=statement.span)


def _bind_value(word: str, node: nodes.Expr, statement: nodes.Statement, binder: Binder) -> Check:
    claim, relation, within, task = value_of(node, statement, binder)
    return Check(
        word,
        expression_text(node),
        (),
        claim,
        task.cases,
        task.name,
        relation=relation,
        within=within,
        span=statement.span,
    )


def _factors(node: nodes.Expr) -> tuple[str, ...]:
    """``inversion * time_reversal``: the names of the factors; at most one of them moves sites."""
    parts = node.operands if isinstance(node, nodes.Operation) and set(node.operators) == {"*"} else (node,)
    found = []
    for part in parts:
        if not isinstance(part, nodes.Name):
            hint = f"the operations are {', '.join(operation_words)}; a product is written a*b"
            raise ModelError(f"'{expression_text(part)}' is no operation", part.span, hint=hint)
        found.append(operation_words.look_up(part.id, part.span))
    moving = [name for name in found if name in MOTIONS.values()]
    if len(moving) > 1 or len(found) - len(moving) > 1:
        hint = f"a product has one motion of the sites and one of {', '.join(SORTS)}"
        raise ModelError("this product is not one of the operations", node.span, hint=hint)
    return tuple(sorted(found))


def _lattice(statement: nodes.Statement, binder: Binder) -> str | None:
    for clause in clauses_of(statement, "on"):
        name = clause.items[0]
        if not isinstance(name, nodes.Name) or len(clause.items) > 1:
            raise ModelError("'on' names a lattice", clause.span, hint="leave it out for the whole device")
        return binder.find(name, "lattice", "elements", Lattice).name
    return None


def _values(statement: nodes.Statement, binder: Binder) -> dict[str, sp.Expr]:
    """``when B_y == 0 and lam == 1``: values that parameters have in this check."""
    found: dict[str, sp.Expr] = {}
    for clause in clauses_of(statement, "when"):
        for item in (part for whole in clause.items for part in _conjoined(whole)):
            match item:
                case nodes.Operation(operands=(nodes.Name() as name, value), operators=("==",)):
                    _enter(found, name, value, binder)
                case _:
                    hint = "write: when B_y == 0 and lam == 1"
                    raise ModelError("'when' gives parameters their values", clause.span, hint=hint)
    return found


def _conjoined(node: nodes.Node) -> tuple[nodes.Node, ...]:
    if isinstance(node, nodes.Operation) and set(node.operators) == {"and"}:
        return node.operands
    return (node,)


def _flips(statement: nodes.Statement, binder: Binder) -> dict[str, sp.Expr]:
    """``with B_y -> -B_y``: what parameters become under the operation."""
    found: dict[str, sp.Expr] = {}
    for clause in clauses_of(statement, "with"):
        for item in clause.items:
            if not isinstance(item, nodes.Arrow) or not isinstance(item.left, nodes.Name):
                hint = "write: with B_y -> -B_y"
                raise ModelError("'with' says what parameters become", clause.span, hint=hint)
            _enter(found, item.left, item.right, binder)
    return found


def _enter(found: dict[str, sp.Expr], name: nodes.Name, value: nodes.Expr, binder: Binder) -> None:
    known = binder.section("parameters")
    if name.id not in known:
        hint = suggestion(name.id, known, "parameters") or "declare it: param x = 1"
        raise ModelError(f"there is no parameter '{name.id}'", name.span, hint=hint)
    if name.id in found:
        raise ModelError(f"'{name.id}' is given twice", name.span, hint="keep one of them")
    found[name.id] = binder.formula(value)


check_kinds: Registry[CheckKind] = Registry("kind of check", "kinds of checks")
for _word, _pattern, _clauses, _meaning, _bind in (
    (
        "symmetry",
        "check symmetry : OPERATION on LATTICE when PARAMETER == VALUE with PARAMETER -> -PARAMETER",
        ("on", "when", "with"),
        "the device (or the Hamiltonian of one lattice) has this operation, whatever its other parameters",
        _bind_symmetry,
    ),
    (
        "broken",
        "check broken : OPERATION on LATTICE when PARAMETER == VALUE with PARAMETER -> -PARAMETER",
        ("on", "when", "with"),
        "it has not",
        _bind_symmetry,
    ),
    (
        "forbidden",
        "check forbidden : FORMULA on TASK when PARAMETER == VALUE",
        ("on", "when"),
        "this formula over results must vanish, and the device says why",
        _bind_claim,
    ),
    (
        "not forbidden",
        "check not forbidden : FORMULA on TASK when PARAMETER == VALUE",
        ("on", "when"),
        "nothing forbids it",
        _bind_claim,
    ),
    (
        "value",
        "check value : FORMULA == FORMULA within TOLERANCE on TASK",
        ("within", "on"),
        "it holds of the task's results, in all its cases and at all points of its sweeps",
        _bind_value,
    ),
):
    check_kinds.add(_word, CheckKind(_pattern, _clauses, _meaning, _bind))
