"""Formulas over results: ``dI = nonreciprocity(I[L])``, ``x = I[L]@forward/I_g``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

import sympy as sp

from modelkit.dimensions import Exponents, dimension_of
from modelkit.elements.binder import Binder, ConsequentError
from modelkit.elements.natural_quantities import natural_dimension
from modelkit.elements.quantities import quantity_of
from modelkit.elements.result_labels import Label as Label
from modelkit.elements.result_labels import bind_label
from modelkit.elements.result_print import in_print
from modelkit.errors import ModelError, Span
from modelkit.language import nodes
from modelkit.language.printer import expression_text
from modelkit.language.scope import Scope, Special
from modelkit.registry import Output, outputs, reductions, result_dims, suggestion, verbs


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
    parameter or a let; ``dimension`` are the exponents of its unit where they are known (e = 1);
    ``latex`` is the formula in print, empty where it has no short form; ``verb`` is that of the task.
    """

    name: str
    formula: sp.Expr | None = None
    quantities: Mapping[sp.Symbol, Quantity] = field(default_factory=dict)
    span: Span | None = None
    dimension: Exponents | None = None
    latex: str = ""
    verb: str = ""

    @property
    def single(self) -> Output | None:
        """The output of which a formula is one element: ``transmission[R, L]``."""
        found = [of for symbol, of in self.quantities.items() if symbol == self.formula]
        return outputs[found[0].output].of(self.verb) if found else None

    @property
    def dims(self) -> frozenset[str]:
        """Dimensions without those of sweeps; ``case`` is among them where it is not taken out."""
        if self.formula is None:
            return frozenset((*outputs[self.name].of(self.verb).dims, "case"))
        reduced = {symbol for call in _reductions(self.formula) for symbol in call.free_symbols}
        found: set[str] = set()
        for symbol, quantity in self.quantities.items():
            dims = outputs[quantity.output].of(self.verb).dims
            found.update(dim for dim in dims if not quantity.labels or not result_dims[dim].labelled)
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
                    hint = suggestion(name.id, known, "parameters and lets") or "declare it: param x = 1"
                    raise ModelError(f"there is no parameter '{name.id}'", name.span, hint=hint)
                return meaning.value
        return None

    return special


Derived: TypeAlias = Mapping[str, OutputRequest | ConsequentError | None]


def no_results(device: Scope, unknowns: Collection[str]) -> Special:
    """Refuse results on the right side of a condition: they are known when all is solved.

    They hide parameters of the same name as in outputs, which are then written ``param.J``.
    """
    own = "holds no unknown" if not unknowns else "may hold " + " and ".join(f"'{name}'" for name in unknowns)

    def special(node: nodes.Expr, scope: Scope) -> sp.Basic | None:
        name = node.of if isinstance(node, nodes.Index) else node
        result = by_word(name.id) if isinstance(name, nodes.Name) else None
        if not isinstance(name, nodes.Name) or result is None or (name is node and name.id in unknowns):
            return None
        known = device.names.get(name.id)
        if known is not None and all(verb in verbs and verbs[verb].momenta for verb in result.verbs):
            return None  # nothing of a device with terminals
        if known is not None and known.what == "index":
            return None
        shown = expression_text(node)
        message = f"'{shown}' is known only when all is solved; the right side of this condition {own}"
        hint = "prescribe a number or a formula of parameters: I == 0, I == -mu/load"
        if known is not None:
            hint = f"write param.{name.id} for the {known.what}"
        raise ModelError(message, node.span, hint=hint)

    return special


def bind_formula(
    name: nodes.Name,
    node: nodes.Expr,
    verb: str,
    cases: Collection[str],
    binder: Binder,
    derived: Derived = MappingProxyType({}),
) -> OutputRequest:
    """A derived output of a task with these cases.

    ``derived`` are those of the task with what they are, None where they do not stand before this one.

    Raises
    ------
    ModelError
        Unknown results, labels, cases; a two-case function without exactly two cases.
    """
    reader = _Reader(verb, tuple(cases), binder, derived)
    scope = binder.scope.with_special(parameter_prefix(binder.scope)).with_special(reader.special)
    formula = binder.formula(node, scope)
    known = natural_dimension if binder.units.natural else quantity_of
    dimension = known(node, binder, results=reader.dimension)
    return OutputRequest(name.id, formula, reader.quantities, node.span, dimension, in_print(node), verb)


def _dimension_of_result(node: nodes.Expr) -> Exponents | None:
    """Of ``I``, ``I[L]`` and ``I[L]@forward``."""
    match node:
        case nodes.AtCase(of=of) | nodes.Group(of=of):
            return _dimension_of_result(of)
        case nodes.Index(of=nodes.Name(id=word), at=at):
            known = by_word(word)
            if known is None or not known.units:
                return dimension_of(known.unit) if known is not None else None
            words = tuple(one.id for one in at if isinstance(one, nodes.Name))
            unit = known.units.get(words[: len(next(iter(known.units)))])
            return dimension_of(unit) if unit is not None else None
        case nodes.Name(id=word):
            known = by_word(word)
            return dimension_of(known.unit) if known is not None and not known.units else None
    return None


class _Reader:
    """Gives results in a formula their symbols and remembers what they are."""

    def __init__(self, verb: str, cases: tuple[str, ...], binder: Binder, derived: Derived) -> None:
        self.verb = verb
        self.cases = cases
        self.binder = binder
        self.derived = derived
        self.quantities: dict[sp.Symbol, Quantity] = {}
        self.reducing = False

    def special(self, node: nodes.Expr, scope: Scope) -> sp.Basic | None:
        """Tried before the ordinary meaning of names, indices, calls and ``@``."""
        match node:
            case nodes.AtCase(of=of, case=case):
                return self._at_case(of, case, scope)
            case nodes.Name(id=word) if self._is_result(word):
                return self._result(node, (), None)
            case nodes.Name(id=word) if word in self.derived:
                return self._derived(node)
            case nodes.Index(of=nodes.Name() as name, at=at):
                if self._is_result(name.id):
                    return self._result(name, at, None)
                return self._unknown(name)
            case nodes.Call(of=nodes.Name(id=word)) if word in reductions:
                return self._reduction(node, word, scope)
        return None

    def dimension(self, node: nodes.Expr) -> Exponents | None:
        """Of results and of derived outputs, once the formula is translated."""
        known = self.derived.get(node.id) if isinstance(node, nodes.Name) else None
        if isinstance(known, OutputRequest):
            return known.dimension
        if isinstance(node, nodes.Name) and not self._is_result(node.id):
            return None
        return _dimension_of_result(node)

    def _is_result(self, word: str) -> bool:
        """Results of other verbs hide neither what is declared nor what this task derives."""
        known = by_word(word)
        if known is None:
            return False
        return self.verb in known.verbs or (word not in self.binder.meanings and word not in self.derived)

    def _derived(self, name: nodes.Name) -> sp.Basic | None:
        """The formula of an output before this one, put in; its results are this one's too."""
        known = self.derived[name.id]
        if name.id in self.binder.meanings:
            if known is None:
                return None
            message = f"'{name.id}' is a {self.binder.meanings[name.id].what} and an output of this task"
            raise ModelError(message, name.span, hint=f"rename the output, or write param.{name.id}")
        if isinstance(known, ConsequentError):
            raise known
        if known is None:
            hint = "it uses those that are listed before it"
            raise ModelError(f"the output '{name.id}' is not listed before this one", name.span, hint=hint)
        assert known.formula is not None  # it is derived
        if self.reducing and (_reductions(known.formula) or any(q.case for q in known.quantities.values())):
            message = f"'{name.id}' takes both cases already, or names one"
            raise ModelError(message, name.span, hint="compare what is there in each case")
        own = {symbol: self._symbol(quantity) for symbol, quantity in known.quantities.items()}
        return known.formula.xreplace(own)

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
            case nodes.Name() if self._is_result(inner.id):
                return self._result(inner, (), case.id)
            case nodes.Index(of=nodes.Name() as name, at=at):
                if self._is_result(name.id):
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
        output = output.of(self.verb)
        labelled = [dim for dim in output.dims if result_dims[dim].labelled]
        if at and len(at) != len(labelled):
            shown = ", ".join(labelled) or "no labels"
            hint = (
                f"write: {name.id}[c[1] -> c[2]]"
                if "bond" in labelled
                else f"write: {name.id}{'[...]' * bool(labelled)}"
            )
            message = f"'{name.id}' has the labels ({shown}), {len(at)} given"
            raise ModelError(message, name.span, hint=hint)
        labels = tuple(
            bind_label(name, node, dim, self.binder) for node, dim in zip(at, labelled, strict=False)
        )
        return self._symbol(Quantity(output.name, labels, case))

    def _symbol(self, quantity: Quantity) -> sp.Symbol:
        for symbol, known in self.quantities.items():
            if known == quantity:
                return symbol
        # no name of the language begins with an underscore
        symbol = sp.Symbol(f"_result_{len(self.quantities)}", real=True)
        self.quantities[symbol] = quantity
        return symbol

    def _unknown(self, name: nodes.Name) -> sp.Basic | None:
        """Only results have labels."""
        if name.id in self.binder.meanings:
            return None
        hint = suggestion(name.id, output_words(self.verb), "outputs")
        raise ModelError(f"there is no output '{name.id}'", name.span, hint=hint)


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
