"""What symmetry says of the quantities that a task asks for: told with the numbers, and held against them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from modelkit.elements.result_formulas import OutputRequest
from modelkit.elements.tasks import Task
from modelkit.graph.expand import Expansion
from modelkit.numerics.evaluate import evaluate
from modelkit.registry import methods, reductions, verbs
from modelkit.results.audit import demand, relative
from modelkit.tasks.points import gross, reference

if TYPE_CHECKING:
    import xarray as xr

    from modelkit.symmetry.subject import Subject
    from modelkit.symmetry.verdict import Verdict

LARGEST = 500  # sites of a device that is examined without being asked
LARGEST_RING = 20_000
LATER = "a device with more than {} sites is examined on demand only"


@dataclass(frozen=True)
class Told:
    """The verdict on an output of a task, by its ``position``; ``at`` names the values it was decided at."""

    position: int
    request: OutputRequest
    verdict: Verdict
    at: str = ""

    @property
    def forbidden(self) -> bool:
        """Whether it must vanish."""
        return self.verdict.word.value == "forbidden"

    def binds(self, method: str) -> bool:
        """Whether the number that this method gives must vanish: a limit is one of some methods only."""
        known = methods.get(method)
        limits = ("", *getattr(known, "limits", ()))
        return self.forbidden and self.verdict.limit in limits

    @property
    def outputs(self) -> frozenset[str]:
        """Long names of the outputs that it is made of."""
        if self.request.formula is None:
            return frozenset({self.request.name})
        return frozenset(quantity.output for quantity in self.request.quantities.values())

    @property
    def text(self) -> str:
        """The formula."""
        return self.request.span.text if self.request.span is not None else self.request.name

    @property
    def quantity(self) -> str:
        """``dI = nonreciprocity(I[L]) at V = 1``."""
        name = self.request.name
        return (name if self.request.formula is None else f"{name} = {self.text}") + self.at

    def __str__(self) -> str:
        """``dI = nonreciprocity(I[L]): forbidden: inversion``."""
        return f"{self.quantity}: {self.verdict}"


def is_asked(request: OutputRequest) -> bool:
    """Whether symmetry may forbid an output: of two cases, a response, a flow of an open chain."""
    if is_of_open_chain(request):
        from modelkit.symmetry.chains.claims import FLOWS, asked_of

        named = {quantity.output for quantity in request.quantities.values()}
        return asked_of(request.name) if request.formula is None else bool(named) and named <= set(FLOWS)
    if request.formula is None:
        return False
    if _reductions(request.formula):
        return True
    from modelkit.symmetry.claims import CURRENTS
    from modelkit.symmetry.tensors import ORDERS

    named = {quantity.output for quantity in request.quantities.values()}
    cases = {quantity.case for quantity in request.quantities.values()}
    labelled = all(quantity.labels for quantity in request.quantities.values())
    return labelled and bool(named) and (named <= set(ORDERS) or (named <= set(CURRENTS) and len(cases) > 1))


def is_of_open_chain(request: OutputRequest) -> bool:
    """Whether an output is one of the steady state of an open chain."""
    verb = verbs.get(request.verb)
    return verb is not None and verb.momenta and not verb.initial


def told(expansion: Expansion, task: Task, given: Mapping[str, Any]) -> Iterator[Told]:
    """Verdicts on what a task asks for, where its run begins; none for a formula that is not decided."""
    asked = [(k, request) for k, request in enumerate(task.outputs) if is_asked(request)]
    if not asked:
        return
    from modelkit.symmetry.subject import Subject
    from modelkit.symmetry.verdict import Verdict, Word
    from modelkit.tasks.symmetries import settings_of, verdict_on

    settings = settings_of(expansion, task.cases, task, given)
    first = next(iter(settings.values()))
    swept = [sweep.name for sweep in task.sweeps if sweep.name not in given]
    swept += [name for name, value in given.items() if np.ndim(value)]
    values = {**first.parameters, **first.fields}
    point = ", ".join(f"{name} = {values[name]:.6g}" for name in dict.fromkeys(swept) if name in values)
    subject = Subject(expansion, first.parameters, first.fields)
    for position, request in asked:
        if is_large(subject, LARGEST):
            verdict = Verdict(Word.NOT_DECIDED, LATER.format(LARGEST))
        else:
            verdict = verdict_on(expansion, request, task.cases, task, given, lines=False)
        if verdict.word is not Word.NOT_DECIDED or subject.open or _reductions(request.formula):
            yield Told(position, request, verdict, f" at {point}" if point else "")


def is_large(subject: Subject, most: int) -> bool:
    """Whether a device is too large to be examined without being asked; of a ring one cell is examined."""
    if not subject.open:
        return subject.device().size > most
    from modelkit.symmetry.chains.declared import OpenSubject

    device = OpenSubject(subject).device()
    ring = all(any(group.rings) for group in device.sites)
    return device.size > (LARGEST_RING if ring else most)


def audit(
    verdicts: Sequence[Told],
    found: xr.Dataset,
    cases: Sequence[str],
    values: Sequence[Mapping[str, Any] | None],
) -> float:
    """How far forbidden quantities are from zero, relative to the gross flow; NaN where nothing was found.

    Parameters
    ----------
    found : Dataset
        The assembled results of the point at which the verdicts were decided.
    values : sequence of mapping
        Parameters and lets there, for each case; None where the point has failed.

    Raises
    ------
    NotConverged
        One of them does not vanish.
    """
    worst = float("nan")
    for each in verdicts:
        if each.forbidden:
            off = _off(each, found, cases, values)
            if not np.isnan(off):
                demand({"forbidden": off})
                worst = float(np.fmax(worst, off))
    return worst


def _off(
    each: Told, found: xr.Dataset, cases: Sequence[str], values: Sequence[Mapping[str, Any] | None]
) -> float:
    formula = each.request.formula
    if any(one is None for one in values):  # the point has failed
        return float("nan")
    if formula is None:
        number, scale = found[each.request.name], found[gross(each.request.name)]
        return _relative(float(np.abs(number).max()), float(scale.max()))
    calls = _reductions(formula)
    if not calls:
        sums = [_sum(formula, each, found, cases, case, values) for case in range(max(len(cases), 1))]
        return max(_relative(abs(total), scale) for total, scale in sums)
    (first, one), (second, other) = (
        _sum(calls[0].args[0], each, found, cases, case, values) for case in (0, 1)
    )
    evaluate_two = reductions[calls[0].func.__name__].evaluate
    signs = [sign for sign in (-1, 1) if evaluate_two(1.0, float(sign)) == 0]
    return min(_relative(abs(first - sign * second), max(one, other)) for sign in signs)


def _relative(off: float, scale: float) -> float:
    """NaN where no gross flow is known."""
    return float("nan") if np.isnan(off) or np.isnan(scale) else relative(off, scale)


def _sum(
    formula: sp.Expr,
    each: Told,
    found: xr.Dataset,
    cases: Sequence[str],
    case: int,
    values: Sequence[Mapping[str, Any] | None],
) -> tuple[float, float]:
    """A linear formula over results in a case, and the same sum of the gross flows."""
    total = scale = 0.0
    known = values[case] or {}
    for number, (symbol, quantity) in enumerate(each.request.quantities.items()):
        factor = sp.diff(formula, symbol)
        if factor == 0:
            continue
        arrays = found[[reference(each.position, number), gross(quantity.output)]]
        own = cases.index(quantity.case) if quantity.case is not None else case
        arrays = arrays.isel(case=own) if "case" in arrays.dims else arrays
        weight = float(np.real(evaluate(factor, known)))
        total += weight * float(arrays[reference(each.position, number)])
        flow = arrays[gross(quantity.output)]
        words = (label.text(known) for label in quantity.labels)
        scale += abs(weight) * float(flow.sel(dict(zip(flow.dims, words, strict=False))))
    return total, scale


def _reductions(formula: sp.Expr | None) -> list[sp.Expr]:
    if formula is None:
        return []
    return [call for call in formula.atoms(AppliedUndef) if call.func.__name__ in reductions]
