"""Formulas over results: ``dI = nonreciprocity(I[L])``, ``x = I[L]@forward/I_g``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import sympy as sp

from modelkit.dimensions import Exponents, dimension_of
from modelkit.elements.binder import Binder
from modelkit.elements.calls import subscripts_of
from modelkit.elements.indices import spelled
from modelkit.elements.lattices import Lattice
from modelkit.elements.nouns import Noun, nouns
from modelkit.elements.quantities import quantity_of
from modelkit.elements.terminals import Terminal, TerminalNoun
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.printer import expression_text, from_sympy
from modelkit.language.scope import Scope, Special
from modelkit.numerics.evaluate import evaluate
from modelkit.registry import Output, outputs, reductions, suggestion

UNLABELLED = frozenset(("energy", "time", "branch", "band", "momentum", "momentum_x", "momentum_y"))


@dataclass(frozen=True)
class Label:
    """A label of a Dataset, ``S[2]`` or ``c[3]->c[4]``: names with the formulas of their indices."""

    parts: tuple[tuple[str, tuple[sp.Expr, ...]], ...]

    def text(self, values: Mapping[str, float | complex | int]) -> str:
        """The label for given values of the parameters and lets: ``S[2]``, without blanks."""
        return "->".join(
            spelled(name, [complex(evaluate(formula, values)).real for formula in at])
            for name, at in self.parts
        )

    def __str__(self) -> str:
        """The label with its formulas: ``S[N-1]``."""
        parts = []
        for name, at in self.parts:
            shown = ",".join(expression_text(from_sympy(formula)).replace(" ", "") for formula in at)
            parts.append(f"{name}[{shown}]" if at else name)
        return "->".join(parts)


@dataclass(frozen=True)
class Quantity:
    """A result in a formula.

    ``output`` is its long name; ``labels`` select along its labelled dimensions in their order and
    are either all there or none; ``case`` is the case behind ``@`` or None.
    """

    output: str
    labels: tuple[Label, ...] = ()
    case: str | None = None


@dataclass(frozen=True)
class OutputRequest:
    """An output of a task: the long name of a registered one, or a derived one with its formula.

    ``quantities`` maps the symbols of results in the formula to what they are; two-case functions
    are applied functions with the names of the registry ``reductions``; every other symbol is a
    parameter or a let; ``dimension`` are the exponents of its unit where they are known (e = 1).
    """

    name: str
    formula: sp.Expr | None = None
    quantities: Mapping[sp.Symbol, Quantity] = field(default_factory=dict)
    span: Span | None = None
    dimension: Exponents | None = None

    @property
    def dims(self) -> frozenset[str]:
        """Dimensions without those of sweeps; ``case`` is among them where it is not taken out."""
        if self.formula is None:
            return frozenset((*outputs[self.name].dims, "case"))
        reduced = {symbol for call in _reductions(self.formula) for symbol in call.free_symbols}
        found: set[str] = set()
        for symbol, quantity in self.quantities.items():
            dims = outputs[quantity.output].dims
            found.update(dim for dim in dims if not quantity.labels or dim in UNLABELLED)
            if quantity.case is None and symbol not in reduced:
                found.add("case")
        return frozenset(found)


def by_word(word: str) -> Output | None:
    """The registered output of this long or short name."""
    if word in outputs:
        return outputs[word]
    return next((one for one in outputs.values() if one.short == word), None)


def output_words(verb: str) -> list[str]:
    """The names of a verb's outputs as they are suggested: short ones behind the long."""
    known = [one for one in outputs.values() if verb in one.verbs]
    return [one.name for one in known] + [one.short for one in known if one.short]


def parameter_prefix(device: Scope) -> Special:
    """``param.J``: the parameter where a result of the same name hides it."""

    def special(node: nodes.Expr, scope: Scope) -> sp.Basic | None:
        match node:
            case nodes.Member(of=nodes.Name(id="param"), name=name):
                meaning = device.names.get(name.id)
                if meaning is None or not isinstance(meaning.value, sp.Expr):
                    known = [word for word, one in device.names.items() if isinstance(one.value, sp.Symbol)]
                    hint = suggestion(name.id, known, "parameters and lets")
                    raise ModelError(f"there is no parameter '{name.id}'", name.span, hint=hint)
                return meaning.value
        return None

    return special


def bind_formula(
    name: nodes.Name, node: nodes.Expr, verb: str, cases: Collection[str], binder: Binder
) -> OutputRequest:
    """A derived output of a task with these cases.

    Raises
    ------
    ModelError
        Unknown results, labels, cases; a two-case function without exactly two cases.
    """
    reader = _Reader(verb, tuple(cases), binder)
    scope = binder.scope.with_special(parameter_prefix(binder.scope)).with_special(reader.special)
    formula = binder.formula(node, scope)
    dimension = quantity_of(node, binder, results=_dimension_of_result)
    return OutputRequest(name.id, formula, reader.quantities, node.span, dimension)


def _dimension_of_result(node: nodes.Expr) -> Exponents | None:
    """Of ``I``, ``I[L]``, ``I[L]@forward`` and of two-case quantities of them."""
    match node:
        case nodes.AtCase(of=of) | nodes.Group(of=of):
            return _dimension_of_result(of)
        case nodes.Name(id=word) | nodes.Index(of=nodes.Name(id=word)):
            known = by_word(word)
            return dimension_of(known.unit) if known is not None else None
    return None


class _Reader:
    """Gives results in a formula their symbols and remembers what they are."""

    def __init__(self, verb: str, cases: tuple[str, ...], binder: Binder) -> None:
        self.verb = verb
        self.cases = cases
        self.binder = binder
        self.quantities: dict[sp.Symbol, Quantity] = {}
        self.reducing = False

    def special(self, node: nodes.Expr, scope: Scope) -> sp.Basic | None:
        """Tried before the ordinary meaning of names, indices, calls and ``@``."""
        match node:
            case nodes.AtCase(of=of, case=case):
                return self._at_case(of, case, scope)
            case nodes.Name(id=word) if by_word(word) is not None:
                return self._result(node, (), None)
            case nodes.Index(of=nodes.Name() as name, at=at):
                if by_word(name.id) is not None:
                    return self._result(name, at, None)
                return self._unknown(name)
            case nodes.Call(of=nodes.Name(id=word)) if word in reductions:
                return self._reduction(node, word, scope)
        return None

    def _at_case(self, of: nodes.Expr, case: nodes.Name, scope: Scope) -> sp.Basic:
        if case.id not in self.cases:
            hint = suggestion(case.id, self.cases, "cases of this task") or "this task has no cases"
            raise ModelError(f"the task has no case '{case.id}'", case.span, hint=hint)
        if self.reducing:
            raise ModelError(
                "a two-case quantity takes both cases by itself", case.span, hint="leave out '@'"
            )
        inner = of.of if isinstance(of, nodes.Group) else of
        match inner:
            case nodes.Name() if by_word(inner.id) is not None:
                return self._result(inner, (), case.id)
            case nodes.Index(of=nodes.Name() as name, at=at):
                if by_word(name.id) is not None:
                    return self._result(name, at, case.id)
                return self._unknown(name)
        raise ModelError("'@' stands behind a single result", of.span, hint=f"write: I[L]@{case.id}")

    def _reduction(self, node: nodes.Call, word: str, scope: Scope) -> sp.Basic:
        if len(self.cases) != 2:
            raise ModelError(
                f"'{word}' compares two cases, this task has {len(self.cases) or 'none'}",
                node.span,
                hint="write: cases FIRST, SECOND",
            )
        if self.reducing or len(node.arguments) != 1 or isinstance(node.arguments[0], nodes.Keyword):
            raise ModelError(f"'{word}' has one argument, a result", node.span, hint=f"write: {word}(I[L])")
        self.reducing = True
        try:
            argument = self.binder.formula(node.arguments[0], scope)
        finally:
            self.reducing = False
        return sp.Function(word)(argument)

    def _result(
        self, name: nodes.Name, at: tuple[nodes.Expr | nodes.Arrow, ...], case: str | None
    ) -> sp.Symbol:
        output = by_word(name.id)
        assert output is not None  # asked before
        check_verb(output, self.verb, name)
        labelled = [dim for dim in output.dims if dim not in UNLABELLED]
        if at and len(at) != len(labelled):
            shown = ", ".join(labelled) or "no labels"
            hint = f"write: {name.id}[c[1] -> c[2]]" if "bond" in labelled else None
            message = f"'{name.id}' has the labels ({shown}), {len(at)} given"
            raise ModelError(message, name.span, hint=hint)
        labels = tuple(self._label(name, node, dim) for node, dim in zip(at, labelled, strict=False))
        quantity = Quantity(output.name, labels, case)
        for symbol, known in self.quantities.items():
            if known == quantity:
                return symbol
        # no name of the language begins with an underscore
        symbol = sp.Symbol(f"_result_{len(self.quantities)}", real=True)
        self.quantities[symbol] = quantity
        return symbol

    def _label(self, result: nodes.Name, node: nodes.Expr | nodes.Arrow, dim: str) -> Label:
        """``S[2]`` for a terminal or site, ``c[3] -> c[4]`` for a bond."""
        match node:
            case nodes.Arrow(left=left, right=right) if dim == "bond":
                return Label((self._part(left, dim), self._part(right, dim)))
            case nodes.Arrow():
                raise ModelError(f"the label of '{result.id}' is a {dim}, not a bond", node.span)
            case _ if dim == "bond":
                hint = f"write: {result.id}[c[1] -> c[2]]"
                raise ModelError(f"the label of '{result.id}' is a bond", node.span, hint=hint)
        return Label((self._part(node, dim),))

    def _part(self, node: nodes.Expr, dim: str) -> tuple[str, tuple[sp.Expr, ...]]:
        of, at = (node.of, subscripts_of(node)) if isinstance(node, nodes.Index) else (node, ())
        if dim in ("site", "bond"):
            name, count = self._site(of)
        else:
            name, count = self._terminal(of)
        if len(at) != count:
            shown = "no index" if count == 0 else f"{count} index" if count == 1 else f"{count} indices"
            raise ModelError(f"'{name}' has {shown}, {len(at)} given", node.span)
        return name, tuple(self.binder.formula(part) for part in at)

    def _terminal(self, of: nodes.Expr) -> tuple[str, int]:
        if not isinstance(of, nodes.Name):
            raise ModelError("this is no terminal", of.span)
        return of.id, len(find_terminal(of, self.binder).indices)

    def _site(self, of: nodes.Expr) -> tuple[str, int]:
        """Name and number of indices; ``wire.c`` where several lattices have a site ``c``."""
        elements = self.binder.section("elements").values()
        lattices = [one for one in elements if isinstance(one, Lattice)]
        places = [(lattice.name, family) for lattice in lattices for family in lattice.sites]
        name, found = of, places
        if isinstance(of, nodes.Member) and isinstance(of.of, nodes.Name):
            lattice = self.binder.find(of.of, "lattice", "elements", Lattice)
            name, found = of.name, [place for place in places if place[0] == lattice.name]
        if not isinstance(name, nodes.Name):
            raise ModelError("this is no site", of.span, hint="write a site such as c[3]")
        called = [place for place in found if place[1].name == name.id]
        if not called:
            hint = suggestion(name.id, [family.name for _, family in found], "sites")
            raise ModelError(f"there is no site '{name.id}'", name.span, hint=hint)
        if len(called) > 1:
            shown = " or ".join(f"{lattice}.{name.id}" for lattice, _ in called)
            raise ModelError(f"several lattices have a site '{name.id}'", of.span, hint=f"write {shown}")
        shared = sum(family.name == name.id for _, family in places) > 1
        lattice_name, family = called[0]
        return (f"{lattice_name}.{name.id}" if shared else name.id), len(family.indices)

    def _unknown(self, name: nodes.Name) -> sp.Basic | None:
        """Only results have labels."""
        if name.id in self.binder.meanings:
            return None
        hint = suggestion(name.id, output_words(self.verb), "outputs")
        raise ModelError(f"there is no output '{name.id}'", name.span, hint=hint)


def find_terminal(name: nodes.Name, binder: Binder) -> Terminal:
    """A bath or probe by its name, or an error that suggests the right one."""
    terminals = {key: one for key, one in binder.section("elements").items() if isinstance(one, Terminal)}
    noun = terminals[name.id].noun if name.id in terminals else "terminal"
    declared = binder.declared("device").get(name.id)
    if declared is not None and issubclass(nouns.get(declared.noun, Noun), TerminalNoun):
        noun = declared.noun
    return binder.find(name, noun, "elements", Terminal)


def check_verb(output: Output, verb: str, name: nodes.Name) -> None:
    """Refuse an output that the verb does not give."""
    if verb not in output.verbs:
        known = ", ".join(one.name for one in outputs.values() if verb in one.verbs)
        raise ModelError(
            f"'{name.id}' is no output of '{verb}'", name.span, hint=f"the outputs of '{verb}' are {known}"
        )


def _reductions(formula: sp.Expr) -> list[sp.Expr]:
    applied = formula.atoms(sp.core.function.AppliedUndef)
    return [call for call in applied if call.func.__name__ in reductions]
