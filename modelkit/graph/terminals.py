"""Fields, self-energy arguments and conditions of terminals, for each member."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from modelkit.elements.conditions import conditions, unknown_symbol
from modelkit.elements.self_energies import self_energies
from modelkit.elements.terminals import DIMENSIONS, Condition, Terminal
from modelkit.errors import ModelError, Span
from modelkit.graph.attach import Attached
from modelkit.graph.device import Complexes, ConditionValues, Floats, Lead, TerminalGroup
from modelkit.graph.formulas import Arrays, Values, evaluated, key_of, names_in
from modelkit.language.outside import exact_number
from modelkit.numerics.evaluate import first_fault
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

    def derivative(self) -> EnergyFunction:
        """By the energy; jumps have none.

        Raises
        ------
        ModelError
            sympy knows no derivative of a function in it.
        """
        energies = [symbol for symbol in self.formula.free_symbols if symbol.name == ENERGY]
        found = self.formula.diff(energies[0]) if energies else 0 * self.formula
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

    A condition's right side that holds the unknown (a load) is linearised at the reference: its
    value and its slope there.  That is exact for one which is affine in the unknown, and the first
    order of any other.

    Raises
    ------
    ModelError
        A field that is no finite real number, a negative temperature, an override of what is
        solved, a load without reference.
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
            hint = suggestion(owner, contacts, "terminals")
            raise ModelError(f"'{key}' is no field: there is no terminal '{owner}'", hint=hint)
        group = contacts[owner]
        member = None if label == owner else _member(group, label, key)
        _check_field(group.terminal, name, key)
        number = complex(exact_number(value, key))
        if number.imag or not np.isfinite(number.real):
            raise ModelError(f"'{key}' must be a real number, not {value}")
        found[owner][member, name] = number.real
    return found


def _member(group: Attached, label: str, key: str) -> int:
    labels = [group.label(member) for member in range(group.domain.count)]
    if label not in labels:
        hint = suggestion(label, labels[:20], "members")
        raise ModelError(f"'{key}' is no field: there is no '{label}' at these values", hint=hint)
    return labels.index(label)


def _check_field(terminal: Terminal, name: str, key: str) -> None:
    if name in terminal.unknowns:
        raise ModelError(f"'{key}' cannot be given: it is solved", terminal.spans.get(name, terminal.span))
    allowed = [
        known for known in ("mu", "T") if known not in terminal.unknowns and "f" not in terminal.unknowns
    ]
    if name not in allowed:
        raise ModelError(
            f"'{key}' is no field that can be given from outside",
            terminal.span,
            hint=suggestion(name, allowed, "fields"),
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
        who = contacts.label(int(cold[0]))
        raise ModelError(f"the temperature of '{who}' is negative", terminal.spans.get("T", terminal.span))
    return {name: column / units.scale(DIMENSIONS[name]) for name, column in found.items()}


def _real(raw: Any, what: str, contacts: Attached, span: Span | None) -> Floats:
    """Finite real numbers, or an error that names the member; ``what`` has a place for its label."""
    fault = first_fault(raw, real=True) if contacts.domain.count else None
    if fault is not None:
        who = contacts.label(fault.index[0] if fault.index else 0)
        raise ModelError(f"{what.format(who)} is {fault.reason}", span)
    return np.asarray(np.real(raw), dtype=np.float64)


def _arguments(contacts: Attached, values: Values) -> dict[str, object]:
    call, domain = contacts.terminal.self_energy, contacts.domain
    span = call.span or contacts.terminal.span
    found: dict[str, object] = {}
    for name, formula in call.arguments.items():
        if call.kind == "expression" or ENERGY in names_in([formula]):
            found[name] = EnergyFunction(formula, values, domain.index, domain.count, span)
            continue
        matrix = isinstance(formula, sp.MatrixBase)
        raw = evaluated(formula, values, domain.index, span)
        fault = first_fault(raw, axes=2 * matrix) if domain.count else None
        if fault is not None:
            who = contacts.label(fault.index[0] if fault.index else 0)
            raise ModelError(f"'{name}' of the self-energy of '{who}' is {fault.reason}", span)
        found[name] = raw[None] if matrix and raw.ndim == 2 else raw
    if call.kind in self_energies and not any(callable(value) for value in found.values()):
        reason = self_energies[call.kind].refuses(
            **{name: np.asarray(value) for name, value in found.items()}
        )
        if reason:
            raise ModelError(f"in the self-energy of '{contacts.terminal.name}': {reason}", span)
    return found


def _condition(
    unknown: str,
    condition: Condition,
    contacts: Attached,
    values: Values,
    reference: Mapping[str, float],
    units: UnitSystem,
) -> ConditionValues:
    """The right side at the reference and its slope there."""
    count, span = contacts.domain.count, condition.span or contacts.terminal.span
    symbol = unknown_symbol(unknown)
    at: Values = values
    slope: sp.Expr = sp.Integer(0)
    if symbol in condition.value.free_symbols:
        if unknown not in reference:
            raise ModelError(
                f"the condition of '{contacts.terminal.name}' holds '{unknown}' and needs a reference",
                span,
                hint="declare: reference { mu = mu0; T = kT }",
            )
        at = {**values, symbol.name: reference[unknown]}
        slope = sp.diff(condition.value, symbol)
    what = f"the right side of '{condition.quantity} ==' of '{{}}'"
    constant, gradient = (
        np.broadcast_to(
            _real(evaluated(formula, at, contacts.domain.index, span), what, contacts, span), (count,)
        )
        for formula in (condition.value, slope)
    )
    one = units.scale(conditions[condition.quantity].unit)
    per = units.scale(DIMENSIONS[unknown]) if unknown in DIMENSIONS else 1.0  # f has no unit
    return ConditionValues(unknown, condition.quantity, constant / one, gradient * (per / one))
