"""Fields, self-energy arguments and conditions of terminals, for each member."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.elements.conditions import conditions, unknown_symbol
from modelkit.elements.self_energies import described_as, self_energies
from modelkit.elements.terminals import DIMENSIONS, Condition, Terminal
from modelkit.errors import ModelError, Span
from modelkit.graph.attach import Attached
from modelkit.graph.device import Complexes, ConditionValues, Floats, Lead, TerminalGroup
from modelkit.graph.formulas import Arrays, Values, evaluated, key_of, names_in
from modelkit.language.outside import exact_number
from modelkit.numerics.evaluate import first_fault, mending
from modelkit.registry import suggestion
from modelkit.units import UnitSystem

ENERGY = "E"

Overrides = dict[tuple[int | None, str], float]  # (member or None for all, field) to number


@dataclass(frozen=True, eq=False)
class EnergyFunction:
    """An argument of a self-energy that is a formula in ``E``, for all members of a group.

    Called with energies of shape (n_E,) or (n_E, 1) it gives shape (n_E, count), or
    (n_E, count, d, d) for a matrix, complex.
    """

    formula: Any
    values: Values
    index: Arrays
    count: int
    span: Span | None = field(default=None, repr=False)

    def __call__(self, energies: NDArray[Any]) -> Complexes:
        """The formula at these energies, energies first."""
        grid = {name: column[None, :] for name, column in self.index.items()}
        energy = np.asarray(energies, dtype=np.complex128 if np.iscomplexobj(energies) else np.float64)
        energy = energy.reshape(-1, 1)
        found = evaluated(self.formula, self.values, {**grid, ENERGY: energy}, self.span)
        tail = self.formula.shape if isinstance(self.formula, sp.MatrixBase) else ()
        return np.broadcast_to(found.astype(np.complex128), (len(energy), self.count, *tail))

    @property
    def rational(self) -> bool:
        """Whether it is a fraction of polynomials in E, which then may be complex."""
        energies = [symbol for symbol in self.formula.free_symbols if symbol.name == ENERGY]
        elements = list(self.formula) if isinstance(self.formula, sp.MatrixBase) else [self.formula]
        return all(element.is_rational_function(*energies) for element in elements) if energies else True

    def taylor(self, n: int) -> EnergyFunction:
        """The n-th derivative by the energy over n!; jumps have none.

        Raises
        ------
        ModelError
            sympy knows no derivative of a function in it.
        """
        energies = [symbol for symbol in self.formula.free_symbols if symbol.name == ENERGY]
        found = self.formula.diff(energies[0], n) / sp.factorial(n) if energies else 0 * self.formula
        found = found.replace(sp.DiracDelta, lambda *_: sp.S.Zero)
        if found.has(sp.Derivative, sp.Subs):
            raise ModelError(
                "the derivative of this self-energy by E is not known", self.span, hint="leave out conj"
            )
        return replace(self, formula=found)


def terminal_group(
    contacts: Attached,
    first: int,
    values: Values,
    reference: Mapping[str, float],
    given: Overrides,
    units: UnitSystem,
    leads: tuple[tuple[int, Lead], ...] = (),
) -> TerminalGroup:
    """A terminal with its fields; ``given`` overrides fields by label or name: ``L.T``, ``S[2].mu``.

    Formulas, overrides and ``reference`` are in the units of the model; what is returned is in its
    unit of energy alone (hbar = e = k_B = 1).

    A condition's right side that holds the unknown (a load) is linearised at the reference as well: its
    value and its slope there.  That is exact for one which is affine in the unknown, and the first
    order of any other.

    Raises
    ------
    ModelError
        A field that is no finite real number, a negative temperature, an override of what is
        solved.
    """
    terminal, domain = contacts.terminal, contacts.domain
    return TerminalGroup(
        terminal=terminal,
        first=first,
        count=domain.count,
        index=domain.index,
        given=_fields(contacts, values, given, units),
        arguments=_arguments(contacts, values),
        conditions=tuple(
            _condition(unknown, condition, contacts, values, reference, units)
            for unknown, condition in zip(terminal.unknowns, terminal.conditions, strict=True)
        ),
        site=contacts.site,
        member=contacts.member,
        leads=leads,
    )


def argument_key(terminal: Terminal, values: Values) -> tuple[object, ...]:
    """What the self-energies of a terminal hang on, besides its contacts."""
    return (terminal.self_energy.kind, key_of(names_in(terminal.self_energy.arguments.values()), values))


def split_fields(fields: Mapping[str, Any], contacts: Mapping[str, Attached]) -> dict[str, Overrides]:
    """Overrides by terminal: (member or None for all, field) to number.

    Raises
    ------
    ModelError
        An unknown terminal, member or field; a value that is no real number.
    """
    found: dict[str, Overrides] = {name: {} for name in contacts}
    for key, value in fields.items():
        label, _, name = key.replace(" ", "").rpartition(".")
        owner = label.partition("[")[0]
        if owner not in contacts:
            hint = suggestion(owner, contacts, "terminals") or "the model has no terminals"
            raise ModelError(f"'{key}' is no field: there is no terminal '{owner}'", hint=hint)
        group = contacts[owner]
        member = None if label == owner else _member(group, label, key)
        _check_field(group.terminal, name, key)
        number = complex(exact_number(value, key))
        if number.imag or not np.isfinite(number.real):
            raise ModelError(f"'{key}' must be a real number, not {value}", hint=f"write {key} = 0.1")
        found[owner][member, name] = number.real
    return found


def _member(group: Attached, label: str, key: str) -> int:
    labels = [group.label(member) for member in range(group.domain.count)]
    if label not in labels:
        hint = suggestion(label, labels[:20], "members") or "it has no members"
        raise ModelError(f"'{key}' is no field: there is no '{label}' at these values", hint=hint)
    return labels.index(label)


def _check_field(terminal: Terminal, name: str, key: str) -> None:
    if name in terminal.unknowns:
        hint = f"set another field, or make '{terminal.name}' a bath, where it is given"
        span = terminal.spans.get(name, terminal.span)
        raise ModelError(f"'{key}' cannot be given: it is solved", span, hint=hint)
    allowed = [
        known for known in ("mu", "T") if known not in terminal.unknowns and "f" not in terminal.unknowns
    ]
    if name not in allowed:
        raise ModelError(
            f"'{key}' is no field that can be given from outside",
            terminal.span,
            hint=suggestion(name, allowed, "fields") or f"all fields of '{terminal.name}' are solved",
        )


def _fields(contacts: Attached, values: Values, given: Overrides, units: UnitSystem) -> dict[str, Floats]:
    terminal, count = contacts.terminal, contacts.domain.count
    formulas = dict(terminal.given)
    if "T" not in formulas and not {"T", "f"} & set(terminal.unknowns):
        formulas["T"] = sp.Integer(0)
    found: dict[str, Floats] = {}
    for name, formula in formulas.items():
        span = terminal.spans.get(name, terminal.span)
        raw = evaluated(formula, values, contacts.domain.index, span)
        numbers = np.array(np.broadcast_to(_real(raw, f"'{{}}.{name}'", contacts, span), (count,)))
        found[name] = numbers
    for (member, name), number in sorted(given.items(), key=lambda item: item[0][0] is not None):
        column = found.setdefault(name, np.full(count, np.nan))
        column[slice(None) if member is None else member] = number
    cold = np.flatnonzero(found["T"] < 0) if "T" in found else np.zeros(0, dtype=np.intp)
    if len(cold):
        who, span = contacts.label(int(cold[0])), terminal.spans.get("T", terminal.span)
        raise ModelError(f"the temperature of '{who}' is negative", span, hint="write T = 0 or more")
    return {name: column / units.scale(DIMENSIONS[name]) for name, column in found.items()}


def _real(raw: Any, what: str, contacts: Attached, span: Span | None) -> Floats:
    """Finite real numbers, or an error that names the member; ``what`` has a place for its label."""
    fault = first_fault(raw, real=True) if contacts.domain.count else None
    if fault is not None:
        who = contacts.label(fault.index[0] if fault.index else 0)
        raise ModelError(f"{what.format(who)} is {fault.reason}", span, hint=mending(fault.reason))
    return np.asarray(np.real(raw), dtype=np.float64)


def _arguments(contacts: Attached, values: Values) -> dict[str, object]:
    call, domain = contacts.terminal.self_energy, contacts.domain
    span = call.span or contacts.terminal.span
    found: dict[str, object] = {}
    for name, formula in call.arguments.items():
        if call.is_formula or ENERGY in names_in([formula]):
            found[name] = EnergyFunction(formula, values, domain.index, domain.count, span)
            continue
        matrix = isinstance(formula, sp.MatrixBase)
        raw = evaluated(formula, values, domain.index, span)
        fault = first_fault(raw, axes=2 * matrix) if domain.count else None
        if fault is not None:
            who = contacts.label(fault.index[0] if fault.index else 0)
            message = f"'{name}' of the self-energy of '{who}' is {fault.reason}"
            raise ModelError(message, span, hint=mending(fault.reason))
        found[name] = raw[None] if matrix and raw.ndim == 2 else raw
    if call.kind in self_energies and not any(callable(value) for value in found.values()):
        reason = self_energies[call.kind].refuses(
            **{name: np.asarray(value) for name, value in found.items()}
        )
        if reason:
            message = f"in the self-energy of '{contacts.terminal.name}': {reason}"
            raise ModelError(message, span, hint=described_as(call.kind))
    return found


@dataclass(frozen=True, eq=False)
class Formula:
    """The right side of a condition on members of a group: a formula in the unknowns of its terminal.

    ``scales`` are numbers of the model for 1 in the device, of the unknowns and of what is prescribed.
    """

    formula: sp.Expr
    values: Values
    contacts: Attached = field(repr=False)
    quantity: str
    scales: Mapping[str, float]
    span: Span | None = field(default=None, repr=False)

    def __call__(self, unknowns: Mapping[str, Floats]) -> tuple[Floats, Mapping[str, Floats]]:
        """Value and derivatives at these unknowns, (count,) each."""
        at = {
            unknown_symbol(name).name: value * self.scales.get(name, 1.0) for name, value in unknowns.items()
        }
        one = self.scales[self.quantity]
        slopes = {
            name: self._number(slope, at) * (self.scales.get(name, 1.0) / one)
            for name, slope in self._slopes.items()
        }
        return self._number(self.formula, at) / one, slopes

    def expanded(self, order: int, reference: Mapping[str, float]) -> Formula:
        """Its Taylor polynomial; sympy differentiates along the line from the reference."""
        line = sp.Symbol("_lambda", real=True)
        at = {
            unknown_symbol(name): sp.Float(reference[name] * self.scales.get(name, 1.0), 30)
            for name in self._slopes
        }
        if not at:
            return self
        moved = self.formula.subs({u: zero + line * (u - zero) for u, zero in at.items()}, simultaneous=True)
        terms = [sp.diff(moved, line, k).subs(line, 0) / sp.factorial(k) for k in range(order + 1)]
        return replace(self, formula=sp.Add(*terms))

    @property
    def _slopes(self) -> dict[str, sp.Expr]:
        held = self.formula.free_symbols
        names = [name for name in DIMENSIONS if unknown_symbol(name) in held]
        return {name: sp.diff(self.formula, unknown_symbol(name)) for name in names}

    def _number(self, formula: sp.Expr, at: Mapping[str, Any]) -> Floats:
        known = {**self.values, **dict.fromkeys(at, 0.0)}
        raw = evaluated(formula, known, {**self.contacts.domain.index, **at}, self.span)
        what = f"the right side of '{self.quantity} ==' of '{{}}'"
        real = _real(raw, what, self.contacts, self.span)
        return np.array(np.broadcast_to(real, (self.contacts.domain.count,)))


def _condition(
    unknown: str,
    condition: Condition,
    contacts: Attached,
    values: Values,
    reference: Mapping[str, float],
    units: UnitSystem,
) -> ConditionValues:
    """The right side, and its value and slope at the reference; both zero where there is none."""
    span = condition.span or contacts.terminal.span
    scales = {name: units.scale(dimension) for name, dimension in DIMENSIONS.items()}
    scales[condition.quantity] = units.scale(conditions[condition.quantity].unit)
    right = Formula(condition.value, values, contacts, condition.quantity, scales, span)
    held = {name for name in DIMENSIONS if unknown_symbol(name) in condition.value.free_symbols}
    count = contacts.domain.count
    if held - set(reference):
        return ConditionValues(unknown, condition.quantity, np.zeros(count), np.zeros(count), right)
    at = {name: np.full(count, reference[name] / units.scale(DIMENSIONS[name])) for name in held}
    constant, slopes = right(at)
    return ConditionValues(unknown, condition.quantity, constant, slopes.get(unknown, np.zeros(count)), right)
